//! What distillation does to the scores.

use super::super::claims::ENOUGH_INCREASING;
use super::super::distil::Student;
use super::super::settings::TEMPERATURE;
use super::super::sizes::Measured;
use super::{All, Drawn, on_images, over};
use crate::claim::{Finding, Part, Role};
use crate::error::ReproduceError;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::Estimate;
use tenfold_memorisation::{Score, Shape};

/// The student of the claims.
fn of_claims(student: &&Student) -> bool {
    student.larger && student.temperature == Some(TEMPERATURE)
}

pub(super) fn distillation(
    all: &All,
    seed: Seed,
    everything: &[usize],
) -> Result<(Vec<Finding>, Vec<Estimate>), ReproduceError> {
    let small = all.settings.student(all.real.sizes.len());
    let students = &all.distilled.students;
    let mut studies = vec![&all.real.sizes[small].study];
    studies.extend(students.iter().map(|s| &s.measured.study));
    let drawn = Drawn::new(&studies, seed)?;
    let means = (0..studies.len()).map(|t| drawn.estimate(|s| over(&s[t], everything))).collect();
    let change = |t: usize| drawn.estimate(|s| over(&s[t + 1], everything) - over(&s[0], everything));
    let seconds = all.real.seconds + all.distilled.seconds;
    let name = &all.images.name;

    let chosen = students.iter().position(|s| of_claims(&s)).ok_or("the student was not trained");
    let estimate = chosen.map(change).map_err(String::from);
    let mut inhibits = on_images(all, "memorisation.distillation-inhibits", estimate, seconds);
    for (t, student) in students.iter().enumerate() {
        let role = if student.temperature.is_none() { Role::Control } else { Role::Shown };
        inhibits.parts.push(Part::new(format!("change, {}", student.name), change(t), name, role));
    }

    let estimate = match chosen {
        Ok(chosen) => acts_on_increasing(all, small, &students[chosen].measured, seed)?,
        Err(reason) => Err(reason.to_string()),
    };
    let acts = on_images(all, "memorisation.distillation-acts-on-increasing", estimate, seconds);
    Ok((vec![inhibits, acts], means))
}

/// Labels from the first half of the models, changes from the second: an example that is high by chance in one is not in
/// the other.
fn acts_on_increasing(
    all: &All,
    small: usize,
    student: &Measured,
    seed: Seed,
) -> Result<Result<Estimate, String>, ReproduceError> {
    let models = all.real.masks.len();
    let (first, second): (Vec<usize>, Vec<usize>) = (0..models).partition(|k| k % 20 < 10);
    let halves = all.real.sizes.iter().map(|m| m.study.select(&first).scores());
    let halves: Vec<Vec<Score>> = halves.collect::<Result<_, _>>()?;
    let shapes = all.settings.rule.classify_all(&halves)?;
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
    let (labels, distilled) = (all.real.sizes[small].study.select(&second), student.study.select(&second));
    let drawn = Drawn::new(&[&labels, &distilled], seed.named("second-half"))?;
    let change = |s: &[Vec<f64>], examples: &[usize]| over(&s[1], examples) - over(&s[0], examples);
    Ok(Ok(drawn.estimate(|s| change(s, &increasing) - change(s, &others))))
}
