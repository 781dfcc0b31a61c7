//! What all models say of some points.

use crate::error::{AnalysisError, require_shape};
use tenfold_kernels::simd::prefetch;

/// What N models say of some points, and the points' labels, on the way to whatever is found of each point
/// ([`PerPoint`](crate::PerPoint)).
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    values: &'a [f32],
    labels: &'a [usize],
    models: usize,
    classes: usize,
    /// Rows from one model's to the next's in `values`, and the row of the first point.
    stride: usize,
    start: usize,
    /// The first point's number among all.
    first: usize,
}

/// Where the rows of a block lie in an array.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) models: usize,
    pub(crate) classes: usize,
    pub(crate) stride: usize,
    pub(crate) start: usize,
}

impl<'a> Block<'a> {
    /// As many points as labels, counted from `first`.
    pub(crate) fn new(values: &'a [f32], layout: Layout, labels: &'a [usize], first: usize) -> Self {
        let Layout { models, classes, stride, start } = layout;
        Self { values, labels, models, classes, stride, start, first }
    }

    /// What the first so many models say.
    ///
    /// # Panics
    /// If there are fewer.
    #[must_use]
    pub fn first_models(&self, models: usize) -> Self {
        assert!(models <= self.models, "{models} of {} models", self.models);
        Self { models, ..*self }
    }

    /// Fails unless the block has so many models and classes.
    pub(crate) fn require(&self, models: usize, classes: usize) -> Result<(), AnalysisError> {
        let rule = "the number of models and classes must be that of the points before";
        require_shape("predictions", &[self.models, self.classes], &[models, classes], rule)
    }

    /// N.
    pub fn models(&self) -> usize {
        self.models
    }

    /// C.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Points in the block.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The label of the block's i-th point.
    pub fn label(&self, i: usize) -> usize {
        self.labels[i]
    }

    /// The number of the block's i-th point among all.
    pub fn number(&self, i: usize) -> usize {
        self.first + i
    }

    /// What model t says of the block's i-th point, `[C]`.
    #[inline(always)]
    pub fn row(&self, t: usize, i: usize) -> &'a [f32] {
        &self.values[(t * self.stride + self.start + i) * self.classes..][..self.classes]
    }

    /// What models from t on say of the block's i-th point.
    #[inline(always)]
    pub(crate) fn near<const R: usize>(&self, t: usize, i: usize) -> [&'a [f32]; R] {
        let step = self.stride * self.classes;
        let from = &self.values[t * step + (self.start + i) * self.classes..];
        let mut rows: [&[f32]; R] = [&[]; R];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = &from[r * step..][..self.classes];
        }
        rows
    }

    /// The same. The next point's rows are fetched on the way where rows lie far from each other: those of all models are too many
    /// streams for the processor to follow by itself. What was just read from a file is near.
    #[inline(always)]
    pub(crate) fn rows<const R: usize>(&self, t: usize, i: usize) -> [&'a [f32]; R] {
        if self.stride > self.labels.len() && i + 1 < self.labels.len() {
            for row in self.near::<R>(t, i + 1) {
                prefetch(row);
            }
        }
        self.near(t, i)
    }
}
