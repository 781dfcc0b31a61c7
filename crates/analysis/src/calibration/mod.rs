//! Whether probabilities are what they say, and what follows where they are.
//!
//! | question | item |
//! |---|---|
//! | are the probabilities right? | [`Calibration`], [`CalibrationError`], in [`Bins`] |
//! | is the gap of Bias^2 and variance the Gini impurity? | [`gap_by`], [`GapBound`] |
//! | is disagreement the error? | [`Disagreement`] |
//! | which temperature mends them? | [`fit_temperature`], [`fit_mean_temperature`] |

mod binned;
mod disagreement;
mod gap;
mod temperature;

pub use binned::{Bins, Calibration, CalibrationError};
pub use disagreement::Disagreement;
pub use gap::{GapBin, GapBound, gap_by};
pub use temperature::{Temperature, fit_mean_temperature, fit_temperature};
