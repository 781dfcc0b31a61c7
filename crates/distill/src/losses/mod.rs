//! Losses of students, as plain functions on arrays: values, and gradients in the student's logits.
//!
//! | loss | item | convention |
//! |---|---|---|
//! | soft-target cross-entropy; with class weights; with margins for costs | [`SoftCrossEntropy`] | temperature on the teacher only, no T^2 |
//! | Hinton's divergence, its cross-entropy, squared error of softmaxes | [`Hinton`] | T on both sides, T^2 by default |
//! | target and non-target parts apart (DKD) | [`Decoupled`] | T on both sides, T^2 |
//! | the teacher's margin inside the loss (AdaMargin) | [`AdaMargin`] | temperature on the teacher only |
//! | any of these beside one-hot labels | [`OneHotMix`] | `distill_weight` stands on the teacher's term |
//!
//! Every one is a [`RowLoss`]: a loss for each row, whose mean over rows is the loss of a batch.

mod ada_margin;
mod cross_entropy;
mod decoupled;
mod hinton;
mod one_hot_mix;
mod row_loss;

#[cfg(feature = "students")]
pub(crate) use ada_margin::in_training;
pub use ada_margin::{AdaMargin, AdaMarginForm, MARGIN_FLOOR};
pub use cross_entropy::SoftCrossEntropy;
pub use decoupled::Decoupled;
pub use hinton::{Distance, Hinton, Reduction};
pub use one_hot_mix::OneHotMix;
pub use row_loss::RowLoss;
