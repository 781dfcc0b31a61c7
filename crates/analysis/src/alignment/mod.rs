//! Whether Bias^2 and variance of points go together, and more than noise makes them.
//!
//! | question | item |
//! |---|---|
//! | do the two go together? | [`Alignment`]; of any pairs [`fit()`], [`Fit`], one [`Statistic`] |
//! | more than independent noise would make them? | [`Nulls`], each a [`Null`], from a [`LogitSample`] with [`Noise`] |
//! | what has the null on points of its own? | [`uniform_null`] |
//! | without the noise that the two share? | [`TwoSplit`] |
//! | with intervals from ensembles drawn anew? | `fit` of both bootstraps, in `bootstrap` |

mod bootstrap;
mod fit;
mod jackknife;
mod noise;
mod null;
mod nulls;
mod sample;
mod two_split;
mod uniform;

pub use fit::{BOUND_SHARES, Fit, Statistic, fit};
pub use jackknife::Alignment;
pub use noise::Noise;
pub use null::{Drawn, FEWEST_NULL_DRAWS, Null};
pub use nulls::Nulls;
pub use sample::LogitSample;
pub use two_split::{SplitLine, TwoSplit};
pub use uniform::uniform_null;
