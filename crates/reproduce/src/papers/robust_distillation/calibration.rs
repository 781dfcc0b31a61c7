//! The exact case: teachers of many kinds, how well calibrated they are, and how good a robust student they make.

use super::arms::{Aim, Lab, Scores};
use super::settings::{Settings, TEMPERATURE};
use crate::error::ReproduceError;
use crate::kit::students::{Net, Said, classes, logits};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use tenfold_data::Table;
use tenfold_distill::{CalibrationTerm, Form, Teacher};

/// A kind of teacher.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Its objective; none for the exact posterior.
    aim: Option<Aim>,
    units: usize,
    /// As many epochs as others, times this.
    epochs: f64,
    weight_decay: f64,
}

const fn kind(name: &'static str, aim: Aim, units: usize, epochs: f64, weight_decay: f64) -> Kind {
    Kind { name, aim: Some(aim), units, epochs, weight_decay }
}

pub(super) const STANDARD: usize = 0;
pub(super) const BALANCED: usize = 9;
pub(super) const ROBUST: usize = 13;
pub(super) const EXACT: usize = 15;

/// Teachers that differ in how well they are calibrated, class by class.
pub(super) const KINDS: [Kind; 16] = [
    kind("standard", Aim::Standard, 128, 1.0, 1e-4),
    kind("standard, 4 units", Aim::Standard, 4, 1.0, 1e-4),
    kind("standard, 8 units", Aim::Standard, 8, 1.0, 1e-4),
    kind("standard, 32 units", Aim::Standard, 32, 1.0, 1e-4),
    kind("standard, a twelfth of the epochs", Aim::Standard, 128, 1.0 / 12.0, 1e-4),
    kind("standard, a quarter of the epochs", Aim::Standard, 128, 0.25, 1e-4),
    kind("standard, twice the epochs", Aim::Standard, 128, 2.0, 1e-4),
    kind("standard, weight decay 0.001", Aim::Standard, 128, 1.0, 1e-3),
    kind("standard, weight decay 0.01", Aim::Standard, 128, 1.0, 1e-2),
    kind("balanced", Aim::Balanced, 128, 1.0, 1e-4),
    kind("balanced, 8 units", Aim::Balanced, 8, 1.0, 1e-4),
    kind("balanced, weight decay 0.01", Aim::Balanced, 128, 1.0, 1e-2),
    kind("trade-off 0.5", Aim::Half, 128, 1.0, 1e-4),
    kind("robust", Aim::Robust, 128, 1.0, 1e-4),
    kind("robust, weight decay 0.01", Aim::Robust, 128, 1.0, 1e-2),
    Kind { name: "exact posterior", aim: None, units: 0, epochs: 0.0, weight_decay: 0.0 },
];

/// What is kept of a teacher.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) own: Said,
    /// The largest calibration term over classes at the targets' temperature, on points of the long-tailed law and of the balanced one.
    pub(super) long_tailed: f64,
    pub(super) balanced: f64,
    /// Its robust student, with labels on the validation set, and with its own.
    pub(super) by_labels: Said,
    pub(super) by_teacher: Said,
}

/// Trains the teachers of a seed on the mixture, and their students.
pub(super) fn run(lab: &Lab, settings: &Settings) -> Result<Vec<Found>, ReproduceError> {
    let counts = lab.cut.train.class_counts();
    let long: Vec<f64> = counts.iter().map(|&n| n as f64 / lab.cut.train.len() as f64).collect();
    let even = vec![1.0 / counts.len() as f64; counts.len()];
    let exact = |rows: &Table, priors: &[f64]| -> Result<Array2<f64>, ReproduceError> {
        lab.pools.posterior(&lab.cut, rows, priors)?.ok_or_else(|| ReproduceError::Part("the law is not known".into()))
    };
    // The test set is balanced; of it, as many rows of each class as the long tail has, in proportion.
    let labels = lab.pools.test_labels(&lab.cut.classes);
    let tail = settings.profile.tail.clone();
    let most = labels.iter().filter(|&&label| label == 0).count().min(tail.n_max);
    let rows = tail.with_n_max(most).select(&labels, counts.len(), lab.seed.named("calibration"))?;
    let test = &lab.pools.test;
    let tailed = test.select(&rows)?;
    let truth = (exact(&tailed, &long)?, exact(test, &even)?);

    let found = |kind: &Kind| -> Result<Found, ReproduceError> {
        let model = kind.aim.map(|aim| {
            let epochs = (settings.teacher.epochs as f64 * kind.epochs).ceil() as usize;
            let net = Net { hidden: kind.units, epochs, weight_decay: kind.weight_decay };
            lab.of_labels(&net, aim, Form::Margins, "teacher")
        });
        let model = model.transpose()?;
        let ask = |rows: &Table| match &model {
            Some(model) => logits(model, rows),
            // What a perfect teacher of the training law says.
            None => Ok(exact(rows, &long)?.mapv(|p| p.max(1e-30).ln() as f32)),
        };
        let scores = Scores { train: ask(&lab.cut.train)?, validation: ask(&lab.cut.validation)? };
        let on_test = ask(test)?;
        let own = match &model {
            Some(model) => lab.said(model)?,
            None => Said { test: classes(on_test.view()), validation: vec![], fresh: vec![], train_accuracy: None },
        };
        let term = |scores: &Array2<f32>, truth: &Array2<f64>| -> Result<f64, ReproduceError> {
            let teacher = Teacher::logits(scores.view(), 1.0)?;
            Ok(CalibrationTerm::of(&teacher, TEMPERATURE, truth.view())?.worst().1.value)
        };
        let student = |aim: Aim| -> Result<Said, ReproduceError> {
            lab.said(&lab.student(&settings.student, &scores, TEMPERATURE, (aim, Form::Margins), false)?.0)
        };
        Ok(Found {
            own,
            long_tailed: term(&ask(&tailed)?, &truth.0)?,
            balanced: term(&on_test, &truth.1)?,
            by_labels: student(Aim::Robust)?,
            by_teacher: student(Aim::RobustByTeacher)?,
        })
    };
    KINDS.iter().map(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_where_they_are_looked_for() {
        let names = [STANDARD, BALANCED, ROBUST, EXACT].map(|i| KINDS[i].name);
        assert_eq!(names, ["standard", "balanced", "robust", "exact posterior"]);
    }
}
