//! Softmax and its logarithm.

use burn::tensor::{Tensor, activation};

/// `p_j = e^{x_j} / sum_k e^{x_k}` along an axis.
///
/// # Panics
/// If there is no such axis.
pub fn softmax<const D: usize>(x: Tensor<D>, dim: usize) -> Tensor<D> {
    assert!(dim < D, "softmax: axis {dim} of {:?}", x.dims());
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::along(fused::Softmax::Probabilities, x, dim);
    }
    activation::softmax(x, dim)
}

/// `ln softmax(x)` along an axis, without the detour.
///
/// # Panics
/// If there is no such axis.
pub fn log_softmax<const D: usize>(x: Tensor<D>, dim: usize) -> Tensor<D> {
    assert!(dim < D, "log_softmax: axis {dim} of {:?}", x.dims());
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::along(fused::Softmax::Logarithms, x, dim);
    }
    activation::log_softmax(x, dim)
}

#[cfg(feature = "flex")]
mod fused {
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    pub(super) use tenfold_kernels::softmax::Softmax;

    #[derive(Debug)]
    struct Rows(Softmax);

    /// The kernel works on rows; any other axis changes places with the last.
    pub(super) fn along<const D: usize>(which: Softmax, x: Tensor<D>, dim: usize) -> Tensor<D> {
        let last = dim == D - 1;
        let x = if last { x } else { x.swap_dims(dim, D - 1) };
        let y = apply(Rows(which), [x.into_dispatch()]).output::<D>();
        if last { y } else { y.swap_dims(dim, D - 1) }
    }

    impl CpuOp for Rows {
        fn forward(&self, inputs: Vec<Array>) -> Forward {
            let x = &inputs[0];
            let y = Array::from_fn(x.shape(), |y| self.0.forward(x.data(), x.width(), y));
            Forward::new(y.clone()).keeping(vec![y])
        }

        fn backward(&self, kept: &[Array], dy: Array, _: &[bool]) -> Vec<Option<Array>> {
            let width = dy.width();
            vec![Some(dy.update(|dy| self.0.gradient(kept[0].data(), width, dy)))]
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::ops::tensor::testing::{assert_agree, tensor};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn values_and_gradients_agree_with_burn(shape in [1_usize..5, 1..9, 1..20], dim in 0_usize..3) {
            let inputs = [tensor(&shape, 1)];
            let run = |f: fn(Tensor<3>, usize) -> Tensor<3>| move |t: &[Tensor<1>]| f(t[0].clone().reshape(shape), dim);
            assert_agree(&inputs, run(softmax), run(activation::softmax));
            assert_agree(&inputs, run(log_softmax), run(activation::log_softmax));
        }
    }
}
