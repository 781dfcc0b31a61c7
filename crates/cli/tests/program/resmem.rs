//! `tenfold resmem` as a user runs it, on good input.

use crate::fixture::{TEST, TRAIN, VAL, array_at, fixture, json, tenfold, write_fortran_npy, write_safetensors};
use assert_cmd::Command;
use ndarray::Array2;
use serde_json::Value;
use tenfold_core_tensor::arrays::{read_labels, read_matrix, write_npy};

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
fn arrays_in_every_format_and_order_make_the_same_memory() {
    let folder = fixture();
    let dir = folder.path();
    let emb = read_matrix(&array_at(dir, "train.npz:emb")).unwrap();
    let logits = read_matrix(&array_at(dir, "train.npz:logits")).unwrap();
    write_fortran_npy(&dir.join("emb.npy"), &emb);
    write_safetensors(&dir.join("train.safetensors"), &[("emb", &emb), ("logits", &logits)]);
    tenfold(dir, &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    let expected = std::fs::read(dir.join("m.safetensors")).unwrap();
    for keys in ["emb.npy", "train.safetensors:emb"] {
        let examples = format!("--keys {keys} --logits train.safetensors:logits --labels train.npz:y");
        tenfold(dir, &format!("resmem fit {examples} --out again.safetensors")).success();
        assert_eq!(std::fs::read(dir.join("again.safetensors")).unwrap(), expected, "{keys}");
    }
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
