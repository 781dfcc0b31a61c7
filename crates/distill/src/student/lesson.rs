//! What a student is to learn, and the training that follows.

use super::StudentError;
use crate::error::require_per_class;
use crate::losses::{AdaMarginForm, in_training};
use crate::robust::{ClassRisks, EgParams, Multipliers, RiskKind, ScoreAverage};
use crate::teacher::{Marginal, Teacher};
use ndarray::{Array2, ArrayView2};
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{Classifier, Inputs, Moment, TrainConfig, Trained, TrainingSet, steer};

/// Who says which classes suffer on validation examples.
#[derive(Clone, Debug)]
pub enum ValidationLabels<'a> {
    /// Labels `[n]`.
    OneHot(&'a [usize]),
    /// A teacher at a temperature. One that is nearly certain does not see its own errors on rare classes.
    Teacher(Teacher<'a, f32>, f64),
}

/// Examples that the multipliers follow. They must not be those that anything is reported on.
#[derive(Clone, Debug)]
pub struct Validation<'a> {
    /// `[n]` inputs.
    pub inputs: Inputs<'a>,
    /// Who judges.
    pub labels: ValidationLabels<'a>,
}

impl Validation<'_> {
    fn risks(&self, scores: ArrayView2<f32>) -> Result<ClassRisks, StudentError> {
        Ok(match &self.labels {
            ValidationLabels::OneHot(labels) => ClassRisks::of_labels(labels, scores, RiskKind::ZeroOne)?,
            ValidationLabels::Teacher(teacher, temperature) => {
                ClassRisks::of_teacher(teacher, *temperature, scores, RiskKind::ZeroOne)?
            }
        })
    }
}

/// Where costs enter the loss. Both have the same minimisers where a class of scorers is rich enough; a network that fits every
/// training example makes nothing of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As margins, `-sum_y q_y log softmax_y(f - log c)`.
    #[default]
    Margins,
    /// As weights, `-sum_y c_y q_y log softmax_y(f)`.
    Weights,
}

/// What the loss makes of the classes.
#[derive(Clone, Debug)]
enum Aim<'a> {
    Standard,
    Costs(Vec<f64>),
    Robust { eg: EgParams, marginal: Marginal, validation: Validation<'a> },
    AdaMargin(Vec<f64>, AdaMarginForm),
}

/// What a student is to learn from the targets of its training set: every class as it comes, with costs, or the worst class.
///
/// The training set holds soft targets, such as [`Teacher::tempered`] or [`AdaAlpha`](crate::AdaAlpha) make them, or labels: a
/// teacher is trained the same way.
///
/// ```
/// use burn::tensor::Device;
/// use ndarray::array;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_distill::{EgParams, Lesson, Marginal, Validation, ValidationLabels};
/// use tenfold_vision::{ImageShape, Inputs, MlpConfig, Model, Targets, TrainConfig, TrainingSet};
///
/// let x = array![[-1.0_f32], [1.0], [1.0], [1.0], [0.9], [-0.9]];
/// let labels = vec![0, 1, 1, 1, 1, 0];
/// let inputs = Inputs::new(x.view(), ImageShape::table(1)).unwrap();
/// let targets = Targets::Hard(labels.clone());
/// let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
/// let marginal = Marginal::of_labels(&labels, 2)?;
/// let validation = Validation { inputs, labels: ValidationLabels::OneHot(&labels) };
/// let net = Model::Mlp(MlpConfig::new(1, &[4], 2).init(Seed::new(1), &Device::flex()).unwrap());
/// let lesson = Lesson::robust(EgParams::default(), marginal, validation)?;
/// let taught = lesson.teach(net, &set, &TrainConfig::default().with_epochs(3), Seed::new(1)).unwrap();
/// assert_eq!(taught.multipliers.unwrap().updates(), 3);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023), algorithm
/// 1 with the supplement's practical changes: 0-1 risks on validation examples, some steps between two updates.
#[derive(Clone, Debug)]
pub struct Lesson<'a> {
    aim: Aim<'a>,
    form: Form,
    average_on: Vec<Inputs<'a>>,
}

/// A student, and what its training kept.
#[derive(Debug)]
pub struct Taught<C> {
    /// The student after the last step.
    pub trained: Trained<C>,
    /// The multipliers after the last update, of a robust lesson.
    pub multipliers: Option<Multipliers>,
    /// The mean of the scores after each update, `[n, m]`, for each of [`Lesson::averaging`]'s inputs.
    pub averages: Vec<Array2<f64>>,
}

impl<'a> Lesson<'a> {
    /// Every class as it comes.
    pub fn standard() -> Self {
        Self { aim: Aim::Standard, form: Form::Margins, average_on: Vec::new() }
    }

    /// With costs `[m]` above 0, of which only the ratios matter: they are scaled to mean 1, as those of multipliers are.
    ///
    /// # Errors
    /// A cost that is not finite and above 0.
    pub fn costs(costs: &[f64]) -> Result<Self, crate::DistillError> {
        for cost in costs {
            crate::error::require_positive("costs", *cost)?;
        }
        let mean = costs.iter().sum::<f64>() / costs.len() as f64;
        Ok(Self { aim: Aim::Costs(costs.iter().map(|cost| cost / mean).collect()), ..Self::standard() })
    }

    /// The balanced objective: costs `1/pi`.
    ///
    /// # Errors
    /// None with a marginal of this crate.
    pub fn balanced(marginal: &Marginal) -> Result<Self, crate::DistillError> {
        Self::costs(&marginal.values().iter().map(|pi| 1.0 / pi).collect::<Vec<_>>())
    }

    /// [`AdaMargin`](crate::AdaMargin) with one margin for each class.
    ///
    /// # Errors
    /// A margin that is not finite, or a floor that is not above 0.
    pub fn ada_margin(margins: &[f64], form: AdaMarginForm) -> Result<Self, crate::DistillError> {
        require_per_class("margins", margins, margins.len())?;
        in_training(margins, form)?;
        Ok(Self { aim: Aim::AdaMargin(margins.to_vec(), form), ..Self::standard() })
    }

    /// The worst class, or with a trade-off both it and the balanced objective: costs follow the risks on validation examples.
    /// `marginal` is that of the training set's targets.
    ///
    /// # Errors
    /// Settings that break their rules.
    pub fn robust(eg: EgParams, marginal: Marginal, validation: Validation<'a>) -> Result<Self, crate::DistillError> {
        eg.validate()?;
        Ok(Self { aim: Aim::Robust { eg, marginal, validation }, ..Self::standard() })
    }

    /// Sets where costs enter.
    #[must_use]
    pub fn with_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Averages the scores of these inputs over the iterates of a robust lesson, as the theory has it. Each costs a pass over the
    /// inputs for each update.
    #[must_use]
    pub fn averaging(mut self, inputs: Vec<Inputs<'a>>) -> Self {
        self.average_on = inputs;
        self
    }

    /// Trains a student. Multipliers are updated before the first step, and then `updates_per_epoch` times an epoch, evenly, if it
    /// has so many steps.
    ///
    /// # Errors
    /// What is wrong with settings, data or training; a validation set in which a class is missing.
    pub fn teach<C: Classifier>(
        &self,
        student: C,
        set: &TrainingSet,
        config: &TrainConfig,
        seed: Seed,
    ) -> Result<Taught<C>, StudentError> {
        let classes = student.classes();
        let mut multipliers = match &self.aim {
            Aim::Robust { eg, .. } => Some(Multipliers::uniform(classes, eg.clone())?),
            Aim::Standard => None,
            Aim::Costs(costs) => {
                require_per_class("costs", costs, classes)?;
                None
            }
            Aim::AdaMargin(margins, _) => {
                require_per_class("margins", margins, classes)?;
                None
            }
        };
        let averages = self.average_on.iter().map(|inputs| ScoreAverage::new(inputs.len(), classes));
        let mut averages = averages.collect::<Result<Vec<_>, _>>()?;
        let trained = steer(student, set, config, seed, |moment: &mut Moment| -> Result<(), StudentError> {
            match (&self.aim, &mut multipliers) {
                (Aim::Robust { eg, marginal, validation }, Some(multipliers)) if is_due(moment, eg) => {
                    if multipliers.updates() > 0 {
                        for (average, inputs) in averages.iter_mut().zip(&self.average_on) {
                            average.add(moment.logits(inputs)?.view())?;
                        }
                    }
                    let scores = moment.logits(&validation.inputs)?;
                    let costs = multipliers.step(&validation.risks(scores.view())?, marginal)?;
                    self.set(moment, &costs)
                }
                (Aim::Costs(costs), _) if is_first(moment) => self.set(moment, costs),
                (Aim::AdaMargin(margins, form), _) if is_first(moment) => {
                    moment.set_loss(in_training(margins, *form)?);
                    Ok(())
                }
                _ => Ok(()),
            }
        })?;
        for (average, inputs) in averages.iter_mut().zip(&self.average_on) {
            average.add(tenfold_vision::evaluate(&trained.model, inputs, config.batch_size)?.logits.view())?;
        }
        let averages = averages.iter().map(ScoreAverage::mean).collect::<Result<_, _>>()?;
        Ok(Taught { trained, multipliers, averages })
    }

    fn set(&self, moment: &mut Moment, costs: &[f64]) -> Result<(), StudentError> {
        let each = |f: fn(f64) -> f64| costs.iter().map(|cost| f(*cost) as f32).collect::<Vec<_>>();
        match self.form {
            Form::Margins => moment.set_offsets(&each(|cost| -cost.ln()))?,
            Form::Weights => moment.set_weights(&each(|cost| cost))?,
        }
        Ok(())
    }
}

fn is_first(moment: &Moment) -> bool {
    moment.epoch() == 0 && moment.step() == 0
}

/// Whether multipliers move before this step: at the first step of each of the epoch's equal parts.
fn is_due(moment: &Moment, eg: &EgParams) -> bool {
    let (step, steps) = (moment.step(), moment.steps());
    let part = |step: usize| step * eg.updates_per_epoch / steps;
    step == 0 || part(step) != part(step - 1)
}
