//! The innermost loop: a tile of C in registers, some rows by some vectors of columns.
//!
//! Each number of C is the sum over its depth in order, whatever tile it lies in: how C is cut changes no bit.
//!
//! # Safety of this module
//! A and B are read without a check at each step. `Lying::new` asserts that the furthest number of its rows lies within the
//! slice, and [`tile`] that the panel is as deep as the rows.

use crate::simd::Simd;

/// Rows of A that one tile meets, `depth` numbers of each.
pub(super) trait Rows<const R: usize>: Copy {
    /// Numbers in a row.
    fn depth(self) -> usize;
    /// The numbers at `p`, one of each row.
    ///
    /// # Safety
    /// `p` is below the depth.
    unsafe fn at(self, p: usize) -> [f32; R];
}

/// Rows as they lie in a row-major matrix.
#[derive(Clone, Copy)]
pub(super) struct Lying<'a, const R: usize> {
    first: &'a [f32],
    stride: usize,
    depth: usize,
}

impl<'a, const R: usize> Lying<'a, R> {
    /// The numbers `0..depth` of R rows that are `stride` apart; `first` begins with the first of them.
    #[inline(always)]
    pub(super) fn new(first: &'a [f32], stride: usize, depth: usize) -> Self {
        assert!((R - 1) * stride + depth <= first.len(), "{R} rows of {depth} numbers");
        Self { first, stride, depth }
    }
}

impl<const R: usize> Rows<R> for Lying<'_, R> {
    #[inline(always)]
    fn depth(self) -> usize {
        self.depth
    }

    #[inline(always)]
    unsafe fn at(self, p: usize) -> [f32; R] {
        let mut all = [0.0; R];
        for (r, x) in all.iter_mut().enumerate() {
            // SAFETY: p is below the depth by the caller's promise, and `new` has asserted that so many are there.
            *x = unsafe { *self.first.as_ptr().add(p).add(r * self.stride) };
        }
        all
    }
}

/// Rows packed side by side, as `pack_rows` does.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a, const R: usize>(pub(super) &'a [[f32; R]]);

impl<const R: usize> Rows<R> for Packed<'_, R> {
    #[inline(always)]
    fn depth(self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    unsafe fn at(self, p: usize) -> [f32; R] {
        // SAFETY: p is below the depth by the caller's promise.
        unsafe { *self.0.get_unchecked(p) }
    }
}

/// Steps without a test in between.
const UNROLLED: usize = 4;

/// The sums over the depth of R rows and one panel of `PANEL = V * LANES` columns.
#[inline(always)]
pub(super) fn tile<S: Simd, A: Rows<R>, const R: usize, const V: usize, const PANEL: usize>(
    simd: S,
    a: A,
    b: &[[f32; PANEL]],
) -> [[S::V; V]; R] {
    let depth = a.depth();
    assert!(depth <= b.len(), "{depth} numbers of a row and {} of a column", b.len());
    let mut sums = [[simd.zero(); V]; R];
    let whole = depth / UNROLLED * UNROLLED;
    for start in (0..whole).step_by(UNROLLED) {
        for p in start..start + UNROLLED {
            // SAFETY: p is below the depth, and b is as deep.
            unsafe { step(simd, a, b, p, &mut sums) };
        }
    }
    for p in whole..depth {
        // SAFETY: as above.
        unsafe { step(simd, a, b, p, &mut sums) };
    }
    sums
}

/// Adds the products at depth p.
///
/// # Safety
/// `p` is below the depth of `a` and the length of `b`.
#[inline(always)]
unsafe fn step<S: Simd, A: Rows<R>, const R: usize, const V: usize, const PANEL: usize>(
    simd: S,
    a: A,
    b: &[[f32; PANEL]],
    p: usize,
    sums: &mut [[S::V; V]; R],
) {
    // SAFETY: p is below both by the caller's promise.
    let (a, b) = unsafe { (a.at(p), b.get_unchecked(p)) };
    let mut x = [simd.zero(); V];
    for (v, x) in x.iter_mut().enumerate() {
        *x = simd.load(&b[v * S::LANES..]);
    }
    for (sums, &a) in sums.iter_mut().zip(&a) {
        let a = simd.splat(a);
        for (sum, &x) in sums.iter_mut().zip(&x) {
            *sum = simd.fma(a, x, *sum);
        }
    }
}
