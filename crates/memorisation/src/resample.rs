//! The bootstrap over models.

use crate::error::{MemorisationError, require, require_shape};
use crate::study::Study;
use ndarray::{Array2, ArrayView2, Axis};
use rand::RngExt;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::Estimate;
use tenfold_kernels::product::{Matrix, product};

/// Examples that are resampled at a time.
const CHUNK: usize = 1024;
/// Draws below which percentiles are no interval.
pub const FEWEST_DRAWS: usize = 200;
/// Most draws: the ends of an interval have three digits long before.
pub const MOST_DRAWS: usize = 100_000;
/// Most numbers in a table of draws, by models or by examples: 4 GiB of them.
const MOST_NUMBERS: usize = 1 << 30;

/// Draws of K models with replacement, `[B, K]` numbers of times that each was drawn.
///
/// All scores of a study share its models, so that scores of two examples are not independent: an average over examples
/// has an interval over *models*. Studies of the same masks (several sizes of a network) are resampled together with one
/// set of draws, which keeps them paired.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_memorisation::{MemorisationError, Resamples, Study, SubsetDesign};
///
/// let masks = SubsetDesign::new(30, 40).masks(Seed::new(1))?;
/// let study = Study::run(masks, |k, mask| {
///     Ok::<_, MemorisationError>((0..30).map(|i| mask.get(i) || (k + i) % 2 == 0).collect())
/// })?;
/// let draws = Resamples::new(study.models(), 500, Seed::new(2))?;
/// let everything: Vec<usize> = (0..30).collect();
/// let mean = draws.mean(&study, &everything)?;
/// assert!((mean.value - 0.5).abs() < 0.05 && mean.lo < 0.5 && mean.hi > 0.5);
/// assert_eq!(mean.n, 40);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Resamples {
    weights: Array2<f32>,
}

impl Resamples {
    /// B draws of K models.
    ///
    /// # Errors
    /// Fewer than 20 models or [`FEWEST_DRAWS`]: percentiles of less are no interval. More than [`MOST_DRAWS`], or than 2^30
    /// draws times models.
    pub fn new(models: usize, draws: usize, seed: Seed) -> Result<Self, MemorisationError> {
        require(models >= 20, "models", models, "a bootstrap needs at least 20")?;
        require(draws >= FEWEST_DRAWS, "draws", draws, format!("must be at least {FEWEST_DRAWS}"))?;
        require(draws <= MOST_DRAWS, "draws", draws, format!("must be at most {MOST_DRAWS}"))?;
        fits(draws, models, "models")?;
        let mut weights = Array2::<f32>::zeros((draws, models));
        weights.axis_iter_mut(Axis(0)).enumerate().for_each(|(b, mut row)| {
            let mut rng = seed.named("resamples").child(b as u64).rng();
            (0..models).for_each(|_| row[rng.random_range(0..models)] += 1.0);
        });
        Ok(Self { weights })
    }

    /// B.
    pub fn draws(&self) -> usize {
        self.weights.nrows()
    }

    /// The scores of some examples in every draw, `[B, examples]`; NaN where all models drawn are on one side.
    ///
    /// # Errors
    /// Another number of models, or more than 2^30 draws times examples.
    ///
    /// # Panics
    /// If there is no such example.
    pub fn scores(&self, study: &Study, examples: &[usize]) -> Result<Array2<f32>, MemorisationError> {
        let (draws, models) = self.weights.dim();
        require_shape("models of draws and study", &[models], &[study.models()], "draws are of the study's models")?;
        fits(draws, examples.len(), "examples")?;
        let mut scores = Array2::zeros((draws, examples.len()));
        for (chunk, mut scores) in examples.chunks(CHUNK).zip(scores.axis_chunks_iter_mut(Axis(1), CHUNK)) {
            let table = |of: &dyn Fn(&BitMask, &BitMask, usize) -> bool| {
                let rows = study.masks().iter().zip(study.correct());
                let row = |(mask, correct)| chunk.iter().map(move |&i| f32::from(u8::from(of(mask, correct, i))));
                Array2::from_shape_vec((models, chunk.len()), rows.flat_map(row).collect()).expect("one row a model")
            };
            let seen = self.product(table(&|mask, _, i| mask.get(i)).view());
            let right = self.product(table(&|_, correct, i| correct.get(i)).view());
            let both = self.product(table(&|mask, correct, i| mask.get(i) && correct.get(i)).view());
            ndarray::Zip::from(&mut scores).and(&seen).and(&right).and(&both).for_each(|to, &seen, &right, &both| {
                *to = both / seen - (right - both) / (models as f32 - seen);
            });
        }
        Ok(scores)
    }

    /// The mean score of some examples, with the percentile interval over models.
    ///
    /// # Errors
    /// No examples, another number of models, or an example with fewer than two models on one side.
    pub fn mean(&self, study: &Study, examples: &[usize]) -> Result<Estimate, MemorisationError> {
        require(!examples.is_empty(), "examples", 0, "a mean needs at least one")?;
        let scores = study.scores()?;
        let value = examples.iter().map(|&i| scores[i].mem.value).sum::<f64>() / examples.len() as f64;
        // Some examples at a time: all their scores in all draws may be more than there is memory for.
        let mut sums = vec![(0.0, 0_usize); self.draws()];
        for chunk in examples.chunks(CHUNK) {
            let scores = self.scores(study, chunk)?;
            for ((sum, n), row) in sums.iter_mut().zip(scores.axis_iter(Axis(0))) {
                row.iter().filter(|v| !v.is_nan()).for_each(|v| (*sum, *n) = (*sum + f64::from(*v), *n + 1));
            }
        }
        Ok(self.estimate(value, sums.into_iter().map(|(sum, n)| sum / n as f64).collect()))
    }

    /// A statistic with the percentile interval of its values in the draws; NaN among them are left out.
    pub fn estimate(&self, value: f64, mut draws: Vec<f64>) -> Estimate {
        draws.retain(|v| !v.is_nan());
        Estimate::from_draws(value, draws, self.weights.ncols())
    }

    /// The normal interval, for shares of what crosses a threshold, and for ranks; NaN among the draws is left out.
    ///
    /// Drawing models again adds noise to every score, which carries examples across thresholds and each other, so that percentiles of
    /// the draws lie beside the statistic as it is. That noise also spreads the scores, and a rank or a share moves the less, the more
    /// scores are spread. Where all their spread is noise, the draws have twice as much of it, and what is found of them has an error
    /// that is too small by the root of two. Elsewhere it is too small by less; the most is taken.
    ///
    /// ```
    /// use tenfold_core_tensor::seed::Seed;
    /// use tenfold_memorisation::Resamples;
    /// let resamples = Resamples::new(60, 200, Seed::new(1))?;
    /// let draws: Vec<f64> = (0..200).map(|i| if i % 2 == 0 { 0.4 } else { 0.6 }).collect();
    /// let e = resamples.normal(0.5, draws);
    /// assert!((e.se - 0.1 * 2f64.sqrt()).abs() < 1e-3 && (e.hi - 0.5 - 1.96 * e.se).abs() < 1e-4);
    /// # Ok::<(), tenfold_memorisation::MemorisationError>(())
    /// ```
    pub fn normal(&self, value: f64, draws: Vec<f64>) -> Estimate {
        let e = self.estimate(value, draws);
        Estimate::normal(value, std::f64::consts::SQRT_2 * e.se, e.n)
    }

    /// `[B, K]` times `[K, columns]`: sums of small integers, exact in single precision.
    fn product(&self, table: ArrayView2<f32>) -> Array2<f32> {
        let ((draws, models), columns) = (self.weights.dim(), table.ncols());
        let mut out = vec![0.0; draws * columns];
        let (weights, table) = (self.weights.as_slice().expect("row-major"), table.as_slice().expect("row-major"));
        product(Matrix::new(weights, draws, models), Matrix::new(table, models, columns), &mut out, false);
        Array2::from_shape_vec((draws, columns), out).expect("as many numbers")
    }
}

/// Refuses draws for whose table there is no memory, before it is made.
fn fits(draws: usize, columns: usize, of: &str) -> Result<(), MemorisationError> {
    let most = MOST_NUMBERS / columns.max(1);
    require(draws <= most, "draws", draws, format!("must be at most {most} for {columns} {of}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::SubsetDesign;

    fn study(models: usize) -> Study {
        let masks = SubsetDesign::new(25, models).masks(Seed::new(4)).unwrap();
        let right = |k: usize, i: usize| (k * 7 + i * 3 + k * k) % 5 < 2;
        Study::run(masks, |k, mask| Ok::<_, MemorisationError>((0..25).map(|i| mask.get(i) || right(k, i)).collect()))
            .unwrap()
    }

    #[test]
    fn a_draw_is_the_study_of_the_models_drawn() {
        let study = study(30);
        let draws = Resamples::new(30, 200, Seed::new(5)).unwrap();
        let examples = [3, 24, 0];
        let scores = draws.scores(&study, &examples).unwrap();
        for b in [0, 57, 199] {
            let drawn: Vec<usize> =
                (0..30).flat_map(|k| std::iter::repeat_n(k, draws.weights[[b, k]] as usize)).collect();
            assert_eq!(drawn.len(), 30);
            let again = study.select(&drawn).scores().unwrap();
            for (column, &i) in examples.iter().enumerate() {
                assert!((f64::from(scores[[b, column]]) - again[i].mem.value).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn too_little_is_refused() {
        assert!(Resamples::new(19, 500, Seed::new(1)).unwrap_err().to_string().starts_with("models = 19: "));
        assert!(Resamples::new(20, 100, Seed::new(1)).unwrap_err().to_string().starts_with("draws = 100: "));
        let error = Resamples::new(20, usize::MAX, Seed::new(1)).unwrap_err().to_string();
        assert!(error.ends_with("must be at most 100000"), "{error}");
        let error = Resamples::new(20_000, 100_000, Seed::new(1)).unwrap_err().to_string();
        assert_eq!(error, "draws = 100000: must be at most 53687 for 20000 models");
        let draws = Resamples::new(20, 200, Seed::new(1)).unwrap();
        assert!(draws.mean(&study(30), &[1]).unwrap_err().to_string().starts_with("models of draws and study"));
        assert!(draws.mean(&study(20), &[]).unwrap_err().to_string().starts_with("examples = 0"));
    }
}
