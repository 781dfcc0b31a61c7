//! Long tails: what a learner loses that does not fit what it saw once.

use super::settings::Settings;
use crate::error::ReproduceError;
use rand::RngExt;
use rayon::prelude::*;
use std::time::Instant;
use tenfold_core_tensor::seed::Seed;
use tenfold_memorisation::theory::{excess_bound, zipf};

/// Sub-populations, and examples.
pub(super) const N: usize = 1_000;

/// One list of frequencies.
pub(super) struct Prior {
    pub(super) name: &'static str,
    /// Excess error of a learner that gets wrong what it saw once, and Feldman's bound for its sample, in each draw.
    pub(super) draws: Vec<[f64; 2]>,
}

/// A list with a tail and one without.
pub(super) struct Tail {
    pub(super) priors: [Prior; 2],
    pub(super) seconds: f64,
}

pub(super) fn run(settings: &Settings) -> Result<Tail, ReproduceError> {
    let start = Instant::now();
    let simulate = |name: &'static str, frequencies: Vec<f64>| -> Result<Prior, ReproduceError> {
        let sums: Vec<f64> = frequencies
            .iter()
            .scan(0.0, |sum, a| {
                *sum += a;
                Some(*sum)
            })
            .collect();
        let seed = Seed::new(0).named("memorisation-tail").named(name);
        let draw = |d: u64| {
            let mut rng = seed.child(d).rng();
            let mut seen = vec![0_usize; frequencies.len()];
            for _ in 0..N {
                let u: f64 = rng.random();
                let at = sums.partition_point(|s| *s < u);
                seen[at.min(frequencies.len() - 1)] += 1;
            }
            // The learner fits all but what it saw once, of which it gets everything wrong that the best one gets right.
            let once = || seen.iter().zip(&frequencies).filter(|(count, _)| **count == 1);
            let excess: f64 = once().map(|(_, a)| a).sum();
            Ok([excess, excess_bound(&frequencies, N, &[0, once().count()])?])
        };
        let draws = (0..settings.tail_draws as u64).into_par_iter().map(draw).collect::<Result<_, ReproduceError>>()?;
        Ok(Prior { name, draws })
    };
    let few = 20;
    let priors = [simulate("zipf", zipf(N))?, simulate("no tail", vec![1.0 / few as f64; few])?];
    Ok(Tail { priors, seconds: start.elapsed().as_secs_f64() })
}
