//! Confidence against accuracy, in bins.

use super::{StatsError, need, need_finite, need_pairs};
use serde::{Deserialize, Serialize};

/// Most bins that points are dealt into.
pub const MOST_BINS: usize = 100_000;

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

/// Points in the order of a number, ready to be dealt into bins: as they are, or as resamples repeat them, without sorting again.
///
/// ```
/// use tenfold_core_tensor::stats::{Binning, Dealer};
/// let dealer = Dealer::new(&[3.0, 1.0, 2.0, 2.0], 2, Binning::EqualMass)?;
/// assert_eq!(dealer.members(), [vec![1, 2, 3], vec![0]]);
/// // Point 1 left out and point 0 twice: the ties begin the first half.
/// let mut dealt = Vec::new();
/// dealer.deal(|point| [2, 0, 1, 1][point], |bin, point, times| dealt.push((bin, point, times)));
/// assert_eq!(dealt, [(0, 2, 1), (0, 3, 1), (1, 0, 2)]);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dealer {
    /// Points by ascending number.
    order: Vec<usize>,
    /// Their numbers, ascending.
    sorted: Vec<f64>,
    bins: usize,
    binning: Binning,
}

impl Dealer {
    /// Sorts points by their numbers; points of one number keep their order.
    ///
    /// # Errors
    /// No points, no bins or more than [`MOST_BINS`], a number that is not finite, or for bins of equal width one outside `[0, 1]`.
    pub fn new(by: &[f64], bins: usize, binning: Binning) -> Result<Self, StatsError> {
        need("bins of points", by.len(), 1)?;
        need_finite("bins of points", by)?;
        if bins == 0 {
            return Err(StatsError::Parameter { field: "bins", value: 0.0, rule: "at least one bin" });
        }
        if bins > MOST_BINS {
            return Err(StatsError::Parameter { field: "bins", value: bins as f64, rule: "at most 100000 bins" });
        }
        if let (Binning::EqualWidth, Some(&value)) = (binning, by.iter().find(|v| !(0.0..=1.0).contains(*v))) {
            return Err(StatsError::Parameter { field: "number to bin by", value, rule: "within [0, 1]" });
        }
        let mut order: Vec<usize> = (0..by.len()).collect();
        order.sort_by(|&a, &b| by[a].total_cmp(&by[b]));
        let sorted = order.iter().map(|&i| by[i]).collect();
        Ok(Self { order, sorted, bins, binning })
    }

    /// Calls `each(bin, point, times)` for every point that is there, in ascending order of number and bin, where point i is
    /// there `count(i)` times.
    ///
    /// Bins of equal mass begin where the rank passes a multiple of `n / bins`, but never between equal numbers.
    pub fn deal(&self, count: impl Fn(usize) -> usize, mut each: impl FnMut(usize, usize, usize)) {
        let total: usize = (0..self.order.len()).map(&count).sum();
        let (mut rank, mut bin, mut previous) = (0, 0, f64::NAN);
        for (&point, &number) in self.order.iter().zip(&self.sorted) {
            let times = count(point);
            if times == 0 {
                continue;
            }
            if number != previous {
                match self.binning {
                    Binning::EqualWidth => bin = ((number * self.bins as f64).ceil() as usize).saturating_sub(1),
                    Binning::EqualMass => {
                        while rank * self.bins >= (bin + 1) * total {
                            bin += 1;
                        }
                    }
                }
                previous = number;
            }
            each(bin, point, times);
            rank += times;
        }
    }

    /// The points of every bin that has any, each point once.
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.bins];
        self.deal(|_| 1, |bin, point, _| members[bin].push(point));
        members.retain(|bin| !bin.is_empty());
        members
    }

    /// Mean confidence and outcome of every bin that has points, where point i is there `count(i)` times.
    ///
    /// # Panics
    /// With fewer confidences or outcomes than points.
    pub fn bins(&self, count: impl Fn(usize) -> usize, confidence: &[f64], outcome: &[f64]) -> Vec<CalibrationBin> {
        let mut bins = vec![CalibrationBin { confidence: 0.0, outcome: 0.0, n: 0 }; self.bins];
        self.deal(count, |bin, point, times| {
            let bin = &mut bins[bin];
            bin.confidence += times as f64 * confidence[point];
            bin.outcome += times as f64 * outcome[point];
            bin.n += times;
        });
        bins.retain(|bin| bin.n > 0);
        for bin in &mut bins {
            bin.confidence /= bin.n as f64;
            bin.outcome /= bin.n as f64;
        }
        bins
    }
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
    if let Some(&value) = confidence.iter().find(|c| !(0.0..=1.0).contains(*c)) {
        return Err(StatsError::Parameter { field: "confidence", value, rule: "within [0, 1]" });
    }
    Ok(Dealer::new(confidence, bins, binning)?.bins(|_| 1, confidence, outcome))
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
    fn a_resample_by_counts_is_one_by_copies() {
        use crate::seed::Seed;
        use crate::stats::resample_counts;
        // Two digits: ties.
        let c: Vec<f64> = (0..90).map(|i| f64::from(i * 37 % 41) / 50.0).collect();
        let o: Vec<f64> = (0..90).map(|i| f64::from(i % 2)).collect();
        for binning in [Binning::EqualWidth, Binning::EqualMass] {
            let dealer = Dealer::new(&c, 7, binning).unwrap();
            for counts in resample_counts(90, 200, Seed::new(3)).unwrap() {
                let of = |all: &[f64]| -> Vec<f64> {
                    counts.iter().zip(all).flat_map(|(n, v)| vec![*v; usize::from(*n)]).collect()
                };
                let copies = calibration_bins(&of(&c), &of(&o), 7, binning).unwrap();
                let counted = dealer.bins(|i| usize::from(counts[i]), &c, &o);
                assert_eq!(copies.len(), counted.len());
                for (a, b) in copies.iter().zip(&counted) {
                    assert!(a.n == b.n && (a.confidence - b.confidence).abs() < 1e-14, "{a:?} {b:?}");
                    assert!((a.outcome - b.outcome).abs() < 1e-14, "{a:?} {b:?}");
                }
            }
        }
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
        let bins = |bins: usize| calibration_bins(&[0.5], &[0.0], bins, Binning::EqualWidth).map_err(|e| e.to_string());
        assert!(bins(0).unwrap_err().contains("bins = 0"));
        assert_eq!(bins(MOST_BINS).unwrap().len(), 1);
        assert!(bins(usize::MAX).unwrap_err().contains("at most 100000 bins"));
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
