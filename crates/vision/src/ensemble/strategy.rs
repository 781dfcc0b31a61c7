//! How the members of an ensemble are computed.

use crate::error::{VisionError, require};
use burn::tensor::Device;
use tenfold_core_tensor::device::is_cpu;

/// How the members of an ensemble are computed.
///
/// | | workers | stacked |
/// |---|---|---|
/// | what runs | one member per thread, kernels on that thread alone | members in lockstep along a leading axis of every tensor |
/// | good for | CPUs | GPUs, which one small network leaves idle |
/// | trained together | any members | those of one architecture, number of samples, batch size, number of epochs, optimiser, criterion and temperature |
/// | result | that of [`train`](crate::train()), byte for byte | the same up to rounding |
/// | memory | one training per worker | `at_once` trainings |
///
/// In a stack, learning rates, schedules, weight decays, limits of the gradient's norm, label smoothing, augmentation,
/// seeds, samples and targets may differ from member to member. Members are sorted into stacks by shape and then in
/// their order, the same way in each run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// A worker per core on the CPU, stacks of [`Strategy::AT_ONCE`] elsewhere.
    #[default]
    Auto,
    /// Threads, each of which trains one member at a time.
    Workers {
        /// How many.
        count: usize,
    },
    /// Members of equal shape computed as one.
    Stacked {
        /// How many at most. A shape with fewer members makes a smaller stack.
        at_once: usize,
    },
}

/// A strategy made up for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Workers { count: usize },
    Stacked { at_once: usize },
}

impl Strategy {
    /// The stack that [`Strategy::Auto`] makes.
    pub const AT_ONCE: usize = 64;

    pub(super) fn resolve(self, device: &Device) -> Result<Work, VisionError> {
        match self {
            Self::Auto if is_cpu(device) => {
                // Where the system does not say how many cores there are, one is safe.
                Ok(Work::Workers { count: std::thread::available_parallelism().map_or(1, usize::from) })
            }
            Self::Auto => Ok(Work::Stacked { at_once: Self::AT_ONCE }),
            Self::Workers { count } => {
                require(count >= 1, "strategy.count", count, "must be at least 1")?;
                Ok(Work::Workers { count })
            }
            Self::Stacked { at_once } => {
                require(at_once >= 1, "strategy.at_once", at_once, "must be at least 1")?;
                Ok(Work::Stacked { at_once })
            }
        }
    }
}

impl Work {
    /// What of it a member's result may depend on.
    pub(super) fn kind(self) -> String {
        match self {
            Self::Workers { .. } => "workers".to_string(),
            Self::Stacked { at_once } => format!("stacked {at_once}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_names_its_field() {
        for (strategy, field) in
            [(Strategy::Workers { count: 0 }, "strategy.count"), (Strategy::Stacked { at_once: 0 }, "strategy.at_once")]
        {
            let error = strategy.resolve(&Device::flex()).unwrap_err();
            assert!(matches!(error, VisionError::Setting { field: f, .. } if f == field), "{error}");
        }
        assert!(matches!(Strategy::Auto.resolve(&Device::flex()), Ok(Work::Workers { count: 1.. })));
    }
}
