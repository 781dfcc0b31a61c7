//! Cross-entropy and its gradient.
//!
//! For logits z of a batch and targets t that already carry their sample's scale s (`t = s q`, `sum_k q_k = 1`), the
//! loss is `L = sum_i sum_k t_ik (logsumexp(z_i) - z_ik)` and its gradient `dL/dz = s softmax(z) - t`. The gradient is
//! written down instead of recorded: Burn's autodiff would take log-softmax apart into half a dozen steps and as many
//! backward, each with its own tensor. The loss itself is only needed for the log, so it is
//! computed on the host in double precision, once per [`Ledger`] page and not once per step.

use crate::error::VisionError;
use crate::weights::to_host;

use burn::tensor::{Gradients, Tensor, TensorData};
use tenfold_core_tensor::ops::tensor::softmax;

/// Targets of a batch, each row scaled by its sample's weight over the batch size.
pub(crate) struct BatchTargets {
    /// `[b, K]`, row-major.
    pub(crate) rows: Vec<f32>,
    /// The scale of each row, unless all are 1 / b.
    pub(crate) scales: Option<Vec<f32>>,
    /// The most wanted class of each row.
    pub(crate) labels: Vec<usize>,
}

/// Logits as the loss sees them, `z / T`.
pub(crate) fn softened(logits: Tensor<2>, temperature: f64) -> Tensor<2> {
    if temperature == 1.0 { logits } else { logits.div_scalar(temperature) }
}

/// Gradients of `T^2` times the loss in everything that the softened logits depend on: with that factor they have the same
/// size at every temperature.
pub(crate) fn backward(logits: Tensor<2>, targets: &BatchTargets, temperature: f64) -> Gradients {
    let device = logits.device().without_autodiff();
    let [batch, classes] = logits.dims();
    let probabilities = softmax(logits.clone().inner(), 1);
    let scaled = match &targets.scales {
        Some(scales) => probabilities * Tensor::<2>::from_data(TensorData::new(scales.clone(), [batch, 1]), &device),
        None => probabilities.div_scalar(batch as f64),
    };
    let wanted = Tensor::<2>::from_data(TensorData::new(targets.rows.clone(), [batch, classes]), &device);
    // The derivative of sum(z * c) in z is c.
    let slope = scaled - wanted;
    let slope = if temperature == 1.0 { slope } else { slope.mul_scalar(temperature * temperature) };
    (logits * Tensor::from_inner(slope)).sum().backward()
}

/// What a pass over the data has shown so far, read from the device a page at a time.
pub(crate) struct Ledger {
    epoch: usize,
    classes: usize,
    open: Vec<Entry>,
    pending: usize,
    loss: f64,
    correct: usize,
    samples: usize,
}

struct Entry {
    logits: Tensor<2>,
    targets: BatchTargets,
    step: usize,
    learning_rate: f64,
}

/// Logits kept on the device before they are read: 4 MiB of them.
pub(crate) const PAGE: usize = 1 << 20;

impl Ledger {
    pub(crate) fn new(epoch: usize, classes: usize) -> Self {
        Self { epoch, classes, open: Vec::new(), pending: 0, loss: 0.0, correct: 0, samples: 0 }
    }

    /// Notes a step. Fails if the loss of a step up to here is known not to be finite.
    pub(crate) fn note(
        &mut self,
        logits: Tensor<2>,
        targets: BatchTargets,
        step: usize,
        learning_rate: f64,
    ) -> Result<(), VisionError> {
        self.pending += targets.rows.len();
        self.open.push(Entry { logits, targets, step, learning_rate });
        if self.pending >= PAGE { self.turn() } else { Ok(()) }
    }

    /// Reads all open entries in one go.
    fn turn(&mut self) -> Result<(), VisionError> {
        if self.open.is_empty() {
            return Ok(());
        }
        let (logits, notes): (Vec<_>, Vec<_>) =
            self.open.drain(..).map(|e| (e.logits, (e.targets, e.step, e.learning_rate))).unzip();
        let logits = to_host(Tensor::cat(logits, 0));
        self.pending = 0;
        let mut rest = logits.as_slice();
        for (targets, step, learning_rate) in notes {
            let (batch, after) = rest.split_at(targets.rows.len());
            rest = after;
            self.read(batch, &targets, step, learning_rate)?;
        }
        Ok(())
    }

    /// Adds a batch, or fails if its loss is not finite.
    pub(crate) fn read(
        &mut self,
        logits: &[f32],
        targets: &BatchTargets,
        step: usize,
        learning_rate: f64,
    ) -> Result<(), VisionError> {
        let batch = targets.labels.len();
        let mut loss = 0.0;
        let rows = logits.chunks_exact(self.classes).zip(targets.rows.chunks_exact(self.classes));
        for ((z, t), &label) in rows.zip(&targets.labels) {
            loss += cross_entropy(z, t);
            self.correct += usize::from(argmax(z) == label);
        }
        self.loss += loss * batch as f64;
        self.samples += batch;
        if loss.is_finite() {
            return Ok(());
        }
        let what = "the loss".to_string();
        Err(VisionError::NotFinite { what, epoch: self.epoch, step, learning_rate })
    }

    /// Mean loss, and the share of samples whose largest logit is at the most wanted class.
    pub(crate) fn close(mut self) -> Result<(f64, f64), VisionError> {
        self.turn()?;
        Ok(self.means())
    }

    /// The same for the batches that were read.
    pub(crate) fn means(&self) -> (f64, f64) {
        let n = self.samples as f64;
        (self.loss / n, self.correct as f64 / n)
    }
}

/// `sum_k t_k (logsumexp(z) - z_k)`.
fn cross_entropy(z: &[f32], t: &[f32]) -> f64 {
    let largest = z.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
    let largest = f64::from(largest);
    let log_sum = largest + z.iter().map(|&z| (f64::from(z) - largest).exp()).sum::<f64>().ln();
    z.iter().zip(t).map(|(&z, &t)| f64::from(t) * (log_sum - f64::from(z))).sum()
}

/// The index of the largest value; of equals, the first.
pub(crate) fn argmax<'a>(values: impl IntoIterator<Item = &'a f32>) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (i, &value) in values.into_iter().enumerate() {
        if value > best.1 {
            best = (i, value);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use proptest::prelude::*;

    #[test]
    fn cross_entropy_by_hand() {
        // logsumexp(0, ln 3) = ln 4, so the probabilities are 1/4 and 3/4.
        let z = [0.0, 3.0_f32.ln()];
        let expected = -(0.4 * 0.25_f64.ln() + 0.6 * 0.75_f64.ln());
        let found = cross_entropy(&z, &[0.4, 0.6]);
        assert!((found - expected).abs() < 4.0 * f64::from(f32::EPSILON), "{found} != {expected}");
    }

    #[test]
    fn large_logits_do_not_overflow() {
        assert!((cross_entropy(&[1e4, -1e4], &[0.0, 1.0]) - 2e4).abs() < 1e-9);
        assert_eq!(cross_entropy(&[1e4, -1e4], &[1.0, 0.0]), 0.0);
        assert!(cross_entropy(&[f32::NAN, 0.0], &[1.0, 0.0]).is_nan());
        assert!(cross_entropy(&[f32::INFINITY, 0.0], &[1.0, 0.0]).is_nan());
    }

    proptest! {
        #[test]
        fn the_gradient_is_that_of_the_loss(
            z in proptest::collection::vec(-5.0_f32..5.0, 6),
            q in proptest::collection::vec(0.01_f32..1.0, 6),
            scales in proptest::collection::vec(0.1_f32..2.0, 2),
        ) {
            let mut rows = q;
            for (row, &scale) in rows.chunks_exact_mut(3).zip(&scales) {
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|q| *q *= scale / sum);
            }
            let device = Device::flex().autodiff();
            let logits = Tensor::<2>::from_data(TensorData::new(z.clone(), [2, 3]), &device).require_grad();
            let targets = BatchTargets { rows: rows.clone(), scales: Some(scales), labels: vec![0, 0] };
            let gradients = backward(logits.clone(), &targets, 1.0);
            let found = to_host(logits.grad(&gradients).unwrap());
            // Central differences in double precision of the same function; the error is of order h^2.
            let loss = |z: &[f64]| -> f64 {
                z.chunks_exact(3).zip(rows.chunks_exact(3)).map(|(z, t)| {
                    let log_sum = z.iter().map(|z| z.exp()).sum::<f64>().ln();
                    z.iter().zip(t).map(|(z, &t)| f64::from(t) * (log_sum - z)).sum::<f64>()
                }).sum()
            };
            let h = 1e-5;
            for i in 0..6 {
                let moved = |by: f64| {
                    let mut z: Vec<f64> = z.iter().map(|&z| f64::from(z)).collect();
                    z[i] += by;
                    loss(&z)
                };
                let expected = (moved(h) - moved(-h)) / (2.0 * h);
                let tolerance = 16.0 * f64::from(f32::EPSILON) + 1e-8;
                prop_assert!((f64::from(found[i]) - expected).abs() < tolerance, "{} != {}", found[i], expected);
            }
        }
    }
}
