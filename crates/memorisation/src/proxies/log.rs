//! Proxies of one training run, collected epoch by epoch.

use super::{check_logits, log_softmax};
use crate::error::{MemorisationError, require};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::ops::top_k::argmax;

/// A training run as it goes: give it the logits of all n training examples after each epoch.
///
/// ```
/// use ndarray::array;
/// use tenfold_memorisation::proxies::TrainingLog;
///
/// let mut log = TrainingLog::new(vec![0, 1]);
/// log.add(array![[2.0, 0.0], [1.0, 0.0]].view())?; // the second is wrong
/// log.add(array![[3.0, 0.0], [0.0, 1.0]].view())?; // both right
/// log.add(array![[3.0, 0.0], [0.5, 0.0]].view())?; // the second forgotten
/// let proxies = log.finish()?;
/// assert_eq!(proxies.forgetting, [0, 1]);
/// assert!((proxies.aum[0] - 8.0 / 3.0).abs() < 1e-12 && proxies.csl[1] > proxies.csl[0]);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingLog {
    labels: Vec<usize>,
    epochs: usize,
    examples: Vec<Example>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Example {
    was_right: bool,
    right: u32,
    forgotten: u32,
    probability: f64,
    probability_squared: f64,
    margin: f64,
    loss: f64,
    last_loss: f64,
}

/// The proxies of a run, one number for each example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingProxies {
    /// cprox: the mean over epochs of the probability of the label; also the mean of a data map. Low for hard examples.
    pub cprox: Vec<f64>,
    /// The mean over epochs of being right. Low for hard examples.
    pub cprox_correctness: Vec<f64>,
    /// The standard deviation over epochs of the label's probability: the other axis of a data map.
    pub variability: Vec<f64>,
    /// How often the example went from right to wrong.
    pub forgetting: Vec<u32>,
    /// Whether it was ever right: forgetting says nothing of an example that never was.
    pub learned: Vec<bool>,
    /// AUM: the mean over epochs of the label's logit minus the largest other logit (logits, not probabilities). Low, and
    /// negative, for wrong labels.
    pub aum: Vec<f64>,
    /// CSL: the sum over epochs of the example's cross-entropy, in nats. High for hard examples.
    pub csl: Vec<f64>,
    /// The cross-entropy after the last epoch.
    pub final_loss: Vec<f64>,
}

impl TrainingLog {
    /// A run on examples with these labels.
    pub fn new(labels: Vec<usize>) -> Self {
        let examples = vec![Example::default(); labels.len()];
        Self { labels, epochs: 0, examples }
    }

    /// Epochs so far.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// Adds an epoch's logits, `[n, C]`, of clean inputs in inference mode.
    ///
    /// # Errors
    /// Another number of rows, a label beyond the columns, one class only, a logit that is not finite.
    pub fn add(&mut self, logits: ArrayView2<f32>) -> Result<(), MemorisationError> {
        check_logits(logits, &self.labels)?;
        require(logits.ncols() >= 2, "classes", logits.ncols(), "must be at least 2")?;
        for ((row, &label), example) in logits.outer_iter().zip(&self.labels).zip(&mut self.examples) {
            let log_p = log_softmax(row);
            let loss = -log_p[label];
            let p = (-loss).exp();
            let others = row.iter().enumerate().filter(|(c, _)| *c != label);
            let rival = others.map(|(_, z)| f64::from(*z)).fold(f64::NEG_INFINITY, f64::max);
            let right = argmax(&log_p) == label;
            example.forgotten += u32::from(example.was_right && !right);
            example.was_right = right;
            example.right += u32::from(right);
            example.probability += p;
            example.probability_squared += p * p;
            example.margin += f64::from(row[label]) - rival;
            example.loss += loss;
            example.last_loss = loss;
        }
        self.epochs += 1;
        Ok(())
    }

    /// The proxies of the epochs added.
    ///
    /// # Errors
    /// No epoch, or no examples.
    pub fn finish(&self) -> Result<TrainingProxies, MemorisationError> {
        require(self.epochs >= 1, "epochs", self.epochs, "must be at least 1")?;
        require(!self.labels.is_empty(), "examples", 0, "must be at least 1")?;
        let epochs = self.epochs as f64;
        let of = |f: &dyn Fn(&Example) -> f64| self.examples.iter().map(f).collect::<Vec<_>>();
        Ok(TrainingProxies {
            cprox: of(&|e| e.probability / epochs),
            cprox_correctness: of(&|e| f64::from(e.right) / epochs),
            variability: of(&|e| {
                let mean = e.probability / epochs;
                (e.probability_squared / epochs - mean * mean).max(0.0).sqrt()
            }),
            forgetting: self.examples.iter().map(|e| e.forgotten).collect(),
            learned: self.examples.iter().map(|e| e.right > 0).collect(),
            aum: of(&|e| e.margin / epochs),
            csl: of(&|e| e.loss),
            final_loss: of(&|e| e.last_loss),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_run_by_hand() {
        let mut log = TrainingLog::new(vec![2]);
        // Probabilities of the label: 1/2 (others 1/4), then 1/4.
        log.add(array![[0.0, 0.0, 2.0_f32.ln()]].view()).unwrap();
        log.add(array![[2.0_f32.ln(), 0.0, 0.0]].view()).unwrap();
        let p = log.finish().unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} against {b}");
        close(p.cprox[0], 0.375);
        close(p.variability[0], 0.125);
        close(p.csl[0], 2.0_f64.ln() + 4.0_f64.ln());
        close(p.final_loss[0], 4.0_f64.ln());
        close(p.aum[0], 0.0);
        assert_eq!((p.forgetting[0], p.learned[0], p.cprox_correctness[0]), (1, true, 0.5));
    }

    #[test]
    fn bad_logits_are_named() {
        let fails = |labels: Vec<usize>, logits: ndarray::Array2<f32>, start: &str| {
            let error = TrainingLog::new(labels).add(logits.view()).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        };
        fails(vec![0, 1], array![[1.0, 2.0]], "logits and labels: [1] against [2]");
        fails(vec![2], array![[1.0, 2.0]], "labels: row 0, column 0 is 2, must be below");
        fails(vec![0], array![[1.0, f32::NAN]], "logits: row 0, column 1 is NaN");
        fails(vec![0], array![[1.0]], "classes = 1: ");
        assert!(TrainingLog::new(vec![0]).finish().unwrap_err().to_string().starts_with("epochs = 0: "));
        let mut none = TrainingLog::new(Vec::new());
        none.add(ndarray::Array2::zeros((0, 2)).view()).unwrap();
        assert_eq!(none.finish().unwrap_err().to_string(), "examples = 0: must be at least 1");
    }
}
