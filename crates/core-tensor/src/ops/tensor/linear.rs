//! Linear layers with what follows them.

use burn::tensor::{Tensor, activation, module};

/// The function that a layer ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// None.
    #[default]
    Identity,
    /// `max(z, 0)`.
    Relu,
    /// `z Phi(z)`.
    Gelu,
    /// `z / (1 + e^{-z})`.
    Silu,
    /// The hyperbolic tangent.
    Tanh,
}

/// `y = f(x W + b)` for `x [..., k]`, `weight [k, n]` (inputs first, as in Burn's own layer) and `bias [n]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::{Activation, linear};
/// # #[cfg(feature = "flex")] {
/// let device = Device::flex();
/// let x = Tensor::<2>::from_data([[1.0_f32, 2.0]], &device);
/// let weight = Tensor::<2>::from_data([[1.0_f32, 3.0], [0.0, -5.0]], &device);
/// let y = linear(x, weight, None, Activation::Relu);
/// assert_eq!(y.into_data().try_into_vec::<f32>().unwrap(), [1.0, 0.0]);
/// # }
/// ```
///
/// # Panics
/// If shapes do not go together, naming both, as Burn's own operations do.
pub fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Activation,
) -> Tensor<D> {
    let (shape, [inputs, outputs]) = (x.dims(), weight.dims());
    assert_eq!(shape[D - 1], inputs, "linear: input {shape:?} and weight [{inputs}, {outputs}]");
    if let Some(bias) = &bias {
        assert_eq!(bias.dims(), [outputs], "linear: bias and weight [{inputs}, {outputs}]");
    }
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) && super::cpu::fits(&weight) && bias.as_ref().is_none_or(super::cpu::fits) {
        return fused::linear(x, weight, bias, activation);
    }
    reference(x, weight, bias, activation)
}

/// Burn's own layer and activation.
fn reference<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Activation,
) -> Tensor<D> {
    let z = module::linear(x, weight, bias);
    match activation {
        Activation::Identity => z,
        Activation::Relu => activation::relu(z),
        Activation::Gelu => super::gelu(z),
        Activation::Silu => super::silu(z),
        Activation::Tanh => super::tanh(z),
    }
}

#[cfg(feature = "flex")]
mod fused {
    use super::Activation;
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    use tenfold_kernels::elementwise::{self, Unary};
    use tenfold_kernels::linear::Linear;

    #[derive(Debug)]
    struct Layer {
        kernel: Linear,
        activation: Activation,
    }

    pub(super) fn linear<const D: usize>(
        x: Tensor<D>,
        weight: Tensor<2>,
        bias: Option<Tensor<1>>,
        activation: Activation,
    ) -> Tensor<D> {
        let [inputs, outputs] = weight.dims();
        let rows = x.dims()[..D - 1].iter().product();
        let op = Layer { kernel: Linear { rows, inputs, outputs }, activation };
        let all = [Some(x.into_dispatch()), Some(weight.into_dispatch()), bias.map(|b| b.into_dispatch())];
        apply(op, all.into_iter().flatten()).output()
    }

    impl Layer {
        fn function(&self) -> Option<Unary> {
            match self.activation {
                Activation::Identity => None,
                Activation::Relu => Some(Unary::Relu),
                Activation::Gelu => Some(Unary::Gelu),
                Activation::Silu => Some(Unary::Silu),
                Activation::Tanh => Some(Unary::Tanh),
            }
        }
    }

    impl CpuOp for Layer {
        fn forward(&self, mut inputs: Vec<Array>) -> Forward {
            let mut shape = inputs[0].shape().to_vec();
            shape.pop();
            shape.push(self.kernel.outputs);
            let bias = inputs.get(2).map(Array::data);
            let f = self.function();
            let forward = |y: &mut [f32], before: Option<&mut [f32]>| {
                self.kernel.forward(inputs[0].data(), inputs[1].data(), bias, f, y, before);
            };
            // What the gradient of the activation reads.
            let (y, read) = match f {
                Some(f) if f.gradient_reads_input() => {
                    let [y, z] = Array::several([&shape, &shape], |[y, z]| forward(y, Some(z)));
                    (y, Some(z))
                }
                f => {
                    let y = Array::from_fn(&shape, |y| forward(y, None));
                    (y.clone(), f.map(|_| y))
                }
            };
            inputs.truncate(2);
            inputs.extend(read);
            Forward::new(y).keeping(inputs)
        }

        fn backward(&self, kept: &[Array], dy: Array, wanted: &[bool]) -> Vec<Option<Array>> {
            let [x, w] = [&kept[0], &kept[1]];
            let dz = match (self.function(), kept.get(2)) {
                (Some(f), Some(v)) => dy.update(|dz| elementwise::gradient(f, v.data(), dz)),
                _ => dy,
            };
            let dx = || Array::from_fn(x.shape(), |dx| self.kernel.input_gradient(w.data(), dz.data(), dx));
            let dw = || Array::from_fn(w.shape(), |dw| self.kernel.weight_gradient(x.data(), dz.data(), dw));
            let db = || Array::from_fn(&[self.kernel.outputs], |db| self.kernel.bias_gradient(dz.data(), db));
            vec![wanted[0].then(dx), wanted[1].then(dw), wanted.get(2).is_some_and(|wanted| *wanted).then(db)]
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::ops::tensor::testing::{assert_agree, tensor};
    use burn::tensor::Device;
    use proptest::prelude::*;

    const ACTIVATIONS: [Activation; 5] =
        [Activation::Identity, Activation::Relu, Activation::Gelu, Activation::Silu, Activation::Tanh];

    /// Burn's own functions, also where [`reference`] calls ours.
    fn burns(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>, activation: Activation) -> Tensor<3> {
        let z = module::linear(x, weight, bias);
        match activation {
            Activation::Identity => z,
            Activation::Relu => activation::relu(z),
            Activation::Gelu => activation::gelu(z),
            Activation::Silu => activation::silu(z),
            Activation::Tanh => z.tanh(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn values_and_gradients_agree_with_burn(
            (a, b, k, n) in (1_usize..4, 1_usize..9, 1_usize..12, 1_usize..12),
            (biased, flipped) in (any::<bool>(), any::<bool>()),
            activation in prop::sample::select(&ACTIVATIONS),
        ) {
            let run = |f: fn(Tensor<3>, Tensor<2>, Option<Tensor<1>>, Activation) -> Tensor<3>| {
                move |t: &[Tensor<1>]| {
                    // A view that is not contiguous.
                    let x = match flipped {
                        true => t[0].clone().reshape([b, a, k]).swap_dims(0, 1),
                        false => t[0].clone().reshape([a, b, k]),
                    };
                    f(x, t[1].clone().reshape([k, n]), biased.then(|| t[2].clone()), activation)
                }
            };
            let inputs = [tensor(&[a, b, k], 1), tensor(&[k, n], 2), tensor(&[n], 3)];
            assert_agree(&inputs, run(linear), run(burns));
        }
    }

    #[test]
    #[should_panic(expected = "input [4, 3] and weight [2, 5]")]
    fn shapes_that_do_not_fit_are_named() {
        let device = Device::flex();
        linear(Tensor::<2>::ones([4, 3], &device), Tensor::ones([2, 5], &device), None, Activation::Relu);
    }
}
