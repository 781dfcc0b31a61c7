//! Elementary functions of vectors.
//!
//! The error is at most 2 units in the last place over all numbers, unless a function says otherwise; the tests sweep all
//! binades. (Found: 0.93 for exp, 0.76 for log, 1.02 for tanh.) NaN stays NaN. Coefficients come from
//! `tests/golden/fit.py`.

use crate::simd::Simd;

const EXPONENTIAL: [f32; 6] = [1.984_968_1e-4, 1.393_446_9e-3, 8.333_375e-3, 4.166_646e-2, 1.666_666_7e-1, 5e-1];

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

const TANGENT: [f32; 7] =
    [-7.597_328_5e-4, 3.181_623_3e-3, -8.734_306e-3, 2.184_804_7e-2, -5.396_652_6e-2, 1.333_332_8e-1, -3.333_333_4e-1];

const CENTRE: [f32; 6] = [-7.652_135_5e-6, 1.134_811_5e-4, -1.186_325_3e-3, 9.973_322e-3, -6.649_036e-2, 3.989_423e-1];

const TAIL: [f32; 10] = [
    -4.943_447e-4,
    1.393_759_4e-3,
    7.625_203e-4,
    -2.072_010_4e-3,
    -6.698_51e-3,
    -4.616_897_5e-4,
    3.671_631_2e-2,
    2.879_718_3e-2,
    -3.314_044_2e-1,
    6.724_08e-1,
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

/// `e^x`: infinity above 88.72, zero below -103.97, subnormal results between.
#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::V) -> S::V {
    exp_with(simd, x, simd.zero())
}

/// `e^(x + low)` for a small `low`: the part of the argument that `x` had no room for.
#[inline(always)]
fn exp_with<S: Simd>(simd: S, x: S::V, low: S::V) -> S::V {
    // The second argument's NaN survives.
    let x = simd.min(simd.splat(89.0), simd.max(simd.splat(-104.0), x));
    // Adding 1.5 * 2^23 leaves no room for a fraction.
    let shift = simd.splat(12_582_912.0);
    let k = simd.sub(simd.fma(x, simd.splat(std::f32::consts::LOG2_E), shift), shift);
    let r = simd.add(simd.neg_fma(k, simd.splat(LN2[1]), simd.neg_fma(k, simd.splat(LN2[0]), x)), low);
    let series = simd.fma(simd.mul(r, r), polynomial(simd, EXPONENTIAL, r), r);
    let result = simd.add(series, simd.splat(1.0));
    // In two steps, since 2^k may be beyond the range where the result is not. Half of k, rounded to a whole number.
    let half = simd.sub(simd.fma(k, simd.splat(0.5), shift), shift);
    simd.mul(simd.mul(result, simd.pow2(half)), simd.pow2(simd.sub(k, half)))
}

/// `ln x`: minus infinity at zero, NaN below.
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

/// `tanh x`.
#[inline(always)]
pub fn tanh<S: Simd>(simd: S, x: S::V) -> S::V {
    let t = simd.abs(x);
    let z = simd.mul(x, x);
    let near = simd.fma(simd.mul(z, x), polynomial(simd, TANGENT, z), x);
    // 1 - 2 / (e^{2t} + 1)
    let one = simd.splat(1.0);
    let e = exp(simd, simd.add(t, t));
    let far = simd.sub(one, simd.div(simd.splat(2.0), simd.add(e, one)));
    simd.select(simd.gt(t, simd.splat(0.7)), simd.copysign(far, x), near)
}

/// `1 / (1 + e^{-x})`, to 2.1 ulp.
#[inline(always)]
pub fn sigmoid<S: Simd>(simd: S, x: S::V) -> S::V {
    let one = simd.splat(1.0);
    let e = exp(simd, simd.sub(simd.zero(), simd.abs(x)));
    // For negative x the fraction is multiplied by e^x, which may be subnormal where 1 / e^x would overflow.
    simd.div(simd.select(simd.gt(x, simd.zero()), one, e), simd.add(one, e))
}

/// The standard normal distribution `Phi(x)` and its density at `x`, to 4.2 ulp, in the tail
/// too.
///
/// Within one deviation `Phi(x) = 1/2 + x R(x^2)`. Beyond, the tail is `Phi(-t) = e^{-t^2 / 2} Q(t)` with a smooth Q: a
/// polynomial in `(t - 2) / (t + 2)`, over `t + 2`. The rounding error of `t^2` is carried along, since the exponential
/// would multiply it by `t^2 / 2`; a processor without fused multiply-add cannot tell it, and loses digits in the tail.
#[inline(always)]
pub fn normal_cdf<S: Simd>(simd: S, x: S::V) -> (S::V, S::V) {
    let (one, half) = (simd.splat(1.0), simd.splat(0.5));
    let t = simd.abs(x);
    let square = simd.mul(t, t);
    let lost = simd.fma(t, t, simd.sub(simd.zero(), square));
    // Where the square overflows, what is lost is not a number; the exponential is zero there.
    let lost = simd.select(simd.gt(simd.splat(1e4), square), lost, simd.zero());
    let exponential = exp_with(simd, simd.mul(square, simd.splat(-0.5)), simd.mul(lost, simd.splat(-0.5)));
    let inverse = simd.div(one, simd.add(t, simd.splat(2.0)));
    let s = simd.neg_fma(simd.splat(4.0), inverse, one);
    let tail = simd.mul(exponential, simd.mul(polynomial(simd, TAIL, s), inverse));
    let beyond = simd.select(simd.gt(x, simd.zero()), simd.sub(one, tail), tail);
    let within = simd.fma(x, polynomial(simd, CENTRE, square), half);
    // 1 / sqrt(2 pi)
    let density = simd.mul(exponential, simd.splat(0.398_942_3));
    (simd.select(simd.gt(t, one), beyond, within), density)
}

#[cfg(test)]
pub(crate) mod tests;
