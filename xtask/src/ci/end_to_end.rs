//! Every paper's whole experiment at the smallest scale, and one of them killed in the middle and taken up again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::error::Error;
use crate::{files, process, reproduce, results};

/// Longest time that the experiment of one paper may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs all papers, holds their folder to the contract, then kills a run of one of them, chosen by the clock, and compares what it
/// ends in after a resumption.
pub(crate) fn check(target: &Path, backend: &str) -> Result<(), Error> {
    let binary = process::build_binary(reproduce::BINARY, backend)?;
    let folder = target.join("ci");
    files::remove_folder(&folder)?;
    let start = |words: &[&str], out: &str| {
        let mut command = Command::new(&binary);
        command.args(words).args(["--scale", "tiny", "--backend", backend, "--out"]).arg(folder.join(out));
        command
    };
    process::run(&mut start(&[], "all"))?;
    check_run_folder(&folder.join("all"))?;

    let papers = papers(&process::output(Command::new(&binary).args(["--list", "--json"]))?)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as usize);
    let paper = &papers[now / 1000 % papers.len()];
    let (killed, units) = (folder.join("killed"), now / 7 % 10 + 1);
    println!("killing {paper} after {units} pieces of its work");
    let mut child = start(&[paper], "killed")
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|source| Error::Start { program: reproduce::BINARY.to_owned(), source })?;
    kill_after(&mut child, &killed.join("units"), units)?;
    if killed.join("claims.json").exists() {
        return Err(Error::BadRequest(format!("{paper} finished before {units} pieces of its work were kept")));
    }
    process::run(Command::new(&binary).arg("--resume").arg(&killed))?;
    compare(paper, &killed, &folder.join("all"))
}

/// The names of the papers in `reproduce --list --json`.
fn papers(list: &str) -> Result<Vec<String>, Error> {
    let list: Value = serde_json::from_str(list).unwrap_or_default();
    let names: Option<Vec<String>> = list
        .as_array()
        .map(|papers| papers.iter().filter_map(|paper| Some(paper["paper"].as_str()?.to_owned())).collect());
    names
        .filter(|names| !names.is_empty())
        .ok_or_else(|| Error::BadRequest("reproduce --list names no paper".to_owned()))
}

/// Kills a run once it has kept so many pieces of its work.
fn kill_after(child: &mut Child, units: &Path, count: usize) -> Result<(), Error> {
    let began = Instant::now();
    while kept(units) < count {
        let ended = child.try_wait().ok().flatten().is_some();
        if ended || began.elapsed() > PATIENCE {
            let what = if ended { "ended" } else { "hangs" };
            return Err(Error::BadRequest(format!(
                "the run to be killed {what} before it kept {count} pieces of work"
            )));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // It may have ended by itself in the meantime: the caller looks for its results.
    let _ = child.kill();
    let _ = child.wait();
    Ok(())
}

/// Files in a folder and the folders in it.
fn kept(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| entry.path()).map(|path| if path.is_dir() { kept(&path) } else { 1 }).sum()
}

/// The claims of a paper in both folders are the same but for the time they took.
fn compare(paper: &str, resumed: &Path, whole: &Path) -> Result<(), Error> {
    let claims = |folder: &Path| -> Result<Vec<Value>, Error> {
        let mut claims: Vec<Value> =
            serde_json::from_str(&files::read(&folder.join("claims.json"))?).unwrap_or_default();
        claims.retain(|claim| claim["paper"] == paper);
        claims.iter_mut().filter_map(Value::as_object_mut).for_each(|claim| drop(claim.remove("seconds")));
        Ok(claims)
    };
    let (resumed, whole) = (claims(resumed)?, claims(whole)?);
    let differ = |(a, b): (&Value, &Value)| (a != b).then(|| format!("{}: differs after a kill: {a} and {b}", a["id"]));
    let mut faults: Vec<String> = resumed.iter().zip(&whole).filter_map(differ).collect();
    if resumed.len() != whole.len() || whole.is_empty() {
        faults.push(format!("{paper}: {} claims after a kill, {} without", resumed.len(), whole.len()));
    }
    println!("{} claims of {paper} are the same after a kill", whole.len());
    Error::from_findings(faults)
}

/// The files of a run folder are there, and `claims.json` keeps its contract.
fn check_run_folder(out: &Path) -> Result<(), Error> {
    let missing = ["config.json", "claims.json", "metrics.jsonl", "report.html", "report.md"]
        .into_iter()
        .filter(|name| !out.join(name).is_file())
        .map(|name| format!("{}: not written", out.join(name).display()));
    Error::from_findings(missing.collect())?;
    let path: PathBuf = out.join("claims.json");
    let claims = results::claims::parse(&files::read(&path)?).map_err(|faults| {
        Error::Findings(faults.iter().map(|fault| format!("{}: {fault}", path.display())).collect())
    })?;
    println!("{} claims keep the contract", claims.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_needs_every_file_and_sound_claims() {
        let folder = tempfile::tempdir().unwrap();
        let faults = check_run_folder(folder.path()).unwrap_err().to_string();
        assert_eq!(faults.lines().count(), 5, "{faults}");
        for name in ["config.json", "claims.json", "metrics.jsonl", "report.html", "report.md"] {
            std::fs::write(folder.path().join(name), "[]").unwrap();
        }
        let faults = check_run_folder(folder.path()).unwrap_err().to_string();
        assert!(faults.contains("at least one claim"), "{faults}");
    }

    #[test]
    fn claims_that_differ_after_a_kill_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("claims.json"), text).unwrap();
            folder.path().join(name)
        };
        let a = write("a", r#"[{"id": "p.x", "paper": "p", "estimate": 1.0, "seconds": 3.0}]"#);
        let b = write("b", r#"[{"id": "p.x", "paper": "p", "estimate": 1.0, "seconds": 4.0}, {"paper": "q"}]"#);
        let c = write("c", r#"[{"id": "p.x", "paper": "p", "estimate": 2.0, "seconds": 3.0}]"#);
        let d = write("d", "[]");
        assert!(compare("p", &a, &b).is_ok());
        assert!(compare("p", &c, &a).unwrap_err().to_string().contains("p.x"));
        assert!(compare("p", &d, &a).is_err() && compare("p", &d, &d).is_err());
    }

    #[test]
    fn papers_are_read_from_the_list() {
        assert_eq!(papers(r#"[{"paper": "a"}, {"paper": "b"}]"#).unwrap(), ["a", "b"]);
        assert!(papers("[]").is_err() && papers("x").is_err());
    }
}
