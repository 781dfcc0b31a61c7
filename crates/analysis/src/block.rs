//! A block of points on its way into a decomposition.

use crate::error::{AnalysisError, require_labels, require_shape};
use ndarray::ArrayView3;
use std::borrow::Cow;
use tenfold_kernels::simd::prefetch;

/// What all models say of some points, `[N, points, C]`, and the points' labels.
pub(crate) struct Block<'a> {
    values: Cow<'a, [f32]>,
    labels: &'a [usize],
    models: usize,
    classes: usize,
    /// The first point's number among all.
    first: usize,
}

impl<'a> Block<'a> {
    /// Checks the block against the number of models and classes.
    ///
    /// # Errors
    /// Another number of models, classes or labels, or a label that names no class.
    pub(crate) fn new(
        predictions: ArrayView3<'a, f32>,
        labels: &'a [usize],
        [models, classes]: [usize; 2],
        first: usize,
    ) -> Result<Self, AnalysisError> {
        let found = [predictions.dim().0, predictions.dim().1, predictions.dim().2];
        require_shape("predictions", &found, &[models, labels.len(), classes], "[models, points, classes]")?;
        require_labels(labels, classes).map_err(|error| error.after(first))?;
        let values = match predictions.to_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(predictions.iter().copied().collect()),
        };
        Ok(Self { values, labels, models, classes, first })
    }

    /// N.
    pub(crate) fn models(&self) -> usize {
        self.models
    }

    /// C.
    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    /// Points in the block.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The label of the block's i-th point.
    pub(crate) fn label(&self, i: usize) -> usize {
        self.labels[i]
    }

    /// The number of the block's i-th point among all.
    pub(crate) fn number(&self, i: usize) -> usize {
        self.first + i
    }

    /// What model t says of the block's i-th point. The next point's row is fetched on the way: rows of all models are too many
    /// streams for the processor to follow by itself.
    #[inline(always)]
    pub(crate) fn row(&self, t: usize, i: usize) -> &[f32] {
        let of = |i: usize| &self.values[(t * self.labels.len() + i) * self.classes..][..self.classes];
        if i + 1 < self.labels.len() {
            prefetch(of(i + 1));
        }
        of(i)
    }
}
