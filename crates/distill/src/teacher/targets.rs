//! Soft targets that a student of any framework can train on with plain soft cross-entropy.

use super::marginal::Marginal;
use super::stored::Teacher;
use crate::error::{DistillError, require, require_labels, require_per_class, require_positive};
use crate::rows::{Real, write_rows};
use ndarray::Array2;

/// Soft targets `[n, m]`, each row a probability vector, and the weight of each row.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftTargets<T> {
    /// q, `[n, m]`.
    pub values: Array2<T>,
    /// What a row's loss must be multiplied by to have the weighted objective itself, `[n]`; ones where there is none.
    pub weights: Vec<f64>,
    /// The teacher's temperature in them: it has been applied already.
    pub temperature: f64,
}

impl<T: Real> SoftTargets<T> {
    /// Targets `q_y ∝ c_y p_y` for costs c, with the weights `C(x) = sum_y c_y p_y`, scaled to mean 1.
    ///
    /// **What plain soft cross-entropy on q keeps** of the objective with costs c: the minimiser at each point,
    /// `softmax(f) = q ∝ c_y p_y` (lemma 1), so also the best student among all functions, and the classes that it predicts.
    ///
    /// **What it does not keep**: the importance of points. The objective with costs outside, `mean_i sum_y c_y p_iy CE(y, f_i)`, is
    /// `mean_i C(x_i) CE(q_i, f_i)`; without `C` a student that cannot fit every point trades points off as the unweighted objective
    /// does. Multiplied by [`weights`](Self::weights) its value (up to one factor) and its gradients are kept too. The margin loss
    /// `CE(p, f - log c)` has the same minimiser but other gradients everywhere else, and goes on pushing where a student fits its
    /// targets; no targets can do that, see [`SoftCrossEntropy::with_costs`](crate::SoftCrossEntropy::with_costs).
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_distill::{SoftTargets, Teacher};
    /// let p = array![[0.7_f64, 0.2, 0.1]];
    /// let targets = SoftTargets::with_costs(&Teacher::probabilities(p.view(), 1.0)?, &[1.0, 2.0, 4.0], 1.0)?;
    /// assert!((targets.values[[0, 0]] - 7.0 / 15.0).abs() < 1e-12 && (targets.values[[0, 1]] - 4.0 / 15.0).abs() < 1e-12);
    /// # Ok::<(), tenfold_distill::DistillError>(())
    /// ```
    ///
    /// Source: lemma 1 in the supplement of Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class
    /// performance" (UAI 2023); its use for targets is derived in this project.
    ///
    /// # Errors
    /// Not one finite cost above 0 for each class; a temperature that is not above 0; a row that no cost can reach.
    pub fn with_costs(teacher: &Teacher<T>, costs: &[f64], temperature: f64) -> Result<Self, DistillError> {
        require_positive("temperature", temperature)?;
        require_per_class("costs", costs, teacher.classes())?;
        let bad = costs.iter().find(|c| **c <= 0.0);
        require(bad.is_none(), "costs", bad.unwrap_or(&0.0), "must be above 0")?;
        // Only their quotients matter: so no sum is infinite.
        let largest = costs.iter().copied().fold(0.0, f64::max);
        let (values, mut weights) = write_rows((teacher.rows(), teacher.classes()), |i, q| {
            teacher.row(i, temperature, q);
            q.iter_mut().zip(costs).for_each(|(q, c)| *q *= c / largest);
            let sum: f64 = q.iter().sum();
            let rule = "must not differ by more than single numbers can say";
            require(sum > f64::MIN_POSITIVE, "costs", format!("{costs:?}"), rule)?;
            q.iter_mut().for_each(|q| *q /= sum);
            Ok(sum)
        })?;
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        weights.iter_mut().for_each(|w| *w /= mean);
        Ok(Self { values, weights, temperature })
    }

    /// Balanced targets: costs `1 / marginal` of the teacher at the targets' temperature.
    ///
    /// # Errors
    /// As [`with_costs`](Self::with_costs).
    pub fn balanced(teacher: &Teacher<T>, marginal: &Marginal, temperature: f64) -> Result<Self, DistillError> {
        let costs: Vec<f64> = marginal.values().iter().map(|pi| 1.0 / pi).collect();
        Self::with_costs(teacher, &costs, temperature)
    }
}

/// One-hot rows `[n, m]` of labels.
///
/// ```
/// let rows = tenfold_distill::one_hot::<f32>(&[1, 0], 2)?;
/// assert_eq!(rows, ndarray::array![[0.0, 1.0], [1.0, 0.0]]);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// # Errors
/// A label that names no class.
pub fn one_hot<T: Real>(labels: &[usize], classes: usize) -> Result<Array2<T>, DistillError> {
    require_labels(labels, labels.len(), classes)?;
    let mut rows = Array2::from_elem((labels.len(), classes), T::narrow(0.0));
    labels.iter().enumerate().for_each(|(i, &y)| rows[[i, y]] = T::narrow(1.0));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::{RowLoss, SoftCrossEntropy};
    use crate::testing::scores;

    #[test]
    fn with_its_weights_it_is_the_weighted_objective() {
        let (z, f, costs) = (scores(8, 4, 1), scores(8, 4, 2), [1.0, 3.0, 0.2, 7.0]);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let targets = SoftTargets::with_costs(&teacher, &costs, 2.0).unwrap();
        let p = teacher.tempered(2.0).unwrap();
        let weighted =
            SoftCrossEntropy::new(p.view()).unwrap().with_class_weights(&costs).unwrap().each(f.view()).unwrap();
        let plain = SoftCrossEntropy::new(targets.values.view()).unwrap().each(f.view()).unwrap();
        let factor = weighted[0] / (targets.weights[0] * plain[0]);
        assert!((0..8).all(|i| (weighted[i] - factor * targets.weights[i] * plain[i]).abs() < 1e-12));
        assert!((targets.weights.iter().sum::<f64>() / 8.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn its_minimiser_is_that_of_the_margin_loss() {
        let (z, costs) = (scores(3, 4, 3), [1.0, 3.0, 0.2, 7.0]);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let targets = SoftTargets::with_costs(&teacher, &costs, 1.0).unwrap();
        let (p, minimiser) = (teacher.tempered(1.0).unwrap(), targets.values.mapv(f64::ln));
        let margin = SoftCrossEntropy::new(p.view()).unwrap().with_costs(&costs).unwrap();
        assert!(margin.gradient(minimiser.view()).unwrap().1.iter().all(|g: &f64| g.abs() < 1e-14));
    }

    #[test]
    fn balanced_targets_have_a_flatter_marginal() {
        let mut z = scores(400, 4, 5);
        z.column_mut(0).mapv_inplace(|z| z + 3.0);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let marginal = Marginal::of_teacher(&teacher, 1.0).unwrap();
        let targets = SoftTargets::balanced(&teacher, &marginal, 1.0).unwrap();
        let mean = |k: usize| (0..400).map(|i| targets.weights[i] * targets.values[[i, k]]).sum::<f64>() / 400.0;
        // Weighted, every class has the same mass.
        assert!((0..4).all(|k| (mean(k) - 0.25).abs() < 1e-12));
    }

    #[test]
    fn bad_costs_are_named() {
        let z = scores(2, 2, 1);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let message = |c: &[f64]| SoftTargets::with_costs(&teacher, c, 1.0).unwrap_err().to_string();
        assert_eq!(message(&[0.0, 1.0]), "costs = 0: must be above 0");
        assert!(message(&[1.0]).contains("one number for each class"));
        let p = ndarray::array![[1.0, 0.0]];
        let sure = Teacher::probabilities(p.view(), 1.0).unwrap();
        assert!(SoftTargets::with_costs(&sure, &[1e-320, 1.0], 1.0).is_err());
        assert!(one_hot::<f32>(&[2], 2).is_err());
    }
}
