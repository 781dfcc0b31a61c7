//! Multi-layer perceptron: linear layers with ReLU between them.

use crate::classifier::Output;
use crate::error::{VisionError, require};
use crate::initialise::Initialiser;
use crate::layers;
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::ops::tensor::Activation;
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
            embedding = layers::linear(layer, embedding, Activation::Relu);
        }
        Output { logits: layers::linear(&self.output, embedding.clone(), Activation::Identity), embedding }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{BatchTargets, Objective};
    use crate::params::TrainConfig;
    use crate::weights::to_host;
    use burn::tensor::TensorData;
    use tenfold_core_tensor::ops::tensor::soft_cross_entropy;

    /// A network 3-4-2 in double precision: the loss of a batch as a function of its 26 parameters, in the order
    /// W_0, b_0, W_1, b_1.
    fn reference_loss(p: &[f64], x: &[f64], t: &[f64]) -> f64 {
        let mut loss = 0.0;
        for (x, t) in x.chunks_exact(3).zip(t.chunks_exact(2)) {
            let h: Vec<f64> = (0..4).map(|j| (0..3).map(|i| x[i] * p[4 * i + j]).sum::<f64>() + p[12 + j]).collect();
            let z: Vec<f64> =
                (0..2).map(|k| (0..4).map(|j| h[j].max(0.0) * p[16 + 2 * j + k]).sum::<f64>() + p[24 + k]).collect();
            let log_sum = z.iter().map(|z| z.exp()).sum::<f64>().ln();
            loss += t.iter().zip(&z).map(|(t, z)| t * (log_sum - z)).sum::<f64>();
        }
        loss
    }

    #[test]
    fn gradients_are_those_of_finite_differences_and_of_autodiff() {
        let device = Device::flex().autodiff();
        let net = MlpConfig::new(3, &[4], 2).init(Seed::new(2), &device).unwrap();
        let x = [0.5_f32, -1.0, 2.0, 1.5, 0.25, -0.5, -2.0, 1.0, 0.75];
        // Weights 1, 0.5 and 1.5 over a batch of three.
        let rows = vec![0.3_f32, 0.0333, 0.0, 0.1667, 0.2, 0.3];
        let scales = rows.chunks_exact(2).map(|t| t[0] + t[1]).collect();
        let targets = BatchTargets { rows: rows.clone(), scales: Some(scales), labels: vec![0, 1, 1] };
        let logits = || net.forward(Tensor::from_data(TensorData::new(x.to_vec(), [3, 3, 1, 1]), &device)).logits;
        let parameters = [&net.hidden[0], &net.output];
        let flat = |of: &dyn Fn(&Linear) -> (Tensor<2>, Tensor<1>)| -> Vec<f64> {
            let both = parameters.iter().flat_map(|l| {
                let (weight, bias) = of(l);
                [to_host(weight), to_host(bias)].concat()
            });
            both.map(f64::from).collect()
        };
        let bias = |l: &Linear| l.bias.as_ref().map(|b| b.val()).unwrap();
        let gradients_of =
            |g: burn::tensor::Gradients| flat(&|l| (l.weight.val().grad(&g).unwrap(), bias(l).grad(&g).unwrap()));
        let found = gradients_of(Objective::of(&TrainConfig::default()).backward(logits(), &targets));

        let wanted = Tensor::<2>::from_data(TensorData::new(rows.clone(), [3, 2]), &device);
        let recorded = gradients_of(soft_cross_entropy(logits(), wanted).unwrap().sum().backward());

        let p = flat(&|l| (l.weight.val(), bias(l)));
        let (x, t) = (x.map(f64::from), rows.iter().map(|&t| f64::from(t)).collect::<Vec<_>>());
        let h = 1e-5;
        for i in 0..p.len() {
            let moved = |by: f64| {
                let mut p = p.clone();
                p[i] += by;
                reference_loss(&p, &x, &t)
            };
            let expected = (moved(h) - moved(-h)) / (2.0 * h);
            // Single precision over a few dozen products of size one; h^2 for the differences.
            let tolerance = 32.0 * f64::from(f32::EPSILON) + 1e-8;
            assert!((found[i] - expected).abs() < tolerance, "parameter {i}: {} != {expected}", found[i]);
            assert!((recorded[i] - found[i]).abs() < tolerance, "parameter {i}: {} != {}", recorded[i], found[i]);
        }
        assert_eq!(found.len(), 26);
        assert!(found.iter().filter(|g| g.abs() > 1e-3).count() > 13, "too many dead gradients to test anything");
    }

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
