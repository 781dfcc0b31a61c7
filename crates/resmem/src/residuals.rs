//! Residuals: as they are stored, without the row itself, and from models that did not see the row.

use crate::error::ResmemError;
use crate::memory::Memory;
use crate::params::{Params, positive};
use crate::predict::Prediction;
use ndarray::Array2;
use rand::seq::SliceRandom;
use tenfold_core_tensor::seed::Seed;

impl Memory {
    /// All residuals `r_i` at temperature `T`, `[n, C]`; each row of a classifier sums to zero. In regression `T` plays
    /// no part.
    ///
    /// # Errors
    /// A temperature that is not finite or not above zero.
    pub fn residuals(&self, temperature: f64) -> Result<Array2<f64>, ResmemError> {
        positive("temperature", temperature)?;
        let mut output = vec![0.0; self.width()];
        let mut residuals = Array2::zeros((self.len(), self.width()));
        for (row, mut slots) in residuals.outer_iter_mut().enumerate() {
            self.base.output(row, temperature, &mut output);
            slots.iter_mut().zip(self.residual(row, &output)).for_each(|(slot, r)| *slot = r);
        }
        Ok(residuals)
    }

    /// The residual of a row, given the base model's output on it.
    pub(crate) fn residual(&self, row: usize, output: &[f64]) -> Vec<f64> {
        let mut residual: Vec<f64> = output.iter().map(|p| -p).collect();
        self.targets.add(row, 1.0, &mut residual);
        residual
    }

    /// Predicts every stored row from the others: a row scored with itself among its neighbours only shows that it was
    /// stored.
    ///
    /// # Errors
    /// As [`Memory::predict`], with one row fewer.
    pub fn predict_training(&self, params: &Params) -> Result<Prediction, ResmemError> {
        params.validate(self.len() - 1)?;
        let own: Vec<usize> = (0..self.len()).collect();
        let found = self.search(self.keys().view(), params.k, Some(&own))?;
        self.map_queries(&found, params, |q, tally, out| {
            self.base.output(q, params.temperature, out);
            out.iter_mut().enumerate().for_each(|(c, p)| *p = tally.score(c, *p));
        })
    }

    /// What the others' residuals leave unexplained of each row: `y_i` minus the prediction of [`Memory::predict_training`].
    ///
    /// # Errors
    /// As [`Memory::predict_training`].
    pub fn leave_one_out_residuals(&self, params: &Params) -> Result<Array2<f64>, ResmemError> {
        let mut scores = self.predict_training(params)?.scores;
        for (row, mut slots) in scores.outer_iter_mut().enumerate() {
            let residual = self.residual(row, &slots.to_vec());
            slots.iter_mut().zip(residual).for_each(|(slot, r)| *slot = r);
        }
        Ok(scores)
    }
}

/// A split of `n` rows into folds of nearly equal size, for residuals of models that did not see the row: where the base model overfits its training set, its own residuals understate its
/// errors.
///
/// ```
/// use ndarray::{Array2, array};
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_resmem::Folds;
/// let y = [1.0_f32, 2.0, 3.0, 4.0];
/// // A "model" that predicts the mean of its training rows.
/// let base = Folds::new(4, 2, Seed::new(0))?.held_out_outputs(|train, held_out| {
///     let mean = train.iter().map(|&i| y[i]).sum::<f32>() / train.len() as f32;
///     Array2::from_elem((held_out.len(), 1), mean)
/// })?;
/// assert_eq!(base.sum(), 2.0 * 5.0);
/// # Ok::<(), tenfold_resmem::ResmemError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    fold_of: Vec<usize>,
    folds: usize,
}

impl Folds {
    /// Assigns rows to folds at random.
    ///
    /// # Errors
    /// `folds` outside `2..=n`.
    pub fn new(n: usize, folds: usize, seed: Seed) -> Result<Self, ResmemError> {
        if folds < 2 || folds > n {
            return Err(ResmemError::parameter("folds", folds, format!("must be between 2 and the {n} rows")));
        }
        let mut fold_of: Vec<usize> = (0..n).map(|i| i % folds).collect();
        fold_of.shuffle(&mut seed.named("folds").rng());
        Ok(Self { fold_of, folds })
    }

    /// The rows of a fold (`held_out`), or of all others, ascending.
    pub fn rows(&self, fold: usize, held_out: bool) -> Vec<usize> {
        (0..self.fold_of.len()).filter(|i| (self.fold_of[*i] == fold) == held_out).collect()
    }

    /// Calls `model` with (rows to train on, rows held out) for each fold and puts its outputs on the held-out rows in
    /// the order of the rows: the `base` argument of [`Memory::from_arrays`].
    ///
    /// # Errors
    /// Outputs of another number of rows than were held out, or of different widths.
    pub fn held_out_outputs(
        &self,
        mut model: impl FnMut(&[usize], &[usize]) -> Array2<f32>,
    ) -> Result<Array2<f32>, ResmemError> {
        let mut outputs: Option<Array2<f32>> = None;
        for fold in 0..self.folds {
            let held_out = self.rows(fold, true);
            let part = model(&self.rows(fold, false), &held_out);
            let all = outputs.get_or_insert_with(|| Array2::zeros((self.fold_of.len(), part.ncols())));
            if part.dim() != (held_out.len(), all.ncols()) {
                return Err(ResmemError::Shape {
                    what: "held-out rows and the model's outputs on them",
                    left: vec![held_out.len(), all.ncols()],
                    right: part.shape().to_vec(),
                    rule: "one row each, as wide as those of the first fold",
                });
            }
            held_out.iter().zip(part.outer_iter()).for_each(|(&row, output)| all.row_mut(row).assign(&output));
        }
        Ok(outputs.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_a_partition_of_nearly_equal_parts() {
        let folds = Folds::new(23, 5, Seed::new(3)).unwrap();
        let mut all: Vec<usize> = (0..5).flat_map(|f| folds.rows(f, true)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..23).collect::<Vec<_>>());
        for fold in 0..5 {
            let (held_out, train) = (folds.rows(fold, true), folds.rows(fold, false));
            assert!((4..=5).contains(&held_out.len()) && train.len() == 23 - held_out.len());
        }
        assert_eq!(folds, Folds::new(23, 5, Seed::new(3)).unwrap());
        assert_ne!(folds, Folds::new(23, 5, Seed::new(4)).unwrap());
    }

    #[test]
    fn every_rule_of_folds_is_named() {
        let refusal = |k| Folds::new(4, k, Seed::new(0)).unwrap_err().to_string();
        assert_eq!(refusal(1), "folds = 1: must be between 2 and the 4 rows");
        assert_eq!(refusal(5), "folds = 5: must be between 2 and the 4 rows");
        let folds = Folds::new(4, 2, Seed::new(0)).unwrap();
        let error = folds.held_out_outputs(|_, _| Array2::zeros((3, 2))).unwrap_err().to_string();
        assert!(error.contains("[2, 2] against [3, 2]"), "{error}");
    }
}
