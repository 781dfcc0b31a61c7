//! The script that trains a student in PyTorch on our targets, from files to files. It runs where torch is installed.

use crate::fixture::{array_at, json, tenfold};
use ndarray::{Array1, Array2};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tenfold_core_tensor::arrays::{Npy, read_matrix, write_npy, write_npz};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../distill/examples/train_student.py");

/// A Python with torch: that of the peers (`cargo xtask bench --peers`), which lies beside the program, or the system's.
fn python() -> Option<PathBuf> {
    let program = PathBuf::from(assert_cmd::Command::cargo_bin("tenfold").unwrap().get_program());
    let peers = program.ancestors().nth(2).map(|target| target.join("peers/bin/python"));
    let works = |python: &PathBuf| {
        let import = Command::new(python).args(["-c", "import numpy, torch"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    peers.into_iter().chain([PathBuf::from("python3")]).find(works)
}

/// Three clusters on a line, the last one rare in training, and a teacher that is a step too far to the left.
fn write_task(dir: &Path) {
    let place = |i: usize, y: usize| 4.0 * y as f32 + ((i * 37 % 101) as f32 / 50.0 - 1.0) * 1.5;
    let split = |counts: [usize; 3], shift: usize| {
        let y: Vec<usize> = (0..3).flat_map(|k| std::iter::repeat_n(k, counts[k])).collect();
        let x = Array2::from_shape_fn((y.len(), 1), |(i, _)| place(i + shift, y[i]));
        (x, y.into_iter().map(|y| y as i64).collect::<Array1<i64>>())
    };
    let ((x, y), (test_x, test_y)) = (split([60, 60, 12], 0), split([30, 30, 30], 1000));
    let arrays: [(&str, &dyn Npy); 4] =
        [("x", &x.view()), ("y", &y.view()), ("test_x", &test_x.view()), ("test_y", &test_y.view())];
    write_npz(dir.join("data.npz"), &arrays).unwrap();
    let logits = |x: &Array2<f32>| {
        Array2::from_shape_fn((x.nrows(), 3), |(i, k)| -(x[[i, 0]] - 1.0 - 4.0 * k as f32).powi(2) / 4.0)
    };
    write_npy(dir.join("teacher.npy"), logits(&x).view()).unwrap();
    write_npy(dir.join("teacher_test.npy"), logits(&test_x).view()).unwrap();
}

#[test]
fn a_student_trains_on_targets_in_pytorch() {
    let Some(python) = python() else {
        // Straight to the terminal: what a test prints is kept from it otherwise.
        writeln!(std::io::stderr(), "skipped: no Python with numpy and torch, so train_student.py did not run")
            .unwrap();
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_task(dir);
    let margins = "distill margins --logits --teacher teacher_test.npy --labels data.npz:test_y --source external";
    tenfold(dir, &format!("{margins} --out margins.json")).success();
    let targets = "distill targets --logits --teacher teacher.npy --temperature 2 --method";
    tenfold(dir, &format!("{targets} adaalpha --labels data.npz:y --margins margins.json --out soft.npy")).success();
    tenfold(dir, &format!("{targets} balanced --out balanced.npz")).success();
    let train = |words: &str| {
        let mut command = Command::new(&python);
        command.current_dir(dir).arg(SCRIPT).args(["--data", "data.npz"]).args(words.split_whitespace());
        command.env("OMP_NUM_THREADS", "1").output().unwrap()
    };
    for words in ["--targets soft.npy --out soft_logits.npy", "--targets balanced.npz --weights --out logits.npy"] {
        let output = train(words);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let of = |name: &str| -> f64 {
            let line = said.lines().find(|line| line.starts_with(name)).expect("a line for each class");
            line.split_whitespace().rev().nth(2).unwrap().parse().unwrap()
        };
        assert!((0..3).all(|k| of(&format!("class {k}:")) > 0.6) && of("average:") > 0.8, "{said}");
    }
    // What it writes is what `diagnose` reads, and both count the same points as right.
    assert_eq!(read_matrix(&array_at(dir, "logits.npy")).unwrap().dim(), (90, 3));
    let run = "distill diagnose --logits --student soft_logits.npy --baseline logits.npy --labels data.npz:test_y";
    assert!(json(dir, run)["student"]["summary"]["average"]["value"].as_f64().unwrap() > 0.8);
    // Weights that a file does not have, and targets of other rows.
    let refused = |words: &str, word: &str| {
        let output = train(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(word), "{said}");
    };
    refused("--targets soft.npy --weights", "no array `weights`");
    refused("--targets teacher_test.npy", "has 90 rows");
}
