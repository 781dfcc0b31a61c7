//! Standard, balanced, robust and trade-off objectives of distillation.

use super::risks::ClassRisks;
use crate::error::{DistillError, require_share};
use serde::{Deserialize, Serialize};

/// What a student minimises, from the [`ClassRisks`] `R_y` of its scores under the teacher's probabilities (or under labels), whose
/// denominators are the **teacher's** marginals `pi_y`.
///
/// | objective | value | its best scores have `softmax_y` |
/// |---|---|---|
/// | [`Standard`](Self::Standard) | `sum_y pi_y R_y`, the mean soft cross-entropy | `p_y` |
/// | [`Balanced`](Self::Balanced) | `(1/m) sum_y R_y` | `∝ p_y / pi_y` |
/// | [`Robust`](Self::Robust) | `max_y R_y` | `∝ lambda_y p_y / pi_y` for some lambda |
/// | [`TradeOff`](Self::TradeOff) | `(1 - alpha)` balanced `+ alpha` robust | `∝ ((1 - alpha)/m + alpha lambda_y) p_y / pi_y` |
///
/// **Convention**: alpha stands on the robust term; no one-hot labels are mixed in; only the teacher is tempered.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{ClassRisks, Objective, RiskKind, Teacher};
/// let (p, f) = (array![[0.9, 0.1], [0.5, 0.5]], array![[1.0, 0.0], [0.0, 0.0]]);
/// let risks = ClassRisks::of_teacher(&Teacher::probabilities(p.view(), 1.0)?, 1.0, f.view(), RiskKind::CrossEntropy)?;
/// let value = |objective: Objective| objective.value(&risks);
/// let (balanced, robust) = (value(Objective::Balanced)?, value(Objective::Robust)?);
/// assert!(robust >= balanced);
/// assert!((value(Objective::TradeOff { alpha: 0.25 })? - (0.75 * balanced + 0.25 * robust)).abs() < 1e-15);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023), section 3
/// and theorem 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// Every example alike.
    Standard,
    /// Every class alike.
    Balanced,
    /// The worst class alone.
    Robust,
    /// Between the two.
    TradeOff {
        /// Weight of the robust objective, from 0 to 1.
        alpha: f64,
    },
}

impl Objective {
    /// Weight of the worst class's risk; none for the standard objective.
    fn alpha(self) -> Result<Option<f64>, DistillError> {
        match self {
            Self::Standard => Ok(None),
            Self::Balanced => Ok(Some(0.0)),
            Self::Robust => Ok(Some(1.0)),
            Self::TradeOff { alpha } => require_share("alpha", alpha).map(|()| Some(alpha)),
        }
    }

    /// The value of the objective.
    ///
    /// # Errors
    /// An alpha that is not from 0 to 1.
    pub fn value(self, risks: &ClassRisks) -> Result<f64, DistillError> {
        let (values, marginal) = (risks.values(), risks.marginal().values());
        let mean = |weights: &dyn Fn(usize) -> f64| values.iter().enumerate().map(|(y, r)| weights(y) * r).sum::<f64>();
        Ok(match self.alpha()? {
            None => mean(&|y| marginal[y]),
            Some(alpha) => (1.0 - alpha) * mean(&|_| 1.0 / values.len() as f64) + alpha * risks.worst().1,
        })
    }

    /// Class weights w with which [`SoftCrossEntropy`](crate::SoftCrossEntropy) on the teacher's probabilities has the value of the
    /// objective, and a subgradient of it: `1`; `1 / (m pi_y)`; `1 / pi_y` for the worst class alone; or the mixture.
    ///
    /// # Errors
    /// An alpha that is not from 0 to 1.
    pub fn class_weights(self, risks: &ClassRisks) -> Result<Vec<f64>, DistillError> {
        let marginal = risks.marginal().values();
        let (worst, m) = (risks.worst().0, marginal.len() as f64);
        let Some(alpha) = self.alpha()? else { return Ok(vec![1.0; marginal.len()]) };
        let weight = |y: usize| (1.0 - alpha) / m + if y == worst { alpha } else { 0.0 };
        Ok(marginal.iter().enumerate().map(|(y, pi)| weight(y) / pi).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::{RowLoss, SoftCrossEntropy};
    use crate::robust::RiskKind;
    use crate::teacher::Teacher;
    use crate::testing::{probabilities, scores};

    #[test]
    fn weights_give_value_and_slope() {
        let (p, f) = (probabilities(12, 4, 1), scores(12, 4, 2));
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        let risks =
            |f: &ndarray::Array2<f64>| ClassRisks::of_teacher(&teacher, 1.0, f.view(), RiskKind::CrossEntropy).unwrap();
        for objective in
            [Objective::Standard, Objective::Balanced, Objective::Robust, Objective::TradeOff { alpha: 0.3 }]
        {
            let weights = objective.class_weights(&risks(&f)).unwrap();
            let loss = SoftCrossEntropy::new(p.view()).unwrap().with_class_weights(&weights).unwrap();
            let (value, gradient) = loss.gradient(f.view()).unwrap();
            assert!((objective.value(&risks(&f)).unwrap() - value).abs() < 1e-12);
            for place in [[0, 0], [3, 2], [11, 3]] {
                let at = |by: f64| {
                    let mut moved = f.clone();
                    moved[place] += by;
                    objective.value(&risks(&moved)).unwrap()
                };
                assert!(((at(1e-5) - at(-1e-5)) / 2e-5 - gradient[place]).abs() < 1e-9, "{objective:?} at {place:?}");
            }
        }
        let error = Objective::TradeOff { alpha: 1.5 }.value(&risks(&f)).unwrap_err().to_string();
        assert_eq!(error, "alpha = 1.5: must be from 0 to 1");
    }
}
