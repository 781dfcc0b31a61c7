//! A loss for each row of scores, and what a batch makes of it.

use crate::error::{DistillError, require_fit};
use crate::rows::{Real, each_row, fold_rows, read, require_finite, with_row, write_rows};
use ndarray::{Array2, ArrayView2};

/// A loss of each row of student scores `[n rows, m classes]`, with its gradient.
///
/// The loss of a batch is the mean over its rows, and so is the gradient's scale. Sums are in double precision whatever the
/// precision of the scores. A loss of your own needs the first two functions only.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{RowLoss, SoftCrossEntropy};
/// let targets = array![[0.5, 0.5], [1.0, 0.0]];
/// let scores = array![[0.0, 0.0], [1e4, 0.0]];
/// let loss = SoftCrossEntropy::new(targets.view())?;
/// let (value, gradient) = loss.gradient(scores.view())?;
/// assert!((value - 2f64.ln() / 2.0).abs() < 1e-15 && gradient.iter().all(|g: &f64| *g == 0.0));
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
pub trait RowLoss: Sync {
    /// Rows n and classes m of what the loss holds of the teacher.
    fn shape(&self) -> (usize, usize);

    /// The loss of row i for finite scores `[m]`; writes its gradient in the scores.
    fn row(&self, i: usize, scores: &[f64], gradient: &mut [f64]) -> f64;

    /// The loss of every row.
    ///
    /// # Errors
    /// Other rows or classes than the teacher's, or a score that is not finite.
    fn each<T: Real>(&self, scores: ArrayView2<T>) -> Result<Vec<f64>, DistillError>
    where
        Self: Sized,
    {
        let (rows, classes) = fitting(self, &scores)?;
        each_row(rows, 2 * classes, |i, room| {
            let (z, gradient) = room.split_at_mut(classes);
            finite(&scores, i, z)?;
            Ok(self.row(i, z, gradient))
        })
    }

    /// The mean over rows.
    ///
    /// # Errors
    /// As [`each`](Self::each).
    fn mean<T: Real>(&self, scores: ArrayView2<T>) -> Result<f64, DistillError>
    where
        Self: Sized,
    {
        let (rows, classes) = fitting(self, &scores)?;
        let sums = fold_rows(
            rows,
            2 * classes,
            || 0.0,
            |sum, i, room| {
                let (z, gradient) = room.split_at_mut(classes);
                finite(&scores, i, z)?;
                *sum += self.row(i, z, gradient);
                Ok(())
            },
        )?;
        Ok(sums.iter().sum::<f64>() / rows as f64)
    }

    /// The mean over rows and its gradient in the scores, `[n, m]`, in the precision of the scores.
    ///
    /// # Errors
    /// As [`each`](Self::each).
    fn gradient<T: Real>(&self, scores: ArrayView2<T>) -> Result<(f64, Array2<T>), DistillError>
    where
        Self: Sized,
    {
        let (rows, classes) = fitting(self, &scores)?;
        let share = 1.0 / rows as f64;
        let (gradient, losses) = write_rows((rows, classes), |i, gradient| {
            let mut z = vec![0.0; classes];
            finite(&scores, i, &mut z)?;
            let loss = self.row(i, &z, gradient);
            gradient.iter_mut().for_each(|g| *g *= share);
            Ok(loss)
        })?;
        Ok((losses.iter().sum::<f64>() * share, gradient))
    }
}

fn fitting<T: Real>(loss: &impl RowLoss, scores: &ArrayView2<T>) -> Result<(usize, usize), DistillError> {
    require_fit(loss.shape(), scores.dim())?;
    Ok(scores.dim())
}

/// Reads a row, or names what is not finite in it.
fn finite<T: Real>(scores: &ArrayView2<T>, i: usize, z: &mut [f64]) -> Result<(), DistillError> {
    with_row(scores, i, |row| require_finite("student scores", i, row))?;
    read(scores, i, z);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::SoftCrossEntropy;
    use crate::testing::{probabilities, scores};

    #[test]
    fn shapes_and_values_are_checked() {
        let targets = probabilities(4, 3, 1);
        let loss = SoftCrossEntropy::new(targets.view()).unwrap();
        let message = |z: Array2<f64>| loss.mean(z.view()).unwrap_err().to_string();
        assert_eq!(message(scores(4, 5, 1)), "the teacher has 3 classes and the student 5: they must have the same");
        assert!(message(scores(3, 3, 1)).starts_with("teacher and student: [4, 3] against [3, 3]"));
        let mut z = scores(4, 3, 1);
        z[[2, 1]] = f64::NAN;
        assert_eq!(message(z), "student scores: row 2, class 1: NaN, must be a finite number");
    }

    #[test]
    fn all_three_agree_in_either_precision_and_any_layout() {
        let (targets, z) = (probabilities(50, 7, 2), scores(50, 7, 3));
        let loss = SoftCrossEntropy::new(targets.view()).unwrap();
        let each = loss.each(z.view()).unwrap();
        let mean = each.iter().sum::<f64>() / 50.0;
        assert!((loss.mean(z.view()).unwrap() - mean).abs() < 1e-14);
        assert!((loss.gradient(z.view()).unwrap().0 - mean).abs() < 1e-14);
        let turned = z.t().as_standard_layout().reversed_axes().to_owned();
        assert_eq!(loss.each(turned.view()).unwrap(), each);
        let single = z.mapv(|v| v as f32);
        assert!((loss.mean(single.view()).unwrap() - mean).abs() < 1e-6);
    }
}
