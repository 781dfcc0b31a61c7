//! Analysis.
mod decomposition;
mod error;
mod point;
mod randomness;
mod scale;
pub use decomposition::{Average, Averages, Decomposition, first_models};
pub use error::AnalysisError;
pub use point::Point;
pub use randomness::Randomness;
pub use scale::{SUM_TOLERANCE, Scale};
