//! `tenfold distill` as a user runs it.

use crate::fixture::{array_at, json, tenfold};
use ndarray::{Array1, Array2, array};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;
use tenfold_core_tensor::arrays::{
    ArrayPath, Element, read_labels, read_matrix, read_matrix_f64, read_vector, read_vector_f64, write_npy,
};
use tenfold_core_tensor::seed::Seed;
use tenfold_distill::{
    AdaAlpha, Amplification, Comparison, EgParams, Gap, MarginSource, Marginal, Margins, Multipliers, PostShift,
    Predictions, SoftTargets, Summary, Teacher,
};

pub(crate) const CLASSES: usize = 4;

/// A number from -1 to 1 that looks random.
fn noise(a: usize, b: usize, c: usize) -> f64 {
    ((a * 7919 + b * 104_729 + c * 1_299_709) % 10_007) as f64 / 5003.0 - 1.0
}

pub(crate) fn write<T: Element, D: ndarray::Dimension>(folder: &Path, name: &str, array: &ndarray::Array<T, D>) {
    write_npy(folder.join(name), array.view()).unwrap();
}

/// Logits of a model that knows the later classes less and less.
fn logits(model: usize, labels: &[usize], sure: f64) -> Array2<f64> {
    Array2::from_shape_fn((labels.len(), CLASSES), |(i, k)| {
        let knows = if labels[i] == k { sure - 0.5 * k as f64 } else { 0.0 };
        // The second part is the same for all models: so are some errors.
        2.0 * noise(model, i, k) + 1.5 * noise(0, i, k) + knows
    })
}

/// What a user of PyTorch has: a teacher's logits on a long-tailed training set, on validation and on test, and two students on test.
pub(crate) fn write_models(folder: &Path) {
    let balanced = |each: usize| (0..CLASSES * each).map(|i| i % CLASSES).collect::<Vec<usize>>();
    let tail: Vec<usize> = (0..CLASSES).flat_map(|k| std::iter::repeat_n(k, [80, 40, 20, 10][k])).collect();
    for (name, labels, shift) in [("train", tail, 0), ("val", balanced(30), 1000), ("test", balanced(40), 2000)] {
        let y: Array1<i64> = labels.iter().map(|y| *y as i64).collect();
        write(folder, &format!("{name}_y.npy"), &y);
        write(folder, &format!("{name}.npy"), &logits(3 + shift, &labels, 2.5).mapv(|v| v as f32));
        if name == "train" {
            continue;
        }
        write(folder, &format!("student_{name}.npy"), &logits(5 + shift, &labels, 2.6));
        write(folder, &format!("baseline_{name}.npy"), &logits(9 + shift, &labels, 1.9));
    }
    let folds: Array1<u8> = (0..150).map(|i| (i % 5) as u8).collect();
    write(folder, "folds.npy", &folds);
    std::fs::write(folder.join("lambda.json"), "{\"multipliers\": [0.1, 0.2, 0.3, 0.4]}").unwrap();
}

/// The numbers and the labels of a set.
fn read(folder: &Path, numbers: &str, labels: &str) -> (Array2<f64>, Vec<usize>) {
    (read_matrix_f64(&array_at(folder, numbers)).unwrap(), read_labels(&array_at(folder, labels)).unwrap())
}

/// A value as it looks once it has been printed and read.
fn printed(value: &impl Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn close(found: &Array2<f32>, expected: &Array2<f64>) -> bool {
    found.dim() == expected.dim() && found.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-7)
}

#[test]
fn diagnose_says_what_the_library_finds() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_models(dir);
    let run = "distill diagnose --logits --student student_test.npy --labels test_y.npy --baseline baseline_test.npy \
               --teacher test.npy --validation-student student_val.npy --validation-labels val_y.npy --worst 1,2 \
               --draws 300 --seed 7 --report diagnose.html";
    let found = json(dir, run);
    let of = |name: &str, labels: &str| {
        let (z, y) = read(dir, name, labels);
        Predictions::of_logits(z.view(), &y).unwrap()
    };
    let [student, baseline, teacher] =
        ["student_test.npy", "baseline_test.npy", "test.npy"].map(|name| of(name, "test_y.npy"));
    for (name, model) in [("student", &student), ("baseline", &baseline), ("teacher", &teacher)] {
        let summary = Summary::of(model, &[1, 2], 300, Seed::new(7)).unwrap();
        assert_eq!(found[name]["summary"], printed(&summary), "{name}");
        assert_eq!(found[name]["recalls"], printed(&model.recalls().unwrap()), "{name}");
    }
    // Student minus baseline, not the other way.
    let change = Comparison::of(&baseline, &student, &[1, 2], 300, Seed::new(7)).unwrap();
    assert_eq!(found["student_minus_baseline"], printed(&change));
    let average = |name: &str| found[name]["summary"]["average"]["value"].as_f64().unwrap();
    let difference = average("student") - average("baseline");
    assert!((found["student_minus_baseline"]["average"]["value"].as_f64().unwrap() - difference).abs() < 1e-12);
    assert_eq!(found["repeated_errors"], printed(&Amplification::of(&teacher, &student, &baseline).unwrap()));
    let gap = Gap::of(&of("student_val.npy", "val_y.npy"), &student, &[1, 2], 300, Seed::new(7)).unwrap();
    assert_eq!(found["validation_minus_test"], printed(&gap));
    assert_eq!((found["points"].as_u64(), found["classes"].as_u64()), (Some(160), Some(4)));
    let page = std::fs::read_to_string(dir.join("diagnose.html")).unwrap();
    assert!(page.matches("<svg").count() == 2 && page.contains("student minus baseline") && !page.contains("NaN"));

    // Lines of a terminal, and the same bytes from the same seed.
    let text = |run: &str| String::from_utf8(tenfold(dir, run).success().get_output().stdout.clone()).unwrap();
    let said = text(run);
    assert!(said.lines().all(|line| line.chars().count() <= 80) && said == text(run), "{said}");
    assert!(said.contains("recall of the worst class") && said.contains("mean of the 2 lowest recalls"), "{said}");
    let reseeded = json(dir, &run.replace("--seed 7", "--seed 8"));
    assert_ne!(reseeded["student"]["summary"], found["student"]["summary"]);

    // A student alone; a teacher without a baseline repeats nothing that could be compared.
    let alone = text("distill diagnose --logits --student student_test.npy --labels test_y.npy --teacher test.npy");
    assert!(alone.contains("needs --baseline") && !alone.contains("student - baseline"), "{alone}");
}

#[test]
fn many_classes_fit_a_terminal_and_a_teacher_without_errors_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let sure = Array2::from_shape_fn((75, 25), |(i, k)| f32::from(u8::from(i % 25 == k)));
    let mut weak = sure.clone();
    weak.row_mut(24).assign(&sure.row(0));
    write(dir, "sure.npy", &sure);
    write(dir, "weak.npy", &weak);
    write(dir, "y.npy", &(0..75).map(|i| i % 25).collect::<Array1<i64>>());
    let run = "distill diagnose --student weak.npy --baseline sure.npy --teacher sure.npy --labels y.npy";
    let said = String::from_utf8(tenfold(dir, run).success().get_output().stdout.clone()).unwrap();
    assert!(
        said.contains("Tables of classes show 20 of 25")
            && said.contains("repeated errors:       none: teacher errors")
    );
    assert!(said.lines().any(|line| line.trim_start().starts_with("24 ")), "{said}");
    let found = json(dir, run);
    assert_eq!(found["student"]["recalls"].as_array().unwrap().len(), 25);
    assert!(found["repeated_errors"].is_null() && found["classes_that_lost"] == serde_json::json!([]));
}

#[test]
fn margins_are_those_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write(dir, "p.npy", &array![[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.8, 0.2]]);
    write(dir, "y.npy", &array![0_i64, 0, 1, 1]);
    let run = "distill margins --teacher p.npy --labels y.npy --source hold-out --report margins.html";
    let found = json(dir, &format!("{run} --out m.json"));
    let used = |found: &Value, class: usize| found["classes"][class]["used"].as_f64().unwrap();
    // (2 p - 1) / 1: 0.8 and 0.4 of class 0, -0.2 and -0.6 of class 1.
    assert!((used(&found, 0) - 0.6).abs() < 1e-12 && (used(&found, 1) + 0.4).abs() < 1e-12, "{found}");
    assert_eq!((&found["source"], &found["undecided"]), (&"hold-out".into(), &serde_json::json!([0, 1])));
    let page = std::fs::read_to_string(dir.join("margins.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("hold-out"));
    // Two examples of each class and kappa = 2: half way to the mean over classes, 0.1.
    let shrunken = json(dir, &format!("{run} --shrinkage 2"));
    assert!((used(&shrunken, 0) - 0.35).abs() < 1e-12 && (used(&shrunken, 1) + 0.15).abs() < 1e-12);
    // Stored at the temperature 2, the probabilities at 1 are p^2, normalised.
    let stored = json(dir, &format!("{run} --applied-temperature 2"));
    let of = |p: f64| 2.0 * p * p / (p * p + (1.0 - p) * (1.0 - p)) - 1.0;
    assert!((used(&stored, 0) - (of(0.9) + of(0.7)) / 2.0).abs() < 1e-12);
    let warm = json(dir, &format!("{run} --applied-temperature 2 --temperature 2"));
    assert!((used(&warm, 0) - 0.6).abs() < 1e-12);
    // Below chance is a threshold too.
    let low = json(dir, &format!("{run} --threshold -1"));
    assert_eq!(low["threshold"].as_f64(), Some(-1.0));
    // A teacher's own training examples say little, and the program says so.
    let warned = tenfold(dir, "distill margins --teacher p.npy --labels y.npy --source in-sample").success();
    assert!(String::from_utf8_lossy(&warned.get_output().stderr).contains("warning: margins of a teacher's own"));
}

#[test]
fn folds_come_as_a_number_or_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_models(dir);
    let run = "distill margins --logits --teacher train.npy --labels train_y.npy --source cross-fit";
    let (z, y) = read(dir, "train.npy", "train_y.npy");
    let teacher = Teacher::logits(z.view(), 1.0).unwrap();
    let margins = Margins::of(&teacher, &y, 1.0, MarginSource::CrossFit { folds: 5 }).unwrap();
    for folds in ["--folds 5", "--fold-of folds.npy"] {
        let found = json(dir, &format!("{run} {folds}"));
        assert_eq!(found["source"], serde_json::json!({"cross-fit": {"folds": 5}}));
        let estimate = |class: usize| &found["classes"][class];
        assert!((0..CLASSES).all(|k| estimate(k)["lo"] == printed(&margins.estimates()[k].lo)), "{found}");
    }
}

#[test]
fn from_margins_to_targets() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write(dir, "p.npy", &array![[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.8, 0.2]]);
    write(dir, "y.npy", &array![0_i64, 0, 1, 1]);
    tenfold(dir, "distill margins --teacher p.npy --labels y.npy --source hold-out --out m.json").success();
    let run = "distill targets --method adaalpha --teacher p.npy --labels y.npy --margins m.json";
    let found = json(dir, &format!("{run} --out t.npy --report t.html"));
    // Class 0 has margin 0.6; class 1 is below chance and keeps its labels.
    let targets = read_matrix(&array_at(dir, "t.npy")).unwrap();
    assert!(close(&targets, &array![[0.94, 0.06], [0.82, 0.18], [0.0, 1.0], [0.0, 1.0]]), "{targets}");
    assert_eq!((found["labels_alone"][0].as_u64(), &found["margins"]), (Some(1), &"hold-out".into()));
    assert!((found["teacher_marginal"][0].as_f64().unwrap() - 0.75).abs() < 1e-12);
    assert!((found["targets_marginal"][0].as_f64().unwrap() - 0.44).abs() < 1e-12);
    assert!(std::fs::read_to_string(dir.join("t.html")).unwrap().contains("<svg"));
    // Each example's own margin: 0.8 and 0.4, and labels below chance.
    tenfold(dir, "distill targets --method adaalpha --teacher p.npy --labels y.npy --per-example --out own.npy")
        .success();
    let own = read_matrix(&array_at(dir, "own.npy")).unwrap();
    assert!(close(&own, &array![[0.92, 0.08], [0.88, 0.12], [0.0, 1.0], [0.0, 1.0]]), "{own}");

    // Real logits with shrinkage and a power, as the library has them.
    write_models(dir);
    let margins = "distill margins --logits --teacher val.npy --labels val_y.npy --source external --shrinkage 5";
    tenfold(dir, &format!("{margins} --out m.json")).success();
    let run = "distill targets --method adaalpha --logits --teacher train.npy --labels train_y.npy --margins m.json";
    tenfold(dir, &format!("{run} --temperature 3 --power 0.5 --out t.safetensors")).success();
    let (z, y) = read(dir, "val.npy", "val_y.npy");
    let margins = Margins::of(&Teacher::logits(z.view(), 1.0).unwrap(), &y, 1.0, MarginSource::External).unwrap();
    let margins = margins.with_shrinkage(5.0).unwrap();
    let (z, y) = read(dir, "train.npy", "train_y.npy");
    let method = AdaAlpha::default().with_map(tenfold_distill::AlphaMap::ClipPow { power: 0.5 });
    let expected = method.targets(&Teacher::logits(z.view(), 1.0).unwrap(), &y, &margins, 3.0).unwrap();
    assert!(close(&read_matrix(&array_at(dir, "t.safetensors:targets")).unwrap(), &expected.values));
}

#[test]
fn targets_of_every_method_and_format_are_the_librarys() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_models(dir);
    let (z, _) = read(dir, "train.npy", "train_y.npy");
    let teacher = Teacher::logits(z.view(), 1.0).unwrap();
    let marginal = Marginal::of_teacher(&teacher, 3.0).unwrap();
    let run = |method: &str, out: &str| {
        format!("distill targets --logits --teacher train.npy --temperature 3 --method {method} --out {out}")
    };
    let at = |name: &str| -> ArrayPath { array_at(dir, name) };

    tenfold(dir, &run("plain", "plain.npy")).success();
    let warm = z.mapv(|v| (v / 3.0).exp());
    let sums = warm.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    assert!(close(&read_matrix(&at("plain.npy")).unwrap(), &(&warm / &sums)));
    assert_eq!(&std::fs::read(dir.join("plain.npy")).unwrap()[10..30], b"{'descr': '<f4', 'fo");
    // Stored at that temperature already, it is not applied twice.
    let again =
        "distill targets --teacher plain.npy --applied-temperature 3 --temperature 3 --method plain --out a.npz";
    tenfold(dir, again).success();
    assert!(close(&read_matrix(&at("a.npz:targets")).unwrap(), &(&warm / &sums)));
    assert!(read_vector(&at("a.npz:weights")).is_err());

    let balanced = SoftTargets::balanced(&teacher, &marginal, 3.0).unwrap();
    let multipliers = |alpha: f64| {
        let params = EgParams::default().with_trade_off(alpha);
        Multipliers::given(&[0.1, 0.2, 0.3, 0.4], params).unwrap().costs(&marginal).unwrap()
    };
    write(dir, "lambda.npy", &array![1.0, 2.0, 3.0, 4.0]);
    std::fs::write(dir.join("bare.json"), "[0.1, 0.2, 0.3, 0.4]").unwrap();
    for (method, expected) in [
        ("balanced", balanced),
        ("robust --multipliers lambda.json", SoftTargets::with_costs(&teacher, &multipliers(1.0), 3.0).unwrap()),
        ("robust --multipliers bare.json", SoftTargets::with_costs(&teacher, &multipliers(1.0), 3.0).unwrap()),
        (
            "robust --multipliers lambda.npy --trade-off 0.25",
            SoftTargets::with_costs(&teacher, &multipliers(0.25), 3.0).unwrap(),
        ),
    ] {
        for out in ["t.npz", "t.safetensors"] {
            tenfold(dir, &run(method, out)).success();
            assert!(close(&read_matrix(&at(&format!("{out}:targets"))).unwrap(), &expected.values), "{method} {out}");
            let weights = read_vector_f64(&at(&format!("{out}:weights"))).unwrap();
            assert!(weights.iter().zip(&expected.weights).all(|(a, b)| (a - b).abs() < 1e-6), "{method} {out}");
        }
        // A .npy file has no room for weights: they have a file of their own, or a warning.
        let warned = tenfold(dir, &run(method, "t.npy")).success();
        assert!(String::from_utf8_lossy(&warned.get_output().stderr).contains("no room for the weights"));
        let quiet = tenfold(dir, &format!("{} --weights w.npy", run(method, "t.npy"))).success();
        assert!(quiet.get_output().stderr.is_empty());
        let weights = read_vector_f64(&at("w.npy")).unwrap();
        assert!(weights.iter().zip(&expected.weights).all(|(a, b)| (a - b).abs() < 1e-6));
    }
    // Weighted, every class has the same mass.
    let found = json(dir, &run("balanced", "t.npz"));
    assert!((0..CLASSES).all(|k| (found["targets_marginal"][k].as_f64().unwrap() - 0.25).abs() < 1e-12), "{found}");
}

#[test]
fn a_class_that_the_teacher_never_predicts_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write(dir, "p.npy", &array![[0.9, 0.1, 0.0], [0.7, 0.3, 0.0]]);
    let run = "distill targets --teacher p.npy --out t.npz --json --method";
    let warned = tenfold(dir, &format!("{run} balanced")).success();
    let output = warned.get_output();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("warning: --teacher p.npy: class 2: the teacher's marginal is 0.000e0 and was raised"),
        "{said}"
    );
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(found["warnings"][0].as_str().unwrap().contains("class 2"));
    // Nothing is divided by it here.
    assert!(tenfold(dir, &format!("{run} plain")).success().get_output().stderr.is_empty());
    let logits = tenfold(dir, &format!("{run} plain --logits")).success();
    assert!(String::from_utf8_lossy(&logits.get_output().stderr).contains("is a probability vector"));
}

#[test]
fn post_shift_finds_weights_and_says_what_is_left_on_test() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    // The teacher ranks the rare class rightly and never predicts it.
    write(dir, "p.npy", &array![[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.7, 0.3]]);
    write(dir, "y.npy", &array![0_i64, 0, 1, 1]);
    let run =
        "distill post-shift --validation p.npy --validation-labels y.npy --test p.npy --out w.json --shifted s.npy";
    let found = json(dir, run);
    assert_eq!(found["validation_worst"], serde_json::json!([0.0, 1.0]));
    let shifted = read_matrix(&array_at(dir, "s.npy")).unwrap();
    let predicted: Vec<bool> = shifted.outer_iter().map(|row| row[1] > row[0]).collect();
    assert_eq!(predicted, [false, false, true, true]);
    assert!(shifted.outer_iter().all(|row| (row.sum() - 1.0).abs() < 1e-6));
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(dir.join("w.json")).unwrap()).unwrap();
    assert_eq!(kept["log_weights"], found["log_weights"]);

    write_models(dir);
    let run = "distill post-shift --logits --validation val.npy --validation-labels val_y.npy --test test.npy \
               --test-labels test_y.npy --temperature 2 --steps 50 --moves 20 --draws 300 --seed 3 --worst 1,2 \
               --report shift.html --out w.json --shifted s.npz";
    let found = json(dir, run);
    let ((z, y), (test, test_y)) = (read(dir, "val.npy", "val_y.npy"), read(dir, "test.npy", "test_y.npy"));
    let [validation, test] = [&z, &test].map(|z| Teacher::logits(z.view(), 1.0).unwrap());
    let search = PostShift::default().with_steps(50).with_moves(20);
    let shift = search.search(&validation, &y, 2.0, Seed::new(3)).unwrap();
    assert_eq!(found["log_weights"], printed(&shift.log_weights));
    let of = |teacher: &Teacher<f64>, labels: &[usize]| {
        Predictions::of_classes(shift.predict(teacher).unwrap(), labels, CLASSES).unwrap()
    };
    let (after, fitted) = (of(&test, &test_y), of(&validation, &y));
    let before = Predictions::of_probabilities(test.tempered(2.0).unwrap().view(), &test_y).unwrap();
    let change = Comparison::of(&before, &after, &[1, 2], 300, Seed::new(3)).unwrap();
    assert_eq!(found["after_minus_before"], printed(&change));
    let gap = Gap::of(&fitted, &after, &[1, 2], 300, Seed::new(3)).unwrap();
    assert_eq!(found["validation_minus_test"], printed(&gap));
    let shifted = read_matrix_f64(&array_at(dir, "s.npz:probabilities")).unwrap();
    assert_eq!(Predictions::of_probabilities(shifted.view(), &test_y).unwrap(), after);
    assert_eq!(std::fs::read_to_string(dir.join("shift.html")).unwrap().matches("<svg").count(), 2);
    let bytes = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let first = bytes("w.json");
    let text = String::from_utf8(tenfold(dir, run).success().get_output().stdout.clone()).unwrap();
    assert!(first == bytes("w.json") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
}
