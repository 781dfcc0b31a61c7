//! Which pair of objectives is best, what post-shifting costs, and the trade-off student beside its rivals.

use super::super::arms::{Aim, Arm};
use super::super::study::{Study, Task};
use super::{finding, part};
use crate::error::ReproduceError;
use crate::finding::{Finding, Role, least};
use crate::kit::recalls::every;
use tenfold_core_tensor::stats::{Estimate, mean};

/// The pair whose worst class is best on some seeds, of those that are not robust on both sides.
fn best(task: &Task, seeds: &[usize]) -> Arm {
    let aims = [Aim::Standard, Aim::Balanced, Aim::Robust, Aim::RobustByTeacher];
    let pairs = aims[..3].iter().flat_map(|&t| aims.map(|s| Arm::Student(t, s)));
    let others: Vec<(Arm, usize)> =
        pairs.filter(|arm| *arm != Arm::Student(Aim::Robust, Aim::Robust)).map(|arm| (arm, arm.index())).collect();
    let of = |i: usize| mean(&task.seeds().filter(|s| seeds.contains(&s.seed)).map(|s| s.worst(i)).collect::<Vec<_>>());
    others.iter().max_by(|a, b| of(a.1).total_cmp(&of(b.1))).map_or(others[0].0, |(arm, _)| *arm)
}

/// The best pair of the even seeds beside robust with robust on the odd ones.
fn beside_robust(task: &Task) -> (Arm, Result<Estimate, String>) {
    let (even, odd): (Vec<usize>, Vec<usize>) = (0..task.records.len()).partition(|seed| seed % 2 == 0);
    let chosen = best(task, &even);
    let (of, over) = (chosen.index(), Arm::Student(Aim::Robust, Aim::Robust).index());
    (chosen, task.interval_of(&odd, |s| s.worst(of) - s.worst(over)))
}

pub(in super::super) fn not_best(study: &Study) -> Result<Finding, ReproduceError> {
    let task = study.features();
    let (chosen, estimate) = beside_robust(task);
    let mut found = finding(task, estimate);
    found.remark = format!("The pair chosen on half of the seeds: {}.", chosen.name());
    let (other, on_mixture) = beside_robust(study.mixture());
    part(&mut found, format!("chosen: {}", other.name()), &study.mixture().name, on_mixture, Role::Shown);
    for task in &study.tasks {
        let robust = Arm::Student(Aim::Robust, Aim::Robust);
        for t in [Aim::Standard, Aim::Balanced] {
            let arm = Arm::Student(t, Aim::Half);
            let name = format!("{} beside robust with robust", arm.name());
            part(&mut found, format!("{name}, worst class"), &task.name, task.worst_gain(arm, robust), Role::Shown);
            part(&mut found, format!("{name}, average"), &task.name, task.average_gain(arm, robust), Role::Shown);
        }
    }
    Ok(found)
}

pub(in super::super) fn post_shift(study: &Study) -> Result<Finding, ReproduceError> {
    let robust = |t: Aim| Arm::Student(t, Aim::Robust);
    let beyond = |task: &Task, arm: Arm| {
        let differences: Vec<f64> = task.gaps(Arm::Shifted).iter().zip(task.gaps(arm)).map(|(a, b)| a - b).collect();
        Task::over_seeds(&differences)
    };
    let mut found = finding(study.features(), beyond(study.features(), robust(Aim::Standard)));
    for task in &study.tasks {
        let own = Task::over_seeds(&task.gaps(Arm::Shifted));
        part(&mut found, "the shifted teacher's gap itself", &task.name, own, Role::Shown);
        for t in [Aim::Standard, Aim::Balanced] {
            let arm = robust(t);
            part(
                &mut found,
                format!("gap beyond that of the {}", arm.name()),
                &task.name,
                beyond(task, arm),
                Role::Shown,
            );
            let worst = task.worst_gain(arm, Arm::Shifted);
            part(
                &mut found,
                format!("{} over shifted, worst class on test", arm.name()),
                &task.name,
                worst,
                Role::Shown,
            );
            let average = task.average_gain(arm, Arm::Shifted);
            part(&mut found, format!("{} over shifted, average on test", arm.name()), &task.name, average, Role::Shown);
        }
        let unused = Task::over_seeds(&task.gaps(Arm::Student(Aim::Balanced, Aim::Balanced)));
        part(&mut found, "gap of a student that does not use the validation set", &task.name, unused, Role::Control);
    }
    Ok(found)
}

pub(in super::super) fn pareto_improves(study: &Study) -> Result<Finding, ReproduceError> {
    let mine = Arm::Student(Aim::Standard, Aim::Half);
    let rivals = [
        ("standard distillation", Arm::Student(Aim::Standard, Aim::Standard)),
        ("a robust student without a teacher", Arm::Alone(Aim::Robust)),
    ];
    let of = |task: &Task, rival: Arm| [task.average_gain(mine, rival), task.worst_gain(mine, rival)];
    let task = study.features();
    let estimate = every(rivals.iter().flat_map(|(_, rival)| of(task, *rival))).and_then(|all| least(&all));
    let mut found = finding(task, estimate);
    for (task, role) in [(task, Role::Decides), (study.mixture(), Role::Shown)] {
        for (name, rival) in rivals {
            let [average, worst] = of(task, rival);
            part(&mut found, format!("average over {name}"), &task.name, average, role);
            part(&mut found, format!("worst class over {name}"), &task.name, worst, role);
        }
    }
    Ok(found)
}
