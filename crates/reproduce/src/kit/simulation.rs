//! How often a rule says "held" in simulated experiments.

use crate::claim::{Rule, Verdict};
use rayon::prelude::*;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean};

/// What a statistic finds in so many simulated experiments.
pub(crate) fn found(draws: u64, one: impl Fn(Seed) -> Estimate + Sync) -> Vec<Estimate> {
    (0..draws).into_par_iter().map(|d| one(Seed::new(7).child(d))).collect()
}

/// The mean of what was found: what the statistic has on average, which is its own threshold where nothing is beyond that.
pub(crate) fn average(found: &[Estimate]) -> f64 {
    mean(&found.iter().map(|e| e.value).collect::<Vec<_>>())
}

/// Half the length of an interval, on average.
pub(crate) fn half(found: &[Estimate]) -> f64 {
    mean(&found.iter().map(|e| (e.hi - e.lo) / 2.0).collect::<Vec<_>>())
}

/// The share of the experiments in which the rule says "held"; shown with `--nocapture`.
fn rate(what: &str, found: &[Estimate], rule: Rule) -> f64 {
    let held = found.iter().filter(|e| rule.decide(e) == Verdict::Held).count() as f64 / found.len() as f64;
    println!("{what}: held in {held:.4} of {}, {rule:?}, {:.4} +- {:.4}", found.len(), average(found), half(found));
    held
}

/// Where nothing is true a rule may say "held" in 2.5 % of the experiments, and three standard errors of so many.
pub(crate) fn seldom(what: &str, found: &[Estimate], rule: Rule) {
    let held = rate(what, found, rule);
    let most = 0.025 + 3.0 * (0.025 * 0.975 / found.len() as f64).sqrt();
    assert!(held <= most, "{what}: held in {held} of {}", found.len());
}

/// Where the expected effect is, it should say so in four of five.
pub(crate) fn often(what: &str, found: &[Estimate], rule: Rule) {
    let held = rate(what, found, rule);
    assert!(held >= 0.8, "{what}: held in {held} of {}", found.len());
}
