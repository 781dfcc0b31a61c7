//! What takes the steps of a run: a graph of tensors for any network, or the kernels of a perceptron.

use crate::classifier::Classifier;
use crate::container::Tensors;
use crate::error::VisionError;
use crate::evaluate::{device_of, evaluate, images};
use crate::feed::Pass;
use crate::inputs::Inputs;
use crate::loss::{At, BatchTargets, Ledger, Objective};
use crate::optimiser::Optimiser;
use crate::params::TrainConfig;
use crate::perceptron::Perceptron;
use crate::weights::Weights;
use burn::tensor::Device;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use std::path::Path;
use tenfold_core_tensor::device::Backend;

/// What took the steps of a run.
///
/// It follows from network and device alone: whoever trains the same network on the same kind of device gets the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Tensors and their recorded gradients.
    Autodiff,
    /// Kernels of [`tenfold_kernels::perceptron`]: a [perceptron](crate::Classifier::perceptron) on the CPU, none of whose
    /// parameters is frozen. Up to rounding, the weights are those of the other.
    Perceptron,
}

impl Engine {
    /// Who trains perceptrons on a back end.
    pub fn of_perceptrons(backend: Backend) -> Self {
        if backend == Backend::Flex { Self::Perceptron } else { Self::Autodiff }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Autodiff => "autodiff",
            Self::Perceptron => "perceptron kernels",
        })
    }
}

/// What a step reads.
pub(crate) struct Step<'a, 'b> {
    pub(crate) pass: &'a mut Pass<'b>,
    pub(crate) places: Range<usize>,
    pub(crate) inputs: &'a Inputs<'b>,
    pub(crate) objective: &'a Objective,
    /// A weight for each class, or none.
    pub(crate) weights: &'a [f32],
    pub(crate) at: At,
}

impl Step<'_, '_> {
    /// The targets of the batch, in place of what is there.
    pub(crate) fn put_targets(&self, classes: usize, to: &mut BatchTargets) {
        self.pass.put_targets(self.places.clone(), classes, to);
        if !self.weights.is_empty() {
            to.weigh(self.weights);
        }
    }
}

/// A network in training, with what its optimiser keeps.
pub(crate) enum Core<C> {
    Tensors { model: C, optimiser: Box<Optimiser>, device: Device },
    Kernels { blank: C, net: Box<Perceptron> },
}

impl<C: Classifier> Core<C> {
    /// Takes the network up as it is.
    pub(crate) fn new(model: C, config: &TrainConfig) -> Result<Self, VisionError> {
        // Going through `valid` gives every parameter the same autodiff context, whatever it had before.
        let model = model.valid().train();
        let device = device_of(&model)?.autodiff();
        if let Some(net) = Perceptron::of(&model, &device, config) {
            return Ok(Self::Kernels { blank: model.valid(), net: Box::new(net) });
        }
        let optimiser = Box::new(Optimiser::new(&model, config));
        Ok(Self::Tensors { model, optimiser, device })
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Tensors { .. } => Engine::Autodiff,
            Self::Kernels { .. } => Engine::Perceptron,
        }
    }

    /// Takes a step.
    pub(crate) fn step(self, step: Step, classes: usize, ledger: &mut Ledger) -> Result<Self, VisionError> {
        let (model, mut optimiser, device) = match self {
            Self::Tensors { model, optimiser, device } => (model, optimiser, device),
            Self::Kernels { blank, mut net } => {
                net.step(step, ledger)?;
                return Ok(Self::Kernels { blank, net });
            }
        };
        let b = step.places.len();
        let mut targets = BatchTargets::default();
        step.put_targets(classes, &mut targets);
        let mut pixels = Vec::with_capacity(b * step.inputs.image().features());
        step.places.clone().for_each(|place| step.pass.push(place, &mut pixels));
        let logits = model.forward(images(pixels, b, step.inputs, &device)).logits;
        if logits.dims() != [b, classes] {
            let (expected, found) = (vec![b, classes], logits.dims().to_vec());
            return Err(VisionError::Shape { what: "logits", expected, found });
        }
        let gradients = step.objective.backward(logits.clone(), &targets);
        ledger.note(logits.inner(), targets, step.objective.clone(), step.at)?;
        let model = optimiser.step(model, gradients, step.at.learning_rate);
        Ok(Self::Tensors { model, optimiser, device })
    }

    /// The network as it is, in inference mode.
    pub(crate) fn model(&self) -> Result<C, VisionError> {
        match self {
            Self::Tensors { model, .. } => Ok(model.valid()),
            // The path is for errors about files; these weights come from none.
            Self::Kernels { blank, net } => net.weights().restore(blank.clone(), Path::new("perceptron")),
        }
    }

    /// A copy of its weights.
    pub(crate) fn weights(&self) -> Weights {
        match self {
            Self::Tensors { model, .. } => Weights::capture(model),
            Self::Kernels { net, .. } => net.weights(),
        }
    }

    /// What it says of inputs.
    pub(crate) fn logits(&mut self, inputs: &Inputs, batch: usize) -> Result<Array2<f32>, VisionError> {
        match self {
            Self::Tensors { model, .. } => Ok(evaluate(model, inputs, batch)?.logits),
            Self::Kernels { blank, net } => {
                blank.accepts(inputs.image())?;
                Ok(net.logits(inputs))
            }
        }
    }

    /// The optimiser's state for a checkpoint: steps taken, and averages by name.
    pub(crate) fn capture(&self) -> (u64, Tensors) {
        match self {
            Self::Tensors { optimiser, .. } => optimiser.capture(),
            Self::Kernels { net, .. } => net.capture(),
        }
    }

    /// Puts weights and the optimiser's state of a checkpoint back. `path` is for the error.
    pub(crate) fn restore(
        self,
        weights: Weights,
        steps: u64,
        state: Tensors,
        path: &Path,
    ) -> Result<Self, VisionError> {
        match self {
            Self::Tensors { model, mut optimiser, device } => {
                let model = weights.restore(model, path)?;
                optimiser.restore(steps, state, &model, path)?;
                Ok(Self::Tensors { model: model.train(), optimiser, device })
            }
            Self::Kernels { blank, mut net } => {
                let blank = weights.restore(blank, path)?;
                net.restore(Weights::capture(&blank), steps, state, path)?;
                Ok(Self::Kernels { blank, net })
            }
        }
    }
}
