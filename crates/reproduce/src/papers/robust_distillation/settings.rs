//! What is trained at each scale.

use crate::kit::long_tail::Profile;
use crate::kit::students::Net;
use crate::scale::Scale;
use tenfold_data::long_tail::LongTail;
use tenfold_distill::EgParams;

/// The teacher's temperature; the student is not tempered.
pub(super) const TEMPERATURE: f64 = 3.0;

pub(super) struct Settings {
    pub(super) seeds: usize,
    pub(super) teacher: Net,
    pub(super) student: Net,
    pub(super) profile: Profile,
    /// Points of each class that the mixture's pool and its test set have.
    pub(super) mixture_points: [usize; 2],
    /// Random problems of theorem 2, and games of the regret bound.
    pub(super) problems: usize,
    pub(super) games: usize,
}

impl Settings {
    pub(super) fn new(scale: Scale) -> Self {
        let (seeds, epochs, n_max, ratio, validation, mixture_points) = match scale {
            Scale::Tiny => (2, 3, 60, 10.0, 20, [120, 40]),
            Scale::Quick => (12, 60, 1_000, 100.0, 100, [2_500, 1_000]),
            Scale::Standard | Scale::Paper => (40, 60, 1_000, 100.0, 250, [2_500, 1_000]),
        };
        let net = |hidden: usize| Net { hidden, epochs, weight_decay: 1e-4 };
        Self {
            seeds,
            teacher: net(128),
            student: net(32),
            profile: Profile {
                tail: LongTail::default().with_n_max(n_max).with_ratio(ratio),
                permuted: false,
                validation,
            },
            mixture_points,
            problems: if scale == Scale::Tiny { 200 } else { 5_000 },
            games: if scale == Scale::Tiny { 20 } else { 200 },
        }
    }

    /// Multipliers of a network trained on labels: four updates an epoch, since one that fits its rows needs large ones.
    pub(super) fn of_labels(alpha: f64) -> EgParams {
        EgParams::default().with_updates_per_epoch(4).with_trade_off(alpha)
    }

    /// Multipliers of a distilled student: one update an epoch, since more were found to fit the validation set (on other data).
    pub(super) fn of_student(alpha: f64) -> EgParams {
        EgParams::default().with_updates_per_epoch(1).with_trade_off(alpha)
    }
}
