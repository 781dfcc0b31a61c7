//! `tenfold analysis` as a user runs it.

use crate::fixture::{array_at, json, tenfold};
use ndarray::{Array1, Array2, Array3, s};
use std::path::Path;
use tenfold_core_tensor::arrays::{Npy, read_vector, write_npy, write_npz};

const MODELS: usize = 8;
const POINTS: usize = 120;
const CLASSES: usize = 3;

/// A number from -1 to 1 that looks random.
fn noise(a: usize, b: usize, c: usize) -> f32 {
    ((a * 7919 + b * 104_729 + c * 1_299_709) % 10_007) as f32 / 5003.0 - 1.0
}

/// Logits of eight models on test and validation points, embeddings and a head. Every tenth label is not what the models think.
pub(crate) fn write_ensemble(folder: &Path) {
    let label = |i: usize| i % CLASSES;
    let given = |i: usize| if i % 10 == 9 { (label(i) + 1) % CLASSES } else { label(i) };
    let logits = |points: usize, first: usize| {
        Array3::from_shape_fn((MODELS, points, CLASSES), |(t, i, k)| {
            let sure = 1.0 + (i % 11) as f32 / 2.0;
            noise(t, i + first, k) + if label(i) == k { sure } else { 0.0 }
        })
    };
    let labels = |points: usize| (0..points).map(|i| given(i) as i64).collect::<Array1<i64>>();
    let (test, validation) = (logits(POINTS, 0), logits(60, 5_000));
    write_npy(folder.join("logits.npy"), test.view()).unwrap();
    write_npy(folder.join("labels.npy"), labels(POINTS).view()).unwrap();
    let (y, one) = (labels(60), test.slice(s![0, .., ..]).to_owned());
    let arrays: [(&str, &dyn Npy); 2] = [("logits", &validation.view()), ("y", &y.view())];
    write_npz(folder.join("validation.npz"), &arrays).unwrap();
    write_npy(folder.join("one.npy"), one.view()).unwrap();
    let probabilities = test.map_axis(ndarray::Axis(2), |row| row.mapv(f32::exp).sum());
    let mut p = test.mapv(f32::exp);
    for ((t, i), sum) in probabilities.indexed_iter() {
        p.slice_mut(s![t, i, ..]).mapv_inplace(|v| v / sum);
    }
    write_npy(folder.join("probabilities.npy"), p.view()).unwrap();
    let embeddings =
        Array2::from_shape_fn((POINTS, 4), |(i, j)| noise(31, i, j) * 0.1 + f32::from(u8::from(label(i) == j)));
    let head = Array2::from_shape_fn((CLASSES, 4), |(k, j)| f32::from(u8::from(k == j)));
    let bias = Array1::<f32>::zeros(CLASSES);
    write_npy(folder.join("embeddings.npy"), embeddings.view()).unwrap();
    let arrays: [(&str, &dyn Npy); 2] = [("w", &head.view()), ("b", &bias.view())];
    write_npz(folder.join("head.npz"), &arrays).unwrap();
}

fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[test]
fn from_logits_to_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_ensemble(dir);
    let run = "analysis bias-variance --predictions logits.npy --logits --labels labels.npy --randomness seed --kl \
               --out points.npz --report report.html";
    let found = json(dir, run);
    assert_eq!((found["models"].as_u64(), found["points"].as_u64()), (Some(8), Some(120)));
    assert_eq!(found["differ_in"], "seed");
    assert!((number(&found["accuracy_of_mean"]) - 0.9).abs() < 0.02, "{found}");
    let (bias, variance) = (&found["squared_bias"]["over_both"], &found["variance"]["over_both"]);
    let loss = number(&found["mean_loss"]["over_both"]["value"]);
    assert!((number(&bias["value"]) + number(&variance["value"]) - loss).abs() < 1e-12);
    assert!(number(&found["largest_misfit"][0]) < 1e-14);
    assert!(
        number(&found["nulls"]["dealt"]["tau"]) > 0.1 && found["wrong_points"]["count"].as_u64() == Some(12),
        "{found}"
    );
    // The file has what was said.
    let of_points = read_vector(&array_at(dir, "points.npz:unbiased_bias")).unwrap();
    assert_eq!(of_points.len(), POINTS);
    assert!((f64::from(of_points.mean().unwrap()) - number(&bias["value"])).abs() < 1e-6);
    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(page.contains("one draw of the null") && page.contains("<svg") && !page.contains("NaN"));
    assert!(page.contains("floor: Bias^2 = Var / 7") && page.contains("log (Bias^2 / Var), natural"));
    assert!(page.contains("what differs from model to model: initial weights and order of the samples"));

    // Beside the slope of the first five models stands the null of five.
    let fewer = &found["fewer_models"];
    assert!(fewer.as_array().unwrap().len() == 1 && fewer[0]["models"].as_u64() == Some(5), "{fewer}");
    assert!(
        number(&fewer[0]["nulls"]["normal"]["drawn"]["slope"]["mean"]) > 0.5
            && fewer[0]["alignment"]["fit"]["slope"].is_object()
    );

    // Halves that share no noise, in the file and in what is said.
    let split = &found["two_split"];
    for (name, column) in [("first_bias", "points.npz:first_bias"), ("second_variance", "points.npz:second_variance")] {
        let of_points = read_vector(&array_at(dir, column)).unwrap();
        assert!((f64::from(of_points.mean().unwrap()) - number(&split[name]["value"])).abs() < 1e-6, "{split}");
    }
    assert!(number(&split["line"]["slope"]["lo"]) < number(&split["line"]["slope"]["hi"]) && split["points"] == 108);

    // Wrong points stand above the diagonal; both sides are all points.
    let (right, wrong) = (&found["right_points"], &found["wrong_points"]);
    assert_eq!((right["count"].as_u64(), wrong["count"].as_u64()), (Some(108), Some(12)));
    assert_eq!((number(&wrong["above"]["value"]), number(&wrong["above"]["hi"])), (1.0, 1.0));
    assert!(number(&wrong["above"]["lo"]) > 0.7);
    assert!(number(&wrong["median_log_ratio"]) > number(&right["median_log_ratio"]) + 1.0, "{wrong} {right}");

    // Ensembles drawn from the models agree with the jackknife as far as eight models can.
    let drawn = json(dir, &format!("{run} --bootstrap 400"));
    assert_eq!(drawn["squared_bias"], found["squared_bias"]);
    for (name, key) in [("squared_bias", "bias"), ("variance", "variance"), ("mean_loss", "loss")] {
        let (jackknife, bootstrap) = (&found[name]["over_both"], &drawn["bootstrap_averages"][key]["over_both"]);
        assert_eq!(jackknife["value"], bootstrap["value"]);
        let ratio = number(&bootstrap["se"]) / number(&jackknife["se"]);
        assert!((0.6..1.5).contains(&ratio), "{name}: {ratio}");
    }
    let r_squared = &drawn["bootstrap_fit"]["r_squared"];
    assert!(number(&r_squared["hi"]) <= 1.0 && number(&r_squared["lo"]) < number(&r_squared["hi"]), "{r_squared}");
    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(page.contains("400 ensembles of as many models"));

    // Probabilities say the same as the logits they came from.
    let again = json(dir, "analysis bias-variance --predictions probabilities.npy --labels labels.npy");
    let apart = number(&again["squared_bias"]["over_both"]["value"]) - number(&bias["value"]);
    assert!(apart.abs() < 1e-6, "{apart}");

    // A terminal of eighty columns shows every line.
    let text = said(dir, &format!("{run} --bootstrap 200"));
    for words in ["first 5 ", "of the first 4 models", "independent noise", "median log ratio:", "differ in:"] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
}

/// What a command prints, which fits eighty columns.
fn said(dir: &Path, command: &str) -> String {
    let output = tenfold(dir, command).success().get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    text
}

#[test]
fn a_range_of_variances_is_for_all_that_is_said_of_points() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_ensemble(dir);
    // On every fifth point all models are as sure of the label's class as single precision can be.
    let mut z = Array3::from_shape_fn((MODELS, POINTS, CLASSES), |(t, i, k)| {
        noise(t, i, k) + if i % CLASSES == k { 1.0 + (i % 11) as f32 / 2.0 } else { 0.0 }
    });
    for i in (0..POINTS).step_by(5) {
        for t in 0..MODELS {
            (0..CLASSES).for_each(|k| z[[t, i, k]] = if i % CLASSES == k { 900.0 } else { -900.0 });
        }
    }
    write_npy(dir.join("sure.npy"), z.view()).unwrap();
    let run = "analysis bias-variance --predictions sure.npy --logits --labels labels.npy";
    let counts = |more: &str| {
        let found = json(dir, &format!("{run} {more}"));
        let of = |name: &str, key: &str| found[name][key].as_u64().unwrap();
        let aligned = found["aligned_points"].as_u64();
        assert!(aligned.is_none() || aligned == Some(of("right_points", "count")), "{found}");
        assert_eq!(found["zero_variance"].as_u64(), Some(24));
        [of("right_points", "count"), of("wrong_points", "count"), of("right_points", "without_logarithm")]
    };
    let [right, wrong, without] = counts("");
    assert!(right + wrong == 120 && without > 0);
    // A largest variance leaves points without any where they are, and says how many.
    assert_eq!(counts("--max-variance 2")[..], [right, wrong, without]);
    assert_eq!(counts("--min-variance 0")[2], 0);
    // Nobody is left: nothing is divided by none.
    assert_eq!(counts("--min-variance 1.9"), [0, 0, 0]);
    let text = said(dir, &format!("{run} --min-variance 1.9 --report none.html"));
    assert!(text.contains("wrong points:          0\n") && !text.contains("NaN"), "{text}");
    assert!(!std::fs::read_to_string(dir.join("none.html")).unwrap().contains("NaN"));
}

#[test]
fn models_that_agree_have_a_report_without_a_scatter() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_ensemble(dir);
    write_npy(dir.join("same.npy"), Array3::<f32>::from_elem((4, POINTS, CLASSES), 1.0).view()).unwrap();
    let text = said(
        dir,
        "analysis bias-variance --predictions same.npy --logits --labels labels.npy --out same.npz --report same.html",
    );
    assert!(text.contains("alignment:             none: "), "{text}");
    assert!(std::fs::read_to_string(dir.join("same.html")).unwrap().contains("nothing to draw"));
    assert!(dir.join("same.npz").exists());
}

#[test]
fn calibration_given_a_statistic_and_what_the_bound_is() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_ensemble(dir);
    // Every tenth label is off: of these points the models are as sure as of the others.
    let off: Array1<f32> = (0..POINTS).map(|i| if i % 10 == 9 { 1.0 } else { 0.0 }).collect();
    write_npy(dir.join("off.npy"), off.view()).unwrap();
    let run = "analysis calibration --predictions logits.npy --logits --labels labels.npy --randomness order --by off.npy \
               --report calibration.html";
    let found = json(dir, run);
    assert_eq!(found["differ_in"], "order");
    let given = &found["error_given"];
    assert_eq!(given["bins"].as_array().unwrap().len(), 2, "{given}");
    assert_eq!((given["bins"][1]["n"].as_u64(), number(&given["bins"][1]["outcome"])), (Some(12), 0.0));
    assert!(number(&given["plain"]) > number(&found["top_label_error"]["plain"]), "{found}");
    let bound = &found["gap_bound"];
    let apart = number(&bound["right_debiased"]["value"]) - number(&bound["left"]["value"]);
    assert!((number(&bound["difference"]["value"]) - apart).abs() < 1e-12, "{bound}");
    let mean = &found["class_wise_mean"]["debiased"];
    assert!(number(&mean["lo"]) < number(&mean["value"]) && number(&mean["se"]) > 0.0, "{mean}");
    let text = said(dir, run);
    assert!(text.contains("differ in:             order of the samples") && text.contains("in 2 bins"), "{text}");
    let verdicts = ["is below the right", "cannot be told apart", "is above the right"];
    let interval = ["lo", "hi"].map(|end| number(&bound["difference"][end]));
    let verdict = if interval[0] > 0.0 { verdicts[0] } else { verdicts[if interval[1] < 0.0 { 2 } else { 1 }] };
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(verdict), "{text}");
    let page = std::fs::read_to_string(dir.join("calibration.html")).unwrap();
    for words in ["Given off.npy", "order of the samples", "squared probability, mean in the bin", verdict] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn calibration_and_collapse() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_ensemble(dir);
    let run = "analysis calibration --predictions logits.npy --logits --labels labels.npy --validation-predictions \
               validation.npz:logits --validation-labels validation.npz:y --report calibration.html";
    let found = json(dir, run);
    assert!(number(&found["temperature"]["after"]) <= number(&found["temperature"]["before"]));
    assert!(
        number(&found["top_label_error"]["plain"]) < 0.2 && found["class_wise_error"].as_array().unwrap().len() == 3
    );
    assert!((number(&found["error"]["value"]) - 0.15).abs() < 0.15);
    assert!(std::fs::read_to_string(dir.join("calibration.html")).unwrap().contains("reliability"));
    assert_eq!(found["differ_in"], "unknown");
    let found = json(
        dir,
        "analysis collapse --embeddings embeddings.npy --labels labels.npy --head head.npz:w --bias head.npz:b \
         --logits one.npy --report collapse.html",
    );
    assert!(number(&found["nc2_spread"]) < 0.2 && number(&found["nc4_nearest"]) < 0.05, "{found}");
    assert!(number(&found["frame_scale"]) > 1.0 && number(&found["gumbel"]["correlation"]["value"]) > 0.5);
    assert!(std::fs::read_to_string(dir.join("collapse.html")).unwrap().contains("quantiles"));
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_ensemble(dir);
    let one = Array3::<f32>::zeros((1, POINTS, CLASSES));
    write_npy(dir.join("single.npy"), one.view()).unwrap();
    let mut broken = Array3::<f32>::from_elem((3, 2, 2), 0.5);
    broken[[1, 1, 0]] = f32::NAN;
    write_npy(dir.join("broken.npy"), broken.view()).unwrap();
    write_npy(dir.join("two.npy"), ndarray::array![0_i64, 1].view()).unwrap();
    write_npy(dir.join("far.npy"), ndarray::array![0_i64, 7].view()).unwrap();
    let refused = |command: &str, says: &str| refused(dir, command, says);
    refused("bias-variance --predictions logits.npy --labels labels.npy", "the probabilities sum to");
    let few = "bias-variance --predictions logits.npy --logits --labels labels.npy --bootstrap 9";
    refused(few, "--bootstrap 9: must be at least 200");
    refused("bias-variance --predictions single.npy --logits --labels labels.npy", "models = 1: must be at least 2");
    refused("bias-variance --predictions broken.npy --labels two.npy", "broken.npy: model 1, point 1, class 0: NaN");
    refused("bias-variance --predictions broken.npy --labels labels.npy", "has 2 rows, --labels labels.npy has 120");
    refused("bias-variance --predictions logits.npy --logits --labels gone.npy", "gone.npy");
    refused("bias-variance --predictions one.npy --logits --labels labels.npy", "must have three axes");
    refused("calibration --predictions probabilities.npy --labels labels.npy --bins 0", "--bins 0: must be at least 1");
    refused("collapse --embeddings embeddings.npy --labels two.npy", "must describe the same examples");
    write_npy(dir.join("fine.npy"), Array3::<f32>::from_elem((3, 2, 2), 0.5).view()).unwrap();
    refused(
        "bias-variance --predictions fine.npy --labels far.npy",
        "--labels far.npy: point 1: label 7, must be below the 2 classes",
    );
}

/// Runs a verb that must fail with exit code 2, say so, and leave no file behind.
fn refused(dir: &Path, command: &str, says: &str) {
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let out =
        if command.starts_with("bias-variance") { "--out out.npz --report out.html" } else { "--report out.html" };
    let assert = tenfold(dir, &format!("analysis {command} {out}")).code(2);
    let text = String::from_utf8_lossy(&assert.get_output().stderr).to_string();
    assert!(text.contains(says), "{command}: {says:?} is not in {text}");
    assert_eq!(names(), before, "{command}");
}

#[test]
fn bad_settings_of_bias_variance_name_the_option() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_ensemble(dir);
    write_npy(dir.join("pair.npy"), Array3::<f32>::zeros((2, POINTS, CLASSES)).view()).unwrap();
    let refused = |more: &str, says: &str| {
        refused(dir, &format!("bias-variance --predictions logits.npy --logits --labels labels.npy {more}"), says);
    };
    refused("--draws 10", "--draws 10: must be at least 200");
    refused("--min-variance nan", "--min-variance NaN: must be a finite number, not below 0");
    refused("--min-variance=-0.1", "--min-variance -0.1: must be a finite number");
    refused("--max-variance inf", "--max-variance inf: must be a finite number");
    refused("--max-variance=-1", "--max-variance -1: must be a finite number");
    refused("--max-variance 0", "--max-variance 0: must be above 0");
    refused("--min-variance 0.2 --max-variance 0.1", "--max-variance 0.1: must be above --min-variance 0.2");
    refused("--temperature 0", "--temperature 0: must be above 0");
    let few = "bias-variance --predictions pair.npy --logits --labels labels.npy";
    self::refused(dir, few, "--predictions pair.npy: holds two models");
    let tolerance = "bias-variance --predictions probabilities.npy --labels labels.npy --sum-tolerance nan";
    self::refused(dir, tolerance, "--sum-tolerance NaN: must be above 0");
}

#[test]
fn bad_input_of_calibration_names_the_option() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_ensemble(dir);
    let of = |more: &str| format!("calibration --predictions logits.npy --logits --labels labels.npy {more}");
    write_npy(dir.join("models.npy"), Array3::<f32>::zeros((3, 60, CLASSES)).view()).unwrap();
    write_npy(dir.join("classes.npy"), Array3::<f32>::zeros((MODELS, 60, 4)).view()).unwrap();
    for (file, shape) in [("models.npy", "[3, 60, 3]"), ("classes.npy", "[8, 60, 4]")] {
        let command = of(&format!("--validation-predictions {file} --validation-labels validation.npz:y"));
        let says = format!("--validation-predictions {file}: {shape} against [8, 120, 3] of --predictions logits.npy");
        refused(dir, &command, &says);
    }
    let mut by = Array1::<f32>::zeros(POINTS);
    by[7] = f32::NAN;
    write_npy(dir.join("nan.npy"), by.view()).unwrap();
    write_npy(dir.join("short.npy"), Array1::<f32>::zeros(5).view()).unwrap();
    by[7] = 0.0;
    write_npy(dir.join("by.npy"), by.view()).unwrap();
    refused(dir, &of("--by nan.npy"), "--by nan.npy: number 7 is NaN, must be finite");
    refused(dir, &of("--by short.npy"), "--by short.npy: has 5 numbers, must have one for each of the 120 points");
    refused(dir, &of("--by gone.npy"), "gone.npy");
    refused(dir, &of("--by by.npy --bins 61"), "--bins 61: needs at least two points for each");
}

#[test]
fn bad_input_of_collapse_names_the_option() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_ensemble(dir);
    let base = "collapse --labels labels.npy --embeddings";
    let head = |more: &str| format!("{base} embeddings.npy --head {more}");
    let matrix = |name: &str, rows: usize, columns: usize, value: f32| {
        write_npy(dir.join(name), Array2::from_elem((rows, columns), value).view()).unwrap();
    };
    matrix("nan.npy", CLASSES, 4, f32::NAN);
    matrix("zero.npy", CLASSES, 4, 0.0);
    matrix("narrow.npy", CLASSES, 3, 1.0);
    matrix("points.npy", POINTS, 4, f32::INFINITY);
    matrix("same.npy", POINTS, 4, 0.0);
    matrix("wide.npy", POINTS, 5, 0.0);
    refused(dir, &head("nan.npy"), "--head nan.npy: head = NaN in row 0, column 0: must be a finite number");
    refused(dir, &head("zero.npy"), "--head zero.npy: head = zeros alone");
    refused(dir, &head("narrow.npy"), "--head narrow.npy: head and embeddings: [3, 3] against [3, 4]");
    for (name, bias, says) in [
        ("nan-bias.npy", Array1::from_elem(CLASSES, f32::NAN), "bias = NaN in row 0, column 0"),
        ("long.npy", Array1::zeros(4), "bias and classes: [4] against [3]"),
    ] {
        write_npy(dir.join(name), bias.view()).unwrap();
        refused(dir, &head(&format!("head.npz:w --bias {name}")), &format!("--bias {name}: {says}"));
    }
    refused(dir, &format!("{base} points.npy"), "--embeddings points.npy: embeddings = inf in row 0, column 0");
    refused(dir, &format!("{base} same.npy"), "--embeddings same.npy: embeddings = one mean for all classes");
    // Class 1 is in the middle of the others.
    let labels: Array1<i64> = read_vector(&array_at(dir, "labels.npy")).unwrap().mapv(|label| label as i64);
    let middle = Array2::from_shape_fn((POINTS, 4), |(i, j)| if j == 0 { labels[i] as f32 - 1.0 } else { 0.0 });
    write_npy(dir.join("middle.npy"), middle.view()).unwrap();
    refused(
        dir,
        &format!("{base} middle.npy"),
        "--embeddings middle.npy: embeddings = the mean of class 1 is the centre",
    );
    let logits = head("head.npz:w --logits wide.npy");
    refused(dir, &logits, "--logits wide.npy: has 5 classes, --head head.npz:w has 3");
    write_npy(dir.join("far.npy"), labels.mapv(|label| label + 1).view()).unwrap();
    let far = "collapse --labels far.npy --embeddings embeddings.npy --head head.npz:w";
    refused(dir, far, "--labels far.npy: point ");
}
