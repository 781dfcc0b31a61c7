//! What can be wrong with a memory, its input or its file.

use std::path::PathBuf;
use tenfold_core_tensor::files::FileError;
use tenfold_core_tensor::ops::OpsError;

/// What is wrong with a memory, its input or its file.
#[derive(Debug, thiserror::Error)]
pub enum ResmemError {
    /// A search or another array operation refused its input.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// A parameter or an argument is out of its range.
    #[error("{field} = {value}: {rule}")]
    Parameter {
        /// The parameter.
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
    /// A label is not a class.
    #[error("labels: row {row} is {value}, must be below the {n_classes} classes")]
    Label {
        /// Row of the label.
        row: usize,
        /// The label.
        value: usize,
        /// Number of classes.
        n_classes: usize,
    },
    /// A value cannot be stored or computed with.
    #[error("{what}: row {row}, column {column} is {value}, {rule}")]
    Value {
        /// The argument.
        what: &'static str,
        /// Row of the value.
        row: usize,
        /// Column of the value.
        column: usize,
        /// The value.
        value: f32,
        /// What it must satisfy.
        rule: &'static str,
    },
    /// The operation is for classification and the memory does regression, or the other way round.
    #[error("{operation} needs {needs}; this is {found}")]
    Task {
        /// What was asked for.
        operation: &'static str,
        /// The task it needs.
        needs: &'static str,
        /// The task at hand.
        found: &'static str,
    },
    /// After the allowed rounds of repair some points of the graph still do not find themselves.
    #[error(
        "{unreachable} of {n} points of the HNSW graph do not find themselves after {rounds} rounds of repair; raise m or ef_construction"
    )]
    Unreachable {
        /// Points that are not found.
        unreachable: usize,
        /// Points of the graph.
        n: usize,
        /// Rounds tried.
        rounds: usize,
    },
    /// Numbers that do not fill their shape.
    #[error(transparent)]
    Layout(#[from] ndarray::ShapeError),
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The bytes of a memory file do not follow the format.
    #[error("{path}, byte {offset}: {rule}", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What was expected.
        rule: String,
    },
    /// An entry of a memory file is missing, or does not fit the others.
    #[error("{path}, entry {key}: {rule}", path = path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The tensor or metadata key.
        key: String,
        /// What was expected.
        rule: String,
    },
}

impl ResmemError {
    /// A parameter out of its range.
    pub(crate) fn parameter(field: &'static str, value: impl ToString, rule: impl Into<String>) -> Self {
        Self::Parameter { field, value: value.to_string(), rule: rule.into() }
    }
}
