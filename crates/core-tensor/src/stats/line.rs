//! A straight line by least squares.

use super::estimate::mean;
use super::{Estimate, StatsError, need, need_finite, need_pairs};

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

/// The weights with which values at `x` sum to the slope of their least-squares line: `(x_i - mx) / sum_j (x_j - mx)^2`. They sum to
/// zero; for values whose errors are known, the slope's error follows from them.
///
/// ```
/// use tenfold_core_tensor::stats::slope_weights;
/// assert_eq!(slope_weights(&[0.0, 1.0, 2.0])?, [-0.5, 0.0, 0.5]);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Fewer than two places, places that are not finite, or all of them equal.
pub fn slope_weights(x: &[f64]) -> Result<Vec<f64>, StatsError> {
    need("slope_weights", x.len(), 2)?;
    need_finite("slope_weights", x)?;
    let centre = mean(x);
    let squares: f64 = x.iter().map(|x| (x - centre) * (x - centre)).sum();
    if squares == 0.0 {
        return Err(StatsError::Constant { statistic: "slope_weights" });
    }
    Ok(x.iter().map(|x| (x - centre) / squares).collect())
}

/// The line `(slope, intercept)` of least squared *perpendicular* distances: for two axes that are noisy alike. Its slope lies
/// between those of `y` on `x` and, seen from the same side, `x` on `y`.
///
/// `slope = (s_yy - s_xx + sqrt((s_yy - s_xx)^2 + 4 s_xy^2)) / (2 s_xy)`
///
/// ```
/// use tenfold_core_tensor::stats::total_least_squares;
/// let (slope, intercept) = total_least_squares(&[0.0, 1.0, 2.0], &[1.0, 3.0, 5.0])?;
/// assert!((slope - 2.0).abs() < 1e-12 && (intercept - 1.0).abs() < 1e-12);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Different lengths, fewer than three points, values that are not finite, or no association at all.
pub fn total_least_squares(x: &[f64], y: &[f64]) -> Result<(f64, f64), StatsError> {
    need_pairs("total_least_squares", x, y, 3)?;
    let (mx, my) = (mean(x), mean(y));
    let product =
        |a: &[f64], ma: f64, b: &[f64], mb: f64| -> f64 { a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum() };
    let (sxx, syy, sxy) = (product(x, mx, x, mx), product(y, my, y, my), product(x, mx, y, my));
    if sxy == 0.0 {
        return Err(StatsError::Constant { statistic: "total_least_squares" });
    }
    let apart = syy - sxx;
    let slope = (apart + apart.hypot(2.0 * sxy)) / (2.0 * sxy);
    Ok((slope, my - slope * mx))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perpendicular_distances_treat_both_axes_alike() {
        let (x, y) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 5.0]);
        let (slope, _) = total_least_squares(&x, &y).unwrap();
        let (back, _) = total_least_squares(&y, &x).unwrap();
        assert!((slope * back - 1.0).abs() < 1e-12);
        // By hand: s_xx = 5, s_yy = 8.75, s_xy = 5.5.
        assert!((slope - (3.75 + (3.75_f64 * 3.75 + 121.0).sqrt()) / 11.0).abs() < 1e-12);
        let down: Vec<f64> = y.iter().map(|v| -v).collect();
        assert!((total_least_squares(&x, &down).unwrap().0 + slope).abs() < 1e-12);
    }

    #[test]
    fn hand_values() {
        // x = 1..4, y = 1, 3, 2, 5: slope 1.1, intercept 0, residual sum of squares 2.7 - known by hand.
        let f = line_fit(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 5.0]).unwrap();
        assert!((f.slope.value - 1.1).abs() < 1e-15 && f.intercept.abs() < 1e-12);
        assert!((f.slope.se - (2.7_f64 / 2.0 / 5.0).sqrt()).abs() < 1e-12);
        assert!((f.r_squared - (1.0 - 2.7 / 8.75)).abs() < 1e-12);
    }

    #[test]
    fn weights_give_the_slope_of_the_line() {
        let (x, y) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 5.0]);
        let slope: f64 = slope_weights(&x).unwrap().iter().zip(y).map(|(w, y)| w * y).sum();
        assert!((slope - line_fit(&x, &y).unwrap().slope.value).abs() < 1e-12);
        assert!(slope_weights(&[1.0]).is_err() && slope_weights(&[1.0, 1.0]).is_err());
        assert!(slope_weights(&[1.0, f64::NAN]).is_err());
    }

    #[test]
    fn vertical_lines_are_refused() {
        assert!(matches!(line_fit(&[1.0; 3], &[1.0, 2.0, 3.0]), Err(StatsError::Constant { .. })));
    }
}
