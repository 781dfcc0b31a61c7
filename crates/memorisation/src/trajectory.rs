//! How the score of one example moves as models grow.

use crate::error::{MemorisationError, require, require_shape};
use crate::resample::MOST_DRAWS;
use crate::scores::Score;
use rand_distr::{Binomial, Distribution};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};
use tenfold_core_tensor::seed::Seed;

/// The shape of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// It stays within delta.
    Constant,
    /// It ends at least delta above its start and never falls by delta.
    Increasing,
    /// It ends at least delta below its start and never rises by delta.
    Decreasing,
    /// It has a maximum inside that exceeds both ends by delta.
    Cap,
    /// It has a minimum inside that both ends exceed by delta.
    U,
    /// Anything else.
    Mixed,
}

impl Shape {
    /// All shapes, in the order of tables.
    pub const ALL: [Self; 6] = [Self::Constant, Self::Increasing, Self::Decreasing, Self::Cap, Self::U, Self::Mixed];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Increasing => "increasing",
            Self::Decreasing => "decreasing",
            Self::Cap => "cap",
            Self::U => "u",
            Self::Mixed => "mixed",
        }
    }
}

/// The rule that sorts trajectories. It is ours: the paper's own was not found.
///
/// With scores `m_1 ... m_D` and standard errors `se_t` of one example at D sizes,
/// `delta = max(least, z median_{s<t} sqrt(se_s^2 + se_t^2))`, where z is the two-sided normal quantile at
/// `alpha / (D (D - 1) / 2)` (Bonferroni over all pairs of sizes). Then:
///
/// 1. constant if `max m - min m < delta`;
/// 2. increasing if `m_D - m_1 >= delta` and the largest drop below the running maximum is below delta;
///    decreasing mirrored;
/// 3. cap if an interior score exceeds both ends by at least delta; U mirrored;
/// 4. mixed otherwise.
///
/// Studies of all sizes should share their masks.
///
/// ```
/// use tenfold_memorisation::{Shape, TrajectoryRule};
/// let rule = TrajectoryRule::default();
/// let se = [0.01; 4];
/// assert_eq!(rule.classify(&[0.1, 0.3, 0.5, 0.9], &se)?, Shape::Increasing);
/// assert_eq!(rule.classify(&[0.1, 0.5, 0.6, 0.1], &se)?, Shape::Cap);
/// assert_eq!(rule.classify(&[0.1, 0.15, 0.1, 0.12], &se)?, Shape::Constant);
/// // The same scores with the errors of few models say nothing.
/// assert_eq!(rule.classify(&[0.1, 0.3, 0.2, 0.4], &[0.2; 4])?, Shape::Constant);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrajectoryRule {
    /// The smallest delta; default 0.1.
    pub least: f64,
    /// The level that all pairs of sizes share; default 0.05.
    pub alpha: f64,
}

impl Default for TrajectoryRule {
    fn default() -> Self {
        Self { least: 0.1, alpha: 0.05 }
    }
}

impl TrajectoryRule {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the field, its value and the rule.
    pub fn validate(&self) -> Result<(), MemorisationError> {
        require(self.least > 0.0 && self.least <= 1.0, "least", self.least, "must be above 0 and at most 1")?;
        require(self.alpha > 0.0 && self.alpha < 1.0, "alpha", self.alpha, "must be above 0 and below 1")
    }

    /// z of a number of sizes: 1.96 for two, 2.64 for four, 3.12 for eight.
    pub fn z(&self, sizes: usize) -> f64 {
        let pairs = (sizes * (sizes - 1) / 2).max(1) as f64;
        Normal::standard().inverse_cdf(1.0 - self.alpha / (2.0 * pairs))
    }

    /// Sorts one example's scores, in the order of sizes.
    ///
    /// # Errors
    /// Fewer than two sizes, other lengths, a number that is not finite, or settings that break a rule.
    pub fn classify(&self, scores: &[f64], errors: &[f64]) -> Result<Shape, MemorisationError> {
        self.validate()?;
        check(scores, errors)?;
        Ok(self.shape(scores, self.delta(errors)))
    }

    fn delta(&self, errors: &[f64]) -> f64 {
        let mut pairs: Vec<f64> =
            (0..errors.len()).flat_map(|s| (0..s).map(move |t| errors[s].hypot(errors[t]))).collect();
        pairs.sort_unstable_by(f64::total_cmp);
        self.least.max(self.z(errors.len()) * tenfold_core_tensor::stats::quantile_of_sorted(&pairs, 0.5))
    }

    fn shape(&self, m: &[f64], delta: f64) -> Shape {
        let (first, last) = (m[0], m[m.len() - 1]);
        let highest = m.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = m.iter().copied().fold(f64::INFINITY, f64::min);
        // The largest fall below what was reached before, and the largest rise above it.
        let falls = |sign: f64| {
            let mut reached = f64::NEG_INFINITY;
            m.iter().fold(0.0_f64, |worst, &v| {
                reached = reached.max(sign * v);
                worst.max(reached - sign * v)
            })
        };
        if highest - lowest < delta {
            Shape::Constant
        } else if last - first >= delta && falls(1.0) < delta {
            Shape::Increasing
        } else if first - last >= delta && falls(-1.0) < delta {
            Shape::Decreasing
        } else if highest - first >= delta && highest - last >= delta {
            Shape::Cap
        } else if first - lowest >= delta && last - lowest >= delta {
            Shape::U
        } else {
            Shape::Mixed
        }
    }

    /// Sorts all examples: `sizes[t][i]` is the score of example i at size t.
    ///
    /// # Errors
    /// Those of [`classify`](Self::classify), or sizes with different examples.
    pub fn classify_all(&self, sizes: &[Vec<Score>]) -> Result<Vec<Shape>, MemorisationError> {
        let n = examples(sizes)?;
        (0..n)
            .map(|i| {
                let of = |f: fn(&Score) -> f64| sizes.iter().map(|scores| f(&scores[i])).collect::<Vec<_>>();
                self.classify(&of(|s| s.mem.value), &of(|s| s.mem.se))
            })
            .collect()
    }

    /// How often each shape appears where nothing moves: every example keeps the same p_in and p_out (its means over the
    /// sizes) at all sizes, and scores are drawn again with the study's numbers of models, `draws` times. Shares in the
    /// order of [`Shape::ALL`], one row for each draw.
    ///
    /// A share of increasing or cap-shaped examples that is no larger than here is noise.
    ///
    /// # Errors
    /// Those of [`classify_all`](Self::classify_all); no draws, or more than [`MOST_DRAWS`].
    pub fn null(&self, sizes: &[Vec<Score>], draws: usize, seed: Seed) -> Result<Vec<[f64; 6]>, MemorisationError> {
        self.validate()?;
        let n = examples(sizes)?;
        require(sizes.len() >= 2, "sizes", sizes.len(), "must be at least 2")?;
        require(draws >= 1, "draws", draws, "must be at least 1")?;
        require(draws <= MOST_DRAWS, "draws", draws, format!("must be at most {MOST_DRAWS}"))?;
        let pooled: Vec<(f64, f64)> = (0..n)
            .map(|i| {
                let mean = |f: fn(&Score) -> f64| sizes.iter().map(|s| f(&s[i])).sum::<f64>() / sizes.len() as f64;
                (mean(|s| s.p_in), mean(|s| s.p_out))
            })
            .collect();
        let seed = seed.named("trajectory-null");
        let one = |draw: u64| {
            let mut rng = seed.child(draw).rng();
            let mut counts = [0_usize; 6];
            for (i, &(p_in, p_out)) in pooled.iter().enumerate() {
                let drawn: Vec<(f64, f64)> = sizes
                    .iter()
                    .map(|scores| {
                        let (k_in, k_out) = (scores[i].k_in, scores[i].k_out);
                        let (a, b) = (share(p_in, k_in, &mut rng), share(p_out, k_out, &mut rng));
                        let of = |p: f64, k: usize| p * (1.0 - p) / (k - 1) as f64;
                        (a - b, (of(a, k_in) + of(b, k_out)).sqrt())
                    })
                    .collect();
                let (m, se): (Vec<f64>, Vec<f64>) = drawn.into_iter().unzip();
                let shape = self.shape(&m, self.delta(&se));
                counts[Shape::ALL.iter().position(|s| *s == shape).unwrap_or(5)] += 1;
            }
            counts.map(|c| c as f64 / n as f64)
        };
        Ok((0..draws as u64).into_par_iter().map(one).collect())
    }
}

/// The share of k draws that succeed.
fn share(p: f64, k: usize, rng: &mut tenfold_core_tensor::seed::Rng) -> f64 {
    match Binomial::new(k as u64, p.clamp(0.0, 1.0)) {
        Ok(binomial) => binomial.sample(rng) as f64 / k as f64,
        Err(_) => p,
    }
}

/// The shares of the shapes, in the order of [`Shape::ALL`].
pub fn shares(shapes: &[Shape]) -> [f64; 6] {
    Shape::ALL.map(|shape| shapes.iter().filter(|s| **s == shape).count() as f64 / shapes.len() as f64)
}

/// The softer rule: least squares of the scores on `(1, t, t^2)`, t from -1 to 1 over the sizes, and the signs of slope and
/// curvature where their intervals over resampled models exclude zero.
///
/// `draws[b][t]` are the example's scores at all sizes in draw b of the models ([`Resamples`](crate::Resamples), the same
/// draws for all sizes). Where the curvature is sure and the vertex lies inside, the shape is a cap or a U; otherwise a sure
/// slope makes it increasing or decreasing; otherwise it is constant.
///
/// # Errors
/// Fewer than three sizes, fewer than 200 draws, or draws of another length.
///
/// ```
/// use tenfold_memorisation::{Shape, quadratic_shape};
/// let draws: Vec<Vec<f64>> = (0..200).map(|b| vec![0.1, 0.5 + (b % 5) as f64 / 100.0, 0.1]).collect();
/// assert_eq!(quadratic_shape(&draws)?, Shape::Cap);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
pub fn quadratic_shape(draws: &[Vec<f64>]) -> Result<Shape, MemorisationError> {
    require(draws.len() >= 200, "draws", draws.len(), "must be at least 200")?;
    let d = draws[0].len();
    require(d >= 3, "sizes", d, "a curvature needs at least 3")?;
    let t: Vec<f64> = (0..d).map(|i| 2.0 * i as f64 / (d - 1) as f64 - 1.0).collect();
    // t and t^2 - mean(t^2) are orthogonal to each other and to 1.
    let square = t.iter().map(|t| t * t).sum::<f64>() / d as f64;
    let bend: Vec<f64> = t.iter().map(|t| t * t - square).collect();
    let along = |basis: &[f64], m: &[f64]| {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        dot(basis, m) / dot(basis, basis)
    };
    let (mut slopes, mut bends) = (Vec::new(), Vec::new());
    for m in draws {
        require_shape("draws", &[d], &[m.len()], "one score for each size")?;
        if m.iter().all(|v| v.is_finite()) {
            slopes.push(along(&t, m));
            bends.push(along(&bend, m));
        }
    }
    let sure = |values: &mut Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        let [lo, middle, hi] = [0.025, 0.5, 0.975].map(|q| tenfold_core_tensor::stats::quantile_of_sorted(values, q));
        (middle, if lo > 0.0 || hi < 0.0 { middle } else { 0.0 })
    };
    let ((slope, sure_slope), (_, sure_bend)) = (sure(&mut slopes), sure(&mut bends));
    let inside = sure_bend != 0.0 && (-slope / (2.0 * sure_bend)).abs() < 1.0;
    Ok(match (inside, sure_bend, sure_slope) {
        (true, bend, _) if bend < 0.0 => Shape::Cap,
        (true, ..) => Shape::U,
        (false, _, slope) if slope > 0.0 => Shape::Increasing,
        (false, _, slope) if slope < 0.0 => Shape::Decreasing,
        // A sure bend whose vertex lies outside moves one way.
        (false, bend, _) if bend != 0.0 && slope > 0.0 => Shape::Increasing,
        (false, bend, _) if bend != 0.0 && slope < 0.0 => Shape::Decreasing,
        _ => Shape::Constant,
    })
}

fn check(scores: &[f64], errors: &[f64]) -> Result<(), MemorisationError> {
    require(scores.len() >= 2, "sizes", scores.len(), "must be at least 2")?;
    require_shape("scores and errors", &[scores.len()], &[errors.len()], "one of each for every size")?;
    let finite = scores.iter().chain(errors).find(|v| !v.is_finite());
    require(finite.is_none(), "score", finite.copied().unwrap_or(0.0), "must be finite")
}

/// The number of examples, the same at every size.
fn examples(sizes: &[Vec<Score>]) -> Result<usize, MemorisationError> {
    let n = sizes.first().map_or(0, Vec::len);
    require(n > 0, "examples", n, "must be at least 1")?;
    for scores in sizes {
        require_shape("scores of two sizes", &[n], &[scores.len()], "must be of the same examples")?;
    }
    Ok(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tenfold_core_tensor::stats::newcombe;

    fn at(p_in: f64, p_out: f64, k: usize) -> Score {
        let (k_in, k_out) = (7 * k / 10, 3 * k / 10);
        let counts = |p: f64, k: usize| ((p * k as f64).round() as usize, k);
        let mem = newcombe(counts(p_in, k_in), counts(p_out, k_out)).unwrap();
        Score { k_in, k_out, p_in, p_out, mem }
    }

    #[test]
    fn shapes_by_hand() {
        let rule = TrajectoryRule::default();
        let se = [0.001; 5];
        for (m, shape) in [
            ([0.5, 0.54, 0.5, 0.46, 0.5], Shape::Constant),
            ([0.9, 0.6, 0.65, 0.3, 0.1], Shape::Decreasing),
            ([0.1, 0.05, 0.3, 0.28, 0.9], Shape::Increasing),
            ([0.1, 0.9, 0.5, 0.3, 0.2], Shape::Cap),
            ([0.9, 0.5, 0.1, 0.3, 0.8], Shape::U),
            // Up by delta at the end, but with a fall on the way that no interior maximum above the end explains.
            ([0.1, 0.5, 0.2, 0.55, 0.5], Shape::Mixed),
        ] {
            assert_eq!(rule.classify(&m, &se).unwrap(), shape, "{m:?}");
        }
        assert!((rule.z(2) - 1.96).abs() < 1e-3 && (rule.z(8) - 3.124).abs() < 1e-3, "{}", rule.z(8));
    }

    proptest! {
        #[test]
        fn turning_a_trajectory_around_turns_its_shape(m in prop::collection::vec(-1.0..1.0_f64, 2..7)) {
            let rule = TrajectoryRule::default();
            let se = vec![0.01; m.len()];
            let shape = rule.classify(&m, &se).unwrap();
            let backwards: Vec<f64> = m.iter().rev().copied().collect();
            let turned = match shape {
                Shape::Increasing => Shape::Decreasing,
                Shape::Decreasing => Shape::Increasing,
                other => other,
            };
            prop_assert_eq!(rule.classify(&backwards, &se).unwrap(), turned);
            let negative: Vec<f64> = m.iter().map(|v| -v).collect();
            let mirrored = match (shape, rule.classify(&negative, &se).unwrap()) {
                // Both a cap and a U: the cap is asked for first.
                (Shape::Cap, Shape::Cap) => Shape::Cap,
                (Shape::Cap, _) => Shape::U,
                (Shape::U, _) => Shape::Cap,
                (Shape::Increasing, _) => Shape::Decreasing,
                (Shape::Decreasing, _) => Shape::Increasing,
                (other, _) => other,
            };
            prop_assert_eq!(rule.classify(&negative, &se).unwrap(), mirrored);
        }
    }

    #[test]
    fn where_nothing_moves_nearly_all_is_constant() {
        let sizes: Vec<Vec<Score>> =
            (0..5).map(|_| (0..60).map(|i| at(1.0, f64::from(i) / 60.0, 400)).collect()).collect();
        let rule = TrajectoryRule::default();
        let null = rule.null(&sizes, 40, Seed::new(1)).unwrap();
        let mean = |s: usize| null.iter().map(|shares| shares[s]).sum::<f64>() / 40.0;
        assert!(mean(0) > 0.9, "{}", mean(0));
        assert_eq!(null, rule.null(&sizes, 40, Seed::new(1)).unwrap());
        assert!(null.iter().all(|shares| (shares.iter().sum::<f64>() - 1.0).abs() < 1e-12));
    }

    #[test]
    fn the_quadratic_rule_needs_sure_signs() {
        let noisy = |m: [f64; 4], spread: f64| {
            let draw = |b: usize| {
                m.iter().enumerate().map(|(t, v)| v + spread * (((b * 7 + t * 3) % 11) as f64 - 5.0)).collect()
            };
            quadratic_shape(&(0..300).map(draw).collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(noisy([0.1, 0.2, 0.3, 0.4], 0.001), Shape::Increasing);
        assert_eq!(noisy([0.9, 0.6, 0.35, 0.1], 0.001), Shape::Decreasing);
        assert_eq!(noisy([0.5, 0.1, 0.1, 0.5], 0.001), Shape::U);
        assert_eq!(noisy([0.1, 0.2, 0.3, 0.4], 0.5), Shape::Constant);
        assert!(quadratic_shape(&vec![vec![0.0; 2]; 200]).is_err());
    }

    #[test]
    fn settings_and_inputs_are_checked() {
        let fails = |e: MemorisationError, start: &str| assert!(e.to_string().starts_with(start), "{e}");
        fails(TrajectoryRule { least: 0.0, alpha: 0.05 }.validate().unwrap_err(), "least = 0: ");
        fails(TrajectoryRule { least: 0.1, alpha: 1.0 }.validate().unwrap_err(), "alpha = 1: ");
        let rule = TrajectoryRule::default();
        fails(rule.classify(&[0.1], &[0.1]).unwrap_err(), "sizes = 1: ");
        fails(rule.classify(&[0.1, f64::NAN], &[0.1, 0.1]).unwrap_err(), "score = NaN: ");
        fails(rule.classify(&[0.1, 0.2], &[0.1]).unwrap_err(), "scores and errors: ");
        fails(rule.classify_all(&[vec![at(1.0, 0.5, 40)], vec![]]).unwrap_err(), "scores of two sizes: ");
    }
}
