//! What is trained at each scale.

use crate::kit::long_tail::Profile;
use crate::kit::students::Net;
use crate::scale::Scale;
use tenfold_data::long_tail::LongTail;

/// The temperatures of the teacher: the one that is fixed beforehand for the average, and a warmer one.
pub(super) const TEMPERATURES: [f64; 2] = [3.0, 5.0];

pub(super) struct Settings {
    pub(super) seeds: usize,
    pub(super) teacher: Net,
    pub(super) student: Net,
    /// Folds of the margins, and of the teachers behind them.
    pub(super) folds: usize,
    /// Long-tailed cuts of features, with an order of the classes for each seed; long-tailed cuts of the mixture; balanced features.
    pub(super) long_tail: Profile,
    pub(super) mixture: Profile,
    pub(super) balanced: Profile,
    /// Points of each class that the mixture's pool and its test set have.
    pub(super) mixture_points: [usize; 2],
}

impl Settings {
    pub(super) fn new(scale: Scale) -> Self {
        let (seeds, epochs, n_max, ratio, validation, folds, mixture_points) = match scale {
            Scale::Tiny => (2, 3, 60, 10.0, 20, 2, [120, 40]),
            Scale::Quick => (12, 60, 1_000, 100.0, 100, 5, [2_500, 1_000]),
            Scale::Standard | Scale::Paper => (40, 100, 1_000, 100.0, 100, 5, [2_500, 1_000]),
        };
        let net = |hidden: usize| Net { hidden, epochs, weight_decay: 1e-4 };
        let tail = LongTail::default().with_n_max(n_max).with_ratio(ratio);
        // As many examples in all as the long tail has.
        let even = tail.counts(10).map_or(1, |counts| counts.iter().sum::<usize>() / 10);
        let profile = |tail: LongTail, permuted: bool| Profile { tail, permuted, validation };
        Self {
            seeds,
            teacher: net(128),
            student: net(32),
            folds,
            long_tail: profile(tail.clone(), true),
            mixture: profile(tail, false),
            balanced: profile(LongTail::default().with_n_max(even).with_ratio(1.0), false),
            mixture_points,
        }
    }
}
