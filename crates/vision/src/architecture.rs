//! Which network: a description that serialises, and builds the network it describes.

use crate::convnet::ConvNetConfig;
use crate::error::VisionError;
use crate::mlp::MlpConfig;
use crate::model::Model;
use crate::resnet::ResNetConfig;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::image::ImageShape;
use tenfold_core_tensor::seed::Seed;

/// One of the networks of this crate, by its sizes.
///
/// ```
/// use tenfold_vision::{Architecture, ImageShape, MlpConfig, ResNetConfig};
///
/// let small: Architecture = MlpConfig::new(784, &[64], 10).into();
/// let json = serde_json::to_string(&small).unwrap();
/// assert_eq!(json, r#"{"kind":"mlp","input":784,"hidden":[64],"classes":10}"#);
/// assert_eq!(serde_json::from_str::<Architecture>(&json).unwrap(), small);
///
/// let large: Architecture = ResNetConfig::new(56, ImageShape::new(3, 32, 32), 100).into();
/// assert_eq!(large.classes(), 100);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Architecture {
    /// Multi-layer perceptron.
    #[serde(rename = "mlp")]
    Mlp(MlpConfig),
    /// Small convolutional network.
    #[serde(rename = "convnet")]
    ConvNet(ConvNetConfig),
    /// Residual network for small images.
    #[serde(rename = "resnet")]
    ResNet(ResNetConfig),
}

impl Architecture {
    /// Checks every size.
    ///
    /// # Errors
    /// [`VisionError::Setting`] with the field, its value and the rule it breaks.
    pub fn validate(&self) -> Result<(), VisionError> {
        match self {
            Self::Mlp(config) => config.validate(),
            Self::ConvNet(config) => config.validate(),
            Self::ResNet(config) => config.validate(),
        }
    }

    /// A network with fresh weights: same seed, same weights, on every device.
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate).
    pub fn init(&self, seed: Seed, device: &Device) -> Result<Model, VisionError> {
        Ok(match self {
            Self::Mlp(config) => Model::Mlp(config.init(seed, device)?),
            Self::ConvNet(config) => Model::ConvNet(config.init(seed, device)?),
            Self::ResNet(config) => Model::ResNet(config.init(seed, device)?),
        })
    }

    /// Whether the network can read images of this shape.
    ///
    /// # Errors
    /// [`VisionError::Shape`] with the shape it can read.
    pub fn accepts(&self, image: ImageShape) -> Result<(), VisionError> {
        let (expected, found) = match self {
            Self::Mlp(config) => (vec![config.input], vec![image.features()]),
            Self::ConvNet(config) => (config.image.dims().to_vec(), image.dims().to_vec()),
            Self::ResNet(config) => (config.image.dims().to_vec(), image.dims().to_vec()),
        };
        match expected == found {
            true => Ok(()),
            false => Err(VisionError::Shape { what: "input of the network", expected, found }),
        }
    }

    /// The number of classes, K.
    pub fn classes(&self) -> usize {
        match self {
            Self::Mlp(config) => config.classes,
            Self::ConvNet(config) => config.classes,
            Self::ResNet(config) => config.classes,
        }
    }
}

impl From<MlpConfig> for Architecture {
    fn from(config: MlpConfig) -> Self {
        Self::Mlp(config)
    }
}

impl From<ConvNetConfig> for Architecture {
    fn from(config: ConvNetConfig) -> Self {
        Self::ConvNet(config)
    }
}

impl From<ResNetConfig> for Architecture {
    fn from(config: ResNetConfig) -> Self {
        Self::ResNet(config)
    }
}
