//! Average, balanced and worst-class accuracy with intervals.

use super::draws::{Numbers, check, draws};
use super::predictions::Predictions;
use crate::error::DistillError;
use serde::Serialize;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean};

/// The mean of the k lowest recalls, and how far down it is biased.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstOf {
    /// k.
    pub k: usize,
    /// The classes of lowest recall, lowest first, the first of equals.
    pub classes: Vec<usize>,
    /// The mean of their recalls as it is observed.
    pub observed: f64,
    /// How far down, by the bootstrap: the mean over draws minus what is observed, at most a rounding above 0.
    pub bias: f64,
    /// What is observed minus the bias, with the interval that the bootstrap reflects about what is observed, in `[0, 1]`.
    pub corrected: Estimate,
}

/// Accuracy of one model: intervals are from test sets drawn anew with as many points of each class; unit: test points.
///
/// **The minimum is biased down**: the class that looks worst is often one that had bad luck. [`WorstOf::bias`] says how far, as seen
/// by the bootstrap, and [`WorstOf::corrected`] takes it off. The bootstrap sees only part of it: for many classes whose true recalls
/// are all equal it finds `sqrt(2) - 1`, 41 % of the bias (derived in this project for normal recalls); where one class is clearly
/// the worst there is no bias, and it finds none. So the corrected number is still too low on average. Where all points of a class
/// are wrong (or right) its draws never differ: look at Wilson's interval in [`Predictions::recalls`].
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_distill::{Predictions, Summary};
/// // Ten classes of twenty points; each is right on 14 of them, but for class 3, which is right on 11.
/// let labels: Vec<usize> = (0..200).map(|i| i / 20).collect();
/// let right = |i: usize| i % 20 < if i / 20 == 3 { 11 } else { 14 };
/// let predicted = (0..200).map(|i| if right(i) { i / 20 } else { (i / 20 + 1) % 10 }).collect();
/// let found = Summary::of(&Predictions::of_classes(predicted, &labels, 10)?, &[1, 3], 1000, Seed::new(1))?;
/// let worst = &found.worst[0];
/// assert_eq!((worst.observed, worst.classes[0]), (0.55, 3));
/// assert!(worst.bias < -0.03 && worst.corrected.value > 0.58);
/// assert!(found.balanced.lo < 0.685 && 0.685 < found.balanced.hi);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Test points.
    pub points: usize,
    /// The share of all points that are right.
    pub average: Estimate,
    /// The mean of recalls.
    pub balanced: Estimate,
    /// The mean of the k lowest recalls, for each k that was asked for.
    pub worst: Vec<WorstOf>,
    /// Draws of the bootstrap.
    pub draws: usize,
}

impl Summary {
    /// Of predictions, with the k of [`WorstOf`] that are of interest.
    ///
    /// # Errors
    /// Fewer than [`FEWEST_DRAWS`](crate::FEWEST_DRAWS) draws or more than [`MOST_DRAWS`](crate::MOST_DRAWS), or a k that is 0 or above the number of classes.
    pub fn of(found: &Predictions, ks: &[usize], count: usize, seed: Seed) -> Result<Self, DistillError> {
        check(found.classes(), ks, count)?;
        let numbers = Numbers::of(found.right(), found.counts(), ks);
        let mut drawn = draws(found, ks, count, seed.named("summary")).into_iter();
        let mut next = || drawn.next().expect("a list for each number");
        let points = found.points();
        let average = Estimate::from_draws(numbers.average, next(), points);
        let balanced = Estimate::from_draws(numbers.balanced, next(), points);
        let order = lowest_first(found);
        let worst_of = |(&k, &observed): (&usize, &f64)| {
            let drawn = next();
            let bias = mean(&drawn) - observed;
            let reflected = Estimate::reflected(observed, drawn, points);
            let [value, lo, hi] = [reflected.value, reflected.lo, reflected.hi].map(|v| v.clamp(0.0, 1.0));
            let corrected = Estimate { value, lo, hi, ..reflected };
            WorstOf { k, classes: order[..k].to_vec(), observed, bias, corrected }
        };
        let worst = ks.iter().zip(&numbers.worst).map(worst_of).collect();
        Ok(Self { points, average, balanced, worst, draws: count })
    }
}

/// Classes by rising recall, the first of equals first.
fn lowest_first(found: &Predictions) -> Vec<usize> {
    let mut order: Vec<usize> = (0..found.classes()).collect();
    // Fractions compared without rounding.
    order.sort_by(|&a, &b| (found.right()[a] * found.counts()[b]).cmp(&(found.right()[b] * found.counts()[a])));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    /// Predictions of m classes of n points with some true recall each.
    fn drawn(recalls: &[f64], n: usize, seed: Seed) -> Predictions {
        let mut rng = seed.rng();
        let labels: Vec<usize> = (0..recalls.len() * n).map(|i| i / n).collect();
        let predicted = labels
            .iter()
            .map(|&y| if rng.random::<f64>() < recalls[y] { y } else { (y + 1) % recalls.len() })
            .collect();
        Predictions::of_classes(predicted, &labels, recalls.len()).unwrap()
    }

    #[test]
    fn of_equal_classes_the_bootstrap_sees_two_fifths_of_the_bias() {
        let (m, n, trials) = (20, 200, 60);
        let (mut seen, mut truth) = (0.0, 0.0);
        for t in 0..trials {
            let found = Summary::of(&drawn(&vec![0.7; m], n, Seed::new(t)), &[1], 400, Seed::new(t)).unwrap();
            seen += found.worst[0].bias / trials as f64;
            truth += (found.worst[0].observed - 0.7) / trials as f64;
        }
        assert!((seen / truth - (2.0_f64.sqrt() - 1.0)).abs() < 0.08, "{seen} of {truth}");
    }

    #[test]
    fn a_class_that_is_clearly_the_worst_has_no_bias_and_its_interval_covers() {
        let mut recalls = vec![0.9; 8];
        recalls[5] = 0.4;
        let (trials, mut covered) = (400, 0);
        for t in 0..trials {
            let found = Summary::of(&drawn(&recalls, 150, Seed::new(t)), &[1], 300, Seed::new(t)).unwrap();
            let worst = &found.worst[0];
            assert!(worst.bias.abs() < 0.01 && worst.classes == [5]);
            covered += usize::from(worst.corrected.lo <= 0.4 && 0.4 <= worst.corrected.hi);
        }
        let share = covered as f64 / trials as f64;
        assert!(share > 0.93 - 4.0 * (0.95 * 0.05 / trials as f64).sqrt(), "{share}");
    }

    #[test]
    fn settings_are_checked_and_equal_seeds_agree() {
        let found = drawn(&[0.5, 0.8, 0.9], 30, Seed::new(1));
        let of = |ks: &[usize], draws| Summary::of(&found, ks, draws, Seed::new(3));
        assert_eq!(of(&[1], 100).unwrap_err().to_string(), "draws = 100: must be at least 200");
        assert_eq!(of(&[1], 100_001).unwrap_err().to_string(), "draws = 100001: must be at most 100000");
        assert_eq!(of(&[4], 200).unwrap_err().to_string(), "k = 4: must be from 1 to the 3 classes");
        assert_eq!(of(&[1, 2], 200).unwrap(), of(&[1, 2], 200).unwrap());
        let all = of(&[3], 200).unwrap();
        assert!((all.worst[0].observed - all.balanced.value).abs() < 1e-12);
    }
}
