//! Distillation: for every subset, a student of the same subset's teacher.

use super::data::Planted;
use super::settings::{Settings, TEMPERATURES};
use super::sizes::{Measured, Reading, Sizes, train};
use crate::context::Context;
use crate::error::ReproduceError;
use ndarray::Array2;
use std::sync::Arc;
use std::time::Instant;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::ops::softmax::tempered_softmax;
use tenfold_vision::Targets;

/// One way to train the student.
pub(super) struct Student {
    pub(super) name: String,
    /// Of the teacher and the loss; none for label smoothing.
    pub(super) temperature: Option<f64>,
    /// Whether the teacher is the larger network; otherwise it is of the student's size.
    pub(super) larger: bool,
    pub(super) measured: Measured,
}

/// All students.
pub(super) struct Distilled {
    pub(super) students: Vec<Student>,
    /// The label smoothing whose targets have the mean entropy of the larger teacher's at the claims' temperature.
    pub(super) smoothing: f64,
    pub(super) seconds: f64,
}

/// All students; none while other shards have some to train.
pub(super) fn run(
    context: &Context,
    settings: &Settings,
    data: &Planted,
    real: &Sizes,
) -> Result<Option<Distilled>, ReproduceError> {
    let start = Instant::now();
    let (small, large) = (settings.student(real.sizes.len()), real.sizes.len() - 1);
    let size = &real.sizes[small].size;
    let (mut students, mut complete) = (Vec::new(), true);
    let mut add = |name: String, temperature: Option<f64>, larger: bool, readings: Option<Vec<Reading>>| {
        match readings {
            Some(readings) => {
                let measured = Measured::new(size.clone(), &real.masks, readings)?;
                students.push(Student { name, temperature, larger, measured });
            }
            None => complete = false,
        }
        Ok::<(), ReproduceError>(())
    };
    for larger in [false, true] {
        let teacher = &real.sizes[if larger { large } else { small }];
        for temperature in TEMPERATURES {
            let name = format!("{} teacher, T = {temperature}", if larger { "larger" } else { "own size" });
            let unit = format!("student-{}-t{temperature}", if larger { "larger" } else { "self" });
            let config = settings.training.clone().with_temperature(temperature);
            let targets = |k: usize| Some(Arc::new(soft(&teacher.logits[k], data.classes, temperature)));
            let readings = train(context, data, &real.masks, size, &config, &unit, false, targets)?;
            add(name, Some(temperature), larger, readings)?;
        }
    }
    let smoothing = matched_smoothing(&real.sizes[large], &real.masks, data.classes);
    let config = settings.training.clone().with_label_smoothing(smoothing);
    let readings = train(context, data, &real.masks, size, &config, "student-smoothed", false, |_| None)?;
    add(format!("label smoothing {smoothing:.3}"), None, false, readings)?;
    Ok(complete.then(|| Distilled { students, smoothing, seconds: start.elapsed().as_secs_f64() }))
}

/// The teacher's outputs at a temperature, one row for each example; the student only sees those of its subset.
fn soft(logits: &[f32], classes: usize, temperature: f64) -> Targets {
    let rows = logits.chunks_exact(classes).flat_map(|row| probabilities(row, temperature));
    let values: Vec<f32> = rows.map(|p| p as f32).collect();
    let table = Array2::from_shape_vec((logits.len() / classes, classes), values);
    Targets::Soft(table.expect("as many logits as examples times classes"))
}

fn probabilities(row: &[f32], temperature: f64) -> Vec<f64> {
    let mut p = vec![0.0; row.len()];
    tempered_softmax(row.iter().copied(), temperature, &mut p);
    p
}

/// The smoothing a whose targets `(1 - a) e_y + a / C` have the mean entropy of the teacher's softened probabilities on the
/// examples it was trained on, by bisection.
fn matched_smoothing(teacher: &Measured, masks: &[BitMask], classes: usize) -> f64 {
    let entropy = |p: &[f64]| -> f64 { p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum() };
    let (mut sum, mut count) = (0.0, 0_usize);
    for (mask, logits) in masks.iter().zip(&teacher.logits) {
        for (_, row) in logits.chunks_exact(classes).enumerate().filter(|(i, _)| mask.get(*i)) {
            sum += entropy(&probabilities(row, super::settings::TEMPERATURE));
            count += 1;
        }
    }
    let wanted = sum / count as f64;
    let of = |a: f64| {
        let off = a / classes as f64;
        let on = 1.0 - a + off;
        entropy(&[on]) + (classes - 1) as f64 * entropy(&[off])
    };
    let (mut lo, mut hi) = (0.0, 0.99);
    for _ in 0..60 {
        let middle = (lo + hi) / 2.0;
        if of(middle) < wanted { lo = middle } else { hi = middle }
    }
    lo
}
