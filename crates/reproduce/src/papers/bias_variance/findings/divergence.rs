//! The cross-entropy beside the squared loss.

use super::{All, on_images};
use crate::claim::{Finding, Part, Role};
use crate::error::ReproduceError;
use ndarray::{Array3, Axis};
use rayon::prelude::*;
use tenfold_analysis::{Decomposition, KlDecomposition, Scale, fit};
use tenfold_core_tensor::stats::jackknife;

/// R^2 of the cross-entropy's bias and variance on points that were right.
fn kl_r_squared(kl: &KlDecomposition) -> Result<f64, ReproduceError> {
    let pairs: Vec<(f64, f64)> = kl.points.iter().filter(|p| p.correct).map(|p| (p.bias, p.variance)).collect();
    Ok(fit(&pairs)?.r_squared)
}

fn squared_r_squared(found: &Decomposition) -> Result<f64, ReproduceError> {
    let pairs: Vec<(f64, f64)> = found.points().iter().filter(|p| p.correct()).map(|p| (p.bias, p.variance)).collect();
    Ok(fit(&pairs)?.r_squared)
}

pub(super) fn kl_weaker(all: &All, kl: &KlDecomposition) -> Result<Finding, ReproduceError> {
    let largest = all.networks.largest();
    let (labels, models) = (&all.data.test.labels, all.settings.models);
    let whole = [kl_r_squared(kl)?, squared_r_squared(&largest.found)?];
    let without = |t: usize| -> Result<[f64; 2], ReproduceError> {
        let others: Vec<usize> = (0..models).filter(|k| *k != t).collect();
        let rest: Array3<f32> = largest.test.select(Axis(0), &others);
        let kl = KlDecomposition::of(rest.view(), labels, Scale::logits(), largest.network.randomness)?;
        let squared = Decomposition::of(rest.view(), labels, Scale::logits(), largest.network.randomness)?;
        Ok([kl_r_squared(&kl)?, squared_r_squared(&squared)?])
    };
    let without = (0..models).into_par_iter().map(without).collect::<Result<Vec<_>, ReproduceError>>()?;
    let of = |statistic: &dyn Fn(&[f64; 2]) -> f64| {
        jackknife(statistic(&whole), &without.iter().map(statistic).collect::<Vec<f64>>())
    };
    let mut finding = on_images(all, "bias-variance.kl-weaker", Ok(of(&|r| r[0] - r[1])?));
    for (name, k) in [("R^2 of the cross-entropy", 0), ("R^2 of the squared loss", 1)] {
        finding.parts.push(Part::new(name, of(&|r| r[k])?, &all.data.name, Role::Shown));
    }
    Ok(finding)
}
