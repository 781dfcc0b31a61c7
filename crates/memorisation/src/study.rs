//! What K models saw and got right.

use crate::error::{MemorisationError, require, require_shape};
use crate::scores::{Score, score};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::mask::BitMask;

/// K models: which of n examples each saw, and which it got right. Bits, `K n / 4` bytes.
///
/// ```
/// use ndarray::array;
/// use tenfold_memorisation::Study;
///
/// // Four models and two examples; nobody who has not seen the second gets it right.
/// let mask = array![[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]];
/// let correct = array![[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]];
/// let scores = Study::from_arrays(mask.view(), correct.view())?.scores()?;
/// assert_eq!(scores.iter().map(|s| s.mem.value).collect::<Vec<_>>(), [0.0, 1.0]);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Study {
    examples: usize,
    masks: Vec<BitMask>,
    correct: Vec<BitMask>,
}

impl Study {
    /// A study of n examples without models.
    pub fn new(examples: usize) -> Self {
        Self { examples, masks: Vec::new(), correct: Vec::new() }
    }

    /// Reads tables `[K, n]` of zeros and ones.
    ///
    /// # Errors
    /// Shapes that differ, an entry that is neither 0 nor 1, a model that saw all examples or none.
    pub fn from_arrays(mask: ArrayView2<f32>, correct: ArrayView2<f32>) -> Result<Self, MemorisationError> {
        require_shape("mask and correct", mask.shape(), correct.shape(), "both are [models, examples]")?;
        let mut study = Self::new(mask.ncols());
        for (mask, correct) in bit_rows("mask", 0, mask)?.into_iter().zip(bit_rows("correct", 0, correct)?) {
            study.add(mask, correct)?;
        }
        Ok(study)
    }

    /// Runs a trainer for each mask: `train(k, mask)` returns which examples the trained model gets right. Evaluate on
    /// clean inputs, without augmentation and dropout.
    ///
    /// # Errors
    /// The trainer's first error, or a mask or outcome of another length.
    pub fn run<E: From<MemorisationError>>(
        masks: Vec<BitMask>,
        mut train: impl FnMut(usize, &BitMask) -> Result<BitMask, E>,
    ) -> Result<Self, E> {
        let mut study = Self::new(masks.first().map_or(0, BitMask::len));
        for (k, mask) in masks.into_iter().enumerate() {
            let correct = train(k, &mask)?;
            study.add(mask, correct)?;
        }
        Ok(study)
    }

    /// Adds a model.
    ///
    /// # Errors
    /// Lengths other than n, a model that saw all examples or none.
    pub fn add(&mut self, mask: BitMask, correct: BitMask) -> Result<(), MemorisationError> {
        let n = self.examples;
        require_shape("mask and examples", &[mask.len()], &[n], "one bit for each example")?;
        require_shape("correct and examples", &[correct.len()], &[n], "one bit for each example")?;
        let seen = mask.count();
        if seen == 0 || seen == n {
            return Err(MemorisationError::Subset { model: self.masks.len(), seen, examples: n });
        }
        self.masks.push(mask);
        self.correct.push(correct);
        Ok(())
    }

    /// n.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// K.
    pub fn models(&self) -> usize {
        self.masks.len()
    }

    /// Which examples each model saw.
    pub fn masks(&self) -> &[BitMask] {
        &self.masks
    }

    /// Which examples each model got right.
    pub fn correct(&self) -> &[BitMask] {
        &self.correct
    }

    /// The study of some of the models, in this order.
    ///
    /// # Panics
    /// If there is no such model.
    pub fn select(&self, models: &[usize]) -> Self {
        let of = |all: &[BitMask]| models.iter().map(|&k| all[k].clone()).collect();
        Self { examples: self.examples, masks: of(&self.masks), correct: of(&self.correct) }
    }

    /// The counts behind the scores of all examples.
    pub fn counts(&self) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); self.examples];
        for (mask, correct) in self.masks.iter().zip(&self.correct) {
            let words = mask.words().iter().zip(correct.words());
            for ((&seen, &right), counts) in words.zip(counts.chunks_mut(64)) {
                for (bit, counts) in counts.iter_mut().enumerate() {
                    let (seen, right) = ((seen >> bit & 1) as u32, (right >> bit & 1) as u32);
                    counts.k_in += seen;
                    counts.right_in += seen & right;
                    counts.right += right;
                }
            }
        }
        let models = self.models() as u32;
        counts.iter_mut().for_each(|c| c.k_out = models - c.k_in);
        counts
    }

    /// The scores of all examples.
    ///
    /// # Errors
    /// No examples, or one with fewer than two models on one side: its score has no error. Use
    /// [`flagged_scores`](Self::flagged_scores) to go on without it.
    pub fn scores(&self) -> Result<Vec<Score>, MemorisationError> {
        require(self.examples >= 1, "examples", self.examples, "must be at least 1")?;
        self.flagged_scores().into_iter().enumerate().map(|(i, s)| s.map_err(|c| c.too_few(i))).collect()
    }

    /// The scores of the examples that have one; for the others, what they have.
    pub fn flagged_scores(&self) -> Vec<Result<Score, Counts>> {
        self.counts().into_iter().map(score).collect()
    }

    /// The largest difference, over the two sides of the identity, between the mean score and the generalisation gap
    /// computed from the models' accuracies: `mean_i mem_i = mean_k train accuracy - mean_k held-out accuracy`.
    ///
    /// Exact where each example is in as many subsets and subsets have one size; elsewhere the two weigh models
    /// differently. NaN for a study without models.
    pub fn gap(&self) -> f64 {
        let share = |of: &dyn Fn(&BitMask, &BitMask) -> (usize, usize)| {
            let shares = self.masks.iter().zip(&self.correct).map(|(mask, correct)| {
                let (right, of) = of(mask, correct);
                right as f64 / of as f64
            });
            shares.sum::<f64>() / self.models() as f64
        };
        let common = |a: &BitMask, b: &BitMask| -> usize {
            a.words().iter().zip(b.words()).map(|(a, b)| (a & b).count_ones() as usize).sum()
        };
        let train = share(&|mask, correct| (common(mask, correct), mask.count()));
        let held_out = share(&|mask, correct| (correct.count() - common(mask, correct), mask.len() - mask.count()));
        train - held_out
    }
}

/// Models by what they saw of an example and whether they got it right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Models that saw the example.
    pub k_in: u32,
    /// Models that did not.
    pub k_out: u32,
    /// Models that saw it and got it right.
    pub right_in: u32,
    /// Models that got it right.
    pub right: u32,
}

impl Counts {
    pub(crate) fn too_few(self, example: usize) -> MemorisationError {
        let (k_in, k_out) = (self.k_in as usize, self.k_out as usize);
        MemorisationError::TooFewModels { example, k_in, k_out, least: crate::scores::LEAST }
    }
}

/// Rows of a table of zeros and ones, in single or double precision, as bits; `first` is the number of its first row, for
/// messages.
///
/// # Errors
/// An entry that is neither 0 nor 1, by row and column.
pub fn bit_rows<T: Copy + Into<f64>>(
    what: &'static str,
    first: usize,
    table: ArrayView2<T>,
) -> Result<Vec<BitMask>, MemorisationError> {
    let number = |v: &T| -> f64 { (*v).into() };
    let bad = table.indexed_iter().map(|(at, v)| (at, number(v))).find(|(_, v)| *v != 0.0 && *v != 1.0);
    if let Some(((row, column), value)) = bad {
        return Err(MemorisationError::Value { what, row: first + row, column, value, rule: "must be 0 or 1" });
    }
    Ok(table.outer_iter().map(|row| row.iter().map(|v| number(v) == 1.0).collect()).collect())
}

/// The standard error of a score that K models imply where half of those outside get the example right and all inside do,
/// `0.5 / sqrt((1 - p) K - 1)`: what a warning about a small K says.
pub fn implied_error(models: usize, fraction: f64) -> Result<f64, MemorisationError> {
    let out = (1.0 - fraction) * models as f64;
    require(out > 1.0, "models", models, "must leave more than one model without each example")?;
    Ok(0.5 / (out - 1.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::{Design, SubsetDesign};
    use ndarray::{Array2, array};
    use proptest::prelude::*;
    use tenfold_core_tensor::seed::Seed;

    #[test]
    fn bad_tables_name_what_is_wrong() {
        let fails = |mask: Array2<f32>, correct: Array2<f32>, expected: &str| {
            assert_eq!(Study::from_arrays(mask.view(), correct.view()).unwrap_err().to_string(), expected);
        };
        let good = array![[1.0, 0.0], [0.0, 1.0]];
        fails(array![[1.0, 0.5], [0.0, 1.0]], good.clone(), "mask: row 0, column 1 is 0.5, must be 0 or 1");
        fails(good.clone(), array![[1.0, 0.0], [f32::NAN, 1.0]], "correct: row 1, column 0 is NaN, must be 0 or 1");
        fails(
            array![[1.0, 0.0], [1.0, 1.0]],
            good.clone(),
            "mask: model 1 saw 2 of 2 examples; it must see some and leave some out",
        );
        fails(good.clone(), array![[1.0, 0.0]], "mask and correct: [2, 2] against [1, 2]; both are [models, examples]");
        let error = Study::new(0).scores().unwrap_err().to_string();
        assert_eq!(error, "examples = 0: must be at least 1");
        let nearly = array![[1.0, 1e-60]];
        let error = bit_rows("mask", 0, nearly.view()).unwrap_err().to_string();
        assert!(
            error.starts_with("mask: row 0, column 1 is 0.00000") && error.ends_with("1, must be 0 or 1"),
            "{error}"
        );
        let error = Study::from_arrays(good.view(), good.view()).unwrap().scores().unwrap_err();
        let expected = "example 0: 1 models saw it and 1 did not; each side needs at least 2";
        assert_eq!(error.to_string(), expected);
    }

    proptest! {
        #[test]
        fn the_mean_score_is_the_generalisation_gap(n in 1_usize..9, s in 0_u64..40) {
            // Folds of one size, so that all subsets have one size.
            let n = 10 * n;
            let design = SubsetDesign::new(n, 20).with_design(Design::Complementary);
            let masks = design.masks(Seed::new(s)).unwrap();
            let right = |k: usize, i: usize| (k * 31 + i * 17 + s as usize * 7) % 5 < 3;
            let study = Study::run(masks, |k, mask| {
                Ok::<_, MemorisationError>((0..n).map(|i| mask.get(i) && i % 3 == 0 || right(k, i)).collect())
            }).unwrap();
            let scores = study.scores().unwrap();
            let mean = scores.iter().map(|s| s.mem.value).sum::<f64>() / n as f64;
            prop_assert!((mean - study.gap()).abs() < 1e-12, "{} against {}", mean, study.gap());
        }
    }

    #[test]
    fn a_study_survives_its_file() {
        let masks = SubsetDesign::new(70, 10).masks(Seed::new(1)).unwrap();
        let study = Study::run(masks, |_, mask| Ok::<_, MemorisationError>(mask.clone())).unwrap();
        assert!(study.scores().unwrap().iter().all(|s| s.mem.value == 1.0));
        assert_eq!(study.select(&[1, 0]).masks()[1], study.masks()[0]);
    }
}
