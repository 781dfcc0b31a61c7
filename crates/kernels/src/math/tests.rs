use super::*;
use crate::simd::{Kernel, Level, dispatch_up_to, level};

type Function<T> = fn(T) -> T;

struct Apply<'a> {
    which: usize,
    x: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for x in self.x.chunks_mut(S::LANES) {
            let v = simd.read(x);
            let y = match self.which {
                0 => exp(simd, v),
                1 => log(simd, v),
                2 => tanh(simd, v),
                3 => sigmoid(simd, v),
                4 => silu(simd, v),
                5 => gelu(simd, v),
                6 => silu_slope(simd, v),
                _ => gelu_slope(simd, v),
            };
            simd.write(x, y);
        }
    }
}

fn apply(limit: Level, which: usize, mut x: Vec<f32>) -> Vec<f32> {
    dispatch_up_to(limit, Apply { which, x: &mut x });
    x
}

/// `Phi(x)` in double precision, to about 1e-13: the continued fraction of the tail, or the series around zero.
pub(crate) fn normal_cdf_double(x: f64) -> f64 {
    let t = x.abs();
    let density = (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let tail = if t < 3.0 {
        // Phi(t) = 1/2 + density * (t + t^3 / 3 + t^5 / 15 + ...)
        let (mut term, mut sum, mut n) = (t, t, 1.0);
        while term > 1e-18 * sum {
            n += 2.0;
            term *= t * t / n;
            sum += term;
        }
        0.5 - density * sum
    } else {
        density / (1..200).rev().fold(t, |f, k| t + f64::from(k) / f)
    };
    if x > 0.0 { 1.0 - tail } else { tail }
}

fn sigmoid_double(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Functions with their bounds in units of the result: with fused multiply-add, and without.
const EXACT: [(&str, Function<f64>, [f64; 2]); 6] = [
    ("exp", f64::exp, [1.0, 1.0]),
    ("log", f64::ln, [1.0, 1.0]),
    ("tanh", f64::tanh, [2.0, 2.25]),
    ("sigmoid", sigmoid_double, [2.0, 2.0]),
    ("silu", |x| x * sigmoid_double(x), [2.0, 2.25]),
    ("gelu", |x| x * normal_cdf_double(x), [2.0, 64.0]),
];

/// Whether kernels that are dispatched up to this level round a product and a sum together.
pub(crate) fn is_fused(limit: Level) -> bool {
    cfg!(target_arch = "aarch64") || (limit != Level::Plain && level() != Level::Plain)
}

/// Every binade with many mantissas, both signs.
fn sweep() -> Vec<f32> {
    (0..u32::MAX / 4099).map(|i| f32::from_bits(i * 4099)).filter(|x| x.is_finite()).collect()
}

/// How many numbers of single precision lie between, as a fraction.
fn ulps(found: f32, want: f64) -> f64 {
    let size = (want.abs() as f32).max(f32::MIN_POSITIVE);
    let ulp = f64::from(f32::from_bits(size.to_bits() + 1)) - f64::from(size);
    (f64::from(found) - want).abs() / ulp
}

#[test]
fn every_function_is_within_its_bound_in_every_binade() {
    let sweep = sweep();
    for limit in [Level::Plain, Level::Avx2, Level::Avx512] {
        for (which, (name, exact, bounds)) in EXACT.into_iter().enumerate() {
            let mut worst = (0.0, 0.0_f32, 0.0_f32);
            for (&x, y) in sweep.iter().zip(apply(limit, which, sweep.clone())) {
                let want = exact(f64::from(x));
                if want.is_nan() || (want as f32).is_infinite() {
                    assert!(y.is_nan() == want.is_nan() && (y.is_nan() || y == want as f32), "{name}({x:e}) = {y:e}");
                    continue;
                }
                let off = ulps(y, want);
                if off > worst.0 {
                    worst = (off, x, y);
                }
            }
            let bound = bounds[usize::from(!is_fused(limit))];
            assert!(worst.0 <= bound, "{name} at {limit:?}: {:.3} ulp at {:e}, found {:e}", worst.0, worst.1, worst.2);
        }
    }
}

#[test]
fn special_values() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let special = || vec![0.0, -0.0, inf, -inf, nan, -1.0, f32::MIN_POSITIVE / 4.0, f32::MAX, f32::MIN];
    for limit in [Level::Plain, Level::Avx2, Level::Avx512] {
        for (which, (name, exact, _)) in EXACT.into_iter().enumerate() {
            for (x, y) in special().into_iter().zip(apply(limit, which, special())) {
                let want = exact(f64::from(x)) as f32;
                // Where the exact function is zero times infinity.
                let want = if which >= 4 && x.is_infinite() { x.max(0.0) } else { want };
                let same =
                    y == want || (y.is_nan() && want.is_nan()) || (y - want).abs() <= 2.0 * f32::EPSILON * want.abs();
                assert!(same, "{name}({x:e}) at {limit:?}: {y:e}, not {want:e}");
            }
        }
    }
}

#[test]
fn slopes_are_the_derivatives_also_far_out() {
    let x: Vec<f32> = (-4000..4000).map(|i| i as f32 / 25.0).collect();
    let silu_double = |x: f64| sigmoid_double(x) * (1.0 + x * sigmoid_double(-x));
    let gelu_double = |x: f64| normal_cdf_double(x) + x * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    for limit in [Level::Plain, Level::Avx2, Level::Avx512] {
        for (which, exact) in [(6, &silu_double as &dyn Fn(f64) -> f64), (7, &gelu_double)] {
            for (&x, found) in x.iter().zip(apply(limit, which, x.clone())) {
                let off = (f64::from(found) - exact(f64::from(x))).abs();
                assert!(off <= 4.0 * f64::from(f32::EPSILON), "{which} at {x}, {limit:?}: {found}");
            }
            let ends = apply(limit, which, vec![f32::NEG_INFINITY, f32::INFINITY, f32::NAN]);
            assert!(ends[..2] == [0.0, 1.0] && ends[2].is_nan(), "{ends:?}");
        }
    }
}

/// Either function of many numbers in double precision, eight at a time.
struct Double<'a> {
    log: bool,
    x: &'a mut [f64],
}

impl Kernel for Double<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for x in self.x.as_chunks_mut::<8>().0 {
            let v = simd.load_double(x);
            let y = if self.log { log_double(simd, v) } else { exp_double(simd, v) };
            simd.store_double(x, y);
        }
    }
}

/// Compares with the standard library's, to one unit in the last place, and two without fused multiply-add.
fn compare_double(log: bool, x: &[f64], exact: impl Fn(f64) -> f64) {
    for limit in [Level::Plain, Level::Avx2, Level::Avx512] {
        let mut y = x.to_vec();
        dispatch_up_to(limit, Double { log, x: &mut y });
        // Without fused multiply-add the argument's rest is rounded once more.
        let bound = if limit == Level::Plain || level() == Level::Plain { 2.0 } else { 1.0 };
        for (x, y) in x.iter().zip(&y) {
            let wanted = exact(*x);
            if wanted.is_nan() || wanted.is_infinite() || wanted == 0.0 {
                assert!(wanted == *y || wanted.is_nan() && y.is_nan(), "{limit:?} {x}: {y}");
                continue;
            }
            let ulp = f64::from_bits(wanted.abs().to_bits() + 1) - wanted.abs();
            assert!((wanted - y).abs() <= bound * ulp, "{limit:?} {x:e}: {y:e} against {wanted:e}");
        }
    }
}

#[test]
fn the_exponential_in_double_precision_is_right_to_one_ulp() {
    let at = |i: i32| -746.0 + f64::from(i) * (1457.0 / 399_992.0) + f64::from(i % 97) * 1e-9;
    let mut x: Vec<f64> = (0..399_992).map(at).collect();
    x.extend([0.0, -0.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e-300, 709.7]);
    compare_double(false, &x, f64::exp);
}

#[test]
fn the_logarithm_in_double_precision_is_right_to_one_ulp() {
    // All binades, the subnormal ones too, and close around one, where the result is small.
    let wide = (0..400_000_u64).map(|i| f64::from_bits(i * (f64::INFINITY.to_bits() / 400_000) + i % 97));
    let near = (0..400_000_i32).map(|i| 1.0 + f64::from(i - 200_000) * 2.5e-6);
    let mut x: Vec<f64> = wide.chain(near).collect();
    x.extend((0..64).map(|i| 1.0 + 0.5_f64.powi(i) * (f64::from(i % 2) - 0.5)));
    let rare = [0.0, -0.0, -1.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX];
    x.extend(rare);
    // One of them among common numbers.
    x.extend(rare.iter().flat_map(|rare| [0.5, 2.0, *rare, 1.0, 3.0, 1e300, 1e-300, 0.7]));
    compare_double(true, &x, f64::ln);
}
