//! A linear layer with its bias and activation.
//!
//! `y = f(x W + b)` for `x [m, k]`, `W [k, n]`, `b [n]`: one matrix product, whose parts meet bias and activation while they
//! are in the cache.
//!
//! # Safety of this module
//! What comes after the activation is written by the parts of the product, which do not overlap.

use crate::disjoint::Disjoint;
use crate::elementwise::{self, Unary};
use crate::product::{Matrix, product, product_then};
use crate::reduce::column_sums;

/// Sizes of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Rows of the input, m.
    pub rows: usize,
    /// Columns of the input, k.
    pub inputs: usize,
    /// Columns of the output, n.
    pub outputs: usize,
}

impl Linear {
    /// `y = f(x W + b)`, without f where there is none. `before`, if given, receives `x W + b`.
    ///
    /// ```
    /// use tenfold_kernels::{elementwise::Unary, linear::Linear};
    /// let layer = Linear { rows: 1, inputs: 2, outputs: 2 };
    /// let (mut y, mut z) = ([0.0; 2], [0.0; 2]);
    /// let (w, b) = ([1.0, 3.0, 0.0, -5.0], [0.5, 0.5]);
    /// layer.forward(&[1.0, 2.0], &w, Some(&b), Some(Unary::Relu), &mut y, Some(&mut z));
    /// assert_eq!((y, z), ([1.5, 0.0], [1.5, -6.5]));
    /// ```
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn forward(
        &self,
        x: &[f32],
        w: &[f32],
        bias: Option<&[f32]>,
        f: Option<Unary>,
        y: &mut [f32],
        before: Option<&mut [f32]>,
    ) {
        let &Self { rows, inputs, outputs } = self;
        assert!(bias.is_none_or(|bias| bias.len() == outputs), "bias: one number per output");
        assert!(before.as_ref().is_none_or(|z| z.len() == y.len()), "as many numbers before the activation as after");
        let (z, after) = match before {
            Some(before) => (before, Some(Disjoint::new(y))),
            None => (y, None),
        };
        // While a part of the product is in the cache.
        let finish = |at: usize, z: &mut [f32]| {
            if let Some(bias) = bias {
                for row in z.chunks_mut(outputs) {
                    row.iter_mut().zip(&bias[at % outputs..]).for_each(|(z, b)| *z += b);
                }
            }
            match (&after, f) {
                (None, None) => {}
                (None, Some(f)) => elementwise::apply_here(f, None, z),
                (Some(after), f) => {
                    // SAFETY: parts of the product do not overlap, and this is the same part.
                    let y = unsafe { after.part(at, z.len()) };
                    match f {
                        None => y.copy_from_slice(z),
                        Some(f) => elementwise::apply_here(f, Some(z), y),
                    }
                }
            }
        };
        product_then(Matrix::new(x, rows, inputs), Matrix::new(w, inputs, outputs), z, finish);
    }

    /// The gradient in the input, from that before the activation: `dx = dz W^T`.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn input_gradient(&self, w: &[f32], dz: &[f32], dx: &mut [f32]) {
        let &Self { rows, inputs, outputs } = self;
        product(Matrix::new(dz, rows, outputs), Matrix::new(w, inputs, outputs).transpose(), dx, false);
    }

    /// The gradient in the weight: `dW = x^T dz`.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn weight_gradient(&self, x: &[f32], dz: &[f32], dw: &mut [f32]) {
        let &Self { rows, inputs, outputs } = self;
        product(Matrix::new(x, rows, inputs).transpose(), Matrix::new(dz, rows, outputs), dw, false);
    }

    /// The gradient in the bias: `db = sum_i dz_i`.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn bias_gradient(&self, dz: &[f32], db: &mut [f32]) {
        assert_eq!(dz.len(), self.rows * self.outputs, "dz: expected [{}, {}]", self.rows, self.outputs);
        column_sums(dz, self.outputs, db);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_directions_are_the_definition() {
        let exact = |len: usize, seed: usize| -> Vec<f32> {
            (0..len).map(|i| ((i * 37 + seed * 11) % 33) as f32 / 16.0 - 1.0).collect()
        };
        for (rows, inputs, outputs) in [(0, 3, 2), (1, 1, 1), (5, 7, 3), (70, 12, 9)] {
            let layer = Linear { rows, inputs, outputs };
            let (x, w, b) = (exact(rows * inputs, 1), exact(inputs * outputs, 2), exact(outputs, 3));
            let dz = exact(rows * outputs, 4);
            let mut y = vec![f32::NAN; rows * outputs];
            let z = |i: usize, j: usize| (0..inputs).map(|p| x[i * inputs + p] * w[p * outputs + j]).sum::<f32>();
            let mut before = y.clone();
            let cases =
                [(None, None), (None, Some(Unary::Relu)), (Some(b.as_slice()), None), (Some(&b), Some(Unary::Relu))];
            for ((bias, f), kept) in cases.into_iter().flat_map(|case| [(case, false), (case, true)]) {
                layer.forward(&x, &w, bias, f, &mut y, kept.then_some(&mut before));
                for (i, j) in (0..rows).flat_map(|i| (0..outputs).map(move |j| (i, j))) {
                    let z = z(i, j) + bias.map_or(0.0, |b| b[j]);
                    assert_eq!(y[i * outputs + j], if f.is_some() { z.max(0.0) } else { z });
                    assert!(!kept || before[i * outputs + j] == z);
                }
            }
            let (mut dx, mut dw, mut db) = (vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; outputs]);
            layer.input_gradient(&w, &dz, &mut dx);
            layer.weight_gradient(&x, &dz, &mut dw);
            layer.bias_gradient(&dz, &mut db);
            for (i, p) in (0..rows).flat_map(|i| (0..inputs).map(move |p| (i, p))) {
                let want: f32 = (0..outputs).map(|j| dz[i * outputs + j] * w[p * outputs + j]).sum();
                assert_eq!(dx[i * inputs + p], want);
            }
            for (p, j) in (0..inputs).flat_map(|p| (0..outputs).map(move |j| (p, j))) {
                let want: f32 = (0..rows).map(|i| x[i * inputs + p] * dz[i * outputs + j]).sum();
                assert_eq!(dw[p * outputs + j], want);
            }
            for j in 0..outputs {
                assert_eq!(db[j], (0..rows).map(|i| dz[i * outputs + j]).sum::<f32>());
            }
        }
    }

    #[test]
    fn nan_passes_a_relu() {
        let mut y = [0.0];
        Linear { rows: 1, inputs: 1, outputs: 1 }.forward(&[f32::NAN], &[1.0], None, Some(Unary::Relu), &mut y, None);
        assert!(y[0].is_nan());
    }
}
