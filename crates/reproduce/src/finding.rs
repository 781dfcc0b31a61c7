//! What a run found about a claim.

use serde::{Deserialize, Serialize};
use tenfold_core_tensor::stats::{self, Estimate, StatsError};

/// A number that belongs to a claim but does not decide it, or one of several that decide together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// What it is.
    pub name: String,
    /// The estimate.
    pub estimate: f64,
    /// Lower end of its 95 % interval.
    pub lo: f64,
    /// Upper end of its 95 % interval.
    pub hi: f64,
    /// Data set it was measured on.
    pub data: String,
    /// `decides`, `shown` or `control`.
    pub role: Role,
}

/// What a part is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The claim's estimate is the least favourable of these.
    Decides,
    /// Shown beside the claim.
    Shown,
    /// A null or control beside the claim.
    Control,
}

impl Part {
    /// A part from an estimate.
    pub fn new(name: impl Into<String>, e: Estimate, data: &str, role: Role) -> Self {
        Self { name: name.into(), estimate: e.value, lo: e.lo, hi: e.hi, data: data.into(), role }
    }
}

/// What a run found about one claim.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The estimate, or why there is none.
    pub estimate: Result<Estimate, String>,
    /// Numbers beside it.
    pub parts: Vec<Part>,
    /// The primary data set.
    pub data: String,
    /// Independent repetitions behind the estimate.
    pub seeds: usize,
    /// Sample sizes in words, such as `3 seeds x 2,000 test points`.
    pub n: String,
    /// Wall-clock seconds of the stages that the claim needs; stages that claims share count in each.
    pub seconds: f64,
    /// Why we believe it came out so, where a reader would ask.
    pub remark: String,
}

impl Finding {
    /// The same with a number beside the estimate, where there is one.
    #[must_use]
    pub fn with_part(
        mut self,
        name: impl Into<String>,
        estimate: Result<Estimate, StatsError>,
        data: &str,
        role: Role,
    ) -> Self {
        self.parts.extend(estimate.ok().map(|e| Part::new(name, e, data, role)));
        self
    }
}

/// The least favourable of several estimates that must all clear the same threshold from below: smallest value, smallest
/// ends. Where its interval lies above the threshold, every one does (intersection-union test).
///
/// ```
/// use tenfold_core_tensor::stats::Estimate;
/// use tenfold_reproduce::finding::least;
/// let e = |lo, hi| Estimate { value: (lo + hi) / 2.0, se: 0.0, lo, hi, n: 3 };
/// let found = least(&[e(1.0, 3.0), e(0.5, 4.0)]).unwrap();
/// assert_eq!((found.lo, found.hi, found.value), (0.5, 3.0, 2.0));
/// assert!(least(&[]).is_err());
/// ```
///
/// # Errors
/// If there is none, or one has an end that is no finite number.
pub fn least(estimates: &[Estimate]) -> Result<Estimate, String> {
    let Some(first) = estimates.iter().min_by(|a, b| a.value.total_cmp(&b.value)) else {
        return Err("nothing was measured".into());
    };
    if estimates.iter().any(|e| ![e.value, e.lo, e.hi].iter().all(|v| v.is_finite())) {
        return Err("one of the estimates that decide together is no finite number".into());
    }
    let smallest = |f: fn(&Estimate) -> f64| estimates.iter().map(f).fold(f64::INFINITY, f64::min);
    Ok(Estimate { value: first.value, se: first.se, lo: smallest(|e| e.lo), hi: smallest(|e| e.hi), n: first.n })
}

/// An identity's estimate from all deviations that were found: the largest of them, with the interval `[0, largest]`. One that is
/// no number makes the estimate NaN, which no rule holds.
///
/// ```
/// use tenfold_reproduce::finding::largest_deviation;
/// assert_eq!(largest_deviation([1e-9, 3e-9]).unwrap().hi, 3e-9);
/// assert!(largest_deviation([1e-9, f64::NAN, 0.0]).unwrap().value.is_nan());
/// assert!(largest_deviation([]).is_err());
/// ```
///
/// # Errors
/// If nothing was checked.
pub fn largest_deviation(deviations: impl IntoIterator<Item = f64>) -> Result<Estimate, String> {
    let mut n = 0;
    let largest = stats::largest_deviation(deviations.into_iter().inspect(|_| n += 1));
    if n == 0 {
        Err("nothing was checked".into())
    } else {
        Ok(Estimate { value: largest, se: 0.0, lo: 0.0, hi: largest, n })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{Rule, Verdict};

    #[test]
    fn an_identity_that_was_not_checked_or_is_no_number_is_not_held() {
        let decide = |e: Estimate| Rule::Tolerance(1e-6).decide(&e);
        assert_eq!(decide(largest_deviation([1e-7, -1e-8]).unwrap()), Verdict::Held);
        assert_eq!(decide(largest_deviation([1e-5]).unwrap()), Verdict::NotHeld);
        assert_eq!(decide(largest_deviation([-1e-5]).unwrap()), Verdict::NotHeld);
        for place in 0..3 {
            let mut found = [0.0; 3];
            found[place] = f64::NAN;
            assert_eq!(decide(largest_deviation(found).unwrap()), Verdict::NotHeld, "{place}");
        }
        assert_eq!(largest_deviation([f64::INFINITY]).unwrap().value, f64::INFINITY);
    }

    #[test]
    fn an_estimate_that_is_no_number_is_not_passed_over() {
        let e = |value: f64| Estimate { value, se: 0.0, lo: value, hi: value, n: 3 };
        assert!(least(&[e(1.0), e(f64::NAN)]).is_err());
        assert!(least(&[e(1.0), Estimate { hi: f64::INFINITY, ..e(2.0) }]).is_err());
    }
}
