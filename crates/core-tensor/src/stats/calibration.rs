//! Confidence against accuracy, in bins.

use super::{StatsError, need_pairs};
use serde::{Deserialize, Serialize};

/// How points are dealt into bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binning {
    /// Bins of equal width over `[0, 1]`; a bin is `(lower, upper]`, and 0 belongs to the first.
    EqualWidth,
    /// Bins of equal numbers of points, by confidence; equal confidences stay together.
    EqualMass,
}

/// One bin of a reliability diagram. Bins without points are left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Mean confidence of the bin's points.
    pub confidence: f64,
    /// Mean outcome of the bin's points (share correct, for 0/1 outcomes).
    pub outcome: f64,
    /// Number of points.
    pub n: usize,
}

/// Deals `(confidence, outcome)` pairs into at most `bins` bins, in ascending order of confidence.
///
/// ```
/// use tenfold_core_tensor::stats::{Binning, calibration_bins};
/// let bins = calibration_bins(&[0.2, 0.3, 0.9, 0.8], &[0.0, 1.0, 1.0, 1.0], 2, Binning::EqualWidth)?;
/// assert_eq!(bins.len(), 2);
/// assert_eq!((bins[0].confidence, bins[0].outcome, bins[0].n), (0.25, 0.5, 2));
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Different lengths, no points, values that are not finite, confidences outside `[0, 1]`, or no bins.
pub fn calibration_bins(
    confidence: &[f64],
    outcome: &[f64],
    bins: usize,
    binning: Binning,
) -> Result<Vec<CalibrationBin>, StatsError> {
    need_pairs("calibration_bins", confidence, outcome, 1)?;
    if bins == 0 {
        return Err(StatsError::Parameter { field: "bins", value: 0.0, rule: "at least one bin" });
    }
    if let Some(&value) = confidence.iter().find(|c| !(0.0..=1.0).contains(*c)) {
        return Err(StatsError::Parameter { field: "confidence", value, rule: "within [0, 1]" });
    }
    let mut order: Vec<usize> = (0..confidence.len()).collect();
    order.sort_by(|&a, &b| confidence[a].total_cmp(&confidence[b]));
    let bin_of: Vec<usize> = match binning {
        Binning::EqualWidth => {
            order.iter().map(|&i| ((confidence[i] * bins as f64).ceil() as usize).saturating_sub(1)).collect()
        }
        Binning::EqualMass => {
            let mut bin_of: Vec<usize> = (0..order.len()).map(|rank| rank * bins / order.len()).collect();
            for rank in 1..order.len() {
                if confidence[order[rank]] == confidence[order[rank - 1]] {
                    bin_of[rank] = bin_of[rank - 1];
                }
            }
            bin_of
        }
    };
    let mut result = Vec::with_capacity(bins);
    let mut start = 0;
    for run in bin_of.chunk_by(|a, b| a == b) {
        let members = &order[start..start + run.len()];
        start += run.len();
        let n = members.len();
        let average = |of: &[f64]| members.iter().map(|&i| of[i]).sum::<f64>() / n as f64;
        result.push(CalibrationBin { confidence: average(confidence), outcome: average(outcome), n });
    }
    Ok(result)
}

/// The expected calibration error: `sum_b n_b / n |outcome_b - confidence_b|`.
///
/// Biased upwards for finite samples: even a calibrated model has a positive value.
///
/// ```
/// use tenfold_core_tensor::stats::{CalibrationBin, expected_calibration_error};
/// let bins = [CalibrationBin { confidence: 0.25, outcome: 0.5, n: 2 }, CalibrationBin { confidence: 0.9, outcome: 1.0, n: 6 }];
/// assert!((expected_calibration_error(&bins) - (0.25 * 0.25 + 0.75 * 0.1)).abs() < 1e-15);
/// ```
pub fn expected_calibration_error(bins: &[CalibrationBin]) -> f64 {
    let n: usize = bins.iter().map(|b| b.n).sum();
    bins.iter().map(|b| b.n as f64 * (b.outcome - b.confidence).abs()).sum::<f64>() / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edges_belong_to_the_lower_bin_and_ties_stay_together() {
        let wide = calibration_bins(&[0.0, 0.5, 1.0], &[0.0, 0.0, 1.0], 2, Binning::EqualWidth).unwrap();
        assert_eq!(wide.iter().map(|b| b.n).collect::<Vec<_>>(), [2, 1]);
        let mass = calibration_bins(&[0.5, 0.5, 0.5, 0.9], &[0.0; 4], 2, Binning::EqualMass).unwrap();
        assert_eq!(mass.iter().map(|b| b.n).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn rules_are_named() {
        assert!(
            calibration_bins(&[1.5], &[0.0], 2, Binning::EqualMass)
                .unwrap_err()
                .to_string()
                .contains("confidence = 1.5")
        );
        assert!(calibration_bins(&[0.5], &[0.0], 0, Binning::EqualMass).unwrap_err().to_string().contains("bins = 0"));
    }

    proptest! {
        #[test]
        fn nothing_is_lost(points in prop::collection::vec((0.0..=1.0_f64, 0..2_u8), 1..80), bins in 1_usize..12) {
            let c: Vec<f64> = points.iter().map(|p| p.0).collect();
            let o: Vec<f64> = points.iter().map(|p| f64::from(p.1)).collect();
            for binning in [Binning::EqualWidth, Binning::EqualMass] {
                let b = calibration_bins(&c, &o, bins, binning).unwrap();
                prop_assert!(b.len() <= bins);
                prop_assert_eq!(b.iter().map(|b| b.n).sum::<usize>(), c.len());
                prop_assert!(b.windows(2).all(|w| w[0].confidence < w[1].confidence));
                let total: f64 = b.iter().map(|b| b.n as f64 * b.outcome).sum();
                prop_assert!((total - o.iter().sum::<f64>()).abs() < 1e-9);
            }
        }
    }
}
