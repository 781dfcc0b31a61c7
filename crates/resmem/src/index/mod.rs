//! Searching keys: every one of them, or along a graph.

pub(crate) mod exact;
pub(crate) mod keys;

pub use exact::Exact;

use crate::error::ResmemError;
use crate::params::MemoryConfig;
use keys::Keys;
use ndarray::{Array2, ArrayView2};
use tenfold_core_tensor::ops::nearest::Neighbours;

/// Something that finds the nearest of its keys.
pub trait Index: Send + Sync {
    /// Number of keys.
    fn len(&self) -> usize;

    /// Whether there are no keys.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers a key.
    fn width(&self) -> usize;

    /// The `k` nearest keys of every row of `queries` (`[m, e]`), nearest first, equal distances by ascending row.
    ///
    /// # Errors
    /// `k` outside `1..=len()`, another width than the keys', a value that is not finite, a zero row under the cosine.
    fn search(&self, queries: ArrayView2<f32>, k: usize) -> Result<Neighbours, ResmemError>;
}

/// The index of a memory; it owns the keys.
#[derive(Debug, Clone)]
pub(crate) enum AnyIndex {
    Exact(Exact),
}

impl AnyIndex {
    /// Checks the keys and builds the index that `config` asks for.
    pub(crate) fn build(keys: ArrayView2<f32>, config: &MemoryConfig) -> Result<Self, ResmemError> {
        Self::from_keys(Keys::new(keys, config.metric, config.storage)?, config)
    }

    /// Builds the index over keys that were checked before.
    fn from_keys(keys: Keys, config: &MemoryConfig) -> Result<Self, ResmemError> {
        Ok(AnyIndex::Exact(Exact::from_keys(keys, config.metric)))
    }

    fn stored(&self) -> &Keys {
        match self {
            AnyIndex::Exact(exact) => &exact.keys,
        }
    }

    fn as_index(&self) -> &dyn Index {
        match self {
            AnyIndex::Exact(exact) => exact,
        }
    }

    /// All keys.
    pub(crate) fn keys(&self) -> Array2<f32> {
        self.stored().to_f32()
    }

    /// The keys at `rows`.
    pub(crate) fn select(&self, rows: &[usize]) -> Array2<f32> {
        self.stored().select(rows).to_f32()
    }

    /// An index over these keys and `more` of them.
    pub(crate) fn extended(&self, more: ArrayView2<f32>, config: &MemoryConfig) -> Result<Self, ResmemError> {
        let more = Keys::new(more, config.metric, config.storage)?;
        Self::from_keys(self.stored().followed_by(&more)?, config)
    }

    /// An index over the keys at `rows` alone.
    pub(crate) fn reduced(&self, rows: &[usize], config: &MemoryConfig) -> Result<Self, ResmemError> {
        Self::from_keys(self.stored().select(rows), config)
    }
}

impl Index for AnyIndex {
    fn len(&self) -> usize {
        self.as_index().len()
    }

    fn width(&self) -> usize {
        self.as_index().width()
    }

    fn search(&self, queries: ArrayView2<f32>, k: usize) -> Result<Neighbours, ResmemError> {
        self.as_index().search(queries, k)
    }
}
