//! The gradient in the weight.
//!
//! # Safety of this module
//! As in `correlate`: vectors are read through pointers, after an assertion that the furthest one lies within the slice.

use super::planes::Planes;
use super::shape::Conv2d;
use crate::parallel;
use crate::scratch;
use crate::simd::{Kernel, Level, Simd, dispatch_up_to, level};

/// Output channels and kernel positions that are computed together.
const CHANNELS: usize = 4;
const POSITIONS: usize = 3;

/// Vectors of pixels below which adding up the lanes at the end would take a good part of the time.
const PIXELS: usize = 64;

/// At most so many partial sums.
const PARTS: usize = 16;

impl Conv2d {
    /// `dL/dw` from `dL/dy`: `dw[k, c, r, s] = sum_{n, i, j} dy[n, k, i, j] x[n, c, i s_h + r d_h - p_h, ...]`.
    ///
    /// ```
    /// use tenfold_kernels::conv::{Conv2d, Conv2dOptions};
    /// let conv = Conv2d::new([1, 1, 1, 3], [1, 1, 1, 2], Conv2dOptions::default())?;
    /// let mut dw = [0.0; 2];
    /// conv.weight_gradient(&[1.0, 2.0, 4.0], &[1.0, 10.0], &mut dw);
    /// assert_eq!(dw, [21.0, 42.0]);
    /// # Ok::<(), tenfold_kernels::KernelError>(())
    /// ```
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn weight_gradient(&self, x: &[f32], dy: &[f32], dw: &mut [f32]) {
        self.check("x", x.len(), self.input_shape());
        self.check("dy", dy.len(), self.output_shape());
        self.check("dw", dw.len(), self.weight_shape());
        dw.fill(0.0);
        if self.batch == 0 {
            return;
        }
        let (limit, lanes) = match level() {
            Level::Avx512 if self.output[1] >= 16 => (Level::Avx512, 16),
            _ => (Level::Avx2, 8),
        };
        let width = self.output[1].next_multiple_of(lanes);
        let planes = Planes::forward(self, width);
        let taps: Vec<usize> = self.kernel_positions().map(|[r, s]| planes.tap(self, r, s)).collect();
        let positions: Vec<usize> =
            (0..self.in_channels).flat_map(|c| taps.iter().map(move |tap| c * planes.source_plane() + tap)).collect();
        let pixels = self.output[0] * width / lanes;
        let together = PIXELS.div_ceil(pixels).min(self.batch);
        let per_part = self.batch.div_ceil(PARTS).next_multiple_of(together);
        let parts = self.batch.div_ceil(per_part);
        let group = dw.len() / self.groups;

        let [in_image, out_image] = [self.in_image(), self.out_image()];
        let partial = parallel::collect(parts * self.groups, self.operations(), |task| {
            let (part, g) = (task / self.groups, task % self.groups);
            let mut sums = vec![0.0; group];
            let mut first = part * per_part;
            let end = (first + per_part).min(self.batch);
            while first < end {
                let images = first..(first + together).min(end);
                first = images.end;
                let of = |image: usize, len: usize| (image * self.groups + g) * len;
                let x = |image| &x[of(image, in_image)..][..in_image];
                let dy = |image| &dy[of(image, out_image)..][..out_image];
                self.with_images(&planes, images.clone(), x, |x, x_image| {
                    self.with_rows(width, images, dy, |dy| {
                        let work = Products {
                            x,
                            x_image,
                            x_row: self.stride[0] * planes.row(),
                            positions: &positions,
                            dy,
                            channels: self.out_channels,
                            rows: self.output[0],
                            width,
                            sums: &mut sums,
                        };
                        dispatch_up_to(limit, work);
                    });
                });
            }
            sums
        });
        for (task, sums) in partial.iter().enumerate() {
            let to = &mut dw[task % self.groups * group..][..group];
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum);
        }
    }

    /// Some images of the input, laid out one after the other, and the distance from one to the next.
    fn with_images<'a>(
        &self,
        planes: &Planes,
        images: std::ops::Range<usize>,
        x: impl Fn(usize) -> &'a [f32],
        task: impl FnOnce(&[f32], usize),
    ) {
        if images.len() == 1 {
            let mut task = Some(task);
            return planes.each_image(1, |buffer, _| {
                if let Some(task) = task.take() {
                    task(planes.read(x(images.start), buffer), 0);
                }
            });
        }
        let len = self.in_channels * planes.source_plane();
        scratch::with(images.len() * len, |all| {
            planes.each_image(images.len(), |buffer, i| {
                all[i * len..][..len].copy_from_slice(planes.read(x(images.start + i), buffer));
            });
            task(all, len);
        });
    }

    /// Some images of the output's gradient, one after the other, with zeros that fill each row up to `width`.
    fn with_rows<'a>(
        &self,
        width: usize,
        images: std::ops::Range<usize>,
        dy: impl Fn(usize) -> &'a [f32],
        task: impl FnOnce(&[f32]),
    ) {
        let row = self.output[1];
        if images.len() == 1 && row == width {
            return task(dy(images.start));
        }
        let len = self.out_channels * self.output[0] * width;
        scratch::with(images.len() * len, |all| {
            for (to, image) in all.chunks_exact_mut(len).zip(images) {
                for (to, from) in to.chunks_exact_mut(width).zip(dy(image).chunks_exact(row)) {
                    to[..row].copy_from_slice(from);
                    to[row..].fill(0.0);
                }
            }
            task(all);
        });
    }
}

/// Adds `sum_{image, i, j} dy[image, k, i, j] x[image, position + i x_row + j]` to `sums[k, position]`.
struct Products<'a> {
    x: &'a [f32],
    /// Numbers from one image to the next.
    x_image: usize,
    x_row: usize,
    positions: &'a [usize],
    /// `[images, channels, rows, width]`.
    dy: &'a [f32],
    channels: usize,
    rows: usize,
    width: usize,
    sums: &'a mut [f32],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Products { x, x_image, x_row, positions, dy, channels, rows, width, sums } = self;
        let plane = rows * width;
        let images = dy.len() / (channels * plane);
        let furthest = (images - 1) * x_image + (rows - 1) * x_row + positions.iter().max().unwrap_or(&0) + width;
        assert!(furthest <= x.len() && width % S::LANES == 0, "{furthest} of {} numbers", x.len());
        let vectors = width / S::LANES;
        for k in (0..channels).step_by(CHANNELS) {
            // The last block repeats its last channel, the last group its last position; the repetitions are dropped.
            let channel = |m: usize| (k + m).min(channels - 1);
            for (at, group) in positions.chunks(POSITIONS).enumerate() {
                let position: [usize; POSITIONS] = std::array::from_fn(|j| group[j.min(group.len() - 1)]);
                let mut products = [[simd.zero(); POSITIONS]; CHANNELS];
                for image in 0..images {
                    let y: [*const f32; CHANNELS] =
                        std::array::from_fn(|m| dy[(image * channels + channel(m)) * plane..].as_ptr());
                    let x: [*const f32; POSITIONS] = position.map(|p| x[image * x_image + p..].as_ptr());
                    for i in 0..rows {
                        for v in 0..vectors {
                            let column = v * S::LANES;
                            // SAFETY: row `i` of a channel lies within `dy`, whose length is that of its shape; the
                            // positions of `x` lie within it by the assertion above.
                            let y = y.map(|y| unsafe { simd.load_at(y.wrapping_add(i * width + column)) });
                            // SAFETY: as above.
                            let x = x.map(|x| unsafe { simd.load_at(x.wrapping_add(i * x_row + column)) });
                            for (products, &y) in products.iter_mut().zip(&y) {
                                for (product, &x) in products.iter_mut().zip(&x) {
                                    *product = simd.fma(y, x, *product);
                                }
                            }
                        }
                    }
                }
                for (m, products) in products.iter().enumerate().take(channels - k) {
                    let sums = &mut sums[(k + m) * positions.len() + at * POSITIONS..][..group.len()];
                    for (sum, &product) in sums.iter_mut().zip(products) {
                        *sum += simd.sum(product);
                    }
                }
            }
        }
    }
}
