//! The exact case: teachers of many kinds, how well calibrated they are, and how good a robust student they make.

use super::arms::{Aim, Lab, Scores};
use super::settings::Settings;
use crate::error::ReproduceError;
use crate::kit::students::{Net, Said, logits};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use tenfold_data::Table;
use tenfold_distill::{CalibrationTerm, Form, Teacher};

/// A kind of teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Standard,
    Short,
    Long,
    Narrow,
    Decayed,
    Balanced,
    BalancedDecayed,
    Robust,
    Exact,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::Standard,
        Self::Short,
        Self::Long,
        Self::Narrow,
        Self::Decayed,
        Self::Balanced,
        Self::BalancedDecayed,
        Self::Robust,
        Self::Exact,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Short => "a twelfth of the epochs",
            Self::Long => "twice the epochs",
            Self::Narrow => "four units",
            Self::Decayed => "weight decay 0.01",
            Self::Balanced => "balanced",
            Self::BalancedDecayed => "balanced, weight decay 0.01",
            Self::Robust => "robust",
            Self::Exact => "exact posterior",
        }
    }

    pub(super) fn index(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or(0)
    }
}

/// Temperatures of the targets.
pub(super) const TEMPERATURES: [f64; 2] = [1.0, 3.0];

/// What is kept of a teacher.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) own: Said,
    /// At each temperature: the largest calibration term over classes on points of the long-tailed law and of the balanced one, the
    /// robust student with labels on the validation set, and that with the teacher's.
    pub(super) at: Vec<At>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct At {
    pub(super) long_tailed: f64,
    pub(super) balanced: f64,
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
    let labels = lab.pools.test_labels(&lab.cut);
    let tail = settings.profile.tail.clone();
    let most = labels.iter().filter(|&&label| label == 0).count().min(tail.n_max);
    let rows = tail.with_n_max(most).select(&labels, counts.len(), lab.seed.named("calibration"))?;
    let test = &lab.pools.test;
    let tailed = test.select(&rows)?;
    let truth = (exact(&tailed, &long)?, exact(test, &even)?);

    Kind::ALL
        .iter()
        .map(|&kind| {
            let model = match kind {
                Kind::Exact => None,
                _ => Some(teacher(lab, settings, kind)?),
            };
            let ask = |rows: &Table| match &model {
                Some(model) => logits(model, rows),
                // What a perfect teacher of the training law says.
                None => Ok(exact(rows, &long)?.mapv(|p| p.max(1e-30).ln() as f32)),
            };
            let scores = Scores { train: ask(&lab.cut.train)?, validation: ask(&lab.cut.validation)? };
            let said = |rows: &Table| -> Result<Vec<u8>, ReproduceError> {
                Ok(crate::kit::students::classes(ask(rows)?.view()))
            };
            let own = match &model {
                Some(model) => lab.said(model)?,
                None => Said { test: said(test)?, validation: vec![], fresh: vec![], train_accuracy: f64::NAN },
            };
            let (on_tailed, on_test) = (ask(&tailed)?, ask(test)?);
            let term = |scores: &Array2<f32>, temperature: f64, truth: &Array2<f64>| -> Result<f64, ReproduceError> {
                let teacher = Teacher::logits(scores.view(), 1.0)?;
                Ok(CalibrationTerm::of(&teacher, temperature, truth.view())?.worst().1.value)
            };
            let student = |temperature: f64, aim: Aim| -> Result<Said, ReproduceError> {
                lab.said(&lab.student(&settings.student, &scores, temperature, (aim, Form::Margins), false)?.0)
            };
            let at = TEMPERATURES.iter().map(|&temperature| {
                Ok(At {
                    long_tailed: term(&on_tailed, temperature, &truth.0)?,
                    balanced: term(&on_test, temperature, &truth.1)?,
                    by_labels: student(temperature, Aim::Robust)?,
                    by_teacher: student(temperature, Aim::RobustByTeacher)?,
                })
            });
            Ok(Found { own, at: at.collect::<Result<_, ReproduceError>>()? })
        })
        .collect()
}

fn teacher(lab: &Lab, settings: &Settings, kind: Kind) -> Result<tenfold_vision::Model, ReproduceError> {
    let net = settings.teacher;
    let epochs = net.epochs;
    let net = match kind {
        Kind::Short => Net { epochs: epochs.div_ceil(12), ..net },
        Kind::Long => Net { epochs: 2 * epochs, ..net },
        Kind::Narrow => Net { hidden: 4, ..net },
        Kind::Decayed | Kind::BalancedDecayed => Net { weight_decay: 1e-2, ..net },
        _ => net,
    };
    let aim = match kind {
        Kind::Balanced | Kind::BalancedDecayed => Aim::Balanced,
        Kind::Robust => Aim::Robust,
        _ => Aim::Standard,
    };
    lab.of_labels(&net, aim, Form::Margins, "teacher")
}
