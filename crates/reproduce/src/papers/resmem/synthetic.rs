//! Synthetic controls: a rule with exceptions, and clusters without a rule.

use super::compare::{Compared, Outputs, Split, compare};
use super::settings::Settings;
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit::networks::{perceptron, trained};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use tenfold_core_tensor::seed::Seed;
use tenfold_data::Table;
use tenfold_data::noise::SymmetricNoise;
use tenfold_data::synthetic::{PureClusters, PureClustersParams, RuleExceptions, RuleExceptionsParams};
use tenfold_vision::{ImageShape, Inputs, Model, Targets, TrainingSet, evaluate};

/// What findings call the data with a rule.
pub(super) const RULE: &str = "rule-and-exceptions (synthetic)";
/// Widths of the networks.
pub(super) const WIDTHS: [usize; 3] = [8, 32, 128];
/// Shares of training and validation labels replaced by another class.
pub(super) const NOISE: [f64; 2] = [0.0, 0.15];

/// One network on the rule-and-exceptions data.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RuleResult {
    /// Keys from the penultimate layer.
    pub(super) embedded: Compared,
    /// Keys are the raw inputs.
    pub(super) raw: Compared,
    /// Which test points are exceptions.
    pub(super) exceptions: Vec<bool>,
}

/// What was measured on synthetic data.
pub(super) struct Synthetic {
    /// `[noise][width][seed]`.
    pub(super) rule: Vec<Vec<Vec<RuleResult>>>,
    /// `[seed]`, raw inputs as keys.
    pub(super) clusters: Vec<Compared>,
    pub(super) rule_seconds: f64,
    pub(super) cluster_seconds: f64,
}

pub(super) fn run(context: &Context, settings: &Settings) -> Result<Synthetic, ReproduceError> {
    let start = Instant::now();
    let seeds = context.seeds_or(settings.synthetic_seeds);
    let jobs: Vec<(usize, usize, usize)> = (0..NOISE.len())
        .flat_map(|noise| (0..WIDTHS.len()).flat_map(move |w| (0..seeds).map(move |s| (noise, w, s))))
        .collect();
    let results = context.parallel(&jobs, |&(noise, w, seed)| {
        let name = format!("resmem/rule-n{noise}-w{}-s{seed}", WIDTHS[w]);
        context
            .folder
            .unit(&format!("{name}-methods"), || rule(context, settings, &name, NOISE[noise], WIDTHS[w], seed))
    })?;
    let mut nested: Vec<Vec<Vec<RuleResult>>> =
        NOISE.iter().map(|_| WIDTHS.iter().map(|_| Vec::new()).collect()).collect();
    for ((noise, w, _), result) in jobs.into_iter().zip(results) {
        nested[noise][w].push(result);
    }
    let rule_seconds = start.elapsed().as_secs_f64();
    let seeds: Vec<usize> = (0..seeds).collect();
    let clusters = context.parallel(&seeds, |seed| {
        let name = format!("resmem/clusters-s{seed}");
        context.folder.unit(&format!("{name}-methods"), || clusters(context, settings, &name, *seed))
    })?;
    let cluster_seconds = start.elapsed().as_secs_f64() - rule_seconds;
    Ok(Synthetic { rule: nested, clusters, rule_seconds, cluster_seconds })
}

fn rule(
    context: &Context,
    settings: &Settings,
    name: &str,
    noise: f64,
    width: usize,
    seed: usize,
) -> Result<RuleResult, ReproduceError> {
    let seed = Seed::new(seed as u64).named("resmem-rule");
    let world = RuleExceptions::new(RuleExceptionsParams::default(), seed)?;
    let samples =
        [0, 1, 2].map(|part| world.sample(settings.synthetic_sizes[part], seed.named("sample").child(part as u64)));
    let [train, validation, test] = samples;
    let (mut train, mut validation, test) = (train?, validation?, test?);
    let exceptions = test.exceptions();
    if noise > 0.0 {
        let flip = |table: &mut Table, seed: Seed| -> Result<(), ReproduceError> {
            table.labels =
                SymmetricNoise::default().with_rate(noise).apply(&table.labels, table.n_classes, seed)?.labels;
            Ok(())
        };
        flip(&mut train.table, seed.named("noise").child(0))?;
        flip(&mut validation.table, seed.named("noise").child(1))?;
    }
    let tables = [&train.table, &validation.table, &test.table];
    let (embedded, raw) = outputs(context, settings, name, width, tables, seed)?;
    Ok(RuleResult { embedded: compare(&embedded, true, seed)?, raw: compare(&raw, true, seed)?, exceptions })
}

fn clusters(context: &Context, settings: &Settings, name: &str, seed: usize) -> Result<Compared, ReproduceError> {
    let seed = Seed::new(seed as u64).named("resmem-clusters");
    let world = PureClusters::new(PureClustersParams::default(), seed)?;
    let samples =
        [0, 1, 2].map(|part| world.sample(settings.synthetic_sizes[part], seed.named("sample").child(part as u64)));
    let [train, validation, test] = samples;
    let (train, validation, test) = (train?, validation?, test?);
    let (_, raw) = outputs(context, settings, name, WIDTHS[1], [&train.table, &validation.table, &test.table], seed)?;
    compare(&raw, true, seed)
}

/// Trains a perceptron and reads off its outputs, once with embeddings and once with raw inputs as keys.
fn outputs(
    context: &Context,
    settings: &Settings,
    name: &str,
    width: usize,
    tables: [&Table; 3],
    seed: Seed,
) -> Result<(Outputs, Outputs), ReproduceError> {
    let image = ImageShape::table(tables[0].x.ncols());
    let n_classes = tables[0].n_classes;
    let targets = Targets::Hard(tables[0].labels.clone());
    let set = TrainingSet::new(Inputs::new(tables[0].x.view(), image)?, &targets)?;
    let architecture = perceptron(width, image.features(), n_classes).architecture;
    let model = trained(context, name, &architecture, &set, &settings.synthetic_training, seed)?;
    let embedded = tables.map(|t| split(&model, t, image, None));
    let raw = tables.map(|t| split(&model, t, image, Some(&t.x)));
    Ok((joined(embedded, n_classes)?, joined(raw, n_classes)?))
}

fn split(model: &Model, table: &Table, image: ImageShape, keys: Option<&Array2<f32>>) -> Result<Split, ReproduceError> {
    let e = evaluate(model, &Inputs::new(table.x.view(), image)?, 512)?;
    Ok(Split { keys: keys.cloned().unwrap_or(e.embedding), logits: e.logits, labels: table.labels.clone() })
}

fn joined(parts: [Result<Split, ReproduceError>; 3], n_classes: usize) -> Result<Outputs, ReproduceError> {
    let [train, validation, test] = parts;
    Ok(Outputs { n_classes, train: train?, validation: validation?, test: test? })
}
