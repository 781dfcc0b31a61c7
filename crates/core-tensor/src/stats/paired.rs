//! Two shares of successes on the same units: their difference, and whether there is one.

use super::proportion::wilson;
use super::{Estimate, StatsError, need};
use statrs::distribution::{Binomial, DiscreteCDF};

/// How many units two yes-or-no answers have in each of the four cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PairedCounts {
    /// Success in both.
    pub both: usize,
    /// Success in the first only.
    pub first: usize,
    /// Success in the second only.
    pub second: usize,
    /// Success in neither.
    pub neither: usize,
}

impl PairedCounts {
    /// Counts pairs of answers.
    ///
    /// ```
    /// use tenfold_core_tensor::stats::PairedCounts;
    /// let counts = PairedCounts::of([(true, true), (true, false), (true, false)]);
    /// assert_eq!((counts.both, counts.first, counts.n()), (1, 2, 3));
    /// ```
    pub fn of(answers: impl IntoIterator<Item = (bool, bool)>) -> Self {
        let mut counts = Self::default();
        for answer in answers {
            *match answer {
                (true, true) => &mut counts.both,
                (true, false) => &mut counts.first,
                (false, true) => &mut counts.second,
                (false, false) => &mut counts.neither,
            } += 1;
        }
        counts
    }

    /// All units.
    pub fn n(&self) -> usize {
        self.both + self.first + self.second + self.neither
    }
}

/// McNemar's exact two-sided p-value that both shares are equal: units on which the two agree say nothing, and the others are coin
/// tosses, `p = min(1, 2 P(X <= min(first, second)))` with `X ~ Binomial(first + second, 1/2)`; 1 where all agree.
///
/// ```
/// use tenfold_core_tensor::stats::{PairedCounts, mcnemar};
/// let counts = PairedCounts { both: 90, first: 1, second: 5, neither: 4 };
/// assert!((mcnemar(counts) - 2.0 * 7.0 / 64.0).abs() < 1e-12);
/// ```
pub fn mcnemar(counts: PairedCounts) -> f64 {
    let tosses = (counts.first + counts.second) as u64;
    let fewer = counts.first.min(counts.second) as u64;
    match Binomial::new(0.5, tosses) {
        Ok(law) if tosses > 0 => (2.0 * law.cdf(fewer)).min(1.0),
        _ => 1.0,
    }
}

/// Newcombe's square-and-add interval for the difference of two shares on the same units, first minus second.
///
/// With Wilson's limits `(l, u)` of each share and the correlation phi of the four cells (taken towards zero by `n/2` where it is
/// positive): `lo = d - sqrt(a^2 - 2 phi a b + b^2)` with `a = p1 - l1`, `b = u2 - p2`; `hi` likewise with `u1 - p1` and `p2 - l2`.
/// Unlike a normal interval it has a width where no pair differs. Source: Newcombe, "Improved confidence intervals for the difference
/// between binomial proportions based on paired data" (Statistics in Medicine 17, 1998), method 10.
///
/// ```
/// use tenfold_core_tensor::stats::{PairedCounts, newcombe_paired};
/// let e = newcombe_paired(PairedCounts { both: 36, first: 12, second: 2, neither: 0 })?;
/// assert!((e.value - 0.2).abs() < 1e-12 && e.lo > 0.05 && e.hi < 0.35);
/// // Nothing differs: the interval still has a width, and is the same on both sides.
/// let same = newcombe_paired(PairedCounts { both: 20, first: 0, second: 0, neither: 0 })?;
/// assert!(same.lo < 0.0 && (same.lo + same.hi).abs() < 1e-12);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// No units.
pub fn newcombe_paired(counts: PairedCounts) -> Result<Estimate, StatsError> {
    let n = counts.n();
    need("newcombe_paired", n, 1)?;
    let PairedCounts { both, first, second, neither } = counts;
    let (one, two) = (wilson(both + first, n)?, wilson(both + second, n)?);
    let [a, b, c, d, n_] = [both, first, second, neither, n].map(|v| v as f64);
    let product = (a + b) * (c + d) * (a + c) * (b + d);
    let excess = a * d - b * c;
    let excess = if excess > 0.0 { (excess - n_ / 2.0).max(0.0) } else { excess };
    let phi = if product > 0.0 { excess / product.sqrt() } else { 0.0 };
    let side = |a: f64, b: f64| (a * a - 2.0 * phi * a * b + b * b).max(0.0).sqrt();
    let value = (b - c) / n_;
    Ok(Estimate {
        value,
        se: ((b + c) - (b - c) * (b - c) / n_).max(0.0).sqrt() / n_,
        lo: value - side(one.value - one.lo, two.hi - two.value),
        hi: value + side(one.hi - one.value, two.value - two.lo),
        n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use rand::RngExt;

    #[test]
    fn all_agree_is_no_evidence() {
        assert_eq!(mcnemar(PairedCounts { both: 3, neither: 2, ..Default::default() }), 1.0);
        assert_eq!(mcnemar(PairedCounts { first: 1, second: 1, ..Default::default() }), 1.0);
        assert!(newcombe_paired(PairedCounts::default()).is_err());
    }

    #[test]
    fn swapping_mirrors() {
        let counts = PairedCounts { both: 7, first: 5, second: 2, neither: 6 };
        let swapped = PairedCounts { first: 2, second: 5, ..counts };
        let (e, m) = (newcombe_paired(counts).unwrap(), newcombe_paired(swapped).unwrap());
        assert!((e.lo + m.hi).abs() < 1e-12 && (e.hi + m.lo).abs() < 1e-12);
        assert_eq!(mcnemar(counts), mcnemar(swapped));
    }

    #[test]
    fn the_interval_covers_about_as_often_as_it_says() {
        for (k, (n, cells)) in [(20, [0.5, 0.2, 0.1, 0.2]), (60, [0.85, 0.05, 0.02, 0.08])].into_iter().enumerate() {
            let (trials, truth) = (4000, cells[1] - cells[2]);
            let mut rng = Seed::new(k as u64).rng();
            let covered = (0..trials)
                .filter(|_| {
                    let counts = PairedCounts::of((0..n).map(|_| match rng.random::<f64>() {
                        u if u < cells[0] => (true, true),
                        u if u < cells[0] + cells[1] => (true, false),
                        u if u < cells[0] + cells[1] + cells[2] => (false, true),
                        _ => (false, false),
                    }));
                    let e = newcombe_paired(counts).unwrap();
                    e.lo <= truth && truth <= e.hi
                })
                .count() as f64
                / trials as f64;
            // Two points for discreteness, and four binomial standard errors.
            assert!(covered > 0.93 - 4.0 * (0.95 * 0.05 / trials as f64).sqrt(), "n = {n}: {covered}");
        }
    }
}
