//! What is run at each scale, fixed before any result was seen.

use super::data::Data;
use crate::scale::Scale;
use tenfold_analysis::Randomness;
use tenfold_vision::{Architecture, ImageShape, MlpConfig, OptimiserConfig, ResNetConfig, Schedule, TrainConfig};

/// The seed of everything that is trained. Trainings from 0 and 1 were seen before the rules were written anew; these were not.
pub(super) const TRAININGS: u64 = 2;
/// Draws of each null.
pub(super) const DRAWS: usize = 200;
/// Models of which two halves have intervals: the fewest of an ensemble.
const FEWEST: usize = 6;
/// Numbers of models whose alignment is shown beside that of all.
pub(super) const FEWER: [usize; 4] = [5, 10, 20, 50];
/// Temperatures of the sweep.
pub(super) const TEMPERATURES: [f64; 9] = [0.25, 0.35, 0.5, 0.71, 1.0, 1.41, 2.0, 2.83, 4.0];

/// A network: its name, the number it is plotted at, and how it is trained.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) name: String,
    pub(super) size: f64,
    pub(super) architecture: Architecture,
    pub(super) training: TrainConfig,
    pub(super) randomness: Randomness,
}

/// One scale's settings.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    scale: Scale,
    /// Data set of the claims on real data.
    pub(super) data: String,
    /// Training, validation and test images.
    pub(super) counts: [usize; 3],
    /// Models of each network.
    pub(super) models: usize,
    /// Points of the synthetic calibrated ensemble.
    pub(super) synthetic_points: usize,
    /// Repetitions of the Monte Carlo beside the closed forms, and models in each.
    pub(super) monte_carlo: [usize; 2],
}

impl Settings {
    /// `seeds` is the number of models that was asked for; two halves need six.
    pub(super) fn new(scale: Scale, data: Option<&str>, seeds: Option<usize>) -> Self {
        let small = matches!(scale, Scale::Tiny | Scale::Quick);
        let own = if small { "fashion-mnist-slice" } else { "cifar-10" };
        Self {
            scale,
            data: data.unwrap_or(own).to_string(),
            counts: match scale {
                Scale::Tiny => [240, 120, 240],
                Scale::Quick => [2_000, 1_000, 2_000],
                Scale::Standard => [10_000, 5_000, 10_000],
                Scale::Paper => [45_000, 5_000, 10_000],
            },
            models: seeds
                .unwrap_or(match scale {
                    Scale::Tiny => FEWEST,
                    Scale::Quick => 20,
                    _ => 50,
                })
                .max(FEWEST),
            synthetic_points: match scale {
                Scale::Tiny => 2_000,
                Scale::Quick => 20_000,
                _ => 100_000,
            },
            monte_carlo: match scale {
                Scale::Tiny => [4, 2_000],
                Scale::Quick => [20, 20_000],
                _ => [50, 100_000],
            },
        }
    }

    /// Perceptrons over widths, residual networks over widths, then other sources of randomness for one perceptron.
    pub(super) fn networks(&self, image: ImageShape, classes: usize) -> Vec<Network> {
        let config =
            TrainConfig::default().with_weight_decay(0.0).with_schedule(Schedule::cosine()).with_batch_size(64);
        let mlp_training =
            config.clone().with_optimiser(OptimiserConfig::adamw()).with_learning_rate(2e-3).with_epochs(
                match self.scale {
                    Scale::Tiny => 6,
                    Scale::Quick => 20,
                    _ => 40,
                },
            );
        let resnet_training = match self.scale {
            Scale::Tiny => config.with_learning_rate(0.05).with_epochs(1),
            Scale::Quick => config.with_learning_rate(0.05).with_epochs(4),
            Scale::Standard => config.with_learning_rate(0.05).with_epochs(20),
            Scale::Paper => config.with_batch_size(128).with_learning_rate(0.1).with_epochs(160),
        };
        let mlp = |width: usize, name: String, randomness: Randomness| Network {
            name,
            size: width as f64,
            architecture: MlpConfig::new(image.features(), &[width], classes).into(),
            training: mlp_training.clone(),
            randomness,
        };
        let widths: &[usize] = match self.scale {
            Scale::Tiny => &[4, 16, 64],
            Scale::Quick => &[2, 4, 8, 16, 64, 256],
            _ => &[2, 4, 8, 16, 32, 64, 128, 256],
        };
        let mut networks: Vec<Network> = widths.iter().map(|&w| mlp(w, format!("mlp-{w}"), Randomness::Seed)).collect();
        let (depth, shares): (usize, &[f64]) = match self.scale {
            Scale::Tiny => (8, &[0.125]),
            Scale::Quick => (8, &[0.125, 0.25]),
            Scale::Standard => (8, &[0.25, 0.5, 1.0]),
            Scale::Paper => (56, &[0.25, 0.5, 1.0]),
        };
        networks.extend(shares.iter().map(|&width| Network {
            name: format!("resnet-{depth}-w{width}"),
            size: 16.0 * width,
            architecture: ResNetConfig::new(depth, image, classes).with_width(width).into(),
            training: resnet_training.clone(),
            randomness: Randomness::Seed,
        }));
        for (name, randomness) in [("bootstrap", Randomness::Bootstrap), ("splits", Randomness::DisjointSplits)] {
            networks.push(mlp(64, format!("mlp-64-{name}"), randomness));
        }
        networks
    }

    /// Networks that are trained, for the progress bar.
    pub(super) fn steps(&self, data: &Data) -> u64 {
        (self.networks(data.image, data.classes).len() * self.models) as u64
    }
}
