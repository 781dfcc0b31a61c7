//! The layouts in which Feldman and Zhang published scores and runs.
//!
//! | file | keys |
//! |---|---|
//! | scores and influence | `tr_mem [n]`, `infl [n, m]` |
//! | one run, `aux_arrays.npz` | `subsample_idx`, the examples that the run saw; `index_train`, `correctness_train` and `index_test`, `correctness_test`: which examples, in which order, and whether they were got right |
//!
//! The order of examples differs between data loaders: check labels ([`check_order`]).

use crate::error::{MemorisationError, require_shape};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use std::path::Path;
use tenfold_core_tensor::arrays::{ArrayPath, Npy, read_labels, read_matrix, read_vector, read_vector_f64, write_npz};
use tenfold_core_tensor::mask::BitMask;

/// Scores as they are published.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedScores {
    /// `tr_mem`, the score of each training example.
    pub tr_mem: Array1<f32>,
    /// `infl`, the influence of each training example on each test point.
    pub infl: Array2<f32>,
}

/// Reads `tr_mem` and `infl`.
///
/// # Errors
/// A file that cannot be read, a missing key, shapes that do not fit.
pub fn read_scores(path: &Path) -> Result<PublishedScores, MemorisationError> {
    let tr_mem = read_vector(&key(path, "tr_mem"))?;
    let infl = read_matrix(&key(path, "infl"))?;
    require_shape("tr_mem and infl", &[tr_mem.len()], &[infl.nrows()], "one row for each training example")?;
    Ok(PublishedScores { tr_mem, infl })
}

/// Writes `tr_mem` and `infl`.
///
/// ```
/// use ndarray::array;
/// use tenfold_memorisation::published::{read_scores, write_scores};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("infl_matrix.npz");
/// write_scores(&path, array![0.5, 1.0].view(), array![[0.0], [0.25]].view())?;
/// assert_eq!(read_scores(&path)?.infl[[1, 0]], 0.25);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// Shapes that do not fit, or a file system that refuses.
pub fn write_scores(path: &Path, tr_mem: ArrayView1<f32>, infl: ArrayView2<f32>) -> Result<(), MemorisationError> {
    require_shape("tr_mem and infl", &[tr_mem.len()], &[infl.nrows()], "one row for each training example")?;
    let arrays: [(&str, &dyn Npy); 2] = [("tr_mem", &tr_mem), ("infl", &infl)];
    Ok(write_npz(path, &arrays)?)
}

/// One run: what it saw and got right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedRun {
    /// Which training examples it saw.
    pub mask: BitMask,
    /// Which training examples it got right.
    pub correct: BitMask,
    /// Which test points it got right.
    pub test_correct: BitMask,
}

/// Reads a run's `aux_arrays.npz` on n training examples and m test points.
///
/// # Errors
/// A file that cannot be read, a missing key, an index beyond the examples, an example without an outcome, an outcome that
/// is neither 0 nor 1.
pub fn read_run(path: &Path, n: usize, m: usize) -> Result<PublishedRun, MemorisationError> {
    let mut seen = vec![false; n];
    for (row, i) in read_labels(&key(path, "subsample_idx"))?.into_iter().enumerate() {
        *seen.get_mut(i).ok_or(beyond("subsample_idx", row, i))? = true;
    }
    Ok(PublishedRun {
        mask: seen.into_iter().collect(),
        correct: outcomes(path, ["index_train", "correctness_train"], n)?,
        test_correct: outcomes(path, ["index_test", "correctness_test"], m)?,
    })
}

fn outcomes(path: &Path, [index, correctness]: [&'static str; 2], n: usize) -> Result<BitMask, MemorisationError> {
    let order = read_labels(&key(path, index))?;
    let correct = read_vector_f64(&key(path, correctness))?;
    require_shape(correctness, &[order.len()], &[correct.len()], "as many as indices")?;
    let mut right = vec![None; n];
    for (row, (&i, &value)) in order.iter().zip(&correct).enumerate() {
        if value != 0.0 && value != 1.0 {
            return Err(MemorisationError::Value { what: correctness, row, column: 0, value, rule: "must be 0 or 1" });
        }
        *right.get_mut(i).ok_or(beyond(index, row, i))? = Some(value == 1.0);
    }
    match right.iter().position(Option::is_none) {
        Some(row) => {
            let (value, rule) = (row as f64, "must name each example, this one is missing");
            Err(MemorisationError::Value { what: index, row, column: 0, value, rule })
        }
        None => Ok(right.into_iter().map(|r| r == Some(true)).collect()),
    }
}

fn beyond(what: &'static str, row: usize, i: usize) -> MemorisationError {
    MemorisationError::Value { what, row, column: 0, value: i as f64, rule: "must be below the number of examples" }
}

fn key(path: &Path, key: &str) -> ArrayPath {
    ArrayPath { file: path.to_path_buf(), key: Some(key.to_string()) }
}

/// Refuses two lists of labels of the same examples that differ: the order of examples differs too.
///
/// ```
/// use tenfold_memorisation::published::check_order;
/// assert_eq!(
///     check_order(&[3, 1, 2], &[3, 2, 1]).unwrap_err().to_string(),
///     "example 1: label 1 in one file and 2 in the other; the order of examples differs"
/// );
/// ```
///
/// # Errors
/// Different lengths, or the first example whose labels differ.
pub fn check_order(left: &[usize], right: &[usize]) -> Result<(), MemorisationError> {
    require_shape("labels of two files", &[left.len()], &[right.len()], "must be of the same examples")?;
    match left.iter().zip(right).enumerate().find(|(_, (l, r))| l != r) {
        Some((example, (&left, &right))) => Err(MemorisationError::Order { example, left, right }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn write(path: &Path, seen: Array1<i64>, index: Array1<i64>, correct: Array1<u8>) {
        let (test_index, test_correct) = (array![1_i64, 0], array![1_u8, 0]);
        let (seen, index, correct) = (seen.view(), index.view(), correct.view());
        let arrays: [(&str, &dyn Npy); 5] = [
            ("subsample_idx", &seen),
            ("index_train", &index),
            ("correctness_train", &correct),
            ("index_test", &test_index.view()),
            ("correctness_test", &test_correct.view()),
        ];
        write_npz(path, &arrays).unwrap();
    }

    #[test]
    fn a_run_comes_back_in_the_order_of_the_examples() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aux_arrays.npz");
        write(&path, array![2, 0], array![2, 0, 1], array![1, 0, 1]);
        let run = read_run(&path, 3, 2).unwrap();
        let bits = |bits: &[bool]| bits.iter().copied().collect::<BitMask>();
        assert_eq!(run.mask, bits(&[true, false, true]));
        assert_eq!(run.correct, bits(&[false, true, true]));
        assert_eq!(run.test_correct, bits(&[false, true]));

        let fails = |n: usize, start: &str| {
            let error = read_run(&path, n, 2).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        };
        fails(2, "subsample_idx: row 0, column 0 is 2, must be below");
        fails(4, "index_train: row 3, column 0 is 3, must name each example");
        write(&path, array![0], array![0, 1, 2], array![1, 7, 0]);
        fails(3, "correctness_train: row 1, column 0 is 7, must be 0 or 1");
    }
}
