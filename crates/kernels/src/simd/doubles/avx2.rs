//! Eight numbers in double precision as two vectors of AVX2.
//!
//! # Safety of this module
//! As in `avx2` of single precision: a value of [`Avx2`] proves that the processor has the instructions, and memory is reached through
//! checked slices.

use super::super::Avx2;
use super::{Doubles, EIGHT, EXPONENT_BIAS, MANTISSA_BITS, WHOLE};
use core::arch::x86_64::*;

impl Doubles for Avx2 {
    type D = [__m256d; 2];

    #[inline(always)]
    fn splat_double(self, x: f64) -> Self::D {
        // SAFETY: `self` proves AVX.
        unsafe { [_mm256_set1_pd(x); 2] }
    }

    #[inline(always)]
    fn load_double(self, from: &[f64; EIGHT]) -> Self::D {
        // SAFETY: the array holds twice four numbers; `self` proves AVX.
        unsafe { [_mm256_loadu_pd(from.as_ptr()), _mm256_loadu_pd(from[4..].as_ptr())] }
    }

    #[inline(always)]
    fn widen(self, from: &[f32; EIGHT]) -> Self::D {
        // SAFETY: the array holds twice four numbers; `self` proves AVX.
        unsafe {
            let (low, high) = (_mm_loadu_ps(from.as_ptr()), _mm_loadu_ps(from[4..].as_ptr()));
            [_mm256_cvtps_pd(low), _mm256_cvtps_pd(high)]
        }
    }

    #[inline(always)]
    fn store_double(self, to: &mut [f64; EIGHT], v: Self::D) {
        // SAFETY: the array holds twice four numbers; `self` proves AVX.
        unsafe {
            _mm256_storeu_pd(to.as_mut_ptr(), v[0]);
            _mm256_storeu_pd(to[4..].as_mut_ptr(), v[1]);
        }
    }

    #[inline(always)]
    fn add_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX.
        unsafe { [_mm256_add_pd(a[0], b[0]), _mm256_add_pd(a[1], b[1])] }
    }

    #[inline(always)]
    fn sub_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX.
        unsafe { [_mm256_sub_pd(a[0], b[0]), _mm256_sub_pd(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX.
        unsafe { [_mm256_mul_pd(a[0], b[0]), _mm256_mul_pd(a[1], b[1])] }
    }

    #[inline(always)]
    fn div_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX.
        unsafe { [_mm256_div_pd(a[0], b[0]), _mm256_div_pd(a[1], b[1])] }
    }

    #[inline(always)]
    fn min_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX.
        unsafe { [_mm256_min_pd(a[0], b[0]), _mm256_min_pd(a[1], b[1])] }
    }

    #[inline(always)]
    fn max_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX.
        unsafe { [_mm256_max_pd(a[0], b[0]), _mm256_max_pd(a[1], b[1])] }
    }

    #[inline(always)]
    fn pow2_double(self, k: Self::D) -> Self::D {
        // The sum with 2^52 has the biased exponent as its lowest bits, which the shift moves into place.
        // SAFETY: `self` proves AVX2.
        unsafe {
            let bias = _mm256_set1_pd(EXPONENT_BIAS + WHOLE);
            let power = |k: __m256d| {
                let bits = _mm256_castpd_si256(_mm256_add_pd(k, bias));
                _mm256_castsi256_pd(_mm256_slli_epi64::<{ MANTISSA_BITS as i32 }>(bits))
            };
            [power(k[0]), power(k[1])]
        }
    }

    #[inline(always)]
    fn exponent_double(self, a: Self::D) -> Self::D {
        // The biased exponent as the lowest bits of 2^52 makes the number that is their sum.
        // SAFETY: `self` proves AVX2.
        unsafe {
            let (whole, bias) = (_mm256_castpd_si256(_mm256_set1_pd(WHOLE)), _mm256_set1_pd(EXPONENT_BIAS + WHOLE));
            let exponent = |a: __m256d| {
                let bits = _mm256_srli_epi64::<{ MANTISSA_BITS as i32 }>(_mm256_castpd_si256(a));
                _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(bits, whole)), bias)
            };
            [exponent(a[0]), exponent(a[1])]
        }
    }

    #[inline(always)]
    fn fma_double(self, a: Self::D, b: Self::D, c: Self::D) -> Self::D {
        // SAFETY: `self` proves FMA.
        unsafe { [_mm256_fmadd_pd(a[0], b[0], c[0]), _mm256_fmadd_pd(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn or_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX.
        unsafe { [_mm256_or_pd(a[0], b[0]), _mm256_or_pd(a[1], b[1])] }
    }

    #[inline(always)]
    fn signs_double(self, a: Self::D) -> u8 {
        // SAFETY: `self` proves AVX.
        unsafe { (_mm256_movemask_pd(a[0]) | _mm256_movemask_pd(a[1]) << 4) as u8 }
    }

    #[inline(always)]
    fn sum_double(self, a: Self::D) -> f64 {
        // SAFETY: `self` proves AVX.
        unsafe { sum_four(_mm256_add_pd(a[0], a[1])) }
    }

    #[inline(always)]
    fn sums_double(self, [a, b, c, d]: [Self::D; 4]) -> [f64; 4] {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let half = [_mm256_add_pd(a[0], a[1]), _mm256_add_pd(b[0], b[1])];
            sum_fours([half[0], half[1], _mm256_add_pd(c[0], c[1]), _mm256_add_pd(d[0], d[1])])
        }
    }
}

/// The sum of four lanes.
///
/// # Safety
/// The processor must have AVX.
#[inline(always)]
pub(super) unsafe fn sum_four(a: __m256d) -> f64 {
    // SAFETY: the caller's.
    unsafe {
        let two = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd::<1>(a));
        _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
    }
}

/// The sums of four lanes each, in the order of [`sum_four`].
///
/// # Safety
/// The processor must have AVX2.
#[inline(always)]
pub(super) unsafe fn sum_fours([a, b, c, d]: [__m256d; 4]) -> [f64; 4] {
    // SAFETY: the caller's; the array holds four numbers.
    unsafe {
        // Halves of a beside those of c, so that the pairs below come out in order.
        let ac = _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(a, c), _mm256_permute2f128_pd::<0x31>(a, c));
        let bd = _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(b, d), _mm256_permute2f128_pd::<0x31>(b, d));
        let mut sums = [0.0; 4];
        _mm256_storeu_pd(sums.as_mut_ptr(), _mm256_add_pd(_mm256_unpacklo_pd(ac, bd), _mm256_unpackhi_pd(ac, bd)));
        sums
    }
}
