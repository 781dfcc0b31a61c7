//! The decomposition at one point.

use crate::block::Block;
use crate::error::AnalysisError;
use crate::scale::{Reading, Row, Scale, Temperature, Tolerance, padded};
use serde::{Deserialize, Serialize};
use tenfold_kernels::simd::{EIGHT, Kernel, Number, Simd};

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

/// A point, and what the jackknife over models needs.
pub(crate) struct Decomposed {
    pub(crate) point: Point,
    /// `||d_t - d||^2` of each model.
    pub(crate) away: Vec<f64>,
    /// `<d, d_t - d>` of each model.
    pub(crate) along: Vec<f64>,
    /// Of each model: whether it is wrong, the share of the others that disagree, `1 - p_y`, and `1 - <h_t, mean of the others>`.
    pub(crate) models: Vec<[f64; 4]>,
}

/// Memory that goes from point to point of the same number of models and classes.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Rows of probabilities with 0 at the label, as they came.
    narrow: Vec<f32>,
    /// Those of logits.
    wide: Vec<f64>,
    sums: Sums,
}

/// What is summed over models.
#[derive(Default)]
struct Sums {
    mean: Vec<f64>,
    first: Vec<f64>,
    rows: Vec<Row>,
    votes: Vec<usize>,
}

/// A point to be decomposed with the widest vectors that the processor has. No result depends on their width.
pub(crate) struct Task<'a> {
    pub(crate) scale: Scale,
    pub(crate) block: &'a Block<'a>,
    /// The point's place in the block.
    pub(crate) place: usize,
    pub(crate) scratch: &'a mut Scratch,
}

impl Kernel for Task<'_> {
    type Output = Result<Decomposed, AnalysisError>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Self { scale, block, place, scratch: Scratch { narrow, wide, sums } } = self;
        match scale {
            Scale::Probabilities { tolerance } => decompose(simd, Tolerance(tolerance), (block, place), narrow, sums),
            Scale::Logits { temperature } => decompose(simd, Temperature(temperature), (block, place), wide, sums),
        }
    }
}

/// The decomposition from rows that are read one way.
#[inline(always)]
fn decompose<S: Simd, R: Reading>(
    simd: S,
    reading: R,
    (block, place): (&Block, usize),
    others: &mut Vec<R::Number>,
    sums: &mut Sums,
) -> Result<Decomposed, AnalysisError> {
    let (models, classes, label, at) = (block.models(), block.classes(), block.label(place), block.number(place));
    let Sums { mean, first, rows, votes } = sums;
    let width = padded(classes);
    // What is beyond the classes stays zero.
    others.resize(models * width, R::Number::default());
    rows.clear();
    votes.clear();
    votes.resize(classes, 0);
    let (mut loss, mut gini, mut rests) = (0.0, 0.0, 0.0);
    let half = models / 2;
    mean.clear();
    mean.resize(width, 0.0);
    let mut first_bias = f64::NAN;
    for (t, d) in others.chunks_exact_mut(width).enumerate() {
        let read = reading.others(simd, block.row(t, place), label, d, mean, [t, at])?;
        loss += read.square;
        // 1 - ||h_t||^2 = (1 - p_y)(1 + p_y) - sum of the other squares.
        gini += read.rest * (2.0 - read.rest) - (read.square - read.rest * read.rest);
        votes[read.prediction] += 1;
        rests += read.rest;
        rows.push(read);
        if t + 1 == half {
            first.clone_from(mean);
            first[label] = -rests;
            first_bias = dot(first, first) / (half * half) as f64;
        }
    }
    mean[label] = -rests;
    let n = models as f64;
    // The mean of the other half, as far as it is from the mean of all, from the sums of all and of the first.
    let mut shift = 0.0;
    if half > 0 {
        let count = (models - half) as f64;
        shift = mean.iter().zip(first.iter()).map(|(all, first)| ((all - first) / count - all / n).powi(2)).sum();
    }
    mean.iter_mut().for_each(|m| *m /= n);
    let bias = dot(mean, mean);
    let (mut away, mut along) = (Vec::with_capacity(models), Vec::with_capacity(models));
    // The label's entry by itself: it is not among the others.
    let of_label = std::mem::take(&mut mean[label]);
    for (d, read) in others.chunks_exact(width).zip(rows.iter()) {
        let (square, lean) = apart(simd, d, mean);
        let e = -read.rest - of_label;
        away.push(square + e * e);
        along.push(lean + e * of_label);
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
    let (prediction, confidence) = largest(&mean[..classes], label);
    let margin = rows.iter().map(|r| r.margin).sum::<f64>() / n;
    let margin_variance = rows.iter().map(|r| (r.margin - margin).powi(2)).sum::<f64>() / (n - 1.0);

    // <h_t, h_s> summed over the other models s, from h_t = e_y + d_t: 1 - <h_t, h_s> = r_t + r_s - <d_t, d_s>.
    let per_model = rows.iter().enumerate().map(|(t, read)| {
        let agreeing = (votes[read.prediction] - 1) as f64 / (n - 1.0);
        // <d_t, d> = along + ||d||^2.
        let others = (n * (along[t] + bias) - read.square) / (n - 1.0);
        let soft = read.rest + (n * rest - read.rest) / (n - 1.0) - others;
        [f64::from(u8::from(read.prediction != label)), 1.0 - agreeing, read.rest, soft]
    });
    let per_model: Vec<[f64; 4]> = per_model.collect();
    let over_models = |what: usize| per_model.iter().map(|m| m[what]).sum::<f64>() / n;
    let point = Point {
        label,
        prediction,
        models,
        bias,
        variance,
        loss: loss / n,
        gini: gini / n,
        confidence,
        rest,
        excess: others - rest * (1.0 - rest),
        margin,
        margin_variance,
        spread: 1.0 + if rest > 0.0 { others / (rest * rest) } else { 0.0 },
        error: over_models(0),
        disagreement: over_models(1),
        soft_disagreement: over_models(3),
        first_bias,
        second_variance,
    };
    Ok(Decomposed { point, away, along, models: per_model })
}

/// `||d - m||^2` and `<m, d - m>`, in lanes that do not wait for each other.
#[inline(always)]
fn apart<S: Simd, T: Number>(simd: S, d: &[T], m: &[f64]) -> (f64, f64) {
    let (mut square, mut lean) = (simd.splat_double(0.0), simd.splat_double(0.0));
    for (d, m) in d.as_chunks::<EIGHT>().0.iter().zip(m.as_chunks::<EIGHT>().0) {
        let m = simd.load_double(m);
        let e = simd.sub_double(T::eight(simd, d), m);
        square = simd.fma_double(e, e, square);
        lean = simd.fma_double(e, m, lean);
    }
    (simd.sum_double(square), simd.sum_double(lean))
}

#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Four sums, so that the additions do not wait for each other.
    let mut sums = [0.0; 4];
    let (a4, b4) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for (a, b) in a4.0.iter().zip(b4.0) {
        (0..4).for_each(|i| sums[i] += a[i] * b[i]);
    }
    let tail: f64 = a4.1.iter().zip(b4.1).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + tail
}

/// The class and probability of the mean model's largest entry, from its errors.
fn largest(mean: &[f64], label: usize) -> (usize, f64) {
    let h = |k: usize| if k == label { 1.0 + mean[k] } else { mean[k] };
    let first = |best: usize, k: usize| if h(k) > h(best) { k } else { best };
    let best = (1..mean.len()).fold(0, first);
    (best, h(best))
}
