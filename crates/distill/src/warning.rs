//! What is legal but probably not meant: returned as data, never printed.

use serde::{Deserialize, Serialize};

/// Something that a person should know before trusting a result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Warning {
    /// A teacher hardly ever predicts a class, so that dividing by its marginal would rest on almost nothing.
    #[error(
        "class {class}: the teacher's marginal is {marginal:.3e} and was raised to {floor:.3e}; its cost is not to be trusted"
    )]
    MarginalRaised {
        /// The class.
        class: usize,
        /// The marginal that was found.
        marginal: f64,
        /// What it was raised to.
        floor: f64,
    },
    /// The teacher's margin on a class is so low that its term would vanish from the loss.
    #[error(
        "class {class}: the teacher's margin is {margin:.4} and was raised to {floor:.3e}; its term nearly vanishes from the loss"
    )]
    MarginRaised {
        /// The class.
        class: usize,
        /// The margin that was found.
        margin: f64,
        /// What it was raised to.
        floor: f64,
    },
    /// Numbers that were given as logits could be probabilities.
    #[error(
        "every row given as logits is a probability vector: if these are probabilities, say so, or the teacher is nearly uniform"
    )]
    LogitsLookLikeProbabilities,
}
