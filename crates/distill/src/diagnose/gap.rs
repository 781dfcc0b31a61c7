//! Validation against test.

use super::draws::{Numbers, WorstDifference, check, differences, draws};
use super::predictions::Predictions;
use crate::error::{DistillError, require_shape};
use serde::Serialize;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::Estimate;

/// How much better a model looks on the set that chose it (validation, whose labels updated multipliers, chose weights or a
/// temperature) than on a fresh one: validation minus test. Unit of the intervals: the points of both sets, drawn anew with as many of
/// each class.
///
/// A minimum over classes falls with fewer points of a class, so compare sets of one size, or the gap of the worst class is partly
/// that; what the bootstrap sees of it is taken off.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_distill::{Gap, Predictions};
/// let labels: Vec<usize> = (0..200).map(|i| i / 100).collect();
/// let of = |right: usize| {
///     let predict = |i: usize| if i % 100 < right { i / 100 } else { 1 - i / 100 };
///     Predictions::of_classes((0..200).map(predict).collect(), &labels, 2)
/// };
/// let gap = Gap::of(&of(90)?, &of(60)?, &[1], 500, Seed::new(1))?;
/// assert!((gap.balanced.value - 0.3).abs() < 1e-12 && gap.balanced.above(0.1) && gap.worst[0].corrected.above(0.1));
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// Of the share of all points that are right.
    pub average: Estimate,
    /// Of the mean of recalls.
    pub balanced: Estimate,
    /// Of the mean of the k lowest recalls, for each k that was asked for.
    pub worst: Vec<WorstDifference>,
    /// Draws of the bootstrap.
    pub draws: usize,
}

impl Gap {
    /// Of one model on both sets.
    ///
    /// # Errors
    /// Other numbers of classes, fewer than [`FEWEST_DRAWS`](crate::FEWEST_DRAWS) draws or more than
    /// [`MOST_DRAWS`](crate::MOST_DRAWS), or a k that is 0 or above the number of classes.
    pub fn of(
        validation: &Predictions,
        test: &Predictions,
        ks: &[usize],
        count: usize,
        seed: Seed,
    ) -> Result<Self, DistillError> {
        require_shape("validation and test", &[validation.classes()], &[test.classes()], "the same classes")?;
        check(test.classes(), ks, count)?;
        let numbers = |p: &Predictions| Numbers::of(p.right(), p.counts(), ks).flat();
        let sets = [(validation, "validation"), (test, "test")];
        let [a, b] = sets.map(|(set, name)| draws(set, ks, count, seed.named("gap").named(name)));
        let points = validation.points().min(test.points());
        let values: Vec<f64> = numbers(validation).into_iter().zip(numbers(test)).map(|(a, b)| a - b).collect();
        let drawn = a.into_iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect());
        let (average, balanced, worst) = differences(&values, drawn.collect(), ks, points);
        Ok(Self { average, balanced, worst, draws: count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_set_has_no_gap_but_an_interval() {
        let labels: Vec<usize> = (0..60).map(|i| i % 3).collect();
        let found = Predictions::of_classes((0..60).map(|i| (i / 4) % 3).collect(), &labels, 3).unwrap();
        let gap = Gap::of(&found, &found, &[1], 400, Seed::new(1)).unwrap();
        assert_eq!(gap.average.value, 0.0);
        assert!(gap.average.lo < 0.0 && gap.average.hi > 0.0 && gap.worst[0].corrected.lo < 0.0);
        let two = Predictions::of_classes(vec![0, 0, 1, 1], &[0, 0, 1, 1], 2).unwrap();
        assert!(Gap::of(&found, &two, &[1], 400, Seed::new(1)).unwrap_err().to_string().contains("the same classes"));
        assert!(Gap::of(&found, &found, &[1], 10, Seed::new(1)).is_err());
    }
}
