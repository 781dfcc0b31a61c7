//! Pooling of images.

use burn::tensor::Tensor;
use burn::tensor::module;
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

/// How a window moves over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2dOptions {
    /// Rows and columns of the window.
    pub window: [usize; 2],
    /// Pixels from one window to the next.
    pub stride: [usize; 2],
    /// Pixels added on each side: they never win a maximum, and do not count in a mean.
    pub padding: [usize; 2],
}

impl Pool2dOptions {
    /// Square windows that do not overlap, without padding.
    pub fn new(size: usize) -> Self {
        Self { window: [size; 2], stride: [size; 2], padding: [0; 2] }
    }
}

/// The largest pixel of each window of `x [n, C, H, W]`. Rows and columns that no whole window covers are left out. The
/// gradient goes to the largest pixel, to the first of equals.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::{Pool2dOptions, max_pool2d};
/// # #[cfg(feature = "flex")] {
/// let x = Tensor::<4>::from_data([[[[1.0_f32, 4.0, 9.0], [3.0, 2.0, 9.0]]]], &Device::flex());
/// assert_eq!(max_pool2d(x, Pool2dOptions::new(2)).into_scalar::<f32>(), 4.0);
/// # }
/// ```
///
/// # Panics
/// If a window does not fit the image, as Burn's own operation does.
pub fn max_pool2d(x: Tensor<4>, options: Pool2dOptions) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::pool(x, options, fused::Kind::Max);
    }
    reference_max(x, options)
}

/// The mean of each window of `x [n, C, H, W]`, over the pixels that are not padding.
///
/// # Panics
/// If a window does not fit the image, as Burn's own operation does.
pub fn avg_pool2d(x: Tensor<4>, options: Pool2dOptions) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::pool(x, options, fused::Kind::Mean);
    }
    reference_avg(x, options)
}

fn reference_max(x: Tensor<4>, Pool2dOptions { window, stride, padding }: Pool2dOptions) -> Tensor<4> {
    module::max_pool2d(x, MaxPoolOptions::new(window).with_stride(stride).with_padding(padding))
}

fn reference_avg(x: Tensor<4>, Pool2dOptions { window, stride, padding }: Pool2dOptions) -> Tensor<4> {
    let options = AvgPoolOptions::new(window).with_stride(stride).with_padding(padding).with_count_include_pad(false);
    module::avg_pool2d(x, options)
}

#[cfg(feature = "flex")]
mod fused {
    use super::Pool2dOptions;
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    use tenfold_kernels::pool::Pool2d;

    #[derive(Clone, Copy, Debug)]
    pub(super) enum Kind {
        Max,
        Mean,
    }

    #[derive(Debug)]
    struct Pooling {
        kernel: Pool2d,
        kind: Kind,
    }

    pub(super) fn pool(x: Tensor<4>, options: Pool2dOptions, kind: Kind) -> Tensor<4> {
        let kernel = Pool2d::new(x.dims(), options.window, options.stride, options.padding);
        let kernel = kernel.unwrap_or_else(|error| panic!("pooling of {:?}: {error}", x.dims()));
        apply(Pooling { kernel, kind }, [x.into_dispatch()]).output()
    }

    impl CpuOp for Pooling {
        fn forward(&self, inputs: Vec<Array>) -> Forward {
            let x = inputs[0].data();
            let y = Array::from_fn(&self.kernel.output_shape(), |y| match self.kind {
                Kind::Max => self.kernel.max(x, y),
                Kind::Mean => self.kernel.mean(x, y),
            });
            match self.kind {
                Kind::Max => Forward::new(y).keeping(inputs),
                Kind::Mean => Forward::new(y),
            }
        }

        fn backward(&self, kept: &[Array], dy: Array, _: &[bool]) -> Vec<Option<Array>> {
            let dx = Array::from_fn(&self.kernel.input_shape(), |dx| match self.kind {
                Kind::Max => self.kernel.max_gradient(kept[0].data(), dy.data(), dx),
                Kind::Mean => self.kernel.mean_gradient(dy.data(), dx),
            });
            vec![Some(dx)]
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::ops::tensor::testing::{assert_agree, tensor};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn values_and_gradients_agree_with_burn(
            shape in [1_usize..4, 1..4, 3..9, 3..9],
            (window, stride) in ([1_usize..4, 1..4], [1_usize..4, 1..4]),
            padded: bool,
        ) {
            let padding = if padded { window.map(|w| w / 2) } else { [0; 2] };
            let options = Pool2dOptions { window, stride, padding };
            let run = |f: fn(Tensor<4>, Pool2dOptions) -> Tensor<4>| {
                move |t: &[Tensor<1>]| f(t[0].clone().reshape(shape), options)
            };
            let inputs = [tensor(&shape, 1)];
            assert_agree(&inputs, run(max_pool2d), run(reference_max));
            assert_agree(&inputs, run(avg_pool2d), run(reference_avg));
        }
    }
}
