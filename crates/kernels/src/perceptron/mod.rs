//! Training of a multi-layer perceptron without a graph.
//!
//! `h_0 = x`, `h_{l+1} = relu(h_l W_l + b_l)`, logits `h_L W_L + b_L`; a loss of the logits; its gradients; a step of the
//! optimiser. Everything lies in buffers that are allocated once, in the order in which it is read: batches, hidden layers and
//! weights in panels of sixteen columns, so that no product packs anything. The gradient of a layer's weights is not kept: a
//! tile of it meets weights and running averages while it is in registers, unless its norm is limited.
//!
//! Many small networks are trained best one on each core: there is no loop over networks in here, since a network two units
//! wide spends its time on the batch, not on multiplying.
//!
//! # Safety of this module
//! Panels of one matrix are written by tasks of their own, given out by [`Disjoint`](crate::disjoint::Disjoint).

mod layer;
mod line;
mod loss;
mod network;

pub use loss::{Loss, RowLoss, Shown, Wanted};
pub use network::Perceptron;

use crate::optimiser::{AdamW, Sgd};

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimiser {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Adam with decoupled weight decay.
    AdamW(AdamW),
}

impl Optimiser {
    /// How many running averages it keeps of each parameter.
    fn averages(self) -> usize {
        match self {
            Self::Sgd(sgd) => usize::from(sgd.momentum != 0.0),
            Self::AdamW(_) => 2,
        }
    }
}

#[cfg(test)]
mod tests;
