//! Claims: written before a run, decided by their rule after it.

use serde::{Deserialize, Serialize};
use std::fmt;
use tenfold_core_tensor::stats::Estimate;

/// What sort of statement a claim is. Summaries never add identities to empirical successes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Follows from definitions; only a fault in the code could break it.
    Identity,
    /// A law derived on paper, checked numerically.
    Theory,
    /// A statement about data.
    Empirical,
    /// A check that the experiment can tell success from failure; `held` when it behaves as expected.
    Control,
}

/// How an estimate decides a claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// An identity: held iff the largest deviation found is at most the tolerance; never inconclusive.
    Tolerance(f64),
    /// Held iff the interval lies above the threshold, not held iff below, else inconclusive.
    Above(f64),
    /// Held iff the interval lies below the threshold, not held iff above, else inconclusive.
    Below(f64),
    /// Equivalence: held iff the interval lies within `±margin` of zero, not held iff wholly outside, else inconclusive.
    Within(f64),
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The rule is met.
    Held,
    /// The rule is broken.
    NotHeld,
    /// The data at this scale cannot tell.
    Inconclusive,
}

impl Rule {
    /// The verdict on an estimate.
    ///
    /// ```
    /// use tenfold_core_tensor::stats::Estimate;
    /// use tenfold_reproduce::claim::{Rule, Verdict};
    /// let e = |lo, hi| Estimate { value: (lo + hi) / 2.0, se: 0.0, lo, hi, n: 3 };
    /// assert_eq!(Rule::Above(0.0).decide(&e(0.1, 0.2)), Verdict::Held);
    /// assert_eq!(Rule::Above(0.0).decide(&e(-0.1, 0.2)), Verdict::Inconclusive);
    /// assert_eq!(Rule::Within(0.2).decide(&e(-0.1, 0.1)), Verdict::Held);
    /// assert_eq!(Rule::Within(0.2).decide(&e(0.3, 0.4)), Verdict::NotHeld);
    /// ```
    pub fn decide(self, e: &Estimate) -> Verdict {
        let (held, broken) = match self {
            Self::Tolerance(t) => (e.value <= t, e.value > t || e.value.is_nan()),
            Self::Above(t) => (e.above(t), e.below(t)),
            Self::Below(t) => (e.below(t), e.above(t)),
            Self::Within(m) => (e.within(0.0, m), e.above(m) || e.below(-m)),
        };
        match (held, broken) {
            (true, _) => Verdict::Held,
            (_, true) => Verdict::NotHeld,
            _ => Verdict::Inconclusive,
        }
    }

    pub(crate) fn threshold(self) -> f64 {
        match self {
            Self::Tolerance(t) | Self::Above(t) | Self::Below(t) => t,
            Self::Within(_) => 0.0,
        }
    }

    pub(crate) fn margin(self) -> Option<f64> {
        if let Self::Within(m) = self { Some(m) } else { None }
    }

    pub(crate) fn direction(self) -> &'static str {
        match self {
            Self::Tolerance(_) => "at-most",
            Self::Above(_) => "above",
            Self::Below(_) => "below",
            Self::Within(_) => "within",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tolerance(t) => write!(f, "held iff the largest deviation is at most {t:.1e}"),
            Self::Above(t) => write!(f, "held iff the 95 % interval is above {t}, not held iff below"),
            Self::Below(t) => write!(f, "held iff the 95 % interval is below {t}, not held iff above"),
            Self::Within(m) => write!(f, "held iff the 95 % interval is within ±{m}, not held iff wholly outside"),
        }
    }
}

/// A claim as it is written before the run.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// `paper.what-is-claimed`.
    pub id: &'static str,
    /// What sort of statement it is.
    pub kind: Kind,
    /// The statement, in a sentence.
    pub statement: &'static str,
    /// What was read of it (the abstract, a referee's report, a follow-up's table), or "derived here". The chapter's section "What
    /// we know of the paper" says more.
    pub source: &'static str,
    /// What is computed, over which units the interval is, on which primary data.
    pub statistic: &'static str,
    /// How the statistic decides.
    pub rule: Rule,
}

impl Claim {
    /// What was read of it, and where the chapter of its paper says more.
    pub fn read(&self, paper: &str) -> String {
        format!("{}; docs/src/{paper}.md#what-we-know-of-the-paper", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(lo: f64, hi: f64) -> Estimate {
        Estimate { value: (lo + hi) / 2.0, se: 0.0, lo, hi, n: 3 }
    }

    #[test]
    fn answers_that_disagree_decide_nothing() {
        let e = |value: f64, half: f64| Estimate { value, se: half / 2.0, lo: value - half, hi: value + half, n: 5 };
        let both = |a: Estimate, b: Estimate| Rule::Above(0.0).decide(&a.agreed(b));
        assert_eq!(both(e(3.0, 1.0), e(2.0, 1.0)), Verdict::Held);
        assert_eq!(both(e(-3.0, 1.0), e(-2.0, 1.0)), Verdict::NotHeld);
        assert_eq!(both(e(3.0, 1.0), e(-2.0, 1.0)), Verdict::Inconclusive);
        assert_eq!(both(e(3.0, 1.0), e(0.5, 1.0)), Verdict::Inconclusive);
    }

    #[test]
    fn an_interval_on_the_threshold_decides_nothing() {
        for rule in [Rule::Above(0.0), Rule::Below(0.0)] {
            assert_eq!(rule.decide(&estimate(-1.0, 1.0)), Verdict::Inconclusive);
            assert_eq!(rule.decide(&estimate(0.0, 1.0)), Verdict::Inconclusive);
        }
        assert_eq!(Rule::Below(0.0).decide(&estimate(-2.0, -1.0)), Verdict::Held);
        assert_eq!(Rule::Below(0.0).decide(&estimate(1.0, 2.0)), Verdict::NotHeld);
        assert_eq!(Rule::Within(1.0).decide(&estimate(0.5, 1.5)), Verdict::Inconclusive);
        assert_eq!(Rule::Within(1.0).decide(&estimate(1.5, 2.5)), Verdict::NotHeld);
    }

    #[test]
    fn nothing_that_is_no_number_is_held() {
        let nan = Estimate { value: f64::NAN, se: f64::NAN, lo: f64::NAN, hi: f64::NAN, n: 3 };
        for rule in [Rule::Tolerance(1.0), Rule::Above(0.0), Rule::Below(0.0), Rule::Within(1.0)] {
            assert_ne!(rule.decide(&nan), Verdict::Held, "{rule:?}");
        }
    }
}
