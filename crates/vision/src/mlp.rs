//! Multi-layer perceptron: linear layers with ReLU between them.

use crate::classifier::Output;
use crate::error::{VisionError, require};
use crate::initialise::Initialiser;
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;

/// Sizes of a multi-layer perceptron: `h_0 = flatten(x)`, `h_{l+1} = relu(h_l W_l + b_l)`, `logits = h_L W_L + b_L`.
///
/// No hidden layer makes it multinomial logistic regression.
///
/// ```
/// use burn::tensor::Device;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_vision::{MlpConfig, parameter_count};
///
/// let net = MlpConfig::new(784, &[128], 10).init(Seed::new(7), &Device::flex()).unwrap();
/// assert_eq!(parameter_count(&net), 784 * 128 + 128 + 128 * 10 + 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// Numbers per input, C * H * W.
    pub input: usize,
    /// Units of each hidden layer, first to last.
    pub hidden: Vec<usize>,
    /// Classes, K.
    pub classes: usize,
}

/// The network that [`MlpConfig`] describes. The embedding is the last hidden layer after its ReLU.
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Vec<Linear>,
    output: Linear,
    #[module(skip)]
    config: MlpConfig,
}

impl MlpConfig {
    /// Input size, hidden sizes, classes.
    pub fn new(input: usize, hidden: &[usize], classes: usize) -> Self {
        Self { input, hidden: hidden.to_vec(), classes }
    }

    /// Checks every size.
    ///
    /// # Errors
    /// [`VisionError::Setting`] for a layer without units or fewer than two classes.
    pub fn validate(&self) -> Result<(), VisionError> {
        require(self.input >= 1, "input", self.input, "must be at least 1")?;
        require(self.hidden.iter().all(|&h| h >= 1), "hidden", format!("{:?}", self.hidden), "no layer may be empty")?;
        require(self.classes >= 2, "classes", self.classes, "must be at least 2")
    }

    /// A network with fresh weights: same seed, same weights, on every device.
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate).
    pub fn init(&self, seed: Seed, device: &Device) -> Result<Mlp, VisionError> {
        self.validate()?;
        let mut init = Initialiser::new(seed, device);
        let mut inputs = self.input;
        let mut hidden = Vec::with_capacity(self.hidden.len());
        for &units in &self.hidden {
            hidden.push(init.hidden_linear(inputs, units));
            inputs = units;
        }
        Ok(Mlp { hidden, output: init.output_linear(inputs, self.classes), config: self.clone() })
    }
}

impl Mlp {
    /// Its sizes.
    pub fn config(&self) -> &MlpConfig {
        &self.config
    }

    /// Logits and embedding of `[n, C, H, W]`.
    pub fn forward(&self, x: Tensor<4>) -> Output {
        let mut embedding: Tensor<2> = x.flatten(1, 3);
        for layer in &self.hidden {
            embedding = relu(layer.forward(embedding));
        }
        Output { logits: self.output.forward(embedding.clone()), embedding }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_names_its_field() {
        for (config, field) in [
            (MlpConfig::new(0, &[4], 2), "input"),
            (MlpConfig::new(3, &[4, 0], 2), "hidden"),
            (MlpConfig::new(3, &[4], 1), "classes"),
        ] {
            let error = config.init(Seed::new(0), &Device::flex()).unwrap_err();
            assert!(matches!(error, VisionError::Setting { field: f, .. } if f == field), "{error}");
        }
    }
}
