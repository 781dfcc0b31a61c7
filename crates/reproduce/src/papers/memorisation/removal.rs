//! Training without the most memorised examples, against training without as many random ones.

use super::data::Planted;
use super::settings::{REMOVED, Settings};
use super::sizes::{Sizes, train};
use crate::context::Context;
use crate::error::ReproduceError;
use rand::seq::index;
use std::time::Instant;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::Seed;

/// Test outcomes of one share of removed examples: one row for each run, the same seeds in both arms.
pub(super) struct Arm {
    /// Examples removed.
    pub(super) removed: usize,
    pub(super) memorised: Vec<BitMask>,
    pub(super) random: Vec<BitMask>,
}

/// All shares.
pub(super) struct Removal {
    pub(super) arms: Vec<Arm>,
    /// Without removal, but without the planted examples.
    pub(super) whole: Vec<BitMask>,
    pub(super) seconds: f64,
}

pub(super) fn run(
    context: &Context,
    settings: &Settings,
    data: &Planted,
    real: &Sizes,
) -> Result<Removal, ReproduceError> {
    let start = Instant::now();
    let largest = &real.sizes[real.sizes.len() - 1];
    // Wrong labels and copies are left out of both arms: removing them would help.
    let mut usable = data.untouched();
    usable.sort_by(|&a, &b| largest.scores[b].mem.value.total_cmp(&largest.scores[a].mem.value).then(a.cmp(&b)));
    let keep = |rows: &mut dyn Iterator<Item = usize>| -> Result<BitMask, ReproduceError> {
        let mut kept = vec![false; data.len()];
        rows.for_each(|i| kept[i] = true);
        Ok(kept.into_iter().collect())
    };
    let runs = settings.removal_runs;
    let outcomes = |masks: Vec<BitMask>, name: &str| -> Result<Vec<BitMask>, ReproduceError> {
        let name = format!("removal-{name}");
        let readings = train(context, data, &masks, &largest.size, &settings.training, &name, false, |_| None)?;
        let readings = readings.ok_or_else(|| super::wait(context, "the networks without some examples"))?;
        Ok(readings.into_iter().map(|r| r.tested).collect())
    };
    let mut arms = Vec::new();
    for share in REMOVED {
        let removed = (share * usable.len() as f64).round() as usize;
        let without = keep(&mut usable[removed..].iter().copied())?;
        let at_random = |run: usize| {
            let seed = Seed::new(0).named("memorisation-removal").child(removed as u64).child(run as u64);
            let kept = index::sample(&mut seed.rng(), usable.len(), usable.len() - removed);
            keep(&mut kept.into_iter().map(|at| usable[at]))
        };
        let random = (0..runs).map(at_random).collect::<Result<_, _>>()?;
        arms.push(Arm {
            removed,
            memorised: outcomes(vec![without; runs], &format!("memorised-{removed}"))?,
            random: outcomes(random, &format!("random-{removed}"))?,
        });
    }
    let whole = outcomes(vec![keep(&mut usable.iter().copied())?; runs], "none")?;
    Ok(Removal { arms, whole, seconds: start.elapsed().as_secs_f64() })
}
