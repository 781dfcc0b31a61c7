//! Bias and variance of every point, and their averages.
//!
//! | question | item |
//! |---|---|
//! | Bias^2 and variance of the squared loss? | [`Decomposition`], of each [`Point`] |
//! | ... of the cross-entropy? | [`KlDecomposition`], of each [`KlPoint`] |
//! | what do both have, and which points are looked at? | [`Split`], [`Selection`] |
//! | averages, with intervals over models and points? | [`Averages`], [`Average`] |
//! | with intervals from ensembles drawn anew? | [`ModelBootstrap`], [`KlBootstrap`] |
//! | right points beside wrong ones? | [`Side`] |

mod average;
mod bootstrap;
mod decompose;
mod draws;
mod kl;
mod kl_bootstrap;
mod point;
mod side;
mod split;
mod squared;

pub use average::Average;
pub use bootstrap::{BootstrapAverages, FEWEST_DRAWS, MOST_DRAWS, ModelBootstrap};
pub(crate) use draws::Draws;
pub use kl::{KlDecomposition, KlPoint, LOG_FLOOR};
pub use kl_bootstrap::KlBootstrap;
pub use point::Point;
pub use side::Side;
pub use split::{Selection, Split};
pub use squared::{Averages, Decomposition};

#[cfg(test)]
mod tests;
