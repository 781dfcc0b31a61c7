//! Decoupled distillation: the label's probability, and the others among themselves, apart.

use super::row_loss::RowLoss;
use crate::error::{DistillError, require, require_labels, require_positive};
use crate::rows::Real;
use crate::teacher::Teacher;
use ndarray::Array2;
use tenfold_core_tensor::ops::softmax::softmax_row;

/// `T^2 (a TCKD + b NCKD)` for each row, in nats, with `p = softmax(z / T)` of the teacher, `q = softmax(f / T)` of the student and
/// the label y:
///
/// - `TCKD = p_y log (p_y / q_y) + (1 - p_y) log ((1 - p_y) / (1 - q_y))`, on the label against all others;
/// - `NCKD = sum_{j != y} p'_j log (p'_j / q'_j)`, with `p'_j = p_j / (1 - p_y)`, on the others among themselves.
///
/// **Convention**: T on both sides, the factor `T^2` always, batch mean. [`Hinton`](crate::Hinton)'s divergence is
/// `TCKD + (1 - p_y) NCKD`: the weight b takes the place of `1 - p_y`, which silences the second part where the teacher is sure.
/// Defaults: a = 1, b = 8 (the value of the source for CIFAR-100).
///
/// Gradients in f: `a T (q_y - p_y)` times `(1` at y, `-q'_j` elsewhere`)`, and `b T (q'_j - p'_j)` off the label.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{Decoupled, RowLoss, Teacher};
/// let (z, f) = (array![[2.0, 0.5, -1.0]], array![[0.3, 1.2, -0.4]]);
/// let teacher = Teacher::logits(z.view(), 1.0)?;
/// let target = Decoupled::new(&teacher, &[0], 3.0)?.with_weights(1.0, 0.0)?;
/// assert!((target.mean(f.view())? - 0.682_565_669_478_724).abs() < 1e-13);
/// // Two classes have one class off the label, whose share is always one.
/// let two = array![[2.0, 0.5]];
/// assert!(Decoupled::new(&Teacher::logits(two.view(), 1.0)?, &[0], 3.0).is_err());
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Zhao, Cui, Song, Qiu and Liang, "Decoupled knowledge distillation" (CVPR 2022, arXiv 2203.08679).
#[derive(Clone, Debug)]
pub struct Decoupled<'a, T> {
    targets: Array2<T>,
    labels: &'a [usize],
    temperature: f64,
    target: f64,
    others: f64,
}

impl<'a, T: Real> Decoupled<'a, T> {
    /// From a teacher at temperature T and labels `[n]`, with weights 1 and 8.
    ///
    /// # Errors
    /// Two classes; a temperature that is not above 0; labels that do not fit.
    pub fn new(teacher: &Teacher<T>, labels: &'a [usize], temperature: f64) -> Result<Self, DistillError> {
        require_positive("temperature", temperature)?;
        let rule =
            "must be at least 3: with 2 there is a single class off the label, and nothing to compare among the others";
        require(teacher.classes() >= 3, "classes", teacher.classes(), rule)?;
        require_labels(labels, teacher.rows(), teacher.classes())?;
        Ok(Self { targets: teacher.tempered(temperature)?, labels, temperature, target: 1.0, others: 8.0 })
    }

    /// Sets the weights a of the target part and b of the other.
    ///
    /// # Errors
    /// A weight that is negative or not finite.
    pub fn with_weights(mut self, target: f64, others: f64) -> Result<Self, DistillError> {
        for (field, weight) in [("target", target), ("others", others)] {
            require(weight.is_finite() && weight >= 0.0, field, weight, "must be finite and not negative")?;
        }
        (self.target, self.others) = (target, others);
        Ok(self)
    }
}

impl<T: Real> RowLoss for Decoupled<'_, T> {
    fn shape(&self) -> (usize, usize) {
        self.targets.dim()
    }

    fn row(&self, i: usize, scores: &[f64], gradient: &mut [f64]) -> f64 {
        let (t, y) = (self.temperature, self.labels[i]);
        let targets = self.targets.row(i);
        // The others first: their softmax q' and log-sum-exp do not know the label, so nothing is subtracted from one.
        gradient.iter_mut().zip(scores).for_each(|(q, f)| *q = f / t);
        // A number that vanishes beside any other, and is finite.
        let least = gradient.iter().copied().fold(f64::INFINITY, f64::min);
        gradient[y] = least - 1e4;
        let others = softmax_row(gradient);
        // Log-odds of the label: log q_y - log (1 - q_y).
        let odds = scores[y] / t - others;
        let (log_label, log_rest) = (-softplus(-odds), -softplus(odds));
        let p_y = targets[y].wide();
        let rest: f64 = targets.iter().enumerate().filter(|(j, _)| *j != y).map(|(_, p)| p.wide()).sum();
        let part = |p: f64, log_q: f64| if p > 0.0 { p * (p.ln() - log_q) } else { 0.0 };
        let target = part(p_y, log_label) + part(rest, log_rest);
        let (q_y, mut other) = (log_label.exp(), 0.0);
        let apart = self.target * t * (q_y - p_y);
        for (j, (g, p)) in gradient.iter_mut().zip(targets).enumerate().filter(|(j, _)| *j != y) {
            // A teacher that is wholly sure says nothing of the others.
            let share = if rest > 0.0 { p.wide() / rest } else { *g };
            other += part(share, scores[j] / t - others);
            *g = self.others * t * (*g - share) - apart * *g;
        }
        gradient[y] = apart;
        t * t * (self.target * target + self.others * if rest > 0.0 { other } else { 0.0 })
    }
}

/// `log (1 + e^x)`.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::Hinton;
    use crate::testing::{check_gradient, scores};
    use ndarray::array;

    fn parts<'a>(teacher: &Teacher<f64>, labels: &'a [usize], t: f64, a: f64, b: f64) -> Decoupled<'a, f64> {
        Decoupled::new(teacher, labels, t).unwrap().with_weights(a, b).unwrap()
    }

    #[test]
    fn golden_parts_and_their_sum() {
        let (z, f) = (array![[2.0, 0.5, -1.0]], array![[0.3, 1.2, -0.4]]);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let of = |a, b| parts(&teacher, &[0], 3.0, a, b).mean(f.view()).unwrap();
        assert!((of(1.0, 0.0) - 0.682_565_669_478_724).abs() < 1e-13);
        assert!((of(0.0, 1.0) - 0.001_171_776_677_300).abs() < 1e-13);
        let p_y = teacher.tempered(3.0).unwrap()[[0, 0]];
        assert!((of(1.0, 1.0 - p_y) - 0.683_143_964_246_275).abs() < 1e-13);
    }

    #[test]
    fn with_the_teachers_own_weight_it_is_the_divergence() {
        let (z, f, labels) = (scores(6, 4, 1), scores(6, 4, 2), [0, 1, 2, 3, 0, 1]);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let whole = Hinton::new(&teacher, 2.0).unwrap().each(f.view()).unwrap();
        let p = teacher.tempered(2.0).unwrap();
        for i in 0..6 {
            let loss = parts(&teacher, &labels, 2.0, 1.0, 1.0 - p[[i, labels[i]]]);
            assert!((loss.each(f.view()).unwrap()[i] - whole[i]).abs() < 1e-13);
        }
    }

    #[test]
    fn gradients_are_those_of_central_differences() {
        let (z, f, labels) = (scores(4, 5, 3), scores(4, 5, 4), [0, 4, 2, 2]);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        for (a, b) in [(1.0, 0.0), (0.0, 1.0), (1.0, 8.0)] {
            check_gradient(&parts(&teacher, &labels, 1.7, a, b), &f);
        }
    }

    #[test]
    fn sure_teachers_and_students_give_numbers() {
        let (p, f) = (array![[1.0, 0.0, 0.0]], array![[800.0, 0.0, -800.0]]);
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        for label in 0..3 {
            let labels = [label];
            let (value, gradient) = parts(&teacher, &labels, 1.0, 1.0, 8.0).gradient(f.view()).unwrap();
            assert!(value.is_finite() && gradient.iter().all(|g: &f64| g.is_finite()), "{value} {gradient}");
        }
    }

    #[test]
    fn bad_input_is_named() {
        let z = scores(2, 3, 1);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        assert_eq!(
            Decoupled::new(&teacher, &[0, 3], 1.0).unwrap_err(),
            DistillError::Label { row: 1, label: 3, classes: 3 }
        );
        assert!(Decoupled::new(&teacher, &[0], 1.0).is_err() && Decoupled::new(&teacher, &[0, 1], -1.0).is_err());
        let two = scores(2, 2, 1);
        let error = Decoupled::new(&Teacher::logits(two.view(), 1.0).unwrap(), &[0, 1], 1.0).unwrap_err();
        assert!(error.to_string().starts_with("classes = 2: must be at least 3"), "{error}");
        assert!(Decoupled::new(&teacher, &[0, 1], 1.0).unwrap().with_weights(-1.0, 0.0).is_err());
    }
}
