//! Sums of numbers, of their squares, and of weighted rows' squares.

use crate::simd::{EIGHT, Kernel, Simd, dispatch};

/// The sum of numbers, in lanes that do not wait for each other.
#[inline(always)]
pub fn total<S: Simd>(simd: S, a: &[f64]) -> f64 {
    let (eights, rest) = a.as_chunks::<EIGHT>();
    let mut sum = simd.splat_double(0.0);
    for a in eights {
        sum = simd.add_double(sum, simd.load_double(a));
    }
    rest.iter().fold(simd.sum_double(sum), |sum, a| sum + a)
}

/// `||a||^2`.
#[inline(always)]
pub fn square<S: Simd>(simd: S, a: &[f64]) -> f64 {
    squares_about(simd, a, 0.0)
}

/// `sum_i (a_i - centre)^2`.
#[inline(always)]
pub fn squares_about<S: Simd>(simd: S, a: &[f64], centre: f64) -> f64 {
    let (eights, rest) = a.as_chunks::<EIGHT>();
    let (all, mut sum) = (simd.splat_double(centre), simd.splat_double(0.0));
    for a in eights {
        let e = simd.sub_double(simd.load_double(a), all);
        sum = simd.fma_double(e, e, sum);
    }
    rest.iter().fold(simd.sum_double(sum), |sum, a| sum + (a - centre) * (a - centre))
}

/// `||sum_t w_t e_t||^2` for rows e of `width` numbers, for each of several weightings of as many weights as there are rows.
///
/// ```
/// use tenfold_kernels::eights::squares_of_sums;
/// // Two rows, of which the first weighting takes the difference.
/// let rows = [[1.0; 8], [3.0; 8]].concat();
/// let mut squares = [0.0; 2];
/// squares_of_sums(&rows, 8, &[-1.0, 1.0, 1.0, 0.0], &mut squares);
/// assert_eq!(squares, [32.0, 8.0]);
/// ```
///
/// # Panics
/// If `width` is not whole eights, `rows` not whole rows, or `weights` not one for each row and square.
pub fn squares_of_sums(rows: &[f64], width: usize, weights: &[f64], squares: &mut [f64]) {
    assert!(width > 0 && width.is_multiple_of(EIGHT), "{width} numbers are not whole eights");
    assert!(rows.len().is_multiple_of(width), "{} numbers in rows of {width}", rows.len());
    assert_eq!(weights.len(), rows.len() / width * squares.len(), "a weight for each row and square");
    squares.fill(0.0);
    if !rows.is_empty() {
        dispatch(SquaresOfSums { rows, width, weights, squares });
    }
}

struct SquaresOfSums<'a> {
    rows: &'a [f64],
    width: usize,
    /// A list for each square.
    weights: &'a [f64],
    /// Zeros.
    squares: &'a mut [f64],
}

impl Kernel for SquaresOfSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { rows, width, weights, squares } = self;
        let count = rows.len() / width;
        // Eight numbers of every row at a time: they stay in the first-level cache for all weightings.
        for first in (0..width).step_by(EIGHT) {
            for (square, weights) in squares.iter_mut().zip(weights.chunks_exact(count)) {
                let mut sum = simd.splat_double(0.0);
                for (e, &w) in rows[first..].as_chunks::<EIGHT>().0.iter().step_by(width / EIGHT).zip(weights) {
                    sum = simd.fma_double(simd.splat_double(w), simd.load_double(e), sum);
                }
                *square += simd.sum_double(simd.fma_double(sum, sum, simd.splat_double(0.0)));
            }
        }
    }
}
