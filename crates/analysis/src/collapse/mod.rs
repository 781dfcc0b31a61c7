//! Neural collapse: its geometry, and what a simple model of it says of bias and variance.
//!
//! | question | item |
//! |---|---|
//! | how far has a network collapsed? | [`NeuralCollapse`], NC1 to NC4 |
//! | what are Bias^2 and Var of the simple model? | [`closed_form`], [`closed_form_binary`], [`simulate`] |
//! | do logits look like that model? | [`FrameFit`] |

mod frame;
mod geometry;
mod theory;

pub use frame::{FrameFit, Law, QuantileFit};
pub use geometry::{MOST_CLASSES, NeuralCollapse};
pub use theory::{Collapsed, closed_form, closed_form_binary, simulate};
