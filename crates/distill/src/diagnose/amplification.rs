//! Whether a student repeats its teacher's errors.

use super::predictions::Predictions;
use crate::error::{DistillError, require};
use serde::Serialize;
use tenfold_core_tensor::stats::{Estimate, PairedCounts, mcnemar, newcombe_paired, wilson};

/// Among the points where the teacher errs: on which share a student predicts the **same** wrong class, beside the same student
/// trained on labels.
///
/// Two networks that are trained on the same data share many errors by themselves, which is why the student without the teacher is
/// needed. Unit of the intervals: the points where the teacher errs.
///
/// ```
/// use tenfold_distill::{Amplification, Predictions};
/// let labels = [0, 0, 0, 0, 1, 1, 1, 1];
/// let of = |predicted: [usize; 8]| Predictions::of_classes(predicted.to_vec(), &labels, 2);
/// let teacher = of([0, 0, 1, 1, 1, 1, 0, 0])?;
/// let found = Amplification::of(&teacher, &of([0, 0, 1, 1, 1, 1, 0, 1])?, &of([0, 0, 0, 1, 1, 1, 1, 1])?)?;
/// assert_eq!((found.errors, found.distilled.value, found.one_hot.value), (4, 0.75, 0.25));
/// assert_eq!(found.difference.value, 0.5);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: that errors are transferred and amplified is the finding of Lukasik, Bhojanapalli, Menon and Kumar, "Teacher's pet" (arXiv
/// 2106.10494); this index is derived in this project.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Amplification {
    /// Points where the teacher errs.
    pub errors: usize,
    /// Share of them on which the distilled student predicts the teacher's class (Wilson's interval).
    pub distilled: Estimate,
    /// The same of the student trained on labels.
    pub one_hot: Estimate,
    /// Distilled minus one-hot (Newcombe's paired interval).
    pub difference: Estimate,
    /// McNemar's exact p-value of no difference.
    pub p: f64,
}

impl Amplification {
    /// Of a teacher, a student distilled from it, and the same student trained on labels, on the same points.
    ///
    /// # Errors
    /// Other points or classes, or a teacher without errors.
    pub fn of(teacher: &Predictions, distilled: &Predictions, one_hot: &Predictions) -> Result<Self, DistillError> {
        teacher.require_same_points("teacher and distilled student", distilled)?;
        teacher.require_same_points("teacher and one-hot student", one_hot)?;
        let wrong = (0..teacher.points()).filter(|&i| !teacher.is_right(i));
        let same = |i: usize| {
            let class = teacher.predicted()[i];
            (distilled.predicted()[i] == class, one_hot.predicted()[i] == class)
        };
        let cells = PairedCounts::of(wrong.map(same));
        let errors = cells.n();
        require(errors > 0, "teacher errors", errors, "must be at least 1: there is nothing to repeat")?;
        Ok(Self {
            errors,
            distilled: wilson(cells.both + cells.first, errors)?,
            one_hot: wilson(cells.both + cells.second, errors)?,
            difference: newcombe_paired(cells)?,
            p: mcnemar(cells),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_wrong_class_is_not_a_repetition() {
        let labels = [0, 0, 1, 1, 2, 2];
        let of = |predicted: [usize; 6]| Predictions::of_classes(predicted.to_vec(), &labels, 3).unwrap();
        let teacher = of([1, 0, 1, 1, 2, 0]);
        let found = Amplification::of(&teacher, &of([1, 2, 1, 1, 2, 0]), &of([2, 0, 1, 1, 2, 1])).unwrap();
        assert_eq!((found.errors, found.distilled.value, found.one_hot.value), (2, 1.0, 0.0));
        let perfect = of(labels);
        let error = Amplification::of(&perfect, &teacher, &teacher).unwrap_err().to_string();
        assert_eq!(error, "teacher errors = 0: must be at least 1: there is nothing to repeat");
        let four = Predictions::of_classes(labels.to_vec(), &labels, 3).unwrap();
        let fewer = Predictions::of_classes(vec![0, 0, 1, 1], &[0, 0, 1, 1], 2).unwrap();
        assert!(
            Amplification::of(&teacher, &four, &fewer).is_err() && Amplification::of(&teacher, &fewer, &four).is_err()
        );
    }
}
