//! Data for tests.

#![allow(dead_code, reason = "each test file uses its own part")]

use ndarray::Array2;
use rand::RngExt;
use tenfold_core_tensor::seed::Seed;

/// Numbers uniform in -1..1, rounded to `levels` steps a unit so that small values make ties.
pub(crate) fn uniform(n: usize, width: usize, levels: i32, seed: u64) -> Array2<f32> {
    let mut rng = Seed::new(seed).rng();
    Array2::from_shape_simple_fn((n, width), || rng.random_range(-levels..=levels) as f32 / levels as f32)
}

/// Points around `centres` random centres, the last cluster far smaller and far away: hard for a graph.
pub(crate) fn clustered(n: usize, width: usize, centres: usize, seed: u64) -> Array2<f32> {
    let (middle, noise) = (uniform(centres, width, 1000, seed), uniform(n, width, 1000, seed + 1));
    Array2::from_shape_fn((n, width), |(i, c)| {
        let far = if i % 997 == 0 { 50.0 } else { 0.0 };
        20.0 * middle[[i % centres, c]] + noise[[i, c]] + far
    })
}

/// Labels below `n_classes`.
pub(crate) fn labels(n: usize, n_classes: usize, seed: u64) -> Vec<usize> {
    let mut rng = Seed::new(seed).rng();
    (0..n).map(|_| rng.random_range(0..n_classes)).collect()
}
