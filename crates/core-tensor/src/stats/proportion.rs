//! Intervals for shares of successes.

use super::estimate::NORMAL_975 as Z;
use super::{Estimate, StatsError, need};
use statrs::distribution::{Beta, ContinuousCDF};

/// Wilson's score interval for `k` successes in `n` trials; never leaves `[0, 1]` and is good for small `n`.
///
/// With `p = k/n`: `(p + z^2/2n ± z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)`.
///
/// ```
/// use tenfold_core_tensor::stats::wilson;
/// let e = wilson(0, 10)?;
/// assert_eq!(e.lo, 0.0);
/// assert!((e.hi - 0.2775327998).abs() < 1e-9);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// `n = 0`, or more successes than trials.
pub fn wilson(k: usize, n: usize) -> Result<Estimate, StatsError> {
    check("wilson", k, n)?;
    let (p, n_) = (k as f64 / n as f64, n as f64);
    let z2 = Z * Z;
    let centre = p + z2 / (2.0 * n_);
    let half = Z * (p * (1.0 - p) / n_ + z2 / (4.0 * n_ * n_)).sqrt();
    let scale = 1.0 + z2 / n_;
    Ok(Estimate {
        value: p,
        se: (p * (1.0 - p) / n_).sqrt(),
        lo: if k == 0 { 0.0 } else { (centre - half) / scale },
        hi: if k == n { 1.0 } else { (centre + half) / scale },
        n,
    })
}

/// Clopper and Pearson's exact interval: covers at least 95 % of the time for every true share.
///
/// `lo` is the 2.5 % point of `Beta(k, n-k+1)` and `hi` the 97.5 % point of `Beta(k+1, n-k)`.
///
/// # Errors
/// `n = 0`, or more successes than trials.
pub fn clopper_pearson(k: usize, n: usize) -> Result<Estimate, StatsError> {
    check("clopper_pearson", k, n)?;
    let point = |a: usize, b: usize, q: f64| match Beta::new(a as f64, b as f64) {
        Ok(beta) => beta.inverse_cdf(q),
        Err(_) => f64::NAN,
    };
    let p = k as f64 / n as f64;
    Ok(Estimate {
        value: p,
        se: (p * (1.0 - p) / n as f64).sqrt(),
        lo: if k == 0 { 0.0 } else { point(k, n - k + 1, 0.025) },
        hi: if k == n { 1.0 } else { point(k + 1, n - k, 0.975) },
        n,
    })
}

/// Newcombe's hybrid score interval for the difference `k1/n1 - k2/n2` of two independent shares.
///
/// With Wilson's limits `(l, u)` of each: `lo = d - sqrt((p1-l1)^2 + (u2-p2)^2)`, `hi = d + sqrt((u1-p1)^2 + (p2-l2)^2)`.
/// The result's `n` is the smaller of the two.
///
/// ```
/// use tenfold_core_tensor::stats::newcombe;
/// let e = newcombe((56, 70), (48, 80))?; // Newcombe (1998), table II: 0.0524 to 0.3339
/// assert!((e.lo - 0.0524).abs() < 5e-5 && (e.hi - 0.3339).abs() < 5e-5);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// An empty sample, or more successes than trials.
pub fn newcombe((k1, n1): (usize, usize), (k2, n2): (usize, usize)) -> Result<Estimate, StatsError> {
    let (a, b) = (wilson(k1, n1)?, wilson(k2, n2)?);
    let d = a.value - b.value;
    Ok(Estimate {
        value: d,
        se: a.se.hypot(b.se),
        lo: d - (a.value - a.lo).hypot(b.hi - b.value),
        hi: d + (a.hi - a.value).hypot(b.value - b.lo),
        n: n1.min(n2),
    })
}

fn check(statistic: &'static str, k: usize, n: usize) -> Result<(), StatsError> {
    need(statistic, n, 1)?;
    if k > n {
        return Err(StatsError::Parameter { field: "k", value: k as f64, rule: "at most n successes in n trials" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bad_counts_are_named() {
        assert_eq!(wilson(3, 2).unwrap_err().to_string(), "k = 3: at most n successes in n trials");
        assert!(clopper_pearson(0, 0).is_err());
    }

    #[test]
    fn the_exact_interval_covers_at_least_as_often_as_it_says() {
        for (n, p) in [(12, 0.1), (30, 0.5), (25, 0.03)] {
            let mut mass = (1.0_f64 - p).powi(n); // P(k = 0), then by the ratio of neighbours
            let mut covered = 0.0;
            for k in 0..=n {
                let e = clopper_pearson(k as usize, n as usize).unwrap();
                covered += if e.lo <= p && p <= e.hi { mass } else { 0.0 };
                mass *= f64::from(n - k) / f64::from(k + 1) * p / (1.0 - p);
            }
            assert!(covered >= 0.95, "n = {n}, p = {p}: {covered}");
        }
    }

    proptest! {
        #[test]
        fn intervals_hold_the_share_and_mirror(n in 1_usize..300, k in 0_usize..300) {
            let k = k.min(n);
            for f in [wilson, clopper_pearson] {
                let (e, m) = (f(k, n).unwrap(), f(n - k, n).unwrap());
                prop_assert!(0.0 <= e.lo && e.lo <= e.value && e.value <= e.hi && e.hi <= 1.0);
                prop_assert!((e.lo - (1.0 - m.hi)).abs() < 1e-6);
            }
            let d = newcombe((k, n), (k, n)).unwrap();
            prop_assert!((d.lo + d.hi).abs() < 1e-12);
        }
    }
}
