//! The `reproduce` program as a person runs it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn reproduce(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reproduce"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    reproduce(arguments).output().unwrap()
}

fn refused(arguments: &[&str], words: &[&str]) {
    let output = run(arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    words.iter().for_each(|word| assert!(message.contains(word), "{word:?} is not in: {message}"));
}

#[test]
fn the_list_has_every_claim_with_its_rule() {
    let list: Value = serde_json::from_slice(&run(&["--list", "--json"]).stdout).unwrap();
    let resmem = list.as_array().unwrap().iter().find(|p| p["paper"] == "resmem").unwrap();
    let claims = resmem["claims"].as_array().unwrap();
    let ids = [
        "beats-base",
        "gain-shrinks-with-capacity",
        "beats-knn",
        "beats-knnlm-mixture",
        "gain-grows-with-n",
        "interpolates-at-k1",
        "limits-span-base-and-knn",
        "counterexample-pure-clusters",
        "risk-rate",
        "noise-breaks-k1",
        "fixes-more-than-it-breaks",
        "hnsw-matches-exact",
    ];
    for id in ids {
        let claim = claims.iter().find(|c| c["id"] == format!("resmem.{id}")).unwrap_or_else(|| panic!("no {id}"));
        for key in ["statement", "source", "rule", "kind"] {
            assert!(!claim[key].as_str().unwrap().is_empty(), "{id} has no {key}");
        }
    }
    assert_eq!(claims.len(), ids.len());
    let chapter = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/resmem.md")).unwrap();
    for id in ids {
        assert!(chapter.contains(&format!("\n| `{id}` |")), "the chapter does not explain {id}");
    }
    let text = String::from_utf8(run(&["--list"]).stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "a line is longer than 80 columns");
}

#[test]
fn requests_that_make_no_sense_are_refused_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let out = out.to_str().unwrap();
    refused(&["nonsense", "--out", out], &["nonsense", "there is: bias-variance, memorisation, resmem"]);
    refused(&["kaft", "--out", out], &["planned"]);
    refused(&["resmem", "--seeds", "0", "--out", out], &["--seeds", "at least 1"]);
    refused(&["resmem", "--jobs", "0", "--out", out], &["--jobs", "at least 1"]);
    refused(&["resmem", "--backend", "tpu", "--out", out], &["tpu", "flex"]);
    refused(&["resmem", "--backend", "flex:3", "--out", out], &["flex:3", "1 such device"]);
    refused(&["resmem", "--data", "no-such-set", "--out", out], &["no-such-set"]);
    refused(&["resmem", "--shard", "1/2", "--out", out], &["--shard", "resmem is not cut into shards"]);
    refused(&["memorisation", "--shard", "3/2", "--out", out], &["--shard", "as in 2/8"]);
    refused(&["--resume", out], &["holds no run"]);
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    std::fs::write(out, "a file").unwrap();
    refused(&["resmem", "--out", out], &["--out", "must be a folder"]);
    std::fs::remove_file(out).unwrap();
    std::fs::create_dir(out).unwrap();
    let config = r#"{"version":"0","git_commit":"unknown","papers":["resmem"],"scale":"quick","seeds":0,"data":null,"backend":"flex","perceptrons":"perceptron"}"#;
    std::fs::write(dir.path().join("run/config.json"), config).unwrap();
    refused(&["--resume", out], &["seeds in config.json", "at least 1"]);
}

fn claims(folder: &Path) -> Value {
    let mut claims: Value = serde_json::from_slice(&std::fs::read(folder.join("claims.json")).unwrap()).unwrap();
    for claim in claims.as_array_mut().unwrap() {
        claim.as_object_mut().unwrap().remove("seconds");
    }
    claims
}

/// Runs a paper twice, once killed after so many units of its work were kept and taken up again by one job, and gives back the
/// claims of the whole run, which are those of the other.
fn killed_and_whole(dir: &Path, paper: &str, seeds: &str, units: usize, files: &[&str]) -> Value {
    let (whole, killed) = (dir.join("whole"), dir.join("killed"));
    let arguments = |out: &Path| {
        [paper, "--scale", "tiny", "--seeds", seeds, "--out"]
            .map(String::from)
            .into_iter()
            .chain([out.display().to_string()])
    };
    let mut child = reproduce(&[]).args(arguments(&killed)).spawn().unwrap();
    // Killed in the middle of the work: after some networks are done, before all are.
    let started = Instant::now();
    while kept(&killed.join("units").join(paper)) < units {
        assert!(started.elapsed() < Duration::from_secs(300), "no progress");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!killed.join("claims.json").exists(), "finished before it was killed");
    let killed_name = killed.to_str().unwrap();
    refused(&[paper, "--out", killed_name], &["already holds a run", "--resume"]);
    refused(&[paper, "--resume", killed_name, "--seeds", "33"], &["--seeds", "33", seeds]);
    assert!(reproduce(&["--resume", killed_name, "--jobs", "1"]).output().unwrap().status.success());
    assert!(reproduce(&[]).args(arguments(&whole)).output().unwrap().status.success());
    assert_eq!(claims(&killed), claims(&whole));
    for file in ["metrics.jsonl", "config.json"].iter().chain(files) {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert_eq!(read(&killed), read(&whole), "{file}");
    }
    let html = std::fs::read_to_string(whole.join("report.html")).unwrap();
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "the report must open offline");
    claims(&whole)
}

/// Files in a folder and the folders in it.
fn kept(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { kept(&path) } else { 1 }).sum()
}

#[test]
fn a_killed_run_goes_on_and_ends_in_the_same_result() {
    let dir = tempfile::tempdir().unwrap();
    let plots = ["plots/resmem-fashion-mnist-embeddings-capacity.svg", "plots/resmem-gallery.svg"];
    let found = killed_and_whole(dir.path(), "resmem", "1", 12, &plots);
    // One seed has no interval: such claims are open, and say why.
    let beats_base = found.as_array().unwrap().iter().find(|c| c["id"] == "resmem.beats-base").unwrap();
    assert_eq!((&beats_base["verdict"], &beats_base["estimate"]), (&Value::from("inconclusive"), &Value::Null));
    assert!(beats_base["reason"].as_str().unwrap().contains("needs at least 2"), "{beats_base}");
}

#[test]
fn a_killed_run_of_ensembles_goes_on_and_ends_in_the_same_result() {
    let dir = tempfile::tempdir().unwrap();
    let plots = ["plots/bias-variance-mlp-64.svg", "plots/bias-variance-noise.svg", "plots/bias-variance-bound.svg"];
    // Fewer models than six have no two halves with intervals: six are taken.
    let found = killed_and_whole(dir.path(), "bias-variance", "3", 6, &plots);
    let claims = found.as_array().unwrap();
    let of = |id: &str| claims.iter().find(|c| c["id"] == format!("bias-variance.{id}")).unwrap();
    assert_eq!((claims.len(), &of("aligned-beyond-null")["seeds"]), (12, &Value::from(6)));
    // What rounding decides holds for any number of models.
    for id in ["identity-additive", "exact-gap-identity"] {
        assert_eq!(of(id)["verdict"], "held", "{id}");
    }
    assert!(claims.iter().all(|c| c["estimate"].is_number() || c["reason"].is_string()), "{claims:?}");
}
