//! Two-dimensional convolution (cross-correlation, as networks use the word) and its two gradients.
//!
//! For `x [n, G C, H, W]`, `w [G K, C, R, S]`, stride s, padding p, dilation d and G groups:
//!
//! ```text
//! y[n, k, i, j] = sum_{c, r, s} w[k, c, r, s] x[n, c, i s_h + r d_h - p_h, j s_w + s d_w - p_w]
//! ```
//!
//! Where the kernel is 3 x 3 with stride 1 and there are channels enough, the convolution and the gradient in `x` go by
//! Winograd (`winograd`). Else all three are direct: no matrix of patches is made. With channels enough, the gradient in `w`
//! has them side by side in the lanes (`by_channels`); what follows is the way for the rest. One image's planes are copied once with
//! their padding, columns split by their remainder modulo the stride, so that a vector of neighbouring outputs reads neighbouring inputs for every
//! stride and dilation; a copy is skipped where the image can be read as it is. Four channels by two vectors of outputs then
//! stay in registers while all input channels and kernel positions pass. The gradient in `x` is the same correlation of the
//! output's gradient with the kernel turned around, one for each remainder of the pixel's coordinates modulo the stride. The
//! gradient in `w` keeps four output channels by three kernel positions in registers while pixels and images pass, summed in a
//! fixed order.

mod by_channels;
mod correlate;
mod input_gradient;
mod planes;
mod shape;
mod weight_gradient;
mod winograd;

pub use shape::{Conv2d, Conv2dOptions};

use crate::disjoint::Disjoint;
use crate::parallel;
use correlate::{Correlation, Stage};
use planes::Planes;
use winograd::Winograd;

impl Conv2d {
    /// `y = w * x (+ b)`, `[n, G K, OH, OW]`.
    ///
    /// ```
    /// use tenfold_kernels::conv::{Conv2d, Conv2dOptions};
    /// let conv = Conv2d::new([1, 1, 3, 3], [1, 1, 2, 2], Conv2dOptions::default())?;
    /// let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    /// let mut y = [0.0; 4];
    /// conv.forward(&x, &[1.0, 0.0, 0.0, -1.0], Some(&[10.0]), &mut y);
    /// assert_eq!(y, [6.0, 6.0, 6.0, 6.0]);
    /// # Ok::<(), tenfold_kernels::KernelError>(())
    /// ```
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn forward(&self, x: &[f32], w: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
        self.check("x", x.len(), self.input_shape());
        self.check("w", w.len(), self.weight_shape());
        self.check("y", y.len(), self.output_shape());
        assert!(bias.is_none_or(|b| b.len() == self.groups * self.out_channels), "bias: one number per output channel");
        if y.is_empty() {
            return;
        }
        if let Some(winograd) = Winograd::forward(self) {
            let kernel = |g: usize| {
                let kernels = w.as_chunks::<3>().0.as_chunks::<3>().0;
                winograd.transform(|k, c| kernels[(g * self.out_channels + k) * self.in_channels + c])
            };
            let bias = |g: usize| bias.map(|b| &b[g * self.out_channels..][..self.out_channels]);
            let groups: Vec<_> = (0..self.groups).map(|g| (kernel(g), bias(g))).collect();
            return winograd.run(&groups, x, y);
        }
        let stage = Stage::new(self.output[1]);
        let planes = Planes::forward(self, stage.round_up(self.output[1]));
        let taps: Vec<_> = self.kernel_positions().map(|[r, s]| planes.tap(self, r, s)).collect();
        let offsets = planes.offsets(&taps);
        let spots = stage.spots(self.output, |i, j| i * self.stride[0] * planes.row() + j);
        let position = |k: usize, c: usize, t: usize| (k * self.in_channels + c) * taps.len() + t;
        let weights: Vec<Vec<f32>> = (0..self.groups)
            .map(|g| {
                let group = &w[g * self.out_channels * self.in_channels * taps.len()..];
                stage.pack(self.out_channels, self.in_channels, taps.len(), |k, c, t| group[position(k, c, t)])
            })
            .collect();

        self.each_image(&planes, (x, self.in_image()), (y, self.out_image()), |g, source, y| {
            let correlation = Correlation {
                source,
                offsets: &offsets,
                weights: &weights[g],
                bias: bias.map(|b| &b[g * self.out_channels..][..self.out_channels]),
                spots: &spots,
                outputs: self.out_channels,
            };
            stage.run(&correlation, y);
        });
    }

    /// Runs `task(group, source, to)` for each group's channels of each image: the source laid out as `planes` say, from
    /// and to arrays of which each image and group has so many numbers.
    fn each_image(
        &self,
        planes: &Planes,
        (from, from_len): (&[f32], usize),
        (to, to_len): (&mut [f32], usize),
        task: impl Fn(usize, &[f32], &mut [f32]) + Sync + Send,
    ) {
        let to = Disjoint::new(to);
        let per_task = self.batch.div_ceil(TASKS);
        parallel::tasks(self.batch.div_ceil(per_task), self.operations(), |i| {
            let images = i * per_task..((i + 1) * per_task).min(self.batch);
            planes.each_image(images.len() * self.groups, |buffer, at| {
                let n = images.start * self.groups + at;
                // SAFETY: each image and group is written by one iteration of one task.
                let to = unsafe { to.part(n * to_len, to_len) };
                task(n % self.groups, planes.read(&from[n * from_len..][..from_len], buffer), to);
            });
        });
    }
}

/// At most so many tasks for a batch: enough to share among threads, few enough to keep buffers from image to image.
const TASKS: usize = 32;

#[cfg(test)]
mod tests;
