//! The arrays that verbs share: examples as (embedding, base output), with or without targets.

use super::rounding::{check_predictions, check_residuals};
use crate::error::CliError;
use clap::Args;
use ndarray::Array2;
use std::fmt;
use tenfold_core_tensor::arrays::{ArrayPath, read_labels, read_matrix};
use tenfold_core_tensor::ops::top_k::argmax;
use tenfold_resmem::{Memory, ResmemError, Targets};

/// What a memory is for; options of the other task are refused rather than read as something that they are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Classification,
    Regression,
}

impl Task {
    pub(super) fn of(memory: &Memory) -> Self {
        if memory.is_classifier() { Self::Classification } else { Self::Regression }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
        })
    }
}

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
    /// Reads both arrays; there are rows, as many in one as in the other, and every value is finite.
    pub(super) fn read(&self, task: Task) -> Result<(Array2<f32>, Array2<f32>), CliError> {
        let (option, path, own) = self.base();
        check_task(option, path, own, task)?;
        let keys = finite("--keys", &self.keys)?;
        if keys.nrows() == 0 {
            let rule = "has no rows; there must be at least one".into();
            return Err(CliError::Option { option: "--keys", value: self.keys.to_string(), rule });
        }
        let base = finite(option, path)?;
        same_rows(("--keys", &self.keys, keys.nrows()), (option, path, base.nrows()))?;
        Ok((keys, base))
    }

    /// Reads both arrays for a memory, which must be able to correct the predictions as it keeps them.
    pub(super) fn read_for(&self, memory: &Memory) -> Result<(Array2<f32>, Array2<f32>), CliError> {
        let found = self.read(Task::of(memory))?;
        if let Some(predictions) = &self.predictions {
            check_predictions(predictions, memory)?;
        }
        Ok(found)
    }

    /// In regression, refuses targets and predictions whose difference single precision does not hold. Both were read, and
    /// agree in shape.
    pub(super) fn check_rounding(&self, truth: &Truth) -> Result<(), CliError> {
        match (&self.predictions, &truth.targets) {
            (Some(predictions), Some(targets)) => check_residuals(predictions, targets),
            _ => Ok(()),
        }
    }

    fn base(&self) -> (&'static str, &ArrayPath, Task) {
        match (&self.logits, &self.predictions) {
            (Some(logits), _) => ("--logits", logits, Task::Classification),
            (None, Some(predictions)) => ("--predictions", predictions, Task::Regression),
            // clap asks for one of the two; naming the keys keeps the message about a file that is there.
            (None, None) => ("--keys", &self.keys, Task::Classification),
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
    /// The task that the given option belongs to.
    pub(super) fn task(&self) -> Result<Task, CliError> {
        match (&self.labels, &self.targets) {
            (Some(_), _) => Ok(Task::Classification),
            (None, Some(_)) => Ok(Task::Regression),
            (None, None) => Err(missing()),
        }
    }

    /// Reads the targets for `rows` examples of `width` outputs; none where neither option is given.
    pub(super) fn read(&self, task: Task, rows: usize, width: usize) -> Result<Option<Targets>, CliError> {
        let (option, path, targets) = match (&self.labels, &self.targets) {
            (Some(path), _) => {
                check_task("--labels", path, Task::Classification, task)?;
                ("--labels", path, Targets::Classes { labels: labels_below(path, width)?, n_classes: width })
            }
            (None, Some(path)) => {
                check_task("--targets", path, Task::Regression, task)?;
                ("--targets", path, Targets::Values(values_of_width(path, width)?))
            }
            (None, None) => return Ok(None),
        };
        if targets.len() != rows {
            let left = format!("{option} {path}");
            return Err(CliError::Rows { left, left_rows: targets.len(), right: "--keys".into(), right_rows: rows });
        }
        Ok(Some(targets))
    }

    /// Names the file behind what a memory says of its labels as a whole.
    pub(super) fn name_file(&self, error: ResmemError) -> CliError {
        match (error, &self.labels) {
            (ResmemError::Parameter { field: "labels", rule, .. }, Some(path)) => {
                CliError::Option { option: "--labels", value: path.to_string(), rule }
            }
            (error, _) => error.into(),
        }
    }

    /// As [`Truth::read`], where there must be targets.
    pub(super) fn read_needed(&self, task: Task, rows: usize, width: usize) -> Result<Targets, CliError> {
        self.read(task, rows, width)?.ok_or_else(missing)
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

fn missing() -> CliError {
    let rule = "give --labels (classification) or --targets (regression)".into();
    CliError::Option { option: "--labels", value: "is missing".into(), rule }
}

fn labels_below(path: &ArrayPath, classes: usize) -> Result<Vec<usize>, CliError> {
    let labels = read_labels(path)?;
    match labels.iter().enumerate().find(|(_, label)| **label >= classes) {
        Some((row, label)) => {
            let rule = format!("row {row} is {label}, must be below the {classes} classes");
            Err(CliError::Option { option: "--labels", value: path.to_string(), rule })
        }
        None => Ok(labels),
    }
}

fn values_of_width(path: &ArrayPath, width: usize) -> Result<Array2<f32>, CliError> {
    let values = finite("--targets", path)?;
    if values.ncols() != width {
        let rule = format!("has shape {:?}, must have a column for each of the {width} outputs", values.shape());
        return Err(CliError::Option { option: "--targets", value: path.to_string(), rule });
    }
    Ok(values)
}

fn check_task(option: &'static str, path: &ArrayPath, own: Task, task: Task) -> Result<(), CliError> {
    if own == task {
        return Ok(());
    }
    let rule = format!("is for {own}, the memory is for {task}");
    Err(CliError::Option { option, value: path.to_string(), rule })
}

fn same_rows(a: (&'static str, &ArrayPath, usize), b: (&'static str, &ArrayPath, usize)) -> Result<(), CliError> {
    if a.2 == b.2 {
        return Ok(());
    }
    let name = |x: (&'static str, &ArrayPath, usize)| format!("{} {}", x.0, x.1);
    Err(CliError::Rows { left: name(a), left_rows: a.2, right: name(b), right_rows: b.2 })
}

/// The share of examples whose class was predicted; the mean squared error in regression.
pub(super) fn quality(scores: &Array2<f64>, targets: &Targets) -> (&'static str, f64) {
    match targets {
        Targets::Classes { labels, .. } => {
            let right = scores.outer_iter().zip(labels).filter(|(row, label)| argmax(&row.to_vec()) == **label);
            ("accuracy", right.count() as f64 / labels.len() as f64)
        }
        Targets::Values(values) => {
            let squared: f64 = scores.iter().zip(values).map(|(s, v)| (s - f64::from(*v)).powi(2)).sum();
            ("mean_squared_error", squared / scores.len() as f64)
        }
    }
}
