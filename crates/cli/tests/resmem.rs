//! `tenfold resmem` as a user runs it: good input, and every kind of bad input.

mod common;

use assert_cmd::Command;
use ndarray::{Array2, array};
use serde_json::Value;
use std::path::Path;
use tenfold_core_tensor::arrays::{ArrayPath, read_labels, read_matrix, write_npy, write_npz};

fn tenfold(folder: &Path, command: &str) -> assert_cmd::assert::Assert {
    let mut program = Command::cargo_bin("tenfold").unwrap();
    program.current_dir(folder).args(command.split_whitespace()).assert()
}

fn json(folder: &Path, command: &str) -> Value {
    let output = tenfold(folder, &format!("{command} --json")).success().get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap()
}

fn array_at(folder: &Path, name: &str) -> ArrayPath {
    folder.join(name).to_str().unwrap().parse().unwrap()
}

fn fixture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, n) in [("train", 300), ("val", 100), ("test", 100)] {
        common::write_split(folder.path(), name, n);
    }
    folder
}

const TRAIN: &str = "--keys train.npz:emb --logits train.npz:logits --labels train.npz:y";
const VAL: &str = "--keys val.npz:emb --logits val.npz:logits --labels val.npz:y";
const TEST: &str = "--keys test.npz:emb --logits test.npz:logits";

#[test]
fn from_arrays_to_predictions_that_are_better_than_the_base() {
    let folder = fixture();
    let dir = folder.path();
    for index in ["exact", "hnsw"] {
        let fitted = json(dir, &format!("resmem fit {TRAIN} --index {index} --out m.safetensors"));
        assert_eq!((&fitted["rows"], &fitted["task"]), (&Value::from(300), &Value::from("classification")));
        let swept = json(dir, &format!("resmem sweep --memory m.safetensors {VAL} --out sweep.csv --params best.json"));
        assert!(swept["accuracy_best"].as_f64() > swept["accuracy_base"].as_f64(), "{swept}");
        let table = std::fs::read_to_string(dir.join("sweep.csv")).unwrap();
        assert_eq!(table.lines().count() as u64, swept["combinations"].as_u64().unwrap() + 1);
        let run =
            format!("resmem predict --memory m.safetensors {TEST} --labels test.npz:y --params best.json --out p.npz");
        let predicted = json(dir, &run);
        let (ours, base) =
            (predicted["accuracy_resmem"].as_f64().unwrap(), predicted["accuracy_base"].as_f64().unwrap());
        assert!(ours > base, "{index}: {predicted}");
        let (classes, truth) =
            (read_labels(&array_at(dir, "p.npz:classes")).unwrap(), read_labels(&array_at(dir, "test.npz:y")).unwrap());
        let right = classes.iter().zip(&truth).filter(|(a, b)| a == b).count() as f64;
        assert_eq!(right / 100.0, ours);
        let probabilities = read_matrix(&array_at(dir, "p.npz:probabilities")).unwrap();
        assert!(probabilities.outer_iter().all(|row| (row.sum() - 1.0).abs() < 1e-6 && row.iter().all(|p| *p >= 0.0)));
    }
}

#[test]
fn one_neighbour_returns_the_labels_of_training_rows() {
    let folder = fixture();
    tenfold(folder.path(), &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    let run = "resmem predict --memory m.safetensors --keys train.npz:emb --logits train.npz:logits --k 1 --out p.npz";
    tenfold(folder.path(), run).success();
    let labels = read_labels(&array_at(folder.path(), "train.npz:y")).unwrap();
    assert_eq!(read_labels(&array_at(folder.path(), "p.npz:classes")).unwrap(), labels);
}

#[test]
fn explanations_add_up() {
    let folder = fixture();
    tenfold(folder.path(), &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    let explained = json(folder.path(), &format!("resmem explain --memory m.safetensors {TEST} --row 3,7 --k 4"));
    let explained = &explained["explanations"];
    assert_eq!(explained.as_array().unwrap().len(), 2);
    let of = |name: &str, c: usize| explained[0][name][c].as_f64().unwrap();
    for c in 0..2 {
        assert!((of("base", c) + of("correction", c) - of("score", c)).abs() < 1e-12);
        assert!((of("base", c) + of("knn", c) - of("average_base", c) - of("score", c)).abs() < 1e-12);
    }
    assert_eq!(explained[0]["neighbours"].as_array().unwrap().len(), 4);
    tenfold(folder.path(), &format!("resmem explain --memory m.safetensors {TEST} --row 3")).success();
}

#[test]
fn rows_come_and_go() {
    let folder = fixture();
    tenfold(folder.path(), &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    let before = std::fs::read(folder.path().join("m.safetensors")).unwrap();
    let added = json(folder.path(), &format!("resmem add --memory m.safetensors {VAL} --out more.safetensors"));
    assert_eq!((&added["rows"], &added["added"]), (&Value::from(400), &Value::from(100)));
    let rows: Vec<String> = (300..400).map(|i| i.to_string()).collect();
    let run = format!("resmem remove --memory more.safetensors --row {} --out less.safetensors", rows.join(","));
    assert_eq!(json(folder.path(), &run)["rows"], 300);
    assert_eq!(std::fs::read(folder.path().join("less.safetensors")).unwrap(), before, "the same rows, the same bytes");
}

#[test]
fn regression_and_half_precision() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Array2::from_shape_fn((40, 1), |(i, _)| i as f32);
    let targets = keys.mapv(|x| x * x);
    write_npy(folder.path().join("x.npy"), keys.view()).unwrap();
    write_npy(folder.path().join("f.npy"), keys.mapv(|x| 39.0 * x).view()).unwrap();
    write_npy(folder.path().join("y.npy"), targets.view()).unwrap();
    let examples = "--keys x.npy --predictions f.npy --targets y.npy";
    let fitted = json(folder.path(), &format!("resmem fit {examples} --half --out m.safetensors"));
    assert_eq!(fitted["task"], "regression");
    let run = format!("resmem predict --memory m.safetensors {examples} --k 1 --out p.npz");
    let predicted = json(folder.path(), &run);
    assert_eq!(predicted["mean_squared_error_resmem"], 0.0);
    assert_eq!(read_matrix(&array_at(folder.path(), "p.npz:scores")).unwrap(), targets);
}

/// Runs a command that must fail with exit code 2, say `words`, and leave no `out` behind.
fn refused(folder: &Path, command: &str, words: &[&str]) {
    let out = folder.join("refused.out.npz");
    let assert = tenfold(folder, &format!("{command} --out refused.out.npz")).code(2);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    words.iter().for_each(|word| assert!(message.contains(word), "{word:?} is not in: {message}"));
    assert!(!out.exists(), "{command} left a file behind");
    let litter =
        std::fs::read_dir(folder).unwrap().any(|f| f.unwrap().file_name().to_string_lossy().starts_with(".writing"));
    assert!(!litter, "{command} left a temporary file behind");
}

#[test]
fn bad_training_arrays_are_named_and_nothing_is_written() {
    let folder = fixture();
    let dir = folder.path();
    let good = "--logits train.npz:logits --labels train.npz:y";
    let mut keys = read_matrix(&array_at(dir, "train.npz:emb")).unwrap();
    keys[[5, 1]] = f32::NAN;
    write_npy(dir.join("nan.npy"), keys.view()).unwrap();
    refused(dir, &format!("resmem fit --keys nan.npy {good}"), &["--keys nan.npy", "row 5, column 1 is NaN"]);
    let whole = std::fs::read(dir.join("nan.npy")).unwrap();
    std::fs::write(dir.join("cut.npy"), &whole[..whole.len() - 3]).unwrap();
    refused(dir, &format!("resmem fit --keys cut.npy {good}"), &["cut.npy, byte", "the file holds"]);
    std::fs::write(dir.join("empty.npy"), b"").unwrap();
    refused(dir, &format!("resmem fit --keys empty.npy {good}"), &["empty.npy, byte 0"]);
    refused(dir, &format!("resmem fit --keys none.npy {good}"), &["none.npy"]);
    refused(dir, &format!("resmem fit --keys train.npz:embedding {good}"), &["no such key", "emb, logits, y"]);
    refused(dir, &format!("resmem fit --keys val.npz:emb {good}"), &["100 rows", "300", "same examples"]);
    write_npy(dir.join("zero.npy"), Array2::<f32>::zeros((0, 2)).view()).unwrap();
    refused(dir, "resmem fit --keys zero.npy --logits zero.npy --labels train.npz:y", &["300 rows", "0"]);
    write_npy(dir.join("labels.npy"), array![0_i64, 1, 2].view()).unwrap();
    write_npy(dir.join("one.npy"), array![1_i64, 1, 1].view()).unwrap();
    write_npy(dir.join("three.npy"), Array2::<f32>::eye(3).slice(ndarray::s![.., ..2])).unwrap();
    let three = "resmem fit --keys three.npy --logits three.npy --labels";
    refused(dir, &format!("{three} labels.npy"), &["labels: row 2 is 2", "2 classes"]);
    refused(dir, &format!("{three} one.npy"), &["labels = 1", "all 3 rows"]);
    refused(dir, &format!("{three} three.npy"), &["three.npy", "labels must be integers"]);
    refused(dir, "resmem fit --keys three.npy --logits three.npy", &["--labels"]);
    refused(dir, &format!("resmem fit {TRAIN} --metric manhattan"), &["manhattan", "euclidean"]);
    refused(dir, &format!("resmem fit {TRAIN} --index hnsw --m 1"), &["m = 1"]);
    refused(dir, &format!("resmem fit {TRAIN} --top-m 0"), &["top_m = 0"]);
}

#[test]
fn bad_memories_and_settings_are_named_and_nothing_is_written() {
    let folder = fixture();
    let dir = folder.path();
    tenfold(dir, &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    let predict = |memory: &str, more: &str| format!("resmem predict --memory {memory} {TEST} {more}");
    let whole = std::fs::read(dir.join("m.safetensors")).unwrap();
    let mut flipped = whole.clone();
    let last = flipped.len() - 9;
    flipped[last] ^= 1;
    std::fs::write(dir.join("flipped.safetensors"), flipped).unwrap();
    refused(dir, &predict("flipped.safetensors", ""), &["flipped.safetensors", "checksum"]);
    std::fs::write(dir.join("cut.safetensors"), &whole[..whole.len() / 2]).unwrap();
    refused(dir, &predict("cut.safetensors", ""), &["cut.safetensors"]);
    refused(dir, &predict("train.npz", ""), &["train.npz"]);
    refused(dir, &predict("none.safetensors", ""), &["none.safetensors"]);
    refused(dir, &predict("m.safetensors", "--k 301"), &["k = 301", "300"]);
    refused(dir, &predict("m.safetensors", "--k 0"), &["k = 0"]);
    refused(dir, &predict("m.safetensors", "--sigma 0"), &["--sigma", "above 0"]);
    refused(dir, &predict("m.safetensors", "--temperature nan"), &["temperature = NaN"]);
    std::fs::write(dir.join("bad.json"), "{\"k\": 3,\n \"sgima\": 1}").unwrap();
    refused(dir, &predict("m.safetensors", "--params bad.json"), &["bad.json, line 2", "sgima"]);
    write_npz(dir.join("wide.npz"), &[("emb", &Array2::<f32>::zeros((100, 5)).view())]).unwrap();
    let wide = "resmem predict --memory m.safetensors --keys wide.npz:emb --logits test.npz:logits";
    refused(dir, wide, &["[300, 2]", "[100, 5]", "widths must agree"]);
    tenfold(dir, &format!("{} --out p.csv", predict("m.safetensors", ""))).code(2);
    assert!(!dir.join("p.csv").exists());
}

#[test]
fn a_failed_command_leaves_an_older_result_as_it_was() {
    let folder = fixture();
    tenfold(folder.path(), &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    std::fs::write(folder.path().join("p.npz"), b"older").unwrap();
    tenfold(folder.path(), &format!("resmem predict --memory m.safetensors {TEST} --k 999 --out p.npz")).code(2);
    assert_eq!(std::fs::read(folder.path().join("p.npz")).unwrap(), b"older");
}

#[test]
fn every_verb_shows_an_example_within_80_columns() {
    for verb in ["fit", "predict", "sweep", "explain", "add", "remove"] {
        let mut program = Command::cargo_bin("tenfold").unwrap();
        let output = program.args(["resmem", verb, "--help"]).env("COLUMNS", "80").assert().success();
        let help = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        assert!(help.contains(&format!("Example:\n  tenfold resmem {verb} ")), "{help}");
        // clap does not wrap the usage line.
        let long = help.lines().find(|line| line.chars().count() > 80 && !line.starts_with("Usage:"));
        assert_eq!(long, None, "{verb}");
    }
}
