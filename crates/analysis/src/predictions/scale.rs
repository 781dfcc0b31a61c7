//! What the numbers of an array are.

use crate::error::{AnalysisError, require};
use serde::{Deserialize, Serialize};

/// How far a row of probabilities may be from one by default: the rounding of a thousand numbers in half precision.
pub const SUM_TOLERANCE: f64 = 2e-3;

/// What the numbers of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Probabilities; each row sums to one within the tolerance.
    Probabilities {
        /// How far a sum may be from one.
        tolerance: f64,
    },
    /// Logits z: the probabilities are `softmax(z / T)`.
    Logits {
        /// T.
        temperature: f64,
    },
}

impl Scale {
    /// Probabilities whose rows sum to one within [`SUM_TOLERANCE`].
    pub fn probabilities() -> Self {
        Self::Probabilities { tolerance: SUM_TOLERANCE }
    }

    /// Logits as they are.
    pub fn logits() -> Self {
        Self::Logits { temperature: 1.0 }
    }

    /// Checks the tolerance or the temperature.
    pub(crate) fn validate(self) -> Result<(), AnalysisError> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        match self {
            Self::Probabilities { tolerance } => {
                require(positive(tolerance), "tolerance", tolerance, "must be above 0")
            }
            Self::Logits { temperature } => {
                require(positive(temperature), "temperature", temperature, "must be above 0")
            }
        }
    }
}
