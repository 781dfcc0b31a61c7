//! On which classes a teacher should be trusted.

use crate::error::{DistillError, require};
use crate::teacher::Margins;
use serde::Serialize;
use tenfold_core_tensor::stats::Estimate;

/// Whether a teacher is better than a threshold on a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// The margin's interval lies above the threshold: distil.
    Trusted,
    /// It lies below: labels are better.
    Distrusted,
    /// It holds the threshold: the examples are too few to say.
    Undecided,
}

/// A class with its margin and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassTrust {
    /// The class.
    pub class: usize,
    /// The teacher's mean margin on it; unit: the examples of the class.
    pub margin: Estimate,
    /// Whether the interval lies on one side of the threshold. Each class is looked at by itself.
    pub trust: Trust,
}

impl ClassTrust {
    /// Each class of some margins, against a threshold: 0 is chance. Margins of the teacher's own training set say little, see
    /// [`MarginSource`](crate::MarginSource).
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_distill::{ClassTrust, MarginSource, Margins, Teacher, Trust};
    /// let p = array![[0.9, 0.1], [0.8, 0.2], [0.9, 0.1], [0.9, 0.1], [0.8, 0.2], [0.95, 0.05]];
    /// let teacher = Teacher::probabilities(p.view(), 1.0)?;
    /// let margins = Margins::of(&teacher, &[0, 0, 0, 1, 1, 1], 1.0, MarginSource::HoldOut)?;
    /// let found = ClassTrust::of(&margins, 0.0)?;
    /// assert_eq!((found[0].trust, found[1].trust), (Trust::Trusted, Trust::Distrusted));
    /// # Ok::<(), tenfold_distill::DistillError>(())
    /// ```
    ///
    /// # Errors
    /// A threshold that is not finite.
    pub fn of(margins: &Margins, threshold: f64) -> Result<Vec<Self>, DistillError> {
        require(threshold.is_finite(), "threshold", threshold, "must be finite")?;
        let side = |margin: &Estimate| match (margin.above(threshold), margin.below(threshold)) {
            (true, _) => Trust::Trusted,
            (_, true) => Trust::Distrusted,
            _ => Trust::Undecided,
        };
        let of = |(class, margin): (usize, &Estimate)| Self { class, margin: *margin, trust: side(margin) };
        Ok(margins.estimates().iter().enumerate().map(of).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teacher::{MarginSource, Teacher};

    #[test]
    fn few_examples_leave_it_open() {
        let p = ndarray::array![[0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.1, 0.9]];
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        let margins = Margins::of(&teacher, &[0, 0, 1, 1], 1.0, MarginSource::External).unwrap();
        assert_eq!(ClassTrust::of(&margins, 0.0).unwrap()[0].trust, Trust::Undecided);
        assert!(ClassTrust::of(&margins, f64::NAN).is_err());
    }
}
