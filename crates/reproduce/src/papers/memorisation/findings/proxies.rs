//! Whether cheaper scores rank and move alike.

use super::super::claims::{ENOUGH_MOVING, MISSES, RANKS};
use super::trajectories::{errors_of, shapes_of};
use super::{All, Drawn, on_images};
use crate::error::ReproduceError;
use crate::finding::{Finding, Part, Role, least};
use tenfold_core_tensor::stats::{Estimate, spearman};
use tenfold_memorisation::{Shape, shares};

/// Cohen's kappa of two labellings: agreement beyond chance.
fn kappa(a: &[Shape], b: &[Shape]) -> f64 {
    let agree = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64;
    let (of_a, of_b) = (shares(a), shares(b));
    let chance: f64 = of_a.iter().zip(&of_b).map(|(a, b)| a * b).sum();
    if chance == 1.0 { 0.0 } else { (agree - chance) / (1.0 - chance) }
}

pub(in super::super) fn proxies(all: &All, drawn: &Drawn) -> Result<Finding, ReproduceError> {
    let rule = &all.settings.rule;
    let errors = errors_of(all.real);
    let rank = |s: &[Vec<f64>], t: usize| spearman(&all.proxies.sizes[t].csl, &s[t]).unwrap_or(0.0);
    let smallest = |s: &[Vec<f64>]| (0..s.len()).map(|t| rank(s, t)).min_by(f64::total_cmp).unwrap_or(f64::NAN);
    // 1 - cprox lies between 0 and 1 as the score does; it has no error over models.
    let hard: Vec<Vec<f64>> = all.proxies.sizes.iter().map(|p| p.cprox.iter().map(|v| 1.0 - v).collect()).collect();
    let none = vec![vec![0.0; all.images.len()]; hard.len()];
    let by_proxy = shapes_of(rule, &none, &hard);
    let moving = shapes_of(rule, &errors, &drawn.point).iter().filter(|s| **s != Shape::Constant).count();
    let agreement = drawn.normal(|s| kappa(&by_proxy, &shapes_of(rule, &errors, s)));
    let estimate = if moving < ENOUGH_MOVING {
        Err(format!("{moving} examples do not stay constant; at least {ENOUGH_MOVING} are needed to compare trends"))
    } else {
        let shift = |e: Estimate, by: f64, sign: f64| {
            let [lo, hi] = if sign > 0.0 { [e.lo, e.hi] } else { [-e.hi, -e.lo] };
            Estimate { value: sign * e.value + by, lo: lo + by, hi: hi + by, ..e }
        };
        least(&[shift(drawn.normal(smallest), -RANKS, 1.0), shift(agreement, MISSES, -1.0)])
    };
    let seconds = all.real.seconds + all.proxies.seconds;
    let mut finding = on_images(all, estimate, seconds);
    let name = &all.images.name;
    for (t, m) in all.real.sizes.iter().enumerate() {
        let e = drawn.normal(|s| rank(s, t));
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
    }
}
