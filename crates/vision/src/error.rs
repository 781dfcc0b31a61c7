//! What can go wrong, with the numbers that say why.

use std::path::PathBuf;
use tenfold_core_tensor::files::FileError;

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VisionError {
    /// A hyper-parameter breaks its rule.
    #[error("{field} = {value}: {rule}")]
    Setting {
        /// The field of the configuration, such as `learning_rate`.
        field: &'static str,
        /// The value found.
        value: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// Two things that must fit together do not.
    #[error("{what}: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// What has the wrong shape.
        what: &'static str,
        /// The shape that would fit.
        expected: Vec<usize>,
        /// The shape given.
        found: Vec<usize>,
    },
    /// One sample of the data breaks a rule.
    #[error("{field} of sample {row} is {value}: {rule}")]
    Sample {
        /// Which part of the sample: `input`, `label`, `target` or `weight`.
        field: &'static str,
        /// The sample's row, counted from zero.
        row: usize,
        /// The value found.
        value: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// Training diverged. The last checkpoint on disk is from before.
    #[error(
        "{what} is not finite at epoch {epoch}, step {step} (learning rate {learning_rate}): lower the rate or clip"
    )]
    NotFinite {
        /// `the loss`, or the parameter concerned.
        what: String,
        /// The epoch, counted from zero.
        epoch: usize,
        /// The step within the epoch, counted from zero.
        step: usize,
        /// The learning rate of that step.
        learning_rate: f64,
    },
    /// A checkpoint or a saved model cannot be used.
    #[error("{path}: {key}: {rule}", path = path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// The part of the file concerned: a tensor's name or a field of the record.
        key: String,
        /// What is wrong with it.
        rule: String,
    },
    /// One network of an ensemble cannot be trained, or was not.
    #[error("member {member}: {source}")]
    Member {
        /// Its number, from zero.
        member: usize,
        /// What is wrong with it.
        source: Box<VisionError>,
    },
    /// A shard has done its part, and others have not done theirs.
    #[error("{missing} of {members} members are other shards' to train")]
    Elsewhere {
        /// Members without a result.
        missing: usize,
        /// All members.
        members: usize,
    },
    /// The stack in which a member was trained failed as a whole.
    #[error("its stack of {members} failed: {reason}")]
    Stack {
        /// How many members it had.
        members: usize,
        /// Why.
        reason: String,
    },
    /// Who steers the run stopped it, for a reason of its own.
    #[error("stopped by who steers the run")]
    Stopped,
    /// A worker panicked.
    #[error("the worker panicked: {message}")]
    Panic {
        /// What the panic said.
        message: String,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
}

impl VisionError {
    /// A hyper-parameter that breaks its rule.
    pub(crate) fn setting(field: &'static str, value: impl ToString, rule: &'static str) -> Self {
        Self::Setting { field, value: value.to_string(), rule }
    }
}

/// Fails with the field, its value and the rule unless the rule holds.
pub(crate) fn require(
    holds: bool,
    field: &'static str,
    value: impl ToString,
    rule: &'static str,
) -> Result<(), VisionError> {
    if holds { Ok(()) } else { Err(VisionError::setting(field, value, rule)) }
}
