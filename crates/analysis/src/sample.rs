//! What all models say of some of the points, and ensembles that noise makes of it.

use crate::block::Block;
use crate::error::{AnalysisError, require};
use crate::law::Law;
use crate::pass::{PerPoint, add};
use crate::row::OneByOne;
use crate::scale::Scale;
use ndarray::{Array3, ArrayView3};
use rand::seq::index::sample;
use serde::Serialize;
use tenfold_core_tensor::ops::softmax::log_sum_exp;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::variance;

/// Points that are kept at most.
const MOST: usize = 2_000;
/// Points that are kept at least, where there are as many.
const LEAST: usize = 200;
/// Numbers that are kept at most, but for the least of points: an ensemble is drawn thousands of times.
const NUMBERS: usize = 1 << 21;

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
    /// further one, are those of the points' own noise on average. The null of the specification's section 5, for any number of classes.
    Normal,
}

/// What all models say of some of the points: at most 2,000 drawn at random, fewer with many classes, or all where there are no more.
/// [`ensemble`](Self::ensemble) draws from it what [`Null`](crate::Null) compares with.
///
/// Logits are kept divided by their temperature, probabilities as logarithms, each row about its mean over classes. Of a probability of zero, which is one that was rounded
/// away, the logarithm is not known; points that have one are no part of a null.
///
/// ```
/// use ndarray::Array3;
/// use tenfold_analysis::{LogitSample, Noise, Scale};
/// use tenfold_core_tensor::seed::Seed;
/// let z = Array3::from_shape_fn((4, 10, 3), |(t, i, k)| if k == i % 3 { 2.0 } else { (t * k) as f32 / 10.0 });
/// let labels: Vec<usize> = (0..10).map(|i| i % 3).collect();
/// let sample = LogitSample::of(z.view(), &labels, Scale::logits())?;
/// assert_eq!(sample.points(), (0..10).collect::<Vec<_>>());
/// let (drawn, of) = sample.ensemble(&[0, 3, 6], Noise::Dealt, None, Seed::new(1))?;
/// assert_eq!((drawn.dim(), of.as_slice()), ((4, 3, 3), &[0, 0, 0][..]));
/// # Ok::<(), tenfold_analysis::AnalysisError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LogitSample {
    scale: Scale,
    pub(crate) models: usize,
    pub(crate) classes: usize,
    /// The points that are to be kept, ascending.
    wanted: Vec<usize>,
    /// Those that are, ascending.
    points: Vec<usize>,
    pub(crate) labels: Vec<usize>,
    /// Whether all logarithms are known.
    known: Vec<bool>,
    /// Points of models of classes.
    logits: Vec<f32>,
}

impl LogitSample {
    /// Of so many points, without any yet.
    ///
    /// # Errors
    /// Fewer than two models or classes, a scale that breaks its rule.
    pub fn new(points: usize, models: usize, classes: usize, scale: Scale) -> Result<Self, AnalysisError> {
        require(models >= 2, "models", models, "must be at least 2: the noise of one model is undefined")?;
        require(classes >= 2, "classes", classes, "must be at least 2")?;
        scale.validate()?;
        let most = (NUMBERS / (models * classes)).clamp(LEAST, MOST);
        let mut wanted: Vec<usize> = (0..points).collect();
        if points > most {
            wanted = sample(&mut Seed::new(0).named("null-sample").rng(), points, most).into_vec();
            wanted.sort_unstable();
        }
        let (points, labels, known, logits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Ok(Self { scale, models, classes, wanted, points, labels, known, logits })
    }

    /// Of an array `[N models, n points, C classes]`.
    ///
    /// # Errors
    /// As [`new`](Self::new) and [`Decomposition::add`](crate::Decomposition::add).
    pub fn of(predictions: ArrayView3<f32>, labels: &[usize], scale: Scale) -> Result<Self, AnalysisError> {
        let (models, points, classes) = predictions.dim();
        let mut sample = Self::new(points, models, classes, scale)?;
        add(&mut sample, predictions, labels, 0)?;
        Ok(sample)
    }

    /// The points that are kept, ascending.
    pub fn points(&self) -> &[usize] {
        &self.points
    }

    /// N.
    pub fn models(&self) -> usize {
        self.models
    }

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
        let law = self.law(points, without)?;
        Ok((law.draw(noise, seed), law.labels()))
    }

    /// What all ensembles of some points have in common: found once, however many are drawn.
    ///
    /// # Errors
    /// As [`ensemble`](Self::ensemble).
    pub(crate) fn law(&self, points: &[usize], without: Option<usize>) -> Result<Law<'_>, AnalysisError> {
        require(!points.is_empty(), "points", 0, "the noise needs at least one")?;
        let places = points.iter().map(|&point| self.place(point)).collect::<Result<Vec<usize>, _>>()?;
        let left: Vec<usize> = (0..self.models).filter(|t| Some(*t) != without).collect();
        require(left.len() >= 2, "models", left.len(), "noise needs at least 2")?;
        let means = self.means(&places, &left);
        let ranks = self.ranks(&places, &means);
        Ok(Law::new(self, places, left, means, ranks))
    }

    /// The classes of each point by rank, points of classes: the label first, then by descending mean logit.
    fn ranks(&self, places: &[usize], means: &[f32]) -> Vec<usize> {
        let mut ranks = Vec::with_capacity(means.len());
        for (&place, means) in places.iter().zip(means.chunks_exact(self.classes)) {
            let from = ranks.len();
            ranks.extend(0..self.classes);
            let label = self.labels[place];
            ranks[from..].sort_by(|&a, &b| (b == label).cmp(&(a == label)).then(means[b].total_cmp(&means[a])));
        }
        ranks
    }

    /// Whether a point is kept, and every model's logits of it are known.
    pub(crate) fn knows(&self, point: usize) -> bool {
        self.place(point).is_ok_and(|i| self.known[i])
    }

    /// Variance over models (with N - 1) of the margin `log p_y - log (1 - p_y)` of a point that is kept.
    pub(crate) fn margin_variance(&self, point: usize) -> Result<f64, AnalysisError> {
        let i = self.place(point)?;
        let margin = |t: usize| {
            let others = self.row(i, t).iter().enumerate().filter(|(k, _)| *k != self.labels[i]);
            f64::from(self.row(i, t)[self.labels[i]])
                - log_sum_exp(&others.map(|(_, z)| f64::from(*z)).collect::<Vec<_>>())
        };
        Ok(variance(&(0..self.models).map(margin).collect::<Vec<_>>()))
    }

    /// Where a point is kept.
    fn place(&self, point: usize) -> Result<usize, AnalysisError> {
        let found = self.points.binary_search(&point);
        found.or_else(|_| require(false, "point", point, "is not among those of the sample").map(|()| 0))
    }

    /// What a model says of the i-th point that is kept.
    pub(crate) fn row(&self, i: usize, t: usize) -> &[f32] {
        &self.logits[(i * self.models + t) * self.classes..][..self.classes]
    }

    /// Means over some models, points of classes.
    fn means(&self, places: &[usize], models: &[usize]) -> Vec<f32> {
        let mut means = Vec::with_capacity(places.len() * self.classes);
        let mut sums = vec![0.0_f64; self.classes];
        for &i in places {
            sums.fill(0.0);
            for &t in models {
                sums.iter_mut().zip(self.row(i, t)).for_each(|(sum, z)| *sum += f64::from(*z));
            }
            means.extend(sums.iter().map(|sum| (sum / models.len() as f64) as f32));
        }
        means
    }
}

impl PerPoint for LogitSample {
    /// Number and label of points, whether their logits are known, and those.
    type Found = (Vec<usize>, Vec<usize>, Vec<bool>, Vec<f32>);

    fn find(&self, block: &Block) -> Result<Self::Found, AnalysisError> {
        block.require(self.models, self.classes)?;
        let kept: Vec<usize> =
            (0..block.len()).filter(|&i| self.wanted.binary_search(&block.number(i)).is_ok()).collect();
        let mut known = Vec::with_capacity(kept.len());
        let mut logits = Vec::with_capacity(kept.len() * self.models * self.classes);
        let (mut rows, mut errors) = (OneByOne::default(), vec![0.0; self.classes]);
        for &i in &kept {
            for t in 0..self.models {
                let row = block.row(t, i);
                // Refuses what the decompositions refuse.
                rows.errors_of(self.scale, row, block.label(i), &mut errors, [t, block.number(i)])?;
                match self.scale {
                    Scale::Logits { temperature } => logits.extend(row.iter().map(|z| z / temperature as f32)),
                    Scale::Probabilities { .. } => logits.extend(row.iter().map(|p| f64::from(*p).ln() as f32)),
                }
                // What a model adds to all classes says nothing, and is no noise.
                let from = logits.len() - self.classes;
                let mean = logits[from..].iter().map(|z| f64::from(*z)).sum::<f64>() / self.classes as f64;
                if mean.is_finite() {
                    logits[from..].iter_mut().for_each(|z| *z -= mean as f32);
                }
            }
            let of_point = logits.len() - self.models * self.classes;
            known.push(logits[of_point..].iter().all(|log: &f32| log.is_finite()));
        }
        let of = |what: &dyn Fn(usize) -> usize| kept.iter().map(|&i| what(i)).collect::<Vec<usize>>();
        Ok((of(&|i| block.number(i)), of(&|i| block.label(i)), known, logits))
    }

    fn keep(&mut self, (points, labels, known, logits): Self::Found) {
        self.points.extend(points);
        self.labels.extend(labels);
        self.known.extend(known);
        self.logits.extend(logits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, StandardNormal};

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
    fn many_points_are_thinned_and_rules_are_named() {
        let kept = |models, classes| {
            let wanted = LogitSample::new(50_000, models, classes, Scale::logits()).unwrap().wanted;
            assert!(wanted.is_sorted_by(|a, b| a < b) && wanted.last().is_some_and(|last| *last < 50_000));
            wanted.len()
        };
        assert_eq!([kept(20, 10), kept(50, 100), kept(50, 10_000)], [2_000, 419, 200]);
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
}
