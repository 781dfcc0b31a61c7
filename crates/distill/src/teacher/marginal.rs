//! How often each class is predicted, or occurs.

use super::stored::Teacher;
use crate::error::{DistillError, require, require_examples, require_labels, require_positive};
use crate::rows::{Real, column_sums};
use crate::warning::Warning;
use serde::Serialize;

/// The least marginal that is divided by, by default: one example in a million.
pub const MARGINAL_FLOOR: f64 = 1e-6;

/// The share of each class, `[m]`: of a teacher's probabilities, `(1/n) sum_i p_y(x_i)`, or of labels.
///
/// Distilled objectives divide by the **teacher's** marginal at the targets' temperature, not by the labels' prior: tempering moves
/// it. Each set has its own: the balanced validation set's differs from the long-tailed training set's.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{Marginal, Teacher};
/// let p = array![[0.9, 0.1, 0.0], [0.7, 0.3, 0.0]];
/// let marginal = Marginal::of_teacher(&Teacher::probabilities(p.view(), 1.0)?, 1.0)?;
/// assert!((marginal.values()[0] - 0.8).abs() < 1e-15);
/// // The last class is never predicted: dividing by its marginal rests on nothing, and a warning says so.
/// assert_eq!(marginal.warnings().len(), 1);
/// assert!(marginal.warnings()[0].to_string().starts_with("class 2"));
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023), section 3;
/// the floor is derived in this project.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Marginal {
    values: Vec<f64>,
    warnings: Vec<Warning>,
}

impl Marginal {
    /// Of a teacher at a temperature, with the floor [`MARGINAL_FLOOR`].
    ///
    /// # Errors
    /// A temperature that is not above 0.
    pub fn of_teacher<T: Real>(teacher: &Teacher<T>, temperature: f64) -> Result<Self, DistillError> {
        Self::of_teacher_above(teacher, temperature, MARGINAL_FLOOR)
    }

    /// The same with another floor: marginals below it are raised to it, with a [`Warning`] that names the class.
    ///
    /// # Errors
    /// A temperature that is not above 0; a floor that is not above 0, or as large as `1/m`.
    pub fn of_teacher_above<T: Real>(teacher: &Teacher<T>, temperature: f64, floor: f64) -> Result<Self, DistillError> {
        require_positive("temperature", temperature)?;
        let classes = teacher.classes();
        let sums = column_sums(teacher.rows(), classes, |sums, i, room| {
            teacher.row(i, temperature, room);
            sums.iter_mut().zip(&*room).for_each(|(to, p)| *to += p);
            Ok(())
        })?;
        Self::above(sums.into_iter().map(|sum| sum / teacher.rows() as f64).collect(), floor)
    }

    /// Of labels `[n]`.
    ///
    /// # Errors
    /// A label that names no class, or a class without an example.
    pub fn of_labels(labels: &[usize], classes: usize) -> Result<Self, DistillError> {
        require_labels(labels, labels.len(), classes)?;
        let counts = require_examples("marginal of labels", labels, classes, 1)?;
        let values = counts.into_iter().map(|count| count as f64 / labels.len() as f64).collect();
        Ok(Self { values, warnings: Vec::new() })
    }

    /// Raises what is below the floor.
    pub(crate) fn above(mut values: Vec<f64>, floor: f64) -> Result<Self, DistillError> {
        let below = format!("must be above 0 and below 1/m = {}", 1.0 / values.len() as f64);
        require(floor > 0.0 && floor * (values.len() as f64) < 1.0, "floor", floor, below)?;
        let mut warnings = Vec::new();
        for (class, marginal) in values.iter_mut().enumerate().filter(|(_, v)| **v < floor) {
            warnings.push(Warning::MarginalRaised { class, marginal: *marginal, floor });
            *marginal = floor;
        }
        Ok(Self { values, warnings })
    }

    /// The share of each class, none below the floor.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The classes whose share was raised.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::scores;

    #[test]
    fn a_teachers_marginal_moves_with_temperature() {
        let mut z = scores(300, 4, 1);
        z.column_mut(0).mapv_inplace(|z| z + 4.0);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let at = |t| Marginal::of_teacher(&teacher, t).unwrap();
        assert!(at(1.0).values()[0] > at(5.0).values()[0]);
        assert!((at(3.0).values().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let p = teacher.tempered(3.0).unwrap();
        assert!((p.column(2).mean().unwrap() - at(3.0).values()[2]).abs() < 1e-12);
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(Marginal::of_labels(&[0, 1, 1, 0], 2).unwrap().values(), [0.5, 0.5]);
        let error = Marginal::of_labels(&[0, 2], 3).unwrap_err().to_string();
        assert_eq!(error, "marginal of labels: class 1 has 0 examples, needs at least 1");
        assert_eq!(Marginal::of_labels(&[3], 3).unwrap_err(), DistillError::Label { row: 0, label: 3, classes: 3 });
        let z = scores(3, 2, 1);
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        assert!(Marginal::of_teacher(&teacher, 0.0).is_err());
        let error = Marginal::of_teacher_above(&teacher, 1.0, 0.5).unwrap_err().to_string();
        assert_eq!(error, "floor = 0.5: must be above 0 and below 1/m = 0.5");
    }
}
