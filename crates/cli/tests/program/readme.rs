//! The README's shell example is a test.

use crate::fixture;
use assert_cmd::Command;

#[test]
fn the_commands_of_the_readme_run() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let commands: Vec<&str> = readme.lines().filter(|line| line.starts_with("tenfold ")).collect();
    assert_eq!(commands.len(), 4, "fit, sweep, predict, explain");
    let folder = tempfile::tempdir().unwrap();
    for (name, n) in [("train", 300), ("val", 100), ("test", 100)] {
        fixture::write_split(folder.path(), name, n);
    }
    for command in commands {
        let words = command.split_whitespace().skip(1);
        Command::cargo_bin("tenfold").unwrap().current_dir(folder.path()).args(words).assert().success();
    }
    assert!(folder.path().join("pred.npz").exists());
}
