//! Products of a vector and a matrix, which are read once: packing them would cost more than it saves.

use super::Matrix;
use crate::parallel;
use crate::simd::{Kernel, Simd, dispatch};

/// Columns of a row-major matrix, or rows of a transposed one, that a task works on.
const COLUMNS: usize = 64;

/// Sums that grow at once, so that no addition waits for the one before.
const SUMS: usize = 8;

/// `c = s x B`, or `c += s x B`.
pub(super) fn product(x: &[f32], b: Matrix, scale: f32, add: bool, c: &mut [f32]) {
    // One multiplication for each number read: as dear as an elementwise operation.
    let work = b.values.len();
    parallel::chunks(c, COLUMNS, work, |i, c| {
        let part = Part { x, b, first: i * COLUMNS, scale, add, c };
        if b.transposed || b.columns == 1 { dispatch(Dots(part)) } else { dispatch(Rows(part)) }
    });
}

struct Part<'a> {
    x: &'a [f32],
    b: Matrix<'a>,
    first: usize,
    scale: f32,
    add: bool,
    c: &'a mut [f32],
}

/// Columns that lie as rows: one inner product each.
struct Dots<'a>(Part<'a>);

impl Kernel for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Part { x, b, first, scale, add, c } = self.0;
        let width = SUMS * S::LANES;
        for (j, c) in c.iter_mut().enumerate() {
            let column = &b.values[(first + j) * b.rows..][..b.rows];
            let mut sums = [simd.zero(); SUMS];
            let (x_groups, columns) = (x.chunks_exact(width), column.chunks_exact(width));
            let (x_rest, rest) = (x_groups.remainder(), columns.remainder());
            for (x, column) in x_groups.zip(columns) {
                for (s, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.fma(simd.load(&x[s * S::LANES..]), simd.load(&column[s * S::LANES..]), *sum);
                }
            }
            for ((sum, x), y) in sums.iter_mut().zip(x_rest.chunks(S::LANES)).zip(rest.chunks(S::LANES)) {
                *sum = simd.fma(simd.read(x), simd.read(y), *sum);
            }
            let mut total = simd.zero();
            for sum in sums {
                total = simd.add(total, sum);
            }
            let dot = scale * simd.sum(total);
            *c = if add { *c + dot } else { dot };
        }
    }
}

/// Rows as they lie: a multiple of each is added.
struct Rows<'a>(Part<'a>);

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Part { x, b, first, scale, add, c } = self.0;
        let (width, scale) = (SUMS * S::LANES, simd.splat(scale));
        for (group, c) in c.chunks_mut(width).enumerate() {
            let first = first + group * width;
            let mut sums = [simd.zero(); SUMS];
            for (&x, row) in x.iter().zip(b.values.chunks_exact(b.columns)) {
                let (x, row) = (simd.splat(x), &row[first..first + c.len()]);
                if row.len() == width {
                    for (s, sum) in sums.iter_mut().enumerate() {
                        *sum = simd.fma(x, simd.load(&row[s * S::LANES..]), *sum);
                    }
                    continue;
                }
                for (sum, part) in sums.iter_mut().zip(row.chunks(S::LANES)) {
                    *sum = simd.fma(x, simd.read(part), *sum);
                }
            }
            for (c, &sum) in c.chunks_mut(S::LANES).zip(&sums) {
                let value = if add { simd.fma(scale, sum, simd.read(c)) } else { simd.mul(scale, sum) };
                simd.write(c, value);
            }
        }
    }
}
