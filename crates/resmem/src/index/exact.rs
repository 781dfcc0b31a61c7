//! Looking at every key.

use super::Index;
use super::keys::{Keys, in_metric};
use crate::error::ResmemError;
use crate::params::Storage;
use ndarray::{Array2, ArrayView2};
use tenfold_core_tensor::ops::nearest::{ExactSearch, Metric, Neighbours, check_search, prepared};

/// Half-precision keys are widened this many at a time.
const BLOCK: usize = 1 << 14;

/// Exact search; see [`tenfold_core_tensor::ops::nearest`] for how.
///
/// Under the cosine, keys are kept at unit length: their lengths carry no information.
#[derive(Debug, Clone, PartialEq)]
pub struct Exact {
    pub(crate) keys: Keys,
    metric: Metric,
}

impl Exact {
    /// Checks `keys` (`[n, e]`) and takes a copy.
    ///
    /// # Errors
    /// No keys, width 0, a value that is not finite, a zero row under the cosine, a value too large for `storage`.
    pub fn new(keys: ArrayView2<f32>, metric: Metric, storage: Storage) -> Result<Self, ResmemError> {
        Ok(Self { keys: Keys::new(keys, metric, storage)?, metric })
    }

    pub(crate) fn from_keys(keys: Keys, metric: Metric) -> Self {
        Self { keys, metric }
    }
}

impl Index for Exact {
    fn len(&self) -> usize {
        self.keys.dim().0
    }

    fn width(&self) -> usize {
        self.keys.dim().1
    }

    fn search(&self, queries: ArrayView2<f32>, k: usize) -> Result<Neighbours, ResmemError> {
        check_search(self.len(), self.width(), queries, k)?;
        let prepared = prepared("queries", queries, self.metric)?;
        let queries = ArrayView2::from_shape(queries.dim(), &prepared)?;
        let found = match &self.keys {
            Keys::F32(keys) => ExactSearch::new(keys.view(), Metric::Euclidean)?.search(queries, k)?,
            Keys::F16(_) => self.search_in_blocks(queries, k)?,
        };
        Ok(in_metric(found, self.metric))
    }
}

impl Exact {
    /// Widens and searches a block of keys at a time, and keeps the nearest so far.
    fn search_in_blocks(&self, queries: ArrayView2<f32>, k: usize) -> Result<Neighbours, ResmemError> {
        let (n, width) = self.keys.dim();
        let mut best: Vec<Vec<(f32, u32)>> = vec![Vec::with_capacity(2 * k); queries.nrows()];
        for from in (0..n).step_by(BLOCK) {
            let to = n.min(from + BLOCK);
            let rows = self.keys.rows(from, to);
            let block = ArrayView2::from_shape((to - from, width), &rows)?;
            let found = ExactSearch::new(block, Metric::Euclidean)?.search(queries, k.min(to - from))?;
            for ((best, i), d) in best.iter_mut().zip(found.indices.outer_iter()).zip(found.distances.outer_iter()) {
                best.extend(d.iter().zip(i).map(|(&d, &i)| (d, from as u32 + i)));
                best.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                best.truncate(k);
            }
        }
        Ok(Neighbours {
            indices: Array2::from_shape_fn((best.len(), k), |(q, slot)| best[q][slot].1),
            distances: Array2::from_shape_fn((best.len(), k), |(q, slot)| best[q][slot].0),
        })
    }
}
