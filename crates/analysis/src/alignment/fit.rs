//! The statistics of a cloud of `(log Var, log Bias^2)`.

use crate::error::AnalysisError;
use serde::Serialize;
use std::convert::Infallible;
use tenfold_core_tensor::stats::{StatsError, line_fit, pearson, quantile_of_sorted, spearman, total_least_squares};

/// Shares of the points for which the bound `Bias^2 >= c Var` is looked for.
pub const BOUND_SHARES: [f64; 2] = [0.95, 0.99];

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

/// Which number of a [`Fit`].
///
/// ```
/// use tenfold_analysis::{Statistic, fit};
/// let f = fit(&[(0.2, 0.1), (0.02, 0.01), (0.002, 0.001), (0.4, 0.3)])?;
/// assert_eq!(f.get(Statistic::LogRatio), f.log_ratio);
/// assert_eq!(Statistic::Bound95.name(), "bound_95");
/// assert_eq!(Statistic::ALL.map(|statistic| f.get(statistic)), f.values());
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// [`Fit::slope`].
    Slope,
    /// [`Fit::reverse_slope`].
    ReverseSlope,
    /// [`Fit::total_slope`].
    TotalSlope,
    /// [`Fit::intercept`].
    Intercept,
    /// [`Fit::r_squared`].
    RSquared,
    /// [`Fit::pearson`].
    Pearson,
    /// [`Fit::spearman`].
    Spearman,
    /// [`Fit::log_ratio`].
    LogRatio,
    /// [`Fit::bound_95`].
    #[serde(rename = "bound_95")]
    Bound95,
    /// [`Fit::bound_99`].
    #[serde(rename = "bound_99")]
    Bound99,
}

impl Statistic {
    /// Every one, in the order of the fields.
    pub const ALL: [Self; 10] = [
        Self::Slope,
        Self::ReverseSlope,
        Self::TotalSlope,
        Self::Intercept,
        Self::RSquared,
        Self::Pearson,
        Self::Spearman,
        Self::LogRatio,
        Self::Bound95,
        Self::Bound99,
    ];

    /// The name of the field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slope => "slope",
            Self::ReverseSlope => "reverse_slope",
            Self::TotalSlope => "total_slope",
            Self::Intercept => "intercept",
            Self::RSquared => "r_squared",
            Self::Pearson => "pearson",
            Self::Spearman => "spearman",
            Self::LogRatio => "log_ratio",
            Self::Bound95 => "bound_95",
            Self::Bound99 => "bound_99",
        }
    }
}

impl<T> Fit<T> {
    /// Names of the statistics, in the order of [`values`](Self::values).
    pub const NAMES: [&'static str; Statistic::ALL.len()] = {
        let mut names = [""; Statistic::ALL.len()];
        let mut k = 0;
        while k < names.len() {
            names[k] = Statistic::ALL[k].name();
            k += 1;
        }
        names
    };

    /// Something for each statistic.
    pub(crate) fn each(mut of: impl FnMut(Statistic) -> T) -> Self {
        let Ok(fit) = Self::try_each(|statistic| Ok::<T, Infallible>(of(statistic)));
        fit
    }

    /// Something for each statistic, or the first failure.
    pub(crate) fn try_each<E>(mut of: impl FnMut(Statistic) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self {
            slope: of(Statistic::Slope)?,
            reverse_slope: of(Statistic::ReverseSlope)?,
            total_slope: of(Statistic::TotalSlope)?,
            intercept: of(Statistic::Intercept)?,
            r_squared: of(Statistic::RSquared)?,
            pearson: of(Statistic::Pearson)?,
            spearman: of(Statistic::Spearman)?,
            log_ratio: of(Statistic::LogRatio)?,
            bound_95: of(Statistic::Bound95)?,
            bound_99: of(Statistic::Bound99)?,
        })
    }
}

impl<T: Copy> Fit<T> {
    /// One statistic.
    pub fn get(&self, statistic: Statistic) -> T {
        match statistic {
            Statistic::Slope => self.slope,
            Statistic::ReverseSlope => self.reverse_slope,
            Statistic::TotalSlope => self.total_slope,
            Statistic::Intercept => self.intercept,
            Statistic::RSquared => self.r_squared,
            Statistic::Pearson => self.pearson,
            Statistic::Spearman => self.spearman,
            Statistic::LogRatio => self.log_ratio,
            Statistic::Bound95 => self.bound_95,
            Statistic::Bound99 => self.bound_99,
        }
    }

    /// All statistics, in the order of [`Statistic::ALL`].
    pub fn values(&self) -> [T; Statistic::ALL.len()] {
        Statistic::ALL.map(|statistic| self.get(statistic))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statistic_is_the_field_of_its_name() {
        let fit = Fit::each(|statistic| statistic.name());
        assert_eq!(fit.values(), Fit::<f64>::NAMES);
        let fields = serde_json::to_value(fit).unwrap();
        for statistic in Statistic::ALL {
            assert_eq!(fields[statistic.name()], statistic.name());
            assert_eq!(serde_json::to_value(statistic).unwrap(), statistic.name());
        }
        assert_eq!(fields.as_object().unwrap().len(), Statistic::ALL.len());
        let refused = |statistic| if statistic == Statistic::Pearson { Err(statistic) } else { Ok(0.0) };
        assert_eq!(Fit::try_each(refused), Err(Statistic::Pearson));
    }

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
}
