//! The memory: keys, the base model's outputs on them, and the targets.

use crate::base::{Base, TruncationError};
use crate::error::ResmemError;
use crate::index::{AnyIndex, Index};
use crate::params::{IndexKind, MemoryConfig};
use crate::targets::{Targets, check_finite};
use ndarray::{Array2, ArrayView2, Axis};
use std::collections::HashMap;
use std::sync::OnceLock;
use tenfold_core_tensor::ops::nearest::Neighbours;

/// Keys whose first-neighbour distances give the scale of distances.
const SCALE_SAMPLE: usize = 1024;
/// Neighbours that are looked for at a time among keys that are there many times.
const AT_A_TIME: usize = 1 << 22;

/// A memory of residuals.
///
/// Row `i` holds a key `phi(x_i)`, the base model's output `f(x_i)` and the target `y_i`, from which the residual
/// `r_i = e_{y_i} - softmax(f(x_i) / T)` (in regression `y_i - f(x_i)`) is rebuilt for whatever `T` is asked for.
///
/// Store keys of clean inputs, with the base model in evaluation mode. The outputs may be those of models that did not
/// see the row ; with the base model's own, an interpolating base leaves nothing to remember.
#[derive(Debug, Clone)]
pub struct Memory {
    pub(crate) index: AnyIndex,
    pub(crate) base: Base,
    pub(crate) targets: Targets,
    pub(crate) config: MemoryConfig,
    scale: OnceLock<f64>,
}

/// What is unusual about a memory, though legal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notes {
    /// Rows whose key is, bit for bit, that of an earlier row.
    pub duplicate_keys: usize,
    /// Those of them whose target differs from the earlier row's: `k = 1` cannot interpolate them.
    pub conflicting_duplicates: usize,
    /// Classes no row belongs to; empty in regression.
    pub empty_classes: Vec<usize>,
}

impl Memory {
    /// A memory from `keys` (`[n, e]`), the base model's `base` outputs (`[n, C]` logits, in regression `[n, D]`
    /// predictions) and `targets` (`n`).
    ///
    /// # Errors
    /// A rule of `config` or of [`Targets::validate`]; shapes that do not agree; values that are not finite; labels
    /// that are all the same; a zero key under the cosine.
    pub fn from_arrays(
        keys: ArrayView2<f32>,
        base: Array2<f32>,
        targets: Targets,
        config: MemoryConfig,
    ) -> Result<Self, ResmemError> {
        config.validate()?;
        if keys.nrows() == 0 {
            return Err(ResmemError::parameter("number of keys", 0, "must be at least 1"));
        }
        check_rows("keys and base outputs", keys.shape(), base.shape())?;
        check_rows("keys and targets", keys.shape(), &[targets.len()])?;
        targets.validate()?;
        check_width(base.shape(), &targets)?;
        check_finite("base outputs", &base)?;
        if let Targets::Classes { labels, .. } = &targets
            && labels.len() > 1
            && labels.iter().all(|l| l == &labels[0])
        {
            let rule = format!("all {} rows have this label; a classifier's memory needs two", labels.len());
            return Err(ResmemError::parameter("labels", labels[0], rule));
        }
        let base = match targets {
            Targets::Classes { .. } => Base::logits(base, config.top_m),
            Targets::Values(_) if config.top_m.is_some() => {
                return Err(ResmemError::Task { operation: "top_m", needs: "classification", found: targets.task() });
            }
            Targets::Values(_) => Base::Values(base),
        };
        Ok(Self::from_parts(AnyIndex::build(keys, &config)?, base, targets, config))
    }

    /// A memory from any model: `model` maps a batch to (embeddings `[b, e]`, outputs `[b, C]`), called in order.
    ///
    /// ```
    /// use ndarray::{Array2, array};
    /// use tenfold_resmem::{Memory, MemoryConfig, Targets};
    /// let inputs = array![[0.0_f32, 1.0], [1.0, 0.0], [1.0, 1.0]];
    /// let batches = inputs.axis_chunks_iter(ndarray::Axis(0), 2);
    /// let memory = Memory::from_model(
    ///     batches,
    ///     |batch| (batch.to_owned(), Array2::zeros((batch.nrows(), 2))),
    ///     Targets::classes([0, 1, 1], 2),
    ///     MemoryConfig::default(),
    /// )?;
    /// assert_eq!((memory.len(), memory.key_width()), (3, 2));
    /// # Ok::<(), tenfold_resmem::ResmemError>(())
    /// ```
    ///
    /// # Errors
    /// No batches, batches of different widths, and as [`Memory::from_arrays`].
    pub fn from_model<B>(
        batches: impl IntoIterator<Item = B>,
        model: impl FnMut(B) -> (Array2<f32>, Array2<f32>),
        targets: Targets,
        config: MemoryConfig,
    ) -> Result<Self, ResmemError> {
        let (keys, base): (Vec<_>, Vec<_>) = batches.into_iter().map(model).unzip();
        Self::from_arrays(stack("embeddings", &keys)?.view(), stack("outputs", &base)?, targets, config)
    }

    pub(crate) fn from_parts(index: AnyIndex, base: Base, targets: Targets, config: MemoryConfig) -> Self {
        Self { index, base, targets, config, scale: OnceLock::new() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Never true: there is at least one row.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Numbers a key.
    pub fn key_width(&self) -> usize {
        self.index.width()
    }

    /// Numbers an output: classes `C`, or values a target.
    pub fn width(&self) -> usize {
        self.targets.width()
    }

    /// The keys as they are stored: of unit length under the cosine, rounded under [`crate::Storage::F16`].
    pub fn keys(&self) -> Array2<f32> {
        self.index.keys()
    }

    /// The targets.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// How the memory is kept.
    pub fn config(&self) -> &MemoryConfig {
        &self.config
    }

    /// The index that answers searches.
    pub fn index(&self) -> &dyn Index {
        &self.index
    }

    /// Sets the number of candidates that searches of an HNSW index keep, without building anything anew.
    ///
    /// # Errors
    /// An exact index, which has none; as [`crate::HnswConfig::validate`].
    pub fn set_ef(&mut self, ef: usize) -> Result<(), ResmemError> {
        match (&mut self.index, &mut self.config.index) {
            (AnyIndex::Hnsw(index), IndexKind::Hnsw(config)) => {
                index.set_ef(ef)?;
                config.ef = ef;
                Ok(())
            }
            _ => Err(ResmemError::parameter("ef", ef, "only an HNSW index has candidates to keep")),
        }
    }

    /// The mass that [`MemoryConfig::top_m`] does not resolve by class, at `T = 1`; zero where all logits are kept.
    pub fn truncation_error(&self) -> TruncationError {
        self.base.truncation_error()
    }

    /// The `k` nearest rows of each query (`[m, e]`), nearest first; one search serves every `k` up to this one, every
    /// `sigma` and every `T`.
    ///
    /// With `exclude_self`, query `q` is itself row `exclude_self[q]` of the memory and that row is left out.
    ///
    /// # Errors
    /// As [`Index::search`], with one neighbour fewer to be had under `exclude_self`; `exclude_self` of another length
    /// than the queries, or naming a row that is not there.
    pub fn search(
        &self,
        queries: ArrayView2<f32>,
        k: usize,
        exclude_self: Option<&[usize]>,
    ) -> Result<Neighbours, ResmemError> {
        let Some(own) = exclude_self else { return self.index.search(queries, k) };
        self.search_without(queries, k, &own.iter().map(|row| Some(*row)).collect::<Vec<_>>())
    }

    /// As [`Memory::search`], where some queries are rows of the memory: query `q` does without row `own[q]`, if it has one.
    ///
    /// # Errors
    /// As [`Memory::search`] under `exclude_self`.
    pub fn search_without(
        &self,
        queries: ArrayView2<f32>,
        k: usize,
        own: &[Option<usize>],
    ) -> Result<Neighbours, ResmemError> {
        check_rows("queries and exclude_self", queries.shape(), &[own.len()])?;
        if let Some(row) = own.iter().flatten().find(|row| **row >= self.len()) {
            return Err(ResmemError::parameter("exclude_self", row, format!("must be below {} rows", self.len())));
        }
        crate::params::check_k(k, self.len() - 1)?;
        let found = self.index.search(queries, k + 1)?;
        let mut kept = Neighbours { indices: Array2::zeros((own.len(), k)), distances: Array2::zeros((own.len(), k)) };
        for (q, own) in own.iter().enumerate() {
            // Where there is none, or duplicates push it beyond k + 1, the last neighbour is the one too many.
            let at = found.indices.row(q).iter().position(|i| Some(*i as usize) == *own).unwrap_or(k);
            for slot in 0..k {
                let from = if slot < at { slot } else { slot + 1 };
                kept.indices[[q, slot]] = found.indices[[q, from]];
                kept.distances[[q, slot]] = found.distances[[q, from]];
            }
        }
        Ok(kept)
    }

    /// The median distance from a key to the nearest key that differs from it, over at most 1,024 keys spread evenly over the
    /// rows: the unit of [`crate::Sigma::Relative`]. Keys that are there twice or more do not make it smaller.
    ///
    /// Where all keys are equal it is 1, and weights do not depend on it: all distances between keys and a query are one.
    pub fn distance_scale(&self) -> f64 {
        *self.scale.get_or_init(|| {
            let n = self.len();
            let rows: Vec<usize> = (0..n.min(SCALE_SAMPLE)).map(|i| i * n / n.min(SCALE_SAMPLE)).collect();
            let mut distances = self.to_other_keys(rows);
            distances.sort_unstable_by(f32::total_cmp);
            match distances.len() {
                0 => 1.0,
                m => (f64::from(distances[(m - 1) / 2]) + f64::from(distances[m / 2])) / 2.0,
            }
        })
    }

    /// The distance from each of some keys to the nearest that differs; nothing for keys that differ from none.
    fn to_other_keys(&self, mut rows: Vec<usize>) -> Vec<f32> {
        let mut distances = Vec::with_capacity(rows.len());
        // The key itself and one more; where both are the same, twice as many, and so on.
        let mut k = 1;
        while !rows.is_empty() && k < self.len() {
            k = (2 * k).min(self.len());
            let mut left = Vec::new();
            for rows in rows.chunks((AT_A_TIME / k).max(1)) {
                // The keys are finite and as wide as themselves, and there are as many: nothing can be refused but a distance
                // that single precision does not hold, and that is no unit.
                let Ok(found) = self.index.search(self.index.select(rows).view(), k) else { continue };
                for (row, found) in rows.iter().zip(found.distances.outer_iter()) {
                    match found.iter().find(|d| **d > 0.0) {
                        Some(distance) => distances.push(*distance),
                        None => left.push(*row),
                    }
                }
            }
            rows = left;
        }
        distances
    }

    /// What is unusual about this memory, though legal.
    pub fn notes(&self) -> Notes {
        let keys = self.keys();
        let mut first: HashMap<Vec<u32>, usize> = HashMap::with_capacity(self.len());
        let (mut duplicate_keys, mut conflicting_duplicates) = (0, 0);
        for (row, key) in keys.outer_iter().enumerate() {
            // Adding zero gives both zeros the same bits.
            let earlier = *first.entry(key.iter().map(|v| (v + 0.0).to_bits()).collect()).or_insert(row);
            if earlier != row {
                duplicate_keys += 1;
                conflicting_duplicates += usize::from(self.targets.select(&[row]) != self.targets.select(&[earlier]));
            }
        }
        let empty_classes = match &self.targets {
            Targets::Classes { labels, n_classes } => {
                let mut seen = vec![false; *n_classes];
                labels.iter().for_each(|l| seen[*l] = true);
                (0..*n_classes).filter(|c| !seen[*c]).collect()
            }
            Targets::Values(_) => Vec::new(),
        };
        Notes { duplicate_keys, conflicting_duplicates, empty_classes }
    }

    /// Appends rows; arguments as in [`Memory::from_arrays`]. An HNSW graph is built anew over all keys.
    ///
    /// # Errors
    /// As [`Memory::from_arrays`], or another width or task than the memory's. The memory is then unchanged.
    pub fn add(&mut self, keys: ArrayView2<f32>, base: Array2<f32>, targets: &Targets) -> Result<(), ResmemError> {
        check_rows("keys and base outputs", keys.shape(), base.shape())?;
        check_rows("keys and targets", keys.shape(), &[targets.len()])?;
        targets.validate()?;
        check_finite("base outputs", &base)?;
        let targets = self.targets.followed_by(targets)?;
        let base = self.base.followed_by(base)?;
        let index = self.index.extended(keys, &self.config)?;
        *self = Self::from_parts(index, base, targets, self.config);
        Ok(())
    }

    /// Removes rows, for good: the arrays are copied without them, and an HNSW graph is built anew over what is left.
    /// The base model still remembers what it was trained on.
    ///
    /// ```
    /// use ndarray::{Array2, array};
    /// use tenfold_resmem::{Memory, MemoryConfig, Targets};
    /// let keys = array![[0.0_f32], [1.0], [2.0]];
    /// let targets = Targets::classes([0, 1, 0], 2);
    /// let mut memory = Memory::from_arrays(keys.view(), Array2::zeros((3, 2)), targets, MemoryConfig::default())?;
    /// memory.remove(&[1])?;
    /// assert_eq!(memory.keys(), array![[0.0], [2.0]]);
    /// # Ok::<(), tenfold_resmem::ResmemError>(())
    /// ```
    ///
    /// # Errors
    /// A row that is not there, or a removal that leaves none. The memory is then unchanged.
    pub fn remove(&mut self, rows: &[usize]) -> Result<(), ResmemError> {
        let mut keep = vec![true; self.len()];
        for &row in rows {
            match keep.get_mut(row) {
                Some(slot) => *slot = false,
                None => {
                    let rule = format!("must be below {} rows", self.len());
                    return Err(ResmemError::parameter("row to remove", row, rule));
                }
            }
        }
        let kept: Vec<usize> = (0..self.len()).filter(|row| keep[*row]).collect();
        if kept.is_empty() {
            return Err(ResmemError::parameter("rows to remove", rows.len(), "must leave at least one row"));
        }
        let index = self.index.reduced(&kept, &self.config)?;
        *self = Self::from_parts(index, self.base.select(&kept), self.targets.select(&kept), self.config);
        Ok(())
    }
}

pub(crate) fn check_rows(what: &'static str, left: &[usize], right: &[usize]) -> Result<(), ResmemError> {
    if left.first() == right.first() {
        return Ok(());
    }
    Err(ResmemError::Shape { what, left: left.to_vec(), right: right.to_vec(), rule: "numbers of rows must agree" })
}

fn check_width(base: &[usize], targets: &Targets) -> Result<(), ResmemError> {
    if base.get(1) == Some(&targets.width()) {
        return Ok(());
    }
    Err(ResmemError::Shape {
        what: "base outputs and targets",
        left: base.to_vec(),
        right: vec![targets.len(), targets.width()],
        rule: "one output a class, or a value",
    })
}

/// Batches below each other.
fn stack(what: &'static str, batches: &[Array2<f32>]) -> Result<Array2<f32>, ResmemError> {
    let views: Vec<_> = batches.iter().map(|batch| batch.view()).collect();
    let Some(first) = views.first() else {
        return Err(ResmemError::parameter("number of batches", 0, "must be at least 1"));
    };
    match views.iter().find(|view| view.ncols() != first.ncols()) {
        Some(other) => Err(ResmemError::Shape {
            what,
            left: first.shape().to_vec(),
            right: other.shape().to_vec(),
            rule: "all batches must have the same width",
        }),
        None => Ok(ndarray::concatenate(Axis(0), &views)?),
    }
}
