//! One seed: teachers of four objectives, students of seven for each, and what they are compared with.

use super::settings::{Settings, TEMPERATURE};
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit::long_tail::{Cut, Pools, Profile, inputs};
use crate::kit::students::{Net, Said, classes, logits};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;
use tenfold_data::Table;
use tenfold_distill::{EgParams, Form, Lesson, Marginal, PostShift, Taught, Teacher, Validation, ValidationLabels};
use tenfold_vision::{Model, Targets};

/// What a network is trained for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    Standard,
    Balanced,
    /// Trade-offs between balanced and robust.
    Quarter,
    Half,
    ThreeQuarters,
    Robust,
    /// Robust, with the teacher's labels on the validation set.
    RobustByTeacher,
}

impl Aim {
    /// Of teachers.
    pub(super) const TEACHERS: [Self; 4] = [Self::Standard, Self::Balanced, Self::Half, Self::Robust];
    /// Of distilled students.
    pub(super) const STUDENTS: [Self; 7] = [
        Self::Standard,
        Self::Balanced,
        Self::Quarter,
        Self::Half,
        Self::ThreeQuarters,
        Self::Robust,
        Self::RobustByTeacher,
    ];
    /// Of students without a teacher.
    pub(super) const ALONE: [Self; 3] = [Self::Standard, Self::Balanced, Self::Robust];
    /// Teachers of students whose scores are averaged too.
    pub(super) const AVERAGED: [Self; 3] = [Self::Standard, Self::Balanced, Self::Robust];
    /// From balanced to robust.
    pub(super) const TRADE_OFFS: [Self; 5] =
        [Self::Balanced, Self::Quarter, Self::Half, Self::ThreeQuarters, Self::Robust];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Balanced => "balanced",
            Self::Quarter => "trade-off 0.25",
            Self::Half => "trade-off 0.5",
            Self::ThreeQuarters => "trade-off 0.75",
            Self::Robust => "robust",
            Self::RobustByTeacher => "robust, teacher's labels",
        }
    }

    /// alpha, of balanced, trade-off and robust.
    pub(super) fn alpha(self) -> f64 {
        match self {
            Self::Standard | Self::Balanced => 0.0,
            Self::Quarter => 0.25,
            Self::Half => 0.5,
            Self::ThreeQuarters => 0.75,
            Self::Robust | Self::RobustByTeacher => 1.0,
        }
    }
}

/// Who is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arm {
    Teacher(Aim),
    /// A student of a teacher.
    Student(Aim, Aim),
    /// A network of the student's size, trained on labels.
    Alone(Aim),
    /// A network of the teacher's size on labels, whose costs are weights instead of margins.
    Weighted(Aim),
    /// A student of the standard teacher whose costs are weights.
    WeightedStudent(Aim),
    /// The standard teacher's predictions, shifted to do best on the validation set.
    Shifted,
    /// The mean of the scores of a robust student's iterates.
    Averaged(Aim),
}

impl Arm {
    /// All of them, in the order in which they are kept.
    pub(super) fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Aim::TEACHERS.map(Self::Teacher).to_vec();
        all.extend(Aim::TEACHERS.iter().flat_map(|&t| Aim::STUDENTS.map(|s| Self::Student(t, s))));
        all.extend(Aim::ALONE.map(Self::Alone));
        all.extend([Aim::Balanced, Aim::Robust].map(Self::Weighted));
        all.extend([Aim::Balanced, Aim::Robust].map(Self::WeightedStudent));
        all.push(Self::Shifted);
        all.extend(Aim::AVERAGED.map(Self::Averaged));
        all
    }

    pub(super) fn index(self) -> usize {
        Self::all().iter().position(|arm| *arm == self).unwrap_or_else(|| panic!("{self:?} is not tested"))
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Teacher(aim) => format!("{} teacher", aim.name()),
            Self::Student(teacher, aim) => format!("{} student of the {} teacher", aim.name(), teacher.name()),
            Self::Alone(aim) => format!("{} student without a teacher", aim.name()),
            Self::Weighted(aim) => format!("{} network of labels, weights", aim.name()),
            Self::WeightedStudent(aim) => format!("{} student of the standard teacher, weights", aim.name()),
            Self::Shifted => "standard teacher, shifted".into(),
            Self::Averaged(teacher) => {
                format!("robust student of the {} teacher, mean of its iterates", teacher.name())
            }
        }
    }
}

/// What is kept of a seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// In the order of [`Arm::all`].
    pub(super) said: Vec<Said>,
    pub(super) classes: Vec<usize>,
}

/// A seed's cut with what its lessons need.
pub(super) struct Lab<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) pools: &'a Pools,
    pub(super) cut: Cut,
    pub(super) seed: Seed,
}

/// A teacher's scores of the training rows and of the validation rows.
pub(super) struct Scores {
    pub(super) train: Array2<f32>,
    pub(super) validation: Array2<f32>,
}

impl<'a> Lab<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        pools: &'a Pools,
        profile: &Profile,
        seed: Seed,
    ) -> Result<Self, ReproduceError> {
        Ok(Self { context, pools, cut: pools.cut(profile, seed)?, seed })
    }

    pub(super) fn said(&self, model: &Model) -> Result<Said, ReproduceError> {
        Said::of(model, self.pools, &self.cut)
    }

    pub(super) fn scores(&self, model: &Model) -> Result<Scores, ReproduceError> {
        Ok(Scores { train: logits(model, &self.cut.train)?, validation: logits(model, &self.cut.validation)? })
    }

    /// Labels as targets.
    pub(super) fn hard(&self) -> Targets {
        Targets::Hard(self.cut.train.labels.clone())
    }

    fn teach(
        &self,
        net: &Net,
        targets: &Targets,
        lesson: &Lesson,
        name: &str,
    ) -> Result<Taught<Model>, ReproduceError> {
        net.teach(&self.cut.train, targets, lesson, self.seed.named(name), &self.context.device)
    }

    /// A network of labels, one of students' size or of teachers'.
    pub(super) fn of_labels(&self, net: &Net, aim: Aim, form: Form, name: &str) -> Result<Model, ReproduceError> {
        let marginal = Marginal::of_labels(&self.cut.train.labels, self.pools.classes())?;
        let lesson = match aim {
            Aim::Standard => Lesson::standard(),
            Aim::Balanced => Lesson::balanced(&marginal)?,
            _ => Lesson::robust(Settings::of_labels(aim.alpha()), marginal, self.by_labels()?)?,
        };
        Ok(self.teach(net, &self.hard(), &lesson.with_form(form), name)?.trained.model)
    }

    fn by_labels(&self) -> Result<Validation<'_>, ReproduceError> {
        let labels = ValidationLabels::OneHot(&self.cut.validation.labels);
        Ok(Validation { inputs: inputs(&self.cut.validation)?, labels })
    }

    /// A student of a teacher at a temperature. The mean scores of the test set come with it if they are asked for.
    pub(super) fn student(
        &self,
        net: &Net,
        teacher: &Scores,
        temperature: f64,
        (aim, form): (Aim, Form),
        averaged: bool,
    ) -> Result<(Model, Option<Array2<f64>>), ReproduceError> {
        let stored = Teacher::logits(teacher.train.view(), 1.0)?;
        let targets = Targets::Soft(stored.tempered(temperature)?);
        let marginal = Marginal::of_teacher(&stored, temperature)?;
        let eg: EgParams = Settings::of_student(aim.alpha());
        let lesson = match aim {
            Aim::Standard => Lesson::standard(),
            Aim::Balanced => Lesson::balanced(&marginal)?,
            Aim::RobustByTeacher => {
                let judge = Teacher::logits(teacher.validation.view(), 1.0)?;
                let labels = ValidationLabels::Teacher(judge, 1.0);
                Lesson::robust(eg, marginal, Validation { inputs: inputs(&self.cut.validation)?, labels })?
            }
            _ => Lesson::robust(eg, marginal, self.by_labels()?)?,
        };
        let mut lesson = lesson.with_form(form);
        if averaged {
            lesson = lesson.averaging(vec![inputs(&self.pools.test)?]);
        }
        // All students of a seed begin with the same weights and see the same order of rows.
        let taught = self.teach(net, &targets, &lesson, "student")?;
        Ok((taught.trained.model, taught.averages.into_iter().next()))
    }

    /// The standard teacher's predictions, shifted.
    fn shifted(&self, teacher: &Model) -> Result<Said, ReproduceError> {
        let rows = |table: &Table| logits(teacher, table);
        let validation = rows(&self.cut.validation)?;
        let stored = Teacher::logits(validation.view(), 1.0)?;
        let shift = PostShift::default().search(&stored, &self.cut.validation.labels, 1.0, self.seed.named("shift"))?;
        let said = |scores: &Array2<f32>| -> Result<Vec<u8>, ReproduceError> {
            Ok(shift.predict(&Teacher::logits(scores.view(), 1.0)?)?.into_iter().map(|class| class as u8).collect())
        };
        let train = said(&rows(&self.cut.train)?)?;
        let right =
            train.iter().zip(&self.cut.train.labels).filter(|(said, label)| usize::from(**said) == **label).count();
        Ok(Said {
            test: said(&rows(&self.pools.test)?)?,
            validation: said(&validation)?,
            fresh: said(&rows(&self.cut.fresh)?)?,
            train_accuracy: Some(right as f64 / self.cut.train.len() as f64),
        })
    }
}

/// Trains everything of a seed.
pub(super) fn run(lab: &Lab, settings: &Settings) -> Result<Record, ReproduceError> {
    let teachers = Aim::TEACHERS.map(|aim| lab.of_labels(&settings.teacher, aim, Form::Margins, "teacher"));
    let teachers = teachers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let scores = teachers.iter().map(|model| lab.scores(model)).collect::<Result<Vec<_>, _>>()?;
    let of = |aim: Aim| Aim::TEACHERS.iter().position(|t| *t == aim).unwrap_or(0);
    let mut said = Vec::new();
    let mut averages = Vec::new();
    for arm in Arm::all() {
        said.push(match arm {
            Arm::Teacher(aim) => lab.said(&teachers[of(aim)])?,
            Arm::Student(teacher, aim) => {
                let averaged = aim == Aim::Robust && Aim::AVERAGED.contains(&teacher);
                let teacher = &scores[of(teacher)];
                let (model, mean) =
                    lab.student(&settings.student, teacher, TEMPERATURE, (aim, Form::Margins), averaged)?;
                averages.extend(mean);
                lab.said(&model)?
            }
            Arm::Alone(aim) => lab.said(&lab.of_labels(&settings.student, aim, Form::Margins, "student")?)?,
            Arm::Weighted(aim) => lab.said(&lab.of_labels(&settings.teacher, aim, Form::Weights, "teacher")?)?,
            Arm::WeightedStudent(aim) => {
                let how = (aim, Form::Weights);
                lab.said(&lab.student(&settings.student, &scores[0], TEMPERATURE, how, false)?.0)?
            }
            Arm::Shifted => lab.shifted(&teachers[0])?,
            Arm::Averaged(teacher) => {
                let at = Aim::AVERAGED.iter().position(|t| *t == teacher).unwrap_or(0);
                Said { test: classes(averages[at].view()), validation: vec![], fresh: vec![], train_accuracy: None }
            }
        });
    }
    Ok(Record { said, classes: lab.cut.classes.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arm_has_its_place_and_name() {
        let all = Arm::all();
        assert_eq!(all.len(), 4 + 28 + 3 + 2 + 2 + 1 + 3);
        assert!(all.iter().enumerate().all(|(i, arm)| arm.index() == i));
        let mut names: Vec<String> = all.iter().map(|arm| arm.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }
}
