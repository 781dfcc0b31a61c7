//! `claims.json`: the contract of a reproduction's verdicts.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The kinds of claim.
const KINDS: [&str; 4] = ["identity", "theory", "empirical", "control"];
/// The verdicts.
const VERDICTS: [&str; 3] = ["held", "not-held", "inconclusive"];
/// The scales.
const SCALES: [&str; 4] = ["tiny", "quick", "standard", "paper"];

/// One claim, as far as tables need it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    /// `paper.claim`.
    pub(crate) id: String,
    /// Identity, theory, empirical or control.
    pub(crate) kind: String,
    /// The paper's name.
    pub(crate) paper: String,
    /// Held, not-held or inconclusive.
    pub(crate) verdict: String,
    /// The statistic; absent when it could not be computed.
    pub(crate) estimate: Option<f64>,
    /// Lower end of the 95 % interval.
    pub(crate) lo: Option<f64>,
    /// Upper end.
    pub(crate) hi: Option<f64>,
    /// How many seeds.
    pub(crate) seeds: u64,
    /// Seconds of wall clock for this claim.
    pub(crate) seconds: f64,
}

/// Read `claims.json` and hold it to the contract; every fault is listed, each with the claim and the key.
pub(crate) fn parse(text: &str) -> Result<Vec<Claim>, Vec<String>> {
    let value: Value = serde_json::from_str(text).map_err(|error| vec![format!("not JSON: {error}")])?;
    let Some(entries) = value.as_array() else {
        return Err(vec!["rule: an array of claims".to_owned()]);
    };
    if entries.is_empty() {
        return Err(vec!["rule: at least one claim".to_owned()]);
    }
    let mut faults = Vec::new();
    let mut claims = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        let Some(object) = entry.as_object() else {
            faults.push(format!("claim {index}: rule: an object"));
            continue;
        };
        let mut reader = Reader::new(object, index);
        let claim = reader.claim();
        if !seen.insert(claim.id.clone()) {
            reader.fault("id", "rule: one object for each claim id");
        }
        faults.append(&mut reader.faults);
        claims.push(claim);
    }
    if faults.is_empty() { Ok(claims) } else { Err(faults) }
}

/// Reads the keys of one claim and collects what is wrong with them.
struct Reader<'a> {
    object: &'a Map<String, Value>,
    name: String,
    faults: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(object: &'a Map<String, Value>, index: usize) -> Self {
        let name = object.get("id").and_then(Value::as_str).map_or_else(|| format!("claim {index}"), str::to_owned);
        Self { object, name, faults: Vec::new() }
    }

    fn fault(&mut self, key: &str, rule: &str) {
        self.faults.push(format!("{}: `{key}`: {rule}", self.name));
    }

    fn claim(&mut self) -> Claim {
        let claim = Claim {
            id: self.text("id"),
            kind: self.one_of("kind", &KINDS),
            paper: self.text("paper"),
            verdict: self.one_of("verdict", &VERDICTS),
            estimate: self.number_or_null("estimate"),
            lo: self.number_or_null("lo"),
            hi: self.number_or_null("hi"),
            seeds: self.seeds(),
            seconds: self.seconds(),
        };
        self.text("statement");
        self.one_of("scale", &SCALES);
        for key in ["rule", "source", "direction", "reason"] {
            if self.object.get(key).is_some_and(|value| !value.is_null()) {
                self.text(key);
            }
        }
        for key in ["threshold", "margin"] {
            if self.object.contains_key(key) {
                self.number_or_null(key);
            }
        }
        self.id_form(&claim);
        self.interval(&claim);
        claim
    }

    fn text(&mut self, key: &str) -> String {
        match self.object.get(key).and_then(Value::as_str) {
            Some(text) if !text.trim().is_empty() => text.to_owned(),
            _ => {
                self.fault(key, "rule: text that is not empty");
                String::new()
            }
        }
    }

    fn one_of(&mut self, key: &str, values: &[&str]) -> String {
        match self.object.get(key).and_then(Value::as_str) {
            Some(text) if values.contains(&text) => text.to_owned(),
            _ => {
                self.fault(key, &format!("rule: one of {}", values.join(", ")));
                String::new()
            }
        }
    }

    fn number_or_null(&mut self, key: &str) -> Option<f64> {
        match self.object.get(key) {
            Some(Value::Null) => None,
            Some(value) if value.is_number() => value.as_f64(),
            _ => {
                self.fault(key, "rule: a number or null");
                None
            }
        }
    }

    fn seeds(&mut self) -> u64 {
        let seeds = self.object.get("seeds").and_then(Value::as_u64).unwrap_or(0);
        if seeds == 0 {
            self.fault("seeds", "rule: a count of at least 1");
        }
        seeds
    }

    fn seconds(&mut self) -> f64 {
        let seconds = self.object.get("seconds").and_then(Value::as_f64).unwrap_or(-1.0);
        if seconds < 0.0 {
            self.fault("seconds", "rule: a number of at least 0");
        }
        seconds
    }

    fn id_form(&mut self, claim: &Claim) {
        let is_word = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let ok = claim.id.split_once('.').is_some_and(|(paper, name)| paper == claim.paper && is_word(name));
        if !ok || !is_word(&claim.paper) {
            self.fault("id", "rule: paper.name in lower-case words with hyphens, the paper being that of `paper`");
        }
    }

    fn interval(&mut self, claim: &Claim) {
        let (Some(estimate), Some(lo), Some(hi)) = (claim.estimate, claim.lo, claim.hi) else {
            // An identity that met what is no number is broken, and has no number to show for it.
            let broken = claim.kind == "identity" && claim.verdict == "not-held";
            let open = claim.verdict == "inconclusive" || broken;
            if !open || !self.object.get("reason").is_some_and(Value::is_string) {
                self.fault("estimate", "rule: null estimate, lo or hi only for inconclusive with a `reason`");
            }
            return;
        };
        if lo > hi {
            self.fault("lo", &format!("rule: lo <= hi, got {lo} > {hi}"));
        }
        if claim.kind == "identity" {
            if lo != 0.0 || hi != estimate {
                self.fault("lo", "rule: an identity has lo = 0 and hi = estimate");
            }
            if claim.verdict == "inconclusive" {
                self.fault("verdict", "rule: an identity is held or not-held");
            }
        }
        // With a margin the decision is an equivalence and the threshold alone does not decide.
        let threshold = self.object.get("threshold").and_then(Value::as_f64);
        let margin = self.object.get("margin").and_then(Value::as_f64);
        if let (Some(threshold), None, "empirical") = (threshold, margin, claim.kind.as_str())
            && lo < threshold
            && threshold < hi
            && claim.verdict != "inconclusive"
        {
            self.fault("verdict", "rule: inconclusive when the interval of an empirical claim covers the threshold");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "id": "resmem.beats-base", "kind": "empirical", "paper": "resmem", "statement": "s", "verdict": "held",
            "estimate": 0.02, "lo": 0.01, "hi": 0.03, "seeds": 3, "scale": "quick", "seconds": 1.5,
            "threshold": 0.0, "margin": null, "rule": "lo > 0", "source": "section 5", "n": {"test": 2000}
        })
    }

    fn with(changes: &[(&str, Value)]) -> Result<Vec<Claim>, Vec<String>> {
        let mut claim = good();
        for (key, value) in changes {
            claim[*key] = value.clone();
        }
        parse(&json!([claim]).to_string())
    }

    #[test]
    fn a_good_claim_is_read() {
        let claims = parse(&json!([good()]).to_string()).unwrap();
        assert_eq!(claims[0].id, "resmem.beats-base");
        assert_eq!((claims[0].estimate, claims[0].lo, claims[0].hi), (Some(0.02), Some(0.01), Some(0.03)));
        assert_eq!((claims[0].seeds, claims[0].seconds), (3, 1.5));
    }

    #[test]
    fn every_key_of_the_contract_must_be_there() {
        for key in ["id", "kind", "paper", "statement", "verdict", "estimate", "lo", "hi", "seeds", "scale", "seconds"]
        {
            let mut claim = good();
            claim.as_object_mut().unwrap().remove(key);
            let faults = parse(&json!([claim]).to_string()).unwrap_err().join("\n");
            assert!(faults.contains(&format!("`{key}`")), "{key}: {faults}");
        }
    }

    #[test]
    fn each_rule_can_fail() {
        let bad: [&[(&str, Value)]; 16] = [
            &[("id", json!("beats-base"))],
            &[("id", json!("kaft.beats-base"))],
            &[("id", json!("resmem.Beats"))],
            &[("kind", json!("guess"))],
            &[("verdict", json!("proved"))],
            &[("scale", json!("huge"))],
            &[("statement", json!(""))],
            &[("estimate", json!("0.02"))],
            &[("estimate", Value::Null)],
            &[("lo", json!(0.04))],
            &[("seeds", json!([1, 2, 3]))],
            &[("seeds", json!(0))],
            &[("seconds", json!(-1))],
            &[("lo", json!(-0.01))],
            &[("kind", json!("identity"))],
            &[("threshold", json!("0"))],
        ];
        for changes in bad {
            assert!(with(changes).is_err(), "{changes:?}");
        }
        for text in ["", "{}", "[]", "[1]"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse(&json!([good(), good()]).to_string()).unwrap_err()[0].contains("one object"));
    }

    #[test]
    fn identities_nulls_and_margins_have_their_own_rules() {
        let identity = [("kind", json!("identity")), ("lo", json!(0)), ("hi", json!(0.02)), ("threshold", json!(0.1))];
        assert!(with(&identity).is_ok());
        assert!(with(&[&identity[..], &[("verdict", json!("inconclusive"))]].concat()).is_err());
        let null = [("estimate", Value::Null), ("verdict", json!("inconclusive")), ("reason", json!("no exceptions"))];
        assert!(with(&null).is_ok());
        assert!(with(&null[..2]).is_err());
        assert!(with(&[("lo", json!(-0.01)), ("verdict", json!("inconclusive"))]).is_ok());
        assert!(with(&[("lo", json!(-0.01)), ("margin", json!(0.05))]).is_ok());
    }
}
