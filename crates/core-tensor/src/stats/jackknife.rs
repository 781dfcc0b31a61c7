//! The jackknife.

use super::estimate::mean;
use super::{Estimate, StatsError, need, need_finite};

/// The interval of a statistic from its values without one unit each:
///
/// `se^2 = (n - 1)/n sum_t (theta_{-t} - mean)^2`, Student's t with n - 1 degrees of freedom.
///
/// For smooth statistics, such as means, ratios and slopes; not for a median or a maximum. It needs no random numbers, and is of
/// use with the dozen units for which a percentile bootstrap is too narrow.
///
/// ```
/// use tenfold_core_tensor::stats::{jackknife, mean_interval};
/// // Of a mean it is the usual interval.
/// let x = [1.0, 2.0, 6.0];
/// let without = [4.0, 3.5, 1.5];
/// let e = jackknife(3.0, &without)?;
/// assert!((e.se - mean_interval(&x)?.se).abs() < 1e-12);
/// # Ok::<(), tenfold_core_tensor::stats::StatsError>(())
/// ```
///
/// # Errors
/// Fewer than two units, or a value that is not finite.
pub fn jackknife(value: f64, without: &[f64]) -> Result<Estimate, StatsError> {
    let n = without.len();
    need("jackknife (units)", n, 2)?;
    need_finite("jackknife", &[value])?;
    need_finite("jackknife", without)?;
    let centre = mean(without);
    let squares: f64 = without.iter().map(|v| (v - centre).powi(2)).sum();
    let n_f = n as f64;
    Ok(Estimate::from_t(value, ((n_f - 1.0) / n_f * squares).sqrt(), n_f - 1.0, n))
}

/// The statistic without the jackknife's estimate of its bias, `n theta - (n - 1) mean_t theta_{-t}`.
///
/// ```
/// use tenfold_core_tensor::stats::jackknife_corrected;
/// // The plug-in variance of 0 and 2 is 1, that of either alone 0: corrected, the unbiased 2.
/// assert_eq!(jackknife_corrected(1.0, &[0.0, 0.0]), 2.0);
/// ```
pub fn jackknife_corrected(value: f64, without: &[f64]) -> f64 {
    let n = without.len() as f64;
    n * value - (n - 1.0) * mean(without)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_refused() {
        assert!(matches!(jackknife(1.0, &[1.0]), Err(StatsError::TooFew { .. })));
        assert!(matches!(jackknife(1.0, &[1.0, f64::NAN]), Err(StatsError::NotFinite { index: 1, .. })));
    }
}
