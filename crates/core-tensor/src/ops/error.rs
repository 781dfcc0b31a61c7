//! Why an operation refused its input.

/// Why an operation refused its input.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OpsError {
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
    /// A parameter is out of its range.
    #[error("{field} = {value}: {rule}")]
    Parameter {
        /// The parameter.
        field: &'static str,
        /// Its value.
        value: usize,
        /// What it must satisfy.
        rule: String,
    },
    /// A value is NaN or infinite.
    #[error("{what}: row {row}, column {column} is {value}, must be finite")]
    NotFinite {
        /// The argument.
        what: &'static str,
        /// Row of the value.
        row: usize,
        /// Column of the value.
        column: usize,
        /// The value.
        value: f32,
    },
    /// A row of zeros has no direction.
    #[error("{what}: row {row} is all zeros, and the cosine of a zero vector is undefined")]
    ZeroNorm {
        /// The argument.
        what: &'static str,
        /// The row.
        row: usize,
    },
    /// A neighbour is farther away than single precision can say.
    #[error(
        "queries: row {query} is farther than 3.4e38 from its neighbour, row {key} of the keys; single precision holds no such distance"
    )]
    Distance {
        /// Row of the query.
        query: usize,
        /// Row of the key.
        key: usize,
    },
}
