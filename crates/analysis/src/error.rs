//! What can be wrong with predictions, labels and settings.

use tenfold_core_tensor::arrays::ArrayError;
use tenfold_core_tensor::stats::StatsError;

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// A setting breaks its rule.
    #[error("{field} = {value}: {rule}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it must satisfy.
        rule: String,
    },
    /// Two shapes that must agree do not.
    #[error("{what}: {left:?} against {right:?}; {rule}")]
    Shape {
        /// The arguments concerned.
        what: &'static str,
        /// Shape of the first.
        left: Vec<usize>,
        /// Shape of the second.
        right: Vec<usize>,
        /// What must agree.
        rule: &'static str,
    },
    /// A probability or logit cannot be used.
    #[error("model {model}, point {point}, class {class}: {value}, {rule}")]
    Value {
        /// The model.
        model: usize,
        /// The point.
        point: usize,
        /// The class.
        class: usize,
        /// The number.
        value: f32,
        /// What it must satisfy.
        rule: &'static str,
    },
    /// A row of probabilities does not sum to one.
    #[error(
        "model {model}, point {point}: the probabilities sum to {sum}, must be within {tolerance} of 1 (are these logits?)"
    )]
    Sum {
        /// The model.
        model: usize,
        /// The point.
        point: usize,
        /// Their sum.
        sum: f64,
        /// How far from one it may be.
        tolerance: f64,
    },
    /// A label names no class.
    #[error("point {point}: label {label}, must be below the {classes} classes")]
    Label {
        /// The point.
        point: usize,
        /// Its label.
        label: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A file of predictions cannot be read.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// A statistic could not be computed.
    #[error(transparent)]
    Stats(#[from] StatsError),
}

impl AnalysisError {
    /// The same error, for points that are counted from `first`.
    #[must_use]
    pub(crate) fn after(mut self, first: usize) -> Self {
        if let Self::Value { point, .. } | Self::Sum { point, .. } | Self::Label { point, .. } = &mut self {
            *point += first;
        }
        self
    }
}

/// Fails with the field, its value and the rule unless the rule holds.
pub(crate) fn require(
    holds: bool,
    field: &'static str,
    value: impl ToString,
    rule: impl Into<String>,
) -> Result<(), AnalysisError> {
    match holds {
        true => Ok(()),
        false => Err(AnalysisError::Setting { field, value: value.to_string(), rule: rule.into() }),
    }
}

/// Fails with both shapes unless they are equal.
pub(crate) fn require_shape(
    what: &'static str,
    left: &[usize],
    right: &[usize],
    rule: &'static str,
) -> Result<(), AnalysisError> {
    match left == right {
        true => Ok(()),
        false => Err(AnalysisError::Shape { what, left: left.to_vec(), right: right.to_vec(), rule }),
    }
}

/// Fails unless every label names a class.
pub(crate) fn require_labels(labels: &[usize], classes: usize) -> Result<(), AnalysisError> {
    match labels.iter().position(|&label| label >= classes) {
        Some(point) => Err(AnalysisError::Label { point, label: labels[point], classes }),
        None => Ok(()),
    }
}
