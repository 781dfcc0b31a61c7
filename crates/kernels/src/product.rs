//! Matrix products of row-major matrices.
//!
//! # Safety of this module
//! The one call of `gemm` is given pointers and strides of slices whose lengths were checked against the sizes.

use gemm::Parallelism;

/// A matrix `[rows, columns]` as it lies in a slice.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    transposed: bool,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix.
    ///
    /// # Panics
    /// If the slice does not hold `rows * columns` numbers.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "expected [{rows}, {columns}]");
        Self { values, rows, columns, transposed: false }
    }

    /// Its transpose, `[columns, rows]`, without moving anything.
    pub fn transpose(self) -> Self {
        Self { rows: self.columns, columns: self.rows, transposed: !self.transposed, ..self }
    }

    /// Numbers from one row to the next, and from one column to the next.
    fn strides(&self) -> [isize; 2] {
        if self.transposed { [1, self.rows as isize] } else { [self.columns as isize, 1] }
    }
}

/// `C = A B`, or `C += A B`, for `A [m, k]`, `B [k, n]` and `C [m, n]`. Threads share `C`, never a sum.
///
/// ```
/// use tenfold_kernels::product::{Matrix, product};
/// let a = Matrix::new(&[1.0, 2.0, 3.0, 4.0], 2, 2);
/// let mut c = [0.0; 4];
/// product(a, a.transpose(), &mut c, false);
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// ```
///
/// # Panics
/// If sizes do not go together.
pub fn product(a: Matrix, b: Matrix, c: &mut [f32], add: bool) {
    let parallel = match rayon::current_num_threads() > 1 && c.len() * a.columns >= WORTH_A_THREAD {
        true => Parallelism::Rayon(0),
        false => Parallelism::None,
    };
    scaled_product(1.0, a, b, c, add, parallel);
}

/// `C = s A B`, or `C += s A B`, on this thread: for tasks that are themselves run in parallel.
pub(crate) fn product_here(scale: f32, a: Matrix, b: Matrix, c: &mut [f32], add: bool) {
    scaled_product(scale, a, b, c, add, Parallelism::None);
}

fn scaled_product(scale: f32, a: Matrix, b: Matrix, c: &mut [f32], add: bool, parallel: Parallelism) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert_eq!(b.rows, k, "[{m}, {k}] times [{}, {n}]", b.rows);
    assert_eq!(c.len(), m * n, "the product is [{m}, {n}]");
    if m * n == 0 {
        return;
    }
    if k == 0 {
        if !add {
            c.fill(0.0);
        }
        return;
    }
    let ([a_row, a_column], [b_row, b_column]) = (a.strides(), b.strides());
    // SAFETY: the pointers belong to slices of rows * columns numbers with the given strides, and `c` is exclusive.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            add,
            a.values.as_ptr(),
            a_column,
            a_row,
            b.values.as_ptr(),
            b_column,
            b_row,
            if add { 1.0 } else { 0.0 },
            scale,
            false,
            false,
            false,
            parallel,
        );
    }
}

/// Multiplications below which a second thread does not pay.
const WORTH_A_THREAD: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 37 + seed * 11) % 33) as f32 / 16.0 - 1.0).collect()
    }

    proptest! {
        #[test]
        fn equals_the_definition(m in 0_usize..20, k in 0_usize..20, n in 0_usize..20, ta: bool, tb: bool, add: bool) {
            let (a, b, c0) = (numbers(m * k, 1), numbers(k * n, 2), numbers(m * n, 3));
            let left = if ta { Matrix::new(&a, k, m).transpose() } else { Matrix::new(&a, m, k) };
            let right = if tb { Matrix::new(&b, n, k).transpose() } else { Matrix::new(&b, k, n) };
            let mut c = c0.clone();
            product(left, right, &mut c, add);
            for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let of_a = |p: usize| a[if ta { p * m + i } else { i * k + p }];
                let of_b = |p: usize| b[if tb { j * k + p } else { p * n + j }];
                let want = (0..k).map(|p| of_a(p) * of_b(p)).sum::<f32>() + if add { c0[i * n + j] } else { 0.0 };
                // Multiples of 1/256 below 2^16: exact in any order.
                prop_assert_eq!(c[i * n + j], want);
            }
        }
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let (m, k, n) = (150, 300, 90);
        let a: Vec<f32> = (0..m * k).map(|i| (i as f32 * 0.7).sin()).collect();
        let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 1.3).cos()).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut c = vec![0.0; m * n];
            pool.install(|| product(Matrix::new(&a, m, k), Matrix::new(&b, k, n), &mut c, false));
            c
        };
        assert_eq!(run(1), run(3));
    }
}
