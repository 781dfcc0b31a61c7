//! "Rule + exceptions": most points follow a linear rule, the rest sit in tight clusters with labels of their own.
//!
//! A synthetic control. Source: ResMem spec, section 7: 75 % of points `x ~ N(0, I_24)` with label `argmax(W x)`, 25 %
//! from 150 tight clusters (standard deviation 0.25) with Zipf weights and random labels, 10 classes. Not given there,
//! and chosen here: `W` and the cluster centres are standard normal, the Zipf exponent is 1.
//!
//! Label noise is added afterwards with [`crate::noise`].

use super::clusters::{ClusterShape, Clusters};
use super::{check_count, check_not_negative, check_positive, normal, normal_matrix};
use crate::error::{DataError, require};
use crate::table::Table;
use ndarray::{Array1, Array2, ArrayView1};
use rand::seq::index;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;

/// Parameters of [`RuleExceptions`].
///
/// Defaults: `dim = 24`, `n_classes = 10`, `exception_share = 0.25`, `n_clusters = 150`, `cluster_sd = 0.25`,
/// `centre_sd = 1`, `zipf_exponent = 1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleExceptionsParams {
    /// Number of features, `d`.
    pub dim: usize,
    /// Number of classes, `C`.
    pub n_classes: usize,
    /// Share of points that are exceptions, in `[0, 1]`.
    pub exception_share: f64,
    /// Number of clusters that exceptions come from.
    pub n_clusters: usize,
    /// Standard deviation of a cluster around its centre, per feature.
    pub cluster_sd: f64,
    /// Standard deviation of the centres around the origin, per feature.
    pub centre_sd: f64,
    /// `s` in the weights `(j + 1)^-s` of the clusters; 0 makes them equal.
    pub zipf_exponent: f64,
}

impl Default for RuleExceptionsParams {
    fn default() -> Self {
        Self {
            dim: 24,
            n_classes: 10,
            exception_share: 0.25,
            n_clusters: 150,
            cluster_sd: 0.25,
            centre_sd: 1.0,
            zipf_exponent: 1.0,
        }
    }
}

impl RuleExceptionsParams {
    /// Sets the number of features.
    pub fn with_dim(mut self, dim: usize) -> Self {
        self.dim = dim;
        self
    }

    /// Sets the number of classes.
    pub fn with_n_classes(mut self, n_classes: usize) -> Self {
        self.n_classes = n_classes;
        self
    }

    /// Sets the share of exceptions.
    pub fn with_exception_share(mut self, exception_share: f64) -> Self {
        self.exception_share = exception_share;
        self
    }

    /// Sets the number of clusters.
    pub fn with_n_clusters(mut self, n_clusters: usize) -> Self {
        self.n_clusters = n_clusters;
        self
    }

    /// Sets the spread of a cluster.
    pub fn with_cluster_sd(mut self, cluster_sd: f64) -> Self {
        self.cluster_sd = cluster_sd;
        self
    }

    /// Sets the spread of the centres.
    pub fn with_centre_sd(mut self, centre_sd: f64) -> Self {
        self.centre_sd = centre_sd;
        self
    }

    /// Sets the exponent of the cluster weights.
    pub fn with_zipf_exponent(mut self, zipf_exponent: f64) -> Self {
        self.zipf_exponent = zipf_exponent;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`DataError::Param`] unless `dim` and `n_clusters` are at least 1, `n_classes` at least 2, `exception_share` in
    /// `[0, 1]`, the deviations finite and positive, and the exponent finite and not negative.
    pub fn validate(&self) -> Result<(), DataError> {
        check_count("dim", self.dim, 1)?;
        check_count("n_classes", self.n_classes, 2)?;
        let share = self.exception_share;
        require((0.0..=1.0).contains(&share), "exception_share", share, "in [0, 1]")?;
        check_count("n_clusters", self.n_clusters, 1)?;
        check_positive("cluster_sd", self.cluster_sd)?;
        check_positive("centre_sd", self.centre_sd)?;
        check_not_negative("zipf_exponent", self.zipf_exponent)
    }
}

/// The rule and the clusters, drawn once; every sample shares them.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_data::{noise::SymmetricNoise, synthetic::{RuleExceptions, RuleExceptionsParams}};
///
/// let seed = Seed::new(7);
/// let world = RuleExceptions::new(RuleExceptionsParams::default(), seed)?;
/// let train = world.sample(4_000, seed.named("train"))?;
/// let test = world.sample(1_000, seed.named("test"))?;
/// assert_eq!(train.n_exceptions(), 1_000);
/// assert_eq!(test.table.x.dim(), (1_000, 24));
/// let noisy = SymmetricNoise::default().with_rate(0.15).apply(&train.table.labels, 10, seed)?;
/// assert_eq!(noisy.n_flipped(), 600);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RuleExceptions {
    params: RuleExceptionsParams,
    rule: Array2<f64>,
    clusters: Clusters,
}

/// Points with what is known about each.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleExceptionsSample {
    /// Features `[n, d]` and labels.
    pub table: Table,
    /// For an exception its cluster, for a point that follows the rule `None`.
    pub cluster: Vec<Option<usize>>,
}

impl RuleExceptionsSample {
    /// Whether row `i` is an exception, for every row.
    pub fn exceptions(&self) -> Vec<bool> {
        self.cluster.iter().map(Option::is_some).collect()
    }

    /// How many rows are exceptions.
    pub fn n_exceptions(&self) -> usize {
        self.cluster.iter().flatten().count()
    }
}

impl RuleExceptions {
    /// Draws `W`, the centres and the labels of the clusters.
    ///
    /// # Errors
    /// As [`RuleExceptionsParams::validate`].
    pub fn new(params: RuleExceptionsParams, seed: Seed) -> Result<Self, DataError> {
        params.validate()?;
        let shape = ClusterShape {
            n_clusters: params.n_clusters,
            dim: params.dim,
            n_classes: params.n_classes,
            centre_sd: params.centre_sd,
            sd: params.cluster_sd,
            zipf_exponent: params.zipf_exponent,
        };
        let seed = seed.named("rule-exceptions");
        let rule = normal_matrix(params.n_classes, params.dim, 1.0, &mut seed.named("rule").rng());
        Ok(Self { rule, clusters: Clusters::new(&shape, seed), params })
    }

    /// The parameters it was drawn from.
    pub fn params(&self) -> &RuleExceptionsParams {
        &self.params
    }

    /// The label that the rule gives, `argmax(W x)`.
    ///
    /// # Errors
    /// [`DataError::Shape`] unless `x` has `dim` features.
    pub fn rule(&self, x: ArrayView1<f32>) -> Result<usize, DataError> {
        if x.len() != self.params.dim {
            return Err(DataError::Shape { what: "x", expected: vec![self.params.dim], found: vec![x.len()] });
        }
        Ok(self.apply_rule(&x.mapv(f64::from)))
    }

    fn apply_rule(&self, x: &Array1<f64>) -> usize {
        let scores = self.rule.dot(x);
        let mut best = 0;
        for (class, score) in scores.iter().enumerate() {
            if *score > scores[best] {
                best = class;
            }
        }
        best
    }

    /// Draws `n` points of which exactly `round(exception_share * n)`, in random places, are exceptions.
    ///
    /// # Errors
    /// [`DataError::Param`] if `n` is 0.
    pub fn sample(&self, n: usize, seed: Seed) -> Result<RuleExceptionsSample, DataError> {
        check_count("n", n, 1)?;
        let mut rng = seed.named("rule-exceptions-sample").rng();
        let n_exceptions = ((self.params.exception_share * n as f64).round() as usize).min(n);
        let mut is_exception = vec![false; n];
        index::sample(&mut rng, n, n_exceptions).iter().for_each(|row| is_exception[row] = true);
        let mut x = Array2::zeros((n, self.params.dim));
        let (mut labels, mut cluster) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for (mut row, exception) in x.rows_mut().into_iter().zip(is_exception) {
            if exception {
                let chosen = self.clusters.sample_into(row.iter_mut(), &mut rng);
                labels.push(self.clusters.labels[chosen]);
                cluster.push(Some(chosen));
            } else {
                row.mapv_inplace(|_| normal(&mut rng) as f32);
                // The rule sees the stored single-precision point, so that it holds without exception.
                labels.push(self.apply_rule(&row.mapv(f64::from)));
                cluster.push(None);
            }
        }
        Ok(RuleExceptionsSample { table: Table::new(x, labels, self.params.n_classes)?, cluster })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_error() {
        let base = RuleExceptionsParams::default();
        let message = |p: RuleExceptionsParams| RuleExceptions::new(p, Seed::new(0)).unwrap_err().to_string();
        assert_eq!(message(base.clone().with_dim(0)), "dim = 0: at least 1");
        assert_eq!(message(base.clone().with_n_classes(1)), "n_classes = 1: at least 2");
        assert_eq!(message(base.clone().with_exception_share(1.5)), "exception_share = 1.5: in [0, 1]");
        assert_eq!(message(base.clone().with_n_clusters(0)), "n_clusters = 0: at least 1");
        assert_eq!(message(base.clone().with_cluster_sd(0.0)), "cluster_sd = 0: finite and positive");
        assert_eq!(message(base.clone().with_centre_sd(f64::NAN)), "centre_sd = NaN: finite and positive");
        assert_eq!(message(base.clone().with_zipf_exponent(-1.0)), "zipf_exponent = -1: finite and not negative");
        let world = RuleExceptions::new(base, Seed::new(0)).unwrap();
        assert_eq!(world.sample(0, Seed::new(0)).unwrap_err().to_string(), "n = 0: at least 1");
        assert!(world.rule(ArrayView1::from(&[0.0; 3])).unwrap_err().to_string().contains("expected shape [24]"));
    }

    #[test]
    fn counts_labels_and_moments_are_as_stated() {
        let world = RuleExceptions::new(RuleExceptionsParams::default(), Seed::new(1)).unwrap();
        let n = 8_000;
        let sample = world.sample(n, Seed::new(2)).unwrap();
        assert_eq!(sample.n_exceptions(), n / 4);
        let (mut rule_values, mut cluster_values) = (Vec::new(), Vec::new());
        for (i, row) in sample.table.x.rows().into_iter().enumerate() {
            match sample.cluster[i] {
                None => {
                    assert_eq!(sample.table.labels[i], world.rule(row).unwrap());
                    rule_values.extend(row.iter().map(|&v| f64::from(v)));
                }
                Some(j) => {
                    assert_eq!(sample.table.labels[i], world.clusters.labels[j]);
                    cluster_values
                        .extend(row.iter().zip(world.clusters.centres.row(j)).map(|(&v, c)| f64::from(v) - c));
                }
            }
        }
        // A normal sample's mean has deviation sd / sqrt(n), its variance relative deviation sqrt(2 / n).
        for (values, sd) in [(rule_values, 1.0), (cluster_values, 0.25)] {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|v| v * v).sum::<f64>() / n;
            assert!(mean.abs() < 4.0 * sd / n.sqrt(), "mean {mean}");
            assert!((variance / (sd * sd) - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "variance {variance}");
        }
        let first = sample.cluster.iter().filter(|c| **c == Some(0)).count() as f64;
        let (m, p) = ((n / 4) as f64, world.clusters.weights[0]);
        let harmonic: f64 = (1..=150).map(|j| 1.0 / f64::from(j)).sum();
        assert!((p - 1.0 / harmonic).abs() < 1e-12);
        assert!((first - m * p).abs() < 4.0 * (m * p * (1.0 - p)).sqrt(), "{first} of {}", m * p);
    }

    #[test]
    fn splits_share_the_world_and_seeds_decide_everything() {
        let params = RuleExceptionsParams::default().with_dim(5).with_n_clusters(7);
        let world = RuleExceptions::new(params.clone(), Seed::new(1)).unwrap();
        let again = RuleExceptions::new(params.clone(), Seed::new(1)).unwrap();
        let a = world.sample(50, Seed::new(2)).unwrap();
        assert_eq!(a, again.sample(50, Seed::new(2)).unwrap());
        assert_ne!(a, world.sample(50, Seed::new(3)).unwrap());
        assert_ne!(a, RuleExceptions::new(params, Seed::new(4)).unwrap().sample(50, Seed::new(2)).unwrap());
    }
}
