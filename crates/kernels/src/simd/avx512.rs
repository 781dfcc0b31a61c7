//! Sixteen lanes with AVX-512F.
//!
//! # Safety of this module
//! As in `avx2`: a value of [`Avx512`] is only made after the processor said that it has AVX-512F (and AVX2 and FMA), so
//! that a method that takes `self` may use them. Memory is reached through checked slices, except in `load_at`.

use super::{Kernel, Simd};
use core::arch::x86_64::*;

/// Proof that the processor has AVX-512F.
#[derive(Clone, Copy, Debug)]
pub struct Avx512(());

impl Avx512 {
    /// The proof, where the processor has it.
    #[inline]
    pub fn detect() -> Option<Self> {
        let has =
            is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    /// Runs a kernel compiled for these instructions.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx2,fma")]
        fn with_features<K: Kernel>(simd: Avx512, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` proves that the processor has AVX-512F, AVX2 and FMA.
        unsafe { with_features(self, kernel) }
    }
}

/// A mask of the first `n` of sixteen lanes.
#[inline(always)]
fn first(n: usize) -> __mmask16 {
    debug_assert!(n <= 16);
    ((1_u32 << n) - 1) as __mmask16
}

macro_rules! lanewise {
    ($($name:ident($($arg:ident),*) = $intrinsic:ident($($order:ident),*);)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: __m512),*) -> __m512 {
            // SAFETY: `self` proves that the processor has the instruction.
            unsafe { $intrinsic($($order),*) }
        }
    )*};
}

impl Simd for Avx512 {
    type V = __m512;
    type Mask = __mmask16;
    const LANES: usize = 16;
    const REGISTERS: usize = 32;

    lanewise! {
        add(a, b) = _mm512_add_ps(a, b);
        sub(a, b) = _mm512_sub_ps(a, b);
        mul(a, b) = _mm512_mul_ps(a, b);
        div(a, b) = _mm512_div_ps(a, b);
        fma(a, b, c) = _mm512_fmadd_ps(a, b, c);
        neg_fma(a, b, c) = _mm512_fnmadd_ps(a, b, c);
        max(a, b) = _mm512_max_ps(a, b);
        min(a, b) = _mm512_min_ps(a, b);
        sqrt(a) = _mm512_sqrt_ps(a);
        abs(a) = _mm512_abs_ps(a);
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        // SAFETY: the slice holds at least sixteen numbers; `self` proves AVX-512F.
        unsafe { _mm512_loadu_ps(from[..16].as_ptr()) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], v: __m512) {
        // SAFETY: the slice holds at least sixteen numbers; `self` proves AVX-512F.
        unsafe { _mm512_storeu_ps(to[..16].as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn load_part(self, from: &[f32], fill: f32) -> __m512 {
        assert!(from.len() <= 16, "more than a vector's numbers");
        // SAFETY: lanes beyond the slice are masked and not touched; `self` proves AVX-512F.
        unsafe { _mm512_mask_loadu_ps(_mm512_set1_ps(fill), first(from.len()), from.as_ptr()) }
    }

    #[inline(always)]
    fn store_part(self, to: &mut [f32], v: __m512) {
        assert!(to.len() <= 16, "more than a vector's numbers");
        // SAFETY: lanes beyond the slice are masked and not touched; `self` proves AVX-512F.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), first(to.len()), v) }
    }

    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> __m512 {
        // SAFETY: the caller answers for sixteen numbers at `from`; `self` proves AVX-512F.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    fn copysign(self, a: __m512, sign: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512F.
        unsafe {
            let bit = _mm512_set1_epi32(i32::MIN);
            let (a, sign) = (_mm512_castps_si512(a), _mm512_castps_si512(sign));
            _mm512_castsi512_ps(_mm512_or_si512(_mm512_andnot_si512(bit, a), _mm512_and_si512(bit, sign)))
        }
    }

    #[inline(always)]
    fn gt(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: __mmask16, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_mask_blend_ps(mask, b, a) }
    }

    #[inline(always)]
    fn pow2(self, k: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512F.
        unsafe {
            let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(k), _mm512_set1_epi32(127));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent))
        }
    }

    #[inline(always)]
    fn scale(self, a: __m512, k: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_scalef_ps(a, k) }
    }

    #[inline(always)]
    fn pick(self, table: &[f32; 8], by: __m512) -> __m512 {
        // SAFETY: the table has eight numbers; `self` proves AVX-512F. The permutation reads the lowest four bits, of which
        // the fourth chooses between two copies of the table.
        unsafe {
            let entry = _mm512_srli_epi32::<22>(_mm512_castps_si512(by));
            let table = _mm256_castps_pd(_mm256_loadu_ps(table.as_ptr()));
            _mm512_permutexvar_ps(entry, _mm512_castpd_ps(_mm512_broadcast_f64x4(table)))
        }
    }

    #[inline(always)]
    fn split(self, a: __m512) -> (__m512, __m512) {
        // SAFETY: `self` proves AVX-512F.
        unsafe {
            let bits = _mm512_castps_si512(a);
            let exponent = _mm512_sub_epi32(_mm512_srli_epi32::<23>(bits), _mm512_set1_epi32(127));
            let mantissa =
                _mm512_or_si512(_mm512_and_si512(bits, _mm512_set1_epi32(0x007f_ffff)), _mm512_set1_epi32(0x3f80_0000));
            (_mm512_castsi512_ps(mantissa), _mm512_cvtepi32_ps(exponent))
        }
    }

    #[inline(always)]
    fn interleave(self, a: __m512, b: __m512) -> (__m512, __m512) {
        // SAFETY: `self` proves AVX-512F.
        unsafe {
            // Lanes 0 to 15 of a, 16 to 31 of b.
            let first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
            (_mm512_permutex2var_ps(a, first, b), _mm512_permutex2var_ps(a, second, b))
        }
    }

    #[inline(always)]
    fn deinterleave(self, a: __m512, b: __m512) -> (__m512, __m512) {
        // SAFETY: `self` proves AVX-512F.
        unsafe {
            // Lanes 0 to 15 of a, 16 to 31 of b.
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
            (_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b))
        }
    }

    #[inline(always)]
    fn sum(self, a: __m512) -> f32 {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_reduce_add_ps(a) }
    }

    #[inline(always)]
    fn largest(self, a: __m512) -> f32 {
        // SAFETY: `self` proves AVX-512F.
        unsafe { _mm512_reduce_max_ps(a) }
    }
}
