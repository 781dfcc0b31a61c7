//! What was measured says of each claim.

pub(super) mod exact;
pub(super) mod pairs;
#[cfg(test)]
mod simulation;
pub(super) mod students;
pub(super) mod theory;

use super::study::Task;
use crate::finding::{Finding, Part, Role};
use tenfold_core_tensor::stats::Estimate;

/// A finding on a task.
fn finding(task: &Task, estimate: Result<Estimate, String>) -> Finding {
    Finding {
        estimate,
        parts: Vec::new(),
        data: task.name.clone(),
        seeds: task.records.len(),
        n: task.n(),
        seconds: task.seconds,
        remark: String::new(),
    }
}

/// Adds a number where it could be computed.
fn part(finding: &mut Finding, name: impl Into<String>, data: &str, estimate: Result<Estimate, String>, role: Role) {
    finding.parts.extend(estimate.ok().map(|e| Part::new(name, e, data, role)));
}
