//! The networks of this crate as one type, saved with the description that rebuilds them.

use crate::architecture::Architecture;
use crate::classifier::{Classifier, Output};
use crate::container;
use crate::convnet::ConvNet;
use crate::error::VisionError;
use crate::mlp::{Mlp, MlpConfig};
use crate::resnet::ResNet;
use crate::weights::Weights;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use std::path::Path;
use tenfold_core_tensor::image::ImageShape;
use tenfold_core_tensor::seed::Seed;

/// A network of this crate.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_vision::{Architecture, Classifier, MlpConfig, Model};
///
/// let device = Device::flex();
/// let net = Architecture::from(MlpConfig::new(4, &[8], 3)).init(Seed::new(7), &device).unwrap();
/// let out = net.forward(Tensor::zeros([5, 1, 2, 2], &device));
/// assert_eq!((out.logits.dims(), out.embedding.dims()), ([5, 3], [5, 8]));
///
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("net.safetensors");
/// net.save(&path).unwrap();
/// assert_eq!(Model::load(&path, &device).unwrap().architecture(), net.architecture());
/// ```
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "one value per network, next to megabytes of weights")]
pub enum Model {
    /// Multi-layer perceptron.
    Mlp(Mlp),
    /// Small convolutional network.
    ConvNet(ConvNet),
    /// Residual network for small images.
    ResNet(ResNet),
}

/// The word that opens the record of a saved model.
const KIND: &str = "tenfold-model";

impl Model {
    /// The description that rebuilds this network, without its weights.
    pub fn architecture(&self) -> Architecture {
        match self {
            Self::Mlp(net) => net.config().clone().into(),
            Self::ConvNet(net) => net.config().clone().into(),
            Self::ResNet(net) => net.config().clone().into(),
        }
    }

    /// Writes architecture, weights and running statistics to one safetensors file, whole or not at all.
    ///
    /// # Errors
    /// [`VisionError::File`] if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), VisionError> {
        container::write(path.as_ref(), KIND, &self.architecture(), Weights::capture(self).into_tensors())
    }

    /// Rebuilds a network that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`VisionError::File`] if the file cannot be read, [`VisionError::Checkpoint`] if it is damaged, of another kind
    /// or version, or its tensors are not those of its architecture.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, VisionError> {
        let path = path.as_ref();
        let (architecture, tensors) = container::read::<Architecture>(path, KIND)?;
        let damaged = |e: VisionError| container::damaged(path, "architecture", e);
        let blank = architecture.init(Seed::new(0), device).map_err(damaged)?;
        Weights::from_tensors(tensors).restore(blank, path)
    }
}

impl Classifier for Model {
    fn forward(&self, x: Tensor<4>) -> Output {
        match self {
            Self::Mlp(net) => net.forward(x),
            Self::ConvNet(net) => net.forward(x),
            Self::ResNet(net) => net.forward(x),
        }
    }

    fn classes(&self) -> usize {
        self.architecture().classes()
    }

    fn accepts(&self, image: ImageShape) -> Result<(), VisionError> {
        self.architecture().accepts(image)
    }

    fn perceptron(&self) -> Option<MlpConfig> {
        match self {
            Self::Mlp(net) => Some(net.config().clone()),
            Self::ConvNet(_) | Self::ResNet(_) => None,
        }
    }

    fn describe(&self) -> serde_json::Value {
        serde_json::to_value(self.architecture()).unwrap_or_default()
    }
}
