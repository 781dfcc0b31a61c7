//! Scaled dot-product attention.

use burn::tensor::{Bool, Tensor, activation};

/// How queries meet keys.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AttentionOptions {
    /// What scores are multiplied with; `1 / sqrt(d)` if none.
    pub scale: Option<f64>,
    /// Whether query i sees only the keys 0 to i.
    pub causal: bool,
}

/// `softmax(s Q K^T) V` for q `[batch, heads, n, d]`, k `[batch, heads, m, d]`, v `[batch, heads, m, e]`:
/// `[batch, heads, n, e]`.
///
/// On the CPU neither this nor its gradient keeps the n by m scores.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::ops::tensor::{AttentionOptions, attention};
/// # #[cfg(feature = "flex")] {
/// let device = Device::flex();
/// let q = Tensor::<4>::zeros([1, 1, 1, 2], &device); // likes both keys the same
/// let k = Tensor::<4>::ones([1, 1, 2, 2], &device);
/// let v = Tensor::<4>::from_data([[[[4.0_f32], [6.0]]]], &device);
/// assert_eq!(attention(q, k, v, AttentionOptions::default()).into_scalar::<f32>(), 5.0);
/// # }
/// ```
///
/// # Panics
/// If shapes do not go together, naming them.
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, options: AttentionOptions) -> Tensor<4> {
    let ([b, h, _, d], [_, _, m, _], [.., e]) = (q.dims(), k.dims(), v.dims());
    assert_eq!(k.dims(), [b, h, m, d], "attention: keys for queries {:?}", q.dims());
    assert_eq!(v.dims(), [b, h, m, e], "attention: values for keys {:?}", k.dims());
    #[cfg(feature = "flex")]
    if super::cpu::fits(&q) && super::cpu::fits(&k) && super::cpu::fits(&v) {
        return fused::attention(q, k, v, options);
    }
    reference(q, k, v, options)
}

fn scale(options: AttentionOptions, width: usize) -> f64 {
    options.scale.unwrap_or_else(|| 1.0 / (width as f64).sqrt())
}

/// The equation in Burn's operations, scores and all.
fn reference(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, options: AttentionOptions) -> Tensor<4> {
    let [.., n, d] = q.dims();
    let m = k.dims()[2];
    let mut scores = q.matmul(k.swap_dims(2, 3)) * scale(options, d);
    if options.causal {
        // True above the diagonal.
        let hidden = Tensor::<2, Bool>::tril_mask([n, m], 0, &scores.device());
        scores = scores.mask_fill(hidden.unsqueeze(), f32::NEG_INFINITY);
    }
    activation::softmax(scores, 3).matmul(v)
}

#[cfg(feature = "flex")]
mod fused {
    use super::{AttentionOptions, scale};
    use crate::ops::tensor::cpu::{Array, CpuOp, Forward, apply};
    use burn::tensor::Tensor;
    use tenfold_kernels::attention::{Attention, Gradients};

    /// With the shape of the output.
    #[derive(Debug)]
    struct Heads(Attention, [usize; 4]);

    pub(super) fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, options: AttentionOptions) -> Tensor<4> {
        let joined = |x: &Tensor<4>| {
            let [b, h, n, d] = x.dims();
            [b * h, n, d]
        };
        let [b, h, n, d] = q.dims();
        let shape = [b, h, n, v.dims()[3]];
        let kernel = Attention::new(joined(&q), joined(&k), joined(&v), scale(options, d) as f32, options.causal);
        let kernel = kernel.unwrap_or_else(|error| panic!("attention: {error}"));
        apply(Heads(kernel, shape), [q.into_dispatch(), k.into_dispatch(), v.into_dispatch()]).output()
    }

    impl CpuOp for Heads {
        fn forward(&self, mut inputs: Vec<Array>) -> Forward {
            let [b, h, n, _] = self.1;
            let [o, lse] = Array::several([&self.1, &[b, h, n]], |[o, lse]| {
                self.0.forward(inputs[0].data(), inputs[1].data(), inputs[2].data(), o, lse);
            });
            inputs.extend([o.clone(), lse]);
            Forward::new(o).keeping(inputs)
        }

        fn backward(&self, kept: &[Array], d_o: Array, _: &[bool]) -> Vec<Option<Array>> {
            let [q, k, v, o, lse] = std::array::from_fn(|i| &kept[i]);
            let all = Array::several([q.shape(), k.shape(), v.shape()], |[dq, dk, dv]| {
                let gradients = Gradients { q: dq, k: dk, v: dv };
                self.0.backward([q.data(), k.data(), v.data()], o.data(), lse.data(), d_o.data(), gradients);
            });
            all.map(Some).into()
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
            (b, h, n, m, d, e) in (1_usize..3, 1_usize..3, 1_usize..9, 1_usize..9, 1_usize..6, 1_usize..6),
            causal: bool,
        ) {
            // Heads beside the width, as a projection leaves them: views that are not contiguous.
            let inputs = [tensor(&[b, n, h, d], 1), tensor(&[b, m, h, d], 2), tensor(&[b, m, h, e], 3)];
            let options = AttentionOptions { scale: None, causal };
            let run = |f: fn(Tensor<4>, Tensor<4>, Tensor<4>, AttentionOptions) -> Tensor<4>| {
                move |t: &[Tensor<1>]| {
                    let heads = |t: &Tensor<1>, n, d| t.clone().reshape([b, n, h, d]).swap_dims(1, 2);
                    f(heads(&t[0], n, d), heads(&t[1], m, d), heads(&t[2], m, e), options)
                }
            };
            assert_agree(&inputs, run(attention), run(reference));
        }
    }

    #[test]
    #[should_panic(expected = "attention: keys for queries [1, 1, 2, 3]")]
    fn shapes_that_do_not_fit_are_named() {
        let device = burn::tensor::Device::flex();
        let ones = |shape| Tensor::<4>::ones(shape, &device);
        attention(ones([1, 1, 2, 3]), ones([1, 1, 2, 4]), ones([1, 1, 2, 4]), AttentionOptions::default());
    }
}
