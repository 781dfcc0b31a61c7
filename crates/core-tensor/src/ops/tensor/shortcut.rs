//! What residual networks need beside their blocks.

use burn::tensor::{Tensor, s};

/// Every `stride`-th row and column of `x [n, C, H, W]`, with zeros for the channels that it lacks of `channels`, half of
/// them before and half after: `[n, channels, ceil(H / stride), ceil(W / stride)]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::subsample;
/// # #[cfg(feature = "flex")] {
/// let x = Tensor::<4>::from_data([[[[1.0_f32, 2.0, 3.0]]]], &Device::flex());
/// let y = subsample(x, 2, 2);
/// assert_eq!(y.dims(), [1, 2, 1, 2]);
/// assert_eq!(y.into_data().try_into_vec::<f32>().unwrap(), [1.0, 3.0, 0.0, 0.0]);
/// # }
/// ```
///
/// # Panics
/// If the stride is zero or there are fewer `channels` than the input has.
pub fn subsample(x: Tensor<4>, stride: usize, channels: usize) -> Tensor<4> {
    let shape = x.dims();
    assert!(stride >= 1 && channels >= shape[1], "subsample: {shape:?} by {stride} to {channels} channels");
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::subsample(x, stride, channels);
    }
    reference(x, stride, channels)
}

/// A slice, and zeros around it.
fn reference(x: Tensor<4>, stride: usize, channels: usize) -> Tensor<4> {
    let step = stride as isize;
    let x = x.slice(s![.., .., ..;step, ..;step]);
    let new = channels - x.dims()[1];
    x.pad([(new / 2, new - new / 2), (0, 0), (0, 0)], 0.0)
}

/// The mean over the pixels of each channel of `x [n, C, H, W]`: `[n, C]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::mean_over_pixels;
/// # #[cfg(feature = "flex")] {
/// let x = Tensor::<4>::from_data([[[[1.0_f32, 2.0, 6.0]]]], &Device::flex());
/// assert_eq!(mean_over_pixels(x).into_scalar::<f32>(), 3.0);
/// # }
/// ```
pub fn mean_over_pixels(x: Tensor<4>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::mean_over_pixels(x);
    }
    mean_reference(x)
}

fn mean_reference(x: Tensor<4>) -> Tensor<2> {
    x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)
}

#[cfg(feature = "flex")]
mod fused {
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    use tenfold_kernels::reduce::{plane_means, plane_means_gradient};
    use tenfold_kernels::subsample::Subsample;

    pub(super) fn subsample(x: Tensor<4>, stride: usize, channels: usize) -> Tensor<4> {
        let input = x.dims();
        let op = Subsample { input, stride, before: (channels - input[1]) / 2, channels };
        apply(op, [x.into_dispatch()]).output()
    }

    impl CpuOp for Subsample {
        fn forward(&self, inputs: Vec<Array>) -> Forward {
            let write = |y: &mut [f32]| Subsample::forward(self, inputs[0].data(), y);
            Forward::new(Array::from_fn(&self.output_shape(), write))
        }

        fn backward(&self, _: &[Array], dy: Array, _: &[bool]) -> Vec<Option<Array>> {
            vec![Some(Array::from_fn(&self.input, |dx| self.gradient(dy.data(), dx)))]
        }
    }

    /// The input's shape.
    #[derive(Debug)]
    struct PlaneMeans([usize; 4]);

    pub(super) fn mean_over_pixels(x: Tensor<4>) -> Tensor<2> {
        apply(PlaneMeans(x.dims()), [x.into_dispatch()]).output()
    }

    impl CpuOp for PlaneMeans {
        fn forward(&self, inputs: Vec<Array>) -> Forward {
            let [n, c, h, w] = self.0;
            Forward::new(Array::from_fn(&[n, c], |y| plane_means(inputs[0].data(), h * w, y)))
        }

        fn backward(&self, _: &[Array], dy: Array, _: &[bool]) -> Vec<Option<Array>> {
            let pixels = self.0[2] * self.0[3];
            vec![Some(Array::from_fn(&self.0, |dx| plane_means_gradient(dy.data(), pixels, dx)))]
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
            shape in [1_usize..4, 1..4, 1..9, 1..9], stride in 1_usize..4, new in 0_usize..4,
        ) {
            let inputs = [tensor(&shape, 1)];
            let run = |f: fn(Tensor<4>, usize, usize) -> Tensor<4>| {
                move |t: &[Tensor<1>]| f(t[0].clone().reshape(shape), stride, shape[1] + new)
            };
            assert_agree(&inputs, run(subsample), run(reference));
            let run = |f: fn(Tensor<4>) -> Tensor<2>| move |t: &[Tensor<1>]| f(t[0].clone().reshape(shape));
            assert_agree(&inputs, run(mean_over_pixels), run(mean_reference));
        }
    }
}
