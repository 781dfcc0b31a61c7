//! Against `golden/resmem.py`, which computes the same by the definition in NumPy.

use ndarray::{Array1, Array2, Axis};
use serde_json::Value;
use tenfold_core_tensor::ops::nearest::Metric;
use tenfold_resmem::theory::norm_constrained_least_squares;
use tenfold_resmem::{Kernel, Memory, MemoryConfig, Params, Projection, Ridge, Sigma, Targets};

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/resmem.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn single(value: &Value) -> Array2<f32> {
    matrix(value).mapv(|v| v as f32)
}

fn labels(value: &Value) -> Vec<usize> {
    serde_json::from_value(value.clone()).unwrap()
}

#[track_caller]
fn close(found: &Array2<f64>, golden: &Value, tolerance: f64) {
    let worst = (found - &matrix(golden)).iter().fold(0.0_f64, |worst, d| worst.max(d.abs()));
    assert!(worst <= tolerance, "off by {worst:e}, allowed {tolerance:e}");
}

#[test]
fn memories() {
    for case in golden()["cases"].as_array().unwrap() {
        println!("{}", case["name"]);
        let regression = case["regression"].as_bool().unwrap();
        let (keys, base) = (single(&case["keys"]), single(&case["base"]));
        let (queries, query_base) = (single(&case["queries"]), single(&case["query_base"]));
        let targets = match regression {
            true => Targets::Values(single(&case["values"])),
            false => Targets::classes(labels(&case["labels"]), base.ncols()),
        };
        let metric: Metric = serde_json::from_value(case["metric"].clone()).unwrap();
        let config = MemoryConfig::default().with_metric(metric);
        let memory = Memory::from_arrays(keys.view(), base, targets, config).unwrap();
        let params = Params {
            k: case["k"].as_u64().unwrap() as usize,
            sigma: Sigma::Relative(case["sigma_relative"].as_f64().unwrap()),
            temperature: case["temperature"].as_f64().unwrap(),
            kernel: serde_json::from_value::<Kernel>(case["kernel"].clone()).unwrap(),
        };

        // Distances come in single precision. Relative to sigma, which is no smaller than a third of the median
        // first-neighbour distance, even the largest is off by a few dozen epsilon; unit vectors of the cosine are
        // rounded before the subtraction, at distances of a few hundredths.
        let tolerance = f64::from(f32::EPSILON) * if metric == Metric::Cosine { 512.0 } else { 64.0 };
        assert!((memory.distance_scale() - case["scale"].as_f64().unwrap()).abs() < tolerance);
        let prediction = memory.predict(&queries, &query_base, &params).unwrap();
        close(&prediction.scores, &case["scores"], tolerance);
        let found = memory.search(queries.view(), params.k, None).unwrap();
        close(&memory.predict_knn(&found, &params).unwrap().scores, &case["knn"], tolerance);
        let mixture = memory.predict_mixture(&found, &query_base, &params, 0.3).unwrap();
        close(&mixture.scores, &case["mixture_0.3"], tolerance);
        close(&memory.predict_training(&params).unwrap().scores, &case["leave_one_out_scores"], tolerance);
        if !regression {
            close(&prediction.probabilities(Projection::Simplex).unwrap(), &case["simplex"], 2.0 * tolerance);
            close(&prediction.probabilities(Projection::ClipRenormalise).unwrap(), &case["clipped"], 2.0 * tolerance);
        }
    }
}

#[test]
fn ridge() {
    let golden = &golden()["ridge"];
    let (keys, base) = (single(&golden["keys"]), single(&golden["base"]));
    let targets = Targets::classes(labels(&golden["labels"]), base.ncols());
    let memory = Memory::from_arrays(keys.view(), base.clone(), targets, MemoryConfig::default()).unwrap();
    let ridge = Ridge::fit(&memory, golden["penalty"].as_f64().unwrap(), 1.0).unwrap();
    let n = memory.len() as f64;
    close(&ridge.predict(&keys, &base).unwrap().scores, &golden["scores"], 16.0 * n * f64::EPSILON);
}

#[test]
fn constrained_least_squares() {
    let golden = &golden()["constrained"];
    let y: Array1<f64> = serde_json::from_value::<Vec<f64>>(golden["y"].clone()).unwrap().into();
    let bound = golden["bound"].as_f64().unwrap();
    let theta = norm_constrained_least_squares(single(&golden["x"]).view(), y.view(), bound).unwrap();
    let expected: Vec<f64> = serde_json::from_value(golden["theta"].clone()).unwrap();
    let n = y.len() as f64;
    assert!(theta.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 16.0 * n * f64::EPSILON));
    assert!((theta.insert_axis(Axis(0)).mapv(|v| v * v).sum().sqrt() - bound).abs() < 16.0 * f64::EPSILON);
}
