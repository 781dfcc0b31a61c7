//! Array files: `.npy`, `.npz` and `.safetensors`, from any framework.
//!
//! An [`ArrayPath`] names one array, with its key where the file holds several: `emb.npy`, `run.npz:logits`,
//! `run.safetensors:logits`. Numbers of any width come in as `f32` or `f64` (or as labels, `usize`); both memory orders, both
//! byte orders, half precision and bfloat16 are understood. Headers are checked against the bytes that are there before
//! anything is allocated, the CRC-32 of an array in an `.npz` is verified with its last element, and every error names the
//! file, the key and the byte offset or the rule.
//!
//! What networks put out and take in (embeddings, logits, probabilities, images) is read as `f32`: doubles and integers are
//! **rounded to nearest**, to 24 binary digits, and very small ones to zero; a finite number above 3.4e38 would become infinite
//! and is refused. Numbers that are compared, binned or subtracted (times, scores, targets) are read as `f64`
//! ([`read_vector_f64`], [`read_matrix_f64`], [`RowBlocks::next_block_f64`]), where nothing is rounded: a whole number above 2^53
//! that a double does not hold is refused.
//!
//! ```
//! use ndarray::array;
//! use tenfold_core_tensor::arrays::{ArrayPath, read_matrix, write_npy};
//!
//! let dir = tempfile::tempdir().unwrap();
//! let path = dir.path().join("emb.npy");
//! write_npy(&path, array![[1.0_f32, 2.0], [3.0, 4.0]].view())?;
//! let emb = read_matrix(&ArrayPath::from(path))?;
//! assert_eq!(emb, array![[1.0, 2.0], [3.0, 4.0]]);
//! # Ok::<(), tenfold_core_tensor::arrays::ArrayError>(())
//! ```
//!
//! Arrays that do not fit in memory are read in blocks of rows with [`RowBlocks`], or along their second axis with [`Slabs`].

mod decode;
mod dtype;
mod error;
mod npy;
mod open;
mod path;
mod read;
mod safetensors;
mod slabs;
mod stream;
mod write;

pub use dtype::Dtype;
pub use error::ArrayError;
pub use path::ArrayPath;
pub use read::{RowBlocks, read_array, read_labels, read_matrix, read_matrix_f64, read_vector, read_vector_f64};
pub use slabs::Slabs;
pub use write::{Element, Npy, write_npy, write_npy_blocks, write_npz};
