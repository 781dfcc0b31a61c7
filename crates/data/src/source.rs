//! Where data came from: written beside every result, so that a number can be traced to the bytes behind it.

use crate::error::DataError;
use serde::{Deserialize, Serialize};
use std::path::Path;
use tenfold_core_tensor::files::sha256;

/// The origin of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Name in the catalogue, such as `fashion-mnist`.
    pub name: String,
    /// Title for people; says so when the pixels are not the original ones.
    pub title: String,
    /// The licence, in words.
    pub licence: String,
    /// Anything a reader of results must know.
    pub note: Option<String>,
    /// The files that were read.
    pub files: Vec<SourceFile>,
}

/// One file as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its name inside the data set's folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of those bytes, not of the ones that were expected.
    pub sha256: String,
}

impl SourceFile {
    /// Describes bytes in memory.
    ///
    /// ```
    /// let file = tenfold_data::SourceFile::of("a.bin", b"abc");
    /// assert_eq!(file.bytes, 3);
    /// assert!(file.sha256.starts_with("ba7816bf"));
    /// ```
    pub fn of(name: impl Into<String>, bytes: &[u8]) -> Self {
        Self { name: name.into(), bytes: bytes.len() as u64, sha256: sha256(bytes) }
    }
}

/// Reads a whole file and describes what was read.
pub(crate) fn read(path: &Path) -> Result<(Vec<u8>, SourceFile), DataError> {
    let bytes = std::fs::read(path).map_err(|e| DataError::io(path, e))?;
    let file = SourceFile::of(file_name(path), &bytes);
    Ok((bytes, file))
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
