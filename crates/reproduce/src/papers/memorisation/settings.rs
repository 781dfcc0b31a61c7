//! What is run at each scale, fixed before any result was seen.

use super::data::Planted;
pub(super) use crate::kit::networks::Size;
use crate::kit::networks::perceptron;
use crate::scale::Scale;
use tenfold_memorisation::TrajectoryRule;
use tenfold_vision::{ImageShape, OptimiserConfig, ResNetConfig, Schedule, TrainConfig};

/// Temperatures of distillation.
pub(super) const TEMPERATURES: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
/// The temperature that the claims are about.
pub(super) const TEMPERATURE: f64 = 4.0;
/// Shares of the training set, most memorised first, that are removed.
pub(super) const REMOVED: [f64; 2] = [0.1, 0.2];
/// Mean p_in from which a size counts as saturated.
pub(super) const SATURATED: f64 = 0.99;

/// One scale's settings.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    scale: Scale,
    /// Data set of the claims on real data.
    pub(super) data: String,
    /// Training images, the planted ones among them; a multiple of ten.
    pub(super) examples: usize,
    /// Test images.
    pub(super) test: usize,
    /// Examples with one wrong label each.
    pub(super) single_flips: usize,
    /// Examples with a wrong label that are there twice.
    pub(super) double_flips: usize,
    /// Models of each size on images.
    pub(super) models: usize,
    /// Models of each size on synthetic data.
    pub(super) synthetic_models: usize,
    /// Runs of each arm of the removal experiment.
    pub(super) removal_runs: usize,
    /// Draws of the long-tail simulation.
    pub(super) tail_draws: usize,
    /// Draws of models behind intervals.
    pub(super) draws: usize,
    pub(super) training: TrainConfig,
    pub(super) synthetic_training: TrainConfig,
    pub(super) rule: TrajectoryRule,
}

impl Settings {
    pub(super) fn new(scale: Scale, data: Option<&str>) -> Self {
        let own = match scale {
            Scale::Tiny | Scale::Quick => "fashion-mnist-slice",
            Scale::Standard => "cifar-10",
            Scale::Paper => "cifar-100",
        };
        let config = TrainConfig::default().with_weight_decay(0.0).with_schedule(Schedule::cosine());
        // One rule for all sizes of a data set, chosen by training accuracy: on images AdamW fits the narrow perceptrons
        // too, which SGD leaves near chance; on the synthetic data SGD interpolates earlier.
        let perceptrons =
            config.clone().with_batch_size(32).with_optimiser(OptimiserConfig::adamw()).with_learning_rate(3e-3);
        let training = match scale {
            Scale::Tiny => perceptrons.with_epochs(10),
            Scale::Quick => perceptrons.with_epochs(36),
            Scale::Standard => perceptrons.with_epochs(60),
            Scale::Paper => config.clone().with_epochs(160).with_batch_size(128).with_learning_rate(0.1),
        };
        let by = |tiny: usize, quick: usize, more: usize| match scale {
            Scale::Tiny => tiny,
            Scale::Quick => quick,
            _ => more,
        };
        Self {
            scale,
            data: data.unwrap_or(own).to_string(),
            examples: match scale {
                Scale::Tiny => 200,
                Scale::Quick => 600,
                Scale::Standard => 2_000,
                Scale::Paper => 50_000,
            },
            test: match scale {
                Scale::Tiny => 100,
                Scale::Quick => 500,
                Scale::Standard => 2_000,
                Scale::Paper => 10_000,
            },
            single_flips: by(10, 30, 100),
            double_flips: by(10, 30, 100),
            models: by(20, 60, 400),
            synthetic_models: by(80, 80, 400),
            removal_runs: by(2, 10, 30),
            tail_draws: 400,
            draws: by(200, 400, 400),
            training,
            synthetic_training: config.with_epochs(by(4, 60, 60)).with_batch_size(32).with_learning_rate(0.05),
            rule: TrajectoryRule::default(),
        }
    }

    /// Sizes, ascending: perceptrons, or ResNets at the paper's scale.
    pub(super) fn sizes(&self, image: ImageShape, classes: usize) -> Vec<Size> {
        let perceptron = |width: usize| perceptron(width, image.features(), classes);
        let residual = |depth: usize| Size {
            name: format!("resnet-{depth}"),
            size: depth as f64,
            architecture: ResNetConfig::new(depth, image, classes).into(),
        };
        match self.scale {
            Scale::Tiny => [4, 16, 32].map(perceptron).to_vec(),
            Scale::Quick => [4, 8, 16, 64, 128].map(perceptron).to_vec(),
            Scale::Standard => [2, 4, 8, 16, 32, 64, 128, 256].map(perceptron).to_vec(),
            Scale::Paper if image.channels == 3 => [8, 14, 20, 32, 56, 110].map(residual).to_vec(),
            Scale::Paper => [2, 4, 8, 16, 32, 64, 128, 256].map(perceptron).to_vec(),
        }
    }

    /// The student of distillation among the sizes; the largest is the larger teacher.
    pub(super) fn student(&self, sizes: usize) -> usize {
        sizes - 2
    }

    /// Networks that are trained, for the progress bar.
    pub(super) fn steps(&self, images: &Planted) -> u64 {
        let sizes = self.sizes(images.image, images.classes).len();
        let studies = sizes * (self.models + self.synthetic_models);
        let students = (2 * TEMPERATURES.len() + 1) * self.models;
        let removal = (2 * REMOVED.len() + 1) * self.removal_runs;
        (studies + students + sizes + removal) as u64
    }
}
