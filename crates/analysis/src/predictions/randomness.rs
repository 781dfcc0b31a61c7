//! Where the difference between models comes from.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What differed from model to model. A variance without this name says little, so every result carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Randomness {
    /// The initial weights alone.
    Initialisation,
    /// The order of the samples alone.
    Order,
    /// Initial weights and order of the samples, on one training set: what a deep ensemble is made of.
    Seed,
    /// Bootstrap samples of the training set, and the seed.
    Bootstrap,
    /// Disjoint parts of the training set, and the seed.
    DisjointSplits,
    /// A new training set and a new seed for each model.
    All,
    /// Nobody said.
    #[default]
    Unknown,
}

impl fmt::Display for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initialisation => "initial weights",
            Self::Order => "order of the samples",
            Self::Seed => "initial weights and order of the samples",
            Self::Bootstrap => "bootstrap samples of the training set",
            Self::DisjointSplits => "disjoint parts of the training set",
            Self::All => "training sets and seeds",
            Self::Unknown => "unknown",
        })
    }
}
