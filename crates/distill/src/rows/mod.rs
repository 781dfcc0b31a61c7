//! How rows of numbers are read, checked and worked on, in either precision and by several threads.
//!
//! | question | item |
//! |---|---|
//! | single or double precision? | [`Real`] |
//! | something of every row, whatever the number of threads? | [`each_row`], [`column_sums`], [`write_rows`] |
//! | fast sums of a row? | [`sum()`], [`sums`] |
//! | is a row what it should be? | [`require_probability`], [`require_weights`], [`require_finite`] |

mod check;
mod each;
mod lanes;
mod real;

pub use check::SUM_TOLERANCE;
pub(crate) use check::{is_probability, require_finite, require_probability, require_weights};
pub(crate) use each::{column_sums, each_row, fold_rows, read, write_rows};
pub(crate) use lanes::{sum, sums};
pub use real::Real;

use crate::error::DistillError;
use ndarray::ArrayView2;

/// Fails unless every row of an array passes a check; rows that do not lie in one piece are brought together first.
pub(crate) fn check_rows<T: Real>(
    array: &ArrayView2<T>,
    check: impl Fn(usize, &[T]) -> Result<(), DistillError> + Sync,
) -> Result<(), DistillError> {
    let (rows, classes) = array.dim();
    fold_rows(rows, classes, || (), |(), i, _| with_row(array, i, |row| check(i, row))).map(|_| ())
}

/// Looks at a row in one piece.
pub(crate) fn with_row<T: Real, O>(array: &ArrayView2<T>, i: usize, look: impl FnOnce(&[T]) -> O) -> O {
    let row = array.row(i);
    match row.as_slice() {
        Some(row) => look(row),
        None => look(&row.to_vec()),
    }
}
