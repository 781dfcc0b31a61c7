//! Ridge regression of independent groups, distilled: a case in closed form of small groups that lose while large ones gain.
//!
//! A group of effective mass d has coefficient w and noise sigma; ridge with penalty lambda shrinks its mean by `s = d / (d + lambda)`, and
//! a student of the ridge's own values by `s^2`. With mixing alpha the factor is `k = s (1 - alpha + alpha s)`, and the risk is
//! `(1 - k)^2 w^2 + k^2 sigma^2 / d`. Distillation does harm iff `w^2 lambda / sigma^2 > (1 + s) / (2 + s)`, and the best alpha is
//! `(1 - k* / s) / (1 - s)` with `k* = w^2 / (w^2 + sigma^2 / d)`, cut to 0..1. Derived here.

use crate::scale::Scale;
use rand_distr::{Distribution, StandardNormal};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean, variance};
use tenfold_distill::{DistillError, RidgeGroup};

/// Masses of the groups.
pub(super) const MASSES: [f64; 5] = [0.25, 1.0, 4.0, 16.0, 100.0];

/// lambda, with w = sigma = 1.
pub(super) const PENALTY: f64 = 0.64;

/// Shrinkage, threshold, risk of the ridge, risk of its student, difference, best alpha, worked out to nine digits beforehand.
const TABLE: [[f64; 6]; 5] = [
    [0.280898876, 0.561576355, 0.832723141, 0.873320990, 0.040597849, 0.4005],
    [0.609756098, 0.616822430, 0.524092802, 0.532869199, 0.008776397, 0.46125],
    [0.862068966, 0.650602410, 0.204815696, 0.204038070, -0.000777626, 0.522],
    [0.961538462, 0.662337662, 0.059264053, 0.059117027, -0.000147026, 0.550588],
    [0.993640700, 0.665958577, 0.009913659, 0.009908780, -0.000004879, 0.560495],
];

/// The closed form, and the same by drawing.
pub(super) struct Ridge {
    pub(super) groups: Vec<RidgeGroup>,
    /// Deviations from the table in units of its last digit, and from the condition of harm.
    pub(super) deviations: Vec<f64>,
    /// The difference of the risks of each group, by drawing.
    pub(super) drawn: Vec<Estimate>,
}

/// The student's risk minus the ridge's.
pub(super) fn difference(group: &RidgeGroup) -> Result<f64, DistillError> {
    Ok(group.risk_distilled(1.0)? - group.risk_one_hot())
}

/// Checks the table, the condition of harm, and draws.
pub(super) fn check(scale: Scale) -> Result<Ridge, DistillError> {
    let groups = MASSES.iter().map(|&mass| RidgeGroup::new(mass, 1.0, 1.0, PENALTY)).collect::<Result<Vec<_>, _>>()?;
    let mut deviations = Vec::new();
    for (g, row) in groups.iter().zip(TABLE) {
        let distilled = g.risk_distilled(1.0)?;
        let found =
            [g.shrinkage(), g.threshold(), g.risk_one_hot(), distilled, distilled - g.risk_one_hot(), g.best_alpha()];
        // The last column was worked out to six digits.
        let digits = [1e-9, 1e-9, 1e-9, 1e-9, 1e-9, 1e-6];
        deviations.extend(found.iter().zip(row).zip(digits).map(|((a, b), digit)| (a - b).abs() / digit * 1e-9));
        deviations.push(f64::from((distilled > g.risk_one_hot()) != g.is_harmed()));
    }
    let draws = if scale == Scale::Tiny { 10_000 } else { 1_000_000 };
    let drawn = MASSES.iter().zip(&groups).enumerate().map(|(i, (&mass, g))| {
        let mut rng = Seed::new(0).named("ridge").child(i as u64).rng();
        // The group's mean is w plus noise of variance sigma^2 / d; both estimators shrink the same draw.
        let differences: Vec<f64> = (0..draws)
            .map(|_| {
                let noise: f64 = StandardNormal.sample(&mut rng);
                let seen = 1.0 + noise / mass.sqrt();
                let error = |factor: f64| (factor * seen - 1.0).powi(2);
                error(g.shrinkage().powi(2)) - error(g.shrinkage())
            })
            .collect();
        let se = (variance(&differences) / draws as f64).sqrt();
        Estimate::normal(mean(&differences), se, draws)
    });
    let drawn = drawn.collect();
    Ok(Ridge { groups, deviations, drawn })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_met_and_drawing_agrees() {
        let found = check(Scale::Tiny).unwrap();
        assert!(found.deviations.iter().all(|d| *d <= 1e-9), "{:?}", found.deviations);
        for (e, g) in found.drawn.iter().zip(&found.groups) {
            assert!((e.value - difference(g).unwrap()).abs() < 5.0 * e.se, "{e:?}");
        }
    }
}
