//! What a teacher says, how far it can be trusted on each class, and soft targets made of that.
//!
//! | question | item |
//! |---|---|
//! | probabilities or logits, and at which temperature? | [`Teacher`] |
//! | how often does it predict each class? | [`Marginal`] |
//! | how reliable is it on each class? | [`Margins`], from a [`MarginSource`]; of one probability [`margin()`] |
//! | ... on examples that it was not trained on? | [`Folds`] |
//! | how much of it in each class's targets? | [`AlphaMap`], [`AdaAlpha`] |
//! | targets that any student can train on? | [`SoftTargets`] |

mod ada_alpha;
mod folds;
mod margin;
mod marginal;
mod margins;
mod stored;
mod targets;

pub use ada_alpha::{AdaAlpha, AlphaMap, MarginScope};
pub use folds::Folds;
pub use margin::margin;
pub use marginal::{MARGINAL_FLOOR, Marginal};
pub use margins::{MarginSource, Margins};
pub use stored::Teacher;
pub use targets::{SoftTargets, one_hot};
