//! Two-dimensional convolution.

use burn::tensor::Tensor;
use burn::tensor::module::conv2d as burn_conv2d;
use burn::tensor::ops::ConvOptions;

pub use tenfold_kernels::conv::Conv2dOptions;

/// Convolution (cross-correlation) of images `x [n, G C, H, W]` with `weight [G K, C, R, S]`, plus `bias [G K]`:
///
/// ```text
/// y[n, k, i, j] = b[k] + sum_{c, r, s} w[k, c, r, s] x[n, c, i s_h + r d_h - p_h, j s_w + s d_w - p_w]
/// ```
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::{Conv2dOptions, conv2d};
/// # #[cfg(feature = "flex")] {
/// let device = Device::flex();
/// let x = Tensor::<4>::ones([2, 3, 8, 8], &device);
/// let weight = Tensor::<4>::ones([5, 3, 3, 3], &device);
/// let halves = Conv2dOptions { stride: [2; 2], padding: [1; 2], ..Conv2dOptions::default() };
/// let y = conv2d(x, weight, None, halves);
/// assert_eq!(y.dims(), [2, 5, 4, 4]);
/// assert_eq!(y.max().into_scalar::<f32>(), 27.0);
/// # }
/// ```
///
/// # Panics
/// If shapes and options do not go together, naming both shapes, as Burn's own operations do.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, options: Conv2dOptions) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) && super::cpu::fits(&weight) && bias.as_ref().is_none_or(super::cpu::fits) {
        return fused::conv2d(x, weight, bias, options);
    }
    reference(x, weight, bias, options)
}

/// Burn's own convolution.
fn reference(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, options: Conv2dOptions) -> Tensor<4> {
    let Conv2dOptions { stride, padding, dilation, groups } = options;
    burn_conv2d(x, weight, bias, ConvOptions::new(stride, padding, dilation, groups))
}

#[cfg(feature = "flex")]
mod fused {
    use super::Conv2dOptions;
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    use tenfold_kernels::conv::Conv2d;
    use tenfold_kernels::reduce::channel_sums;

    #[derive(Debug)]
    struct Convolution(Conv2d);

    pub(super) fn conv2d(
        x: Tensor<4>,
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        options: Conv2dOptions,
    ) -> Tensor<4> {
        let conv = Conv2d::new(x.dims(), weight.dims(), options).unwrap_or_else(|error| panic!("conv2d: {error}"));
        if let Some(bias) = &bias {
            assert_eq!(bias.dims(), [weight.dims()[0]], "conv2d: bias has one number per output channel");
        }
        let inputs = [Some(x.into_dispatch()), Some(weight.into_dispatch()), bias.map(|b| b.into_dispatch())];
        apply(Convolution(conv), inputs.into_iter().flatten()).output()
    }

    impl CpuOp for Convolution {
        fn forward(&self, mut inputs: Vec<Array>) -> Forward {
            let bias = inputs.get(2).map(Array::data);
            let y = Array::from_fn(&self.0.output_shape(), |y| {
                self.0.forward(inputs[0].data(), inputs[1].data(), bias, y);
            });
            inputs.truncate(2);
            Forward::new(y).keeping(inputs)
        }

        fn backward(&self, kept: &[Array], dy: Array, wanted: &[bool]) -> Vec<Option<Array>> {
            let [x, w] = [&kept[0], &kept[1]];
            let dx = || Array::from_fn(x.shape(), |dx| self.0.input_gradient(w.data(), dy.data(), dx));
            let dw = || Array::from_fn(w.shape(), |dw| self.0.weight_gradient(x.data(), dy.data(), dw));
            let [n, k, rows, columns] = dy.dims();
            let db = || Array::from_fn(&[k], |db| channel_sums(dy.data(), [n, k, rows * columns], db));
            vec![wanted[0].then(dx), wanted[1].then(dw), wanted.get(2).is_some_and(|wanted| *wanted).then(db)]
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
            (n, groups, c, k) in (0_usize..4, 1_usize..3, 1_usize..4, 1_usize..4),
            (h, w, r, s) in (3_usize..9, 3_usize..20, 1_usize..4, 1_usize..4),
            (stride, padding) in ([1_usize..3, 1..3], [0_usize..2, 0..2]),
            (biased, flipped) in (any::<bool>(), any::<bool>()),
        ) {
            let options = Conv2dOptions { stride, padding, dilation: [1; 2], groups };
            // Burn's own gradient does not take an empty batch.
            prop_assume!(n > 0);
            // A view that is not contiguous.
            let x = |x: Tensor<4>| if flipped { x.swap_dims(2, 3) } else { x };
            let shape = if flipped { [n, groups * c, w, h] } else { [n, groups * c, h, w] };
            let inputs = [tensor(&shape, 1), tensor(&[groups * k, c, r, s], 2), tensor(&[groups * k], 3)];
            let run = |f: fn(Tensor<4>, Tensor<4>, Option<Tensor<1>>, Conv2dOptions) -> Tensor<4>| {
                move |t: &[burn::tensor::Tensor<1>]| {
                    let bias = biased.then(|| t[2].clone());
                    f(x(t[0].clone().reshape(shape)), t[1].clone().reshape([groups * k, c, r, s]), bias, options)
                }
            };
            assert_agree(&inputs, run(conv2d), run(reference));
        }
    }

    #[test]
    fn an_empty_batch_works() {
        let device = burn::tensor::Device::flex().autodiff();
        let weight = Tensor::<4>::ones([5, 3, 3, 3], &device).require_grad();
        let y = conv2d(Tensor::zeros([0, 3, 8, 8], &device), weight.clone(), None, Conv2dOptions::default());
        assert_eq!(y.dims(), [0, 5, 6, 6]);
        let gradient = weight.grad(&y.sum().backward()).unwrap();
        assert_eq!(gradient.abs().sum().into_scalar::<f32>(), 0.0);
    }

    #[test]
    #[should_panic(expected = "convolution weight: expected [5, 3, 3, 3], found [5, 4, 3, 3]")]
    fn shapes_that_do_not_fit_are_named() {
        let device = burn::tensor::Device::flex();
        let (x, w) = (Tensor::<4>::ones([2, 3, 8, 8], &device), Tensor::<4>::ones([5, 4, 3, 3], &device));
        conv2d(x, w, None, Conv2dOptions::default());
    }
}
