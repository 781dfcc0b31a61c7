//! Bias^2 from one half of the models beside variance from the other: the two share no noise.

use crate::error::CliError;
use serde::Serialize;
use serde_json::{Value, json};
use tenfold_analysis::{AnalysisError, Decomposition, Point, fit};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean_interval, paired_bootstrap};

/// Draws behind the slope's interval.
const DRAWS: usize = 200;

/// Both halves, on average and against each other.
pub(super) struct TwoSplit {
    /// Mean plug-in Bias^2 of the first half, over all points; its interval is over points.
    pub(super) first_bias: Estimate,
    /// Mean unbiased variance of the second half.
    pub(super) second_variance: Estimate,
    /// The points that the line is of: right ones.
    pub(super) points: usize,
    /// Of those, points whose halves have no variance or no bias, and therefore no place on the line.
    pub(super) without_logarithm: usize,
    /// log Bias^2 of the first half on log variance of the second, or why there is no line.
    pub(super) line: Result<Line, String>,
}

#[derive(Serialize)]
pub(super) struct Line {
    /// Its interval is over points.
    pub(super) slope: Estimate,
    pub(super) r_squared: f64,
    pub(super) median_log_ratio: f64,
}

impl TwoSplit {
    /// None below four models, where the second half has no variance.
    pub(super) fn of<'a>(
        found: &Decomposition,
        right: impl Iterator<Item = &'a Point>,
        seed: Seed,
    ) -> Result<Option<Self>, CliError> {
        if found.models() < 4 {
            return Ok(None);
        }
        let average = |of: fn(&Point) -> f64| {
            let values: Vec<f64> = found.points().iter().map(of).collect();
            mean_interval(&values).map_err(AnalysisError::from)
        };
        let pairs: Vec<(f64, f64)> = right.map(|p| (p.first_bias, p.second_variance)).collect();
        let usable: Vec<(f64, f64)> = pairs.iter().copied().filter(|(b, v)| *b > 0.0 && *v > 0.0).collect();
        Ok(Some(Self {
            first_bias: average(|p| p.first_bias)?,
            second_variance: average(|p| p.second_variance)?,
            points: pairs.len(),
            without_logarithm: pairs.len() - usable.len(),
            line: Line::of(&usable, seed).map_err(|error| error.to_string()),
        }))
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "first_bias": self.first_bias,
            "second_variance": self.second_variance,
            "points": self.points,
            "without_logarithm": self.without_logarithm,
            "line": self.line.as_ref().ok(),
            "reason": self.line.as_ref().err(),
        })
    }
}

impl Line {
    fn of(pairs: &[(f64, f64)], seed: Seed) -> Result<Self, AnalysisError> {
        let whole = fit(pairs)?;
        // A draw without a line has no slope, which the bootstrap names.
        let of_draw = |picked: &[usize]| {
            let pairs: Vec<(f64, f64)> = picked.iter().map(|&i| pairs[i]).collect();
            fit(&pairs).map_or(f64::NAN, |fit| fit.slope)
        };
        let slope = paired_bootstrap(pairs.len(), DRAWS, seed.named("two-split"), of_draw)?;
        Ok(Self { slope, r_squared: whole.r_squared, median_log_ratio: whole.log_ratio })
    }
}
