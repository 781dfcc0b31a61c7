//! The base model's outputs on the keys: all logits, the largest of them, or predictions.

use crate::error::ResmemError;
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};
use tenfold_core_tensor::ops::softmax::{log_sum_exp, tempered_softmax};
use tenfold_core_tensor::ops::top_k::top_k;

/// How much of the base model's probability a memory with `top_m` does not resolve by class, at `T = 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TruncationError {
    /// Mean over the keys.
    pub mean: f64,
    /// Largest over the keys.
    pub max: f64,
}

/// The base model's outputs, one row a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Base {
    /// Regression: predictions.
    Values(Array2<f32>),
    /// Classification: logits. Logits and not residuals, because residuals change with the temperature.
    Logits(Array2<f32>),
    /// Classification over many classes: the largest logits.
    Top(TopLogits),
}

/// The `m` largest logits of each row; the other classes share what remains evenly.
///
/// With `L = log sum exp` of the dropped logits, each of the `C - m` dropped classes is given the logit
/// `L - log(C - m)`: exact in total mass at `T = 1`, and rows still sum to one at every `T`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TopLogits {
    /// Classes, `[n, m]`.
    pub(crate) classes: Array2<u32>,
    /// Their logits, `[n, m]`, descending.
    pub(crate) logits: Array2<f32>,
    /// Log-sum-exp of the other logits, `[n]`.
    pub(crate) rest: Array1<f32>,
    /// Number of classes.
    pub(crate) width: usize,
}

impl TopLogits {
    fn keep(logits: &Array2<f32>, m: usize) -> Self {
        let (n, width) = logits.dim();
        let mut top =
            Self { classes: Array2::zeros((n, m)), logits: Array2::zeros((n, m)), rest: Array1::zeros(n), width };
        for (i, row) in logits.outer_iter().enumerate() {
            let mut row: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
            for (slot, class) in top_k(&row, m).into_iter().enumerate() {
                top.classes[[i, slot]] = class as u32;
                top.logits[[i, slot]] = logits[[i, class]];
                row[class] = f64::NEG_INFINITY;
            }
            // Rounding must not carry the largest of numbers to infinity.
            top.rest[i] = (log_sum_exp(&row) as f32).clamp(f32::MIN, f32::MAX);
        }
        top
    }

    fn dropped(&self) -> f64 {
        (self.width - self.classes.ncols()) as f64
    }

    fn probabilities(&self, row: usize, temperature: f64, out: &mut [f64]) {
        let dropped = self.dropped();
        let other = (f64::from(self.rest[row]) - dropped.ln()) / temperature;
        let mut scaled: Vec<f64> = self.logits.row(row).iter().map(|&v| f64::from(v) / temperature).collect();
        scaled.push(other + dropped.ln());
        let norm = log_sum_exp(&scaled);
        out.fill((other - norm).exp());
        for (&class, logit) in self.classes.row(row).iter().zip(&scaled) {
            out[class as usize] = (logit - norm).exp();
        }
    }

    fn truncation_error(&self) -> TruncationError {
        let mut error = TruncationError { mean: 0.0, max: 0.0 };
        for (row, &rest) in self.logits.outer_iter().zip(&self.rest) {
            let mut all: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
            all.push(f64::from(rest));
            let mass = (f64::from(rest) - log_sum_exp(&all)).exp();
            error.mean += mass / self.rest.len() as f64;
            error.max = error.max.max(mass);
        }
        error
    }
}

impl Base {
    /// Logits in classification, all or the `top_m` largest.
    pub(crate) fn logits(logits: Array2<f32>, top_m: Option<usize>) -> Self {
        match top_m {
            Some(m) if m < logits.ncols() => Base::Top(TopLogits::keep(&logits, m)),
            _ => Base::Logits(logits),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Base::Values(values) | Base::Logits(values) => values.nrows(),
            Base::Top(top) => top.rest.len(),
        }
    }

    /// Width of the output: classes or values a target.
    pub(crate) fn width(&self) -> usize {
        match self {
            Base::Values(values) | Base::Logits(values) => values.ncols(),
            Base::Top(top) => top.width,
        }
    }

    /// `softmax(f / T)` of a stored row, or the prediction itself in regression.
    pub(crate) fn output(&self, row: usize, temperature: f64, out: &mut [f64]) {
        match self {
            Base::Values(values) | Base::Logits(values) => self.transform(values.row(row), temperature, out),
            Base::Top(top) => top.probabilities(row, temperature, out),
        }
    }

    /// The same for a full row of outputs that is not stored, such as a query's.
    pub(crate) fn transform(&self, row: ArrayView1<f32>, temperature: f64, out: &mut [f64]) {
        match self {
            Base::Values(_) => out.iter_mut().zip(row).for_each(|(o, v)| *o = f64::from(*v)),
            Base::Logits(_) | Base::Top(_) => tempered_softmax(row.iter().copied(), temperature, out),
        }
    }

    pub(crate) fn truncation_error(&self) -> TruncationError {
        match self {
            Base::Values(_) | Base::Logits(_) => TruncationError { mean: 0.0, max: 0.0 },
            Base::Top(top) => top.truncation_error(),
        }
    }

    /// The rows asked for, in that order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        match self {
            Base::Values(values) => Base::Values(values.select(Axis(0), rows)),
            Base::Logits(values) => Base::Logits(values.select(Axis(0), rows)),
            Base::Top(top) => Base::Top(TopLogits {
                classes: top.classes.select(Axis(0), rows),
                logits: top.logits.select(Axis(0), rows),
                rest: top.rest.select(Axis(0), rows),
                width: top.width,
            }),
        }
    }

    /// These rows followed by `more` full rows of outputs, as wide as these.
    pub(crate) fn followed_by(&self, more: Array2<f32>) -> Result<Self, ResmemError> {
        if more.ncols() != self.width() {
            return Err(ResmemError::Shape {
                what: "base outputs there are and base outputs to add",
                left: vec![self.len(), self.width()],
                right: more.shape().to_vec(),
                rule: "widths must agree",
            });
        }
        Ok(match self {
            Base::Values(values) => Base::Values(concatenate![Axis(0), *values, more]),
            Base::Logits(values) => Base::Logits(concatenate![Axis(0), *values, more]),
            Base::Top(top) => {
                let more = TopLogits::keep(&more, top.classes.ncols());
                Base::Top(TopLogits {
                    classes: concatenate![Axis(0), top.classes, more.classes],
                    logits: concatenate![Axis(0), top.logits, more.logits],
                    rest: concatenate![Axis(0), top.rest, more.rest],
                    width: top.width,
                })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn top_logits_keep_their_mass(
            logits in prop::collection::vec(-8.0..8.0_f32, 7), m in 1_usize..7, temperature in 0.3..4.0_f64
        ) {
            let logits = Array2::from_shape_vec((1, 7), logits).unwrap();
            let (full, top) = (Base::logits(logits.clone(), None), Base::logits(logits, Some(m)));
            let (mut p, mut q) = (vec![0.0; 7], vec![0.0; 7]);
            full.output(0, 1.0, &mut p);
            top.output(0, 1.0, &mut q);
            let tolerance = 16.0 * f64::from(f32::EPSILON) * 8.0;
            let kept = top_k(&p, m);
            prop_assert!(kept.iter().all(|&c| (p[c] - q[c]).abs() < tolerance));
            let dropped = 1.0 - kept.iter().map(|&c| p[c]).sum::<f64>();
            let error = top.truncation_error();
            prop_assert!((error.max - dropped).abs() < tolerance && error.max == error.mean);
            top.output(0, temperature, &mut q);
            prop_assert!((q.iter().sum::<f64>() - 1.0).abs() < 64.0 * f64::EPSILON);
        }
    }

    #[test]
    fn one_dropped_class_loses_nothing_at_any_temperature() {
        let logits = ndarray::array![[2.0_f32, -1.0, 0.5]];
        let (full, top) = (Base::logits(logits.clone(), None), Base::logits(logits, Some(2)));
        let (mut p, mut q) = ([0.0; 3], [0.0; 3]);
        for temperature in [0.5, 1.0, 3.0] {
            full.output(0, temperature, &mut p);
            top.output(0, temperature, &mut q);
            assert!(p.iter().zip(&q).all(|(p, q)| (p - q).abs() < 4.0 * f64::EPSILON));
        }
    }
}
