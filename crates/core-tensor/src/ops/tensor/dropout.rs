//! Dropout.

use crate::seed::Seed;
use burn::tensor::Tensor;

/// Inverted dropout: each number is zeroed with probability `rate` and divided by `1 - rate` otherwise. The draws follow
/// from the seed and the number's place alone, the same on every device; take another child of the seed for each layer and
/// step.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::dropout;
/// use tenfold_core_tensor::seed::Seed;
/// # #[cfg(feature = "flex")] {
/// let x = Tensor::<1>::ones([1000], &Device::flex());
/// let y = dropout(x.clone(), 0.5, Seed::new(7)).sum().into_scalar::<f32>();
/// assert!((900.0..1100.0).contains(&y));
/// # }
/// ```
///
/// # Panics
/// If the rate is not from 0 to below 1.
pub fn dropout<const D: usize>(x: Tensor<D>, rate: f64, seed: Seed) -> Tensor<D> {
    assert!((0.0..1.0).contains(&rate), "dropout: rate = {rate}: must be from 0 to below 1");
    let key = seed.value();
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return fused::dropout(x, rate, key);
    }
    reference(x, rate, key)
}

/// A mask from the host, and a product.
fn reference<const D: usize>(x: Tensor<D>, rate: f64, key: u64) -> Tensor<D> {
    let shape = x.dims();
    let ones = vec![1.0; shape.iter().product()];
    let mut mask = vec![0.0; ones.len()];
    tenfold_kernels::dropout::dropout(&ones, rate, key, &mut mask);
    let device = x.device().without_autodiff();
    let mask = Tensor::<D>::from_data(burn::tensor::TensorData::new(mask, shape), &device);
    if x.device().is_autodiff() { x * Tensor::from_inner(mask) } else { x * mask }
}

#[cfg(feature = "flex")]
mod fused {
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    use tenfold_kernels::dropout::dropout as kernel;

    #[derive(Debug)]
    struct Dropout {
        rate: f64,
        key: u64,
    }

    pub(super) fn dropout<const D: usize>(x: Tensor<D>, rate: f64, key: u64) -> Tensor<D> {
        apply(Dropout { rate, key }, [x.into_dispatch()]).output()
    }

    impl Dropout {
        fn apply(&self, x: &Array) -> Array {
            Array::from_fn(x.shape(), |y| kernel(x.data(), self.rate, self.key, y))
        }
    }

    impl CpuOp for Dropout {
        fn forward(&self, inputs: Vec<Array>) -> Forward {
            Forward::new(self.apply(&inputs[0]))
        }

        fn backward(&self, _: &[Array], dy: Array, _: &[bool]) -> Vec<Option<Array>> {
            vec![Some(self.apply(&dy))]
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::ops::tensor::testing::{assert_agree, tensor};

    #[test]
    fn values_and_gradients_agree_with_a_mask() {
        for shape in [[1, 1], [3, 50]] {
            let seed = Seed::new(3);
            let run = |t: &[Tensor<1>]| dropout(t[0].clone().reshape(shape), 0.4, seed);
            let mask = |t: &[Tensor<1>]| reference(t[0].clone().reshape(shape), 0.4, seed.value());
            assert_agree(&[tensor(&shape, 1)], run, mask);
        }
    }
}
