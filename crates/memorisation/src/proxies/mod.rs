//! Cheap stand-ins for the score.
//!
//! A proxy may rank examples well at one size of a network and still have the wrong trend over sizes: what is read off the
//! training set itself gets easier with size for every example.
//!
//! | proxy | from | function |
//! |---|---|---|
//! | cprox, data maps, forgetting, AUM, CSL | logits of every epoch | [`TrainingLog`] |
//! | EL2N | logits early in training, several seeds | [`el2n`] |
//! | GraNd, self-influence of a last layer | logits and embeddings | [`last_layer_gradient`] |
//! | GraNd in full | norms of gradients, several seeds | [`mean_over_runs`] |
//! | VoG | gradients in the input at checkpoints | [`VarianceOfGradients`] |
//! | loss curvature in the input | gradients at an input and beside it | [`curvature`] |
//! | prediction depth | embeddings of each layer | [`prediction_depth`] |
//! | C-score | outcomes of models that did not see the example, at several subset sizes | [`c_score`] |
//! | agreement | predictions of an ensemble | [`agreement`] |

mod ensemble;
mod gradients;
mod layers;
mod log;

pub use ensemble::{agreement, c_score, mean_over_runs};
pub use gradients::{VarianceOfGradients, curvature, el2n, last_layer_gradient};
pub use layers::prediction_depth;
pub use log::{TrainingLog, TrainingProxies};

use crate::error::{MemorisationError, require_shape};
use ndarray::{ArrayView1, ArrayView2};
use tenfold_core_tensor::ops::softmax::log_sum_exp;

/// Checks logits `[n, C]` against labels `[n]`.
fn check_logits(logits: ArrayView2<f32>, labels: &[usize]) -> Result<(), MemorisationError> {
    require_shape("logits and labels", &[logits.nrows()], &[labels.len()], "one row for each label")?;
    if let Some((row, &label)) = labels.iter().enumerate().find(|(_, label)| **label >= logits.ncols()) {
        let (value, rule) = (label as f64, "must be below the number of classes");
        return Err(MemorisationError::Value { what: "labels", row, column: 0, value, rule });
    }
    match logits.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), &value)) => {
            let (value, rule) = (value.into(), "must be finite");
            Err(MemorisationError::Value { what: "logits", row, column, value, rule })
        }
        None => Ok(()),
    }
}

/// The logarithms of a row's probabilities.
fn log_softmax(logits: ArrayView1<f32>) -> Vec<f64> {
    let logits: Vec<f64> = logits.iter().map(|z| f64::from(*z)).collect();
    let norm = log_sum_exp(&logits);
    logits.into_iter().map(|z| z - norm).collect()
}
