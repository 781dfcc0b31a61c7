//! Networks on images: the capacity is a width or a depth, the keys are the penultimate layer.

use super::compare::{Outputs, Split};
use super::settings::{Capacity, Plan};
use super::study::{Bases, Task};
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit::networks::trained;
use tenfold_data::{Images, Source, Standardiser, TrainTest, catalogue};
use tenfold_vision::{ImageShape, Inputs, Targets, TrainConfig, TrainingSet, evaluate};

/// Networks on one set of images.
pub(super) struct Networks {
    set: TrainTest,
    image: ImageShape,
    capacities: Vec<Capacity>,
    training: TrainConfig,
}

impl Networks {
    pub(super) fn new(context: &Context, plan: &Plan) -> Result<Self, ReproduceError> {
        let mut set = catalogue::load(&plan.data, &context.data_root)?;
        if let Some(most) = plan.most_tests.filter(|most| *most < set.test.len()) {
            set.test = set.test.select(&(0..most).collect::<Vec<_>>())?;
        }
        let image = set.train.shape();
        let capacities = plan.capacities(context.scale, image, set.train.n_classes());
        Ok(Self { set, image, capacities, training: plan.training.clone() })
    }

    /// Training and test images, for the gallery.
    pub(super) fn pictures(self) -> [Images; 2] {
        [self.set.train, self.set.test]
    }
}

impl Bases for Networks {
    fn source(&self) -> &Source {
        &self.set.source
    }

    fn labels(&self) -> (&[usize], usize, usize) {
        (self.set.train.labels(), self.set.train.n_classes(), self.set.test.len())
    }

    fn capacities(&self) -> &[Capacity] {
        &self.capacities
    }

    fn outputs(&self, context: &Context, task: &Task) -> Result<Outputs, ReproduceError> {
        let (train, validation) = (self.set.train.select(&task.train)?, self.set.train.select(&task.validation)?);
        let standardiser = Standardiser::fit(&train);
        let pixels = train.to_matrix(&standardiser)?;
        let targets = Targets::Hard(train.labels().to_vec());
        let data = TrainingSet::new(Inputs::new(pixels.view(), self.image)?, &targets)?;
        let config = self.training.clone().with_epochs(task.epochs);
        let model = trained(context, &task.name, &task.capacity.architecture, &data, &config, task.seed)?;
        // Keys come from clean images, with the network in evaluation mode.
        let read = |images: &Images| -> Result<Split, ReproduceError> {
            let pixels = images.to_matrix(&standardiser)?;
            let e = evaluate(&model, &Inputs::new(pixels.view(), self.image)?, 512)?;
            Ok(Split { keys: e.embedding, logits: e.logits, labels: images.labels().to_vec() })
        };
        Ok(Outputs {
            n_classes: train.n_classes(),
            train: read(&train)?,
            validation: read(&validation)?,
            test: read(&self.set.test)?,
        })
    }
}
