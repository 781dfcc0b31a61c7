//! Tight labelled clusters with Zipf weights: the exceptions of one set and the whole of another.

use super::{normal, normal_matrix};
use crate::noise::draw;
use ndarray::Array2;
use rand::RngExt;
use tenfold_core_tensor::seed::{Rng, Seed};

/// Cluster `j` (from 0) is chosen with weight `(j + 1)^-s`; its points are `centre_j + sd * N(0, I)`, its label is one
/// uniform draw.
#[derive(Clone, Debug)]
pub(super) struct Clusters {
    pub(super) centres: Array2<f64>,
    pub(super) labels: Vec<usize>,
    pub(super) weights: Vec<f64>,
    pub(super) sd: f64,
}

pub(super) struct ClusterShape {
    pub(super) n_clusters: usize,
    pub(super) dim: usize,
    pub(super) n_classes: usize,
    pub(super) centre_sd: f64,
    pub(super) sd: f64,
    pub(super) zipf_exponent: f64,
}

impl Clusters {
    pub(super) fn new(shape: &ClusterShape, seed: Seed) -> Self {
        let centres = normal_matrix(shape.n_clusters, shape.dim, shape.centre_sd, &mut seed.named("centres").rng());
        let mut rng = seed.named("cluster-labels").rng();
        let labels = (0..shape.n_clusters).map(|_| rng.random_range(0..shape.n_classes)).collect();
        let raw: Vec<f64> = (1..=shape.n_clusters).map(|j| (j as f64).powf(-shape.zipf_exponent)).collect();
        let total: f64 = raw.iter().sum();
        Self { centres, labels, weights: raw.into_iter().map(|w| w / total).collect(), sd: shape.sd }
    }

    /// Fills one row with a point and returns its cluster.
    pub(super) fn sample_into<'a>(&self, row: impl Iterator<Item = &'a mut f32>, rng: &mut Rng) -> usize {
        let cluster = draw(self.weights.iter().copied(), rng);
        for (value, centre) in row.zip(self.centres.row(cluster)) {
            *value = (centre + self.sd * normal(rng)) as f32;
        }
        cluster
    }
}
