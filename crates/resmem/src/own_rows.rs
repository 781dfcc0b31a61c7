//! Queries that are rows of the memory: each would find itself.

use crate::error::ResmemError;
use crate::index::keys::from_dense;
use crate::memory::{Memory, check_rows};
use crate::params::Storage;
use crate::targets::Targets;
use half::f16;
use ndarray::{ArrayView1, ArrayView2};
use std::collections::HashMap;
use tenfold_core_tensor::ops::nearest::prepared;

impl Memory {
    /// For each query, the row of the memory that has its key, bit for bit as it is kept, and its target; none for a query
    /// that is new. Where rows repeat each other, each is the own row of one query.
    ///
    /// Scored with itself among its neighbours, such a query only shows that it was stored: search
    /// [without](Memory::search_without) it.
    ///
    /// ```
    /// use ndarray::{Array2, array};
    /// use tenfold_resmem::{Memory, MemoryConfig, Targets};
    /// let keys = array![[0.0_f32], [1.0], [1.0]];
    /// let targets = Targets::classes([0, 1, 1], 2);
    /// let memory = Memory::from_arrays(keys.view(), Array2::zeros((3, 2)), targets, MemoryConfig::default())?;
    /// let queries = array![[1.0_f32], [0.0], [1.0], [0.5], [1.0]];
    /// let own = memory.own_rows(queries.view(), &Targets::classes([1, 1, 1, 0, 1], 2))?;
    /// assert_eq!(own, [Some(1), None, Some(2), None, None]);
    /// # Ok::<(), tenfold_resmem::ResmemError>(())
    /// ```
    ///
    /// # Errors
    /// Keys that are not finite, zero under the cosine or of another width, targets of another task or width or of another number.
    pub fn own_rows(&self, queries: ArrayView2<f32>, targets: &Targets) -> Result<Vec<Option<usize>>, ResmemError> {
        check_rows("queries and targets", queries.shape(), &[targets.len()])?;
        self.targets.check_like(targets)?;
        if queries.ncols() != self.key_width() {
            return Err(ResmemError::Shape {
                what: "stored keys and keys of the queries",
                left: vec![self.len(), self.key_width()],
                right: queries.shape().to_vec(),
                rule: "widths must agree",
            });
        }
        // As they would be kept; what half precision does not hold is no row of a memory that keeps it.
        let kept = prepared("queries", queries, self.config.metric)?.into_owned();
        let mut queries = from_dense(self.key_width(), kept);
        if self.config.storage == Storage::F16 {
            queries.mapv_inplace(|v| f16::from_f32(v).to_f32());
        }
        // The queries of each key that wait for their row, the first of them last.
        let mut waiting: HashMap<Vec<u32>, Vec<usize>> = HashMap::with_capacity(queries.nrows());
        for (q, key) in queries.outer_iter().enumerate().rev() {
            waiting.entry(bits(key)).or_default().push(q);
        }
        let mut own = vec![None; queries.nrows()];
        for (row, key) in self.keys().outer_iter().enumerate() {
            let Some(queries) = waiting.get_mut(&bits(key)) else { continue };
            if let Some(at) = queries.iter().rposition(|&q| self.targets.same(row, targets, q)) {
                own[queries.remove(at)] = Some(row);
            }
        }
        Ok(own)
    }
}

/// Equal keys have equal bits: adding zero gives both zeros the same.
fn bits(key: ArrayView1<f32>) -> Vec<u32> {
    key.iter().map(|v| (v + 0.0).to_bits()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryConfig;
    use ndarray::{Array2, array};
    use tenfold_core_tensor::ops::nearest::Metric;

    #[test]
    fn rows_are_known_as_they_are_kept() {
        let keys = array![[0.1_f32, 3.0], [-0.0, 2.5], [7.0, 7.7]];
        let targets = Targets::Values(array![[1.0], [2.0], [3.0]]);
        for config in [
            MemoryConfig::default(),
            MemoryConfig::default().with_storage(Storage::F16),
            MemoryConfig::default().with_metric(Metric::Cosine),
        ] {
            let memory = Memory::from_arrays(keys.view(), Array2::zeros((3, 1)), targets.clone(), config).unwrap();
            assert_eq!(memory.own_rows(keys.view(), &targets).unwrap(), [Some(0), Some(1), Some(2)]);
            let other = Targets::Values(array![[1.0], [2.5], [3.0]]);
            assert_eq!(memory.own_rows(keys.view(), &other).unwrap(), [Some(0), None, Some(2)]);
            let huge = array![[1e9_f32, 1.0]];
            assert_eq!(memory.own_rows(huge.view(), &Targets::Values(array![[1.0]])).unwrap(), [None]);
            let found = memory.search_without(keys.view(), 2, &[Some(0), None, Some(2)]).unwrap();
            assert!(!found.indices.row(0).iter().any(|i| *i == 0) && found.indices[[1, 0]] == 1);
        }
    }
}
