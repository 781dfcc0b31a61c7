//! The decomposition of the cross-entropy.

use super::average::Average;
use super::split::Split;
use crate::error::{AnalysisError, require};
use crate::predictions::{Block, OneByOne, PerPoint, Randomness, Scale, add};
use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::ops::softmax::log_sum_exp;
use tenfold_core_tensor::stats::jackknife_corrected;

/// Log-probabilities below this are raised to it where the input is probabilities: that of the smallest normal number in single
/// precision.
pub const LOG_FLOOR: f64 = -87.336_544_750_553_1;

/// Cross-entropy at one point, from N models:
///
/// `E_t[-log h_ty] = -log g_y + E_t KL(g || h_t)`, with `g = softmax_k(E_t log h_tk)`, the normalised geometric mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KlPoint {
    /// The class it has.
    pub label: usize,
    /// Whether `argmax g = y`.
    pub correct: bool,
    /// `-log g_y`.
    pub bias: f64,
    /// `E_t KL(g || h_t) = -log sum_k exp(E_t log h_tk)`.
    pub variance: f64,
    /// `E_t[-log h_ty]`, not computed as the sum of the two.
    pub loss: f64,
    /// The bias without the jackknife's estimate of what few models add to it.
    pub corrected_bias: f64,
    /// The variance without that; may be below 0 by noise.
    pub corrected_variance: f64,
    /// The bias from the first half of the models.
    pub first_bias: f64,
    /// The variance from the n other models times `n / (n - 1)`, unbiased to first order: no noise is shared with `first_bias`. NaN
    /// below four models.
    pub second_variance: f64,
}

/// The decomposition of all points.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KlDecomposition {
    /// What differed from model to model.
    pub randomness: Randomness,
    /// N.
    pub models: usize,
    /// What is known of each point.
    pub points: Vec<KlPoint>,
    /// Probabilities whose logarithm was raised to [`LOG_FLOOR`].
    pub floored: usize,
    scale: Scale,
    classes: usize,
    /// Bias and variance without each model, points of models.
    without: Vec<[f64; 2]>,
}

impl KlDecomposition {
    /// Decomposes an array `[N models, n points, C classes]`.
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_analysis::{KlDecomposition, Randomness, Scale};
    /// let logits = array![[[2.0_f32, 0.0]], [[0.0, 0.0]], [[1.0, 0.0]]];
    /// let found = KlDecomposition::of(logits.view(), &[0], Scale::logits(), Randomness::Seed)?;
    /// let p = found.points[0];
    /// assert!((p.bias + p.variance - p.loss).abs() < 1e-15);
    /// // The geometric mean has the mean logit.
    /// assert!((p.bias - (1.0 + (-1.0_f64).exp()).ln()).abs() < 1e-12);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Decomposition::of`](crate::Decomposition::of), and fewer than three models: the jackknife leaves one out.
    pub fn of(
        predictions: ArrayView3<f32>,
        labels: &[usize],
        scale: Scale,
        randomness: Randomness,
    ) -> Result<Self, AnalysisError> {
        let (models, _, classes) = predictions.dim();
        let mut whole = Self::new(models, classes, scale, randomness)?;
        whole.add(predictions, labels)?;
        Ok(whole)
    }

    /// Without points yet.
    ///
    /// # Errors
    /// Fewer than three models (the jackknife leaves one out), fewer than two classes, a scale that breaks its rule.
    pub fn new(models: usize, classes: usize, scale: Scale, randomness: Randomness) -> Result<Self, AnalysisError> {
        require(models >= 3, "models", models, "must be at least 3: the jackknife leaves one of them out")?;
        require(classes >= 2, "classes", classes, "must be at least 2")?;
        scale.validate()?;
        let (points, without) = (Vec::new(), Vec::new());
        Ok(Self { randomness, models, points, floored: 0, scale, classes, without })
    }

    /// What the numbers were, and C.
    pub(crate) fn reading(&self) -> (Scale, usize) {
        (self.scale, self.classes)
    }

    /// Adds a block of points, `[N, points, C]`. A block with an error adds nothing.
    ///
    /// # Errors
    /// As [`Decomposition::add`](crate::Decomposition::add).
    pub fn add(&mut self, block: ArrayView3<f32>, labels: &[usize]) -> Result<(), AnalysisError> {
        let first = self.points.len();
        add(self, block, labels, first)
    }

    /// Mean bias and variance over the points, without what few models add, with jackknife intervals over models and over both.
    ///
    /// # Errors
    /// Fewer than two points.
    pub fn averages(&self) -> Result<[Average; 2], AnalysisError> {
        let n = self.points.len();
        require(n >= 2, "points", n, "an average with an interval needs at least 2")?;
        let of = |what: usize, value: fn(&KlPoint) -> f64| {
            let values: Vec<f64> = self.points.iter().map(value).collect();
            let sum = |t: usize| self.without.iter().skip(t).step_by(self.models).map(|pair| pair[what]).sum::<f64>();
            let without: Vec<f64> = (0..self.models).map(|t| sum(t) / n as f64).collect();
            Average::of(&values, &without)
        };
        Ok([of(0, |p| p.corrected_bias)?, of(1, |p| p.corrected_variance)?])
    }
}

impl Split for KlDecomposition {
    /// What is left after one correction cannot be corrected without a model.
    const UNBIASED: bool = false;

    fn randomness(&self) -> Randomness {
        self.randomness
    }

    fn models(&self) -> usize {
        self.models
    }

    fn count(&self) -> usize {
        self.points.len()
    }

    fn correct(&self, i: usize) -> bool {
        self.points[i].correct
    }

    fn pair(&self, i: usize, unbiased: bool) -> (f64, f64) {
        let p = &self.points[i];
        if unbiased { (p.corrected_bias, p.corrected_variance) } else { (p.bias, p.variance) }
    }

    fn without(&self, t: usize, i: usize, _: bool) -> (f64, f64) {
        self.without[i * self.models + t].into()
    }

    fn again(&self, logits: ArrayView3<f32>, labels: &[usize]) -> Result<Self, AnalysisError> {
        Self::of(logits, labels, Scale::logits(), self.randomness)
    }
}

/// What was found of a point.
pub struct Found {
    point: KlPoint,
    floored: usize,
    without: Vec<[f64; 2]>,
}

impl PerPoint for KlDecomposition {
    type Found = Vec<Found>;

    fn find(&self, block: &Block) -> Result<Vec<Found>, AnalysisError> {
        block.require(self.models, self.classes)?;
        let mut rows = OneByOne::default();
        (0..block.len()).map(|i| point(self.scale, block, i, &mut rows)).collect()
    }

    fn keep(&mut self, found: Vec<Found>) {
        for found in found {
            self.without.extend(found.without);
            self.floored += found.floored;
            self.points.push(found.point);
        }
    }
}

/// `log h_t` of all models at a point, models of classes, and how many were raised to the floor.
pub(crate) fn logarithms(
    scale: Scale,
    block: &Block,
    place: usize,
    rows: &mut OneByOne,
) -> Result<(Vec<f64>, usize), AnalysisError> {
    let (models, classes, label, at) = (block.models(), block.classes(), block.label(place), block.number(place));
    let mut logs = vec![0.0; models * classes];
    let mut floored = 0;
    let mut errors = vec![0.0; classes];
    for (t, logs) in logs.chunks_exact_mut(classes).enumerate() {
        let row = block.row(t, place);
        // Reads the row as the squared loss does, so that both refuse the same.
        let read = rows.errors_of(scale, row, label, &mut errors, [t, at])?;
        match scale {
            Scale::Logits { temperature } => {
                logs.iter_mut().zip(row).for_each(|(l, z)| *l = f64::from(*z) / temperature);
                let norm = log_sum_exp(logs);
                logs.iter_mut().for_each(|l| *l -= norm);
                // Exact where the probability is near one.
                logs[label] = -(-read.margin).exp().ln_1p();
            }
            Scale::Probabilities { .. } => {
                for (l, p) in logs.iter_mut().zip(row) {
                    let log = f64::from(*p).ln();
                    floored += usize::from(log < LOG_FLOOR);
                    *l = log.max(LOG_FLOOR);
                }
                if read.rest < 0.5 {
                    logs[label] = (-read.rest).ln_1p();
                }
            }
        }
    }
    Ok((logs, floored))
}

fn point(scale: Scale, block: &Block, place: usize, rows: &mut OneByOne) -> Result<Found, AnalysisError> {
    let (models, classes, label) = (block.models(), block.classes(), block.label(place));
    let (logs, floored) = logarithms(scale, block, place, rows)?;
    let mut sums = vec![0.0; classes];
    for logs in logs.chunks_exact(classes) {
        sums.iter_mut().zip(logs).for_each(|(sum, l)| *sum += l);
    }
    let n = models as f64;
    let [bias, variance, best] = of_means(sums.iter().map(|sum| sum / n), label);
    let (first, half) = (logs.chunks_exact(classes).take(models / 2), (models / 2) as f64);
    let mut of_first = vec![0.0; classes];
    first.for_each(|logs| of_first.iter_mut().zip(logs).for_each(|(sum, l)| *sum += l));
    let [first_bias, ..] = of_means(of_first.iter().map(|sum| sum / half), label);
    let others = n - half;
    let of_others = sums.iter().zip(&of_first).map(|(all, first)| (all - first) / others);
    let second_variance = if models < 4 { f64::NAN } else { of_means(of_others, label)[1] * others / (others - 1.0) };
    let without: Vec<[f64; 2]> = logs
        .chunks_exact(classes)
        .map(|logs| {
            let rest = sums.iter().zip(logs).map(|(sum, l)| (sum - l) / (n - 1.0));
            let [bias, variance, _] = of_means(rest, label);
            [bias, variance]
        })
        .collect();
    let corrected = |what: usize, value: f64| {
        jackknife_corrected(value, &without.iter().map(|pair| pair[what]).collect::<Vec<_>>())
    };
    let point = KlPoint {
        label,
        correct: best as usize == label,
        bias,
        variance,
        loss: -sums[label] / n,
        corrected_bias: corrected(0, bias),
        corrected_variance: corrected(1, variance),
        first_bias,
        second_variance,
    };
    Ok(Found { point, floored, without })
}

/// Bias, variance and best class of the geometric mean, from mean logarithms.
pub(crate) fn of_means(means: impl Iterator<Item = f64>, label: usize) -> [f64; 3] {
    let means: Vec<f64> = means.collect();
    // -log g_y = log (1 + sum of the others' odds), which keeps its digits where g_y is near one.
    let odds: f64 = means.iter().enumerate().filter(|(k, _)| *k != label).map(|(_, m)| (m - means[label]).exp()).sum();
    let bias = odds.ln_1p();
    let best = (1..means.len()).fold(0, |best, k| if means[k] > means[best] { k } else { best });
    // -log Z, and log Z = E log h_y - log g_y.
    [bias, (-means[label] - bias).max(0.0), best as f64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn adds_up_and_the_variance_is_a_mean_divergence(
            z in prop::collection::vec(-6.0_f32..6.0, 4 * 3 * 3), label in 0_usize..3,
        ) {
            let z = Array3::from_shape_vec((4, 3, 3), z).unwrap();
            let found = KlDecomposition::of(z.view(), &[label; 3], Scale::logits(), Randomness::Seed).unwrap();
            for (i, p) in found.points.iter().enumerate() {
                prop_assert!((p.bias + p.variance - p.loss).abs() < 1e-13 * p.loss.max(1.0));
                let log_h: Vec<Vec<f64>> = (0..4).map(|t| {
                    let row: Vec<f64> = z.slice(ndarray::s![t, i, ..]).iter().map(|v| f64::from(*v)).collect();
                    let norm = log_sum_exp(&row);
                    row.iter().map(|v| v - norm).collect()
                }).collect();
                let means: Vec<f64> = (0..3).map(|k| log_h.iter().map(|l| l[k]).sum::<f64>() / 4.0).collect();
                let norm = log_sum_exp(&means);
                let divergence = |l: &Vec<f64>| (0..3).map(|k| (means[k] - norm).exp() * (means[k] - norm - l[k])).sum::<f64>();
                let variance = log_h.iter().map(divergence).sum::<f64>() / 4.0;
                prop_assert!((p.variance - variance).abs() < 1e-12, "{} {}", p.variance, variance);
            }
        }
    }

    #[test]
    fn probabilities_of_zero_are_raised_and_counted() {
        let p = array![[[1.0_f32, 0.0]], [[0.5, 0.5]], [[0.5, 0.5]]];
        let found = KlDecomposition::of(p.view(), &[1], Scale::probabilities(), Randomness::Seed).unwrap();
        assert_eq!(found.floored, 1);
        let point = found.points[0];
        assert!(point.loss.is_finite() && (point.bias + point.variance - point.loss).abs() < 1e-12);
    }

    #[test]
    fn averages_have_intervals_over_models() {
        let z = Array3::from_shape_fn((5, 6, 3), |(t, i, k)| ((t * 5 + i * 3 + k * 7) % 11) as f32 / 3.0);
        let found = KlDecomposition::of(z.view(), &[0, 1, 2, 0, 1, 2], Scale::logits(), Randomness::Order).unwrap();
        let [bias, variance] = found.averages().unwrap();
        let loss = found.points.iter().map(|p| p.loss).sum::<f64>() / 6.0;
        let (bias, over_both, variance) = (bias.over_models, bias.over_both, variance.over_models);
        assert!((bias.value + variance.value - loss).abs() < 1e-12 && bias.lo < bias.value && bias.n == 5);
        assert!(variance.se > 0.0 && over_both.se > bias.se);
    }

    #[test]
    fn halves_and_models_left_out_are_decompositions_of_the_others() {
        let z = Array3::from_shape_fn((7, 3, 4), |(t, i, k)| ((t * 5 + i * 3 + k * 7) % 11) as f32 / 3.0);
        let of = |models: &[usize]| {
            let z = z.select(ndarray::Axis(0), models);
            KlDecomposition::of(z.view(), &[0, 1, 2], Scale::logits(), Randomness::Order).unwrap().points
        };
        let found = KlDecomposition::of(z.view(), &[0, 1, 2], Scale::logits(), Randomness::Order).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        for i in 0..3 {
            near(found.points[i].first_bias, of(&[0, 1, 2])[i].bias);
            near(found.points[i].second_variance, of(&[3, 4, 5, 6])[i].variance * 4.0 / 3.0);
            for t in 0..7 {
                let without = of(&(0..7).filter(|k| *k != t).collect::<Vec<_>>())[i];
                let (bias, variance) = Split::without(&found, t, i, false);
                near(bias, without.bias);
                near(variance, without.variance);
            }
        }
    }
}
