//! The training loop.

use crate::checkpoint::{self, Identity};
use crate::classifier::Classifier;
use crate::engine::{Core, Engine, Step};
use crate::error::VisionError;
use crate::feed::Feed;
use crate::inputs::Inputs;
use crate::loss::{At, Ledger, Objective};
use crate::params::{Checkpointing, TrainConfig};
use crate::steer::{Moment, Place};
use crate::targets::TrainingSet;
use crate::weights::Weights;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Instant;
use tenfold_core_tensor::seed::Seed;

/// What one epoch showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLog {
    /// The epoch, counted from zero.
    pub epoch: usize,
    /// Mean weighted cross-entropy over the epoch's batches, each before its step, in nats.
    pub loss: f64,
    /// Share of samples classified as their (most wanted) label, before each step and after augmentation.
    pub accuracy: f64,
    /// The learning rate of the epoch's last step.
    pub learning_rate: f64,
    /// Wall time of the epoch.
    pub seconds: f64,
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Trained<C> {
    /// The network after the last step, in inference mode.
    pub model: C,
    /// One entry per epoch.
    pub history: Vec<EpochLog>,
    /// What took the steps.
    pub engine: Engine,
}

/// Trains a classifier to minimise the mean weighted cross-entropy to its targets (see [`TrainingSet`]).
///
/// Every draw comes from `seed` and the number of the epoch: the order of the samples from `order`, the augmentation
/// from `augment`. Same seed, same device, same bytes, whatever the number of threads. `on_epoch` sees each epoch as it
/// ends and may stop the run with [`ControlFlow::Break`].
///
/// With a checkpoint in the configuration, the state is written after every so many epochs and after the last; an older
/// file at that place is overwritten. Use [`resume`] to go on from it.
///
/// ```
/// use burn::tensor::Device;
/// use ndarray::array;
/// use std::ops::ControlFlow;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_vision::{ImageShape, Inputs, MlpConfig, Model, Targets, TrainConfig, TrainingSet, evaluate, train};
///
/// // Exclusive or: not linearly separable.
/// let table = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let inputs = Inputs::new(table.view(), ImageShape::table(2)).unwrap();
/// let labels = vec![0, 1, 1, 0];
/// let targets = Targets::Hard(labels.clone());
/// let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
///
/// let net = Model::Mlp(MlpConfig::new(2, &[16], 2).init(Seed::new(1), &Device::flex()).unwrap());
/// let config = TrainConfig::default().with_epochs(200).with_batch_size(4).with_weight_decay(0.0);
/// let run = train(net, &set, &config, Seed::new(1), |_| ControlFlow::Continue(())).unwrap();
///
/// assert_eq!(evaluate(&run.model, &inputs, 4).unwrap().accuracy(&labels).unwrap(), 1.0);
/// assert!(run.history[199].loss < run.history[0].loss);
/// ```
///
/// # Errors
/// [`VisionError::Setting`], [`VisionError::Shape`] or [`VisionError::Sample`] for a configuration or data that break a
/// rule, before anything runs; [`VisionError::NotFinite`] when training diverges, with the last checkpoint left in
/// place; [`VisionError::File`] if a checkpoint cannot be written.
pub fn train<C: Classifier>(
    model: C,
    data: &TrainingSet,
    config: &TrainConfig,
    seed: Seed,
    mut on_epoch: impl FnMut(&EpochLog) -> ControlFlow<()>,
) -> Result<Trained<C>, VisionError> {
    Run::new(model, data, config, seed)?.finish(|log, _| Ok(on_epoch(log)))
}

/// Like [`train`], and shows the network as it is after each epoch, in inference mode: for what is learnt of each example as
/// training goes on.
///
/// ```
/// use burn::tensor::Device;
/// use ndarray::array;
/// use std::ops::ControlFlow;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_vision::{ImageShape, Inputs, MlpConfig, Model, Targets, TrainConfig, TrainingSet, evaluate, watch};
///
/// let table = array![[-1.0], [1.0]];
/// let inputs = Inputs::new(table.view(), ImageShape::table(1)).unwrap();
/// let targets = Targets::Hard(vec![0, 1]);
/// let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
/// let net = Model::Mlp(MlpConfig::new(1, &[4], 2).init(Seed::new(1), &Device::flex()).unwrap());
/// let mut logits = Vec::new();
/// let config = TrainConfig::default().with_epochs(3);
/// watch(net, &set, &config, Seed::new(1), |_, net| {
///     logits.push(evaluate(net, &inputs, 2).map(|e| e.logits));
///     ControlFlow::Continue(())
/// })
/// .unwrap();
/// assert_eq!(logits.len(), 3);
/// ```
///
/// # Errors
/// Those of [`train`].
pub fn watch<C: Classifier>(
    model: C,
    data: &TrainingSet,
    config: &TrainConfig,
    seed: Seed,
    mut on_epoch: impl FnMut(&EpochLog, &C) -> ControlFlow<()>,
) -> Result<Trained<C>, VisionError> {
    Run::new(model, data, config, seed)?.finish(|log, core| Ok(on_epoch(log, &core.model()?)))
}

/// Like [`train`], but goes on from the configured checkpoint if its file exists. The result is that of a run that was
/// never interrupted, byte for byte, history included (but for the seconds).
///
/// The weights of `model` are replaced; its architecture, the seed, the configuration and the data must be those of the
/// run that wrote the checkpoint.
///
/// # Errors
/// Those of [`train`], and [`VisionError::Checkpoint`] for a file that is damaged or of another run.
pub fn resume<C: Classifier>(
    model: C,
    data: &TrainingSet,
    config: &TrainConfig,
    seed: Seed,
    mut on_epoch: impl FnMut(&EpochLog) -> ControlFlow<()>,
) -> Result<Trained<C>, VisionError> {
    let mut run = Run::new(model, data, config, seed)?;
    if let Some(Checkpointing { path, .. }) = &config.checkpoint
        && path.exists()
    {
        (run.core, run.history) = checkpoint::read(path, &run.identity, run.core)?;
    }
    run.finish(|log, _| Ok(on_epoch(log)))
}

/// Like [`train`], but before each step `each_step` may look at the network and set what the step descends: margins and weights
/// of the classes, for losses that follow from a validation set.
///
/// ```
/// use burn::tensor::Device;
/// use ndarray::array;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_vision::{ImageShape, Inputs, MlpConfig, Model, Targets, TrainConfig, TrainingSet, steer};
///
/// let table = array![[-1.0], [1.0], [1.0], [1.0]];
/// let inputs = Inputs::new(table.view(), ImageShape::table(1)).unwrap();
/// let targets = Targets::Hard(vec![0, 1, 1, 1]);
/// let set = TrainingSet::new(inputs.clone(), &targets).unwrap();
/// let net = Model::Mlp(MlpConfig::new(1, &[], 2).init(Seed::new(1), &Device::flex()).unwrap());
/// let mut wrong = Vec::new();
/// steer(net, &set, &TrainConfig::default().with_epochs(5), Seed::new(1), |moment| {
///     let logits = moment.logits(&inputs)?;
///     wrong.push(logits.rows().into_iter().zip([0, 1, 1, 1]).filter(|(z, l)| z[*l] < z[1 - l]).count());
///     // Offsets ln(share of the class): the loss asks for larger margins where a class is rare.
///     moment.set_offsets(&[0.25_f32.ln(), 0.75_f32.ln()])
/// })?;
/// assert_eq!(wrong.len(), 5);
/// # Ok::<(), tenfold_vision::VisionError>(())
/// ```
///
/// # Errors
/// Those of [`train`] and of `each_step`; [`VisionError::Setting`] for a checkpoint, which would not hold what `each_step` keeps.
pub fn steer<C: Classifier, E: From<VisionError>>(
    model: C,
    data: &TrainingSet,
    config: &TrainConfig,
    seed: Seed,
    mut each_step: impl FnMut(&mut Moment) -> Result<(), E>,
) -> Result<Trained<C>, E> {
    if let Some(checkpoint) = &config.checkpoint {
        let rule = "a run that is steered has no checkpoints";
        return Err(VisionError::setting("checkpoint", checkpoint.path.display(), rule).into());
    }
    let mut fault = None;
    let mut guarded = |moment: &mut Moment| {
        each_step(moment).map_err(|error| {
            fault = Some(error);
            VisionError::Stopped
        })
    };
    let mut run = Run::new(model, data, config, seed)?;
    run.each_step = Some(&mut guarded);
    let finished = run.finish(|_, _| Ok(ControlFlow::Continue(())));
    match fault {
        Some(error) => Err(error),
        None => Ok(finished?),
    }
}

/// Who looks on before each step.
type EachStep<'a> = &'a mut dyn FnMut(&mut Moment) -> Result<(), VisionError>;

/// A run between two epochs.
struct Run<'a, C> {
    core: Core<C>,
    history: Vec<EpochLog>,
    data: &'a TrainingSet<'a>,
    config: &'a TrainConfig,
    seed: Seed,
    classes: usize,
    identity: Identity,
    objective: Objective,
    /// Of the classes, or none.
    weights: Vec<f32>,
    each_step: Option<EachStep<'a>>,
}

impl<'a, C: Classifier> Run<'a, C> {
    fn new(model: C, data: &'a TrainingSet<'a>, config: &'a TrainConfig, seed: Seed) -> Result<Self, VisionError> {
        config.validate()?;
        let image = data.inputs().image();
        config.augmentation.validate(image)?;
        data.validate(model.classes())?;
        model.accepts(image)?;
        let identity = Identity {
            config: TrainConfig { checkpoint: None, ..config.clone() },
            seed,
            model: model.describe(),
            // Only a checkpoint asks for it.
            data: if config.checkpoint.is_some() { data.fingerprint() } else { String::new() },
        };
        let (classes, objective) = (model.classes(), Objective::of(config));
        let core = Core::new(model, config)?;
        let (history, weights) = (Vec::new(), Vec::new());
        Ok(Self { core, history, data, config, seed, classes, identity, objective, weights, each_step: None })
    }

    fn finish(
        mut self,
        mut on_epoch: impl FnMut(&EpochLog, &Core<C>) -> Result<ControlFlow<()>, VisionError>,
    ) -> Result<Trained<C>, VisionError> {
        while self.history.len() < self.config.epochs {
            self = self.epoch()?;
            self.keep()?;
            if let Some(log) = self.history.last()
                && on_epoch(log, &self.core)?.is_break()
            {
                break;
            }
        }
        Ok(Trained { model: self.core.model()?, history: self.history, engine: self.core.engine() })
    }

    /// One pass over the data.
    fn epoch(mut self) -> Result<Self, VisionError> {
        let started = Instant::now();
        let epoch = self.history.len();
        let feed = Feed::new(self.data, self.config, self.seed);
        let mut pass = feed.pass(epoch);

        let mut ledger = Ledger::new(epoch, self.classes);
        let mut learning_rate = self.config.learning_rate;
        for step in 0..feed.steps() {
            learning_rate = feed.learning_rate(epoch, step);
            if let Some(each_step) = &mut self.each_step {
                let (core, batch) = (&mut self.core, self.config.batch_size);
                let read = &mut |inputs: &Inputs| core.logits(inputs, batch);
                let place = Place { epoch, step, steps: feed.steps(), classes: self.classes };
                each_step(&mut Moment::new(place, read, &mut self.objective, &mut self.weights))?;
            }
            let next = Step {
                places: pass.batch(step),
                pass: &mut pass,
                inputs: self.data.inputs(),
                objective: &self.objective,
                weights: &self.weights,
                at: At { step, learning_rate },
            };
            self.core = self.core.step(next, self.classes, &mut ledger)?;
        }

        let (loss, accuracy) = ledger.close()?;
        let seconds = started.elapsed().as_secs_f64();
        self.history.push(EpochLog { epoch, loss, accuracy, learning_rate, seconds });
        Ok(self)
    }

    /// Writes a checkpoint if one is due. Nothing that is not finite is kept, and no run ends with it.
    fn keep(&self) -> Result<(), VisionError> {
        let done = self.history.len();
        let last = done == self.config.epochs;
        let due = self.config.checkpoint.as_ref().filter(|c| last || done.is_multiple_of(c.every));
        if !last && due.is_none() {
            return Ok(());
        }
        let weights = self.core.weights();
        if let Some(log) = self.history.last() {
            require_finite(&weights, log, Feed::new(self.data, self.config, self.seed).steps())?;
        }
        match due {
            Some(c) => checkpoint::write(&c.path, &self.identity, weights, self.core.capture(), &self.history),
            None => Ok(()),
        }
    }
}

/// Fails with the name of a tensor that is not finite after the epoch of `log`, which had so many steps.
pub(crate) fn require_finite(weights: &Weights, log: &EpochLog, steps: usize) -> Result<(), VisionError> {
    match weights.not_finite() {
        None => Ok(()),
        Some(name) => Err(VisionError::NotFinite {
            what: name.to_string(),
            epoch: log.epoch,
            step: steps - 1,
            learning_rate: log.learning_rate,
        }),
    }
}
