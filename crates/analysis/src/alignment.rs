//! Whether Bias^2 and variance of points go together.

use crate::error::{AnalysisError, require};
use crate::randomness::Randomness;
use crate::split::Split;
use rayon::prelude::*;
use serde::Serialize;
use tenfold_core_tensor::stats::{
    Estimate, StatsError, jackknife, line_fit, pearson, quantile_of_sorted, spearman, total_least_squares,
};

/// Shares of the points for which the bound `Bias^2 >= c Var` is looked for.
pub const BOUND_SHARES: [f64; 2] = [0.95, 0.99];

/// Which points are looked at, and how Bias^2 and variance are estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Selection {
    /// Points that the mean model gets right, or those that it does not.
    pub correct: bool,
    /// Unbiased estimates; plug-in ones cannot lie below a floor that depends on N, but no point is lost to a logarithm.
    pub unbiased: bool,
    /// Only points with a plug-in variance between these, ends excluded.
    pub variances: Option<[f64; 2]>,
}

impl Default for Selection {
    fn default() -> Self {
        Self { correct: true, unbiased: false, variances: None }
    }
}

/// A number for each statistic of a cloud of `(log Var, log Bias^2)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fit<T> {
    /// Slope of log Bias^2 on log Var, ordinary least squares.
    pub slope: T,
    /// Slope of log Var on log Bias^2.
    pub reverse_slope: T,
    /// Slope of total least squares.
    pub total_slope: T,
    /// log Bias^2 at log Var = 0 on the first line.
    pub intercept: T,
    /// R^2 of the first line.
    pub r_squared: T,
    /// Pearson's correlation.
    pub pearson: T,
    /// Spearman's rho.
    pub spearman: T,
    /// Median of `log (Bias^2 / Var)`.
    pub log_ratio: T,
    /// Largest c with `Bias^2 >= c Var` on 95 % of the points.
    pub bound_95: T,
    /// ... on 99 % of the points.
    pub bound_99: T,
}

impl<T: Copy> Fit<T> {
    /// Names of the statistics, in the order of [`values`](Self::values).
    pub const NAMES: [&'static str; 10] = [
        "slope",
        "reverse_slope",
        "total_slope",
        "intercept",
        "r_squared",
        "pearson",
        "spearman",
        "log_ratio",
        "bound_95",
        "bound_99",
    ];

    /// All statistics.
    pub fn values(&self) -> [T; 10] {
        let Self { slope, reverse_slope, total_slope, intercept, r_squared, pearson, spearman, log_ratio, .. } = *self;
        [
            slope,
            reverse_slope,
            total_slope,
            intercept,
            r_squared,
            pearson,
            spearman,
            log_ratio,
            self.bound_95,
            self.bound_99,
        ]
    }

    pub(crate) fn from_values(v: [T; 10]) -> Self {
        Self {
            slope: v[0],
            reverse_slope: v[1],
            total_slope: v[2],
            intercept: v[3],
            r_squared: v[4],
            pearson: v[5],
            spearman: v[6],
            log_ratio: v[7],
            bound_95: v[8],
            bound_99: v[9],
        }
    }
}

/// The statistics of pairs of Bias^2 and variance. Pairs with a number that is not above 0 have no logarithm and are left out;
/// a pair without variance satisfies every bound.
///
/// ```
/// use tenfold_analysis::fit;
/// // Bias^2 = 2 Var.
/// let f = fit(&[(0.2, 0.1), (0.02, 0.01), (0.002, 0.001), (0.4, 0.2)])?;
/// assert!((f.slope - 1.0).abs() < 1e-12 && (f.log_ratio - 2f64.ln()).abs() < 1e-12 && (f.bound_99 - 2.0).abs() < 1e-9);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
///
/// # Errors
/// Fewer than three pairs with a logarithm, or no spread among them.
pub fn fit(pairs: &[(f64, f64)]) -> Result<Fit<f64>, AnalysisError> {
    Ok(fit_of(pairs)?)
}

pub(crate) fn fit_of(pairs: &[(f64, f64)]) -> Result<Fit<f64>, StatsError> {
    let usable = || pairs.iter().filter(|(b, v)| *b > 0.0 && *v > 0.0);
    let log_b: Vec<f64> = usable().map(|(b, _)| b.ln()).collect();
    let log_v: Vec<f64> = usable().map(|(_, v)| v.ln()).collect();
    let line = line_fit(&log_v, &log_b)?;
    let mut log_ratios: Vec<f64> = log_b.iter().zip(&log_v).map(|(b, v)| b - v).collect();
    log_ratios.sort_unstable_by(f64::total_cmp);
    let mut ratios: Vec<f64> =
        pairs.iter().map(|(b, v)| if *v > 0.0 { b.max(0.0) / v } else { f64::INFINITY }).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let [bound_95, bound_99] = BOUND_SHARES.map(|share| largest_bound(&ratios, share));
    Ok(Fit {
        slope: line.slope.value,
        reverse_slope: line_fit(&log_b, &log_v)?.slope.value,
        total_slope: total_least_squares(&log_v, &log_b)?.0,
        intercept: line.intercept,
        r_squared: line.r_squared,
        pearson: pearson(&log_v, &log_b)?,
        spearman: spearman(&log_v, &log_b)?,
        log_ratio: quantile_of_sorted(&log_ratios, 0.5),
        bound_95,
        bound_99,
    })
}

/// The largest c that at least this share of the sorted ratios reaches.
fn largest_bound(sorted: &[f64], share: f64) -> f64 {
    let below = ((1.0 - share) * sorted.len() as f64 + 1e-9).floor() as usize;
    sorted[below.min(sorted.len() - 1)]
}

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
        let mut estimates = Vec::with_capacity(10);
        for (k, value) in whole.values().into_iter().enumerate() {
            let without: Vec<f64> = without.iter().map(|fit| fit.values()[k]).collect();
            estimates.push(jackknife(value, &without)?);
        }
        Ok(Self {
            randomness: found.randomness(),
            models: found.models(),
            selection,
            points: points.len(),
            without_logarithm: pairs.iter().filter(|(b, v)| *b <= 0.0 || *v <= 0.0).count(),
            fit: Fit::from_values(std::array::from_fn(|k| estimates[k])),
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
    use crate::{Decomposition, Scale};
    use ndarray::Array3;

    #[test]
    fn bounds_count_points() {
        let ratios: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(largest_bound(&ratios, 0.95), 6.0);
        assert_eq!(largest_bound(&ratios, 0.99), 2.0);
        assert_eq!(ratios.iter().filter(|r| **r >= 6.0).count(), 95);
    }

    #[test]
    fn a_pair_without_variance_is_counted_and_satisfies_every_bound() {
        let pairs = [(0.2, 0.1), (0.02, 0.02), (0.002, 0.001), (0.5, 0.0)];
        let f = fit(&pairs).unwrap();
        assert_eq!(f.bound_95, 1.0);
        assert!(f.slope.is_finite());
        assert!(fit(&pairs[..2]).unwrap_err().to_string().contains("needs at least 3"));
    }

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
