//! What can be chosen: how a memory is kept, and how it is read.

use crate::error::ResmemError;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::ops::nearest::Metric;
use tenfold_core_tensor::seed::Seed;

/// How the weight of a neighbour falls with its distance `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// `exp(-d / sigma)`.
    #[default]
    Exponential,
    /// `exp(-d^2 / sigma)`.
    Gaussian,
}

impl Kernel {
    /// Unnormalised weights of ascending `distances`, into `out`.
    ///
    /// The smallest distance is taken out before the exponential, so the first weight is exactly 1 and no choice of
    /// `sigma` makes all of them underflow. The common factor cancels when the weights are divided by their sum.
    pub(crate) fn weights(self, distances: impl Iterator<Item = f32>, sigma: f64, out: &mut Vec<f64>) {
        out.clear();
        let mut first = None;
        out.extend(distances.map(|d| {
            let d = f64::from(d);
            let d0 = *first.get_or_insert(d);
            match self {
                Kernel::Exponential => (-(d - d0) / sigma).exp(),
                Kernel::Gaussian => (-(d - d0) * (d + d0) / sigma).exp(),
            }
        }));
    }
}

/// The width of the kernel.
///
/// The scale of distances depends on the norm of the features, so a width that serves one embedding means nothing for
/// another; a relative width carries over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sigma {
    /// In the units of the distance (of its square for [`Kernel::Gaussian`]).
    Absolute(f64),
    /// In units of the median distance from a key to the nearest key that differs from it,
    /// [`crate::Memory::distance_scale`] (of the square of that median for [`Kernel::Gaussian`]).
    Relative(f64),
}

impl Sigma {
    /// The number as it was given.
    pub fn value(self) -> f64 {
        match self {
            Sigma::Absolute(value) | Sigma::Relative(value) => value,
        }
    }

    /// The width in units of the distance, given the scale of distances.
    ///
    /// ```
    /// use tenfold_resmem::{Kernel, Sigma};
    /// assert_eq!(Sigma::Relative(0.5).absolute(4.0, Kernel::Exponential), 2.0);
    /// assert_eq!(Sigma::Relative(0.5).absolute(4.0, Kernel::Gaussian), 8.0);
    /// assert_eq!(Sigma::Absolute(0.5).absolute(4.0, Kernel::Gaussian), 0.5);
    /// ```
    pub fn absolute(self, scale: f64, kernel: Kernel) -> f64 {
        match (self, kernel) {
            (Sigma::Absolute(value), _) => value,
            (Sigma::Relative(value), Kernel::Exponential) => value * scale,
            (Sigma::Relative(value), Kernel::Gaussian) => value * scale * scale,
        }
    }

    pub(crate) fn validate(self) -> Result<(), ResmemError> {
        positive("sigma", self.value())
    }
}

/// How a memory is read: the three post-hoc parameters and the kernel.
///
/// The defaults (`k = 10`, `sigma` = the median first-neighbour distance, `temperature = 1`, exponential kernel) are a
/// starting point of this crate, not the paper's setting: choose them on validation data with [`crate::Params`].
///
/// ```
/// use tenfold_resmem::{Kernel, Params, Sigma};
/// let params = Params::default().with_k(53).with_sigma(Sigma::Absolute(0.7)).with_temperature(1.4);
/// assert_eq!(params.kernel, Kernel::Exponential);
/// params.validate(100)?;
/// let error = params.with_temperature(0.0).validate(100).unwrap_err();
/// assert_eq!(error.to_string(), "temperature = 0: must be finite and above 0");
/// # Ok::<(), tenfold_resmem::ResmemError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Number of neighbours with a weight above zero.
    pub k: usize,
    /// Width of the kernel.
    pub sigma: Sigma,
    /// `T` in `softmax(f / T)`, for the query and for the stored logits alike. Unused in regression.
    pub temperature: f64,
    /// How weights fall with distance.
    pub kernel: Kernel,
}

impl Default for Params {
    fn default() -> Self {
        Self { k: 10, sigma: Sigma::Relative(1.0), temperature: 1.0, kernel: Kernel::Exponential }
    }
}

impl Params {
    /// Sets the number of neighbours.
    pub fn with_k(self, k: usize) -> Self {
        Self { k, ..self }
    }

    /// Sets the width of the kernel.
    pub fn with_sigma(self, sigma: Sigma) -> Self {
        Self { sigma, ..self }
    }

    /// Sets the temperature.
    pub fn with_temperature(self, temperature: f64) -> Self {
        Self { temperature, ..self }
    }

    /// Sets the kernel.
    pub fn with_kernel(self, kernel: Kernel) -> Self {
        Self { kernel, ..self }
    }

    /// Checks the parameters against the `n` neighbours there can be.
    ///
    /// # Errors
    /// `k` outside `1..=n`; `sigma` or `temperature` not finite or not above zero.
    pub fn validate(&self, n: usize) -> Result<(), ResmemError> {
        check_k(self.k, n)?;
        self.sigma.validate()?;
        positive("temperature", self.temperature)
    }
}

/// Which index answers searches.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexKind {
    /// Every key is looked at. The right choice below some 100,000 keys.
    #[default]
    Exact,
    /// A hierarchical navigable small world graph: approximate, and far fewer keys are looked at.
    Hnsw(HnswConfig),
}

/// How keys are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// Single precision, as given.
    #[default]
    F32,
    /// Rounded to half precision (relative error at most `2^-11` a coordinate; keys above 65,504 are refused). Halves
    /// the file and the exact index; an HNSW index keeps single precision of the rounded keys in memory, for speed.
    F16,
}

/// How a memory is kept.
///
/// ```
/// use tenfold_resmem::{HnswConfig, IndexKind, MemoryConfig, Storage};
/// let config = MemoryConfig::default().with_index(IndexKind::Hnsw(HnswConfig::default())).with_storage(Storage::F16);
/// assert_eq!(config.top_m, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryConfig {
    /// How far apart two keys are. Default: Euclidean.
    pub metric: Metric,
    /// Which index answers searches. Default: exact.
    pub index: IndexKind,
    /// How keys are kept. Default: single precision.
    pub storage: Storage,
    /// Keep only the `m` largest logits of each key, and the mass of the rest (for large vocabularies; see
    /// [`crate::Memory::truncation_error`]). Default: keep all. Classification only.
    pub top_m: Option<usize>,
}

impl MemoryConfig {
    /// Sets the metric.
    pub fn with_metric(self, metric: Metric) -> Self {
        Self { metric, ..self }
    }

    /// Sets the index.
    pub fn with_index(self, index: IndexKind) -> Self {
        Self { index, ..self }
    }

    /// Sets the precision of the keys.
    pub fn with_storage(self, storage: Storage) -> Self {
        Self { storage, ..self }
    }

    /// Keeps only the `m` largest logits of each key.
    pub fn with_top_m(self, top_m: usize) -> Self {
        Self { top_m: Some(top_m), ..self }
    }

    /// Checks the parameters that do not depend on data.
    ///
    /// # Errors
    /// `top_m` of zero, or a rule of [`HnswConfig::validate`].
    pub fn validate(&self) -> Result<(), ResmemError> {
        if self.top_m == Some(0) {
            return Err(ResmemError::parameter("top_m", 0, "must be at least 1"));
        }
        match &self.index {
            IndexKind::Exact => Ok(()),
            IndexKind::Hnsw(config) => config.validate(),
        }
    }
}

/// How an HNSW graph is built and searched (Malkov and Yashunin, 2016).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HnswConfig {
    /// Links of a point in an upper layer; the lowest layer has twice as many. Default 16.
    pub m: usize,
    /// Candidates looked at while a point is inserted. Default 200.
    pub ef_construction: usize,
    /// Candidates kept while searching; a search for more neighbours than that keeps as many as asked. Default 128.
    pub ef: usize,
    /// The order of insertion. Default 0.
    pub seed: Seed,
    /// Insert on all threads: faster, but two builds give different graphs. Default false: the same seed and keys give
    /// the same graph, byte for byte.
    pub parallel: bool,
}

impl Default for HnswConfig {
    fn default() -> Self {
        Self { m: 16, ef_construction: 200, ef: 128, seed: Seed::new(0), parallel: false }
    }
}

impl HnswConfig {
    /// Sets the links of a point.
    pub fn with_m(self, m: usize) -> Self {
        Self { m, ..self }
    }

    /// Sets the candidates of an insertion.
    pub fn with_ef_construction(self, ef_construction: usize) -> Self {
        Self { ef_construction, ..self }
    }

    /// Sets the candidates of a search.
    pub fn with_ef(self, ef: usize) -> Self {
        Self { ef, ..self }
    }

    /// Sets the seed of the order of insertion.
    pub fn with_seed(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }

    /// Inserts on all threads.
    pub fn with_parallel(self, parallel: bool) -> Self {
        Self { parallel, ..self }
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// `m` outside `2..=128`, `ef_construction` below `m` or above 65,536, `ef` outside `1..=65,536`.
    pub fn validate(&self) -> Result<(), ResmemError> {
        if !(2..=128).contains(&self.m) {
            return Err(ResmemError::parameter("m", self.m, "must be between 2 and 128"));
        }
        if !(self.m..=MAX_EF).contains(&self.ef_construction) {
            let rule = format!("must be between m = {} and {MAX_EF}", self.m);
            return Err(ResmemError::parameter("ef_construction", self.ef_construction, rule));
        }
        if !(1..=MAX_EF).contains(&self.ef) {
            return Err(ResmemError::parameter("ef", self.ef, format!("must be between 1 and {MAX_EF}")));
        }
        Ok(())
    }
}

/// Beyond this a graph search costs more than looking at every key.
const MAX_EF: usize = 65_536;

pub(crate) fn positive(field: &'static str, value: f64) -> Result<(), ResmemError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(ResmemError::parameter(field, value, "must be finite and above 0"))
}

pub(crate) fn check_k(k: usize, n: usize) -> Result<(), ResmemError> {
    if (1..=n).contains(&k) {
        return Ok(());
    }
    Err(ResmemError::parameter("k", k, format!("must be between 1 and the {n} neighbours there are")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(result: Result<(), ResmemError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn every_rule_of_params_is_named() {
        let good = Params::default();
        good.validate(10).unwrap();
        assert_eq!(refusal(good.validate(9)), "k = 10: must be between 1 and the 9 neighbours there are");
        assert_eq!(refusal(good.with_k(0).validate(9)), "k = 0: must be between 1 and the 9 neighbours there are");
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let rule = format!("{bad}: must be finite and above 0");
            assert_eq!(refusal(good.with_sigma(Sigma::Absolute(bad)).validate(10)), format!("sigma = {rule}"));
            assert_eq!(refusal(good.with_sigma(Sigma::Relative(bad)).validate(10)), format!("sigma = {rule}"));
            assert_eq!(refusal(good.with_temperature(bad).validate(10)), format!("temperature = {rule}"));
        }
    }

    #[test]
    fn every_rule_of_hnsw_is_named() {
        let good = HnswConfig::default();
        good.validate().unwrap();
        assert_eq!(refusal(good.with_m(1).validate()), "m = 1: must be between 2 and 128");
        assert_eq!(refusal(good.with_m(129).validate()), "m = 129: must be between 2 and 128");
        let error = refusal(good.with_ef_construction(15).validate());
        assert_eq!(error, "ef_construction = 15: must be between m = 16 and 65536");
        assert!(refusal(good.with_ef_construction(MAX_EF + 1).validate()).starts_with("ef_construction = 65537"));
        assert_eq!(refusal(good.with_ef(0).validate()), "ef = 0: must be between 1 and 65536");
        assert!(refusal(good.with_ef(MAX_EF + 1).validate()).starts_with("ef = 65537"));
    }

    #[test]
    fn every_rule_of_a_memory_is_named() {
        assert_eq!(refusal(MemoryConfig::default().with_top_m(0).validate()), "top_m = 0: must be at least 1");
        let hnsw = IndexKind::Hnsw(HnswConfig::default().with_m(1));
        assert!(refusal(MemoryConfig::default().with_index(hnsw).validate()).starts_with("m = 1"));
    }

    #[test]
    fn configurations_survive_json() {
        let config =
            MemoryConfig::default().with_index(IndexKind::Hnsw(HnswConfig::default().with_ef(9))).with_top_m(3);
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<MemoryConfig>(&text).unwrap(), config);
        let params = Params::default().with_sigma(Sigma::Absolute(0.1)).with_kernel(Kernel::Gaussian);
        let text = serde_json::to_string(&params).unwrap();
        assert_eq!(text, r#"{"k":10,"sigma":{"absolute":0.1},"temperature":1.0,"kernel":"gaussian"}"#);
        assert_eq!(serde_json::from_str::<Params>(&text).unwrap(), params);
        assert!(serde_json::from_str::<Params>(r#"{"neighbours":3}"#).is_err());
    }

    #[test]
    fn weights_do_not_underflow() {
        let mut w = Vec::new();
        for kernel in [Kernel::Exponential, Kernel::Gaussian] {
            kernel.weights([1e6, 1e6 + 1.0].into_iter(), 1e-3, &mut w);
            assert_eq!(w, [1.0, 0.0]);
            kernel.weights([3.0, 3.0, 4.0].into_iter(), 1e12, &mut w);
            assert!(w.iter().all(|w| (w - 1.0).abs() < 1e-10));
        }
        Kernel::Gaussian.weights([1.0, 2.0].into_iter(), 3.0, &mut w);
        assert!((w[1] - (-1.0_f64).exp()).abs() < 2.0 * f64::EPSILON);
    }
}
