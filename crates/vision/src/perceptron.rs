//! A perceptron trained by kernels: the same draws as tensors would read, and to rounding the same weights.

use crate::classifier::{Classifier, parameter_count};
use crate::container::{Tensors, Values, damaged};
use crate::engine::Step;
use crate::error::VisionError;
use crate::inputs::Inputs;
use crate::loss::{BatchTargets, Ledger, Objective};
use crate::mlp::MlpConfig;
use crate::optimiser::averages;
use crate::params::{Criterion, OptimiserConfig, TrainConfig};
use crate::weights::Weights;
use burn::tensor::Device;
use ndarray::Array2;
use std::path::Path;
use tenfold_core_tensor::device::is_cpu;
use tenfold_kernels::optimiser::{AdamW, Sgd};
use tenfold_kernels::perceptron::{self as kernels, Loss, Optimiser, Wanted};

/// A network in training, with its batch.
pub(crate) struct Perceptron {
    net: kernels::Perceptron,
    sizes: MlpConfig,
    /// What stands before the names of its parameters.
    prefix: String,
    optimiser: OptimiserConfig,
    weight_decay: f64,
    limit: Option<f64>,
    /// Rows that there is room for.
    room: usize,
    /// Steps taken.
    steps: u64,
    targets: BatchTargets,
    scales: Vec<f32>,
    /// One augmented input.
    input: Vec<f32>,
}

impl Perceptron {
    /// Takes a network up, if it is a perceptron on the CPU that may change in all its parameters.
    pub(crate) fn of<C: Classifier>(model: &C, device: &Device, config: &TrainConfig) -> Option<Self> {
        let sizes = model.perceptron().filter(|_| is_cpu(device))?;
        let mut widths = vec![sizes.input];
        widths.extend(&sizes.hidden);
        widths.push(sizes.classes);
        let parameters: usize = widths.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum();
        if parameter_count(model) != parameters {
            return None;
        }
        let weights = Weights::capture(model).into_tensors();
        let prefix = weights.keys().find_map(|name| name.strip_suffix("output.weight"))?.to_string();
        let mut net = Self {
            net: kernels::Perceptron::new(&widths, config.batch_size),
            sizes,
            prefix,
            optimiser: config.optimiser.clone(),
            weight_decay: config.weight_decay,
            limit: config.max_gradient_norm,
            room: config.batch_size,
            steps: 0,
            targets: BatchTargets::default(),
            scales: Vec::new(),
            input: Vec::new(),
        };
        net.take(&weights).then_some(net)
    }

    /// The names and shapes of a layer's weights and biases.
    fn names(&self, layer: usize) -> [(String, Vec<usize>); 2] {
        let MlpConfig { input, hidden, classes } = &self.sizes;
        let inputs = if layer == 0 { *input } else { hidden[layer - 1] };
        let outputs = hidden.get(layer).copied().unwrap_or(*classes);
        let name = if layer < hidden.len() { format!("hidden.{layer}") } else { "output".to_string() };
        let full = |what: &str| format!("{}{name}.{what}", self.prefix);
        [(full("weight"), vec![inputs, outputs]), (full("bias"), vec![outputs])]
    }

    /// Sets the weights; whether all were there.
    fn take(&mut self, tensors: &Tensors) -> bool {
        (0..self.net.depth()).all(|layer| {
            let [weights, bias] =
                self.names(layer).map(|(name, shape)| tensors.get(&name).filter(|t| t.shape == shape));
            let both = weights.zip(bias);
            both.map(|(weights, bias)| self.net.set_layer(layer, &weights.values, &bias.values)).is_some()
        })
    }

    /// Takes a step.
    pub(crate) fn step(&mut self, step: Step, ledger: &mut Ledger) -> Result<(), VisionError> {
        self.steps += 1;
        let b = step.places.len();
        step.put_targets(self.sizes.classes, &mut self.targets);
        self.scales.clear();
        self.scales.extend((0..b).map(|row| self.targets.scale(row)));
        self.net.begin(b);
        for (row, place) in step.places.clone().enumerate() {
            if let Some(input) = step.pass.unchanged(place) {
                self.net.set_input(row, input);
            } else {
                self.input.clear();
                step.pass.push(place, &mut self.input);
                self.net.set_input(row, &self.input);
            }
        }
        let Objective { criterion, temperature, offsets, own } = step.objective;
        let loss = match (own, criterion) {
            (Some(own), _) => Loss::Rows(&**own),
            (None, Criterion::CrossEntropy) => Loss::CrossEntropy { temperature: *temperature as f32, offsets },
            (None, Criterion::Squared) => Loss::Squared,
        };
        let wanted = Wanted { targets: &self.targets.rows, scales: &self.scales, labels: &self.targets.labels };
        let optimiser = self.optimiser(step.at.learning_rate);
        let shown = self.net.step(loss, wanted, optimiser, self.limit);
        ledger.add(b, shown.loss, shown.correct, step.at)
    }

    fn optimiser(&self, learning_rate: f64) -> Optimiser {
        let weight_decay = self.weight_decay;
        match self.optimiser {
            OptimiserConfig::Sgd { momentum, nesterov } => {
                let [learning_rate, momentum, weight_decay] = [learning_rate, momentum, weight_decay].map(|x| x as f32);
                Optimiser::Sgd(Sgd { learning_rate, momentum, nesterov, weight_decay })
            }
            OptimiserConfig::AdamW { beta1, beta2, epsilon } => {
                Optimiser::AdamW(AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, step: self.steps })
            }
        }
    }

    /// What it says of inputs, a batch's room at a time.
    pub(crate) fn logits(&mut self, inputs: &Inputs) -> Array2<f32> {
        let n = inputs.len();
        let mut logits = Vec::with_capacity(n * self.sizes.classes);
        for start in (0..n).step_by(self.room) {
            let rows = start..(start + self.room).min(n);
            self.net.begin(rows.len());
            rows.enumerate().for_each(|(row, i)| self.net.set_input(row, inputs.row(i)));
            self.net.forward();
            self.net.logits(&mut logits);
        }
        Array2::from_shape_vec((n, self.sizes.classes), logits).expect("a row for each input")
    }

    /// A copy of its weights, as a module has them.
    pub(crate) fn weights(&self) -> Weights {
        let mut tensors = Tensors::new();
        for layer in 0..self.net.depth() {
            let (weights, bias) = self.net.layer(layer);
            for ((name, shape), values) in self.names(layer).into_iter().zip([weights, bias]) {
                tensors.insert(name, Values { shape, values });
            }
        }
        Weights::from_tensors(tensors)
    }

    /// Steps taken, and the averages by name, as [`Optimiser::capture`](crate::optimiser::Optimiser::capture) has them.
    pub(crate) fn capture(&self) -> (u64, Tensors) {
        let mut tensors = Tensors::new();
        for layer in 0..self.net.depth() {
            for (key, (weights, bias)) in averages(&self.optimiser).iter().zip(self.net.averages(layer)) {
                for ((name, _), values) in self.names(layer).into_iter().zip([weights, bias]) {
                    tensors.insert(format!("{key}/{name}"), Values { shape: vec![values.len()], values });
                }
            }
        }
        (self.steps, tensors)
    }

    /// Puts the state of a checkpoint back. `path` is for the error.
    pub(crate) fn restore(
        &mut self,
        weights: Weights,
        steps: u64,
        mut state: Tensors,
        path: &Path,
    ) -> Result<(), VisionError> {
        self.take(&weights.into_tensors());
        let keys = averages(&self.optimiser);
        let mut layers = Vec::new();
        for layer in 0..self.net.depth() {
            let mut kept = Vec::new();
            for key in keys {
                let [weights, bias] = self.names(layer).map(|(name, shape)| {
                    let name = format!("{key}/{name}");
                    match state.remove(&name) {
                        Some(found) if found.values.len() == shape.iter().product::<usize>() => Ok(Some(found.values)),
                        None if steps == 0 => Ok(None),
                        Some(Values { values, .. }) => {
                            let rule = format!("has {} numbers, the parameter has shape {shape:?}", values.len());
                            Err(damaged(path, name, rule))
                        }
                        None => Err(damaged(path, name, "is missing from the optimiser's state")),
                    }
                });
                kept.extend(weights?.zip(bias?));
            }
            layers.push(kept);
        }
        if let Some(name) = state.into_keys().next() {
            return Err(damaged(path, name, "the model has no such parameter"));
        }
        layers.iter().enumerate().for_each(|(layer, kept)| self.net.set_averages(layer, kept));
        self.steps = steps;
        Ok(())
    }
}
