//! Squared distances in single precision, fast enough for a graph search.

#![allow(unsafe_code)]

/// Numbers a register holds.
const WIDE: usize = 8;
/// Registers of sums, so that additions need not wait for each other.
const SUMS: usize = 4;
/// Rounds of all registers between two looks at the bound.
const ROUNDS: usize = 4;

/// `|a - b|_2^2`, or some number above `bound` once the part already summed is above it.
///
/// Sums of squares only grow, so what is cut short would have been above `bound` too. The order of additions is fixed and
/// no operation is fused: every processor gives the same bits, and thus the same graph.
#[inline]
pub(super) fn squared_below(a: &[f32], b: &[f32], bound: f32) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that `wide::squared` asks for.
        return unsafe { wide::squared(a, b, bound) };
    }
    squared::<Plain>(a, b, bound)
}

/// Eight sums.
trait Register: Copy {
    const ZERO: Self;
    /// Adds the squares of the differences.
    fn add(&mut self, a: &[f32; WIDE], b: &[f32; WIDE]);
    /// Adds up all registers: 0 and 2, 1 and 3, both, then by halves.
    fn total(registers: &[Self; SUMS]) -> f32;
}

#[inline(always)]
fn squared<R: Register>(a: &[f32], b: &[f32], bound: f32) -> f32 {
    let mut sums = [R::ZERO; SUMS];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<WIDE>(), b.as_chunks::<WIDE>());
    let ((a, a_last), (b, b_last)) = (a.as_chunks::<SUMS>(), b.as_chunks::<SUMS>());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            sum.add(a, b);
        }
        if i % ROUNDS == ROUNDS - 1 && R::total(&sums) > bound {
            return R::total(&sums);
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(a_last).zip(b_last) {
        sum.add(a, b);
    }
    if !a_rest.is_empty() {
        // Filled up with zeros, which add nothing.
        let mut padded = [[0.0; WIDE]; 2];
        padded[0].iter_mut().zip(a_rest).for_each(|(to, from)| *to = *from);
        padded[1].iter_mut().zip(b_rest).for_each(|(to, from)| *to = *from);
        sums[a_last.len()].add(&padded[0], &padded[1]);
    }
    R::total(&sums)
}

/// The definition of the result, for processors without AVX2.
#[derive(Clone, Copy)]
struct Plain([f32; WIDE]);

impl Register for Plain {
    const ZERO: Self = Self([0.0; WIDE]);

    fn add(&mut self, a: &[f32; WIDE], b: &[f32; WIDE]) {
        for ((sum, a), b) in self.0.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }

    fn total(registers: &[Self; SUMS]) -> f32 {
        let [r0, r1, r2, r3] = registers;
        let mut eight: [f32; WIDE] = std::array::from_fn(|i| (r0.0[i] + r2.0[i]) + (r1.0[i] + r3.0[i]));
        for half in [4, 2, 1] {
            (0..half).for_each(|i| eight[i] += eight[i + half]);
        }
        eight[0]
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::{Register, SUMS, WIDE};
    use std::arch::x86_64::{
        __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehdup_ps, _mm_movehl_ps, _mm256_add_ps,
        _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_sub_ps,
    };

    /// The same additions as [`super::Plain`], eight at a time.
    #[target_feature(enable = "avx2")]
    pub(super) fn squared(a: &[f32], b: &[f32], bound: f32) -> f32 {
        super::squared::<Avx>(a, b, bound)
    }

    /// Only to be used on processors with AVX2: nothing outside [`squared`] names it.
    #[derive(Clone, Copy)]
    struct Avx(__m256);

    impl Register for Avx {
        // SAFETY: eight floats of zero bits are eight zeros.
        const ZERO: Self = Self(unsafe { std::mem::zeroed() });

        #[inline(always)]
        fn add(&mut self, a: &[f32; WIDE], b: &[f32; WIDE]) {
            // SAFETY: the processor has AVX2; both point to eight numbers, and the load asks for no alignment.
            unsafe {
                let difference = _mm256_sub_ps(_mm256_loadu_ps(a.as_ptr()), _mm256_loadu_ps(b.as_ptr()));
                self.0 = _mm256_add_ps(self.0, _mm256_mul_ps(difference, difference));
            }
        }

        #[inline(always)]
        fn total(&[r0, r1, r2, r3]: &[Self; SUMS]) -> f32 {
            // SAFETY: the processor has AVX2.
            unsafe {
                let eight = _mm256_add_ps(_mm256_add_ps(r0.0, r2.0), _mm256_add_ps(r1.0, r3.0));
                let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
                let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
            }
        }
    }
}

/// The relative error of [`squared_below`] is at most this for vectors of `width` numbers.
///
/// A difference, its square and each of at most `width / 32 + 7` additions a term passes round once, by `2^-24`; the
/// square doubles the difference's share. Two more for second-order terms.
pub(super) fn relative_error(width: usize) -> f32 {
    (width / (WIDE * SUMS) + 12) as f32 * f32::EPSILON / 2.0
}

/// Asks for the first lines of a vector before they are needed; the processor fetches what follows by itself.
#[inline]
pub(super) fn prefetch(vector: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const LINE: usize = 16;
        for line in vector.chunks(LINE).take(4) {
            // SAFETY: a prefetch is a hint that reads nothing, and the address lies inside `vector`.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = vector;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tenfold_core_tensor::ops::nearest::squared_distance;

    proptest! {
        #[test]
        fn agrees_with_double_precision_within_its_bound(
            pairs in prop::collection::vec((-9.0..9.0_f32, -9.0..9.0_f32), 1..900)
        ) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let exact = squared_distance(&a, &b);
            let fast = squared_below(&a, &b, f32::INFINITY);
            prop_assert!((f64::from(fast) - exact).abs() <= exact * f64::from(relative_error(a.len())));
            prop_assert_eq!(fast, squared::<Plain>(&a, &b, f32::INFINITY), "wide and plain code differ");
            prop_assert_eq!(squared_below(&a, &b, fast), fast, "cut short although not above the bound");
            prop_assert!(squared_below(&a, &b, fast * 0.5) > fast * 0.5 || fast == 0.0);
        }
    }
}
