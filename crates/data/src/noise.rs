//! Label noise: symmetric flips, and flips by a matrix of class-to-class probabilities.

use crate::error::{DataError, require};
use crate::images::check_labels;
use ndarray::Array2;
use rand::{RngExt, seq::index};
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::{Rng, Seed};

/// Labels after noise, with the truth beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoisyLabels {
    /// The labels that a learner sees.
    pub labels: Vec<usize>,
    /// The labels before noise.
    pub true_labels: Vec<usize>,
    /// Whether noise changed the label.
    pub flipped: Vec<bool>,
}

impl NoisyLabels {
    fn new(labels: Vec<usize>, true_labels: Vec<usize>) -> Self {
        let flipped = std::iter::zip(&labels, &true_labels).map(|(seen, truth)| seen != truth).collect();
        Self { labels, true_labels, flipped }
    }

    /// How many labels noise changed.
    pub fn n_flipped(&self) -> usize {
        self.flipped.iter().filter(|&&f| f).count()
    }
}

/// Symmetric label noise: a flipped label becomes one of the *other* classes, each equally likely, so that `rate` is
/// the share of labels that are wrong.
///
/// Defaults: `rate = 0.1`, `exact = true`.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_data::noise::SymmetricNoise;
/// let noisy = SymmetricNoise::default().with_rate(0.2).apply(&[0; 50], 3, Seed::new(1))?;
/// assert_eq!(noisy.n_flipped(), 10);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SymmetricNoise {
    /// Share of labels to flip, in `[0, 1]`.
    pub rate: f64,
    /// Flip exactly `round(rate * n)` labels; otherwise each label flips on its own with probability `rate`.
    pub exact: bool,
}

impl Default for SymmetricNoise {
    fn default() -> Self {
        Self { rate: 0.1, exact: true }
    }
}

impl SymmetricNoise {
    /// Sets the share of labels to flip.
    pub fn with_rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Sets whether the number of flips is exact.
    pub fn with_exact(mut self, exact: bool) -> Self {
        self.exact = exact;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`DataError::Param`] unless `rate` is in `[0, 1]`.
    pub fn validate(&self) -> Result<(), DataError> {
        require((0.0..=1.0).contains(&self.rate), "rate", self.rate, "in [0, 1]")
    }

    /// Applies the noise.
    ///
    /// # Errors
    /// As [`SymmetricNoise::validate`]; [`DataError::Param`] if a label is out of range, or if there is only one class
    /// and something is to be flipped.
    pub fn apply(&self, labels: &[usize], n_classes: usize, seed: Seed) -> Result<NoisyLabels, DataError> {
        self.validate()?;
        check_labels("labels", labels, n_classes)?;
        require(n_classes > 1 || self.rate == 0.0, "n_classes", n_classes, "at least 2, to flip a label")?;
        let mut rng = seed.named("label-noise").rng();
        let n = labels.len();
        let rows: Vec<usize> = if self.exact {
            let mut rows = index::sample(&mut rng, n, ((self.rate * n as f64).round() as usize).min(n)).into_vec();
            rows.sort_unstable();
            rows
        } else {
            (0..n).filter(|_| rng.random::<f64>() < self.rate).collect()
        };
        let mut noisy = labels.to_vec();
        for row in rows {
            let other = rng.random_range(0..n_classes - 1);
            noisy[row] = other + usize::from(other >= labels[row]);
        }
        Ok(NoisyLabels::new(noisy, labels.to_vec()))
    }
}

/// Class-dependent noise: row `c` holds the probabilities of the label seen when the truth is `c`.
///
/// Rows must add up to 1 within `C * f32::EPSILON` (so that rows computed in single precision pass) and are then
/// divided by their sum.
#[derive(Clone, Debug, PartialEq)]
pub struct TransitionMatrix(Array2<f64>);

impl TransitionMatrix {
    /// A matrix from its entries, `[C, C]`.
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_data::noise::TransitionMatrix;
    /// assert!(TransitionMatrix::new(array![[0.9, 0.1], [0.0, 1.0]]).is_ok());
    /// let error = TransitionMatrix::new(array![[0.9, 0.2], [0.0, 1.0]]).unwrap_err();
    /// assert!(error.to_string().contains("row 0"));
    /// ```
    ///
    /// # Errors
    /// [`DataError::Shape`] unless the matrix is square with at least one row; [`DataError::Param`] if an entry is
    /// negative or not finite, or a row does not add up to 1.
    pub fn new(mut matrix: Array2<f64>) -> Result<Self, DataError> {
        let (rows, columns) = matrix.dim();
        if rows != columns || rows == 0 {
            let side = rows.max(1);
            return Err(DataError::Shape {
                what: "transition matrix",
                expected: vec![side, side],
                found: vec![rows, columns],
            });
        }
        let tolerance = rows as f64 * f64::from(f32::EPSILON);
        for (c, mut row) in matrix.rows_mut().into_iter().enumerate() {
            if let Some(entry) = row.iter().find(|p| !p.is_finite() || **p < 0.0) {
                return Err(DataError::param("transition matrix", entry, format!("finite and not negative (row {c})")));
            }
            let sum: f64 = row.sum();
            let rule = format!("row {c} must add up to 1 within {tolerance:.1e}");
            require((sum - 1.0).abs() <= tolerance, "transition matrix", sum, rule)?;
            row /= sum;
        }
        Ok(Self(matrix))
    }

    /// Pair noise: class `c` is seen as `(c + 1) mod C` with probability `rate`, else as itself.
    ///
    /// # Errors
    /// [`DataError::Param`] unless `rate` is in `[0, 1]` and there are at least 2 classes.
    pub fn pair(n_classes: usize, rate: f64) -> Result<Self, DataError> {
        require((0.0..=1.0).contains(&rate), "rate", rate, "in [0, 1]")?;
        require(n_classes >= 2, "n_classes", n_classes, "at least 2, to flip a label")?;
        let mut matrix = Array2::zeros((n_classes, n_classes));
        for c in 0..n_classes {
            matrix[[c, c]] = 1.0 - rate;
            matrix[[c, (c + 1) % n_classes]] = rate;
        }
        Self::new(matrix)
    }

    /// The probabilities, `[C, C]`.
    pub fn probabilities(&self) -> &Array2<f64> {
        &self.0
    }

    /// Draws a label for every example from the row of its true class.
    ///
    /// ```
    /// use tenfold_core_tensor::seed::Seed;
    /// use tenfold_data::noise::TransitionMatrix;
    /// let noisy = TransitionMatrix::pair(3, 1.0)?.apply(&[0, 1, 2], Seed::new(0))?;
    /// assert_eq!(noisy.labels, [1, 2, 0]);
    /// # Ok::<(), tenfold_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Param`] if a label has no row.
    pub fn apply(&self, labels: &[usize], seed: Seed) -> Result<NoisyLabels, DataError> {
        check_labels("labels", labels, self.0.nrows())?;
        let mut rng = seed.named("label-noise").rng();
        let noisy = labels.iter().map(|&label| draw(self.0.row(label).iter().copied(), &mut rng)).collect();
        Ok(NoisyLabels::new(noisy, labels.to_vec()))
    }
}

/// A class drawn with the given probabilities, which sum to one. Rounding at the end of the sum never yields a class of probability 0.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_data::noise::draw;
/// let mut rng = Seed::new(1).rng();
/// assert_eq!(draw([0.0, 1.0, 0.0].into_iter(), &mut rng), 1);
/// ```
pub fn draw(probabilities: impl Iterator<Item = f64>, rng: &mut Rng) -> usize {
    let mut left: f64 = rng.random();
    let mut last = 0;
    for (class, p) in probabilities.enumerate().filter(|(_, p)| *p > 0.0) {
        last = class;
        if left < p {
            break;
        }
        left -= p;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn every_rule_has_its_error() {
        let message = |rate: f64, labels: &[usize], classes| {
            SymmetricNoise::default().with_rate(rate).apply(labels, classes, Seed::new(0)).unwrap_err().to_string()
        };
        assert_eq!(message(-0.1, &[0], 2), "rate = -0.1: in [0, 1]");
        assert_eq!(message(f64::NAN, &[0], 2), "rate = NaN: in [0, 1]");
        assert_eq!(message(0.1, &[0, 0], 1), "n_classes = 1: at least 2, to flip a label");
        assert_eq!(message(0.1, &[2], 2), "labels = 2: below 2 classes (example 0)");
        let matrix = |m| TransitionMatrix::new(m).unwrap_err().to_string();
        assert_eq!(matrix(Array2::zeros((0, 0))), "transition matrix: expected shape [1, 1], found [0, 0]");
        assert_eq!(matrix(array![[1.0, 0.0]]), "transition matrix: expected shape [1, 1], found [1, 2]");
        assert!(matrix(array![[1.5, -0.5], [0.0, 1.0]]).contains("-0.5: finite and not negative (row 0)"));
        assert!(matrix(array![[1.0, 0.0], [0.0, f64::NAN]]).contains("row 1"));
        assert!(matrix(array![[0.5, 0.5], [0.4, 0.4]]).contains("row 1 must add up to 1"));
        assert!(TransitionMatrix::pair(1, 0.1).is_err() && TransitionMatrix::pair(3, 1.1).is_err());
        assert!(TransitionMatrix::pair(2, 0.1).unwrap().apply(&[2], Seed::new(0)).is_err());
    }

    #[test]
    fn independent_flips_have_the_binomial_rate_and_uniform_targets() {
        let (n, rate, classes) = (20_000, 0.3, 4);
        let noise = SymmetricNoise { rate, exact: false };
        let noisy = noise.apply(&vec![1; n], classes, Seed::new(4)).unwrap();
        let sd = (n as f64 * rate * (1.0 - rate)).sqrt();
        assert!((noisy.n_flipped() as f64 - n as f64 * rate).abs() < 4.0 * sd);
        let share = rate / 3.0;
        let sd = (n as f64 * share * (1.0 - share)).sqrt();
        for class in [0, 2, 3] {
            let count = noisy.labels.iter().filter(|&&y| y == class).count() as f64;
            assert!((count - n as f64 * share).abs() < 4.0 * sd, "class {class}: {count}");
        }
    }

    #[test]
    fn class_dependent_flips_have_the_frequencies_of_the_matrix() {
        let matrix = TransitionMatrix::new(array![[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]]).unwrap();
        let n = 30_000;
        let labels: Vec<usize> = (0..n).map(|i| i % 3).collect();
        let noisy = matrix.apply(&labels, Seed::new(8)).unwrap();
        let per_class = (n / 3) as f64;
        for ((truth, seen), &p) in matrix.probabilities().indexed_iter() {
            let both = std::iter::zip(&labels, &noisy.labels).filter(|(t, s)| (**t, **s) == (truth, seen)).count();
            let sd = (per_class * p * (1.0 - p)).sqrt();
            assert!((both as f64 - per_class * p).abs() <= 4.0 * sd, "{truth} seen as {seen}: {both}");
        }
        assert_eq!(noisy.flipped[1], noisy.labels[1] != 1);
    }

    proptest! {
        #[test]
        fn exact_noise_flips_exactly_that_many_to_other_classes(
            labels in prop::collection::vec(0_usize..5, 1..60), rate in 0.0_f64..=1.0, seed: u64
        ) {
            let noise = SymmetricNoise::default().with_rate(rate);
            let noisy = noise.apply(&labels, 5, Seed::new(seed)).unwrap();
            prop_assert_eq!(noisy.n_flipped(), (rate * labels.len() as f64).round() as usize);
            prop_assert!(noisy.labels.iter().all(|&y| y < 5));
            prop_assert_eq!(&noisy.true_labels, &labels);
            prop_assert_eq!(noisy, noise.apply(&labels, 5, Seed::new(seed)).unwrap());
        }

        #[test]
        fn a_class_of_probability_zero_is_never_drawn(seed: u64) {
            prop_assert_eq!(draw([0.0, 1.0 - 1e-16, 0.0].into_iter(), &mut Seed::new(seed).rng()), 1);
        }
    }
}
