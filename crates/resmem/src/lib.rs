//! ResMem: add a k-nearest-neighbour memory of residuals to any classifier or regressor.

#![deny(missing_docs)]

mod base;
mod error;
pub mod index;
mod memory;
mod params;
mod predict;
mod targets;

pub use base::TruncationError;
pub use error::ResmemError;
pub use memory::{Memory, Notes};
pub use params::{HnswConfig, IndexKind, Kernel, MemoryConfig, Params, Sigma, Storage};
pub use predict::{Prediction, Projection};
pub use targets::Targets;
