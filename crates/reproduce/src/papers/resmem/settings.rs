//! What is run at each scale, fixed before any result was seen.

use crate::context::Context;
use crate::scale::Scale;
use tenfold_vision::{
    Architecture, Augmentation, ImageShape, MlpConfig, OptimiserConfig, ResNetConfig, Schedule, TrainConfig,
};

/// Networks of how many capacities.
pub(super) const CAPACITIES: usize = 3;

/// A capacity: its name in plots and the number it is plotted at.
#[derive(Debug, Clone)]
pub(super) struct Capacity {
    pub(super) name: String,
    pub(super) size: f64,
    pub(super) architecture: Architecture,
}

/// One scale's settings.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Data set for the claims on real data.
    pub(super) data: String,
    /// Training seeds on real data.
    pub(super) seeds: usize,
    /// Seeds of the synthetic experiments.
    pub(super) synthetic_seeds: usize,
    /// Seeds of the linear theory: cheap, and slopes need many.
    pub(super) theory_seeds: usize,
    /// Share of the training images held out to choose k, sigma, T, lambda.
    pub(super) validation: f64,
    /// Largest number of training images; the rest stay unused.
    pub(super) most: usize,
    /// Shares of the training images at which the gain is measured, ascending, the last one 1.
    pub(super) fractions: Vec<f64>,
    /// Training of the networks on real data.
    pub(super) training: TrainConfig,
    /// Training of the networks on synthetic data.
    pub(super) synthetic_training: TrainConfig,
}

impl Settings {
    pub(super) fn new(scale: Scale, data: Option<&str>) -> Self {
        let own = match scale {
            Scale::Quick => "fashion-mnist-slice",
            Scale::Standard => "fashion-mnist",
            Scale::Paper => "cifar-100",
        };
        let data = data.unwrap_or(own).to_string();
        let images = data.starts_with("cifar");
        let training = TrainConfig::default()
            .with_batch_size(128)
            .with_optimiser(OptimiserConfig::sgd())
            .with_learning_rate(if images { 0.1 } else { 0.05 })
            .with_schedule(Schedule::cosine().with_warmup(1))
            .with_epochs(match (scale, images) {
                (Scale::Quick, _) => 12,
                (Scale::Standard, _) => 20,
                (Scale::Paper, true) => 200,
                (Scale::Paper, false) => 60,
            });
        let training = match images {
            true => training.with_augmentation(Augmentation::PadCropFlip { padding: 4, flip: true }),
            false => training,
        };
        Self {
            data,
            seeds: if scale == Scale::Quick { 3 } else { 5 },
            synthetic_seeds: if scale == Scale::Quick { 5 } else { 10 },
            theory_seeds: 20,
            validation: 0.2,
            most: if scale == Scale::Quick { 10_000 } else { usize::MAX },
            fractions: vec![0.125, 0.25, 0.5, 1.0],
            training,
            synthetic_training: TrainConfig::default()
                .with_epochs(30)
                .with_batch_size(64)
                .with_optimiser(OptimiserConfig::adamw())
                .with_learning_rate(3e-3)
                .with_weight_decay(0.0)
                .with_schedule(Schedule::constant()),
        }
    }

    /// Pieces of work in a run, for the progress bar.
    pub(super) fn steps(&self, context: &Context) -> u64 {
        let (real, synthetic, theory) =
            (context.seeds_or(self.seeds), context.seeds_or(self.synthetic_seeds), context.seeds_or(self.theory_seeds));
        let nets = CAPACITIES + self.fractions.len() - 1;
        let rule = super::synthetic::NOISE.len() * super::synthetic::WIDTHS.len() + 1;
        let linear = super::theory::DIMENSIONS.len() + super::theory::NOISE_LEVELS.len();
        (real * nets + synthetic * rule + theory * linear) as u64
    }

    /// Three capacities, ascending: perceptrons on grey images, ResNets on CIFAR.
    pub(super) fn capacities(&self, scale: Scale, image: ImageShape, classes: usize) -> [Capacity; CAPACITIES] {
        if image.channels == 1 {
            return [8, 32, 128].map(|width| perceptron(width, image.features(), classes));
        }
        let nets: [(usize, f64); CAPACITIES] = match scale {
            Scale::Quick | Scale::Standard => [(8, 0.25), (8, 0.5), (8, 1.0)],
            Scale::Paper => [(8, 1.0), (20, 1.0), (56, 1.0)],
        };
        nets.map(|(depth, width)| Capacity {
            name: format!("resnet{depth}-x{width}"),
            size: if scale == Scale::Paper { depth as f64 } else { 64.0 * width },
            architecture: ResNetConfig::new(depth, image, classes).with_width(width).into(),
        })
    }
}

/// A perceptron with one hidden layer of `width` units.
pub(super) fn perceptron(width: usize, inputs: usize, classes: usize) -> Capacity {
    Capacity {
        name: format!("mlp-{width}"),
        size: width as f64,
        architecture: MlpConfig::new(inputs, &[width], classes).into(),
    }
}
