//! Ensembles of networks of all sizes.

use super::data::Data;
use super::settings::{DRAWS, Network, Settings};
use crate::context::Context;
use crate::error::ReproduceError;
use ndarray::{Array3, ArrayView3};
use rand::RngExt;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use tenfold_analysis::{Alignment, AnalysisError, Averages, Decomposition, Null, Randomness, Scale, Selection};
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{
    Ensemble, Inputs, Member, Model, Samples, Strategy, Targets, Trained, TrainingSet, VisionError, evaluate,
};

/// What is read off a network.
#[derive(Clone, Serialize, Deserialize)]
struct Reading {
    validation: Vec<f32>,
    test: Vec<f32>,
    train_accuracy: f64,
}

/// An ensemble, and what was found of it.
pub(super) struct Measured {
    pub(super) network: Network,
    /// Logits on validation and test images, `[N, n, C]`.
    pub(super) validation: Array3<f32>,
    pub(super) test: Array3<f32>,
    /// Mean training accuracy of the models.
    pub(super) train_accuracy: f64,
    pub(super) found: Decomposition,
    pub(super) averages: Averages,
    /// Alignment on right points beside its null, or why there is none.
    pub(super) aligned: Result<(Alignment, Null), String>,
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

/// Alignment of the right points of a decomposition, and its null.
pub(super) fn align(found: &Decomposition) -> Result<(Alignment, Null), AnalysisError> {
    let alignment = Alignment::of(found, Selection::default())?;
    let null = Null::of(found, &alignment, DRAWS, Seed::new(0).named("bias-variance-null"))?;
    Ok((alignment, null))
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
    let seed = Seed::new(0).named("bias-variance-networks").named(&network.name);
    let samples = samples(network.randomness, data.train.labels.len(), settings.models, seed);
    let member = |k: usize| {
        Member::new(seed.child(k as u64), network.architecture.clone(), network.training.clone())
            .with_samples(samples[k].clone())
    };
    let read = |_: usize, run: &Trained<Model>| -> Result<Reading, VisionError> {
        let logits = |inputs: &Inputs| -> Result<Vec<f32>, VisionError> {
            Ok(evaluate(&run.model, inputs, 1024)?.logits.iter().copied().collect())
        };
        let train_accuracy = evaluate(&run.model, &inputs, 1024)?.accuracy(&data.train.labels)?;
        Ok(Reading { validation: logits(&validation)?, test: logits(&test)?, train_accuracy })
    };
    let ensemble = Ensemble::new(&set, &context.device)
        .with_folder(context.folder.path(&format!("units/bias-variance/{}", network.name)))
        .with_progress(&context.progress);
    let ensemble = match tenfold_core_tensor::device::is_cpu(&context.device) {
        true => ensemble.with_strategy(Strategy::Workers { count: context.jobs }),
        false => ensemble,
    };
    let readings: Vec<Reading> = ensemble.collect(settings.models, member, read)?;
    let stack = |of: fn(&Reading) -> &Vec<f32>, points: usize| {
        let values = readings.iter().flat_map(|r| of(r).iter().copied()).collect();
        Array3::from_shape_vec((settings.models, points, data.classes), values).expect("one row of logits a point")
    };
    let (validation, test) = (stack(|r| &r.validation, validation.len()), stack(|r| &r.test, test.len()));
    let found = decompose(test.view(), &data.test.labels, network.randomness)?;
    Ok(Measured {
        averages: found.averages()?,
        aligned: align(&found).map_err(|error| error.to_string()),
        train_accuracy: readings.iter().map(|r| r.train_accuracy).sum::<f64>() / readings.len() as f64,
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
