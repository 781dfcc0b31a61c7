//! Proxies of several runs.

use crate::error::{MemorisationError, require, require_shape};
use crate::study::Study;
use ndarray::ArrayView2;

/// The C-score: the share of models that did not see an example that get it right, averaged over studies whose subsets have
/// different sizes (10 to 90 % of the examples in the source). High for regular examples.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_memorisation::{MemorisationError, Study, SubsetDesign, proxies::c_score};
/// let study = |fraction: f64| {
///     let masks = SubsetDesign::new(8, 20).with_fraction(fraction).masks(Seed::new(1))?;
///     // Everybody gets the first example right, and nobody the second who has not seen it.
///     Study::run(masks, |_, mask| Ok::<_, MemorisationError>((0..8).map(|i| i == 0 || mask.get(i)).collect()))
/// };
/// let scores = c_score(&[study(0.3)?, study(0.7)?])?;
/// assert_eq!((scores[0], scores[1]), (1.0, 0.0));
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// No study, studies of different examples, or an example with fewer than two models on one side.
pub fn c_score(studies: &[Study]) -> Result<Vec<f64>, MemorisationError> {
    require(!studies.is_empty(), "studies", 0, "must be at least 1")?;
    let n = studies[0].examples();
    let mut sums = vec![0.0; n];
    for study in studies {
        require_shape("examples of two studies", &[n], &[study.examples()], "must be the same")?;
        sums.iter_mut().zip(study.scores()?).for_each(|(sum, score)| *sum += score.p_out);
    }
    Ok(sums.into_iter().map(|sum| sum / studies.len() as f64).collect())
}

/// Agreement: the share of an ensemble's models that predict its most frequent class, from predictions `[K, n]`. Low for
/// ambiguous examples.
///
/// ```
/// use ndarray::array;
/// let shares = tenfold_memorisation::proxies::agreement(array![[1, 0], [1, 2], [0, 2], [1, 2]].view())?;
/// assert_eq!(shares, [0.75, 0.75]);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// Fewer than two models.
pub fn agreement(predictions: ArrayView2<usize>) -> Result<Vec<f64>, MemorisationError> {
    let models = predictions.nrows();
    require(models >= 2, "models", models, "must be at least 2")?;
    let most = |column: ndarray::ArrayView1<usize>| {
        let mut votes = column.to_vec();
        votes.sort_unstable();
        votes.chunk_by(|a, b| a == b).map(<[usize]>::len).max().unwrap_or(0) as f64 / models as f64
    };
    Ok(predictions.columns().into_iter().map(most).collect())
}

/// The mean over runs of a number per example, `[runs, n]`: GraNd from gradient norms near initialisation of about ten
/// runs, or EL2N from their [`el2n`](super::el2n).
///
/// ```
/// use ndarray::array;
/// assert_eq!(tenfold_memorisation::proxies::mean_over_runs(array![[1.0, 2.0], [3.0, 6.0]].view())?, [2.0, 4.0]);
/// # Ok::<(), tenfold_memorisation::MemorisationError>(())
/// ```
///
/// # Errors
/// No run, or a number that is not finite.
pub fn mean_over_runs(values: ArrayView2<f64>) -> Result<Vec<f64>, MemorisationError> {
    require(values.nrows() >= 1, "runs", values.nrows(), "must be at least 1")?;
    if let Some(((row, column), &value)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
        return Err(MemorisationError::Value { what: "runs", row, column, value, rule: "must be finite" });
    }
    Ok(values.columns().into_iter().map(|c| c.sum() / values.nrows() as f64).collect())
}
