//! Members of one shape as one network: every tensor has the members along its leading axis.
//!
//! Each member's arithmetic is that of [`train`](crate::train()) in another order of summation; nothing crosses from one
//! to another, so that a member which diverges leaves the others alone.

mod batch;
mod ledger;
mod net;
mod optimiser;
mod stack;

use super::member::Member;
use crate::engine::Engine;
use crate::error::VisionError;
use crate::feed::{Feed, Pass};
use crate::loss::{BatchTargets, Objective};
use crate::model::Model;
use crate::targets::TrainingSet;
use crate::train::{EpochLog, Trained, require_finite};
use crate::weights::Weights;
use batch::Source;
use burn::tensor::Device;
use ledger::StackLedger;
use optimiser::StackOptimiser;
use stack::Stack;
use std::path::Path;
use std::time::Instant;
use tenfold_core_tensor::seed::Seed;

/// What each epoch of a member showed, or why it failed.
type Outcome = Result<Vec<EpochLog>, VisionError>;

/// Trains members of one shape on their sets, in lockstep.
pub(super) fn train(
    members: &[Member],
    sets: &[TrainingSet],
    device: &Device,
) -> Result<Vec<Result<Trained<Model>, VisionError>>, VisionError> {
    let ([Member { architecture, config, .. }, ..], [set, ..]) = (members, sets) else { return Ok(Vec::new()) };
    let feed = |(member, set)| {
        let Member { config, seed, .. }: &Member = member;
        Feed::new(set, config, *seed)
    };
    let mut run = Run {
        stack: Stack::new(architecture, members.iter().map(|member| member.seed), device)?,
        optimiser: StackOptimiser::new(members, device),
        outcomes: members.iter().map(|_| Ok(Vec::new())).collect(),
        feeds: members.iter().zip(sets).map(feed).collect(),
        source: Source::new(set.inputs(), architecture, members, device),
        objective: Objective::of(config),
    };
    for epoch in 0..config.epochs {
        if run.outcomes.iter().any(Result::is_ok) {
            run.epoch(epoch)?;
        }
    }
    run.finish(device)
}

/// A stack between two epochs.
struct Run<'a> {
    stack: Stack,
    optimiser: StackOptimiser,
    outcomes: Vec<Outcome>,
    feeds: Vec<Feed<'a>>,
    source: Source<'a>,
    /// One for all members.
    objective: Objective,
}

impl Run<'_> {
    fn epoch(&mut self, epoch: usize) -> Result<(), VisionError> {
        let started = Instant::now();
        let classes = self.stack.architecture().classes();
        let mut passes: Vec<Pass> = self.feeds.iter().map(|feed| feed.pass(epoch)).collect();
        let mut ledger = StackLedger::new(epoch, classes, self.feeds.len(), self.objective.clone());
        let mut rates = Vec::new();
        for step in 0..self.steps() {
            rates = self.feeds.iter().map(|feed| feed.learning_rate(epoch, step)).collect();
            // The same places of each member's own order.
            let places = passes.first().map_or(0..0, |pass| pass.batch(step));
            let targets: Vec<_> = passes.iter().map(|pass| pass.targets(places.clone(), classes)).collect();
            let x = self.source.batch(&mut passes, places.clone());

            let forward = net::forward(&self.stack, x);
            let logits = forward.logits.reshape([self.feeds.len() * places.len(), classes]);
            let mut gradients = self.objective.backward(logits.clone(), &joint(&targets));
            ledger.note(logits.inner(), targets, step, &rates, &mut self.outcomes);
            self.optimiser.step(&mut self.stack, &forward.tracked, &mut gradients, &rates);
            self.stack.replace(forward.statistics);
        }
        let shown = ledger.close(&mut self.outcomes);
        let seconds = started.elapsed().as_secs_f64();
        for ((outcome, (loss, accuracy)), learning_rate) in self.outcomes.iter_mut().zip(shown).zip(rates) {
            if let Ok(history) = outcome {
                history.push(EpochLog { epoch, loss, accuracy, learning_rate, seconds });
            }
        }
        Ok(())
    }

    /// Steps of an epoch: equal for all members, as their shape is.
    fn steps(&self) -> usize {
        self.feeds.first().map_or(0, Feed::steps)
    }

    fn finish(self, device: &Device) -> Result<Vec<Result<Trained<Model>, VisionError>>, VisionError> {
        let steps = self.steps();
        let blank = self.stack.architecture().init(Seed::new(0), device)?;
        let taken_apart = self.stack.into_weights().into_iter().zip(self.outcomes);
        let member = |(weights, outcome): (Weights, Outcome)| {
            let history = outcome?;
            history.last().map_or(Ok(()), |log| require_finite(&weights, log, steps))?;
            // The path is for errors about files; these weights come from none.
            let model = weights.restore(blank.clone(), Path::new("stack"))?;
            Ok(Trained { model, history, engine: Engine::Autodiff })
        };
        Ok(taken_apart.map(member).collect())
    }
}

/// The targets of all members' batches, one after the other, each scaled as if its batch were alone.
fn joint(targets: &[BatchTargets]) -> BatchTargets {
    let scales = |t: &BatchTargets| (0..t.labels.len()).map(|row| t.scale(row)).collect::<Vec<_>>();
    BatchTargets {
        rows: targets.iter().flat_map(|t| t.rows.iter().copied()).collect(),
        scales: Some(targets.iter().flat_map(scales).collect()),
        labels: targets.iter().flat_map(|t| t.labels.iter().copied()).collect(),
    }
}
