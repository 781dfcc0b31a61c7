//! Against `golden/memorisation.py`: the definitions in NumPy and SciPy, and diptest's dips.

use ndarray::Array2;
use serde_json::Value;
use tenfold_memorisation::theory::{tau, zipf};
use tenfold_memorisation::{Influence, Study, bimodality, bit_rows};

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/memorisation.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn table(value: &Value) -> Array2<f32> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j] as f32)
}

#[track_caller]
fn close(found: f64, golden: f64, tolerance: f64) {
    assert!((found - golden).abs() <= tolerance, "{found} against {golden}");
}

#[test]
fn scores_and_influence() {
    let golden = &golden()["study"];
    let study = Study::from_arrays(table(&golden["mask"]).view(), table(&golden["correct"]).view()).unwrap();
    let [p_in, p_out, se] = ["p_in", "p_out", "se"].map(|key| numbers(&golden[key]));
    for (i, score) in study.scores().unwrap().iter().enumerate() {
        close(score.p_in, p_in[i], 1e-15);
        close(score.p_out, p_out[i], 1e-15);
        close(score.mem.value, p_in[i] - p_out[i], 1e-15);
        close(score.mem.se, se[i], 1e-14);
        assert!(score.mem.lo <= score.mem.value && score.mem.value <= score.mem.hi);
    }
    let tested = bit_rows("tested", 0, table(&golden["tested"]).view()).unwrap();
    let influence = Influence::new(study.masks()).unwrap().on(&tested).unwrap();
    for (found, golden) in influence.iter().zip(&table(&golden["influence"])) {
        close(f64::from(*found), f64::from(*golden), 1e-6);
    }
}

#[test]
fn dips_and_sarles_coefficients() {
    for sample in golden()["spread"].as_array().unwrap() {
        let spread = bimodality(&numbers(&sample["x"])).unwrap();
        close(spread.dip, sample["dip"].as_f64().unwrap(), 1e-12);
        close(spread.sarle, sample["sarle"].as_f64().unwrap(), 1e-10);
    }
}

#[test]
fn expected_frequencies() {
    for row in golden()["tails"].as_array().unwrap() {
        let whole = |key: &str| row[key].as_u64().unwrap() as usize;
        let golden = row["tau"].as_f64().unwrap();
        close(tau(&zipf(whole("size")), whole("n"), whole("l")).unwrap(), golden, 1e-12 * golden);
    }
}
