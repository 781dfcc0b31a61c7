//! What the tests of operations share.

use crate::seed::Seed;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;

/// Numbers from -2 to 2, with their shape.
pub(super) struct Input {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

pub(super) fn tensor(shape: &[usize], seed: u64) -> Input {
    let mut rng = Seed::new(seed).rng();
    let values = (0..shape.iter().product()).map(|_| rng.random_range(-2.0..2.0)).collect();
    Input { shape: shape.to_vec(), values }
}

pub(super) fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec().expect("single precision")
}

/// Output and gradients of `f` at the inputs, given flat; the loss is a fixed weighting of the output.
pub(super) fn run<const D: usize>(inputs: &[Input], f: impl Fn(&[Tensor<1>]) -> Tensor<D>) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let leaves: Vec<Tensor<1>> = inputs
        .iter()
        .map(|i| Tensor::from_data(TensorData::new(i.values.clone(), [i.values.len()]), &device).require_grad())
        .collect();
    let y = f(&leaves);
    let weights = tensor(&y.dims(), 99);
    let weights = Tensor::<D>::from_data(TensorData::new(weights.values, y.dims()), &device);
    let gradients = (y.clone() * weights).sum().backward();
    let zero = |x: &Tensor<1>| vec![0.0; x.dims()[0]];
    let mut all = vec![values(y)];
    all.extend(leaves.iter().map(|x| x.grad(&gradients).map_or_else(|| zero(x), values)));
    all
}

/// Asserts that two functions agree in values and in all gradients, to single precision relative to the largest number.
pub(super) fn assert_agree<const D: usize>(
    inputs: &[Input],
    found: impl Fn(&[Tensor<1>]) -> Tensor<D>,
    wanted: impl Fn(&[Tensor<1>]) -> Tensor<D>,
) {
    for (i, (found, wanted)) in run(inputs, found).into_iter().zip(run(inputs, wanted)).enumerate() {
        assert_eq!(found.len(), wanted.len());
        let largest = wanted.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
        let what = if i == 0 { "the output".to_string() } else { format!("the gradient in input {}", i - 1) };
        for (at, (f, w)) in found.iter().zip(&wanted).enumerate() {
            // Sums of a few hundred terms, in two orders.
            let close = (f - w).abs() <= 512.0 * f32::EPSILON * largest;
            assert!(close || (f.is_nan() && w.is_nan()), "{what} at {at} of {:?}: {f} != {w}", inputs[0].shape);
        }
    }
}
