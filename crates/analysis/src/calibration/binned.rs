//! Whether probabilities are what they say.

use crate::error::{AnalysisError, require, require_labels, require_shape};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::Serialize;
use tenfold_core_tensor::ops::top_k::argmax;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{
    Binning, CalibrationBin, Dealer, Estimate, debiased_calibration_error, expected_calibration_error, resample_counts,
    squared_calibration_error, variance,
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

/// How often each point is in each resample: the same ones for all that is measured on so many points, so that a sum or a
/// difference of measures is resampled jointly.
pub(crate) fn resamples(points: usize) -> Result<Vec<Vec<u8>>, AnalysisError> {
    Ok(resample_counts(points, DRAWS, Seed::new(0).named("calibration"))?)
}

/// A value with the spread of its resamples.
///
/// A resample repeats points, which adds the noise of sampling once more to whatever is not linear: its percentiles lie too high.
/// Its spread is right.
pub(crate) fn spread_of(value: f64, draws: &[f64], points: usize) -> Estimate {
    Estimate::from_t(value, variance(draws).sqrt(), (points - 1) as f64, points)
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
    /// Fewer than twenty points, lengths that differ, numbers outside `[0, 1]`, or no bins.
    pub fn of(confidence: &[f64], outcome: &[f64], bins: Bins) -> Result<Self, AnalysisError> {
        let found = Resampled::of(confidence, confidence, outcome, bins, &resamples(confidence.len())?)?;
        Ok(found.error)
    }

    /// The error given a statistic: points are dealt into bins of equal mass by the statistic, such as a subgroup's score, an
    /// image's brightness or another model's confidence, and each bin's mean confidence is compared with its mean outcome. A
    /// model can be calibrated on the whole and not given a statistic. Points of one value of the statistic stay in one bin, so
    /// that the order of the rows does not matter; a statistic of few values has as few bins.
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
    /// Fewer than twenty points or than two for each bin, lengths that differ, a statistic that is not finite, or confidences and
    /// outcomes outside `[0, 1]`.
    pub fn given(statistic: &[f64], confidence: &[f64], outcome: &[f64], bins: usize) -> Result<Self, AnalysisError> {
        let n = statistic.len();
        require_shape("statistic and confidence", &[n], &[confidence.len()], "one number for each point")?;
        require(bins >= 1 && bins <= n / 2, "bins", bins, "needs at least two points for each")?;
        let finite = statistic.iter().all(|v| v.is_finite());
        require(finite, "statistic", "not finite", "must be a finite number at every point")?;
        let bins = Bins { count: bins, binning: Binning::EqualMass };
        Ok(Resampled::of(statistic, confidence, outcome, bins, &resamples(n)?)?.error)
    }
}

/// A calibration error, and what it is in every resample.
struct Resampled {
    error: CalibrationError,
    /// Plain and debiased.
    draws: Vec<[f64; 2]>,
}

impl Resampled {
    /// Of points in bins by any number.
    fn of(
        by: &[f64],
        confidence: &[f64],
        outcome: &[f64],
        bins: Bins,
        resamples: &[Vec<u8>],
    ) -> Result<Self, AnalysisError> {
        let n = by.len();
        require_shape("confidence and outcome", &[confidence.len()], &[outcome.len()], "one number for each point")?;
        for (name, values) in [("confidence", confidence), ("outcome", outcome)] {
            // NaN is in no range.
            if let Some(value) = values.iter().find(|v| !(0.0..=1.0).contains(*v)) {
                require(false, name, value, "must be within [0, 1]")?;
            }
        }
        let dealer = Dealer::new(by, bins.count, bins.binning)?;
        let found = dealer.bins(|_| 1, confidence, outcome);
        let of = |counts: &Vec<u8>| {
            let bins = dealer.bins(|i| usize::from(counts[i]), confidence, outcome);
            [expected_calibration_error(&bins), debiased_calibration_error(&bins)]
        };
        let draws: Vec<[f64; 2]> = resamples.par_iter().map(of).collect();
        let debiased: Vec<f64> = draws.iter().map(|draw| draw[1]).collect();
        let error = CalibrationError {
            plain: expected_calibration_error(&found),
            debiased: spread_of(debiased_calibration_error(&found), &debiased, n),
            debiased_root_square: squared_calibration_error(&found).1.max(0.0).sqrt(),
            bins: found,
        };
        Ok(Self { error, draws })
    }
}

/// Calibration of a classifier: of one model, or of the mean of many.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Largest probability against being right.
    pub top_label: CalibrationError,
    /// For each class, its probability against having that label.
    pub classes: Vec<CalibrationError>,
    /// Of every resample, the sums over classes: plain and debiased.
    #[serde(skip)]
    draws: Vec<[f64; 2]>,
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
    /// let sum = found.sum_over_classes();
    /// assert!(sum.value == 0.0 && sum.hi > 0.0);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// Other labels than points, a label that names no class, fewer than twenty points, probabilities outside `[0, 1]`.
    pub fn of(probabilities: ArrayView2<f64>, labels: &[usize], bins: Bins) -> Result<Self, AnalysisError> {
        let (points, classes) = probabilities.dim();
        let (confidence, right) = top_label(probabilities, labels)?;
        let resamples = resamples(points)?;
        let class = |k: usize| {
            let outcome: Vec<f64> = labels.iter().map(|&label| f64::from(u8::from(label == k))).collect();
            let confidence = probabilities.column(k).to_vec();
            Resampled::of(&confidence, &confidence, &outcome, bins, &resamples)
        };
        let top_label = Resampled::of(&confidence, &confidence, &right, bins, &resamples)?.error;
        let found = (0..classes).into_par_iter().map(class).collect::<Result<Vec<_>, _>>()?;
        let sum = |b: usize| {
            let of_classes = found.iter().map(|class| class.draws[b]);
            of_classes.fold([0.0; 2], |sum, draw| [sum[0] + draw[0], sum[1] + draw[1]])
        };
        let draws = (0..resamples.len()).map(sum).collect();
        Ok(Self { top_label, classes: found.into_iter().map(|class| class.error).collect(), draws })
    }

    /// The error of the most probable class given a statistic of the points, as [`CalibrationError::given`].
    ///
    /// ```
    /// use ndarray::Array2;
    /// use tenfold_analysis::Calibration;
    /// // Says three in four; always right in one group, half of the time in the other.
    /// let p = Array2::from_shape_fn((200, 2), |(_, k)| if k == 0 { 0.75 } else { 0.25 });
    /// let labels: Vec<usize> = (0..200).map(|i| usize::from(i < 100 && i % 2 == 1)).collect();
    /// let group: Vec<f64> = (0..200).map(|i| if i < 100 { 0.0 } else { 1.0 }).collect();
    /// let error = Calibration::given(p.view(), &labels, &group, 15)?;
    /// assert!((error.plain - 0.25).abs() < 1e-12 && error.bins.len() == 2);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Calibration::of`] and [`CalibrationError::given`].
    pub fn given(
        probabilities: ArrayView2<f64>,
        labels: &[usize],
        statistic: &[f64],
        bins: usize,
    ) -> Result<CalibrationError, AnalysisError> {
        let (confidence, right) = top_label(probabilities, labels)?;
        CalibrationError::given(statistic, &confidence, &right, bins)
    }

    /// `sum_k` of the plain errors of the classes, not divided by their number.
    ///
    /// The interval is over points, drawn together for all classes: a point's probabilities sum to one, so that the errors of its
    /// classes are not independent. It lies about the value, which sampling biases upwards.
    pub fn sum_over_classes(&self) -> Estimate {
        self.sum(0, self.classes.iter().map(|class| class.plain).sum())
    }

    /// `sum_k` of the debiased errors of the classes, with an interval as [`sum_over_classes`](Self::sum_over_classes) has it.
    ///
    /// Debiasing an absolute error takes off a part of what pure noise adds, not all of it: see
    /// [`debiased_calibration_error`].
    pub fn debiased_sum_over_classes(&self) -> Estimate {
        self.sum(1, self.classes.iter().map(|class| class.debiased.value).sum())
    }

    fn sum(&self, which: usize, value: f64) -> Estimate {
        let draws: Vec<f64> = self.draws.iter().map(|draw| draw[which]).collect();
        spread_of(value, &draws, self.points())
    }

    /// Of every resample, the sums over classes: plain and debiased.
    pub(crate) fn draws(&self) -> &[[f64; 2]] {
        &self.draws
    }

    pub(crate) fn points(&self) -> usize {
        self.top_label.debiased.n
    }
}

/// The largest probability of every point, and whether it is the label's.
fn top_label(probabilities: ArrayView2<f64>, labels: &[usize]) -> Result<(Vec<f64>, Vec<f64>), AnalysisError> {
    let (points, classes) = probabilities.dim();
    require_shape("probabilities and labels", &[points], &[labels.len()], "one label for each point")?;
    require(classes >= 2, "classes", classes, "must be at least 2")?;
    require_labels(labels, classes)?;
    let top = probabilities.outer_iter().zip(labels).map(|(row, &label)| {
        let row = row.to_vec();
        let best = argmax(&row);
        (row[best], f64::from(u8::from(best == label)))
    });
    Ok(top.unzip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statistic_must_be_finite_and_have_points_for_its_bins() {
        let fails = |statistic: &[f64], confidence: f64, bins: usize, text: &str| {
            let error = CalibrationError::given(statistic, &[confidence; 30], &[1.0; 30], bins).unwrap_err();
            assert!(error.to_string().starts_with(text), "{error}");
        };
        fails(&[0.0; 30], 0.5, 16, "bins = 16: needs at least two points");
        fails(&[0.0; 30], 0.5, usize::MAX / 2 + 2, "bins = 9223372036854775809: needs at least two points");
        fails(&[f64::NAN; 30], 0.5, 3, "statistic = not finite");
        fails(&[0.0; 29], 0.5, 3, "statistic and confidence: [29] against [30]");
        fails(&[0.0; 30], f64::NAN, 3, "confidence = NaN: must be within [0, 1]");
    }

    #[test]
    fn the_order_of_rows_does_not_matter_where_a_statistic_has_ties() {
        // Three values of the statistic; right on the first rows of each.
        let rows: Vec<(f64, f64)> = (0..90).map(|i| (f64::from(i % 3), f64::from(u8::from(i < 50)))).collect();
        let of = |rows: &[(f64, f64)]| {
            let (statistic, outcome): (Vec<f64>, Vec<f64>) = rows.iter().copied().unzip();
            CalibrationError::given(&statistic, &[0.5; 90], &outcome, 4).unwrap()
        };
        let mut turned = rows.clone();
        turned.reverse();
        assert_eq!(of(&rows).bins, of(&turned).bins);
        assert_eq!(of(&rows).bins.len(), 3);
    }

    #[test]
    fn classes_are_resampled_together() {
        use rand::RngExt;
        let mut rng = Seed::new(8).rng();
        let sure: Vec<f64> = (0..1_500).map(|_| rng.random_range(0.2..0.8)).collect();
        // Half as often as it says.
        let labels: Vec<usize> = sure.iter().map(|p| usize::from(rng.random::<f64>() > 0.5 * p)).collect();
        let p = ndarray::Array2::from_shape_fn((1_500, 2), |(i, k)| if k == 0 { sure[i] } else { 1.0 - sure[i] });
        let found = Calibration::of(p.view(), &labels, Bins::default()).unwrap();
        // Of two classes each error is the other's, so that the sum varies by twice one, not by its root of two. (Fifteen bins
        // are the same from either end where the points come out even.)
        let (sum, one) = (found.debiased_sum_over_classes(), found.classes[0].debiased);
        assert!((sum.value - 2.0 * one.value).abs() < 1e-9);
        assert!((sum.se / one.se - 2.0).abs() < 0.02, "{sum:?} {one:?}");
        // Mean of p / 2, and the noise of the outcomes about it.
        assert!((sum.value - 0.5).abs() < 4.0 * sum.se && sum.se < 0.03);
    }
}
