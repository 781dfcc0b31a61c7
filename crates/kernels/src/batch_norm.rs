//! Batch normalisation with what networks put after it: a residual added, and ReLU.
//!
//! Over `x [n, C, P]` (P pixels), for each channel c with N = n P values:
//!
//! ```text
//! mu = sum x / N        var = sum (x - mu)^2 / N        xhat = (x - mu) / sqrt(var + epsilon)
//! y = relu(gamma xhat + beta + r)
//! ```
//!
//! A channel's statistics and its outputs are computed by one task, one after the other, so that its numbers are still in
//! the cache when they are read again. Sums run in single precision over one plane, in double precision over planes.

use crate::disjoint::Disjoint;
use crate::parallel;
use crate::reduce::sum_of;
use crate::simd::{Kernel, Simd, dispatch};

/// Sizes and settings of a batch normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Images, n.
    pub batch: usize,
    /// Channels, C.
    pub channels: usize,
    /// Pixels of a channel, P.
    pub pixels: usize,
    /// Whether negative outputs become zero.
    pub relu: bool,
}

/// Mean and variance of each channel, `[C]`. The variance is the biased one, a mean of squares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// mu.
    pub mean: Vec<f32>,
    /// var.
    pub variance: Vec<f32>,
}

/// `y = a x + b` of one channel.
#[derive(Clone, Copy, Debug)]
struct Affine {
    scale: f32,
    shift: f32,
}

impl Affine {
    fn new(gamma: f32, beta: f32, mean: f32, variance: f32, epsilon: f32) -> Self {
        let scale = gamma / (variance + epsilon).sqrt();
        Self { scale, shift: beta - mean * scale }
    }
}

/// What a backward pass returns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParameterGradients {
    /// `dL/dgamma`, `[C]`.
    pub gamma: Vec<f32>,
    /// `dL/dbeta`, `[C]`.
    pub beta: Vec<f32>,
}

/// Scale and shift with what they belong to.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    /// gamma, `[C]`.
    pub gamma: &'a [f32],
    /// beta, `[C]`.
    pub beta: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

impl BatchNorm {
    fn check(&self, slices: &[(&str, usize)]) {
        let len = self.batch * self.channels * self.pixels;
        for (name, found) in slices {
            assert_eq!(*found, len, "{name}: expected [{}, {}, {}]", self.batch, self.channels, self.pixels);
        }
    }

    fn work(&self) -> usize {
        4 * self.batch * self.channels * self.pixels
    }

    fn start(&self, image: usize, channel: usize) -> usize {
        (image * self.channels + channel) * self.pixels
    }

    /// Normalises by the batch's own moments, and returns them.
    ///
    /// ```
    /// use tenfold_kernels::batch_norm::{BatchNorm, Parameters};
    /// let norm = BatchNorm { batch: 2, channels: 1, pixels: 2, relu: false };
    /// let parameters = Parameters { gamma: &[2.0], beta: &[1.0], epsilon: 0.0 };
    /// let mut y = [0.0; 4];
    /// let moments = norm.forward(&[1.0, 3.0, 1.0, 3.0], parameters, None, &mut y);
    /// assert_eq!((moments.mean[0], moments.variance[0]), (2.0, 1.0));
    /// assert_eq!(y, [-1.0, 3.0, -1.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn forward(&self, x: &[f32], parameters: Parameters, residual: Option<&[f32]>, y: &mut [f32]) -> Moments {
        self.check(&[("x", x.len()), ("y", y.len()), ("residual", residual.map_or(x.len(), <[f32]>::len))]);
        let out = Disjoint::new(y);
        let pairs = parallel::collect(self.channels, self.work(), |c| {
            let (mean, variance) = dispatch(ChannelMoments { norm: self, x, channel: c });
            let Parameters { gamma, beta, epsilon } = parameters;
            let affine = Affine::new(gamma[c], beta[c], mean, variance, epsilon);
            self.write_channel(c, x, affine, residual, &out);
            (mean, variance)
        });
        let (mean, variance) = pairs.into_iter().unzip();
        Moments { mean, variance }
    }

    /// Normalises by given moments, as after training.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape.
    pub fn forward_with(
        &self,
        x: &[f32],
        moments: &Moments,
        parameters: Parameters,
        residual: Option<&[f32]>,
        y: &mut [f32],
    ) {
        self.check(&[("x", x.len()), ("y", y.len()), ("residual", residual.map_or(x.len(), <[f32]>::len))]);
        let out = Disjoint::new(y);
        parallel::tasks(self.channels, self.work(), |c| {
            let Parameters { gamma, beta, epsilon } = parameters;
            let affine = Affine::new(gamma[c], beta[c], moments.mean[c], moments.variance[c], epsilon);
            self.write_channel(c, x, affine, residual, &out);
        });
    }

    fn write_channel(&self, channel: usize, x: &[f32], affine: Affine, residual: Option<&[f32]>, out: &Disjoint) {
        for image in 0..self.batch {
            let start = self.start(image, channel);
            // SAFETY: a channel is written by one task, one image at a time.
            let y = unsafe { out.part(start, self.pixels) };
            let plane = start..start + self.pixels;
            let residual = residual.map(|r| &r[plane.clone()]);
            dispatch(Normalise { x: &x[plane], affine, residual, relu: self.relu, y });
        }
    }

    /// The gradients of [`forward`](Self::forward), through the moments too: with z = dL/dy where the output was not cut
    /// off,
    ///
    /// ```text
    /// dbeta = sum z    dgamma = sum z xhat    dr = z    dx = gamma / sigma (z - dbeta / N - xhat dgamma / N)
    /// ```
    ///
    /// `y` is needed, and `dr` written, only with a residual.
    ///
    /// # Panics
    /// If a slice does not have the length of its shape, or only one of `y` and `dr` is there.
    pub fn backward(
        &self,
        x: &[f32],
        moments: &Moments,
        parameters: Parameters,
        dy: &[f32],
        residual: Option<(&[f32], &mut [f32])>,
        dx: &mut [f32],
    ) -> ParameterGradients {
        self.check(&[("x", x.len()), ("dy", dy.len()), ("dx", dx.len())]);
        let (y, dr) = match residual {
            Some((y, dr)) => {
                self.check(&[("y", y.len()), ("dr", dr.len())]);
                (Some(y), Some(Disjoint::new(dr)))
            }
            None => (None, None),
        };
        let dx = Disjoint::new(dx);
        let count = (self.batch * self.pixels) as f64;
        let pairs = parallel::collect(self.channels, self.work(), |c| {
            let Parameters { gamma, beta, epsilon } = parameters;
            let (mean, variance) = (moments.mean[c], moments.variance[c]);
            let forward = Affine::new(gamma[c], beta[c], mean, variance, epsilon);
            let plane = |image: usize| self.start(image, c)..self.start(image, c) + self.pixels;
            let gradient = |image: usize| PlaneGradient {
                x: &x[plane(image)],
                dy: &dy[plane(image)],
                y: y.map(|y| &y[plane(image)]),
                forward,
                relu: self.relu,
            };
            let (mut sum, mut product) = (0.0_f64, 0.0_f64);
            for image in 0..self.batch {
                let (s, p) = dispatch(GradientSums { plane: gradient(image), mean });
                sum += f64::from(s);
                product += f64::from(p);
            }
            let inverse = 1.0 / f64::from((variance + epsilon).sqrt());
            let slope = f64::from(gamma[c]) * inverse;
            let of_x = -slope * inverse * inverse * product / count;
            let constant = -slope * sum / count - of_x * f64::from(mean);
            for image in 0..self.batch {
                let start = self.start(image, c);
                // SAFETY: a channel is written by one task, one image at a time.
                let dx = unsafe { dx.part(start, self.pixels) };
                // SAFETY: as above.
                let dr = dr.as_ref().map(|dr| unsafe { dr.part(start, self.pixels) });
                let [of_z, of_x, constant] = [slope, of_x, constant].map(|v| v as f32);
                dispatch(WriteGradient { plane: gradient(image), of_z, of_x, constant, dx, dr });
            }
            ((product * inverse) as f32, sum as f32)
        });
        let (gamma, beta) = pairs.into_iter().unzip();
        ParameterGradients { gamma, beta }
    }
}

/// Mean and variance of a channel.
struct ChannelMoments<'a> {
    norm: &'a BatchNorm,
    x: &'a [f32],
    channel: usize,
}

impl Kernel for ChannelMoments<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (f32, f32) {
        let pixels = self.norm.pixels;
        // Chan's rule joins the moments of one plane to those of all before it.
        let (mut count, mut mean, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
        for image in 0..self.norm.batch {
            let plane = &self.x[self.norm.start(image, self.channel)..][..pixels];
            let plane_mean = sum_of(simd, plane, 0.0, |v| v) / pixels as f32;
            let centre = simd.splat(plane_mean);
            let plane_squares = sum_of(simd, plane, plane_mean, |v| {
                let d = simd.sub(v, centre);
                simd.mul(d, d)
            });
            let (n, m) = (pixels as f64, f64::from(plane_mean));
            let total = count + n;
            let delta = m - mean;
            mean += delta * n / total;
            squares += f64::from(plane_squares) + delta * delta * count * n / total;
            count = total;
        }
        (mean as f32, (squares / count) as f32)
    }
}

/// One plane of `y = relu(a x + b + r)`.
struct Normalise<'a> {
    x: &'a [f32],
    affine: Affine,
    residual: Option<&'a [f32]>,
    relu: bool,
    y: &'a mut [f32],
}

impl Kernel for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { x, affine, residual, relu, y } = self;
        let (scale, shift) = (simd.splat(affine.scale), simd.splat(affine.shift));
        let lowest = simd.splat(if relu { 0.0 } else { f32::NEG_INFINITY });
        let vectors = y.chunks_mut(S::LANES).zip(x.chunks(S::LANES)).enumerate();
        for (i, (y, x)) in vectors {
            let mut v = simd.fma(simd.read(x), scale, shift);
            if let Some(residual) = residual {
                v = simd.add(v, simd.read(&residual[i * S::LANES..][..x.len()]));
            }
            simd.write(y, simd.max(lowest, v));
        }
    }
}

/// What both passes of the gradient read of one plane.
#[derive(Clone, Copy)]
struct PlaneGradient<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    /// The output, where it cannot be had from `x`.
    y: Option<&'a [f32]>,
    forward: Affine,
    relu: bool,
}

impl PlaneGradient<'_> {
    /// The i-th vector of x and of the gradient that passed the ReLU; zeros fill the last vector up.
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, i: usize) -> (S::V, S::V) {
        let part = i * S::LANES..((i + 1) * S::LANES).min(self.x.len());
        let (x, dy) = (simd.read(&self.x[part.clone()]), simd.read(&self.dy[part.clone()]));
        if !self.relu {
            return (x, dy);
        }
        let y = match self.y {
            Some(y) => simd.read(&y[part]),
            // The very operation of the forward pass, so that the same numbers are cut off.
            None => simd.fma(x, simd.splat(self.forward.scale), simd.splat(self.forward.shift)),
        };
        (x, simd.select(simd.gt(y, simd.zero()), dy, simd.zero()))
    }
}

/// `sum z` and `sum z (x - mu)` of one plane.
struct GradientSums<'a> {
    plane: PlaneGradient<'a>,
    mean: f32,
}

impl Kernel for GradientSums<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (f32, f32) {
        let mean = simd.splat(self.mean);
        let (mut sums, mut products) = ([simd.zero(); 2], [simd.zero(); 2]);
        for i in 0..self.plane.x.len().div_ceil(S::LANES) {
            // Where zeros fill the last vector up, z is zero too.
            let (x, z) = self.plane.at(simd, i);
            sums[i % 2] = simd.add(sums[i % 2], z);
            products[i % 2] = simd.fma(z, simd.sub(x, mean), products[i % 2]);
        }
        (simd.sum(simd.add(sums[0], sums[1])), simd.sum(simd.add(products[0], products[1])))
    }
}

/// One plane of `dx = of_z z + of_x x + constant`, and of `dr = z`.
struct WriteGradient<'a> {
    plane: PlaneGradient<'a>,
    of_z: f32,
    of_x: f32,
    constant: f32,
    dx: &'a mut [f32],
    dr: Option<&'a mut [f32]>,
}

impl Kernel for WriteGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let [of_z, of_x, constant] = [self.of_z, self.of_x, self.constant].map(|v| simd.splat(v));
        for (i, dx) in self.dx.chunks_mut(S::LANES).enumerate() {
            let (x, z) = self.plane.at(simd, i);
            simd.write(dx, simd.fma(z, of_z, simd.fma(x, of_x, constant)));
            if let Some(dr) = &mut self.dr {
                simd.write(&mut dr[i * S::LANES..][..dx.len()], z);
            }
        }
    }
}

#[cfg(test)]
mod tests;
