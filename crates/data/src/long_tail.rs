//! Exponential long tail: class sizes that fall from a head class to a tail class by a given ratio.

use crate::error::{DataError, require};
use crate::subset;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;

/// An exponential profile of class sizes, `n_c = n_max * rho^(-c / (C - 1))` for class `c` of `C`, rounded to the
/// nearest whole number and at least 1; `rho` is the ratio of the largest class to the smallest.
///
/// Defaults: `n_max = 500`, `ratio = 100`.
///
/// ```
/// use tenfold_data::long_tail::LongTail;
/// let profile = LongTail::default().with_n_max(100).with_ratio(100.0);
/// assert_eq!(profile.counts(3)?, [100, 10, 1]);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LongTail {
    /// Examples of class 0, the largest.
    pub n_max: usize,
    /// `rho`: the size of class 0 over the size of the last class, at least 1.
    pub ratio: f64,
}

impl Default for LongTail {
    fn default() -> Self {
        Self { n_max: 500, ratio: 100.0 }
    }
}

impl LongTail {
    /// Sets the size of class 0.
    pub fn with_n_max(mut self, n_max: usize) -> Self {
        self.n_max = n_max;
        self
    }

    /// Sets the ratio of the largest class to the smallest.
    pub fn with_ratio(mut self, ratio: f64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`DataError::Param`] unless `n_max >= 1` and `ratio` is finite and at least 1.
    pub fn validate(&self) -> Result<(), DataError> {
        require(self.n_max >= 1, "n_max", self.n_max, "at least 1")?;
        require(self.ratio.is_finite() && self.ratio >= 1.0, "ratio", self.ratio, "finite and at least 1")
    }

    /// The size of each of `n_classes` classes.
    ///
    /// # Errors
    /// As [`LongTail::validate`]; [`DataError::Param`] if there is no class.
    pub fn counts(&self, n_classes: usize) -> Result<Vec<usize>, DataError> {
        self.validate()?;
        require(n_classes > 0, "n_classes", n_classes, "at least 1")?;
        let last = n_classes.saturating_sub(1).max(1) as f64;
        let size = |class: usize| self.n_max as f64 * self.ratio.powf(-(class as f64) / last);
        Ok((0..n_classes).map(|class| (size(class).round() as usize).max(1)).collect())
    }

    /// Rows of a long-tailed subset, ascending; the rows of each class are drawn at random.
    ///
    /// ```
    /// use tenfold_core_tensor::seed::Seed;
    /// use tenfold_data::long_tail::LongTail;
    /// let labels: Vec<usize> = (0..40).map(|i| i % 2).collect();
    /// let rows = LongTail::default().with_n_max(20).with_ratio(4.0).select(&labels, 2, Seed::new(1))?;
    /// assert_eq!(rows.len(), 25);
    /// # Ok::<(), tenfold_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`LongTail::counts`]; [`DataError::Param`] if a class has too few examples or a label is out of range.
    pub fn select(&self, labels: &[usize], n_classes: usize, seed: Seed) -> Result<Vec<usize>, DataError> {
        subset::by_class(labels, &self.counts(n_classes)?, "n_max", seed.named("long-tail"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::class_counts;

    #[test]
    fn every_rule_has_its_error() {
        let message = |p: LongTail, labels: &[usize]| p.select(labels, 2, Seed::new(0)).unwrap_err().to_string();
        let base = LongTail::default();
        assert_eq!(message(base.clone().with_n_max(0), &[0, 1]), "n_max = 0: at least 1");
        assert_eq!(message(base.clone().with_ratio(0.5), &[0, 1]), "ratio = 0.5: finite and at least 1");
        assert_eq!(message(base.clone().with_ratio(f64::NAN), &[0, 1]), "ratio = NaN: finite and at least 1");
        assert_eq!(message(base.clone().with_n_max(2), &[0, 1]), "n_max = 2: class 0 has only 1 examples");
        assert!(base.counts(0).is_err());
    }

    #[test]
    fn the_profile_is_the_published_one() {
        // Worked by hand: 5000 * 100^(-c / 9), the usual long-tailed CIFAR-10.
        let counts = LongTail { n_max: 5000, ratio: 100.0 }.counts(10).unwrap();
        assert_eq!(counts, [5000, 2997, 1797, 1077, 646, 387, 232, 139, 83, 50]);
        assert_eq!(LongTail { n_max: 7, ratio: 100.0 }.counts(1).unwrap(), [7]);
        assert_eq!(LongTail { n_max: 7, ratio: 1.0 }.counts(3).unwrap(), [7, 7, 7]);
        assert_eq!(LongTail { n_max: 2, ratio: 1e6 }.counts(2).unwrap(), [2, 1]);
    }

    #[test]
    fn selected_rows_have_the_profile() {
        let labels: Vec<usize> = (0..900).map(|i| i % 3).collect();
        let profile = LongTail { n_max: 300, ratio: 9.0 };
        let rows = profile.select(&labels, 3, Seed::new(5)).unwrap();
        let picked: Vec<usize> = rows.iter().map(|&r| labels[r]).collect();
        assert_eq!(class_counts(&picked, 3), [300, 100, 33]);
        assert!(rows.windows(2).all(|w| w[0] < w[1]));
        assert_ne!(rows, profile.select(&labels, 3, Seed::new(6)).unwrap());
    }
}
