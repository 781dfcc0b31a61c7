//! What all decompositions have: bias and variance of every point, with and without each model.

use crate::error::AnalysisError;
use crate::predictions::Randomness;
use ndarray::ArrayView3;
use serde::Serialize;

/// Which points are looked at, and how Bias^2 and variance are estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Selection {
    /// Points that the mean model gets right, or those that it does not.
    pub correct: bool,
    /// Unbiased estimates; plug-in ones cannot lie below a floor that depends on N, but no point is lost to a logarithm.
    pub unbiased: bool,
    /// Only points with a plug-in variance between these, ends excluded.
    pub variances: Option<[f64; 2]>,
}

impl Default for Selection {
    fn default() -> Self {
        Self { correct: true, unbiased: false, variances: None }
    }
}

/// A loss split into bias and variance at every point: [`Decomposition`](crate::Decomposition) of the squared loss,
/// [`KlDecomposition`](crate::KlDecomposition) of the cross-entropy.
///
/// ```
/// use ndarray::array;
/// use tenfold_analysis::{Decomposition, KlDecomposition, Randomness, Scale, Selection, Split};
/// let z = array![[[2.0_f32, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 3.0]], [[3.0, 0.0], [1.0, 0.0]]];
/// let (scale, by) = (Scale::logits(), Randomness::Seed);
/// let squared = Decomposition::of(z.view(), &[0, 0], scale, by)?;
/// let kl = KlDecomposition::of(z.view(), &[0, 0], scale, by)?;
/// // Both are right at the first point, and at the second nearly nobody is.
/// assert_eq!((squared.selected(&Selection::default()), kl.selected(&Selection::default())), (vec![0], vec![0]));
/// assert!(squared.pair(0, false).0 < squared.pair(1, false).0 && kl.pair(0, false).0 < kl.pair(1, false).0);
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
pub trait Split: Sync + Sized {
    /// What differed from model to model.
    fn randomness(&self) -> Randomness;
    /// N.
    fn models(&self) -> usize;
    /// n.
    fn count(&self) -> usize;
    /// Whether the mean model is right at a point.
    fn correct(&self, i: usize) -> bool;
    /// Bias and variance of a point; with the bias that few models bring taken off where `unbiased` is set.
    fn pair(&self, i: usize, unbiased: bool) -> (f64, f64);
    /// The same without model t.
    fn without(&self, t: usize, i: usize, unbiased: bool) -> (f64, f64);
    /// Whether unbiased pairs are known without a model too.
    const UNBIASED: bool;
    /// Splits the loss of other logits `[N, n, C]` in the same way.
    ///
    /// # Errors
    /// Those of the split.
    fn again(&self, logits: ArrayView3<f32>, labels: &[usize]) -> Result<Self, AnalysisError>;

    /// The points of a selection, ascending.
    fn selected(&self, selection: &Selection) -> Vec<usize> {
        let inside = |&i: &usize| {
            let within = || {
                selection.variances.is_none_or(|[lo, hi]| (self.pair(i, false).1 > lo) && (self.pair(i, false).1 < hi))
            };
            self.correct(i) == selection.correct && within()
        };
        (0..self.count()).filter(inside).collect()
    }
}
