//! What the base model should have said.

use crate::error::ResmemError;
use ndarray::{Array2, Axis, concatenate};

/// The training targets, one a key: classes or vectors of real values.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// Classification: `y_i` in `0..n_classes`.
    Classes {
        /// The labels, `[n]`.
        labels: Vec<usize>,
        /// Number of classes `C`.
        n_classes: usize,
    },
    /// Regression: `y_i`, `[n, D]`.
    Values(Array2<f32>),
}

impl Targets {
    /// Labels among `n_classes` classes.
    pub fn classes(labels: impl Into<Vec<usize>>, n_classes: usize) -> Self {
        Self::Classes { labels: labels.into(), n_classes }
    }

    /// Number of targets.
    pub fn len(&self) -> usize {
        match self {
            Targets::Classes { labels, .. } => labels.len(),
            Targets::Values(values) => values.nrows(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Width of the base model's output: classes or values a target.
    pub fn width(&self) -> usize {
        match self {
            Targets::Classes { n_classes, .. } => *n_classes,
            Targets::Values(values) => values.ncols(),
        }
    }

    /// The task, in words.
    pub(crate) fn task(&self) -> &'static str {
        match self {
            Targets::Classes { .. } => "classification",
            Targets::Values(_) => "regression",
        }
    }

    /// Adds `weight * y_row` to `sum`, with one-hot `y` for classes.
    pub(crate) fn add(&self, row: usize, weight: f64, sum: &mut [f64]) {
        match self {
            Targets::Classes { labels, .. } => sum[labels[row]] += weight,
            Targets::Values(values) => {
                sum.iter_mut().zip(values.row(row)).for_each(|(s, v)| *s += weight * f64::from(*v));
            }
        }
    }

    /// Whether a target is the same as one of other targets of the same task.
    pub(crate) fn same(&self, row: usize, other: &Self, of: usize) -> bool {
        match (self, other) {
            (Targets::Classes { labels: a, .. }, Targets::Classes { labels: b, .. }) => a[row] == b[of],
            (Targets::Values(a), Targets::Values(b)) => a.row(row) == b.row(of),
            _ => false,
        }
    }

    /// The targets at `rows`, in that order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        match self {
            Targets::Classes { labels, n_classes } => {
                Targets::Classes { labels: rows.iter().map(|&r| labels[r]).collect(), n_classes: *n_classes }
            }
            Targets::Values(values) => Targets::Values(values.select(Axis(0), rows)),
        }
    }

    /// Checks that `other` is of the same task and width.
    pub(crate) fn check_like(&self, other: &Self) -> Result<(), ResmemError> {
        if self.task() != other.task() {
            return Err(ResmemError::Task { operation: "this memory", needs: self.task(), found: other.task() });
        }
        if self.width() != other.width() {
            return Err(ResmemError::Shape {
                what: "targets of the memory and further targets",
                left: vec![self.len(), self.width()],
                right: vec![other.len(), other.width()],
                rule: "widths must agree",
            });
        }
        Ok(())
    }

    /// These targets followed by `more`, which must be of the same task and width.
    pub(crate) fn followed_by(&self, more: &Self) -> Result<Self, ResmemError> {
        self.check_like(more)?;
        Ok(match (self, more) {
            (Targets::Values(a), Targets::Values(b)) => Targets::Values(concatenate(Axis(0), &[a.view(), b.view()])?),
            (Targets::Classes { labels: a, n_classes }, Targets::Classes { labels: b, .. }) => {
                Targets::Classes { labels: a.iter().chain(b).copied().collect(), n_classes: *n_classes }
            }
            _ => self.clone(),
        })
    }

    /// Checks labels against the number of classes, and that values are finite.
    ///
    /// # Errors
    /// No targets, fewer than two classes, a label out of range, width 0, a value that is not finite.
    pub fn validate(&self) -> Result<(), ResmemError> {
        if self.is_empty() {
            return Err(ResmemError::parameter("number of targets", 0, "must be at least 1"));
        }
        match self {
            Targets::Classes { labels, n_classes } => {
                if *n_classes < 2 {
                    return Err(ResmemError::parameter("n_classes", n_classes, "must be at least 2"));
                }
                match labels.iter().position(|l| l >= n_classes) {
                    Some(row) => Err(ResmemError::Label { row, value: labels[row], n_classes: *n_classes }),
                    None => Ok(()),
                }
            }
            Targets::Values(values) if values.ncols() == 0 => {
                Err(ResmemError::parameter("width of targets", 0, "must be at least 1"))
            }
            Targets::Values(values) => check_finite("targets", values),
        }
    }
}

pub(crate) fn check_finite(what: &'static str, values: &Array2<f32>) -> Result<(), ResmemError> {
    match values.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), &value)) => Err(ResmemError::Value { what, row, column, value, rule: "must be finite" }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn every_rule_is_named() {
        let refusal = |t: Targets| t.validate().unwrap_err().to_string();
        assert_eq!(refusal(Targets::classes(vec![], 2)), "number of targets = 0: must be at least 1");
        assert_eq!(refusal(Targets::classes(vec![0], 1)), "n_classes = 1: must be at least 2");
        assert_eq!(refusal(Targets::classes(vec![0, 3], 3)), "labels: row 1 is 3, must be below the 3 classes");
        assert_eq!(refusal(Targets::Values(Array2::zeros((2, 0)))), "width of targets = 0: must be at least 1");
        assert_eq!(
            refusal(Targets::Values(array![[0.0], [f32::NAN]])),
            "targets: row 1, column 0 is NaN, must be finite"
        );
    }

    #[test]
    fn only_like_follows_like() {
        let classes = Targets::classes(vec![0, 1], 3);
        assert_eq!(classes.followed_by(&Targets::classes(vec![2], 3)).unwrap(), Targets::classes(vec![0, 1, 2], 3));
        assert!(classes.followed_by(&Targets::classes(vec![1], 2)).unwrap_err().to_string().contains("[2, 3]"));
        let error = classes.followed_by(&Targets::Values(array![[1.0]])).unwrap_err();
        assert_eq!(error.to_string(), "this memory needs classification; this is regression");
    }
}
