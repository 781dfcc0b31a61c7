//! What the members of a stack have shown in an epoch so far, read from the device a page at a time.

use super::Outcome;
use crate::loss::{At, BatchTargets, Ledger, Objective, PAGE};
use crate::weights::to_host;
use burn::tensor::Tensor;

/// One [`Ledger`] per member, filled from tensors of all.
pub(super) struct StackLedger {
    classes: usize,
    members: Vec<Ledger>,
    objective: Objective,
    open: Vec<Entry>,
    pending: usize,
}

/// A step: the logits of all members' batches, one after the other.
struct Entry {
    logits: Tensor<2>,
    targets: Vec<BatchTargets>,
    step: usize,
    learning_rates: Vec<f64>,
}

impl StackLedger {
    pub(super) fn new(epoch: usize, classes: usize, members: usize, objective: Objective) -> Self {
        let members = (0..members).map(|_| Ledger::new(epoch, classes)).collect();
        Self { classes, members, objective, open: Vec::new(), pending: 0 }
    }

    /// Notes a step. A member whose loss is known not to be finite fails in `outcomes`.
    pub(super) fn note(
        &mut self,
        logits: Tensor<2>,
        targets: Vec<BatchTargets>,
        step: usize,
        learning_rates: &[f64],
        outcomes: &mut [Outcome],
    ) {
        self.pending += logits.dims()[0] * self.classes;
        self.open.push(Entry { logits, targets, step, learning_rates: learning_rates.to_vec() });
        if self.pending >= PAGE {
            self.turn(outcomes);
        }
    }

    /// Reads all open entries in one go.
    fn turn(&mut self, outcomes: &mut [Outcome]) {
        self.pending = 0;
        let (logits, notes): (Vec<_>, Vec<_>) =
            self.open.drain(..).map(|e| (e.logits, (e.targets, e.step, e.learning_rates))).unzip();
        if logits.is_empty() {
            return;
        }
        let logits = to_host(Tensor::cat(logits, 0));
        let mut rest = logits.as_slice();
        for (targets, step, rates) in notes {
            let members = self.members.iter_mut().zip(outcomes.iter_mut()).zip(targets.iter().zip(rates));
            for ((ledger, outcome), (targets, learning_rate)) in members {
                let (batch, after) = rest.split_at(targets.rows.len());
                rest = after;
                if outcome.is_ok()
                    && let Err(error) = ledger.read(batch, targets, &self.objective, At { step, learning_rate })
                {
                    *outcome = Err(error);
                }
            }
        }
    }

    /// Mean loss and accuracy of each member; of those that failed, of no meaning.
    pub(super) fn close(mut self, outcomes: &mut [Outcome]) -> Vec<(f64, f64)> {
        self.turn(outcomes);
        self.members.iter().map(Ledger::means).collect()
    }
}
