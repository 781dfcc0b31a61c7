//! What `tenfold distill` refuses: exit code 2, a message that names option, file and rule, and nothing written.

use crate::distill::{write, write_models};
use crate::fixture::{array_at, tenfold};
use ndarray::{Array1, Array2, array};
use std::path::Path;
use tenfold_core_tensor::arrays::{read_labels, read_matrix};

fn listing(folder: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Runs a verb with every output it has: it must fail with exit code 2, say `words`, and leave the folder as it was.
fn refused(dir: &Path, command: &str, words: &[&str]) {
    let before = listing(dir);
    let out = match command.split_whitespace().next() {
        Some("margins") => "--out new.json",
        Some("targets") => "--out new.npz",
        Some("post-shift") if command.contains("--test ") => "--out new.json --shifted new.npz",
        Some("post-shift") => "--out new.json",
        _ => "",
    };
    let out = if command.contains("--out") { "" } else { out };
    let assert = tenfold(dir, &format!("distill {command} {out} --report new.html")).code(2);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    words.iter().for_each(|word| assert!(message.contains(word), "{command}: {word:?} is not in: {message}"));
    assert_eq!(listing(dir), before, "{command}");
}

/// Files with one fault each, beside good ones.
fn write_bad(dir: &Path) {
    write_models(dir);
    let y = read_labels(&array_at(dir, "test_y.npy")).unwrap();
    let labels = |change: &dyn Fn(usize, usize) -> i64| -> Array1<i64> {
        y.iter().enumerate().map(|(i, y)| change(i, *y)).collect()
    };
    write(dir, "far_y.npy", &labels(&|i, y| if i == 7 { 4 } else { y as i64 }));
    write(dir, "huge_y.npy", &labels(&|i, y| if i == 7 { 1 << 62 } else { y as i64 }));
    write(dir, "absent_y.npy", &labels(&|_, y| if y == 3 { 0 } else { y as i64 }));
    write(dir, "one_y.npy", &labels(&|i, y| if y == 3 && i > 3 { 0 } else { y as i64 }));
    write(dir, "short_y.npy", &labels(&|_, y| y as i64).slice_move(ndarray::s![..9]));
    let z = read_matrix(&array_at(dir, "test.npy")).unwrap();
    let mut nan = z.clone();
    nan[[5, 1]] = f32::NAN;
    write(dir, "nan.npy", &nan);
    write(dir, "three.npy", &z.slice(ndarray::s![.., ..3]).to_owned());
    write(dir, "five.npy", &Array2::<f32>::zeros((z.nrows(), 5)));
    write(dir, "none.npy", &Array2::<f32>::zeros((0, 4)));
    write(dir, "none_y.npy", &Array1::<i64>::zeros(0));
    let mut p = Array2::<f32>::from_elem(z.dim(), 0.25);
    p[[2, 0]] = 0.75;
    write(dir, "sum.npy", &p);
    p[[2, 3]] = -0.25;
    write(dir, "negative.npy", &p);
    std::fs::create_dir(dir.join("d.html")).unwrap();
    std::fs::create_dir(dir.join("d.npz")).unwrap();
    std::fs::create_dir(dir.join("d.json")).unwrap();
}

#[test]
fn predictions_and_labels_that_cannot_be_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_bad(dir);
    // The same faults in every verb, under its own options.
    for (run, numbers, labels) in [
        ("diagnose --student", "--student", "--labels"),
        ("margins --source external --teacher", "--teacher", "--labels"),
        ("post-shift --validation", "--validation", "--validation-labels"),
    ] {
        let with = |file: &str, y: &str, more: &str| format!("{run} {file} {labels} {y} {more}");
        let logits = |file: &str, y: &str| with(file, y, "--logits");
        let says = |file: &str, rule: &str| format!("{numbers} {file}: {rule}");
        refused(dir, &with("test.npy", "test_y.npy", ""), &[&says("test.npy", "row 0"), "logits?"]);
        refused(dir, &with("sum.npy", "test_y.npy", ""), &[&says("sum.npy", "row 2: the probabilities sum to 1.5")]);
        refused(dir, &with("negative.npy", "test_y.npy", ""), &[&says("negative.npy", "row 2, class 3: -0.25")]);
        refused(dir, &logits("nan.npy", "test_y.npy"), &[&says("nan.npy", "row 5, class 1: NaN")]);
        refused(dir, &logits("none.npy", "none_y.npy"), &[&says("none.npy", ""), "at least 1 row"]);
        refused(dir, &logits("test.npy", "short_y.npy"), &["has 160 rows", "short_y.npy has 9", "the same examples"]);
        refused(dir, &logits("missing.npy", "test_y.npy"), &["missing.npy"]);
        let label = |file: &str, rule: &str| format!("{labels} {file}: {rule}");
        refused(dir, &logits("test.npy", "far_y.npy"), &[&label("far_y.npy", "row 7: label 4, must be below the 4")]);
        refused(dir, &logits("test.npy", "huge_y.npy"), &[&label("huge_y.npy", "row 7: label 4611686018427387904")]);
        refused(dir, &logits("test.npy", "absent_y.npy"), &[&label("absent_y.npy", ""), "class 3 has 0 examples"]);
        refused(dir, &logits("test.npy", "one_y.npy"), &[&label("one_y.npy", ""), "class 3 has 1 examples, needs"]);
        refused(dir, &logits("test.npy", "test.npy"), &["test.npy", "labels must be integers"]);
    }
}

#[test]
fn diagnose_refuses_models_of_other_classes_and_bad_settings() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_bad(dir);
    let run = |more: &str| format!("diagnose --logits --student student_test.npy --labels test_y.npy {more}");
    for file in
        ["--baseline three.npy", "--teacher five.npy", "--validation-labels test_y.npy --validation-student five.npy"]
    {
        let classes = if file.contains("three") { "3" } else { "5" };
        refused(dir, &run(file), &[&format!("has {classes} classes, --student student_test.npy has 4; they must be")]);
    }
    refused(dir, &run("--baseline baseline_val.npy"), &["--baseline baseline_val.npy has 120 rows", "has 160"]);
    refused(dir, &run("--worst 5"), &["--worst 5: must be at most 4"]);
    refused(dir, &run("--worst 1,0"), &["--worst 0: must be at least 1"]);
    refused(dir, &run("--draws 199"), &["--draws 199: must be at least 200"]);
    refused(dir, &run("--draws 4611686018427387904"), &["--draws 4611686018427387904: must be at most 100000"]);
    refused(dir, &run("--validation-student student_val.npy"), &["--validation-labels"]);
    let folder = tenfold(dir, &format!("distill {}", run("--report d.html"))).code(2);
    assert!(String::from_utf8_lossy(&folder.get_output().stderr).contains("is a folder, must be a file"));
}

#[test]
fn margins_refuse_bad_folds_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_bad(dir);
    let run = |more: &str| format!("margins --logits --teacher train.npy --labels train_y.npy {more}");
    refused(dir, &run("--source cross-fit"), &["--source cross-fit: needs --folds or --fold-of"]);
    refused(dir, &run("--source hold-out --folds 5"), &["--folds 5: only --source cross-fit has folds"]);
    refused(dir, &run("--source external --fold-of folds.npy"), &["--fold-of folds.npy: only --source cross-fit"]);
    refused(dir, &run("--source cross-fit --folds 1"), &["--folds 1: must be at least 2"]);
    refused(dir, &run(""), &["--source"]);
    let folds = |name: &str, of: &dyn Fn(usize) -> i64| write(dir, name, &(0..150).map(of).collect::<Array1<i64>>());
    // The last class has examples 140 to 149.
    folds("alone.npy", &|i| if i >= 140 { 1 } else { i as i64 % 2 });
    folds("gap.npy", &|i| if i % 3 == 1 { 3 } else { i as i64 % 3 });
    folds("large.npy", &|i| if i == 9 { 1 << 62 } else { i as i64 % 5 });
    let file = |name: &str| run(&format!("--source cross-fit --fold-of {name}"));
    refused(dir, &file("alone.npy"), &["--fold-of alone.npy: class 3 lies in fold 1 alone"]);
    refused(dir, &file("gap.npy"), &["--fold-of gap.npy: no example is in fold 1"]);
    refused(dir, &file("large.npy"), &["--fold-of large.npy: row 9 is 4611686018427387904: must be below the 150"]);
    refused(dir, &file("short_y.npy"), &["--fold-of short_y.npy has 9 rows", "150"]);
    let external = |more: &str| run(&format!("--source external {more}"));
    refused(dir, &external("--temperature 0"), &["--temperature 0: must be finite and above 0"]);
    refused(dir, &external("--applied-temperature -1"), &["--applied-temperature -1: must be finite and above 0"]);
    refused(dir, &external("--applied-temperature nan"), &["--applied-temperature NaN: must be finite and above 0"]);
    refused(dir, &external("--shrinkage -1"), &["--shrinkage -1: must be finite and not negative"]);
    refused(dir, &external("--threshold inf"), &["--threshold inf: must be finite"]);
    refused(dir, &external("--out d.json"), &["--out d.json: is a folder"]);
    refused(dir, &external("--out margins.txt"), &["must end in .json"]);
}

#[test]
fn targets_refuse_what_does_not_belong_together() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_bad(dir);
    tenfold(dir, "distill margins --logits --source external --teacher val.npy --labels val_y.npy --out m.json")
        .success();
    let run = |method: &str, more: &str| format!("targets --logits --teacher train.npy --method {method} {more}");
    for (method, option, rule) in [
        ("plain", "--labels train_y.npy", "only --method adaalpha takes labels"),
        ("balanced", "--margins m.json", "only --method adaalpha takes margins"),
        ("plain", "--per-example", "only --method adaalpha has margins"),
        ("robust", "--power 2", "only --method adaalpha has a power"),
        ("adaalpha", "--multipliers lambda.json", "only --method robust takes multipliers"),
        ("balanced", "--trade-off 0.5", "only --method robust has a trade-off"),
        ("plain", "--weights w.npy", "only --method balanced and robust weigh rows"),
        ("adaalpha", "", "--method adaalpha: needs --labels"),
        ("adaalpha", "--labels train_y.npy", "--method adaalpha: needs --margins or --per-example"),
        ("robust", "", "--method robust: needs --multipliers"),
        ("plain", "--temperature 0", "--temperature 0: must be finite and above 0"),
        ("balanced", "--temperature nan", "--temperature NaN: must be finite and above 0"),
        ("plain", "--out targets.csv", "must end in .npy, .npz or .safetensors"),
        ("plain", "--out d.npz", "--out d.npz: is a folder"),
        ("softer", "", "plain, adaalpha, balanced, robust"),
    ] {
        refused(dir, &run(method, option), &[rule]);
    }
    // Margins that are none, or of something else.
    let ada = |margins: &str| run("adaalpha", &format!("--labels train_y.npy --margins {margins}"));
    let good = std::fs::read_to_string(dir.join("m.json")).unwrap();
    let bad = |name: &str, from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        std::fs::write(dir.join(name), good.replacen(from, to, 1)).unwrap();
    };
    bad("cut.json", "{", "");
    bad("order.json", "\"class\": 0", "\"class\": 2");
    bad("few.json", "\"n\": 30", "\"n\": 1");
    bad("far.json", "\"hi\": ", "\"hi\": -9, \"high\": ");
    bad("cold.json", "\"temperature\": 1.0", "\"temperature\": 0");
    bad("source.json", "\"external\"", "\"elsewhere\"");
    refused(dir, &ada("cut.json"), &["cut.json, line"]);
    refused(dir, &ada("source.json"), &["source.json, line", "elsewhere"]);
    refused(dir, &ada("order.json"), &["--margins order.json: class 2 stands at place 0"]);
    refused(dir, &ada("few.json"), &["--margins few.json: margins = 1 examples of class 0"]);
    refused(dir, &ada("far.json"), &["--margins far.json", "for class 0", "inside its interval"]);
    refused(dir, &ada("cold.json"), &["--margins cold.json: temperature = 0"]);
    refused(dir, &ada("missing.json"), &["missing.json"]);
    let of_three = "targets --logits --method adaalpha --teacher three.npy --labels test_y.npy --margins m.json";
    refused(dir, of_three, &["--margins m.json: has 4 classes, --teacher three.npy has 3; they must be the same"]);
    refused(dir, &run("adaalpha", "--labels val_y.npy --margins m.json"), &["has 150 rows", "val_y.npy has 120"]);
    refused(dir, &format!("{} --power 0", ada("m.json")), &["--power 0: must be finite and above 0"]);
    // Multipliers.
    let robust = |file: &str| run("robust", &format!("--multipliers {file}"));
    write(dir, "lost.npy", &array![0.5, f64::NAN, 0.2, 0.3]);
    std::fs::write(dir.join("minus.json"), "[0.5, -0.5, 0.5, 0.5]").unwrap();
    std::fs::write(dir.join("words.json"), "{\"lambda\": [1]}").unwrap();
    std::fs::write(dir.join("zero.json"), "[0, 0, 0, 0]").unwrap();
    std::fs::write(dir.join("two.json"), "[0.5, 0.5]").unwrap();
    refused(dir, &robust("lost.npy"), &["--multipliers lost.npy: multipliers = NaN for class 1"]);
    refused(dir, &robust("minus.json"), &["--multipliers minus.json: multipliers = -0.5 for class 1: must not be"]);
    refused(dir, &robust("zero.json"), &["must not all be 0"]);
    refused(dir, &robust("two.json"), &["--multipliers two.json: has 2 numbers, must have one for each of the 4"]);
    refused(dir, &robust("words.json"), &["words.json, line 1"]);
    refused(dir, &format!("{} --trade-off 1.5", robust("lambda.json")), &["--trade-off 1.5: must be from 0 to 1"]);
    // Rows that cannot be probabilities.
    refused(dir, "targets --teacher test.npy --method plain", &["--teacher test.npy: row 0", "logits?"]);
    refused(dir, "targets --teacher sum.npy --method balanced", &["--teacher sum.npy: row 2: the probabilities sum"]);
}

#[test]
fn post_shift_refuses_before_it_searches() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_bad(dir);
    let run = |more: &str| format!("post-shift --logits --validation val.npy --validation-labels val_y.npy {more}");
    // Long searches, which must not begin.
    let test = |more: &str| run(&format!("--steps 1000000 --moves 1000000 --test {more}"));
    refused(dir, &test("five.npy"), &["--test five.npy: has 5 classes, --validation val.npy has 4"]);
    refused(dir, &test("nan.npy"), &["--test nan.npy: row 5, class 1: NaN"]);
    refused(dir, &test("test.npy --test-labels far_y.npy"), &["--test-labels far_y.npy: row 7: label 4"]);
    refused(dir, &test("test.npy --test-labels absent_y.npy"), &["--test-labels absent_y.npy", "class 3 has 0"]);
    refused(dir, &test("test.npy --test-labels short_y.npy"), &["--test test.npy has 160 rows", "has 9"]);
    refused(dir, &test("test.npy --temperature 0"), &["--temperature 0: must be finite and above 0"]);
    refused(dir, &test("test.npy --step 0"), &["--step 0: must be finite and above 0"]);
    refused(dir, &test("test.npy --worst 5"), &["--worst 5: must be at most 4"]);
    let plain = |more: &str| run(&format!("--test test.npy {more}"));
    refused(dir, &plain("--steps 1000001"), &["--steps 1000001: must be at most 1000000"]);
    refused(dir, &plain("--moves 1000001"), &["--moves 1000001: must be at most 1000000"]);
    refused(dir, &plain("--draws 0"), &["--draws 0: must be at least 200"]);
    refused(dir, &plain("--out d.json"), &["--out d.json: is a folder"]);
    refused(dir, &plain("--out w.json --shifted d.npz"), &["--shifted d.npz: is a folder"]);
    refused(dir, &run("--out w.json --shifted s.npz"), &["--test"]);
}
