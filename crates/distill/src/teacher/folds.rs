//! Folds for teachers that did not see the example.

use crate::error::{DistillError, require, require_examples, require_labels, require_shape};
use ndarray::{Array2, ArrayView2};
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::stratified_folds;

/// Stratified folds of the training set, for margins and targets from teachers that were trained without the example.
///
/// The examples of a class are dealt to the folds in turn, so a class with fewer examples than folds has each of them in a fold of
/// its own, and every teacher sees all but one of its examples. Train teacher j on [`train`](Self::train)`(j)`, predict
/// [`held_out`](Self::held_out)`(j)`, and put the predictions together with [`gather`](Self::gather).
///
/// Cross-fitting the *margin* and cross-fitting the *targets* are two things: the second gives the student the out-of-fold
/// probabilities to train on.
///
/// ```
/// use ndarray::Array2;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_distill::Folds;
/// let labels = [0, 0, 0, 0, 1, 1];
/// let folds = Folds::new(&labels, 2, 3, Seed::new(1))?;
/// // Every teacher knows both classes.
/// assert!((0..3).all(|j| folds.train(j).iter().any(|&i| labels[i] == 1)));
/// let said: Vec<Array2<f32>> = (0..3).map(|j| Array2::from_elem((folds.held_out(j).len(), 2), j as f32)).collect();
/// let all = folds.gather(&said.iter().map(|p| p.view()).collect::<Vec<_>>())?;
/// assert!((0..6).all(|i| all[[i, 0]] == folds.of()[i] as f32));
/// # Ok::<(), tenfold_distill::DistillError>(())
/// ```
///
/// Source: derived in this project; cross-fitting of distillation is in Dao, Kamath, Syrgkanis and Mackey, "Knowledge distillation as
/// semiparametric inference" (ICLR 2021, arXiv 2104.09732).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    fold: Vec<usize>,
    count: usize,
}

impl Folds {
    /// So many folds of labelled examples.
    ///
    /// # Errors
    /// Fewer than two folds, fewer examples than folds, a label that names no class, or a class with fewer than two examples: the
    /// teacher without its only example would not know the class.
    pub fn new(labels: &[usize], classes: usize, folds: usize, seed: Seed) -> Result<Self, DistillError> {
        require(folds >= 2, "folds", folds, "must be at least 2")?;
        require_labels(labels, labels.len(), classes)?;
        require_examples("folds", labels, classes, 2)?;
        Ok(Self { fold: stratified_folds(labels, folds, seed)?, count: folds })
    }

    /// The fold of each example, `[n]`.
    pub fn of(&self) -> &[usize] {
        &self.fold
    }

    /// Number of folds.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The examples of a fold, ascending.
    pub fn held_out(&self, fold: usize) -> Vec<usize> {
        (0..self.fold.len()).filter(|&i| self.fold[i] == fold).collect()
    }

    /// All other examples, ascending.
    pub fn train(&self, fold: usize) -> Vec<usize> {
        (0..self.fold.len()).filter(|&i| self.fold[i] != fold).collect()
    }

    /// What teacher j says of [`held_out`](Self::held_out)`(j)`, `[n_j, m]` for every j, brought into the order of the examples.
    ///
    /// # Errors
    /// Another number of arrays than folds, or an array whose shape does not fit.
    pub fn gather<T: Copy>(&self, said: &[ArrayView2<T>]) -> Result<Array2<T>, DistillError> {
        require_shape("predictions and folds", &[said.len()], &[self.count], "one array for each fold")?;
        let classes = said[0].ncols();
        for (j, said) in said.iter().enumerate() {
            let rows = self.fold.iter().filter(|f| **f == j).count();
            require_shape(
                "predictions of a fold",
                &[said.nrows(), said.ncols()],
                &[rows, classes],
                "rows of the fold",
            )?;
        }
        let mut next = vec![0; self.count];
        let row = |i: usize, next: &mut [usize]| {
            let fold = self.fold[i];
            next[fold] += 1;
            (fold, next[fold] - 1)
        };
        let places: Vec<(usize, usize)> = (0..self.fold.len()).map(|i| row(i, &mut next)).collect();
        Ok(Array2::from_shape_fn((self.fold.len(), classes), |(i, k)| said[places[i].0][[places[i].1, k]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bad_input_is_named() {
        let message = |labels: &[usize], folds| Folds::new(labels, 2, folds, Seed::new(0)).unwrap_err().to_string();
        assert_eq!(message(&[0, 0, 1], 2), "folds: class 1 has 1 examples, needs at least 2");
        assert_eq!(message(&[0, 0, 1, 1], 1), "folds = 1: must be at least 2");
        assert!(message(&[0, 0, 2, 2], 2).contains("label 2"));
        assert!(message(&[0, 0, 1, 1], 9).contains("needs at least 9"));
        let folds = Folds::new(&[0, 0, 1, 1], 2, 2, Seed::new(0)).unwrap();
        let (two, three) = (Array2::<f32>::zeros((2, 2)), Array2::<f32>::zeros((3, 2)));
        assert!(folds.gather(&[two.view()]).is_err() && folds.gather(&[two.view(), three.view()]).is_err());
    }

    proptest! {
        #[test]
        fn every_teacher_sees_every_class_and_every_example_is_held_out_once(
            sizes in prop::collection::vec(2_usize..9, 2..5), k in 2_usize..6, seed: u64
        ) {
            let labels: Vec<usize> = sizes.iter().enumerate().flat_map(|(c, &n)| std::iter::repeat_n(c, n)).collect();
            prop_assume!(labels.len() >= k);
            let folds = Folds::new(&labels, sizes.len(), k, Seed::new(seed)).unwrap();
            let mut seen = vec![0; labels.len()];
            for j in 0..k {
                folds.held_out(j).iter().for_each(|&i| seen[i] += 1);
                for class in 0..sizes.len() {
                    prop_assert!(folds.train(j).iter().any(|&i| labels[i] == class));
                }
            }
            prop_assert!(seen.iter().all(|n| *n == 1));
        }
    }
}
