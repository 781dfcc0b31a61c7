//! What a run reads at each step: every draw that training makes follows from here.

use crate::augment::Augmentation;
use crate::loss::BatchTargets;
use crate::params::TrainConfig;
use crate::targets::TrainingSet;
use rand::seq::SliceRandom;
use std::ops::Range;
use tenfold_core_tensor::seed::{Rng, Seed};

/// The batches and learning rates of one run.
#[derive(Clone, Copy)]
pub(crate) struct Feed<'a> {
    data: &'a TrainingSet<'a>,
    config: &'a TrainConfig,
    seed: Seed,
}

impl<'a> Feed<'a> {
    pub(crate) fn new(data: &'a TrainingSet<'a>, config: &'a TrainConfig, seed: Seed) -> Self {
        Self { data, config, seed }
    }

    /// Steps of an epoch.
    pub(crate) fn steps(&self) -> usize {
        self.data.len().div_ceil(self.config.batch_size)
    }

    pub(crate) fn learning_rate(&self, epoch: usize, step: usize) -> f64 {
        let steps = self.steps();
        let factor = self.config.schedule.factor(epoch * steps + step, steps, self.config.epochs);
        self.config.learning_rate * factor
    }

    /// The start of an epoch: its order comes from the seed's stream `order`, its augmentation from `augment`.
    pub(crate) fn pass(self, epoch: usize) -> Pass<'a> {
        let mut order: Vec<usize> = (0..self.data.len()).collect();
        order.shuffle(&mut self.seed.named("order").child(epoch as u64).rng());
        Pass { feed: self, order, draws: self.seed.named("augment").child(epoch as u64).rng() }
    }
}

/// One pass over the data.
pub(crate) struct Pass<'a> {
    feed: Feed<'a>,
    order: Vec<usize>,
    draws: Rng,
}

impl Pass<'_> {
    /// The places in the epoch's order that a step takes.
    pub(crate) fn batch(&self, step: usize) -> Range<usize> {
        let size = self.feed.config.batch_size;
        step * size..((step + 1) * size).min(self.order.len())
    }

    /// Appends the augmented input at a place. Places are to be asked for in order, each once.
    pub(crate) fn push(&mut self, place: usize, pixels: &mut Vec<f32>) {
        let Feed { data, config, .. } = self.feed;
        config.augmentation.push(data.input(self.order[place]), data.inputs().image(), &mut self.draws, pixels);
    }

    /// The input at a place, where nothing is changed of it.
    pub(crate) fn unchanged(&self, place: usize) -> Option<&[f32]> {
        let Feed { data, config, .. } = self.feed;
        (config.augmentation == Augmentation::None).then(|| data.input(self.order[place]))
    }

    /// The row of the whole set that is at a place.
    pub(crate) fn row(&self, place: usize) -> usize {
        self.feed.data.row(self.order[place])
    }

    /// The targets of some places.
    pub(crate) fn targets(&self, places: Range<usize>, classes: usize) -> BatchTargets {
        let mut targets = BatchTargets::default();
        self.put_targets(places, classes, &mut targets);
        targets
    }

    /// The same, into buffers that are there.
    pub(crate) fn put_targets(&self, places: Range<usize>, classes: usize, to: &mut BatchTargets) {
        self.feed.data.batch_targets(&self.order[places], classes, self.feed.config.label_smoothing, to);
    }
}
