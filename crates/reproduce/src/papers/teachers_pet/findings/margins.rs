//! Whether the teacher's margin says which classes gain.

use super::super::arms::{Arm, Record};
use super::super::study::{Study, Task};
use super::{finding, part};
use crate::error::ReproduceError;
use crate::finding::{Finding, Role, least};
use crate::kit::recalls::every;
use tenfold_core_tensor::stats::{Estimate, spearman};

/// Which margin.
type Of = fn(&Record) -> &[f64];

const CROSS_FIT: Of = |record| &record.cross_fit;
const IN_SAMPLE: Of = |record| &record.in_sample;
const TEST: Of = |record| &record.test;

/// Rank correlation; of numbers that are all equal, none.
fn rank(a: &[f64], b: &[f64]) -> f64 {
    spearman(a, b).unwrap_or(0.0)
}

/// The rank correlation of two given a third.
pub(super) fn partial(xy: f64, xz: f64, yz: f64) -> f64 {
    let left = (1.0 - xz * xz) * (1.0 - yz * yz);
    if left > 1e-9 { (xy - xz * yz) / left.sqrt() } else { 0.0 }
}

/// Rank correlation of the change of recall with a margin, per seed.
fn with_margin(task: &Task, of: Of) -> Result<Estimate, String> {
    task.interval(|s| rank(&Task::change(&s, Arm::Warm, Arm::OneHot), of(&task.records[s.seed])))
}

/// The same given the frequency: classes are numbered by it, from the largest.
fn given_frequency(task: &Task) -> Result<Estimate, String> {
    task.interval(|s| {
        let (change, margin) = (Task::change(&s, Arm::Warm, Arm::OneHot), CROSS_FIT(&task.records[s.seed]));
        let frequency: Vec<f64> = (0..change.len()).map(|k| -(k as f64)).collect();
        partial(rank(&change, margin), rank(&change, &frequency), rank(margin, &frequency))
    })
}

pub(in super::super) fn change_follows(study: &Study) -> Result<Finding, ReproduceError> {
    let task = study.long_tail();
    let (plain, given) = (with_margin(task, CROSS_FIT), given_frequency(task));
    let estimate = every([plain.clone(), given.clone()]).and_then(|all| least(&all));
    let mut found = finding(study, &[task], estimate);
    part(&mut found, "with the cross-fit margin", task, plain, Role::Decides);
    part(&mut found, "given the frequency", task, given, Role::Decides);
    let frequency = task.interval(|s| {
        let change = Task::change(&s, Arm::Warm, Arm::OneHot);
        rank(&change, &(0..change.len()).map(|k| -(k as f64)).collect::<Vec<_>>())
    });
    part(&mut found, "with the frequency", task, frequency, Role::Shown);
    part(&mut found, "cross-fit margin with that on the test set", task, agreement(task), Role::Shown);
    for other in [study.mixture(), study.balanced()] {
        part(&mut found, "with the cross-fit margin", other, with_margin(other, CROSS_FIT), Role::Shown);
    }
    Ok(found)
}

fn agreement(task: &Task) -> Result<Estimate, String> {
    task.interval(|s| rank(CROSS_FIT(&task.records[s.seed]), TEST(&task.records[s.seed])))
}

pub(in super::super) fn in_sample(study: &Study) -> Result<Finding, ReproduceError> {
    let task = study.long_tail();
    let estimate = task.interval(|s| {
        let (change, record) = (Task::change(&s, Arm::Warm, Arm::OneHot), &task.records[s.seed]);
        rank(&change, IN_SAMPLE(record)) - rank(&change, CROSS_FIT(record))
    });
    let mut found = finding(study, &[task], estimate);
    for task in [study.long_tail(), study.mixture()] {
        part(&mut found, "with the in-sample margin", task, with_margin(task, IN_SAMPLE), Role::Shown);
        part(&mut found, "with the cross-fit margin", task, with_margin(task, CROSS_FIT), Role::Shown);
        for (name, of) in [("spread of in-sample margins", IN_SAMPLE), ("spread of cross-fit margins", CROSS_FIT)] {
            part(&mut found, name, task, task.interval(|s| spread(of(&task.records[s.seed]))), Role::Shown);
        }
        let gain = task.worst_gain(Arm::AdaAlphaInSample, Arm::Warm);
        part(&mut found, "AdaAlpha with in-sample margins, worst class over distilled", task, gain, Role::Shown);
    }
    found.remark = "Even where a teacher fits its rows, what is left of the margin may rank classes well: its scale is what is lost, \
                    and AdaAlpha needs the scale."
        .into();
    Ok(found)
}

/// Largest minus least.
pub(super) fn spread(values: &[f64]) -> f64 {
    let ends = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &v| (lo.min(v), hi.max(v)));
    ends.1 - ends.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_correlation_by_hand() {
        assert!((partial(0.5, 0.0, 0.0) - 0.5).abs() < 1e-12);
        assert!((partial(0.6, 0.6, 0.5) - 0.3 / (0.64_f64 * 0.75).sqrt()).abs() < 1e-12);
        assert_eq!(partial(1.0, 1.0, 1.0), 0.0);
        assert_eq!(spread(&[0.5, -1.0, 2.0]), 3.0);
        assert_eq!(rank(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), 0.0);
    }
}
