//! Group DRO: weights of groups that follow their losses, without a teacher.

use super::multipliers::{EgParams, Multipliers};
use crate::error::{DistillError, require_per_class};

/// `q_g <- q_g exp(step l_g)`, normalised, and the loss `sum_g q_g l_g` with q after the update, for mean losses `l_g` of groups
/// (here: classes).
///
/// The weights stand outside of the loss; a network that fits its training set makes them inert. The variant with validation losses
/// is the one whose results the robust paper reports: update with those and train with [`loss`](Self::loss).
///
/// ```
/// use tenfold_distill::GroupDro;
/// let mut groups = GroupDro::new(2, 0.01)?;
/// groups.update(&[0.2, 3.0])?;
/// assert!(groups.weights()[1] > 0.5 && groups.loss(&[0.2, 3.0])? > 1.6);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Sagawa, Koh, Hashimoto and Liang, "Distributionally robust neural networks for group shifts" (ICLR 2020, arXiv 1911.08731),
/// algorithm 1.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDro {
    weights: Multipliers,
}

impl GroupDro {
    /// Equal weights of so many groups, and a step.
    ///
    /// # Errors
    /// Fewer than two groups, or a step that is not above 0.
    pub fn new(groups: usize, step: f64) -> Result<Self, DistillError> {
        Ok(Self { weights: Multipliers::uniform(groups, EgParams::default().with_step(step))? })
    }

    /// One step along the groups' losses, `[groups]`.
    ///
    /// # Errors
    /// Not one finite loss for each group.
    pub fn update(&mut self, losses: &[f64]) -> Result<(), DistillError> {
        self.weights.update(losses)
    }

    /// q of each group.
    pub fn weights(&self) -> Vec<f64> {
        self.weights.values()
    }

    /// `sum_g q_g l_g`.
    ///
    /// # Errors
    /// Not one finite loss for each group.
    pub fn loss(&self, losses: &[f64]) -> Result<f64, DistillError> {
        let weights = self.weights();
        require_per_class("losses", losses, weights.len())?;
        Ok(weights.iter().zip(losses).map(|(q, loss)| q * loss).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_update_is_its_formula() {
        let mut groups = GroupDro::new(3, 0.5).unwrap();
        let losses = [0.3, 1.0, 2.0];
        groups.update(&losses).unwrap();
        let e = losses.map(|l| (0.5 * l).exp());
        let sum: f64 = e.iter().sum();
        assert!(groups.weights().iter().zip(e).all(|(q, e)| (q - e / sum).abs() < 1e-12));
        assert!(
            (groups.loss(&losses).unwrap() - e.iter().zip(losses).map(|(e, l)| e / sum * l).sum::<f64>()).abs() < 1e-12
        );
        assert!(groups.loss(&[1.0]).is_err() && GroupDro::new(3, -1.0).is_err() && GroupDro::new(1, 0.1).is_err());
    }
}
