//! What all models say of some of the points, and ensembles that noise makes of it.

use crate::block::Block;
use crate::error::{AnalysisError, require};
use crate::kl::LOG_FLOOR;
use crate::pass::{PerPoint, add};
use crate::row::OneByOne;
use crate::scale::Scale;
use ndarray::{Array3, ArrayView3};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use serde::Serialize;
use tenfold_core_tensor::ops::softmax::log_sum_exp;
use tenfold_core_tensor::seed::{Rng, Seed};
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
/// ensembles keep `m_i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// `m_i + r_tj`: a point gets the noise of another, of all models together, as a permutation deals it out. Whatever law it has, and
    /// however much its size differs from point to point, it stays; only whose it was is lost. So that the label's noise stays the
    /// label's, its place and that of the other point's label are exchanged in r.
    Dealt,
    /// `m_i + s e` with independent standard normal e, one size s for all points, models and classes: the null of the
    /// specification's section 5, for any number of classes. `s^2 = C/(C-1)` times the mean variance of the logits over models, after
    /// their mean over classes was taken off.
    Normal,
}

/// What all models say of some of the points: every so many of them, or all where there are at most 2,000, fewer with many classes.
/// [`ensemble`](Self::ensemble) draws from it what [`Null`](crate::Null) compares with.
///
/// Logits are kept divided by their temperature, probabilities as logarithms. A probability of zero, which is one that was rounded
/// away, is taken for the smallest that any model gives that class at the point: any other floor would be noise of its own size. Where
/// all give it zero, there is no noise, and the logarithm is [`LOG_FLOOR`].
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
    models: usize,
    classes: usize,
    /// Every so many points are kept.
    every: usize,
    /// Their numbers, ascending.
    points: Vec<usize>,
    labels: Vec<usize>,
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
        let every = points.div_ceil(most).max(1);
        Ok(Self { scale, models, classes, every, points: Vec::new(), labels: Vec::new(), logits: Vec::new() })
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
        require(!points.is_empty(), "points", 0, "the noise needs at least one")?;
        let places = points.iter().map(|&point| self.place(point)).collect::<Result<Vec<usize>, _>>()?;
        let left: Vec<usize> = (0..self.models).filter(|t| Some(*t) != without).collect();
        require(left.len() >= 2, "models", left.len(), "noise needs at least 2")?;
        let means = self.means(&places, &left);
        let mut values = vec![0.0; left.len() * places.len() * self.classes];
        let rng = seed.named("null").rng();
        match noise {
            Noise::Dealt => self.deal(&places, &left, &means, rng, &mut values),
            Noise::Normal => self.add_normal(&places, &left, &means, rng, &mut values),
        }
        let drawn = Array3::from_shape_vec((left.len(), places.len(), self.classes), values).expect("a row for each");
        Ok((drawn, places.iter().map(|&i| self.labels[i]).collect()))
    }

    /// Noise of other points.
    fn deal(&self, places: &[usize], models: &[usize], means: &[f32], mut rng: Rng, to: &mut [f32]) {
        let classes = self.classes;
        let mut from: Vec<usize> = (0..places.len()).collect();
        from.shuffle(&mut rng);
        let mut rows = to.chunks_exact_mut(classes);
        for &t in models {
            for ((i, &j), row) in from.iter().enumerate().zip(&mut rows) {
                let (label, of_other) = (self.labels[places[i]], self.labels[places[j]]);
                let (z, centre) = (self.row(places[j], t), &means[j * classes..][..classes]);
                let own = &means[i * classes..][..classes];
                for (((to, own), z), centre) in row.iter_mut().zip(own).zip(z).zip(centre) {
                    *to = own + (z - centre);
                }
                if label != of_other {
                    row[label] = own[label] + (z[of_other] - centre[of_other]);
                    row[of_other] = own[of_other] + (z[label] - centre[label]);
                }
            }
        }
    }

    /// Normal noise of one size.
    fn add_normal(&self, places: &[usize], models: &[usize], means: &[f32], mut rng: Rng, to: &mut [f32]) {
        let classes = self.classes;
        let mut squares = 0.0;
        for (&place, centre) in places.iter().zip(means.chunks_exact(classes)) {
            for &t in models {
                let noise = || self.row(place, t).iter().zip(centre).map(|(z, m)| f64::from(z - m));
                let common = noise().sum::<f64>() / classes as f64;
                squares += noise().map(|r| (r - common) * (r - common)).sum::<f64>();
            }
        }
        // N - 1 models' worth of C - 1 classes' worth of noise at every point.
        let degrees = (places.len() * (models.len() - 1) * (classes - 1)) as f64;
        let size = (squares / degrees).sqrt() as f32;
        let mut rows = to.chunks_exact_mut(means.len());
        for t in 0..self.models {
            // Drawn for a model that is left out too, so that leaving it out changes nothing of the others.
            let mut rng_of_model = Seed::new(rng.random()).rng();
            if models.contains(&t) {
                let row = rows.next().expect("as many rows as models that are left");
                for (to, m) in row.iter_mut().zip(means) {
                    let e: f32 = StandardNormal.sample(&mut rng_of_model);
                    *to = m + size * e;
                }
            }
        }
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
    fn row(&self, i: usize, t: usize) -> &[f32] {
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
    /// Number, label and logits of points.
    type Found = (Vec<usize>, Vec<usize>, Vec<f32>);

    fn find(&self, block: &Block) -> Result<Self::Found, AnalysisError> {
        block.require(self.models, self.classes)?;
        let kept: Vec<usize> = (0..block.len()).filter(|&i| block.number(i).is_multiple_of(self.every)).collect();
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
            }
            if let Scale::Probabilities { .. } = self.scale {
                let from = logits.len() - self.models * self.classes;
                raise_zeros(&mut logits[from..], self.classes);
            }
        }
        let of = |what: &dyn Fn(usize) -> usize| kept.iter().map(|&i| what(i)).collect::<Vec<usize>>();
        Ok((of(&|i| block.number(i)), of(&|i| block.label(i)), logits))
    }

    fn keep(&mut self, (points, labels, logits): Self::Found) {
        self.points.extend(points);
        self.labels.extend(labels);
        self.logits.extend(logits);
    }
}

/// Logarithms of zero become the smallest of the same class, models of classes.
fn raise_zeros(logs: &mut [f32], classes: usize) {
    for class in 0..classes {
        let known = logs.iter().skip(class).step_by(classes).filter(|log| log.is_finite());
        let least = known.fold(f32::INFINITY, |least, log| least.min(*log));
        let floor = if least.is_finite() { least } else { LOG_FLOOR as f32 };
        logs.iter_mut().skip(class).step_by(classes).for_each(|log| *log = log.max(floor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let moved = |i: usize| (means(&z, i, labels[i]) - means(&drawn, i, labels[i])).abs();
            let moved = (0..400).map(moved).fold(0.0, f32::max);
            assert!(if noise == Noise::Dealt { moved < 1e-5 } else { moved < 1.0 }, "{noise:?}: {moved}");
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
    fn probabilities_that_were_rounded_away_are_no_noise() {
        let mut logs = [0.0_f32.ln(), -1.0, 0.0_f32.ln(), -5.0, -2.0, 0.0_f32.ln()];
        raise_zeros(&mut logs, 3);
        let floor = LOG_FLOOR as f32;
        assert_eq!(logs, [-5.0, -1.0, floor, -5.0, -2.0, floor]);
    }

    #[test]
    fn many_points_are_thinned_and_rules_are_named() {
        let sample = LogitSample::new(50_000, 20, 10, Scale::logits()).unwrap();
        assert_eq!(sample.every, 25);
        assert_eq!(LogitSample::new(50_000, 50, 100, Scale::logits()).unwrap().every, 120);
        assert_eq!(LogitSample::new(50_000, 50, 10_000, Scale::logits()).unwrap().every, 250);
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
