//! The statistics that decide, on plain tables of differences `[seed, test point]`: what one method gets right and another does not.

use ndarray::Array2;
use tenfold_core_tensor::stats::{Estimate, StatsError, crossed_interval, slope_weights};

use crate::finding;

/// The smallest gain, each with its interval over seeds and test points.
pub(crate) fn least_gain(gains: &[Array2<f64>]) -> Result<Estimate, String> {
    let each: Result<Vec<Estimate>, StatsError> = gains.iter().map(|gain| crossed_interval(gain.view())).collect();
    each.map_err(|e| e.to_string()).and_then(|each| finding::least(&each))
}

/// A weighted sum of gains of the same seeds and test points.
pub(crate) fn weighted(gains: &[Array2<f64>], weights: &[f64]) -> Result<Estimate, String> {
    let Some(first) = gains.first() else { return Err("nothing was measured".into()) };
    let sum = gains.iter().zip(weights).fold(Array2::zeros(first.raw_dim()), |sum, (gain, w)| sum + gain * *w);
    crossed_interval(sum.view()).map_err(|e| e.to_string())
}

/// The first gain minus the last.
pub(crate) fn first_minus_last(gains: &[Array2<f64>]) -> Result<Estimate, String> {
    match gains {
        [first, .., last] => weighted(&[first.clone(), last.clone()], &[1.0, -1.0]),
        _ => Err("two capacities are needed".into()),
    }
}

/// The mean gain.
pub(crate) fn average(gains: &[Array2<f64>]) -> Result<Estimate, String> {
    weighted(gains, &vec![1.0 / gains.len() as f64; gains.len()])
}

/// The slope of the gain per doubling of the number of training points.
pub(crate) fn per_doubling(gains: &[Array2<f64>], sizes: &[usize]) -> Result<Estimate, String> {
    let doublings: Vec<f64> = sizes.iter().map(|n| (*n as f64).log2()).collect();
    let weights = slope_weights(&doublings).map_err(|e| e.to_string())?;
    weighted(gains, &weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{Rule, Verdict};
    use ndarray::array;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};
    use rayon::prelude::*;
    use tenfold_core_tensor::seed::Seed;

    /// Draws of the experiment at its quick scale: seeds, test points (fewer than there are, which changes no rate).
    const SEEDS: usize = 5;
    const POINTS: usize = 400;

    /// Differences between two arms of each of `arms.len()` groups, whose gains are the given ones on average. Points differ in
    /// difficulty, which both arms and all groups share; a seed moves all of its points; the two arms differ on one point in ten.
    fn groups(gains: &[f64], seed: Seed) -> Vec<Array2<f64>> {
        let mut rng = seed.rng();
        let hard: Vec<f64> = (0..POINTS).map(|_| rng.random::<f64>()).collect();
        gains
            .iter()
            .map(|gain| {
                let mut table = Array2::zeros((SEEDS, POINTS));
                for mut row in table.outer_iter_mut() {
                    let z: f64 = StandardNormal.sample(&mut rng);
                    let moved = 0.005 * z;
                    for (value, hard) in row.iter_mut().zip(&hard) {
                        // Only hard points change: one in ten on average.
                        let differ = rng.random::<f64>() < 0.2 * hard;
                        let better = 0.5 + (gain + moved) / 0.2;
                        if differ {
                            *value = if rng.random::<f64>() < better { 1.0 } else { -1.0 };
                        }
                    }
                }
                table
            })
            .collect()
    }

    /// How often a rule says "held".
    fn held(gains: &[f64], rule: Rule, statistic: impl Fn(&[Array2<f64>]) -> Result<Estimate, String> + Sync) -> f64 {
        let draws = 1_000;
        let one = |d: u64| rule.decide(&statistic(&groups(gains, Seed::new(3).child(d))).unwrap()) == Verdict::Held;
        (0..draws).into_par_iter().filter(|d| one(*d)).count() as f64 / draws as f64
    }

    /// 2.5 % and three standard errors of a thousand draws.
    const CHANCE: f64 = 0.025 + 3.0 * 0.0049;
    const SIZES: [usize; 4] = [890, 3_562, 14_250, 57_000];

    #[test]
    fn where_nothing_is_true_rules_say_so() {
        let above = Rule::Above(0.0);
        assert!(held(&[0.0; 4], above, least_gain) <= CHANCE);
        // One capacity without a gain among others with one: the claim is about all of them.
        assert!(held(&[0.05, 0.05, 0.05, 0.0], above, least_gain) <= CHANCE);
        assert!(held(&[0.0; 4], above, first_minus_last) <= CHANCE);
        assert!(held(&[0.03; 4], above, first_minus_last) <= CHANCE);
        assert!(held(&[0.0; 4], above, average) <= CHANCE);
        assert!(held(&[0.0; 4], above, |g| per_doubling(g, &SIZES)) <= CHANCE);
        assert!(held(&[0.03; 4], above, |g| per_doubling(g, &SIZES)) <= CHANCE);
        // At the margin of an equivalence the same: a difference of 0.02 is not within 0.02.
        assert!(held(&[0.02], Rule::Within(0.02), average) <= CHANCE);
    }

    #[test]
    fn where_the_effect_is_there_rules_see_it() {
        // At 10,000 test points the interval is a fifth of that at 400: effects are five times those expected.
        assert!(held(&[0.25, 0.15, 0.10, 0.05], Rule::Above(0.0), least_gain) >= 0.8);
        assert!(held(&[0.25, 0.15, 0.10, 0.05], Rule::Above(0.0), first_minus_last) >= 0.8);
        assert!(held(&[0.05; 4], Rule::Above(0.0), average) >= 0.8);
        assert!(held(&[0.02, 0.06, 0.10, 0.14], Rule::Above(0.0), |g| per_doubling(g, &SIZES)) >= 0.8);
    }

    #[test]
    fn statistics_by_hand() {
        let flat = |v: f64| array![[v, v], [v, v]];
        assert_eq!(least_gain(&[flat(0.5), flat(0.25)]).unwrap().value, 0.25);
        assert_eq!(first_minus_last(&[flat(0.5), flat(9.0), flat(0.25)]).unwrap().value, 0.25);
        assert_eq!(average(&[flat(0.5), flat(0.25)]).unwrap().value, 0.375);
        // One point a doubling more: slope one.
        let e = per_doubling(&[flat(0.0), flat(1.0), flat(2.0)], &[1, 2, 4]).unwrap();
        assert!((e.value - 1.0).abs() < 1e-12);
        assert!(average(&[]).is_err() && first_minus_last(&[flat(0.0)]).is_err());
        assert!(least_gain(&[array![[f64::NAN, 0.0], [0.0, 0.0]]]).is_err());
    }
}
