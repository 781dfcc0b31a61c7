//! Numbers in double precision, damaged archives, and sizes that single precision cannot square.

use crate::analysis;
use crate::fixture::{TRAIN, array_at, fixture, json, tenfold};
use ndarray::{Array1, Array2};
use serde_json::Value;
use std::path::Path;
use tenfold_core_tensor::arrays::{Npy, read_labels, read_matrix, write_npy, write_npz};

fn says(dir: &Path, command: &str, words: &[&str]) {
    let assert = tenfold(dir, command).code(2);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    words.iter().for_each(|word| assert!(message.contains(word), "{command}: {word:?} is not in: {message}"));
}

#[test]
fn bins_by_a_time_are_those_of_the_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    analysis::write_ensemble(dir);
    // Four batches, ten seconds apart: single precision knows two minutes.
    let times: Array1<i64> = (0..120).map(|i| 1_790_000_000 + 10 * (i % 4)).collect();
    write_npy(dir.join("times.npy"), times.view()).unwrap();
    write_npy(dir.join("doubles.npy"), times.mapv(|t| t as f64).view()).unwrap();
    for by in ["times.npy", "doubles.npy"] {
        let run =
            format!("analysis calibration --predictions logits.npy --logits --labels labels.npy --bins 4 --by {by}");
        let found = json(dir, &run);
        assert_eq!(found["error_given"]["bins"].as_array().unwrap().len(), 4, "{by}");
    }
    let far = times.mapv(|t| t * 1_000_000_000 + 1);
    write_npy(dir.join("nanoseconds.npy"), far.view()).unwrap();
    let run = "analysis calibration --predictions logits.npy --logits --labels labels.npy --by nanoseconds.npy";
    says(dir, run, &["nanoseconds.npy: element 0 is 1790000000000000001; double precision"]);
}

#[test]
fn probabilities_in_doubles_are_rounded_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    analysis::write_ensemble(dir);
    for file in ["logits.npy", "probabilities.npy"] {
        let numbers = tenfold_core_tensor::arrays::read_array(&array_at(dir, file)).unwrap();
        write_npy(dir.join(format!("double-{file}")), numbers.mapv(f64::from).view()).unwrap();
    }
    let said = |more: &str| {
        let run = format!("analysis calibration --labels labels.npy --predictions {more}");
        String::from_utf8_lossy(&tenfold(dir, &run).success().get_output().stderr).into_owned()
    };
    let words = "--predictions double-probabilities.npy: double precision is rounded to single";
    assert!(said("double-probabilities.npy --sum-tolerance 0.001").contains(words));
    assert!(!said("probabilities.npy --sum-tolerance 0.001").contains("warning"));
    assert!(!said("double-logits.npy --logits").contains("warning"));
}

#[test]
fn a_regression_whose_residuals_single_precision_loses_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let keys = Array2::from_shape_fn((40, 1), |(i, _)| i as f32);
    write_npy(dir.join("x.npy"), keys.view()).unwrap();
    let write = |offset: f64| {
        let y = Array2::from_shape_fn((40, 1), |(i, _)| offset + 10.0 * i as f64);
        write_npy(dir.join("y.npy"), y.view()).unwrap();
        write_npy(dir.join("f.npy"), (&y + &Array2::from_shape_fn((40, 1), |(i, _)| (i % 5) as f64 - 2.0)).view())
            .unwrap();
    };
    let examples = "--keys x.npy --predictions f.npy --targets y.npy";
    write(0.0);
    tenfold(dir, &format!("resmem fit {examples} --out m.safetensors")).success();
    write(1e9);
    for command in [
        format!("resmem fit {examples} --out x.safetensors"),
        format!("resmem add --memory m.safetensors {examples} --out x.safetensors"),
        format!("resmem sweep --memory m.safetensors {examples} --params x.json"),
        format!("resmem predict --memory m.safetensors {examples} --out x.npz"),
        "resmem predict --memory m.safetensors --keys x.npy --predictions f.npy --out x.npz".into(),
        "resmem explain --memory m.safetensors --keys x.npy --predictions f.npy --row 1".into(),
    ] {
        says(dir, &command, &["column 0: single precision", "subtract a constant from targets and predictions first"]);
    }
    assert!(!dir.join("x.npz").exists() && !dir.join("x.json").exists() && !dir.join("x.safetensors").exists());
}

#[test]
fn a_table_in_doubles_that_is_not_zeros_and_ones_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let mut table = Array2::from_shape_fn((8, 6), |(k, i)| f64::from(u8::from((k + i) % 2 == 0)));
    table[[3, 2]] = 1.0 - 1e-12;
    write_npy(dir.join("nearly.npy"), table.view()).unwrap();
    let run = "memorisation score --mask nearly.npy --correct nearly.npy --out x.npz";
    says(dir, run, &["--mask nearly.npy", "row 3, column 2 is 0.999999999999, must be 0 or 1"]);
}

#[test]
fn a_damaged_archive_is_refused_by_every_verb() {
    let folder = fixture();
    let dir = folder.path();
    tenfold(dir, &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    let whole = std::fs::read(dir.join("train.npz")).unwrap();
    // A number in the middle of each array.
    for key in ["emb", "logits", "y"] {
        let at = whole.windows(key.len() + 4).position(|w| w == format!("{key}.npy").as_bytes()).unwrap() + 600;
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(dir.join("damaged.npz"), damaged).unwrap();
        let damaged = TRAIN.replace("train.npz", "damaged.npz");
        for command in [
            format!("resmem fit {damaged} --out x.safetensors"),
            format!("resmem sweep --memory m.safetensors {damaged} --out x.csv"),
            format!("resmem add --memory m.safetensors {damaged} --out x.safetensors"),
        ] {
            says(dir, &command, &[&format!("damaged.npz:{key}: the CRC-32 of the array is"), "the file is damaged"]);
        }
    }
    analysis::write_ensemble(dir);
    let logits = tenfold_core_tensor::arrays::read_array(&array_at(dir, "logits.npy")).unwrap();
    write_npz(dir.join("z.npz"), &[("z", &logits.view() as &dyn Npy)]).unwrap();
    let mut damaged = std::fs::read(dir.join("z.npz")).unwrap();
    damaged[900] ^= 1;
    std::fs::write(dir.join("z.npz"), damaged).unwrap();
    let run = "analysis bias-variance --predictions z.npz:z --logits --labels labels.npy --out x.npz";
    says(dir, run, &["z.npz:z: the CRC-32 of the array is"]);
    assert!(!dir.join("x.npz").exists() && !dir.join("x.csv").exists() && !dir.join("x.safetensors").exists());
}

#[test]
fn keys_of_any_size_find_themselves() {
    let folder = fixture();
    let dir = folder.path();
    let keys = read_matrix(&array_at(dir, "train.npz:emb")).unwrap();
    let labels = read_labels(&array_at(dir, "train.npz:y")).unwrap();
    for size in [1e-30_f32, 3e20, 1e36] {
        write_npy(dir.join("keys.npy"), keys.mapv(|v| v * size).view()).unwrap();
        let examples = "--keys keys.npy --logits train.npz:logits";
        tenfold(dir, &format!("resmem fit {examples} --labels train.npz:y --out m.safetensors")).success();
        for k in [1, 3] {
            let run = format!("resmem predict --memory m.safetensors {examples} --k {k} --sigma 0.01x --out p.npz");
            tenfold(dir, &run).success();
            assert_eq!(read_labels(&array_at(dir, "p.npz:classes")).unwrap(), labels, "{size}, {k}");
        }
        let graph = format!("resmem fit {examples} --labels train.npz:y --index hnsw --out x.safetensors");
        says(dir, &graph, &["--keys keys.npy", "from end to end: a graph is for keys from 1e-15 to 1e19"]);
        assert!(!dir.join("x.safetensors").exists());
    }
}

#[test]
fn a_file_of_parameters_carries_its_method() {
    let folder = fixture();
    let dir = folder.path();
    tenfold(dir, &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    let val = "--keys val.npz:emb --logits val.npz:logits --labels val.npz:y";
    let test = "--keys test.npz:emb --logits test.npz:logits --labels test.npz:y";
    for method in ["resmem", "knn", "mixture"] {
        let run = format!("resmem sweep --memory m.safetensors {val} --method {method} --params {method}.json");
        let swept = json(dir, &run);
        let text = std::fs::read_to_string(dir.join(format!("{method}.json"))).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&file["method"], &swept["method"]), (&Value::from(method), &Value::from(method)));
        assert_eq!(file.get("lambda").is_some(), method == "mixture");
        // On the rows of the sweep, what the file predicts is as good as the sweep says.
        let run = format!("resmem predict --memory m.safetensors {val} --params {method}.json --out p.npz");
        let predicted = json(dir, &run);
        assert_eq!(predicted[format!("accuracy_{method}")], swept["accuracy_best"], "{method}");
        let run = format!("resmem explain --memory m.safetensors {test} --params {method}.json --row 3");
        let run = run.replace("--labels test.npz:y", "");
        let explained = &json(dir, &run)["explanations"][0];
        let scores = {
            let run = format!("resmem predict --memory m.safetensors {test} --params {method}.json --out p.npz");
            tenfold(dir, &run).success();
            read_matrix(&array_at(dir, "p.npz:scores")).unwrap()
        };
        for c in 0..2 {
            assert!((explained["score"][c].as_f64().unwrap() - f64::from(scores[[3, c]])).abs() < 1e-6, "{method}");
        }
    }
    let predict = format!("resmem predict --memory m.safetensors {test} --out q.npz");
    let refused = |more: &str, words: &[&str]| {
        says(dir, &format!("{predict} {more}"), words);
        assert!(!dir.join("q.npz").exists(), "{more}");
    };
    refused("--params knn.json --method resmem", &["--method resmem: --params knn.json was chosen for knn"]);
    refused("--params knn.json --lambda 0.5", &["--lambda 0.5: only --method mixture"]);
    refused("--params knn.json --temperature 2", &["--temperature 2: nearest neighbours alone have no temperature"]);
    refused("--lambda 0.5", &["--lambda 0.5: only --method mixture"]);
    refused("--method mixture", &["--method mixture: needs --lambda"]);
    refused("--method mixture --lambda 1.5", &["lambda = 1.5: must be between 0 and 1"]);
    std::fs::write(dir.join("broken.json"), r#"{"method": "mixture", "k": 3}"#).unwrap();
    refused("--params broken.json", &["broken.json", "a mixture needs the weight of kNN"]);
    let sweep = format!("resmem sweep --memory m.safetensors {val} --params q.json");
    says(dir, &format!("{sweep} --lambda 0.5"), &["--lambda 0.5: only --method mixture"]);
    says(dir, &format!("{sweep} --method knn --temperature 2"), &["--temperature 2: nearest neighbours alone"]);
    // Older files have no method.
    std::fs::write(
        dir.join("older.json"),
        r#"{"k": 3, "sigma": {"relative": 1.0}, "temperature": 2.0, "kernel": "exponential"}"#,
    )
    .unwrap();
    assert_eq!(json(dir, &format!("{predict} --params older.json"))["method"], "resmem");
    // A file and options that agree.
    let both = json(dir, &format!("{predict} --params mixture.json --method mixture --lambda 0.25"));
    assert_eq!((&both["method"], both["lambda"].as_f64()), (&Value::from("mixture"), Some(0.25)));
}

#[test]
fn a_sweep_on_the_memorys_own_rows_leaves_each_out() {
    let folder = fixture();
    let dir = folder.path();
    tenfold(dir, &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    let assert = tenfold(dir, &format!("resmem sweep --memory m.safetensors {TRAIN} --json")).success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(said.contains("300 of the 300 rows are rows of the memory; each was scored without itself"), "{said}");
    let swept: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(swept["left_out"], 300);
    assert!(swept["accuracy_best"].as_f64().unwrap() < 1.0, "{swept}");
    // Rows of others are as they were.
    let other =
        json(dir, "resmem sweep --memory m.safetensors --keys val.npz:emb --logits val.npz:logits --labels val.npz:y");
    assert!(other.get("left_out").is_none());
    let predict = format!("resmem predict --memory m.safetensors {TRAIN} --k 1 --out p.npz --json");
    let assert = tenfold(dir, &predict).success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(said.contains("300 of the 300 rows are rows of the memory, which find themselves"), "{said}");
}
