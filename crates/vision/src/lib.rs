//! Image and tabular classifiers on Burn, and a training loop that resumes to the same bytes.
//!
//! | step | items |
//! |---|---|
//! | describe a network | [`Architecture`]: [`MlpConfig`], [`ConvNetConfig`], [`ResNetConfig`] |
//! | make it, save it, load it | [`Architecture::init`], [`Model`] |
//! | bring your own | [`Classifier`] |
//! | lay out the data | [`Inputs`], [`ImageShape`], [`Targets`], [`TrainingSet`] |
//! | train | [`train()`], [`resume`], [`TrainConfig`] |
//! | watch and steer a run | [`watch`], [`steer`], [`Moment`] |
//! | train many | [`Ensemble`], [`Member`], [`Strategy`] |
//! | read logits and embeddings | [`evaluate()`], [`Evaluation`] |
//!
//! ```
//! use burn::tensor::Device;
//! use ndarray::Array2;
//! use std::ops::ControlFlow;
//! use tenfold_core_tensor::seed::Seed;
//! use tenfold_vision::{
//!     Architecture, ConvNetConfig, ImageShape, Inputs, Targets, TrainConfig, TrainingSet, evaluate, train,
//! };
//!
//! // Sixteen 4x4 images: bright above or bright below.
//! let labels: Vec<usize> = (0..16).map(|i| i % 2).collect();
//! let pixels = Array2::from_shape_fn((16, 16), |(i, pixel)| f32::from(u8::from((pixel / 8) == labels[i])));
//! let image = ImageShape::new(1, 4, 4);
//! let inputs = Inputs::new(pixels.view(), image)?;
//! let targets = Targets::Hard(labels.clone());
//!
//! let seed = Seed::new(7);
//! let net = Architecture::from(ConvNetConfig::new(image, 2).with_width(4)).init(seed, &Device::flex())?;
//! let config = TrainConfig::default().with_epochs(12).with_batch_size(8);
//! let run = train(net, &TrainingSet::new(inputs.clone(), &targets)?, &config, seed, |epoch| {
//!     eprintln!("epoch {}: loss {:.3}", epoch.epoch, epoch.loss);
//!     ControlFlow::Continue(())
//! })?;
//! assert_eq!(evaluate(&run.model, &inputs, 16)?.accuracy(&labels)?, 1.0);
//! # Ok::<(), tenfold_vision::VisionError>(())
//! ```
//!
//! # Why not burn-train
//!
//! Burn's own learner shuffles with a generator that lives in the data loader and is no part of a checkpoint, so that a
//! resumed run draws the order of its first epoch again, while here every draw follows from a seed and an epoch's number.
//! Its checkpoints hold model, optimiser and scheduler in three files, so that a kill between two of them leaves a state
//! that no run was ever in, and failing to write one is a panic. Its metrics read the outputs of every step back from the
//! device, which a small network feels; they remain usable beside this crate, for a [`Model`] is an ordinary Burn module.

mod architecture;
mod augment;
mod checkpoint;
mod classifier;
mod container;
mod convnet;
mod engine;
mod ensemble;
mod error;
mod evaluate;
mod feed;
mod initialise;
mod inputs;
mod layers;
mod loss;
mod mlp;
mod model;
mod optimiser;
mod params;
mod perceptron;
mod resnet;
mod schedule;
mod steer;
mod targets;
mod train;
mod weights;

pub use architecture::Architecture;
pub use augment::Augmentation;
pub use classifier::{Classifier, Output, parameter_count};
pub use convnet::{ConvNet, ConvNetConfig};
pub use engine::Engine;
pub use ensemble::{Ensemble, Failure, Member, Report, Samples, Shard, Strategy};
pub use error::VisionError;
pub use evaluate::{Evaluation, evaluate};
pub use inputs::Inputs;
pub use mlp::{Mlp, MlpConfig};
pub use model::Model;
pub use params::{Checkpointing, Criterion, OptimiserConfig, TrainConfig};
pub use resnet::{ResNet, ResNetConfig, Shortcut};
pub use schedule::{Decay, Schedule};
pub use steer::Moment;
pub use targets::{Targets, TrainingSet};
pub use tenfold_core_tensor::image::ImageShape;
pub use tenfold_core_tensor::mask::BitMask;
pub use tenfold_kernels::perceptron::RowLoss;
pub use train::{EpochLog, Trained, resume, steer, train, watch};

/// The chapter's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/ensembles.md")]
struct Chapter;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_types_cross_threads() {
        fn send<T: Send + 'static>() {}
        fn shared<T: Send + Sync + 'static>() {}
        send::<Trained<Model>>();
        shared::<Architecture>();
        shared::<Evaluation>();
        shared::<Inputs<'static>>();
        shared::<TrainingSet<'static>>();
        shared::<TrainConfig>();
        shared::<Member>();
        shared::<Ensemble<'static>>();
        shared::<VisionError>();
    }
}
