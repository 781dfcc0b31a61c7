//! What distillation gains and loses.

use super::super::arms::Arm;
use super::super::study::{Study, Task};
use super::{finding, part};
use crate::error::ReproduceError;
use crate::finding::{Finding, Role, least};
use crate::kit::recalls::{every, greatest};
use tenfold_core_tensor::stats::{Estimate, mean};

pub(in super::super) fn average(study: &Study) -> Result<Finding, ReproduceError> {
    let tasks = [study.balanced(), study.mixture()];
    let of = |task: &Task, arm: Arm| task.average_gain(arm, Arm::OneHot);
    let estimate = every(tasks.map(|task| of(task, Arm::Mild))).and_then(|all| least(&all));
    let mut found = finding(study, &tasks, estimate);
    for task in tasks {
        part(&mut found, "T = 3", task, of(task, Arm::Mild), Role::Decides);
        part(&mut found, "T = 5", task, of(task, Arm::Warm), Role::Shown);
    }
    part(&mut found, "T = 3", study.long_tail(), of(study.long_tail(), Arm::Mild), Role::Shown);
    part(&mut found, "T = 5", study.long_tail(), of(study.long_tail(), Arm::Warm), Role::Shown);
    Ok(found)
}

pub(in super::super) fn harm(study: &Study) -> Result<Finding, ReproduceError> {
    let tasks = [study.long_tail(), study.mixture()];
    let worst = |task: &Task, arm: Arm| task.worst_gain(arm, Arm::OneHot);
    let estimate = every(tasks.map(|task| worst(task, Arm::Warm))).and_then(|all| greatest(&all));
    let mut found = finding(study, &tasks, estimate);
    for task in tasks {
        part(&mut found, "worst class, T = 5", task, worst(task, Arm::Warm), Role::Decides);
        part(&mut found, "worst class, T = 3", task, worst(task, Arm::Mild), Role::Shown);
        part(&mut found, "three classes of least cross-fit margin, T = 5", task, least_trusted(task), Role::Shown);
    }
    let balanced = study.balanced();
    part(&mut found, "worst class, T = 5, where no class is rare", balanced, worst(balanced, Arm::Warm), Role::Control);
    Ok(found)
}

/// The mean change of the three classes on which the teacher's cross-fit margin is least.
fn least_trusted(task: &Task) -> Result<Estimate, String> {
    task.interval(|s| {
        let change = Task::change(&s, Arm::Warm, Arm::OneHot);
        let margins = &task.records[s.seed].cross_fit;
        let mut order: Vec<usize> = (0..margins.len()).collect();
        order.sort_by(|a, b| margins[*a].total_cmp(&margins[*b]));
        mean(&order[..3.min(order.len())].iter().map(|k| change[*k]).collect::<Vec<_>>())
    })
}

pub(in super::super) fn amplified(study: &Study) -> Result<Finding, ReproduceError> {
    let tasks = [study.long_tail(), study.mixture()];
    let estimate = every(tasks.map(|task| task.repeats(Arm::Mild))).and_then(|all| least(&all));
    let mut found = finding(study, &tasks, estimate);
    for task in tasks {
        part(&mut found, "same wrong class, T = 3", task, task.repeats(Arm::Mild), Role::Decides);
        part(&mut found, "same wrong class, T = 5", task, task.repeats(Arm::Warm), Role::Shown);
        let rare = task.interval(|s| {
            let change = Task::change(&s, Arm::Warm, Arm::Teacher);
            mean(&change[change.len() - 3..])
        });
        part(&mut found, "recall of the three rarest classes, student minus teacher", task, rare, Role::Shown);
    }
    Ok(found)
}
