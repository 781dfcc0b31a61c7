//! Test sets drawn anew, with as many points of each class.

use super::predictions::Predictions;
use crate::error::{DistillError, require};
use rand::Rng;
use rand_distr::{Binomial, Distribution};
use rayon::prelude::*;
use serde::Serialize;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean};

/// Fewer draws than this give no interval.
pub const FEWEST_DRAWS: usize = 200;

/// More draws than this are refused: they are kept until the interval is found.
pub const MOST_DRAWS: usize = 100_000;

/// Average and balanced accuracy, and the mean of the k lowest recalls for each k that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Numbers {
    pub(crate) average: f64,
    pub(crate) balanced: f64,
    pub(crate) worst: Vec<f64>,
}

impl Numbers {
    /// From how many points of each class are right.
    pub(crate) fn of(right: &[usize], counts: &[usize], ks: &[usize]) -> Self {
        let mut recalls: Vec<f64> = right.iter().zip(counts).map(|(k, n)| *k as f64 / *n as f64).collect();
        let average = right.iter().sum::<usize>() as f64 / counts.iter().sum::<usize>() as f64;
        let balanced = recalls.iter().sum::<f64>() / recalls.len() as f64;
        recalls.sort_unstable_by(f64::total_cmp);
        let worst = ks.iter().map(|&k| recalls[..k].iter().sum::<f64>() / k as f64).collect();
        Self { average, balanced, worst }
    }

    /// One after the other.
    pub(crate) fn flat(&self) -> Vec<f64> {
        [self.average, self.balanced].into_iter().chain(self.worst.iter().copied()).collect()
    }
}

/// A difference of means of the k lowest recalls, and how far it is biased: the biases of two minima need not cancel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WorstDifference {
    /// k.
    pub k: usize,
    /// The difference as it is observed.
    pub observed: f64,
    /// What the bootstrap sees of its bias: the mean over draws minus what is observed.
    pub bias: f64,
    /// What is observed minus the bias, with the interval that the bootstrap reflects about what is observed; unit: test points.
    pub corrected: Estimate,
}

/// What differences of [`Numbers::flat`] and their draws say: of the average, of the balanced accuracy, and of the worst classes.
pub(crate) fn differences(
    observed: &[f64],
    drawn: Vec<Vec<f64>>,
    ks: &[usize],
    points: usize,
) -> (Estimate, Estimate, Vec<WorstDifference>) {
    let mut both = observed.iter().copied().zip(drawn);
    let mut next = || both.next().expect("a number and its draws");
    let [average, balanced] = [(); 2].map(|()| {
        let (value, drawn) = next();
        Estimate::from_draws(value, drawn, points)
    });
    let worst = |&k: &usize| {
        let (observed, drawn) = next();
        let bias = mean(&drawn) - observed;
        WorstDifference { k, observed, bias, corrected: Estimate::reflected(observed, drawn, points) }
    };
    let worst = ks.iter().map(worst).collect();
    (average, balanced, worst)
}

/// Fails unless there are enough draws and not too many, and every k is from 1 to the number of classes.
pub(crate) fn check(classes: usize, ks: &[usize], draws: usize) -> Result<(), DistillError> {
    require(draws >= FEWEST_DRAWS, "draws", draws, format!("must be at least {FEWEST_DRAWS}"))?;
    require(draws <= MOST_DRAWS, "draws", draws, format!("must be at most {MOST_DRAWS}"))?;
    let bad = ks.iter().find(|k| **k < 1 || **k > classes);
    require(bad.is_none(), "k", bad.unwrap_or(&0), format!("must be from 1 to the {classes} classes"))
}

/// How many points of each class are right when the points of each class are drawn anew with replacement: a binomial number, so
/// that a draw costs as much as there are classes, not points.
fn draw_right(found: &Predictions, rng: &mut impl Rng) -> Vec<usize> {
    found.right().iter().zip(found.counts()).map(|(k, n)| binomial(*n, *k as f64 / *n as f64, rng)).collect()
}

/// Successes in n trials.
pub(crate) fn binomial(n: usize, p: f64, rng: &mut impl Rng) -> usize {
    match p {
        p if p <= 0.0 || n == 0 => 0,
        p if p >= 1.0 => n,
        p => Binomial::new(n as u64, p).expect("a probability").sample(rng) as usize,
    }
}

/// The numbers of draws, one list for each; draw b uses `seed.child(b)`, whatever the number of threads.
pub(crate) fn draws(found: &Predictions, ks: &[usize], draws: usize, seed: Seed) -> Vec<Vec<f64>> {
    let one = |b: u64| Numbers::of(&draw_right(found, &mut seed.child(b).rng()), found.counts(), ks).flat();
    columns((0..draws as u64).into_par_iter().map(one).collect())
}

/// Lists of draws from draws of lists.
pub(crate) fn columns(rows: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let width = rows.first().map_or(0, Vec::len);
    (0..width).map(|k| rows.iter().map(|row| row[k]).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenfold_core_tensor::stats::variance;

    fn example() -> Predictions {
        let labels: Vec<usize> = (0..60).map(|i| usize::from(i >= 40)).collect();
        let predicted = (0..60).map(|i| usize::from(i >= 30 && i != 50)).collect();
        Predictions::of_classes(predicted, &labels, 2).unwrap()
    }

    #[test]
    fn numbers_by_hand() {
        let found = example();
        let numbers = Numbers::of(found.right(), found.counts(), &[1, 2]);
        assert!((numbers.average - 49.0 / 60.0).abs() < 1e-15 && (numbers.balanced - 0.85).abs() < 1e-15);
        assert!((numbers.worst[0] - 0.75).abs() < 1e-15 && (numbers.worst[1] - 0.85).abs() < 1e-15);
    }

    #[test]
    fn draws_of_counts_are_draws_of_points() {
        let found = example();
        let drawn = draws(&found, &[1], 20_000, Seed::new(1));
        // The mean and the variance of a share, by its formula; of the balanced accuracy, a quarter of the sum of two.
        let variances = [0.75 * 0.25 / 40.0, 0.95 * 0.05 / 20.0];
        assert!((mean(&drawn[1]) - 0.85).abs() < 4.0 * (variances[0] / 20_000.0_f64).sqrt());
        assert!((variance(&drawn[1]) / ((variances[0] + variances[1]) / 4.0) - 1.0).abs() < 0.05);
        assert!(mean(&drawn[2]) < 0.75 && mean(&drawn[2]) > 0.74);
    }

    #[test]
    fn threads_do_not_matter() {
        let found = example();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| draws(&found, &[1, 2], 300, Seed::new(2)))
        };
        assert_eq!(run(1), run(4));
        assert!(check(2, &[1], 199).is_err() && check(2, &[0], 200).is_err() && check(2, &[3], 200).is_err());
    }
}
