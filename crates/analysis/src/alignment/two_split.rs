//! Bias^2 from one half of the models beside variance from the other: the two share no noise.

use super::fit::fit;
use crate::decomposition::{Decomposition, Point};
use crate::error::AnalysisError;
use serde::Serialize;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean_interval, paired_bootstrap};

/// Draws behind the slope's interval.
const DRAWS: usize = 200;

/// Both halves of the models, on average and against each other.
///
/// Plug-in Bias^2 and Var of the same models share their noise, which by itself puts points along a line. Bias^2 of the first half
/// and unbiased variance of the second do not. The variance of few models is noisy, which pulls the slope below what it is.
///
/// ```
/// use ndarray::Array3;
/// use tenfold_analysis::{Decomposition, Randomness, Scale, TwoSplit};
/// use tenfold_core_tensor::seed::Seed;
/// let noise = |t: usize, i: usize| ((t * 37 + i * 101) % 17) as f32 / 17.0 - 0.5;
/// let z = Array3::from_shape_fn((8, 50, 2), |(t, i, k)| if k == 0 { 2.0 + i as f32 / 5.0 + noise(t, i) } else { 0.0 });
/// let found = Decomposition::of(z.view(), &[0; 50], Scale::logits(), Randomness::Seed)?;
/// let split = TwoSplit::of(&found, found.points().iter(), Seed::new(1))?.unwrap();
/// assert_eq!((split.points, split.without_logarithm), (50, 0));
/// assert!((split.line.unwrap().slope.value - 1.0).abs() < 0.1);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TwoSplit {
    /// Mean plug-in Bias^2 of the first half, over all points; its interval is over points.
    pub first_bias: Estimate,
    /// Mean unbiased variance of the second half, over all points; its interval is over points.
    pub second_variance: Estimate,
    /// The points that the line is of.
    pub points: usize,
    /// Of those, points whose halves have no variance or no bias, and therefore no place on the line.
    pub without_logarithm: usize,
    /// log Bias^2 of the first half on log variance of the second, or why there is no line.
    #[serde(skip)]
    pub line: Result<SplitLine, String>,
}

/// A line through points of two halves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SplitLine {
    /// Its interval is over points.
    pub slope: Estimate,
    /// Share of the variance of log Bias^2 that the line explains.
    pub r_squared: f64,
    /// Median of `log (Bias^2 / Var)`.
    pub median_log_ratio: f64,
}

impl TwoSplit {
    /// Averages of all points, and a line through some. None below four models, where the second half has no variance.
    ///
    /// # Errors
    /// Fewer than two points.
    pub fn of<'a>(
        found: &Decomposition,
        of_line: impl Iterator<Item = &'a Point>,
        seed: Seed,
    ) -> Result<Option<Self>, AnalysisError> {
        if found.models() < 4 {
            return Ok(None);
        }
        let average = |of: fn(&Point) -> f64| mean_interval(&found.points().iter().map(of).collect::<Vec<f64>>());
        let pairs: Vec<(f64, f64)> = of_line.map(|p| (p.first_bias, p.second_variance)).collect();
        let usable: Vec<(f64, f64)> = pairs.iter().copied().filter(|(b, v)| *b > 0.0 && *v > 0.0).collect();
        Ok(Some(Self {
            first_bias: average(|p| p.first_bias)?,
            second_variance: average(|p| p.second_variance)?,
            points: pairs.len(),
            without_logarithm: pairs.len() - usable.len(),
            line: SplitLine::of(&usable, seed).map_err(|error| error.to_string()),
        }))
    }
}

impl SplitLine {
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
