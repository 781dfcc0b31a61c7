//! Residual networks for small images: the CIFAR family of He et al. 2016, section 4.2.

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
use tenfold_core_tensor::ops::tensor::{Activation, mean_over_pixels, subsample};
use tenfold_core_tensor::seed::Seed;

/// What runs beside a block that halves the image and doubles the channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shortcut {
    /// Option A: every second pixel, with zeros for the new channels, half of them before and half after. It has no
    /// parameters and is what the paper uses on CIFAR.
    #[default]
    Subsample,
    /// Option B: a 1x1 convolution with stride 2, then batch normalisation.
    Projection,
}

/// A residual network of depth 6n + 2: a 3x3 convolution, three stages of n blocks of two 3x3 convolutions with 16,
/// 32 and 64 channels (times the width) on the full, half and quarter image, mean over the pixels, linear layer.
///
/// Each block is `relu(x + norm(conv(relu(norm(conv(x))))))`, batch-normalised. Any image size and channel count will
/// do: halving rounds up. The embedding is `[n, 64 * width]`.
///
/// ```
/// use burn::tensor::Device;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_vision::{ImageShape, ResNetConfig, Shortcut, parameter_count};
///
/// let config = ResNetConfig::new(20, ImageShape::new(3, 32, 32), 10);
/// let count = |c: &ResNetConfig| parameter_count(&c.init(Seed::new(7), &Device::flex()).unwrap());
/// assert_eq!(count(&config), 269_722);
/// assert_eq!(count(&config.with_shortcut(Shortcut::Projection)), 272_474);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResNetConfig {
    /// Layers with weights on the longest path: one of [`ResNetConfig::DEPTHS`].
    pub depth: usize,
    /// Multiplies the channels of every stage. Default 1.
    #[serde(default = "one")]
    pub width: f64,
    /// Shape of an input.
    pub image: ImageShape,
    /// What runs beside the two blocks that change shape. Default [`Shortcut::Subsample`].
    #[serde(default)]
    pub shortcut: Shortcut,
    /// Classes, K.
    pub classes: usize,
}

fn one() -> f64 {
    1.0
}

/// The network that [`ResNetConfig`] describes.
#[derive(Module, Debug)]
pub struct ResNet {
    stem: Conv2d,
    stem_norm: BatchNorm,
    blocks: Vec<Block>,
    output: Linear,
    #[module(skip)]
    config: ResNetConfig,
}

#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
    projection: Option<Projection>,
    stride: usize,
}

#[derive(Module, Debug)]
struct Projection {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ResNetConfig {
    /// The depths of the family, 6n + 2 for n = 1, 2, 3, 5, 7, 9, 18.
    pub const DEPTHS: [usize; 7] = [8, 14, 20, 32, 44, 56, 110];

    /// Width 1, shortcuts without parameters.
    pub fn new(depth: usize, image: ImageShape, classes: usize) -> Self {
        Self { depth, width: 1.0, image, shortcut: Shortcut::default(), classes }
    }

    /// Sets the multiplier of all channels.
    pub fn with_width(mut self, width: f64) -> Self {
        self.width = width;
        self
    }

    /// Sets what runs beside the blocks that change shape.
    pub fn with_shortcut(mut self, shortcut: Shortcut) -> Self {
        self.shortcut = shortcut;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`VisionError::Setting`] for a depth outside the family, a width for which 16 * width is not a whole number
    /// from 1 to 65,536, an empty image, or fewer than two classes.
    pub fn validate(&self) -> Result<(), VisionError> {
        let depths = "must be one of 8, 14, 20, 32, 44, 56, 110";
        require(Self::DEPTHS.contains(&self.depth), "depth", self.depth, depths)?;
        let channels = 16.0 * self.width;
        require(
            channels.fract() == 0.0 && (1.0..=65_536.0).contains(&channels),
            "width",
            self.width,
            "16 * width must be a whole number from 1 to 65536",
        )?;
        crate::inputs::validate_image(self.image)?;
        require(self.classes >= 2, "classes", self.classes, "must be at least 2")
    }

    /// A network with fresh weights: same seed, same weights, on every device.
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate).
    pub fn init(&self, seed: Seed, device: &Device) -> Result<ResNet, VisionError> {
        self.validate()?;
        let mut init = Initialiser::new(seed, device);
        let base = (16.0 * self.width) as usize;
        let stem = init.conv(self.image.channels, base, 3, 1);
        let stem_norm = init.norm(base);
        let mut blocks = Vec::new();
        let mut inputs = base;
        let mut outputs = base;
        for stride in self.strides() {
            outputs *= stride;
            blocks.push(Block::new(&mut init, inputs, outputs, stride, self.shortcut));
            inputs = outputs;
        }
        let output = init.output_linear(inputs, self.classes);
        Ok(ResNet { stem, stem_norm, blocks, output, config: self.clone() })
    }
}

impl ResNetConfig {
    /// The stride of each block: the first of the second and third stage halves the image and doubles the channels.
    pub(crate) fn strides(&self) -> impl Iterator<Item = usize> {
        let blocks = (self.depth - 2) / 6;
        (0..3 * blocks).map(move |block| if block > 0 && block.is_multiple_of(blocks) { 2 } else { 1 })
    }
}

impl ResNet {
    /// Its sizes.
    pub fn config(&self) -> &ResNetConfig {
        &self.config
    }

    /// Logits and embedding of `[n, C, H, W]`.
    pub fn forward(&self, x: Tensor<4>) -> Output {
        let mut features = layers::norm(&self.stem_norm, layers::conv(&self.stem, x), None, true);
        for block in &self.blocks {
            features = block.forward(features);
        }
        let embedding = mean_over_pixels(features);
        Output { logits: layers::linear(&self.output, embedding.clone(), Activation::Identity), embedding }
    }
}

impl Block {
    fn new(init: &mut Initialiser, inputs: usize, outputs: usize, stride: usize, shortcut: Shortcut) -> Self {
        let conv1 = init.conv(inputs, outputs, 3, stride);
        let conv2 = init.conv(outputs, outputs, 3, 1);
        let projected = stride > 1 && shortcut == Shortcut::Projection;
        let projection =
            projected.then(|| Projection { conv: init.conv(inputs, outputs, 1, stride), norm: init.norm(outputs) });
        Self { conv1, norm1: init.norm(outputs), conv2, norm2: init.norm(outputs), projection, stride }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = layers::norm(&self.norm1, layers::conv(&self.conv1, x.clone()), None, true);
        let inner = layers::conv(&self.conv2, inner);
        let beside = match &self.projection {
            Some(projection) => layers::norm(&projection.norm, layers::conv(&projection.conv, x), None, false),
            None if self.stride > 1 => subsample(x, self.stride, inner.dims()[1]),
            None => x,
        };
        layers::norm(&self.norm2, inner, Some(beside), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_names_its_field() {
        let good = ResNetConfig::new(8, ImageShape::new(3, 5, 4), 2).with_width(0.25);
        good.validate().unwrap();
        for (config, field) in [
            (ResNetConfig { depth: 10, ..good.clone() }, "depth"),
            (good.clone().with_width(0.3), "width"),
            (good.clone().with_width(f64::NAN), "width"),
            (good.clone().with_width(0.0), "width"),
            (ResNetConfig { image: ImageShape::new(0, 1, 1), ..good.clone() }, "image"),
            (ResNetConfig { classes: 0, ..good.clone() }, "classes"),
        ] {
            let error = config.init(Seed::new(0), &Device::flex()).unwrap_err();
            assert!(matches!(error, VisionError::Setting { field: f, .. } if f == field), "{error}");
        }
    }
}
