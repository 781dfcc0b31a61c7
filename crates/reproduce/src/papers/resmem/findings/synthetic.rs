//! Synthetic controls: clusters without a rule, and a rule with exceptions.

use super::super::Measured;
use super::super::claims::CLUSTER_MARGIN;
use super::super::compare::{Compared, Method};
use super::super::synthetic::{RULE, RuleResult};
use crate::error::ReproduceError;
use crate::finding::{Finding, Role, least};
use tenfold_core_tensor::stats::{Estimate, StatsError, mean_interval};

/// The gain of `a` over `b` on synthetic data, where every seed has test points of its own: an interval over seeds.
pub(in super::super) fn synthetic_gain<'a>(
    results: impl Iterator<Item = &'a Compared>,
    a: Method,
    b: Method,
) -> Result<Estimate, StatsError> {
    let gains: Vec<f64> = results.map(|c| c.accuracy(a) - c.accuracy(b)).collect();
    mean_interval(&gains)
}

pub(in super::super) fn clusters(m: &Measured) -> Result<Finding, ReproduceError> {
    let (all, data) = (&m.synthetic.clusters, "pure clusters (synthetic)");
    let lead = synthetic_gain(all.iter(), Method::ResMem, Method::Knn).map_err(|e| e.to_string());
    let mut finding = Finding {
        estimate: lead,
        parts: Vec::new(),
        data: data.into(),
        seeds: all.len(),
        n: format!("{} seeds, each with test points of its own", all.len()),
        seconds: m.synthetic.cluster_seconds,
        remark: format!(
            "Held means: ResMem leads kNN by less than {CLUSTER_MARGIN}, as it should where there is no rule to learn."
        ),
    };
    for (method, name) in [(Method::Base, "base"), (Method::Knn, "kNN"), (Method::ResMem, "ResMem")] {
        let accuracies: Vec<f64> = all.iter().map(|c| c.accuracy(method)).collect();
        finding = finding.with_part(format!("accuracy of {name}"), mean_interval(&accuracies), data, Role::Shown);
    }
    Ok(finding)
}

/// What happened to test points whose prediction changed.
pub(in super::super) struct Changes {
    pub(in super::super) fixed: usize,
    pub(in super::super) broken: usize,
    /// Share of exceptions among the fixed, and among the broken.
    exceptions: [f64; 2],
    points: usize,
}

impl Changes {
    pub(in super::super) fn of(r: &RuleResult) -> Self {
        let [fixed, broken] = [true, false].map(|fixed| r.embedded.changed(fixed).collect::<Vec<usize>>());
        let share = |rows: &[usize]| rows.iter().filter(|&&i| r.exceptions[i]).count() as f64 / rows.len() as f64;
        Self {
            exceptions: [share(&fixed), share(&broken)],
            fixed: fixed.len(),
            broken: broken.len(),
            points: r.exceptions.len(),
        }
    }

    /// Share fixed minus share broken.
    fn net(&self) -> f64 {
        (self.fixed as f64 - self.broken as f64) / self.points as f64
    }

    /// Share of exceptions among the fixed minus that among the broken.
    fn more_exceptions(&self) -> f64 {
        self.exceptions[0] - self.exceptions[1]
    }
}

/// Both must be above zero: the smaller decides.
fn both(changes: &[Changes]) -> Result<[Estimate; 2], StatsError> {
    let over_seeds = |of: fn(&Changes) -> f64| mean_interval(&changes.iter().map(of).collect::<Vec<f64>>());
    Ok([over_seeds(Changes::net)?, over_seeds(Changes::more_exceptions)?])
}

pub(in super::super) fn fixes(m: &Measured) -> Result<Finding, ReproduceError> {
    let changes: Vec<Changes> = m.synthetic.rule[0][1].iter().map(Changes::of).collect();
    let decide = both(&changes);
    let points = changes.first().map_or(0, |c| c.points);
    let mut finding = Finding {
        estimate: decide.as_ref().map_err(ToString::to_string).and_then(|both| least(both)),
        parts: Vec::new(),
        data: RULE.into(),
        seeds: changes.len(),
        n: format!("{} seeds, each with {points} test points of its own", changes.len()),
        seconds: m.synthetic.rule_seconds,
        remark: String::new(),
    };
    if let Ok([net, exceptions]) = decide {
        finding = finding.with_part("share fixed minus share broken", Ok(net), RULE, Role::Decides).with_part(
            "exceptions among fixed minus among broken",
            Ok(exceptions),
            RULE,
            Role::Decides,
        );
    }
    type Of = fn(&Changes) -> f64;
    let shown: [(&str, Of); 4] = [
        ("share of test points fixed", |c| c.fixed as f64 / c.points as f64),
        ("share of test points broken", |c| c.broken as f64 / c.points as f64),
        ("exceptions among the fixed", |c| c.exceptions[0]),
        ("exceptions among the broken", |c| c.exceptions[1]),
    ];
    for (name, of) in shown {
        let e = mean_interval(&changes.iter().map(of).collect::<Vec<f64>>());
        finding = finding.with_part(name, e, RULE, Role::Shown);
    }
    Ok(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{Rule, Verdict};
    use rand::RngExt;
    use tenfold_core_tensor::seed::Seed;

    /// Five seeds of 4,000 test points: each of `changed` points becomes right with probability `better`, and is an exception with
    /// probability 0.25, more by `exceptional` where it was fixed.
    fn draw(better: f64, exceptional: f64, seed: Seed) -> Vec<Changes> {
        let mut rng = seed.rng();
        let one = |_: usize| {
            let mut counts = [[0_usize; 2]; 2];
            for _ in 0..300 {
                let fixed = rng.random::<f64>() < better;
                let exception = rng.random::<f64>() < 0.25 + if fixed { exceptional } else { 0.0 };
                counts[usize::from(!fixed)][usize::from(exception)] += 1;
            }
            let total = |k: usize| counts[k][0] + counts[k][1];
            let share = |k: usize| counts[k][1] as f64 / total(k) as f64;
            Changes { fixed: total(0), broken: total(1), exceptions: [share(0), share(1)], points: 4_000 }
        };
        (0..5).map(one).collect()
    }

    fn held(better: f64, exceptional: f64) -> f64 {
        let decide = |d: u64| {
            Rule::Above(0.0).decide(&least(&both(&draw(better, exceptional, Seed::new(9).child(d))).unwrap()).unwrap())
        };
        (0..1_000).filter(|d| decide(*d) == Verdict::Held).count() as f64 / 1_000.0
    }

    #[test]
    fn the_rule_says_nothing_where_one_of_both_is_not_so() {
        let chance = 0.025 + 3.0 * 0.0049;
        assert!(held(0.5, 0.0) <= chance);
        assert!(held(0.5, 0.5) <= chance);
        assert!(held(0.8, 0.0) <= chance);
        assert!(held(0.8, 0.3) >= 0.8);
    }
}
