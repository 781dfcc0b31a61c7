//! Seeded inputs.

use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use tenfold_core_tensor::seed::Seed;

/// A matrix of independent standard normal numbers.
///
/// ```
/// use tenfold_benches::inputs::gaussian;
/// use tenfold_core_tensor::seed::Seed;
/// let x = gaussian(200, 50, Seed::new(7));
/// assert_eq!(x, gaussian(200, 50, Seed::new(7)));
/// // 10,000 numbers: the mean has a standard deviation of 0.01.
/// assert!(x.mean().unwrap().abs() < 0.05);
/// ```
pub fn gaussian(rows: usize, columns: usize, seed: Seed) -> Array2<f32> {
    let mut rng = seed.rng();
    Array2::from_shape_simple_fn((rows, columns), || StandardNormal.sample(&mut rng))
}
