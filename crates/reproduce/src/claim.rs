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

    fn threshold(self) -> f64 {
        match self {
            Self::Tolerance(t) | Self::Above(t) | Self::Below(t) => t,
            Self::Within(_) => 0.0,
        }
    }

    fn margin(self) -> Option<f64> {
        if let Self::Within(m) = self { Some(m) } else { None }
    }

    fn direction(self) -> &'static str {
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
#[derive(Debug, Clone)]
pub struct Claim {
    /// `paper.what-is-claimed`.
    pub id: &'static str,
    /// What sort of statement it is.
    pub kind: Kind,
    /// The statement, in a sentence.
    pub statement: &'static str,
    /// Where in the specification it comes from.
    pub source: &'static str,
    /// What is computed, over which units the interval is, on which primary data.
    pub statistic: &'static str,
    /// How the statistic decides.
    pub rule: Rule,
}

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
    /// The claim's id.
    pub id: &'static str,
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
    /// The least favourable of several estimates that must all clear the same threshold from below: smallest value,
    /// smallest ends. Where its interval lies above the threshold, every one does (intersection-union test).
    pub fn least(estimates: &[Estimate]) -> Result<Estimate, String> {
        let smallest = |f: fn(&Estimate) -> f64| estimates.iter().map(f).fold(f64::INFINITY, f64::min);
        let Some(first) = estimates.iter().min_by(|a, b| a.value.total_cmp(&b.value)) else {
            return Err("nothing was measured".into());
        };
        Ok(Estimate { value: first.value, se: first.se, lo: smallest(|e| e.lo), hi: smallest(|e| e.hi), n: first.n })
    }

    /// An identity's estimate: the largest deviation found, with the interval `[0, deviation]`.
    pub fn deviation(largest: f64, n: usize) -> Result<Estimate, String> {
        Ok(Estimate { value: largest, se: 0.0, lo: 0.0, hi: largest, n })
    }
}

/// A decided claim, as `claims.json` holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decided {
    /// `paper.what-is-claimed`.
    pub id: String,
    /// What sort of statement it is.
    pub kind: Kind,
    /// The paper's name.
    pub paper: String,
    /// The statement.
    pub statement: String,
    /// What became of it.
    pub verdict: Verdict,
    /// The estimate; null where it could not be computed.
    pub estimate: Option<f64>,
    /// Lower end of the 95 % interval.
    pub lo: Option<f64>,
    /// Upper end of the 95 % interval.
    pub hi: Option<f64>,
    /// Independent repetitions.
    pub seeds: usize,
    /// The scale of the run.
    pub scale: String,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The statistic and the rule, in words.
    pub rule: String,
    /// What the estimate is compared with.
    pub threshold: f64,
    /// `above`, `below`, `within` or `at-most`.
    pub direction: String,
    /// The equivalence margin, where there is one.
    pub margin: Option<f64>,
    /// Sample sizes in words.
    pub n: String,
    /// The primary data set.
    pub data: String,
    /// Where in the specification the claim comes from.
    pub source: String,
    /// Why there is no estimate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Why we believe it came out so.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub remark: String,
    /// Numbers beside the estimate.
    pub parts: Vec<Part>,
}

impl Decided {
    /// Applies a claim's rule to what was found.
    pub fn new(claim: &Claim, finding: Finding, paper: &str, scale: &str) -> Self {
        let estimate = finding.estimate.as_ref().ok().copied();
        let verdict = estimate.map_or(Verdict::Inconclusive, |e| claim.rule.decide(&e));
        let mut remark = finding.remark;
        let decides = |of: &dyn Fn(&Part) -> bool| finding.parts.iter().any(|p| p.role == Role::Decides && of(p));
        let threshold = claim.rule.threshold();
        let one_sided = matches!(claim.rule, Rule::Above(_) | Rule::Below(_));
        let contradict = one_sided && decides(&|p| p.lo > threshold) && decides(&|p| p.hi < threshold);
        if let (Verdict::Inconclusive, true) = (verdict, contradict) {
            remark.push_str(
                " The parts that decide contradict each other, each beyond chance: more data would not settle it.",
            );
        } else if let (Verdict::Inconclusive, Some(e)) = (verdict, estimate) {
            let half = (e.hi - e.lo) / 2.0;
            remark.push_str(&format!(
                " At this scale the interval is ±{half:.2e} wide: a smaller effect cannot be told from none."
            ));
        }
        let finite = |v: f64| Some(v).filter(|v| v.is_finite());
        Self {
            id: claim.id.into(),
            kind: claim.kind,
            paper: paper.into(),
            statement: claim.statement.into(),
            verdict,
            estimate: estimate.and_then(|e| finite(e.value)),
            lo: estimate.and_then(|e| finite(e.lo)),
            hi: estimate.and_then(|e| finite(e.hi)),
            seeds: finding.seeds,
            scale: scale.into(),
            seconds: (finding.seconds * 1000.0).round() / 1000.0,
            rule: format!("{}; {}", claim.statistic, claim.rule),
            threshold: claim.rule.threshold(),
            direction: claim.rule.direction().into(),
            margin: claim.rule.margin(),
            n: finding.n,
            data: finding.data,
            source: claim.source.into(),
            reason: finding.estimate.err(),
            remark: remark.trim_start().into(),
            parts: finding.parts,
        }
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
    }

    #[test]
    fn identities_are_never_inconclusive() {
        assert_eq!(Rule::Tolerance(1e-6).decide(&Finding::deviation(1e-7, 9).unwrap()), Verdict::Held);
        assert_eq!(Rule::Tolerance(1e-6).decide(&Finding::deviation(1e-5, 9).unwrap()), Verdict::NotHeld);
        assert_eq!(Rule::Tolerance(1e-6).decide(&Finding::deviation(f64::NAN, 9).unwrap()), Verdict::NotHeld);
    }

    #[test]
    fn the_least_favourable_part_decides() {
        let least = Finding::least(&[estimate(1.0, 3.0), estimate(0.5, 4.0)]).unwrap();
        assert_eq!((least.lo, least.hi, least.value), (0.5, 3.0, 2.0));
        assert!(Finding::least(&[]).is_err());
    }

    #[test]
    fn what_cannot_be_computed_is_inconclusive_with_a_reason() {
        let claim = Claim {
            id: "p.c",
            kind: Kind::Empirical,
            statement: "s",
            source: "x",
            statistic: "t",
            rule: Rule::Above(0.0),
        };
        let finding = Finding {
            id: "p.c",
            estimate: Err("one seed".into()),
            parts: vec![],
            data: "d".into(),
            seeds: 1,
            n: "1".into(),
            seconds: 0.0,
            remark: String::new(),
        };
        let json = serde_json::to_value(Decided::new(&claim, finding, "p", "quick")).unwrap();
        assert_eq!((json["verdict"].as_str(), json["estimate"].is_null()), (Some("inconclusive"), true));
        assert_eq!(json["reason"], "one seed");
    }
}
