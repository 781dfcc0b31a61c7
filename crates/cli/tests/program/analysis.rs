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
    assert!(number(&found["null"]["tau"]) > 0.1 && found["wrong_points"]["count"].as_u64() == Some(12), "{found}");
    // The file has what was said.
    let of_points = read_vector(&array_at(dir, "points.npz:unbiased_bias")).unwrap();
    assert_eq!(of_points.len(), POINTS);
    assert!((f64::from(of_points.mean().unwrap()) - number(&bias["value"])).abs() < 1e-6);
    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(page.contains("one draw of the null") && page.contains("<svg") && !page.contains("NaN"));

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
    let output = tenfold(dir, run).success().get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
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
    let refused = |command: &str, says: &str| {
        let assert = tenfold(dir, &format!("analysis {command} --report out.html")).code(2);
        let text = String::from_utf8_lossy(&assert.get_output().stderr).to_string();
        assert!(text.contains(says), "{command}: {text}");
        assert!(!dir.join("out.html").exists());
    };
    refused("bias-variance --predictions logits.npy --labels labels.npy", "the probabilities sum to");
    let few = "bias-variance --predictions logits.npy --logits --labels labels.npy --bootstrap 9";
    refused(few, "--bootstrap 9: draws = 9: must be at least 200");
    refused("bias-variance --predictions single.npy --logits --labels labels.npy", "models = 1: must be at least 2");
    refused("bias-variance --predictions broken.npy --labels two.npy", "broken.npy: model 1, point 1, class 0: NaN");
    refused("bias-variance --predictions broken.npy --labels labels.npy", "has 2 rows, --labels labels.npy has 120");
    refused("bias-variance --predictions logits.npy --logits --labels gone.npy", "gone.npy");
    refused("bias-variance --predictions one.npy --logits --labels labels.npy", "must have three axes");
    refused("calibration --predictions probabilities.npy --labels labels.npy --bins 0", "bins = 0");
    refused("collapse --embeddings embeddings.npy --labels two.npy", "must describe the same examples");
    write_npy(dir.join("fine.npy"), Array3::<f32>::from_elem((3, 2, 2), 0.5).view()).unwrap();
    refused(
        "bias-variance --predictions fine.npy --labels far.npy",
        "--labels far.npy: point 1: label 7, must be below the 2 classes",
    );
}
