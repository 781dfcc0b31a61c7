//! The teacher's margin on each example and class.

use super::margin::margin;
use super::stored::Teacher;
use crate::error::{DistillError, require, require_examples, require_labels, require_positive};
use crate::rows::{Real, each_row};
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::stats::{Estimate, mean, mean_interval};

/// Which examples the margins come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarginSource {
    /// The teacher's own training examples. A teacher that fits them has margins near 1 on every class, rare or not, so that
    /// AdaAlpha becomes plain distillation.
    InSample,
    /// A part of the training set that the teacher was not trained on.
    HoldOut,
    /// Every training example, each from a teacher that was trained without its fold ([`Folds`](crate::Folds)). These teachers see
    /// fewer rare examples than the final one: their margins are low, most of all on rare classes.
    CrossFit {
        /// Number of folds, and of teachers.
        folds: usize,
    },
    /// Examples from elsewhere, such as a balanced validation set.
    External,
}

/// The teacher's margin [`margin()`] on every example, and its mean on every class with an interval over examples.
///
/// The interval is Student's t over the examples of a class: the teacher is the one there is. With shrinkage kappa the margin of a
/// class of `n_y` examples is `(n_y mean_y + kappa g) / (n_y + kappa)`, with g the mean over classes of `mean_y`; kappa = 0, the
/// default, leaves it as it is. The margin's temperature (1 unless you say otherwise) is not that of the targets: tempering shrinks
/// margins, so fix one and keep it.
///
/// ```
/// use ndarray::array;
/// use tenfold_distill::{MarginSource, Margins, Teacher};
/// let p = array![[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.8, 0.2]];
/// let teacher = Teacher::probabilities(p.view(), 1.0)?;
/// let margins = Margins::of(&teacher, &[0, 0, 1, 1], 1.0, MarginSource::HoldOut)?;
/// let per_class = margins.per_class();
/// assert!((per_class[0] - 0.6).abs() < 1e-12 && (per_class[1] + 0.4).abs() < 1e-12);
/// assert!(margins.estimates()[1].hi > 0.0); // two examples say little
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: the margin and its use per class are from Lukasik, Bhojanapalli, Menon and Kumar, "Teacher's pet" (arXiv 2106.10494), as
/// the robust paper quotes it; the mean over a class's examples is our reading. Hold-out, cross-fitting and shrinkage are derived in
/// this project.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Margins {
    source: MarginSource,
    temperature: f64,
    shrinkage: f64,
    counts: Vec<usize>,
    estimates: Vec<Estimate>,
    each: Vec<f64>,
}

impl Margins {
    /// Of a teacher on examples with labels `[n]`, at a temperature.
    ///
    /// # Errors
    /// Labels that do not fit, a class with fewer than two examples, a temperature that is not above 0, fewer than two folds.
    pub fn of<T: Real>(
        teacher: &Teacher<T>,
        labels: &[usize],
        temperature: f64,
        source: MarginSource,
    ) -> Result<Self, DistillError> {
        check(temperature, source)?;
        let classes = teacher.classes();
        require_labels(labels, teacher.rows(), classes)?;
        let counts = require_examples("teacher margins", labels, classes, 2)?;
        let each = each_row(teacher.rows(), classes, |i, room| {
            teacher.row(i, temperature, room);
            Ok(margin(room[labels[i]], classes))
        })?;
        let mut of_class: Vec<Vec<f64>> = counts.iter().map(|count| Vec::with_capacity(*count)).collect();
        each.iter().zip(labels).for_each(|(gamma, y)| of_class[*y].push(*gamma));
        let estimates = of_class.iter().map(|gammas| mean_interval(gammas)).collect::<Result<_, _>>()?;
        Ok(Self { source, temperature, shrinkage: 0.0, counts, estimates, each })
    }

    /// From the estimates of the classes, `[m]`, such as a file holds them: before shrinkage, without margins of examples.
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_distill::{MarginSource, Margins, Teacher};
    /// let p = array![[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.8, 0.2]];
    /// let found = Margins::of(&Teacher::probabilities(p.view(), 1.0)?, &[0, 0, 1, 1], 1.0, MarginSource::HoldOut)?;
    /// let kept = Margins::of_classes(found.estimates().to_vec(), 1.0, MarginSource::HoldOut)?;
    /// assert_eq!((kept.per_class(), kept.per_example().len()), (found.per_class(), 0));
    /// # Ok::<(), tenfold_distill::DistillError>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than two classes, a margin outside `[-1 / (m - 1), 1]` or outside its own interval, fewer than two examples of a class,
    /// a temperature that is not above 0, fewer than two folds.
    pub fn of_classes(estimates: Vec<Estimate>, temperature: f64, source: MarginSource) -> Result<Self, DistillError> {
        check(temperature, source)?;
        let classes = estimates.len();
        require(classes >= 2, "margins", classes, "must be of at least 2 classes")?;
        let least = margin(0.0, classes);
        for (class, e) in estimates.iter().enumerate() {
            // A mean of numbers at an end may lie beyond it by a rounding.
            let inside = (least - 1e-9..=1.0 + 1e-9).contains(&e.value) && e.lo <= e.value && e.value <= e.hi;
            let rule = format!("must be from {least} to 1, inside its interval");
            require(inside, "margins", format!("{} in [{}, {}] for class {class}", e.value, e.lo, e.hi), rule)?;
            require(e.n >= 2, "margins", format!("{} examples of class {class}", e.n), "must be at least 2")?;
        }
        let counts = estimates.iter().map(|e| e.n).collect();
        Ok(Self { source, temperature, shrinkage: 0.0, counts, estimates, each: Vec::new() })
    }

    /// Sets kappa, in examples.
    ///
    /// # Errors
    /// A number that is negative or not finite.
    pub fn with_shrinkage(mut self, kappa: f64) -> Result<Self, DistillError> {
        require(kappa.is_finite() && kappa >= 0.0, "shrinkage", kappa, "must be finite and not negative")?;
        self.shrinkage = kappa;
        Ok(self)
    }

    /// The margin of each class, `[m]`, shrunken where that was asked for.
    pub fn per_class(&self) -> Vec<f64> {
        let centre = mean(&self.estimates.iter().map(|e| e.value).collect::<Vec<_>>());
        let shrunken = |e: &Estimate| {
            let n = e.n as f64;
            (n * e.value + self.shrinkage * centre) / (n + self.shrinkage)
        };
        match self.shrinkage == 0.0 {
            true => self.estimates.iter().map(|e| e.value).collect(),
            false => self.estimates.iter().map(shrunken).collect(),
        }
    }

    /// The mean of each class with its interval, before shrinkage; unit: the examples of the class.
    pub fn estimates(&self) -> &[Estimate] {
        &self.estimates
    }

    /// The margin of each example, `[n]`; none where only those of classes were given.
    pub fn per_example(&self) -> &[f64] {
        &self.each
    }

    /// Examples of each class.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// Which examples these are of.
    pub fn source(&self) -> MarginSource {
        self.source
    }

    /// kappa.
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage
    }

    /// The temperature of the probabilities.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// Largest minus least margin over classes: near zero, the margins cannot tell classes apart.
    pub fn spread(&self) -> f64 {
        let ends =
            self.per_class().iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
        ends.1 - ends.0
    }
}

/// Fails unless the temperature is above 0 and there are two folds, if any.
fn check(temperature: f64, source: MarginSource) -> Result<(), DistillError> {
    require_positive("temperature", temperature)?;
    match source {
        MarginSource::CrossFit { folds } => require(folds >= 2, "folds", folds, "must be at least 2"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn shrinkage_moves_small_classes_most() {
        let p = array![[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3]];
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        let margins = Margins::of(&teacher, &[0, 0, 0, 0, 1, 1], 1.0, MarginSource::InSample).unwrap();
        let plain = margins.per_class();
        assert!(
            (plain[0] - 0.8).abs() < 1e-12 && (plain[1] + 0.5).abs() < 1e-12 && (margins.spread() - 1.3).abs() < 1e-12
        );
        let shrunken = margins.with_shrinkage(2.0).unwrap();
        // Towards the mean over classes, 0.15: (4 * 0.8 + 2 * 0.15) / 6 and (2 * -0.5 + 2 * 0.15) / 4.
        assert!((shrunken.per_class()[0] - 3.5 / 6.0).abs() < 1e-12 && (shrunken.per_class()[1] + 0.175).abs() < 1e-12);
        assert_eq!(shrunken.estimates()[0].value, plain[0]);
        assert!(shrunken.with_shrinkage(-1.0).is_err());
    }

    #[test]
    fn a_sure_teacher_is_degenerate_in_sample() {
        let labels: Vec<usize> = (0..30).map(|i| i % 3).collect();
        let z = ndarray::Array2::from_shape_fn((30, 3), |(i, k)| if labels[i] == k { 8.0_f32 } else { 0.0 });
        let teacher = Teacher::logits(z.view(), 1.0).unwrap();
        let margins = Margins::of(&teacher, &labels, 1.0, MarginSource::InSample).unwrap();
        assert!(margins.per_class().iter().all(|m| *m > 0.99) && margins.spread() < 1e-9);
        assert!(Margins::of(&teacher, &labels, 5.0, MarginSource::InSample).unwrap().per_class()[0] < 0.75);
    }

    #[test]
    fn bad_input_is_named() {
        let p = array![[0.9, 0.1], [0.7, 0.3], [0.6, 0.4]];
        let teacher = Teacher::probabilities(p.view(), 1.0).unwrap();
        let of = |labels: &[usize], t, source| Margins::of(&teacher, labels, t, source).unwrap_err().to_string();
        assert_eq!(
            of(&[0, 0, 1], 1.0, MarginSource::External),
            "teacher margins: class 1 has 1 examples, needs at least 2"
        );
        assert_eq!(
            of(&[0, 0, 0], 1.0, MarginSource::External),
            "teacher margins: class 1 has 0 examples, needs at least 2"
        );
        assert!(of(&[0, 0], 1.0, MarginSource::External).contains("one label for each row"));
        assert!(of(&[0, 0, 7], 1.0, MarginSource::External).contains("label 7, must be below the 2 classes"));
        assert!(of(&[0, 0, 1], 0.0, MarginSource::External).starts_with("temperature = 0"));
        assert!(of(&[0, 0, 1], 1.0, MarginSource::CrossFit { folds: 1 }).starts_with("folds = 1"));
    }

    #[test]
    fn margins_of_classes_are_checked() {
        let of = |value: f64, lo: f64, n: usize| {
            let good = Estimate { value: 0.5, se: 0.1, lo: 0.3, hi: 0.7, n: 9 };
            Margins::of_classes(vec![good, Estimate { value, lo, n, ..good }, good], 1.0, MarginSource::External)
        };
        assert_eq!(of(0.4, 0.3, 2).unwrap().per_class(), [0.5, 0.4, 0.5]);
        let message = |value, lo, n| of(value, lo, n).unwrap_err().to_string();
        assert!(message(-0.6, -0.8, 9).contains("for class 1: must be from -0.5 to 1"), "{}", message(-0.6, -0.8, 9));
        assert!(message(0.4, 0.6, 9).contains("inside its interval") && message(f64::NAN, 0.0, 9).contains("NaN"));
        assert_eq!(message(0.4, 0.3, 1), "margins = 1 examples of class 1: must be at least 2");
        assert!(Margins::of_classes(Vec::new(), 1.0, MarginSource::InSample).is_err());
    }
}
