//! What can go wrong with data, each case naming the file, field or shape and the rule that was broken.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::files::FileError;

/// Every failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),

    /// An array file could not be read.
    #[error(transparent)]
    Array(#[from] tenfold_core_tensor::arrays::ArrayError),

    /// The bytes of a file break a rule of its format. For compressed files the offset counts uncompressed bytes.
    #[error("{path}: byte {offset}: {rule}", path = path.display())]
    Format {
        /// The file concerned.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// The rule that was broken, with the values found.
        rule: String,
    },

    /// Two things that must have the same shape have not.
    #[error("{what}: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// The thing whose shape is wrong.
        what: &'static str,
        /// The shape that the rest asks for.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },

    /// An argument or a hyper-parameter breaks its rule.
    #[error("{field} = {value}: {rule}")]
    Param {
        /// The argument or field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The rule.
        rule: String,
    },

    /// A data set is not installed.
    #[error("data set {name} is not in {looked_in}: {how}", looked_in = looked_in.display())]
    Missing {
        /// The data set's name in the catalogue.
        name: String,
        /// The folder that was searched.
        looked_in: PathBuf,
        /// How to get it.
        how: String,
    },

    /// No data set of that name exists.
    #[error("no data set is called {name:?}; there are: {known}")]
    UnknownSet {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },

    /// A file is not the one it should be.
    #[error("{path}: {algorithm} is {found}, expected {expected}", path = path.display())]
    Checksum {
        /// The file concerned.
        path: PathBuf,
        /// `md5` or `sha256`.
        algorithm: &'static str,
        /// The checksum that was published or recorded.
        expected: String,
        /// The checksum of the bytes that are there.
        found: String,
    },

    /// A data set could not be brought here.
    #[error("cannot fetch {name}: {reason}; by hand: {by_hand}")]
    Fetch {
        /// The data set's name in the catalogue.
        name: String,
        /// What failed.
        reason: String,
        /// What a person can do instead.
        by_hand: String,
    },
}

impl DataError {
    /// Whether the input is at fault (exit status 2 of the command line) rather than the machine or the network (1).
    ///
    /// ```
    /// let broken = tenfold_data::idx::Idx::parse(b"not IDX", "labels".as_ref()).unwrap_err();
    /// assert!(broken.is_bad_input());
    /// ```
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::File(error) => error.source.kind() == std::io::ErrorKind::NotFound,
            Self::Fetch { .. } => false,
            _ => true,
        }
    }

    pub(crate) fn format(path: &Path, offset: usize, rule: impl Into<String>) -> Self {
        Self::Format { path: path.to_path_buf(), offset: offset as u64, rule: rule.into() }
    }

    pub(crate) fn param(field: &'static str, value: impl Display, rule: impl Into<String>) -> Self {
        Self::Param { field, value: value.to_string(), rule: rule.into() }
    }

    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::File(FileError::new(path, source))
    }
}

/// Fails with a [`DataError::Param`] unless `holds`.
pub(crate) fn require(
    holds: bool,
    field: &'static str,
    value: impl Display,
    rule: impl Into<String>,
) -> Result<(), DataError> {
    if holds { Ok(()) } else { Err(DataError::param(field, value, rule)) }
}
