//! The hyper-parameters of training.

use crate::augment::Augmentation;
use crate::error::{VisionError, require};
use crate::schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a gradient becomes a step. `g` is the gradient, `p` the parameter, `eta` the learning rate of the step, `lambda`
/// the weight decay (0 for parameters of rank 0 or 1: biases, and scales and shifts of norms).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimiserConfig {
    /// Stochastic gradient descent with momentum mu: `g' = g + lambda p`, `v = mu v + g'`, `p -= eta v`, or with
    /// Nesterov's look-ahead `p -= eta (g' + mu v)`.
    Sgd {
        /// mu, from 0 to below 1.
        momentum: f64,
        /// Whether to look ahead. Needs a momentum.
        nesterov: bool,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019): `p -= eta lambda p`, `m = beta1 m + (1 - beta1) g`,
    /// `v = beta2 v + (1 - beta2) g^2`, `p -= eta (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)`.
    AdamW {
        /// Decay of the first moment, from 0 to below 1.
        beta1: f64,
        /// Decay of the second moment, from 0 to below 1.
        beta2: f64,
        /// Added to the root of the second moment, above 0.
        epsilon: f64,
    },
}

impl OptimiserConfig {
    /// SGD with Nesterov momentum 0.9.
    pub fn sgd() -> Self {
        Self::Sgd { momentum: 0.9, nesterov: true }
    }

    /// AdamW with beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8.
    pub fn adamw() -> Self {
        Self::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }

    fn validate(&self) -> Result<(), VisionError> {
        let decay = |value: f64| (0.0..1.0).contains(&value);
        let rule = "must be from 0 to below 1";
        match *self {
            Self::Sgd { momentum, nesterov } => {
                require(decay(momentum), "optimiser.momentum", momentum, rule)?;
                require(!nesterov || momentum > 0.0, "optimiser.nesterov", nesterov, "needs a momentum above 0")
            }
            Self::AdamW { beta1, beta2, epsilon } => {
                require(decay(beta1), "optimiser.beta1", beta1, rule)?;
                require(decay(beta2), "optimiser.beta2", beta2, rule)?;
                let usable = epsilon.is_finite() && epsilon > 0.0;
                require(usable, "optimiser.epsilon", epsilon, "must be finite and above 0")
            }
        }
    }
}

/// What training minimises, for logits z and a target distribution q.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// `sum_k q_k (logsumexp(z) - z_k)`.
    #[default]
    CrossEntropy,
    /// `sum_k (z_k - q_k)^2`: the outputs themselves are fitted to the target.
    Squared,
}

/// Where a run keeps what it needs to go on after a kill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpointing {
    /// One file, replaced whole.
    pub path: PathBuf,
    /// Written after every so many epochs, and after the last.
    pub every: usize,
}

/// The hyper-parameters of [`train`](crate::train()).
///
/// | field | default |
/// |---|---|
/// | `epochs` | 10 |
/// | `batch_size` | 64 |
/// | `optimiser` | SGD, Nesterov momentum 0.9 |
/// | `learning_rate` | 0.05 |
/// | `weight_decay` | 5e-4 |
/// | `schedule` | cosine to zero, no warm-up |
/// | `augmentation` | none |
/// | `label_smoothing` | 0 |
/// | `criterion` | cross-entropy |
/// | `temperature` | 1 |
/// | `max_gradient_norm` | none |
/// | `checkpoint` | none |
///
/// ```
/// use tenfold_vision::{OptimiserConfig, Schedule, TrainConfig};
///
/// let config = TrainConfig::default()
///     .with_epochs(30)
///     .with_optimiser(OptimiserConfig::adamw())
///     .with_learning_rate(1e-3)
///     .with_schedule(Schedule::cosine().with_warmup(2));
/// config.validate().unwrap();
///
/// let error = config.with_batch_size(0).validate().unwrap_err();
/// assert_eq!(error.to_string(), "batch_size = 0: must be at least 1");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the data.
    pub epochs: usize,
    /// Samples per step; the last step of an epoch takes what is left.
    pub batch_size: usize,
    /// How a gradient becomes a step.
    pub optimiser: OptimiserConfig,
    /// The rate that the schedule scales, above 0.
    pub learning_rate: f64,
    /// lambda of [`OptimiserConfig`], at least 0. Biases and norms are never decayed.
    pub weight_decay: f64,
    /// How the rate moves over the run.
    pub schedule: Schedule,
    /// What happens to an image before the network sees it.
    pub augmentation: Augmentation,
    /// Target q becomes `(1 - a) q + a / K` over K classes; a from 0 to below 1.
    pub label_smoothing: f64,
    /// What is minimised.
    pub criterion: Criterion,
    /// T: the loss is `T^2` times the cross-entropy of `softmax(z / T)` to the targets, as in distillation from a teacher's
    /// outputs softened alike; above 0, and 1 with [`Criterion::Squared`].
    pub temperature: f64,
    /// If the Euclidean norm of all gradients together exceeds this, they are scaled down to it.
    pub max_gradient_norm: Option<f64>,
    /// Where to keep checkpoints.
    pub checkpoint: Option<Checkpointing>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            optimiser: OptimiserConfig::sgd(),
            learning_rate: 0.05,
            weight_decay: 5e-4,
            schedule: Schedule::cosine(),
            augmentation: Augmentation::None,
            label_smoothing: 0.0,
            criterion: Criterion::CrossEntropy,
            temperature: 1.0,
            max_gradient_norm: None,
            checkpoint: None,
        }
    }
}

impl TrainConfig {
    /// Sets the passes over the data.
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the samples per step.
    pub fn with_batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Sets how a gradient becomes a step.
    pub fn with_optimiser(mut self, optimiser: OptimiserConfig) -> Self {
        self.optimiser = optimiser;
        self
    }

    /// Sets the learning rate that the schedule scales.
    pub fn with_learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Sets the weight decay.
    pub fn with_weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Sets how the learning rate moves.
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets what happens to an image before the network sees it.
    pub fn with_augmentation(mut self, augmentation: Augmentation) -> Self {
        self.augmentation = augmentation;
        self
    }

    /// Sets the label smoothing.
    pub fn with_label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }

    /// Sets what is minimised.
    pub fn with_criterion(mut self, criterion: Criterion) -> Self {
        self.criterion = criterion;
        self
    }

    /// Sets the temperature of the loss.
    pub fn with_temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    /// Limits the norm of the gradient.
    pub fn with_max_gradient_norm(mut self, norm: f64) -> Self {
        self.max_gradient_norm = Some(norm);
        self
    }

    /// Keeps a checkpoint at `path`, written after every `every` epochs and after the last.
    pub fn with_checkpoint(mut self, path: impl Into<PathBuf>, every: usize) -> Self {
        self.checkpoint = Some(Checkpointing { path: path.into(), every });
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`VisionError::Setting`] with the field, its value and the rule it breaks.
    pub fn validate(&self) -> Result<(), VisionError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let at_least_one = "must be at least 1";
        require(self.epochs >= 1, "epochs", self.epochs, at_least_one)?;
        require(self.batch_size >= 1, "batch_size", self.batch_size, at_least_one)?;
        self.optimiser.validate()?;
        let rate = self.learning_rate;
        require(positive(rate), "learning_rate", rate, "must be finite and above 0")?;
        let decay = self.weight_decay;
        require(decay == 0.0 || positive(decay), "weight_decay", decay, "must be finite and at least 0")?;
        self.schedule.validate(self.epochs)?;
        let smoothing = self.label_smoothing;
        require((0.0..1.0).contains(&smoothing), "label_smoothing", smoothing, "must be from 0 to below 1")?;
        let temperature = self.temperature;
        require(positive(temperature), "temperature", temperature, "must be finite and above 0")?;
        let softens = temperature != 1.0 && self.criterion == Criterion::Squared;
        require(!softens, "temperature", temperature, "must be 1 with the squared criterion")?;
        if let Some(norm) = self.max_gradient_norm {
            require(positive(norm), "max_gradient_norm", norm, "must be finite and above 0")?;
        }
        if let Some(Checkpointing { every, .. }) = self.checkpoint {
            require(every >= 1, "checkpoint.every", every, at_least_one)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_names_its_field() {
        let good = TrainConfig::default();
        good.validate().unwrap();
        let sgd = |momentum, nesterov| OptimiserConfig::Sgd { momentum, nesterov };
        let adamw = |beta1, beta2, epsilon| OptimiserConfig::AdamW { beta1, beta2, epsilon };
        for (config, field) in [
            (good.clone().with_epochs(0), "epochs"),
            (good.clone().with_batch_size(0), "batch_size"),
            (good.clone().with_optimiser(sgd(1.0, false)), "optimiser.momentum"),
            (good.clone().with_optimiser(sgd(0.0, true)), "optimiser.nesterov"),
            (good.clone().with_optimiser(adamw(-0.1, 0.9, 1e-8)), "optimiser.beta1"),
            (good.clone().with_optimiser(adamw(0.9, f64::NAN, 1e-8)), "optimiser.beta2"),
            (good.clone().with_optimiser(adamw(0.9, 0.9, 0.0)), "optimiser.epsilon"),
            (good.clone().with_learning_rate(0.0), "learning_rate"),
            (good.clone().with_learning_rate(f64::INFINITY), "learning_rate"),
            (good.clone().with_weight_decay(-1.0), "weight_decay"),
            (good.clone().with_schedule(Schedule::constant().with_warmup(10)), "schedule.warmup_epochs"),
            (good.clone().with_label_smoothing(1.0), "label_smoothing"),
            (good.clone().with_temperature(0.0), "temperature"),
            (good.clone().with_criterion(Criterion::Squared).with_temperature(2.0), "temperature"),
            (good.clone().with_max_gradient_norm(0.0), "max_gradient_norm"),
            (good.clone().with_checkpoint("a", 0), "checkpoint.every"),
        ] {
            let error = config.validate().unwrap_err();
            assert!(matches!(error, VisionError::Setting { field: f, .. } if f == field), "{error}");
        }
    }

    #[test]
    fn json_round_trips_and_refuses_unknown_fields() {
        let config = TrainConfig::default().with_schedule(Schedule::step(&[3, 6], 0.1)).with_checkpoint("a/b", 2);
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&json).unwrap(), config);
        assert_eq!(serde_json::from_str::<TrainConfig>("{}").unwrap(), TrainConfig::default());
        assert!(serde_json::from_str::<TrainConfig>(r#"{"epoch": 3}"#).is_err());
    }
}
