//! The decomposition of a block of points, by vectors.

use super::point::Point;
use crate::error::AnalysisError;
use crate::predictions::{Block, Models, Reading, Rows, Scale, Temperature, Tolerance};
use tenfold_kernels::eights::{Cut, square, squares_about, total, zeros};
use tenfold_kernels::simd::{Kernel, Simd};

/// What the jackknife over models needs of points: rows of as many numbers as there are models.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    /// `||d_t - d||^2` of each model.
    pub(crate) away: Vec<f64>,
    /// `<d, d_t - d>` of each model.
    pub(crate) along: Vec<f64>,
}

/// Of each model, a sum over points.
#[derive(Clone, Debug, Default)]
pub(crate) struct PerModel {
    /// Whether it is wrong.
    pub(crate) error: Vec<f64>,
    /// The share of the other models that disagree with it.
    pub(crate) disagreement: Vec<f64>,
    /// `1 - p_y`.
    pub(crate) rest: Vec<f64>,
    /// `1 - <h_t, mean of the others>`.
    pub(crate) soft_disagreement: Vec<f64>,
}

impl PerModel {
    /// Sums of no points.
    pub(crate) fn new(models: usize) -> Self {
        let zeros = || vec![0.0; models];
        Self { error: zeros(), disagreement: zeros(), rest: zeros(), soft_disagreement: zeros() }
    }

    /// Adds other sums.
    pub(crate) fn add(&mut self, other: &Self) {
        let add = |to: &mut [f64], from: &[f64]| to.iter_mut().zip(from).for_each(|(to, v)| *to += v);
        add(&mut self.error, &other.error);
        add(&mut self.disagreement, &other.disagreement);
        add(&mut self.rest, &other.rest);
        add(&mut self.soft_disagreement, &other.soft_disagreement);
    }
}

/// The points of a block, and what the jackknife over models needs.
#[derive(Default)]
pub struct Decomposed {
    pub(crate) points: Vec<Point>,
    pub(crate) spread: Spread,
    pub(crate) per_model: PerModel,
}

/// Memory that goes from point to point.
#[derive(Default)]
struct Scratch {
    /// Sums over models, then their mean.
    mean: Vec<f64>,
    first: Vec<f64>,
    models: Models,
    votes: Vec<usize>,
    soft: Vec<f64>,
}

/// A block to be decomposed with the widest vectors that the processor has. No result depends on their width.
pub(crate) struct Task<'a> {
    pub(crate) scale: Scale,
    pub(crate) block: &'a Block<'a>,
}

impl Kernel for Task<'_> {
    type Output = Result<Decomposed, AnalysisError>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        match self.scale {
            Scale::Probabilities { tolerance } => decompose_all(simd, Tolerance(tolerance), self.block),
            Scale::Logits { temperature } => decompose_all(simd, Temperature(temperature), self.block),
        }
    }
}

#[inline(always)]
fn decompose_all<S: Simd, R: Reading>(simd: S, reading: R, block: &Block) -> Result<Decomposed, AnalysisError> {
    let (models, points) = (block.models(), block.len());
    // What is beyond the classes stays zero.
    let mut room = vec![R::Number::default(); models * R::room(block.classes())];
    let (mut scratch, mut found) = (Scratch::default(), Decomposed::default());
    found.points.reserve_exact(points);
    found.spread = Spread { away: vec![0.0; models * points], along: vec![0.0; models * points] };
    found.per_model = PerModel::new(models);
    for place in 0..points {
        decompose(simd, reading, (block, place), &mut room, &mut scratch, &mut found)?;
    }
    Ok(found)
}

/// The decomposition from rows that are read one way.
#[inline(always)]
fn decompose<S: Simd, R: Reading>(
    simd: S,
    reading: R,
    (block, place): (&Block, usize),
    room: &mut [R::Number],
    scratch: &mut Scratch,
    found: &mut Decomposed,
) -> Result<(), AnalysisError> {
    let (count, classes, label) = (block.models(), block.classes(), block.label(place));
    let Scratch { mean, first, models, votes, soft } = scratch;
    models.resize(count);
    let cut = &Cut::new(classes, label);
    let mean = zeros(mean, classes);
    let (n, half) = (count as f64, count / 2);
    let rows = Rows { block, place, label, cut, room: R::room(classes) };
    rows.read(simd, reading, 0..half, room, mean, models)?;
    let mut first_bias = f64::NAN;
    if half > 0 {
        first.clear();
        first.extend_from_slice(mean);
        first[label] = -total(simd, &models.rest[..half]);
        first_bias = square(simd, first) / (half * half) as f64;
    }
    rows.read(simd, reading, half..count, room, mean, models)?;
    rows.check(simd, reading, models)?;
    models.finish(simd);
    let rests = total(simd, &models.rest);
    mean[label] = -rests;
    // The mean of the other half, as far as it is from the mean of all, from the sums of all and of the first.
    let others = (count - half) as f64;
    let mut shift = 0.0;
    if half > 0 {
        // sum_2 / others - sum / N = sum (1 / others - 1 / N) - sum_1 / others.
        let (of_all, of_first) = (1.0 / others - 1.0 / n, 1.0 / others);
        first.iter_mut().zip(mean.iter()).for_each(|(first, all)| *first = all * of_all - *first * of_first);
        shift = square(simd, first);
    }
    mean.iter_mut().for_each(|m| *m /= n);
    let bias = square(simd, mean);
    // The label's entry by itself: it is not among the others.
    let of_label = std::mem::take(&mut mean[label]);
    let [away, along] = [&mut found.spread.away, &mut found.spread.along].map(|all| &mut all[place * count..][..count]);
    rows.apart::<S, R>(simd, room, mean, away);
    mean[label] = of_label;
    for ((away, along), (rest, square)) in away.iter_mut().zip(&mut *along).zip(models.rest.iter().zip(&models.square))
    {
        let e = -rest - of_label;
        *away += e * e;
        // ||d_t||^2 = ||d||^2 + 2 <d, d_t - d> + ||d_t - d||^2.
        *along = 0.5 * (square - bias - *away);
    }
    let variance = total(simd, away) / n;
    let second_variance = match count {
        0..4 => f64::NAN,
        _ => ((total(simd, &away[half..]) - others * shift) / (others - 1.0)).max(0.0),
    };
    let rest = -of_label;
    let of_others = bias - rest * rest;
    // More than all others together is more than each.
    let (prediction, confidence) = if rest < 0.5 { (label, 1.0 - rest) } else { largest(&mean[..classes], label) };
    let (loss, margin) = (total(simd, &models.square) / n, total(simd, &models.margin) / n);
    let sums = add_up(simd, models, (label, classes), [rest, bias], along, (votes, soft), &mut found.per_model);
    found.points.push(Point {
        label,
        prediction,
        models: count,
        bias,
        variance,
        loss,
        // 1 - ||h_t||^2 = (1 - p_y)(1 + p_y) - sum of the other squares = 2 (1 - p_y) - ||d_t||^2.
        gini: 2.0 * rest - loss,
        confidence,
        rest,
        excess: of_others - rest * (1.0 - rest),
        margin,
        margin_variance: squares_about(simd, &models.margin[..count], margin) / (n - 1.0),
        spread: 1.0 + if rest > 0.0 { of_others / (rest * rest) } else { 0.0 },
        error: sums.error / n,
        disagreement: sums.disagreement / n,
        soft_disagreement: sums.soft_disagreement / n,
        first_bias,
        second_variance,
    });
    Ok(())
}

/// Sums over models at one point.
struct OverModels {
    error: f64,
    disagreement: f64,
    soft_disagreement: f64,
}

/// Adds what the models say of a point to what they say of others, and gives the sums over the models.
#[inline(always)]
fn add_up<S: Simd>(
    simd: S,
    models: &Models,
    (label, classes): (usize, usize),
    [rest, bias]: [f64; 2],
    along: &[f64],
    (votes, soft): (&mut Vec<usize>, &mut Vec<f64>),
    to: &mut PerModel,
) -> OverModels {
    let n = models.count() as f64;
    let share = 1.0 / (n - 1.0);
    let mut sums = OverModels { error: 0.0, disagreement: 0.0, soft_disagreement: 0.0 };
    for (to, rest) in to.rest.iter_mut().zip(&models.rest) {
        *to += rest;
    }
    let of_models = models.rest.iter().zip(&models.square).zip(along);
    soft.clear();
    soft.extend(of_models.map(|((of_model, square), along)| {
        // <h_t, h_s> summed over the other models s, from h_t = e_y + d_t: 1 - <h_t, h_s> = r_t + r_s - <d_t, d_s>,
        // where <d_t, d> = along + ||d||^2.
        let others = (n * rest - of_model) - (n * (along + bias) - square);
        of_model + others * share
    }));
    to.soft_disagreement.iter_mut().zip(soft.iter()).for_each(|(to, soft)| *to += soft);
    sums.soft_disagreement = total(simd, soft);
    // Most points are easy: all models are right, and nothing is added.
    if models.prediction.iter().all(|prediction| *prediction == label) {
        return sums;
    }
    votes.clear();
    votes.resize(classes, 0);
    models.prediction.iter().for_each(|prediction| votes[*prediction] += 1);
    for (t, prediction) in models.prediction.iter().enumerate() {
        let apart = (models.count() - votes[*prediction]) as f64 * share;
        let wrong = f64::from(u8::from(*prediction != label));
        to.error[t] += wrong;
        to.disagreement[t] += apart;
        sums.error += wrong;
        sums.disagreement += apart;
    }
    sums
}

/// The class and probability of the mean model's largest entry, from its errors.
fn largest(mean: &[f64], label: usize) -> (usize, f64) {
    let h = |k: usize| if k == label { 1.0 + mean[k] } else { mean[k] };
    let first = |best: usize, k: usize| if h(k) > h(best) { k } else { best };
    let best = (1..mean.len()).fold(0, first);
    (best, h(best))
}
