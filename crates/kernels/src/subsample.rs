//! Every s-th pixel between channels of zeros: the shortcut without parameters of a residual network.

use crate::parallel;

/// Reads `x [n, C, H, W]`, writes `[n, C', ceil(H / s), ceil(W / s)]` with `before` channels of zeros, then the C channels'
/// every s-th row and column, then zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subsample {
    /// Shape of the input.
    pub input: [usize; 4],
    /// Pixels from one that is kept to the next, s.
    pub stride: usize,
    /// Channels of zeros before the input's.
    pub before: usize,
    /// Channels of the output, C'.
    pub channels: usize,
}

impl Subsample {
    /// Shape of the output.
    pub fn output_shape(&self) -> [usize; 4] {
        let [n, _, h, w] = self.input;
        [n, self.channels, h.div_ceil(self.stride), w.div_ceil(self.stride)]
    }

    /// Writes the output.
    ///
    /// ```
    /// use tenfold_kernels::subsample::Subsample;
    /// let half = Subsample { input: [1, 1, 1, 3], stride: 2, before: 0, channels: 2 };
    /// let mut y = [9.0; 4];
    /// half.forward(&[1.0, 2.0, 3.0], &mut y);
    /// assert_eq!(y, [1.0, 3.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If a slice does not have the length of its shape, or the input's channels do not fit.
    pub fn forward(&self, x: &[f32], y: &mut [f32]) {
        let [inputs, outputs] = self.check(x.len(), y.len());
        let work = y.len();
        parallel::chunks(y, outputs.max(1), work, |plane, y| match self.source(plane) {
            Some(source) => {
                let columns = self.output_shape()[3];
                let rows = x[source * inputs..][..inputs].chunks_exact(self.input[3]).step_by(self.stride);
                for (to, from) in y.chunks_exact_mut(columns).zip(rows) {
                    to.iter_mut().zip(from.iter().step_by(self.stride)).for_each(|(to, from)| *to = *from);
                }
            }
            None => y.fill(0.0),
        });
    }

    /// The gradient in the input.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn gradient(&self, dy: &[f32], dx: &mut [f32]) {
        let [inputs, outputs] = self.check(dx.len(), dy.len());
        let [_, c, _, width] = self.input;
        let work = dx.len();
        parallel::chunks(dx, inputs.max(1), work, |plane, dx| {
            dx.fill(0.0);
            let source = plane / c * self.channels + self.before + plane % c;
            let columns = self.output_shape()[3];
            let rows = dy[source * outputs..][..outputs].chunks_exact(columns);
            for (to, from) in dx.chunks_exact_mut(width).step_by(self.stride).zip(rows) {
                to.iter_mut().step_by(self.stride).zip(from).for_each(|(to, from)| *to = *from);
            }
        });
    }

    /// The input's plane that an output's plane shows.
    fn source(&self, plane: usize) -> Option<usize> {
        let (image, channel) = (plane / self.channels, plane % self.channels);
        let inside = channel.checked_sub(self.before).filter(|c| *c < self.input[1])?;
        Some(image * self.input[1] + inside)
    }

    /// Numbers in a plane of the input and of the output.
    fn check(&self, x: usize, y: usize) -> [usize; 2] {
        let ([n, c, h, w], output) = (self.input, self.output_shape());
        assert!(
            self.stride >= 1 && self.before + c <= self.channels,
            "{c} channels between zeros in {}",
            self.channels
        );
        assert_eq!(x, n * c * h * w, "input: expected {:?}", self.input);
        assert_eq!(y, output.iter().product::<usize>(), "output: expected {output:?}");
        [h * w, output[2] * output[3]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_transpose_of_the_map() {
        for input in [[2, 3, 5, 4], [1, 1, 1, 1], [0, 2, 3, 3], [1, 2, 6, 7]] {
            let half = Subsample { input, stride: 2, before: 1, channels: input[1] + 3 };
            let [nx, ny] = [input.iter().product(), half.output_shape().iter().product::<usize>()];
            for i in 0..nx {
                let mut x = vec![0.0; nx];
                x[i] = 1.0;
                let mut y = vec![f32::NAN; ny];
                half.forward(&x, &mut y);
                // The i-th column of the map is y; the gradient of its sum over y is their product.
                let mut dx = vec![f32::NAN; nx];
                half.gradient(&y, &mut dx);
                let [h, w] = [i / input[3] % input[2], i % input[3]];
                let kept = h % 2 == 0 && w % 2 == 0;
                assert_eq!(y.iter().sum::<f32>(), f32::from(u8::from(kept)));
                assert_eq!(dx, if kept { x } else { vec![0.0; nx] });
            }
        }
    }
}
