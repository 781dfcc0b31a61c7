//! Squared distances in single precision, fast enough for a graph search.
//!
//! # Safety of this module
//! Vectors are loaded and stored through references to as many numbers as they hold, after the processor was asked for AVX2.

use crate::simd;

/// Independent sums, so that additions need not wait for each other.
const LANES: usize = 32;
/// Numbers added up between two looks at the bound.
const CHUNK: usize = 128;

/// `|a - b|_2^2`, or some number above `bound` once the part already summed is above it.
///
/// Sums of squares only grow, so what is cut short would have been above `bound` too. The order of additions is fixed and
/// no operation is fused: every processor gives the same bits, and thus the same graph.
///
/// ```
/// use tenfold_kernels::distance::squared_below;
/// let (a, b) = ([0.0; 200], [1.0; 200]);
/// assert_eq!(squared_below(&a, &b, f32::INFINITY), 200.0);
/// // Cut short after 128 numbers.
/// assert_eq!(squared_below(&a, &b, 100.0), 128.0);
/// ```
#[inline]
pub fn squared_below(a: &[f32], b: &[f32], bound: f32) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that `squared_avx2` asks for.
        return unsafe { squared_avx2(a, b, bound) };
    }
    squared(a, b, bound)
}

/// [`squared`] in AVX2's words: the same operations in the same order, so the same bits. Left to itself, the compiler
/// shuffles the lanes more than it adds.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn squared_avx2(a: &[f32], b: &[f32], bound: f32) -> f32 {
    use std::arch::x86_64::*;
    const WORD: usize = 8;
    let add_square = |lane: __m256, a: &[f32; WORD], b: &[f32; WORD]| {
        // SAFETY: both addresses are those of eight readable floats, and the loads ask for no alignment.
        let (a, b) = unsafe { (_mm256_loadu_ps(a.as_ptr()), _mm256_loadu_ps(b.as_ptr())) };
        let difference = _mm256_sub_ps(a, b);
        _mm256_add_ps(lane, _mm256_mul_ps(difference, difference))
    };
    let [mut x0, mut x1, mut x2, mut x3] = [_mm256_setzero_ps(); LANES / WORD];
    let mut total = 0.0;
    for (at, (a, b_now)) in a.chunks(CHUNK).zip(b.chunks(CHUNK)).enumerate() {
        prefetch(b.get((at + 1) * CHUNK..).unwrap_or(&[]));
        let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<LANES>(), b_now.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            let ((a, _), (b, _)) = (a.as_chunks::<WORD>(), b.as_chunks::<WORD>());
            x0 = add_square(x0, &a[0], &b[0]);
            x1 = add_square(x1, &a[1], &b[1]);
            x2 = add_square(x2, &a[2], &b[2]);
            x3 = add_square(x3, &a[3], &b[3]);
        }
        if !a_tail.is_empty() {
            let mut lanes = [0.0_f32; LANES];
            for (lane, word) in [x0, x1, x2, x3].iter().zip(lanes.as_chunks_mut::<WORD>().0) {
                // SAFETY: the address is that of eight writable floats, and the store asks for no alignment.
                unsafe { _mm256_storeu_ps(word.as_mut_ptr(), *lane) };
            }
            for ((a, b), lane) in a_tail.iter().zip(b_tail).zip(&mut lanes) {
                *lane += (a - b) * (a - b);
            }
            return sum(&lanes);
        }
        // By halves, as `sum` does.
        let eight = _mm256_add_ps(_mm256_add_ps(x0, x2), _mm256_add_ps(x1, x3));
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        total = _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
        if total > bound {
            break;
        }
    }
    total
}

#[inline(always)]
fn squared(a: &[f32], b: &[f32], bound: f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for (a, b) in a.chunks(CHUNK).zip(b.chunks(CHUNK)) {
        let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                let difference = a[lane] - b[lane];
                lanes[lane] += difference * difference;
            }
        }
        for ((a, b), lane) in a_tail.iter().zip(b_tail).zip(&mut lanes) {
            *lane += (a - b) * (a - b);
        }
        let sum = sum(&lanes);
        if sum > bound {
            return sum;
        }
    }
    sum(&lanes)
}

/// Adds the lanes by halves.
#[inline(always)]
fn sum(lanes: &[f32; LANES]) -> f32 {
    let mut lanes = *lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The relative error of [`squared_below`] is at most this for vectors of `width` numbers.
///
/// A difference, its square and each of at most `width / LANES + 7` additions a term passes round once, by `2^-24`; the
/// square doubles the difference's share. Two more for second-order terms.
pub fn relative_error(width: usize) -> f32 {
    (width / LANES + 12) as f32 * f32::EPSILON / 2.0
}

/// Asks for the first 128 numbers of a vector before it is needed; what follows is asked for while that is summed.
#[inline]
pub fn prefetch(vector: &[f32]) {
    simd::prefetch(&vector[..vector.len().min(CHUNK)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_double_precision_within_its_bound(
            pairs in prop::collection::vec((-9.0..9.0_f32, -9.0..9.0_f32), 1..900)
        ) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let exact: f64 = a.iter().zip(&b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
            let fast = squared_below(&a, &b, f32::INFINITY);
            prop_assert!((f64::from(fast) - exact).abs() <= exact * f64::from(relative_error(a.len())));
            prop_assert_eq!(fast, squared(&a, &b, f32::INFINITY), "wide and plain code differ");
            prop_assert_eq!(squared_below(&a, &b, fast), fast, "cut short although not above the bound");
            prop_assert!(squared_below(&a, &b, fast * 0.5) > fast * 0.5 || fast == 0.0);
        }
    }
}
