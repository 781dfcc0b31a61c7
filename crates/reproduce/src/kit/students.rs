//! Teachers and students of distillation: perceptrons on a cut, and what they say.

use crate::error::ReproduceError;
use crate::kit::long_tail::{Cut, Pools, inputs};
use burn::tensor::Device;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;
use tenfold_data::Table;
use tenfold_distill::{Lesson, Taught};
use tenfold_vision::{MlpConfig, Model, OptimiserConfig, Schedule, Targets, TrainConfig, TrainingSet, evaluate};

/// Rows that are read at a time.
const BATCH: usize = 512;

/// A network of one hidden layer and how long it is trained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Net {
    pub(crate) hidden: usize,
    pub(crate) epochs: usize,
    pub(crate) weight_decay: f64,
}

impl Net {
    /// SGD with momentum 0.9, a warm-up of a twentieth of the epochs, then half a cosine to zero.
    fn config(&self) -> TrainConfig {
        TrainConfig::default()
            .with_epochs(self.epochs)
            .with_batch_size(64)
            .with_optimiser(OptimiserConfig::Sgd { momentum: 0.9, nesterov: false })
            .with_learning_rate(0.05)
            .with_weight_decay(self.weight_decay)
            .with_schedule(Schedule::cosine().with_warmup((self.epochs / 20).min(self.epochs - 1)))
    }

    /// Trains it on rows with targets, as a lesson says.
    pub(crate) fn teach(
        &self,
        rows: &Table,
        targets: &Targets,
        lesson: &Lesson,
        seed: Seed,
        device: &Device,
    ) -> Result<Taught<Model>, ReproduceError> {
        let set = TrainingSet::new(inputs(rows)?, targets)?;
        let net = Model::Mlp(MlpConfig::new(rows.x.ncols(), &[self.hidden], rows.n_classes).init(seed, device)?);
        Ok(lesson.teach(net, &set, &self.config(), seed)?)
    }
}

/// What a network says of rows.
pub(crate) fn logits(model: &Model, rows: &Table) -> Result<Array2<f32>, ReproduceError> {
    Ok(evaluate(model, &inputs(rows)?, BATCH)?.logits)
}

/// The class of the largest score of each row; of equals, the first.
pub(crate) fn classes<T: Copy + PartialOrd>(scores: ArrayView2<T>) -> Vec<u8> {
    let largest = |row: ndarray::ArrayView1<T>| {
        let mut best = 0;
        for (k, score) in row.iter().enumerate() {
            if *score > row[best] {
                best = k;
            }
        }
        best as u8
    };
    scores.rows().into_iter().map(largest).collect()
}

/// What an arm says of a seed's rows, as kept in the run folder: predicted classes, and the share of training rows it gets right.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Said {
    #[serde(with = "digits")]
    pub(crate) test: Vec<u8>,
    #[serde(with = "digits")]
    pub(crate) validation: Vec<u8>,
    #[serde(with = "digits")]
    pub(crate) fresh: Vec<u8>,
    /// Where it was asked about the training rows.
    pub(crate) train_accuracy: Option<f64>,
}

impl Said {
    /// Asks a network.
    pub(crate) fn of(model: &Model, pools: &Pools, cut: &Cut) -> Result<Self, ReproduceError> {
        let train = classes(logits(model, &cut.train)?.view());
        let right = train.iter().zip(&cut.train.labels).filter(|(said, label)| usize::from(**said) == **label).count();
        Ok(Self {
            test: classes(logits(model, &pools.test)?.view()),
            validation: classes(logits(model, &cut.validation)?.view()),
            fresh: classes(logits(model, &cut.fresh)?.view()),
            train_accuracy: Some(right as f64 / cut.train.len() as f64),
        })
    }
}

/// The least recall of predictions.
pub(crate) fn worst_recall(said: &[u8], labels: &[usize], classes: usize) -> f64 {
    let (mut right, mut all) = (vec![0.0; classes], vec![0.0; classes]);
    for (said, &label) in said.iter().zip(labels) {
        all[label] += 1.0;
        right[label] += f64::from(usize::from(*said) == label);
    }
    right.iter().zip(&all).map(|(right, all)| right / all).fold(f64::INFINITY, f64::min)
}

/// Classes as a string of one character each: ten thousand of them in a file that a person can look at.
mod digits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(classes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&classes.iter().map(|&c| char::from(b'0' + c)).collect::<String>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        Ok(String::deserialize(from)?.bytes().map(|b| b.wrapping_sub(b'0')).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn what_was_said_comes_back_from_its_file() {
        let said = Said { test: vec![0, 9, 3], validation: vec![], fresh: vec![1], train_accuracy: None };
        let json = serde_json::to_string(&said).unwrap();
        assert!(json.contains(r#""test":"093""#), "{json}");
        let back: Said = serde_json::from_str(&json).unwrap();
        assert_eq!((back.test, back.fresh, back.train_accuracy), (said.test, said.fresh, None));
    }

    #[test]
    fn classes_and_recalls_by_hand() {
        assert_eq!(classes(array![[0.0, 1.0, 1.0], [2.0, 1.0, 0.0]].view()), [1, 0]);
        assert_eq!(worst_recall(&[0, 0, 1, 1], &[0, 1, 1, 1], 2), 2.0 / 3.0);
    }
}
