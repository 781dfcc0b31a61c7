use super::*;
use crate::testing::{double, moved, numbers};
use proptest::prelude::*;

/// The loss `sum w y` in double precision, and y, from the definition.
fn reference(norm: &BatchNorm, x: &[f64], gamma: &[f64], beta: &[f64], r: &[f64]) -> Vec<f64> {
    let (n, c_count, p) = (norm.batch, norm.channels, norm.pixels);
    let mut y = vec![0.0; x.len()];
    for c in 0..c_count {
        let at = |i: usize| ((i / p) * c_count + c) * p + i % p;
        let count = (n * p) as f64;
        let mean = (0..n * p).map(|i| x[at(i)]).sum::<f64>() / count;
        let variance = (0..n * p).map(|i| (x[at(i)] - mean).powi(2)).sum::<f64>() / count;
        for i in (0..n * p).map(at) {
            let value = gamma[c] * (x[i] - mean) / (variance + EPSILON).sqrt() + beta[c] + r[i];
            y[i] = if norm.relu { value.max(0.0) } else { value };
        }
    }
    y
}

const EPSILON: f64 = 1e-2;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 60 }))]

    #[test]
    fn values_and_gradients_are_those_of_the_definition(
        batch in 1_usize..4, channels in 1_usize..4, pixels in 1_usize..40, relu: bool, residual: bool, phase in 0.0..6.0,
    ) {
        prop_assume!(batch * pixels > 1);
        let norm = BatchNorm { batch, channels, pixels, relu };
        let len = batch * channels * pixels;
        let (x, dy, r) = (numbers(len, phase), numbers(len, phase + 1.0), numbers(len, phase + 2.0));
        let (gamma, beta) = (numbers(channels, 3.0), numbers(channels, 4.0));
        let parameters = Parameters { gamma: &gamma, beta: &beta, epsilon: EPSILON as f32 };
        let zeros = vec![0.0; len];
        let r64 = if residual { double(&r) } else { zeros.clone() };

        let mut y = vec![f32::NAN; len];
        let moments = norm.forward(&x, parameters, residual.then_some(r.as_slice()), &mut y);
        let [x64, g64, b64] = [double(&x), double(&gamma), double(&beta)];
        let want = reference(&norm, &x64, &g64, &b64, &r64);
        for (y, want) in y.iter().zip(&want) {
            prop_assert!((f64::from(*y) - want).abs() < 1e-4, "{y} != {want}");
        }
        let mut again = vec![f32::NAN; len];
        norm.forward_with(&x, &moments, parameters, residual.then_some(r.as_slice()), &mut again);
        prop_assert_eq!(&y, &again);

        let (mut dx, mut dr) = (vec![f32::NAN; len], vec![f32::NAN; len]);
        let beside = residual.then_some((y.as_slice(), dr.as_mut_slice()));
        let of = norm.backward(&x, &moments, parameters, &dy, beside, &mut dx);
        // Central differences of the loss sum dy y; a step that moves an output across zero is passed over.
        let h = 1e-6;
        let check = |found: f32, moved: &dyn Fn(f64) -> Vec<f64>| -> Result<(), TestCaseError> {
            let (up, down) = (moved(h), moved(-h));
            if relu && up.iter().zip(&down).any(|(a, b)| (*a > 0.0) != (*b > 0.0)) {
                return Ok(());
            }
            let loss = |y: &[f64]| y.iter().zip(&dy).map(|(y, &d)| y * f64::from(d)).sum::<f64>();
            let want = (loss(&up) - loss(&down)) / (2.0 * h);
            prop_assert!((f64::from(found) - want).abs() < 2e-3 * (1.0 + want.abs()), "{found} != {want}");
            Ok(())
        };
        for i in 0..len.min(25) {
            check(dx[i], &|by| reference(&norm, &moved(&x64, i, by), &g64, &b64, &r64))?;
            if residual {
                check(dr[i], &|by| reference(&norm, &x64, &g64, &b64, &moved(&r64, i, by)))?;
            }
        }
        for c in 0..channels {
            check(of.gamma[c], &|by| reference(&norm, &x64, &moved(&g64, c, by), &b64, &r64))?;
            check(of.beta[c], &|by| reference(&norm, &x64, &g64, &moved(&b64, c, by), &r64))?;
        }
    }
}

#[test]
fn a_large_mean_does_not_drown_the_variance() {
    let norm = BatchNorm { batch: 2, channels: 1, pixels: 1000, relu: false };
    // 4096 + {-1/4, 1/4}: exact in single precision, squares are not.
    let x: Vec<f32> = (0..2000).map(|i| 4096.0 + if i % 2 == 0 { 0.25 } else { -0.25 }).collect();
    let parameters = Parameters { gamma: &[1.0], beta: &[0.0], epsilon: 0.0 };
    let moments = norm.forward(&x, parameters, None, &mut vec![0.0; 2000]);
    assert_eq!((moments.mean[0], moments.variance[0]), (4096.0, 0.0625));
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let norm = BatchNorm { batch: 8, channels: 16, pixels: 300, relu: true };
    let (x, dy) = (numbers(8 * 16 * 300, 0.0), numbers(8 * 16 * 300, 1.0));
    let (gamma, beta) = (numbers(16, 2.0), numbers(16, 3.0));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let parameters = Parameters { gamma: &gamma, beta: &beta, epsilon: 1e-5 };
            let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            let moments = norm.forward(&x, parameters, None, &mut y);
            let of = norm.backward(&x, &moments, parameters, &dy, None, &mut dx);
            (y, dx, of, moments)
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn nan_stays_within_its_channel() {
    let norm = BatchNorm { batch: 1, channels: 2, pixels: 9, relu: true };
    let mut x = numbers(18, 0.0);
    x[4] = f32::NAN;
    let mut y = vec![0.0; 18];
    norm.forward(&x, Parameters { gamma: &[1.0; 2], beta: &[0.0; 2], epsilon: 1e-5 }, None, &mut y);
    assert!(y[..9].iter().all(|v| v.is_nan()) && y[9..].iter().all(|v| v.is_finite()));
}
