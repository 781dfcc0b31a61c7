//! Normalisation of rows.

use burn::tensor::Tensor;

/// Layer normalisation over the last axis: `gamma (x - mean) / sqrt(variance + epsilon) + beta`, the variance biased.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::layer_norm;
/// # #[cfg(feature = "flex")] {
/// let device = Device::flex();
/// let x = Tensor::<2>::from_data([[1.0_f32, 5.0]], &device);
/// let y = layer_norm(x, Tensor::ones([2], &device), None, 0.0);
/// assert_eq!(y.into_data().try_into_vec::<f32>().unwrap(), [-1.0, 1.0]);
/// # }
/// ```
///
/// # Panics
/// If gamma or beta is not as long as the last axis.
pub fn layer_norm<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, beta: Option<Tensor<1>>, epsilon: f64) -> Tensor<D> {
    normalise(x, gamma, beta, epsilon, true)
}

/// Root-mean-square normalisation over the last axis: `gamma x / sqrt(mean(x^2) + epsilon)`.
///
/// # Panics
/// If gamma is not as long as the last axis.
pub fn rms_norm<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, epsilon: f64) -> Tensor<D> {
    normalise(x, gamma, None, epsilon, false)
}

fn normalise<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Option<Tensor<1>>,
    epsilon: f64,
    centred: bool,
) -> Tensor<D> {
    let width = x.dims()[D - 1];
    assert_eq!(gamma.dims(), [width], "normalisation: one scale per column of {:?}", x.dims());
    assert!(beta.as_ref().is_none_or(|b| b.dims() == [width]), "normalisation: one shift per column of {:?}", x.dims());
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) && super::cpu::fits(&gamma) && beta.as_ref().is_none_or(super::cpu::fits) {
        return fused::normalise(x, gamma, beta, epsilon, centred);
    }
    reference(x, gamma, beta, epsilon, centred)
}

/// The equation in Burn's operations.
fn reference<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Option<Tensor<1>>,
    epsilon: f64,
    centred: bool,
) -> Tensor<D> {
    let x = if centred { x.clone() - x.mean_dim(D - 1) } else { x };
    let deviation = (x.clone().square().mean_dim(D - 1) + epsilon).sqrt();
    let y = x / deviation * gamma.unsqueeze();
    match beta {
        Some(beta) => y + beta.unsqueeze(),
        None => y,
    }
}

#[cfg(feature = "flex")]
mod fused {
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    use tenfold_kernels::norm::RowNorm;

    pub(super) fn normalise<const D: usize>(
        x: Tensor<D>,
        gamma: Tensor<1>,
        beta: Option<Tensor<1>>,
        epsilon: f64,
        centred: bool,
    ) -> Tensor<D> {
        let op = RowNorm { width: x.dims()[D - 1], centred, epsilon: epsilon as f32 };
        let inputs = [Some(x.into_dispatch()), Some(gamma.into_dispatch()), beta.map(|b| b.into_dispatch())];
        apply(op, inputs.into_iter().flatten()).output()
    }

    impl CpuOp for RowNorm {
        fn forward(&self, mut inputs: Vec<Array>) -> Forward {
            let x = &inputs[0];
            let rows = x.data().len() / self.width.max(1);
            let [y, moments] = Array::several([x.shape(), &[rows, 2]], |[y, moments]| {
                let beta = inputs.get(2).map(Array::data);
                RowNorm::forward(self, x.data(), inputs[1].data(), beta, y, moments);
            });
            inputs.truncate(2);
            inputs.push(moments);
            Forward::new(y).keeping(inputs)
        }

        fn backward(&self, kept: &[Array], dy: Array, wanted: &[bool]) -> Vec<Option<Array>> {
            let [x, gamma, moments] = std::array::from_fn(|i| &kept[i]);
            let all = Array::several([x.shape(), &[self.width], &[self.width]], |[dx, dgamma, dbeta]| {
                let parameters = [dgamma, dbeta];
                RowNorm::backward(self, x.data(), gamma.data(), moments.data(), dy.data(), dx, parameters);
            });
            all.map(Some).into_iter().take(wanted.len()).collect()
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
        fn values_and_gradients_agree_with_burn(
            shape in [1_usize..5, 1..9, 1..20], centred: bool, shifted: bool,
        ) {
            let inputs = [tensor(&shape, 1), tensor(&[shape[2]], 2), tensor(&[shape[2]], 3)];
            type Function = fn(Tensor<3>, Tensor<1>, Option<Tensor<1>>, f64, bool) -> Tensor<3>;
            let run = |f: Function| {
                move |t: &[Tensor<1>]| {
                    let beta = shifted.then(|| t[2].clone());
                    f(t[0].clone().reshape(shape), t[1].clone(), beta, 0.1, centred)
                }
            };
            assert_agree(&inputs, run(normalise), run(reference));
        }
    }
}
