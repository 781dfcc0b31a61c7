//! The exponential and the logarithm in double precision.

use crate::simd::{EIGHT, Simd};

/// `1 / n!` for n from 13 down to 2.
const EXPONENTIAL: [f64; 12] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
];

/// ln 2 in two parts, of which the first times a whole number up to 2^20 is exact.
const LN2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];

/// `e^x` for eight numbers in double precision, to one unit in the last place (two without fused multiply-add): infinity above
/// 709.78, subnormal below -708.4, zero below -745.13. NaN stays NaN.
#[inline(always)]
pub fn exp_double<S: Simd>(simd: S, x: S::D) -> S::D {
    let splat = |v: f64| simd.splat_double(v);
    // NaN, the second argument, stays.
    let x = simd.min_double(splat(710.0), simd.max_double(splat(-746.0), x));
    // Adding 1.5 * 2^52 leaves no room for a fraction.
    let shift = splat(6_755_399_441_055_744.0);
    let k = simd.sub_double(simd.fma_double(x, splat(std::f64::consts::LOG2_E), shift), shift);
    let r = simd.fma_double(k, splat(-LN2[1]), simd.fma_double(k, splat(-LN2[0]), x));
    let mut sum = splat(EXPONENTIAL[0]);
    for c in &EXPONENTIAL[1..] {
        sum = simd.fma_double(sum, r, splat(*c));
    }
    let m = simd.add_double(simd.fma_double(simd.mul_double(r, r), sum, r), splat(1.0));
    // Two powers, since one cannot reach the subnormal numbers; the first alone stays within the normal ones.
    let half = simd.sub_double(simd.fma_double(k, splat(0.5), shift), shift);
    let rest = simd.sub_double(k, half);
    simd.mul_double(simd.mul_double(m, simd.pow2_double(half)), simd.pow2_double(rest))
}

/// `2 / (2 n + 1)` for n from 10 down to 1: `log (1 + s) - log (1 - s)` less `2 s`, by `s^3`.
const LOGARITHM: [f64; 10] = [
    2.0 / 21.0,
    2.0 / 19.0,
    2.0 / 17.0,
    2.0 / 15.0,
    2.0 / 13.0,
    2.0 / 11.0,
    2.0 / 9.0,
    2.0 / 7.0,
    2.0 / 5.0,
    2.0 / 3.0,
];

/// `ln x` for eight numbers in double precision, to one unit in the last place (two without fused multiply-add): minus infinity at
/// zero, NaN below. NaN stays NaN.
#[inline(always)]
pub fn log_double<S: Simd>(simd: S, x: S::D) -> S::D {
    let splat = |v: f64| simd.splat_double(v);
    // Numbers below the normal ones, next to the largest, and none at all are rare, and go one by one.
    let below = simd.sub_double(x, splat(f64::MIN_POSITIVE));
    let above = simd.sub_double(splat(0.25 * f64::MAX), x);
    if simd.signs_double(simd.or_double(below, above)) != 0 {
        return one_by_one(simd, x);
    }
    // x = 2^k (1 + f), with 1 + f from sqrt(1/2) to sqrt(2) so that the result does not cancel around one.
    let k = simd.exponent_double(simd.mul_double(x, splat(std::f64::consts::SQRT_2)));
    let f = simd.sub_double(simd.mul_double(x, simd.pow2_double(simd.sub_double(splat(0.0), k))), splat(1.0));
    // With s = f / (2 + f): 1 + f = (1 + s) / (1 - s), and 2 s = f - s f.
    let s = simd.div_double(f, simd.add_double(f, splat(2.0)));
    let square = simd.mul_double(s, s);
    let mut sum = splat(LOGARITHM[0]);
    for c in &LOGARITHM[1..] {
        sum = simd.fma_double(sum, square, splat(*c));
    }
    let half = simd.mul_double(simd.mul_double(f, f), splat(0.5));
    let rest = simd.mul_double(s, simd.fma_double(square, sum, half));
    let small = simd.sub_double(half, simd.fma_double(k, splat(LN2[1]), rest));
    simd.fma_double(k, splat(LN2[0]), simd.sub_double(f, small))
}

#[cold]
#[inline(never)]
fn one_by_one<S: Simd>(simd: S, x: S::D) -> S::D {
    let mut each = [0.0; EIGHT];
    simd.store_double(&mut each, x);
    simd.load_double(&each.map(f64::ln))
}
