//! The noise of some points, dealt out or drawn.

use super::sample::LogitSample;
use crate::error::{AnalysisError, require};
use ndarray::Array3;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use serde::Serialize;
use std::sync::OnceLock;
use tenfold_core_tensor::seed::{Rng, Seed};

/// Ranks whose noise may depend on each other in normal noise.
const TOGETHER: usize = 16;

/// How the noise of an ensemble is drawn that knows nothing of the points.
///
/// With `m_i` the mean over the N models of a point's logits, each model's differ from it by `r_ti = z_ti - m_i`. All drawn
/// ensembles keep `m_i`. Classes are told apart by their rank at the point: the label first, the others by descending mean logit; it is
/// the runner-up's noise that makes a model wrong, and it need not be that of a class far behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// `m_i + r_tj`, rank by rank: a point gets the noise of another, of all models together, as a permutation deals it out. Whatever law
    /// it has, and however much its size differs from point to point, it stays; only whose it was is lost.
    Dealt,
    /// Normal noise of one law for all points, independent over models: the covariance of the first ranks, and the variance of each
    /// further one, are those of the points' own noise on average. The null of one size, for any number of classes.
    Normal,
}

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
    /// Found once, however many ensembles are drawn.
    ///
    /// # Errors
    /// As [`LogitSample::ensemble`].
    pub(crate) fn of(sample: &'a LogitSample, points: &[usize], without: Option<usize>) -> Result<Self, AnalysisError> {
        require(!points.is_empty(), "points", 0, "the noise needs at least one")?;
        let places = points.iter().map(|&point| sample.place(point)).collect::<Result<Vec<usize>, _>>()?;
        let left: Vec<usize> = (0..sample.models).filter(|t| Some(*t) != without).collect();
        require(left.len() >= 2, "models", left.len(), "noise needs at least 2")?;
        let means = sample.means(&places, &left);
        let ranks = sample.ranks(&places, &means);
        Ok(Self { sample, places, left, means, ranks, normal: OnceLock::new() })
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

impl LogitSample {
    /// An ensemble drawn for some of the points that are kept: logits `[N, points, C]` and the points' labels. Noise comes from these
    /// points alone.
    ///
    /// `without` leaves a model out, of the means, of the noise and of the ensemble, and changes nothing else that is drawn: what
    /// the jackknife needs. Then there are N - 1 models.
    ///
    /// # Errors
    /// A point that is not kept, no points, or fewer than two models left.
    pub fn ensemble(
        &self,
        points: &[usize],
        noise: Noise,
        without: Option<usize>,
        seed: Seed,
    ) -> Result<(Array3<f32>, Vec<usize>), AnalysisError> {
        let law = Law::of(self, points, without)?;
        Ok((law.draw(noise, seed), law.labels()))
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
    use crate::predictions::Scale;
    use rand_distr::{Distribution, StandardNormal};
    use tenfold_core_tensor::stats::variance;

    fn logits(models: usize, points: usize) -> (Array3<f32>, Vec<usize>) {
        let mut rng = Seed::new(5).rng();
        let noise = |i: usize| if i.is_multiple_of(2) { 0.5 } else { 1.5 };
        let z = Array3::from_shape_fn((models, points, 3), |(_, i, k)| {
            let drawn: f32 = StandardNormal.sample(&mut rng);
            noise(i) * drawn + if k == i % 3 { 4.0 } else { 0.0 }
        });
        (z, (0..points).map(|i| i % 3).collect())
    }

    /// Variance over models of each point's difference between the label's logit and the next class's.
    fn noise_of(z: &Array3<f32>, labels: &[usize]) -> Vec<f64> {
        let of = |i: usize| {
            let at = |t: usize| f64::from(z[[t, i, labels[i]]] - z[[t, i, (labels[i] + 1) % 3]]);
            tenfold_core_tensor::stats::variance(&(0..z.dim().0).map(at).collect::<Vec<_>>())
        };
        (0..labels.len()).map(of).collect()
    }

    #[test]
    fn dealt_noise_is_that_of_another_point_and_normal_noise_has_one_size() {
        let (z, labels) = logits(30, 400);
        let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
        let points: Vec<usize> = (0..400).collect();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let odd = |v: &[f64]| mean(&v.iter().skip(1).step_by(2).copied().collect::<Vec<_>>());
        let before = noise_of(&z, &labels);
        assert!((mean(&before) - 2.5).abs() < 0.2 && (odd(&before) - 4.5).abs() < 0.3);
        for noise in [Noise::Dealt, Noise::Normal] {
            let (drawn, of) = sample.ensemble(&points, noise, None, Seed::new(2)).unwrap();
            assert_eq!(of, labels);
            let after = noise_of(&drawn, &labels);
            // As much in all, and nothing is left of who had more.
            assert!((mean(&after) - mean(&before)).abs() < 0.2 && (odd(&after) - 2.5).abs() < 0.4, "{noise:?}");
            let spread = variance(&after).sqrt() / mean(&after);
            assert!(if noise == Noise::Dealt { spread > 0.7 } else { spread < 0.4 }, "{noise:?}: {spread}");
            let means = |z: &Array3<f32>, i: usize, k: usize| z.slice(ndarray::s![.., i, k]).mean().unwrap();
            let ahead = |z: &Array3<f32>, i: usize| means(z, i, labels[i]) - means(z, i, (labels[i] + 1) % 3);
            let moved = |i: usize| (ahead(&z, i) - ahead(&drawn, i)).abs();
            let moved = (0..400).map(moved).fold(0.0, f32::max);
            assert!(moved < 1e-5, "{noise:?}: {moved}");
        }
    }

    #[test]
    fn leaving_a_model_out_changes_little_else() {
        let (z, labels) = logits(10, 50);
        let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
        let points: Vec<usize> = (0..50).step_by(2).collect();
        for noise in [Noise::Dealt, Noise::Normal] {
            let draw = |without| sample.ensemble(&points, noise, without, Seed::new(2)).unwrap().0;
            let (whole, without) = (draw(None), draw(Some(3)));
            assert_eq!((whole.dim().0, without.dim().0), (10, 9));
            for (all, left) in [(0, 0), (9, 8)] {
                let (a, b) = (whole.slice(ndarray::s![all, .., ..]), without.slice(ndarray::s![left, .., ..]));
                let moved = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / 75.0;
                assert!(moved < 0.25, "{noise:?}: {moved}");
            }
            assert_eq!(draw(Some(3)), without);
        }
    }

    #[test]
    fn the_runner_up_keeps_its_noise() {
        // The label and the class behind it have little noise that they share in part, the others much.
        let mut rng = Seed::new(3).rng();
        let mut draw = || -> f32 { StandardNormal.sample(&mut rng) };
        let (models, points, classes) = (20, 500, 6);
        let mut z = Array3::<f32>::zeros((models, points, classes));
        for (t, i) in (0..models).flat_map(|t| (0..points).map(move |i| (t, i))) {
            let (label, next, shared) = (i % classes, (i / 7 + i + 1) % classes, draw());
            for k in 0..classes {
                z[[t, i, k]] = match k {
                    _ if k == label => 5.0 + 0.5 * draw() + 0.5 * shared,
                    _ if k == next => 3.0 + 0.5 * draw() + 0.5 * shared,
                    _ => 1.5 * draw() - 4.0,
                };
            }
        }
        let labels: Vec<usize> = (0..points).map(|i| i % classes).collect();
        let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
        let all: Vec<usize> = (0..points).filter(|i| (i / 7 + i + 1) % classes != i % classes).collect();
        let margin = |z: &Array3<f32>, at: usize, i: usize| {
            let next = (i / 7 + i + 1) % classes;
            let of = |t: usize| f64::from(z[[t, at, labels[i]]] - z[[t, at, next]]);
            variance(&(0..models).map(of).collect::<Vec<_>>())
        };
        let mean = |z: &Array3<f32>, whole: bool| {
            let of = |(at, &i): (usize, &usize)| margin(z, if whole { i } else { at }, i);
            all.iter().enumerate().map(of).sum::<f64>() / all.len() as f64
        };
        assert!((mean(&z, true) - 0.5).abs() < 0.03, "{}", mean(&z, true));
        for noise in [Noise::Dealt, Noise::Normal] {
            let (drawn, _) = sample.ensemble(&all, noise, None, Seed::new(2)).unwrap();
            assert!((mean(&drawn, false) - 0.5).abs() < 0.06, "{noise:?}: {}", mean(&drawn, false));
        }
    }

    #[test]
    fn what_is_added_to_all_classes_is_no_noise() {
        let (z, labels) = logits(6, 40);
        let shifted = Array3::from_shape_fn(z.dim(), |(t, i, k)| z[[t, i, k]] + ((t * 7 + i) % 5) as f32);
        let drawn = |z: &Array3<f32>, noise| {
            let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
            sample.ensemble(sample.points(), noise, None, Seed::new(1)).unwrap().0
        };
        for noise in [Noise::Dealt, Noise::Normal] {
            let (a, b) = (drawn(&z, noise), drawn(&shifted, noise));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-3), "{noise:?}");
        }
    }

    #[test]
    fn rules_are_named() {
        let (z, labels) = logits(2, 4);
        let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
        let fails = |points: &[usize], without, text: &str| {
            let error = sample.ensemble(points, Noise::Dealt, without, Seed::new(0)).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        };
        fails(&[], None, "points = 0: the noise needs");
        fails(&[7], None, "point = 7: is not among");
        fails(&[1], Some(0), "models = 1: noise needs at least 2");
    }

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
