//! Exact nearest neighbours by blocked matrix products.
//!
//! Scores `|x|^2/2 - <q, x>` of a block of queries against a block of keys come from one matrix product that stays in
//! the second-level cache; a vector scan keeps the few that can still be among the `k` nearest. That form loses digits
//! where `|q|` and `|x|` are much larger than `|q - x|`, so everything within the bound of its rounding error is kept
//! as a candidate and decided by the direct distance `sqrt(sum (q_c - x_c)^2)` in double precision. The result is thus
//! exact, whatever the cancellation: the same as a full sort by (direct distance, index).
//!
//! Keys of any size will do, whether or not single precision holds their squares: scores are those of keys and queries
//! multiplied by a power of two. Where sizes are so far apart that no factor serves them all, every key is looked at
//! directly. A neighbour whose distance single precision does not hold (beyond `3.4e38`) is an error, not an infinity.

mod candidates;
mod scale;

use super::OpsError;
use candidates::Candidates;
use ndarray::{Array2, ArrayView2, ArrayViewMut1, Axis};
use rayon::prelude::*;
use scale::{factor, margin, scaled};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Ordering;
use tenfold_kernels::below::for_each_below;
use tenfold_kernels::product::{Matrix, product_here};

/// Queries per block: one thread's share of work between two looks at the queue.
const QUERY_BLOCK: usize = 96;
/// Most results of a search, queries times neighbours: 8 GiB of indices and distances.
const MOST_RESULTS: usize = 1 << 30;
/// Keys per block: 96 x 1,024 products of 4 bytes fill less than half of a 1 MiB second-level cache.
const KEY_BLOCK: usize = 1024;

/// How far apart two vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// `|q - x|_2`, not squared.
    #[default]
    Euclidean,
    /// `1 - <q, x> / (|q| |x|)`, between 0 and 2; zero vectors are refused.
    Cosine,
}

/// The `k` nearest keys of each query, nearest first, equal distances by ascending index.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Indices of keys, `[queries, k]`.
    pub indices: Array2<u32>,
    /// Their distances, `[queries, k]`.
    pub distances: Array2<f32>,
}

impl Neighbours {
    /// Number of queries.
    pub fn len(&self) -> usize {
        self.indices.nrows()
    }

    /// Whether there are no queries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Neighbours per query.
    pub fn k(&self) -> usize {
        self.indices.ncols()
    }

    /// The share of `truth`'s neighbours that are also in `self`, over all queries (recall at k).
    pub fn recall(&self, truth: &Neighbours) -> f64 {
        let found: usize = (0..self.len())
            .map(|q| {
                let mut mine: Vec<u32> = self.indices.row(q).to_vec();
                mine.sort_unstable();
                truth.indices.row(q).iter().filter(|i| mine.binary_search(i).is_ok()).count()
            })
            .sum();
        found as f64 / truth.indices.len() as f64
    }

    /// Fails with the first neighbour whose distance has become infinite in single precision.
    ///
    /// # Errors
    /// Names the query and the key.
    pub fn check_distances(&self) -> Result<(), OpsError> {
        match self.distances.indexed_iter().find(|(_, d)| !d.is_finite()) {
            Some(((query, slot), _)) => Err(OpsError::Distance { query, key: self.indices[[query, slot]] as usize }),
            None => Ok(()),
        }
    }
}

/// Keys made ready for exact search: checked, and with their norms.
///
/// ```
/// use ndarray::array;
/// use tenfold_core_tensor::ops::nearest::{ExactSearch, Metric};
/// let keys = array![[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]];
/// let search = ExactSearch::new(keys.view(), Metric::Euclidean)?;
/// let found = search.search(array![[3.0, 3.0]].view(), 2)?;
/// assert_eq!(found.indices, array![[1, 2]]);
/// assert_eq!(found.distances, array![[1.0, 1.0]]);
/// # Ok::<(), tenfold_core_tensor::ops::OpsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ExactSearch<'a> {
    /// Row-major keys; of unit length for the cosine.
    keys: Cow<'a, [f32]>,
    /// The keys times the factor, unless that is one.
    scaled: Option<Vec<f32>>,
    /// What keys and queries are multiplied by for their scores, a power of two.
    factor: f64,
    /// Halves of the squared norms of keys as scaled.
    half_norms: Vec<f32>,
    /// As scaled.
    largest_norm: f64,
    width: usize,
    metric: Metric,
}

impl<'a> ExactSearch<'a> {
    /// Checks `keys` (`[n, e]`) and computes their norms; contiguous Euclidean keys are borrowed, not copied.
    ///
    /// # Errors
    /// No keys, keys of width 0, more than `u32::MAX` keys, a value that is not finite, a zero row under the cosine.
    pub fn new(keys: ArrayView2<'a, f32>, metric: Metric) -> Result<Self, OpsError> {
        let (n, width) = keys.dim();
        if n == 0 || width == 0 || u32::try_from(n).is_err() {
            let (field, value) = if width == 0 { ("width of keys", 0) } else { ("number of keys", n) };
            return Err(OpsError::Parameter { field, value, rule: format!("between 1 and {}", u32::MAX) });
        }
        let keys = prepared("keys", keys, metric)?;
        let norms: Vec<f64> = keys.chunks_exact(width).map(squared_norm).collect();
        let largest_norm = norms.iter().copied().fold(0.0, f64::max).sqrt();
        let factor = factor(largest_norm);
        let scaled = match scaled(&keys, factor) {
            Cow::Owned(scaled) => Some(scaled),
            Cow::Borrowed(_) => None,
        };
        Ok(Self {
            half_norms: norms.iter().map(|s| (s * factor * factor / 2.0) as f32).collect(),
            largest_norm: largest_norm * factor,
            factor,
            scaled,
            keys,
            width,
            metric,
        })
    }

    /// The same search, with keys of its own that live as long as it does.
    pub fn into_owned(self) -> ExactSearch<'static> {
        let Self { keys, scaled, factor, half_norms, largest_norm, width, metric } = self;
        let keys = Cow::Owned(keys.into_owned());
        ExactSearch { keys, scaled, factor, half_norms, largest_norm, width, metric }
    }

    /// The keys, `[n, e]`: of unit length under the cosine.
    pub fn keys(&self) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((self.len(), self.width), &self.keys).expect("as many numbers as keys of that width")
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.half_norms.len()
    }

    /// Never true: there is at least one key.
    pub fn is_empty(&self) -> bool {
        self.half_norms.is_empty()
    }

    /// The `k` nearest keys of every row of `queries` (`[m, e]`), on all threads of the current pool.
    ///
    /// # Errors
    /// `k` outside `1..=len()`, another width than the keys', a value that is not finite, a zero row under the cosine, a
    /// neighbour farther away than the largest number of single precision.
    pub fn search(&self, queries: ArrayView2<f32>, k: usize) -> Result<Neighbours, OpsError> {
        check_search(self.len(), self.width, queries, k)?;
        let m = queries.nrows();
        let rows = prepared("queries", queries, self.metric)?;
        let mut indices = Array2::zeros((m, k));
        let mut distances = Array2::zeros((m, k));
        let jobs: Vec<_> = rows
            .chunks(QUERY_BLOCK * self.width)
            .zip(indices.axis_chunks_iter_mut(Axis(0), QUERY_BLOCK))
            .zip(distances.axis_chunks_iter_mut(Axis(0), QUERY_BLOCK))
            .collect();
        jobs.into_par_iter().for_each_init(
            || vec![0.0_f32; QUERY_BLOCK * KEY_BLOCK.min(self.len())],
            |dots, ((block, mut indices), mut distances)| {
                let mut nearest: Vec<Candidates> =
                    block.chunks_exact(self.width).map(|q| Candidates::new(k, self.margin(q))).collect();
                let (all_keys, queries) = (self.scaled.as_deref().unwrap_or(&self.keys), scaled(block, self.factor));
                for (b, half_norms) in self.half_norms.chunks(KEY_BLOCK).enumerate() {
                    let first = b * KEY_BLOCK;
                    let keys = &all_keys[first * self.width..][..half_norms.len() * self.width];
                    let dots = &mut dots[..nearest.len() * half_norms.len()];
                    let keys = Matrix::new(keys, half_norms.len(), self.width);
                    product_here(Matrix::new(&queries, nearest.len(), self.width), keys.transpose(), dots);
                    for (candidates, dots) in nearest.iter_mut().zip(dots.chunks_exact(half_norms.len())) {
                        for_each_below(dots, half_norms, candidates.threshold, |j, score| {
                            candidates.add(score, (first + j) as u32)
                        });
                    }
                }
                let results = indices.outer_iter_mut().zip(distances.outer_iter_mut());
                for ((query, found), (i, d)) in block.chunks_exact(self.width).zip(nearest).zip(results) {
                    self.decide(query, &found, i, d);
                }
            },
        );
        let found = Neighbours { indices, distances };
        found.check_distances()?;
        Ok(found)
    }

    fn margin(&self, query: &[f32]) -> f32 {
        margin(self.width, squared_norm(query).sqrt() * self.factor, self.largest_norm)
    }

    /// Writes the first `k` of the candidates in the order of their direct distances.
    fn decide(&self, query: &[f32], found: &Candidates, mut i: ArrayViewMut1<u32>, mut d: ArrayViewMut1<f32>) {
        let mut exact = match found.all {
            true => self.look_at_all(query, i.len()),
            false => found.kept.iter().map(|&(_, index)| self.direct(query, index)).collect(),
        };
        exact.sort_unstable_by(by_distance);
        for (slot, &(squared, index)) in exact[..i.len()].iter().enumerate() {
            i[slot] = index;
            d[slot] = match self.metric {
                Metric::Euclidean => squared.sqrt() as f32,
                // For unit vectors |q - x|^2 = 2 (1 - <q, x>).
                Metric::Cosine => (squared / 2.0) as f32,
            };
        }
    }

    /// The squared distance to a key, with its index.
    fn direct(&self, query: &[f32], index: u32) -> (f64, u32) {
        (squared_distance(query, &self.keys[index as usize * self.width..][..self.width]), index)
    }

    /// The `k` nearest of all keys, in no order.
    fn look_at_all(&self, query: &[f32], k: usize) -> Vec<(f64, u32)> {
        let room = 2 * k + 32;
        let mut best = Vec::with_capacity(room);
        for index in 0..self.len() as u32 {
            best.push(self.direct(query, index));
            if best.len() == room {
                best.select_nth_unstable_by(k - 1, by_distance);
                best.truncate(k);
            }
        }
        best
    }
}

/// By distance, then by index.
fn by_distance(a: &(f64, u32), b: &(f64, u32)) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// The `k` nearest keys of each query in one call; see [`ExactSearch`] for repeated searches of the same keys.
///
/// # Errors
/// As [`ExactSearch::new`] and [`ExactSearch::search`].
pub fn nearest(
    keys: ArrayView2<f32>,
    queries: ArrayView2<f32>,
    k: usize,
    metric: Metric,
) -> Result<Neighbours, OpsError> {
    ExactSearch::new(keys, metric)?.search(queries, k)
}

/// The rules every search shares, exact or not: `1 <= k <= n`, queries as wide as the keys, and at most 2^30 results.
///
/// # Errors
/// A typed error where a rule is broken.
pub fn check_search(n: usize, width: usize, queries: ArrayView2<f32>, k: usize) -> Result<(), OpsError> {
    if k == 0 || k > n {
        return Err(OpsError::Parameter {
            field: "k",
            value: k,
            rule: format!("between 1 and the {n} keys there are"),
        });
    }
    if queries.ncols() != width {
        return Err(OpsError::Shape {
            what: "keys and queries",
            left: vec![n, width],
            right: queries.shape().to_vec(),
            rule: "widths must agree",
        });
    }
    let most = MOST_RESULTS / queries.nrows().max(1);
    if k > most {
        let rule = format!("at most {most} for {} queries, for whose neighbours there is memory", queries.nrows());
        return Err(OpsError::Parameter { field: "k", value: k, rule });
    }
    Ok(())
}

/// Dense rows with finite values, of unit length where the metric is the cosine.
///
/// # Errors
/// A value that is not finite, or a zero row under the cosine; `what` names the argument in the message.
pub fn prepared<'a>(what: &'static str, rows: ArrayView2<'a, f32>, metric: Metric) -> Result<Cow<'a, [f32]>, OpsError> {
    let width = rows.ncols().max(1);
    let dense: Cow<'a, [f32]> = match rows.to_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(rows.iter().copied().collect()),
    };
    if let Some(at) = dense.iter().position(|v| !v.is_finite()) {
        return Err(OpsError::NotFinite { what, row: at / width, column: at % width, value: dense[at] });
    }
    if metric == Metric::Euclidean {
        return Ok(dense);
    }
    let mut dense = dense.into_owned();
    for (row, values) in dense.chunks_exact_mut(width).enumerate() {
        let norm = squared_norm(values).sqrt();
        if norm == 0.0 {
            return Err(OpsError::ZeroNorm { what, row });
        }
        values.iter_mut().for_each(|v| *v = (f64::from(*v) / norm) as f32);
    }
    Ok(Cow::Owned(dense))
}

fn squared_norm(row: &[f32]) -> f64 {
    row.iter().map(|&v| f64::from(v) * f64::from(v)).sum()
}

/// `|a - b|_2^2` by direct differences in double precision.
///
/// ```
/// use tenfold_core_tensor::ops::nearest::squared_distance;
/// assert_eq!(squared_distance(&[1e8, 1.0], &[1e8, 3.0]), 4.0);
/// ```
pub fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    // Independent sums, so that additions need not wait for each other.
    const LANES: usize = 8;
    let square = |a: f32, b: f32| (f64::from(a) - f64::from(b)).powi(2);
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += square(a[lane], b[lane]);
        }
    }
    let tail: f64 = a_tail.iter().zip(b_tail).map(|(&a, &b)| square(a, b)).sum();
    lanes.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests;
