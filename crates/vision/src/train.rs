//! The training loop.

use crate::checkpoint::{self, Identity};
use crate::classifier::Classifier;
use crate::error::VisionError;
use crate::evaluate::{device_of, images};
use crate::feed::Feed;
use crate::loss::{Ledger, backward, softened};
use crate::optimiser::Optimiser;
use crate::params::{Checkpointing, TrainConfig};
use crate::targets::TrainingSet;
use crate::weights::Weights;
use burn::tensor::Device;
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
    Run::new(model, data, config, seed)?.finish(|log, _| on_epoch(log))
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
    Run::new(model, data, config, seed)?.finish(|log, model| on_epoch(log, &model.valid()))
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
        let (model, history) = checkpoint::read(path, &run.identity, run.model, &mut run.optimiser)?;
        run.model = model.train();
        run.history = history;
    }
    run.finish(|log, _| on_epoch(log))
}

/// A run between two epochs.
struct Run<'a, C> {
    model: C,
    optimiser: Optimiser,
    history: Vec<EpochLog>,
    data: &'a TrainingSet<'a>,
    config: &'a TrainConfig,
    seed: Seed,
    device: Device,
    identity: Identity,
}

impl<'a, C: Classifier> Run<'a, C> {
    fn new(model: C, data: &'a TrainingSet<'a>, config: &'a TrainConfig, seed: Seed) -> Result<Self, VisionError> {
        config.validate()?;
        let image = data.inputs().image();
        config.augmentation.validate(image)?;
        data.validate(model.classes())?;
        model.accepts(image)?;
        let device = device_of(&model)?.autodiff();
        // Going through `valid` gives every parameter the same autodiff context, whatever it had before.
        let model = model.valid().train();
        let identity = Identity {
            config: TrainConfig { checkpoint: None, ..config.clone() },
            seed,
            model: model.describe(),
            // Only a checkpoint asks for it.
            data: if config.checkpoint.is_some() { data.fingerprint() } else { String::new() },
        };
        let optimiser = Optimiser::new(&model, config);
        Ok(Self { model, optimiser, history: Vec::new(), data, config, seed, device, identity })
    }

    fn finish(mut self, mut on_epoch: impl FnMut(&EpochLog, &C) -> ControlFlow<()>) -> Result<Trained<C>, VisionError> {
        while self.history.len() < self.config.epochs {
            self = self.epoch()?;
            self.keep()?;
            if let Some(log) = self.history.last()
                && on_epoch(log, &self.model).is_break()
            {
                break;
            }
        }
        Ok(Trained { model: self.model.valid(), history: self.history })
    }

    /// One pass over the data.
    fn epoch(mut self) -> Result<Self, VisionError> {
        let started = Instant::now();
        let epoch = self.history.len();
        let classes = self.model.classes();
        let feed = Feed::new(self.data, self.config, self.seed);
        let mut pass = feed.pass(epoch);

        let mut ledger = Ledger::new(epoch, classes);
        let mut learning_rate = self.config.learning_rate;
        for step in 0..feed.steps() {
            learning_rate = feed.learning_rate(epoch, step);
            let samples = pass.batch(step);
            let inputs = self.data.inputs();
            let mut pixels = Vec::with_capacity(samples.len() * inputs.image().features());
            samples.clone().for_each(|place| pass.push(place, &mut pixels));
            let targets = pass.targets(samples.clone(), classes);

            let logits = self.model.forward(images(pixels, samples.len(), inputs, &self.device)).logits;
            if logits.dims() != [samples.len(), classes] {
                let (expected, found) = (vec![samples.len(), classes], logits.dims().to_vec());
                return Err(VisionError::Shape { what: "logits", expected, found });
            }
            let logits = softened(logits, self.config.temperature);
            let gradients = backward(logits.clone(), &targets, self.config.temperature);
            ledger.note(logits.inner(), targets, step, learning_rate)?;
            self.model = self.optimiser.step(self.model, gradients, learning_rate);
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
        let weights = Weights::capture(&self.model);
        if let Some(log) = self.history.last() {
            require_finite(&weights, log, Feed::new(self.data, self.config, self.seed).steps())?;
        }
        match due {
            Some(c) => checkpoint::write(&c.path, &self.identity, weights, &self.optimiser, &self.history),
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
