//! Long tails: why examples of rare sub-populations are worth memorising.
//!
//! Feldman (2020): a learner faces N sub-populations whose frequencies `alpha_j` are known as a set but not by name, and n
//! examples. A sub-population seen l times in the sample has the expected frequency
//!
//! `tau_l = E[alpha^{l+1} (1 - alpha)^{n-l}] / E[alpha^l (1 - alpha)^{n-l}]`,
//!
//! over alpha drawn from the list, and a learner that does not fit the examples of such sub-populations loses at least
//! `sum_l tau_l (number of unfitted sub-populations of multiplicity l)` beyond the best one.

use crate::error::{MemorisationError, require};

/// `tau_l`, the expected frequency of a sub-population that was seen l times among n examples.
///
/// ```
/// use tenfold_memorisation::theory::{tau, zipf};
/// // A plain calculation: weights in proportion to 1/i, N = n = 50,000, gives 0.4717/n.
/// let t = tau(&zipf(50_000), 50_000, 1)?;
/// assert!((t * 50_000.0 - 0.4717).abs() < 5e-5);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// Frequencies outside `[0, 1]`, none above 0, or `l > n`.
pub fn tau(frequencies: &[f64], n: usize, l: usize) -> Result<f64, MemorisationError> {
    check(frequencies)?;
    require(l <= n, "l", l, "must be at most n")?;
    // In logarithms, since (1 - alpha)^n underflows.
    let log_weight = |a: f64| l as f64 * a.ln() + (n - l) as f64 * (-a).ln_1p();
    let usable: Vec<f64> = frequencies.iter().copied().filter(|a| *a > 0.0 && *a < 1.0).collect();
    let largest = usable.iter().map(|a| log_weight(*a)).fold(f64::NEG_INFINITY, f64::max);
    let (mut above, mut below) = (0.0, 0.0);
    for a in usable {
        let w = (log_weight(a) - largest).exp();
        above += a * w;
        below += w;
    }
    Ok(above / below)
}

/// The expected share of the probability that lies on sub-populations seen exactly once.
///
/// # Errors
/// As [`tau`].
pub fn singleton_share(frequencies: &[f64], n: usize) -> Result<f64, MemorisationError> {
    check(frequencies)?;
    Ok(frequencies.iter().map(|a| n as f64 * a * ((n as f64 - 1.0) * (-a).ln_1p()).exp()).sum::<f64>() / n as f64)
}

/// Zipf's frequencies of N sub-populations, in proportion to `1/i`.
pub fn zipf(n: usize) -> Vec<f64> {
    let total: f64 = (1..=n).map(|i| 1.0 / i as f64).sum();
    (1..=n).map(|i| 1.0 / i as f64 / total).collect()
}

/// The lower bound on the excess error, `sum_l tau_l unfitted_l`, from the number of sub-populations of each multiplicity
/// l (the index) that a learner did not fit.
///
/// # Errors
/// As [`tau`].
pub fn excess_bound(frequencies: &[f64], n: usize, unfitted: &[usize]) -> Result<f64, MemorisationError> {
    let terms = unfitted.iter().enumerate().filter(|(l, count)| *l > 0 && **count > 0);
    terms.map(|(l, &count)| Ok(tau(frequencies, n, l)? * count as f64)).sum()
}

fn check(frequencies: &[f64]) -> Result<(), MemorisationError> {
    let bad = frequencies.iter().find(|a| !(0.0..=1.0).contains(*a));
    require(bad.is_none(), "frequency", bad.copied().unwrap_or(0.0), "must be from 0 to 1")?;
    let some = frequencies.iter().any(|a| *a > 0.0 && *a < 1.0);
    require(some, "frequencies", frequencies.len(), "at least one must be above 0 and below 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_populations_by_hand() {
        // alpha in {1/4, 3/4}, n = 2: tau_1 = (1/16 3/4 + 9/16 1/4) / (1/4 3/4 + 3/4 1/4) = (3/64 + 9/64) / (24/64).
        assert!((tau(&[0.25, 0.75], 2, 1).unwrap() - 0.5).abs() < 1e-15);
        assert!((tau(&[0.25, 0.75], 2, 2).unwrap() - (1.0 + 27.0) / 64.0 / (10.0 / 16.0)).abs() < 1e-15);
        let bound = excess_bound(&[0.25, 0.75], 2, &[5, 2, 1]).unwrap();
        assert!((bound - (2.0 * 0.5 + 0.7)).abs() < 1e-12);
    }

    #[test]
    fn singletons_of_a_plain_calculation() {
        assert!((singleton_share(&zipf(50_000), 50_000).unwrap() - 0.1704).abs() < 5e-5);
    }

    #[test]
    fn without_a_tail_there_is_nothing_to_lose() {
        assert!(tau(&[0.1; 10], 1000, 1).unwrap() * 1.0 < 0.11);
        assert!(singleton_share(&[0.1; 10], 1000).unwrap() < 1e-40);
        assert!(tau(&[1.5], 10, 1).is_err() && tau(&[], 10, 1).is_err() && tau(&[0.5], 10, 11).is_err());
    }
}
