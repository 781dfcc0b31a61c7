//! Eight numbers in double precision, on any processor.
//!
//! Always eight, whatever the vectors of single precision hold: sums kept in eight lanes have the same bits for every width of
//! vectors, where the processor has fused multiply-add.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod plain;

use super::Simd;

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
    /// `a / b`.
    fn div_double(self, a: Self::D, b: Self::D) -> Self::D;
    /// `a` where `a < b`, else `b`: NaN in `b` stays, NaN in `a` is dropped.
    fn min_double(self, a: Self::D, b: Self::D) -> Self::D;
    /// `a` where `a > b`, else `b`: NaN in `b` stays, NaN in `a` is dropped.
    fn max_double(self, a: Self::D, b: Self::D) -> Self::D;
    /// `a * b + c`, rounded once where the processor can.
    fn fma_double(self, a: Self::D, b: Self::D, c: Self::D) -> Self::D;
    /// `2^k` for whole `k` from -1022 to 1023; without meaning for NaN.
    fn pow2_double(self, k: Self::D) -> Self::D;
    /// The whole k with `2^k <= a < 2^(k + 1)`; without meaning but for positive normal numbers.
    fn exponent_double(self, a: Self::D) -> Self::D;

    /// The bits that either has.
    fn or_double(self, a: Self::D, b: Self::D) -> Self::D;
    /// Which lanes have their sign set, the first as the lowest bit: numbers below zero, minus zero, and some that are NaN.
    fn signs_double(self, a: Self::D) -> u8;

    /// The sum of all lanes: halves are added to each other until one number is left.
    #[inline(always)]
    fn sum_double(self, a: Self::D) -> f64 {
        let mut v = [0.0; EIGHT];
        self.store_double(&mut v, a);
        let four = [v[0] + v[4], v[1] + v[5], v[2] + v[6], v[3] + v[7]];
        (four[0] + four[2]) + (four[1] + four[3])
    }

    /// [`sum_double`](Self::sum_double) of four, to the same bits.
    #[inline(always)]
    fn sums_double(self, all: [Self::D; 4]) -> [f64; 4] {
        [self.sum_double(all[0]), self.sum_double(all[1]), self.sum_double(all[2]), self.sum_double(all[3])]
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
