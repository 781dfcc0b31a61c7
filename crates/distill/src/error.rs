//! What can be wrong with teachers, students, labels and settings.

use tenfold_core_tensor::stats::StatsError;

/// Every error of this crate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DistillError {
    /// A setting breaks its rule.
    #[error("{field} = {value}: {rule}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it must satisfy.
        rule: String,
    },
    /// Two shapes that must agree do not.
    #[error("{what}: {left:?} against {right:?}; {rule}")]
    Shape {
        /// The arguments concerned.
        what: &'static str,
        /// Shape of the first.
        left: Vec<usize>,
        /// Shape of the second.
        right: Vec<usize>,
        /// What must agree.
        rule: &'static str,
    },
    /// Teacher and student do not know the same classes.
    #[error("the teacher has {teacher} classes and the student {student}: they must have the same")]
    Classes {
        /// Classes of the teacher.
        teacher: usize,
        /// Classes of the student.
        student: usize,
    },
    /// A number cannot be used.
    #[error("{what}: row {row}, class {class}: {value}, {rule}")]
    Value {
        /// The argument.
        what: &'static str,
        /// The row.
        row: usize,
        /// The class.
        class: usize,
        /// The number.
        value: f64,
        /// What it must satisfy.
        rule: &'static str,
    },
    /// A row of probabilities does not sum to one.
    #[error(
        "{what}: row {row}: the probabilities sum to {sum}, must be within {tolerance} of 1 (are these logits, or not normalised?)"
    )]
    Sum {
        /// The argument.
        what: &'static str,
        /// The row.
        row: usize,
        /// Their sum.
        sum: f64,
        /// How far from one it may be.
        tolerance: f64,
    },
    /// A label names no class.
    #[error("row {row}: label {label}, must be below the {classes} classes")]
    Label {
        /// The row.
        row: usize,
        /// Its label.
        label: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A class has too few examples for what is asked of it.
    #[error("{what}: class {class} has {count} examples, needs at least {least}")]
    FewExamples {
        /// What was to be found of the class.
        what: &'static str,
        /// The class.
        class: usize,
        /// Its examples.
        count: usize,
        /// How many it needs.
        least: usize,
    },
    /// A statistic could not be computed.
    #[error(transparent)]
    Stats(#[from] StatsError),
}

/// Fails with the field, its value and the rule unless the rule holds.
pub(crate) fn require(
    holds: bool,
    field: &'static str,
    value: impl ToString,
    rule: impl Into<String>,
) -> Result<(), DistillError> {
    match holds {
        true => Ok(()),
        false => Err(DistillError::Setting { field, value: value.to_string(), rule: rule.into() }),
    }
}

/// Fails unless a setting is finite and above zero.
pub(crate) fn require_positive(field: &'static str, value: f64) -> Result<(), DistillError> {
    require(value.is_finite() && value > 0.0, field, value, "must be finite and above 0")
}

/// Fails unless a setting is from 0 to 1.
pub(crate) fn require_share(field: &'static str, value: f64) -> Result<(), DistillError> {
    require((0.0..=1.0).contains(&value), field, value, "must be from 0 to 1")
}

/// Fails with both shapes unless they are equal.
pub(crate) fn require_shape(
    what: &'static str,
    left: &[usize],
    right: &[usize],
    rule: &'static str,
) -> Result<(), DistillError> {
    match left == right {
        true => Ok(()),
        false => Err(DistillError::Shape { what, left: left.to_vec(), right: right.to_vec(), rule }),
    }
}

/// Fails unless student scores `[n, m]` fit a teacher of `(n, m)`: classes first, since that is what people get wrong.
pub(crate) fn require_fit(teacher: (usize, usize), student: (usize, usize)) -> Result<(), DistillError> {
    if teacher.1 != student.1 {
        return Err(DistillError::Classes { teacher: teacher.1, student: student.1 });
    }
    let rule = "one row of scores for each row of the teacher";
    require_shape("teacher and student", &[teacher.0, teacher.1], &[student.0, student.1], rule)
}

/// Fails unless there are rows and at least two classes.
pub(crate) fn require_table(what: &'static str, (rows, classes): (usize, usize)) -> Result<(), DistillError> {
    require(rows >= 1, what, format!("{rows} x {classes}"), "must have at least 1 row")?;
    require(classes >= 2, what, format!("{rows} x {classes}"), "must have at least 2 classes")
}

/// Fails unless there is one label for each row and every label names a class.
pub(crate) fn require_labels(labels: &[usize], rows: usize, classes: usize) -> Result<(), DistillError> {
    require_shape("rows and labels", &[rows], &[labels.len()], "one label for each row")?;
    match labels.iter().position(|&label| label >= classes) {
        Some(row) => Err(DistillError::Label { row, label: labels[row], classes }),
        None => Ok(()),
    }
}

/// Fails unless every class has so many examples; gives how many each has.
pub(crate) fn require_examples(
    what: &'static str,
    labels: &[usize],
    classes: usize,
    least: usize,
) -> Result<Vec<usize>, DistillError> {
    let mut counts = vec![0; classes];
    labels.iter().for_each(|&y| counts[y] += 1);
    match counts.iter().position(|&count| count < least) {
        Some(class) => Err(DistillError::FewExamples { what, class, count: counts[class], least }),
        None => Ok(counts),
    }
}

/// Fails unless there is one finite number for each class.
pub(crate) fn require_per_class(what: &'static str, values: &[f64], classes: usize) -> Result<(), DistillError> {
    require_shape(what, &[values.len()], &[classes], "one number for each class")?;
    match values.iter().position(|v| !v.is_finite()) {
        Some(class) => require(false, what, format!("{} for class {class}", values[class]), "must be finite"),
        None => Ok(()),
    }
}
