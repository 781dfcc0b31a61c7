//! Whether cheaper scores rank and move alike.

use super::super::claims::{ENOUGH_MOVING, MISSES, RANKS};
use super::trajectories::{errors_of, shapes_of};
use super::{All, Drawn, on_images};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role, least};
use tenfold_core_tensor::stats::{Estimate, spearman};
use tenfold_memorisation::{Shape, TrajectoryRule, shares};

/// Cohen's kappa of two labellings: agreement beyond chance.
fn kappa(a: &[Shape], b: &[Shape]) -> f64 {
    let agree = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64;
    let (of_a, of_b) = (shares(a), shares(b));
    let chance: f64 = of_a.iter().zip(&of_b).map(|(a, b)| a * b).sum();
    if chance == 1.0 { 0.0 } else { (agree - chance) / (1.0 - chance) }
}

/// Spearman's correlation of a proxy and the scores of a size.
fn rank(csl: &[f64], scores: &[f64]) -> f64 {
    spearman(csl, scores).unwrap_or(0.0)
}

/// What decides, and the agreement of trajectories that it is made of.
pub(super) struct Compared {
    /// The smaller of [`ranks`] and what counts as missing the trends less the agreement.
    pub(super) decides: Result<Estimate, String>,
    /// Cohen's kappa of the labels.
    pub(super) agreement: Estimate,
}

/// Smallest over sizes of the rank correlation of a proxy, `csl[t][i]`, and the scores, less what counts as ranking well.
pub(super) fn ranks(drawn: &Drawn, csl: &[&[f64]]) -> Estimate {
    let ranked = |s: &[Vec<f64>], t: usize| rank(csl[t], &s[t]);
    let smallest = |s: &[Vec<f64>]| (0..s.len()).map(|t| ranked(s, t)).min_by(f64::total_cmp).unwrap_or(f64::NAN);
    let e = drawn.normal(smallest);
    Estimate { value: e.value - RANKS, lo: e.lo - RANKS, hi: e.hi - RANKS, ..e }
}

/// Agreement of the trends of a proxy, `hard[t][i]`, with those of the scores.
pub(super) fn agreement(drawn: &Drawn, hard: &[Vec<f64>], rule: &TrajectoryRule, errors: &[Vec<f64>]) -> Estimate {
    // A proxy has no error over models.
    let none: Vec<Vec<f64>> = errors.iter().map(|of| vec![0.0; of.len()]).collect();
    let by_proxy = shapes_of(rule, &none, hard);
    drawn.normal(|s| kappa(&by_proxy, &shapes_of(rule, errors, s)))
}

/// What counts as missing the trends, less the agreement.
pub(super) fn missed(agreement: Estimate) -> Estimate {
    let (lo, hi) = (MISSES - agreement.hi, MISSES - agreement.lo);
    Estimate { value: MISSES - agreement.value, lo, hi, ..agreement }
}

/// Whether a proxy ranks as the scores do at every size, and another misses their trends.
pub(super) fn compare(
    drawn: &Drawn,
    csl: &[&[f64]],
    hard: &[Vec<f64>],
    rule: &TrajectoryRule,
    errors: &[Vec<f64>],
) -> Compared {
    let moving = shapes_of(rule, errors, &drawn.point).iter().filter(|s| **s != Shape::Constant).count();
    let agreement = agreement(drawn, hard, rule, errors);
    let decides = if moving < ENOUGH_MOVING {
        Err(format!("{moving} examples do not stay constant; at least {ENOUGH_MOVING} are needed to compare trends"))
    } else {
        least(&[ranks(drawn, csl), missed(agreement)])
    };
    Compared { decides, agreement }
}

pub(in super::super) fn proxies(all: &All, drawn: &Drawn) -> Result<Finding, ReproduceError> {
    let csl: Vec<&[f64]> = all.proxies.sizes.iter().map(|p| p.csl.as_slice()).collect();
    // 1 - cprox lies between 0 and 1 as the score does.
    let hard: Vec<Vec<f64>> = all.proxies.sizes.iter().map(|p| p.cprox.iter().map(|v| 1.0 - v).collect()).collect();
    let Compared { decides, agreement } = compare(drawn, &csl, &hard, &all.settings.rule, &errors_of(all.real));
    let seconds = all.real.seconds + all.proxies.seconds;
    let mut finding = on_images(all, decides, seconds);
    let name = &all.images.name;
    for (t, m) in all.real.sizes.iter().enumerate() {
        let e = drawn.normal(|s| rank(csl[t], &s[t]));
        finding.parts.push(Part::new(format!("Spearman of CSL and score, {}", m.size.name), e, name, Role::Shown));
    }
    finding.parts.push(Part::new("kappa of trajectory labels", agreement, name, Role::Shown));
    Ok(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kappa_by_hand() {
        let (a, b) = (Shape::Constant, Shape::Cap);
        assert_eq!(kappa(&[a, a, b, b], &[a, a, b, b]), 1.0);
        assert_eq!(kappa(&[a, a, b, b], &[a, b, a, b]), 0.0);
        assert_eq!(kappa(&[a, a], &[a, a]), 0.0);
        // Every label the other way: as far below chance as two equal shares allow.
        assert_eq!(kappa(&[a, a, b, b], &[b, b, a, a]), -1.0);
        // Three of four agree; chance is 3/4 x 1/2 + 1/4 x 1/2 = 1/2.
        assert_eq!(kappa(&[a, a, a, b], &[a, a, b, b]), 0.5);
    }
}
