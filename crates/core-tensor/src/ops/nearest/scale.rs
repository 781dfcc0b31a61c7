//! A power of two that brings keys and queries to where single precision holds their squares.
//!
//! Scores are products of two coordinates. Above `2^64` or so these overflow, and below `2^-63` they underflow, long before
//! the coordinates do. Multiplying keys and queries by the same power of two changes no comparison, and no digit.

use std::borrow::Cow;

/// Largest norms from `2^-40` to `2^40` are left as they are: squares and their rounding errors have room on either side.
const COMFORTABLE: i32 = 40;
/// Largest product of a query's norm with the largest key's that is computed in single precision.
const LARGEST_PRODUCT: f64 = (1_u128 << 120) as f64;

/// The factor for keys of which the largest has this norm: a power of two.
pub(super) fn factor(largest_norm: f64) -> f64 {
    if largest_norm == 0.0 {
        return 1.0;
    }
    let exponent = largest_norm.log2().floor() as i32;
    // Norms of single-precision vectors keep within 2^-150 and 2^150 or so: the factor is a number.
    if exponent.abs() <= COMFORTABLE { 1.0 } else { 2_f64.powi(-exponent) }
}

/// The numbers times a factor; what overflows becomes infinite, what underflows loses digits.
pub(super) fn scaled(values: &[f32], factor: f64) -> Cow<'_, [f32]> {
    match factor {
        1.0 => Cow::Borrowed(values),
        factor => values.iter().map(|v| (f64::from(*v) * factor) as f32).collect::<Vec<f32>>().into(),
    }
}

/// Twice the largest error of a score `|x|^2/2 - <q, x>` computed in single precision, for norms as scaled; infinite where a
/// product may overflow.
///
/// A product of `e` terms is off by at most `gamma_e |q||x|` with `gamma_e = e u / (1 - e u)`; rounding the half norm
/// and the subtraction add `u |x|^2/2` and `u (|x|^2/2 + |q||x|)`, with `u = 2^-24`. The threshold, a score and the margin, is
/// rounded once more. Coordinates and products below `2^-126` may be off by as much as they are. What double precision cannot
/// tell apart, by `2^-52` of `(|q| + |x|)^2` for each term, is decided by the index and must be kept.
pub(super) fn margin(width: usize, query_norm: f64, largest_norm: f64) -> f32 {
    let u = f64::from(f32::EPSILON) / 2.0;
    let e = width as f64;
    let gamma = e * u / (1.0 - e * u).max(0.5);
    let (cross, own) = (query_norm * largest_norm, largest_norm * largest_norm);
    if cross > LARGEST_PRODUCT {
        return f32::INFINITY;
    }
    let tiny = f64::from(f32::MIN_POSITIVE) * (e + 2.0) * (1.0 + query_norm + largest_norm);
    let direct = f64::EPSILON * (e + 4.0) * (query_norm + largest_norm).powi(2);
    // The first-order bound is widened a little for second-order terms and for the rounding of the margin itself.
    (2.1 * ((gamma + 2.0 * u) * cross + 1.5 * u * own + tiny + direct)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_powers_of_two_that_bring_norms_near_one() {
        for exponent in -149..=150 {
            let norm = 1.5 * 2_f64.powi(exponent);
            let factor = factor(norm);
            assert_eq!(factor.log2().fract(), 0.0);
            let range = if exponent.abs() <= COMFORTABLE { 2_f64.powi(-40)..2_f64.powi(41) } else { 1.0..2.0 };
            assert!(range.contains(&(norm * factor)), "{exponent}");
        }
        assert_eq!(factor(0.0), 1.0);
    }

    #[test]
    fn products_that_overflow_have_no_margin() {
        assert!(margin(3, 1e10, 1.0).is_finite());
        assert_eq!(margin(3, 2e36, 1.0), f32::INFINITY);
    }
}
