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
//! are the errors of the largest terms of Q and of t Q. A processor without fused multiply-add cannot tell these errors, and
//! loses digits in the tail.

use super::parts_of_exp;
use crate::simd::Simd;

/// Centres of the intervals, then the coefficients from the highest power down; the order is that of [`Simd::pick`].
const TAIL: [[f32; 8]; 9] = [
    [1.500066161e+00, 2.500043154e+00, 4.000044346e+00, 6.000046730e+00, 9.001333237e+00, 1.300048351e+01, 2.500023246e-01, 7.500171065e-01],
    [-1.039100971e-04, -1.474385135e-05, -1.366307401e-06, -1.082973284e-07, -6.615943349e-09, -4.133828835e-10, -1.953389030e-03, -5.560083664e-04],
    [3.816548560e-04, 6.392943033e-05, 7.567543435e-06, 7.768225601e-07, 6.591164947e-08, 5.659084312e-09, 5.661435891e-03, 1.765351975e-03],
    [-1.266254461e-03, -2.574076352e-04, -3.752803968e-05, -5.224665983e-06, -5.903692113e-07, -7.333395047e-08, -1.499875728e-02, -5.182818975e-03],
    [4.107998218e-03, 1.017311472e-03, 1.924706594e-04, 3.582457794e-05, 5.671909548e-06, 9.856395309e-07, 3.724965081e-02, 1.435884647e-02],
    [-1.249584835e-02, -3.830949543e-03, -9.586728993e-04, -2.411768073e-04, -5.411696839e-05, -1.318761861e-05, -8.430380374e-02, -3.668333963e-02],
    [3.518447280e-02, 1.364773978e-02, 4.605808295e-03, 1.590442727e-03, 5.098733818e-04, 1.753907127e-04, 1.700862050e-01, 8.495137841e-02],
    [-9.026663005e-02, -4.561277479e-02, -2.129930817e-02, -1.026624627e-02, -4.751821514e-03, -2.319722436e-03, -2.954334617e-01, -1.737650335e-01],
    [2.057746947e-01, 1.413293630e-01, 9.440969676e-02, 6.477883458e-02, 4.379245266e-02, 3.050829284e-02, 4.140314162e-01, 3.002294898e-01],
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
    let lost = simd.fma(half, t, simd.sub(simd.zero(), square));
    let (m, k) = parts_of_exp(simd, square, lost);
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
    let lost = simd.fma(t, q_low, simd.fma(t, q, simd.sub(simd.zero(), product)));
    let below = simd.scale(simd.add(product, simd.fma(product, m, lost)), k);
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
