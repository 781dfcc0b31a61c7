//! The rules where nothing is true, and where the expected effect is.

use super::margins::partial;
use crate::claim::Rule;
use crate::finding::least;
use crate::kit::recalls::Recalls;
use crate::kit::simulation::{often, seldom};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, spearman};

/// Seeds of the quick scale; test points of a class, fewer than there are, which widens intervals and changes no rate.
const SEEDS: usize = 12;
const POINTS: usize = 60;
const CLASSES: usize = 10;

/// Recalls of two arms: rare classes are hard; a seed moves a class of both arms, and of one alone; points differ in difficulty, which
/// seeds and arms share. `shift(class)` is what the second arm gains.
fn two_arms(shift: impl Fn(usize) -> f64 + Sync, seed: Seed) -> Recalls {
    let mut rng = seed.rng();
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let points: Vec<f64> = (0..CLASSES * POINTS).map(|_| 0.25 * normal()).collect();
    let of_seed: Vec<[f64; 2]> = (0..SEEDS * CLASSES)
        .map(|_| {
            let both = 0.05 * normal();
            [both + 0.02 * normal(), both + 0.02 * normal()]
        })
        .collect();
    let labels = vec![(0..CLASSES * POINTS).map(|i| i / POINTS).collect::<Vec<usize>>(); SEEDS];
    let luck: Vec<f32> = (0..SEEDS * 2 * CLASSES * POINTS).map(|_| rng.random()).collect();
    Recalls::new(&labels, CLASSES, 2, |s, arm, point| {
        let class = point / POINTS;
        let ability =
            0.95 - 0.08 * class as f64 + of_seed[s * CLASSES + class][arm] + if arm == 1 { shift(class) } else { 0.0 };
        let chance = ability + points[point];
        f64::from(luck[(s * 2 + arm) * CLASSES * POINTS + point]) < chance
    })
    .unwrap()
}

/// Experiments with such gains.
fn draws(shift: impl Fn(usize) -> f64 + Sync, n: u64) -> Vec<Recalls> {
    (0..n).into_par_iter().map(|d| two_arms(&shift, Seed::new(7).child(d))).collect()
}

/// What a statistic finds in each.
fn of(experiments: &[Recalls], statistic: impl Fn(&Recalls) -> Estimate + Sync + Send) -> Vec<Estimate> {
    experiments.par_iter().map(statistic).collect()
}

fn average(r: &Recalls) -> Estimate {
    r.interval(|s| s.average(1) - s.average(0)).unwrap()
}

fn worst(r: &Recalls) -> Estimate {
    r.interval(|s| s.worst(1) - s.worst(0)).unwrap()
}

/// The change's rank correlation with a margin that is a noisy view of each class's difficulty, itself or given the frequency.
fn correlation(r: &Recalls, given: bool) -> Estimate {
    let rank = |a: &[f64], b: &[f64]| spearman(a, b).unwrap_or(0.0);
    r.interval(|s| {
        let mut rng = Seed::new(11).child(s.seed as u64).rng();
        let change: Vec<f64> = s.of(1).iter().zip(s.of(0)).map(|(a, b)| a - b).collect();
        // Classes by frequency in an order of the seed's own, so that margin and frequency can be told apart.
        let margin: Vec<f64> = (0..CLASSES)
            .map(|k| {
                let z: f64 = StandardNormal.sample(&mut rng);
                -(k as f64) + 2.0 * z
            })
            .collect();
        let frequency: Vec<f64> = (0..CLASSES).map(|k| -((k * 7 + 3 * s.seed) as f64 % 10.0)).collect();
        if given {
            partial(rank(&change, &margin), rank(&change, &frequency), rank(&margin, &frequency))
        } else {
            rank(&change, &margin)
        }
    })
    .unwrap()
}

/// The smaller of the two correlations.
fn both(r: &Recalls) -> Estimate {
    least(&[correlation(r, false), correlation(r, true)]).unwrap()
}

#[test]
fn where_nothing_is_true_rules_seldom_say_held() {
    let none = draws(|_| 0.0, 300);
    seldom("average, nothing", &of(&none, average), Rule::Above(0.0));
    seldom("worst class, nothing", &of(&none, worst), Rule::Above(0.0));
    seldom("worst class, nothing, below", &of(&none, worst), Rule::Below(0.0));
    seldom("margin, nothing", &of(&none, both), Rule::Above(0.0));
    seldom("in-sample lower by 0.2, as good", &of(&none, |r| correlation(r, true)), Rule::Below(-0.2));
    // Rare classes lose what others gain: the average gains nothing.
    let swapped = draws(|k| if k < 5 { 0.02 } else { -0.02 }, 300);
    seldom("average, gains and losses", &of(&swapped, average), Rule::Above(0.0));
    let others = draws(|k| if k < 9 { 0.03 } else { 0.0 }, 300);
    seldom("worst class gains nothing where all others do", &of(&others, worst), Rule::Above(0.0));
}

#[test]
fn where_the_effect_is_rules_see_it() {
    // At a thousand points of a class intervals are two to three times as short: effects are so many times those expected.
    often("average", &of(&draws(|_| 0.04, 60), average), Rule::Above(0.0));
    often("worst class loses", &of(&draws(|k| if k > 6 { -0.1 } else { 0.02 }, 60), worst), Rule::Below(0.0));
    often("worst class gains", &of(&draws(|k| if k > 6 { 0.14 } else { 0.02 }, 60), worst), Rule::Above(0.0));
    often("margin", &of(&draws(|k| 0.06 - 0.015 * k as f64, 60), both), Rule::Above(0.0));
}
