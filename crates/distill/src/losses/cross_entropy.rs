//! Soft-target cross-entropy, with class weights outside and margins for costs inside.

use super::row_loss::RowLoss;
use crate::error::{DistillError, require, require_per_class, require_table};
use crate::rows::{Real, check_rows, require_weights, sums, with_row};
use ndarray::ArrayView2;
use tenfold_core_tensor::ops::softmax::softmax_row;

/// `l_i = a sum_y w_y q_iy (logsumexp_j (f_ij - log c_j) - f_iy + log c_y)` for targets q and student logits f, both `[n, m]`, in
/// nats. By default weights w, costs c and the factor a are 1.
///
/// **Convention**: only the teacher is tempered, before it comes here ([`Teacher::tempered`](crate::Teacher::tempered)); the student
/// is not, and there is no factor T^2. This is the form of both papers; with T on both sides see [`Hinton`](crate::Hinton). The mean
/// over rows is the loss of a batch.
///
/// | loss | how |
/// |---|---|
/// | standard distilled | the teacher's probabilities as they are |
/// | balanced distilled, by weights | `weights = 1 / (m marginal)` |
/// | balanced distilled, by margins | `costs = 1 / marginal` |
/// | robust or trade-off, by margins | [`costs = beta / marginal`](crate::Multipliers::costs) |
/// | logit-adjusted loss of labels | one-hot targets, `costs = 1 / prior` |
///
/// **Margins and weights** have the same minimiser at each point, `softmax(f) ∝ c_y p_y` (lemma 1 of the robust paper), but only
/// margins still act once a student fits its targets. Multiplying all costs by one number changes nothing. The robust paper prints
/// the margin loss with a factor `1/m`, which divides the learning rate by m; it is off here
/// ([`divided_by_classes`](Self::divided_by_classes)). Predict with the plain argmax of f: adjusting it again would adjust twice.
///
/// Gradient: `a (s softmax(f - log c) - w q_i)` with `s = sum_y w_y q_iy`.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{RowLoss, SoftCrossEntropy};
/// let (p, f) = (array![[0.7, 0.2, 0.1]], array![[0.3, 1.2, -0.4]]);
/// let margin = SoftCrossEntropy::new(p.view())?.with_costs(&[1.0, 2.0, 4.0])?;
/// let printed = margin.clone().divided_by_classes(true).mean(f.view())?;
/// assert!((printed - 0.341_117_580_142_942).abs() < 1e-14);
/// assert!((margin.mean(f.view())? - 3.0 * printed).abs() < 1e-14);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023), section 4
/// and supplement.
#[derive(Clone, Debug)]
pub struct SoftCrossEntropy<'a, T> {
    targets: ArrayView2<'a, T>,
    weights: Vec<f64>,
    /// `log c_y`; none where all costs are equal.
    log_costs: Option<Vec<f64>>,
    factor: f64,
}

impl<'a, T: Real> SoftCrossEntropy<'a, T> {
    /// Against targets `[n, m]`; rows need not sum to one, as those of weighted targets do not.
    ///
    /// # Errors
    /// No rows, fewer than two classes, a target that is negative or not finite.
    pub fn new(targets: ArrayView2<'a, T>) -> Result<Self, DistillError> {
        require_table("targets", targets.dim())?;
        check_rows(&targets, |i, row| require_weights("targets", i, row))?;
        let classes = targets.ncols();
        Ok(Self { targets, weights: vec![1.0; classes], log_costs: None, factor: 1.0 })
    }

    /// Weights of the classes' terms, w.
    ///
    /// # Errors
    /// Not one for each class, or one that is negative or not finite.
    pub fn with_class_weights(mut self, weights: &[f64]) -> Result<Self, DistillError> {
        require_per_class("weights", weights, self.targets.ncols())?;
        let negative = weights.iter().find(|w| **w < 0.0);
        require(negative.is_none(), "weights", negative.unwrap_or(&0.0), "must not be negative")?;
        self.weights = weights.to_vec();
        Ok(self)
    }

    /// Costs c, which become margins `log (c_y / c_j)` inside the loss.
    ///
    /// # Errors
    /// Not one for each class, or one that is not above 0 and finite.
    pub fn with_costs(mut self, costs: &[f64]) -> Result<Self, DistillError> {
        require_per_class("costs", costs, self.targets.ncols())?;
        let bad = costs.iter().find(|c| **c <= 0.0);
        require(bad.is_none(), "costs", bad.unwrap_or(&0.0), "must be above 0: its logarithm is a margin")?;
        let equal = costs.iter().all(|c| *c == costs[0]);
        self.log_costs = (!equal).then(|| costs.iter().map(|c| c.ln()).collect());
        Ok(self)
    }

    /// With the factor `1/m` of the robust paper's margin loss.
    #[must_use]
    pub fn divided_by_classes(mut self, divided: bool) -> Self {
        self.factor = if divided { 1.0 / self.targets.ncols() as f64 } else { 1.0 };
        self
    }
}

impl<T: Real> RowLoss for SoftCrossEntropy<'_, T> {
    fn shape(&self) -> (usize, usize) {
        self.targets.dim()
    }

    fn row(&self, i: usize, scores: &[f64], gradient: &mut [f64]) -> f64 {
        match &self.log_costs {
            None => gradient.copy_from_slice(scores),
            Some(costs) => gradient.iter_mut().zip(scores.iter().zip(costs)).for_each(|(z, (f, c))| *z = f - c),
        }
        let norm = softmax_row(gradient);
        let loss = with_row(&self.targets, i, |targets| {
            let (len, weights) = (scores.len(), &self.weights[..scores.len()]);
            let targets = &targets[..len];
            let weighted = |k: usize| weights[k] * targets[k].wide();
            let [loss, total] = match &self.log_costs {
                None => sums(len, |k| [weighted(k) * (norm - scores[k]), weighted(k)]),
                Some(costs) => sums(len, |k| [weighted(k) * (norm - (scores[k] - costs[k])), weighted(k)]),
            };
            let targets = targets.iter().zip(weights);
            gradient.iter_mut().zip(targets).for_each(|(g, (q, w))| *g = self.factor * (total * *g - w * q.wide()));
            loss
        });
        self.factor * loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_gradient, probabilities, scores};
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    /// The printed form, `(1/m) sum_y p_y log (1 + sum_{j != y} exp (log (c_y / c_j) - (f_y - f_j)))`.
    fn printed(p: &[f64], f: &[f64], c: &[f64]) -> f64 {
        let m = p.len();
        let term =
            |y: usize| (0..m).filter(|j| *j != y).map(|j| ((c[y] / c[j]).ln() - (f[y] - f[j])).exp()).sum::<f64>();
        (0..m).map(|y| p[y] * term(y).ln_1p()).sum::<f64>() / m as f64
    }

    #[test]
    fn golden_values_of_the_papers_form() {
        // Teacher logits (2, .5, -1) at T = 3; the student is not tempered.
        let p = array![[0.506_480_391_056, 0.307_195_885_718, 0.186_323_723_226]];
        let f = array![[0.3, 1.2, -0.4]];
        let found = SoftCrossEntropy::new(p.view()).unwrap().mean(f.view()).unwrap();
        assert!((found - 1.229_231_349_378_893).abs() < 1e-11);
        let one_hot = array![[1.0, 0.0, 0.0]];
        let found = SoftCrossEntropy::new(one_hot.view()).unwrap().mean(f.view()).unwrap();
        assert!((found - 1.375_281_040_267_448).abs() < 1e-14);
    }

    #[test]
    fn the_minimiser_is_the_weighted_teacher() {
        let (p, c) = (array![[0.7, 0.2, 0.1]], [1.0, 2.0, 4.0]);
        let minimiser = array![[-0.356_674_943_939, -0.916_290_731_874, -0.916_290_731_874]];
        let loss = SoftCrossEntropy::new(p.view()).unwrap().with_costs(&c).unwrap().divided_by_classes(true);
        let (value, gradient) = loss.gradient(minimiser.view()).unwrap();
        assert!((value - 0.267_272_850_847_779).abs() < 1e-12 && gradient.iter().all(|g: &f64| g.abs() < 1e-11));
        // Weights outside have the same minimiser (lemma 1).
        let weighted = SoftCrossEntropy::new(p.view()).unwrap().with_class_weights(&c).unwrap();
        assert!(weighted.gradient(minimiser.view()).unwrap().1.iter().all(|g: &f64| g.abs() < 1e-11));
    }

    #[test]
    fn settings_are_checked() {
        let p = probabilities(3, 3, 4);
        let new = || SoftCrossEntropy::new(p.view()).unwrap();
        let message = |result: Result<SoftCrossEntropy<f64>, DistillError>| result.unwrap_err().to_string();
        assert_eq!(
            message(new().with_costs(&[1.0, 0.0, 1.0])),
            "costs = 0: must be above 0: its logarithm is a margin"
        );
        assert_eq!(message(new().with_class_weights(&[1.0, -1.0, 1.0])), "weights = -1: must not be negative");
        assert!(message(new().with_costs(&[1.0, 2.0])).contains("one number for each class"));
        assert_eq!(message(new().with_costs(&[1.0, 2.0, f64::NAN])), "costs = NaN for class 2: must be finite");
        let bad = array![[0.5, -0.5]];
        assert!(SoftCrossEntropy::new(bad.view()).unwrap_err().to_string().contains("must not be negative"));
        assert!(SoftCrossEntropy::new(Array2::<f32>::zeros((0, 3)).view()).is_err());
        assert!(SoftCrossEntropy::new(Array2::<f32>::zeros((3, 1)).view()).is_err());
    }

    proptest! {
        #[test]
        fn both_forms_agree_and_a_common_cost_is_nothing(seed in 0_u64..500, scale in 0.01..100.0_f64) {
            let (p, f) = (probabilities(1, 5, seed), scores(1, 5, seed));
            let c: Vec<f64> = scores(1, 5, seed + 7).iter().map(|v| v.exp()).collect();
            let loss = |c: &[f64]| SoftCrossEntropy::new(p.view()).unwrap().with_costs(c).unwrap();
            let found = loss(&c).divided_by_classes(true).mean(f.view()).unwrap();
            let by_hand = printed(p.as_slice().unwrap(), f.as_slice().unwrap(), &c);
            prop_assert!((found - by_hand).abs() < 1e-13 * (1.0 + by_hand));
            let scaled: Vec<f64> = c.iter().map(|c| scale * c).collect();
            prop_assert!((loss(&scaled).mean(f.view()).unwrap() - 5.0 * found).abs() < 1e-12 * (1.0 + by_hand));
        }

        #[test]
        fn gradients_are_those_of_central_differences(seed in 0_u64..20) {
            let (p, f) = (probabilities(4, 5, seed), scores(4, 5, seed + 1));
            let c: Vec<f64> = scores(1, 5, seed + 7).iter().map(|v| v.exp()).collect();
            let new = || SoftCrossEntropy::new(p.view()).unwrap();
            check_gradient(&new(), &f);
            check_gradient(&new().with_costs(&c).unwrap().divided_by_classes(true), &f);
            check_gradient(&new().with_class_weights(&c).unwrap().with_costs(&c).unwrap(), &f);
        }
    }
}
