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

/// The expected calibration error without what finite samples add to it: from each bin's `|gap|` is taken
/// `E|N(gap, s)| - |gap|`, with `s^2 = outcome (1 - outcome) / (n - 1)` the sampling variance of its outcome. It may be below
/// zero, as an estimate of a small positive number is. Of gaps that are noise alone 59 % stay, `2 - sqrt(2)`: the squared error
/// ([`squared_calibration_error`]) is debiased in full. Bins of one point say nothing of their variance and are left as they are.
///
/// After Kumar, Liang and Ma (2019), with the mean of the folded normal in closed form in place of draws.
///
/// ```
/// use tenfold_core_tensor::stats::{CalibrationBin, debiased_calibration_error, expected_calibration_error};
/// // Calibrated within the noise of a hundred points.
/// let bins = [CalibrationBin { confidence: 0.5, outcome: 0.53, n: 100 }];
/// assert!(debiased_calibration_error(&bins) < 0.015 && expected_calibration_error(&bins) > 0.029);
/// // A gap that is many standard errors wide stays.
/// let bins = [CalibrationBin { confidence: 0.2, outcome: 0.6, n: 10_000 }];
/// assert!((debiased_calibration_error(&bins) - 0.4).abs() < 1e-6);
/// ```
pub fn debiased_calibration_error(bins: &[CalibrationBin]) -> f64 {
    let n: usize = bins.iter().map(|b| b.n).sum();
    let of = |bin: &CalibrationBin| {
        let gap = (bin.outcome - bin.confidence).abs();
        let s = outcome_variance(bin).sqrt();
        let expected = if s > 0.0 { folded_normal_mean(gap, s) } else { gap };
        2.0 * gap - expected
    };
    bins.iter().map(|bin| bin.n as f64 * of(bin)).sum::<f64>() / n as f64
}

/// The squared calibration error, `sum_b n_b / n (outcome_b - confidence_b)^2`, and its debiased estimate, which takes the
/// sampling variance of each outcome off and may be below zero (Kumar, Liang and Ma 2019).
///
/// ```
/// use tenfold_core_tensor::stats::{CalibrationBin, squared_calibration_error};
/// let bins = [CalibrationBin { confidence: 0.25, outcome: 0.5, n: 5 }];
/// assert_eq!(squared_calibration_error(&bins), (0.0625, 0.0));
/// ```
pub fn squared_calibration_error(bins: &[CalibrationBin]) -> (f64, f64) {
    let n: usize = bins.iter().map(|b| b.n).sum();
    let weighted =
        |of: &dyn Fn(&CalibrationBin) -> f64| bins.iter().map(|b| b.n as f64 * of(b)).sum::<f64>() / n as f64;
    let squared = |b: &CalibrationBin| (b.outcome - b.confidence).powi(2);
    (weighted(&squared), weighted(&|b| squared(b) - outcome_variance(b)))
}

/// The sampling variance of a bin's outcome, for outcomes of 0 and 1.
fn outcome_variance(bin: &CalibrationBin) -> f64 {
    if bin.n < 2 { 0.0 } else { (bin.outcome * (1.0 - bin.outcome) / (bin.n - 1) as f64).max(0.0) }
}

/// `E|X|` for `X ~ N(mu, s^2)`.
fn folded_normal_mean(mu: f64, s: f64) -> f64 {
    let z = mu / s;
    let density = (-0.5 * z * z).exp() * (2.0 / std::f64::consts::PI).sqrt();
    s * density + mu * statrs::function::erf::erf(z / std::f64::consts::SQRT_2)
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
    fn debiasing_removes_what_sampling_adds() {
        use crate::seed::Seed;
        use rand::RngExt;
        // Calibrated outcomes: the plain error of fifteen bins is all noise.
        let (mut plain, mut debiased, mut squared) = (0.0, 0.0, 0.0);
        let mut rng = Seed::new(4).rng();
        for _ in 0..200 {
            let c: Vec<f64> = (0..600).map(|_| rng.random_range(0.3..0.95)).collect();
            let o: Vec<f64> = c.iter().map(|c| f64::from(u8::from(rng.random::<f64>() < *c))).collect();
            let bins = calibration_bins(&c, &o, 15, Binning::EqualMass).unwrap();
            plain += expected_calibration_error(&bins) / 200.0;
            debiased += debiased_calibration_error(&bins) / 200.0;
            squared += squared_calibration_error(&bins).1 / 200.0;
        }
        assert!(plain > 0.03, "{plain}");
        // One step takes 2 - sqrt(2) of the bias to leave: |gap| itself, from which it starts, is too large. By hand, for gaps of
        // noise alone: E[2|g| - E|N(g, s)|] = (2 - sqrt(2)) E|g|.
        let left = debiased / plain;
        assert!((left - (2.0 - 2.0_f64.sqrt())).abs() < 0.05, "{left}");
        assert!(squared.abs() < 2e-4, "{squared}");
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
