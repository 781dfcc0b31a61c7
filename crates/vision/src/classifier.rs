//! What the training loop and the evaluation ask of a network.

use crate::error::VisionError;
use crate::mlp::MlpConfig;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use tenfold_core_tensor::image::ImageShape;

/// What a classifier says about a batch of n inputs.
#[derive(Clone, Debug)]
pub struct Output {
    /// Unnormalised log-probabilities, `[n, classes]`.
    pub logits: Tensor<2>,
    /// The penultimate features, `[n, e]`: what the last linear layer reads.
    pub embedding: Tensor<2>,
}

/// A network that [`train`](crate::train()) can train and [`evaluate`](crate::evaluate()) can read: ours, or any Burn module.
///
/// ```
/// use burn::nn;
/// use burn::module::Module;
/// use burn::tensor::{Device, Tensor};
/// use tenfold_vision::{Classifier, Output, parameter_count};
///
/// #[derive(Module, Debug)]
/// struct Linear {
///     layer: nn::Linear,
/// }
///
/// impl Classifier for Linear {
///     fn forward(&self, x: Tensor<4>) -> Output {
///         let embedding = x.flatten(1, 3);
///         Output { logits: self.layer.forward(embedding.clone()), embedding }
///     }
///     fn classes(&self) -> usize {
///         self.layer.weight.dims()[1]
///     }
/// }
///
/// let net = Linear { layer: nn::LinearConfig::new(4, 3).init(&Device::flex()) };
/// assert_eq!(net.classes(), 3);
/// assert_eq!(parameter_count(&net), 15);
/// ```
pub trait Classifier: Module {
    /// Logits and embedding of a batch `[n, C, H, W]`.
    fn forward(&self, x: Tensor<4>) -> Output;

    /// The number of classes, K.
    fn classes(&self) -> usize;

    /// Whether the network can read images of this shape. The default believes so; a network that would panic should
    /// say no here.
    ///
    /// # Errors
    /// [`VisionError::Shape`] with the shape it can read.
    fn accepts(&self, image: ImageShape) -> Result<(), VisionError> {
        let _ = image;
        Ok(())
    }

    /// The sizes, if the network is a multi-layer perceptron with ReLU between its layers, whose parameters are called
    /// `hidden.L.weight` `[inputs, outputs]` and `hidden.L.bias`, and `output.weight` and `output.bias`, with one name for all
    /// before them or none. Such a network is trained without a graph on the CPU. The default says that it is none.
    fn perceptron(&self) -> Option<MlpConfig> {
        None
    }

    /// What the network is, for the record: kept in checkpoints, and compared when a run is resumed. The names and
    /// shapes of the parameters are compared in any case, so that the default, null, is safe.
    fn describe(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// How many numbers training may change. Running statistics of batch normalisation and frozen parameters do not count.
pub fn parameter_count(model: &impl Module) -> usize {
    struct Counter(usize);
    impl ModuleVisitor for Counter {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.val().is_require_grad() {
                self.0 += param.lazy_shape().num_elements();
            }
        }
    }
    let mut counter = Counter(0);
    model.clone().train().visit(&mut counter);
    counter.0
}
