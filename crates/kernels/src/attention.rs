//! Scaled dot-product attention, without the matrix of all scores.
//!
//! For each head `O = softmax(s Q K^T) V`. A block of queries meets all keys at once; its scores live in a buffer of the
//! thread and are gone afterwards. Kept for the gradient is one number per query, `ln sum_j e^{s_ij}`, from which the
//! probabilities are computed again.

use crate::disjoint::Disjoint;
use crate::error::{KernelError, require, require_shape};
use crate::parallel;
use crate::product::{Matrix, scaled_product_here};
use crate::scratch;
use crate::simd::dispatch;
use crate::softmax::{Recompute, RowInPlace};

/// Queries that are worked on together.
const QUERIES: usize = 64;

/// Attention of known shapes: q `[heads, n, d]`, k `[heads, m, d]`, v `[heads, m, e]`, o `[heads, n, e]`, where heads
/// counts those of all batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    heads: usize,
    queries: usize,
    keys: usize,
    width: usize,
    values: usize,
    scale: f32,
    causal: bool,
}

/// The gradients of an attention.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// In the queries.
    pub q: &'a mut [f32],
    /// In the keys.
    pub k: &'a mut [f32],
    /// In the values.
    pub v: &'a mut [f32],
}

impl Attention {
    /// Checks the shapes against each other. `scale` is usually `1 / sqrt(d)`. With `causal`, query i sees the keys 0 to i.
    ///
    /// # Errors
    /// Names the shapes that do not fit.
    pub fn new(q: [usize; 3], k: [usize; 3], v: [usize; 3], scale: f32, causal: bool) -> Result<Self, KernelError> {
        require_shape("attention keys", &[q[0], k[1], q[2]], &k)?;
        require_shape("attention values", &[q[0], k[1], v[2]], &v)?;
        require(k[1] > 0 || q[1] == 0, "keys", k[1], "a query needs at least one key")?;
        Ok(Self { heads: q[0], queries: q[1], keys: k[1], width: q[2], values: v[2], scale, causal })
    }

    /// Shape of the output.
    pub fn output_shape(&self) -> [usize; 3] {
        [self.heads, self.queries, self.values]
    }

    /// Writes the output and `ln sum e^s` of each query, `[heads, n]`.
    ///
    /// ```
    /// use tenfold_kernels::attention::Attention;
    /// // One query that likes both keys the same.
    /// let attention = Attention::new([1, 1, 1], [1, 2, 1], [1, 2, 1], 1.0, false)?;
    /// let (mut o, mut lse) = ([0.0], [0.0]);
    /// attention.forward(&[0.0], &[1.0, 2.0], &[4.0, 6.0], &mut o, &mut lse);
    /// assert_eq!(o, [5.0]);
    /// # Ok::<(), tenfold_kernels::KernelError>(())
    /// ```
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn forward(&self, q: &[f32], k: &[f32], v: &[f32], o: &mut [f32], lse: &mut [f32]) {
        self.check([q.len(), k.len(), v.len(), o.len(), lse.len()]);
        let (o, lse) = (Disjoint::new(o), Disjoint::new(lse));
        let blocks = self.queries.div_ceil(QUERIES);
        parallel::tasks(self.heads * blocks, self.operations(), |task| {
            let block = self.block(task / blocks.max(1), task % blocks.max(1));
            // SAFETY: blocks of queries do not overlap.
            let o = unsafe { o.part(block.first * self.values, block.count * self.values) };
            // SAFETY: as above.
            let lse = unsafe { lse.part(block.first, block.count) };
            scratch::with(block.count * block.keys, |scores| {
                self.scores(&block, q, k, scores);
                for (i, (row, lse)) in scores.chunks_exact_mut(block.keys).zip(lse).enumerate() {
                    let (seen, hidden) = row.split_at_mut(self.seen(&block, i));
                    *lse = dispatch(RowInPlace(seen));
                    hidden.fill(0.0);
                }
                scaled_product_here(
                    1.0,
                    Matrix::new(scores, block.count, block.keys),
                    self.values_of(&block, v),
                    o,
                    false,
                );
            });
        });
    }

    /// The gradients, from the output's and from what [`forward`](Self::forward) wrote. With P the probabilities and
    /// `D_i = sum_e dO_ie O_ie`:
    ///
    /// ```text
    /// dV = P^T dO    dS = P (dO V^T - D)    dQ = s dS K    dK = s dS^T Q
    /// ```
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn backward(&self, [q, k, v]: [&[f32]; 3], o: &[f32], lse: &[f32], d_o: &[f32], gradients: Gradients) {
        self.check([q.len(), k.len(), v.len(), o.len(), lse.len()]);
        self.check([gradients.q.len(), gradients.k.len(), gradients.v.len(), d_o.len(), lse.len()]);
        let [dq, dk, dv] = [gradients.q, gradients.k, gradients.v].map(Disjoint::new);
        // Keys and values take from all queries, in order: one task for each head.
        parallel::tasks(self.heads, 3 * self.operations(), |head| {
            let (of_keys, of_values) = (self.keys * self.width, self.keys * self.values);
            // SAFETY: heads do not overlap.
            let dk = unsafe { dk.part(head * of_keys, of_keys) };
            // SAFETY: as above.
            let dv = unsafe { dv.part(head * of_values, of_values) };
            dk.fill(0.0);
            dv.fill(0.0);
            for index in 0..self.queries.div_ceil(QUERIES) {
                let block = self.block(head, index);
                // SAFETY: blocks of queries do not overlap.
                let dq = unsafe { dq.part(block.first * self.width, block.count * self.width) };
                scratch::with(2 * block.count * block.keys, |both| {
                    let (p, ds) = both.split_at_mut(block.count * block.keys);
                    let rows = block.first..block.first + block.count;
                    let d_o_block = &d_o[rows.start * self.values..rows.end * self.values];
                    let o_block = &o[rows.start * self.values..rows.end * self.values];
                    self.scores(&block, q, k, p);
                    for (i, row) in p.chunks_exact_mut(block.keys).enumerate() {
                        let (seen, hidden) = row.split_at_mut(self.seen(&block, i));
                        dispatch(Recompute(seen, lse[rows.start + i]));
                        hidden.fill(0.0);
                    }
                    let probabilities = Matrix::new(p, block.count, block.keys);
                    let of_output = Matrix::new(d_o_block, block.count, self.values);
                    let seen_values = &mut dv[..block.keys * self.values];
                    scaled_product_here(1.0, probabilities.transpose(), of_output, seen_values, true);
                    scaled_product_here(1.0, of_output, self.values_of(&block, v).transpose(), ds, false);
                    let lines = ds.chunks_exact_mut(block.keys).zip(p.chunks_exact(block.keys));
                    let outputs = d_o_block.chunks_exact(self.values).zip(o_block.chunks_exact(self.values));
                    for ((ds, p), (d_o, o)) in lines.zip(outputs) {
                        let d: f32 = d_o.iter().zip(o).map(|(a, b)| a * b).sum();
                        ds.iter_mut().zip(p).for_each(|(ds, p)| *ds = p * (*ds - d));
                    }
                    let ds = Matrix::new(ds, block.count, block.keys);
                    scaled_product_here(self.scale, ds, self.keys_of(&block, k), dq, false);
                    let q_block = &q[rows.start * self.width..rows.end * self.width];
                    let of_queries = Matrix::new(q_block, block.count, self.width);
                    scaled_product_here(
                        self.scale,
                        ds.transpose(),
                        of_queries,
                        &mut dk[..block.keys * self.width],
                        true,
                    );
                });
            }
        });
    }

    /// Multiplications of the forward pass.
    fn operations(&self) -> usize {
        self.heads * self.queries * self.keys * (self.width + self.values)
    }

    fn block(&self, head: usize, index: usize) -> Block {
        let start = index * QUERIES;
        let count = QUERIES.min(self.queries - start);
        let keys = if self.causal { self.keys.min(start + count) } else { self.keys };
        Block { head, start, first: head * self.queries + start, count, keys }
    }

    /// How many keys the i-th query of a block sees.
    fn seen(&self, block: &Block, i: usize) -> usize {
        if self.causal { block.keys.min(block.start + i + 1) } else { block.keys }
    }

    fn scores(&self, block: &Block, q: &[f32], k: &[f32], scores: &mut [f32]) {
        let q = &q[block.first * self.width..][..block.count * self.width];
        let q = Matrix::new(q, block.count, self.width);
        scaled_product_here(self.scale, q, self.keys_of(block, k).transpose(), scores, false);
    }

    fn keys_of<'a>(&self, block: &Block, k: &'a [f32]) -> Matrix<'a> {
        Matrix::new(&k[block.head * self.keys * self.width..][..block.keys * self.width], block.keys, self.width)
    }

    fn values_of<'a>(&self, block: &Block, v: &'a [f32]) -> Matrix<'a> {
        Matrix::new(&v[block.head * self.keys * self.values..][..block.keys * self.values], block.keys, self.values)
    }

    fn check(&self, [q, k, v, o, lse]: [usize; 5]) {
        let Self { heads, queries, keys, width, values, .. } = *self;
        assert_eq!(q, heads * queries * width, "queries: expected [{heads}, {queries}, {width}]");
        assert_eq!(k, heads * keys * width, "keys: expected [{heads}, {keys}, {width}]");
        assert_eq!(v, heads * keys * values, "values: expected [{heads}, {keys}, {values}]");
        assert_eq!(o, heads * queries * values, "output: expected [{heads}, {queries}, {values}]");
        assert_eq!(lse, heads * queries, "one logarithm per query");
    }
}

/// Some queries of one head.
struct Block {
    head: usize,
    /// The first query within its head.
    start: usize,
    /// The first query among those of all heads.
    first: usize,
    count: usize,
    /// Keys that any of them sees.
    keys: usize,
}

#[cfg(test)]
mod tests;
