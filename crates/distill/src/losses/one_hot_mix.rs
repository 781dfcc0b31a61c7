//! A distillation loss beside the plain cross-entropy of labels.

use super::row_loss::RowLoss;
use crate::error::{DistillError, require_labels, require_share};
use tenfold_core_tensor::ops::softmax::log_sum_exp;

/// `l_i = (1 - w) CE(y_i, f_i) + w D_i(f_i)`, with D any loss of this crate and `w` the `distill_weight`.
///
/// **Convention**: w stands on the teacher's term (some texts put alpha on the label's); w = 0 trains on labels, w = 1 on the teacher
/// alone. The label's cross-entropy is not tempered. Where D is the plain [`SoftCrossEntropy`](crate::SoftCrossEntropy), this equals
/// one soft cross-entropy on `(1 - w) one-hot + w p`.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{OneHotMix, RowLoss, SoftCrossEntropy};
/// let (p, f) = (array![[0.5, 0.25, 0.25]], array![[0.3, 1.2, -0.4]]);
/// let mixed = OneHotMix::new(SoftCrossEntropy::new(p.view())?, &[0], 0.5)?;
/// let target = array![[0.75, 0.125, 0.125]];
/// let one = SoftCrossEntropy::new(target.view())?;
/// assert!((mixed.mean(f.view())? - one.mean(f.view())?).abs() < 1e-15);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OneHotMix<'a, L> {
    loss: L,
    labels: &'a [usize],
    distill_weight: f64,
}

impl<'a, L: RowLoss> OneHotMix<'a, L> {
    /// Mixes a loss with labels `[n]`.
    ///
    /// # Errors
    /// A weight that is not from 0 to 1, or labels that do not fit.
    pub fn new(loss: L, labels: &'a [usize], distill_weight: f64) -> Result<Self, DistillError> {
        require_share("distill_weight", distill_weight)?;
        let (rows, classes) = loss.shape();
        require_labels(labels, rows, classes)?;
        Ok(Self { loss, labels, distill_weight })
    }
}

impl<L: RowLoss> RowLoss for OneHotMix<'_, L> {
    fn shape(&self) -> (usize, usize) {
        self.loss.shape()
    }

    fn row(&self, i: usize, scores: &[f64], gradient: &mut [f64]) -> f64 {
        let (w, y) = (self.distill_weight, self.labels[i]);
        let distilled = self.loss.row(i, scores, gradient);
        if w == 1.0 {
            return distilled;
        }
        let norm = log_sum_exp(scores);
        for (g, f) in gradient.iter_mut().zip(scores) {
            *g = w * *g + (1.0 - w) * (f - norm).exp();
        }
        gradient[y] -= 1.0 - w;
        (1.0 - w) * (norm - scores[y]) + w * distilled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::{Hinton, SoftCrossEntropy};
    use crate::teacher::Teacher;
    use crate::testing::{check_gradient, probabilities, scores};

    #[test]
    fn the_ends_are_labels_and_teacher_and_between_gradients_hold() {
        let (z, p, f, labels) = (scores(4, 3, 1), probabilities(4, 3, 2), scores(4, 3, 3), [0, 2, 1, 1]);
        let plain = SoftCrossEntropy::new(p.view()).unwrap();
        let mix = |w| OneHotMix::new(plain.clone(), &labels, w).unwrap();
        assert_eq!(mix(1.0).each(f.view()).unwrap(), plain.each(f.view()).unwrap());
        let one_hot = ndarray::Array2::from_shape_fn((4, 3), |(i, k)| f64::from(u8::from(labels[i] == k)));
        let hard = SoftCrossEntropy::new(one_hot.view()).unwrap();
        assert!((mix(0.0).mean(f.view()).unwrap() - hard.mean(f.view()).unwrap()).abs() < 1e-14);
        check_gradient(&mix(0.3), &f);
        let hinton = Hinton::new(&Teacher::logits(z.view(), 1.0).unwrap(), 3.0).unwrap();
        check_gradient(&OneHotMix::new(hinton, &labels, 0.7).unwrap(), &f);
        let error = OneHotMix::new(plain.clone(), &labels, 1.5).unwrap_err().to_string();
        assert_eq!(error, "distill_weight = 1.5: must be from 0 to 1");
        assert!(OneHotMix::new(plain, &labels[1..], 0.5).is_err());
    }
}
