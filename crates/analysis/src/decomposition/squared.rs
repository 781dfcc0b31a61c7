//! The squared-loss decomposition of all points.

use super::average::Average;
use super::decompose::{Decomposed, PerModel, Spread, Task};
use super::point::Point;
use super::split::Split;
use crate::error::{AnalysisError, require};
use crate::predictions::{Block, PerPoint, Randomness, Scale, add};
use ndarray::{Array2, ArrayView3};
use rayon::prelude::*;
use serde::Serialize;
use tenfold_core_tensor::stats::largest_deviation;
use tenfold_kernels::simd::dispatch;

/// Squared loss per point, `E_t ||h_t - e_y||^2 = Bias^2 + Var`, from N models on n points.
///
/// Give it an array with [`of`](Self::of), blocks of points with [`add`](Self::add), or a file with [`pass`](crate::pass). It keeps some numbers for each point and two
/// for each point and model, so a large array of predictions need not fit in memory.
///
/// ```
/// use ndarray::array;
/// use tenfold_analysis::{Decomposition, Randomness, Scale};
///
/// // Two models, one point of two classes, label 0.
/// let predictions = array![[[0.9_f32, 0.1]], [[0.5, 0.5]]];
/// let found = Decomposition::of(predictions.view(), &[0], Scale::probabilities(), Randomness::Seed)?;
/// let point = found.points()[0];
/// // h = (0.7, 0.3): Bias^2 = 2 x 0.09, Var = 2 x 0.04, loss = (0.02 + 0.5) / 2.
/// assert!((point.bias - 0.18).abs() < 1e-7 && (point.variance - 0.08).abs() < 1e-7);
/// assert!((point.bias + point.variance - point.loss).abs() < 1e-15);
/// assert!((point.bias - point.variance - point.gap_identity()).abs() < 1e-15);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// Source: Chen, Lukasik, Jitkrittum, You and Kumar, "On Bias-Variance Alignment in Deep Models" (ICLR 2024, arXiv 2310.09250);
/// the unbiased estimates, the floor and the identity of the gap are derived in this project.
#[derive(Clone, Debug)]
pub struct Decomposition {
    scale: Scale,
    randomness: Randomness,
    models: usize,
    classes: usize,
    points: Vec<Point>,
    /// What the jackknife needs of them, as blocks of points gave it, not copied together.
    spreads: Vec<Spread>,
    /// The block of each point, and its place there.
    places: Vec<[usize; 2]>,
    per_model: PerModel,
}

/// Averages over all points.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Averages {
    /// What differed from model to model.
    pub randomness: Randomness,
    /// Number of models.
    pub models: usize,
    /// Number of points.
    pub points: usize,
    /// Share of the points on which the mean model is right.
    pub accuracy: f64,
    /// Unbiased Bias^2.
    pub bias: Average,
    /// Unbiased variance.
    pub variance: Average,
    /// Mean loss of single models.
    pub loss: Average,
    /// Mean Gini impurity of single models.
    pub gini: f64,
    /// Largest `|Bias^2 + Var - loss|` of a point, plug-in: rounding.
    pub additivity: f64,
    /// Largest `|Bias^2 - Var - (G + 2 (||h||^2 - h_y))|` of a point: rounding.
    pub identity: f64,
}

impl Decomposition {
    /// Without points yet.
    ///
    /// # Errors
    /// Fewer than two models (the variance of one is undefined), fewer than two classes, a scale that breaks its rule.
    pub fn new(models: usize, classes: usize, scale: Scale, randomness: Randomness) -> Result<Self, AnalysisError> {
        require(models >= 2, "models", models, "must be at least 2: the variance of one model is undefined")?;
        require(classes >= 2, "classes", classes, "must be at least 2")?;
        scale.validate()?;
        let per_model = PerModel::new(models);
        let (points, spreads, places) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { scale, randomness, models, classes, points, spreads, places, per_model })
    }

    /// Decomposes an array `[N models, n points, C classes]`.
    ///
    /// # Errors
    /// Those of [`new`](Self::new) and [`add`](Self::add).
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

    /// Adds a block of points, `[N, points, C]`. A block with an error adds nothing.
    ///
    /// # Errors
    /// Another number of models, classes or labels; a label that names no class; a row that is no probability vector, or logits
    /// that are not finite, with model, point and class.
    pub fn add(&mut self, block: ArrayView3<f32>, labels: &[usize]) -> Result<(), AnalysisError> {
        let first = self.points.len();
        add(self, block, labels, first)
    }

    /// What is known of each point.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// N.
    pub fn models(&self) -> usize {
        self.models
    }

    /// C.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// What differed from model to model.
    pub fn randomness(&self) -> Randomness {
        self.randomness
    }

    /// What the numbers were.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Of each model, sums over all points.
    pub(crate) fn per_model(&self) -> &PerModel {
        &self.per_model
    }

    /// `||d_t - d||^2` and `<d, d_t - d>` of all models at a point.
    pub(crate) fn spread(&self, i: usize) -> [&[f64]; 2] {
        let [block, place] = self.places[i];
        let Spread { away, along } = &self.spreads[block];
        [away, along].map(|all| &all[place * self.models..][..self.models])
    }

    /// Unbiased Bias^2 and variance of a point without model t; plug-in where `unbiased` is false.
    pub(crate) fn without(&self, t: usize, i: usize, unbiased: bool) -> (f64, f64) {
        let (point, n) = (&self.points[i], self.models as f64);
        let [s, c] = self.spread(i).map(|of_models| of_models[t]);
        let left = n - 1.0;
        // The mean moves by -e_t / (N - 1), and the squares about it with that.
        let bias = point.bias - 2.0 * c / left + s / (left * left);
        let variance = ((n * point.variance - s) / left - s / (left * left)).max(0.0);
        match unbiased {
            true => (bias - variance / (left - 1.0), variance * left / (left - 1.0)),
            false => (bias, variance),
        }
    }

    /// The statistic of all points without each model in turn: `[N]` values of `of(points' (bias, variance))`.
    pub(crate) fn leave_one_out<T: Send>(
        &self,
        points: &[usize],
        unbiased: bool,
        of: impl Fn(&[(f64, f64)]) -> T + Sync,
    ) -> Vec<T> {
        let without = |t: usize| {
            let pairs: Vec<(f64, f64)> = points.iter().map(|&i| self.without(t, i, unbiased)).collect();
            of(&pairs)
        };
        (0..self.models).into_par_iter().map(without).collect()
    }

    /// Averages over all points, with jackknife intervals over models and over both.
    ///
    /// # Errors
    /// No points, or fewer than three models: without one of two there is no variance.
    pub fn averages(&self) -> Result<Averages, AnalysisError> {
        let n = self.points.len();
        require(n >= 2, "points", n, "an average with an interval needs at least 2")?;
        require(self.models >= 3, "models", self.models, "the jackknife needs at least 3")?;
        let everything: Vec<usize> = (0..n).collect();
        let sums = self.leave_one_out(&everything, true, |pairs| {
            let (bias, variance) = pairs.iter().fold((0.0, 0.0), |(b, v), pair| (b + pair.0, v + pair.1));
            [bias / n as f64, variance / n as f64, (bias + variance) / n as f64]
        });
        let values: [fn(&Point) -> f64; 3] = [Point::unbiased_bias, Point::unbiased_variance, |p| p.loss];
        let average = |what: usize| -> Result<Average, AnalysisError> {
            let of_points: Vec<f64> = self.points.iter().map(values[what]).collect();
            Average::of(&of_points, &sums.iter().map(|sums| sums[what]).collect::<Vec<f64>>())
        };
        let worst = |of: &dyn Fn(&Point) -> f64| largest_deviation(self.points.iter().map(of));
        Ok(Averages {
            randomness: self.randomness,
            models: self.models,
            points: n,
            accuracy: self.points.iter().filter(|p| p.correct()).count() as f64 / n as f64,
            bias: average(0)?,
            variance: average(1)?,
            loss: average(2)?,
            gini: self.points.iter().map(|p| p.gini).sum::<f64>() / n as f64,
            additivity: worst(&|p| p.bias + p.variance - p.loss),
            identity: worst(&|p| p.bias - p.variance - p.gap_identity()),
        })
    }

    /// Bias^2 and variance per point as a table `[n, 4]`: plug-in both, unbiased both.
    pub fn table(&self) -> Array2<f64> {
        let row = |p: &Point| [p.bias, p.variance, p.unbiased_bias(), p.unbiased_variance()];
        let values = self.points.iter().flat_map(row).collect();
        Array2::from_shape_vec((self.points.len(), 4), values).expect("four numbers a point")
    }
}

impl Split for Decomposition {
    const UNBIASED: bool = true;

    fn randomness(&self) -> Randomness {
        self.randomness()
    }

    fn models(&self) -> usize {
        self.models()
    }

    fn count(&self) -> usize {
        self.points().len()
    }

    fn correct(&self, i: usize) -> bool {
        self.points()[i].correct()
    }

    fn pair(&self, i: usize, unbiased: bool) -> (f64, f64) {
        let p = &self.points()[i];
        if unbiased { (p.unbiased_bias(), p.unbiased_variance()) } else { (p.bias, p.variance) }
    }

    fn without(&self, t: usize, i: usize, unbiased: bool) -> (f64, f64) {
        self.without(t, i, unbiased)
    }

    fn again(&self, logits: ArrayView3<f32>, labels: &[usize]) -> Result<Self, AnalysisError> {
        Self::of(logits, labels, Scale::logits(), self.randomness())
    }
}

impl PerPoint for Decomposition {
    type Found = Decomposed;

    fn find(&self, block: &Block) -> Result<Decomposed, AnalysisError> {
        block.require(self.models, self.classes)?;
        dispatch(Task { scale: self.scale, block })
    }

    fn keep(&mut self, found: Decomposed) {
        let block = self.spreads.len();
        self.places.extend((0..found.points.len()).map(|place| [block, place]));
        self.points.extend(found.points);
        self.spreads.push(found.spread);
        self.per_model.add(&found.per_model);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, Axis, array, s};
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};
    use tenfold_core_tensor::seed::Seed;

    fn logits(models: usize, points: usize, classes: usize, seed: u64) -> (Array3<f32>, Vec<usize>) {
        let mut rng = Seed::new(seed).rng();
        let mut draw = || -> f32 { StandardNormal.sample(&mut rng) };
        let centre: Vec<f32> = (0..points * classes).map(|_| 4.0 * draw()).collect();
        let z = Array3::from_shape_fn((models, points, classes), |(_, i, k)| centre[i * classes + k] + draw());
        (z, (0..points).map(|i| (i * 7 + seed as usize) % classes).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn identities_hold_for_any_predictions(models in 2_usize..9, points in 1_usize..40, classes in 2_usize..7, s in 0_u64..99) {
            let (z, y) = logits(models, points, classes, s);
            let found = Decomposition::of(z.view(), &y, Scale::logits(), Randomness::Seed).unwrap();
            for (i, p) in found.points().iter().enumerate() {
                prop_assert!((p.bias + p.variance - p.loss).abs() <= 1e-14 * p.loss.max(1e-300));
                prop_assert!((p.bias - p.variance - p.gap_identity()).abs() < 1e-14);
                prop_assert!(p.bias >= p.floor() * (1.0 - 1e-12), "the floor");
                // The naive definition.
                let h = |t: usize| -> Vec<f64> {
                    let mut row: Vec<f64> = z.slice(ndarray::s![t, i, ..]).iter().map(|v| f64::from(*v)).collect();
                    tenfold_core_tensor::ops::softmax::softmax_in_place(&mut row);
                    row
                };
                let mean: Vec<f64> = (0..classes).map(|k| (0..models).map(|t| h(t)[k]).sum::<f64>() / models as f64).collect();
                let target = |k: usize| f64::from(u8::from(k == y[i]));
                let bias: f64 = mean.iter().enumerate().map(|(k, m)| (m - target(k)).powi(2)).sum();
                let variance: f64 = (0..models).map(|t| h(t).iter().zip(&mean).map(|(a, b)| (a - b).powi(2)).sum::<f64>()).sum::<f64>() / models as f64;
                let of_label = (0..models).map(|t| (h(t)[y[i]] - mean[y[i]]).powi(2)).sum::<f64>() / models as f64;
                prop_assert!(of_label <= p.label_ceiling() + 1e-12, "the ceiling");
                prop_assert!((p.bias - bias).abs() < 1e-12 && (p.variance - variance).abs() < 1e-12);
                let pairs: Vec<(usize, usize)> = (0..models).flat_map(|t| (0..models).filter(move |s| *s != t).map(move |s| (t, s))).collect();
                let apart = |&(t, s): &(usize, usize)| 1.0 - h(t).iter().zip(&h(s)).map(|(a, b)| a * b).sum::<f64>();
                prop_assert!((p.soft_disagreement - pairs.iter().map(apart).sum::<f64>() / pairs.len() as f64).abs() < 1e-12);
            }
        }

        #[test]
        fn leaving_a_model_out_is_decomposing_the_others(models in 3_usize..7, s in 0_u64..99) {
            let (z, y) = logits(models, 5, 3, s);
            let found = Decomposition::of(z.view(), &y, Scale::logits(), Randomness::Seed).unwrap();
            for t in 0..models {
                let others: Vec<usize> = (0..models).filter(|k| *k != t).collect();
                let rest = Decomposition::of(z.select(Axis(0), &others).view(), &y, Scale::logits(), Randomness::Seed).unwrap();
                for i in 0..5 {
                    let (bias, variance) = found.without(t, i, false);
                    let p = &rest.points()[i];
                    prop_assert!((bias - p.bias).abs() <= 1e-12 && (variance - p.variance).abs() <= 1e-12);
                    if models > 3 {
                        let (bias, variance) = found.without(t, i, true);
                        prop_assert!((bias - p.unbiased_bias()).abs() <= 1e-12 && (variance - p.unbiased_variance()).abs() <= 1e-12);
                    }
                }
            }
        }
    }

    #[test]
    fn blocks_are_the_whole_and_threads_do_not_matter() {
        let (z, y) = logits(6, 200, 4, 1);
        let whole = Decomposition::of(z.view(), &y, Scale::logits(), Randomness::Seed).unwrap();
        let mut parts = Decomposition::new(6, 4, Scale::logits(), Randomness::Seed).unwrap();
        for start in (0..200).step_by(70) {
            let end = (start + 70).min(200);
            parts.add(z.slice(ndarray::s![.., start..end, ..]), &y[start..end]).unwrap();
        }
        assert_eq!(whole.points(), parts.points());
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let alone = one.install(|| Decomposition::of(z.view(), &y, Scale::logits(), Randomness::Seed).unwrap());
        assert_eq!(whole.averages().unwrap(), alone.averages().unwrap());
    }

    #[test]
    fn unbiased_estimates_do_not_depend_on_the_number_of_models() {
        // Many points with one law: means of unbiased estimates from 3 and from 12 models agree, plug-in ones do not.
        let mut rng = Seed::new(5).rng();
        let z = Array3::from_shape_fn(
            (12, 4000, 2),
            |(_, _, k)| if k == 0 { 1.0 } else { StandardNormal.sample(&mut rng) },
        );
        let y = vec![0; 4000];
        let of = |models: usize| {
            let few = z.slice(s![..models, .., ..]);
            let found = Decomposition::of(few, &y, Scale::logits(), Randomness::Seed).unwrap();
            let plug_in = found.points().iter().map(|p| p.variance).sum::<f64>() / 4000.0;
            (found.averages().unwrap(), plug_in)
        };
        let ((few, few_plug_in), (many, _)) = (of(3), of(12));
        let error = few.variance.over_both.se.hypot(many.variance.over_both.se);
        assert!((few.variance.over_both.value - many.variance.over_both.value).abs() < 4.0 * error);
        assert!((few.bias.over_both.value - many.bias.over_both.value).abs() < 4.0 * few.bias.over_both.se);
        assert!(few_plug_in < 0.8 * many.variance.over_both.value);
    }

    #[test]
    fn bad_input_is_named_and_adds_nothing() {
        let mut found = Decomposition::new(2, 2, Scale::probabilities(), Randomness::Unknown).unwrap();
        found.add(array![[[0.5, 0.5]], [[0.25, 0.75]]].view(), &[1]).unwrap();
        let fails = |found: &mut Decomposition, block: Array3<f32>, labels: &[usize], text: &str| {
            let error = found.add(block.view(), labels).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
            assert_eq!(found.points().len(), 1);
        };
        let good = array![[[0.5_f32, 0.5]], [[0.25, 0.75]]];
        fails(&mut found, good.clone(), &[2], "point 1: label 2, must be below the 2 classes");
        fails(&mut found, good.clone(), &[0, 1], "predictions: [2, 1, 2] against [2, 2, 2]");
        fails(&mut found, array![[[0.5, 0.5]], [[0.25, 0.7]]], &[0], "model 1, point 1: the probabilities sum to 0.9");
        let one = Decomposition::new(1, 2, Scale::logits(), Randomness::Seed).unwrap_err().to_string();
        assert!(one.starts_with("models = 1: must be at least 2"), "{one}");
    }
}
