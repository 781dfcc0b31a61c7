//! What can be wrong with masks, outcomes and settings.

use tenfold_core_tensor::arrays::ArrayError;
use tenfold_core_tensor::ops::OpsError;
use tenfold_core_tensor::stats::StatsError;

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemorisationError {
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
    /// An entry of a table cannot be used.
    #[error("{what}: row {row}, column {column} is {value}, {rule}")]
    Value {
        /// The table.
        what: &'static str,
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
        /// The entry.
        value: f64,
        /// What it must satisfy.
        rule: &'static str,
    },
    /// A model that saw all examples, or none, has nothing to compare.
    #[error("mask: model {model} saw {seen} of {examples} examples; it must see some and leave some out")]
    Subset {
        /// The model.
        model: usize,
        /// Examples in its subset.
        seen: usize,
        /// All examples.
        examples: usize,
    },
    /// An example has too few models on one side.
    #[error("example {example}: {k_in} models saw it and {k_out} did not; each side needs at least {least}")]
    TooFewModels {
        /// The example.
        example: usize,
        /// Models that saw it.
        k_in: usize,
        /// Models that did not.
        k_out: usize,
        /// What each side needs.
        least: usize,
    },
    /// Two files name different labels for the same example.
    #[error("example {example}: label {left} in one file and {right} in the other; the order of examples differs")]
    Order {
        /// The first example that differs.
        example: usize,
        /// Its label in the first file.
        left: usize,
        /// Its label in the second.
        right: usize,
    },
    /// A statistic could not be computed.
    #[error(transparent)]
    Stats(#[from] StatsError),
    /// An operation refused its input.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// An array file could not be read or written.
    #[error(transparent)]
    Array(#[from] ArrayError),
}

/// Fails with the field, its value and the rule unless the rule holds.
pub(crate) fn require(
    holds: bool,
    field: &'static str,
    value: impl ToString,
    rule: impl Into<String>,
) -> Result<(), MemorisationError> {
    match holds {
        true => Ok(()),
        false => Err(MemorisationError::Setting { field, value: value.to_string(), rule: rule.into() }),
    }
}

/// Fails with both shapes unless they are equal.
pub(crate) fn require_shape(
    what: &'static str,
    left: &[usize],
    right: &[usize],
    rule: &'static str,
) -> Result<(), MemorisationError> {
    match left == right {
        true => Ok(()),
        false => Err(MemorisationError::Shape { what, left: left.to_vec(), right: right.to_vec(), rule }),
    }
}
