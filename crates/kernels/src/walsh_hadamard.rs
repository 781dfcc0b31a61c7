//! The fast Walsh-Hadamard transform of rows.

use crate::parallel::{CHUNK, chunks};
use crate::simd::{Kernel, Simd, dispatch};

/// Replaces each row x of `width` numbers by `H x`, with `H_ij = (-1)^popcount(i & j)`: natural order, unnormalised.
///
/// ```
/// let mut x = [1.0, 2.0, 3.0, 4.0];
/// tenfold_kernels::walsh_hadamard::walsh_hadamard(&mut x, 4);
/// assert_eq!(x, [10.0, -2.0, -4.0, 0.0]);
/// ```
///
/// # Panics
/// If the width is not a power of two, or `x` no whole rows.
pub fn walsh_hadamard(x: &mut [f32], width: usize) {
    assert!(width.is_power_of_two(), "width = {width}: the transform needs a power of two");
    assert!(x.len().is_multiple_of(width), "{} numbers in rows of {width}", x.len());
    let work = x.len() * (1 + width.ilog2() as usize);
    chunks(x, width * (CHUNK / width).max(1), work, |_, rows| dispatch(Rows(rows, width)));
}

struct Rows<'a>(&'a mut [f32], usize);

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self(rows, width) = self;
        for row in rows.chunks_exact_mut(width) {
            let mut half = 1;
            while half < width && half < S::LANES {
                for block in row.chunks_exact_mut(2 * half) {
                    let (a, b) = block.split_at_mut(half);
                    a.iter_mut().zip(b).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
                }
                half *= 2;
            }
            while half < width {
                for block in row.chunks_exact_mut(2 * half) {
                    let (a, b) = block.split_at_mut(half);
                    for (a, b) in a.chunks_exact_mut(S::LANES).zip(b.chunks_exact_mut(S::LANES)) {
                        let (x, y) = (simd.load(a), simd.load(b));
                        simd.store(a, simd.add(x, y));
                        simd.store(b, simd.sub(x, y));
                    }
                }
                half *= 2;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_matrix_for_every_width() {
        for log in 0..8 {
            let n = 1_usize << log;
            let x: Vec<f32> = (0..3 * n).map(|i| ((i * 37) % 64) as f32 - 31.0).collect();
            let mut y = x.clone();
            walsh_hadamard(&mut y, n);
            for (x, y) in x.chunks_exact(n).zip(y.chunks_exact(n)) {
                for (i, y) in y.iter().enumerate() {
                    let sign = |j: usize| if (i & j).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
                    assert_eq!(*y, x.iter().enumerate().map(|(j, x)| sign(j) * x).sum::<f32>(), "exact in any order");
                }
            }
        }
        walsh_hadamard(&mut [], 4);
    }
}
