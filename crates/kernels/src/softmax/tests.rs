use super::*;
use crate::testing::{double, numbers};
use proptest::prelude::*;

fn softmax(z: &[f64]) -> Vec<f64> {
    let largest = z.iter().fold(f64::NEG_INFINITY, |m, &v| m.max(v));
    let sum: f64 = z.iter().map(|z| (z - largest).exp()).sum();
    z.iter().map(|z| (z - largest).exp() / sum).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 100 }))]

    #[test]
    fn rows_and_gradients_are_those_of_the_definition(rows in 0_usize..6, width in 1_usize..40, seed in 0.0..6.0) {
        let (z, dy, t) = (numbers(rows * width, seed), numbers(rows * width, seed + 1.0), numbers(rows * width, seed + 2.0));
        let t: Vec<f32> = t.iter().map(|t| t.abs()).collect();
        let close = |found: f32, want: f64| {
            // Sums of up to forty terms of size six, in single precision.
            let ok = (f64::from(found) - want).abs() <= 512.0 * f64::from(f32::EPSILON) * (1.0 + want.abs());
            prop_assert!(ok, "{found} != {want}");
            Ok(())
        };
        for which in [Softmax::Probabilities, Softmax::Logarithms] {
            let mut y = vec![f32::NAN; rows * width];
            which.forward(&z, width, &mut y);
            let mut dz = dy.clone();
            which.gradient(&y, width, &mut dz);
            for r in 0..rows {
                let row = r * width..(r + 1) * width;
                let p = softmax(&double(&z[row.clone()]));
                let d = double(&dy[row.clone()]);
                let (weighted, sum): (f64, f64) = (p.iter().zip(&d).map(|(p, d)| p * d).sum(), d.iter().sum());
                for j in 0..width {
                    match which {
                        Softmax::Probabilities => {
                            close(y[row.start + j], p[j])?;
                            close(dz[row.start + j], p[j] * (d[j] - weighted))?;
                        }
                        Softmax::Logarithms => {
                            close(y[row.start + j], p[j].ln())?;
                            close(dz[row.start + j], d[j] - p[j] * sum)?;
                        }
                    }
                }
            }
        }
        let mut losses = vec![f32::NAN; rows];
        cross_entropy(&z, &t, width, &mut losses);
        let scales = numbers(rows, 9.0);
        let mut dz = vec![f32::NAN; rows * width];
        cross_entropy_gradient(&z, &t, &scales, width, &mut dz);
        for r in 0..rows {
            let row = r * width..(r + 1) * width;
            let (p, t) = (softmax(&double(&z[row.clone()])), double(&t[row.clone()]));
            let loss: f64 = p.iter().zip(&t).map(|(p, t)| -t * p.ln()).sum();
            prop_assert!((f64::from(losses[r]) - loss).abs() <= 1e-5 * (1.0 + loss.abs()), "{} != {loss}", losses[r]);
            let total: f64 = t.iter().sum();
            for j in 0..width {
                let want = f64::from(scales[r]) * (p[j] * total - t[j]);
                let off = (f64::from(dz[row.start + j]) - want).abs();
                prop_assert!(off <= 1e-5 * (1.0 + total), "{} != {want}", dz[row.start + j]);
            }
        }
    }
}

#[test]
fn rows_without_a_limit_are_nan_and_others_are_not_touched() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let z = [-inf, -inf, -inf, 1.0, -inf, 1.0, 1.0, nan, 0.0, inf, 0.0, 0.0];
    let mut y = [0.0; 12];
    Softmax::Probabilities.forward(&z, 3, &mut y);
    assert!(y[..3].iter().all(|y| y.is_nan()));
    assert_eq!(y[3..6], [0.5, 0.0, 0.5]);
    assert!(y[6..9].iter().all(|y| y.is_nan()), "{y:?}");
    assert!(y[9].is_nan());
}
