//! What distillation does to the scores.

use super::super::claims::ENOUGH_INCREASING;
use super::super::distil::Student;
use super::super::settings::TEMPERATURE;
use super::{All, Drawn, Found, on_images, over};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::Estimate;
use tenfold_memorisation::{Score, Shape, Study, TrajectoryRule};

/// The student of the claims.
fn of_claims(student: &&Student) -> bool {
    student.larger && student.temperature == Some(TEMPERATURE)
}

/// Scores of the student's size trained on labels, then of all students, in draws of the models.
pub(super) fn drawn(all: &All, seed: Seed) -> Result<Drawn, ReproduceError> {
    let small = all.settings.student(all.real.sizes.len());
    let mut studies = vec![&all.real.sizes[small].study];
    studies.extend(all.distilled.students.iter().map(|s| &s.measured.study));
    Drawn::new(&studies, all.settings.draws, seed)
}

/// Which student the claims are about.
fn chosen(all: &All) -> Result<usize, String> {
    all.distilled.students.iter().position(|s| of_claims(&s)).ok_or_else(|| "the student was not trained".into())
}

/// Mean score of a study minus that of the first.
pub(super) fn change(drawn: &Drawn, t: usize, examples: &[usize]) -> Estimate {
    drawn.estimate(|s| over(&s[t], examples) - over(&s[0], examples))
}

pub(in super::super) fn inhibits(all: &All, found: &Found) -> Finding {
    let change = |t: usize| change(&found.distilled, t + 1, &found.everything);
    let mut finding = on_images(all, chosen(all).map(change), all.real.seconds + all.distilled.seconds);
    for (t, student) in all.distilled.students.iter().enumerate() {
        let role = if student.temperature.is_none() { Role::Control } else { Role::Shown };
        finding.parts.push(Part::new(format!("change, {}", student.name), change(t), &all.images.name, role));
    }
    finding
}

pub(in super::super) fn acts_on_increasing(all: &All, found: &Found) -> Result<Finding, ReproduceError> {
    let small = all.settings.student(all.real.sizes.len());
    let sizes: Vec<&Study> = all.real.sizes.iter().map(|m| &m.study).collect();
    let estimate = match chosen(all) {
        Ok(chosen) => {
            let student = &all.distilled.students[chosen].measured.study;
            let (rule, draws) = (&all.settings.rule, all.settings.draws);
            more_on_increasing(&sizes, small, student, rule, draws, found.seed)?
        }
        Err(reason) => Err(reason),
    };
    Ok(on_images(all, estimate, all.real.seconds + all.distilled.seconds))
}

/// The change from one of the sizes to a student of it, of examples that are labelled increasing minus that of the others. Labels
/// from the first half of the models, changes from the second: an example that is high by chance in one is not in the other.
pub(super) fn more_on_increasing(
    sizes: &[&Study],
    small: usize,
    student: &Study,
    rule: &TrajectoryRule,
    draws: usize,
    seed: Seed,
) -> Result<Result<Estimate, String>, ReproduceError> {
    let (first, second): (Vec<usize>, Vec<usize>) = (0..student.models()).partition(|k| k % 20 < 10);
    let halves = sizes.iter().map(|study| study.select(&first).scores());
    let halves: Vec<Vec<Score>> = halves.collect::<Result<_, _>>()?;
    let shapes = rule.classify_all(&halves)?;
    let of = |increasing: bool| -> Vec<usize> {
        (0..shapes.len()).filter(|&i| (shapes[i] == Shape::Increasing) == increasing).collect()
    };
    let (increasing, others) = (of(true), of(false));
    if increasing.len() < ENOUGH_INCREASING {
        return Ok(Err(format!(
            "{} examples are labelled increasing on {} models; at least {ENOUGH_INCREASING} are needed",
            increasing.len(),
            first.len()
        )));
    }
    if second.len() < 20 {
        return Ok(Err(format!("{} models measure the change; a bootstrap needs 20", second.len())));
    }
    let (labels, distilled) = (sizes[small].select(&second), student.select(&second));
    let drawn = Drawn::new(&[&labels, &distilled], draws, seed.named("second-half"))?;
    let change = |s: &[Vec<f64>], examples: &[usize]| over(&s[1], examples) - over(&s[0], examples);
    Ok(Ok(drawn.estimate(|s| change(s, &increasing) - change(s, &others))))
}
