//! Whether Bias^2 and variance of points go together, with jackknife intervals over models.

use super::fit::{Fit, fit_of};
use crate::decomposition::{Selection, Split};
use crate::error::{AnalysisError, require};
use crate::predictions::Randomness;
use rayon::prelude::*;
use serde::Serialize;
use tenfold_core_tensor::stats::{Estimate, StatsError, jackknife};

/// Alignment of some points of a decomposition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alignment {
    /// What differed from model to model.
    pub randomness: Randomness,
    /// N.
    pub models: usize,
    /// Which points.
    pub selection: Selection,
    /// How many points.
    pub points: usize,
    /// Of those, points without a logarithm: variance or Bias^2 not above 0. They are in the bounds and not in the lines.
    pub without_logarithm: usize,
    /// The statistics, each with its jackknife interval over models.
    pub fit: Fit<Estimate>,
    /// The standard error of one point's log Var that N models imply under normal noise, `sqrt(2 / (N - 1))`.
    pub log_variance_se: f64,
    /// The points, ascending.
    #[serde(skip)]
    pub(crate) at: Vec<usize>,
    /// The statistics, and those without each model.
    #[serde(skip)]
    pub(crate) whole: Fit<f64>,
    #[serde(skip)]
    pub(crate) without: Vec<Fit<f64>>,
}

impl Alignment {
    /// Looks at the points of a selection.
    ///
    /// ```
    /// use ndarray::Array3;
    /// use tenfold_analysis::{Alignment, Decomposition, Randomness, Scale, Selection};
    ///
    /// // Two classes; logit noise of one size makes Bias^2 and variance of confident points go together.
    /// let noise = |t: usize, i: usize| ((t * 37 + i * 101) % 17) as f32 / 17.0 - 0.5;
    /// let z = Array3::from_shape_fn((6, 50, 2), |(t, i, k)| if k == 0 { 2.0 + i as f32 / 5.0 + noise(t, i) } else { 0.0 });
    /// let found = Decomposition::of(z.view(), &[0; 50], Scale::logits(), Randomness::Seed)?;
    /// let alignment = Alignment::of(&found, Selection::default())?;
    /// assert_eq!(alignment.points, 50);
    /// assert!((alignment.fit.slope.value - 1.0).abs() < 0.1);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than four models, fewer than three points of the selection, or points without spread.
    pub fn of<D: Split>(found: &D, selection: Selection) -> Result<Self, AnalysisError> {
        Self::at(found, selection, &found.selected(&selection))
    }

    /// Any function of the statistics, with its jackknife interval over models. Take one without ends where a statistic is near one, and
    /// turn the interval back: `atanh r` of a correlation, the logarithm of a bound.
    ///
    /// # Errors
    /// A value that is not a finite number.
    pub fn estimate(&self, of: impl Fn(&Fit<f64>) -> f64) -> Result<Estimate, StatsError> {
        jackknife(of(&self.whole), &self.without.iter().map(of).collect::<Vec<f64>>())
    }

    /// Looks at some points, whatever the selection says of them but how they are estimated: where two alignments must be of the
    /// same points.
    ///
    /// # Errors
    /// As [`of`](Self::of), unbiased estimates of the cross-entropy, and a point that does not exist.
    pub fn at<D: Split>(found: &D, selection: Selection, points: &[usize]) -> Result<Self, AnalysisError> {
        require(found.models() >= 4, "models", found.models(), "alignment with an interval needs at least 4")?;
        require(points.len() >= 3, "points", points.len(), "a line needs at least 3 points of the selection")?;
        let beyond = points.iter().find(|i| **i >= found.count());
        require(beyond.is_none(), "point", beyond.unwrap_or(&0), format!("must be below {}", found.count()))?;
        let rule = "must be off: the cross-entropy has no such estimates without a model";
        require(D::UNBIASED || !selection.unbiased, "unbiased", selection.unbiased, rule)?;
        let pairs: Vec<(f64, f64)> = points.iter().map(|&i| found.pair(i, selection.unbiased)).collect();
        let whole = fit_of(&pairs)?;
        let fit_without =
            |t: usize| fit_of(&points.iter().map(|&i| found.without(t, i, selection.unbiased)).collect::<Vec<_>>());
        let without: Vec<Result<Fit<f64>, StatsError>> = (0..found.models()).into_par_iter().map(fit_without).collect();
        let without = without.into_iter().collect::<Result<Vec<_>, _>>()?;
        let fit = Fit::try_each(|statistic| {
            let without: Vec<f64> = without.iter().map(|fit| fit.get(statistic)).collect();
            jackknife(whole.get(statistic), &without)
        })?;
        Ok(Self {
            randomness: found.randomness(),
            models: found.models(),
            selection,
            points: points.len(),
            without_logarithm: pairs.iter().filter(|(b, v)| *b <= 0.0 || *v <= 0.0).count(),
            fit,
            log_variance_se: (2.0 / (found.models() - 1) as f64).sqrt(),
            at: points.to_vec(),
            whole,
            without,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decomposition::Decomposition;
    use crate::predictions::Scale;
    use ndarray::Array3;

    #[test]
    fn wrong_points_are_apart_and_can_be_restricted() {
        let z = Array3::from_shape_fn((5, 40, 2), |(t, i, k)| {
            let centre = i as f32 / 4.0 - 3.0;
            if k == 0 { centre + ((t * 7 + i * 5) % 9) as f32 / 9.0 } else { 0.0 }
        });
        let found = Decomposition::of(z.view(), &[0; 40], Scale::logits(), Randomness::Order).unwrap();
        let right = Alignment::of(&found, Selection::default()).unwrap();
        let wrong = Selection { correct: false, ..Selection::default() };
        assert_eq!(right.points + Alignment::of(&found, wrong).unwrap().points, 40);
        let narrow = Selection { variances: Some([1e-6, 1e-3]), ..Selection::default() };
        assert!(Alignment::of(&found, narrow).unwrap().points < right.points);
        assert!(right.fit.slope.lo < right.fit.slope.value && right.fit.slope.n == 5);
    }
}
