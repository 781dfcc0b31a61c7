//! What is trained, and on what.

use crate::error::BenchError;
use crate::inputs::gaussian;
use ndarray::{Array2, Axis};
use tenfold_core_tensor::seed::Seed;
use tenfold_data::images::{Images, Standardiser};
use tenfold_data::synthetic::{RuleExceptions, RuleExceptionsParams};
use tenfold_data::table::Table;
use tenfold_data::{catalogue, embedded, features};
use tenfold_vision::{Architecture, ImageShape, Member, MlpConfig, ResNetConfig, Schedule, TrainConfig};

/// Samples that each member sees.
const SAMPLES: usize = 2_000;

const CLASSES: usize = 10;

/// Members that are timed.
pub(super) const TIMED: usize = 4;

/// Many trainings that differ in their seed.
pub(crate) struct Ensemble {
    work: String,
    pub(super) architecture: Architecture,
    pub(super) config: TrainConfig,
    /// Members that the numbers are for.
    pub(super) members: usize,
    /// Nobody is timed more often: a turn takes long.
    most_rounds: usize,
    /// Whether there is a version stacked in NumPy.
    pub(super) batched: bool,
    image: ImageShape,
    samples: usize,
}

impl Ensemble {
    pub(crate) fn mlps() -> Self {
        let config = TrainConfig::default().with_epochs(20).with_batch_size(64).with_learning_rate(0.02);
        Self {
            work: "mlp-ensemble-300-sgd".to_string(),
            samples: SAMPLES,
            architecture: MlpConfig::new(784, &[128], CLASSES).into(),
            config: config.with_schedule(Schedule::constant()),
            members: 300,
            most_rounds: usize::MAX,
            batched: false,
            image: ImageShape::new(1, 28, 28),
        }
    }

    pub(super) fn resnets() -> Self {
        let image = ImageShape::new(3, 32, 32);
        let config = TrainConfig::default().with_epochs(5).with_batch_size(128).with_learning_rate(0.05);
        Self {
            work: "resnet8-ensemble-50-sgd".to_string(),
            samples: SAMPLES,
            architecture: ResNetConfig::new(8, image, CLASSES).into(),
            config: config.with_schedule(Schedule::constant()),
            members: 50,
            most_rounds: 5,
            batched: false,
            image,
        }
    }

    /// Teachers of a distillation on features: an ensemble of twelve.
    pub(super) fn teachers() -> Self {
        let config = TrainConfig::default().with_epochs(60).with_batch_size(64).with_learning_rate(0.05);
        let image = ImageShape::table(64);
        Self {
            work: "mlp-teachers-12-sgd".to_string(),
            samples: 2_478,
            architecture: MlpConfig::new(image.features(), &[128], CLASSES).into(),
            config: config.with_schedule(Schedule::constant()),
            members: 12,
            most_rounds: usize::MAX,
            batched: true,
            image,
        }
    }

    /// Perceptrons of the subset estimator's kind, on the synthetic rule with exceptions: 400 of one width.
    pub(crate) fn subsets(width: usize) -> Self {
        let config = TrainConfig::default().with_epochs(60).with_batch_size(32).with_learning_rate(0.05);
        let image = ImageShape::table(24);
        Self {
            work: format!("mlp-trainings-w{width}-400-sgd"),
            samples: 420,
            architecture: MlpConfig::new(image.features(), &[width], 5).into(),
            config: config.with_schedule(Schedule::constant()),
            members: 400,
            most_rounds: 3,
            batched: true,
            image,
        }
    }

    /// What it is called.
    pub(crate) fn work(&self) -> &str {
        &self.work
    }

    /// How often it is timed at most.
    pub(crate) fn most_rounds(&self) -> usize {
        self.most_rounds
    }

    pub(super) fn member(&self, k: usize) -> Member {
        Member::new(self.seed(k), self.architecture.clone(), self.config.clone())
    }

    pub(super) fn seed(&self, k: usize) -> Seed {
        Seed::new(7).named("bench-ensemble").child(k as u64)
    }

    /// Seconds of all members from those of the timed ones.
    pub(super) fn extrapolate(&self, seconds: f64) -> f64 {
        seconds * self.members as f64 / TIMED as f64
    }
}

/// Images that all members see.
pub(crate) struct Data {
    pub(super) pixels: Array2<f32>,
    pub(super) labels: Vec<usize>,
    pub(super) image: ImageShape,
    /// What they are.
    pub(super) name: String,
}

impl Data {
    /// Real images where they are installed, and seeded noise of their shape where not.
    pub(crate) fn of(ensemble: &Ensemble) -> Result<Self, BenchError> {
        let table = ensemble.image.width == 1 || ensemble.image.height == 1;
        if table && ensemble.architecture.classes() == CLASSES {
            return Self::features(ensemble);
        }
        if table {
            return Self::rule(ensemble);
        }
        if ensemble.image.channels == 1 {
            let slice = embedded::fashion_mnist_slice()?;
            return Self::images(&slice.train, "Fashion-MNIST");
        }
        let root = catalogue::data_root();
        if catalogue::find("cifar-10")?.is_installed(&root) {
            return Self::images(&catalogue::load("cifar-10", &root)?.train, "CIFAR-10");
        }
        let pixels = gaussian(SAMPLES, ensemble.image.features(), Seed::new(7).named("bench-ensemble-noise"));
        let labels = (0..SAMPLES).map(|i| i % CLASSES).collect();
        Ok(Self { pixels, labels, image: ensemble.image, name: "noise for want of CIFAR-10".to_owned() })
    }

    /// The synthetic rule with exceptions that memorisation is tested on.
    fn rule(ensemble: &Ensemble) -> Result<Self, BenchError> {
        let params = RuleExceptionsParams::default().with_n_classes(5).with_exception_share(0.3).with_n_clusters(120);
        let seed = Seed::new(7).named("bench-rule");
        let table = RuleExceptions::new(params, seed)?.sample(ensemble.samples, seed)?.table;
        let name = "rule and exceptions (synthetic)".to_owned();
        Ok(Self { pixels: table.x, labels: table.labels, image: ensemble.image, name })
    }

    /// Features of a network, spread evenly over the images; they are centred already, and one number scales them all.
    fn features(ensemble: &Ensemble) -> Result<Self, BenchError> {
        let Table { x, labels, .. } = features::load("fashion-mnist-embeddings", &catalogue::data_root())?.train;
        let rows: Vec<usize> = (0..ensemble.samples).map(|i| i * x.nrows() / ensemble.samples).collect();
        let mut pixels = x.select(Axis(0), &rows);
        pixels /= pixels.std(0.0);
        let labels = rows.iter().map(|&row| labels[row]).collect();
        let name = "Fashion-MNIST, features of a network".to_owned();
        Ok(Self { pixels, labels, image: ensemble.image, name })
    }

    /// Samples spread evenly over the images, standardised.
    fn images(images: &Images, name: &str) -> Result<Self, BenchError> {
        let rows: Vec<usize> = (0..SAMPLES).map(|i| i * images.len() / SAMPLES).collect();
        let chosen = images.select(&rows)?;
        Ok(Self {
            pixels: chosen.to_matrix(&Standardiser::fit(&chosen))?,
            labels: chosen.labels().to_vec(),
            image: chosen.shape(),
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_three() {
        assert_eq!(Ensemble::mlps().extrapolate(4.0), 300.0);
        assert_eq!(Ensemble::resnets().extrapolate(2.0), 25.0);
    }

    #[test]
    fn members_differ_in_their_seed_alone() {
        let ensemble = Ensemble::mlps();
        let (a, b) = (ensemble.member(0), ensemble.member(1));
        assert_ne!(a.seed, b.seed);
        assert_eq!(Member { seed: a.seed, ..b }, a);
    }

    #[test]
    fn data_have_the_shape_that_the_networks_read() {
        for ensemble in [Ensemble::mlps(), Ensemble::teachers(), Ensemble::resnets(), Ensemble::subsets(4)] {
            let data = Data::of(&ensemble).unwrap();
            assert_eq!(data.pixels.dim(), (ensemble.samples, ensemble.image.features()), "{}", data.name);
            assert_eq!((data.labels.len(), data.image), (ensemble.samples, ensemble.image));
        }
    }
}
