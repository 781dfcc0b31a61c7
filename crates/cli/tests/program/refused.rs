//! What every verb refuses before it writes anything: outputs that cannot be written, tables without rows, numbers that no
//! memory holds.

use crate::fixture::{TEST, TRAIN, VAL, fixture, tenfold};
use crate::{analysis, memorisation};
use ndarray::{Array1, Array2, Array3, array};
use std::path::Path;
use tenfold_core_tensor::arrays::{Npy, write_npy, write_npz};

fn listing(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Runs a command that must fail with exit code 2, say so, and leave the folder as it was.
fn refused(dir: &Path, command: &str, words: &[&str]) {
    let before = listing(dir);
    let assert = tenfold(dir, command).code(2);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    words.iter().for_each(|word| assert!(message.contains(word), "{command}: {word:?} is not in: {message}"));
    assert_eq!(listing(dir), before, "{command}");
}

/// Folders where files should be written.
fn make_folders(dir: &Path) {
    for name in ["d.npy", "d.npz", "d.csv", "d.json", "d.html", "d.safetensors"] {
        std::fs::create_dir(dir.join(name)).unwrap();
    }
    std::fs::write(dir.join("plain"), b"no folder").unwrap();
}

#[test]
fn an_output_that_is_a_folder_is_refused_before_anything_is_written() {
    let folder = fixture();
    let dir = folder.path();
    tenfold(dir, &format!("resmem fit {TRAIN} --out m.safetensors")).success();
    memorisation::write_study(dir);
    tenfold(dir, "memorisation score --mask mask.npy --correct correct.npy --out scores.npz").success();
    make_folders(dir);
    let study = "--mask mask.npy --correct correct.npy";
    for command in [
        format!("resmem fit {TRAIN} --out d.safetensors"),
        format!("resmem sweep --memory m.safetensors {VAL} --out d.csv --params new.json"),
        format!("resmem sweep --memory m.safetensors {VAL} --out new.csv --params d.json"),
        format!("resmem predict --memory m.safetensors {TEST} --out d.npz"),
        format!("resmem add --memory m.safetensors {VAL} --out d.safetensors"),
        "resmem remove --memory m.safetensors --row 1 --out d.safetensors".into(),
        "memorisation design --examples 30 --models 20 --out d.npy".into(),
        format!("memorisation score {study} --out d.npz"),
        format!("memorisation influence {study} --test-correct test.npy --out d.npy --published new.npz"),
        format!("memorisation influence {study} --test-correct test.npy --out new.npy --published d.npz"),
        "memorisation trajectories --mask mask.npy --correct w8.npy,w128.npy --out d.csv".into(),
        "memorisation proxies --logits epochs.npy --labels images.npz:y --out d.csv".into(),
        "memorisation show --scores scores.npz --images images.npz:x --labels images.npz:y --out d.html".into(),
    ] {
        refused(dir, &command, &["is a folder, must be a file"]);
    }
    refused(
        dir,
        &format!("resmem fit {TRAIN} --out plain/m.safetensors"),
        &["--out plain/m.safetensors", "plain is not a folder"],
    );
    // Parents that are missing are made.
    tenfold(dir, &format!("resmem fit {TRAIN} --out deep/er/m.safetensors")).success();
    assert!(dir.join("deep/er/m.safetensors").exists());
}

#[test]
fn a_page_or_table_of_analysis_that_is_a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    analysis::write_ensemble(dir);
    make_folders(dir);
    let input = "--predictions logits.npy --logits --labels labels.npy";
    for command in [
        format!("analysis bias-variance {input} --out d.npz --report new.html"),
        format!("analysis bias-variance {input} --out new.npz --report d.html"),
        format!("analysis calibration {input} --report d.html"),
        "analysis collapse --embeddings embeddings.npy --labels labels.npy --report d.html".into(),
    ] {
        refused(dir, &command, &["is a folder, must be a file"]);
    }
}

#[test]
fn numbers_that_no_memory_holds_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    analysis::write_ensemble(dir);
    memorisation::write_study(dir);
    let huge = "4611686018427387904";
    let input = "--predictions logits.npy --logits --labels labels.npy";
    let says = |option: &str, most: &str| format!("{option} {huge}: must be at most {most}");
    refused(dir, &format!("analysis calibration {input} --bins {huge}"), &[&says("--bins", "100000")]);
    refused(dir, &format!("analysis calibration {input} --equal-width --bins {huge}"), &[&says("--bins", "100000")]);
    let out = "--out x.npz --report x.html";
    let bias = format!("analysis bias-variance {input} {out}");
    refused(dir, &format!("{bias} --draws {huge}"), &[&says("--draws", "100000")]);
    refused(dir, &format!("{bias} --bootstrap {huge}"), &[&says("--bootstrap", "100000")]);
    let score = "memorisation score --mask mask.npy --correct correct.npy --out x.npz";
    refused(dir, &format!("{score} --draws {huge}"), &[&says("--draws", "100000")]);
    refused(dir, &format!("{score} --draws 9"), &["--draws 9: must be at least 200"]);
    let paths = "memorisation trajectories --mask mask.npy --correct w8.npy,w128.npy --out x.csv";
    refused(dir, &format!("{paths} --draws {huge}"), &[&says("--draws", "100000")]);
    refused(dir, &format!("{paths} --draws 0"), &["--draws 0: must be at least 200"]);
    let design = |examples: &str, models: &str| {
        format!("memorisation design --examples {examples} --models {models} --out x.npy")
    };
    refused(dir, &design("50000", huge), &["models = 4611686018427387904: must be at most 85899 for 50000 examples"]);
    refused(dir, &design(huge, "10"), &["examples = 4611686018427387904: must be below 2^32"]);
    let influence = "memorisation influence --mask mask.npy --test-correct test.npy --out x.npy --least-infl nan";
    refused(dir, influence, &["--least-infl NaN: must be a finite number"]);
}

#[test]
fn labels_of_collapse_are_checked_before_anything_is_made_of_their_size() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    analysis::write_ensemble(dir);
    let n = 120;
    let run = "analysis collapse --embeddings embeddings.npy --labels far.npy --report x.html";
    let says = |label: &str| format!("--labels far.npy: row 7 is {label}: must be below the {n} points");
    let mut small = Array1::<u32>::from_shape_fn(n, |i| i as u32 % 3);
    for (label, said) in [(u32::MAX, "4294967295"), (n as u32, "120")] {
        small[7] = label;
        write_npy(dir.join("far.npy"), small.view()).unwrap();
        refused(dir, run, &[&says(said)]);
    }
    let mut large = small.mapv(i64::from);
    large[7] = 1 << 62;
    write_npy(dir.join("far.npy"), large.view()).unwrap();
    refused(dir, run, &[&says("4611686018427387904")]);
    // -1 as a 64-bit integer without a sign.
    large[7] = -1;
    write_npy(dir.join("far.npy"), large.view()).unwrap();
    let bytes = std::fs::read(dir.join("far.npy")).unwrap();
    let at = bytes.windows(3).position(|w| w == b"<i8").unwrap();
    let mut unsigned = bytes;
    unsigned[at + 1] = b'u';
    std::fs::write(dir.join("far.npy"), unsigned).unwrap();
    refused(dir, run, &[&says("18446744073709551615")]);
    let head = format!("{run} --head head.npz:w");
    refused(dir, &head, &["--labels far.npy: point 7: label 18446744073709551615, must be below the 3 classes"]);
    // One class of many is missing.
    small.mapv_inplace(|label| if label == 2 { 3 } else { label });
    small[7] = 1;
    write_npy(dir.join("far.npy"), small.view()).unwrap();
    refused(dir, run, &["--labels far.npy: labels = none of class 2"]);
    write_npy(dir.join("far.npy"), Array1::<u32>::zeros(n).view()).unwrap();
    refused(dir, run, &["--labels far.npy: classes = 1: must be at least 2"]);
    write_npy(dir.join("none.npy"), Array2::<f32>::zeros((0, 4)).view()).unwrap();
    write_npy(dir.join("far.npy"), Array1::<u32>::zeros(0).view()).unwrap();
    let none = "analysis collapse --embeddings none.npy --labels far.npy --report x.html";
    refused(dir, none, &["--embeddings none.npy: embeddings = no points"]);
}

#[test]
fn tables_without_models_or_examples_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    memorisation::write_study(dir);
    write_npy(dir.join("nobody.npy"), Array2::<u8>::zeros((0, 40)).view()).unwrap();
    write_npy(dir.join("nothing.npy"), Array2::<u8>::zeros((60, 0)).view()).unwrap();
    write_npy(dir.join("few.npy"), array![[1_u8, 0], [0, 1]].view()).unwrap();
    for (table, says) in [("nobody", "has no rows"), ("nothing", "has no columns")] {
        for (option, more) in [("--correct", ""), ("--probabilities", ""), ("--correct", "--flag")] {
            let run = format!("memorisation score --mask {table}.npy {option} {table}.npy {more} --out x.npz");
            refused(dir, &run, &[&format!("--mask {table}.npy: {says}")]);
        }
        let run = format!("memorisation trajectories --mask {table}.npy --correct {table}.npy,{table}.npy --out x.csv");
        refused(dir, &run, &[&format!("--mask {table}.npy: {says}")]);
        let run = format!("memorisation influence --mask {table}.npy --test-correct test.npy --out x.npy");
        refused(dir, &run, &[&format!("--mask {table}.npy: {says}")]);
        let run = format!("memorisation influence --mask mask.npy --test-correct {table}.npy --out x.npy");
        refused(dir, &run, &[&format!("--test-correct {table}.npy: {says}")]);
    }
    refused(
        dir,
        "memorisation score --mask mask.npy --probabilities nothing.npy --out x.npz",
        &["--probabilities nothing.npy: examples = 0"],
    );
    let unscored = "memorisation score --mask few.npy --correct few.npy --flag --out x.npz";
    refused(dir, unscored, &["--mask few.npy: no example has two models that saw it"]);
    write_npy(dir.join("labels.npy"), Array1::<i64>::zeros(0).view()).unwrap();
    for shape in [(6, 0, 2), (0, 0, 2), (6, 0, 0)] {
        write_npy(dir.join("logits.npy"), Array3::<f32>::zeros(shape).view()).unwrap();
        let run = "memorisation proxies --logits logits.npy --labels labels.npy --out x.csv";
        refused(dir, run, &["--logits logits.npy: has shape", "at least one epoch, example and class"]);
    }
    let nan = Array1::<f64>::from_elem(40, f64::NAN);
    let columns: Vec<(&str, &dyn Npy)> = Vec::new();
    let view = nan.view();
    let columns: Vec<(&str, &dyn Npy)> =
        columns.into_iter().chain(["mem", "lo", "hi", "p_in", "p_out"].map(|name| (name, &view as &dyn Npy))).collect();
    write_npz(dir.join("nan.npz"), &columns).unwrap();
    let show = "memorisation show --images images.npz:x --labels images.npz:y --out x.html --scores";
    refused(dir, &format!("{show} nan.npz"), &["--scores nan.npz: has no score"]);
    tenfold(dir, "memorisation score --mask mask.npy --correct correct.npy --out scores.npz").success();
    refused(dir, &format!("{show} scores.npz --count 0"), &["--count 0: must be at least 1"]);
}

#[test]
fn predictions_without_models_points_or_classes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for shape in [(0, 30, 3), (5, 0, 3), (5, 30, 0), (0, 0, 0), (5, 30, 1), (5, 1, 3)] {
        write_npy(dir.join("z.npy"), Array3::<f32>::zeros(shape).view()).unwrap();
        write_npy(dir.join("y.npy"), Array1::<i64>::zeros(shape.1).view()).unwrap();
        for verb in ["bias-variance", "bias-variance --kl", "bias-variance --bootstrap 200", "calibration"] {
            let out = if verb == "calibration" { "" } else { "--out x.npz" };
            let run = format!("analysis {verb} --predictions z.npy --logits --labels y.npy {out} --report x.html");
            refused(dir, &run, &["error: "]);
        }
    }
}
