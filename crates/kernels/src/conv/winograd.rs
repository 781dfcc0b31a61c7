//! Kernels of 3 x 3 with stride 1 by Winograd's minimal filtering `F(2 x 2, 3 x 3)`: four outputs for sixteen products in
//! place of thirty-six.
//!
//! A tile is four neighbouring pixels in each direction, of which the middle ones belong to two tiles, and yields 2 x 2
//! outputs. With `d` the tile, `g` the kernel and sums over channels between the two steps,
//!
//! ```text
//! y = A^T [ (G g G^T) * (B^T d B) ] A,   B^T = 1  0 -1  0    G =  1    0   0    A^T = 1  1  1  0
//!                                              0  1  1  0        1/2  1/2 1/2         0  1 -1 -1
//!                                              0 -1  1  0        1/2 -1/2 1/2
//!                                              0  1  0 -1         0    0   1
//! ```
//!
//! (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016.) So many tiles as stay in the second-level
//! cache pass at a time: transformed, multiplied as sixteen small matrix products, transformed back. Vectors hold tiles
//! that are neighbours in a row; even and odd columns are laid out apart so that each is read in one piece.
//!
//! Sums and differences of inputs are rounded before they are multiplied: errors are about twice those of the definition. A
//! number that is not finite reaches all four outputs of its tiles.

use super::planes::Planes;
use super::shape::Conv2d;
use crate::disjoint::Disjoint;
use crate::parallel;
use crate::scratch;
use crate::simd::{Kernel, Level, Simd, dispatch_up_to, level};

/// Products for one tile, channel and output.
const PRODUCTS: usize = 16;

/// Outputs that are multiplied together.
const BLOCK: usize = 4;

/// Vectors of tiles that are multiplied together.
const VECTORS: usize = 2;

/// Channels, of inputs and of outputs, below which transforming costs more than it saves.
const CHANNELS: usize = 8;

/// Transformed numbers, of inputs and of outputs, that pass at a time.
const AT_A_TIME: usize = 1 << 15;

/// Numbers between one product's matrix and the next beyond its own, so that the sixteen do not lie in the same few sets
/// of the cache.
const APART: usize = 16;

/// A correlation `y[k] = sum_c w[k, c] * x[c]` of padded images, both as the convolution has them or turned around for the
/// gradient in the input.
pub(super) struct Winograd {
    batch: usize,
    channels: usize,
    outputs: usize,
    input: [usize; 2],
    output: [usize; 2],
    planes: Planes,
    /// Rows and columns of tiles.
    tiles: [usize; 2],
    limit: Level,
    lanes: usize,
}

impl Winograd {
    /// The convolution itself, where it can be computed so and is worth it.
    pub(super) fn forward(conv: &Conv2d) -> Option<Self> {
        let [channels, outputs] = [conv.in_channels, conv.out_channels];
        Self::new(conv, [channels, outputs], [conv.input, conv.output], conv.padding)
    }

    /// The gradient in its input: the kernel turned around, over the output's gradient with what padding is left.
    pub(super) fn input_gradient(conv: &Conv2d) -> Option<Self> {
        if conv.padding.iter().any(|&p| p > 2) {
            return None;
        }
        let [channels, outputs] = [conv.out_channels, conv.in_channels];
        Self::new(conv, [channels, outputs], [conv.output, conv.input], conv.padding.map(|p| 2 - p))
    }

    fn new(
        conv: &Conv2d,
        [channels, outputs]: [usize; 2],
        [input, output]: [[usize; 2]; 2],
        pad: [usize; 2],
    ) -> Option<Self> {
        let plain = conv.kernel == [3, 3] && conv.stride == [1, 1] && conv.dilation == [1, 1];
        if !plain || channels.min(outputs) < CHANNELS {
            return None;
        }
        let tiles = output.map(|n| n.div_ceil(2));
        let (limit, lanes) = match level() {
            Level::Avx512 if tiles[1] >= 16 => (Level::Avx512, 16),
            _ => (Level::Avx2, 8),
        };
        let planes = Planes::halves(channels, input, pad, 2 * tiles[0] + 2, tiles[1].max(lanes) + 1);
        Some(Self { batch: conv.batch * conv.groups, channels, outputs, input, output, planes, tiles, limit, lanes })
    }

    /// `G g G^T` for the kernels `weight(k, c)`, `[product][block of outputs][channel][output within the block]`, with zeros
    /// for outputs that fill the last block up.
    pub(super) fn transform(&self, weight: impl Fn(usize, usize) -> [[f32; 3]; 3]) -> Vec<f32> {
        let blocks = self.outputs.div_ceil(BLOCK);
        let per_product = blocks * self.channels * BLOCK;
        let mut all = vec![0.0; PRODUCTS * per_product];
        for k in 0..self.outputs {
            for c in 0..self.channels {
                let at = (k / BLOCK * self.channels + c) * BLOCK + k % BLOCK;
                for (p, u) in transformed_kernel(weight(k, c)).into_iter().enumerate() {
                    all[p * per_product + at] = u;
                }
            }
        }
        all
    }

    /// Tiles of how many images, and of how many rows in each, pass at a time.
    fn at_a_time(&self) -> [usize; 2] {
        let [rows, columns] = self.tiles;
        let tiles = AT_A_TIME / (PRODUCTS * (self.channels + self.outputs) / 2);
        let in_rows = (tiles / columns).clamp(1, rows);
        let images = if in_rows == rows { (tiles / (rows * columns)).max(1) } else { 1 };
        [images, in_rows]
    }

    /// Writes `y[n]` for every image, with transformed weights and biases of each group.
    pub(super) fn run(&self, groups: &[(Vec<f32>, Option<&[f32]>)], x: &[f32], y: &mut [f32]) {
        let [x_image, y_image] =
            [self.channels * self.input[0] * self.input[1], self.outputs * self.output[0] * self.output[1]];
        let [images, rows] = self.at_a_time();
        // One group's images pass together, so they have to be neighbours.
        let images = if groups.len() == 1 { images } else { 1 };
        let per_task = self.batch.div_ceil(super::TASKS).next_multiple_of(images);
        let width = VECTORS * self.lanes;
        let together = (images * rows * self.tiles[1] + self.lanes).next_multiple_of(width);
        let [v_len, m_len] = [self.channels, self.outputs].map(|c| PRODUCTS * (c * together + APART));
        let out = Disjoint::new(y);
        let work = self.batch * self.tiles[0] * self.tiles[1] * PRODUCTS * self.channels * self.outputs;
        parallel::tasks(self.batch.div_ceil(per_task), work, |task| {
            let mine = task * per_task..((task + 1) * per_task).min(self.batch);
            let plane = self.planes.len();
            scratch::with(images * plane, |laid_out| {
                laid_out.fill(0.0);
                scratch::with(v_len + m_len, |both| {
                    let (v, m) = both.split_at_mut(v_len);
                    // Lanes without a tile: what becomes of them is not read, but it should cost no more than other numbers.
                    for v in v.chunks_exact_mut(v_len / PRODUCTS).flat_map(|v| v.chunks_exact_mut(together)) {
                        v[images * rows * self.tiles[1]..].fill(0.0);
                    }
                    for first in mine.clone().step_by(images) {
                        let now = first..(first + images).min(mine.end);
                        let (weights, bias) = &groups[first % groups.len()];
                        for (n, to) in now.clone().zip(laid_out.chunks_exact_mut(plane)) {
                            self.planes.copy(&x[n * x_image..][..x_image], to);
                        }
                        // SAFETY: each image is written in one iteration of one task.
                        let y = unsafe { out.part(first * y_image, now.len() * y_image) };
                        for row in (0..self.tiles[0]).step_by(rows) {
                            let rows = row..(row + rows).min(self.tiles[0]);
                            let pass = Pass {
                                winograd: self,
                                source: laid_out,
                                weights,
                                bias: *bias,
                                images: now.len(),
                                rows,
                                together,
                                v,
                                m,
                                y,
                            };
                            dispatch_up_to(self.limit, pass);
                        }
                    }
                });
            });
        });
    }
}

/// `G g G^T`.
fn transformed_kernel(g: [[f32; 3]; 3]) -> [f32; PRODUCTS] {
    let along = |[a, b, c]: [f32; 3]| [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c];
    // G g: columns of g, turned to four.
    let columns: [[f32; 4]; 3] = std::array::from_fn(|s| along([g[0][s], g[1][s], g[2][s]]));
    let mut all = [0.0; PRODUCTS];
    for i in 0..4 {
        all[4 * i..][..4].copy_from_slice(&along([columns[0][i], columns[1][i], columns[2][i]]));
    }
    all
}

/// Some rows of tiles of some images, from the laid-out input to the output.
struct Pass<'a> {
    winograd: &'a Winograd,
    source: &'a [f32],
    weights: &'a [f32],
    bias: Option<&'a [f32]>,
    images: usize,
    rows: std::ops::Range<usize>,
    /// Room for tiles in each row of `v` and `m`.
    together: usize,
    /// Transformed inputs `[product][channel][tile]`.
    v: &'a mut [f32],
    /// Products `[product][output][tile]`.
    m: &'a mut [f32],
    y: &'a mut [f32],
}

impl Kernel for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.transform_inputs(simd);
        self.multiply(simd);
        self.transform_outputs(simd);
    }
}

/// Where the vectors over a row of tiles begin; the last overlaps its predecessor rather than the row's end.
#[inline(always)]
fn starts(columns: usize, lanes: usize) -> impl Iterator<Item = usize> {
    (0..columns).step_by(lanes).map(move |j| j.min(columns.saturating_sub(lanes)))
}

impl Pass<'_> {
    /// `B^T d B` of every tile and channel. Rows of fewer tiles than a vector write beyond their end, where the next row
    /// writes after them.
    #[inline(always)]
    fn transform_inputs<S: Simd>(&mut self, simd: S) {
        let Winograd { channels, planes, tiles, .. } = self.winograd;
        let (row_len, plane, stretch) = (planes.row(), planes.len() / channels, planes.row() / 2);
        let apart = channels * self.together + APART;
        for c in 0..*channels {
            for image in 0..self.images {
                let source = &self.source[(image * channels + c) * plane..];
                for (at, row) in self.rows.clone().enumerate() {
                    let from = &source[2 * row * row_len..];
                    let to = c * self.together + (image * self.rows.len() + at) * tiles[1];
                    for j in starts(tiles[1], S::LANES) {
                        let d = [
                            read(simd, &from[j..], stretch),
                            read(simd, &from[row_len + j..], stretch),
                            read(simd, &from[2 * row_len + j..], stretch),
                            read(simd, &from[3 * row_len + j..], stretch),
                        ];
                        let v = &mut self.v[to + j..];
                        put(simd, v, apart, subtract(simd, d[0], d[2]));
                        put(simd, &mut v[4 * apart..], apart, add(simd, d[1], d[2]));
                        put(simd, &mut v[8 * apart..], apart, subtract(simd, d[2], d[1]));
                        put(simd, &mut v[12 * apart..], apart, subtract(simd, d[1], d[3]));
                    }
                }
            }
        }
    }

    /// For each of the sixteen products, `m[k, tile] = sum_c u[k, c] v[c, tile]`.
    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S) {
        let Winograd { channels, outputs, tiles, .. } = *self.winograd;
        let (tiles, together) = (self.images * self.rows.len() * tiles[1], self.together);
        let per_product = outputs.div_ceil(BLOCK) * channels * BLOCK;
        let v = self.v.chunks_exact(channels * together + APART);
        let m = self.m.chunks_exact_mut(outputs * together + APART);
        for ((v, m), u) in v.zip(m).zip(self.weights.chunks_exact(per_product)) {
            let u = u.chunks_exact(channels * BLOCK);
            for (u, m) in u.zip(m.chunks_mut(BLOCK * together)) {
                let kernels = u.as_chunks::<BLOCK>().0;
                for t in (0..tiles).step_by(VECTORS * S::LANES) {
                    let mut sums = [[simd.zero(); VECTORS]; BLOCK];
                    for (kernel, v) in kernels.iter().zip(v.chunks_exact(together)) {
                        let v = &v[t..][..VECTORS * S::LANES];
                        let x = [simd.load(v), simd.load(&v[S::LANES..])];
                        for (sums, &w) in sums.iter_mut().zip(kernel) {
                            let w = simd.splat(w);
                            for (sum, x) in sums.iter_mut().zip(x) {
                                *sum = simd.fma(w, x, *sum);
                            }
                        }
                    }
                    for (sums, m) in sums.iter().zip(m.chunks_exact_mut(together)) {
                        let m = &mut m[t..][..VECTORS * S::LANES];
                        simd.store(m, sums[0]);
                        simd.store(&mut m[S::LANES..], sums[1]);
                    }
                }
            }
        }
    }

    /// `A^T m A` of every tile and output, with the bias.
    #[inline(always)]
    fn transform_outputs<S: Simd>(&mut self, simd: S) {
        let Winograd { outputs, tiles, output: [height, width], .. } = *self.winograd;
        let apart = outputs * self.together + APART;
        for image in 0..self.images {
            for k in 0..outputs {
                let bias = simd.splat(self.bias.map_or(0.0, |b| b[k]));
                let plane = &mut self.y[(image * outputs + k) * height * width..][..height * width];
                for (at, row) in self.rows.clone().enumerate() {
                    let from = k * self.together + (image * self.rows.len() + at) * tiles[1];
                    let lines = &mut plane[2 * row * width..((2 * row + 2) * width).min(height * width)];
                    for j in starts(tiles[1], S::LANES) {
                        let m = &self.m[from + j..];
                        let m = [
                            column(simd, m, apart),
                            column(simd, &m[apart..], apart),
                            column(simd, &m[2 * apart..], apart),
                            column(simd, &m[3 * apart..], apart),
                        ];
                        let upper = [m[0].0, m[1].0, m[2].0, m[3].0];
                        let lower = [m[0].1, m[1].1, m[2].1, m[3].1];
                        for (line, [a, b, c, d]) in lines.chunks_exact_mut(width).zip([upper, lower]) {
                            let even = simd.add(simd.add(a, b), simd.add(c, bias));
                            let odd = simd.add(simd.sub(b, c), simd.sub(bias, d));
                            let to = &mut line[2 * j..];
                            let (first, second) = simd.interleave(even, odd);
                            if to.len() >= 2 * S::LANES {
                                simd.store(to, first);
                                simd.store(&mut to[S::LANES..], second);
                            } else {
                                let (to, rest) = to.split_at_mut(to.len().min(S::LANES));
                                simd.store_part(to, first);
                                simd.store_part(rest, second);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One row of some neighbouring tiles: their columns 0 to 3.
#[inline(always)]
fn read<S: Simd>(simd: S, line: &[f32], stretch: usize) -> [S::V; 4] {
    let (even, odd) = (&line[..S::LANES + 1], &line[stretch..][..S::LANES + 1]);
    [simd.load(even), simd.load(odd), simd.load(&even[1..]), simd.load(&odd[1..])]
}

/// A row of `B^T d` times `B`, to four products' matrices.
#[inline(always)]
fn put<S: Simd>(simd: S, v: &mut [f32], apart: usize, d: [S::V; 4]) {
    simd.store(v, simd.sub(d[0], d[2]));
    simd.store(&mut v[apart..], simd.add(d[1], d[2]));
    simd.store(&mut v[2 * apart..], simd.sub(d[2], d[1]));
    simd.store(&mut v[3 * apart..], simd.sub(d[1], d[3]));
}

/// `A^T` times one column of the products.
#[inline(always)]
fn column<S: Simd>(simd: S, m: &[f32], apart: usize) -> (S::V, S::V) {
    let (a, b) = (simd.load(m), simd.load(&m[4 * apart..]));
    let (c, d) = (simd.load(&m[8 * apart..]), simd.load(&m[12 * apart..]));
    (simd.add(a, simd.add(b, c)), simd.sub(simd.sub(b, c), d))
}

#[inline(always)]
fn add<S: Simd>(simd: S, a: [S::V; 4], b: [S::V; 4]) -> [S::V; 4] {
    [simd.add(a[0], b[0]), simd.add(a[1], b[1]), simd.add(a[2], b[2]), simd.add(a[3], b[3])]
}

#[inline(always)]
fn subtract<S: Simd>(simd: S, a: [S::V; 4], b: [S::V; 4]) -> [S::V; 4] {
    [simd.sub(a[0], b[0]), simd.sub(a[1], b[1]), simd.sub(a[2], b[2]), simd.sub(a[3], b[3])]
}
