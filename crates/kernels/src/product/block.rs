//! One task: some rows of C by some panels of its columns.

use super::Matrix;
use super::pack::pack_rows;
use super::tile::{Lying, Packed, tile};
use crate::disjoint::Disjoint;
use crate::simd::{Kernel, Simd};
use std::ops::Range;

/// Depth of one pass. A panel of it streams from the second-level cache; less would read and write C more often.
const DEPTH: usize = 512;

/// A part of `C = s A B` or `C += s A B`.
pub(super) struct Block<'a, 'c, const R: usize, const V: usize, const PANEL: usize> {
    pub(super) a: Matrix<'a>,
    /// Panels of B, each as deep as B.
    pub(super) b: &'a [[f32; PANEL]],
    /// The column of C where the first panel of `b` begins.
    pub(super) offset: usize,
    pub(super) rows: Range<usize>,
    pub(super) panels: Range<usize>,
    pub(super) scale: f32,
    pub(super) add: bool,
    pub(super) c: &'a Disjoint<'c>,
    /// Columns of C.
    pub(super) n: usize,
}

/// Numbers that a block of so many rows of A takes when they are packed by R.
pub(super) fn packed_rows<const R: usize>(a: Matrix, rows: usize) -> usize {
    if a.transposed { rows.next_multiple_of(R) * a.columns.min(DEPTH) } else { 0 }
}

impl<const R: usize, const V: usize, const PANEL: usize> Block<'_, '_, R, V, PANEL> {
    /// The part of row i of C that a panel computes.
    #[expect(clippy::mut_from_ref, reason = "parts of C are this task's own")]
    #[inline(always)]
    fn segment(&self, i: usize, panel: usize) -> &mut [f32] {
        let first = self.offset + panel * PANEL;
        // SAFETY: tasks have rows or panels of their own, and a task holds one segment at a time.
        unsafe { self.c.part(i * self.n + first, PANEL.min(self.n - first)) }
    }

    /// Writes a tile.
    #[inline(always)]
    fn store<S: Simd, const N: usize>(&self, simd: S, sums: &[[S::V; V]; N], [i, panel]: [usize; 2], add: bool) {
        let scale = simd.splat(self.scale);
        for (i, sums) in (i..self.rows.end).zip(sums) {
            let c = self.segment(i, panel);
            if c.len() == PANEL {
                for (v, &sum) in sums.iter().enumerate() {
                    let c = &mut c[v * S::LANES..];
                    let value = if add { simd.fma(scale, sum, simd.load(c)) } else { simd.mul(scale, sum) };
                    simd.store(c, value);
                }
                continue;
            }
            for (c, &sum) in c.chunks_mut(S::LANES).zip(sums) {
                let value = if add { simd.fma(scale, sum, simd.read(c)) } else { simd.mul(scale, sum) };
                simd.write(c, value);
            }
        }
    }

    /// N rows as they lie, from row i.
    #[inline(always)]
    fn lying<S: Simd, const N: usize>(
        &self,
        simd: S,
        at: [usize; 2],
        depth: Range<usize>,
        b: &[[f32; PANEL]],
    ) -> usize {
        let rows = &self.a.values[at[0] * self.a.columns + depth.start..];
        let rows = Lying::<N>::new(rows, self.a.columns, depth.len());
        let sums = tile::<S, _, N, V, PANEL>(simd, rows, b);
        self.store(simd, &sums, at, self.add || depth.start > 0);
        N
    }

    /// All rows by all panels, the rows copied side by side first.
    #[inline(always)]
    fn packed<S: Simd>(&self, simd: S, buffer: &mut [f32], depth: Range<usize>) {
        let rows = &mut buffer.as_chunks_mut::<R>().0[..self.rows.len().div_ceil(R) * depth.len()];
        pack_rows(self.a, self.rows.start, [depth.start, depth.len()], rows);
        let rows = &*rows;
        for panel in self.panels.clone() {
            let b = &self.b[panel * self.a.columns..][depth.clone()];
            for (i, rows) in self.rows.clone().step_by(R).zip(rows.chunks_exact(depth.len())) {
                let sums = tile::<S, _, R, V, PANEL>(simd, Packed(rows), b);
                self.store(simd, &sums, [i, panel], self.add || depth.start > 0);
            }
        }
    }
}

/// A block, and room for the rows of a transposed A: [`packed_rows`] numbers.
pub(super) struct Run<'a, 'c, const R: usize, const V: usize, const PANEL: usize>(
    pub(super) Block<'a, 'c, R, V, PANEL>,
    pub(super) &'a mut [f32],
);

impl<const R: usize, const V: usize, const PANEL: usize> Kernel for Run<'_, '_, R, V, PANEL> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self(block, buffer) = self;
        let k = block.a.columns;
        for start in (0..k).step_by(DEPTH) {
            let depth = start..(start + DEPTH).min(k);
            if block.a.transposed {
                block.packed(simd, buffer, depth);
                continue;
            }
            for panel in block.panels.clone() {
                let b = &block.b[panel * k..][depth.clone()];
                let mut i = block.rows.start;
                while i < block.rows.end {
                    let left = block.rows.end - i;
                    i += match left {
                        _ if left >= R => block.lying::<S, R>(simd, [i, panel], depth.clone(), b),
                        4.. => block.lying::<S, 4>(simd, [i, panel], depth.clone(), b),
                        2.. => block.lying::<S, 2>(simd, [i, panel], depth.clone(), b),
                        _ => block.lying::<S, 1>(simd, [i, panel], depth.clone(), b),
                    };
                }
            }
        }
    }
}
