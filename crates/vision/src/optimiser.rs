//! Gradients to steps, over the named parameters of a module.
//!
//! Burn's optimisers would do, but two things here must be ours: which parameters are decayed, and a state that is
//! saved and restored exactly. Every parameter is stepped as a flat vector, by the operations of
//! `tenfold_core_tensor::ops::tensor`.

use crate::container::{Tensors, Values, damaged};
use crate::error::VisionError;
use crate::params::{OptimiserConfig, TrainConfig};
use crate::weights::{NamePath, to_host};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};
use std::path::Path;
use tenfold_core_tensor::ops::tensor::{AdamW, Sgd, adamw_step, sgd_step};

/// The running averages of one parameter, flat: `[velocity]` for SGD, `[first, second moment]` for AdamW, nothing
/// before the first step.
type Moments = Vec<Tensor<1>>;

/// An optimiser with its state.
pub(crate) struct Optimiser {
    config: OptimiserConfig,
    weight_decay: f64,
    max_gradient_norm: Option<f64>,
    /// Steps taken.
    steps: u64,
    /// Name and state of every float of the module, in the order of a visit.
    slots: Vec<(String, Moments)>,
}

/// What [`step`] needs to know beside the parameter.
struct Rates {
    learning_rate: f64,
    weight_decay: f64,
    /// This step's number, from one.
    number: u64,
}

impl Optimiser {
    pub(crate) fn new(model: &impl Module, config: &TrainConfig) -> Self {
        Self {
            config: config.optimiser.clone(),
            weight_decay: config.weight_decay,
            max_gradient_norm: config.max_gradient_norm,
            steps: 0,
            slots: names(model).into_iter().map(|name| (name, Moments::new())).collect(),
        }
    }

    /// Takes one step. Parameters without a gradient stay as they are.
    pub(crate) fn step<M: Module>(&mut self, model: M, gradients: Gradients, learning_rate: f64) -> M {
        self.steps += 1;
        let mut collector = Collector { gradients, flat: Vec::with_capacity(self.slots.len()) };
        model.visit(&mut collector);
        let mut flat = collector.flat;
        if let Some(limit) = self.max_gradient_norm {
            clip(&mut flat, limit);
        }
        let rates = Rates { learning_rate, weight_decay: self.weight_decay, number: self.steps };
        model.map(&mut Stepper { config: &self.config, rates, work: flat.into_iter().zip(&mut self.slots) })
    }

    /// The state for a checkpoint: steps taken, and the averages by name.
    pub(crate) fn capture(&self) -> (u64, Tensors) {
        let mut tensors = Tensors::new();
        for (name, moments) in &self.slots {
            for (moment, key) in moments.iter().zip(self.keys()) {
                let values = to_host(moment.clone());
                tensors.insert(format!("{key}/{name}"), Values { shape: vec![values.len()], values });
            }
        }
        (self.steps, tensors)
    }

    /// Puts the state of a checkpoint back, on the device of `model`. `path` is for the error.
    pub(crate) fn restore(
        &mut self,
        steps: u64,
        mut tensors: Tensors,
        model: &impl Module,
        path: &Path,
    ) -> Result<(), VisionError> {
        struct Sizes(Vec<(usize, burn::tensor::Device)>);
        impl ModuleVisitor for Sizes {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0.push((param.lazy_shape().num_elements(), param.lazy_device().without_autodiff()));
            }
        }
        let mut sizes = Sizes(Vec::new());
        model.visit(&mut sizes);
        let keys = self.keys();
        for ((name, moments), (size, device)) in self.slots.iter_mut().zip(sizes.0) {
            moments.clear();
            for key in keys {
                let name = format!("{key}/{name}");
                // Buffers and frozen parameters have no state.
                let Some(Values { values, .. }) = tensors.remove(&name) else { continue };
                if values.len() != size {
                    let rule = format!("has {} numbers, the parameter has {size}", values.len());
                    return Err(damaged(path, name, rule));
                }
                moments.push(Tensor::from_data(TensorData::new(values, [size]), &device));
            }
            if !moments.is_empty() && moments.len() != keys.len() {
                return Err(damaged(path, name.clone(), "lacks a part of its optimiser state"));
            }
        }
        self.steps = steps;
        match tensors.into_keys().next() {
            Some(name) => Err(damaged(path, name, "the model has no such parameter")),
            None => Ok(()),
        }
    }

    fn keys(&self) -> &'static [&'static str] {
        averages(&self.config)
    }
}

/// What an optimiser keeps of each parameter, as checkpoints call it.
pub(crate) fn averages(of: &OptimiserConfig) -> &'static [&'static str] {
    match of {
        OptimiserConfig::Sgd { momentum: 0.0, .. } => &[],
        OptimiserConfig::Sgd { .. } => &["velocity"],
        OptimiserConfig::AdamW { .. } => &["first-moment", "second-moment"],
    }
}

/// The names of all floats of a module, in the order of a visit.
fn names(model: &impl Module) -> Vec<String> {
    #[derive(Default)]
    struct Visitor {
        path: NamePath,
        names: Vec<String>,
    }
    impl ModuleVisitor for Visitor {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.enter(name);
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.exit();
        }
        fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
            self.names.push(self.path.name());
        }
    }
    let mut visitor = Visitor::default();
    model.visit(&mut visitor);
    visitor.names
}

/// Takes the gradient of every float out of the graph, flat, in the order of a visit.
struct Collector {
    gradients: Gradients,
    flat: Vec<Option<Tensor<1>>>,
}

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad_remove(&mut self.gradients);
        self.flat.push(gradient.map(|g| g.flatten(0, D as isize - 1)));
    }
}

/// Scales all gradients by `min(1, limit / norm)`, on the device.
fn clip(gradients: &mut [Option<Tensor<1>>], limit: f64) {
    // `sum_dim`, not `sum`: on large tensors Flex adds the latter up in an order that depends on the threads.
    let squares = gradients.iter().flatten().map(|g| g.clone().square().sum_dim(0));
    if let Some(sum) = squares.reduce(|a, b| a + b) {
        // A norm of zero divides to infinity, which the minimum turns into one.
        let scale = (sum.sqrt().recip() * limit).clamp_max(1.0);
        for gradient in gradients.iter_mut() {
            *gradient = gradient.take().map(|g| g * scale.clone());
        }
    }
}

/// Steps every float that has a gradient, in the order of a visit.
struct Stepper<'a, I: Iterator<Item = (Option<Tensor<1>>, &'a mut (String, Moments))>> {
    config: &'a OptimiserConfig,
    rates: Rates,
    work: I,
}

impl<'a, I: Iterator<Item = (Option<Tensor<1>>, &'a mut (String, Moments))>> ModuleMapper for Stepper<'a, I> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some((Some(gradient), (_, moments))) = self.work.next() else { return param };
        // Biases, and scales and shifts of norms, are vectors.
        let weight_decay = if D > 1 { self.rates.weight_decay } else { 0.0 };
        let rates = Rates { weight_decay, ..self.rates };
        let (id, value, mapper) = param.consume();
        let shape = value.dims();
        let value = value.inner().flatten(0, D as isize - 1);
        let stepped = step(self.config, rates, value, gradient, moments).reshape(shape);
        Param::from_mapped_value(id, Tensor::from_inner(stepped).require_grad(), mapper)
    }
}

/// One step of one parameter.
fn step(
    config: &OptimiserConfig,
    rates: Rates,
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    moments: &mut Moments,
) -> Tensor<1> {
    let Rates { learning_rate, weight_decay, number } = rates;
    match *config {
        OptimiserConfig::Sgd { momentum, nesterov } => {
            let [learning_rate, momentum, weight_decay] = [learning_rate, momentum, weight_decay].map(|x| x as f32);
            let sgd = Sgd { learning_rate, momentum, nesterov, weight_decay };
            let (parameter, velocity) = sgd_step(&sgd, parameter, gradient, moments.pop());
            moments.extend(velocity);
            parameter
        }
        OptimiserConfig::AdamW { beta1, beta2, epsilon } => {
            let adamw = AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, step: number };
            let old = <[Tensor<1>; 2]>::try_from(std::mem::take(moments)).ok();
            let (parameter, new) = adamw_step(&adamw, parameter, gradient, old);
            moments.extend(new);
            parameter
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn clipping_keeps_the_direction_and_caps_the_joint_norm() {
        let device = Device::flex();
        let vector = |values: &[f32]| Some(Tensor::<1>::from_floats(values, &device));
        // The joint norm of (3, 0) and (4) is 5.
        let mut gradients = vec![vector(&[3.0, 0.0]), None, vector(&[4.0])];
        clip(&mut gradients, 1.0);
        let found: Vec<f32> = gradients.into_iter().flatten().flat_map(to_host).collect();
        for (found, expected) in found.iter().zip([0.6_f32, 0.0, 0.8]) {
            assert!((found - expected).abs() <= 4.0 * f32::EPSILON, "{found} != {expected}");
        }
        for small in [[0.3_f32, 0.4], [0.0, 0.0]] {
            let mut gradients = vec![vector(&small)];
            clip(&mut gradients, 1.0);
            assert_eq!(to_host(gradients.remove(0).unwrap()), small);
        }
    }
}
