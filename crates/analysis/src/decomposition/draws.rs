//! What all bootstraps over models share: how often each model is drawn, and intervals from what the draws make of every point.

use super::average::Average;
use rand::RngExt;
use rayon::prelude::*;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean};

/// Ensembles that were drawn, and of what.
pub(crate) struct Draws {
    pub(crate) count: usize,
    pub(crate) points: usize,
    pub(crate) models: usize,
    pub(crate) seed: Seed,
}

impl Draws {
    /// Averages of bias, variance and their sum, from what the whole has at every point and the pair that each draw has.
    pub(crate) fn averages(
        &self,
        whole: &[Vec<f64>; 3],
        pair: impl Fn(usize, usize) -> (f64, f64) + Sync,
    ) -> [Average; 3] {
        let points = self.points;
        let of_draw = |draw: usize| {
            let pairs: Vec<(f64, f64)> = (0..points).map(|i| pair(draw, i)).collect();
            let total = |of: &mut dyn Iterator<Item = (f64, f64)>| {
                let (bias, variance) = of.fold((0.0, 0.0), |(b, v), pair| (b + pair.0, v + pair.1));
                let n = points as f64;
                [bias / n, variance / n, (bias + variance) / n]
            };
            let mut rng = self.seed.named("points").child(draw as u64).rng();
            let of_models = total(&mut pairs.iter().copied());
            [of_models, total(&mut (0..points).map(|_| pairs[rng.random_range(0..points)]))]
        };
        let values: Vec<[[f64; 3]; 2]> = (0..self.count).into_par_iter().map(of_draw).collect();
        std::array::from_fn(|what| {
            let of = |over: usize| self.estimate(mean(&whole[what]), values.iter().map(|v| v[over][what]).collect());
            Average { over_models: of(0), over_both: of(1) }
        })
    }

    /// A value with the percentiles of what the draws have.
    pub(crate) fn estimate(&self, value: f64, values: Vec<f64>) -> Estimate {
        Estimate::from_draws(value, values, self.models)
    }
}

/// `w_t` of every draw, draws of N.
pub(crate) fn weights(models: usize, draws: usize, seed: Seed) -> Vec<f64> {
    (0..draws as u64).flat_map(|draw| ensemble(models, seed.child(draw))).collect()
}

/// How often each model is drawn; at least two different ones, since one alone has no variance.
fn ensemble(models: usize, seed: Seed) -> Vec<f64> {
    let mut rng = seed.rng();
    loop {
        let mut weights = vec![0.0; models];
        (0..models).for_each(|_| weights[rng.random_range(0..models)] += 1.0);
        if weights.iter().filter(|w| **w > 0.0).count() >= 2 {
            return weights;
        }
    }
}
