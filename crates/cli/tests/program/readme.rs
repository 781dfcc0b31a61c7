//! The shell examples of the README and of the book's chapters are tests.

use crate::{analysis, distill, fixture, memorisation};
use assert_cmd::Command;
use std::path::Path;

fn write_splits(folder: &Path) {
    for (name, n) in [("train", 300), ("val", 100), ("test", 100)] {
        fixture::write_split(folder, name, n);
    }
}

/// Runs the lines of a page that start with `tenfold`, in order, and returns the verbs.
fn run_commands_of(page: &str, write: impl Fn(&Path), expected_files: &[&str]) -> Vec<String> {
    let text = std::fs::read_to_string(format!("{}/../../{page}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let commands: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("tenfold "))
        .map(|line| line.split_whitespace().collect())
        .collect();
    for words in &commands {
        Command::cargo_bin("tenfold").unwrap().current_dir(folder.path()).args(&words[1..]).assert().success();
    }
    for file in expected_files {
        assert!(folder.path().join(file).exists(), "{page}: no {file}");
    }
    commands.iter().map(|words| words[2].to_string()).collect()
}

#[test]
fn the_commands_of_the_readme_run() {
    let verbs = run_commands_of("README.md", write_splits, &["memory.safetensors", "best.json", "pred.npz"]);
    assert_eq!(verbs, ["fit", "sweep", "predict", "explain"]);
}

#[test]
fn the_commands_of_the_resmem_chapter_run() {
    let files = ["sweep.csv", "pred.npz", "larger.safetensors", "smaller.safetensors"];
    let verbs = run_commands_of("docs/src/resmem.md", write_splits, &files);
    assert_eq!(verbs, ["fit", "sweep", "predict", "explain", "add", "remove"]);
}

#[test]
fn the_commands_of_the_memorisation_chapter_run() {
    let files = ["scores.npz", "infl.npy", "trajectories.csv", "proxies.csv", "gallery.html"];
    let verbs = run_commands_of("docs/src/memorisation.md", memorisation::write_study, &files);
    assert_eq!(verbs, ["design", "score", "influence", "trajectories", "proxies", "show"]);
}

#[test]
fn the_commands_of_the_bias_variance_chapter_run() {
    let files = ["points.npz", "report.html", "calibration.html", "collapse.html"];
    let verbs = run_commands_of("docs/src/bias-variance.md", analysis::write_ensemble, &files);
    assert_eq!(verbs, ["bias-variance", "calibration", "collapse"]);
}

#[test]
fn the_commands_of_the_distillation_chapter_run() {
    let files = ["diagnose.html", "margins.json", "targets.npy", "balanced.npz", "robust.npz", "shift.html"];
    let verbs = run_commands_of("docs/src/distillation.md", distill::write_models, &files);
    assert_eq!(verbs, ["diagnose", "margins", "targets", "targets", "targets", "post-shift"]);
}
