//! Noise of one size on points of its own.

use super::fit::{Fit, fit};
use crate::decomposition::Selection;
use crate::error::{AnalysisError, require};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal, Uniform};
use tenfold_core_tensor::seed::{Rng, Seed};
use tenfold_core_tensor::stats::mean;

/// Statistics of noise of one size on points of its own: mean margins uniform from 0.5 to 12, correct or not.
///
/// ```
/// use tenfold_analysis::uniform_null;
/// use tenfold_core_tensor::seed::Seed;
/// let f = uniform_null(0.83, 50, 5_000, false, Seed::new(1))?;
/// assert!((f.slope - 1.04).abs() < 0.02 && (f.r_squared - 0.995).abs() < 0.004);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// Fewer than two models or three points.
pub fn uniform_null(
    tau: f64,
    models: usize,
    points: usize,
    unbiased: bool,
    seed: Seed,
) -> Result<Fit<f64>, AnalysisError> {
    require(models >= 2, "models", models, "must be at least 2")?;
    let mut rng = seed.named("uniform-null").rng();
    let margins = Uniform::new(0.5, 12.0).expect("a range");
    let selection = Selection { unbiased, ..Selection::default() };
    let pairs: Vec<(f64, f64)> = (0..points)
        .map(|_| {
            let mu = rng.sample(margins);
            let (b, v) = noisy(mu, tau, models, &mut rng);
            pair(b, v, 1.0, models, selection)
        })
        .collect();
    fit(&pairs)
}

/// Squared mean and plug-in variance of `sigmoid(-z)`, `z ~ N(mu, tau^2)`, over so many models.
fn noisy(mu: f64, tau: f64, models: usize, rng: &mut Rng) -> (f64, f64) {
    let wrong: Vec<f64> = (0..models)
        .map(|_| {
            let z: f64 = StandardNormal.sample(rng);
            1.0 / (1.0 + (mu + tau * z).exp())
        })
        .collect();
    let centre = mean(&wrong);
    (centre * centre, wrong.iter().map(|p| (p - centre).powi(2)).sum::<f64>() / models as f64)
}

fn pair(b: f64, v: f64, spread: f64, models: usize, selection: Selection) -> (f64, f64) {
    let n = models as f64;
    let (b, v) = (b * spread, v * spread);
    if selection.unbiased { (b - v / (n - 1.0), v * n / (n - 1.0)) } else { (b, v) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_an_earlier_simulation() {
        // tau, N, slope, R^2, median log ratio plug-in, unbiased.
        let rows = [
            (0.5, 5, 1.00, 0.984, 1.98, 1.72),
            (0.5, 50, 1.02, 0.997, 1.44, 1.41),
            (0.83, 5, 1.00, 0.984, 1.06, 0.75),
            (0.83, 50, 1.04, 0.995, 0.37, 0.33),
            (1.5, 5, 1.00, 0.985, 0.17, -0.29),
            (1.5, 50, 1.06, 0.988, -0.83, -0.90),
        ];
        for (tau, models, slope, r_squared, plug_in, unbiased) in rows {
            let f = uniform_null(tau, models, 5_000, false, Seed::new(3)).unwrap();
            assert!((f.slope - slope).abs() < 0.02, "{tau} {models}: slope {}", f.slope);
            assert!((f.r_squared - r_squared).abs() < 0.006, "{tau} {models}: R^2 {}", f.r_squared);
            assert!((f.log_ratio - plug_in).abs() < 0.08, "{tau} {models}: {}", f.log_ratio);
            let f = uniform_null(tau, models, 5_000, true, Seed::new(3)).unwrap();
            assert!((f.log_ratio - unbiased).abs() < 0.09, "{tau} {models}: unbiased {}", f.log_ratio);
        }
    }
}
