//! What operations work on.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{ArrayD, Axis, IxDyn};
use rand_distr::{Distribution, StandardNormal};
use tenfold_core_tensor::seed::Seed;

/// An input: its name, its shape and how it is drawn.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) shape: Vec<usize>,
    draw: Draw,
    /// Whether a network would want its gradient.
    pub(super) tracked: bool,
}

#[derive(Debug, Clone, Copy)]
enum Draw {
    /// Normal with this deviation.
    Normal(f32),
    /// The square of a normal number.
    Positive,
    /// Normal, moved away from zero by this.
    Apart(f32),
    /// Zero.
    Zero,
    /// Rows that sum to one.
    Distributions,
}

impl Input {
    /// Normal numbers of unit variance, whose gradient is wanted.
    pub(super) fn new(name: &'static str, shape: &[usize]) -> Self {
        Self { name, shape: shape.to_vec(), draw: Draw::Normal(1.0), tracked: true }
    }

    /// Weights that sum `n` numbers of unit variance to one of unit variance.
    pub(super) fn weight(name: &'static str, shape: &[usize], n: usize) -> Self {
        Self { draw: Draw::Normal(1.0 / (n as f32).sqrt()), ..Self::new(name, shape) }
    }

    /// Positive numbers without a gradient.
    pub(super) fn positive(name: &'static str, shape: &[usize]) -> Self {
        Self { draw: Draw::Positive, tracked: false, ..Self::new(name, shape) }
    }

    /// Normal numbers but none near zero, where a ReLU after a normalisation has its kink: which side of it a number comes
    /// to lie on is then no matter of rounding.
    pub(super) fn apart(name: &'static str, shape: &[usize]) -> Self {
        Self { draw: Draw::Apart(0.05), ..Self::new(name, shape) }
    }

    /// Zeros.
    pub(super) fn zeros(name: &'static str, shape: &[usize]) -> Self {
        Self { draw: Draw::Zero, ..Self::new(name, shape) }
    }

    /// Distributions along the last axis, without a gradient.
    pub(super) fn distributions(name: &'static str, shape: &[usize]) -> Self {
        Self { draw: Draw::Distributions, tracked: false, ..Self::new(name, shape) }
    }

    pub(super) fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// The same numbers for the same seed and name.
    pub(super) fn draw(&self, seed: Seed) -> ArrayD<f32> {
        let mut rng = seed.named(self.name).rng();
        let normal = ArrayD::from_shape_simple_fn(IxDyn(&self.shape), || StandardNormal.sample(&mut rng));
        match self.draw {
            Draw::Normal(deviation) => normal.mapv_into(|z: f32| z * deviation),
            Draw::Positive => normal.mapv_into(|z| z * z),
            Draw::Apart(gap) => normal.mapv_into(|z: f32| z + gap.copysign(z)),
            Draw::Zero => normal.mapv_into(|_| 0.0),
            Draw::Distributions => {
                let mut rows = normal.mapv_into(f32::exp);
                for mut row in rows.lanes_mut(Axis(self.shape.len() - 1)) {
                    let sum = row.sum();
                    row /= sum;
                }
                rows
            }
        }
    }
}

/// Inputs as tensors, kept flat so that those of any number of axes stand in one list.
#[derive(Debug, Clone)]
pub(super) struct Leaves(Vec<(Tensor<1>, Vec<usize>)>);

impl Leaves {
    /// The inputs on the CPU. With `track`, those that are tracked become leaves of a graph.
    pub(super) fn new(inputs: &[Input], drawn: &[ArrayD<f32>], track: bool) -> Self {
        let device = if track { Device::flex().autodiff() } else { Device::flex() };
        let leaf = |(input, values): (&Input, &ArrayD<f32>)| {
            let values: Vec<f32> = values.iter().copied().collect();
            let length = values.len();
            let flat = Tensor::from_data(TensorData::new(values, [length]), &device);
            (if track && input.tracked { flat.require_grad() } else { flat }, input.shape.clone())
        };
        Self(inputs.iter().zip(drawn).map(leaf).collect())
    }

    /// The input at a place, in its shape.
    pub(super) fn get<const D: usize>(&self, place: usize) -> Tensor<D> {
        let (flat, shape) = &self.0[place];
        let shape: [usize; D] = std::array::from_fn(|axis| shape[axis]);
        flat.clone().reshape(shape)
    }

    /// All inputs, flat.
    pub(super) fn flat(&self) -> impl Iterator<Item = &Tensor<1>> {
        self.0.iter().map(|(flat, _)| flat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_what_they_say() {
        let seed = Seed::new(1);
        let rows = Input::distributions("t", &[5, 8]).draw(seed);
        assert!(rows.sum_axis(Axis(1)).iter().all(|sum| (sum - 1.0).abs() < 1e-6));
        assert!(Input::positive("v", &[100]).draw(seed).iter().all(|&v| v >= 0.0));
        assert!(Input::apart("x", &[100]).draw(seed).iter().all(|x| x.abs() >= 0.05));
        assert!(Input::zeros("b", &[3]).draw(seed).iter().all(|&b| b == 0.0));
        let weight = Input::weight("w", &[10_000], 4).draw(seed);
        // The second moment of 10,000 numbers of variance 1/4, within five standard errors.
        assert!((weight.mapv(|w| w * w).mean().unwrap() - 0.25).abs() < 5.0 * 0.25 * (2.0_f32 / 1e4).sqrt());
        assert_eq!(weight, Input::weight("w", &[10_000], 4).draw(seed));
    }

    #[test]
    fn tensors_keep_shape_and_values() {
        let inputs = [Input::new("x", &[2, 3]), Input::positive("v", &[2])];
        let drawn: Vec<_> = inputs.iter().map(|input| input.draw(Seed::new(2))).collect();
        let leaves = Leaves::new(&inputs, &drawn, true);
        assert_eq!(leaves.get::<2>(0).dims(), [2, 3]);
        assert_eq!(leaves.flat().count(), 2);
        let back = leaves.get::<2>(0).into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(back, drawn[0].iter().copied().collect::<Vec<_>>());
    }
}
