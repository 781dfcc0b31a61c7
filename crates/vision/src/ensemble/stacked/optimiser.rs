//! Steps of a stack: the equations of [`OptimiserConfig`], with a rate and a decay for each member.

use super::stack::{Leaf, Stack};
use crate::ensemble::member::Member;
use crate::params::OptimiserConfig;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use std::collections::BTreeMap;

/// The optimiser of a stack with its state.
pub(super) struct StackOptimiser {
    /// Equal for all members, as their shape is.
    config: OptimiserConfig,
    /// One per member.
    weight_decays: Vec<f64>,
    /// `[m, 1]`, if any member limits the norm of its gradient.
    limits: Option<Tensor<2>>,
    steps: u64,
    /// The running averages of each parameter, `[velocity]` or `[first, second moment]`.
    moments: BTreeMap<String, Vec<Tensor<2>>>,
    device: Device,
}

impl StackOptimiser {
    pub(super) fn new(members: &[Member], device: &Device) -> Self {
        let limited = members.iter().any(|m| m.config.max_gradient_norm.is_some());
        // The largest number limits nothing, and unlike infinity it does not make NaN of a norm of infinity.
        let limits: Vec<f64> =
            members.iter().map(|m| m.config.max_gradient_norm.unwrap_or(f64::from(f32::MAX))).collect();
        Self {
            config: members.first().map_or_else(OptimiserConfig::sgd, |m| m.config.optimiser.clone()),
            weight_decays: members.iter().map(|m| m.config.weight_decay).collect(),
            limits: limited.then(|| column(&limits, device)),
            steps: 0,
            moments: BTreeMap::new(),
            device: device.clone(),
        }
    }

    /// Takes one step of every member.
    pub(super) fn step(
        &mut self,
        stack: &mut Stack,
        tracked: &BTreeMap<String, Tensor<2>>,
        gradients: &mut Gradients,
        learning_rates: &[f64],
    ) {
        self.steps += 1;
        let flat = tracked.iter().filter_map(|(name, leaf)| Some((name.clone(), leaf.grad_remove(gradients)?)));
        let mut flat: BTreeMap<String, Tensor<2>> = flat.collect();
        if let Some(limits) = &self.limits {
            clip(&mut flat, limits);
        }
        let none = vec![0.0; learning_rates.len()];
        let decayed = self.rates(learning_rates, &self.weight_decays);
        let undecayed = self.rates(learning_rates, &none);
        for (name, gradient) in flat {
            let Leaf { shape, value } = stack.leaf(&name);
            // Biases, and scales and shifts of norms, are vectors.
            let rates = if shape.len() > 1 { &decayed } else { &undecayed };
            let moments = self.moments.entry(name.clone()).or_default();
            let stepped = step(&self.config, rates, value.clone(), gradient, moments);
            stack.replace([(name, stepped)]);
        }
    }

    fn rates(&self, learning_rates: &[f64], weight_decays: &[f64]) -> Rates {
        let each = |f: &dyn Fn(f64, f64) -> f64| {
            let values: Vec<f64> =
                learning_rates.iter().zip(weight_decays).map(|(&rate, &decay)| f(rate, decay)).collect();
            column(&values, &self.device)
        };
        let decays = weight_decays.iter().any(|&decay| decay != 0.0);
        match self.config {
            OptimiserConfig::Sgd { .. } => {
                Rates { rate: each(&|rate, _| rate), decay: decays.then(|| each(&|_, decay| decay)), bias2: 1.0 }
            }
            OptimiserConfig::AdamW { beta1, beta2, .. } => {
                let bias = |beta: f64| 1.0 - beta.powf(self.steps as f64);
                Rates {
                    rate: each(&|rate, _| rate / bias(beta1)),
                    decay: decays.then(|| each(&|rate, decay| 1.0 - rate * decay)),
                    bias2: bias(beta2),
                }
            }
        }
    }
}

/// What [`step`] needs to know beside the parameter, a number for each member, `[m, 1]`.
struct Rates {
    /// eta; of AdamW, over `1 - beta1^t`.
    rate: Tensor<2>,
    /// lambda; of AdamW, `1 - eta lambda`. None if it would change nothing.
    decay: Option<Tensor<2>>,
    /// `1 - beta2^t` of AdamW.
    bias2: f64,
}

/// One step of one parameter `[m, size]`.
fn step(
    config: &OptimiserConfig,
    rates: &Rates,
    parameter: Tensor<2>,
    gradient: Tensor<2>,
    moments: &mut Vec<Tensor<2>>,
) -> Tensor<2> {
    match *config {
        OptimiserConfig::Sgd { momentum, nesterov } => {
            let gradient = match &rates.decay {
                None => gradient,
                Some(decay) => gradient + parameter.clone() * decay.clone(),
            };
            if momentum == 0.0 {
                return parameter - gradient * rates.rate.clone();
            }
            let velocity = match moments.pop() {
                Some(old) => old * momentum + gradient.clone(),
                None => gradient.clone(),
            };
            moments.push(velocity.clone());
            let direction = if nesterov { gradient + velocity * momentum } else { velocity };
            parameter - direction * rates.rate.clone()
        }
        OptimiserConfig::AdamW { beta1, beta2, epsilon } => {
            let parameter = match &rates.decay {
                None => parameter,
                Some(kept) => parameter * kept.clone(),
            };
            let new_first = gradient.clone() * (1.0 - beta1);
            let new_second = gradient.square() * (1.0 - beta2);
            let (second, first) = match (moments.pop(), moments.pop()) {
                (Some(second), Some(first)) => (second * beta2 + new_second, first * beta1 + new_first),
                _ => (new_second, new_first),
            };
            moments.extend([first.clone(), second.clone()]);
            let deviation = (second / rates.bias2).sqrt() + epsilon;
            parameter - first * rates.rate.clone() / deviation
        }
    }
}

/// Scales each member's gradients by `min(1, limit / norm)`, on the device.
fn clip(gradients: &mut BTreeMap<String, Tensor<2>>, limits: &Tensor<2>) {
    let squares = gradients.values().map(|g| g.clone().square().sum_dim(1));
    if let Some(sum) = squares.reduce(|a, b| a + b) {
        // A norm of zero divides to infinity, which the minimum turns into one.
        let scale = (sum.sqrt().recip() * limits.clone()).clamp_max(1.0);
        for gradient in gradients.values_mut() {
            *gradient = gradient.clone() * scale.clone();
        }
    }
}

/// One number per member, `[m, 1]`.
fn column(values: &[f64], device: &Device) -> Tensor<2> {
    let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    let members = values.len();
    Tensor::from_data(TensorData::new(values, [members, 1]), device)
}
