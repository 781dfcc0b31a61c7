//! Multipliers of the classes, which follow the worst of them.

use super::risks::ClassRisks;
use crate::error::{DistillError, require, require_per_class, require_positive, require_share};
use crate::teacher::Marginal;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::ops::softmax::log_sum_exp;

/// The least multiplier, by default: its logarithm stays finite, and so do the margins.
pub const MULTIPLIER_FLOOR: f64 = 1e-12;

/// How multipliers are updated. `step` and `updates_per_epoch` belong together: with risks from 0 to 1 one update changes the
/// quotient of two multipliers by at most `e^step`, so that a quotient of ten takes at least
/// [`updates_for`](Self::updates_for)`(10)` of them, 24 at the default step.
///
/// Defaults: `step` 0.1 (the robust paper's), `trade_off` 1, `floor` [`MULTIPLIER_FLOOR`], `updates_per_epoch` 1 (measured in this
/// project: four an epoch over-fit the validation set of a distilled student).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EgParams {
    /// The step of the exponentiated gradient, above 0.
    pub step: f64,
    /// alpha: 0 is the balanced objective, 1 the robust one.
    pub trade_off: f64,
    /// The least multiplier, above 0 and below `1/m`.
    pub floor: f64,
    /// Updates in an epoch of training, at least 1; for the loop that trains the student.
    pub updates_per_epoch: usize,
}

impl Default for EgParams {
    fn default() -> Self {
        Self { step: 0.1, trade_off: 1.0, floor: MULTIPLIER_FLOOR, updates_per_epoch: 1 }
    }
}

impl EgParams {
    /// Sets the step.
    #[must_use]
    pub fn with_step(mut self, step: f64) -> Self {
        self.step = step;
        self
    }

    /// Sets alpha.
    #[must_use]
    pub fn with_trade_off(mut self, alpha: f64) -> Self {
        self.trade_off = alpha;
        self
    }

    /// Sets the floor.
    #[must_use]
    pub fn with_floor(mut self, floor: f64) -> Self {
        self.floor = floor;
        self
    }

    /// Sets the updates per epoch.
    #[must_use]
    pub fn with_updates_per_epoch(mut self, updates: usize) -> Self {
        self.updates_per_epoch = updates;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// A field that breaks its rule.
    pub fn validate(&self) -> Result<(), DistillError> {
        require_positive("step", self.step)?;
        require_share("trade_off", self.trade_off)?;
        require(self.floor > 0.0 && self.floor < 0.5, "floor", self.floor, "must be above 0 and below 1/m")?;
        require(self.updates_per_epoch >= 1, "updates_per_epoch", self.updates_per_epoch, "must be at least 1")
    }

    /// The fewest updates with risks from 0 to 1 that bring two equal multipliers to a quotient: `log(quotient) / (step trade_off)`,
    /// rounded up; none where `trade_off` is 0, since multipliers do not move then.
    ///
    /// ```
    /// assert_eq!(tenfold_distill::EgParams::default().updates_for(10.0), Some(24));
    /// ```
    pub fn updates_for(&self, quotient: f64) -> Option<usize> {
        let moved = self.step * self.trade_off;
        (moved > 0.0).then(|| (quotient.ln().abs() / moved).ceil() as usize)
    }
}

/// Multipliers lambda of the classes, on the simplex, kept as logarithms.
///
/// `lambda_y <- lambda_y exp(step alpha R_y)`, normalised, none below the floor; they start uniform. What a student is trained with
/// are the costs `beta_y / pi_y` with `beta_y = (1 - alpha)/m + alpha lambda_y` and pi the teacher's marginal on the **training**
/// set: see [`SoftCrossEntropy::with_costs`](crate::SoftCrossEntropy::with_costs) and
/// [`SoftTargets::with_costs`](crate::SoftTargets::with_costs).
///
/// ```
/// use tenfold_distill::{EgParams, Multipliers};
/// let mut robust = Multipliers::uniform(3, EgParams::default())?;
/// robust.update(&[0.1, 0.5, 0.9])?;
/// let golden = [0.320_092_407_67, 0.333_155_626_64, 0.346_751_965_69];
/// assert!(robust.values().iter().zip(golden).all(|(l, golden)| (l - golden).abs() < 1e-11));
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023), algorithm 1
/// and the supplement's algorithm 2; the start and the floor are our reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Multipliers {
    params: EgParams,
    /// `log lambda_y`.
    logs: Vec<f64>,
    updates: usize,
}

impl Multipliers {
    /// `1/m` for each of m classes.
    ///
    /// # Errors
    /// Fewer than two classes, or settings that break their rules.
    pub fn uniform(classes: usize, params: EgParams) -> Result<Self, DistillError> {
        params.validate()?;
        require(classes >= 2, "classes", classes, "must be at least 2")?;
        let below = format!("must be below 1/m = {}", 1.0 / classes as f64);
        require(params.floor * (classes as f64) < 1.0, "floor", params.floor, below)?;
        Ok(Self { params, logs: vec![-(classes as f64).ln(); classes], updates: 0 })
    }

    /// Multipliers that were found elsewhere, such as in another program's run: scaled to the sum 1, none below the floor.
    ///
    /// ```
    /// use tenfold_distill::{EgParams, Multipliers};
    /// let given = Multipliers::given(&[3.0, 1.0, 0.0], EgParams::default())?;
    /// assert!((given.values()[0] - 0.75).abs() < 1e-11 && (given.values()[2] - 1e-12).abs() < 1e-20);
    /// # Ok::<(), tenfold_distill::DistillError>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than two numbers, one that is negative or not finite, zeros alone, or settings that break their rules.
    pub fn given(values: &[f64], params: EgParams) -> Result<Self, DistillError> {
        let mut given = Self::uniform(values.len(), params)?;
        require_per_class("multipliers", values, given.logs.len())?;
        let bad = values.iter().position(|v| *v < 0.0);
        let value = bad.map_or_else(String::new, |class| format!("{} for class {class}", values[class]));
        require(bad.is_none(), "multipliers", value, "must not be negative")?;
        require(values.iter().any(|v| *v > 0.0), "multipliers", 0, "must not all be 0")?;
        given.logs = values.iter().map(|v| v.ln()).collect();
        given.normalise();
        Ok(given)
    }

    /// One step along the risks of the classes, `[m]`, such as [`ClassRisks::values`] on validation examples.
    ///
    /// # Errors
    /// Not one finite risk for each class.
    pub fn update(&mut self, risks: &[f64]) -> Result<(), DistillError> {
        require_per_class("risks", risks, self.logs.len())?;
        let moved = self.params.step * self.params.trade_off;
        // Only differences matter: no multiplier becomes infinite, whatever the risks.
        let largest = risks.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.logs.iter_mut().zip(risks).for_each(|(log, risk)| *log += moved * (risk - largest).max(f64::MIN));
        self.normalise();
        self.updates += 1;
        Ok(())
    }

    /// Brings the sum to one with no multiplier below the floor: those that would fall below it stand on it, and the others share the
    /// rest in proportion.
    fn normalise(&mut self) {
        let floor = self.params.floor;
        let mut low = vec![false; self.logs.len()];
        loop {
            let free: Vec<f64> = self.logs.iter().zip(&low).filter(|(_, low)| !**low).map(|(log, _)| *log).collect();
            let rest = 1.0 - (low.len() - free.len()) as f64 * floor;
            let shift = rest.ln() - log_sum_exp(&free);
            let mut falls = false;
            for (_, low) in self.logs.iter().zip(&mut low).filter(|(log, low)| !**low && **log + shift < floor.ln()) {
                (*low, falls) = (true, true);
            }
            if !falls {
                let settle = |(log, low): (&mut f64, &bool)| *log = if *low { floor.ln() } else { *log + shift };
                self.logs.iter_mut().zip(&low).for_each(settle);
                return;
            }
        }
    }

    /// lambda of each class.
    pub fn values(&self) -> Vec<f64> {
        self.logs.iter().map(|log| log.exp()).collect()
    }

    /// beta of each class, `(1 - alpha)/m + alpha lambda_y`; they sum to one.
    pub fn mixed(&self) -> Vec<f64> {
        let alpha = self.params.trade_off;
        self.values().into_iter().map(|lambda| (1.0 - alpha) / self.logs.len() as f64 + alpha * lambda).collect()
    }

    /// The costs `beta_y / pi_y` of the classes, scaled to mean 1 (a common factor changes nothing).
    ///
    /// # Errors
    /// A marginal of another number of classes.
    pub fn costs(&self, marginal: &Marginal) -> Result<Vec<f64>, DistillError> {
        require_per_class("marginal", marginal.values(), self.logs.len())?;
        let costs: Vec<f64> = self.mixed().iter().zip(marginal.values()).map(|(beta, pi)| beta / pi).collect();
        let mean = costs.iter().sum::<f64>() / costs.len() as f64;
        Ok(costs.into_iter().map(|cost| cost / mean).collect())
    }

    /// [`update`](Self::update) with the risks, and the costs that follow.
    ///
    /// # Errors
    /// As those two.
    pub fn step(&mut self, risks: &ClassRisks, marginal: &Marginal) -> Result<Vec<f64>, DistillError> {
        self.update(risks.values())?;
        self.costs(marginal)
    }

    /// The settings.
    pub fn params(&self) -> &EgParams {
        &self.params
    }

    /// How many updates there were.
    pub fn updates(&self) -> usize {
        self.updates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::RngExt;
    use tenfold_core_tensor::seed::Seed;

    #[test]
    fn golden_trade_off() {
        let mut found = Multipliers::uniform(3, EgParams::default().with_trade_off(0.25)).unwrap();
        found.update(&[0.1, 0.5, 0.9]).unwrap();
        let close = |a: Vec<f64>, b: [f64; 3]| assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-11), "{a:?}");
        close(found.values(), [0.330_005_610_971, 0.333_322_222_5, 0.336_672_166_529]);
        close(found.mixed(), [0.332_501_402_743, 0.333_330_555_625, 0.334_168_041_632]);
    }

    #[test]
    fn the_ends_are_the_balanced_and_the_robust_student() {
        let marginal = Marginal::of_labels(&[0, 0, 0, 1], 2).unwrap();
        let mut balanced = Multipliers::uniform(2, EgParams::default().with_trade_off(0.0)).unwrap();
        balanced.update(&[0.0, 1.0]).unwrap();
        let costs = balanced.costs(&marginal).unwrap();
        assert!((costs[1] / costs[0] - 3.0).abs() < 1e-12 && (costs[0] + costs[1] - 2.0).abs() < 1e-12);
        let mut robust = Multipliers::uniform(2, EgParams::default()).unwrap();
        robust.update(&[0.0, 1.0]).unwrap();
        let costs = robust.costs(&marginal).unwrap();
        assert!((costs[1] / costs[0] - 3.0 * 0.1_f64.exp()).abs() < 1e-12);
        assert_eq!(robust.updates(), 1);
    }

    #[test]
    fn no_multiplier_falls_below_the_floor() {
        let mut found = Multipliers::uniform(4, EgParams::default().with_step(50.0).with_floor(1e-3)).unwrap();
        for _ in 0..20 {
            found.update(&[0.0, 0.3, 0.6, 1.0]).unwrap();
        }
        let lambda = found.values();
        assert!((lambda.iter().sum::<f64>() - 1.0).abs() < 1e-8, "{lambda:?}");
        assert!(lambda.iter().all(|l| *l >= 1e-3 * (1.0 - 1e-8)) && lambda[3] > 0.99, "{lambda:?}");
    }

    #[test]
    fn a_quotient_of_ten_takes_as_many_updates_as_it_says() {
        let params = EgParams::default();
        let mut found = Multipliers::uniform(2, params.clone()).unwrap();
        let mut updates = 0;
        while found.values()[1] / found.values()[0] < 10.0 {
            found.update(&[0.0, 1.0]).unwrap();
            updates += 1;
        }
        assert_eq!(Some(updates), params.updates_for(10.0));
        assert_eq!(params.with_trade_off(0.0).updates_for(10.0), None);
    }

    #[test]
    fn every_rule_has_its_error() {
        let message = |params: EgParams| Multipliers::uniform(3, params).unwrap_err().to_string();
        let base = EgParams::default;
        assert_eq!(message(base().with_step(0.0)), "step = 0: must be finite and above 0");
        assert_eq!(message(base().with_trade_off(2.0)), "trade_off = 2: must be from 0 to 1");
        assert_eq!(message(base().with_floor(0.0)), "floor = 0: must be above 0 and below 1/m");
        assert!(message(base().with_floor(0.4)).starts_with("floor = 0.4: must be below 1/m = 0.333"));
        assert_eq!(message(base().with_updates_per_epoch(0)), "updates_per_epoch = 0: must be at least 1");
        assert!(Multipliers::uniform(1, base()).is_err());
        let mut found = Multipliers::uniform(2, base()).unwrap();
        assert_eq!(found.update(&[0.1, f64::NAN]).unwrap_err().to_string(), "risks = NaN for class 1: must be finite");
        found.update(&[1e308, -1e308]).unwrap();
        assert!((found.values()[0] - 1.0).abs() < 1e-9 && found.values()[1] > 0.0);
        assert!(found.update(&[0.1]).is_err() && found.costs(&Marginal::of_labels(&[0, 1, 2], 3).unwrap()).is_err());
        assert!(serde_json::from_str::<EgParams>("{\"stepp\": 1}").is_err());
    }

    proptest! {
        /// Average regret of the exponentiated gradient against losses in [0, G]: at most `2 G sqrt(log m / K)`.
        #[test]
        fn regret_is_bounded(m in 2_usize..12, k in 5_usize..80, largest in 0.1..5.0_f64, seed: u64, adversary: bool) {
            let step = ((m as f64).ln() / k as f64).sqrt() / largest;
            let mut players = Multipliers::uniform(m, EgParams::default().with_step(step)).unwrap();
            let mut rng = Seed::new(seed).rng();
            let (mut gained, mut each) = (0.0, vec![0.0; m]);
            for _ in 0..k {
                let lambda = players.values();
                let risks: Vec<f64> = (0..m)
                    .map(|y| match adversary {
                        // The class with the least multiplier has the largest risk.
                        true => if lambda.iter().all(|l| *l >= lambda[y]) { largest } else { 0.0 },
                        false => largest * rng.random::<f64>(),
                    })
                    .collect();
                gained += lambda.iter().zip(&risks).map(|(l, r)| l * r).sum::<f64>();
                each.iter_mut().zip(&risks).for_each(|(to, r)| *to += r);
                players.update(&risks).unwrap();
            }
            let best = each.iter().copied().fold(0.0, f64::max);
            prop_assert!((best - gained) / k as f64 <= 2.0 * largest * ((m as f64).ln() / k as f64).sqrt() + 1e-9);
        }
    }

    #[test]
    fn given_multipliers_are_checked_and_scaled() {
        let message = |values: &[f64]| Multipliers::given(values, EgParams::default()).unwrap_err().to_string();
        assert_eq!(message(&[0.5, -0.1]), "multipliers = -0.1 for class 1: must not be negative");
        assert_eq!(message(&[0.0, 0.0]), "multipliers = 0: must not all be 0");
        assert_eq!(message(&[0.5, f64::NAN]), "multipliers = NaN for class 1: must be finite");
        assert_eq!(message(&[0.5]), "classes = 1: must be at least 2");
        let huge = Multipliers::given(&[f64::MAX, f64::MAX, f64::MAX], EgParams::default()).unwrap();
        assert!(huge.values().iter().all(|v| (v - 1.0 / 3.0).abs() < 1e-12));
    }
}
