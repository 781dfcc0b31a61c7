//! How predictions are read: once, in blocks of points, whatever is found of them.
//!
//! | question | item |
//! |---|---|
//! | what do all models say of some points? | [`Block`], [`Predictions`] |
//! | how is everything found in one reading? | [`pass()`], [`PerPoint`], [`FirstModels`] |
//! | what are the numbers, and what differs from model to model? | [`Scale`], [`Randomness`] |
//! | how does a row become errors on the simplex? | [`Reading`]; all models' at a point [`Rows`], one alone [`OneByOne`] |
//! | models that are asked one at a time, and their mean? | [`ensemble()`], [`mean_model()`] |

mod block;
mod ensemble;
mod mean_model;
mod models;
mod one_by_one;
mod pass;
mod randomness;
mod reading;
mod rows;
mod scale;

pub use block::Block;
pub use ensemble::ensemble;
pub use mean_model::{MeanModel, mean_model};
pub(crate) use models::Models;
pub(crate) use one_by_one::OneByOne;
pub(crate) use pass::add;
pub use pass::{FirstModels, PerPoint, Predictions, pass};
pub use randomness::Randomness;
pub(crate) use reading::{Reading, Temperature, Tolerance};
pub(crate) use rows::Rows;
pub use scale::{SUM_TOLERANCE, Scale};
