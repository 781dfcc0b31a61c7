//! The decomposition at one point.

use crate::block::Block;
use crate::eights::{Cut, width};
use crate::error::AnalysisError;
use crate::reading::{Place, Reading, Row, Temperature, Tolerance};
use crate::scale::Scale;
use serde::{Deserialize, Serialize};
use tenfold_kernels::simd::{EIGHT, Kernel, Simd};

/// Squared loss at one point, from N models.
///
/// With the errors `d_t = h_t - e_y` and their mean d: `Bias^2 = ||d||^2`, `Var = mean_t ||d_t - d||^2`, and their sum is the mean
/// loss `mean_t ||d_t||^2`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The class it has.
    pub label: usize,
    /// The class that the mean model h predicts.
    pub prediction: usize,
    /// Number of models.
    pub models: usize,
    /// `b = ||h - e_y||^2`, plug-in.
    pub bias: f64,
    /// `v = mean_t ||h_t - h||^2`, plug-in.
    pub variance: f64,
    /// `mean_t ||h_t - e_y||^2`, not computed as the sum of the two.
    pub loss: f64,
    /// `G = mean_t (1 - ||h_t||^2)`: the mean Gini impurity of single models.
    pub gini: f64,
    /// The largest probability of the mean model.
    pub confidence: f64,
    /// `1 - h_y`.
    pub rest: f64,
    /// `||h||^2 - h_y`, at most 0.
    pub excess: f64,
    /// Mean over models of `log p_y - log (1 - p_y)`.
    pub margin: f64,
    /// Variance over models of the same, with N - 1.
    pub margin_variance: f64,
    /// `1 + sum_{k != y} h_k^2 / (1 - h_y)^2`: how the mean model spreads its error over the wrong classes.
    pub spread: f64,
    /// Share of the models that predict another class than the label's.
    pub error: f64,
    /// Share of the pairs of distinct models that predict different classes.
    pub disagreement: f64,
    /// Mean over pairs of distinct models of `1 - <h_t, h_s>`.
    pub soft_disagreement: f64,
    /// Bias^2 from the first half of the models.
    pub first_bias: f64,
    /// Unbiased variance from the other half: no noise is shared with `first_bias`. NaN below four models.
    pub second_variance: f64,
}

impl Point {
    /// Whether the mean model is right: `argmax h = y`.
    pub fn correct(&self) -> bool {
        self.prediction == self.label
    }

    /// Unbiased Bias^2: `b - v / (N - 1)`. Never below 0 for one-hot targets but for rounding.
    pub fn unbiased_bias(&self) -> f64 {
        self.bias - self.variance / (self.models - 1) as f64
    }

    /// Unbiased variance: `v N / (N - 1)`.
    pub fn unbiased_variance(&self) -> f64 {
        self.variance * self.models as f64 / (self.models - 1) as f64
    }

    /// The least that plug-in Bias^2 can be beside this variance, `v / (N - 1)`: a mechanical floor under every scatter plot.
    pub fn floor(&self) -> f64 {
        self.variance / (self.models - 1) as f64
    }

    /// The most that the variance of the label's entry alone can be beside this mean, `h_y (1 - h_y)`, since probabilities lie in
    /// `[0, 1]`: the ceiling of a scatter plot of that entry.
    pub fn label_ceiling(&self) -> f64 {
        self.rest * (1.0 - self.rest)
    }

    /// What separates Bias^2 from variance exactly: `G + 2 (||h||^2 - h_y)`.
    pub fn gap_identity(&self) -> f64 {
        self.gini + 2.0 * self.excess
    }
}

/// What the jackknife over models needs of points: rows of as many numbers as there are models.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    /// `||d_t - d||^2` of each model.
    pub(crate) away: Vec<f64>,
    /// `<d, d_t - d>` of each model.
    pub(crate) along: Vec<f64>,
}

/// The points of a block, and what the jackknife over models needs.
#[derive(Default)]
pub struct Decomposed {
    pub(crate) points: Vec<Point>,
    pub(crate) spread: Spread,
    /// Of each model, summed over the points: whether it is wrong, the share of the others that disagree, `1 - p_y`, and
    /// `1 - <h_t, mean of the others>`.
    pub(crate) models: Vec<[f64; 4]>,
}

/// Memory that goes from point to point.
#[derive(Default)]
struct Scratch {
    /// Sums over models, then their mean.
    mean: Vec<f64>,
    first: Vec<f64>,
    rows: Vec<Row>,
    votes: Vec<usize>,
    /// `||d_t - d||^2` and `<d, d_t - d>` but for the label.
    spread: Vec<[f64; 2]>,
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
    found.points.reserve(points);
    found.spread.away.reserve_exact(models * points);
    found.spread.along.reserve_exact(models * points);
    found.models.resize(models, [0.0; 4]);
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
    let (models, classes, label) = (block.models(), block.classes(), block.label(place));
    let Scratch { mean, first, rows, votes, spread } = scratch;
    let width = width(classes);
    let cut = &Cut::new(classes, label);
    rows.clear();
    rows.resize(models, Row::default());
    mean.clear();
    mean.resize(width, 0.0);
    let half = models / 2;
    let point = Rows { block, place, label, cut, room: R::room(classes) };
    let mut first_bias = f64::NAN;
    let (before_half, after_half) = rows.split_at_mut(half);
    point.read(simd, reading, 0, room, mean, before_half)?;
    if half > 0 {
        first.clone_from(mean);
        first[label] = -before_half.iter().map(|row| row.rest).sum::<f64>();
        first_bias = square(simd, first) / (half * half) as f64;
    }
    point.read(simd, reading, half, room, mean, after_half)?;
    Row::finish(rows);
    votes.clear();
    votes.resize(classes, 0);
    let (mut loss, mut rests, mut margin) = (0.0, 0.0, 0.0);
    for read in rows.iter() {
        loss += read.square;
        rests += read.rest;
        margin += read.margin;
        votes[read.prediction] += 1;
    }
    mean[label] = -rests;
    let n = models as f64;
    // The mean of the other half, as far as it is from the mean of all, from the sums of all and of the first.
    let mut shift = 0.0;
    if half > 0 {
        let count = (models - half) as f64;
        // sum_2 / count - sum / N = sum (1 / count - 1 / N) - sum_1 / count.
        let (of_all, of_first) = (1.0 / count - 1.0 / n, 1.0 / count);
        first.iter_mut().zip(mean.iter()).for_each(|(first, all)| *first = all * of_all - *first * of_first);
        shift = square(simd, first);
    }
    mean.iter_mut().for_each(|m| *m /= n);
    let bias = square(simd, mean);
    // The label's entry by itself: it is not among the others.
    let of_label = std::mem::take(&mut mean[label]);
    let before = found.spread.away.len();
    spread.clear();
    spread.resize(models, [0.0; 2]);
    point.apart::<S, R>(simd, room, mean, spread);
    let Spread { away, along } = &mut found.spread;
    away.resize(before + models, 0.0);
    along.resize(before + models, 0.0);
    let (away, along) = (&mut away[before..], &mut along[before..]);
    for ((read, [square, lean]), (away, along)) in rows.iter().zip(spread.iter()).zip(away.iter_mut().zip(&mut *along))
    {
        let e = -read.rest - of_label;
        (*away, *along) = (square + e * e, lean + e * of_label);
    }
    mean[label] = of_label;
    let variance = away.iter().sum::<f64>() / n;
    let second_variance = match models {
        0..4 => f64::NAN,
        _ => {
            let count = (models - half) as f64;
            ((away[half..].iter().sum::<f64>() - count * shift) / (count - 1.0)).max(0.0)
        }
    };
    let rest = -mean[label];
    let others = bias - rest * rest;
    // More than all others together is more than each.
    let (prediction, confidence) = if rest < 0.5 { (label, 1.0 - rest) } else { largest(&mean[..classes], label) };
    let margin = margin / n;
    let margin_variance = rows.iter().map(|r| (r.margin - margin).powi(2)).sum::<f64>() / (n - 1.0);

    // <h_t, h_s> summed over the other models s, from h_t = e_y + d_t: 1 - <h_t, h_s> = r_t + r_s - <d_t, d_s>.
    let share = 1.0 / (n - 1.0);
    let mut sums = [0.0; 4];
    for ((read, along), total) in rows.iter().zip(&*along).zip(&mut found.models) {
        let apart = (models - votes[read.prediction]) as f64 * share;
        // <d_t, d> = along + ||d||^2.
        let others = (n * rest - read.rest) - (n * (along + bias) - read.square);
        let soft = read.rest + others * share;
        let of_model = [f64::from(u8::from(read.prediction != label)), apart, read.rest, soft];
        for what in 0..4 {
            sums[what] += of_model[what];
            total[what] += of_model[what];
        }
    }
    let point = Point {
        label,
        prediction,
        models,
        bias,
        variance,
        loss: loss / n,
        // 1 - ||h_t||^2 = (1 - p_y)(1 + p_y) - sum of the other squares = 2 (1 - p_y) - ||d_t||^2.
        gini: (2.0 * rests - loss) / n,
        confidence,
        rest,
        excess: others - rest * (1.0 - rest),
        margin,
        margin_variance,
        spread: 1.0 + if rest > 0.0 { others / (rest * rest) } else { 0.0 },
        error: sums[0] / n,
        disagreement: sums[1] / n,
        soft_disagreement: sums[3] / n,
        first_bias,
        second_variance,
    };
    found.points.push(point);
    Ok(())
}

/// What all models say of one point.
struct Rows<'a> {
    block: &'a Block<'a>,
    place: usize,
    label: usize,
    cut: &'a Cut,
    /// Numbers of a model in the room.
    room: usize,
}

impl Rows<'_> {
    /// Reads the rows of some models, two at a time: each waits for the other's additions.
    #[inline(always)]
    fn read<S: Simd, R: Reading>(
        &self,
        simd: S,
        reading: R,
        first: usize,
        room: &mut [R::Number],
        sums: &mut [f64],
        to: &mut [Row],
    ) -> Result<(), AnalysisError> {
        let cut = (self.cut, self.label);
        let (pairs, rest) = to.as_chunks_mut::<2>();
        let last = first + 2 * pairs.len();
        for (i, to) in pairs.iter_mut().enumerate() {
            let t = first + 2 * i;
            let rows = [self.block.row_and_fetch(t, self.place), self.block.row_and_fetch(t + 1, self.place)];
            if !reading.read(simd, cut, rows, &mut room[t * self.room..][..2 * self.room], sums, to) {
                return Err(reading.fault(&rows, self.named(t)));
            }
        }
        if let [to] = rest {
            let rows = [self.block.row_and_fetch(last, self.place)];
            let to = std::array::from_mut(to);
            if !reading.read(simd, cut, rows, &mut room[last * self.room..][..self.room], sums, to) {
                return Err(reading.fault(&rows, self.named(last)));
            }
        }
        Ok(())
    }

    fn named(&self, model: usize) -> Place {
        Place { label: self.label, model, point: self.block.number(self.place) }
    }

    /// The numbers of model t as [`read`](Self::read) left them.
    #[inline(always)]
    fn kept<'b, R: Reading>(&'b self, t: usize, room: &'b [R::Number]) -> &'b [R::Number] {
        R::kept(self.block.row(t, self.place), &room[t * self.room..][..self.room])
    }

    /// `||d_t - m||^2` and `<m, d_t - m>` of each model, without the label, where m is zero.
    #[inline(always)]
    fn apart<S: Simd, R: Reading>(&self, simd: S, room: &[R::Number], m: &[f64], to: &mut [[f64; 2]]) {
        let (pairs, rest) = to.as_chunks_mut::<2>();
        for (i, to) in pairs.iter_mut().enumerate() {
            let pair = [self.kept::<R>(2 * i, room), self.kept::<R>(2 * i + 1, room)];
            *to = self.cut.apart(simd, pair, m);
        }
        if let [to] = rest {
            [*to] = self.cut.apart(simd, [self.kept::<R>(self.block.models() - 1, room)], m);
        }
    }
}

/// `||a||^2`, in lanes that do not wait for each other.
#[inline(always)]
fn square<S: Simd>(simd: S, a: &[f64]) -> f64 {
    let (eights, rest) = a.as_chunks::<EIGHT>();
    let mut sum = simd.splat_double(0.0);
    for a in eights {
        let a = simd.load_double(a);
        sum = simd.fma_double(a, a, sum);
    }
    rest.iter().fold(simd.sum_double(sum), |sum, a| sum + a * a)
}

/// The class and probability of the mean model's largest entry, from its errors.
fn largest(mean: &[f64], label: usize) -> (usize, f64) {
    let h = |k: usize| if k == label { 1.0 + mean[k] } else { mean[k] };
    let first = |best: usize, k: usize| if h(k) > h(best) { k } else { best };
    let best = (1..mean.len()).fold(0, first);
    (best, h(best))
}
