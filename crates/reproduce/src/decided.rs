//! A decided claim, as `claims.json` holds it.

use crate::claim::{Claim, Kind, Rule, Verdict};
use crate::finding::{Finding, Part, Role};
use serde::{Deserialize, Serialize};

/// Half-width of a 95 % interval, times this, is the effect that four runs of five would see: (1.96 + 0.84) / 1.96.
const SEEN: f64 = 1.43;

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
    /// What was read of the claim, and where the chapter says more.
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
        // What is no number is not shown as one; an identity that met one is broken.
        let (estimate, verdict, reason) = match finding.estimate {
            Ok(e) if [e.value, e.lo, e.hi].iter().all(|v| v.is_finite()) => (Some(e), claim.rule.decide(&e), None),
            Ok(_) => {
                let broken = if claim.kind == Kind::Identity { Verdict::NotHeld } else { Verdict::Inconclusive };
                (None, broken, Some("the estimate or an end of its interval is no finite number".to_string()))
            }
            Err(reason) => (None, Verdict::Inconclusive, Some(reason)),
        };
        let mut remark = finding.remark;
        let decides = |of: &dyn Fn(&Part) -> bool| finding.parts.iter().any(|p| p.role == Role::Decides && of(p));
        let threshold = claim.rule.threshold();
        let one_sided = matches!(claim.rule, Rule::Above(_) | Rule::Below(_));
        let contradict = one_sided && decides(&|p| p.lo > threshold) && decides(&|p| p.hi < threshold);
        if let (Verdict::Inconclusive, true) = (verdict, contradict) {
            remark.push_str(
                " The parts that decide contradict each other, each beyond chance: more data would not settle it.",
            );
        } else if let (Kind::Empirical, true, Some(e)) = (claim.kind, one_sided, estimate) {
            let seen = SEEN * (e.hi - e.lo) / 2.0;
            remark.push_str(&format!(
                " An effect of {seen:.2e} beyond the threshold is seen in four runs of five like this one."
            ));
        }
        Self {
            id: claim.id.into(),
            kind: claim.kind,
            paper: paper.into(),
            statement: claim.statement.into(),
            verdict,
            estimate: estimate.map(|e| e.value),
            lo: estimate.map(|e| e.lo),
            hi: estimate.map(|e| e.hi),
            seeds: finding.seeds,
            scale: scale.into(),
            seconds: (finding.seconds * 1000.0).round() / 1000.0,
            rule: format!("{}; {}", claim.statistic, claim.rule),
            threshold,
            direction: claim.rule.direction().into(),
            margin: claim.rule.margin(),
            n: finding.n,
            data: finding.data,
            source: claim.read(paper),
            reason,
            remark: remark.trim_start().into(),
            parts: finding.parts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::largest_deviation;
    use tenfold_core_tensor::stats::Estimate;

    fn decided(kind: Kind, rule: Rule, estimate: Result<Estimate, String>) -> serde_json::Value {
        let claim = Claim { id: "p.c", kind, statement: "s", source: "derived here", statistic: "t", rule };
        let finding = Finding {
            estimate,
            parts: vec![],
            data: "d".into(),
            seeds: 1,
            n: "1".into(),
            seconds: 0.0,
            remark: String::new(),
        };
        serde_json::to_value(Decided::new(&claim, finding, "p", "quick")).unwrap()
    }

    #[test]
    fn what_cannot_be_computed_is_inconclusive_with_a_reason() {
        let json = decided(Kind::Empirical, Rule::Above(0.0), Err("one seed".into()));
        assert_eq!((json["verdict"].as_str(), json["estimate"].is_null()), (Some("inconclusive"), true));
        assert_eq!(json["reason"], "one seed");
        assert_eq!(json["source"], "derived here; docs/src/p.md#what-we-know-of-the-paper");
    }

    #[test]
    fn what_is_no_number_has_no_estimate_and_a_reason() {
        let broken = Estimate { value: 0.1, se: 0.0, lo: 0.05, hi: f64::INFINITY, n: 1 };
        let json = decided(Kind::Empirical, Rule::Above(0.0), Ok(broken));
        assert_eq!((json["verdict"].as_str(), json["lo"].is_null()), (Some("inconclusive"), true));
        assert!(json["reason"].is_string());
        let json = decided(Kind::Identity, Rule::Tolerance(1.0), largest_deviation([f64::NAN]));
        assert_eq!((json["verdict"].as_str(), json["estimate"].is_null()), (Some("not-held"), true));
        let json = decided(Kind::Identity, Rule::Tolerance(1.0), largest_deviation([]));
        assert_eq!(
            (json["verdict"].as_str(), json["reason"].as_str()),
            (Some("inconclusive"), Some("nothing was checked"))
        );
    }

    #[test]
    fn an_empirical_claim_says_what_it_can_see() {
        let e = Estimate { value: 0.0, se: 0.5, lo: -1.0, hi: 1.0, n: 9 };
        let remark = |kind| decided(kind, Rule::Above(0.0), Ok(e)).get("remark").map(ToString::to_string);
        assert!(remark(Kind::Empirical).unwrap().contains("1.43e0"));
        assert_eq!(remark(Kind::Theory), None);
    }
}
