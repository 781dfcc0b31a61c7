//! `tenfold memorisation` as a user runs it.

use crate::fixture::{array_at, json, tenfold};
use ndarray::{Array1, Array2, Array3, array};
use std::path::Path;
use tenfold_core_tensor::arrays::{Npy, read_labels, read_matrix, read_vector, write_npy, write_npz};

const MODELS: usize = 60;
const EXAMPLES: usize = 40;

/// What a user makes of the design: models of three sizes, a test set, images, and the logits of one run. Example 5 has a
/// wrong label; only large models learn it, and only where they saw it.
pub(crate) fn write_study(folder: &Path) {
    let run = "memorisation design --examples 40 --models 60 --out mask.npy";
    tenfold(folder, run).success();
    let mask = read_matrix(&array_at(folder, "mask.npy")).unwrap();
    for (t, name) in ["w8.npy", "w32.npy", "w128.npy"].into_iter().enumerate() {
        let correct = Array2::from_shape_fn((MODELS, EXAMPLES), |(k, i)| match i {
            5 => u8::from(mask[[k, i]] == 1.0 && (t == 2 || k % 3 < t)),
            _ => u8::from(mask[[k, i]] == 1.0 || (k * 7 + i * 3) % 5 > 0),
        });
        write_npy(folder.join(name), correct.view()).unwrap();
    }
    std::fs::copy(folder.join("w128.npy"), folder.join("correct.npy")).unwrap();
    // Models that saw example 2 get the first test point right.
    let tested =
        Array2::from_shape_fn((MODELS, 3), |(k, j)| u8::from(if j == 0 { mask[[k, 2]] == 1.0 } else { k % 2 == 0 }));
    write_npy(folder.join("test.npy"), tested.view()).unwrap();
    let labels: Array1<i64> = (0..EXAMPLES as i64).map(|i| i % 2).collect();
    let pixels = Array3::from_shape_fn((EXAMPLES, 4, 4), |(i, y, x)| ((i + y * x) % 7) as f32);
    let arrays: [(&str, &dyn Npy); 2] = [("x", &pixels.view()), ("y", &labels.view())];
    write_npz(folder.join("images.npz"), &arrays).unwrap();
    let few: [(&str, &dyn Npy); 2] =
        [("x", &pixels.slice(ndarray::s![..3, .., ..])), ("y", &labels.slice(ndarray::s![..3]))];
    write_npz(folder.join("test.npz"), &few).unwrap();
    let logits = Array3::from_shape_fn((6, EXAMPLES, 2), |(e, i, c)| {
        let right = if i % 2 == c { 1.0 } else { -1.0 };
        if i == 5 { -0.2 * right } else { 0.3 * (e + 1) as f32 * right }
    });
    write_npy(folder.join("epochs.npy"), logits.view()).unwrap();
}

#[test]
fn from_masks_to_a_gallery() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_study(dir);
    let scored = json(dir, "memorisation score --mask mask.npy --correct correct.npy --out scores.npz");
    assert_eq!((scored["models"].as_u64(), scored["without_score"].as_u64()), (Some(60), Some(0)));
    let mean = scored["mean_mem"]["value"].as_f64().unwrap();
    assert!((mean - scored["generalisation_gap"].as_f64().unwrap()).abs() < 0.02, "{scored}");
    let mem = read_vector(&array_at(dir, "scores.npz:mem")).unwrap();
    assert_eq!((mem.len(), mem[5]), (EXAMPLES, 1.0));
    assert!(mem.iter().enumerate().all(|(i, m)| i == 5 || *m < 0.6));
    tenfold(dir, "memorisation score --mask mask.npy --correct correct.npy --out scores.csv").success();
    let table = std::fs::read_to_string(dir.join("scores.csv")).unwrap();
    assert_eq!((table.lines().count(), table.lines().nth(6).unwrap().split(',').nth(1)), (41, Some("1")));

    let run = "memorisation influence --mask mask.npy --test-correct test.npy --correct correct.npy --out infl.npy \
               --published published.npz --least-mem 0.0 --least-infl 0.9";
    assert_eq!(json(dir, run)["high_pairs"], 1);
    let influence = read_matrix(&array_at(dir, "infl.npy")).unwrap();
    assert_eq!((influence.dim(), influence[[2, 0]]), ((EXAMPLES, 3), 1.0));
    assert_eq!(read_matrix(&array_at(dir, "published.npz:infl")).unwrap(), influence);
    assert_eq!(read_vector(&array_at(dir, "published.npz:tr_mem")).unwrap(), mem);

    let run =
        "memorisation trajectories --mask mask.npy --correct w8.npy,w32.npy,w128.npy --draws 200 --out shapes.csv";
    let shapes = json(dir, run);
    assert_eq!(shapes["shapes"].as_array().unwrap().len(), 6);
    let table = std::fs::read_to_string(dir.join("shapes.csv")).unwrap();
    assert_eq!(table.lines().nth(6).unwrap().split(',').nth(4), Some("increasing"));
    assert_eq!(table.lines().nth(7).unwrap().split(',').nth(4), Some("constant"));

    let run = "memorisation proxies --logits epochs.npy --labels images.npz:y --scores scores.npz --out proxies.csv";
    let proxies = json(dir, run);
    assert!(proxies["csl"].as_f64().unwrap() > 0.0 && proxies["aum"].as_f64().unwrap() < 0.0, "{proxies}");
    assert_eq!(std::fs::read_to_string(dir.join("proxies.csv")).unwrap().lines().count(), 41);

    let run = "memorisation show --scores scores.npz --images images.npz:x --labels images.npz:y --names cat,dog \
               --influence infl.npy --test-images test.npz:x --test-labels test.npz:y --count 4 --out gallery.html";
    assert_eq!(json(dir, run)["shown"], 8);
    let page = std::fs::read_to_string(dir.join("gallery.html")).unwrap();
    // Eight examples, three test points below each of four, and three test points with four training points below each.
    assert_eq!(page.matches("<figure>").count(), 8 + 4 * 3 + 3 + 3 * 4);
    // Example 2 alone decides the first test point.
    let tests = page.split("training points that influence them most").nth(1).unwrap();
    assert!(tests.find("cat (2)") < tests.find("infl 1.00") && tests.contains("infl 1.00"), "{tests}");
    assert!(page.contains("dog (5)") && page.contains("mem 1.00") && !page.contains("http"));
}

#[test]
fn designs_are_drawn_from_their_seed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for design in ["plain", "stratified", "complementary"] {
        let run = |seed: u64, out: &str| {
            let run =
                format!("memorisation design --examples 30 --models 20 --design {design} --seed {seed} --out {out}");
            tenfold(dir, &run).success();
            std::fs::read(dir.join(out)).unwrap()
        };
        let first = run(1, "a.npy");
        assert_eq!(first, run(1, "b.npy"));
        assert_ne!(first, run(2, "c.npy"));
        let rows = read_matrix(&array_at(dir, "a.npy")).unwrap();
        assert!(rows.outer_iter().all(|row| row.sum() == 21.0), "{design}");
    }
    assert!(read_labels(&array_at(dir, "a.npy")).is_err());
}

/// Runs a command that must fail with exit code 2 and these words, and write nothing.
fn refused(dir: &Path, command: &str, out: &str, words: &[&str]) {
    let assert = tenfold(dir, &format!("memorisation {command} --out {out}")).code(2);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    words.iter().for_each(|word| assert!(message.contains(word), "{command}: {word:?} is not in: {message}"));
    assert!(!dir.join(out).exists(), "{command}");
}

#[test]
fn bad_tables_are_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_study(dir);
    let mut table = read_matrix(&array_at(dir, "mask.npy")).unwrap();
    let mut write = |name: &str, at: [usize; 2], value: f32| {
        let before = table[at];
        table[at] = value;
        write_npy(dir.join(name), table.view()).unwrap();
        table[at] = before;
    };
    write("half.npy", [3, 7], 0.5);
    write("nan.npy", [0, 2], f32::NAN);
    let score = |mask: &str, rest: &str| format!("score --mask {mask} {rest}");
    refused(dir, &score("half.npy", "--correct correct.npy"), "x.npz", &["--mask half.npy", "row 3, column 7 is 0.5"]);
    refused(dir, &score("mask.npy", "--correct nan.npy"), "x.npz", &["--correct nan.npy", "row 0, column 2 is NaN"]);
    refused(dir, &score("mask.npy", "--probabilities nan.npy"), "x.npz", &["row 0, column 2 is NaN", "probability"]);
    refused(dir, &score("none.npy", "--correct correct.npy"), "x.npz", &["none.npy"]);
    refused(dir, &score("mask.npy", "--correct test.npy"), "x.npz", &["[3] against [40]"]);
    refused(dir, &score("mask.npy", "--correct correct.npy"), "x.txt", &["must end in .npz or .csv"]);
    // A model that saw everything, and an example that nobody left out.
    write_npy(dir.join("all.npy"), array![[1_u8, 1], [1, 0], [0, 1]].view()).unwrap();
    write_npy(dir.join("never.npy"), array![[1_u8, 1, 0], [1, 0, 1], [1, 1, 0], [1, 0, 1]].view()).unwrap();
    refused(dir, "score --mask all.npy --correct all.npy", "x.npz", &["model 0 saw 2 of 2"]);
    refused(dir, "score --mask never.npy --correct never.npy", "x.npz", &["example 0", "0 did not"]);
    // ... goes through when asked to, with a warning about so few models.
    let flagged =
        tenfold(dir, "memorisation score --mask never.npy --correct never.npy --flag --out few.csv --json").success();
    let said = String::from_utf8_lossy(&flagged.get_output().stderr).into_owned();
    assert!(said.contains("4 models are few"), "{said}");
    let out: serde_json::Value = serde_json::from_slice(&flagged.get_output().stdout).unwrap();
    assert_eq!(out["without_score"], 1);
    // The order of examples is checked by labels where they are given.
    write_npy(dir.join("a.npy"), array![1_i64, 0].view()).unwrap();
    write_npy(dir.join("b.npy"), array![1_i64, 1].view()).unwrap();
    let ordered = score("mask.npy", "--correct correct.npy --mask-labels a.npy --correct-labels b.npy");
    refused(dir, &ordered, "x.npz", &["example 1: label 0 in one file and 1 in the other"]);
    let few = "influence --mask mask.npy --test-correct never.npy";
    refused(dir, few, "x.npy", &["[60] against [4]"]);
    refused(dir, "trajectories --mask mask.npy --correct w8.npy", "x.csv", &["at least two sizes"]);
    refused(dir, "proxies --logits mask.npy --labels images.npz:y", "x.csv", &["must be [epochs, examples, classes]"]);
    let shown = "show --scores scores.npz --images mask.npy --labels images.npz:y";
    refused(dir, shown, "x.html", &["mask.npy", "must be [n, height, width]"]);
    refused(dir, "design --examples 5 --models 25 --design complementary", "x.npy", &["models = 25"]);
}
