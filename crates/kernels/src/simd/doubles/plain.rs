//! Eight numbers in double precision without instructions for them, and those of two vectors.

use super::super::{Plain, Simd, Twice};
use super::{Doubles, EIGHT, EXPONENT_BIAS, MANTISSA_BITS};

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
    fn div_double(self, a: Self::D, b: Self::D) -> Self::D {
        std::array::from_fn(|i| a[i] / b[i])
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
    fn or_double(self, a: Self::D, b: Self::D) -> Self::D {
        std::array::from_fn(|i| f64::from_bits(a[i].to_bits() | b[i].to_bits()))
    }

    #[inline(always)]
    fn signs_double(self, a: Self::D) -> u8 {
        a.iter().rev().fold(0, |signs, a| signs << 1 | u8::from(a.is_sign_negative()))
    }

    #[inline(always)]
    fn pow2_double(self, k: Self::D) -> Self::D {
        k.map(|k| f64::from_bits(((k + EXPONENT_BIAS) as u64) << MANTISSA_BITS))
    }

    #[inline(always)]
    fn exponent_double(self, a: Self::D) -> Self::D {
        a.map(|a| (a.to_bits() >> MANTISSA_BITS) as f64 - EXPONENT_BIAS)
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
    fn div_double(self, a: Self::D, b: Self::D) -> Self::D {
        self.0.div_double(a, b)
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
    fn exponent_double(self, a: Self::D) -> Self::D {
        self.0.exponent_double(a)
    }

    #[inline(always)]
    fn sum_double(self, a: Self::D) -> f64 {
        self.0.sum_double(a)
    }

    #[inline(always)]
    fn sums_double(self, all: [Self::D; 4]) -> [f64; 4] {
        self.0.sums_double(all)
    }

    #[inline(always)]
    fn or_double(self, a: Self::D, b: Self::D) -> Self::D {
        self.0.or_double(a, b)
    }

    #[inline(always)]
    fn signs_double(self, a: Self::D) -> u8 {
        self.0.signs_double(a)
    }

    #[inline(always)]
    fn fma_double(self, a: Self::D, b: Self::D, c: Self::D) -> Self::D {
        self.0.fma_double(a, b, c)
    }
}
