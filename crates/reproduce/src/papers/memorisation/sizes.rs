//! Networks of all sizes on the same subsets.

use super::data::Planted;
use super::settings::{Settings, Size};
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit::networks::ensemble;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Instant;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::Seed;
use tenfold_memorisation::{Design, Score, Study, SubsetDesign};
use tenfold_vision::{
    Inputs, Member, Model, Samples, Targets, TrainConfig, Trained, TrainingSet, VisionError, evaluate,
};

/// What is read off a network.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Reading {
    /// Which examples it gets right.
    pub(super) correct: BitMask,
    /// Which test points it gets right.
    pub(super) tested: BitMask,
    /// Logits of all examples, where it will teach.
    pub(super) logits: Option<Vec<f32>>,
}

/// One size: the study, and what else was read.
pub(super) struct Measured {
    pub(super) size: Size,
    pub(super) study: Study,
    pub(super) scores: Vec<Score>,
    pub(super) tested: Vec<BitMask>,
    pub(super) logits: Vec<Vec<f32>>,
}

/// All sizes on one data set.
pub(super) struct Sizes {
    pub(super) masks: Vec<BitMask>,
    pub(super) sizes: Vec<Measured>,
    pub(super) seconds: f64,
}

impl Measured {
    pub(super) fn new(size: Size, masks: &[BitMask], readings: Vec<Reading>) -> Result<Self, ReproduceError> {
        let mut study = Study::new(masks[0].len());
        let (mut tested, mut logits) = (Vec::new(), Vec::new());
        for (mask, reading) in masks.iter().zip(readings) {
            study.add(mask.clone(), reading.correct)?;
            tested.push(reading.tested);
            logits.extend(reading.logits);
        }
        Ok(Self { scores: study.scores()?, size, study, tested, logits })
    }

    pub(super) fn mean(&self, f: fn(&Score) -> f64, examples: &[usize]) -> f64 {
        examples.iter().map(|&i| f(&self.scores[i])).sum::<f64>() / examples.len() as f64
    }

    /// Mean test accuracy of the models.
    pub(super) fn test_accuracy(&self) -> f64 {
        let shares = self.tested.iter().map(|t| t.count() as f64 / t.len() as f64);
        shares.sum::<f64>() / self.tested.len() as f64
    }
}

/// Masks that all sizes share: complementary, so that all in-counts and subset sizes are equal.
pub(super) fn masks(data: &Planted, models: usize) -> Result<Vec<BitMask>, ReproduceError> {
    let design = SubsetDesign::new(data.len(), models).with_design(Design::Complementary);
    Ok(design.masks(Seed::new(0).named("memorisation-masks"))?)
}

/// All sizes on shared masks; none while other shards have networks to train.
pub(super) fn measure(
    context: &Context,
    settings: &Settings,
    data: &Planted,
    models: usize,
) -> Result<Option<Sizes>, ReproduceError> {
    let start = Instant::now();
    let masks = masks(data, models)?;
    let sizes = settings.sizes(data.image, data.classes);
    let config = if data.clusters.is_some() { &settings.synthetic_training } else { &settings.training };
    let teachers = if data.clusters.is_some() { 0 } else { 2 };
    let count = sizes.len();
    let (mut measured, mut complete) = (Vec::new(), true);
    for (t, size) in sizes.into_iter().enumerate() {
        let keep = t + teachers >= count;
        let name = format!("{}-{}", if data.clusters.is_some() { "rule" } else { "images" }, size.name);
        let readings = train(context, data, &masks, &size, config, &name, keep, |_| None)?;
        match readings {
            Some(readings) => measured.push(Measured::new(size, &masks, readings)?),
            None => complete = false,
        }
    }
    Ok(complete.then(|| Sizes { masks, sizes: measured, seconds: start.elapsed().as_secs_f64() }))
}

/// Trains a network on each mask and reads it on clean inputs. Each has a seed of its own; masks are shared. None while other shards
/// have some to train.
#[expect(clippy::too_many_arguments, reason = "what is trained, on what, and what is kept")]
pub(super) fn train(
    context: &Context,
    data: &Planted,
    masks: &[BitMask],
    size: &Size,
    config: &TrainConfig,
    name: &str,
    keep_logits: bool,
    targets: impl Fn(usize) -> Option<Arc<Targets>> + Sync,
) -> Result<Option<Vec<Reading>>, ReproduceError> {
    let hard = Targets::Hard(data.labels.clone());
    let inputs = Inputs::new(data.x.view(), data.image)?;
    let test = Inputs::new(data.test_x.view(), data.image)?;
    let set = TrainingSet::new(inputs.clone(), &hard)?;
    let seed = Seed::new(0).named("memorisation-networks").named(name);
    let member = |k: usize| {
        let member = Member::new(seed.child(k as u64), size.architecture.clone(), config.clone())
            .with_samples(Samples::Mask(masks[k].clone()));
        match targets(k) {
            Some(targets) => member.with_targets(targets),
            None => member,
        }
    };
    let read = |_: usize, run: &Trained<Model>| -> Result<Reading, VisionError> {
        let bits = |predictions: Vec<usize>, labels: &[usize]| -> BitMask {
            predictions.iter().zip(labels).map(|(p, l)| p == l).collect()
        };
        let train = evaluate(&run.model, &inputs, 1024)?;
        let tested = bits(evaluate(&run.model, &test, 1024)?.predictions(), &data.test_labels);
        let correct = bits(train.predictions(), &data.labels);
        Ok(Reading { correct, tested, logits: keep_logits.then(|| train.logits.iter().copied().collect()) })
    };
    match ensemble(context, &set, &format!("memorisation/{name}")).collect(masks.len(), member, read) {
        Err(VisionError::Elsewhere { .. }) => Ok(None),
        readings => Ok(Some(readings?)),
    }
}
