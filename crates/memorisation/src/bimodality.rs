//! Whether scores gather at two ends: statistics in place of a picture.

use crate::error::{MemorisationError, require};
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;

/// How scores are spread between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bimodality {
    /// Share of scores below 0.1.
    pub low: f64,
    /// Share from 0.1 to 0.9.
    pub between: f64,
    /// Share above 0.9.
    pub high: f64,
    /// Sarle's coefficient `(g^2 + 1) / (k + 3 (n - 1)^2 / ((n - 2)(n - 3)))` with the sample's skewness g and excess kurtosis
    /// k; 5/9 for a uniform distribution, 1 for two points. NaN where all scores are equal.
    pub sarle: f64,
    /// Hartigan and Hartigan's dip: the largest distance between the scores' distribution function and the nearest one
    /// with a single mode.
    pub dip: f64,
}

/// The statistics of some scores.
///
/// Scores of few models lie on a grid and are spread by chance; compare with binomial noise at the same K, or with
/// [`dip_p_value`].
///
/// ```
/// use tenfold_memorisation::bimodality;
/// let ends: Vec<f64> = (0..100).map(|i| if i < 60 { 0.0 } else { 0.95 }).collect();
/// let b = bimodality(&ends)?;
/// assert_eq!((b.low, b.high), (0.6, 0.4));
/// assert!(b.sarle > 0.9 && b.dip > 0.1);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// Fewer than four scores, or one that is not finite.
pub fn bimodality(scores: &[f64]) -> Result<Bimodality, MemorisationError> {
    require(scores.len() >= 4, "scores", scores.len(), "must be at least 4")?;
    let bad = scores.iter().find(|s| !s.is_finite());
    require(bad.is_none(), "score", bad.copied().unwrap_or(0.0), "must be finite")?;
    let n = scores.len() as f64;
    let share = |of: &dyn Fn(f64) -> bool| scores.iter().filter(|s| of(**s)).count() as f64 / n;
    let (low, high) = (share(&|s| s < 0.1), share(&|s| s > 0.9));
    Ok(Bimodality { low, high, between: 1.0 - low - high, sarle: sarle(scores), dip: dip(scores) })
}

fn sarle(scores: &[f64]) -> f64 {
    let n = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / n;
    let moment = |p: i32| scores.iter().map(|s| (s - mean).powi(p)).sum::<f64>() / n;
    let (m2, m3, m4) = (moment(2), moment(3), moment(4));
    let skewness = (n * (n - 1.0)).sqrt() / (n - 2.0) * m3 / m2.powf(1.5);
    let kurtosis = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * (m4 / (m2 * m2) - 3.0) + 6.0);
    (skewness * skewness + 1.0) / (kurtosis + 3.0 * (n - 1.0).powi(2) / ((n - 2.0) * (n - 3.0)))
}

/// The dip of some numbers, by Hartigan's algorithm: convex minorant and concave majorant of the distribution function
/// close in on the interval where it may be of one mode.
fn dip(numbers: &[f64]) -> f64 {
    let mut x = numbers.to_vec();
    x.sort_unstable_by(f64::total_cmp);
    let n = x.len();
    if x[0] == x[n - 1] {
        return 1.0 / (2 * n) as f64;
    }
    // For each point, the next one of the greatest convex minorant to its left and of the least concave majorant to its
    // right, of the points (x_i, i).
    let steeper =
        |a: usize, b: usize, c: usize| (x[c] - x[b]) * (b as f64 - a as f64) < (x[b] - x[a]) * (c as f64 - b as f64);
    let mut minorant = vec![0; n];
    for j in 1..n {
        minorant[j] = j - 1;
        while minorant[j] > 0 && !steeper(minorant[minorant[j]], minorant[j], j) {
            minorant[j] = minorant[minorant[j]];
        }
    }
    let mut majorant = vec![n - 1; n];
    for j in (0..n - 1).rev() {
        majorant[j] = j + 1;
        while majorant[j] < n - 1 && steeper(j, majorant[j], majorant[majorant[j]]) {
            majorant[j] = majorant[majorant[j]];
        }
    }
    let (mut low, mut high) = (0, n - 1);
    let mut largest = 1.0_f64;
    loop {
        let chain = |from: usize, to: usize, next: &[usize]| {
            let mut points = vec![from];
            while points[points.len() - 1] != to {
                let at = next[points[points.len() - 1]];
                points.push(if (to < from && at < to) || (to > from && at > to) { to } else { at });
            }
            points
        };
        let (below, above) = (chain(high, low, &minorant), chain(low, high, &majorant));
        // The largest distance between the two, and where on each it is found.
        let (mut distance, mut at_below, mut at_above) = (0.0, below.len() - 1, above.len() - 1);
        if below.len() != 2 || above.len() != 2 {
            let (mut b, mut a) = (below.len() as isize - 2, 1_usize);
            loop {
                let (g, l) = (below[b as usize], above[a]);
                let (found, used_below) = if g > l {
                    let g1 = below[b as usize + 1];
                    let d = l as f64 - g1 as f64 + 1.0 - (x[l] - x[g1]) * (g as f64 - g1 as f64) / (x[g] - x[g1]);
                    a += 1;
                    (d, (b as usize + 1, a - 1))
                } else {
                    let l1 = above[a - 1];
                    let d = (x[g] - x[l1]) * (l as f64 - l1 as f64) / (x[l] - x[l1]) - (g as f64 - l1 as f64 - 1.0);
                    b -= 1;
                    (d, ((b + 1) as usize, a))
                };
                if found >= distance {
                    (distance, (at_below, at_above)) = (found, used_below);
                }
                b = b.max(0);
                a = a.min(above.len() - 1);
                if below[b as usize] == above[a] {
                    break;
                }
            }
        } else {
            distance = 1.0;
        }
        if distance < largest {
            break;
        }
        // The largest distance of the distribution function from either within the part that is given up.
        let within = |points: &[usize], from: usize, convex: bool| {
            let mut worst = 0.0_f64;
            for pair in points[from..].windows(2) {
                let (left, right) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
                let mut local = 1.0_f64;
                if right - left > 1 && x[right] != x[left] {
                    let slope = (right - left) as f64 / (x[right] - x[left]);
                    for j in left..=right {
                        let line = (x[j] - x[left]) * slope;
                        let gap = (j - left) as f64;
                        local = local.max(if convex { gap + 1.0 - line } else { line - gap + 1.0 });
                    }
                }
                worst = worst.max(local);
            }
            worst
        };
        let worst = within(&below, at_below, true).max(within(&above[..], at_above, false));
        largest = largest.max(worst);
        let (new_low, new_high) = (below[at_below], above[at_above]);
        if (new_low, new_high) == (low, high) {
            break;
        }
        (low, high) = (new_low, new_high);
    }
    largest / (2 * n) as f64
}

/// The share of samples of as many uniform numbers whose dip is at least this one's, with one added to both: small where
/// one mode cannot explain the scores.
///
/// # Errors
/// Those of [`bimodality()`], or no draws.
pub fn dip_p_value(scores: &[f64], draws: usize, seed: Seed) -> Result<f64, MemorisationError> {
    require(draws >= 1, "draws", draws, "must be at least 1")?;
    let own = bimodality(scores)?.dip;
    let seed = seed.named("dip");
    let larger = (0..draws as u64).into_par_iter().filter(|&draw| {
        let mut rng = seed.child(draw).rng();
        let uniform: Vec<f64> = (0..scores.len()).map(|_| rng.random()).collect();
        dip(&uniform) >= own
    });
    Ok((larger.count() + 1) as f64 / (draws + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dips_of_known_samples() {
        // Equal spacing has the smallest dip there is, 1 / 2n; two heaps the largest, 1/4.
        let even: Vec<f64> = (0..50).map(f64::from).collect();
        assert!((dip(&even) - 0.01).abs() < 1e-12, "{}", dip(&even));
        let heaps: Vec<f64> = (0..100).map(|i| if i < 50 { 0.0 } else { 1.0 }).collect();
        assert!((dip(&heaps) - 0.25).abs() < 1e-12, "{}", dip(&heaps));
        assert_eq!(dip(&[2.0; 5]), 0.1);
    }

    #[test]
    fn one_heap_and_two_are_told_apart() {
        let mut rng = Seed::new(9).rng();
        let one: Vec<f64> = (0..300).map(|_| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() / 12.0).collect();
        let two: Vec<f64> = one.iter().enumerate().map(|(i, v)| v + if i % 2 == 0 { 1.0 } else { 0.0 }).collect();
        assert!(dip_p_value(&one, 200, Seed::new(1)).unwrap() > 0.3);
        assert!(dip_p_value(&two, 200, Seed::new(1)).unwrap() < 0.01);
        let uniform: Vec<f64> = (0..2000).map(|_| rng.random()).collect();
        assert!((sarle(&uniform) - 5.0 / 9.0).abs() < 0.03);
    }

    #[test]
    fn bad_scores_are_refused() {
        assert!(bimodality(&[0.1, 0.2, 0.3]).unwrap_err().to_string().starts_with("scores = 3: "));
        assert!(bimodality(&[0.1, 0.2, 0.3, f64::NAN]).unwrap_err().to_string().starts_with("score = NaN: "));
    }
}
