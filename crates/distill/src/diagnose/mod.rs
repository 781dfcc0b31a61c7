//! What anyone's predictions say, class by class, with intervals.
//!
//! | question | item |
//! |---|---|
//! | which class is predicted at each point? | [`Predictions`], read once |
//! | the recall of each class? | [`ClassRecall`] |
//! | average, balanced, worst class, worst k? | [`Summary`], [`WorstOf`] |
//! | what has changed between two models? | [`Comparison`], a [`ClassChange`] for each class, a [`WorstDifference`] |
//! | does the student repeat the teacher's errors? | [`Amplification`] |
//! | was the validation set over-fitted? | [`Gap`] |
//! | how well are a teacher's scores calibrated in each class? | [`CalibrationTerm`] |
//! | on which classes is the teacher better than chance? | [`ClassTrust`] |

mod amplification;
mod calibration_term;
mod comparison;
mod draws;
mod gap;
mod predictions;
mod summary;
mod trust;

pub use amplification::Amplification;
pub use calibration_term::CalibrationTerm;
pub use comparison::{ClassChange, Comparison, LEVEL, Verdict};
pub use draws::{FEWEST_DRAWS, MOST_DRAWS, WorstDifference};
pub use gap::Gap;
pub use predictions::{ClassRecall, Predictions};
pub use summary::{Summary, WorstOf};
pub use trust::{ClassTrust, Trust};
