//! ResMem: add a k-nearest-neighbour memory of residuals to any classifier or regressor.
//!
//! "ResMem: Learn what you can and memorize the rest" (Yang et al., NeurIPS 2023): train a base model `f` as usual, store
//! for each training point its embedding `phi(x_i)` and its residual `r_i = e_{y_i} - softmax(f(x_i) / T)`, and predict
//!
//! `F(x) = softmax(f(x) / T) + sum_i w_i(x) r_i`, with `w_i` proportional to `exp(-|phi(x) - phi(x_i)| / sigma)` over the
//! `k` nearest keys, and zero elsewhere.
//!
//! Nothing about the base model's training changes, and any model will do: the crate sees arrays.
//!
//! | symbol | here |
//! |---|---|
//! | `phi(x_i)`, `f(x_i)`, `y_i` | the arguments of [`Memory::from_arrays`]: keys `[n, e]`, base outputs `[n, C]`, [`Targets`] |
//! | `k`, `sigma`, `T`, kernel | [`Params`], chosen by [`Memory::sweep`] on validation data |
//! | `F(x)` | [`Prediction::scores`]: rows sum to one, but are **not** probabilities; see [`Prediction::probabilities`] |
//! | `r_i` | [`Memory::residuals`]; without the row itself, [`Memory::leave_one_out_residuals`] |
//!
//! In regression `r_i = y_i - f(x_i)` and `F(x) = f(x) + sum_i w_i r_i`; there is no temperature.
//!
//! ```
//! use ndarray::{Array2, Axis, s};
//! use tenfold_resmem::{Grid, Memory, MemoryConfig, Method, Projection, Targets};
//!
//! // A rule with exceptions: the class is the half a point lies in, but not around the tens.
//! let x = Array2::from_shape_fn((400, 1), |(i, _)| (i * 37 % 400) as f32 / 4.0);
//! let label = |x: f32| usize::from(x > 50.0) ^ usize::from(x % 10.0 < 2.0);
//! let labels: Vec<usize> = x.iter().map(|x| label(*x)).collect();
//! // The base model learned the rule and nothing else.
//! let logits = Array2::from_shape_fn((400, 2), |(i, c)| if c == 1 { (x[[i, 0]] - 50.0) / 10.0 } else { 0.0 });
//! let part = |from: usize, to: usize| {
//!     let rows = s![from..to, ..];
//!     (x.slice(rows).to_owned(), logits.slice(rows).to_owned(), Targets::classes(&labels[from..to], 2))
//! };
//! let ((keys, base, targets), validation, test) = (part(0, 200), part(200, 300), part(300, 400));
//!
//! // Fit: nothing is trained.
//! let memory = Memory::from_arrays(keys.view(), base, targets, MemoryConfig::default())?;
//!
//! // Choose k, sigma and T on validation data, from one search.
//! let grid = Grid { k: vec![1, 2, 4, 8], ..Grid::default() };
//! let found = memory.search(validation.0.view(), 8, None)?;
//! let sweep = memory.sweep(&found, &validation.1, &validation.2, Method::Resmem, &grid)?;
//! assert!(sweep.best.score > sweep.base + 0.1);
//!
//! // Predict.
//! let params = sweep.best.params;
//! let prediction = memory.predict(&test.0, &test.1, &params)?;
//! let right = prediction.classes()?.iter().zip(&labels[300..]).filter(|(a, b)| a == b).count();
//! assert!(right > 90, "{right} of 100");
//! let probabilities = prediction.probabilities(Projection::Simplex)?;
//! assert!(probabilities.sum_axis(Axis(1)).iter().all(|p| (p - 1.0).abs() < 1e-12));
//!
//! // Explain.
//! let why = memory.explain(test.0.row(0), test.1.row(0), &params)?;
//! assert_eq!(why.neighbours.len(), params.k);
//! assert!((why.score[0] - why.base[0] - why.correction[0]).abs() < 1e-12);
//!
//! // Forget a row, and keep the rest.
//! let mut memory = memory;
//! memory.remove(&[why.neighbours[0].row])?;
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("memory.safetensors");
//! memory.save(&path)?;
//! let again = Memory::load(&path)?;
//! assert_eq!(again.predict(&test.0, &test.1, &params)?, memory.predict(&test.0, &test.1, &params)?);
//! # Ok::<(), tenfold_resmem::ResmemError>(())
//! ```
//!
//! # When it fails
//!
//! - A base model that fits its training set leaves residuals near zero at `T = 1`: raise `T`, or store the outputs of
//!   models that did not see the row ([`Folds`]).
//! - Where classes are clusters of the embedding, kNN alone ([`Memory::predict_knn`]) does as well.
//! - Wrong labels are stored like right ones, and `k = 1` repeats them: more noise asks for a larger `k` ([`theory`]).
//! - Training points scored with themselves among their neighbours look perfect: use [`Memory::predict_training`],
//!   and [`Memory::own_rows`] where they may be among the queries of a sweep.
//!
//! # Search
//!
//! Exact by default: right up to some 100,000 keys. Beyond, [`IndexKind::Hnsw`] looks at a small part of the keys; see
//! [`index`]. Deleting a row ([`Memory::remove`]) deletes its bytes from memory and from the next file; the base model
//! still remembers what it was trained on.

#![deny(missing_docs)]

mod base;
mod baselines;
mod choice;
mod error;
mod explain;
mod file;
pub mod index;
mod linalg;
mod memory;
mod own_rows;
mod params;
mod predict;
mod residuals;
mod sweep;
mod targets;
pub mod theory;

pub use base::TruncationError;
pub use baselines::Ridge;
pub use choice::Choice;
pub use error::ResmemError;
pub use explain::{Contribution, Explanation, Target};
pub use memory::{Memory, Notes};
pub use params::{HnswConfig, IndexKind, Kernel, MemoryConfig, Params, Sigma, Storage};
pub use predict::{Prediction, Projection};
pub use residuals::Folds;
pub use sweep::{Grid, Measure, Method, Point, Sweep};
pub use targets::Targets;

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// So is the chapter's.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/resmem.md")]
struct Chapter;
