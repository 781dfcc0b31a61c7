//! What tests of losses share: numbers, and central differences.

use crate::losses::RowLoss;
use ndarray::Array2;
use rand::RngExt;
use tenfold_core_tensor::ops::softmax::softmax_in_place;
use tenfold_core_tensor::seed::Seed;

/// Scores from -3 to 3.
pub(crate) fn scores(rows: usize, classes: usize, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).rng();
    Array2::from_shape_simple_fn((rows, classes), || 6.0 * rng.random::<f64>() - 3.0)
}

/// Softmaxes of scores.
pub(crate) fn probabilities(rows: usize, classes: usize, seed: u64) -> Array2<f64> {
    let mut p = scores(rows, classes, seed + 1000);
    p.outer_iter_mut().for_each(|mut row| softmax_in_place(row.as_slice_mut().unwrap()));
    p
}

/// The gradient equals central differences of the mean.
#[track_caller]
pub(crate) fn check_gradient(loss: &impl RowLoss, z: &Array2<f64>) {
    let (value, gradient) = loss.gradient(z.view()).unwrap();
    assert!((value - loss.mean(z.view()).unwrap()).abs() < 1e-12);
    let step = 1e-5;
    for ((i, k), &g) in gradient.indexed_iter() {
        let at = |by: f64| {
            let mut moved = z.clone();
            moved[[i, k]] += by;
            loss.mean(moved.view()).unwrap()
        };
        let slope = (at(step) - at(-step)) / (2.0 * step);
        // Truncation is of order step^2, rounding of order 1e-16 / step.
        assert!((slope - g).abs() < 1e-8 * (1.0 + value.abs()), "row {i}, class {k}: {slope} against {g}");
    }
}
