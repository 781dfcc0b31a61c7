//! What is run at each scale, fixed before any result was seen.

use crate::context::Context;
pub(super) use crate::kit::networks::Size as Capacity;
use crate::kit::networks::perceptron;
use crate::scale::Scale;
use tenfold_data::catalogue::{self, Format};
use tenfold_vision::{Augmentation, ImageShape, OptimiserConfig, ResNetConfig, Schedule, TrainConfig};

/// What is done with one data set.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Its name in the catalogue.
    pub(super) data: String,
    /// Whether it is a set of features, on which linear heads are trained.
    pub(super) features: bool,
    /// Training seeds, each with a split of its own.
    pub(super) seeds: usize,
    /// Largest number of training and validation points; the rest stay unused.
    pub(super) most: usize,
    /// Largest number of test points; none for all.
    pub(super) most_tests: Option<usize>,
    /// Share of them held out to choose k, sigma, T, lambda.
    pub(super) validation: f64,
    /// Shares of the training points at which the gain is measured, ascending.
    pub(super) shares: Vec<f64>,
    /// The share at which capacities are compared.
    pub(super) main: usize,
    /// Training of the base models at that share; at others, as many steps.
    pub(super) training: TrainConfig,
}

impl Plan {
    fn new(scale: Scale, data: &str) -> Self {
        let tiny = scale == Scale::Tiny;
        if catalogue::find(data).is_ok_and(|entry| matches!(entry.format, Format::Features { .. })) {
            // Logistic regression on standardised columns, trained until it does not move any more.
            let training = TrainConfig::default()
                .with_batch_size(256)
                .with_optimiser(OptimiserConfig::adamw())
                .with_weight_decay(0.0)
                .with_learning_rate(1e-2)
                .with_schedule(Schedule::cosine());
            return Self {
                data: data.into(),
                features: true,
                seeds: if scale == Scale::Quick {
                    5
                } else if tiny {
                    2
                } else {
                    10
                },
                most: if tiny { 1_600 } else { usize::MAX },
                most_tests: tiny.then_some(400),
                validation: 0.05,
                shares: vec![1.0 / 64.0, 1.0 / 16.0, 0.25, 1.0],
                main: 2,
                training: training.with_epochs(if tiny { 8 } else { 32 }),
            };
        }
        let colour = data.starts_with("cifar");
        let training = TrainConfig::default()
            .with_batch_size(128)
            .with_optimiser(OptimiserConfig::sgd())
            .with_learning_rate(if colour { 0.1 } else { 0.05 })
            .with_schedule(Schedule::cosine().with_warmup(1))
            .with_epochs(match (scale, colour) {
                (Scale::Tiny, _) => 2,
                (Scale::Quick, _) => 12,
                (Scale::Standard, true) => 10,
                (Scale::Standard, false) => 20,
                (Scale::Paper, true) => 200,
                (Scale::Paper, false) => 60,
            });
        let training = match colour {
            true => training.with_augmentation(Augmentation::PadCropFlip { padding: 4, flip: true }),
            false => training,
        };
        Self {
            data: data.into(),
            features: false,
            seeds: match (scale, colour) {
                (Scale::Tiny, _) => 2,
                (Scale::Quick, _) | (Scale::Standard, true) => 3,
                _ => 5,
            },
            most: match scale {
                Scale::Tiny => 400,
                Scale::Quick => 10_000,
                _ => usize::MAX,
            },
            most_tests: tiny.then_some(200),
            validation: 0.2,
            shares: vec![0.125, 0.25, 0.5, 1.0],
            main: 3,
            training,
        }
    }

    /// Networks, ascending: perceptrons on grey images, ResNets on colour.
    pub(super) fn capacities(&self, scale: Scale, image: ImageShape, classes: usize) -> Vec<Capacity> {
        if image.channels == 1 {
            return [8, 32, 128].map(|width| perceptron(width, image.features(), classes)).to_vec();
        }
        let depths = if scale == Scale::Paper { [8, 20, 56] } else { [8, 14, 20] };
        let residual = |depth: usize| Capacity {
            name: format!("resnet-{depth}"),
            size: depth as f64,
            architecture: ResNetConfig::new(depth, image, classes).into(),
        };
        depths.map(residual).to_vec()
    }

    /// Base models that are trained for each seed.
    fn models(&self) -> usize {
        let capacities = if self.features { 4 } else { 3 };
        capacities + self.shares.len() - 1
    }
}

/// One scale's settings.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The data set that decides.
    pub(super) primary: Plan,
    /// Images beside it, where the person asked for no data set.
    pub(super) images: Option<Plan>,
    /// Seeds of the synthetic experiments.
    pub(super) synthetic_seeds: usize,
    /// Sizes of the synthetic training, validation and test sets.
    pub(super) synthetic_sizes: [usize; 3],
    /// Seeds of the linear theory: cheap, and slopes need many.
    pub(super) theory_seeds: usize,
    /// Training of the networks on synthetic data.
    pub(super) synthetic_training: TrainConfig,
}

impl Settings {
    pub(super) fn new(scale: Scale, data: Option<&str>) -> Self {
        let (own, beside) = match scale {
            Scale::Tiny | Scale::Quick => ("fashion-mnist-embeddings", Some("fashion-mnist-slice")),
            Scale::Standard => ("fashion-mnist-embeddings", Some("fashion-mnist")),
            Scale::Paper => ("cifar-100", None),
        };
        let tiny = scale == Scale::Tiny;
        Self {
            primary: Plan::new(scale, data.unwrap_or(own)),
            images: beside.filter(|_| data.is_none()).map(|name| Plan::new(scale, name)),
            synthetic_seeds: if tiny {
                2
            } else if scale == Scale::Quick {
                5
            } else {
                10
            },
            synthetic_sizes: if tiny { [400, 200, 200] } else { [4000, 1000, 4000] },
            theory_seeds: if tiny { 2 } else { 20 },
            synthetic_training: TrainConfig::default()
                .with_epochs(if tiny { 5 } else { 30 })
                .with_batch_size(64)
                .with_optimiser(OptimiserConfig::adamw())
                .with_learning_rate(3e-3)
                .with_weight_decay(0.0)
                .with_schedule(Schedule::constant()),
        }
    }

    /// Pieces of work in a run, for the progress bar.
    pub(super) fn steps(&self, context: &Context) -> u64 {
        let plans = std::iter::once(&self.primary).chain(&self.images);
        let real: usize = plans.map(|plan| context.seeds_or(plan.seeds) * plan.models()).sum();
        let (synthetic, theory) = (context.seeds_or(self.synthetic_seeds), context.seeds_or(self.theory_seeds));
        let rule = super::synthetic::NOISE.len() * super::synthetic::WIDTHS.len() + 1;
        let linear = super::theory::DIMENSIONS.len() + super::theory::NOISE_LEVELS.len();
        (real + synthetic * rule + theory * linear) as u64
    }
}
