//! Eight numbers in double precision, on any processor.
//!
//! Always eight, whatever the vectors of single precision hold: sums kept in eight lanes have the same bits for every width of
//! vectors, where the processor has fused multiply-add.
//!
//! # Safety of this module
//! As in `avx2` and `avx512`: values of [`Avx2`] and [`Avx512`] prove that the processor has the instructions, and memory is reached
//! through checked slices.

#[cfg(target_arch = "x86_64")]
use super::{Avx2, Avx512};
use super::{Plain, Simd, Twice};
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

/// Numbers in a [`D`](Doubles::D).
pub const EIGHT: usize = 8;

/// What the exponent's bits count from, and how many bits lie below them.
const EXPONENT_BIAS: f64 = 1023.0;
const MANTISSA_BITS: u32 = 52;
/// 2^52: what is added to it has no fraction.
#[cfg(target_arch = "x86_64")]
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// Operations on eight numbers in double precision.
pub trait Doubles: Copy {
    /// Eight numbers.
    type D: Copy;

    /// The same number in every lane.
    fn splat_double(self, x: f64) -> Self::D;
    /// Eight numbers.
    fn load_double(self, from: &[f64; EIGHT]) -> Self::D;
    /// Eight numbers in single precision, which double precision holds exactly.
    fn widen(self, from: &[f32; EIGHT]) -> Self::D;
    /// Writes eight numbers.
    fn store_double(self, to: &mut [f64; EIGHT], v: Self::D);
    /// `a + b`.
    fn add_double(self, a: Self::D, b: Self::D) -> Self::D;
    /// `a - b`.
    fn sub_double(self, a: Self::D, b: Self::D) -> Self::D;
    /// `a * b`.
    fn mul_double(self, a: Self::D, b: Self::D) -> Self::D;
    /// `a` where `a < b`, else `b`: NaN in `b` stays, NaN in `a` is dropped.
    fn min_double(self, a: Self::D, b: Self::D) -> Self::D;
    /// `a` where `a > b`, else `b`: NaN in `b` stays, NaN in `a` is dropped.
    fn max_double(self, a: Self::D, b: Self::D) -> Self::D;
    /// `a * b + c`, rounded once where the processor can.
    fn fma_double(self, a: Self::D, b: Self::D, c: Self::D) -> Self::D;
    /// `2^k` for whole `k` from -1022 to 1023; without meaning for NaN.
    fn pow2_double(self, k: Self::D) -> Self::D;

    /// The sum of all lanes: halves are added to each other until one number is left.
    #[inline(always)]
    fn sum_double(self, a: Self::D) -> f64 {
        let mut v = [0.0; EIGHT];
        self.store_double(&mut v, a);
        let four = [v[0] + v[4], v[1] + v[5], v[2] + v[6], v[3] + v[7]];
        (four[0] + four[2]) + (four[1] + four[3])
    }
}

/// A number that [`Doubles`] reads eight at a time.
pub trait Number: Copy + Default + Into<f64> {
    /// Eight of them in double precision.
    fn eight<S: Simd>(simd: S, from: &[Self; EIGHT]) -> S::D;
}

impl Number for f32 {
    #[inline(always)]
    fn eight<S: Simd>(simd: S, from: &[f32; EIGHT]) -> S::D {
        simd.widen(from)
    }
}

impl Number for f64 {
    #[inline(always)]
    fn eight<S: Simd>(simd: S, from: &[f64; EIGHT]) -> S::D {
        simd.load_double(from)
    }
}

impl Doubles for Plain {
    type D = [f64; EIGHT];

    #[inline(always)]
    fn splat_double(self, x: f64) -> Self::D {
        [x; EIGHT]
    }

    #[inline(always)]
    fn load_double(self, from: &[f64; EIGHT]) -> Self::D {
        *from
    }

    #[inline(always)]
    fn widen(self, from: &[f32; EIGHT]) -> Self::D {
        from.map(f64::from)
    }

    #[inline(always)]
    fn store_double(self, to: &mut [f64; EIGHT], v: Self::D) {
        *to = v;
    }

    #[inline(always)]
    fn add_double(self, a: Self::D, b: Self::D) -> Self::D {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub_double(self, a: Self::D, b: Self::D) -> Self::D {
        std::array::from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul_double(self, a: Self::D, b: Self::D) -> Self::D {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn min_double(self, a: Self::D, b: Self::D) -> Self::D {
        std::array::from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn max_double(self, a: Self::D, b: Self::D) -> Self::D {
        std::array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn pow2_double(self, k: Self::D) -> Self::D {
        k.map(|k| f64::from_bits(((k + EXPONENT_BIAS) as u64) << MANTISSA_BITS))
    }

    #[inline(always)]
    fn fma_double(self, a: Self::D, b: Self::D, c: Self::D) -> Self::D {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
}

impl<S: Simd> Doubles for Twice<S> {
    type D = S::D;

    #[inline(always)]
    fn splat_double(self, x: f64) -> Self::D {
        self.0.splat_double(x)
    }

    #[inline(always)]
    fn load_double(self, from: &[f64; EIGHT]) -> Self::D {
        self.0.load_double(from)
    }

    #[inline(always)]
    fn widen(self, from: &[f32; EIGHT]) -> Self::D {
        self.0.widen(from)
    }

    #[inline(always)]
    fn store_double(self, to: &mut [f64; EIGHT], v: Self::D) {
        self.0.store_double(to, v);
    }

    #[inline(always)]
    fn add_double(self, a: Self::D, b: Self::D) -> Self::D {
        self.0.add_double(a, b)
    }

    #[inline(always)]
    fn sub_double(self, a: Self::D, b: Self::D) -> Self::D {
        self.0.sub_double(a, b)
    }

    #[inline(always)]
    fn mul_double(self, a: Self::D, b: Self::D) -> Self::D {
        self.0.mul_double(a, b)
    }

    #[inline(always)]
    fn min_double(self, a: Self::D, b: Self::D) -> Self::D {
        self.0.min_double(a, b)
    }

    #[inline(always)]
    fn max_double(self, a: Self::D, b: Self::D) -> Self::D {
        self.0.max_double(a, b)
    }

    #[inline(always)]
    fn pow2_double(self, k: Self::D) -> Self::D {
        self.0.pow2_double(k)
    }

    #[inline(always)]
    fn sum_double(self, a: Self::D) -> f64 {
        self.0.sum_double(a)
    }

    #[inline(always)]
    fn fma_double(self, a: Self::D, b: Self::D, c: Self::D) -> Self::D {
        self.0.fma_double(a, b, c)
    }
}

#[cfg(target_arch = "x86_64")]
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
    fn fma_double(self, a: Self::D, b: Self::D, c: Self::D) -> Self::D {
        // SAFETY: `self` proves FMA.
        unsafe { [_mm256_fmadd_pd(a[0], b[0], c[0]), _mm256_fmadd_pd(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn sum_double(self, a: Self::D) -> f64 {
        // SAFETY: `self` proves AVX.
        unsafe { sum_four(_mm256_add_pd(a[0], a[1])) }
    }
}

/// The sum of four lanes.
///
/// # Safety
/// The processor must have AVX.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn sum_four(a: __m256d) -> f64 {
    // SAFETY: the caller's.
    unsafe {
        let two = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd::<1>(a));
        _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
    }
}

#[cfg(target_arch = "x86_64")]
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
    fn fma_double(self, a: Self::D, b: Self::D, c: Self::D) -> Self::D {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_fmadd_pd(a, b, c) }
    }

    #[inline(always)]
    fn sum_double(self, a: Self::D) -> f64 {
        // SAFETY: `self` proves AVX-512F, and with it AVX.
        unsafe { sum_four(_mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd::<1>(a))) }
    }
}
