//! A mixture of round Gaussians, one per class, whose posterior is known in closed form.
//!
//! A synthetic control: `y ~ pi`, `x | y ~ N(mu_y, sd^2 I)`, hence
//! `p(y | x) = pi_y exp(-|x - mu_y|^2 / (2 sd^2)) / sum_c pi_c exp(-|x - mu_c|^2 / (2 sd^2))`.

use super::{check_count, check_positive, normal, normal_matrix};
use crate::error::{DataError, require};
use crate::noise::draw;
use crate::table::Table;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;

/// Parameters of [`GaussianMixture`].
///
/// Defaults: `dim = 8`, `n_classes = 4`, `mean_sd = 1`, `sd = 1`, `priors = []` (all classes equally likely).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianMixtureParams {
    /// Number of features, `d`.
    pub dim: usize,
    /// Number of classes, `C`.
    pub n_classes: usize,
    /// Standard deviation of the class means around the origin, per feature: how far classes lie apart.
    pub mean_sd: f64,
    /// Standard deviation of points around their class mean, per feature.
    pub sd: f64,
    /// Class probabilities `pi`, scaled to add up to 1; empty means equal.
    pub priors: Vec<f64>,
}

impl Default for GaussianMixtureParams {
    fn default() -> Self {
        Self { dim: 8, n_classes: 4, mean_sd: 1.0, sd: 1.0, priors: Vec::new() }
    }
}

impl GaussianMixtureParams {
    /// Sets the number of features.
    pub fn with_dim(mut self, dim: usize) -> Self {
        self.dim = dim;
        self
    }

    /// Sets the number of classes.
    pub fn with_n_classes(mut self, n_classes: usize) -> Self {
        self.n_classes = n_classes;
        self
    }

    /// Sets the spread of the class means.
    pub fn with_mean_sd(mut self, mean_sd: f64) -> Self {
        self.mean_sd = mean_sd;
        self
    }

    /// Sets the spread of points around their mean.
    pub fn with_sd(mut self, sd: f64) -> Self {
        self.sd = sd;
        self
    }

    /// Sets the class probabilities.
    pub fn with_priors(mut self, priors: Vec<f64>) -> Self {
        self.priors = priors;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`DataError::Param`] unless `dim` is at least 1, `n_classes` at least 2, the deviations finite and positive, and
    /// the priors empty or finite and positive; [`DataError::Shape`] unless there are no priors or one per class.
    pub fn validate(&self) -> Result<(), DataError> {
        check_count("dim", self.dim, 1)?;
        check_count("n_classes", self.n_classes, 2)?;
        check_positive("mean_sd", self.mean_sd)?;
        check_positive("sd", self.sd)?;
        if !self.priors.is_empty() && self.priors.len() != self.n_classes {
            return Err(DataError::Shape {
                what: "priors",
                expected: vec![self.n_classes],
                found: vec![self.priors.len()],
            });
        }
        self.priors.iter().try_for_each(|&p| check_positive("priors", p))?;
        let sum: f64 = self.priors.iter().sum();
        require(sum.is_finite(), "priors", sum, "a finite sum")
    }
}

/// The class means, drawn once; every sample shares them.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_data::synthetic::{GaussianMixture, GaussianMixtureParams};
///
/// let world = GaussianMixture::new(GaussianMixtureParams::default(), Seed::new(7))?;
/// let test = world.sample(100, Seed::new(7).named("test"))?;
/// let posterior = world.posterior(test.x.view())?;
/// assert_eq!(posterior.dim(), (100, 4));
/// assert!((posterior.row(0).sum() - 1.0).abs() < 1e-12);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GaussianMixture {
    params: GaussianMixtureParams,
    means: Array2<f64>,
    priors: Vec<f64>,
}

impl GaussianMixture {
    /// Draws the class means.
    ///
    /// # Errors
    /// As [`GaussianMixtureParams::validate`].
    pub fn new(params: GaussianMixtureParams, seed: Seed) -> Result<Self, DataError> {
        params.validate()?;
        let mut rng = seed.named("gaussian-mixture").rng();
        let means = normal_matrix(params.n_classes, params.dim, params.mean_sd, &mut rng);
        let priors = if params.priors.is_empty() { vec![1.0; params.n_classes] } else { params.priors.clone() };
        let total: f64 = priors.iter().sum();
        Ok(Self { params, means, priors: priors.into_iter().map(|p| p / total).collect() })
    }

    /// The parameters it was drawn from.
    pub fn params(&self) -> &GaussianMixtureParams {
        &self.params
    }

    /// The class means, `[C, d]`.
    pub fn means(&self) -> &Array2<f64> {
        &self.means
    }

    /// Draws `n` labelled points.
    ///
    /// # Errors
    /// [`DataError::Param`] if `n` is 0.
    pub fn sample(&self, n: usize, seed: Seed) -> Result<Table, DataError> {
        check_count("n", n, 1)?;
        let mut rng = seed.named("gaussian-mixture-sample").rng();
        let mut x = Array2::zeros((n, self.params.dim));
        let mut labels = Vec::with_capacity(n);
        for mut row in x.rows_mut() {
            let class = draw(self.priors.iter().copied(), &mut rng);
            for (value, mean) in row.iter_mut().zip(self.means.row(class)) {
                *value = (mean + self.params.sd * normal(&mut rng)) as f32;
            }
            labels.push(class);
        }
        Table::new(x, labels, self.params.n_classes)
    }

    /// The true `p(y | x)`, `[n, C]`, computed in log space.
    ///
    /// # Errors
    /// [`DataError::Shape`] unless `x` is `[n, d]`.
    pub fn posterior(&self, x: ArrayView2<f32>) -> Result<Array2<f64>, DataError> {
        if x.ncols() != self.params.dim {
            return Err(DataError::Shape {
                what: "x",
                expected: vec![x.nrows(), self.params.dim],
                found: vec![x.nrows(), x.ncols()],
            });
        }
        let scale = 2.0 * self.params.sd * self.params.sd;
        let mut posterior = Array2::zeros((x.nrows(), self.params.n_classes));
        for (point, mut row) in x.rows().into_iter().zip(posterior.rows_mut()) {
            for ((p, mean), prior) in row.iter_mut().zip(self.means.rows()).zip(&self.priors) {
                let squared: f64 = point.iter().zip(mean).map(|(&v, m)| (f64::from(v) - m).powi(2)).sum();
                *p = prior.ln() - squared / scale;
            }
            let largest = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            row.mapv_inplace(|log_p| (log_p - largest).exp());
            let sum = row.sum();
            row /= sum;
        }
        Ok(posterior)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_error() {
        let base = GaussianMixtureParams::default();
        let message = |p: GaussianMixtureParams| GaussianMixture::new(p, Seed::new(0)).unwrap_err().to_string();
        assert_eq!(message(base.clone().with_dim(0)), "dim = 0: at least 1");
        assert_eq!(message(base.clone().with_n_classes(1)), "n_classes = 1: at least 2");
        assert_eq!(message(base.clone().with_mean_sd(0.0)), "mean_sd = 0: finite and positive");
        assert_eq!(message(base.clone().with_sd(f64::NAN)), "sd = NaN: finite and positive");
        assert_eq!(message(base.clone().with_priors(vec![1.0])), "priors: expected shape [4], found [1]");
        assert_eq!(message(base.clone().with_priors(vec![1.0, 1.0, 0.0, 1.0])), "priors = 0: finite and positive");
        assert_eq!(message(base.clone().with_priors(vec![f64::MAX; 4])), "priors = inf: a finite sum");
        let world = GaussianMixture::new(base, Seed::new(0)).unwrap();
        assert!(world.sample(0, Seed::new(0)).is_err());
        let narrow = Array2::zeros((3, 2));
        assert_eq!(world.posterior(narrow.view()).unwrap_err().to_string(), "x: expected shape [3, 8], found [3, 2]");
    }

    #[test]
    fn the_posterior_is_bayes_rule_worked_by_hand() {
        let params = GaussianMixtureParams::default().with_dim(1).with_n_classes(2).with_priors(vec![3.0, 1.0]);
        let mut world = GaussianMixture::new(params, Seed::new(0)).unwrap();
        world.means = ndarray::array![[-1.0], [1.0]];
        // log odds at x: log 3 - ((x + 1)^2 - (x - 1)^2) / 2 = log 3 - 2 x.
        let posterior = world.posterior(ndarray::array![[0.5_f32], [1e4]].view()).unwrap();
        let odds = 3.0 * (-1.0_f64).exp();
        assert!((posterior[[0, 0]] - odds / (1.0 + odds)).abs() < 4.0 * f64::EPSILON);
        assert_eq!(posterior[[1, 1]], 1.0, "far points must not underflow to 0 / 0");
    }

    #[test]
    fn labels_follow_the_posterior() {
        let params = GaussianMixtureParams::default().with_mean_sd(0.5).with_priors(vec![4.0, 3.0, 2.0, 1.0]);
        let world = GaussianMixture::new(params, Seed::new(1)).unwrap();
        let n = 20_000;
        let sample = world.sample(n, Seed::new(2)).unwrap();
        let posterior = world.posterior(sample.x.view()).unwrap();
        for (class, &count) in sample.class_counts().iter().enumerate() {
            let prior = [0.4, 0.3, 0.2, 0.1][class];
            let sd = (n as f64 * prior * (1.0 - prior)).sqrt();
            assert!((count as f64 - n as f64 * prior).abs() < 4.0 * sd, "class {class}: {count}");
            // Given x the indicator of the class has mean p and variance p (1 - p).
            let column = posterior.column(class);
            let variance: f64 = column.iter().map(|p| p * (1.0 - p)).sum();
            assert!((count as f64 - column.sum()).abs() < 4.0 * variance.sqrt(), "class {class}");
        }
        let confident: Vec<(bool, f64)> = posterior
            .rows()
            .into_iter()
            .zip(&sample.labels)
            .map(|(row, &y)| (row[y] == row.fold(0.0, |a: f64, &b| a.max(b)), row.fold(0.0, |a: f64, &b| a.max(b))))
            .collect();
        let right = confident.iter().filter(|c| c.0).count() as f64;
        let expected: f64 = confident.iter().map(|c| c.1).sum();
        let sd = confident.iter().map(|c| c.1 * (1.0 - c.1)).sum::<f64>().sqrt();
        assert!((right - expected).abs() < 4.0 * sd, "Bayes accuracy {right}, promised {expected}");
        assert_eq!(sample, world.sample(n, Seed::new(2)).unwrap());
    }
}
