//! An estimate with its interval, and the plain mean.

use super::{StatsError, need, need_finite};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The 97.5 % point of the standard normal law.
pub(super) const NORMAL_975: f64 = 1.959_963_984_540_054;

/// A number with its standard error and 95 % interval.
///
/// `n` counts the independent units the interval is over; the function that made the estimate says which.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
    /// Lower end of the 95 % interval.
    pub lo: f64,
    /// Upper end of the 95 % interval.
    pub hi: f64,
    /// Number of independent units.
    pub n: usize,
}

impl Estimate {
    /// `value ± t * se`, with the 97.5 % point of Student's t at `df` degrees of freedom (which may be fractional).
    ///
    /// ```
    /// use tenfold_core_tensor::stats::Estimate;
    /// let e = Estimate::from_t(1.0, 0.5, 3.0, 4);
    /// assert!((e.hi - (1.0 + 3.182446305 * 0.5)).abs() < 1e-6);
    /// ```
    pub fn from_t(value: f64, se: f64, df: f64, n: usize) -> Self {
        let half = if se == 0.0 { 0.0 } else { t_quantile(0.975, df) * se };
        Self { value, se, lo: value - half, hi: value + half, n }
    }

    /// `value ± z * se`, with the 97.5 % point of the normal law: for an error that is known rather than estimated from a few units.
    ///
    /// ```
    /// use tenfold_core_tensor::stats::Estimate;
    /// let e = Estimate::normal(1.0, 0.5, 400);
    /// assert!((e.hi - 1.979_981_992).abs() < 1e-9);
    /// ```
    pub fn normal(value: f64, se: f64, n: usize) -> Self {
        Self { value, se, lo: value - NORMAL_975 * se, hi: value + NORMAL_975 * se, n }
    }

    /// A value with the standard deviation and the percentile interval of its draws, in any order.
    ///
    /// ```
    /// use tenfold_core_tensor::stats::Estimate;
    /// let e = Estimate::from_draws(50.0, (0..=100).map(f64::from).collect(), 7);
    /// assert_eq!((e.lo, e.hi, e.n), (2.5, 97.5, 7));
    /// ```
    ///
    /// # Panics
    /// Without draws.
    pub fn from_draws(value: f64, mut draws: Vec<f64>, n: usize) -> Self {
        draws.sort_unstable_by(f64::total_cmp);
        let [lo, hi] = [0.025, 0.975].map(|q| quantile_of_sorted(&draws, q));
        Self { value, se: variance(&draws).sqrt(), lo, hi, n }
    }

    /// A value without the bias that its draws show, `2 value - mean`, with the standard deviation of the draws and their percentile
    /// interval reflected about the value, `[2 value - q_97.5, 2 value - q_2.5]` (the basic bootstrap): for biased statistics such as a
    /// minimum, whose draws lie as far on the wrong side of the value as the value lies of the truth.
    ///
    /// ```
    /// use tenfold_core_tensor::stats::Estimate;
    /// let e = Estimate::reflected(52.0, (0..=100).map(f64::from).collect(), 7);
    /// assert_eq!((e.value, e.lo, e.hi), (54.0, 6.5, 101.5));
    /// ```
    ///
    /// # Panics
    /// Without draws.
    pub fn reflected(value: f64, draws: Vec<f64>, n: usize) -> Self {
        let centre = mean(&draws);
        let drawn = Self::from_draws(value, draws, n);
        Self { value: 2.0 * value - centre, lo: 2.0 * value - drawn.hi, hi: 2.0 * value - drawn.lo, ..drawn }
    }

    /// One estimate for two answers to the same question, such as what goes beyond one null and beyond another: the answer nearer to
    /// zero, with an interval that covers both. A rule about zero then decides only where both answers agree.
    ///
    /// ```
    /// use tenfold_core_tensor::stats::Estimate;
    /// let (a, b) = (Estimate::from_t(3.0, 0.1, 9.0, 10), Estimate::from_t(-2.0, 0.1, 9.0, 10));
    /// assert!(a.above(0.0) && b.below(0.0));
    /// let both = a.agreed(b);
    /// assert!(both.value == -2.0 && !both.above(0.0) && !both.below(0.0));
    /// ```
    #[must_use]
    pub fn agreed(self, other: Self) -> Self {
        let nearer = if self.value.abs() <= other.value.abs() { self } else { other };
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi), ..nearer }
    }

    /// Whether the interval lies wholly above `threshold`.
    pub fn above(&self, threshold: f64) -> bool {
        self.lo > threshold
    }

    /// Whether the interval lies wholly below `threshold`.
    pub fn below(&self, threshold: f64) -> bool {
        self.hi < threshold
    }

    /// Whether the interval lies wholly within `centre ± margin`: the two one-sided tests of equivalence.
    pub fn within(&self, centre: f64, margin: f64) -> bool {
        self.lo >= centre - margin && self.hi <= centre + margin
    }
}

/// The `p` quantile of Student's t.
pub(super) fn t_quantile(p: f64, df: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, df) {
        Ok(t) => t.inverse_cdf(p),
        // Only for df that is not positive, that is for a single unit: nothing is known of the spread.
        Err(_) => f64::INFINITY,
    }
}

/// The mean; NaN for no values.
///
/// ```
/// assert_eq!(tenfold_core_tensor::stats::mean(&[1.0, 2.0, 6.0]), 3.0);
/// ```
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The largest magnitude; NaN where one is NaN, or there is none. `f64::max` drops a NaN, and what checks that deviations are small
/// would then pass on numbers that are none.
///
/// ```
/// use tenfold_core_tensor::stats::largest_deviation;
/// assert_eq!(largest_deviation([1e-9, -3e-9]), 3e-9);
/// assert!(largest_deviation([0.0, f64::NAN, 0.0]).is_nan() && largest_deviation([]).is_nan());
/// ```
pub fn largest_deviation(values: impl IntoIterator<Item = f64>) -> f64 {
    let larger = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) };
    values.into_iter().map(f64::abs).reduce(larger).unwrap_or(f64::NAN)
}

/// The unbiased sample variance `sum (x_i - mean)^2 / (n - 1)`, in two passes; NaN for fewer than two values.
///
/// ```
/// assert_eq!(tenfold_core_tensor::stats::variance(&[1.0, 2.0, 6.0]), 7.0);
/// ```
pub fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let m = mean(values);
    values.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / (values.len() - 1) as f64
}

/// The mean of independent units with Student's t interval at `n - 1` degrees of freedom:
/// `mean ± t_{0.975, n-1} s / sqrt(n)`.
///
/// ```
/// use tenfold_core_tensor::stats::mean_interval;
/// let e = mean_interval(&[1.0, 2.0, 3.0])?;
/// assert_eq!((e.value, e.n), (2.0, 3));
/// assert!((e.hi - 2.0 - 4.302652730 / 3f64.sqrt()).abs() < 1e-6);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Fewer than two values, or a value that is not finite.
pub fn mean_interval(values: &[f64]) -> Result<Estimate, StatsError> {
    need("mean_interval", values.len(), 2)?;
    need_finite("mean_interval", values)?;
    let n = values.len();
    let se = (variance(values) / n as f64).sqrt();
    Ok(Estimate::from_t(mean(values), se, (n - 1) as f64, n))
}

/// The `q` quantile of ascending values by linear interpolation (NumPy's default); NaN for no values.
///
/// ```
/// use tenfold_core_tensor::stats::quantile_of_sorted;
/// assert_eq!(quantile_of_sorted(&[0.0, 1.0, 2.0, 3.0], 0.5), 1.5);
/// ```
pub fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_says_nothing_of_the_spread() {
        assert!(matches!(mean_interval(&[1.0]), Err(StatsError::TooFew { n: 1, least: 2, .. })));
        assert_eq!(Estimate::from_t(1.0, 0.1, 0.0, 1).hi, f64::INFINITY);
    }

    #[test]
    fn not_finite_is_named() {
        let error = mean_interval(&[1.0, f64::NAN]).unwrap_err();
        assert_eq!(error.to_string(), "mean_interval: observation 1 is NaN, must be finite");
    }

    #[test]
    fn decisions_use_the_whole_interval() {
        let e = Estimate { value: 0.1, se: 0.0, lo: -0.1, hi: 0.3, n: 3 };
        assert!(!e.above(0.0) && !e.below(0.0) && e.within(0.0, 0.3) && !e.within(0.0, 0.2));
    }

    #[test]
    fn interval_covers_the_mean_as_often_as_it_says() {
        use crate::seed::Seed;
        use rand_distr::{Distribution, StandardNormal};
        let (trials, n) = (4000, 4);
        let mut rng = Seed::new(11).rng();
        let covered = (0..trials)
            .filter(|_| {
                let x: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut rng)).collect();
                let e = mean_interval(&x).unwrap();
                e.lo <= 0.0 && 0.0 <= e.hi
            })
            .count() as f64
            / trials as f64;
        let four_se = 4.0 * (0.95 * 0.05 / trials as f64).sqrt();
        assert!((covered - 0.95).abs() < four_se, "coverage {covered}");
    }
}
