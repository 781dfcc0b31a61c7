//! Ensembles of networks of all sizes.

use super::data::Data;
use super::settings::{DRAWS, Network, Settings, TRAININGS};
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit;
use ndarray::{Array2, Array3, ArrayView3};
use rand::RngExt;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use tenfold_analysis::collapse::NeuralCollapse;
use tenfold_analysis::{
    Alignment, AnalysisError, Averages, Decomposition, LogitSample, Nulls, Randomness, Scale, Selection, Split,
    ensemble,
};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::mean;
use tenfold_vision::{Inputs, Member, Model, Samples, Targets, Trained, TrainingSet, VisionError, evaluate};

/// What is read off a network.
#[derive(Clone, Serialize, Deserialize)]
struct Reading {
    validation: Vec<f32>,
    test: Vec<f32>,
    train_accuracy: f64,
    /// NC1, the two of NC2, and the nearest class mean's error, of the training images' embeddings; none where they are not defined.
    collapse: Option<[f64; 4]>,
}

/// Alignment beside its nulls, or why there is none.
pub(super) type Aligned = Result<(Alignment, Nulls), String>;

/// An ensemble, and what was found of it.
pub(super) struct Measured {
    pub(super) network: Network,
    /// Logits on validation and test images, `[N, n, C]`.
    pub(super) validation: Array3<f32>,
    pub(super) test: Array3<f32>,
    /// Mean training accuracy of the models.
    pub(super) train_accuracy: f64,
    /// Means over models of NC1, the two of NC2, and the nearest class mean's error.
    pub(super) collapse: Option<[f64; 4]>,
    pub(super) found: Decomposition,
    pub(super) averages: Averages,
    /// Alignment on right points beside its nulls, or why there is none.
    pub(super) aligned: Aligned,
}

/// All ensembles.
pub(super) struct Networks {
    pub(super) all: Vec<Measured>,
    pub(super) seconds: f64,
}

impl Networks {
    /// Perceptrons that differ in width alone, ascending.
    pub(super) fn widths(&self) -> Vec<&Measured> {
        let plain = |m: &&Measured| m.network.name.starts_with("mlp") && m.network.randomness == Randomness::Seed;
        self.all.iter().filter(plain).collect()
    }

    /// The widest perceptron: the claims on one network are about it.
    pub(super) fn largest(&self) -> &Measured {
        self.widths().last().copied().unwrap_or(&self.all[0])
    }
}

/// Alignment of the right points of a decomposition, and its nulls.
pub(super) fn align(found: &Decomposition, predictions: ArrayView3<f32>, labels: &[usize]) -> Aligned {
    let both = || -> Result<(Alignment, Nulls), AnalysisError> {
        let alignment = Alignment::of(found, Selection::default())?;
        let sample = LogitSample::of(predictions, labels, found.scale())?;
        let nulls = nulls(found, &sample, &alignment)?;
        Ok((alignment, nulls))
    };
    both().map_err(|error| error.to_string())
}

/// Both nulls of an alignment. What is drawn for one ensemble is drawn for all.
pub(super) fn nulls<D: Split>(found: &D, sample: &LogitSample, alignment: &Alignment) -> Result<Nulls, AnalysisError> {
    Nulls::of(found, sample, alignment, DRAWS, Seed::new(0).named("bias-variance-null"))
}

pub(super) fn measure(context: &Context, settings: &Settings, data: &Data) -> Result<Networks, ReproduceError> {
    let start = Instant::now();
    let mut all = Vec::new();
    for network in settings.networks(data.image, data.classes) {
        all.push(one(context, settings, data, network)?);
    }
    Ok(Networks { all, seconds: start.elapsed().as_secs_f64() })
}

fn one(context: &Context, settings: &Settings, data: &Data, network: Network) -> Result<Measured, ReproduceError> {
    let targets = Targets::Hard(data.train.labels.clone());
    let inputs = Inputs::new(data.train.x.view(), data.image)?;
    let validation = Inputs::new(data.validation.x.view(), data.image)?;
    let test = Inputs::new(data.test.x.view(), data.image)?;
    let set = TrainingSet::new(inputs.clone(), &targets)?;
    let seed = Seed::new(TRAININGS).named("bias-variance-networks").named(&network.name);
    let samples = samples(network.randomness, data.train.labels.len(), settings.models, seed);
    let member = |k: usize| {
        Member::new(seed.child(k as u64), network.architecture.clone(), network.training.clone())
            .with_samples(samples[k].clone())
    };
    let read = |_: usize, run: &Trained<Model>| -> Result<Reading, VisionError> {
        let logits = |inputs: &Inputs| -> Result<Vec<f32>, VisionError> {
            Ok(evaluate(&run.model, inputs, 1024)?.logits.iter().copied().collect())
        };
        let train = evaluate(&run.model, &inputs, 1024)?;
        let collapse = NeuralCollapse::of(train.embedding.view(), &data.train.labels, data.classes, None);
        Ok(Reading {
            validation: logits(&validation)?,
            test: logits(&test)?,
            train_accuracy: train.accuracy(&data.train.labels)?,
            collapse: collapse.ok().map(|c| [c.within, c.lengths, c.spread, c.nearest_error]),
        })
    };
    let trained = kit::networks::ensemble(context, &set, &format!("bias-variance/{}", network.name));
    let readings: Vec<Reading> = trained.collect(settings.models, member, read)?;
    let stack = |of: fn(&Reading) -> &Vec<f32>, points: usize| {
        let shape = (points, data.classes);
        ensemble(readings.len(), |t| {
            Ok::<_, AnalysisError>(
                Array2::from_shape_vec(shape, of(&readings[t]).clone()).expect("a row of logits a point"),
            )
        })
    };
    let (validation, test) = (stack(|r| &r.validation, validation.len())?, stack(|r| &r.test, test.len())?);
    let all: Option<Vec<[f64; 4]>> = readings.iter().map(|r| r.collapse).collect();
    let average = |of: Vec<[f64; 4]>| std::array::from_fn(|k| mean(&of.iter().map(|c| c[k]).collect::<Vec<f64>>()));
    let found = decompose(test.view(), &data.test.labels, network.randomness)?;
    Ok(Measured {
        averages: found.averages()?,
        aligned: align(&found, test.view(), &data.test.labels),
        train_accuracy: readings.iter().map(|r| r.train_accuracy).sum::<f64>() / readings.len() as f64,
        collapse: all.map(average),
        network,
        validation,
        test,
        found,
    })
}

fn decompose(
    logits: ArrayView3<f32>,
    labels: &[usize],
    randomness: Randomness,
) -> Result<Decomposition, AnalysisError> {
    Decomposition::of(logits, labels, Scale::logits(), randomness)
}

/// What each model trains on.
fn samples(randomness: Randomness, n: usize, models: usize, seed: Seed) -> Vec<Samples> {
    match randomness {
        Randomness::Bootstrap => (0..models as u64)
            .map(|k| {
                let mut rng = seed.named("bootstrap").child(k).rng();
                Samples::Rows((0..n).map(|_| rng.random_range(0..n as u32)).collect())
            })
            .collect(),
        Randomness::DisjointSplits => {
            let mut rows: Vec<u32> = (0..n as u32).collect();
            rows.shuffle(&mut seed.named("splits").rng());
            (0..models).map(|k| Samples::Rows(rows[k * n / models..(k + 1) * n / models].to_vec())).collect()
        }
        _ => vec![Samples::All; models],
    }
}
