//! What can go wrong, and the exit code it has.

use std::io::ErrorKind;
use tenfold_analysis::AnalysisError;
use tenfold_core_tensor::arrays::ArrayError;
use tenfold_core_tensor::files::FileError;
use tenfold_memorisation::MemorisationError;
use tenfold_report::ReportError;
use tenfold_resmem::ResmemError;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// An option breaks a rule.
    #[error("{option} {value}: {rule}")]
    Option {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        rule: String,
    },
    /// An input has a value that is not a number.
    #[error("{option} {file}: row {row}, column {column} is {value}, must be finite")]
    NotFinite {
        /// The option that named the file.
        option: &'static str,
        /// The file.
        file: String,
        /// Row of the value.
        row: usize,
        /// Column of the value.
        column: usize,
        /// The value.
        value: f32,
    },
    /// Rows of two inputs do not match.
    #[error("{left} has {left_rows} rows, {right} has {right_rows}; they must describe the same examples")]
    Rows {
        /// One option and file.
        left: String,
        /// Its rows.
        left_rows: usize,
        /// The other option and file.
        right: String,
        /// Its rows.
        right_rows: usize,
    },
    /// Two tables are of different models.
    #[error("{left} has {left_rows} models, {right} has {right_rows}; there must be a row for each model")]
    Models {
        /// One option.
        left: String,
        /// Its rows.
        left_rows: usize,
        /// The other option and file.
        right: String,
        /// Its rows.
        right_rows: usize,
    },
    /// A file of parameters cannot be read.
    #[error("{file}, line {line}: {rule}")]
    Params {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// What is wrong.
        rule: String,
    },
    /// An array file could not be read or written.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A page could not be drawn.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The decomposition refused its input.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// The estimator refused its input.
    #[error(transparent)]
    Memorisation(#[from] MemorisationError),
    /// The memory refused its input.
    #[error(transparent)]
    Resmem(#[from] ResmemError),
}

impl CliError {
    /// 2 where the input is at fault, 1 where the machine is.
    pub(crate) fn exit_code(&self) -> u8 {
        // A path that leads nowhere, to a folder, or to bytes where text should be, was given wrongly.
        let given_wrongly = |e: &FileError| {
            use ErrorKind::{InvalidData, IsADirectory, NotADirectory, NotFound};
            matches!(e.source.kind(), NotFound | IsADirectory | NotADirectory | InvalidData)
        };
        match self {
            Self::File(e)
            | Self::Array(ArrayError::File(e))
            | Self::Memorisation(MemorisationError::Array(ArrayError::File(e)))
            | Self::Resmem(ResmemError::File(e))
                if !given_wrongly(e) =>
            {
                1
            }
            _ => 2,
        }
    }
}
