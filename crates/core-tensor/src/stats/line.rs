//! A straight line by least squares.

use super::estimate::mean;
use super::{Estimate, StatsError, need_pairs};

/// A fitted line `y = intercept + slope x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineFit {
    /// The slope, with the t interval at `n - 2` degrees of freedom (units: the points).
    pub slope: Estimate,
    /// The value at `x = 0`.
    pub intercept: f64,
    /// Share of the variance of `y` that the line explains.
    pub r_squared: f64,
}

/// Ordinary least squares: `slope = sum (x - mx)(y - my) / sum (x - mx)^2`.
///
/// The interval supposes independent errors of equal size around the line; where the points come from a few
/// seeds, fit a line per seed and take [`mean_interval`](super::mean_interval) of the slopes instead.
///
/// ```
/// use tenfold_core_tensor::stats::line_fit;
/// let f = line_fit(&[0.0, 1.0, 2.0], &[1.0, 3.0, 5.0])?;
/// assert_eq!((f.slope.value, f.intercept, f.r_squared), (2.0, 1.0, 1.0));
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Different lengths, fewer than three points, values that are not finite, or all `x` equal.
pub fn line_fit(x: &[f64], y: &[f64]) -> Result<LineFit, StatsError> {
    need_pairs("line_fit", x, y, 3)?;
    let (mx, my) = (mean(x), mean(y));
    let sxx: f64 = x.iter().map(|x| (x - mx) * (x - mx)).sum();
    let syy: f64 = y.iter().map(|y| (y - my) * (y - my)).sum();
    let sxy: f64 = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum();
    if sxx == 0.0 {
        return Err(StatsError::Constant { statistic: "line_fit" });
    }
    let slope = sxy / sxx;
    let intercept = my - slope * mx;
    let rss: f64 = x.iter().zip(y).map(|(x, y)| (y - intercept - slope * x).powi(2)).sum();
    let df = (x.len() - 2) as f64;
    Ok(LineFit {
        slope: Estimate::from_t(slope, (rss / df / sxx).sqrt(), df, x.len()),
        intercept,
        r_squared: if syy == 0.0 { 1.0 } else { 1.0 - rss / syy },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_values() {
        // x = 1..4, y = 1, 3, 2, 5: slope 1.1, intercept 0, residual sum of squares 2.7 - known by hand.
        let f = line_fit(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 5.0]).unwrap();
        assert!((f.slope.value - 1.1).abs() < 1e-15 && f.intercept.abs() < 1e-12);
        assert!((f.slope.se - (2.7_f64 / 2.0 / 5.0).sqrt()).abs() < 1e-12);
        assert!((f.r_squared - (1.0 - 2.7 / 8.75)).abs() < 1e-12);
    }

    #[test]
    fn vertical_lines_are_refused() {
        assert!(matches!(line_fit(&[1.0; 3], &[1.0, 2.0, 3.0]), Err(StatsError::Constant { .. })));
    }
}
