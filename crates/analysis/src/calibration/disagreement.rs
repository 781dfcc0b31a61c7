//! Error against disagreement: what calibration makes equal.

use crate::decomposition::{Decomposition, Point};
use crate::error::{AnalysisError, require};
use crate::predictions::Randomness;
use serde::Serialize;
use tenfold_core_tensor::stats::{Estimate, jackknife, mean, variance};

/// Errors of single models beside the disagreement of pairs of distinct ones.
///
/// Soft: `mean 1 - h_y` against `mean 1 - <h_t, h_s>`; hard: wrong predictions against pairs of predictions that differ. For hard
/// 0/1 predictions `Bias^2 = Var` is the same statement as "error = disagreement".
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Disagreement {
    /// What differed from model to model.
    pub randomness: Randomness,
    /// Mean share of wrong predictions of a model.
    pub error: Estimate,
    /// Mean share of points on which two models predict differently.
    pub disagreement: Estimate,
    /// Disagreement minus error.
    pub difference: Estimate,
    /// Mean of `1 - h_y`.
    pub soft_error: Estimate,
    /// Mean of `1 - <h_t, h_s>`.
    pub soft_disagreement: Estimate,
    /// Soft disagreement minus soft error.
    pub soft_difference: Estimate,
}

impl Disagreement {
    /// Of all points, with intervals over models (jackknife) and points together.
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_analysis::{Decomposition, Disagreement, Randomness, Scale};
    /// // Three models on four points; each is wrong once, on a point of its own.
    /// let sure = |right: bool| if right { [1.0_f32, 0.0] } else { [0.0, 1.0] };
    /// let p = ndarray::Array3::from_shape_fn((3, 4, 2), |(t, i, k)| sure(t != i)[k]);
    /// let found = Decomposition::of(p.view(), &[0; 4], Scale::probabilities(), Randomness::Seed)?;
    /// let d = Disagreement::of(&found)?;
    /// assert_eq!((d.error.value, d.disagreement.value), (0.25, 0.5));
    /// assert!((d.soft_disagreement.value - 0.5).abs() < 1e-12);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than three models or two points.
    pub fn of(found: &Decomposition) -> Result<Self, AnalysisError> {
        let (models, points) = (found.models(), found.points());
        require(models >= 3, "models", models, "must be at least 3: the jackknife leaves one of them out")?;
        require(points.len() >= 2, "points", points.len(), "must be at least 2")?;
        let (sums, n) = (found.per_model(), models as f64);
        // The mean over points of a mean over models, and of one over pairs of them, without each model.
        let left_out = |sums: &[f64], taken: f64| -> Vec<f64> {
            let total: f64 = sums.iter().sum();
            sums.iter().map(|v| (total - taken * v) / (n - taken) / points.len() as f64).collect()
        };
        let single = |sums: &[f64]| left_out(sums, 1.0);
        let paired = |sums: &[f64]| left_out(sums, 2.0);
        let estimate = |value: &dyn Fn(&Point) -> f64, without: Vec<f64>| -> Result<Estimate, AnalysisError> {
            let values: Vec<f64> = points.iter().map(value).collect();
            let over_models = jackknife(mean(&values), &without)?;
            let se = over_models.se.hypot((variance(&values) / values.len() as f64).sqrt());
            Ok(Estimate::from_t(over_models.value, se, (models.min(points.len()) - 1) as f64, models))
        };
        let apart = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(&b).map(|(a, b)| a - b).collect::<Vec<f64>>();
        Ok(Self {
            randomness: found.randomness(),
            error: estimate(&|p| p.error, single(&sums.error))?,
            disagreement: estimate(&|p| p.disagreement, paired(&sums.disagreement))?,
            difference: estimate(
                &|p| p.disagreement - p.error,
                apart(paired(&sums.disagreement), single(&sums.error)),
            )?,
            soft_error: estimate(&|p| p.rest, single(&sums.rest))?,
            soft_disagreement: estimate(&|p| p.soft_disagreement, paired(&sums.soft_disagreement))?,
            soft_difference: estimate(
                &|p| p.soft_disagreement - p.rest,
                apart(paired(&sums.soft_disagreement), single(&sums.rest)),
            )?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::Scale;
    use ndarray::{Array3, Axis};

    #[test]
    fn leaving_a_model_out_is_the_statistic_of_the_others() {
        let z = Array3::from_shape_fn((5, 9, 3), |(t, i, k)| ((t * 31 + i * 17 + k * 23) % 13) as f32 / 3.0);
        let labels: Vec<usize> = (0..9).map(|i| i % 3).collect();
        let of = |z: &Array3<f32>| Decomposition::of(z.view(), &labels, Scale::logits(), Randomness::Seed).unwrap();
        let found = of(&z);
        let values = |d: &Decomposition| -> [f64; 2] {
            let mean = |f: &dyn Fn(&Point) -> f64| d.points().iter().map(f).sum::<f64>() / 9.0;
            [mean(&|p| p.disagreement - p.error), mean(&|p| p.soft_disagreement - p.rest)]
        };
        let without: Vec<[f64; 2]> =
            (0..5).map(|t| values(&of(&z.select(Axis(0), &(0..5).filter(|k| *k != t).collect::<Vec<_>>())))).collect();
        let d = Disagreement::of(&found).unwrap();
        for (k, estimate) in [d.difference, d.soft_difference].into_iter().enumerate() {
            let column: Vec<f64> = without.iter().map(|w| w[k]).collect();
            let by_hand = jackknife(values(&found)[k], &column).unwrap();
            let points: Vec<f64> =
                found.points().iter().map(|p| [p.disagreement - p.error, p.soft_disagreement - p.rest][k]).collect();
            let se = by_hand.se.hypot((variance(&points) / 9.0).sqrt());
            assert!((estimate.se - se).abs() < 1e-12 && (estimate.value - by_hand.value).abs() < 1e-12);
        }
    }
}
