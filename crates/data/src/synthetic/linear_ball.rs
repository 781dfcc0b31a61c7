//! A linear target on a ball: the setting in which residual memory has a theory.
//!
//! A synthetic control. Source: ResMem spec, section 4: `x` uniform on the ball of radius `sqrt(d + 2)` in `R^d`, which
//! has identity covariance; `y = <theta*, x> + s * noise` with `|theta*| = 1` and standard normal noise.

use super::{check_count, check_not_negative, normal};
use crate::error::DataError;
use crate::table::Regression;
use ndarray::Array2;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;

/// Parameters of [`LinearBall`].
///
/// Defaults: `dim = 4`, `noise_sd = 0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearBallParams {
    /// Number of features, `d`.
    pub dim: usize,
    /// `s`: standard deviation of the noise on targets.
    pub noise_sd: f64,
}

impl Default for LinearBallParams {
    fn default() -> Self {
        Self { dim: 4, noise_sd: 0.0 }
    }
}

impl LinearBallParams {
    /// Sets the number of features.
    pub fn with_dim(mut self, dim: usize) -> Self {
        self.dim = dim;
        self
    }

    /// Sets the noise on targets.
    pub fn with_noise_sd(mut self, noise_sd: f64) -> Self {
        self.noise_sd = noise_sd;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`DataError::Param`] unless `dim` is at least 1 and `noise_sd` finite and not negative.
    pub fn validate(&self) -> Result<(), DataError> {
        check_count("dim", self.dim, 1)?;
        check_not_negative("noise_sd", self.noise_sd)
    }
}

/// The target `theta*`, drawn once; every sample shares it.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_data::synthetic::{LinearBall, LinearBallParams};
///
/// let world = LinearBall::new(LinearBallParams::default(), Seed::new(7))?;
/// let train = world.sample(100, Seed::new(7).named("train"))?;
/// let x = train.x.row(0);
/// let value: f64 = x.iter().zip(world.theta()).map(|(&v, t)| f64::from(v) * t).sum();
/// assert_eq!(train.y[0], value);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LinearBall {
    params: LinearBallParams,
    theta: Vec<f64>,
}

impl LinearBall {
    /// Draws `theta*`, uniform on the unit sphere.
    ///
    /// # Errors
    /// As [`LinearBallParams::validate`].
    pub fn new(params: LinearBallParams, seed: Seed) -> Result<Self, DataError> {
        params.validate()?;
        let mut rng = seed.named("linear-ball").rng();
        let raw: Vec<f64> = (0..params.dim).map(|_| normal(&mut rng)).collect();
        let norm = raw.iter().map(|v| v * v).sum::<f64>().sqrt();
        Ok(Self { theta: raw.into_iter().map(|v| v / norm).collect(), params })
    }

    /// The parameters it was drawn from.
    pub fn params(&self) -> &LinearBallParams {
        &self.params
    }

    /// `theta*`, of length `d` and norm 1.
    pub fn theta(&self) -> &[f64] {
        &self.theta
    }

    /// The radius of the ball, `sqrt(d + 2)`.
    pub fn radius(&self) -> f64 {
        (self.params.dim as f64 + 2.0).sqrt()
    }

    /// Draws `n` points with their targets. Targets belong to the stored single-precision points.
    ///
    /// # Errors
    /// [`DataError::Param`] if `n` is 0.
    pub fn sample(&self, n: usize, seed: Seed) -> Result<Regression, DataError> {
        check_count("n", n, 1)?;
        let mut rng = seed.named("linear-ball-sample").rng();
        // Noise has its own stream, so that the same seed gives the same points at every noise level.
        let mut noise = seed.named("linear-ball-noise").rng();
        let dim = self.params.dim;
        let mut x = Array2::zeros((n, dim));
        let mut y = Vec::with_capacity(n);
        for mut row in x.rows_mut() {
            let direction: Vec<f64> = (0..dim).map(|_| normal(&mut rng)).collect();
            let norm = direction.iter().map(|v| v * v).sum::<f64>().sqrt();
            let length = self.radius() * rng.random::<f64>().powf(1.0 / dim as f64);
            for (value, d) in row.iter_mut().zip(&direction) {
                *value = (d / norm * length) as f32;
            }
            let clean: f64 = row.iter().zip(&self.theta).map(|(&v, t)| f64::from(v) * t).sum();
            y.push(clean + self.params.noise_sd * normal(&mut noise));
        }
        Regression::new(x, y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_error() {
        let base = LinearBallParams::default();
        let message = |p: LinearBallParams| LinearBall::new(p, Seed::new(0)).unwrap_err().to_string();
        assert_eq!(message(base.clone().with_dim(0)), "dim = 0: at least 1");
        assert_eq!(message(base.clone().with_noise_sd(-1.0)), "noise_sd = -1: finite and not negative");
        assert!(LinearBall::new(base, Seed::new(0)).unwrap().sample(0, Seed::new(0)).is_err());
    }

    #[test]
    fn points_fill_the_ball_with_identity_covariance() {
        for dim in [1, 2, 4, 8] {
            let world = LinearBall::new(LinearBallParams::default().with_dim(dim), Seed::new(1)).unwrap();
            let n = 20_000;
            let x = world.sample(n, Seed::new(2)).unwrap().x.mapv(f64::from);
            let radii: Vec<f64> = x.rows().into_iter().map(|row| row.dot(&row).sqrt() / world.radius()).collect();
            assert!(radii.iter().all(|&r| r <= 1.0 + f64::from(f32::EPSILON) * (dim as f64)));
            // The share of points within radius r is r^d: at the median radius it is one half.
            let inside = radii.iter().filter(|r| **r < 0.5_f64.powf(1.0 / dim as f64)).count() as f64;
            assert!((inside - n as f64 / 2.0).abs() < 4.0 * (n as f64 / 4.0).sqrt(), "d = {dim}: {inside}");
            let covariance = x.t().dot(&x) / n as f64;
            for ((i, j), &found) in covariance.indexed_iter() {
                // x_i^2 has variance 3 (d + 2) / (d + 4) - 1 < 2, and x_i x_j less than 1.
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((found - expected).abs() < 4.0 * (2.0 / n as f64).sqrt(), "d = {dim}: [{i}, {j}] = {found}");
            }
        }
    }

    #[test]
    fn targets_are_linear_plus_noise_of_the_stated_size() {
        let clean = LinearBall::new(LinearBallParams::default(), Seed::new(1)).unwrap();
        let noisy = LinearBall::new(LinearBallParams::default().with_noise_sd(0.5), Seed::new(1)).unwrap();
        let norm: f64 = clean.theta().iter().map(|t| t * t).sum();
        assert!((norm - 1.0).abs() < 8.0 * f64::EPSILON);
        let n = 10_000;
        let (a, b) = (clean.sample(n, Seed::new(2)).unwrap(), noisy.sample(n, Seed::new(2)).unwrap());
        assert_eq!(a.x, b.x, "the noise level must not move the points");
        let variance = std::iter::zip(&a.y, &b.y).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / n as f64;
        assert!((variance / 0.25 - 1.0).abs() < 4.0 * (2.0 / n as f64).sqrt(), "{variance}");
        let spread = a.y.iter().map(|y| y * y).sum::<f64>() / n as f64;
        assert!((spread - 1.0).abs() < 4.0 * (2.0 / n as f64).sqrt(), "{spread}");
        assert_eq!(a, clean.sample(n, Seed::new(2)).unwrap());
    }
}
