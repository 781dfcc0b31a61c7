//! The operations on Burn tensors: differentiable, on whichever device the inputs are.

use crate::ops::OpsError;
use crate::ops::walsh_hadamard::check_length;
use burn::tensor::{Bool, Tensor, activation};

/// `x H` for every row of `x` (`[m, n]`), with `H` as in
/// [`walsh_hadamard`](crate::ops::walsh_hadamard::walsh_hadamard): natural order, unnormalised.
///
/// `H` is symmetric, so the gradient with respect to `x` is the transform of the gradient.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::walsh_hadamard;
/// # #[cfg(feature = "flex")] {
/// let x = Tensor::<2>::from_data([[1.0_f32, 2.0, 3.0, 4.0]], &Device::flex());
/// let y = walsh_hadamard(x).unwrap().into_data().try_into_vec::<f32>().unwrap();
/// assert_eq!(y, [10.0, -2.0, -4.0, 0.0]);
/// # }
/// ```
///
/// # Errors
/// If `n` is not a power of two.
pub fn walsh_hadamard(x: Tensor<2>) -> Result<Tensor<2>, OpsError> {
    check_length(x.dims()[1])?;
    #[cfg(feature = "flex")]
    if super::cpu::fits(&x) {
        return Ok(fused::walsh_hadamard(x));
    }
    Ok(walsh_hadamard_reference(x))
}

/// Sums and differences of halves, in Burn's operations.
fn walsh_hadamard_reference(x: Tensor<2>) -> Tensor<2> {
    let [m, n] = x.dims();
    let mut y = x;
    let mut half = 1;
    while half < n {
        let blocks = y.reshape([m * n / (2 * half), 2, half]);
        let (a, b) = (blocks.clone().narrow(1, 0, 1), blocks.narrow(1, 1, 1));
        y = Tensor::cat(vec![a.clone() + b.clone(), a - b], 1).reshape([m, n]);
        half *= 2;
    }
    y
}

/// Cross-entropy against soft targets, one loss a row: `l_i = -sum_c t_ic log softmax(z_i)_c`, in nats.
///
/// Shapes: `logits` and `targets` are `[n, C]`, the result is `[n]`. Rows of `targets` need not sum to one; take the
/// mean or a weighted mean yourself. A one-hot row gives the usual cross-entropy.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::soft_cross_entropy;
/// # #[cfg(feature = "flex")] {
/// let device = Device::flex();
/// let logits = Tensor::<2>::from_data([[1e4_f32, 0.0], [0.0, 0.0]], &device);
/// let targets = Tensor::<2>::from_data([[1.0_f32, 0.0], [0.5, 0.5]], &device);
/// let loss = soft_cross_entropy(logits, targets).unwrap().into_data().try_into_vec::<f32>().unwrap();
/// assert_eq!(loss[0], 0.0);
/// assert!((loss[1] - 2f32.ln()).abs() < 1e-6);
/// # }
/// ```
///
/// # Errors
/// If the shapes differ.
pub fn soft_cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Result<Tensor<1>, OpsError> {
    if logits.dims() != targets.dims() {
        return Err(OpsError::Shape {
            what: "logits and targets",
            left: logits.dims().to_vec(),
            right: targets.dims().to_vec(),
            rule: "shapes must be equal",
        });
    }
    #[cfg(feature = "flex")]
    if super::cpu::fits(&logits) && super::cpu::fits(&targets) {
        return Ok(fused::cross_entropy(logits, targets));
    }
    Ok(cross_entropy_reference(logits, targets))
}

/// The equation in Burn's operations.
fn cross_entropy_reference(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    (targets * activation::log_softmax(logits, 1)).sum_dim(1).neg().squeeze_dim(1)
}

#[cfg(feature = "flex")]
mod fused {
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    use tenfold_kernels::softmax::{Softmax, cross_entropy as losses, cross_entropy_gradient};
    use tenfold_kernels::walsh_hadamard::walsh_hadamard as transform;

    #[derive(Debug)]
    struct WalshHadamard;

    pub(super) fn walsh_hadamard(x: Tensor<2>) -> Tensor<2> {
        apply(WalshHadamard, [x.into_dispatch()]).output()
    }

    impl CpuOp for WalshHadamard {
        fn forward(&self, mut inputs: Vec<Array>) -> Forward {
            let width = inputs[0].width();
            Forward::new(inputs.swap_remove(0).update(|x| transform(x, width)))
        }

        fn backward(&self, _: &[Array], dy: Array, _: &[bool]) -> Vec<Option<Array>> {
            let width = dy.width();
            vec![Some(dy.update(|dy| transform(dy, width)))]
        }
    }

    #[derive(Debug)]
    struct CrossEntropy;

    pub(super) fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        apply(CrossEntropy, [logits.into_dispatch(), targets.into_dispatch()]).output()
    }

    impl CpuOp for CrossEntropy {
        fn forward(&self, inputs: Vec<Array>) -> Forward {
            let [rows, width] = inputs[0].dims();
            let write = |l: &mut [f32]| losses(inputs[0].data(), inputs[1].data(), width, l);
            Forward::new(Array::from_fn(&[rows], write)).keeping(inputs)
        }

        fn backward(&self, kept: &[Array], dl: Array, wanted: &[bool]) -> Vec<Option<Array>> {
            let [z, t] = [&kept[0], &kept[1]];
            let width = z.width();
            let dz =
                || Array::from_fn(z.shape(), |dz| cross_entropy_gradient(z.data(), t.data(), dl.data(), width, dz));
            // dl/dt = -ln softmax(z)
            let dt = || {
                Array::from_fn(z.shape(), |dt| {
                    Softmax::Logarithms.forward(z.data(), width, dt);
                    let rows = dt.chunks_exact_mut(width.max(1)).zip(dl.data());
                    rows.for_each(|(row, scale)| row.iter_mut().for_each(|dt| *dt *= -scale));
                })
            };
            vec![wanted[0].then(dz), wanted[1].then(dt)]
        }
    }
}

/// Softmax along `dim` over the entries where `keep` is true; the others get exactly zero.
///
/// A line that keeps nothing becomes all zeros, with zero gradient, never NaN.
///
/// # Panics
/// As Burn's own operations do where shapes differ or `dim` is out of range.
pub fn masked_softmax<const D: usize>(x: Tensor<D>, keep: Tensor<D, Bool>, dim: usize) -> Tensor<D> {
    // A finite floor instead of minus infinity, which would make a line without kept entries NaN; such lines, and
    // every left-out entry, are zeroed afterwards.
    let floor = -1e30;
    let dropped = keep.bool_not();
    let p = activation::softmax(x.mask_fill(dropped.clone(), floor), dim);
    p.mask_fill(dropped, 0.0)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::ops::{softmax, walsh_hadamard as plain};
    use crate::seed::Seed;
    use burn::tensor::{Device, TensorData};
    use rand::RngExt;

    fn numbers(n: usize, seed: u64) -> Vec<f32> {
        let mut rng = Seed::new(seed).rng();
        (0..n).map(|_| rng.random_range(-2.0..2.0)).collect()
    }

    fn matrix(v: &[f32], rows: usize, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(v.to_vec(), [rows, v.len() / rows]), device)
    }

    fn values<const D: usize>(t: Tensor<D>) -> Vec<f32> {
        t.into_data().try_into_vec().unwrap()
    }

    #[test]
    fn transform_and_gradient_equal_the_plain_transform() {
        let device = Device::flex().autodiff();
        for n in [1, 2, 8, 64] {
            let (x, g) = (numbers(3 * n, 1), numbers(3 * n, 2));
            let input = matrix(&x, 3, &device).require_grad();
            let y = walsh_hadamard(input.clone()).unwrap();
            let grads = (y.clone() * matrix(&g, 3, &device)).sum().backward();
            let transform = |v: &[f32]| {
                let mut rows: Vec<f64> = v.iter().map(|v| f64::from(*v)).collect();
                rows.chunks_exact_mut(n).for_each(|row| plain::walsh_hadamard(row).unwrap());
                rows
            };
            let tolerance = 8.0 * n as f64 * f64::from(f32::EPSILON);
            let close = |a: &[f32], b: &[f64]| a.iter().zip(b).all(|(a, b)| (f64::from(*a) - b).abs() <= tolerance);
            assert!(close(&values(y), &transform(&x)), "values, n = {n}");
            assert!(close(&values(input.grad(&grads).unwrap()), &transform(&g)), "gradient, n = {n}");
        }
        assert!(walsh_hadamard(matrix(&numbers(6, 0), 2, &device)).is_err());
    }

    #[test]
    fn cross_entropy_and_its_gradient_equal_the_closed_forms() {
        let device = Device::flex().autodiff();
        let (n, c) = (5, 4);
        let z = numbers(n * c, 3);
        let mut t: Vec<f32> = numbers(n * c, 4).iter().map(|v| v.abs()).collect();
        t.chunks_exact_mut(c).for_each(|row| {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|v| *v /= sum);
        });
        let logits = matrix(&z, n, &device).require_grad();
        let losses = soft_cross_entropy(logits.clone(), matrix(&t, n, &device)).unwrap();
        let gradient = values(logits.grad(&losses.clone().sum().backward()).unwrap());
        let losses = values(losses);
        for i in 0..n {
            let row: Vec<f64> = z[i * c..][..c].iter().map(|v| f64::from(*v)).collect();
            let norm = softmax::log_sum_exp(&row);
            let want: f64 = (0..c).map(|j| -f64::from(t[i * c + j]) * (row[j] - norm)).sum();
            assert!((f64::from(losses[i]) - want).abs() < 16.0 * f64::from(f32::EPSILON));
            for j in 0..c {
                let want = (row[j] - norm).exp() - f64::from(t[i * c + j]); // softmax(z) - t, rows of t sum to one
                assert!((f64::from(gradient[i * c + j]) - want).abs() < 16.0 * f64::from(f32::EPSILON));
            }
        }
    }

    #[test]
    fn values_and_gradients_agree_with_burn() {
        use crate::ops::tensor::testing::{assert_agree, tensor};
        for shape in [[1, 1], [3, 10], [5, 33]] {
            let run = |f: fn(Tensor<2>, Tensor<2>) -> Tensor<1>| {
                move |t: &[Tensor<1>]| f(t[0].clone().reshape(shape), t[1].clone().reshape(shape))
            };
            let found = |z, t| soft_cross_entropy(z, t).unwrap();
            assert_agree(&[tensor(&shape, 1), tensor(&shape, 2)], run(found), run(cross_entropy_reference));
        }
        for shape in [[3, 1], [2, 8], [5, 64]] {
            let run = |f: fn(Tensor<2>) -> Tensor<2>| move |t: &[Tensor<1>]| f(t[0].clone().reshape(shape));
            let found = |x| walsh_hadamard(x).unwrap();
            assert_agree(&[tensor(&shape, 1)], run(found), run(walsh_hadamard_reference));
        }
    }

    #[test]
    fn unequal_shapes_are_named() {
        let device = Device::flex();
        let error = soft_cross_entropy(matrix(&numbers(6, 0), 2, &device), matrix(&numbers(6, 0), 3, &device));
        assert_eq!(error.unwrap_err().to_string(), "logits and targets: [2, 3] against [3, 2]; shapes must be equal");
    }

    #[test]
    fn masked_softmax_equals_the_plain_one_and_survives_empty_lines() {
        let device = Device::flex().autodiff();
        let (x, keep) = (numbers(12, 5), [1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0].map(|k| k == 1));
        let input = matrix(&x, 3, &device).require_grad();
        let mask = Tensor::<2, Bool>::from_data(TensorData::new(keep.to_vec(), [3, 4]), &device);
        let p = masked_softmax(input.clone(), mask, 1);
        let gradient = values(input.grad(&p.clone().powf_scalar(2.0).sum().backward()).unwrap());
        let p = values(p);
        for r in 0..3 {
            let mut want: Vec<f64> = x[r * 4..][..4].iter().map(|v| f64::from(*v)).collect();
            softmax::masked_softmax_in_place(&mut want, &keep[r * 4..][..4]);
            for j in 0..4 {
                assert!((f64::from(p[r * 4 + j]) - want[j]).abs() < 8.0 * f64::from(f32::EPSILON));
                assert!(gradient[r * 4 + j].is_finite());
                assert!(keep[r * 4 + j] || (p[r * 4 + j] == 0.0 && gradient[r * 4 + j] == 0.0));
            }
        }
    }
}
