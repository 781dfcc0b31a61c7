//! Looking at every key.

use super::Index;
use super::keys::{Keys, in_metric};
use crate::error::ResmemError;
use crate::params::Storage;
use half::f16;
use ndarray::{Array2, ArrayView2, Axis};
use tenfold_core_tensor::ops::nearest::{ExactSearch, Metric, Neighbours, check_search, prepared, squared_distance};

/// Half-precision keys are widened this many at a time.
const BLOCK: usize = 1 << 14;

/// Exact search; see [`tenfold_core_tensor::ops::nearest`] for how.
///
/// Under the cosine, keys are kept at unit length: their lengths carry no information.
#[derive(Debug, Clone, PartialEq)]
pub struct Exact {
    held: Held,
    metric: Metric,
}

/// The keys, ready for a search where they are kept as searches need them.
#[derive(Debug, Clone, PartialEq)]
enum Held {
    F32(ExactSearch<'static>),
    F16(Array2<f16>),
}

impl Exact {
    /// Checks `keys` (`[n, e]`) and takes a copy.
    ///
    /// # Errors
    /// No keys, width 0, a value that is not finite, a zero row under the cosine, a value too large for `storage`.
    pub fn new(keys: ArrayView2<f32>, metric: Metric, storage: Storage) -> Result<Self, ResmemError> {
        Self::from_keys(Keys::new(keys, metric, storage)?, metric)
    }

    /// Takes keys that were checked before.
    pub(crate) fn from_keys(keys: Keys, metric: Metric) -> Result<Self, ResmemError> {
        let held = match keys {
            // Of unit length already under the cosine.
            Keys::F32(keys) => Held::F32(ExactSearch::new(keys.view(), Metric::Euclidean)?.into_owned()),
            Keys::F16(keys) => Held::F16(keys),
        };
        Ok(Self { held, metric })
    }

    /// The keys as they are kept.
    pub(crate) fn keys(&self) -> Keys {
        match &self.held {
            Held::F32(search) => Keys::F32(search.keys().to_owned()),
            Held::F16(keys) => Keys::F16(keys.clone()),
        }
    }

    /// The keys at `rows`, in that order.
    pub(crate) fn select(&self, rows: &[usize]) -> Array2<f32> {
        match &self.held {
            Held::F32(search) => search.keys().select(Axis(0), rows),
            Held::F16(keys) => keys.select(Axis(0), rows).mapv(f16::to_f32),
        }
    }
}

impl Index for Exact {
    fn len(&self) -> usize {
        match &self.held {
            Held::F32(search) => search.len(),
            Held::F16(keys) => keys.nrows(),
        }
    }

    fn width(&self) -> usize {
        match &self.held {
            Held::F32(search) => search.keys().ncols(),
            Held::F16(keys) => keys.ncols(),
        }
    }

    fn search(&self, queries: ArrayView2<f32>, k: usize) -> Result<Neighbours, ResmemError> {
        check_search(self.len(), self.width(), queries, k)?;
        let prepared = prepared("queries", queries, self.metric)?;
        let queries = ArrayView2::from_shape(queries.dim(), &prepared)?;
        let found = match &self.held {
            Held::F32(search) => search.search(queries, k)?,
            Held::F16(keys) => search_in_blocks(keys, queries, k)?,
        };
        Ok(in_metric(found, self.metric))
    }
}

/// Widens and searches a block of keys at a time, and keeps the nearest so far.
fn search_in_blocks(keys: &Array2<f16>, queries: ArrayView2<f32>, k: usize) -> Result<Neighbours, ResmemError> {
    let mut best: Vec<Vec<(f64, u32)>> = vec![Vec::with_capacity(2 * k); queries.nrows()];
    for (b, block) in keys.axis_chunks_iter(Axis(0), BLOCK).enumerate() {
        let block = block.mapv(f16::to_f32);
        let found = ExactSearch::new(block.view(), Metric::Euclidean)?.search(queries, k.min(block.nrows()))?;
        for ((best, i), query) in best.iter_mut().zip(found.indices.outer_iter()).zip(queries.outer_iter()) {
            // Distances as they were found are rounded: two blocks may hold different ones that look the same.
            let direct = |i: u32| squared_distance(&query.to_vec(), &block.row(i as usize).to_vec());
            best.extend(i.iter().map(|&i| (direct(i), (b * BLOCK) as u32 + i)));
            best.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            best.truncate(k);
        }
    }
    Ok(Neighbours {
        indices: Array2::from_shape_fn((best.len(), k), |(q, slot)| best[q][slot].1),
        distances: Array2::from_shape_fn((best.len(), k), |(q, slot)| best[q][slot].0.sqrt() as f32),
    })
}
