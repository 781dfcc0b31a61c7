//! Elementary functions of vectors.
//!
//! Over all numbers of single precision the error is at most the number of units in the last place that a function states;
//! the tests sweep all binades. NaN stays NaN. Coefficients come from `tests/golden/fit.py`.
//!
//! | function | error, ulp | beyond the range |
//! |---|---|---|
//! | [`exp`] | 1 | infinity above 88.72, subnormal below -87.33, zero below -103.97 |
//! | [`log`] | 1 | minus infinity at zero, NaN below |
//! | [`tanh`] | 2 | |
//! | [`sigmoid`], [`silu`] | 2 | subnormal results to their last two bits |
//! | [`gelu`] | 2 | subnormal results to their last two bits |
//!
//! [`exp_double`] and [`log_double`] are those in double precision.
//!
//! This holds with fused multiply-add; without it some arguments lose more.

mod double;
mod gelu;

pub use double::{exp_double, log_double};
pub use gelu::{gelu, gelu_slope};

use crate::simd::Simd;

const EXPONENTIAL: [f32; 5] = [1.389_383_2e-3, 8.363_130_5e-3, 4.166_694_4e-2, 1.666_657_8e-1, 5.0e-1];

const LOGARITHM: [f32; 9] = [
    6.862_342e-2,
    -1.142_149_7e-1,
    1.169_907_45e-1,
    -1.243_492_44e-1,
    1.424_865_6e-1,
    -1.666_737_8e-1,
    2.000_071_6e-1,
    -2.500_000_3e-1,
    3.333_333e-1,
];

/// ln 2 in two parts, of which the first times a whole number up to 2^9 is exact.
const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, coefficients: [f32; N], x: S::V) -> S::V {
    let mut sum = simd.splat(coefficients[0]);
    for c in &coefficients[1..] {
        sum = simd.fma(sum, x, simd.splat(*c));
    }
    sum
}

/// m from -0.3 to 0.42 and a whole k with `e^(x - excess) = (1 + m) 2^k`, for x of at most a few hundred and a small `excess`:
/// what x lost in rounding.
#[inline(always)]
fn parts_of_exp<S: Simd>(simd: S, x: S::V, excess: S::V) -> (S::V, S::V) {
    // Adding 1.5 * 2^23 leaves no room for a fraction.
    let shift = simd.splat(12_582_912.0);
    let k = simd.sub(simd.fma(x, simd.splat(std::f32::consts::LOG2_E), shift), shift);
    let r = simd.sub(simd.neg_fma(k, simd.splat(LN2[0]), x), simd.fma(k, simd.splat(LN2[1]), excess));
    (simd.fma(simd.mul(r, r), polynomial(simd, EXPONENTIAL, r), r), k)
}

/// `e^x`.
#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::V) -> S::V {
    // NaN, the second argument, stays.
    let x = simd.min(simd.splat(89.0), simd.max(simd.splat(-104.0), x));
    let (m, k) = parts_of_exp(simd, x, simd.zero());
    simd.scale(simd.add(m, simd.splat(1.0)), k)
}

/// `ln x`.
#[inline(always)]
pub fn log<S: Simd>(simd: S, x: S::V) -> S::V {
    let tiny = simd.gt(simd.splat(f32::MIN_POSITIVE), x);
    let scaled = simd.select(tiny, simd.mul(x, simd.splat(8_388_608.0)), x);
    let (m, e) = simd.split(scaled);
    let e = simd.sub(e, simd.select(tiny, simd.splat(23.0), simd.zero()));
    // From sqrt(1/2) to sqrt(2), so that the result does not cancel around one.
    let large = simd.gt(m, simd.splat(std::f32::consts::SQRT_2));
    let m = simd.select(large, simd.mul(m, simd.splat(0.5)), m);
    let e = simd.add(e, simd.select(large, simd.splat(1.0), simd.zero()));
    let f = simd.sub(m, simd.splat(1.0));
    let square = simd.mul(f, f);
    let cubic = simd.mul(simd.mul(square, f), polynomial(simd, LOGARITHM, f));
    let low = simd.fma(e, simd.splat(LN2[1]), cubic);
    let sum = simd.add(f, simd.neg_fma(square, simd.splat(0.5), low));
    let result = simd.fma(e, simd.splat(LN2[0]), sum);
    // What `split` makes of zero, of negative numbers, of infinity and of NaN is meaningless.
    let result = simd.select(simd.gt(x, simd.splat(f32::MAX)), x, result);
    let negative = simd.gt(simd.zero(), x);
    let other = simd.select(negative, simd.splat(f32::NAN), simd.sub(x, simd.splat(f32::INFINITY)));
    simd.select(simd.gt(x, simd.zero()), result, other)
}

/// `tanh x`, as `-s / (s + 2)` with `s = e^{-2 |x|} - 1`, which does not cancel around zero.
#[inline(always)]
pub fn tanh<S: Simd>(simd: S, x: S::V) -> S::V {
    let one = simd.splat(1.0);
    // Beyond 10 the result is one. NaN, the second argument, stays.
    let t = simd.max(simd.splat(-20.0), simd.mul(simd.abs(x), simd.splat(-2.0)));
    let (m, k) = parts_of_exp(simd, t, simd.zero());
    let power = simd.pow2(k);
    let s = simd.fma(power, m, simd.sub(power, one));
    let two = simd.splat(2.0);
    let sum = simd.add(s, two);
    let lost = simd.sub(s, simd.sub(sum, two));
    let quotient = simd.div(s, sum);
    // What both lost in rounding, over the sum: 1 / (s + 2) = 1/2 - s / (s + 2) / 2.
    let rest = simd.neg_fma(quotient, lost, simd.neg_fma(quotient, sum, s));
    let half = simd.mul(rest, simd.splat(0.5));
    simd.copysign(simd.add(quotient, simd.neg_fma(half, quotient, half)), x)
}

/// `1 / (1 + e^{-x}) = f (1 + c) 2^k`, c small enough for its error not to count.
#[inline(always)]
fn parts_of_sigmoid<S: Simd>(simd: S, x: S::V) -> [S::V; 3] {
    let (zero, one) = (simd.zero(), simd.splat(1.0));
    let t = simd.max(simd.splat(-FAR), simd.sub(zero, simd.abs(x)));
    let (m, k) = parts_of_exp(simd, t, zero);
    // e^{-|x|}, which does not count where it would be subnormal.
    let power = simd.pow2(simd.max(simd.splat(-126.0), k));
    let e = simd.fma(power, m, power);
    let sum = simd.add(e, one);
    let lost = simd.sub(e, simd.sub(sum, one));
    // For negative x the result is e / (1 + e), and m and k are those of e.
    let positive = simd.gt(x, zero);
    let [m, k] = [m, k].map(|v| simd.select(positive, zero, v));
    let fraction = simd.div(one, sum);
    [fraction, simd.neg_fma(lost, fraction, m), k]
}

/// `1 / (1 + e^{-x})`.
#[inline(always)]
pub fn sigmoid<S: Simd>(simd: S, x: S::V) -> S::V {
    let [f, c, k] = parts_of_sigmoid(simd, x);
    simd.scale(simd.fma(f, c, f), k)
}

/// `x / (1 + e^{-x})`.
#[inline(always)]
pub fn silu<S: Simd>(simd: S, x: S::V) -> S::V {
    let [f, c, k] = parts_of_sigmoid(simd, x);
    let bounded = bounded(simd, x);
    let product = simd.mul(bounded, f);
    let lost = simd.fma(bounded, f, simd.sub(simd.zero(), product));
    let value = simd.scale(simd.add(product, simd.fma(product, c, lost)), k);
    simd.select(simd.gt(x, simd.splat(FAR)), x, value)
}

/// The derivative of [`silu`], `s + x s (1 - s)` with the sigmoid s. To 4 ulp of one: it has a zero, where terms cancel.
#[inline(always)]
pub fn silu_slope<S: Simd>(simd: S, x: S::V) -> S::V {
    let e = exp(simd, simd.sub(simd.zero(), simd.abs(x)));
    let one = simd.splat(1.0);
    let larger = simd.div(one, simd.add(e, one));
    let smaller = simd.mul(e, larger);
    let s = simd.select(simd.gt(x, simd.zero()), larger, smaller);
    simd.fma(simd.mul(bounded(simd, x), larger), smaller, s)
}

/// Beyond this the sigmoid is zero or one, even times its argument.
const FAR: f32 = 120.0;

/// The argument without infinities, which times zero are no number; NaN stays.
#[inline(always)]
fn bounded<S: Simd>(simd: S, x: S::V) -> S::V {
    simd.min(simd.splat(FAR), simd.max(simd.splat(-FAR), x))
}

#[cfg(test)]
pub(crate) mod tests;
