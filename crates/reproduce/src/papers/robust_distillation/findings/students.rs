//! Students beside their teachers, along the trade-off, with margins or weights, and the mean of their iterates.

use super::super::arms::{Aim, Arm};
use super::super::study::{Study, Task};
use super::{finding, part};
use crate::error::ReproduceError;
use crate::finding::{Finding, Role, least};
use crate::kit::recalls::{every, greatest, hull, negative};
use tenfold_core_tensor::stats::{Estimate, slope_weights};

const TEACHERS: [Aim; 3] = [Aim::Standard, Aim::Balanced, Aim::Robust];

pub(in super::super) fn no_better(study: &Study) -> Result<Finding, ReproduceError> {
    let of = |task: &Task, t: Aim| task.worst_gain(Arm::Student(t, Aim::Standard), Arm::Teacher(t));
    let task = study.features();
    let mut found = finding(task, every(TEACHERS.map(|t| of(task, t))).and_then(|all| greatest(&all)));
    for (task, role) in [(task, Role::Decides), (study.mixture(), Role::Shown)] {
        for t in TEACHERS {
            part(&mut found, format!("{} teacher", t.name()), &task.name, of(task, t), role);
        }
    }
    Ok(found)
}

pub(in super::super) fn raised(study: &Study) -> Result<Finding, ReproduceError> {
    let of = |task: &Task, t: Aim, s: Aim| task.worst_gain(Arm::Student(t, s), Arm::Student(t, Aim::Standard));
    let task = study.features();
    let both = [Aim::Balanced, Aim::Robust];
    let mut found = finding(task, every(both.map(|s| of(task, Aim::Standard, s))).and_then(|all| least(&all)));
    for task in [task, study.mixture()] {
        for t in TEACHERS {
            for s in both {
                let decides = t == Aim::Standard && task.name == study.features().name;
                let role = if decides { Role::Decides } else { Role::Shown };
                part(
                    &mut found,
                    format!("{} student, {} teacher", s.name(), t.name()),
                    &task.name,
                    of(task, t, s),
                    role,
                );
            }
        }
    }
    Ok(found)
}

/// The slopes of worst class and average along the student's alpha.
fn slopes(task: &Task, teacher: Aim) -> Result<[Estimate; 2], String> {
    let alphas = Aim::TRADE_OFFS.map(Aim::alpha);
    let weights = slope_weights(&alphas).map_err(|e| e.to_string())?;
    let arms = Aim::TRADE_OFFS.map(|s| Arm::Student(teacher, s).index());
    let weighted = |of: &dyn Fn(usize) -> f64| arms.iter().zip(&weights).map(|(arm, w)| w * of(*arm)).sum::<f64>();
    Ok([task.interval(|s| weighted(&|arm| s.worst(arm)))?, task.interval(|s| weighted(&|arm| s.average(arm)))?])
}

pub(in super::super) fn trade_off(study: &Study) -> Result<Finding, ReproduceError> {
    let task = study.features();
    let all = Aim::TEACHERS.map(|t| slopes(task, t)).into_iter().collect::<Result<Vec<_>, _>>();
    let estimate = all.and_then(|all| {
        least(&all.iter().flat_map(|[worst, average]| [*worst, negative(*average)]).collect::<Vec<_>>())
    });
    let mut found = finding(task, estimate);
    for (task, role) in [(task, Role::Decides), (study.mixture(), Role::Shown)] {
        for t in Aim::TEACHERS {
            if let Ok([worst, average]) = slopes(task, t) {
                part(&mut found, format!("worst class, {} teacher", t.name()), &task.name, Ok(worst), role);
                part(&mut found, format!("average, {} teacher", t.name()), &task.name, Ok(average), role);
            }
        }
    }
    Ok(found)
}

pub(in super::super) fn margins(study: &Study) -> Result<Finding, ReproduceError> {
    let of = |task: &Task, aim: Aim| task.worst_gain(Arm::Teacher(aim), Arm::Weighted(aim));
    let task = study.features();
    let both = [Aim::Balanced, Aim::Robust];
    let mut found = finding(task, every(both.map(|aim| of(task, aim))).and_then(|all| least(&all)));
    for (task, role) in [(task, Role::Decides), (study.mixture(), Role::Shown)] {
        for aim in both {
            let name = aim.name();
            part(&mut found, format!("{name}, networks of labels"), &task.name, of(task, aim), role);
            let distilled = task.worst_gain(Arm::Student(Aim::Standard, aim), Arm::WeightedStudent(aim));
            part(
                &mut found,
                format!("{name}, distilled students, which do not fit"),
                &task.name,
                distilled,
                Role::Control,
            );
            for (form, arm) in [("margins", Arm::Teacher(aim)), ("weights", Arm::Weighted(aim))] {
                let fitted = task.train_accuracy(arm);
                part(&mut found, format!("{name}, {form}: training rows right"), &task.name, fitted, Role::Shown);
            }
        }
    }
    Ok(found)
}

pub(in super::super) fn last_iterate(study: &Study) -> Result<Finding, ReproduceError> {
    let last = |t: Aim| Arm::Student(t, Aim::Robust);
    let of = |task: &Task, t: Aim| task.average_gain(last(t), Arm::Averaged(t));
    let task = study.features();
    let mut found = finding(task, every(Aim::AVERAGED.map(|t| of(task, t))).and_then(|all| hull(&all)));
    for (task, role) in [(task, Role::Decides), (study.mixture(), Role::Shown)] {
        for t in Aim::AVERAGED {
            part(&mut found, format!("average, {} teacher", t.name()), &task.name, of(task, t), role);
            let worst = task.worst_gain(last(t), Arm::Averaged(t));
            part(&mut found, format!("worst class, {} teacher", t.name()), &task.name, worst, Role::Shown);
        }
    }
    Ok(found)
}
