//! Softmax over rows, and cross-entropy with soft targets.

use crate::math;
use crate::parallel::{CHUNK, chunks};
use crate::simd::{Kernel, Simd, Twice, dispatch};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Softmax {
    /// `p_j = e^{z_j - m} / sum_k e^{z_k - m}`, m the row's largest.
    Probabilities,
    /// `ln p_j = z_j - m - ln sum_k e^{z_k - m}`.
    Logarithms,
}

impl Softmax {
    /// Over each row of `width` numbers. A row that has infinity or only minus infinity becomes NaN, as the limit does not
    /// exist.
    ///
    /// ```
    /// use tenfold_kernels::softmax::Softmax;
    /// let mut p = [0.0; 2];
    /// Softmax::Probabilities.forward(&[1e4, 1e4], 2, &mut p);
    /// assert_eq!(p, [0.5, 0.5]);
    /// ```
    ///
    /// # Panics
    /// If lengths differ or are no whole rows.
    pub fn forward(self, z: &[f32], width: usize, y: &mut [f32]) {
        assert_eq!(z.len(), y.len(), "as many outputs as inputs");
        let block = rows_of(y.len(), width);
        chunks(y, block, 16 * z.len(), |i, y| {
            dispatch(Rows { which: self, z: &z[i * block..][..y.len()], width, y });
        });
    }

    /// The gradient in z from that in y, in place, and from y: `dz = p (dy - sum p dy)`, and `dz = dy - p sum dy` for the
    /// logarithms.
    ///
    /// # Panics
    /// If lengths differ or are no whole rows.
    pub fn gradient(self, y: &[f32], width: usize, dy: &mut [f32]) {
        assert_eq!(y.len(), dy.len(), "as many gradients as outputs");
        let block = rows_of(y.len(), width);
        chunks(dy, block, 8 * y.len(), |i, dy| {
            dispatch(RowGradients { which: self, y: &y[i * block..][..dy.len()], width, dy });
        });
    }
}

/// `l_i = sum_j t_ij (ln sum_k e^{z_ik} - z_ij)` for `z`, `t` `[n, width]`.
///
/// ```
/// let mut losses = [0.0];
/// tenfold_kernels::softmax::cross_entropy(&[1e4, 0.0], &[1.0, 0.0], 2, &mut losses);
/// assert_eq!(losses, [0.0]);
/// ```
///
/// # Panics
/// If lengths do not go together.
pub fn cross_entropy(z: &[f32], t: &[f32], width: usize, losses: &mut [f32]) {
    assert!(z.len() == t.len() && z.len() == losses.len() * width, "one loss per row of {width}");
    let block = (CHUNK / width.max(1)).max(1);
    chunks(losses, block, 16 * z.len(), |i, losses| {
        for (j, loss) in losses.iter_mut().enumerate() {
            let row = (i * block + j) * width..(i * block + j + 1) * width;
            *loss = dispatch(Loss { z: &z[row.clone()], t: &t[row] });
        }
    });
}

/// The gradient of [`cross_entropy`] in z: `dz_ij = s_i (p_ij sum_k t_ik - t_ij)`, s the losses' gradients.
///
/// # Panics
/// If lengths do not go together.
pub fn cross_entropy_gradient(z: &[f32], t: &[f32], scales: &[f32], width: usize, dz: &mut [f32]) {
    let len = scales.len() * width;
    assert!(z.len() == len && t.len() == len && dz.len() == len, "one gradient per row of {width}");
    let block = rows_of(len, width);
    chunks(dz, block, 16 * len, |i, dz| {
        Softmax::Probabilities.forward_here(&z[i * block..][..dz.len()], width, dz);
        let rows = dz.chunks_exact_mut(width).zip(t[i * block..].chunks_exact(width));
        for ((dz, t), scale) in rows.zip(&scales[i * block / width..]) {
            let total: f32 = t.iter().sum();
            dz.iter_mut().zip(t).for_each(|(dz, t)| *dz = scale * (*dz * total - t));
        }
    });
}

impl Softmax {
    /// [`forward`](Self::forward) on this thread.
    fn forward_here(self, z: &[f32], width: usize, y: &mut [f32]) {
        dispatch(Rows { which: self, z, width, y });
    }
}

/// Numbers in a chunk of whole rows.
fn rows_of(len: usize, width: usize) -> usize {
    assert!(len == 0 || (width > 0 && len.is_multiple_of(width)), "{len} numbers in rows of {width}");
    width.max(1) * (CHUNK / width.max(1)).max(1)
}

/// The largest number of a row and the sum of `e^(z - largest)`, which are written to `y` if there is one.
#[inline(always)]
fn largest_and_sum<S: Simd>(simd: S, z: &[f32], mut y: Option<&mut [f32]>) -> (f32, f32) {
    let simd = Twice(simd);
    let lanes = 2 * S::LANES;
    let mut largest = simd.splat(f32::NEG_INFINITY);
    for part in z.chunks(lanes) {
        let v = if part.len() == lanes { simd.load(part) } else { simd.load_part(part, f32::NEG_INFINITY) };
        largest = simd.max(v, largest);
    }
    let largest = simd.largest(largest);
    let shift = simd.splat(largest);
    let mut sum = simd.zero();
    let full = z.len() / lanes * lanes;
    for (i, part) in z[..full].chunks_exact(lanes).enumerate() {
        let e = math::exp(simd, simd.sub(simd.load(part), shift));
        sum = simd.add(sum, e);
        if let Some(y) = &mut y {
            simd.store(&mut y[i * lanes..], e);
        }
    }
    let mut total = simd.sum(sum);
    if full < z.len() {
        let rest = &z[full..];
        let e = math::exp(simd, simd.sub(simd.load_part(rest, f32::NEG_INFINITY), shift));
        // Lanes beyond the row are e^-infinity, zero, unless the whole row is NaN already.
        total += simd.sum(e);
        if let Some(y) = &mut y {
            simd.store_part(&mut y[full..], e);
        }
    }
    (largest, total)
}

struct Rows<'a> {
    which: Softmax,
    z: &'a [f32],
    width: usize,
    y: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (z, y) in self.z.chunks_exact(self.width).zip(self.y.chunks_exact_mut(self.width)) {
            match self.which {
                Softmax::Probabilities => {
                    let (_, sum) = largest_and_sum(simd, z, Some(y));
                    let scale = simd.splat(1.0 / sum);
                    y.chunks_mut(S::LANES).for_each(|y| simd.write(y, simd.mul(simd.read(y), scale)));
                }
                Softmax::Logarithms => {
                    let (largest, sum) = largest_and_sum(simd, z, None);
                    let (shift, log) = (simd.splat(largest), simd.splat(sum.ln()));
                    y.chunks_mut(S::LANES)
                        .zip(z.chunks(S::LANES))
                        .for_each(|(y, z)| simd.write(y, simd.sub(simd.sub(simd.read(z), shift), log)));
                }
            }
        }
    }
}

struct RowGradients<'a> {
    which: Softmax,
    y: &'a [f32],
    width: usize,
    dy: &'a mut [f32],
}

impl Kernel for RowGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (y, dy) in self.y.chunks_exact(self.width).zip(self.dy.chunks_exact_mut(self.width)) {
            let mut sum = simd.zero();
            for (y, dy) in y.chunks(S::LANES).zip(dy.chunks(S::LANES)) {
                let weight = match self.which {
                    Softmax::Probabilities => simd.read(y),
                    Softmax::Logarithms => simd.splat(1.0),
                };
                sum = simd.fma(weight, simd.read(dy), sum);
            }
            let sum = simd.splat(simd.sum(sum));
            for (y, dy) in y.chunks(S::LANES).zip(dy.chunks_mut(S::LANES)) {
                let (y, d) = (simd.read(y), simd.read(dy));
                let dz = match self.which {
                    Softmax::Probabilities => simd.mul(y, simd.sub(d, sum)),
                    Softmax::Logarithms => simd.neg_fma(math::exp(simd, y), sum, d),
                };
                simd.write(dy, dz);
            }
        }
    }
}

struct Loss<'a> {
    z: &'a [f32],
    t: &'a [f32],
}

impl Kernel for Loss<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        let (largest, sum) = largest_and_sum(simd, self.z, None);
        let (shift, log) = (simd.splat(largest), simd.splat(sum.ln()));
        let mut loss = simd.zero();
        for (z, t) in self.z.chunks(S::LANES).zip(self.t.chunks(S::LANES)) {
            // Beyond the row t is zero, and z some number.
            loss = simd.fma(simd.read(t), simd.add(simd.sub(shift, simd.read(z)), log), loss);
        }
        simd.sum(loss)
    }
}

/// Replaces a row of scores by its softmax; returns `ln sum e^z`.
pub(crate) struct RowInPlace<'a>(pub(crate) &'a mut [f32]);

impl Kernel for RowInPlace<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        let mut largest = simd.splat(f32::NEG_INFINITY);
        for part in self.0.chunks(S::LANES) {
            let v = if part.len() == S::LANES { simd.load(part) } else { simd.load_part(part, f32::NEG_INFINITY) };
            largest = simd.max(v, largest);
        }
        let largest = simd.largest(largest);
        let sum = exponentials(simd, self.0, largest);
        let scale = simd.splat(1.0 / sum);
        self.0.chunks_mut(S::LANES).for_each(|y| simd.write(y, simd.mul(simd.read(y), scale)));
        largest + sum.ln()
    }
}

/// Replaces a row z by `e^(z - shift)`; returns the sum.
#[inline(always)]
fn exponentials<S: Simd>(simd: S, z: &mut [f32], shift: f32) -> f32 {
    let simd = Twice(simd);
    let lanes = 2 * S::LANES;
    let shift = simd.splat(shift);
    let mut sum = simd.zero();
    for part in z.chunks_mut(lanes) {
        let whole = part.len() == lanes;
        let v = if whole { simd.load(part) } else { simd.load_part(part, f32::NEG_INFINITY) };
        let e = math::exp(simd, simd.sub(v, shift));
        sum = simd.add(sum, e);
        simd.write(part, e);
    }
    simd.sum(sum)
}

/// Replaces a row of scores by `e^(z - shift)`: its softmax where the shift is `ln sum e^z`.
pub(crate) struct Recompute<'a>(pub(crate) &'a mut [f32], pub(crate) f32);

impl Kernel for Recompute<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        exponentials(simd, self.0, self.1);
    }
}

#[cfg(test)]
mod tests;
