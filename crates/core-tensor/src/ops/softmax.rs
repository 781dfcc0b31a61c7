//! Softmax and log-sum-exp that survive large logits, with masks.

use tenfold_kernels::math::exp_double;
use tenfold_kernels::simd::{EIGHT, Kernel, Simd, dispatch};

/// `log sum_i exp(x_i)`, with the largest value taken out first; minus infinity for no values.
///
/// ```
/// use tenfold_core_tensor::ops::softmax::log_sum_exp;
/// assert!((log_sum_exp(&[1e4, 1e4]) - (1e4 + 2f64.ln())).abs() < 1e-9);
/// assert_eq!(log_sum_exp(&[]), f64::NEG_INFINITY);
/// ```
pub fn log_sum_exp(x: &[f64]) -> f64 {
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        // All minus infinity, or an infinity or NaN that must not be hidden.
        return x.iter().fold(largest, |acc, v| if v.is_nan() { f64::NAN } else { acc });
    }
    largest + x.iter().map(|v| (v - largest).exp()).sum::<f64>().ln()
}

/// Replaces `x` by `softmax(x)_i = exp(x_i) / sum_j exp(x_j)`.
///
/// NaN anywhere makes every entry NaN.
///
/// ```
/// use tenfold_core_tensor::ops::softmax::softmax_in_place;
/// let mut x = [1e4, 1e4 - 2f64.ln(), -1e4];
/// softmax_in_place(&mut x);
/// assert!((x[0] - 2.0 / 3.0).abs() < 1e-12 && x[2] == 0.0);
/// ```
pub fn softmax_in_place(x: &mut [f64]) {
    let norm = log_sum_exp(x);
    x.iter_mut().for_each(|v| *v = (*v - norm).exp());
}

/// [`softmax_in_place`] with vectors and one exponential a number, for long arrays of rows; returns [`log_sum_exp`]. Both are those
/// functions up to rounding, of which there is less here: entries are quotients of exponentials and their sum.
///
/// NaN or plus infinity anywhere, or minus infinity everywhere, makes every entry and the result NaN.
///
/// ```
/// use tenfold_core_tensor::ops::softmax::softmax_row;
/// let mut x = [1e4, 1e4 - 2f64.ln(), -1e4];
/// assert!((softmax_row(&mut x) - (1e4 + 1.5f64.ln())).abs() < 1e-9);
/// assert!((x[0] - 2.0 / 3.0).abs() < 1e-12 && x[2] == 0.0);
/// ```
pub fn softmax_row(x: &mut [f64]) -> f64 {
    dispatch(Row(x))
}

/// A row on its way to a softmax.
struct Row<'a>(&'a mut [f64]);

impl Kernel for Row<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f64 {
        let (whole, rest) = self.0.as_chunks_mut::<EIGHT>();
        // What is not full is filled with what changes no sum.
        let mut last = [f64::NEG_INFINITY; EIGHT];
        last[..rest.len()].copy_from_slice(rest);
        // Loops rather than closures, which would be compiled without the vectors.
        let mut most = simd.load_double(&last);
        for v in &*whole {
            most = simd.max_double(simd.load_double(v), most);
        }
        let mut lanes = [0.0; EIGHT];
        simd.store_double(&mut lanes, most);
        let largest = lanes.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let shift = simd.splat_double(largest);
        let mut sums = exponential(simd, &last, shift);
        simd.store_double(&mut last, sums);
        for v in &mut *whole {
            let e = exponential(simd, v, shift);
            sums = simd.add_double(sums, e);
            simd.store_double(v, e);
        }
        // NaN where a number is NaN or infinity, or all are minus infinity.
        let sum = simd.sum_double(sums);
        let share = simd.splat_double(1.0 / sum);
        for v in whole {
            let p = simd.mul_double(simd.load_double(v), share);
            simd.store_double(v, p);
        }
        rest.iter_mut().zip(last).for_each(|(v, e)| *v = e / sum);
        largest + sum.ln()
    }
}

#[inline(always)]
fn exponential<S: Simd>(simd: S, v: &[f64; EIGHT], shift: S::D) -> S::D {
    exp_double(simd, simd.sub_double(simd.load_double(v), shift))
}

/// `softmax(logits / T)` of one row of single-precision logits, computed in double precision into `out`.
///
/// # Panics
/// If the lengths differ.
pub fn tempered_softmax(logits: impl ExactSizeIterator<Item = f32>, temperature: f64, out: &mut [f64]) {
    assert_eq!(logits.len(), out.len(), "tempered_softmax: {} logits into {} slots", logits.len(), out.len());
    out.iter_mut().zip(logits).for_each(|(o, z)| *o = f64::from(z) / temperature);
    softmax_in_place(out);
}

/// Softmax over the entries with `keep[i]`; the others become zero. A row that keeps nothing becomes all zeros.
///
/// ```
/// use tenfold_core_tensor::ops::softmax::masked_softmax_in_place;
/// let mut x = [0.0, 500.0, 0.0];
/// masked_softmax_in_place(&mut x, &[true, false, true]);
/// assert_eq!(x, [0.5, 0.0, 0.5]);
/// ```
///
/// # Panics
/// If the lengths differ.
pub fn masked_softmax_in_place(x: &mut [f64], keep: &[bool]) {
    assert_eq!(x.len(), keep.len(), "masked_softmax: {} values, {} mask entries", x.len(), keep.len());
    x.iter_mut().zip(keep).filter(|(_, keep)| !**keep).for_each(|(v, _)| *v = f64::NEG_INFINITY);
    let norm = log_sum_exp(x);
    if norm == f64::NEG_INFINITY {
        x.fill(0.0);
    } else {
        x.iter_mut().for_each(|v| *v = (*v - norm).exp());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nan_is_not_hidden() {
        let mut x = [0.0, f64::NAN, 1.0];
        softmax_in_place(&mut x);
        assert!(x.iter().all(|v| v.is_nan()));
        assert!(log_sum_exp(&[f64::NEG_INFINITY, f64::NAN]).is_nan());
        for bad in [f64::NAN, f64::INFINITY] {
            for at in 0..11 {
                let mut x = [0.0; 11];
                x[at] = bad;
                assert!(softmax_row(&mut x).is_nan() && x.iter().all(|v| v.is_nan()), "{bad} at {at}");
            }
        }
    }

    #[test]
    fn a_row_that_keeps_nothing_is_zero() {
        let mut x = [1.0, 2.0];
        masked_softmax_in_place(&mut x, &[false, false]);
        assert_eq!(x, [0.0, 0.0]);
    }

    proptest! {
        #[test]
        fn sums_to_one_and_ignores_shifts(x in prop::collection::vec(-1e4..1e4_f64, 1..20), shift in -1e4..1e4_f64) {
            let mut p = x.clone();
            softmax_in_place(&mut p);
            let tolerance = 4.0 * x.len() as f64 * f64::EPSILON * 2e4;
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < tolerance);
            let mut q: Vec<f64> = x.iter().map(|v| v + shift).collect();
            softmax_in_place(&mut q);
            prop_assert!(p.iter().zip(&q).all(|(p, q)| (p - q).abs() < tolerance));
        }

        #[test]
        fn vectors_give_the_same_softmax(x in prop::collection::vec(-700.0..700.0_f64, 1..40)) {
            let (mut slow, mut fast) = (x.clone(), x.clone());
            softmax_in_place(&mut slow);
            let norm = softmax_row(&mut fast);
            prop_assert!((norm - log_sum_exp(&x)).abs() <= 1e-12 * norm.abs().max(1.0));
            // The slow one subtracts the log-sum-exp, which was rounded.
            let tolerance = 4.0 * f64::EPSILON * 700.0;
            prop_assert!(slow.iter().zip(&fast).all(|(s, f)| (s - f).abs() <= tolerance * s.max(1e-300)), "{slow:?} {fast:?}");
            prop_assert!((fast.iter().sum::<f64>() - 1.0).abs() < 1e-14 * x.len() as f64);
        }

        #[test]
        fn a_mask_equals_leaving_entries_out(x in prop::collection::vec((-50.0..50.0_f64, any::<bool>()), 1..20)) {
            let keep: Vec<bool> = x.iter().map(|v| v.1).collect();
            let mut masked: Vec<f64> = x.iter().map(|v| v.0).collect();
            masked_softmax_in_place(&mut masked, &keep);
            let mut kept: Vec<f64> = x.iter().filter(|v| v.1).map(|v| v.0).collect();
            softmax_in_place(&mut kept);
            let mut kept = kept.into_iter();
            for (value, keep) in masked.into_iter().zip(keep) {
                prop_assert_eq!(value, if keep { kept.next().unwrap() } else { 0.0 });
            }
        }
    }
}
