//! What leaving out the most memorised examples costs.

use super::super::removal::Arm;
use super::{All, on_images};
use crate::finding::{Finding, Part, Role};
use crate::kit::rules;
use ndarray::Array2;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::stats::crossed_interval;

/// Correctness in one arm minus that in another, `[run, test point]`.
fn differences(a: &[BitMask], b: &[BitMask]) -> Array2<f64> {
    let bit = |m: &BitMask, j: usize| f64::from(u8::from(m.get(j)));
    Array2::from_shape_fn((a.len(), a[0].len()), |(run, j)| bit(&a[run], j) - bit(&b[run], j))
}

/// What runs without random examples get right and those without the most memorised do not.
pub(super) fn gain(arm: &Arm) -> Array2<f64> {
    differences(&arm.random, &arm.memorised)
}

pub(in super::super) fn removal(all: &All) -> Finding {
    let gains: Vec<Array2<f64>> = all.removal.arms.iter().map(gain).collect();
    let name = &all.images.name;
    let mut parts = Vec::new();
    for arm in &all.removal.arms {
        for (what, tested) in [("random", &arm.random), ("the most memorised", &arm.memorised)] {
            if let Ok(e) = crossed_interval(differences(tested, &all.removal.whole).view()) {
                let name_of = format!("change of accuracy without {} examples, {what}", arm.removed);
                parts.push(Part::new(name_of, e, name, Role::Shown));
            }
        }
    }
    let seconds = all.real.seconds + all.removal.seconds;
    let mut finding = on_images(all, rules::least_gain(&gains), seconds);
    finding.seeds = all.removal.whole.len();
    finding.n = format!("{} runs of each arm x {} test points", finding.seeds, all.images.test_labels.len());
    finding.parts = parts;
    finding
}
