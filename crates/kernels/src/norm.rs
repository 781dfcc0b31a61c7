//! Layer normalisation and root-mean-square normalisation over rows.
//!
//! For a row x of width w: `y = gamma (x - mu) / sigma + beta` with `sigma = sqrt(mean((x - mu)^2) + epsilon)`, or, for the
//! root mean square, mu = 0 and no beta.

use crate::disjoint::Disjoint;
use crate::parallel::{self, CHUNK};
use crate::reduce::sum_of;
use crate::simd::{Kernel, Simd, dispatch};

/// A normalisation of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowNorm {
    /// Numbers in a row, w.
    pub width: usize,
    /// Whether the mean is subtracted: layer normalisation if so, root mean square if not.
    pub centred: bool,
    /// Added under the root.
    pub epsilon: f32,
}

/// Rows whose parts of the parameters' gradients are added up before they are joined.
const BLOCK: usize = 64;

impl RowNorm {
    /// Writes `y` and, for each row, mu and 1 / sigma to `moments [rows, 2]`.
    ///
    /// ```
    /// use tenfold_kernels::norm::RowNorm;
    /// let norm = RowNorm { width: 2, centred: true, epsilon: 0.0 };
    /// let (mut y, mut moments) = ([0.0; 2], [0.0; 2]);
    /// norm.forward(&[1.0, 5.0], &[1.0, 1.0], None, &mut y, &mut moments);
    /// assert_eq!((y, moments), ([-1.0, 1.0], [3.0, 0.5]));
    /// ```
    ///
    /// # Panics
    /// If lengths do not go together.
    pub fn forward(&self, x: &[f32], gamma: &[f32], beta: Option<&[f32]>, y: &mut [f32], moments: &mut [f32]) {
        let rows = self.check(&[x.len(), y.len()], gamma.len(), moments.len());
        assert!(beta.is_none_or(|beta| beta.len() == self.width), "one shift per column");
        let (block, work) = (self.block(), 8 * x.len());
        let moments = Disjoint::new(moments);
        parallel::chunks(y, block * self.width.max(1), work, |i, y| {
            let first = i * block;
            let count = block.min(rows - first);
            // SAFETY: blocks of rows do not overlap.
            let moments = unsafe { moments.part(2 * first, 2 * count) };
            let x = &x[first * self.width..][..y.len()];
            dispatch(Rows { norm: *self, x, gamma, beta, y, moments });
        });
    }

    /// The gradient in x; writes those in gamma and beta to `dgamma` and `dbeta`, both `[width]`. With
    /// `xhat = (x - mu) / sigma` and `g = gamma dy`:
    ///
    /// ```text
    /// dgamma = sum dy xhat    dbeta = sum dy    dx = (g - mean(g) - xhat mean(g xhat)) / sigma
    /// ```
    ///
    /// where `mean(g)` is left out without centring.
    ///
    /// # Panics
    /// If lengths do not go together.
    pub fn backward(
        &self,
        x: &[f32],
        gamma: &[f32],
        moments: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        [dgamma, dbeta]: [&mut [f32]; 2],
    ) {
        let rows = self.check(&[x.len(), dy.len(), dx.len()], gamma.len(), moments.len());
        assert!(dgamma.len() == self.width && dbeta.len() == self.width, "one gradient per column");
        let out = Disjoint::new(dx);
        let width = self.width;
        let parts = parallel::collect(rows.div_ceil(BLOCK), 12 * x.len(), |i| {
            let first = i * BLOCK;
            let count = BLOCK.min(rows - first);
            let mut sums = vec![0.0; 2 * width];
            let (dgamma, dbeta) = sums.split_at_mut(width);
            let part = first * width..(first + count) * width;
            dispatch(RowGradients {
                norm: *self,
                x: &x[part.clone()],
                gamma,
                moments: &moments[2 * first..][..2 * count],
                dy: &dy[part],
                // SAFETY: blocks of rows do not overlap.
                dx: unsafe { out.part(first * width, count * width) },
                dgamma,
                dbeta,
            });
            sums
        });
        dgamma.fill(0.0);
        dbeta.fill(0.0);
        for part in parts {
            dgamma.iter_mut().zip(&part[..width]).for_each(|(sum, v)| *sum += v);
            dbeta.iter_mut().zip(&part[width..]).for_each(|(sum, v)| *sum += v);
        }
    }

    fn block(&self) -> usize {
        (CHUNK / self.width.max(1)).max(1)
    }

    fn check(&self, arrays: &[usize], parameters: usize, moments: usize) -> usize {
        assert_eq!(parameters, self.width, "one scale per column");
        assert!(moments.is_multiple_of(2), "two moments per row");
        let rows = moments / 2;
        assert!(arrays.iter().all(|len| *len == rows * self.width), "{arrays:?} in {rows} rows of {}", self.width);
        rows
    }
}

struct Rows<'a> {
    norm: RowNorm,
    x: &'a [f32],
    gamma: &'a [f32],
    beta: Option<&'a [f32]>,
    y: &'a mut [f32],
    moments: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { norm: RowNorm { width, centred, epsilon }, x, gamma, beta, y, moments } = self;
        let count = width as f32;
        let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(moments.chunks_exact_mut(2));
        for ((x, y), moments) in rows {
            let mean = if centred { sum_of(simd, x, 0.0, |v| v) / count } else { 0.0 };
            let shift = simd.splat(mean);
            // A second pass over the row, which is in the cache: the difference of large sums would lose the variance.
            let squares = sum_of(simd, x, mean, |v| {
                let d = simd.sub(v, shift);
                simd.mul(d, d)
            });
            let inverse = 1.0 / (squares / count + epsilon).sqrt();
            moments.copy_from_slice(&[mean, inverse]);
            let scale = simd.splat(inverse);
            // Loops, not closures handed to an iterator: the compiler leaves those out of line, without the instructions.
            let columns = y.chunks_mut(S::LANES).zip(x.chunks(S::LANES)).zip(gamma.chunks(S::LANES));
            match beta {
                Some(beta) => {
                    for (((y, x), gamma), beta) in columns.zip(beta.chunks(S::LANES)) {
                        let xhat = simd.mul(simd.sub(simd.read(x), shift), scale);
                        simd.write(y, simd.fma(xhat, simd.read(gamma), simd.read(beta)));
                    }
                }
                None => {
                    for ((y, x), gamma) in columns {
                        let xhat = simd.mul(simd.sub(simd.read(x), shift), scale);
                        simd.write(y, simd.mul(xhat, simd.read(gamma)));
                    }
                }
            }
        }
    }
}

struct RowGradients<'a> {
    norm: RowNorm,
    x: &'a [f32],
    gamma: &'a [f32],
    moments: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
    dgamma: &'a mut [f32],
    dbeta: &'a mut [f32],
}

impl Kernel for RowGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { norm: RowNorm { width, centred, .. }, x, gamma, moments, dy, dx, dgamma, dbeta } = self;
        let rows = x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(moments.chunks_exact(2));
        for (((x, dy), moments), dx) in rows.zip(dx.chunks_exact_mut(width)) {
            let (mean, inverse) = (simd.splat(moments[0]), simd.splat(moments[1]));
            let (mut of_g, mut of_product) = (simd.zero(), simd.zero());
            let columns = x.chunks(S::LANES).zip(dy.chunks(S::LANES)).zip(gamma.chunks(S::LANES));
            let sums = dgamma.chunks_mut(S::LANES).zip(dbeta.chunks_mut(S::LANES));
            for (((x, dy), gamma), (dgamma, dbeta)) in columns.zip(sums) {
                let d = simd.read(dy);
                let xhat = simd.mul(simd.sub(simd.read(x), mean), inverse);
                // Beyond the row d is zero, so nothing is added there.
                let g = simd.mul(d, simd.read(gamma));
                of_g = simd.add(of_g, g);
                of_product = simd.fma(g, xhat, of_product);
                simd.write(dgamma, simd.fma(d, xhat, simd.read(dgamma)));
                simd.write(dbeta, simd.add(d, simd.read(dbeta)));
            }
            let count = width as f32;
            let mean_g = simd.splat(if centred { simd.sum(of_g) / count } else { 0.0 });
            let mean_product = simd.splat(simd.sum(of_product) / count);
            let columns = x.chunks(S::LANES).zip(dy.chunks(S::LANES)).zip(gamma.chunks(S::LANES));
            for (dx, ((x, dy), gamma)) in dx.chunks_mut(S::LANES).zip(columns) {
                let xhat = simd.mul(simd.sub(simd.read(x), mean), inverse);
                let g = simd.mul(simd.read(dy), simd.read(gamma));
                let centred = simd.sub(g, simd.fma(xhat, mean_product, mean_g));
                simd.write(dx, simd.mul(centred, inverse));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_gradient, double, numbers};
    use proptest::prelude::*;

    fn reference(norm: &RowNorm, x: &[f64], gamma: &[f64], beta: &[f64]) -> Vec<f64> {
        let w = norm.width as f64;
        let row = |x: &[f64]| {
            let mean = if norm.centred { x.iter().sum::<f64>() / w } else { 0.0 };
            let sigma = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / w + f64::from(norm.epsilon)).sqrt();
            let y = |(j, x): (usize, &f64)| gamma[j] * (x - mean) / sigma + beta[j];
            x.iter().enumerate().map(y).collect::<Vec<_>>()
        };
        x.chunks_exact(norm.width).flat_map(row).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 60 }))]

        #[test]
        fn values_and_gradients_are_those_of_the_definition(
            rows in 0_usize..5, width in 1_usize..40, centred: bool, shifted: bool, seed in 0.0..6.0,
        ) {
            let norm = RowNorm { width, centred, epsilon: 0.1 };
            let (x, dy) = (numbers(rows * width, seed), numbers(rows * width, seed + 1.0));
            let (gamma, beta) = (numbers(width, 2.0), if shifted { numbers(width, 3.0) } else { vec![0.0; width] });
            let (mut y, mut moments) = (vec![f32::NAN; x.len()], vec![f32::NAN; 2 * rows]);
            norm.forward(&x, &gamma, shifted.then_some(beta.as_slice()), &mut y, &mut moments);
            let [x64, g64, b64] = [double(&x), double(&gamma), double(&beta)];
            for (y, want) in y.iter().zip(reference(&norm, &x64, &g64, &b64)) {
                prop_assert!((f64::from(*y) - want).abs() < 2e-5, "{y} != {want}");
            }
            let (mut dx, mut dgamma, mut dbeta) = (vec![f32::NAN; x.len()], vec![f32::NAN; width], vec![f32::NAN; width]);
            norm.backward(&x, &gamma, &moments, &dy, &mut dx, [&mut dgamma, &mut dbeta]);
            let loss = |x: &[f64], g: &[f64], b: &[f64]| -> f64 {
                reference(&norm, x, g, b).iter().zip(&dy).map(|(y, &d)| y * f64::from(d)).sum()
            };
            check_gradient(&dx, &x64, |x| loss(x, &g64, &b64))?;
            check_gradient(&dgamma, &g64, |gamma| loss(&x64, gamma, &b64))?;
            check_gradient(&dbeta, &b64, |beta| loss(&x64, &g64, beta))?;
        }
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let norm = RowNorm { width: 70, centred: true, epsilon: 1e-5 };
        let (x, dy, gamma) = (numbers(70 * 1000, 0.0), numbers(70 * 1000, 1.0), numbers(70, 2.0));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (mut y, mut moments, mut dx) = (vec![0.0; x.len()], vec![0.0; 2000], vec![0.0; x.len()]);
                let (mut dgamma, mut dbeta) = (vec![0.0; 70], vec![0.0; 70]);
                norm.forward(&x, &gamma, None, &mut y, &mut moments);
                norm.backward(&x, &gamma, &moments, &dy, &mut dx, [&mut dgamma, &mut dbeta]);
                [y, moments, dx, dgamma, dbeta]
            })
        };
        assert_eq!(run(1), run(3));
    }
}
