//! The average of scores over training.

use crate::error::{DistillError, require, require_shape, require_table};
use crate::rows::{Real, check_rows, require_finite};
use ndarray::{Array2, ArrayView2};

/// `(1/K) sum_k f^k(x)`: the averaged scorer of algorithm 1, kept as a running sum of the scores on the points that are looked at, so
/// that no model is stored. It averages **scores**, not probabilities or parameters. The robust paper proves its theorem for it and
/// reports the last iterate.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::ScoreAverage;
/// let mut average = ScoreAverage::new(1, 2)?;
/// average.add(array![[1.0_f32, 0.0]].view())?;
/// average.add(array![[3.0_f32, 1.0]].view())?;
/// assert_eq!(average.mean()?, array![[2.0, 0.5]]);
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: Wang, Narasimhan, Zhou, Hooker, Lukasik and Menon, "Robust distillation for worst-class performance" (UAI 2023), algorithm 1.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreAverage {
    sum: Array2<f64>,
    count: usize,
}

impl ScoreAverage {
    /// For scores `[n, m]`.
    ///
    /// # Errors
    /// No rows, or fewer than two classes.
    pub fn new(rows: usize, classes: usize) -> Result<Self, DistillError> {
        require_table("scores", (rows, classes))?;
        Ok(Self { sum: Array2::zeros((rows, classes)), count: 0 })
    }

    /// Adds an iterate's scores.
    ///
    /// # Errors
    /// Another shape, or a score that is not finite; nothing is added then.
    pub fn add<T: Real>(&mut self, scores: ArrayView2<T>) -> Result<(), DistillError> {
        require_shape("scores and their average", scores.shape(), self.sum.shape(), "the same points and classes")?;
        check_rows(&scores, |i, row| require_finite("student scores", i, row))?;
        self.sum.zip_mut_with(&scores, |to, v| *to += v.wide());
        self.count += 1;
        Ok(())
    }

    /// How many were added.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The average.
    ///
    /// # Errors
    /// If nothing was added.
    pub fn mean(&self) -> Result<Array2<f64>, DistillError> {
        require(self.count > 0, "iterates", self.count, "must be at least 1 before there is an average")?;
        Ok(&self.sum / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_scores_leave_no_trace() {
        let mut average = ScoreAverage::new(1, 2).unwrap();
        assert!(average.mean().is_err());
        assert!(average.add(ndarray::array![[1.0_f32, f32::NAN]].view()).is_err());
        assert!(average.add(ndarray::array![[1.0_f32], [2.0]].view()).is_err());
        average.add(ndarray::array![[1.0, 2.0]].view()).unwrap();
        assert_eq!((average.count(), average.mean().unwrap()), (1, ndarray::array![[1.0, 2.0]]));
        assert!(ScoreAverage::new(0, 2).is_err());
    }
}
