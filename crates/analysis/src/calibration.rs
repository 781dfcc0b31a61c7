//! Whether probabilities are what they say.

use crate::block::Block;
use crate::decomposition::Decomposition;
use crate::error::{AnalysisError, require, require_labels, require_shape};
use crate::pass::{PerPoint, add};
use crate::row::OneByOne;
use crate::scale::Scale;
use ndarray::{Array2, ArrayView2, ArrayView3};
use serde::Serialize;
use tenfold_core_tensor::ops::top_k::argmax;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{
    Binning, CalibrationBin, Estimate, calibration_bins, debiased_calibration_error, expected_calibration_error,
    paired_bootstrap, squared_calibration_error,
};

/// Draws behind an interval.
const DRAWS: usize = 400;

/// How a calibration error is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bins {
    /// Number of bins.
    pub count: usize,
    /// How points are dealt into them.
    pub binning: Binning,
}

impl Default for Bins {
    /// Fifteen bins of equal mass.
    fn default() -> Self {
        Self { count: 15, binning: Binning::EqualMass }
    }
}

/// A calibration error in bins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CalibrationError {
    /// `sum_b n_b / n |outcome - confidence|`: biased upwards for finite samples.
    pub plain: f64,
    /// The same without what sampling adds, with a bootstrap interval over points.
    pub debiased: Estimate,
    /// The root of the debiased squared error, 0 where that is negative.
    pub debiased_root_square: f64,
    /// The bins, for a reliability diagram.
    pub bins: Vec<CalibrationBin>,
}

impl CalibrationError {
    /// The error of confidences against outcomes of 0 and 1.
    ///
    /// ```
    /// use tenfold_analysis::{Bins, CalibrationError};
    /// // Says 0.9 and is right half of the time.
    /// let outcomes: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
    /// let error = CalibrationError::of(&[0.9; 100], &outcomes, Bins::default())?;
    /// assert!((error.plain - 0.4).abs() < 1e-12 && error.debiased.lo > 0.2);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than twenty points, lengths that differ, confidences outside `[0, 1]`, or no bins.
    pub fn of(confidence: &[f64], outcome: &[f64], bins: Bins) -> Result<Self, AnalysisError> {
        let of = |picked: &[usize]| -> f64 {
            let take = |all: &[f64]| picked.iter().map(|&i| all[i]).collect::<Vec<f64>>();
            let bins = calibration_bins(&take(confidence), &take(outcome), bins.count, bins.binning);
            bins.map_or(f64::NAN, |bins| debiased_calibration_error(&bins))
        };
        let found = calibration_bins(confidence, outcome, bins.count, bins.binning)?;
        let drawn = paired_bootstrap(confidence.len(), DRAWS, Seed::new(0).named("calibration"), of)?;
        // A resample repeats points, which adds the same noise once more: its percentiles lie too high. Its spread is right.
        let (value, se) = (debiased_calibration_error(&found), drawn.se);
        let normal = Estimate::from_t(value, se, (confidence.len() - 1) as f64, confidence.len());
        Ok(Self {
            plain: expected_calibration_error(&found),
            debiased: normal,
            debiased_root_square: squared_calibration_error(&found).1.max(0.0).sqrt(),
            bins: found,
        })
    }
}

impl CalibrationError {
    /// The error given a statistic: points are dealt into bins of equal mass by the statistic, such as a subgroup's score, an image's
    /// brightness or another model's confidence, and each bin's mean confidence is compared with its mean outcome. A model can be
    /// calibrated on the whole and not given a statistic.
    ///
    /// ```
    /// use tenfold_analysis::CalibrationError;
    /// // Right three times in four, as it says; but always where the statistic is high, and half of the time where it is low.
    /// let statistic: Vec<f64> = (0..200).map(f64::from).collect();
    /// let outcome: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i >= 100 || i % 2 == 0))).collect();
    /// let error = CalibrationError::given(&statistic, &[0.75; 200], &outcome, 2)?;
    /// assert!((error.plain - 0.25).abs() < 1e-12 && error.bins.len() == 2);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than twenty points or than two for each bin, lengths that differ, a number that is not finite.
    pub fn given(statistic: &[f64], confidence: &[f64], outcome: &[f64], bins: usize) -> Result<Self, AnalysisError> {
        let n = statistic.len();
        require_shape("statistic and confidence", &[n], &[confidence.len()], "one number for each point")?;
        require_shape("statistic and outcome", &[n], &[outcome.len()], "one number for each point")?;
        require(bins >= 1 && n >= 2 * bins, "bins", bins, "needs at least two points for each")?;
        let finite = [statistic, confidence, outcome].iter().all(|values| values.iter().all(|v| v.is_finite()));
        require(finite, "statistic, confidence or outcome", "not finite", "must be finite numbers")?;
        let dealt = |picked: &[usize]| -> Vec<CalibrationBin> {
            let mut order = picked.to_vec();
            order.sort_by(|&a, &b| statistic[a].total_cmp(&statistic[b]).then(a.cmp(&b)));
            let bin = |b: usize| {
                let members = &order[b * n / bins..(b + 1) * n / bins];
                let average = |of: &[f64]| members.iter().map(|&i| of[i]).sum::<f64>() / members.len() as f64;
                CalibrationBin { confidence: average(confidence), outcome: average(outcome), n: members.len() }
            };
            (0..bins).map(bin).collect()
        };
        let found = dealt(&(0..n).collect::<Vec<_>>());
        let seed = Seed::new(0).named("calibration-given");
        let drawn = paired_bootstrap(n, DRAWS, seed, |picked| debiased_calibration_error(&dealt(picked)))?;
        Ok(Self {
            plain: expected_calibration_error(&found),
            debiased: Estimate::from_t(debiased_calibration_error(&found), drawn.se, (n - 1) as f64, n),
            debiased_root_square: squared_calibration_error(&found).1.max(0.0).sqrt(),
            bins: found,
        })
    }
}

/// Calibration of a classifier: of one model, or of the mean of many.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Largest probability against being right.
    pub top_label: CalibrationError,
    /// For each class, its probability against having that label.
    pub classes: Vec<CalibrationError>,
}

impl Calibration {
    /// Of probabilities `[n, C]`.
    ///
    /// ```
    /// use ndarray::Array2;
    /// use tenfold_analysis::{Bins, Calibration};
    /// // Uniform over two classes, which is right.
    /// let p = Array2::from_elem((100, 2), 0.5);
    /// let labels: Vec<usize> = (0..100).map(|i| i % 2).collect();
    /// let found = Calibration::of(p.view(), &labels, Bins::default())?;
    /// assert_eq!(found.top_label.plain, 0.0);
    /// assert_eq!(found.sum_over_classes(), 0.0);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// Other labels than points, a label that names no class, fewer than twenty points, probabilities outside `[0, 1]`.
    pub fn of(probabilities: ArrayView2<f64>, labels: &[usize], bins: Bins) -> Result<Self, AnalysisError> {
        let (points, classes) = probabilities.dim();
        require_shape("probabilities and labels", &[points], &[labels.len()], "one label for each point")?;
        require(classes >= 2, "classes", classes, "must be at least 2")?;
        require_labels(labels, classes)?;
        let top: Vec<(f64, f64)> = probabilities
            .outer_iter()
            .zip(labels)
            .map(|(row, &label)| {
                let row = row.to_vec();
                let best = argmax(&row);
                (row[best], f64::from(u8::from(best == label)))
            })
            .collect();
        let (confidence, right): (Vec<f64>, Vec<f64>) = top.into_iter().unzip();
        let class = |k: usize| {
            let outcome: Vec<f64> = labels.iter().map(|&label| f64::from(u8::from(label == k))).collect();
            CalibrationError::of(&probabilities.column(k).to_vec(), &outcome, bins)
        };
        Ok(Self {
            top_label: CalibrationError::of(&confidence, &right, bins)?,
            classes: (0..classes).map(class).collect::<Result<_, _>>()?,
        })
    }

    /// `sum_k` of the plain errors of the classes, not divided by their number.
    pub fn sum_over_classes(&self) -> f64 {
        self.classes.iter().map(|class| class.plain).sum()
    }

    /// `sum_k` of the debiased errors of the classes.
    pub fn debiased_sum_over_classes(&self) -> f64 {
        self.classes.iter().map(|class| class.debiased.value).sum()
    }
}

/// Probabilities of the mean model, `h(x) = mean_t h_t(x)`, `[n, C]`: probabilities are averaged, not logits.
///
/// ```
/// use ndarray::array;
/// use tenfold_analysis::{Scale, mean_model};
/// let h = mean_model(array![[[0.0_f32, 0.0]], [[100.0, 0.0]]].view(), Scale::logits())?;
/// assert!((h[[0, 0]] - 0.75).abs() < 1e-12);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// No models, a row that is no probability vector, or logits that are not finite, as [`Decomposition::add`] names them.
pub fn mean_model(predictions: ArrayView3<f32>, scale: Scale) -> Result<Array2<f64>, AnalysisError> {
    let (models, points, classes) = predictions.dim();
    let mut mean = MeanModel::new(models, classes, scale)?;
    add(&mut mean, predictions, &vec![0; points], 0)?;
    Ok(mean.into_probabilities())
}

/// The mean of all models, point by point: [`mean_model`] for [`pass`](crate::pass).
pub struct MeanModel {
    scale: Scale,
    models: usize,
    classes: usize,
    /// Points of classes.
    sums: Vec<f64>,
}

impl MeanModel {
    /// Without points yet.
    ///
    /// # Errors
    /// No models, fewer than two classes, a scale that breaks its rule.
    pub fn new(models: usize, classes: usize, scale: Scale) -> Result<Self, AnalysisError> {
        require(models >= 1, "models", models, "must be at least 1")?;
        require(classes >= 2, "classes", classes, "must be at least 2")?;
        scale.validate()?;
        Ok(Self { scale, models, classes, sums: Vec::new() })
    }

    /// Its probabilities, `[n, C]`.
    pub fn into_probabilities(mut self) -> Array2<f64> {
        // Rounding of the sum.
        self.sums.iter_mut().for_each(|p| *p = p.clamp(0.0, 1.0));
        let points = self.sums.len() / self.classes;
        Array2::from_shape_vec((points, self.classes), self.sums).expect("whole points")
    }
}

impl PerPoint for MeanModel {
    type Found = Vec<f64>;

    fn find(&self, block: &Block) -> Result<Vec<f64>, AnalysisError> {
        block.require(self.models, self.classes)?;
        let mut means = vec![0.0; block.len() * self.classes];
        let (mut errors, mut rows) = (vec![0.0; self.classes], OneByOne::default());
        for (i, to) in means.chunks_exact_mut(self.classes).enumerate() {
            for t in 0..self.models {
                rows.errors_of(self.scale, block.row(t, i), 0, &mut errors, [t, block.number(i)])?;
                errors[0] += 1.0;
                to.iter_mut().zip(&errors).for_each(|(to, p)| *to += p / self.models as f64);
            }
        }
        Ok(means)
    }

    fn keep(&mut self, found: Vec<f64>) {
        self.sums.extend(found);
    }
}

/// Gap and Gini of the points of a bin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GapBin {
    /// Mean of the statistic that made the bins.
    pub statistic: f64,
    /// Mean of unbiased `Bias^2 - Var`.
    pub gap: f64,
    /// Its standard error over points.
    pub gap_se: f64,
    /// Mean of G.
    pub gini: f64,
    /// Number of points.
    pub n: usize,
}

/// `E[Bias^2] - E[Var]` against `E[G]`, in bins of any statistic of the predictions alone, such as the confidence of the mean
/// model: for a calibrated mean model the two are equal in every bin. Plug-in estimates, since the equality is of the mean model
/// that is there.
///
/// # Errors
/// Fewer points than bins, or a statistic that is not finite.
pub fn gap_by(
    found: &Decomposition,
    statistic: impl Fn(&crate::Point) -> f64,
    bins: usize,
) -> Result<Vec<GapBin>, AnalysisError> {
    let points = found.points();
    require(bins >= 1 && points.len() >= 2 * bins, "bins", bins, "needs at least two points for each")?;
    let values: Vec<f64> = points.iter().map(statistic).collect();
    let finite = values.iter().all(|v| v.is_finite());
    require(finite, "statistic", "not finite", "must be a finite number at every point")?;
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let bin = |b: usize| {
        let members = &order[b * points.len() / bins..(b + 1) * points.len() / bins];
        let n = members.len();
        let mean = |of: &dyn Fn(usize) -> f64| members.iter().map(|&i| of(i)).sum::<f64>() / n as f64;
        let gap = |i: usize| points[i].bias - points[i].variance;
        let centre = mean(&gap);
        let variance = mean(&|i| (gap(i) - centre).powi(2)) * n as f64 / (n - 1) as f64;
        let (statistic, gini) = (mean(&|i| values[i]), mean(&|i| points[i].gini));
        GapBin { statistic, gap: centre, gap_se: (variance / n as f64).sqrt(), gini, n }
    };
    Ok((0..bins).map(bin).collect())
}

/// The two sides of the bound on the gap: `|E[Bias^2] - E[Var] - E[G]| = 2 |E sum_k h_k (h_k - 1[Y = k])|` and twice the sum over
/// classes of the calibration errors.
///
/// The right side is estimated with bins, and bins hide part of it; sampling adds to it. Both are given.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GapBound {
    /// The left side.
    pub left: f64,
    /// The right side, plain.
    pub right: f64,
    /// The right side, debiased.
    pub right_debiased: f64,
}

impl GapBound {
    /// From a decomposition, and the calibration of its mean model.
    pub fn of(found: &Decomposition, calibration: &Calibration) -> Self {
        let points = found.points();
        let left = points.iter().map(|p| p.bias - p.variance - p.gini).sum::<f64>() / points.len() as f64;
        Self {
            left: left.abs(),
            right: 2.0 * calibration.sum_over_classes(),
            right_debiased: 2.0 * calibration.debiased_sum_over_classes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Randomness;
    use ndarray::Array3;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    /// An ensemble whose mean model is calibrated: labels are drawn from it.
    fn calibrated(models: usize, points: usize) -> (Array3<f32>, Vec<usize>, Array2<f64>) {
        let mut rng = Seed::new(12).rng();
        let centre: Vec<f64> = (0..points * 3).map(|_| 2.0 * rng.sample::<f64, _>(StandardNormal)).collect();
        let p = Array3::from_shape_fn((models, points, 3), |(_, i, k)| {
            let noise: f64 = StandardNormal.sample(&mut rng);
            (centre[i * 3 + k] + noise) as f32
        });
        let mut mean = Array2::<f64>::zeros((points, 3));
        let mut probabilities = p.clone();
        for mut row in probabilities.rows_mut() {
            let mut z: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
            tenfold_core_tensor::ops::softmax::softmax_in_place(&mut z);
            row.iter_mut().zip(z).for_each(|(to, v)| *to = v as f32);
        }
        for model in probabilities.outer_iter() {
            mean.zip_mut_with(&model, |m, v| *m += f64::from(*v) / models as f64);
        }
        let labels = mean.outer_iter().map(|row| {
            let u = rng.random::<f64>() * row.sum();
            if u < row[0] {
                0
            } else if u < row[0] + row[1] {
                1
            } else {
                2
            }
        });
        let labels = labels.collect();
        (probabilities, labels, mean)
    }

    #[test]
    fn of_a_calibrated_ensemble_the_gap_is_the_gini() {
        let (p, labels, mean) = calibrated(10, 8_000);
        let found = Decomposition::of(p.view(), &labels, Scale::probabilities(), Randomness::Unknown).unwrap();
        for bin in gap_by(&found, |p| p.confidence, 8).unwrap() {
            assert!((bin.gap - bin.gini).abs() < 4.0 * bin.gap_se, "{bin:?}");
        }
        let calibration = Calibration::of(mean.view(), &labels, Bins::default()).unwrap();
        let bound = GapBound::of(&found, &calibration);
        assert!(bound.left < 0.03 && bound.left <= bound.right, "{bound:?}");
        assert!(calibration.top_label.debiased.lo < 0.005, "{:?}", calibration.top_label.debiased);
    }

    #[test]
    fn a_statistic_must_be_finite_and_have_points_for_its_bins() {
        let fails = |statistic: &[f64], bins: usize, text: &str| {
            let error = CalibrationError::given(statistic, &[0.5; 30], &[1.0; 30], bins).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        };
        fails(&[0.0; 30], 16, "bins = 16: needs at least two points");
        fails(&[f64::NAN; 30], 3, "statistic, confidence or outcome = not finite");
        fails(&[0.0; 29], 3, "statistic and confidence: [29] against [30]");
    }

    #[test]
    fn sharpening_breaks_it_and_the_bound_holds() {
        let (p, labels, _) = calibrated(10, 4_000);
        let sharp = p.mapv(|p| 3.0 * p.max(1e-30).ln());
        let found = Decomposition::of(sharp.view(), &labels, Scale::logits(), Randomness::Unknown).unwrap();
        let h = mean_model(sharp.view(), Scale::logits()).unwrap();
        let calibration = Calibration::of(h.view(), &labels, Bins::default()).unwrap();
        let bound = GapBound::of(&found, &calibration);
        assert!(bound.left > 0.05 && bound.left < bound.right_debiased, "{bound:?}");
        assert!(calibration.top_label.debiased.lo > 0.02);
    }
}
