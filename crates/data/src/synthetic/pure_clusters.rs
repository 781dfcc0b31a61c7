//! Pure clusters: every point lies in a tight cluster whose label is random, so that there is no rule to learn.
//!
//! A synthetic control, the stated counter-example of the ResMem spec, section 7: on such data nearest neighbours alone
//! win and a residual memory adds nothing to them.

use super::clusters::{ClusterShape, Clusters};
use super::{check_count, check_not_negative, check_positive};
use crate::error::DataError;
use crate::table::Table;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use tenfold_core_tensor::seed::Seed;

/// Parameters of [`PureClusters`].
///
/// Defaults: `dim = 24`, `n_classes = 10`, `n_clusters = 150`, `cluster_sd = 0.25`, `centre_sd = 1`,
/// `zipf_exponent = 1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PureClustersParams {
    /// Number of features, `d`.
    pub dim: usize,
    /// Number of classes, `C`.
    pub n_classes: usize,
    /// Number of clusters.
    pub n_clusters: usize,
    /// Standard deviation of a cluster around its centre, per feature.
    pub cluster_sd: f64,
    /// Standard deviation of the centres around the origin, per feature.
    pub centre_sd: f64,
    /// `s` in the weights `(j + 1)^-s` of the clusters; 0 makes them equal.
    pub zipf_exponent: f64,
}

impl Default for PureClustersParams {
    fn default() -> Self {
        Self { dim: 24, n_classes: 10, n_clusters: 150, cluster_sd: 0.25, centre_sd: 1.0, zipf_exponent: 1.0 }
    }
}

impl PureClustersParams {
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
    /// [`DataError::Param`] unless `dim` and `n_clusters` are at least 1, `n_classes` at least 2, the deviations finite
    /// and positive, and the exponent finite and not negative.
    pub fn validate(&self) -> Result<(), DataError> {
        check_count("dim", self.dim, 1)?;
        check_count("n_classes", self.n_classes, 2)?;
        check_count("n_clusters", self.n_clusters, 1)?;
        check_positive("cluster_sd", self.cluster_sd)?;
        check_positive("centre_sd", self.centre_sd)?;
        check_not_negative("zipf_exponent", self.zipf_exponent)
    }
}

/// The clusters, drawn once; every sample shares them.
///
/// ```
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_data::synthetic::{PureClusters, PureClustersParams};
///
/// let world = PureClusters::new(PureClustersParams::default(), Seed::new(7))?;
/// let train = world.sample(300, Seed::new(7).named("train"))?;
/// assert_eq!(train.table.labels[0], world.labels()[train.cluster[0]]);
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PureClusters {
    params: PureClustersParams,
    clusters: Clusters,
}

/// Points with the cluster of each.
#[derive(Clone, Debug, PartialEq)]
pub struct PureClustersSample {
    /// Features `[n, d]` and labels.
    pub table: Table,
    /// The cluster of each row.
    pub cluster: Vec<usize>,
}

impl PureClusters {
    /// Draws the centres and the labels of the clusters.
    ///
    /// # Errors
    /// As [`PureClustersParams::validate`].
    pub fn new(params: PureClustersParams, seed: Seed) -> Result<Self, DataError> {
        params.validate()?;
        let shape = ClusterShape {
            n_clusters: params.n_clusters,
            dim: params.dim,
            n_classes: params.n_classes,
            centre_sd: params.centre_sd,
            sd: params.cluster_sd,
            zipf_exponent: params.zipf_exponent,
        };
        Ok(Self { clusters: Clusters::new(&shape, seed.named("pure-clusters")), params })
    }

    /// The parameters it was drawn from.
    pub fn params(&self) -> &PureClustersParams {
        &self.params
    }

    /// The label of each cluster.
    pub fn labels(&self) -> &[usize] {
        &self.clusters.labels
    }

    /// The centre of each cluster, `[n_clusters, d]`.
    pub fn centres(&self) -> &Array2<f64> {
        &self.clusters.centres
    }

    /// Draws `n` points.
    ///
    /// # Errors
    /// [`DataError::Param`] if `n` is 0.
    pub fn sample(&self, n: usize, seed: Seed) -> Result<PureClustersSample, DataError> {
        check_count("n", n, 1)?;
        let mut rng = seed.named("pure-clusters-sample").rng();
        let mut x = Array2::zeros((n, self.params.dim));
        let cluster: Vec<usize> =
            x.rows_mut().into_iter().map(|mut row| self.clusters.sample_into(row.iter_mut(), &mut rng)).collect();
        let labels = cluster.iter().map(|&j| self.clusters.labels[j]).collect();
        Ok(PureClustersSample { table: Table::new(x, labels, self.params.n_classes)?, cluster })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_error() {
        let base = PureClustersParams::default();
        let message = |p: PureClustersParams| PureClusters::new(p, Seed::new(0)).unwrap_err().to_string();
        assert_eq!(message(base.clone().with_dim(0)), "dim = 0: at least 1");
        assert_eq!(message(base.clone().with_n_classes(1)), "n_classes = 1: at least 2");
        assert_eq!(message(base.clone().with_n_clusters(0)), "n_clusters = 0: at least 1");
        assert_eq!(message(base.clone().with_cluster_sd(-1.0)), "cluster_sd = -1: finite and positive");
        assert_eq!(message(base.clone().with_centre_sd(0.0)), "centre_sd = 0: finite and positive");
        assert_eq!(
            message(base.clone().with_zipf_exponent(f64::INFINITY)),
            "zipf_exponent = inf: finite and not negative"
        );
        assert!(PureClusters::new(base, Seed::new(0)).unwrap().sample(0, Seed::new(0)).is_err());
    }

    #[test]
    fn the_nearest_centre_gives_the_label() {
        // Centres lie about sqrt(2 d) = 6.9 apart and points sd * sqrt(d) = 1.2 from theirs: no overlap to speak of.
        let world = PureClusters::new(PureClustersParams::default(), Seed::new(5)).unwrap();
        let sample = world.sample(500, Seed::new(6)).unwrap();
        for (i, row) in sample.table.x.rows().into_iter().enumerate() {
            let distance = |j: usize| -> f64 {
                world.centres().row(j).iter().zip(row).map(|(c, &v)| (c - f64::from(v)).powi(2)).sum()
            };
            let nearest = (0..150).min_by(|&a, &b| distance(a).total_cmp(&distance(b))).unwrap();
            assert_eq!(nearest, sample.cluster[i]);
            assert_eq!(world.labels()[nearest], sample.table.labels[i]);
        }
        assert_eq!(sample, world.sample(500, Seed::new(6)).unwrap());
    }

    #[test]
    fn equal_weights_at_exponent_zero() {
        let params = PureClustersParams::default().with_n_clusters(4).with_zipf_exponent(0.0);
        let sample = PureClusters::new(params, Seed::new(5)).unwrap().sample(4_000, Seed::new(6)).unwrap();
        for j in 0..4 {
            let count = sample.cluster.iter().filter(|&&c| c == j).count() as f64;
            assert!((count - 1000.0).abs() < 4.0 * 750.0_f64.sqrt(), "{count}");
        }
    }
}
