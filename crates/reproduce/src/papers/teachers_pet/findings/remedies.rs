//! AdaAlpha and AdaMargin beside plain distillation.

use super::super::arms::Arm;
use super::super::study::{Study, Task};
use super::{finding, part};
use crate::error::ReproduceError;
use crate::finding::{Finding, Role, least};
use crate::kit::recalls::{every, greatest};

pub(in super::super) fn ada_alpha(study: &Study) -> Result<Finding, ReproduceError> {
    let tasks = [study.long_tail(), study.mixture()];
    let worst = |task: &Task, arm: Arm| task.worst_gain(arm, Arm::Warm);
    let estimate = every(tasks.map(|task| worst(task, Arm::AdaAlpha))).and_then(|all| least(&all));
    let mut found = finding(study, &tasks, estimate);
    for task in tasks {
        part(&mut found, "worst class", task, worst(task, Arm::AdaAlpha), Role::Decides);
        part(&mut found, "average", task, task.average_gain(Arm::AdaAlpha, Arm::Warm), Role::Shown);
        let over_labels = task.worst_gain(Arm::AdaAlpha, Arm::OneHot);
        part(&mut found, "worst class, over the student of labels", task, over_labels, Role::Shown);
        let over_balanced = task.worst_gain(Arm::AdaAlpha, Arm::Balanced);
        part(&mut found, "worst class, over the balanced student of labels", task, over_balanced, Role::Shown);
        let name = "worst class, margins dealt to classes at random";
        part(&mut found, name, task, worst(task, Arm::AdaAlphaDealt), Role::Control);
    }
    let balanced = study.balanced();
    part(&mut found, "worst class, where no class is rare", balanced, worst(balanced, Arm::AdaAlpha), Role::Shown);
    Ok(found)
}

pub(in super::super) fn ada_margin(study: &Study) -> Result<Finding, ReproduceError> {
    let tasks = [study.long_tail(), study.mixture()];
    let worst = |task: &Task, arm: Arm| task.worst_gain(arm, Arm::Warm);
    let estimate = every(tasks.map(|task| worst(task, Arm::AdaMargin))).and_then(|all| greatest(&all));
    let mut found = finding(study, &tasks, estimate);
    for task in tasks {
        part(&mut found, "multiplicative, worst class", task, worst(task, Arm::AdaMargin), Role::Decides);
        part(&mut found, "additive, worst class", task, worst(task, Arm::AdaMarginAdditive), Role::Shown);
        let average = task.average_gain(Arm::AdaMargin, Arm::Warm);
        part(&mut found, "multiplicative, average", task, average, Role::Shown);
        let recall = task.interval(|s| s.worst(Arm::AdaMargin.index()));
        part(&mut found, "multiplicative, least recall itself", task, recall, Role::Shown);
    }
    let balanced = study.balanced();
    for (name, arm) in [
        ("multiplicative, worst class, where no class is rare", Arm::AdaMargin),
        ("additive, worst class, where no class is rare", Arm::AdaMarginAdditive),
    ] {
        part(&mut found, name, balanced, worst(balanced, arm), Role::Shown);
    }
    Ok(found)
}
