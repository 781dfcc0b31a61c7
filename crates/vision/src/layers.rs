//! Layers as the networks of this crate compute them: Burn's parameters, our operations.

use burn::module::RunningState;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear, PaddingConfig2d};
use burn::tensor::Tensor;
use tenfold_core_tensor::ops::tensor::{self as ops, Activation, BatchNormOptions, Conv2dOptions};

/// `f(x W + b)`.
pub(crate) fn linear<const D: usize>(layer: &Linear, x: Tensor<D>, activation: Activation) -> Tensor<D> {
    ops::linear(x, layer.weight.val(), layer.bias.as_ref().map(|b| b.val()), activation)
}

/// The convolution of a layer with the padding that [`Initialiser::conv`](crate::initialise::Initialiser::conv) gives it.
pub(crate) fn conv(layer: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let padding = match layer.padding {
        PaddingConfig2d::Explicit(top, left, bottom, right) if (top, left) == (bottom, right) => [top, left],
        PaddingConfig2d::Valid => [0; 2],
        ref other => unreachable!("the networks of this crate pad both sides alike, not {other:?}"),
    };
    let Conv2d { stride, dilation, groups, .. } = *layer;
    let bias = layer.bias.as_ref().map(|b| b.val());
    ops::conv2d(x, layer.weight.val(), bias, Conv2dOptions { stride, padding, dilation, groups })
}

/// Batch normalisation, then the residual and the ReLU if there are any. In training, which is on an autodiff device, by
/// the batch's moments, towards which the running ones move; otherwise by the running ones.
pub(crate) fn norm(layer: &BatchNorm, x: Tensor<4>, residual: Option<Tensor<4>>, relu: bool) -> Tensor<4> {
    let device = x.device();
    let options = BatchNormOptions { epsilon: layer.epsilon, relu };
    let (gamma, beta) = (layer.gamma.val(), layer.beta.val());
    if !(device.is_autodiff() && layer.training.is_enabled()) {
        let moments = [&layer.running_mean, &layer.running_var].map(|m| m.value().to_device(&device));
        return ops::batch_norm_with(x, moments, [gamma, beta], residual, options);
    }
    let normalised = ops::batch_norm(x, gamma, beta, residual, options);
    let follow = |state: &RunningState<Tensor<1>>, batch: Tensor<1>| {
        let old = state.value_sync().to_device(&device);
        let new = old.mul_scalar(1.0 - layer.momentum).add(batch.mul_scalar(layer.momentum));
        state.update(new.detach());
    };
    follow(&layer.running_mean, normalised.mean);
    follow(&layer.running_var, normalised.variance);
    normalised.output
}
