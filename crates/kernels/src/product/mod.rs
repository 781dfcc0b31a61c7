//! Matrix products of row-major matrices.
//!
//! B is copied into panels of two vectors' columns, once for all threads; a transposed A into groups of a tile's rows, and
//! any other A is read where it lies. A tile of C, six rows by one panel with AVX2, then stays in registers while the
//! panel passes by. Threads share the rows of C and, where those are few, its columns.
//!
//! # Safety of this module
//! Tasks write parts of C of their own, given out by [`Disjoint`]; all else is checked slices.

mod block;
mod pack;
mod tile;
mod vector;

use crate::disjoint::Disjoint;
use crate::parallel;
use crate::scratch;
use crate::simd::{Level, dispatch_up_to, level};
use block::{Block, Run, packed_rows};
use pack::pack_panel;

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
    Task { a, b, scale: 1.0, add, parallel: true, finish: |_, _: &mut [f32]| () }.run(c);
}

/// `C = A B` on this thread, for tasks that are themselves run in parallel.
///
/// # Panics
/// If sizes do not go together.
pub fn product_here(a: Matrix, b: Matrix, c: &mut [f32]) {
    scaled_product_here(1.0, a, b, c, false);
}

/// `C = s A B`, or `C += s A B`, on this thread.
pub(crate) fn scaled_product_here(scale: f32, a: Matrix, b: Matrix, c: &mut [f32], add: bool) {
    Task { a, b, scale, add, parallel: false, finish: |_, _: &mut [f32]| () }.run(c);
}

/// `C = A B`, and then `finish(i, part)` while a part of C is still in the cache. Parts begin at number i of C, and are some
/// whole rows or a piece of one.
///
/// # Panics
/// If sizes do not go together.
pub(crate) fn product_then(a: Matrix, b: Matrix, c: &mut [f32], finish: impl Fn(usize, &mut [f32]) + Sync + Send) {
    Task { a, b, scale: 1.0, add: false, parallel: true, finish }.run(c);
}

/// Numbers of B that are packed at a time.
const PACKED: usize = 1 << 22;

/// Rows of A that a task works on: with the depth of one pass, less than half of a second-level cache.
const ROWS: usize = 96;

/// Multiplications that are worth one operation of [`parallel`]'s.
const AT_ONCE: usize = 4;

struct Task<'a, F> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    scale: f32,
    add: bool,
    parallel: bool,
    finish: F,
}

impl<F: Fn(usize, &mut [f32]) + Sync + Send> Task<'_, F> {
    fn run(&self, c: &mut [f32]) {
        let (m, k, n) = (self.a.rows, self.a.columns, self.b.columns);
        assert_eq!(self.b.rows, k, "[{m}, {k}] times [{}, {n}]", self.b.rows);
        assert_eq!(c.len(), m * n, "the product is [{m}, {n}]");
        if m * n == 0 {
            return;
        }
        if k == 0 {
            if !self.add {
                c.fill(0.0);
            }
            (self.finish)(0, c);
            return;
        }
        if m == 1 || n == 1 {
            let (vector, matrix) = if m == 1 { (self.a, self.b) } else { (self.b, self.a.transpose()) };
            vector::product(vector.values, matrix, self.scale, self.add, c);
            (self.finish)(0, c);
            return;
        }
        // Sums and what is multiplied fill the registers: 12 + 2 + 1 of 16, and in plain code 8 + 2 + 1. Of the 32 of AVX-512,
        // 24 + 2 + 1 are slower than 16 + 2 + 1, as measured on one that has it.
        match level() {
            Level::Avx512 if n > 16 => self.tiles::<8, 2, 32>(Level::Avx512, c),
            Level::Plain => self.tiles::<4, 1, 8>(Level::Plain, c),
            _ => self.tiles::<6, 2, 16>(Level::Avx2, c),
        }
    }

    fn tiles<const R: usize, const V: usize, const PANEL: usize>(&self, limit: Level, c: &mut [f32]) {
        let &Self { a, b, scale, add, .. } = self;
        let (m, k, n) = (a.rows, a.columns, b.columns);
        let c = Disjoint::new(c);
        let work = if self.parallel { m * n * k / AT_ONCE } else { 0 };
        // Enough tasks that no thread waits long for the last.
        let tasks = if self.parallel { 4 * rayon::current_num_threads() } else { 1 };
        let rows = m.div_ceil(tasks).next_multiple_of(R).min(ROWS);
        let row_blocks = m.div_ceil(rows);
        let at_once = (PACKED / k / PANEL).max(1) * PANEL;
        for offset in (0..n).step_by(at_once) {
            let panels = at_once.min(n - offset).div_ceil(PANEL);
            let columns = panels.div_ceil(tasks.div_ceil(row_blocks));
            scratch::with(panels * PANEL * k, |packed| {
                parallel::chunks(packed, PANEL * k, work, |panel, packed| {
                    pack_panel::<PANEL>(b, offset + panel * PANEL, packed.as_chunks_mut().0);
                });
                let packed = packed.as_chunks::<PANEL>().0;
                parallel::tasks(row_blocks * panels.div_ceil(columns), work, |task| {
                    let (i, j) = (task % row_blocks * rows, task / row_blocks * columns);
                    let (rows, panels) = (i..(i + rows).min(m), j..(j + columns).min(panels));
                    scratch::with(packed_rows::<R>(a, rows.len()), |buffer| {
                        let (b, c, rows, panels) = (packed, &c, rows.clone(), panels.clone());
                        let block = Block::<R, V, PANEL> { a, b, offset, rows, panels, scale, add, c, n };
                        dispatch_up_to(limit, Run(block, buffer));
                    });
                    let first = offset + panels.start * PANEL;
                    let last = (offset + panels.end * PANEL).min(n);
                    let (step, len) = if last - first == n { (rows.len(), rows.len() * n) } else { (1, last - first) };
                    for i in rows.step_by(step) {
                        let at = i * n + first;
                        // SAFETY: what this task has just written, and no other task writes.
                        (self.finish)(at, unsafe { c.part(at, len) });
                    }
                });
            });
        }
    }
}

#[cfg(test)]
mod tests;
