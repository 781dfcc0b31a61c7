//! What was measured says of each claim.

pub(super) mod exact;
pub(super) mod gains;
pub(super) mod margins;
pub(super) mod remedies;
#[cfg(test)]
mod simulation;

use super::study::{Study, Task};
use crate::finding::{Finding, Part, Role};
use tenfold_core_tensor::stats::Estimate;

/// A finding on the first of some tasks, with what the others say as parts that decide with it.
fn finding(study: &Study, tasks: &[&Task], estimate: Result<Estimate, String>) -> Finding {
    Finding {
        estimate,
        parts: Vec::new(),
        data: tasks[0].name.clone(),
        seeds: tasks[0].records.len(),
        n: tasks[0].n(),
        seconds: study.seconds(),
        remark: String::new(),
    }
}

/// Adds a number where it could be computed.
fn part(finding: &mut Finding, name: &str, task: &Task, estimate: Result<Estimate, String>, role: Role) {
    finding.parts.extend(estimate.ok().map(|e| Part::new(name, e, &task.name, role)));
}
