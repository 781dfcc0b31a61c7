//! Eight numbers in double precision as a vector of AVX-512.
//!
//! # Safety of this module
//! As in `avx512` of single precision: a value of [`Avx512`] proves that the processor has the instructions, and memory is reached through
//! checked slices.

use super::super::Avx512;
use super::avx2::{sum_four, sum_fours};
use super::{Doubles, EIGHT, EXPONENT_BIAS, MANTISSA_BITS, WHOLE};
use core::arch::x86_64::*;

impl Doubles for Avx512 {
    type D = __m512d;

    #[inline(always)]
    fn splat_double(self, x: f64) -> Self::D {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_set1_pd(x) }
    }

    #[inline(always)]
    fn load_double(self, from: &[f64; EIGHT]) -> Self::D {
        // SAFETY: the array holds eight numbers; `self` proves AVX-512F.
        unsafe { _mm512_loadu_pd(from.as_ptr()) }
    }

    #[inline(always)]
    fn widen(self, from: &[f32; EIGHT]) -> Self::D {
        // SAFETY: the array holds eight numbers; `self` proves AVX-512F and AVX.
        unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(from.as_ptr())) }
    }

    #[inline(always)]
    fn store_double(self, to: &mut [f64; EIGHT], v: Self::D) {
        // SAFETY: the array holds eight numbers; `self` proves AVX-512F.
        unsafe { _mm512_storeu_pd(to.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn add_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_add_pd(a, b) }
    }

    #[inline(always)]
    fn sub_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_sub_pd(a, b) }
    }

    #[inline(always)]
    fn mul_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_mul_pd(a, b) }
    }

    #[inline(always)]
    fn div_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_div_pd(a, b) }
    }

    #[inline(always)]
    fn min_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_min_pd(a, b) }
    }

    #[inline(always)]
    fn max_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_max_pd(a, b) }
    }

    #[inline(always)]
    fn pow2_double(self, k: Self::D) -> Self::D {
        // The sum with 2^52 has the biased exponent as its lowest bits, which the shift moves into place.
        // SAFETY: `self` proves AVX-512F.
        unsafe {
            let bits = _mm512_castpd_si512(_mm512_add_pd(k, _mm512_set1_pd(EXPONENT_BIAS + WHOLE)));
            _mm512_castsi512_pd(_mm512_slli_epi64::<{ MANTISSA_BITS }>(bits))
        }
    }

    #[inline(always)]
    fn exponent_double(self, a: Self::D) -> Self::D {
        // The biased exponent as the lowest bits of 2^52 makes the number that is their sum.
        // SAFETY: `self` proves AVX-512F.
        unsafe {
            let bits = _mm512_srli_epi64::<{ MANTISSA_BITS }>(_mm512_castpd_si512(a));
            let sum = _mm512_or_si512(bits, _mm512_castpd_si512(_mm512_set1_pd(WHOLE)));
            _mm512_sub_pd(_mm512_castsi512_pd(sum), _mm512_set1_pd(EXPONENT_BIAS + WHOLE))
        }
    }

    #[inline(always)]
    fn fma_double(self, a: Self::D, b: Self::D, c: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_fmadd_pd(a, b, c) }
    }

    #[inline(always)]
    fn or_double(self, a: Self::D, b: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_castsi512_pd(_mm512_or_si512(_mm512_castpd_si512(a), _mm512_castpd_si512(b))) }
    }

    #[inline(always)]
    fn signs_double(self, a: Self::D) -> u8 {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_cmplt_epi64_mask(_mm512_castpd_si512(a), _mm512_setzero_si512()) }
    }

    #[inline(always)]
    fn sum_double(self, a: Self::D) -> f64 {
        // SAFETY: `self` proves AVX-512F, and with it AVX.
        unsafe { sum_four(halves(a)) }
    }

    #[inline(always)]
    fn sums_double(self, [a, b, c, d]: [Self::D; 4]) -> [f64; 4] {
        // SAFETY: `self` proves AVX-512F, and with it AVX2.
        unsafe { sum_fours([halves(a), halves(b), halves(c), halves(d)]) }
    }
}

/// The sum of the halves.
///
/// # Safety
/// The processor must have AVX-512F.
#[inline(always)]
unsafe fn halves(a: __m512d) -> __m256d {
    // SAFETY: the caller's.
    unsafe { _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd::<1>(a)) }
}
