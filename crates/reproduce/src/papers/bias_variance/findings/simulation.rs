//! Rules on simulated ensembles: where nothing is true they may not say "held" in more than 2.5 % of draws, and where an effect is that
//! the design can see they say so in four of five.
//!
//! Few models and points, and few ensembles where each takes a second: their nulls are hundreds of ensembles. Points and models are
//! drawn anew each time, since the intervals are over both or over models. That each null covers ensembles of
//! noise one by one is a test of the analysis; here it is the rules, which need both nulls.

use super::super::networks::align;
use super::alignment::{all_agreed, slopes, z};
use super::calibration::{disagreements_of, equality};
use super::divergence::{both, more};
use super::shape::{Ensemble, rise_and_fall};
use crate::claim::Rule;
use crate::kit::simulation::{average, found, half, often, seldom};
use ndarray::{Array2, Array3};
use rand::RngExt;
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use tenfold_analysis::{Decomposition, Fit, KlDecomposition, Nulls, Randomness, Scale, mean_model};
use tenfold_core_tensor::seed::{Rng, Seed};
use tenfold_core_tensor::stats::Estimate;
use tenfold_data::noise::draw;

fn normal(rng: &mut Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Points whose label is ahead by 1 to 8, with noise that is independent over models; its size is a function of that distance.
fn ensemble(models: usize, points: usize, size: fn(f64) -> f64, seed: Seed) -> (Array3<f32>, Vec<usize>) {
    let mut rng = seed.rng();
    let ahead: Vec<f64> = (0..points).map(|_| rng.random_range(1.0..8.0)).collect();
    let logits = Array3::from_shape_fn((models, points, 2), |(_, i, k)| {
        (size(ahead[i]) * normal(&mut rng) + if k == i % 2 { ahead[i] } else { 0.0 }) as f32
    });
    (logits, (0..points).map(|i| i % 2).collect())
}

/// Noise of one size, which is no alignment beyond noise.
fn level(_: f64) -> f64 {
    0.6
}

/// Noise that is larger where a point is unsure already: it draws points apart along the line, and sure ones have little.
fn of_unsure(ahead: f64) -> f64 {
    0.2 + 2.0 / (1.0 + (ahead - 3.5).exp())
}

/// Noise that is larger where a point is sure: it blurs the line, of the cross-entropy more than of the squared loss.
fn of_sure(ahead: f64) -> f64 {
    0.3 + 1.3 / (1.0 + (12.0 - 2.0 * ahead).exp())
}

fn squared(logits: &Array3<f32>, labels: &[usize]) -> Decomposition {
    Decomposition::of(logits.view(), labels, Scale::logits(), Randomness::Seed).unwrap()
}

/// What ensembles have beyond both nulls: the correlation, and the bound.
fn beyond(draws: u64, [models, points]: [usize; 2], size: fn(f64) -> f64) -> [Vec<Estimate>; 2] {
    let nulls = |d: u64| -> Nulls {
        let (logits, labels) = ensemble(models, points, size, Seed::new(7).child(d));
        align(&squared(&logits, &labels), logits.view(), &labels).unwrap().1
    };
    let nulls: Vec<Nulls> = (0..draws).map(nulls).collect();
    let of = |of: fn(&Fit<f64>) -> f64| nulls.iter().map(|nulls| nulls.beyond_of(of).unwrap()).collect();
    [of(z), of(|fit| fit.bound_95.ln())]
}

#[test]
fn alignment_and_bound_beyond_null() {
    let [aligned, bound] = beyond(60, [6, 100], level);
    seldom("aligned, noise", &aligned, Rule::Above(0.0));
    seldom("bound, noise", &bound, Rule::Above(0.0));
    let [aligned, bound] = beyond(6, [14, 400], of_unsure);
    often("aligned, effect", &aligned, Rule::Above(0.0));
    often("bound, effect", &bound, Rule::Above(0.0));
}

/// The cross-entropy's alignment beyond noise minus that of the squared loss.
fn less_aligned(draws: u64, [models, points]: [usize; 2], size: fn(f64) -> f64) -> Vec<Estimate> {
    let one = |d: u64| {
        let (logits, labels) = ensemble(models, points, size, Seed::new(7).child(d));
        let found = squared(&logits, &labels);
        let kl = KlDecomposition::of(logits.view(), &labels, Scale::logits(), Randomness::Seed).unwrap();
        let [dealt, normal] = more(&both(logits.view(), &labels, &found, &kl).unwrap()).unwrap();
        dealt.agreed(normal)
    };
    (0..draws).map(one).collect()
}

#[test]
fn kl_weaker() {
    seldom("kl, noise", &less_aligned(30, [6, 60], level), Rule::Below(0.0));
    often("kl, effect", &less_aligned(6, [12, 200], of_sure), Rule::Below(0.0));
}

/// Estimates at six widths as the quick scale has them, with what is there on average beyond each null at the doublings of the width.
fn at_widths(beyond: impl Fn(f64, usize) -> f64 + Sync, draws: u64) -> Vec<Estimate> {
    let sizes = [2.0_f64, 4.0, 8.0, 16.0, 64.0, 256.0];
    let fits = [false, false, false, true, true, true];
    let errors = [[0.32_f64, 0.21], [0.22, 0.20], [0.44, 0.51], [0.052, 0.061], [0.030, 0.031], [0.0135, 0.019]];
    found(draws, |seed| {
        let mut rng = seed.rng();
        let chi = ChiSquared::new(19.0).unwrap();
        let widths = sizes.iter().zip(errors).map(|(size, se)| {
            // Nearly all that is chance is that of the models, which both nulls share.
            let shared: (f64, f64) = (normal(&mut rng), chi.sample(&mut rng));
            let of = |null: usize, own: f64| {
                let value = beyond(size.log2(), null) + se[null] * (0.9_f64.sqrt() * shared.0 + 0.1_f64.sqrt() * own);
                Estimate::from_t(value, se[null] * (shared.1 / 19.0).sqrt(), 19.0, 20)
            };
            let own = [normal(&mut rng), normal(&mut rng)];
            Ok([of(0, own[0]), of(1, own[1])])
        });
        let widths: Vec<Result<[Estimate; 2], String>> = widths.collect();
        all_agreed(&slopes(&sizes, &fits, &widths, 20).unwrap())
    })
}

#[test]
fn stronger_when_larger() {
    let above = Rule::Above(0.0);
    seldom("stronger, nothing", &at_widths(|_, _| 0.0, 2_000), above);
    seldom("stronger, as strong everywhere", &at_widths(|_, null| [0.1, -0.3][null], 2_000), above);
    // Weak where training has not fitted, and level where it has.
    let step = |x: f64, _: usize| if x < 4.0 { x - 4.0 } else { 0.0 };
    seldom("stronger, level where widths fit", &at_widths(step, 2_000), above);
    often("stronger, effect", &at_widths(|x, _| 0.12 * x, 400), above);
}

/// Ensembles of several widths on the same points, with noise of one size each; models differ in theirs.
fn widths(sizes: &[f64], seed: Seed) -> (Vec<Array3<f32>>, Vec<usize>) {
    let mut rng = seed.rng();
    let centre = Array2::from_shape_fn((200, 3), |(i, k)| 2.0 * normal(&mut rng) + if k == i % 3 { 3.0 } else { 0.0 });
    let of = |size: &f64| {
        let own: Vec<f64> = (0..20).map(|_| size * (0.3 * normal(&mut rng)).exp()).collect();
        Array3::from_shape_fn((20, 200, 3), |(t, i, k)| (centre[[i, k]] + own[t] * normal(&mut rng)) as f32)
    };
    (sizes.iter().map(of).collect(), (0..200).map(|i| i % 3).collect())
}

#[test]
fn variance_unimodal_in_width() {
    let of = |draws: u64, sizes: &[f64]| {
        found(draws, |seed| {
            let (logits, labels) = widths(sizes, seed);
            let ensembles: Vec<Ensemble> = logits.iter().map(|z| (z.view(), Randomness::Seed)).collect();
            rise_and_fall(&ensembles, &labels).unwrap().unwrap().1.unwrap()
        })
    };
    let above = Rule::Above(0.0);
    seldom("unimodal, level", &of(200, &[1.0; 6]), above);
    // It does not rise at first, or does not fall at last.
    seldom("unimodal, falls", &of(200, &[1.5, 1.5, 1.2, 0.8]), above);
    seldom("unimodal, rises", &of(200, &[0.8, 1.2, 1.5, 1.5]), above);
    often("unimodal, effect", &of(60, &[1.0, 2.0, 1.5, 0.8]), above);
}

/// Models on points whose labels follow the mean model at a temperature.
fn labelled(points: usize, temperature: f64, rng: &mut Rng) -> (Array3<f32>, Vec<usize>) {
    let centre = Array2::from_shape_fn((points, 3), |_| 2.5 * normal(rng));
    let models: Vec<f64> = (0..6).map(|_| (0.1 * normal(rng)).exp()).collect();
    let logits = Array3::from_shape_fn((6, points, 3), |(t, i, k)| (models[t] * centre[[i, k]] + normal(rng)) as f32);
    let h = mean_model(logits.view(), Scale::Logits { temperature }).unwrap();
    let labels = h.outer_iter().map(|row| draw(row.iter().copied(), rng)).collect();
    (logits, labels)
}

#[test]
fn disagreement_equals_error_after_temperature() {
    // Validation labels follow the mean model at 1.6, test labels at another temperature.
    let of = |temperature: f64| -> Vec<Estimate> {
        let one = |d: u64| {
            let mut rng = Seed::new(7).child(d).rng();
            let (validation, test) = (labelled(80, 1.6, &mut rng), labelled(200, temperature, &mut rng));
            let (test, validation) = ((test.0.view(), &test.1[..]), (validation.0.view(), &validation.1[..]));
            equality(&disagreements_of(test, validation, Randomness::Seed, 10).unwrap()).unwrap()
        };
        (0..40).map(one).collect()
    };
    // About the margin on either side: a difference as large as that is not within it.
    let (less, more, none) = (of(0.6), of(4.0), of(1.6));
    seldom("disagreement, less error than that", &less, Rule::Within(average(&less).abs()));
    seldom("disagreement, more error than that", &more, Rule::Within(average(&more).abs()));
    // The margin of the quick scale is 1.5 half lengths of its interval, where it is seen three times of four.
    often("disagreement, none", &none, Rule::Within(1.8 * half(&none)));
}
