//! The exact case: calibrated and robust teachers, and what predicts their students.

use super::super::calibration::{At, Kind, TEMPERATURES};
use super::super::study::{Exact, Study};
use super::{every, part};
use crate::error::ReproduceError;
use crate::finding::{Finding, Role, least};
use crate::kit::recalls::OfSeed;
use tenfold_core_tensor::stats::{Estimate, jackknife, mean, spearman};

/// The number of T = 3.
const WARM: usize = 1;

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
fn gain(exact: &Exact, of: Kind, over: Kind, student: Option<(usize, bool)>) -> Result<Estimate, String> {
    let [of, over] = [of, over].map(|kind| Exact::arm(kind, student));
    exact.interval(|s| s.worst(of) - s.worst(over))
}

pub(in super::super) fn best_teacher(study: &Study) -> Result<Finding, ReproduceError> {
    let exact = &study.exact;
    let student = gain(exact, Kind::Exact, Kind::Robust, Some((WARM, true)));
    let own = gain(exact, Kind::Robust, Kind::Exact, None);
    let mut found = finding(exact, every([student.clone(), own.clone()]).and_then(|both| least(&both)));
    part(&mut found, "student of the exact posterior over that of the robust teacher, T = 3", &exact.name, student, Role::Decides);
    part(&mut found, "robust teacher itself over the exact posterior", &exact.name, own, Role::Decides);
    for (name, kind) in [("exact posterior", Kind::Exact), ("balanced teacher", Kind::Balanced), ("standard teacher", Kind::Standard)] {
        for (judge, by_labels) in [("labels", true), ("teacher's labels", false)] {
            for (i, temperature) in TEMPERATURES.iter().enumerate() {
                let name = format!("student of the {name} over that of the robust one, T = {temperature}, {judge}");
                part(&mut found, name, &exact.name, gain(exact, kind, Kind::Robust, Some((i, by_labels))), Role::Shown);
            }
        }
    }
    let task = study.features();
    use super::super::arms::{Aim, Arm};
    let teachers = task.worst_gain(Arm::Teacher(Aim::Robust), Arm::Teacher(Aim::Balanced));
    part(&mut found, "robust teacher over balanced teacher", &task.name, teachers, Role::Shown);
    let students = task.worst_gain(Arm::Student(Aim::Robust, Aim::Robust), Arm::Student(Aim::Balanced, Aim::Robust));
    part(&mut found, "robust student of the robust teacher over that of the balanced one", &task.name, students, Role::Shown);
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
fn correlation(exact: &Exact, predictor: Predictor, by_labels: bool) -> Result<Estimate, String> {
    let over_seeds = |f: &dyn Fn(OfSeed) -> f64| mean(&exact.seeds().map(f).collect::<Vec<_>>());
    let pairs = Kind::ALL.map(|kind| {
        let at = |t: usize| {
            let term = |f: fn(&At) -> f64| mean(&exact.records.iter().map(|r| f(&r[kind.index()].at[t])).collect::<Vec<_>>());
            let predicted = match predictor {
                Predictor::Balanced => term(|at| at.balanced),
                Predictor::LongTailed => term(|at| at.long_tailed),
                Predictor::Own => -over_seeds(&|s| s.worst(Exact::arm(kind, None))),
            };
            (predicted, over_seeds(&|s| s.worst(Exact::arm(kind, Some((t, by_labels))))))
        };
        (0..TEMPERATURES.len()).map(at).collect()
    });
    over_kinds(&pairs)
}

/// The rank correlation of pairs, several of each kind of teacher, with the jackknife's interval over kinds: seeds of the same teachers
/// say nothing of other teachers.
pub(super) fn over_kinds(kinds: &[Vec<(f64, f64)>]) -> Result<Estimate, String> {
    let of = |left_out: Option<usize>| {
        let kept = kinds.iter().enumerate().filter(|(i, _)| Some(*i) != left_out).flat_map(|(_, pairs)| pairs);
        let (a, b): (Vec<f64>, Vec<f64>) = kept.copied().unzip();
        spearman(&a, &b).map_err(|e| e.to_string())
    };
    let without = (0..kinds.len()).map(|i| of(Some(i))).collect::<Result<Vec<_>, _>>()?;
    jackknife(of(None)?, &without).map_err(|e| e.to_string())
}

pub(in super::super) fn calibration(study: &Study) -> Result<Finding, ReproduceError> {
    let exact = &study.exact;
    let mut found = finding(exact, correlation(exact, Predictor::Balanced, true));
    for (judge, by_labels) in [("labels", true), ("teacher's labels", false)] {
        for (name, predictor) in [
            ("term on balanced points", Predictor::Balanced),
            ("term on points of the training law, as printed", Predictor::LongTailed),
            ("minus the teacher's own worst class", Predictor::Own),
        ] {
            part(&mut found, format!("{name}, {judge}"), &exact.name, correlation(exact, predictor, by_labels), Role::Shown);
        }
    }
    found.remark = "Whether calibration predicts more than the teacher's own worst class does is a question of its own: see the parts."
        .into();
    Ok(found)
}
