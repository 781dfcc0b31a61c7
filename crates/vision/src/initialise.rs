//! Initial weights from an explicit seed, the same on every device.
//!
//! Burn's own initialisers draw from a generator that is global to a back end; these draw on the host, layer by
//! layer, each layer from its own stream, so that the k-th layer starts the same whatever the others look like.
//!
//! - A layer followed by a ReLU: He normal, `w ~ N(0, 2 / fan_in)` (He et al. 2015, equation 10), which keeps the
//!   second moment of the activations constant over depth.
//! - The last linear layer: `w ~ N(0, 1 / fan_in)`, logits of unit variance.
//! - Biases start at 0, scales of batch normalisation at 1.

use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData};
use rand_distr::{Distribution, StandardNormal};
use tenfold_core_tensor::seed::Seed;

/// Draws the layers of one network, in order.
pub(crate) struct Initialiser<'a> {
    seed: Seed,
    layers: u64,
    device: &'a Device,
}

impl<'a> Initialiser<'a> {
    pub(crate) fn new(seed: Seed, device: &'a Device) -> Self {
        Self { seed: seed.named("weights"), layers: 0, device }
    }

    /// A linear layer that a ReLU follows.
    pub(crate) fn hidden_linear(&mut self, inputs: usize, outputs: usize) -> Linear {
        self.linear(inputs, outputs, 2.0)
    }

    /// The last layer: embeddings to logits.
    pub(crate) fn output_linear(&mut self, inputs: usize, classes: usize) -> Linear {
        self.linear(inputs, classes, 1.0)
    }

    /// A convolution without bias (the normalisation that follows has one) that keeps ceil(size / stride) pixels.
    pub(crate) fn conv(&mut self, inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Conv2d {
        let config = Conv2dConfig::new([inputs, outputs], [kernel, kernel])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(kernel / 2, kernel / 2, kernel / 2, kernel / 2))
            .with_bias(false)
            .with_initializer(burn::module::Initializer::Zeros);
        let mut conv = config.init(self.device);
        conv.weight = self.normal([outputs, inputs, kernel, kernel], inputs * kernel * kernel, 2.0);
        conv
    }

    /// Batch normalisation over the channels of `[n, channels, H, W]`: scale 1, shift 0, running mean 0, variance 1.
    pub(crate) fn norm(&self, channels: usize) -> BatchNorm {
        BatchNormConfig::new(channels).init(self.device)
    }

    fn linear(&mut self, inputs: usize, outputs: usize, gain: f64) -> Linear {
        let weight = self.normal([inputs, outputs], inputs, gain);
        let bias = Param::from_tensor(Tensor::zeros([outputs], self.device));
        Linear { weight, bias: Some(bias) }
    }

    /// Independent draws from N(0, gain / fan_in).
    fn normal<const D: usize>(&mut self, shape: [usize; D], fan_in: usize, gain: f64) -> Param<Tensor<D>> {
        let mut rng = self.seed.child(self.layers).rng();
        self.layers += 1;
        let deviation = (gain / fan_in as f64).sqrt();
        let draw = |_| {
            let z: f64 = StandardNormal.sample(&mut rng);
            (z * deviation) as f32
        };
        let values: Vec<f32> = (0..shape.iter().product()).map(draw).collect();
        Param::from_data(TensorData::new(values, shape), self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_the_stated_variance_and_mean() {
        let device = Device::flex();
        let (inputs, outputs) = (300, 200);
        let layer = Initialiser::new(Seed::new(1), &device).hidden_linear(inputs, outputs);
        let values: Vec<f32> = layer.weight.val().into_data().try_into_vec().unwrap();
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
        let expected = 2.0 / inputs as f64;
        // Standard errors: sqrt(var / n) for the mean, var * sqrt(2 / n) for the second moment; five of them.
        assert!(mean.abs() < 5.0 * (expected / n).sqrt(), "mean {mean}");
        assert!((variance - expected).abs() < 5.0 * expected * (2.0 / n).sqrt(), "variance {variance}");
    }

    #[test]
    fn a_layer_does_not_depend_on_the_width_of_another() {
        let device = Device::flex();
        let second = |first: usize| {
            let mut init = Initialiser::new(Seed::new(5), &device);
            init.hidden_linear(3, first);
            init.output_linear(4, 2).weight.val().into_data()
        };
        second(8).assert_eq(&second(16), true);
    }
}
