//! Functions of one number.

use burn::tensor::{Tensor, activation};

/// `max(x, 0)`; the gradient at zero is zero.
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::apply_unary(fused::Unary::Relu, x);
    }
    activation::relu(x)
}

/// `x Phi(x)`, with Phi the standard normal distribution: not the approximation by tanh, neither here nor in the gradient
/// `Phi(x) + x phi(x)`.
///
/// Burn's own gradient on CubeCL devices is that of the approximation, so that those have a kernel here too.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::gelu;
/// # #[cfg(feature = "flex")] {
/// let y = gelu(Tensor::<1>::from_data([1.0_f32], &Device::flex())).into_scalar::<f32>();
/// assert!((y - 0.841_344_75).abs() < 1e-6);
/// # }
/// ```
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::apply_unary(fused::Unary::Gelu, x);
    }
    #[cfg(feature = "cube")]
    if super::cube::fits(&x) {
        return super::cube::gelu(x);
    }
    activation::gelu(x)
}

/// `x / (1 + e^{-x})`.
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::apply_unary(fused::Unary::Silu, x);
    }
    activation::silu(x)
}

/// `1 / (1 + e^{-x})`.
pub fn sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::apply_unary(fused::Unary::Sigmoid, x);
    }
    activation::sigmoid(x)
}

/// The hyperbolic tangent.
pub fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::apply_unary(fused::Unary::Tanh, x);
    }
    x.tanh()
}

/// `e^x`.
pub fn exp<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::apply_unary(fused::Unary::Exp, x);
    }
    x.exp()
}

/// The natural logarithm.
pub fn log<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::apply_unary(fused::Unary::Log, x);
    }
    x.log()
}

/// `a + b` for equal shapes.
///
/// # Panics
/// If the shapes differ: nothing is broadcast.
pub fn add<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    assert_eq!(a.dims(), b.dims(), "add: equal shapes");
    #[cfg(feature = "flex")]
    if super::cpu::fits(&a) && super::cpu::fits(&b) {
        return fused::add(a, b);
    }
    a + b
}

#[cfg(feature = "flex")]
pub(super) mod fused {
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    use tenfold_kernels::elementwise;
    pub(in crate::ops::tensor) use tenfold_kernels::elementwise::Unary;

    #[derive(Debug)]
    struct Function(Unary);

    pub(super) fn apply_unary<const D: usize>(f: Unary, x: Tensor<D>) -> Tensor<D> {
        apply(Function(f), [x.into_dispatch()]).output()
    }

    impl CpuOp for Function {
        fn forward(&self, mut inputs: Vec<Array>) -> Forward {
            let write = |y: &mut [f32]| elementwise::apply(self.0, inputs[0].data(), y);
            let y = Array::from_fn(inputs[0].shape(), write);
            if !self.0.gradient_reads_input() {
                inputs = vec![y.clone()];
            }
            Forward::new(y).keeping(inputs)
        }

        fn backward(&self, kept: &[Array], dy: Array, _: &[bool]) -> Vec<Option<Array>> {
            vec![Some(dy.update(|dy| elementwise::gradient(self.0, kept[0].data(), dy)))]
        }
    }

    #[derive(Debug)]
    struct Sum;

    pub(super) fn add<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        apply(Sum, [a.into_dispatch(), b.into_dispatch()]).output()
    }

    impl CpuOp for Sum {
        fn forward(&self, inputs: Vec<Array>) -> Forward {
            let write = |y: &mut [f32]| elementwise::add(inputs[0].data(), inputs[1].data(), y);
            Forward::new(Array::from_fn(inputs[0].shape(), write))
        }

        fn backward(&self, _: &[Array], dy: Array, _: &[bool]) -> Vec<Option<Array>> {
            vec![Some(dy.clone()), Some(dy)]
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::ops::tensor::testing::{assert_agree, tensor};
    use proptest::prelude::*;

    type Function = fn(Tensor<2>) -> Tensor<2>;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn values_and_gradients_agree_with_burn((m, n) in (1_usize..5, 1_usize..40), flipped: bool) {
            let pairs: [(Function, Function); 6] = [
                (relu, activation::relu),
                (gelu, activation::gelu),
                (silu, activation::silu),
                (sigmoid, activation::sigmoid),
                (tanh, |x| x.tanh()),
                (exp, |x| x.exp()),
            ];
            // A view that is not contiguous.
            let view = |t: &Tensor<1>| match flipped {
                true => t.clone().reshape([n, m]).swap_dims(0, 1),
                false => t.clone().reshape([m, n]),
            };
            for (ours, burns) in pairs {
                assert_agree(&[tensor(&[m, n], 1)], |t| ours(view(&t[0])), |t| burns(view(&t[0])));
            }
            // Of positive numbers.
            assert_agree(
                &[tensor(&[m, n], 1)],
                |t| log(view(&t[0]).abs() + 0.5),
                |t| (view(&t[0]).abs() + 0.5).log(),
            );
            let two = [tensor(&[m, n], 1), tensor(&[m, n], 2)];
            assert_agree(&two, |t| add(view(&t[0]), view(&t[1])), |t| view(&t[0]) + view(&t[1]));
        }
    }

    #[test]
    fn empty_tensors_work() {
        let device = burn::tensor::Device::flex().autodiff();
        let x = Tensor::<2>::zeros([0, 3], &device).require_grad();
        let gradients = gelu(x.clone()).sum().backward();
        assert_eq!(x.grad(&gradients).map(|g| g.dims()), Some([0, 3]));
    }
}
