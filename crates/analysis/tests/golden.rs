//! Against `golden/analysis.py`: the definitions in NumPy and SciPy.

use ndarray::{Array2, Array3};
use serde_json::Value;
use tenfold_analysis::collapse::NeuralCollapse;
use tenfold_analysis::{
    Alignment, Decomposition, KlDecomposition, KlPoint, Point, Randomness, Scale, Selection, fit_temperature,
};

/// A golden column, and where we have it.
type Column<P> = (&'static str, fn(&P) -> f64);

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/analysis.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// All numbers of nested arrays, in order.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(numbers).collect(),
        value => vec![number(value)],
    }
}

fn labels(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|v| v as usize).collect()
}

fn logits(golden: &Value) -> (Array3<f32>, Vec<usize>) {
    let values = numbers(&golden["logits"]).into_iter().map(|v| v as f32).collect();
    (Array3::from_shape_vec((7, 24, 4), values).unwrap(), labels(&golden["labels"]))
}

#[track_caller]
fn close(found: f64, golden: f64, tolerance: f64) {
    assert!((found - golden).abs() <= tolerance * golden.abs().max(1e-3), "{found} against {golden}");
}

#[test]
fn squared_loss_point_by_point() {
    let golden = golden();
    let (z, y) = logits(&golden);
    let found = Decomposition::of(z.view(), &y, Scale::logits(), Randomness::Seed).unwrap();
    let columns: [Column<Point>; 6] = [
        ("bias", |p| p.bias),
        ("variance", |p| p.variance),
        ("loss", |p| p.loss),
        ("gini", |p| p.gini),
        ("soft_disagreement", |p| p.soft_disagreement),
        ("disagreement", |p| p.disagreement),
    ];
    for (name, of) in columns {
        for (point, golden) in found.points().iter().zip(numbers(&golden["squared"][name])) {
            close(of(point), golden, 1e-10);
        }
    }
    // The jackknife's error is that of the means without each model.
    let without = numbers(&golden["squared"]["mean_bias_without"]);
    let n = without.len() as f64;
    let centre = without.iter().sum::<f64>() / n;
    let se = (without.iter().map(|v| (v - centre).powi(2)).sum::<f64>() * (n - 1.0) / n).sqrt();
    close(found.averages().unwrap().bias.over_models.se, se, 1e-8);
}

#[test]
fn lines_through_right_points() {
    let golden = golden();
    let (z, y) = logits(&golden);
    let found = Decomposition::of(z.view(), &y, Scale::logits(), Randomness::Seed).unwrap();
    let found = Alignment::of(&found, Selection::default()).unwrap();
    let golden = &golden["squared"];
    assert_eq!(found.points as u64, golden["right"].as_u64().unwrap());
    for (name, found) in [
        ("slope", found.fit.slope),
        ("intercept", found.fit.intercept),
        ("r_squared", found.fit.r_squared),
        ("reverse_slope", found.fit.reverse_slope),
        ("total_slope", found.fit.total_slope),
        ("spearman", found.fit.spearman),
    ] {
        close(found.value, number(&golden[name]), 1e-9);
    }
}

#[test]
fn cross_entropy_and_temperature() {
    let golden = golden();
    let (z, y) = logits(&golden);
    let found = KlDecomposition::of(z.view(), &y, Scale::logits(), Randomness::Seed).unwrap();
    let columns: [Column<KlPoint>; 3] = [("bias", |p| p.bias), ("variance", |p| p.variance), ("loss", |p| p.loss)];
    for (name, of) in columns {
        for (point, golden) in found.points.iter().zip(numbers(&golden["divergence"][name])) {
            close(of(point), golden, 1e-9);
        }
    }
    let found = fit_temperature(z.view(), &y).unwrap();
    close(found.temperature, number(&golden["temperature"]["temperature"]), 2e-6);
    close(found.after, number(&golden["temperature"]["after"]), 1e-9);
}

#[test]
fn neural_collapse() {
    let golden = &golden()["collapse"];
    let table = |value: &Value, rows: usize| {
        Array2::from_shape_vec((rows, 6), numbers(value).into_iter().map(|v| v as f32).collect()).unwrap()
    };
    let (x, head, y) = (table(&golden["embeddings"], 25), table(&golden["head"], 4), labels(&golden["labels"]));
    let found = NeuralCollapse::of(x.view(), &y, 4, Some((head.view(), None))).unwrap();
    for (name, found) in [
        ("within", found.within),
        ("lengths", found.lengths),
        ("angles", found.angles),
        ("spread", found.spread),
        ("duality", found.duality.unwrap()),
        ("nearest", found.nearest.unwrap()),
        ("nearest_error", found.nearest_error),
    ] {
        close(found, number(&golden[name]), 1e-8);
    }
}
