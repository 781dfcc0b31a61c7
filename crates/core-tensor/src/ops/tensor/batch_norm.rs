//! Batch normalisation with what follows it.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module;

/// What surrounds the normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormOptions {
    /// Added to the variance. Default 1e-5.
    pub epsilon: f64,
    /// Whether a ReLU follows. Default no.
    pub relu: bool,
}

impl Default for BatchNormOptions {
    fn default() -> Self {
        Self { epsilon: 1e-5, relu: false }
    }
}

/// What [`batch_norm`] returns.
#[derive(Clone, Debug)]
pub struct Normalised {
    /// The output, `[n, C, H, W]`.
    pub output: Tensor<4>,
    /// The batch's mean, `[C]`, without a gradient.
    pub mean: Tensor<1>,
    /// The batch's biased variance, `[C]`, without a gradient.
    pub variance: Tensor<1>,
}

/// Batch normalisation of `x [n, C, H, W]` by its own moments, over all axes but C, then a residual and a ReLU if wanted:
///
/// ```text
/// y = relu(gamma (x - mean) / sqrt(variance + epsilon) + beta + residual)
/// ```
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::{BatchNormOptions, batch_norm};
/// # #[cfg(feature = "flex")] {
/// let device = Device::flex();
/// let x = Tensor::<4>::from_data([[[[1.0_f32, 3.0]]]], &device);
/// let (gamma, beta) = (Tensor::ones([1], &device), Tensor::zeros([1], &device));
/// let options = BatchNormOptions { epsilon: 0.0, relu: true };
/// let y = batch_norm(x, gamma, beta, None, options);
/// assert_eq!(y.output.into_data().try_into_vec::<f32>().unwrap(), [0.0, 1.0]);
/// assert_eq!(y.mean.into_scalar::<f32>(), 2.0);
/// # }
/// ```
///
/// # Panics
/// If shapes do not go together, as Burn's own operations do.
pub fn batch_norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    residual: Option<Tensor<4>>,
    options: BatchNormOptions,
) -> Normalised {
    check(&x, [&gamma, &beta], residual.as_ref());
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x)
        && super::cpu::fits(&gamma)
        && super::cpu::fits(&beta)
        && residual.as_ref().is_none_or(super::cpu::fits)
    {
        return fused::batch_norm(x, gamma, beta, residual, options);
    }
    reference(x, gamma, beta, residual, options)
}

/// Batch normalisation by given moments, as after training; otherwise like [`batch_norm`].
///
/// # Panics
/// If shapes do not go together, as Burn's own operations do.
pub fn batch_norm_with(
    x: Tensor<4>,
    [mean, variance]: [Tensor<1>; 2],
    [gamma, beta]: [Tensor<1>; 2],
    residual: Option<Tensor<4>>,
    options: BatchNormOptions,
) -> Tensor<4> {
    check(&x, [&gamma, &beta], residual.as_ref());
    #[cfg(feature = "flex")]
    if !x.device().is_autodiff() && super::cpu::fits(&x) && residual.as_ref().is_none_or(super::cpu::fits) {
        return fused::batch_norm_with(x, [mean, variance], [gamma, beta], residual, options);
    }
    finish(module::batch_norm(x, gamma, beta, mean, variance, options.epsilon), residual, options)
}

fn check(x: &Tensor<4>, parameters: [&Tensor<1>; 2], residual: Option<&Tensor<4>>) {
    let shape = x.dims();
    for parameter in parameters {
        assert_eq!(parameter.dims(), [shape[1]], "batch_norm: one scale and shift per channel of {shape:?}");
    }
    if let Some(residual) = residual {
        assert_eq!(residual.dims(), shape, "batch_norm: the residual has the input's shape");
    }
}

/// Burn's own batch normalisation.
fn reference(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    residual: Option<Tensor<4>>,
    options: BatchNormOptions,
) -> Normalised {
    let normalised = module::batch_norm_train(x, gamma, beta, options.epsilon);
    let (mean, variance) = (normalised.mean.detach(), normalised.variance.detach());
    Normalised { output: finish(normalised.output, residual, options), mean, variance }
}

fn finish(y: Tensor<4>, residual: Option<Tensor<4>>, options: BatchNormOptions) -> Tensor<4> {
    let y = match residual {
        Some(residual) => y + residual,
        None => y,
    };
    if options.relu { relu(y) } else { y }
}

#[cfg(feature = "flex")]
mod fused {
    use super::{BatchNormOptions, Normalised};
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    use tenfold_kernels::batch_norm::{BatchNorm, Moments, Parameters};

    #[derive(Debug)]
    struct Normalisation {
        kernel: BatchNorm,
        epsilon: f32,
    }

    impl Normalisation {
        fn new([batch, channels, rows, columns]: [usize; 4], options: BatchNormOptions) -> Self {
            let kernel = BatchNorm { batch, channels, pixels: rows * columns, relu: options.relu };
            Self { kernel, epsilon: options.epsilon as f32 }
        }

        fn parameters<'a>(&self, gamma: &'a Array, beta: &'a Array) -> Parameters<'a> {
            Parameters { gamma: gamma.data(), beta: beta.data(), epsilon: self.epsilon }
        }
    }

    pub(super) fn batch_norm(
        x: Tensor<4>,
        gamma: Tensor<1>,
        beta: Tensor<1>,
        residual: Option<Tensor<4>>,
        options: BatchNormOptions,
    ) -> Normalised {
        let op = Normalisation::new(x.dims(), options);
        let inputs = [x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch()];
        let mut all = apply(op, inputs.into_iter().chain(residual.map(|r| r.into_dispatch())));
        Normalised { output: all.take(), mean: all.take(), variance: all.take() }
    }

    impl CpuOp for Normalisation {
        fn forward(&self, mut inputs: Vec<Array>) -> Forward {
            let residual = if inputs.len() > 3 { inputs.pop() } else { None };
            let mut moments = Moments::default();
            let y = Array::from_fn(inputs[0].shape(), |y| {
                let parameters = self.parameters(&inputs[1], &inputs[2]);
                moments = self.kernel.forward(inputs[0].data(), parameters, residual.as_ref().map(Array::data), y);
            });
            let [mean, variance] = [moments.mean, moments.variance].map(|m| Array::from_slice(&[m.len()], &m));
            inputs.extend([mean.clone(), variance.clone()]);
            if residual.is_some() {
                inputs.push(y.clone());
            }
            Forward::new(y).with_asides(vec![mean, variance]).keeping(inputs)
        }

        fn backward(&self, kept: &[Array], dy: Array, _: &[bool]) -> Vec<Option<Array>> {
            let [x, gamma, beta, mean, variance] = std::array::from_fn(|i| &kept[i]);
            let moments = Moments { mean: mean.data().to_vec(), variance: variance.data().to_vec() };
            let parameters = self.parameters(gamma, beta);
            let mut dparameters = Default::default();
            let mut backward = |dx: &mut [f32], beside: Option<(&[f32], &mut [f32])>| {
                dparameters = self.kernel.backward(x.data(), &moments, parameters, dy.data(), beside, dx);
            };
            let (dx, dr) = match kept.get(5) {
                Some(y) => {
                    let [dx, dr] = Array::several([x.shape(); 2], |[dx, dr]| backward(dx, Some((y.data(), dr))));
                    (dx, Some(dr))
                }
                None => (Array::from_fn(x.shape(), |dx| backward(dx, None)), None),
            };
            let [dgamma, dbeta] =
                [dparameters.gamma, dparameters.beta].map(|g| Some(Array::from_slice(&[g.len()], &g)));
            vec![Some(dx), dgamma, dbeta, dr]
        }

        fn asides(&self) -> usize {
            2
        }
    }

    /// [`batch_norm`](super::batch_norm) with moments in place of the batch's own, without a gradient.
    #[derive(Debug)]
    struct GivenMoments(Normalisation);

    pub(super) fn batch_norm_with(
        x: Tensor<4>,
        moments: [Tensor<1>; 2],
        parameters: [Tensor<1>; 2],
        residual: Option<Tensor<4>>,
        options: BatchNormOptions,
    ) -> Tensor<4> {
        let op = GivenMoments(Normalisation::new(x.dims(), options));
        let vectors = moments.into_iter().chain(parameters).map(|v| v.into_dispatch());
        let inputs = std::iter::once(x.into_dispatch()).chain(vectors);
        apply(op, inputs.chain(residual.map(|r| r.into_dispatch()))).output()
    }

    impl CpuOp for GivenMoments {
        fn forward(&self, inputs: Vec<Array>) -> Forward {
            let [x, mean, variance, gamma, beta] = std::array::from_fn(|i| &inputs[i]);
            let moments = Moments { mean: mean.data().to_vec(), variance: variance.data().to_vec() };
            let (parameters, residual) = (self.0.parameters(gamma, beta), inputs.get(5).map(Array::data));
            let write = |y: &mut [f32]| self.0.kernel.forward_with(x.data(), &moments, parameters, residual, y);
            Forward::new(Array::from_fn(x.shape(), write))
        }

        fn backward(&self, _: &[Array], _: Array, _: &[bool]) -> Vec<Option<Array>> {
            unreachable!("applied to tensors without autodiff only")
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::ops::tensor::testing::{Input, assert_agree, tensor, values};
    use burn::tensor::Device;
    use proptest::prelude::*;

    type Function = fn(Tensor<4>, Tensor<1>, Tensor<1>, Option<Tensor<4>>, BatchNormOptions) -> Normalised;

    fn cases() -> impl Strategy<Value = ([usize; 4], bool, bool)> {
        (([1_usize..5, 1..4, 1..6, 2..7]), any::<bool>(), any::<bool>())
    }

    fn inputs(shape: [usize; 4]) -> [Input; 4] {
        [tensor(&shape, 1), tensor(&[shape[1]], 2), tensor(&[shape[1]], 3), tensor(&shape, 4)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn values_and_gradients_agree_with_burn((shape, relu, residual) in cases()) {
            let options = BatchNormOptions { epsilon: 0.1, relu };
            let run = |f: Function| {
                move |t: &[Tensor<1>]| {
                    let beside = residual.then(|| t[3].clone().reshape(shape));
                    f(t[0].clone().reshape(shape), t[1].clone(), t[2].clone(), beside, options).output
                }
            };
            assert_agree(&inputs(shape), run(batch_norm), run(reference));
        }

        #[test]
        fn given_moments_do_what_the_batchs_own_do((shape, relu, residual) in cases()) {
            let options = BatchNormOptions { epsilon: 0.1, relu };
            let device = Device::flex();
            let [x, gamma, beta, r] = inputs(shape)
                .map(|i| Tensor::<1>::from_data(burn::tensor::TensorData::new(i.values.clone(), [i.values.len()]), &device));
            let (x, r) = (x.reshape(shape), residual.then(|| r.reshape(shape)));
            let own = batch_norm(x.clone(), gamma.clone(), beta.clone(), r.clone(), options);
            let moments = [own.mean.clone(), own.variance.clone()];
            let given = batch_norm_with(x.clone(), moments, [gamma.clone(), beta.clone()], r.clone(), options);
            prop_assert_eq!(values(given), values(own.output));
            let burn = reference(x, gamma, beta, r, options);
            for (own, burn) in [(own.mean, burn.mean), (own.variance, burn.variance)] {
                for (own, burn) in values(own).into_iter().zip(values(burn)) {
                    prop_assert!((own - burn).abs() < 64.0 * f32::EPSILON * (1.0 + burn.abs()), "{own} != {burn}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "one scale and shift per channel of [2, 3, 4, 4]")]
    fn shapes_that_do_not_fit_are_named() {
        let device = Device::flex();
        let vector = || Tensor::<1>::ones([2], &device);
        batch_norm(Tensor::ones([2, 3, 4, 4], &device), vector(), vector(), None, BatchNormOptions::default());
    }
}
