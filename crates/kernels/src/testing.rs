//! What the tests of kernels share.

use proptest::prelude::*;

/// Smooth numbers of size two, without a pattern that a sum could hide in.
pub(crate) fn numbers(len: usize, phase: f64) -> Vec<f32> {
    (0..len).map(|i| ((i as f64 * 1.7 + phase).sin() * 1.5 + (i as f64 * 0.31).cos()) as f32).collect()
}

pub(crate) fn double(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// `v` with `by` added to its i-th number.
pub(crate) fn moved(v: &[f64], i: usize, by: f64) -> Vec<f64> {
    let mut v = v.to_vec();
    v[i] += by;
    v
}

/// Compares the first gradients with central differences of the loss in double precision.
pub(crate) fn check_gradient(found: &[f32], at: &[f64], loss: impl Fn(&[f64]) -> f64) -> Result<(), TestCaseError> {
    let h = 1e-6;
    prop_assert_eq!(found.len(), at.len());
    for (i, &found) in found.iter().enumerate().take(40) {
        let want = (loss(&moved(at, i, h)) - loss(&moved(at, i, -h))) / (2.0 * h);
        prop_assert!((f64::from(found) - want).abs() < 1e-4 * (1.0 + want.abs()), "{}: {} != {}", i, found, want);
    }
    Ok(())
}
