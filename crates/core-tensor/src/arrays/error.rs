//! What can be wrong with an array file.

use super::ArrayPath;
use crate::files::FileError;

/// What is wrong with an array file.
#[derive(Debug, thiserror::Error)]
pub enum ArrayError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The name does not end in an extension we read.
    #[error("{path}: must end in .npy, .npz or .safetensors")]
    Extension {
        /// The file.
        path: ArrayPath,
    },
    /// The file does not hold the array asked for, or holds several and none was named.
    #[error("{path}: {rule}; the file holds: {}", .available.join(", "))]
    Key {
        /// The file and key.
        path: ArrayPath,
        /// What was expected.
        rule: &'static str,
        /// The keys there are.
        available: Vec<String>,
    },
    /// The bytes do not follow the format.
    #[error("{path}, byte {offset}: {rule}")]
    Format {
        /// The file and key.
        path: ArrayPath,
        /// Where in the file (for npz: in the array's own stream).
        offset: u64,
        /// What was expected.
        rule: String,
    },
    /// The bytes of an array in an archive are not those that were stored.
    #[error("{path}: the CRC-32 of the array is {found:08x}, the archive says {stored:08x}; the file is damaged")]
    Checksum {
        /// The file and key.
        path: ArrayPath,
        /// The checksum of the bytes.
        found: u32,
        /// The one that the archive holds.
        stored: u32,
    },
    /// The element type cannot be read as what was asked for.
    #[error("{path}: elements are {dtype}; {rule}")]
    Dtype {
        /// The file and key.
        path: ArrayPath,
        /// The type found.
        dtype: String,
        /// What was expected.
        rule: &'static str,
    },
    /// The shape is not the one asked for.
    #[error("{path}: shape {shape:?}; {rule}")]
    Shape {
        /// The file and key.
        path: ArrayPath,
        /// The shape found.
        shape: Vec<usize>,
        /// What was expected.
        rule: &'static str,
    },
    /// A value breaks a rule.
    #[error("{path}: element {index} is {value}; {rule}")]
    Value {
        /// The file and key.
        path: ArrayPath,
        /// Index in row-major order.
        index: usize,
        /// The value.
        value: String,
        /// What was expected.
        rule: &'static str,
    },
}
