//! Feature rows with a class or a number each: what the synthetic sets and tabular files are made of.

use crate::error::{DataError, require};
use crate::images::{check_labels, check_rows, class_counts};
use ndarray::{Array2, Axis};

/// At least one row of finite features with a class each.
///
/// ```
/// use ndarray::array;
/// use tenfold_data::Table;
///
/// let table = Table::new(array![[0.0, 1.0], [2.0, 3.0]], vec![1, 0], 2)?;
/// assert_eq!(table.select(&[1])?.x, array![[2.0, 3.0]]);
/// assert!(Table::new(array![[f32::NAN]], vec![0], 1).is_err());
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Features, `[n, d]`.
    pub x: Array2<f32>,
    /// Classes, one per row, each below `n_classes`.
    pub labels: Vec<usize>,
    /// How many classes there are, whether or not all occur.
    pub n_classes: usize,
}

impl Table {
    /// A table from its parts.
    ///
    /// # Errors
    /// [`DataError::Shape`] if there is not one label per row; [`DataError::Param`] if there is no row, a label is out
    /// of range or a feature is not finite.
    pub fn new(x: Array2<f32>, labels: Vec<usize>, n_classes: usize) -> Result<Self, DataError> {
        check_features(&x, labels.len(), "labels")?;
        check_labels("labels", &labels, n_classes)?;
        Ok(Self { x, labels, n_classes })
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never true of a table made by [`Table::new`].
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many rows each class has.
    pub fn class_counts(&self) -> Vec<usize> {
        class_counts(&self.labels, self.n_classes)
    }

    /// The given rows, in that order; a row may be named twice.
    ///
    /// # Errors
    /// [`DataError::Param`] if no row is named or one does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self, DataError> {
        check_rows(rows, self.len())?;
        let labels = rows.iter().map(|&row| self.labels[row]).collect();
        Ok(Self { x: self.x.select(Axis(0), rows), labels, n_classes: self.n_classes })
    }
}

/// At least one row of finite features with a finite number each.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    /// Features, `[n, d]`.
    pub x: Array2<f32>,
    /// Targets, one per row.
    pub y: Vec<f64>,
}

impl Regression {
    /// A regression set from its parts.
    ///
    /// # Errors
    /// [`DataError::Shape`] if there is not one target per row; [`DataError::Param`] if there is no row or a number is
    /// not finite.
    ///
    /// ```
    /// use tenfold_data::Regression;
    /// assert!(Regression::new(ndarray::array![[1.0]], vec![0.5, 0.5]).is_err());
    /// ```
    pub fn new(x: Array2<f32>, y: Vec<f64>) -> Result<Self, DataError> {
        check_features(&x, y.len(), "targets")?;
        match y.iter().position(|v| !v.is_finite()) {
            None => Ok(Self { x, y }),
            Some(i) => Err(DataError::param("y", y[i], format!("finite (row {i})"))),
        }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// Never true of a set made by [`Regression::new`].
    pub fn is_empty(&self) -> bool {
        self.y.is_empty()
    }
}

fn check_features(x: &Array2<f32>, n: usize, what: &'static str) -> Result<(), DataError> {
    require(x.nrows() > 0, "rows", 0, "at least one row")?;
    require(x.ncols() > 0, "columns", 0, "at least one feature")?;
    if x.nrows() != n {
        return Err(DataError::Shape { what, expected: vec![x.nrows()], found: vec![n] });
    }
    match x.indexed_iter().find(|(_, v)| !v.is_finite()) {
        None => Ok(()),
        Some(((row, column), v)) => Err(DataError::param("x", v, format!("finite (row {row}, column {column})"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn every_rule_has_its_error() {
        let message = |r: Result<Table, DataError>| r.unwrap_err().to_string();
        assert_eq!(message(Table::new(Array2::zeros((0, 2)), vec![], 2)), "rows = 0: at least one row");
        assert_eq!(message(Table::new(Array2::zeros((1, 0)), vec![0], 2)), "columns = 0: at least one feature");
        assert_eq!(message(Table::new(array![[1.0]], vec![0, 1], 2)), "labels: expected shape [1], found [2]");
        assert_eq!(message(Table::new(array![[1.0]], vec![2], 2)), "labels = 2: below 2 classes (example 0)");
        assert_eq!(message(Table::new(array![[1.0, f32::INFINITY]], vec![0], 2)), "x = inf: finite (row 0, column 1)");
        let table = Table::new(array![[1.0], [2.0]], vec![0, 1], 2).unwrap();
        assert_eq!(message(table.select(&[0, 2])), "rows = 2: below 2 examples");
        assert_eq!(table.class_counts(), [1, 1]);
        let bad = Regression::new(array![[1.0]], vec![f64::NAN]).unwrap_err().to_string();
        assert_eq!(bad, "y = NaN: finite (row 0)");
    }
}
