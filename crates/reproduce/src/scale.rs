//! How much work an experiment does.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much work an experiment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Seconds: the whole experiment with too little of everything, for tests. Its verdicts mean nothing.
    Tiny,
    /// Minutes on two CPU cores, on embedded data.
    Quick,
    /// Hours on a workstation, on full data sets.
    Standard,
    /// The paper's own setting; wants a GPU.
    Paper,
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tiny => "tiny",
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Paper => "paper",
        })
    }
}
