//! Theorem 2 on random problems, and the regret of the exponentiated gradient.

use super::settings::Settings;
use crate::error::ReproduceError;
use ndarray::Array2;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::time::Instant;
use tenfold_core_tensor::seed::{Rng, Seed};
use tenfold_distill::{Discrete, EgParams, Multipliers};

/// What was checked.
pub(super) struct Theory {
    /// Of each random problem: the gap over the bound, in the population and of a sample.
    pub(super) ratios: Vec<[f64; 2]>,
    /// Of each game: the average regret over its bound.
    pub(super) regrets: Vec<f64>,
    pub(super) seconds: f64,
}

pub(super) fn run(settings: &Settings) -> Result<Theory, ReproduceError> {
    let started = Instant::now();
    let seed = Seed::new(0).named("robust-distillation-theory");
    let problem = |i: usize| problem(&mut seed.named("problem").child(i as u64).rng());
    let ratios = (0..settings.problems).into_par_iter().map(problem).collect::<Result<Vec<_>, ReproduceError>>()?;
    let game = |i: usize| game(&mut seed.named("game").child(i as u64).rng());
    let regrets = (0..settings.games).into_par_iter().map(game).collect::<Result<Vec<_>, ReproduceError>>()?;
    Ok(Theory { ratios, regrets, seconds: started.elapsed().as_secs_f64() })
}

/// Rows of softmaxes of normal numbers.
fn rows(n: usize, m: usize, spread: f64, rng: &mut Rng) -> Array2<f64> {
    let mut table = Array2::from_shape_simple_fn((n, m), || {
        let z: f64 = StandardNormal.sample(rng);
        (spread * z).exp()
    });
    table.rows_mut().into_iter().for_each(|mut row| {
        let sum = row.sum();
        row /= sum;
    });
    table
}

/// A finite set of points, a posterior, a teacher and a student, all at random: the gap over the bound.
fn problem(rng: &mut Rng) -> Result<[f64; 2], ReproduceError> {
    let (n, m) = (rng.random_range(2..30), rng.random_range(2..8));
    let mass = rows(1, n, 1.0, rng);
    let spread = 2.0 * rng.random::<f64>() + 0.1;
    let (posterior, teacher) = (rows(n, m, spread, rng), rows(n, m, spread, rng));
    let scores = rows(n, m, 2.0 * spread, rng).mapv(f64::ln);
    let discrete = Discrete::new(mass.row(0), posterior.view(), teacher.view())?;
    let whole = discrete.theorem2(scores.view())?;
    // A sample in which every point is at least once.
    let counts: Vec<usize> = (0..n).map(|_| rng.random_range(1..20)).collect();
    let sample = discrete.theorem2_of_sample(scores.view(), &counts)?;
    Ok([whole.gap() / whole.bound(), sample.gap() / sample.bound()])
}

/// Losses of classes from 0 to 1 that change as they like: the average regret over `2 sqrt(log m / K)`.
fn game(rng: &mut Rng) -> Result<f64, ReproduceError> {
    let (m, rounds) = (rng.random_range(2..20), rng.random_range(20..400));
    let rate = ((m as f64).ln() / f64::from(rounds)).sqrt();
    let mut multipliers = Multipliers::uniform(m, EgParams::default().with_step(rate))?;
    let (mut earned, mut sums) = (0.0, vec![0.0; m]);
    let adversarial = rng.random::<bool>();
    for _ in 0..rounds {
        let lambda = multipliers.values();
        let least = lambda.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(k, _)| k);
        // An adversary gives its loss to the class that is trusted least.
        let losses: Vec<f64> =
            (0..m).map(|k| if adversarial { f64::from(k == least) } else { rng.random::<f64>() }).collect();
        earned += lambda.iter().zip(&losses).map(|(l, r)| l * r).sum::<f64>();
        sums.iter_mut().zip(&losses).for_each(|(sum, loss)| *sum += loss);
        multipliers.update(&losses)?;
    }
    let best = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Ok((best - earned) / f64::from(rounds) / (2.0 * rate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::Scale;

    #[test]
    fn both_statements_hold_and_are_no_empty_ones() {
        let found = run(&Settings::new(Scale::Tiny)).unwrap();
        assert!(found.ratios.iter().flatten().all(|r| (0.0..=1.0).contains(r)));
        assert!(found.ratios.iter().any(|r| r[0] > 0.05), "gaps far below their bounds show nothing");
        assert!(found.regrets.iter().all(|r| *r <= 1.0) && found.regrets.iter().any(|r| *r > 0.1));
    }
}
