//! The noise of some points, dealt out or drawn.

use crate::sample::{LogitSample, Noise};
use ndarray::Array3;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use std::sync::OnceLock;
use tenfold_core_tensor::seed::{Rng, Seed};

/// Ranks whose noise may depend on each other in normal noise.
const TOGETHER: usize = 16;

/// What all ensembles of some points of a sample, and of some models, have in common.
pub(crate) struct Law<'a> {
    sample: &'a LogitSample,
    /// Where the points are kept.
    places: Vec<usize>,
    /// The models that are left.
    left: Vec<usize>,
    /// Mean logits, points of classes.
    means: Vec<f32>,
    /// The classes of each point by rank, points of classes.
    ranks: Vec<usize>,
    /// Found where it is first asked for.
    normal: OnceLock<Normal>,
}

/// Normal noise of one law.
struct Normal {
    /// A root of the covariance of the first ranks, rows of a square.
    root: Vec<f32>,
    /// The standard deviation of every rank.
    sizes: Vec<f32>,
}

impl<'a> Law<'a> {
    pub(crate) fn new(
        sample: &'a LogitSample,
        places: Vec<usize>,
        left: Vec<usize>,
        means: Vec<f32>,
        ranks: Vec<usize>,
    ) -> Self {
        Self { sample, places, left, means, ranks, normal: OnceLock::new() }
    }

    /// The points' labels.
    pub(crate) fn labels(&self) -> Vec<usize> {
        self.places.iter().map(|&i| self.sample.labels[i]).collect()
    }

    /// Logits of an ensemble, `[N, points, C]`.
    pub(crate) fn draw(&self, noise: Noise, seed: Seed) -> Array3<f32> {
        let (models, points, classes) = (self.left.len(), self.places.len(), self.sample.classes);
        let mut values = vec![0.0; models * points * classes];
        let rng = seed.named("null").rng();
        match noise {
            Noise::Dealt => self.deal(rng, &mut values),
            Noise::Normal => self.add_normal(rng, &mut values),
        }
        Array3::from_shape_vec((models, points, classes), values).expect("a row for each")
    }

    /// Noise of other points.
    fn deal(&self, mut rng: Rng, to: &mut [f32]) {
        let (classes, Self { places, means, ranks, .. }) = (self.sample.classes, self);
        let mut from: Vec<usize> = (0..places.len()).collect();
        from.shuffle(&mut rng);
        let mut rows = to.chunks_exact_mut(classes);
        for &t in &self.left {
            for ((i, &j), row) in from.iter().enumerate().zip(&mut rows) {
                let (z, centre) = (self.sample.row(places[j], t), &means[j * classes..][..classes]);
                let own = &means[i * classes..][..classes];
                let of_both = ranks[i * classes..][..classes].iter().zip(&ranks[j * classes..][..classes]);
                for (&here, &there) in of_both {
                    row[here] = own[here] + (z[there] - centre[there]);
                }
            }
        }
    }

    /// Normal noise of one law.
    fn add_normal(&self, mut rng: Rng, to: &mut [f32]) {
        let (classes, n, means) = (self.sample.classes, self.left.len() as f64, &self.means);
        let Normal { root, sizes } = self.normal.get_or_init(|| self.normal());
        let together = classes.min(TOGETHER);
        let mut rows = to.chunks_exact_mut(means.len());
        let mut e = vec![0.0_f32; classes];
        for t in 0..self.sample.models {
            // Drawn for a model that is left out too, so that leaving it out changes nothing of the others.
            let mut rng_of_model = Seed::new(rng.random()).rng();
            if !self.left.contains(&t) {
                continue;
            }
            let row = rows.next().expect("as many rows as models that are left");
            for (to, ranks) in row.chunks_exact_mut(classes).zip(self.ranks.chunks_exact(classes)) {
                e.fill_with(|| StandardNormal.sample(&mut rng_of_model));
                for (k, &class) in ranks.iter().enumerate() {
                    to[class] = match root.get(k * together..(k + 1) * together) {
                        Some(root) => root[..=k].iter().zip(&e).map(|(root, e)| root * e).sum(),
                        None => sizes[k] * e[k],
                    };
                }
            }
        }
        // As the models' own: about a mean that is theirs.
        let wider = (n / (n - 1.0)).sqrt() as f32;
        for (at, m) in means.iter().enumerate() {
            let centre = to[at..].iter().step_by(means.len()).sum::<f32>() / n as f32;
            to[at..].iter_mut().step_by(means.len()).for_each(|z| *z = m + wider * (*z - centre));
        }
    }

    /// The law of the points' own noise, by rank.
    fn normal(&self) -> Normal {
        let classes = self.sample.classes;
        let together = classes.min(TOGETHER);
        let (mut covariance, mut squares) = (vec![0.0; together * together], vec![0.0; classes]);
        let mut r = vec![0.0; classes];
        for (i, &place) in self.places.iter().enumerate() {
            for &t in &self.left {
                let (z, centre) = (self.sample.row(place, t), &self.means[i * classes..][..classes]);
                for (r, &class) in r.iter_mut().zip(&self.ranks[i * classes..][..classes]) {
                    *r = f64::from(z[class] - centre[class]);
                }
                for (row, a) in covariance.chunks_exact_mut(together).zip(&r) {
                    row.iter_mut().zip(&r).for_each(|(sum, b)| *sum += a * b);
                }
                squares.iter_mut().zip(&r).for_each(|(sum, r)| *sum += r * r);
            }
        }
        let degrees = self.places.len() as f64 * (self.left.len() - 1) as f64;
        covariance.iter_mut().for_each(|sum| *sum /= degrees);
        let sizes = squares.iter().map(|sum| (sum / degrees).sqrt() as f32).collect();
        Normal { root: root(covariance, together), sizes }
    }
}

/// A lower triangle whose product with its transpose is a covariance, rows of a square. Directions without variance stay without.
fn root(mut a: Vec<f64>, size: usize) -> Vec<f32> {
    for k in 0..size {
        for i in 0..=k {
            let product: f64 = (0..i).map(|j| a[k * size + j] * a[i * size + j]).sum();
            let left = a[k * size + i] - product;
            // What rounding leaves of nothing is nothing.
            let scale = a[i * size + i];
            a[k * size + i] = match (i == k, i == k && left <= 1e-12 * a[k * size + k].abs(), scale > 0.0) {
                (true, true, _) => 0.0,
                (true, false, _) => left.sqrt(),
                (false, _, true) => left / scale,
                (false, ..) => 0.0,
            };
        }
    }
    a.into_iter().map(|v| v as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_one() {
        let covariance = vec![4.0, 2.0, 2.0, 2.0, 5.0, 1.0, 2.0, 1.0, 1.0];
        let l = root(covariance.clone(), 3);
        for (k, i) in (0..3).flat_map(|k| (0..=k).map(move |i| (k, i))) {
            let product: f32 = (0..=i).map(|j| l[k * 3 + j] * l[i * 3 + j]).sum();
            assert!((f64::from(product) - covariance[k * 3 + i]).abs() < 1e-6, "{l:?}");
        }
        // One direction alone.
        assert_eq!(root(vec![1.0, 1.0, 1.0, 1.0], 2), [1.0, 1.0, 1.0, 0.0]);
    }
}
