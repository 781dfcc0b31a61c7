//! How the learning rate moves over a run.

use crate::error::{VisionError, require};
use serde::{Deserialize, Serialize};

/// What happens to the learning rate after the warm-up. Epochs are counted from zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Decay {
    /// None.
    Constant,
    /// Multiplied by `factor` at the start of each of the epochs `milestones`.
    Step {
        /// Epochs, increasing.
        milestones: Vec<usize>,
        /// Usually 0.1 or 0.2.
        factor: f64,
    },
    /// Half a cosine from 1 down towards `floor`: `floor + (1 - floor) (1 + cos(pi u)) / 2`, where u goes from 0 at the
    /// first step after the warm-up to 1 just past the last step.
    Cosine {
        /// The share of the learning rate at the end, from 0 to 1.
        floor: f64,
    },
}

/// A warm-up, then a decay.
///
/// During the first `warmup_epochs` epochs the rate grows linearly: with w warm-up steps, step s (from zero) has
/// `(s + 1) / w` of it.
///
/// ```
/// use tenfold_vision::Schedule;
///
/// let schedule = Schedule::cosine().with_warmup(1);
/// let (steps_per_epoch, epochs) = (4, 3);
/// let at = |step| schedule.factor(step, steps_per_epoch, epochs);
/// assert_eq!([at(0), at(3), at(4)], [0.25, 1.0, 1.0]);
/// assert!((at(8) - 0.5).abs() < 1e-15); // halfway through the cosine
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Epochs of linear warm-up. Default 0.
    #[serde(default)]
    pub warmup_epochs: usize,
    /// What follows.
    pub decay: Decay,
}

impl Schedule {
    /// The same rate throughout.
    pub fn constant() -> Self {
        Self { warmup_epochs: 0, decay: Decay::Constant }
    }

    /// Multiplied by `factor` at the start of each of the epochs `milestones`.
    pub fn step(milestones: &[usize], factor: f64) -> Self {
        Self { warmup_epochs: 0, decay: Decay::Step { milestones: milestones.to_vec(), factor } }
    }

    /// Half a cosine down to zero.
    pub fn cosine() -> Self {
        Self { warmup_epochs: 0, decay: Decay::Cosine { floor: 0.0 } }
    }

    /// Sets the epochs of linear warm-up.
    pub fn with_warmup(mut self, epochs: usize) -> Self {
        self.warmup_epochs = epochs;
        self
    }

    /// The learning rate at `step` (counted over the whole run, from zero) as a share of the configured one.
    pub fn factor(&self, step: usize, steps_per_epoch: usize, epochs: usize) -> f64 {
        let warmup = self.warmup_epochs * steps_per_epoch;
        if step < warmup {
            return (step + 1) as f64 / warmup as f64;
        }
        match &self.decay {
            Decay::Constant => 1.0,
            Decay::Step { milestones, factor } => {
                let epoch = step / steps_per_epoch.max(1);
                factor.powi(milestones.iter().filter(|&&m| m <= epoch).count() as i32)
            }
            Decay::Cosine { floor } => {
                let decaying = (epochs * steps_per_epoch).saturating_sub(warmup).max(1);
                let u = ((step - warmup) as f64 / decaying as f64).min(1.0);
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * u).cos())
            }
        }
    }

    /// Checks every field against a run of `epochs` epochs.
    pub(crate) fn validate(&self, epochs: usize) -> Result<(), VisionError> {
        let rule = "must be fewer than the epochs of the run";
        require(self.warmup_epochs < epochs, "schedule.warmup_epochs", self.warmup_epochs, rule)?;
        match &self.decay {
            Decay::Constant => Ok(()),
            Decay::Step { milestones, factor } => {
                let increasing = milestones.windows(2).all(|w| w[0] < w[1]);
                let listed = format!("{milestones:?}");
                require(increasing, "schedule.milestones", listed, "must be strictly increasing epochs")?;
                let rule = "must be above 0 and at most 1";
                require(*factor > 0.0 && *factor <= 1.0, "schedule.factor", factor, rule)
            }
            Decay::Cosine { floor } => {
                require((0.0..=1.0).contains(floor), "schedule.floor", floor, "must be from 0 to 1")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_decay_by_hand() {
        let schedule = Schedule::step(&[2, 4], 0.1);
        let at: Vec<f64> = (0..12).map(|s| schedule.factor(s, 2, 6)).collect();
        let expected = [1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01];
        for (at, expected) in at.iter().zip(expected) {
            assert!((at - expected).abs() <= 2.0 * f64::EPSILON * expected, "{at} != {expected}");
        }
    }

    #[test]
    fn warm_up_counts_before_the_milestones() {
        let schedule = Schedule::step(&[1], 0.5).with_warmup(2);
        let at: Vec<f64> = (0..6).map(|s| schedule.factor(s, 2, 3)).collect();
        assert_eq!(at, [0.25, 0.5, 0.75, 1.0, 0.5, 0.5]);
    }

    #[test]
    fn cosine_by_hand() {
        let schedule = Schedule { warmup_epochs: 0, decay: Decay::Cosine { floor: 0.2 } };
        // u = 0, 1/6, 1/3, 1/2, 2/3, 5/6 of three epochs with two steps each.
        let half_root_three = 3.0_f64.sqrt() / 2.0;
        let cosines = [1.0, half_root_three, 0.5, 0.0, -0.5, -half_root_three];
        for (step, cosine) in cosines.into_iter().enumerate() {
            let expected = 0.2 + 0.8 * (1.0 + cosine) / 2.0;
            assert!((schedule.factor(step, 2, 3) - expected).abs() < 4.0 * f64::EPSILON, "step {step}");
        }
    }

    #[test]
    fn each_rule_names_its_field() {
        for (schedule, field) in [
            (Schedule::constant().with_warmup(3), "schedule.warmup_epochs"),
            (Schedule::step(&[2, 2], 0.1), "schedule.milestones"),
            (Schedule::step(&[2], 0.0), "schedule.factor"),
            (Schedule::step(&[2], f64::NAN), "schedule.factor"),
            (Schedule { warmup_epochs: 0, decay: Decay::Cosine { floor: 1.5 } }, "schedule.floor"),
        ] {
            let error = schedule.validate(3).unwrap_err();
            assert!(matches!(error, VisionError::Setting { field: f, .. } if f == field), "{error}");
        }
    }
}
