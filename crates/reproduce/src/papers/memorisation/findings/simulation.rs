//! Rules on simulated studies: where nothing is true they may not say "held" in more than 2.5 % of draws, and where the expected effect
//! is they say so in four of five.
//!
//! Models of the quick scale, fewer examples, and fewer draws of the models. Examples and what they are is fixed, since no interval of
//! these claims is over examples; masks and outcomes are drawn. Models differ in quality, which all their examples share.

use super::super::claims::ENOUGH_INCREASING;
use super::super::removal::Arm;
use super::distillation::{change, more_on_increasing};
use super::planted::{apart, area};
use super::proxies::{agreement, compare, missed, ranks};
use super::removal::gain;
use super::trajectories::{gathered, null_shares, since_saturation, two_shapes};
use super::{Drawn, Seed, Study};
use crate::claim::Rule;
use crate::kit::rules::least_gain;
use crate::kit::simulation::{average, found, often, seldom};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::Rng;
use tenfold_core_tensor::stats::{Estimate, mean};
use tenfold_memorisation::{Design, Score, SubsetDesign, TrajectoryRule};

const MODELS: usize = 60;
/// Draws of the models behind an interval.
const DRAWS: usize = 200;
/// Studies that are simulated, and fewer where trajectories are sorted in each draw of each.
const MANY: u64 = 400;
const FEW: u64 = 60;
/// Examples with a single wrong label are the first, those with two copies follow.
const SINGLE: usize = 30;
const DOUBLE: usize = 60;

/// Probabilities of being right: of a model that saw the example, and of one that did not.
type Law = Vec<[f64; 2]>;

fn normal(rng: &mut Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Examples from hard to easy; most are one or the other.
fn difficulty(n: usize, ease: f64, spread: f64) -> Vec<f64> {
    let mut rng = Seed::new(11).rng();
    (0..n).map(|_| sigmoid(ease + spread * normal(&mut rng))).collect()
}

/// Nothing in it: who saw an example gets it right as often as who did not.
fn nothing(n: usize) -> Law {
    difficulty(n, 1.0, 3.0).into_iter().map(|p| [p, p]).collect()
}

/// Models that fit what they saw.
fn fitting(n: usize, p_in: f64, ease: f64) -> Law {
    difficulty(n, ease, 3.0).into_iter().map(|p| [p_in.max(p), p]).collect()
}

/// Studies of the same masks, one for each law.
fn studies(laws: &[Law], seed: Seed) -> Vec<Study> {
    let design = SubsetDesign::new(laws[0].len(), MODELS).with_design(Design::Complementary);
    let masks = design.masks(seed.named("masks")).unwrap();
    let mut rng = seed.named("outcomes").rng();
    let study = |law: &Law| {
        let mut study = Study::new(law.len());
        for mask in &masks {
            let quality = (0.3 * normal(&mut rng)).exp();
            let right = |(i, [seen, unseen]): (usize, &[f64; 2])| {
                let p = if mask.get(i) { seen } else { unseen };
                // The odds, times the model's quality.
                rng.random::<f64>() < p * quality / (1.0 - p + p * quality)
            };
            let correct: BitMask = law.iter().enumerate().map(right).collect();
            study.add(mask.clone(), correct).unwrap();
        }
        study
    };
    laws.iter().map(study).collect()
}

fn drawn(studies: &[Study], seed: Seed) -> Drawn {
    Drawn::new(&studies.iter().collect::<Vec<_>>(), DRAWS, seed.named("draws")).unwrap()
}

fn over_studies(draws: u64, laws: &[Law], statistic: impl Fn(&Drawn) -> Estimate + Sync) -> Vec<Estimate> {
    found(draws, |seed| statistic(&drawn(&studies(laws, seed), seed)))
}

/// Wrong labels that are learnt by heart among examples of some ease.
fn flipped(n: usize, ease: f64) -> Law {
    let mut law = fitting(n, 0.995, ease);
    law[..SINGLE + DOUBLE].fill([0.995, 0.03]);
    law
}

#[test]
fn planted_flips_on_top() {
    let n = 240;
    let (single, others) = ((0..SINGLE).collect::<Vec<_>>(), (SINGLE + DOUBLE..n).collect::<Vec<_>>());
    let of = |laws: &[Law]| over_studies(MANY, laws, |drawn| area(drawn, 0, &single, &others));
    let noise = of(&[nothing(n)]);
    seldom("flips, nothing", &noise, Rule::Above(0.9));
    seldom("flips, nothing beyond what they have", &noise, Rule::Above(average(&noise)));
    // About the threshold: no better than it is on average.
    let near = of(&[flipped(n, 0.4)]);
    seldom("flips, at the threshold", &near, Rule::Above(average(&near)));
    often("flips, effect", &of(&[flipped(n, 2.5)]), Rule::Above(0.9));
}

#[test]
fn planted_duplicates_low() {
    let n = 150;
    let (single, double) = ((0..SINGLE).collect::<Vec<_>>(), (SINGLE..SINGLE + DOUBLE).collect::<Vec<_>>());
    let of = |laws: &[Law]| over_studies(MANY, laws, |drawn| apart(drawn, 0, &double, &single));
    let mut law = nothing(n);
    law[..SINGLE + DOUBLE].fill([0.5, 0.5]);
    seldom("duplicates, nothing", &of(&[law]), Rule::Below(0.0));
    let mut law = flipped(n, 2.0);
    law[SINGLE..SINGLE + DOUBLE].fill([0.98, 0.66]);
    often("duplicates, effect", &of(&[law]), Rule::Below(0.0));
}

#[test]
fn duplicates_that_are_learnt_by_heart_as_well() {
    let (single, double) = ((0..SINGLE).collect::<Vec<_>>(), (SINGLE..SINGLE + DOUBLE).collect::<Vec<_>>());
    // The copy does not help.
    let found = over_studies(1_000, &[flipped(150, 2.0)], |drawn| apart(drawn, 0, &double, &single));
    seldom("duplicates, no protection", &found, Rule::Below(0.0));
}

/// Five sizes: so many examples of increasing scores, so many of decreasing ones, the others as they are.
fn moving(others: &Law, increasing: usize, decreasing: usize) -> Vec<Law> {
    let size = |(up, down): (f64, f64)| {
        let mut law = others.clone();
        law[..increasing].fill([up, 0.05]);
        law[increasing..increasing + decreasing].fill([0.98, down]);
        law
    };
    [(0.1, 0.05), (0.3, 0.2), (0.6, 0.5), (0.95, 0.8), (0.99, 0.95)].into_iter().map(size).collect()
}

fn scores_of(studies: &[Study]) -> Vec<Vec<Score>> {
    studies.iter().map(|s| s.scores().unwrap()).collect()
}

fn errors_of(scores: &[Vec<Score>]) -> Vec<Vec<f64>> {
    scores.iter().map(|s| s.iter().map(|s| s.mem.se).collect()).collect()
}

#[test]
fn trajectories_diverse() {
    let rule = TrajectoryRule::default();
    let of = |draws: u64, laws: &[Law]| {
        found(draws, |seed| {
            let studies = studies(laws, seed);
            let scores = scores_of(&studies);
            let null = null_shares(&rule, &scores, DRAWS).unwrap().map(|of| mean(&of));
            two_shapes(&drawn(&studies, seed), &rule, &errors_of(&scores), &null)
        })
    };
    let n = 80;
    seldom("trajectories, nothing", &of(FEW, &vec![nothing(n); 5]), Rule::Above(0.0));
    // One shape is there, and no second one.
    seldom("trajectories, one shape", &of(FEW, &moving(&fitting(n, 0.99, 2.0), 22, 0)), Rule::Above(0.0));
    often("trajectories, effect", &of(20, &moving(&fitting(n, 0.99, 2.0), 21, 6)), Rule::Above(0.0));
}

#[test]
fn most_decrease_after_saturation() {
    let of = |draws: u64, laws: &[Law]| {
        let everything: Vec<usize> = (0..laws[0].len()).collect();
        found(draws, |seed| {
            let studies = studies(laws, seed);
            let p_in = |s: &Vec<Score>| mean(&s.iter().map(|s| s.p_in).collect::<Vec<_>>());
            let p_in: Vec<f64> = scores_of(&studies).iter().map(p_in).collect();
            // Where nothing is compared, nothing is held.
            let none = Estimate { value: 0.0, se: 0.0, lo: 0.0, hi: 0.0, n: 0 };
            since_saturation(&drawn(&studies, seed), &p_in, &everything).unwrap_or(none)
        })
    };
    // Nothing moves, and which size comes out as the first that is saturated is chance.
    let at = |n: usize, p_in: f64| difficulty(n, 5.0, 8.0).into_iter().map(|p| [p_in, p]).collect::<Law>();
    seldom("saturation, nothing", &of(MANY, &vec![at(120, 0.99); 3]), Rule::Below(0.0));
    seldom("saturation, nothing, fitted", &of(MANY, &vec![at(150, 0.997); 2]), Rule::Below(0.0));
    // As many examples as there are. A fall of 0.011, which the published run found, is seen in 77 % of experiments; one of 0.0125 in
    // four of five.
    let before = at(600, 0.997);
    let short = mean(&before.iter().map(|[_, p]| 1.0 - p).collect::<Vec<_>>());
    let after = before.iter().map(|[seen, p]| [*seen, p + (1.0 - p) * 0.0125 / short]).collect();
    often("saturation, effect", &of(100, &[before, after]), Rule::Below(0.0));
}

#[test]
fn bimodal_at_interpolation() {
    let of = |laws: &[Law]| over_studies(MANY, laws, gathered);
    let n = 150;
    seldom("bimodal, nothing", &of(&vec![nothing(n); 2]), Rule::Above(0.0));
    // Scores about the threshold at both ends.
    let mut law = fitting(n, 0.995, 2.0);
    for (i, of) in law[..45].iter_mut().enumerate() {
        *of = [0.995, 0.2 * i as f64 / 45.0];
    }
    seldom("bimodal, both ends alike", &of(&vec![law.clone(); 2]), Rule::Above(0.0));
    let mut narrow = law.clone();
    narrow[..30].fill([0.4, 0.1]);
    often("bimodal, effect", &of(&[narrow, law]), Rule::Above(0.0));
}

/// A law whose scores are smaller by so much where examples are memorised.
fn lowered(law: &Law, by: f64, only: impl Fn(usize) -> bool) -> Law {
    let of = |(i, [seen, unseen]): (usize, &[f64; 2])| [if only(i) { seen - by } else { *seen }, *unseen];
    law.iter().enumerate().map(of).collect()
}

#[test]
fn distillation_inhibits() {
    let of = |draws: u64, laws: &[Law]| {
        let everything: Vec<usize> = (0..laws[0].len()).collect();
        over_studies(draws, laws, |drawn| change(drawn, 1, &everything))
    };
    seldom("distillation, nothing", &of(MANY, &vec![nothing(150); 2]), Rule::Below(0.0));
    seldom("distillation, no change", &of(MANY, &vec![fitting(150, 0.99, 2.0); 2]), Rule::Below(0.0));
    let law = fitting(600, 0.99, 2.0);
    let student = lowered(&law, 0.022, |_| true);
    often("distillation, effect", &of(100, &[law, student]), Rule::Below(0.0));
}

#[test]
fn distillation_acts_on_increasing() {
    let rule = TrajectoryRule::default();
    let of = |draws: u64, sizes: &[Law], student: &Law| {
        found(draws, |seed| {
            let all: Vec<Law> = sizes.iter().chain([student]).cloned().collect();
            let all = studies(&all, seed);
            let (student, sizes) = all.split_last().unwrap();
            let sizes: Vec<&Study> = sizes.iter().collect();
            more_on_increasing(&sizes, 3, student, &rule, DRAWS, seed).unwrap().unwrap()
        })
    };
    let increasing = 3 * ENOUGH_INCREASING;
    let sizes = moving(&fitting(150, 0.99, 2.0), increasing, 0);
    seldom("increasing, nothing", &of(MANY, &sizes, &sizes[3]), Rule::Below(0.0));
    seldom("increasing, all alike", &of(MANY, &sizes, &lowered(&sizes[3], 0.05, |_| true)), Rule::Below(0.0));
    let sizes = moving(&fitting(600, 0.99, 2.0), 160, 0);
    let student = lowered(&sizes[3], 0.06, |i| i < 160);
    often("increasing, effect", &of(60, &sizes, &student), Rule::Below(0.0));
}

#[test]
fn proxies_rank_but_miss_trends() {
    let rule = TrajectoryRule::default();
    let n = 100;
    let sizes = moving(&fitting(n, 0.99, 1.0), 40, 10);
    // A proxy of what is so much of the score, and otherwise chance, at every size.
    let csl = |share: [f64; 5]| -> Vec<Vec<f64>> {
        let mut rng = Seed::new(5).rng();
        let of = |(law, share): (&Law, f64)| -> Vec<f64> {
            law.iter().map(|[seen, unseen]| share * (seen - unseen) + 0.3 * normal(&mut rng)).collect()
        };
        sizes.iter().zip(share).map(of).collect()
    };
    // Trends of a proxy that is like the score's on some of the increasing examples, and gets easier on the others.
    let hard = |alike: usize| -> Vec<Vec<f64>> {
        (0..5).map(|t| (0..n).map(|i| if i < alike { t as f64 } else { 4.0 - t as f64 } / 4.0).collect()).collect()
    };
    let of = |draws: u64, decides: &(dyn Fn(&Drawn, &[Vec<f64>]) -> Estimate + Sync)| {
        found(draws, |seed| {
            let studies = studies(&sizes, seed);
            decides(&drawn(&studies, seed), &errors_of(&scores_of(&studies)))
        })
    };
    // Each of the two numbers that decide together alone: the smaller of them is above zero no more often.
    let by_rank = |share: [f64; 5]| {
        let csl = csl(share);
        of(MANY, &|drawn, _| ranks(drawn, &csl.iter().map(Vec::as_slice).collect::<Vec<_>>()))
    };
    // Nothing, at the threshold of the ranks, and about that of the agreement.
    seldom("proxies, chance ranks", &by_rank([0.0; 5]), Rule::Above(0.0));
    let near = by_rank([5.0, 5.0, 0.6, 5.0, 5.0]);
    seldom("proxies, ranks at the threshold", &near, Rule::Above(average(&near)));
    let alike = of(FEW, &|drawn, errors| missed(agreement(drawn, &hard(20), &rule, errors)));
    seldom("proxies, trends at the threshold", &alike, Rule::Above(average(&alike)));
    let (csl, hard) = (csl([2.0; 5]), hard(0));
    let csl: Vec<&[f64]> = csl.iter().map(Vec::as_slice).collect();
    let effect = of(20, &|drawn, errors| compare(drawn, &csl, &hard, &rule, errors).decides.unwrap());
    often("proxies, effect", &effect, Rule::Above(0.0));
}

/// Two shares removed: test points of some difficulty, ten runs; what is removed moves each point, and more of them down where it hurts.
fn arms(hurts: [f64; 2], seed: Seed) -> Vec<Arm> {
    let mut rng = seed.rng();
    let points: Vec<f64> = (0..500).map(|_| 1.5 + 2.5 * normal(&mut rng)).collect();
    let mut runs = |by: f64| -> Vec<BitMask> {
        let moved: Vec<f64> = points.iter().map(|z| z + 0.5 * normal(&mut rng)).collect();
        let mut run = || -> BitMask {
            let quality = 0.1 * normal(&mut rng);
            let right = |z: &f64| rng.random::<f64>() < sigmoid(z + quality) - by;
            moved.iter().map(right).collect()
        };
        (0..10).map(|_| run()).collect()
    };
    hurts.iter().map(|by| Arm { removed: 0, random: runs(0.0), memorised: runs(*by) }).collect()
}

#[test]
fn removal_hurts_more_than_random() {
    let of = |hurts: [f64; 2]| {
        found(MANY, |seed| {
            let gains: Vec<_> = arms(hurts, seed).iter().map(gain).collect();
            least_gain(&gains).unwrap()
        })
    };
    seldom("removal, nothing", &of([0.0, 0.0]), Rule::Above(0.0));
    seldom("removal, nothing at one share", &of([0.0, 0.2]), Rule::Above(0.0));
    often("removal, effect", &of([0.05, 0.05]), Rule::Above(0.0));
}
