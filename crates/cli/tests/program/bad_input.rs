//! Every kind of bad input: exit code 2, a message that names file, field and rule, and nothing written.

use crate::fixture::{TEST, TRAIN, VAL, array_at, fixture, tenfold};
use ndarray::{Array1, Array2, array};
use std::ffi::OsString;
use std::path::Path;
use tenfold_core_tensor::arrays::{read_matrix, write_npy, write_npz};

fn listing(folder: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Runs a command that must fail with exit code 2, say `words`, and leave no file behind, not even a temporary one.
fn refused(folder: &Path, command: &str, words: &[&str]) {
    let before = listing(folder);
    let out = match command.split_whitespace().nth(1) {
        Some("predict") => "--out refused.npz",
        Some("sweep") => "--out refused.csv --params refused.json",
        Some("explain") => "",
        _ => "--out refused.safetensors",
    };
    let assert = tenfold(folder, &format!("{command} {out}")).code(2);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    words.iter().for_each(|word| assert!(message.contains(word), "{command}: {word:?} is not in: {message}"));
    assert_eq!(listing(folder), before, "{command}");
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
    let zero = "resmem fit --keys zero.npy --logits zero.npy --labels train.npz:y";
    refused(dir, zero, &["--keys zero.npy", "no rows"]);
    write_npy(dir.join("labels.npy"), array![0_i64, 1, 2].view()).unwrap();
    write_npy(dir.join("one.npy"), array![1_i64, 1, 1].view()).unwrap();
    write_npy(dir.join("three.npy"), Array2::<f32>::eye(3).slice(ndarray::s![.., ..2])).unwrap();
    let three = "resmem fit --keys three.npy --logits three.npy --labels";
    refused(dir, &format!("{three} labels.npy"), &["--labels labels.npy: row 2 is 2", "2 classes"]);
    refused(dir, &format!("{three} one.npy"), &["--labels one.npy", "all 3 rows"]);
    refused(dir, &format!("{three} three.npy"), &["three.npy", "labels must be integers"]);
    refused(dir, "resmem fit --keys three.npy --logits three.npy", &["--labels"]);
    refused(dir, &format!("resmem fit {TRAIN} --metric manhattan"), &["manhattan", "euclidean"]);
    refused(dir, &format!("resmem fit {TRAIN} --index hnsw --m 1"), &["m = 1"]);
    refused(dir, &format!("resmem fit {TRAIN} --m 8"), &["--m 8", "--index hnsw"]);
    refused(dir, &format!("resmem fit {TRAIN} --parallel"), &["--parallel", "--index hnsw"]);
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
    refused(dir, &predict(".", ""), &["directory"]);
    refused(dir, &predict("m.safetensors", "--params m.safetensors"), &["m.safetensors"]);
}

#[test]
fn new_examples_must_fit_the_memory() {
    let folder = fixture();
    let dir = folder.path();
    tenfold(dir, &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    write_npy(dir.join("zero.npy"), Array2::<f32>::zeros((0, 2)).view()).unwrap();
    write_npy(dir.join("none.npy"), Array1::<i64>::zeros(0).view()).unwrap();
    let mut labels = Array1::<i64>::zeros(100);
    labels[4] = 7;
    write_npy(dir.join("seven.npy"), labels.view()).unwrap();
    labels[4] = -1;
    write_npy(dir.join("minus.npy"), labels.view()).unwrap();
    write_npy(dir.join("values.npy"), Array2::<f32>::zeros((100, 1)).view()).unwrap();
    write_npy(dir.join("wide.npy"), Array2::<f32>::zeros((100, 3)).view()).unwrap();
    let examples = "--keys val.npz:emb --logits val.npz:logits";
    for verb in ["predict", "sweep", "add"] {
        let run = |inputs: &str| format!("resmem {verb} --memory m.safetensors {inputs}");
        let zero = run("--keys zero.npy --logits zero.npy --labels none.npy");
        refused(dir, &zero, &["--keys zero.npy", "no rows"]);
        let labelled = |labels: &str| run(&format!("{examples} --labels {labels}"));
        refused(dir, &labelled("seven.npy"), &["--labels seven.npy: row 4 is 7", "below the 2 classes"]);
        refused(dir, &labelled("minus.npy"), &["minus.npy: element 4 is -1"]);
        refused(dir, &labelled("train.npz:y"), &["train.npz:y has 300 rows", "100", "same examples"]);
        let targets = run(&format!("{examples} --targets values.npy"));
        refused(dir, &targets, &["--targets values.npy", "for regression", "for classification"]);
        let predictions = run("--keys val.npz:emb --predictions val.npz:logits --labels val.npz:y");
        refused(dir, &predictions, &["--predictions val.npz:logits", "for regression"]);
    }
    let explain = format!("resmem explain --memory m.safetensors {TEST} --row 100");
    refused(dir, &explain, &["--row 100", "below the 100 rows"]);
    let sweep = format!("resmem sweep --memory m.safetensors {VAL}");
    refused(dir, &format!("{sweep} --k 301"), &["k = 301", "300"]);
    refused(dir, &format!("{sweep} --temperature 0"), &["temperature", "0"]);
    refused(dir, "resmem remove --memory m.safetensors --row 300", &["row to remove = 300", "below 300 rows"]);

    let regression = "--keys values.npy --predictions values.npy";
    tenfold(dir, &format!("resmem fit {regression} --targets values.npy --out r.safetensors")).success();
    let predict = format!("resmem predict --memory r.safetensors {regression}");
    refused(dir, &format!("{predict} --targets wide.npy"), &["--targets wide.npy", "[100, 3]", "1 outputs"]);
    refused(dir, &format!("{predict} --labels seven.npy"), &["--labels seven.npy", "for regression"]);
}

#[test]
fn outputs_have_the_extension_of_what_they_hold() {
    let folder = fixture();
    let dir = folder.path();
    tenfold(dir, &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    let before = listing(dir);
    for (command, extension) in [
        (format!("fit {TRAIN} --out m.npz"), ".safetensors"),
        (format!("predict --memory m.safetensors {TEST} --out p.csv"), ".npz"),
        (format!("sweep --memory m.safetensors {VAL} --out s.npz"), ".csv"),
        (format!("sweep --memory m.safetensors {VAL} --params s.csv"), ".json"),
        (format!("add --memory m.safetensors {VAL} --out m"), ".safetensors"),
        ("remove --memory m.safetensors --row 0 --out m.json".into(), ".safetensors"),
    ] {
        let assert = tenfold(dir, &format!("resmem {command}")).code(2);
        let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(message.contains(&format!("must end in {extension}")), "{message}");
    }
    assert_eq!(listing(dir), before);
}

#[test]
fn a_failed_command_leaves_an_older_result_as_it_was() {
    let folder = fixture();
    tenfold(folder.path(), &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    std::fs::write(folder.path().join("p.npz"), b"older").unwrap();
    tenfold(folder.path(), &format!("resmem predict --memory m.safetensors {TEST} --k 999 --out p.npz")).code(2);
    assert_eq!(std::fs::read(folder.path().join("p.npz")).unwrap(), b"older");
    // In place: the memory that could not be changed is still the old one.
    let memory = std::fs::read(folder.path().join("m.safetensors")).unwrap();
    let remove = "resmem remove --memory m.safetensors --row 300 --out m.safetensors";
    tenfold(folder.path(), remove).code(2);
    assert_eq!(std::fs::read(folder.path().join("m.safetensors")).unwrap(), memory);
}
