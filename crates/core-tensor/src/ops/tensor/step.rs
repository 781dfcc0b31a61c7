//! Steps of optimisers over flat parameters.

use burn::tensor::Tensor;
pub use tenfold_kernels::optimiser::{AdamW, Sgd};

/// One step of stochastic gradient descent, see [`Sgd`]. Returns parameter and velocity; without momentum the velocity is
/// returned as it came, and without one it is taken to be zero.
///
/// Tensors that nobody else holds are changed in place.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::{Sgd, sgd_step};
/// # #[cfg(feature = "flex")] {
/// let device = Device::flex();
/// let vector = |v: [f32; 2]| Tensor::<1>::from_data(v, &device);
/// let sgd = Sgd { learning_rate: 0.5, momentum: 0.9, nesterov: false, weight_decay: 0.0 };
/// let (p, v) = sgd_step(&sgd, vector([1.0, 2.0]), vector([1.0, -2.0]), None);
/// assert_eq!(p.into_data().try_into_vec::<f32>().unwrap(), [0.5, 3.0]);
/// assert_eq!(v.unwrap().into_data().try_into_vec::<f32>().unwrap(), [1.0, -2.0]);
/// # }
/// ```
///
/// # Panics
/// If shapes differ, or a tensor is on an autodiff device.
pub fn sgd_step(
    sgd: &Sgd,
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    velocity: Option<Tensor<1>>,
) -> (Tensor<1>, Option<Tensor<1>>) {
    check(&parameter, &gradient, velocity.iter());
    #[cfg(feature = "flex")]
    if super::cpu::fits(&parameter) && super::cpu::fits(&gradient) && velocity.as_ref().is_none_or(super::cpu::fits) {
        return fused::sgd(sgd, parameter, gradient, velocity);
    }
    sgd_reference(sgd, parameter, gradient, velocity)
}

/// One step of Adam with decoupled weight decay, see [`AdamW`]. Returns the parameter and its first and second moment;
/// without moments they are taken to be zero.
///
/// Tensors that nobody else holds are changed in place.
///
/// # Panics
/// If shapes differ, or a tensor is on an autodiff device.
pub fn adamw_step(
    adamw: &AdamW,
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    moments: Option<[Tensor<1>; 2]>,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    check(&parameter, &gradient, moments.iter().flatten());
    #[cfg(feature = "flex")]
    if super::cpu::fits(&parameter)
        && super::cpu::fits(&gradient)
        && moments.as_ref().is_none_or(|m| m.iter().all(super::cpu::fits))
    {
        return fused::adamw(adamw, parameter, gradient, moments);
    }
    adamw_reference(adamw, parameter, gradient, moments)
}

fn check<'a>(parameter: &Tensor<1>, gradient: &Tensor<1>, state: impl Iterator<Item = &'a Tensor<1>>) {
    assert!(!parameter.device().is_autodiff(), "an optimiser steps tensors without autodiff");
    assert_eq!(gradient.dims(), parameter.dims(), "step: one gradient per parameter");
    for state in state {
        assert_eq!(state.dims(), parameter.dims(), "step: one number of each state per parameter");
    }
}

/// The equations in Burn's operations, in their order.
fn sgd_reference(
    sgd: &Sgd,
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    velocity: Option<Tensor<1>>,
) -> (Tensor<1>, Option<Tensor<1>>) {
    let &Sgd { learning_rate, momentum, nesterov, weight_decay } = sgd;
    let gradient = match weight_decay {
        0.0 => gradient,
        decay => gradient + parameter.clone() * decay,
    };
    if momentum == 0.0 {
        return (parameter - gradient * learning_rate, velocity);
    }
    let velocity = match velocity {
        Some(old) => old * momentum + gradient.clone(),
        None => gradient.clone(),
    };
    let direction = if nesterov { gradient + velocity.clone() * momentum } else { velocity.clone() };
    (parameter - direction * learning_rate, Some(velocity))
}

/// The equations in Burn's operations, in their order.
fn adamw_reference(
    adamw: &AdamW,
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    moments: Option<[Tensor<1>; 2]>,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let &AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, step } = adamw;
    let parameter = match weight_decay {
        0.0 => parameter,
        decay => parameter * (1.0 - learning_rate * decay),
    };
    let new = [gradient.clone() * (1.0 - beta1), gradient.square() * (1.0 - beta2)];
    let [first, second] = match moments {
        Some([first, second]) => {
            let [new_first, new_second] = new;
            [first * beta1 + new_first, second * beta2 + new_second]
        }
        None => new,
    };
    let step = step as f64;
    let (bias1, bias2) = (1.0 - beta1.powf(step), 1.0 - beta2.powf(step));
    let deviation = (second.clone() / bias2).sqrt() + epsilon;
    (parameter - first.clone() * (learning_rate / bias1) / deviation, [first, second])
}

#[cfg(feature = "flex")]
mod fused {
    use super::{AdamW, Sgd};
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;

    /// Parameter, gradient, then what state there is, to parameter and new state.
    #[derive(Debug)]
    enum Step {
        Sgd(Sgd),
        AdamW(AdamW),
    }

    pub(super) fn sgd(
        sgd: &Sgd,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        velocity: Option<Tensor<1>>,
    ) -> (Tensor<1>, Option<Tensor<1>>) {
        let inputs = [Some(parameter), Some(gradient), velocity];
        let mut all = apply(Step::Sgd(*sgd), inputs.into_iter().flatten().map(Tensor::into_dispatch));
        (all.take(), (sgd.momentum != 0.0).then(|| all.take()))
    }

    pub(super) fn adamw(
        adamw: &AdamW,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: Option<[Tensor<1>; 2]>,
    ) -> (Tensor<1>, [Tensor<1>; 2]) {
        let inputs = [parameter, gradient].into_iter().chain(moments.into_iter().flatten());
        let mut all = apply(Step::AdamW(*adamw), inputs.map(Tensor::into_dispatch));
        (all.take(), [all.take(), all.take()])
    }

    impl CpuOp for Step {
        fn forward(&self, inputs: Vec<Array>) -> Forward {
            let mut inputs = inputs.into_iter();
            let mut next = || inputs.next();
            let (Some(parameter), Some(gradient)) = (next(), next()) else {
                unreachable!("called with a parameter and its gradient");
            };
            let shape = parameter.shape().to_vec();
            let mut state = || next().unwrap_or_else(|| Array::from_fn(&shape, |zeros| zeros.fill(0.0)));
            match self {
                Self::Sgd(sgd) if sgd.momentum == 0.0 => {
                    Forward::new(parameter.update(|p| sgd.step(p, gradient.data(), &mut [])))
                }
                Self::Sgd(sgd) => {
                    let mut parameter = Some(parameter);
                    let velocity = state().update(|v| {
                        parameter = parameter.take().map(|p| p.update(|p| sgd.step(p, gradient.data(), v)));
                    });
                    finish(parameter, vec![velocity])
                }
                Self::AdamW(adamw) => {
                    let (mut parameter, mut second) = (Some(parameter), None);
                    let (old_first, old_second) = (state(), state());
                    let first = old_first.update(|m| {
                        second = Some(old_second.update(|v| {
                            parameter = parameter.take().map(|p| p.update(|p| adamw.step(p, gradient.data(), m, v)));
                        }));
                    });
                    finish(parameter, std::iter::once(first).chain(second).collect())
                }
            }
        }

        fn backward(&self, _: &[Array], _: Array, _: &[bool]) -> Vec<Option<Array>> {
            unreachable!("applied to tensors without autodiff only")
        }

        fn asides(&self) -> usize {
            match self {
                Self::Sgd(sgd) => usize::from(sgd.momentum != 0.0),
                Self::AdamW(_) => 2,
            }
        }
    }

    fn finish(parameter: Option<Array>, state: Vec<Array>) -> Forward {
        let Some(parameter) = parameter else { unreachable!("a step changes its parameter") };
        Forward::new(parameter).with_asides(state)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::ops::tensor::testing::{tensor, values};
    use burn::tensor::{Device, TensorData};

    fn vector(n: usize, seed: u64) -> Tensor<1> {
        Tensor::from_data(TensorData::new(tensor(&[n], seed).values, [n]), &Device::flex())
    }

    fn assert_close(found: Tensor<1>, wanted: Tensor<1>) {
        for (f, w) in values(found).into_iter().zip(values(wanted)) {
            assert!((f - w).abs() <= 16.0 * f32::EPSILON * (1.0 + w.abs()), "{f} != {w}");
        }
    }

    #[test]
    fn steps_agree_with_burns_operations() {
        for n in [1, 9, 5000] {
            for (momentum, nesterov, weight_decay) in [(0.0, false, 0.1), (0.9, false, 0.0), (0.9, true, 0.1)] {
                let sgd = Sgd { learning_rate: 0.1, momentum, nesterov, weight_decay };
                let (mut found, mut wanted) = ((vector(n, 1), None), (vector(n, 1), None));
                for step in 0..3 {
                    found = sgd_step(&sgd, found.0, vector(n, 10 + step), found.1);
                    wanted = sgd_reference(&sgd, wanted.0, vector(n, 10 + step), wanted.1);
                    assert_close(found.0.clone(), wanted.0.clone());
                    assert_eq!(found.1.is_some(), wanted.1.is_some());
                }
            }
            let (mut found, mut wanted) = ((vector(n, 1), None), (vector(n, 1), None));
            for step in 1..4 {
                let (beta1, beta2) = (0.9, 0.999);
                let adamw = AdamW { learning_rate: 0.1, beta1, beta2, epsilon: 1e-3, weight_decay: 0.1, step };
                let (p, moments) = adamw_step(&adamw, found.0, vector(n, 10 + step), found.1);
                found = (p, Some(moments));
                let (p, moments) = adamw_reference(&adamw, wanted.0, vector(n, 10 + step), wanted.1);
                wanted = (p, Some(moments));
                assert_close(found.0.clone(), wanted.0.clone());
            }
        }
    }

    #[test]
    fn a_parameter_that_somebody_holds_is_not_changed() {
        let sgd = Sgd { learning_rate: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.0 };
        let (p, v) = (vector(5000, 1), vector(5000, 2));
        let before = [values(p.clone()), values(v.clone())];
        sgd_step(&sgd, p.clone(), vector(5000, 3), Some(v.clone()));
        assert_eq!([values(p), values(v)], before);
    }
}
