//! A safe door to the `gemm` crate for single-precision rows.

#![allow(unsafe_code)]

/// `out[i, j] = sum_c a[i, c] * b[j, c]`: rows of `a` (`m x e`) against rows of `b` (`n x e`), on the calling thread.
///
/// All three are dense and row-major; `out` is `m x n`.
///
/// # Panics
/// If a length does not match its shape.
pub(super) fn rows_by_rows(a: &[f32], b: &[f32], out: &mut [f32], e: usize, m: usize, n: usize) {
    assert_eq!(a.len(), m * e, "rows_by_rows: a has {} numbers for {m} x {e}", a.len());
    assert_eq!(b.len(), n * e, "rows_by_rows: b has {} numbers for {n} x {e}", b.len());
    assert_eq!(out.len(), m * n, "rows_by_rows: out has {} numbers for {m} x {n}", out.len());
    let stride = |x: usize| isize::try_from(x).unwrap_or(isize::MAX);
    // SAFETY: the lengths were checked above, so every address that the shapes and strides describe lies inside its
    // slice: lhs[i, c] = a[i * e + c], rhs[c, j] = b[j * e + c], dst[i, j] = out[i * n + j]. A slice is never longer
    // than isize::MAX bytes, so the strides fit. `out` is borrowed mutably and cannot alias the inputs.
    unsafe {
        gemm::gemm(
            m,
            n,
            e,
            out.as_mut_ptr(),
            1,
            stride(n),
            false,
            a.as_ptr(),
            1,
            stride(e),
            b.as_ptr(),
            stride(e),
            1,
            0.0_f32,
            1.0_f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_definition() {
        for (m, n, e) in [(1, 1, 1), (3, 5, 7), (17, 33, 64), (4, 4, 0), (0, 3, 2)] {
            let a: Vec<f32> = (0..m * e).map(|i| (i % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..n * e).map(|i| (i % 5) as f32 - 2.0).collect();
            let mut out = vec![9.0; m * n];
            rows_by_rows(&a, &b, &mut out, e, m, n);
            for i in 0..m {
                for j in 0..n {
                    let want: f32 = (0..e).map(|c| a[i * e + c] * b[j * e + c]).sum();
                    assert_eq!(out[i * n + j], want, "{m}x{n}x{e} at {i},{j}");
                }
            }
        }
    }
}
