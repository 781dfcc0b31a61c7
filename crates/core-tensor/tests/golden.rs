//! Our statistics, operations and array files against NumPy's and SciPy's (`golden/core_tensor.py`).

use ndarray::{Array2, array};
use serde_json::Value;
use std::path::PathBuf;
use tenfold_core_tensor::arrays::{ArrayPath, RowBlocks, read_labels, read_matrix, read_vector};
use tenfold_core_tensor::ops::{nearest, simplex, softmax, walsh_hadamard};
use tenfold_core_tensor::stats;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden(part: &str) -> Value {
    let text = std::fs::read_to_string(folder().join("values.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()[part].clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

#[track_caller]
fn close(ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len());
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "entry {i}: ours {a}, theirs {b}");
    }
}

#[test]
fn statistics() {
    let g = golden("stats");
    let (x, xt, y) = (numbers(&g["x"]), numbers(&g["x_with_ties"]), numbers(&g["y"]));
    let m = stats::mean_interval(&x).unwrap();
    // statrs inverts Student's t to about nine digits.
    close(&[m.value, m.lo, m.hi], &numbers(&g["mean"]), 1e-8);
    let mut sorted = x.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    close(&[stats::quantile_of_sorted(&sorted, 0.3)], &[g["quantile_0.3"].as_f64().unwrap()], 1e-14);
    close(&stats::ranks(&y), &numbers(&g["ranks"]), 0.0);
    let coefficients = [stats::pearson(&x, &y), stats::spearman(&xt, &y), stats::kendall(&xt, &y)].map(Result::unwrap);
    close(&coefficients, &["pearson", "spearman", "kendall"].map(|k| g[k].as_f64().unwrap()), 1e-13);
    let line = stats::line_fit(&x, &y).unwrap();
    close(&[line.slope.value, line.intercept, line.slope.se, line.r_squared], &numbers(&g["line"]), 1e-12);
    for p in g["proportions"].as_array().unwrap() {
        let (k, n) = (p["k"].as_u64().unwrap() as usize, p["n"].as_u64().unwrap() as usize);
        let (w, e) = (stats::wilson(k, n).unwrap(), stats::clopper_pearson(k, n).unwrap());
        close(&[w.lo, w.hi], &numbers(&p["wilson"]), 1e-12);
        close(&[e.lo, e.hi], &numbers(&p["exact"]), 1e-6);
    }
}

#[test]
fn calibration() {
    let g = golden("calibration");
    let (c, o) = (numbers(&g["confidence"]), numbers(&g["outcome"]));
    let bins = stats::calibration_bins(&c, &o, 10, stats::Binning::EqualWidth).unwrap();
    close(&[stats::expected_calibration_error(&bins)], &[g["ece_10_equal_width"].as_f64().unwrap()], 1e-14);
}

#[test]
fn operations() {
    let g = golden("ops");
    let mut v = numbers(&g["simplex_in"]);
    simplex::project_onto_simplex(&mut v);
    close(&v, &numbers(&g["simplex_out"]), 1e-14);
    let mut h = numbers(&g["hadamard_in"]);
    walsh_hadamard::walsh_hadamard(&mut h).unwrap();
    close(&h, &numbers(&g["hadamard_out"]), 1e-13);
    let norms = numbers(&g["log_sum_exp"]);
    for ((mut z, p), norm) in rows(&g["logits"]).into_iter().zip(rows(&g["softmax"])).zip(norms) {
        close(&[softmax::log_sum_exp(&z)], &[norm], 1e-14);
        softmax::softmax_in_place(&mut z);
        close(&z, &p, 1e-13);
    }
    let matrix = |v: &Value| {
        let r = rows(v);
        Array2::from_shape_fn((r.len(), r[0].len()), |(i, j)| r[i][j] as f32)
    };
    let found =
        nearest::nearest(matrix(&g["keys"]).view(), matrix(&g["queries"]).view(), 8, nearest::Metric::Euclidean)
            .unwrap();
    let distances: Vec<f64> = found.distances.iter().map(|d| f64::from(*d)).collect();
    close(&distances, &rows(&g["distances"]).concat(), f64::from(f32::EPSILON));
    let indices: Vec<f64> = found.indices.iter().map(|i| f64::from(*i)).collect();
    close(&indices, &rows(&g["nearest"]).concat(), 0.0);
}

fn file(name: &str) -> ArrayPath {
    folder().join("arrays").join(name).to_str().unwrap().parse().unwrap()
}

#[test]
fn array_files_that_numpy_wrote() {
    let base = Array2::from_shape_fn((3, 4), |(i, j)| (4 * i + j) as f32 - 4.5);
    for name in ["f2.npy", "f4.npy", "f8.npy", "big-f4.npy", "fortran.npy", "set.npz:emb", "set.safetensors:emb"] {
        assert_eq!(read_matrix(&file(name)).unwrap(), base, "{name}");
        let mut blocks = RowBlocks::open(&file(name)).unwrap();
        let (first, second) = (blocks.next_block(2).unwrap().unwrap(), blocks.next_block(2).unwrap().unwrap());
        assert_eq!(ndarray::concatenate![ndarray::Axis(0), first, second], base, "{name}");
        assert!(blocks.next_block(2).unwrap().is_none());
    }
    let whole = base.mapv(f32::trunc);
    for (name, want) in
        [("i1.npy", &whole), ("i8.npy", &whole), ("big-i2.npy", &whole), ("u4.npy", &base.mapv(|v| v.abs().trunc()))]
    {
        assert_eq!(&read_matrix(&file(name)).unwrap(), want, "{name}");
    }
    assert_eq!(read_vector(&file("bool.npy")).unwrap(), array![0.0, 0.0, 1.0, 1.0]);
    for name in ["set.npz:y", "set.safetensors:y"] {
        assert_eq!(read_labels(&file(name)).unwrap(), [2, 0, 1], "{name}");
    }
}

#[test]
fn wrong_requests_are_named() {
    let text = |e: tenfold_core_tensor::arrays::ArrayError| e.to_string();
    assert!(
        text(read_matrix(&file("set.npz")).unwrap_err())
            .ends_with("name one array as FILE:KEY; the file holds: emb, y")
    );
    assert!(text(read_matrix(&file("set.safetensors:z")).unwrap_err()).contains("no such key"));
    assert!(text(read_matrix(&file("bool.npy")).unwrap_err()).contains("shape [4]; must have two axes"));
    assert!(
        text(read_labels(&file("set.npz:emb")).unwrap_err()).contains("elements are float32; labels must be integers")
    );
    assert!(text(read_labels(&file("i1.npy")).unwrap_err()).contains("must have one axis"));
    assert!(text(read_matrix(&file("none.npy")).unwrap_err()).contains("No such file"));
    assert!(text(read_matrix(&file("values.json")).unwrap_err()).contains("values.json"));
}
