//! The Gaussian error linear unit, without losing digits in the tail.
//!
//! With `T(t) = Phi(-t)` for `t = |x|`,
//!
//! ```text
//! gelu(x) = max(x, 0) - t T(t)        T(t) = e^{-t^2 / 2} Q(t)
//! ```
//!
//! Q is smooth: in each of eight intervals a polynomial in the distance from a centre, whose coefficients are picked by the
//! bits of `t + 1`. What `t^2` loses in rounding is carried along, since the exponential would multiply it by `t^2 / 2`, as
//! are those of Q and of t Q. A processor without fused multiply-add cannot tell these errors, and
//! loses digits in the tail.

use super::parts_of_exp;
use crate::simd::Simd;

/// Centres of the intervals, then the coefficients from the highest power down; the order is that of [`Simd::pick`].
const TAIL: [[f32; 8]; 9] = [
    [1.500_066_2, 2.500_043_2, 4.000_044_3, 6.000_046_7, 9.001_333, 1.300_048_35e1, 2.500_023_2e-1, 7.500_171e-1],
    [
        -1.039_101e-4,
        -1.474_385_1e-5,
        -1.366_307_4e-6,
        -1.082_973_3e-7,
        -6.615_943_3e-9,
        -4.133_828_8e-10,
        -1.953_389e-3,
        -5.560_083_7e-4,
    ],
    [
        3.816_548_6e-4,
        6.392_943e-5,
        7.567_543_4e-6,
        7.768_225_6e-7,
        6.591_165e-8,
        5.659_084_3e-9,
        5.661_436e-3,
        1.765_352e-3,
    ],
    [
        -1.266_254_5e-3,
        -2.574_076_4e-4,
        -3.752_804e-5,
        -5.224_666e-6,
        -5.903_692e-7,
        -7.333_395e-8,
        -1.499_875_7e-2,
        -5.182_819e-3,
    ],
    [
        4.107_998e-3,
        1.017_311_5e-3,
        1.924_706_6e-4,
        3.582_457_8e-5,
        5.671_909_5e-6,
        9.856_395e-7,
        3.724_965e-2,
        1.435_884_65e-2,
    ],
    [
        -1.249_584_8e-2,
        -3.830_949_5e-3,
        -9.586_729e-4,
        -2.411_768_1e-4,
        -5.411_697e-5,
        -1.318_761_9e-5,
        -8.430_380_4e-2,
        -3.668_334e-2,
    ],
    [
        3.518_447_3e-2,
        1.364_774e-2,
        4.605_808_3e-3,
        1.590_442_7e-3,
        5.098_734e-4,
        1.753_907_1e-4,
        1.700_862e-1,
        8.495_138e-2,
    ],
    [
        -9.026_663e-2,
        -4.561_277_5e-2,
        -2.129_930_8e-2,
        -1.026_624_6e-2,
        -4.751_821_5e-3,
        -2.319_722_4e-3,
        -2.954_334_6e-1,
        -1.737_650_3e-1,
    ],
    [
        2.057_747e-1,
        1.413_293_6e-1,
        9.440_97e-2,
        6.477_883_5e-2,
        4.379_245_3e-2,
        3.050_829_3e-2,
        4.140_314_2e-1,
        3.002_295e-1,
    ],
];

/// Beyond this, `e^{-t^2 / 2}` is zero. Within the last interval.
const FAR: f32 = 14.75;

/// `1 / sqrt(2 pi)`.
const DENSITY: f32 = 0.398_942_3;

/// What the value and the slope are made of: `T(t) = (q + q_low) (1 + m) 2^k`.
struct Tail<V> {
    t: V,
    q: V,
    q_low: V,
    m: V,
    k: V,
}

#[inline(always)]
fn tail<S: Simd>(simd: S, x: S::V) -> Tail<S::V> {
    // NaN, the second argument, stays.
    let t = simd.min(simd.splat(FAR), simd.abs(x));
    let half = simd.mul(t, simd.splat(-0.5));
    let square = simd.mul(half, t);
    let excess = simd.neg_fma(half, t, square);
    let (m, k) = parts_of_exp(simd, square, excess);
    let by = simd.add(t, simd.splat(1.0));
    let [centre, first, rest @ .., constant] = &TAIL;
    let d = simd.sub(t, simd.pick(centre, by));
    let mut sum = simd.pick(first, by);
    for coefficients in rest {
        sum = simd.fma(sum, d, simd.pick(coefficients, by));
    }
    let constant = simd.pick(constant, by);
    let q = simd.fma(sum, d, constant);
    let q_low = simd.fma(sum, d, simd.sub(constant, q));
    Tail { t, q, q_low, m, k }
}

/// `x Phi(x)` with the standard normal distribution Phi.
#[inline(always)]
pub fn gelu<S: Simd>(simd: S, x: S::V) -> S::V {
    let Tail { t, q, q_low, m, k } = tail(simd, x);
    let product = simd.mul(t, q);
    let low = simd.sub(simd.mul(t, q_low), simd.neg_fma(t, q, product));
    let below = simd.scale(simd.add(product, simd.fma(product, m, low)), k);
    simd.sub(simd.max(simd.zero(), x), below)
}

/// The derivative, `Phi(x) + x phi(x)` with the density phi: `D(t) = T(t) - t phi(t)` for negative x, else `1 - D(t)`.
///
/// To 4 ulp of one: it has a zero, where terms cancel.
#[inline(always)]
pub fn gelu_slope<S: Simd>(simd: S, x: S::V) -> S::V {
    let Tail { t, q, m, k, .. } = tail(simd, x);
    let difference = simd.neg_fma(t, simd.splat(DENSITY), q);
    let below = simd.scale(simd.fma(difference, m, difference), k);
    simd.select(simd.gt(x, simd.zero()), simd.sub(simd.splat(1.0), below), below)
}
