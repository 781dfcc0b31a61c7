//! Exact nearest neighbours by blocked matrix products.
//!
//! Scores `|x|^2/2 - <q, x>` of a block of queries against a block of keys come from one matrix product that stays in
//! the second-level cache; a vector scan keeps the few that can still be among the `k` nearest. That form loses digits
//! where `|q|` and `|x|` are much larger than `|q - x|`, so everything within the bound of its rounding error is kept
//! as a candidate and decided by the direct distance `sqrt(sum (q_c - x_c)^2)` in double precision. The result is thus
//! exact, whatever the cancellation: the same as a full sort by (direct distance, index).

use super::OpsError;
use ndarray::{Array2, ArrayView2, ArrayViewMut1, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tenfold_kernels::below::for_each_below;
use tenfold_kernels::product::{Matrix, product_here};

/// Queries per block: one thread's share of work between two looks at the queue.
const QUERY_BLOCK: usize = 96;
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
pub struct ExactSearch<'a> {
    /// Row-major keys; of unit length for the cosine.
    keys: Cow<'a, [f32]>,
    half_norms: Vec<f32>,
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
        Ok(Self {
            half_norms: norms.iter().map(|s| (s / 2.0) as f32).collect(),
            largest_norm: norms.iter().copied().fold(0.0, f64::max).sqrt(),
            keys,
            width,
            metric,
        })
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
    /// `k` outside `1..=len()`, another width than the keys', a value that is not finite, a zero row under the cosine.
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
                for (b, half_norms) in self.half_norms.chunks(KEY_BLOCK).enumerate() {
                    let first = b * KEY_BLOCK;
                    let keys = &self.keys[first * self.width..][..half_norms.len() * self.width];
                    let dots = &mut dots[..nearest.len() * half_norms.len()];
                    let keys = Matrix::new(keys, half_norms.len(), self.width);
                    product_here(Matrix::new(block, nearest.len(), self.width), keys.transpose(), dots);
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
        Ok(Neighbours { indices, distances })
    }

    /// Twice the largest error of a score `|x|^2/2 - <q, x>` computed in single precision.
    ///
    /// A product of `e` terms is off by at most `gamma_e |q||x|` with `gamma_e = e u / (1 - e u)`; rounding the half norm
    /// and the subtraction add `u |x|^2/2` and `u (|x|^2/2 + |q||x|)`, with `u = 2^-24`.
    fn margin(&self, query: &[f32]) -> f32 {
        let u = f64::from(f32::EPSILON) / 2.0;
        let gamma = self.width as f64 * u / (1.0 - self.width as f64 * u).max(0.5);
        let cross = squared_norm(query).sqrt() * self.largest_norm;
        let own = self.largest_norm * self.largest_norm;
        // The first-order bound is widened a little for second-order terms and for the rounding of the margin itself.
        (2.1 * ((gamma + u) * cross + u * own)) as f32
    }

    /// Sorts the candidates by their direct distance and writes the first `k`.
    fn decide(&self, query: &[f32], found: &Candidates, mut i: ArrayViewMut1<u32>, mut d: ArrayViewMut1<f32>) {
        let mut exact: Vec<(f64, u32)> = found
            .kept
            .iter()
            .map(|&(_, index)| {
                let key = &self.keys[index as usize * self.width..][..self.width];
                (squared_distance(query, key), index)
            })
            .collect();
        exact.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (slot, &(squared, index)) in exact[..i.len()].iter().enumerate() {
            i[slot] = index;
            d[slot] = match self.metric {
                Metric::Euclidean => squared.sqrt() as f32,
                // For unit vectors |q - x|^2 = 2 (1 - <q, x>).
                Metric::Cosine => (squared / 2.0) as f32,
            };
        }
    }
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

/// The rules every search shares, exact or not: `1 <= k <= n`, and queries as wide as the keys.
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

/// The keys that may still be among the `k` nearest of one query.
struct Candidates {
    k: usize,
    margin: f32,
    /// No score above this can belong to the `k` nearest any more.
    threshold: f32,
    kept: Vec<(f32, u32)>,
    /// How many to gather before sifting again.
    room: usize,
}

impl Candidates {
    fn new(k: usize, margin: f32) -> Self {
        let room = 2 * k + 32;
        Self { k, margin, threshold: f32::INFINITY, kept: Vec::with_capacity(room), room }
    }

    /// Takes a score in and returns the threshold to go on with.
    #[inline]
    fn add(&mut self, score: f32, index: u32) -> f32 {
        self.kept.push((score, index));
        if self.kept.len() == self.room {
            self.sift();
        }
        self.threshold
    }

    /// Lowers the threshold to the k-th best score plus the margin and drops what is above it.
    fn sift(&mut self) {
        let (_, kth, _) = self.kept.select_nth_unstable_by(self.k - 1, |a, b| a.0.total_cmp(&b.0));
        self.threshold = kth.0 + self.margin;
        let threshold = self.threshold;
        self.kept.retain(|c| c.0 <= threshold);
        // Many equal distances may all have to stay: give them room, so that sifting stays rare.
        self.room = self.room.max(2 * self.kept.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use ndarray::array;
    use proptest::prelude::*;
    use rand::RngExt;

    fn full_sort(keys: &Array2<f32>, queries: &Array2<f32>, k: usize) -> Array2<u32> {
        let mut out = Array2::zeros((queries.nrows(), k));
        for (q, query) in queries.outer_iter().enumerate() {
            let mut all: Vec<(f64, u32)> = keys
                .outer_iter()
                .enumerate()
                .map(|(i, key)| (squared_distance(query.as_slice().unwrap(), key.as_slice().unwrap()), i as u32))
                .collect();
            all.sort_by(|a, b| a.partial_cmp(b).unwrap());
            all[..k].iter().enumerate().for_each(|(slot, (_, i))| out[[q, slot]] = *i);
        }
        out
    }

    fn random(n: usize, e: usize, offset: f32, levels: i32, seed: u64) -> Array2<f32> {
        let mut rng = Seed::new(seed).rng();
        Array2::from_shape_simple_fn((n, e), || offset + rng.random_range(-levels..=levels) as f32 / levels as f32)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        // Few levels make ties, a large offset makes cancellation, sizes cross the block edges.
        #[test]
        fn equals_a_full_sort(
            n in 1_usize..2300, m in 1_usize..120, e in 1_usize..9, k in 1_usize..70,
            levels in prop::sample::select(vec![1, 3, 10_000]), offset in prop::sample::select(vec![0.0_f32, 3000.0]),
            seed in 0_u64..1000
        ) {
            let k = k.min(n);
            let (keys, queries) = (random(n, e, offset, levels, seed), random(m, e, offset, levels, seed + 1));
            let found = nearest(keys.view(), queries.view(), k, Metric::Euclidean).unwrap();
            prop_assert_eq!(&found.indices, &full_sort(&keys, &queries, k));
            prop_assert_eq!(found.recall(&found), 1.0);
        }

        #[test]
        fn cosine_ignores_lengths(seed in 0_u64..500) {
            let (keys, queries) = (random(200, 6, 0.0, 10_000, seed), random(5, 6, 0.0, 10_000, seed + 1));
            let mut longer = keys.clone();
            longer.outer_iter_mut().enumerate().for_each(|(i, mut r)| r *= 2_f32.powi(i as i32 % 5));
            let a = nearest(keys.view(), queries.view(), 10, Metric::Cosine).unwrap();
            let b = nearest(longer.view(), queries.view(), 10, Metric::Cosine).unwrap();
            prop_assert_eq!(&a, &b);
            let (q, x) = (queries.row(0), keys.row(a.indices[[0, 0]] as usize));
            let cosine = 1.0 - q.dot(&x) / (q.dot(&q) * x.dot(&x)).sqrt();
            prop_assert!((cosine - a.distances[[0, 0]]).abs() < 16.0 * f32::EPSILON);
        }
    }

    #[test]
    fn strided_views_and_thread_counts_do_not_matter() {
        let (keys, queries) = (random(700, 12, 0.0, 100, 1), random(300, 12, 0.0, 100, 2));
        let run = |threads: usize, keys: ArrayView2<f32>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| nearest(keys, queries.view(), 9, Metric::Euclidean).unwrap())
        };
        let transposed = keys.t().as_standard_layout().into_owned();
        assert_eq!(run(1, keys.view()), run(3, transposed.t()));
    }

    #[test]
    fn every_rule_is_named() {
        let keys = array![[0.0_f32, 1.0], [f32::NAN, 0.0]];
        let good = keys.slice(ndarray::s![..1, ..]);
        let text = |r: Result<Neighbours, OpsError>| r.unwrap_err().to_string();
        let e = Metric::Euclidean;
        assert_eq!(text(nearest(keys.view(), good, 1, e)), "keys: row 1, column 0 is NaN, must be finite");
        assert_eq!(text(nearest(good, good, 2, e)), "k = 2: between 1 and the 1 keys there are");
        assert_eq!(text(nearest(good, good, 0, e)), "k = 0: between 1 and the 1 keys there are");
        let wide = Array2::zeros((1, 3));
        assert_eq!(
            text(nearest(good, wide.view(), 1, e)),
            "keys and queries: [1, 2] against [1, 3]; widths must agree"
        );
        let none = Array2::zeros((0, 2));
        assert!(text(nearest(none.view(), good, 1, e)).starts_with("number of keys = 0"));
        let zero = Array2::zeros((1, 2));
        assert!(text(nearest(good, zero.view(), 1, Metric::Cosine)).starts_with("queries: row 0 is all zeros"));
    }
}
