//! Distillation with both sides tempered, as Hinton, Vinyals and Dean have it.

use super::row_loss::RowLoss;
use crate::error::{DistillError, require_positive};
use crate::rows::Real;
use crate::teacher::Teacher;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::ops::softmax::softmax_row;

/// What is compared, with `p = softmax(z_teacher / T)` and `q = softmax(f / T)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// `sum_y p_y log (p_y / q_y)`.
    #[default]
    Divergence,
    /// `-sum_y p_y log q_y`: the same gradients, and the teacher's entropy more.
    CrossEntropy,
    /// `sum_y (p_y - q_y)^2`.
    SquaredError,
}

/// What a row's sum over classes is divided by, before the mean over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// Nothing: "batch mean" in PyTorch.
    #[default]
    BatchMean,
    /// By the number of classes: PyTorch's "mean", which makes the loss m times smaller.
    Mean,
}

/// `T^2 D(softmax(z / T), softmax(f / T))` for each row of teacher logits z and student logits f, `[n, m]`, in nats.
///
/// **Convention**: T on both sides, and a factor `T^2` by default ([`with_squared_factor`](Self::with_squared_factor)), which keeps
/// gradients of one size when T changes. The teacher's and the student's entropies differ from those of the form with a temperature
/// on the teacher only, [`SoftCrossEntropy`](crate::SoftCrossEntropy); neither is the other times a number.
///
/// Gradients: of divergence and cross-entropy `a T^-1 (q - p)`; of the squared error `2 a T^-1 q (q - p - sum_k q_k (q_k - p_k))`,
/// with a the factors.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{Hinton, RowLoss, Teacher};
/// let (z, f) = (array![[2.0, 0.5, -1.0]], array![[0.3, 1.2, -0.4]]);
/// let loss = Hinton::new(&Teacher::logits(z.view(), 1.0)?, 3.0)?;
/// assert!((loss.mean(f.view())? - 0.683_143_964_246_275).abs() < 1e-14);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network" (arXiv 1503.02531).
#[derive(Clone, Debug)]
pub struct Hinton<T> {
    targets: Array2<T>,
    temperature: f64,
    squared: bool,
    distance: Distance,
    reduction: Reduction,
}

impl<T: Real> Hinton<T> {
    /// The divergence from a teacher at temperature T, times T^2, batch mean.
    ///
    /// # Errors
    /// A temperature that is not above 0.
    pub fn new(teacher: &Teacher<T>, temperature: f64) -> Result<Self, DistillError> {
        require_positive("temperature", temperature)?;
        let targets = teacher.tempered(temperature)?;
        let (distance, reduction) = (Distance::default(), Reduction::default());
        Ok(Self { targets, temperature, squared: true, distance, reduction })
    }

    /// With or without the factor T^2.
    #[must_use]
    pub fn with_squared_factor(mut self, squared: bool) -> Self {
        self.squared = squared;
        self
    }

    /// Sets what is compared.
    #[must_use]
    pub fn with_distance(mut self, distance: Distance) -> Self {
        self.distance = distance;
        self
    }

    /// Sets the reduction over classes.
    #[must_use]
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

impl<T: Real> RowLoss for Hinton<T> {
    fn shape(&self) -> (usize, usize) {
        self.targets.dim()
    }

    fn row(&self, i: usize, scores: &[f64], gradient: &mut [f64]) -> f64 {
        let t = self.temperature;
        gradient.iter_mut().zip(scores).for_each(|(q, f)| *q = f / t);
        let norm = softmax_row(gradient);
        let targets = self.targets.row(i);
        let mut factor = if self.squared { t * t } else { 1.0 };
        if self.reduction == Reduction::Mean {
            factor /= scores.len() as f64;
        }
        let (mut loss, mut inner) = (0.0, 0.0);
        for ((p, f), q) in targets.iter().zip(scores).zip(&*gradient) {
            let (p, log_q) = (p.wide(), f / t - norm);
            loss += match self.distance {
                Distance::Divergence if p > 0.0 => p * (p.ln() - log_q),
                Distance::Divergence => 0.0,
                Distance::CrossEntropy => -p * log_q,
                Distance::SquaredError => (q - p) * (q - p),
            };
            inner += q * (q - p);
        }
        for (g, p) in gradient.iter_mut().zip(targets) {
            let apart = *g - p.wide();
            *g = factor / t
                * match self.distance {
                    Distance::SquaredError => 2.0 * *g * (apart - inner),
                    _ => apart,
                };
        }
        factor * loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::SoftCrossEntropy;
    use crate::testing::{check_gradient, scores};
    use ndarray::array;

    #[test]
    fn golden_values_of_other_libraries() {
        let (z, f) = (array![[2.0, 0.5, -1.0]], array![[0.3, 1.2, -0.4]]);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let new = || Hinton::new(&teacher, 3.0).unwrap();
        let cases = [
            (new(), 0.683_143_964_246_275),
            (new().with_squared_factor(false), 0.075_904_884_916_253),
            (new().with_reduction(Reduction::Mean), 0.227_714_654_748_758),
            (new().with_distance(Distance::CrossEntropy).with_squared_factor(false), 1.096_096_221_643_084),
            (new().with_distance(Distance::SquaredError).with_reduction(Reduction::Mean), 0.164_190_130_917_553),
        ];
        for (loss, golden) in cases {
            let found = loss.mean(f.view()).unwrap();
            assert!((found - golden).abs() < 1e-14, "{loss:?}: {found} against {golden}");
        }
        let targets = teacher.tempered(3.0).unwrap();
        let found = SoftCrossEntropy::new(targets.view()).unwrap().mean(f.view()).unwrap();
        assert!((found - 1.229_231_349_378_893).abs() < 1e-14);
    }

    #[test]
    fn gradients_are_those_of_central_differences() {
        let (z, f) = (scores(4, 5, 1), scores(4, 5, 2));
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        for distance in [Distance::Divergence, Distance::CrossEntropy, Distance::SquaredError] {
            for (squared, reduction) in [(true, Reduction::Mean), (false, Reduction::BatchMean)] {
                let loss = Hinton::new(&teacher, 2.5).unwrap();
                let loss = loss.with_distance(distance).with_squared_factor(squared).with_reduction(reduction);
                check_gradient(&loss, &f);
            }
        }
    }

    #[test]
    fn at_temperature_one_the_cross_entropies_are_one() {
        let (z, f) = (scores(4, 5, 1), scores(4, 5, 2));
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let both = Hinton::new(&teacher, 1.0).unwrap().with_distance(Distance::CrossEntropy);
        let p = teacher.tempered(1.0).unwrap();
        let plain = SoftCrossEntropy::new(p.view()).unwrap();
        assert!((both.mean(f.view()).unwrap() - plain.mean(f.view()).unwrap()).abs() < 1e-14);
        let error = Hinton::new(&teacher, 0.0).unwrap_err().to_string();
        assert_eq!(error, "temperature = 0: must be finite and above 0");
    }

    #[test]
    fn a_sure_teacher_gives_no_nan() {
        let (p, f) = (array![[1.0, 0.0]], array![[900.0, -900.0]]);
        let loss = Hinton::new(&Teacher::probabilities(p.view(), 1.0).unwrap(), 1.0).unwrap();
        assert_eq!(loss.mean(f.view()).unwrap(), 0.0);
    }
}
