//! A small convolutional network: convolution, normalisation, ReLU and pooling, a few times over.

use crate::classifier::Output;
use crate::error::{VisionError, require};
use crate::initialise::Initialiser;
use crate::layers;
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::image::ImageShape;
use tenfold_core_tensor::ops::tensor::{Activation, Pool2dOptions, max_pool2d, mean_over_pixels};
use tenfold_core_tensor::seed::Seed;

/// Sizes of a small convolutional network.
///
/// Block b has `width * 2^b` channels: 3x3 convolution, batch normalisation, ReLU, 2x2 max-pooling (odd sizes lose
/// their last row or column). The embedding is the mean over the remaining pixels, `[n, width * 2^(blocks - 1)]`.
///
/// ```
/// use burn::tensor::Device;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_vision::{ConvNetConfig, ImageShape, parameter_count};
///
/// let config = ConvNetConfig::new(ImageShape::new(1, 28, 28), 10).with_width(8).with_blocks(2);
/// let net = config.init(Seed::new(7), &Device::flex()).unwrap();
/// let first = 9 * 1 * 8 + 2 * 8;
/// let second = 9 * 8 * 16 + 2 * 16;
/// assert_eq!(parameter_count(&net), first + second + 16 * 10 + 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvNetConfig {
    /// Shape of an input.
    pub image: ImageShape,
    /// Channels of the first block.
    pub width: usize,
    /// How many blocks. Each halves height and width, of which at least one pixel must remain.
    pub blocks: usize,
    /// Classes, K.
    pub classes: usize,
}

/// The network that [`ConvNetConfig`] describes.
#[derive(Module, Debug)]
pub struct ConvNet {
    blocks: Vec<ConvBlock>,
    output: Linear,
    #[module(skip)]
    config: ConvNetConfig,
}

#[derive(Module, Debug)]
struct ConvBlock {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvNetConfig {
    /// Defaults: width 16, as many blocks as the image can halve, at most 3.
    pub fn new(image: ImageShape, classes: usize) -> Self {
        let halvings = image.height.min(image.width).checked_ilog2().unwrap_or(0) as usize;
        Self { image, width: 16, blocks: halvings.clamp(1, 3), classes }
    }

    /// Sets the channels of the first block.
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// Sets the number of blocks.
    pub fn with_blocks(mut self, blocks: usize) -> Self {
        self.blocks = blocks;
        self
    }

    /// Checks every size.
    ///
    /// # Errors
    /// [`VisionError::Setting`] for an empty image, no width, no block or more blocks than the image can halve, or
    /// fewer than two classes.
    pub fn validate(&self) -> Result<(), VisionError> {
        crate::inputs::validate_image(self.image)?;
        let smaller = self.image.height.min(self.image.width);
        require(self.width >= 1, "width", self.width, "must be at least 1")?;
        require(
            self.blocks >= 1 && self.blocks <= smaller.ilog2() as usize,
            "blocks",
            self.blocks,
            "must be at least 1, and each block halves the image, of which a pixel must remain",
        )?;
        require(self.classes >= 2, "classes", self.classes, "must be at least 2")
    }

    /// A network with fresh weights: same seed, same weights, on every device.
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate).
    pub fn init(&self, seed: Seed, device: &Device) -> Result<ConvNet, VisionError> {
        self.validate()?;
        let mut init = Initialiser::new(seed, device);
        let mut inputs = self.image.channels;
        let mut blocks = Vec::with_capacity(self.blocks);
        for block in 0..self.blocks {
            let channels = self.width << block;
            blocks.push(ConvBlock { conv: init.conv(inputs, channels, 3, 1), norm: init.norm(channels) });
            inputs = channels;
        }
        Ok(ConvNet { blocks, output: init.output_linear(inputs, self.classes), config: self.clone() })
    }
}

impl ConvNet {
    /// Its sizes.
    pub fn config(&self) -> &ConvNetConfig {
        &self.config
    }

    /// Logits and embedding of `[n, C, H, W]`.
    pub fn forward(&self, x: Tensor<4>) -> Output {
        let mut features = x;
        for block in &self.blocks {
            let convolved = layers::norm(&block.norm, layers::conv(&block.conv, features), None, true);
            features = max_pool2d(convolved, Pool2dOptions::new(2));
        }
        let embedding = mean_over_pixels(features);
        Output { logits: layers::linear(&self.output, embedding.clone(), Activation::Identity), embedding }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_names_its_field() {
        let good = ConvNetConfig::new(ImageShape::new(1, 8, 9), 2);
        good.validate().unwrap();
        assert_eq!(good.blocks, 3);
        for (config, field) in [
            (ConvNetConfig { image: ImageShape::new(1, 0, 9), ..good.clone() }, "image"),
            (good.clone().with_width(0), "width"),
            (good.clone().with_blocks(0), "blocks"),
            (good.clone().with_blocks(4), "blocks"),
            (ConvNetConfig { classes: 1, ..good.clone() }, "classes"),
        ] {
            let error = config.init(Seed::new(0), &Device::flex()).unwrap_err();
            assert!(matches!(error, VisionError::Setting { field: f, .. } if f == field), "{error}");
        }
    }
}
