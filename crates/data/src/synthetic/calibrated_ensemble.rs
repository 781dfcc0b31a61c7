//! An ensemble whose mean is calibrated by construction: labels are drawn from it.
//!
//! A synthetic control. For every point `i` a centre `m_i ~ Dirichlet(a, ..., a)` is drawn, then `N` members
//! `p_{t,i} ~ Dirichlet(kappa m_i)`, and at last the label from the members' own mean:
//! `y_i ~ (1/N) sum_t p_{t,i}`. Members scatter around the centre with variance `m (1 - m) / (kappa + 1)`.

use super::{check_count, check_positive};
use crate::error::DataError;
use crate::noise::draw;
use ndarray::{Array2, Array3};
use rand::RngExt;
use rand_distr::{Distribution, Gamma};
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::{Rng, Seed};

/// Parameters of [`CalibratedEnsemble`].
///
/// Defaults: `n_members = 10`, `n_points = 1000`, `n_classes = 10`, `centre_concentration = 0.3`,
/// `member_concentration = 10`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalibratedEnsembleParams {
    /// Number of models, `N`.
    pub n_members: usize,
    /// Number of points, `n`.
    pub n_points: usize,
    /// Number of classes, `C`.
    pub n_classes: usize,
    /// `a`: below 1 most centres are confident, above 1 most are undecided.
    pub centre_concentration: f64,
    /// `kappa`: the larger, the closer members agree.
    pub member_concentration: f64,
}

impl Default for CalibratedEnsembleParams {
    fn default() -> Self {
        Self { n_members: 10, n_points: 1000, n_classes: 10, centre_concentration: 0.3, member_concentration: 10.0 }
    }
}

impl CalibratedEnsembleParams {
    /// Sets the number of models.
    pub fn with_n_members(mut self, n_members: usize) -> Self {
        self.n_members = n_members;
        self
    }

    /// Sets the number of points.
    pub fn with_n_points(mut self, n_points: usize) -> Self {
        self.n_points = n_points;
        self
    }

    /// Sets the number of classes.
    pub fn with_n_classes(mut self, n_classes: usize) -> Self {
        self.n_classes = n_classes;
        self
    }

    /// Sets how undecided the centres are.
    pub fn with_centre_concentration(mut self, centre_concentration: f64) -> Self {
        self.centre_concentration = centre_concentration;
        self
    }

    /// Sets how closely members agree.
    pub fn with_member_concentration(mut self, member_concentration: f64) -> Self {
        self.member_concentration = member_concentration;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`DataError::Param`] unless there are at least 1 member, 1 point and 2 classes, and both concentrations are
    /// finite and positive.
    pub fn validate(&self) -> Result<(), DataError> {
        check_count("n_members", self.n_members, 1)?;
        check_count("n_points", self.n_points, 1)?;
        check_count("n_classes", self.n_classes, 2)?;
        check_positive("centre_concentration", self.centre_concentration)?;
        check_positive("member_concentration", self.member_concentration)
    }
}

/// The probabilities of `N` models on `n` points, with labels drawn from their mean.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_data::synthetic::{CalibratedEnsemble, CalibratedEnsembleParams};
///
/// let params = CalibratedEnsembleParams::default().with_n_members(3).with_n_points(50);
/// let ensemble = CalibratedEnsemble::new(&params, Seed::new(7))?;
/// assert_eq!(ensemble.probabilities.dim(), (3, 50, 10));
/// assert_eq!(ensemble.labels.len(), 50);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CalibratedEnsemble {
    /// What each member predicts, `[N, n, C]`; every row adds up to 1 within single precision.
    pub probabilities: Array3<f32>,
    /// The mean that labels were drawn from, `[n, C]`; every row adds up to 1.
    pub mean: Array2<f64>,
    /// One label per point.
    pub labels: Vec<usize>,
}

impl CalibratedEnsemble {
    /// Draws an ensemble and its labels.
    ///
    /// # Errors
    /// As [`CalibratedEnsembleParams::validate`].
    pub fn new(params: &CalibratedEnsembleParams, seed: Seed) -> Result<Self, DataError> {
        params.validate()?;
        let seed = seed.named("calibrated-ensemble");
        let (n_members, n_points, n_classes) = (params.n_members, params.n_points, params.n_classes);
        let mut probabilities = Array3::zeros((n_members, n_points, n_classes));
        let mut mean = Array2::zeros((n_points, n_classes));
        let mut labels = Vec::with_capacity(n_points);
        for i in 0..n_points {
            // A stream per point: the first points stay the same when more are asked for.
            let mut rng = seed.child(i as u64).rng();
            let centre = dirichlet(&vec![params.centre_concentration; n_classes], &mut rng)?;
            let shapes: Vec<f64> = centre.iter().map(|m| params.member_concentration * m).collect();
            for t in 0..n_members {
                for (c, p) in dirichlet(&shapes, &mut rng)?.into_iter().enumerate() {
                    let stored = p as f32;
                    probabilities[[t, i, c]] = stored;
                    mean[[i, c]] += f64::from(stored);
                }
            }
            let mut row = mean.row_mut(i);
            let total: f64 = row.sum();
            row /= total;
            labels.push(draw(row.iter().copied(), &mut rng));
        }
        Ok(Self { probabilities, mean, labels })
    }
}

/// A draw from a Dirichlet distribution, made in log space: with small shapes gamma variates underflow to zero, and a
/// row of zeros cannot be scaled to add up to 1. A shape of 0 gives probability 0.
fn dirichlet(shapes: &[f64], rng: &mut Rng) -> Result<Vec<f64>, DataError> {
    let mut logs = Vec::with_capacity(shapes.len());
    for &shape in shapes {
        if shape == 0.0 {
            logs.push(f64::NEG_INFINITY);
            continue;
        }
        // Gamma(a) has the law of Gamma(a + 1) * U^(1/a).
        let gamma = Gamma::new(shape + 1.0, 1.0)
            .map_err(|e| DataError::param("concentration", shape, format!("usable as a gamma shape: {e}")))?;
        let uniform: f64 = 1.0 - rng.random::<f64>();
        logs.push(gamma.sample(rng).ln() + uniform.ln() / shape);
    }
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        // Every shape is so small that even logarithms overflow: the limit is a point mass, here by largest shape.
        let top = shapes.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(c, _)| c);
        return Ok((0..shapes.len()).map(|c| f64::from(u8::from(c == top))).collect());
    }
    let weights: Vec<f64> = logs.into_iter().map(|log| (log - largest).exp()).collect();
    let total: f64 = weights.iter().sum();
    Ok(weights.into_iter().map(|w| w / total).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_error() {
        let base = CalibratedEnsembleParams::default();
        let message = |p: CalibratedEnsembleParams| CalibratedEnsemble::new(&p, Seed::new(0)).unwrap_err().to_string();
        assert_eq!(message(base.clone().with_n_members(0)), "n_members = 0: at least 1");
        assert_eq!(message(base.clone().with_n_points(0)), "n_points = 0: at least 1");
        assert_eq!(message(base.clone().with_n_classes(1)), "n_classes = 1: at least 2");
        assert_eq!(
            message(base.clone().with_centre_concentration(0.0)),
            "centre_concentration = 0: finite and positive"
        );
        assert_eq!(
            message(base.clone().with_member_concentration(f64::NAN)),
            "member_concentration = NaN: finite and positive"
        );
    }

    #[test]
    fn dirichlet_draws_have_the_textbook_moments() {
        let shapes = [0.05, 0.5, 2.0];
        let total: f64 = shapes.iter().sum();
        let n = 40_000;
        let mut rng = Seed::new(3).rng();
        let draws: Vec<Vec<f64>> = (0..n).map(|_| dirichlet(&shapes, &mut rng).unwrap()).collect();
        for (c, shape) in shapes.iter().enumerate() {
            let m = shape / total;
            let variance = m * (1.0 - m) / (total + 1.0);
            let mean = draws.iter().map(|d| d[c]).sum::<f64>() / n as f64;
            let found = draws.iter().map(|d| (d[c] - m).powi(2)).sum::<f64>() / n as f64;
            assert!((mean - m).abs() < 4.0 * (variance / n as f64).sqrt(), "mean {mean}, not {m}");
            // Squares of numbers in [0, 1]: the fourth moment is at most the second.
            assert!((found - variance).abs() < 4.0 * (variance / n as f64).sqrt(), "variance {found}, not {variance}");
        }
    }

    #[test]
    fn tiny_concentrations_give_point_masses_not_nan() {
        for a in [1e-3, 1e-300, f64::MIN_POSITIVE] {
            let params = CalibratedEnsembleParams::default().with_n_points(20).with_centre_concentration(a);
            let ensemble = CalibratedEnsemble::new(&params, Seed::new(1)).unwrap();
            assert!(ensemble.probabilities.iter().all(|p| p.is_finite()));
            assert!(ensemble.mean.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-12));
        }
    }

    #[test]
    fn rows_are_probabilities_and_the_mean_is_calibrated() {
        let params = CalibratedEnsembleParams::default().with_n_points(8_000);
        let ensemble = CalibratedEnsemble::new(&params, Seed::new(2)).unwrap();
        for row in ensemble.probabilities.rows() {
            let sum: f64 = row.iter().map(|&p| f64::from(p)).sum();
            assert!((sum - 1.0).abs() < 10.0 * f64::from(f32::EPSILON), "{sum}");
        }
        for class in 0..10 {
            let column = ensemble.mean.column(class);
            let count = ensemble.labels.iter().filter(|&&y| y == class).count() as f64;
            let sd = column.iter().map(|p| p * (1.0 - p)).sum::<f64>().sqrt();
            assert!((count - column.sum()).abs() < 4.0 * sd, "class {class}");
        }
        // Calibration in confidence bins: the share of right answers is the mean confidence.
        for bin in 0..5 {
            let (lo, hi) = (f64::from(bin) / 5.0, f64::from(bin + 1) / 5.0);
            let (mut right, mut confidence, mut variance) = (0.0, 0.0, 0.0);
            for (row, &y) in ensemble.mean.rows().into_iter().zip(&ensemble.labels) {
                let top = row.fold(0.0, |a: f64, &b| a.max(b));
                if lo < top && top <= hi {
                    right += f64::from(u8::from(row[y] == top));
                    confidence += top;
                    variance += top * (1.0 - top);
                }
            }
            assert!((right - confidence).abs() <= 4.0 * f64::sqrt(variance), "bin {bin}: {right} against {confidence}");
        }
    }

    #[test]
    fn more_points_keep_the_first_ones() {
        let few = CalibratedEnsembleParams::default().with_n_points(5);
        let many = few.clone().with_n_points(9);
        let (a, b) = (
            CalibratedEnsemble::new(&few, Seed::new(2)).unwrap(),
            CalibratedEnsemble::new(&many, Seed::new(2)).unwrap(),
        );
        assert_eq!(a.labels, b.labels[..5]);
        assert_eq!(a.mean, b.mean.slice(ndarray::s![..5, ..]));
        assert_ne!(a, CalibratedEnsemble::new(&few, Seed::new(3)).unwrap());
    }
}
