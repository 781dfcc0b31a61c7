//! A run just before a step, for who steers it.

use crate::error::{VisionError, require};
use crate::inputs::Inputs;
use crate::loss::Objective;
use crate::params::Criterion;
use ndarray::Array2;
use std::sync::Arc;
use tenfold_kernels::perceptron::RowLoss;

/// Where a run is.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) epoch: usize,
    pub(crate) step: usize,
    pub(crate) steps: usize,
    pub(crate) classes: usize,
}

/// What the network says of inputs.
type Read<'a> = &'a mut dyn FnMut(&Inputs) -> Result<Array2<f32>, VisionError>;

/// A run just before a step. See [`steer`](crate::steer).
pub struct Moment<'a> {
    place: Place,
    read: Read<'a>,
    objective: &'a mut Objective,
    weights: &'a mut Vec<f32>,
}

impl<'a> Moment<'a> {
    pub(crate) fn new(place: Place, read: Read<'a>, objective: &'a mut Objective, weights: &'a mut Vec<f32>) -> Self {
        Self { place, read, objective, weights }
    }

    /// The epoch, from zero.
    pub fn epoch(&self) -> usize {
        self.place.epoch
    }

    /// The step of the epoch, from zero.
    pub fn step(&self) -> usize {
        self.place.step
    }

    /// Steps of an epoch.
    pub fn steps(&self) -> usize {
        self.place.steps
    }

    /// What the network says now, `[n, K]`, in inference mode.
    ///
    /// # Errors
    /// [`VisionError::Shape`] if the network cannot read inputs of this shape.
    pub fn logits(&mut self, inputs: &Inputs) -> Result<Array2<f32>, VisionError> {
        (self.read)(inputs)
    }

    /// Sets what is added to the logits inside the loss, from this step on; none for nothing. With `-ln c` the cross-entropy is
    /// that of costs c: `-sum_k q_k ln softmax_k(z - ln c)`. What the network says is without them.
    ///
    /// # Errors
    /// [`VisionError::Setting`] unless there is a finite number for each class, or none at all, and the criterion is cross-entropy.
    pub fn set_offsets(&mut self, offsets: &[f32]) -> Result<(), VisionError> {
        self.check("offsets", offsets, |x| x.is_finite(), "must be a finite number for each class, or none")?;
        self.objective.offsets = offsets.into();
        Ok(())
    }

    /// Sets how much is made of what is wanted of each class, from this step on; none for one each. The loss of a sample is
    /// `sum_k c_k q_k l(k, z)`.
    ///
    /// # Errors
    /// [`VisionError::Setting`] unless there is a finite number of at least 0 for each class, or none at all, and the criterion is
    /// cross-entropy.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<(), VisionError> {
        let rule = "must be a finite number of at least 0 for each class, or none";
        self.check("weights", weights, |x| x.is_finite() && x >= 0.0, rule)?;
        *self.weights = weights.to_vec();
        Ok(())
    }

    /// Sets a loss of your own in place of the criterion, from this step on. It is given a row's logits `[K]`, its target times its
    /// scale (its weight over the size of the batch), and that scale; it writes the gradient in the logits and returns the loss. A
    /// loss that is a mean over the batch is therefore linear in target and scale together.
    pub fn set_loss(&mut self, loss: Arc<RowLoss>) {
        self.objective.own = Some(loss);
    }

    fn check(
        &self,
        field: &'static str,
        values: &[f32],
        good: impl Fn(f32) -> bool,
        rule: &'static str,
    ) -> Result<(), VisionError> {
        let fits = values.is_empty() || values.len() == self.place.classes;
        let entropy = self.objective.criterion == Criterion::CrossEntropy && self.objective.own.is_none();
        require(entropy || values.is_empty(), field, format!("{values:?}"), "only the cross-entropy has them")?;
        require(fits && values.iter().all(|&x| good(x)), field, format!("{values:?}"), rule)
    }
}
