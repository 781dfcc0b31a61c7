//! One seed: a teacher, its margins, and students of all kinds.

use super::settings::{Settings, TEMPERATURES};
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit::long_tail::{Cut, Pools, Profile};
use crate::kit::students::{Said, logits};
use ndarray::Array2;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;
use tenfold_distill::{AdaAlpha, AdaMarginForm, Folds, Lesson, MarginSource, Marginal, Margins, Teacher};
use tenfold_vision::Targets;

/// Who is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arm {
    /// The teacher itself.
    Teacher,
    /// A student of the labels.
    OneHot,
    /// A student of the labels with the balanced loss: what any remedy for rare classes is to be compared with.
    Balanced,
    /// Students of the teacher at the temperatures.
    Mild,
    Warm,
    /// AdaAlpha with margins of cross-fitting, in-sample margins, and the first dealt to classes at random.
    AdaAlpha,
    AdaAlphaInSample,
    AdaAlphaDealt,
    /// AdaMargin with margins of cross-fitting: multiplicative and additive.
    AdaMargin,
    AdaMarginAdditive,
}

impl Arm {
    pub(super) const ALL: [Self; 10] = [
        Self::Teacher,
        Self::OneHot,
        Self::Balanced,
        Self::Mild,
        Self::Warm,
        Self::AdaAlpha,
        Self::AdaAlphaInSample,
        Self::AdaAlphaDealt,
        Self::AdaMargin,
        Self::AdaMarginAdditive,
    ];

    pub(super) fn name(self) -> String {
        let [mild, warm] = TEMPERATURES;
        match self {
            Self::Teacher => "teacher".into(),
            Self::OneHot => "student of labels".into(),
            Self::Balanced => "student of labels, balanced loss".into(),
            Self::Mild => format!("distilled, T = {mild}"),
            Self::Warm => format!("distilled, T = {warm}"),
            Self::AdaAlpha => format!("AdaAlpha, cross-fit, T = {warm}"),
            Self::AdaAlphaInSample => format!("AdaAlpha, in-sample, T = {warm}"),
            Self::AdaAlphaDealt => format!("AdaAlpha, classes dealt at random, T = {warm}"),
            Self::AdaMargin => format!("AdaMargin, multiplicative, T = {warm}"),
            Self::AdaMarginAdditive => format!("AdaMargin, additive, T = {warm}"),
        }
    }

    pub(super) fn index(self) -> usize {
        Self::ALL.iter().position(|arm| *arm == self).unwrap_or(0)
    }
}

/// What is kept of a seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// In the order of [`Arm::ALL`].
    pub(super) said: Vec<Said>,
    /// The teacher's margin on each class: from cross-fitting, on its own training rows, on the test set.
    pub(super) cross_fit: Vec<f64>,
    pub(super) in_sample: Vec<f64>,
    pub(super) test: Vec<f64>,
    /// The class of the pool that each class is.
    pub(super) classes: Vec<usize>,
}

/// Trains everything of a seed.
pub(super) fn run(
    context: &Context,
    settings: &Settings,
    pools: &Pools,
    profile: &Profile,
    seed: Seed,
) -> Result<Record, ReproduceError> {
    let cut = pools.cut(profile, seed)?;
    let labels = &cut.train.labels;
    let hard = Targets::Hard(labels.clone());
    let standard = Lesson::standard();
    let teach = |rows: &_, targets: &_, net: &crate::kit::students::Net, lesson: &Lesson, name: &str| {
        net.teach(rows, targets, lesson, seed.named(name), &context.device).map(|taught| taught.trained.model)
    };
    let teacher = teach(&cut.train, &hard, &settings.teacher, &standard, "teacher")?;
    let mut said = vec![Said::of(&teacher, pools, &cut)?];
    let on_train = logits(&teacher, &cut.train)?;
    let on_test = logits(&teacher, &pools.test)?;
    let margins = |said: &Array2<f32>, labels: &[usize], source: MarginSource| -> Result<Margins, ReproduceError> {
        Ok(Margins::of(&Teacher::logits(said.view(), 1.0)?, labels, 1.0, source)?)
    };
    let cross = margins(
        &out_of_fold(context, settings, &cut, seed)?,
        labels,
        MarginSource::CrossFit { folds: settings.folds },
    )?;
    let own = margins(&on_train, labels, MarginSource::InSample)?;
    let test = margins(&on_test, &pools.test_labels(&cut.classes), MarginSource::External)?;

    let teacher = Teacher::logits(on_train.view(), 1.0)?;
    let [mild, warm] = TEMPERATURES.map(|t| teacher.tempered(t));
    let (mild, warm) = (mild?, warm?);
    let alpha = |of: &[f64]| -> Targets { mixed(&warm, labels, &of.iter().map(|g| g.max(0.0)).collect::<Vec<_>>()) };
    let ada = |margins: &Margins| -> Result<Targets, ReproduceError> {
        Ok(Targets::Soft(AdaAlpha::default().targets(&teacher, labels, margins, TEMPERATURES[1])?.values))
    };
    let mut dealt = cross.per_class();
    dealt.shuffle(&mut seed.named("dealt").rng());
    let ada_margin = |form: AdaMarginForm| Lesson::ada_margin(&cross.per_class(), form);
    let balanced = Lesson::balanced(&Marginal::of_labels(labels, pools.classes())?)?;
    for arm in &Arm::ALL[1..] {
        // Students start from the same weights and see the same order, so that they differ in what they are taught.
        let (targets, lesson) = match arm {
            Arm::Teacher | Arm::OneHot => (hard.clone(), standard.clone()),
            Arm::Balanced => (hard.clone(), balanced.clone()),
            Arm::Mild => (Targets::Soft(mild.clone()), standard.clone()),
            Arm::Warm => (Targets::Soft(warm.clone()), standard.clone()),
            Arm::AdaAlpha => (ada(&cross)?, standard.clone()),
            Arm::AdaAlphaInSample => (ada(&own)?, standard.clone()),
            Arm::AdaAlphaDealt => (alpha(&dealt), standard.clone()),
            Arm::AdaMargin => (Targets::Soft(warm.clone()), ada_margin(AdaMarginForm::default())?),
            Arm::AdaMarginAdditive => {
                (Targets::Soft(warm.clone()), ada_margin(AdaMarginForm::Additive { scale: 1.0 })?)
            }
        };
        let student = teach(&cut.train, &targets, &settings.student, &lesson, "student")?;
        said.push(Said::of(&student, pools, &cut)?);
    }
    Ok(Record {
        said,
        cross_fit: cross.per_class(),
        in_sample: own.per_class(),
        test: test.per_class(),
        classes: cut.classes,
    })
}

/// What teachers say of the rows that they were not trained on.
fn out_of_fold(context: &Context, settings: &Settings, cut: &Cut, seed: Seed) -> Result<Array2<f32>, ReproduceError> {
    let folds = Folds::new(&cut.train.labels, cut.train.n_classes, settings.folds, seed.named("folds"))?;
    let said = (0..folds.count()).map(|fold| {
        let rows = cut.train.select(&folds.train(fold))?;
        let targets = Targets::Hard(rows.labels.clone());
        let seed = seed.named("fold").child(fold as u64);
        let taught = settings.teacher.teach(&rows, &targets, &Lesson::standard(), seed, &context.device)?;
        logits(&taught.trained.model, &cut.train.select(&folds.held_out(fold))?)
    });
    let said = said.collect::<Result<Vec<_>, ReproduceError>>()?;
    Ok(folds.gather(&said.iter().map(|said| said.view()).collect::<Vec<_>>())?)
}

/// `(1 - alpha_y) one-hot + alpha_y p` with an alpha of each row's class.
fn mixed(teacher: &Array2<f32>, labels: &[usize], alphas: &[f64]) -> Targets {
    let mut rows = teacher.clone();
    for (mut row, &label) in rows.rows_mut().into_iter().zip(labels) {
        let alpha = alphas[label] as f32;
        row.mapv_inplace(|p| p * alpha);
        row[label] += 1.0 - alpha;
    }
    Targets::Soft(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use tenfold_distill::one_hot;

    #[test]
    fn dealt_alphas_mix_as_ada_alpha_does() {
        let z = array![
            [2.0_f32, 0.5, -1.0],
            [0.1, 0.2, 0.3],
            [1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [0.5, 0.4, 0.0],
            [0.0, 0.0, 2.0]
        ];
        let labels = [0, 1, 0, 1, 2, 2];
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let margins = Margins::of(&teacher, &labels, 1.0, MarginSource::InSample).unwrap();
        let ada = AdaAlpha::default().targets(&teacher, &labels, &margins, 5.0).unwrap().values;
        let alphas: Vec<f64> = margins.per_class().iter().map(|g| g.max(0.0)).collect();
        let Targets::Soft(found) = mixed(&teacher.tempered(5.0).unwrap(), &labels, &alphas) else { panic!("soft") };
        assert!(found.iter().zip(&ada).all(|(a, b)| (a - b).abs() < 1e-6));
        let Targets::Soft(none) = mixed(&ada, &labels, &[0.0; 3]) else { panic!("soft") };
        assert_eq!(none, one_hot::<f32>(&labels, 3).unwrap());
    }

    #[test]
    fn every_arm_has_its_place_and_name() {
        assert!(Arm::ALL.iter().enumerate().all(|(i, arm)| arm.index() == i));
        let mut names = Arm::ALL.map(Arm::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Arm::ALL.len());
    }
}
