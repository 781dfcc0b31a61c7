//! ResMem: add a k-nearest-neighbour memory of residuals to any classifier or regressor.

#![deny(missing_docs)]

mod base;
mod baselines;
mod error;
mod explain;
mod file;
pub mod index;
mod linalg;
mod memory;
mod params;
mod predict;
mod residuals;
mod sweep;
mod targets;
pub mod theory;

pub use base::TruncationError;
pub use baselines::Ridge;
pub use error::ResmemError;
pub use explain::{Contribution, Explanation, Target};
pub use memory::{Memory, Notes};
pub use params::{HnswConfig, IndexKind, Kernel, MemoryConfig, Params, Sigma, Storage};
pub use predict::{Prediction, Projection};
pub use residuals::Folds;
pub use sweep::{Grid, Measure, Method, Point, Sweep};
pub use targets::Targets;
