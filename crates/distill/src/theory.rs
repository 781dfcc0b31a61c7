//! A model of distillation in which every risk has a closed form.

use crate::error::{DistillError, require, require_positive, require_share};

/// One of several orthogonal subgroups of a ridge regression with a common penalty: its coefficient w is learnt from targets with
/// noise of variance `sigma^2`, with the effective sample mass `d = sum x^2` over the group.
///
/// On its own labels the estimate is shrunk by `s = d / (d + penalty)`; a student of the same kind on the teacher's fitted values is
/// shrunk by `s^2`, and on a mixture with weight alpha on the teacher by `s (1 - alpha + alpha s)`. The expected squared error of a
/// factor k is `(1 - k)^2 w^2 + k^2 sigma^2 / d`. Distillation (alpha = 1) is worse than labels **exactly** where
///
/// `w^2 penalty / sigma^2 > (1 + s) / (2 + s)`,
///
/// whose right side rises from 1/2 for small groups to 2/3 for large ones: between these, small groups are harmed while large ones
/// gain, and the best alpha rises with d, which is the reason for AdaAlpha in one line.
///
/// ```
/// use tenfold_distill::RidgeGroup;
/// let group = |mass| RidgeGroup::new(mass, 1.0, 1.0, 0.64);
/// let (small, large) = (group(1.0)?, group(16.0)?);
/// assert!(small.is_harmed() && small.risk_distilled(1.0)? > small.risk_one_hot());
/// assert!(!large.is_harmed() && large.risk_distilled(1.0)? < large.risk_one_hot());
/// assert!(small.best_alpha() < large.best_alpha());
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: derived in this project, in the spirit of Lukasik, Bhojanapalli, Menon and Kumar, "Teacher's pet" (arXiv 2106.10494), which
/// has a theorem on regression that was not at hand; it is not claimed to be that theorem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RidgeGroup {
    mass: f64,
    coefficient: f64,
    noise: f64,
    penalty: f64,
}

impl RidgeGroup {
    /// A group of sample mass d, with its true coefficient w, the variance of the noise, and the ridge penalty.
    ///
    /// # Errors
    /// A mass, variance or penalty that is not above 0, or a coefficient that is not finite.
    pub fn new(mass: f64, coefficient: f64, noise: f64, penalty: f64) -> Result<Self, DistillError> {
        require_positive("mass", mass)?;
        require(coefficient.is_finite(), "coefficient", coefficient, "must be finite")?;
        require_positive("noise", noise)?;
        require_positive("penalty", penalty)?;
        Ok(Self { mass, coefficient, noise, penalty })
    }

    /// `s = d / (d + penalty)`.
    pub fn shrinkage(&self) -> f64 {
        self.mass / (self.mass + self.penalty)
    }

    /// The expected squared error of the estimate shrunk by k.
    fn risk(&self, k: f64) -> f64 {
        let (off, w) = (1.0 - k, self.coefficient);
        off * off * w * w + k * k * self.noise / self.mass
    }

    /// The risk on labels.
    pub fn risk_one_hot(&self) -> f64 {
        self.risk(self.shrinkage())
    }

    /// The risk of a student with weight alpha on the teacher.
    ///
    /// # Errors
    /// An alpha that is not from 0 to 1.
    pub fn risk_distilled(&self, alpha: f64) -> Result<f64, DistillError> {
        require_share("alpha", alpha)?;
        let s = self.shrinkage();
        Ok(self.risk(s * (1.0 - alpha + alpha * s)))
    }

    /// `(1 + s) / (2 + s)`: above it, `w^2 penalty / sigma^2` means harm.
    pub fn threshold(&self) -> f64 {
        let s = self.shrinkage();
        (1.0 + s) / (2.0 + s)
    }

    /// Whether distillation is worse than labels.
    pub fn is_harmed(&self) -> bool {
        self.coefficient * self.coefficient * self.penalty / self.noise > self.threshold()
    }

    /// The alpha of least risk: with `k = w^2 / (w^2 + sigma^2 / d)`, `(1 - k / s) / (1 - s)`, taken to `[0, 1]`.
    pub fn best_alpha(&self) -> f64 {
        let (s, w) = (self.shrinkage(), self.coefficient);
        let k = w * w / (w * w + self.noise / self.mass);
        ((1.0 - k / s) / (1.0 - s)).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};
    use tenfold_core_tensor::seed::Seed;
    use tenfold_core_tensor::stats::mean_interval;

    /// d, s, the threshold, both risks, their difference, the best alpha; with w = sigma = 1 and a penalty of 0.64.
    const TABLE: [[f64; 7]; 5] = [
        [0.25, 0.280898876, 0.561576355, 0.832723141, 0.873320990, 0.040597849, 0.4005],
        [1.0, 0.609756098, 0.616822430, 0.524092802, 0.532869199, 0.008776397, 0.46125],
        [4.0, 0.862068966, 0.650602410, 0.204815696, 0.204038070, -0.000777626, 0.522],
        [16.0, 0.961538462, 0.662337662, 0.059264053, 0.059117027, -0.000147026, 0.550588],
        [100.0, 0.993640700, 0.665958577, 0.009913659, 0.009908780, -0.000004879, 0.560495],
    ];

    #[test]
    fn the_table_to_its_last_digit() {
        for [d, s, threshold, one_hot, distilled, delta, alpha] in TABLE {
            let group = RidgeGroup::new(d, 1.0, 1.0, 0.64).unwrap();
            let close = |found: f64, golden: f64| assert!((found - golden).abs() < 6e-10, "d = {d}: {found}, {golden}");
            close(group.shrinkage(), s);
            close(group.threshold(), threshold);
            close(group.risk_one_hot(), one_hot);
            close(group.risk_distilled(1.0).unwrap(), distilled);
            close(group.risk_distilled(1.0).unwrap() - group.risk_one_hot(), delta);
            assert!((group.best_alpha() - alpha).abs() < 1e-6 && group.is_harmed() == (delta > 0.0));
        }
    }

    #[test]
    fn risks_are_those_of_regressions_that_are_run() {
        for d in [0.25, 4.0] {
            let group = RidgeGroup::new(d, 1.0, 1.0, 0.64).unwrap();
            let mut rng = Seed::new(1).rng();
            let s = group.shrinkage();
            let squared: Vec<f64> = (0..200_000)
                .map(|_| {
                    let noise: f64 = StandardNormal.sample(&mut rng);
                    // The least-squares estimate, shrunk twice.
                    let estimate = 1.0 + noise / d.sqrt();
                    (s * (s * estimate) - 1.0).powi(2)
                })
                .collect();
            let found = mean_interval(&squared).unwrap();
            assert!((found.value - group.risk_distilled(1.0).unwrap()).abs() < 4.0 * found.se);
        }
    }

    #[test]
    fn bad_groups_are_named() {
        let message = |d, w, n, p| RidgeGroup::new(d, w, n, p).unwrap_err().to_string();
        assert_eq!(message(0.0, 1.0, 1.0, 1.0), "mass = 0: must be finite and above 0");
        assert_eq!(message(1.0, f64::NAN, 1.0, 1.0), "coefficient = NaN: must be finite");
        assert!(
            message(1.0, 1.0, 0.0, 1.0).starts_with("noise") && message(1.0, 1.0, 1.0, -1.0).starts_with("penalty")
        );
        assert!(RidgeGroup::new(1.0, 1.0, 1.0, 1.0).unwrap().risk_distilled(2.0).is_err());
    }

    proptest! {
        #[test]
        fn the_condition_is_exact_and_no_alpha_is_better(
            d in 0.01..100.0_f64, w in 0.1..3.0_f64, noise in 0.1..3.0_f64, penalty in 0.01..10.0_f64, other in 0.0..1.0_f64
        ) {
            let group = RidgeGroup::new(d, w, noise, penalty).unwrap();
            let apart = group.risk_distilled(1.0).unwrap() - group.risk_one_hot();
            prop_assume!(apart.abs() > 1e-12);
            prop_assert_eq!(apart > 0.0, group.is_harmed());
            let best = group.risk_distilled(group.best_alpha()).unwrap();
            prop_assert!(best <= group.risk_distilled(other).unwrap() + 1e-12);
        }
    }
}
