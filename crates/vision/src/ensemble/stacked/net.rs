//! The networks of this crate over a stack.
//!
//! An MLP reads `[m, b, i]`, a product per member. Networks of convolutions read `[b, m C, H, W]`: the channels of all
//! members side by side, convolved in m groups; batch normalisation and pooling never mix channels anyway.

use super::stack::{Leaf, Stack};
use crate::architecture::Architecture;
use crate::convnet::ConvNetConfig;
use crate::mlp::MlpConfig;
use crate::resnet::{ResNetConfig, Shortcut};
use burn::nn::BatchNormConfig;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use std::collections::BTreeMap;
use tenfold_core_tensor::image::ImageShape;
use tenfold_core_tensor::ops::tensor::{
    BatchNormOptions, Conv2dOptions, Normalised, Pool2dOptions, batch_norm, conv2d, max_pool2d, mean_over_pixels,
    subsample,
};

/// What a stack says about a batch of each member.
pub(super) struct Forward {
    /// `[m, b, K]`.
    pub(super) logits: Tensor<3>,
    /// The parameters that they were computed from, by name, tracked.
    pub(super) tracked: BTreeMap<String, Tensor<2>>,
    /// The running statistics after this batch.
    pub(super) statistics: Vec<(String, Tensor<2>)>,
}

/// Logits of a [`batch`](super::batch::Source::batch).
pub(super) fn forward(stack: &Stack, x: Tensor<3>) -> Forward {
    let track = |(name, leaf): (&String, &Leaf)| {
        let learned = Leaf::is_learned(name);
        learned.then(|| (name.clone(), Tensor::from_inner(leaf.value.clone()).require_grad()))
    };
    let tracked = stack.leaves().iter().filter_map(track).collect();
    let mut net = Net { stack, tracked, statistics: Vec::new() };
    let logits = match stack.architecture() {
        Architecture::Mlp(config) => net.mlp(config, x),
        Architecture::ConvNet(config) => net.convnet(config, x),
        Architecture::ResNet(config) => net.resnet(config, x),
    };
    Forward { logits, tracked: net.tracked, statistics: net.statistics }
}

/// A pass through a stack.
struct Net<'a> {
    stack: &'a Stack,
    tracked: BTreeMap<String, Tensor<2>>,
    statistics: Vec<(String, Tensor<2>)>,
}

impl Net<'_> {
    fn mlp(&self, config: &MlpConfig, x: Tensor<3>) -> Tensor<3> {
        let hidden = (0..config.hidden.len()).fold(x, |x, layer| relu(self.linear(&format!("hidden.{layer}"), x)));
        self.linear("output", hidden)
    }

    fn convnet(&mut self, config: &ConvNetConfig, x: Tensor<3>) -> Tensor<3> {
        let mut features = self.images(x, config.image);
        for block in 0..config.blocks {
            let convolved = self.conv(&format!("blocks.{block}.conv"), features, 1);
            let normalised = self.norm(&format!("blocks.{block}.norm"), convolved, None, true);
            features = max_pool2d(normalised, Pool2dOptions::new(2));
        }
        self.head(features)
    }

    fn resnet(&mut self, config: &ResNetConfig, x: Tensor<3>) -> Tensor<3> {
        let stem = self.conv("stem", self.images(x, config.image), 1);
        let mut features = self.norm("stem_norm", stem, None, true);
        for (block, stride) in config.strides().enumerate() {
            features = self.block(&format!("blocks.{block}"), features, stride, config.shortcut);
        }
        self.head(features)
    }

    fn block(&mut self, name: &str, x: Tensor<4>, stride: usize, shortcut: Shortcut) -> Tensor<4> {
        let inner = self.conv(&format!("{name}.conv1"), x.clone(), stride);
        let inner = self.norm(&format!("{name}.norm1"), inner, None, true);
        let inner = self.conv(&format!("{name}.conv2"), inner, 1);
        let beside = match shortcut {
            _ if stride == 1 => x,
            Shortcut::Projection => {
                let projected = self.conv(&format!("{name}.projection.conv"), x, stride);
                self.norm(&format!("{name}.projection.norm"), projected, None, false)
            }
            Shortcut::Subsample => {
                // Each member's channels are padded apart.
                let ([b, channels, h, w], m) = (x.dims(), self.stack.members());
                let x = subsample(x.reshape([b * m, channels / m, h, w]), stride, inner.dims()[1] / m);
                x.reshape(inner.dims())
            }
        };
        self.norm(&format!("{name}.norm2"), inner, Some(beside), true)
    }

    /// A batch `[b, m, C H W]` as `[b, m C, H, W]`.
    fn images(&self, x: Tensor<3>, image: ImageShape) -> Tensor<4> {
        let [b, m, _] = x.dims();
        x.reshape([b, m * image.channels, image.height, image.width])
    }

    /// Mean over the pixels and the last layer.
    fn head(&self, features: Tensor<4>) -> Tensor<3> {
        let ([b, channels, ..], m) = (features.dims(), self.stack.members());
        let embedding = mean_over_pixels(features).reshape([b, m, channels / m]).swap_dims(0, 1);
        self.linear("output", embedding)
    }

    /// A product per member and its bias: `[m, b, i] [m, i, o] + [m, 1, o]`.
    fn linear(&self, name: &str, x: Tensor<3>) -> Tensor<3> {
        let m = self.stack.members();
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let (inputs, outputs) = (x.dims()[2], self.stack.leaf(&bias).shape[0]);
        let product = x.matmul(self.parameter(&weight).reshape([m, inputs, outputs]));
        product + self.parameter(&bias).reshape([m, 1, outputs])
    }

    /// A convolution in m groups that keeps ceil(size / stride) pixels.
    fn conv(&self, name: &str, x: Tensor<4>, stride: usize) -> Tensor<4> {
        let m = self.stack.members();
        let name = format!("{name}.weight");
        let mut shape: [usize; 4] = std::array::from_fn(|axis| self.stack.leaf(&name).shape[axis]);
        shape[0] *= m;
        let padding = [shape[2] / 2, shape[3] / 2];
        let options = Conv2dOptions { stride: [stride; 2], padding, dilation: [1; 2], groups: m };
        conv2d(x, self.parameter(&name).reshape(shape), None, options)
    }

    /// Batch normalisation, then the residual and the ReLU if there are any. Notes where the running statistics go.
    fn norm(&mut self, name: &str, x: Tensor<4>, residual: Option<Tensor<4>>, relu: bool) -> Tensor<4> {
        let channels = x.dims()[1];
        let m = self.stack.members();
        let vector = |part: &str| self.parameter(&format!("{name}.{part}")).reshape([channels]);
        // The single networks have Burn's own constants.
        let BatchNormConfig { momentum, epsilon, .. } = BatchNormConfig::new(channels);
        let options = BatchNormOptions { epsilon, relu };
        let Normalised { output, mean, variance } = batch_norm(x, vector("gamma"), vector("beta"), residual, options);
        for (part, of_batch) in [("running_mean", mean), ("running_var", variance)] {
            let name = format!("{name}.{part}");
            let of_batch = of_batch.inner().reshape([m, channels / m]);
            let running = self.stack.leaf(&name).value.clone() * (1.0 - momentum) + of_batch * momentum;
            self.statistics.push((name, running));
        }
        output
    }

    fn parameter(&self, name: &str) -> Tensor<2> {
        self.tracked.get(name).cloned().unwrap_or_else(|| panic!("{name} is not learned"))
    }
}
