//! The operations that a stack is made of, in one place.

use burn::tensor::Tensor;
use burn::tensor::module::{batch_norm_train, conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};

/// A product per member and its bias: `[m, b, i] x [m, i, o] + [m, 1, o]`.
pub(super) fn linear(x: Tensor<3>, weight: Tensor<3>, bias: Tensor<3>) -> Tensor<3> {
    x.matmul(weight) + bias
}

/// A convolution per group of channels, of odd kernels, that keeps ceil(size / stride) pixels.
pub(super) fn conv(x: Tensor<4>, weight: Tensor<4>, stride: usize, groups: usize) -> Tensor<4> {
    let half = weight.dims()[2] / 2;
    conv2d(x, weight, None, ConvOptions::new([stride; 2], [half; 2], [1, 1], groups))
}

/// What batch normalisation gives in training.
pub(super) struct Normalised {
    pub(super) output: Tensor<4>,
    /// Statistics of the batch, `[channels]`, without autodiff.
    pub(super) mean: Tensor<1>,
    pub(super) variance: Tensor<1>,
}

/// Batch normalisation of each channel of `[b, channels, H, W]`.
pub(super) fn batch_norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Normalised {
    let result = batch_norm_train(x, gamma, beta, epsilon);
    Normalised { output: result.output, mean: result.mean.inner(), variance: result.variance.inner() }
}

/// The largest of each 2x2 pixels; odd sizes lose their last row or column.
pub(super) fn halve(x: Tensor<4>) -> Tensor<4> {
    max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
}
