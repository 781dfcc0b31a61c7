//! The loss and its gradient.
//!
//! For logits z of a batch and targets t that already carry their sample's scale s (`t = s q`, `sum_k q_k = 1`), the
//! cross-entropy is `L = sum_i sum_k t_ik (logsumexp(u_i) - u_ik)` with `u = (z + offsets) / T`, and its gradient
//! `dL/du = s softmax(u) - t`. The gradient is written down instead of recorded: Burn's autodiff would take log-softmax apart
//! into half a dozen steps and as many backward, each with its own tensor. The loss itself is only needed for the log, so it is
//! computed on the host in double precision, once per [`Ledger`] page and not once per step.

use crate::error::VisionError;
use crate::params::{Criterion, TrainConfig};
use crate::weights::to_host;

use burn::tensor::{Gradients, Tensor, TensorData};
use std::sync::Arc;
use tenfold_core_tensor::ops::tensor::softmax;
use tenfold_kernels::perceptron::RowLoss;

/// Targets of a batch, each row scaled by its sample's weight over the batch size.
#[derive(Default)]
pub(crate) struct BatchTargets {
    /// `[b, K]`, row-major.
    pub(crate) rows: Vec<f32>,
    /// The scale of each row, unless all are 1 / b.
    pub(crate) scales: Option<Vec<f32>>,
    /// The most wanted class of each row.
    pub(crate) labels: Vec<usize>,
}

impl BatchTargets {
    /// The scale of a row.
    pub(crate) fn scale(&self, row: usize) -> f32 {
        self.scales.as_ref().map_or(1.0 / self.labels.len() as f32, |scales| scales[row])
    }

    /// Multiplies what is wanted of each class by its weight, and the scales with it.
    pub(crate) fn weigh(&mut self, classes: &[f32]) {
        let weighed = self.rows.chunks_exact_mut(classes.len()).map(|row| {
            row.iter_mut().zip(classes).for_each(|(t, weight)| *t *= weight);
            row.iter().sum()
        });
        self.scales = Some(weighed.collect());
    }
}

/// What a step descends.
#[derive(Clone)]
pub(crate) struct Objective {
    pub(crate) criterion: Criterion,
    pub(crate) temperature: f64,
    /// One for each class, or none.
    pub(crate) offsets: Arc<[f32]>,
    /// In place of the criterion.
    pub(crate) own: Option<Arc<RowLoss>>,
}

impl Objective {
    /// That of a configuration.
    pub(crate) fn of(config: &TrainConfig) -> Self {
        Self { criterion: config.criterion, temperature: config.temperature, offsets: Arc::default(), own: None }
    }

    /// Gradients of `T^2` times the loss in everything that the logits depend on: with that factor they have the same size at
    /// every temperature.
    pub(crate) fn backward(&self, logits: Tensor<2>, targets: &BatchTargets) -> Gradients {
        let device = logits.device().without_autodiff();
        let [batch, classes] = logits.dims();
        let z = logits.clone().inner();
        let shaped = |values: &[f32], shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &device)
        };
        if let Some(loss) = &self.own {
            let z = to_host(z);
            let mut slope = vec![0.0; z.len()];
            let rows = z.chunks_exact(classes).zip(targets.rows.chunks_exact(classes));
            for (i, ((z, t), slope)) in rows.zip(slope.chunks_exact_mut(classes)).enumerate() {
                loss(z, t, targets.scale(i), slope);
            }
            return (logits * Tensor::from_inner(shaped(&slope, [batch, classes]))).sum().backward();
        }
        let said = match self.criterion {
            Criterion::Squared => z,
            Criterion::CrossEntropy => {
                let z = if self.offsets.is_empty() { z } else { z + shaped(&self.offsets, [1, classes]) };
                softmax(if self.temperature == 1.0 { z } else { z.div_scalar(self.temperature) }, 1)
            }
        };
        let scaled = match &targets.scales {
            Some(scales) => said * shaped(scales, [batch, 1]),
            None => said.div_scalar(batch as f64),
        };
        let slope = scaled - shaped(&targets.rows, [batch, classes]);
        let factor = match self.criterion {
            Criterion::Squared => 2.0,
            // T^2 of the loss, over T of u.
            Criterion::CrossEntropy => self.temperature,
        };
        let slope = if factor == 1.0 { slope } else { slope.mul_scalar(factor) };
        // The derivative of sum(z * c) in z is c.
        (logits * Tensor::from_inner(slope)).sum().backward()
    }

    /// The loss of a row: logits, targets, and their scale.
    fn of_row(&self, z: &[f32], t: &[f32], scale: f32) -> f64 {
        if let Some(loss) = &self.own {
            return f64::from(loss(z, t, scale, &mut vec![0.0; z.len()]));
        }
        match self.criterion {
            Criterion::CrossEntropy => {
                let offset = |k: usize| self.offsets.get(k).map_or(0.0, |&o| f64::from(o));
                let u = z.iter().enumerate().map(|(k, &z)| (f64::from(z) + offset(k)) / self.temperature);
                cross_entropy(u, t)
            }
            Criterion::Squared => {
                let s = f64::from(scale);
                let distance = |(&z, &t): (&f32, &f32)| (s * f64::from(z) - f64::from(t)).powi(2) / s;
                if s == 0.0 { 0.0 } else { z.iter().zip(t).map(distance).sum() }
            }
        }
    }
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
    objective: Objective,
    at: At,
}

/// A step of an epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) step: usize,
    pub(crate) learning_rate: f64,
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
        objective: Objective,
        at: At,
    ) -> Result<(), VisionError> {
        self.pending += targets.rows.len();
        self.open.push(Entry { logits, targets, objective, at });
        if self.pending >= PAGE { self.turn() } else { Ok(()) }
    }

    /// Reads all open entries in one go.
    fn turn(&mut self) -> Result<(), VisionError> {
        if self.open.is_empty() {
            return Ok(());
        }
        let (logits, notes): (Vec<_>, Vec<_>) =
            self.open.drain(..).map(|e| (e.logits, (e.targets, e.objective, e.at))).unzip();
        let logits = to_host(Tensor::cat(logits, 0));
        self.pending = 0;
        let mut rest = logits.as_slice();
        for (targets, objective, at) in notes {
            let (batch, after) = rest.split_at(targets.rows.len());
            rest = after;
            self.read(batch, &targets, &objective, at)?;
        }
        Ok(())
    }

    /// Adds a batch by its logits, or fails if its loss is not finite.
    pub(crate) fn read(
        &mut self,
        logits: &[f32],
        targets: &BatchTargets,
        objective: &Objective,
        at: At,
    ) -> Result<(), VisionError> {
        let (mut loss, mut correct) = (0.0, 0);
        let rows = logits.chunks_exact(self.classes).zip(targets.rows.chunks_exact(self.classes));
        for (i, ((z, t), &label)) in rows.zip(&targets.labels).enumerate() {
            loss += objective.of_row(z, t, targets.scale(i));
            correct += usize::from(argmax(z) == label);
        }
        self.add(targets.labels.len(), loss, correct, at)
    }

    /// Adds a batch by its loss and how many of it were right.
    pub(crate) fn add(&mut self, batch: usize, loss: f64, correct: usize, at: At) -> Result<(), VisionError> {
        self.loss += loss * batch as f64;
        self.correct += correct;
        self.samples += batch;
        if loss.is_finite() {
            return Ok(());
        }
        let (what, At { step, learning_rate }) = ("the loss".to_string(), at);
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

/// `sum_k t_k (logsumexp(u) - u_k)`.
fn cross_entropy(u: impl Iterator<Item = f64> + Clone, t: &[f32]) -> f64 {
    let largest = u.clone().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = largest + u.clone().map(|u| (u - largest).exp()).sum::<f64>().ln();
    u.zip(t).map(|(u, &t)| f64::from(t) * (log_sum - u)).sum()
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

    fn cross_entropy_of(z: &[f32], t: &[f32]) -> f64 {
        Objective::of(&TrainConfig::default()).of_row(z, t, t.iter().sum())
    }

    #[test]
    fn cross_entropy_by_hand() {
        // logsumexp(0, ln 3) = ln 4, so the probabilities are 1/4 and 3/4.
        let z = [0.0, 3.0_f32.ln()];
        let expected = -(0.4 * 0.25_f64.ln() + 0.6 * 0.75_f64.ln());
        let found = cross_entropy_of(&z, &[0.4, 0.6]);
        assert!((found - expected).abs() < 4.0 * f64::from(f32::EPSILON), "{found} != {expected}");
    }

    #[test]
    fn large_logits_do_not_overflow() {
        assert!((cross_entropy_of(&[1e4, -1e4], &[0.0, 1.0]) - 2e4).abs() < 1e-9);
        assert_eq!(cross_entropy_of(&[1e4, -1e4], &[1.0, 0.0]), 0.0);
        assert!(cross_entropy_of(&[f32::NAN, 0.0], &[1.0, 0.0]).is_nan());
        assert!(cross_entropy_of(&[f32::INFINITY, 0.0], &[1.0, 0.0]).is_nan());
    }

    #[test]
    fn weights_of_classes_scale_what_is_wanted() {
        let mut targets = BatchTargets { rows: vec![0.5, 0.0, 0.25, 0.25], scales: None, labels: vec![0, 0] };
        targets.weigh(&[2.0, 4.0]);
        assert_eq!((targets.rows, targets.scales), (vec![1.0, 0.0, 0.5, 1.0], Some(vec![1.0, 1.5])));
    }

    proptest! {
        #[test]
        fn the_gradient_is_that_of_the_loss(
            z in proptest::collection::vec(-5.0_f32..5.0, 6),
            q in proptest::collection::vec(0.01_f32..1.0, 6),
            scales in proptest::collection::vec(0.1_f32..2.0, 2),
            (temperature, offset, squared) in (0.5_f64..4.0, -2.0_f32..2.0, proptest::bool::ANY),
        ) {
            let mut rows = q;
            for (row, &scale) in rows.chunks_exact_mut(3).zip(&scales) {
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|q| *q *= scale / sum);
            }
            let objective = if squared {
                Objective { criterion: Criterion::Squared, ..Objective::of(&TrainConfig::default()) }
            } else {
                Objective { temperature, offsets: [offset, 0.0, 1.0].into(), ..Objective::of(&TrainConfig::default()) }
            };
            let device = Device::flex().autodiff();
            let logits = Tensor::<2>::from_data(TensorData::new(z.clone(), [2, 3]), &device).require_grad();
            let targets = BatchTargets { rows: rows.clone(), scales: Some(scales.clone()), labels: vec![0, 0] };
            let gradients = objective.backward(logits.clone(), &targets);
            let found = to_host(logits.grad(&gradients).unwrap());
            // Central differences of the loss that is reported; the error is of order h^2, and of rounding z over h.
            let factor = objective.temperature.powi(2);
            let h = 1.0 / 256.0;
            for i in 0..6 {
                let moved = |by: f32| {
                    let mut z = z.clone();
                    z[i] += by;
                    let rows = z.chunks_exact(3).zip(rows.chunks_exact(3)).zip(&scales);
                    rows.map(|((z, t), &s)| objective.of_row(z, t, s)).sum::<f64>()
                };
                let (up, down) = (z[i] + h, z[i] - h);
                let expected = factor * (moved(h) - moved(-h)) / f64::from(up - down);
                let tolerance = 1e-4 * (1.0 + expected.abs());
                prop_assert!((f64::from(found[i]) - expected).abs() < tolerance, "{} != {}", found[i], expected);
            }
        }
    }
}
