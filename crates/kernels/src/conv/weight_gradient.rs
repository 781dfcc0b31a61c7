//! The gradient in the weight.
//!
//! # Safety of this module
//! As in `correlate`: vectors are read through pointers, after an assertion that the furthest one lies within the slice.

use super::by_channels::ByChannels;
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
        if let Some(by_channels) = ByChannels::new(self) {
            return by_channels.run(x, dy, dw);
        }
        let (limit, lanes) = match level() {
            Level::Avx512 if self.output[1] >= 16 => (Level::Avx512, 16),
            _ => (Level::Avx2, 8),
        };
        let width = self.output[1].next_multiple_of(lanes);
        let planes = Planes::forward(self, width);
        let taps: Vec<usize> = self.kernel_positions().map(|[r, s]| planes.tap(self, r, s)).collect();
        let positions = planes.offsets(&taps);
        // Where each vector of pixels is in an image of x and of dy.
        let steps: Vec<[usize; 2]> = (0..self.output[0])
            .flat_map(|i| (0..width).step_by(lanes).map(move |j| (i, j)))
            .map(|(i, j)| [i * self.stride[0] * planes.row() + j, i * width + j])
            .collect();
        let together = PIXELS.div_ceil(steps.len()).min(self.batch);
        let per_part = self.batch.div_ceil(PARTS).next_multiple_of(together);
        let parts = self.batch.div_ceil(per_part);
        let group = dw.len() / self.groups;

        let [in_image, out_image] = [self.in_image(), self.out_image()];
        let rows = Rows { row: self.output[1], width, image: self.out_channels * self.output[0] * width };
        let partial = parallel::collect(parts * self.groups, self.operations(), |task| {
            let (part, g) = (task / self.groups, task % self.groups);
            let images = part * per_part..((part + 1) * per_part).min(self.batch);
            let mut sums = vec![0.0; group];
            let x_of = |image: usize| &x[(image * self.groups + g) * in_image..][..in_image];
            let dy_of = |image: usize| &dy[(image * self.groups + g) * out_image..][..out_image];
            scratch::with(together * planes.len(), |x_buffer| {
                x_buffer.fill(0.0);
                scratch::with(together * rows.image, |dy_buffer| {
                    dy_buffer.fill(0.0);
                    for first in images.clone().step_by(together) {
                        let now = first..(first + together).min(images.end);
                        for (image, buffer) in now.clone().zip(x_buffer.chunks_exact_mut(planes.len())) {
                            planes.copy(x_of(image), buffer);
                        }
                        for (image, buffer) in now.clone().zip(dy_buffer.chunks_exact_mut(rows.image)) {
                            rows.copy(dy_of(image), buffer);
                        }
                        let work = Products {
                            x: x_buffer,
                            x_image: planes.len(),
                            positions: &positions,
                            dy: dy_buffer,
                            dy_image: rows.image,
                            channels: self.out_channels,
                            steps: &steps,
                            images: now.len(),
                            sums: &mut sums,
                        };
                        dispatch_up_to(limit, work);
                    }
                });
            });
            sums
        });
        for (task, sums) in partial.iter().enumerate() {
            let to = &mut dw[task % self.groups * group..][..group];
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum);
        }
    }
}

/// Rows of an output's gradient with zeros at the end, so that each is a whole number of vectors.
#[derive(Clone, Copy)]
struct Rows {
    row: usize,
    width: usize,
    /// Numbers in one image with the zeros.
    image: usize,
}

impl Rows {
    /// Writes the rows and nothing between them.
    fn copy(&self, from: &[f32], to: &mut [f32]) {
        for (from, to) in from.chunks_exact(self.row).zip(to.chunks_exact_mut(self.width)) {
            to[..self.row].copy_from_slice(from);
        }
    }
}

/// Adds `sum_{image, i, j} dy[image, k, i, j] x[image, position + (i, j)]` to `sums[k, position]`.
struct Products<'a> {
    x: &'a [f32],
    x_image: usize,
    positions: &'a [usize],
    dy: &'a [f32],
    dy_image: usize,
    channels: usize,
    /// Where each vector of pixels is in an image of `x` and in a channel of `dy`.
    steps: &'a [[usize; 2]],
    images: usize,
    sums: &'a mut [f32],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Products { x, x_image, positions, dy, dy_image, channels, steps, images, sums } = self;
        let plane = dy_image / channels;
        let last = |axis: usize| steps.iter().map(|step| step[axis]).max().unwrap_or(0) + S::LANES;
        let furthest = positions.iter().max().unwrap_or(&0) + last(0);
        assert!(furthest <= x_image && last(1) <= plane, "{furthest} of {x_image}, {} of {plane} numbers", last(1));
        for k in (0..channels).step_by(CHANNELS) {
            // The last block repeats its last channel, the last group its last position; the repetitions are dropped.
            let channel = |m: usize| (k + m).min(channels - 1);
            for (at, group) in positions.chunks(POSITIONS).enumerate() {
                let position: [usize; POSITIONS] = std::array::from_fn(|j| group[j.min(group.len() - 1)]);
                let mut products = [[simd.zero(); POSITIONS]; CHANNELS];
                for image in 0..images {
                    let (x, dy) = (&x[image * x_image..][..x_image], &dy[image * dy_image..][..dy_image]);
                    let y: [*const f32; CHANNELS] = std::array::from_fn(|m| dy[channel(m) * plane..].as_ptr());
                    let x: [*const f32; POSITIONS] = position.map(|p| x[p..].as_ptr());
                    for &[x_at, y_at] in steps {
                        // SAFETY: the step and a vector lie within the channel's plane by the assertion above.
                        let y = y.map(|y| unsafe { simd.load_at(y.wrapping_add(y_at)) });
                        // SAFETY: position, step and a vector lie within the image by the assertion above.
                        let x = x.map(|x| unsafe { simd.load_at(x.wrapping_add(x_at)) });
                        for (products, &y) in products.iter_mut().zip(&y) {
                            for (product, &x) in products.iter_mut().zip(&x) {
                                *product = simd.fma(y, x, *product);
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
