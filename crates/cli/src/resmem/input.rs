//! The arrays that verbs share: examples as (embedding, base output), with or without targets.

use crate::error::CliError;
use clap::Args;
use ndarray::Array2;
use tenfold_core_tensor::arrays::{ArrayPath, read_labels, read_matrix};
use tenfold_resmem::{Memory, Targets};

/// Examples: embeddings and the base model's outputs on them.
#[derive(Args)]
pub(super) struct Examples {
    /// Embeddings, `[rows, width]`: the input of the base model's last layer.
    #[arg(long, value_name = "ARRAY")]
    pub(super) keys: ArrayPath,
    /// Base model's logits, `[rows, classes]` (classification).
    #[arg(long, value_name = "ARRAY", required_unless_present = "predictions", conflicts_with = "predictions")]
    pub(super) logits: Option<ArrayPath>,
    /// Base model's predictions, `[rows, values]` (regression).
    #[arg(long, value_name = "ARRAY")]
    pub(super) predictions: Option<ArrayPath>,
}

impl Examples {
    /// Reads both arrays; their rows agree and every value is finite.
    pub(super) fn read(&self) -> Result<(Array2<f32>, Array2<f32>), CliError> {
        let keys = finite("--keys", &self.keys)?;
        let (option, path) = self.base();
        let base = finite(option, path)?;
        same_rows(("--keys", &self.keys, keys.nrows()), (option, path, base.nrows()))?;
        Ok((keys, base))
    }

    fn base(&self) -> (&'static str, &ArrayPath) {
        match (&self.logits, &self.predictions) {
            (Some(logits), _) => ("--logits", logits),
            (None, Some(predictions)) => ("--predictions", predictions),
            // clap asks for one of the two; naming the keys keeps the message about a file that is there.
            (None, None) => ("--keys", &self.keys),
        }
    }
}

/// What the examples should have given.
#[derive(Args)]
pub(super) struct Truth {
    /// Class labels, `[rows]`, integers from 0 (classification).
    #[arg(long, value_name = "ARRAY")]
    pub(super) labels: Option<ArrayPath>,
    /// Target values, `[rows, values]` (regression).
    #[arg(long, value_name = "ARRAY", conflicts_with = "labels")]
    pub(super) targets: Option<ArrayPath>,
}

impl Truth {
    /// Reads the targets for `rows` examples of `width` outputs; none where neither option is given.
    pub(super) fn read(&self, rows: usize, width: usize) -> Result<Option<Targets>, CliError> {
        let (option, path, targets) = match (&self.labels, &self.targets) {
            (Some(path), _) => ("--labels", path, Targets::classes(read_labels(path)?, width)),
            (None, Some(path)) => ("--targets", path, Targets::Values(finite("--targets", path)?)),
            (None, None) => return Ok(None),
        };
        if targets.len() != rows {
            let left = format!("{option} {path}");
            return Err(CliError::Rows { left, left_rows: targets.len(), right: "--keys".into(), right_rows: rows });
        }
        Ok(Some(targets))
    }

    /// As [`Truth::read`], where there must be targets.
    pub(super) fn read_needed(&self, rows: usize, width: usize) -> Result<Targets, CliError> {
        self.read(rows, width)?.ok_or_else(|| CliError::Option {
            option: "--labels",
            value: "is missing".into(),
            rule: "give --labels (classification) or --targets (regression)".into(),
        })
    }
}

/// Reads a matrix without NaN or infinities.
fn finite(option: &'static str, path: &ArrayPath) -> Result<Array2<f32>, CliError> {
    let matrix = read_matrix(path)?;
    match matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), &value)) => {
            Err(CliError::NotFinite { option, file: path.to_string(), row, column, value })
        }
        None => Ok(matrix),
    }
}

fn same_rows(a: (&'static str, &ArrayPath, usize), b: (&'static str, &ArrayPath, usize)) -> Result<(), CliError> {
    if a.2 == b.2 {
        return Ok(());
    }
    let name = |x: (&'static str, &ArrayPath, usize)| format!("{} {}", x.0, x.1);
    Err(CliError::Rows { left: name(a), left_rows: a.2, right: name(b), right_rows: b.2 })
}

/// The share of examples whose class was predicted; the mean squared error in regression.
pub(super) fn quality(memory: &Memory, scores: &Array2<f64>, targets: &Targets) -> (&'static str, f64) {
    match targets {
        Targets::Classes { labels, .. } if memory.is_classifier() => {
            let right = scores
                .outer_iter()
                .zip(labels)
                .filter(|(row, label)| tenfold_core_tensor::ops::top_k::argmax(&row.to_vec()) == **label);
            ("accuracy", right.count() as f64 / labels.len() as f64)
        }
        Targets::Values(values) => {
            let squared: f64 = scores.iter().zip(values).map(|(s, v)| (s - f64::from(*v)).powi(2)).sum();
            ("mean_squared_error", squared / scores.len() as f64)
        }
        Targets::Classes { .. } => ("accuracy", f64::NAN),
    }
}
