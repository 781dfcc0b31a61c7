//! Eight lanes with AVX2 and FMA.
//!
//! # Safety of this module
//! Every intrinsic here needs AVX2 or FMA. A value of [`Avx2`] is only made by [`Avx2::detect`], after the processor said
//! that it has both, so that a method that takes `self` may use them. Memory is reached through checked slices, except in
//! `load_at`, whose caller answers for the pointer.

use super::{Kernel, Simd};
use core::arch::x86_64::*;

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// The proof, where the processor has both.
    #[inline]
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    /// Runs a kernel compiled for these instructions.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn with_features<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` proves that the processor has AVX2 and FMA.
        unsafe { with_features(self, kernel) }
    }
}

/// A mask for `_mm256_maskload_ps`: all bits of the first `n` lanes.
#[inline(always)]
fn first(n: usize) -> __m256i {
    const BITS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let lanes: &[i32; 8] = BITS[8 - n..][..8].try_into().expect("eight of sixteen");
    // SAFETY: the reference is valid for reads of eight numbers; AVX is implied by the callers' proof.
    unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) }
}

macro_rules! lanewise {
    ($($name:ident($($arg:ident),*) = $intrinsic:ident($($order:ident),*);)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: __m256),*) -> __m256 {
            // SAFETY: `self` proves that the processor has the instruction.
            unsafe { $intrinsic($($order),*) }
        }
    )*};
}

impl Simd for Avx2 {
    type V = __m256;
    type Mask = __m256;
    const LANES: usize = 8;
    const REGISTERS: usize = 16;

    lanewise! {
        add(a, b) = _mm256_add_ps(a, b);
        sub(a, b) = _mm256_sub_ps(a, b);
        mul(a, b) = _mm256_mul_ps(a, b);
        div(a, b) = _mm256_div_ps(a, b);
        fma(a, b, c) = _mm256_fmadd_ps(a, b, c);
        neg_fma(a, b, c) = _mm256_fnmadd_ps(a, b, c);
        max(a, b) = _mm256_max_ps(a, b);
        min(a, b) = _mm256_min_ps(a, b);
        sqrt(a) = _mm256_sqrt_ps(a);
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: `self` proves AVX.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        // SAFETY: the slice holds at least eight numbers; `self` proves AVX.
        unsafe { _mm256_loadu_ps(from[..8].as_ptr()) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], v: __m256) {
        // SAFETY: the slice holds at least eight numbers; `self` proves AVX.
        unsafe { _mm256_storeu_ps(to[..8].as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn load_part(self, from: &[f32], fill: f32) -> __m256 {
        let mask = first(from.len());
        // SAFETY: lanes beyond the slice are masked and not touched; `self` proves AVX.
        unsafe {
            let loaded = _mm256_maskload_ps(from.as_ptr(), mask);
            _mm256_blendv_ps(_mm256_set1_ps(fill), loaded, _mm256_castsi256_ps(mask))
        }
    }

    #[inline(always)]
    fn store_part(self, to: &mut [f32], v: __m256) {
        let n = to.len();
        if n >= Self::LANES {
            return self.store(to, v);
        }
        // Not a masked store, which is slow on AMD's processors.
        let mut to = to.as_mut_ptr();
        // SAFETY: four, two and one numbers are written where the length has them; `self` proves AVX.
        unsafe {
            let mut rest = _mm256_castps256_ps128(v);
            if n & 4 != 0 {
                _mm_storeu_ps(to, rest);
                (rest, to) = (_mm256_extractf128_ps::<1>(v), to.add(4));
            }
            if n & 2 != 0 {
                _mm_storel_epi64(to.cast(), _mm_castps_si128(rest));
                (rest, to) = (_mm_movehl_ps(rest, rest), to.add(2));
            }
            if n & 1 != 0 {
                _mm_store_ss(to, rest);
            }
        }
    }

    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> __m256 {
        // SAFETY: the caller answers for eight numbers at `from`; `self` proves AVX.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    fn abs(self, a: __m256) -> __m256 {
        // SAFETY: `self` proves AVX.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
    }

    #[inline(always)]
    fn copysign(self, a: __m256, sign: __m256) -> __m256 {
        // SAFETY: `self` proves AVX.
        unsafe {
            let bit = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_andnot_ps(bit, a), _mm256_and_ps(bit, sign))
        }
    }

    #[inline(always)]
    fn gt(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX.
        unsafe { _mm256_cmp_ps::<_CMP_GT_OQ>(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: __m256, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX.
        unsafe { _mm256_blendv_ps(b, a, mask) }
    }

    #[inline(always)]
    fn pow2(self, k: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(k), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
        }
    }

    #[inline(always)]
    fn scale(self, a: __m256, k: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe {
            // In two steps, since 2^k may be beyond the range where the result is not.
            let k = _mm256_cvtps_epi32(k);
            let half = _mm256_srai_epi32::<1>(k);
            let power = |k| {
                let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
                _mm256_castsi256_ps(_mm256_add_epi32(_mm256_slli_epi32::<23>(k), one))
            };
            _mm256_mul_ps(_mm256_mul_ps(a, power(half)), power(_mm256_sub_epi32(k, half)))
        }
    }

    #[inline(always)]
    fn pick(self, table: &[f32; 8], by: __m256) -> __m256 {
        // SAFETY: the table has eight numbers; `self` proves AVX2. The permutation reads the lowest three bits.
        unsafe {
            let entry = _mm256_srli_epi32::<22>(_mm256_castps_si256(by));
            _mm256_permutevar8x32_ps(_mm256_loadu_ps(table.as_ptr()), entry)
        }
    }

    #[inline(always)]
    fn split(self, a: __m256) -> (__m256, __m256) {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let bits = _mm256_castps_si256(a);
            let exponent = _mm256_sub_epi32(_mm256_srli_epi32::<23>(bits), _mm256_set1_epi32(127));
            let mantissa =
                _mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi32(0x007f_ffff)), _mm256_set1_epi32(0x3f80_0000));
            (_mm256_castsi256_ps(mantissa), _mm256_cvtepi32_ps(exponent))
        }
    }

    #[inline(always)]
    fn interleave(self, a: __m256, b: __m256) -> (__m256, __m256) {
        // SAFETY: `self` proves AVX.
        unsafe {
            let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
        }
    }

    #[inline(always)]
    fn deinterleave(self, a: __m256, b: __m256) -> (__m256, __m256) {
        // SAFETY: `self` proves AVX.
        unsafe {
            let (low, high) = (_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b));
            (_mm256_shuffle_ps::<0x88>(low, high), _mm256_shuffle_ps::<0xdd>(low, high))
        }
    }

    #[inline(always)]
    fn sum(self, a: __m256) -> f32 {
        // SAFETY: `self` proves AVX.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }

    #[inline(always)]
    fn largest(self, a: __m256) -> f32 {
        // SAFETY: `self` proves AVX.
        unsafe {
            let four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
}
