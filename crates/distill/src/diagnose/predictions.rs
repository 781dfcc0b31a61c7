//! Predicted classes beside labels.

use crate::error::{DistillError, require_examples, require_labels, require_table};
use crate::rows::{Real, each_row, require_finite, require_probability, with_row};
use ndarray::ArrayView2;
use serde::Serialize;
use tenfold_core_tensor::stats::{Estimate, wilson};

/// The predicted class and the label of each of n points: probabilities or logits are read once, and everything else is found from
/// these.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::Predictions;
/// let p = array![[0.9_f32, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]];
/// let found = Predictions::of_probabilities(p.view(), &[0, 0, 1, 1])?;
/// let recalls = found.recalls()?;
/// assert_eq!((recalls[0].right, recalls[0].count, recalls[0].recall.value), (1, 2, 0.5));
/// assert_eq!(recalls[1].recall.value, 1.0);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predictions {
    predicted: Vec<usize>,
    labels: Vec<usize>,
    counts: Vec<usize>,
    right: Vec<usize>,
}

/// The recall of a class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassRecall {
    /// The class.
    pub class: usize,
    /// Its points that are predicted rightly.
    pub right: usize,
    /// Its points.
    pub count: usize,
    /// `right / count` with Wilson's interval; unit: the points of the class.
    pub recall: Estimate,
}

impl Predictions {
    /// Of probabilities `[n, m]`: the class of the largest, the first of equals.
    ///
    /// # Errors
    /// Rows that cannot be probabilities, labels that do not fit, or a class with fewer than two points.
    pub fn of_probabilities<T: Real>(probabilities: ArrayView2<T>, labels: &[usize]) -> Result<Self, DistillError> {
        Self::of_rows(probabilities, labels, |i, row| require_probability("predictions", i, row))
    }

    /// Of logits `[n, m]`.
    ///
    /// # Errors
    /// A logit that is not finite, labels that do not fit, or a class with fewer than two points.
    pub fn of_logits<T: Real>(logits: ArrayView2<T>, labels: &[usize]) -> Result<Self, DistillError> {
        // A row with a number that is not finite has no largest.
        Self::of_rows(logits, labels, |_, _| Ok(()))
    }

    fn of_rows<T: Real>(
        values: ArrayView2<T>,
        labels: &[usize],
        check: impl Fn(usize, &[T]) -> Result<(), DistillError> + Sync,
    ) -> Result<Self, DistillError> {
        require_table("predictions", values.dim())?;
        let (rows, classes) = values.dim();
        require_labels(labels, rows, classes)?;
        let predicted = each_row(rows, classes, |i, _| {
            with_row(&values, i, |row| {
                check(i, row)?;
                let fault = || require_finite("predictions", i, row).expect_err("a number that is not finite");
                T::largest(row).ok_or_else(fault)
            })
        })?;
        Self::of_classes(predicted, labels, classes)
    }

    /// Of predicted classes `[n]`.
    ///
    /// # Errors
    /// A label or a prediction that names no class, another number of labels, or a class with fewer than two points.
    pub fn of_classes(predicted: Vec<usize>, labels: &[usize], classes: usize) -> Result<Self, DistillError> {
        require_labels(labels, predicted.len(), classes)?;
        require_labels(&predicted, predicted.len(), classes)?;
        let counts = require_examples("predictions", labels, classes, 2)?;
        let mut right = vec![0; classes];
        labels.iter().zip(&predicted).for_each(|(y, k)| right[*y] += usize::from(y == k));
        Ok(Self { predicted, labels: labels.to_vec(), counts, right })
    }

    /// n.
    pub fn points(&self) -> usize {
        self.labels.len()
    }

    /// m.
    pub fn classes(&self) -> usize {
        self.counts.len()
    }

    /// The predicted class of each point.
    pub fn predicted(&self) -> &[usize] {
        &self.predicted
    }

    /// The label of each point.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Points of each class.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// Points of each class that are predicted rightly.
    pub fn right(&self) -> &[usize] {
        &self.right
    }

    /// Whether a point is predicted rightly.
    pub fn is_right(&self, i: usize) -> bool {
        self.predicted[i] == self.labels[i]
    }

    /// The recall of each class with its interval.
    ///
    /// # Errors
    /// None that a constructor would have let through.
    pub fn recalls(&self) -> Result<Vec<ClassRecall>, DistillError> {
        let recall = |class: usize| {
            let (right, count) = (self.right[class], self.counts[class]);
            Ok(ClassRecall { class, right, count, recall: wilson(right, count)? })
        };
        (0..self.classes()).map(recall).collect()
    }

    /// Fails unless others are of the same points.
    pub(crate) fn require_same_points(&self, what: &'static str, other: &Self) -> Result<(), DistillError> {
        let shape = |p: &Self| [p.points(), p.classes()];
        crate::error::require_shape(what, &shape(self), &shape(other), "the same points and classes")?;
        match self.labels.iter().zip(&other.labels).position(|(a, b)| a != b) {
            None => Ok(()),
            Some(i) => {
                let value = format!("{} against {} at row {i}", self.labels[i], other.labels[i]);
                crate::error::require(false, "labels", value, "both models must be tested on the same points")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{probabilities, scores};
    use ndarray::array;

    #[test]
    fn either_kind_and_precision_predicts_the_same() {
        let labels: Vec<usize> = (0..300).map(|i| i % 5).collect();
        let z = scores(300, 5, 1);
        let single = z.mapv(|v| v as f32);
        let found = Predictions::of_logits(z.view(), &labels).unwrap();
        assert_eq!(found, Predictions::of_logits(single.view(), &labels).unwrap());
        let turned = single.t().as_standard_layout().reversed_axes().to_owned();
        assert_eq!(found, Predictions::of_logits(turned.view(), &labels).unwrap());
        let p = probabilities(300, 5, 2);
        let narrow = p.mapv(|v| v as f32);
        let double = Predictions::of_probabilities(p.view(), &labels).unwrap();
        assert_eq!(double, Predictions::of_probabilities(narrow.view(), &labels).unwrap());
        assert_eq!(found.right().iter().sum::<usize>(), (0..300).filter(|&i| found.is_right(i)).count());
    }

    #[test]
    fn bad_input_is_named() {
        let z = array![[2.0_f32, 0.5], [1.0, 1.0], [0.0, 1.0], [0.0, 1.0]];
        let error = Predictions::of_probabilities(z.view(), &[0, 0, 1, 1]).unwrap_err().to_string();
        assert!(error.starts_with("predictions: row 0: the probabilities sum to 2.5"), "{error}");
        let of = |labels: &[usize]| Predictions::of_logits(z.view(), labels).unwrap_err();
        let few = |count| DistillError::FewExamples { what: "predictions", class: 1, count, least: 2 };
        assert_eq!((of(&[0, 0, 0, 0]), of(&[0, 0, 0, 1])), (few(0), few(1)));
        assert_eq!(of(&[0, 0, 1, 2]), DistillError::Label { row: 3, label: 2, classes: 2 });
        assert!(of(&[0, 0, 1]).to_string().contains("one label for each row"));
        let mut bad = z.clone();
        bad[[1, 0]] = f32::NAN;
        let error = Predictions::of_logits(bad.view(), &[0, 0, 1, 1]).unwrap_err().to_string();
        assert_eq!(error, "predictions: row 1, class 0: NaN, must be a finite number");
        assert!(Predictions::of_classes(vec![0, 1, 5, 1], &[0, 0, 1, 1], 2).is_err());
        let (a, b) = (Predictions::of_logits(z.view(), &[0, 0, 1, 1]), Predictions::of_logits(z.view(), &[1, 0, 0, 1]));
        let error = a.unwrap().require_same_points("models", &b.unwrap()).unwrap_err().to_string();
        assert_eq!(error, "labels = 0 against 1 at row 0: both models must be tested on the same points");
    }
}
