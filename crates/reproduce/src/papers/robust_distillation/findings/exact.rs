//! The exact case: calibrated and robust teachers, and what predicts their students.

use super::super::arms::{Aim, Arm};
use super::super::calibration::{BALANCED, EXACT, Found, KINDS, ROBUST, STANDARD};
use super::super::study::{Exact, Study, Who};
use super::part;
use crate::error::ReproduceError;
use crate::finding::{Finding, Role, least};
use crate::kit::recalls::every;
use tenfold_core_tensor::stats::{Estimate, mean, spearman};

fn finding(exact: &Exact, estimate: Result<Estimate, String>) -> Finding {
    Finding {
        estimate,
        parts: Vec::new(),
        data: exact.name.clone(),
        seeds: exact.records.len(),
        n: exact.n(),
        seconds: exact.seconds,
        remark: String::new(),
    }
}

/// The least recall of one kind minus that of another, of themselves or of their students.
fn gain(exact: &Exact, of: usize, over: usize, who: Who) -> Result<Estimate, String> {
    let [of, over] = [of, over].map(|kind| Exact::arm(kind, who));
    exact.interval(|s| s.worst(of) - s.worst(over))
}

pub(in super::super) fn best_teacher(study: &Study) -> Result<Finding, ReproduceError> {
    let exact = &study.exact;
    let student = gain(exact, EXACT, ROBUST, Who::ByLabels);
    let own = gain(exact, ROBUST, EXACT, Who::Teacher);
    let mut found = finding(exact, every([student.clone(), own.clone()]).and_then(|both| least(&both)));
    part(
        &mut found,
        "student of the exact posterior over that of the robust teacher",
        &exact.name,
        student,
        Role::Decides,
    );
    part(&mut found, "robust teacher itself over the exact posterior", &exact.name, own, Role::Decides);
    for (judge, who) in [("labels", Who::ByLabels), ("teacher's labels", Who::ByTeacher)] {
        for kind in [EXACT, BALANCED, STANDARD] {
            let name = format!("student of the {} teacher over that of the robust one, {judge}", KINDS[kind].name);
            part(&mut found, name, &exact.name, gain(exact, kind, ROBUST, who), Role::Shown);
        }
    }
    let task = study.features();
    let teachers = task.worst_gain(Arm::Teacher(Aim::Robust), Arm::Teacher(Aim::Balanced));
    part(&mut found, "robust teacher over balanced teacher", &task.name, teachers, Role::Shown);
    let students = task.worst_gain(Arm::Student(Aim::Robust, Aim::Robust), Arm::Student(Aim::Balanced, Aim::Robust));
    part(
        &mut found,
        "robust student of the robust teacher over that of the balanced one",
        &task.name,
        students,
        Role::Shown,
    );
    Ok(found)
}

/// What may predict a student.
#[derive(Clone, Copy)]
enum Predictor {
    Balanced,
    LongTailed,
    /// Minus the teacher's own least recall.
    Own,
}

/// The rank correlation over teachers of a predictor with the least recall of their robust students, both means over seeds.
fn correlation(exact: &Exact, predictor: Predictor, who: Who) -> Result<Estimate, String> {
    let worst = |kind: usize, who: Who| {
        let arm = Exact::arm(kind, who);
        mean(&exact.seeds().map(|s| s.worst(arm)).collect::<Vec<_>>())
    };
    let term = |kind: usize, f: fn(&Found) -> f64| mean(&exact.records.iter().map(|r| f(&r[kind])).collect::<Vec<_>>());
    let predicted = |kind: usize| match predictor {
        Predictor::Balanced => term(kind, |found| found.balanced),
        Predictor::LongTailed => term(kind, |found| found.long_tailed),
        Predictor::Own => -worst(kind, Who::Teacher),
    };
    let pairs: Vec<(f64, f64)> = (0..KINDS.len()).map(|kind| (predicted(kind), worst(kind, who))).collect();
    rank_correlation(&pairs)
}

/// Spearman's rank correlation with an interval over the pairs: Fisher's transformation with the standard error
/// `1.06 / sqrt(n - 3)` and t quantiles of `n - 2` degrees of freedom. Seeds of the same teachers would say nothing of other teachers.
pub(super) fn rank_correlation(pairs: &[(f64, f64)]) -> Result<Estimate, String> {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let rho = spearman(&a, &b).map_err(|e| e.to_string())?;
    let n = pairs.len();
    let z =
        Estimate::from_t(rho.clamp(-0.999_999, 0.999_999).atanh(), 1.06 / ((n - 3) as f64).sqrt(), (n - 2) as f64, n);
    Ok(Estimate { value: rho, se: z.se, lo: z.lo.tanh(), hi: z.hi.tanh(), n })
}

pub(in super::super) fn calibration(study: &Study) -> Result<Finding, ReproduceError> {
    let exact = &study.exact;
    let mut found = finding(exact, correlation(exact, Predictor::Balanced, Who::ByLabels));
    for (judge, who) in [("labels", Who::ByLabels), ("teacher's labels", Who::ByTeacher)] {
        for (name, predictor) in [
            ("term on balanced points", Predictor::Balanced),
            ("term on points of the training law, as printed", Predictor::LongTailed),
            ("minus the teacher's own worst class", Predictor::Own),
        ] {
            part(&mut found, format!("{name}, {judge}"), &exact.name, correlation(exact, predictor, who), Role::Shown);
        }
    }
    found.remark = "Whether calibration predicts more than the teacher's own worst class does is a question of its own: see the parts."
        .into();
    Ok(found)
}
