//! The rules where nothing is true, and where the expected effect is. Those that Teacher's pet has too (gains of averages and worst
//! classes, the smaller and the larger of several) are simulated there.

use super::exact::rank_correlation;
use crate::claim::Rule;
use crate::kit::recalls::hull;
use crate::kit::simulation::{found, often, seldom};
use rand_distr::{Distribution, StandardNormal};
use tenfold_core_tensor::seed::{Rng, Seed};
use tenfold_core_tensor::stats::{Estimate, mean, mean_interval, slope_weights};

/// Seeds of the quick scale.
const SEEDS: usize = 12;

fn normal(rng: &mut Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Worst classes of so many arms in each seed: a seed moves all, arms differ by as much as they were seen to on other data.
fn worst(means: &[f64], rng: &mut Rng) -> Vec<Vec<f64>> {
    (0..SEEDS)
        .map(|_| {
            let seed = 0.03 * normal(rng);
            means.iter().map(|m| m + seed + 0.02 * normal(rng)).collect()
        })
        .collect()
}

/// The rule that chooses a pair on half of the seeds.
fn chosen_on_half(means: &[f64], seed: Seed) -> Estimate {
    let runs = worst(means, &mut seed.rng());
    let (even, odd): (Vec<usize>, Vec<usize>) = (0..SEEDS).partition(|s| s % 2 == 0);
    let of = |arm: usize| mean(&even.iter().map(|s| runs[*s][arm]).collect::<Vec<_>>());
    let best = (1..means.len()).max_by(|a, b| of(*a).total_cmp(&of(*b))).unwrap();
    mean_interval(&odd.iter().map(|s| runs[*s][best] - runs[*s][0]).collect::<Vec<_>>()).unwrap()
}

#[test]
fn a_pair_chosen_on_half_of_the_seeds_is_seldom_better_by_chance() {
    let level = [0.6; 12];
    seldom("best pair, none is better", &found(4_000, |seed| chosen_on_half(&level, seed)), Rule::Above(0.0));
    let mut better = level;
    better[5] = 0.66;
    often("best pair, one is better", &found(1_000, |seed| chosen_on_half(&better, seed)), Rule::Above(0.0));
}

/// Slopes over the five trade-offs of four teachers: the smallest of all.
fn smallest_slope(slope: f64, seed: Seed) -> Estimate {
    let alphas = [0.0, 0.25, 0.5, 0.75, 1.0];
    let weights = slope_weights(&alphas).unwrap();
    let mut rng = seed.rng();
    let all: Vec<Estimate> = (0..4)
        .map(|_| {
            let runs = worst(&alphas.map(|a| 0.55 + slope * a), &mut rng);
            let slopes: Vec<f64> = runs.iter().map(|run| run.iter().zip(&weights).map(|(v, w)| v * w).sum()).collect();
            mean_interval(&slopes).unwrap()
        })
        .collect();
    crate::finding::least(&all).unwrap()
}

#[test]
fn slopes_decide_together() {
    seldom("slope, nothing", &found(4_000, |seed| smallest_slope(0.0, seed)), Rule::Above(0.0));
    often("slope, as on other data", &found(1_000, |seed| smallest_slope(0.08, seed)), Rule::Above(0.0));
}

/// Gaps between a validation and a fresh set: binomial luck of a hundred examples of the worst class in both.
fn gap(beyond: f64, seed: Seed) -> Estimate {
    let mut rng = seed.rng();
    let differences: Vec<f64> = (0..SEEDS).map(|_| beyond + 0.04 * (normal(&mut rng) + normal(&mut rng))).collect();
    mean_interval(&differences).unwrap()
}

#[test]
fn gaps_and_equivalence() {
    seldom("gap, nothing", &found(4_000, |seed| gap(0.0, seed)), Rule::Above(0.0));
    often("gap, as on other data", &found(1_000, |seed| gap(0.06, seed)), Rule::Above(0.0));
    // Three pairs, of which one is at the margin: seldom within it. All equal: often.
    let three = |apart: f64| {
        move |seed: Seed| {
            let mut rng = seed.rng();
            let of = |shift: f64, rng: &mut Rng| {
                mean_interval(&(0..SEEDS).map(|_| shift + 0.005 * normal(rng)).collect::<Vec<_>>()).unwrap()
            };
            hull(&[of(0.0, &mut rng), of(0.0, &mut rng), of(apart, &mut rng)]).unwrap()
        }
    };
    seldom("last iterate, one at the margin", &found(4_000, three(-0.015)), Rule::Within(0.015));
    often("last iterate, half of the margin", &found(1_000, three(-0.0075)), Rule::Within(0.015));
}

/// Sixteen teachers, whose quality goes together with their students' as strongly as given.
fn prediction(strength: f64, seed: Seed) -> Estimate {
    let mut rng = seed.rng();
    let rest = (1.0 - strength * strength).sqrt();
    let pair = |_| {
        let (quality, own) = (normal(&mut rng), normal(&mut rng));
        (quality, -strength * quality + rest * own)
    };
    rank_correlation(&(0..16).map(pair).collect::<Vec<_>>()).unwrap()
}

#[test]
fn teachers_are_the_sample_behind_a_correlation() {
    seldom("calibration, nothing", &found(4_000, |seed| prediction(0.0, seed)), Rule::Below(0.0));
    often("calibration, as on other data", &found(1_000, |seed| prediction(0.8, seed)), Rule::Below(0.0));
}
