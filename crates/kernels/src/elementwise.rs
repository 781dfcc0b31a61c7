//! Functions of one number, over arrays, with their derivatives.

use crate::math;
use crate::parallel::{CHUNK, chunks};
use crate::simd::{Kernel, Simd, Twice, dispatch};
use std::ops::Range;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// `max(x, 0)`; NaN stays.
    Relu,
    /// `x Phi(x)`, Phi the standard normal distribution (not the approximation by tanh), to 2 ulp.
    Gelu,
    /// `x / (1 + e^{-x})`, to 2 ulp.
    Silu,
    /// The hyperbolic tangent, to 2 ulp.
    Tanh,
    /// `1 / (1 + e^{-x})`, to 2 ulp.
    Sigmoid,
    /// `e^x`, to 1 ulp.
    Exp,
    /// The natural logarithm, to 1 ulp.
    Log,
}

impl Unary {
    /// Whether [`gradient`] reads the input; otherwise it reads the output.
    pub fn gradient_reads_input(self) -> bool {
        matches!(self, Self::Gelu | Self::Silu | Self::Log)
    }

    #[inline(always)]
    fn value<S: Simd>(self, simd: S, x: S::V) -> S::V {
        match self {
            Self::Relu => simd.max(simd.zero(), x),
            Self::Gelu => math::gelu(simd, x),
            Self::Silu => math::silu(simd, x),
            Self::Tanh => math::tanh(simd, x),
            Self::Sigmoid => math::sigmoid(simd, x),
            Self::Exp => math::exp(simd, x),
            Self::Log => math::log(simd, x),
        }
    }

    /// The derivative, from what [`gradient_reads_input`](Self::gradient_reads_input) says.
    #[inline(always)]
    fn slope<S: Simd>(self, simd: S, v: S::V) -> S::V {
        let one = simd.splat(1.0);
        match self {
            Self::Relu => simd.select(simd.gt(v, simd.zero()), one, simd.zero()),
            Self::Gelu => math::gelu_slope(simd, v),
            Self::Silu => math::silu_slope(simd, v),
            Self::Tanh => simd.neg_fma(v, v, one),
            Self::Sigmoid => simd.neg_fma(v, v, v),
            Self::Exp => v,
            Self::Log => simd.div(one, v),
        }
    }
}

/// `y = f(x)`.
///
/// ```
/// use tenfold_kernels::elementwise::{Unary, apply};
/// let mut y = [0.0; 2];
/// apply(Unary::Relu, &[-1.0, 2.0], &mut y);
/// assert_eq!(y, [0.0, 2.0]);
/// ```
///
/// # Panics
/// If the lengths differ.
pub fn apply(f: Unary, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "as many outputs as inputs");
    let work = cost(f) * x.len();
    chunks(y, CHUNK, work, |i, y| dispatch(Values { f, x: Some(&x[i * CHUNK..][..y.len()]), y }));
}

/// `y = f(x)` on this thread; without x, `y = f(y)`.
pub(crate) fn apply_here(f: Unary, x: Option<&[f32]>, y: &mut [f32]) {
    dispatch(Values { f, x, y });
}

/// `dx = dy f'`, in place: `dy` becomes `dx`. `v` is the input or the output, as [`Unary::gradient_reads_input`] says.
///
/// ```
/// use tenfold_kernels::elementwise::{Unary, gradient};
/// let mut dx = [1.0, 3.0];
/// gradient(Unary::Exp, &[2.0, 5.0], &mut dx); // exp is its own derivative: read from the output
/// assert_eq!(dx, [2.0, 15.0]);
/// ```
///
/// # Panics
/// If the lengths differ.
pub fn gradient(f: Unary, v: &[f32], dy: &mut [f32]) {
    assert_eq!(v.len(), dy.len(), "as many gradients as numbers");
    let work = cost(f) * v.len();
    chunks(dy, CHUNK, work, |i, dy| dispatch(Slopes { f, v: &v[i * CHUNK..][..dy.len()], dy }));
}

/// `y = a + b`.
///
/// # Panics
/// If the lengths differ.
pub fn add(a: &[f32], b: &[f32], y: &mut [f32]) {
    assert!(a.len() == y.len() && b.len() == y.len(), "sums of as many numbers");
    // Only memory is slow here, and a second thread helps with that.
    let work = 4 * y.len();
    chunks(y, 4 * CHUNK, work, |i, y| {
        let (a, b) = (&a[i * 4 * CHUNK..][..y.len()], &b[i * 4 * CHUNK..][..y.len()]);
        dispatch(Sum { a, b, y });
    });
}

/// Operations on single numbers that a function is worth, for deciding about threads.
fn cost(f: Unary) -> usize {
    if f == Unary::Relu { 2 } else { 16 }
}

/// What becomes of the numbers of an array, vector by vector.
trait Update {
    /// The new numbers in `part` of the array.
    fn update<S: Simd>(&self, simd: S, part: Range<usize>, old: S::V) -> S::V;
}

#[inline(always)]
fn update_all<S: Simd>(simd: S, y: &mut [f32], f: impl Update) {
    let simd = Twice(simd);
    let lanes = 2 * S::LANES;
    let whole = y.len() / lanes * lanes;
    for i in (0..whole).step_by(lanes) {
        let y = &mut y[i..i + lanes];
        simd.store(y, f.update(simd, i..i + lanes, simd.load(y)));
    }
    if whole < y.len() {
        let (part, y) = (whole..y.len(), &mut y[whole..]);
        simd.store_part(y, f.update(simd, part, simd.load_part(y, 0.0)));
    }
}

/// Runs `$run` with `$f` a constant, so that the choice is made once and not for each vector.
macro_rules! with_constant {
    ($f:ident, $run:expr) => {
        with_constant!($f, $run, Relu Gelu Silu Tanh Sigmoid Exp Log)
    };
    ($f:ident, $run:expr, $($name:ident)*) => {
        match $f {$(
            Unary::$name => {
                let $f = Unary::$name;
                $run
            }
        )*}
    };
}

struct Values<'a> {
    f: Unary,
    /// None where the numbers are changed in place.
    x: Option<&'a [f32]>,
    y: &'a mut [f32],
}

struct Of<'a>(Unary, &'a [f32]);
struct OfItself(Unary);

impl Update for Of<'_> {
    #[inline(always)]
    fn update<S: Simd>(&self, simd: S, part: Range<usize>, _: S::V) -> S::V {
        self.0.value(simd, simd.read(&self.1[part]))
    }
}

impl Update for OfItself {
    #[inline(always)]
    fn update<S: Simd>(&self, simd: S, _: Range<usize>, old: S::V) -> S::V {
        self.0.value(simd, old)
    }
}

impl Kernel for Values<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { f, x, y } = self;
        match x {
            Some(x) => with_constant!(f, update_all(simd, y, Of(f, x))),
            None => with_constant!(f, update_all(simd, y, OfItself(f))),
        }
    }
}

struct Slopes<'a> {
    f: Unary,
    v: &'a [f32],
    dy: &'a mut [f32],
}

struct TimesSlope<'a>(Unary, &'a [f32]);

impl Update for TimesSlope<'_> {
    #[inline(always)]
    fn update<S: Simd>(&self, simd: S, part: Range<usize>, old: S::V) -> S::V {
        simd.mul(old, self.0.slope(simd, simd.read(&self.1[part])))
    }
}

impl Kernel for Slopes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { f, v, dy } = self;
        with_constant!(f, update_all(simd, dy, TimesSlope(f, v)));
    }
}

struct Sum<'a> {
    a: &'a [f32],
    b: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let pairs = self.a.chunks(S::LANES).zip(self.b.chunks(S::LANES));
        for (y, (a, b)) in self.y.chunks_mut(S::LANES).zip(pairs) {
            simd.write(y, simd.add(simd.read(a), simd.read(b)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::tests::{is_fused, normal_cdf_double};
    use crate::simd::level;

    const ALL: [Unary; 7] =
        [Unary::Relu, Unary::Gelu, Unary::Silu, Unary::Tanh, Unary::Sigmoid, Unary::Exp, Unary::Log];

    fn double(f: Unary, x: f64) -> f64 {
        match f {
            Unary::Relu => x.max(0.0),
            Unary::Gelu => x * normal_cdf_double(x),
            Unary::Silu => x / (1.0 + (-x).exp()),
            Unary::Tanh => x.tanh(),
            Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Unary::Exp => x.exp(),
            Unary::Log => x.ln(),
        }
    }

    fn inputs(f: Unary) -> Vec<f32> {
        let x = (0..5003).map(|i| (i as f32 - 2501.0) / 300.0);
        if f == Unary::Log { x.map(|x| x.abs() + 1e-3).collect() } else { x.collect() }
    }

    #[test]
    fn values_and_slopes_are_those_of_the_functions() {
        for f in ALL {
            let x = inputs(f);
            let mut y = vec![f32::NAN; x.len()];
            apply(f, &x, &mut y);
            let mut again = x.clone();
            apply_here(f, None, &mut again);
            assert_eq!(y, again);
            let mut dx = vec![2.0; x.len()];
            gradient(f, if f.gradient_reads_input() { &x } else { &y }, &mut dx);
            for i in 0..x.len() {
                let at = f64::from(x[i]);
                let want = double(f, at);
                let relative = (f64::from(y[i]) - want).abs() / want.abs().max(f64::from(f32::MIN_POSITIVE));
                // The tail of GELU is what a processor without fused multiply-add loses.
                let allowed = if f == Unary::Gelu && !is_fused(level()) { 64.0 } else { 5.0 };
                assert!(relative <= allowed * f64::from(f32::EPSILON), "{f:?}({at}) = {}, not {want}", y[i]);
                let h = 1e-5 * at.abs().max(1e-3);
                let slope = (double(f, at + h) - double(f, at - h)) / h;
                if f == Unary::Relu && at.abs() <= h {
                    continue;
                }
                let off = (f64::from(dx[i]) - slope).abs() / (1.0 + slope.abs());
                assert!(off <= 1e-6, "slope of {f:?} at {at}: {}, not {slope}", dx[i]);
            }
        }
    }

    #[test]
    fn infinities_and_nan() {
        let run = |f, x: f32| {
            let (x, mut y, mut dx) = ([x], [0.0], [1.0]);
            apply(f, &x, &mut y);
            gradient(f, if f.gradient_reads_input() { &x } else { &y }, &mut dx);
            (y[0], dx[0])
        };
        for f in ALL {
            assert!(run(f, f32::NAN).0.is_nan(), "{f:?}");
        }
        assert_eq!(run(Unary::Gelu, f32::INFINITY), (f32::INFINITY, 1.0));
        assert_eq!(run(Unary::Silu, f32::INFINITY), (f32::INFINITY, 1.0));
        assert_eq!(run(Unary::Gelu, -1e30), (0.0, 0.0));
        assert_eq!(run(Unary::Silu, -1e30).1, 0.0);
        assert_eq!(run(Unary::Log, 0.0), (f32::NEG_INFINITY, f32::INFINITY));
    }

    #[test]
    fn sums() {
        let a: Vec<f32> = (0..70_001).map(|i| i as f32).collect();
        let mut y = vec![f32::NAN; a.len()];
        add(&a, &a, &mut y);
        assert!(y.iter().zip(&a).all(|(y, a)| *y == 2.0 * a));
    }
}
