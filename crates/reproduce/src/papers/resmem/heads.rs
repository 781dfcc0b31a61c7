//! Linear heads on the features of a pretrained network: the capacity of a head is how many of the features it reads.

use super::compare::{Outputs, Split};
use super::settings::{Capacity, Plan};
use super::study::{Bases, Task};
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit::networks::trained;
use ndarray::{Array2, Axis, s};
use tenfold_core_tensor::stats::{mean, variance};
use tenfold_data::{FeatureSet, Source, Table, features};
use tenfold_vision::{Architecture, ImageShape, Inputs, MlpConfig, Targets, TrainConfig, TrainingSet, evaluate};

/// Principal components that the heads read; the memory's keys are all of them.
const COLUMNS: [usize; 4] = [8, 16, 32, 64];

/// Heads on one set of features.
pub(super) struct Heads {
    set: FeatureSet,
    capacities: Vec<Capacity>,
    training: TrainConfig,
}

impl Heads {
    pub(super) fn new(context: &Context, plan: &Plan) -> Result<Self, ReproduceError> {
        let mut set = features::load(&plan.data, &context.data_root)?;
        if let Some(most) = plan.most_tests.filter(|most| *most < set.test.len()) {
            set.test = set.test.select(&(0..most).collect::<Vec<_>>())?;
        }
        let wide = set.train.x.ncols();
        let head = |columns: usize| Capacity {
            name: format!("head-{columns}"),
            size: columns as f64,
            architecture: MlpConfig::new(columns, &[], set.class_names.len()).into(),
        };
        let capacities = COLUMNS.into_iter().filter(|columns| *columns <= wide).map(head).collect();
        Ok(Self { set, capacities, training: plan.training.clone() })
    }
}

impl Bases for Heads {
    fn source(&self) -> &Source {
        &self.set.source
    }

    fn labels(&self) -> (&[usize], usize, usize) {
        (&self.set.train.labels, self.set.class_names.len(), self.set.test.len())
    }

    fn capacities(&self) -> &[Capacity] {
        &self.capacities
    }

    fn outputs(&self, context: &Context, task: &Task) -> Result<Outputs, ReproduceError> {
        let (train, validation) = (self.set.train.select(&task.train)?, self.set.train.select(&task.validation)?);
        let scale = ColumnScale::of(&train.x, task.capacity.size as usize);
        let image = ImageShape::table(scale.mean.len());
        let architecture: &Architecture = &task.capacity.architecture;
        let (read, targets) = (scale.apply(&train.x), Targets::Hard(train.labels.clone()));
        let data = TrainingSet::new(Inputs::new(read.view(), image)?, &targets)?;
        let config = self.training.clone().with_epochs(task.epochs);
        let model = trained(context, &task.name, architecture, &data, &config, task.seed)?;
        let split = |table: &Table| -> Result<Split, ReproduceError> {
            let read = scale.apply(&table.x);
            let logits = evaluate(&model, &Inputs::new(read.view(), image)?, 2048)?.logits;
            Ok(Split { keys: table.x.clone(), logits, labels: table.labels.clone() })
        };
        Ok(Outputs {
            n_classes: train.n_classes,
            train: split(&train)?,
            validation: split(&validation)?,
            test: split(&self.set.test)?,
        })
    }
}

/// Mean and spread of the first columns of the training rows.
struct ColumnScale {
    mean: Vec<f64>,
    sd: Vec<f64>,
}

impl ColumnScale {
    fn of(x: &Array2<f32>, columns: usize) -> Self {
        let column = |c: usize| x.index_axis(Axis(1), c).iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
        let (mean, sd) =
            (0..columns).map(|c| (mean(&column(c)), variance(&column(c)).sqrt().max(f64::MIN_POSITIVE))).unzip();
        Self { mean, sd }
    }

    fn apply(&self, x: &Array2<f32>) -> Array2<f32> {
        let mut read = x.slice(s![.., ..self.mean.len()]).to_owned();
        for ((mut column, mean), sd) in read.axis_iter_mut(Axis(1)).zip(&self.mean).zip(&self.sd) {
            column.mapv_inplace(|v| ((f64::from(v) - mean) / sd) as f32);
        }
        read
    }
}
