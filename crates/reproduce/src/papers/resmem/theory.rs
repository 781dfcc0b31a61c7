//! The linear setting, where every term of the risk is known.

use super::settings::Settings;
use crate::context::Context;
use crate::error::ReproduceError;
use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, StatsError, line_fit, mean_interval};
use tenfold_data::Regression;
use tenfold_data::synthetic::{LinearBall, LinearBallParams};
use tenfold_resmem::theory::{Risk, residual_knn_risk};

/// Dimensions at which the rate is fitted.
pub(super) const DIMENSIONS: [usize; 3] = [2, 4, 8];
/// Training sizes at which it is fitted.
pub(super) const SIZES: [usize; 4] = [100, 1000, 10_000, 30_000];
/// The base's bound on its norm.
pub(super) const BOUND: f64 = 0.5;
/// Standard deviations of the label noise.
pub(super) const NOISE_LEVELS: [f64; 4] = [0.0, 0.25, 0.5, 1.0];
/// Numbers of neighbours among which the best is chosen under noise.
pub(super) const NEIGHBOURS: [usize; 8] = [1, 2, 3, 5, 10, 20, 30, 60];
const NOISE_DIMENSION: usize = 4;
const NOISE_SIZE: usize = 3000;
const TEST: usize = 1000;

/// One dimension.
pub(super) struct Rate {
    /// `[seed][size]`.
    pub(super) risks: Vec<Vec<Risk>>,
}

/// One seed at one noise level: risks on test data, with k chosen on validation data.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct NoiseRun {
    pub(super) base: f64,
    /// ResMem with one neighbour.
    pub(super) first: f64,
    /// ResMem at its best k.
    pub(super) best: f64,
    pub(super) best_k: usize,
    /// kNN alone at its best k.
    pub(super) knn: f64,
    /// ResMem at every k of [`NEIGHBOURS`].
    pub(super) by_k: Vec<f64>,
}

/// What was measured.
pub(super) struct Theory {
    pub(super) rates: Vec<Rate>,
    /// `[noise level][seed]`.
    pub(super) noise: Vec<Vec<NoiseRun>>,
    pub(super) rate_seconds: f64,
    pub(super) noise_seconds: f64,
}

impl Theory {
    /// The slope of log risk on log n, by seed.
    pub(super) fn slopes(&self, d: usize) -> Vec<f64> {
        let x: Vec<f64> = SIZES.iter().map(|n| (*n as f64).ln()).collect();
        let slope = |risks: &Vec<Risk>| {
            let y: Vec<f64> = risks.iter().map(|r| r.resmem.ln()).collect();
            line_fit(&x, &y).map_or(f64::NAN, |f| f.slope.value)
        };
        let at = DIMENSIONS.iter().position(|own| *own == d).unwrap_or(0);
        self.rates[at].risks.iter().map(slope).collect()
    }

    /// A term of the risk at one size of one dimension, over seeds.
    pub(super) fn term(&self, dimension: usize, size: usize, term: fn(&Risk) -> f64) -> Result<Estimate, StatsError> {
        mean_interval(&self.rates[dimension].risks.iter().map(|r| term(&r[size])).collect::<Vec<_>>())
    }
}

pub(super) fn run(context: &Context, settings: &Settings) -> Result<Theory, ReproduceError> {
    let start = Instant::now();
    let seeds = context.seeds_or(settings.theory_seeds);
    let jobs: Vec<(usize, usize)> = (0..DIMENSIONS.len()).flat_map(|d| (0..seeds).map(move |s| (d, s))).collect();
    let results = context.parallel(&jobs, |&(d, seed)| {
        context.folder.unit(&format!("resmem/rate-d{}-s{seed}", DIMENSIONS[d]), || rate(DIMENSIONS[d], seed))
    })?;
    let mut rates: Vec<Rate> = DIMENSIONS.iter().map(|_| Rate { risks: Vec::new() }).collect();
    for ((d, _), risks) in jobs.into_iter().zip(results) {
        rates[d].risks.push(risks);
    }
    let rate_seconds = start.elapsed().as_secs_f64();
    let jobs: Vec<(usize, usize)> = (0..NOISE_LEVELS.len()).flat_map(|l| (0..seeds).map(move |s| (l, s))).collect();
    let results = context.parallel(&jobs, |&(level, seed)| {
        context.folder.unit(&format!("resmem/noise-{level}-s{seed}"), || noise(NOISE_LEVELS[level], seed))
    })?;
    let mut noise: Vec<Vec<NoiseRun>> = NOISE_LEVELS.iter().map(|_| Vec::new()).collect();
    for ((level, _), run) in jobs.into_iter().zip(results) {
        noise[level].push(run);
    }
    Ok(Theory { rates, noise, rate_seconds, noise_seconds: start.elapsed().as_secs_f64() - rate_seconds })
}

fn rate(d: usize, seed: usize) -> Result<Vec<Risk>, ReproduceError> {
    let seed = Seed::new(seed as u64).named("resmem-rate");
    let world = LinearBall::new(LinearBallParams::default().with_dim(d), seed)?;
    let test = world.sample(TEST, seed.named("test"))?;
    SIZES.iter().map(|&n| risk(&world, &world.sample(n, seed.named("train").child(n as u64))?, &test, 1)).collect()
}

fn noise(sd: f64, seed: usize) -> Result<NoiseRun, ReproduceError> {
    let seed = Seed::new(seed as u64).named("resmem-noise");
    let world = LinearBall::new(LinearBallParams::default().with_dim(NOISE_DIMENSION).with_noise_sd(sd), seed)?;
    let train = world.sample(NOISE_SIZE, seed.named("train"))?;
    let parts = ["validation", "test"].map(|part| -> Result<Vec<Risk>, ReproduceError> {
        let data = world.sample(TEST, seed.named(part))?;
        NEIGHBOURS.iter().map(|&k| risk(&world, &train, &data, k)).collect()
    });
    let [validation, test] = parts;
    let (validation, test) = (validation?, test?);
    let best = |f: fn(&Risk) -> f64| {
        (0..NEIGHBOURS.len()).min_by(|&a, &b| f(&validation[a]).total_cmp(&f(&validation[b]))).unwrap_or(0)
    };
    let (ours, knn) = (best(|r| r.resmem), best(|r| r.knn));
    Ok(NoiseRun {
        base: test[0].base,
        first: test[0].resmem,
        best: test[ours].resmem,
        best_k: NEIGHBOURS[ours],
        knn: test[knn].knn,
        by_k: test.iter().map(|r| r.resmem).collect(),
    })
}

fn risk(world: &LinearBall, train: &Regression, test: &Regression, k: usize) -> Result<Risk, ReproduceError> {
    let (y, theta) = (ArrayView1::from(&train.y[..]), ArrayView1::from(world.theta()));
    Ok(residual_knn_risk(train.x.view(), y, test.x.view(), theta, BOUND, k)?)
}
