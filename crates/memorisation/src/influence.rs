//! Influence of every training example on test points.

use crate::error::{MemorisationError, require, require_shape};
use crate::scores::LEAST;
use crate::study::Study;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use std::ops::Range;
use tenfold_core_tensor::mask::BitMask;
use tenfold_kernels::bits::common_bits;
use tenfold_kernels::product::{Matrix, product};

/// Influence of n training examples on test points, from the models' subsets and what they got right:
///
/// `infl_ij = sum_k s_ki c_kj / K_in(i) - sum_k (1 - s_ki) c_kj / K_out(i)`
///
/// the share of the models that saw example i that get test point j right, minus that of the others. Both sums come from one
/// product of tables of bits, since the second is `sum_k c_kj` minus the first.
///
/// ```
/// use ndarray::array;
/// use tenfold_memorisation::{Influence, Study, bit_rows};
///
/// // Only models that saw the first example get the test point right.
/// let mask = array![[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
/// let tested = array![[1.0], [1.0], [0.0], [0.0], [1.0], [0.0]];
/// let masks = bit_rows("mask", 0, mask.view())?;
/// let influence = Influence::new(&masks)?;
/// let matrix = influence.on(&bit_rows("test_correct", 0, tested.view())?)?;
/// assert_eq!(matrix[[0, 0]], 1.0);
/// assert!(matrix[[1, 0]] < 0.0);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Influence {
    models: usize,
    /// One row for each example: which models saw it.
    seen: Vec<u64>,
    k_in: Vec<u32>,
}

impl Influence {
    /// Prepares the subsets of K models.
    ///
    /// # Errors
    /// No models, masks of different lengths, or an example with fewer than two models on one side.
    pub fn new(masks: &[BitMask]) -> Result<Self, MemorisationError> {
        let models = masks.len();
        require(models >= 1, "models", models, "must be at least 1")?;
        let (seen, words) = by_column(masks)?;
        let k_in: Vec<u32> = seen.chunks_exact(words.max(1)).map(ones).collect();
        let few = |&(_, &k): &(usize, &u32)| (k as usize) < LEAST || models - (k as usize) < LEAST;
        if let Some((example, &k)) = k_in.iter().enumerate().find(few) {
            let (k_in, k_out) = (k as usize, models - k as usize);
            return Err(MemorisationError::TooFewModels { example, k_in, k_out, least: LEAST });
        }
        Ok(Self { models, seen, k_in })
    }

    /// Training examples.
    pub fn examples(&self) -> usize {
        self.k_in.len()
    }

    /// The influence on m test points, `[n, m]`, from which of them each model gets right. It has `4 n m` bytes: for large
    /// sets take [`block`](Self::block) after block.
    ///
    /// # Errors
    /// Another number of models, or masks of different lengths.
    pub fn on(&self, test_correct: &[BitMask]) -> Result<Array2<f32>, MemorisationError> {
        Ok(self.block(0..self.examples(), &self.tested(test_correct)?))
    }

    /// Prepares what each model gets right among m test points.
    ///
    /// # Errors
    /// Another number of models, or masks of different lengths.
    pub fn tested(&self, test_correct: &[BitMask]) -> Result<Tested, MemorisationError> {
        let rule = "one row for each model";
        require_shape("mask and test_correct", &[self.models], &[test_correct.len()], rule)?;
        let (right, words) = by_column(test_correct)?;
        let totals = right.chunks_exact(words.max(1)).map(ones).collect();
        Ok(Tested { right, totals })
    }

    /// The rows of some training examples, `[rows, m]`.
    ///
    /// # Panics
    /// If there are no such examples, or the test points were prepared by an influence of other models.
    pub fn block(&self, examples: Range<usize>, tested: &Tested) -> Array2<f32> {
        let (words, m) = (self.models.div_ceil(64), tested.totals.len());
        let seen = &self.seen[examples.start * words..examples.end * words];
        let mut both = vec![0; examples.len() * m];
        common_bits(seen, &tested.right, words, &mut both);
        let mut influence = vec![0.0; both.len()];
        let rows = influence.par_chunks_exact_mut(m.max(1)).zip(both.par_chunks_exact(m.max(1)));
        rows.zip(&self.k_in[examples.clone()]).for_each(|((row, both), &k_in)| {
            let (inside, outside) = (1.0 / f64::from(k_in), 1.0 / (self.models as f64 - f64::from(k_in)));
            for ((to, &both), &total) in row.iter_mut().zip(both).zip(&tested.totals) {
                *to = (f64::from(both) * inside - f64::from(total - both) * outside) as f32;
            }
        });
        Array2::from_shape_vec((examples.len(), m), influence).expect("one number for each pair")
    }

    /// The influence on any numbers `v [K, m]` that the models have at m test points, such as the probability or the
    /// log-likelihood of the label, `[n, m]`:
    ///
    /// `infl_ij = sum_k s_ki v_kj / K_in(i) - sum_k (1 - s_ki) v_kj / K_out(i)`
    ///
    /// Another quantity than [`on`](Self::on), with less variance: a probability moves where a prediction does not flip yet.
    /// One product of the table of subsets, as `4 K n` bytes of numbers, with `v`.
    ///
    /// ```
    /// use ndarray::array;
    /// use tenfold_memorisation::{Influence, bit_rows};
    /// let masks = bit_rows("mask", 0, array![[1.0], [1.0], [0.0], [0.0]].view())?;
    /// let influence = Influence::new(&masks)?.on_values(array![[0.9], [0.7], [0.2], [0.4]].view())?;
    /// assert!((influence[[0, 0]] - 0.5).abs() < 1e-6);
    /// # Ok::<(), tenfold_memorisation::MemorisationError>(())
    /// ```
    ///
    /// # Errors
    /// Another number of models, or a value that is not finite.
    pub fn on_values(&self, values: ArrayView2<f32>) -> Result<Array2<f32>, MemorisationError> {
        let (n, m) = (self.examples(), values.ncols());
        require_shape("mask and values", &[self.models], &[values.nrows()], "one row for each model")?;
        if let Some(((row, column), &value)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
            let (value, rule) = (value.into(), "must be a finite number");
            return Err(MemorisationError::Value { what: "values", row, column, value, rule });
        }
        // Means are taken away first: what is left are small differences of sums.
        let means = values.mean_axis(Axis(0)).unwrap_or_default();
        let centred = (&values - &means).as_standard_layout().into_owned();
        let words = self.models.div_ceil(64);
        let seen = self.seen.chunks_exact(words.max(1));
        let subsets: Vec<f32> =
            seen.flat_map(|row| (0..self.models).map(|k| (row[k / 64] >> (k % 64) & 1) as f32)).collect();
        let mut influence = vec![0.0; n * m];
        let (subsets, centred) = (
            Matrix::new(&subsets, n, self.models),
            Matrix::new(centred.as_slice().expect("standard layout"), self.models, m),
        );
        product(subsets, centred, &mut influence, false);
        // The centred values sum to zero: what the others have is what these lack.
        for (row, &k_in) in influence.chunks_exact_mut(m.max(1)).zip(&self.k_in) {
            let k_in = f64::from(k_in);
            let scale = (1.0 / k_in + 1.0 / (self.models as f64 - k_in)) as f32;
            row.iter_mut().for_each(|v| *v *= scale);
        }
        Ok(Array2::from_shape_vec((n, m), influence).expect("one number for each pair"))
    }

    /// The influence of the examples on themselves and each other, `[n, n]`: its diagonal holds the memorisation scores.
    ///
    /// # Errors
    /// None for a study whose masks made this.
    pub fn within(&self, study: &Study) -> Result<Array2<f32>, MemorisationError> {
        self.on(study.correct())
    }
}

/// What K models get right among m test points, prepared by [`Influence::tested`].
#[derive(Clone, Debug)]
pub struct Tested {
    /// One row for each test point: which models get it right.
    right: Vec<u64>,
    totals: Vec<u32>,
}

fn ones(row: &[u64]) -> u32 {
    row.iter().map(|word| word.count_ones()).sum()
}

/// The columns of a table of bits as rows of words, and the words in a row.
fn by_column(rows: &[BitMask]) -> Result<(Vec<u64>, usize), MemorisationError> {
    let n = rows.first().map_or(0, BitMask::len);
    let words = rows.len().div_ceil(64);
    let mut columns = vec![0_u64; n * words];
    for (k, row) in rows.iter().enumerate() {
        require_shape("rows of a table", &[n], &[row.len()], "must have one length")?;
        for (&word, columns) in row.words().iter().zip(columns.chunks_mut(64 * words)) {
            for (bit, column) in columns.chunks_exact_mut(words).enumerate() {
                column[k / 64] |= (word >> bit & 1) << (k % 64);
            }
        }
    }
    Ok((columns, words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::{Design, SubsetDesign};
    use proptest::prelude::*;
    use tenfold_core_tensor::seed::Seed;

    proptest! {
        #[test]
        fn equals_the_definition_and_its_diagonal_is_memorisation(n in 12_usize..90, models in 8_usize..150, s in 0_u64..30) {
            let design = SubsetDesign::new(n, models).with_fraction(0.5).with_design(Design::Stratified);
            let masks = design.masks(Seed::new(s)).unwrap();
            let right = |k: usize, j: usize| (k * 29 + j * 13 + s as usize) % 7 < 3;
            let study = Study::run(masks, |k, mask| {
                Ok::<_, MemorisationError>((0..n).map(|i| mask.get(i) || right(k, i)).collect())
            }).unwrap();
            let tested: Vec<BitMask> = (0..models).map(|k| (0..5).map(|j| right(k, j + 3)).collect()).collect();
            let influence = Influence::new(study.masks()).unwrap();
            let matrix = influence.on(&tested).unwrap();
            prop_assert_eq!(matrix.dim(), (n, 5));
            for (i, j) in (0..n).flat_map(|i| (0..5).map(move |j| (i, j))) {
                let share = |seen: bool| {
                    let those: Vec<usize> = (0..models).filter(|&k| study.masks()[k].get(i) == seen).collect();
                    those.iter().filter(|&&k| tested[k].get(j)).count() as f64 / those.len() as f64
                };
                prop_assert!((f64::from(matrix[[i, j]]) - (share(true) - share(false))).abs() < 1e-6);
            }
            // Of zeros and ones both say the same.
            let values = Array2::from_shape_fn((models, 5), |(k, j)| f32::from(u8::from(tested[k].get(j))));
            let of_values = influence.on_values(values.view()).unwrap();
            prop_assert!(matrix.iter().zip(&of_values).all(|(a, b)| (a - b).abs() < 1e-5));
            let within = influence.within(&study).unwrap();
            for (i, score) in study.scores().unwrap().iter().enumerate() {
                prop_assert!((f64::from(within[[i, i]]) - score.mem.value).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn other_models_are_refused() {
        let masks = SubsetDesign::new(6, 10).masks(Seed::new(1)).unwrap();
        let influence = Influence::new(&masks).unwrap();
        let error = influence.on(&masks[..4]).unwrap_err().to_string();
        assert_eq!(error, "mask and test_correct: [10] against [4]; one row for each model");
        let error = influence.on_values(Array2::from_elem((10, 2), f32::NAN).view()).unwrap_err().to_string();
        assert_eq!(error, "values: row 0, column 0 is NaN, must be a finite number");
        let error = Influence::new(&masks[..2]).unwrap_err().to_string();
        assert!(error.contains("each side needs at least 2"), "{error}");
    }
}
