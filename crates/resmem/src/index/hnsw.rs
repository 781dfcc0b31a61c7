//! Approximate search along a hierarchical navigable small world graph.
//!
//! The graph is built by the `hnsw_rs` crate, then frozen into flat arrays, thinned, and repaired until every point
//! finds itself; searches walk the frozen graph.
//!
//! Graphs are built and walked with squared distances in single precision. Keys so far apart, or so close together, that
//! it cannot hold these are refused; a query of which this is true looks at every key.

use super::Index;
use super::freeze::freeze;
use super::graph::{Candidate, Graph, Scratch, Vectors};
use super::keys::{Keys, from_dense, in_metric};
use super::repair::repair;
use crate::error::ResmemError;
use crate::params::{HnswConfig, Storage};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use std::sync::Mutex;
use tenfold_core_tensor::ops::nearest::{Metric, Neighbours, check_search, prepared, squared_distance};
use tenfold_kernels::distance::{relative_error, squared_below};

/// A beam as wide as this share of the keys would see most of them: looking at all is then as fast, and exact.
const SCAN_SHARE: usize = 4;

/// Squares of distances up to this are far below the largest number of single precision, `3.4e38`.
const LARGEST_EXTENT: f64 = 1e19;
/// Squares of distances a thousandth of this are far above the smallest normal number, `1.2e-38`.
const SMALLEST_EXTENT: f64 = 1e-15;

/// Points must find themselves with the narrowest beam in use, or with this one.
const REPAIR_EF: usize = 16;

/// An HNSW index: approximate, deterministic unless built in parallel, and never short of `k` results.
///
/// The `k` results are those of a beam of `max(ef, k)` candidates, ordered by the direct distance in double precision and
/// then by row. Where the beam would cover a quarter of the keys, all keys are looked at instead.
#[derive(Debug)]
pub struct Hnsw {
    pub(crate) vectors: Array2<f32>,
    pub(crate) graph: Graph,
    metric: Metric,
    ef: usize,
    /// Work space of past searches, one for each thread that ran at the same time.
    spare: Mutex<Vec<Scratch>>,
}

impl Clone for Hnsw {
    fn clone(&self) -> Self {
        Self::from_parts(self.vectors.clone(), self.graph.clone(), self.metric, self.ef)
    }
}

impl Hnsw {
    /// Checks `keys` (`[n, e]`) and builds a graph over them.
    ///
    /// ```
    /// use ndarray::Array2;
    /// use tenfold_core_tensor::ops::nearest::Metric;
    /// use tenfold_resmem::index::{Exact, Hnsw, Index};
    /// use tenfold_resmem::{HnswConfig, Storage};
    /// let keys = Array2::from_shape_fn((500, 4), |(i, c)| ((i * (c + 3)) % 101) as f32);
    /// let hnsw = Hnsw::new(keys.view(), Metric::Euclidean, Storage::F32, &HnswConfig::default().with_ef(32))?;
    /// let exact = Exact::new(keys.view(), Metric::Euclidean, Storage::F32)?;
    /// let recall = hnsw.search(keys.view(), 5)?.recall(&exact.search(keys.view(), 5)?);
    /// assert!(recall > 0.95);
    /// # Ok::<(), tenfold_resmem::ResmemError>(())
    /// ```
    ///
    /// # Errors
    /// A rule of [`HnswConfig::validate`]; as [`super::Exact::new`]; points that cannot be made reachable; keys of which
    /// single precision cannot hold the squared distances (from end to end more than `1e19` or less than `1e-15`).
    pub fn new(
        keys: ArrayView2<f32>,
        metric: Metric,
        storage: Storage,
        config: &HnswConfig,
    ) -> Result<Self, ResmemError> {
        config.validate()?;
        Self::build(Keys::new(keys, metric, storage)?.into_f32(), metric, config)
    }

    /// Builds a graph over keys that were checked before.
    pub(crate) fn build(vectors: Array2<f32>, metric: Metric, config: &HnswConfig) -> Result<Self, ResmemError> {
        check_extent(&vectors)?;
        let width = vectors.ncols();
        let vectors = from_dense(width, vectors.into_iter().collect());
        let dense = vectors.as_slice().unwrap_or(&[]);
        let mut graph = freeze(Vectors::new(dense, width), vectors.nrows(), config)?;
        repair(&mut graph, Vectors::new(dense, width), config.ef.min(REPAIR_EF))?;
        Ok(Self::from_parts(vectors, graph, metric, config.ef))
    }

    pub(crate) fn from_parts(vectors: Array2<f32>, graph: Graph, metric: Metric, ef: usize) -> Self {
        Self { vectors, graph, metric, ef, spare: Mutex::default() }
    }

    /// Sets the number of candidates a search keeps: larger finds more of the true neighbours, and takes longer.
    ///
    /// # Errors
    /// As [`HnswConfig::validate`].
    pub fn set_ef(&mut self, ef: usize) -> Result<(), ResmemError> {
        HnswConfig::default().with_ef(ef).validate()?;
        self.ef = ef;
        Ok(())
    }

    fn vectors(&self) -> Vectors<'_> {
        Vectors::new(self.vectors.as_slice().unwrap_or(&[]), self.vectors.ncols())
    }

    /// The `k` nearest of one query as (squared distance, row), in order.
    fn nearest(&self, query: &[f32], k: usize, scratch: &mut Scratch) -> Vec<(f64, u32)> {
        let (vectors, ef) = (self.vectors(), self.ef.max(k));
        if ef * SCAN_SHARE >= self.len() {
            return self.scan(query, k);
        }
        let found = self.graph.search(vectors, query, ef, scratch);
        if found.len() < k {
            // The walk ended in a part of the graph that leads nowhere else.
            return self.scan(query, k);
        }
        let decided = decide(vectors, query, found, k);
        let farthest = found[k - 1].distance();
        // Squares that overflowed or underflowed lead nowhere; a distance of zero may be true.
        if farthest.is_infinite() || (farthest <= vanishing(query.len()) && decided[k - 1].0 > 0.0) {
            return self.scan(query, k);
        }
        decided
    }

    /// The same by looking at every key.
    fn scan(&self, query: &[f32], k: usize) -> Vec<(f64, u32)> {
        let vectors = self.vectors();
        let mut all: Vec<Candidate> = (0..self.len() as u32)
            .map(|i| Candidate::new(squared_below(query, vectors.row(i), f32::INFINITY), i))
            .collect();
        all.sort_unstable();
        decide(vectors, query, &all, k)
    }
}

/// A sum of so many squares in single precision that is not above this may have lost digits to underflow.
fn vanishing(width: usize) -> f32 {
    // Each square below the smallest normal number may be off by as much as it is; a sum of them that is far above has lost
    // no digit that matters.
    width as f32 * f32::MIN_POSITIVE / f32::EPSILON
}

/// Refuses keys of which single precision cannot hold the squared distances. They are within the diagonal of the box around
/// all keys.
fn check_extent(keys: &Array2<f32>) -> Result<(), ResmemError> {
    let side = |column: ndarray::ArrayView1<f32>| {
        let (least, most) = column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &v| {
            (least.min(f64::from(v)), most.max(f64::from(v)))
        });
        most - least
    };
    let diagonal = keys.columns().into_iter().map(|column| side(column).powi(2)).sum::<f64>().sqrt();
    // Equal keys are found whatever their size.
    if diagonal == 0.0 || (SMALLEST_EXTENT..=LARGEST_EXTENT).contains(&diagonal) {
        return Ok(());
    }
    let rule = format!(
        "a graph is for keys from {SMALLEST_EXTENT:e} to {LARGEST_EXTENT:e} from end to end, whose squared distances single \
         precision holds; scale them, or use the exact index"
    );
    Err(ResmemError::parameter("keys", format!("{diagonal:.1e} from end to end"), rule))
}

/// Of candidates in the order of their single-precision distances, the first `k` in the order of the exact ones.
fn decide(vectors: Vectors, query: &[f32], found: &[Candidate], k: usize) -> Vec<(f64, u32)> {
    // Whatever may have been rounded across the k-th distance is decided too.
    let error = relative_error(query.len());
    let limit = (found[k - 1].distance() * ((1.0 + error) / (1.0 - error))).max(vanishing(query.len()));
    let mut exact: Vec<(f64, u32)> = found
        .iter()
        .enumerate()
        .take_while(|(i, c)| *i < k || c.distance() <= limit)
        .map(|(_, c)| (squared_distance(query, vectors.row(c.point())), c.point()))
        .collect();
    exact.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    exact.truncate(k);
    exact
}

impl Index for Hnsw {
    fn len(&self) -> usize {
        self.graph.len()
    }

    fn width(&self) -> usize {
        self.vectors.ncols()
    }

    fn search(&self, queries: ArrayView2<f32>, k: usize) -> Result<Neighbours, ResmemError> {
        check_search(self.len(), self.width(), queries, k)?;
        let rows = prepared("queries", queries, self.metric)?;
        let mut indices = Array2::zeros((queries.nrows(), k));
        let mut distances = Array2::zeros((queries.nrows(), k));
        let jobs: Vec<_> =
            rows.chunks_exact(self.width()).zip(indices.outer_iter_mut()).zip(distances.outer_iter_mut()).collect();
        jobs.into_par_iter().for_each_init(
            || Borrowed::new(&self.spare),
            |scratch, ((query, mut indices), mut distances)| {
                for (slot, (squared, row)) in self.nearest(query, k, &mut scratch.scratch).into_iter().enumerate() {
                    indices[slot] = row;
                    distances[slot] = squared.sqrt() as f32;
                }
            },
        );
        let found = Neighbours { indices, distances };
        found.check_distances()?;
        Ok(in_metric(found, self.metric))
    }
}

/// Work space that goes back where it came from.
struct Borrowed<'a> {
    scratch: Scratch,
    home: &'a Mutex<Vec<Scratch>>,
}

impl<'a> Borrowed<'a> {
    fn new(home: &'a Mutex<Vec<Scratch>>) -> Self {
        let spare = home.lock().ok().and_then(|mut spare| spare.pop());
        Self { scratch: spare.unwrap_or_default(), home }
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if let Ok(mut spare) = self.home.lock() {
            spare.push(std::mem::take(&mut self.scratch));
        }
    }
}
