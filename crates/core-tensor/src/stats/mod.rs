//! Statistics that carry their uncertainty.
//!
//! Everything accumulates in `f64`. An estimate is never a bare number: it is an [`Estimate`] with a standard
//! error, a 95 % interval and the number of independent units behind it. Which units those are (models, seeds,
//! questions, test points) is the caller's statement and belongs in the caller's docs.
//!
//! | question | function |
//! |---|---|
//! | mean of independent numbers | [`mean_interval`] (Student's t) |
//! | mean over seeds that share one test set | [`crossed_interval`] |
//! | any statistic of paired rows | [`paired_bootstrap`] |
//! | a smooth statistic of a dozen units | [`jackknife`] |
//! | a share of successes | [`wilson`], [`clopper_pearson`] |
//! | difference of two shares | [`newcombe`]; on the same units [`newcombe_paired`], [`mcnemar`] |
//! | many tests at once | [`holm`] |
//! | models that did not see the example | [`stratified_folds`] |
//! | association | [`pearson`], [`spearman`], [`kendall`] |
//! | how well scores tell two groups apart | [`auroc`] |
//! | slope of a straight line | [`line_fit`], [`slope_weights`], [`total_least_squares`] |
//! | confidence against accuracy | [`calibration_bins`] |
//! | whether deviations are small | [`largest_deviation`] |
//! | points in bins of any number, also of resamples | [`Dealer`], [`resample_counts`] |

mod association;
mod bootstrap;
mod calibration;
mod crossed;
mod estimate;
mod folds;
mod jackknife;
mod line;
mod multiple;
mod paired;
mod proportion;
mod rank;

pub use association::{kendall, pearson, spearman};
pub use bootstrap::{bootstrap_values, paired_bootstrap, resample_counts};
pub use calibration::{
    Binning, CalibrationBin, Dealer, MOST_BINS, calibration_bins, debiased_calibration_error,
    expected_calibration_error, squared_calibration_error,
};
pub use crossed::crossed_interval;
pub use estimate::{Estimate, largest_deviation, mean, mean_interval, quantile_of_sorted, variance};
pub use folds::stratified_folds;
pub use jackknife::{jackknife, jackknife_corrected};
pub use line::{LineFit, line_fit, slope_weights, total_least_squares};
pub use multiple::holm;
pub use paired::{PairedCounts, mcnemar, newcombe_paired};
pub use proportion::{clopper_pearson, newcombe, wilson};
pub use rank::{auroc, ranks};

/// Why a statistic could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// Fewer observations than the statistic needs.
    #[error("{statistic}: {n} observations, needs at least {least}")]
    TooFew {
        /// The statistic asked for.
        statistic: &'static str,
        /// How many observations came.
        n: usize,
        /// How many it needs.
        least: usize,
    },
    /// Two paired inputs differ in length.
    #[error("{statistic}: paired inputs have lengths {left} and {right}")]
    Lengths {
        /// The statistic asked for.
        statistic: &'static str,
        /// Length of the first input.
        left: usize,
        /// Length of the second input.
        right: usize,
    },
    /// An input is NaN or infinite.
    #[error("{statistic}: observation {index} is {value}, must be finite")]
    NotFinite {
        /// The statistic asked for.
        statistic: &'static str,
        /// Where it stands.
        index: usize,
        /// What it is.
        value: f64,
    },
    /// An input without spread has no association with anything.
    #[error("{statistic}: every observation of one input is the same, so the statistic is undefined")]
    Constant {
        /// The statistic asked for.
        statistic: &'static str,
    },
    /// A parameter is out of its range.
    #[error("{field} = {value}: {rule}")]
    Parameter {
        /// The parameter.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What it must satisfy.
        rule: &'static str,
    },
}

fn need(statistic: &'static str, n: usize, least: usize) -> Result<(), StatsError> {
    if n < least { Err(StatsError::TooFew { statistic, n, least }) } else { Ok(()) }
}

fn need_finite(statistic: &'static str, values: &[f64]) -> Result<(), StatsError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(StatsError::NotFinite { statistic, index, value: values[index] }),
        None => Ok(()),
    }
}

fn need_pairs(statistic: &'static str, x: &[f64], y: &[f64], least: usize) -> Result<(), StatsError> {
    if x.len() != y.len() {
        return Err(StatsError::Lengths { statistic, left: x.len(), right: y.len() });
    }
    need(statistic, x.len(), least)?;
    need_finite(statistic, x)?;
    need_finite(statistic, y)
}
