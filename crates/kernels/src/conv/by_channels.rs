//! The gradient in the weight, with the input's channels side by side in the lanes.
//!
//! An image is turned so that the channels of a pixel are neighbours. Then the channels of the pixels under one row of the
//! kernel lie in a row, for every stride, and
//!
//! ```text
//! dw[k, r, (s, c)] = sum_{i, j} dy[k, i, j] x[i s_h + r d_h, j s_w + s, c]
//! ```
//!
//! is a product of matrices of which neither has to be copied further: no sum runs across lanes, and `dy` is read where it
//! lies.
//!
//! # Safety of this module
//! As in `correlate`: numbers are read through pointers, after an assertion that the furthest ones lie within their slices.

use super::shape::Conv2d;
use crate::parallel;
use crate::scratch;
use crate::simd::{Kernel, Level, Simd, dispatch_up_to, level};

/// Output channels that are computed together, at most: with two vectors of columns, their sums leave four registers of
/// sixteen.
const CHANNELS: usize = 6;
const VECTORS: usize = 2;

/// At most so many partial sums.
const PARTS: usize = 16;

/// Pixels below which adding to the sums in memory would take a good part of the time.
const PIXELS: usize = 256;

/// A gradient in the weight that can be computed so and is worth it.
pub(super) struct ByChannels<'a> {
    conv: &'a Conv2d,
    /// Of the padded image, as far as it is read.
    rows: usize,
    columns: usize,
    /// Kernel columns by channels: numbers under one row of the kernel.
    under_row: usize,
    /// The same with room for whole groups of vectors.
    width: usize,
    limit: Level,
}

impl<'a> ByChannels<'a> {
    pub(super) fn new(conv: &'a Conv2d) -> Option<Self> {
        let under_row = conv.kernel[1] * conv.in_channels;
        let (limit, lanes) = match level() {
            // Where wide vectors leave no more lanes empty than narrow ones.
            Level::Avx512 if under_row >= 32 && under_row.next_multiple_of(32) == under_row.next_multiple_of(16) => {
                (Level::Avx512, 16)
            }
            _ => (Level::Avx2, 8),
        };
        let group = VECTORS * lanes;
        // Few numbers leave lanes empty, and pixels of few channels are turned one number at a time.
        if under_row < group || conv.in_channels < 8 || (conv.dilation[1] > 1 && conv.kernel[1] > 1) {
            return None;
        }
        let reach = |axis: usize| (conv.output[axis] - 1) * conv.stride[axis] + 1;
        Some(Self {
            conv,
            rows: reach(0) + (conv.kernel[0] - 1) * conv.dilation[0],
            columns: reach(1) + conv.kernel[1] - 1,
            under_row,
            width: under_row.next_multiple_of(group),
            limit,
        })
    }

    /// Adds the gradient of all images to `dw`.
    pub(super) fn run(&self, x: &[f32], dy: &[f32], dw: &mut [f32]) {
        let conv = self.conv;
        // Where the pixels under the first place of the kernel begin.
        let row = |i: usize| {
            (0..conv.output[1])
                .map(move |j| (i * conv.stride[0] * self.columns + j * conv.stride[1]) * conv.in_channels)
        };
        let steps: Vec<usize> = (0..conv.output[0]).flat_map(row).collect();
        let together = PIXELS.div_ceil(steps.len()).min(conv.batch);
        let per_part = conv.batch.div_ceil(PARTS).next_multiple_of(together);
        let parts = conv.batch.div_ceil(per_part);
        let len = conv.out_channels * conv.kernel[0] * self.width;
        // The last numbers under the kernel are read with what follows them.
        let image = self.rows * self.columns * conv.in_channels;
        let room = together * image + self.width - self.under_row;
        let partial = parallel::collect(parts * conv.groups, conv.operations(), |task| {
            let (part, g) = (task / conv.groups, task % conv.groups);
            let images = part * per_part..((part + 1) * per_part).min(conv.batch);
            let mut sums = vec![0.0; len];
            scratch::with(room, |turned| {
                turned.fill(0.0);
                for first in images.clone().step_by(together) {
                    let now = first..(first + together).min(images.end);
                    for (n, turned) in now.clone().zip(turned.chunks_exact_mut(image)) {
                        let x = &x[(n * conv.groups + g) * conv.in_image()..][..conv.in_image()];
                        dispatch_up_to(Level::Avx2, Turn { by: self, x, turned });
                    }
                    let dy = &dy[(now.start * conv.groups + g) * conv.out_image()..];
                    let steps = &steps;
                    dispatch_up_to(
                        self.limit,
                        Images { by: self, steps, turned, dy, count: now.len(), sums: &mut sums },
                    );
                }
            });
            sums
        });
        let [height, columns] = conv.kernel;
        let group = dw.len() / conv.groups;
        for (task, sums) in partial.iter().enumerate() {
            let kernels = dw[task % conv.groups * group..][..group].chunks_exact_mut(height * columns);
            for (at, kernel) in kernels.enumerate() {
                let (k, c) = (at / conv.in_channels, at % conv.in_channels);
                for (r, row) in kernel.chunks_exact_mut(columns).enumerate() {
                    let sums = &sums[(k * height + r) * self.width + c..];
                    row.iter_mut().zip(sums.iter().step_by(conv.in_channels)).for_each(|(to, sum)| *to += sum);
                }
            }
        }
    }
}

/// Some images of one group.
struct Images<'a> {
    by: &'a ByChannels<'a>,
    /// Where the pixels under each output begin in an image.
    steps: &'a [usize],
    /// `[image][row][column][channel]`, with the zeros of the padding.
    turned: &'a [f32],
    /// From the first image on, with all groups.
    dy: &'a [f32],
    count: usize,
    /// `[output channel][row of the kernel][column of the kernel][channel]`, each row with room at its end.
    sums: &'a mut [f32],
}

impl Kernel for Images<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let channels = self.by.conv.out_channels;
        // Evenly dealt blocks of output channels.
        let blocks = channels.div_ceil(CHANNELS);
        for block in 0..blocks {
            let (first, end) = (block * channels / blocks, (block + 1) * channels / blocks);
            match end - first {
                1 => self.add::<S, 1>(simd, first),
                2 => self.add::<S, 2>(simd, first),
                3 => self.add::<S, 3>(simd, first),
                4 => self.add::<S, 4>(simd, first),
                5 => self.add::<S, 5>(simd, first),
                _ => self.add::<S, CHANNELS>(simd, first),
            }
        }
    }
}

impl Images<'_> {
    /// Adds the gradient of the kernels of `N` output channels from the first one.
    #[inline(always)]
    fn add<S: Simd, const N: usize>(&mut self, simd: S, first: usize) {
        let Self { by, steps, turned, dy, count, ref mut sums } = *self;
        let Conv2d { in_channels, out_channels, kernel, dilation, groups, .. } = *by.conv;
        let (row, image, group) = (by.columns * in_channels, by.rows * by.columns * in_channels, VECTORS * S::LANES);
        let (plane, dy_image) = (steps.len(), groups * out_channels * steps.len());
        let furthest = steps.iter().max().unwrap_or(&0) + (kernel[0] - 1) * dilation[0] * row + by.width;
        assert!((count - 1) * image + furthest <= turned.len(), "{count} images, {furthest} of {}", turned.len());
        assert!((count - 1) * dy_image + (first + N) * plane <= dy.len(), "{count} images, {first} + {N} channels");
        assert!(by.width.is_multiple_of(group));
        for r in 0..kernel[0] {
            for under in (0..by.under_row).step_by(group) {
                let mut products = [[simd.zero(); VECTORS]; N];
                for n in 0..count {
                    let x = turned[n * image + r * dilation[0] * row + under..].as_ptr();
                    let y = dy[n * dy_image + first * plane..].as_ptr();
                    for (pixel, &step) in steps.iter().enumerate() {
                        let x = x.wrapping_add(step);
                        // SAFETY: two vectors from the furthest place, which this one does not exceed, lie within `turned` by the
                        // first assertion: `under` and a group are at most the width.
                        let x = unsafe { [simd.load_at(x), simd.load_at(x.wrapping_add(S::LANES))] };
                        for (m, products) in products.iter_mut().enumerate() {
                            // SAFETY: the pixel of a channel below `first + N` lies within `dy` by the second assertion.
                            let y = simd.splat(unsafe { *y.wrapping_add(m * plane + pixel) });
                            for (product, x) in products.iter_mut().zip(x) {
                                *product = simd.fma(y, x, *product);
                            }
                        }
                    }
                }
                for (m, products) in products.into_iter().enumerate() {
                    let sums = &mut sums[((first + m) * kernel[0] + r) * by.width + under..][..group];
                    for (sums, product) in sums.chunks_exact_mut(S::LANES).zip(products) {
                        simd.store(sums, simd.add(simd.load(sums), product));
                    }
                }
            }
        }
    }
}

/// Lines that are turned together.
const EIGHT: usize = 8;

/// Writes an image's channels side by side, and nothing to the padding.
struct Turn<'a> {
    by: &'a ByChannels<'a>,
    x: &'a [f32],
    turned: &'a mut [f32],
}

impl Kernel for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        assert_eq!(S::LANES, EIGHT, "as many lanes as lines");
        let Self { by, x, turned } = self;
        let Conv2d { in_channels, input: [height, width], padding, .. } = *by.conv;
        let columns = width.min(by.columns.saturating_sub(padding[1]));
        if columns == 0 {
            return;
        }
        for (row, to) in turned.chunks_exact_mut(by.columns * in_channels).skip(padding[0]).take(height).enumerate() {
            let pixels = &mut to[padding[1] * in_channels..];
            // The last eight channels, and the last eight pixels, overlap their predecessors rather than the end.
            for c in (0..in_channels).step_by(EIGHT).map(|c| c.min(in_channels - EIGHT)) {
                for j in (0..columns).step_by(EIGHT).map(|j| j.min(columns.saturating_sub(EIGHT))) {
                    let count = EIGHT.min(columns - j);
                    let mut lines = [simd.zero(); EIGHT];
                    for (i, line) in lines.iter_mut().enumerate() {
                        *line = simd.read(&x[((c + i) * height + row) * width + j..][..count]);
                    }
                    let to = pixels[j * in_channels..].chunks_mut(in_channels);
                    for (to, pixel) in to.zip(turn(simd, lines)).take(count) {
                        simd.store(&mut to[c..c + EIGHT], pixel);
                    }
                }
            }
        }
    }
}

/// Lane j of line i becomes lane i of line j. Each step turns the six digits of a number's place, line and lane, by one.
#[inline(always)]
fn turn<S: Simd>(simd: S, mut lines: [S::V; EIGHT]) -> [S::V; EIGHT] {
    for _ in 0..3 {
        let mut next = lines;
        for i in 0..EIGHT / 2 {
            (next[2 * i], next[2 * i + 1]) = simd.interleave(lines[i], lines[i + EIGHT / 2]);
        }
        lines = next;
    }
    lines
}
