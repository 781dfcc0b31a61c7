//! The operations that are timed, as our side and plain Burn write them; `benches/peers/ops.py` has PyTorch's.

use super::inputs::{Input, Leaves};
use burn::tensor::ops::{AttentionModuleOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Tensor, activation, module};
use ndarray::ArrayD;
use tenfold_core_tensor::ops::tensor::{self as ops, Activation, AttentionOptions, BatchNormOptions, Conv2dOptions};
use tenfold_core_tensor::seed::Seed;

/// Who computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// `tenfold_core_tensor::ops::tensor`.
    Ours,
    /// Burn's own operations.
    Burn,
}

/// An operation ready to be timed: every call does the work once and returns the output, then gradients if there are any.
pub(super) type Op = dyn FnMut() -> Vec<Tensor<1>> + Send;

/// An operation on inputs of given shapes.
pub(super) struct Case {
    /// What it is called here and in `ops.py`.
    pub(super) function: &'static str,
    pub(super) inputs: Vec<Input>,
    body: Body,
    /// Numbers in the output.
    outputs: usize,
    /// Multiplications and additions of the products in it, once; 0 where there are none.
    arithmetic: f64,
}

/// What the operation does.
#[derive(Clone, Copy)]
enum Body {
    /// Forward only.
    Forward(Function),
    /// Forward and backward; the arithmetic of both, as a multiple of the forward's.
    Both(Function, f64),
    /// A step of an optimiser on parameter, gradient and two moments.
    AdamW,
}

/// Computes the flat output.
type Function = fn(&Leaves, Side) -> Tensor<1>;

/// Gradients in both factors of a product cost as much as two products.
const PRODUCT: f64 = 3.0;
/// The backward pass of attention has five products where the forward has two.
const ATTENTION: f64 = 3.5;

const M2: usize = 1 << 21;
const M1: usize = 1 << 20;
const EPSILON: f64 = 1e-5;

const ADAMW: ops::AdamW =
    ops::AdamW { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01, step: 10 };

impl Case {
    /// Name of the work.
    pub(super) fn work(&self) -> String {
        let suffix = if self.both() { "-forward-backward" } else { "" };
        format!("{}{suffix}", self.function)
    }

    /// Whether gradients are part of it.
    pub(super) fn both(&self) -> bool {
        matches!(self.body, Body::Both(..))
    }

    /// Multiplications and additions of its products.
    pub(super) fn flops(&self) -> f64 {
        match self.body {
            Body::Both(_, factor) => factor * self.arithmetic,
            _ => self.arithmetic,
        }
    }

    /// Bytes that must move: forward, inputs and output; backward, the output's gradient, what is tracked again, and its
    /// gradients.
    pub(super) fn bytes(&self) -> f64 {
        let all: usize = self.inputs.iter().map(Input::numbers).sum();
        let tracked: usize = self.inputs.iter().filter(|input| input.tracked).map(Input::numbers).sum();
        let numbers = match self.body {
            Body::Forward(_) => all + self.outputs,
            Body::Both(..) => all + self.outputs + self.outputs + 2 * tracked,
            // All but the gradient is read and written.
            Body::AdamW => 2 * all - M1,
        };
        4.0 * numbers as f64
    }

    /// The inputs, and last the gradient with which results are compared.
    pub(super) fn draw(&self) -> Vec<ArrayD<f32>> {
        let seed = Seed::new(7).named("bench-ops").named(self.function);
        let gradient = Input::new("gradient", &[self.outputs]);
        self.inputs.iter().chain([&gradient]).map(|input| input.draw(seed)).collect()
    }

    /// The operation on fresh tensors. Backward starts from ones.
    pub(super) fn prepare(&self, drawn: &[ArrayD<f32>], side: Side) -> Box<Op> {
        let leaves = Leaves::new(&self.inputs, drawn, self.both());
        match self.body {
            Body::Forward(function) => Box::new(move || vec![function(&leaves, side)]),
            Body::Both(function, _) => Box::new(move || differentiate(&leaves, |leaves| function(leaves, side))),
            Body::AdamW => {
                let mut state = Some([0, 2, 3].map(|place| leaves.get::<1>(place)));
                let gradient = leaves.get::<1>(1);
                // Nobody else may hold what is changed in place.
                drop(leaves);
                Box::new(move || {
                    let stepped = state.take().map(|state| adamw(state, gradient.clone(), side));
                    state.clone_from(&stepped);
                    stepped.into_iter().flatten().collect()
                })
            }
        }
    }

    /// The output and gradients on the host. Backward starts from the drawn gradient, which no symmetry cancels.
    pub(super) fn results(&self, drawn: &[ArrayD<f32>], side: Side) -> Vec<Vec<f32>> {
        let found = match self.body {
            Body::Both(function, _) => {
                let leaves = Leaves::new(&self.inputs, drawn, true);
                let start = Leaves::new(&[Input::new("gradient", &[self.outputs])], &drawn[self.inputs.len()..], false);
                let mut output = None;
                let mut found = differentiate(&leaves, |leaves| {
                    let y = function(leaves, side);
                    output = Some(y.clone().inner());
                    y * Tensor::from_inner(start.get(0))
                });
                if let (Some(first), Some(output)) = (found.first_mut(), output) {
                    *first = output;
                }
                found
            }
            _ => self.prepare(drawn, side)(),
        };
        found.into_iter().map(|tensor| tensor.into_data().iter::<f32>().collect()).collect()
    }
}

/// The output and the gradients of all tracked inputs.
fn differentiate(leaves: &Leaves, function: impl FnOnce(&Leaves) -> Tensor<1>) -> Vec<Tensor<1>> {
    let y = function(leaves);
    let gradients = y.backward();
    std::iter::once(y.inner()).chain(leaves.flat().filter_map(|leaf| leaf.grad(&gradients))).collect()
}

fn adamw(state: [Tensor<1>; 3], gradient: Tensor<1>, side: Side) -> [Tensor<1>; 3] {
    let [parameter, first, second] = state;
    if side == Side::Ours {
        let (parameter, [first, second]) = ops::adamw_step(&ADAMW, parameter, gradient, Some([first, second]));
        return [parameter, first, second];
    }
    let ops::AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, step } = ADAMW;
    let first = first * beta1 + gradient.clone() * (1.0 - beta1);
    let second = second * beta2 + gradient.square() * (1.0 - beta2);
    let [bias1, bias2] = [beta1, beta2].map(|beta: f64| 1.0 - beta.powf(step as f64));
    let deviation = (second.clone() / bias2).sqrt() + epsilon;
    let parameter = parameter * (1.0 - learning_rate * weight_decay);
    [parameter - first.clone() / deviation * (learning_rate / bias1), first, second]
}

fn flat<const D: usize>(y: Tensor<D>) -> Tensor<1> {
    let n = y.shape().num_elements();
    y.reshape([n])
}

fn matmul(x: &Leaves, _: Side) -> Tensor<1> {
    flat(x.get::<2>(0).matmul(x.get(1)))
}

fn softmax(x: &Leaves, side: Side) -> Tensor<1> {
    flat(match side {
        Side::Ours => ops::softmax(x.get::<2>(0), 1),
        Side::Burn => activation::softmax(x.get::<2>(0), 1),
    })
}

fn layer_norm(x: &Leaves, side: Side) -> Tensor<1> {
    let (gamma, beta) = (x.get(1), Some(x.get(2)));
    flat(match side {
        Side::Ours => ops::layer_norm(x.get::<2>(0), gamma, beta, EPSILON),
        Side::Burn => module::layer_norm(x.get::<2>(0), gamma, beta, EPSILON),
    })
}

fn gelu(x: &Leaves, side: Side) -> Tensor<1> {
    match side {
        Side::Ours => ops::gelu(x.get(0)),
        Side::Burn => activation::gelu(x.get(0)),
    }
}

fn tanh_chain(x: &Leaves, side: Side) -> Tensor<1> {
    let x = x.get::<1>(0);
    let inner = x.clone() * 2.0 + 1.0;
    let tanh = match side {
        Side::Ours => ops::tanh(inner),
        Side::Burn => inner.tanh(),
    };
    tanh * x
}

fn sum(x: &Leaves, side: Side) -> Tensor<1> {
    match side {
        Side::Ours => ops::add(x.get(0), x.get(1)),
        Side::Burn => x.get(0) + x.get(1),
    }
}

fn conv(x: &Leaves, side: Side, stride: usize, padding: usize) -> Tensor<1> {
    let options = Conv2dOptions { stride: [stride; 2], padding: [padding; 2], ..Conv2dOptions::default() };
    flat(match side {
        Side::Ours => ops::conv2d(x.get(0), x.get(1), None, options),
        Side::Burn => {
            let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
            module::conv2d(x.get(0), x.get(1), None, options)
        }
    })
}

fn max_pool(x: &Leaves, side: Side) -> Tensor<1> {
    flat(match side {
        Side::Ours => ops::max_pool2d(x.get(0), ops::Pool2dOptions::new(2)),
        Side::Burn => module::max_pool2d(x.get(0), MaxPoolOptions::new([2; 2]).with_stride([2; 2])),
    })
}

fn attention(x: &Leaves, side: Side) -> Tensor<1> {
    let [q, k, v] = [0, 1, 2].map(|place| x.get::<4>(place));
    flat(match side {
        Side::Ours => ops::attention(q, k, v, AttentionOptions::default()),
        Side::Burn => module::attention(q, k, v, None, None, AttentionModuleOptions::default()),
    })
}

fn batch_norm_relu(x: &Leaves, side: Side) -> Tensor<1> {
    let [gamma, beta] = [1, 2].map(|place| x.get::<1>(place));
    flat(match side {
        Side::Ours => {
            let options = BatchNormOptions { epsilon: EPSILON, relu: true };
            ops::batch_norm(x.get(0), gamma, beta, None, options).output
        }
        Side::Burn => activation::relu(module::batch_norm_train(x.get::<4>(0), gamma, beta, EPSILON).output),
    })
}

fn linear_gelu(x: &Leaves, side: Side) -> Tensor<1> {
    let (weight, bias) = (x.get(1), Some(x.get(2)));
    flat(match side {
        Side::Ours => ops::linear(x.get::<2>(0), weight, bias, Activation::Gelu),
        Side::Burn => activation::gelu(module::linear(x.get::<2>(0), weight, bias)),
    })
}

/// One loss for each row.
fn cross_entropy(x: &Leaves, side: Side) -> Tensor<1> {
    let (logits, targets) = (x.get::<2>(0), x.get::<2>(1));
    match side {
        // The shapes of the case are equal.
        Side::Ours => ops::soft_cross_entropy(logits, targets).unwrap_or_else(|error| unreachable!("{error}")),
        Side::Burn => (targets * activation::log_softmax(logits, 1)).sum_dim(1).neg().squeeze_dim(1),
    }
}

/// A function forward only, and forward and backward.
fn twice(
    function: &'static str,
    body: Function,
    inputs: &[Input],
    outputs: usize,
    arithmetic: f64,
    factor: f64,
) -> [Case; 2] {
    [Body::Forward(body), Body::Both(body, factor)].map(|body| Case {
        function,
        inputs: inputs.to_vec(),
        body,
        outputs,
        arithmetic,
    })
}

/// A convolution of a batch of 128 with a square kernel.
fn conv_case(function: &'static str, body: Function, x: [usize; 3], channels: usize, kernel: usize) -> [Case; 2] {
    let ([c, h, w], stride) = (x, if function.contains("stride2") { 2 } else { 1 });
    let outputs = 128 * channels * (h / stride) * (w / stride);
    let inputs = [
        Input::new("x", &[128, c, h, w]),
        Input::weight("weight", &[channels, c, kernel, kernel], c * kernel * kernel),
    ];
    twice(function, body, &inputs, outputs, (2 * outputs * c * kernel * kernel) as f64, PRODUCT)
}

/// The table.
pub(super) fn all() -> Vec<Case> {
    let square = [Input::new("x", &[1024, 1024]), Input::weight("weight", &[1024, 1024], 1024)];
    let rows = [Input::new("x", &[8192, 128])];
    let tokens = [Input::new("x", &[2048, 256]), Input::new("gamma", &[256]), Input::new("beta", &[256])];
    let numbers = [Input::new("x", &[M2])];
    let heads = ["q", "k", "v"].map(|name| Input::new(name, &[16, 4, 128, 64]));
    let images = [Input::apart("x", &[128, 16, 32, 32]), Input::new("gamma", &[16]), Input::zeros("beta", &[16])];
    let layer =
        [Input::new("x", &[2048, 256]), Input::weight("weight", &[256, 1024], 256), Input::new("bias", &[1024])];
    let losses = [Input::new("x", &[8192, 128]), Input::distributions("targets", &[8192, 128])];
    let state = [
        Input::new("parameter", &[M1]),
        Input::new("gradient-of-loss", &[M1]),
        Input::new("first", &[M1]),
        Input::positive("second", &[M1]),
    ];
    let pixels = 128 * 16 * 32 * 32;
    let both = [
        twice("matmul-1024", matmul, &square, 1 << 20, 2.0 * 1024_f64.powi(3), PRODUCT),
        twice("softmax-8192x128", softmax, &rows, 8192 * 128, 0.0, 0.0),
        twice("layer-norm-2048x256", layer_norm, &tokens, 2048 * 256, 0.0, 0.0),
        twice("gelu-2m", gelu, &numbers, M2, 0.0, 0.0),
        twice("tanh-chain-2m", tanh_chain, &numbers, M2, 0.0, 0.0),
        conv_case("conv3x3-16-b128", |x, side| conv(x, side, 1, 1), [16, 32, 32], 16, 3),
        conv_case("conv3x3-stride2-32-b128", |x, side| conv(x, side, 2, 1), [16, 32, 32], 32, 3),
        conv_case("conv1x1-64-b128", |x, side| conv(x, side, 1, 0), [32, 16, 16], 64, 1),
        twice("max-pool-2x2-b128", max_pool, &images[..1], pixels / 4, 0.0, 0.0),
        twice(
            "attention-b16h4n128d64",
            attention,
            &heads,
            16 * 4 * 128 * 64,
            4.0 * 64.0 * 128_f64.powi(2) * 64.0,
            ATTENTION,
        ),
        twice("batch-norm-relu-16-b128", batch_norm_relu, &images, pixels, 0.0, 0.0),
        twice("linear-gelu-2048x256x1024", linear_gelu, &layer, 2048 * 1024, 2.0 * 2048.0 * 256.0 * 1024.0, PRODUCT),
        twice("cross-entropy-8192x128", cross_entropy, &losses, 8192, 0.0, 0.0),
    ];
    let two = ["a", "b"].map(|name| Input::new(name, &[M2])).to_vec();
    let add = Case { function: "add-2m", inputs: two, body: Body::Forward(sum), outputs: M2, arithmetic: 0.0 };
    let adamw = Case { function: "adamw-1m", inputs: state.to_vec(), body: Body::AdamW, outputs: M1, arithmetic: 0.0 };
    both.into_iter().flatten().chain([add, adamw]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn works_have_names_of_their_own_that_the_table_of_results_accepts() {
        let works: Vec<String> = all().iter().map(Case::work).collect();
        assert_eq!(works.iter().collect::<BTreeSet<_>>().len(), works.len());
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(works.iter().all(|work| work.chars().all(word)), "{works:?}");
    }

    #[test]
    fn arithmetic_and_bytes_by_hand() {
        let all = all();
        let find = |work: &str| all.iter().find(|case| case.work() == work).unwrap();
        let conv = find("conv3x3-16-b128-forward-backward");
        assert_eq!(conv.flops(), 3.0 * 2.0 * 128.0 * 16.0 * 16.0 * 1024.0 * 9.0);
        // x, w, y; then dy, x, w, dx, dw.
        let (x, w) = (128 * 16 * 1024, 16 * 16 * 9);
        assert_eq!(conv.bytes(), 4.0 * (5 * x + 3 * w) as f64);
        assert_eq!(find("add-2m").bytes(), 12.0 * M2 as f64);
        assert_eq!(find("adamw-1m").bytes(), 28.0 * M1 as f64);
        assert_eq!(find("softmax-8192x128").flops(), 0.0);
    }
}
