//! Searching keys: every one of them, or along a graph.

mod exact;
mod freeze;
pub(crate) mod graph;
mod hnsw;
pub(crate) mod keys;
mod repair;

pub use exact::Exact;
pub use hnsw::Hnsw;

use crate::error::ResmemError;
use crate::params::{IndexKind, MemoryConfig, Storage};
use graph::Graph;
use half::f16;
use keys::Keys;
use ndarray::{Array2, ArrayView2, Axis};
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
    /// `k` outside `1..=len()`, another width than the keys', a value that is not finite, a zero row under the cosine, a
    /// neighbour farther away than the largest number of single precision.
    fn search(&self, queries: ArrayView2<f32>, k: usize) -> Result<Neighbours, ResmemError>;
}

/// The index of a memory; it owns the keys.
#[derive(Debug, Clone)]
pub(crate) enum AnyIndex {
    Exact(Exact),
    Hnsw(Box<Hnsw>),
}

impl AnyIndex {
    /// Checks the keys and builds the index that `config` asks for.
    pub(crate) fn build(keys: ArrayView2<f32>, config: &MemoryConfig) -> Result<Self, ResmemError> {
        Self::from_keys(Keys::new(keys, config.metric, config.storage)?, config)
    }

    /// Builds the index over keys that were checked before.
    fn from_keys(keys: Keys, config: &MemoryConfig) -> Result<Self, ResmemError> {
        Ok(match &config.index {
            IndexKind::Exact => AnyIndex::Exact(Exact::from_keys(keys, config.metric)?),
            IndexKind::Hnsw(hnsw) => AnyIndex::Hnsw(Box::new(Hnsw::build(keys.into_f32(), config.metric, hnsw)?)),
        })
    }

    /// The keys as they are stored.
    pub(crate) fn stored(&self, storage: Storage) -> Keys {
        match (self, storage) {
            (AnyIndex::Exact(exact), _) => exact.keys(),
            (AnyIndex::Hnsw(hnsw), Storage::F32) => Keys::F32(hnsw.vectors.clone()),
            // These are half-precision numbers already.
            (AnyIndex::Hnsw(hnsw), Storage::F16) => Keys::F16(hnsw.vectors.mapv(f16::from_f32)),
        }
    }

    fn as_index(&self) -> &dyn Index {
        match self {
            AnyIndex::Exact(exact) => exact,
            AnyIndex::Hnsw(hnsw) => hnsw.as_ref(),
        }
    }

    /// The graph, of an index that has one.
    pub(crate) fn graph(&self) -> Option<&Graph> {
        match self {
            AnyIndex::Exact(_) => None,
            AnyIndex::Hnsw(hnsw) => Some(&hnsw.graph),
        }
    }

    /// All keys.
    pub(crate) fn keys(&self) -> Array2<f32> {
        match self {
            AnyIndex::Exact(exact) => exact.keys().into_f32(),
            AnyIndex::Hnsw(hnsw) => hnsw.vectors.clone(),
        }
    }

    /// The keys at `rows`.
    pub(crate) fn select(&self, rows: &[usize]) -> Array2<f32> {
        match self {
            AnyIndex::Exact(exact) => exact.select(rows),
            AnyIndex::Hnsw(hnsw) => hnsw.vectors.select(Axis(0), rows),
        }
    }

    /// An index over these keys and `more` of them.
    pub(crate) fn extended(&self, more: ArrayView2<f32>, config: &MemoryConfig) -> Result<Self, ResmemError> {
        let more = Keys::new(more, config.metric, config.storage)?;
        Self::from_keys(self.stored(config.storage).followed_by(more)?, config)
    }

    /// An index over the keys at `rows` alone.
    pub(crate) fn reduced(&self, rows: &[usize], config: &MemoryConfig) -> Result<Self, ResmemError> {
        Self::from_keys(self.stored(config.storage).select(rows), config)
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
