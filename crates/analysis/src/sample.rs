//! What all models say of some of the points, and ensembles that noise makes of it.

use crate::block::Block;
use crate::error::{AnalysisError, require};
use crate::kl::LOG_FLOOR;
use crate::pass::{PerPoint, add};
use crate::row::OneByOne;
use crate::scale::Scale;
use ndarray::{Array3, ArrayView3};
use rand::RngExt;
use tenfold_core_tensor::ops::softmax::log_sum_exp;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::variance;

/// Points that are kept at most.
const MOST: usize = 2_000;
/// Points that are kept at least, where there are as many.
const LEAST: usize = 200;
/// Numbers that are kept at most, but for the least of points: an ensemble is drawn thousands of times.
const NUMBERS: usize = 1 << 21;

/// What all models say of some of the points: every so many of them, or all where there are at most 2,000, fewer with many classes.
///
/// With `m_i` the mean over the N models of a point's logits, each model's differ from it by `r_ti = z_ti - m_i`. Noise that knows
/// nothing of the points would deal these out anew: an [`ensemble`](Self::ensemble) has, at every point and for every model by
/// itself, `m_i + r sqrt(N / (N - 1))` with r any model's of any point, drawn with replacement. Size, shape and dependence among
/// classes are the models' own; nothing else is left of which point was difficult for whom. So that the label's noise stays the
/// label's, its place and that of the other point's label are exchanged in r.
///
/// Logits are kept divided by their temperature, probabilities as logarithms that are at least [`LOG_FLOOR`].
///
/// ```
/// use ndarray::Array3;
/// use tenfold_analysis::{LogitSample, Scale};
/// use tenfold_core_tensor::seed::Seed;
/// let z = Array3::from_shape_fn((4, 10, 3), |(t, i, k)| if k == i % 3 { 2.0 } else { (t * k) as f32 / 10.0 });
/// let labels: Vec<usize> = (0..10).map(|i| i % 3).collect();
/// let sample = LogitSample::of(z.view(), &labels, Scale::logits())?;
/// assert_eq!(sample.points(), (0..10).collect::<Vec<_>>());
/// let (drawn, of) = sample.ensemble(&[0, 3, 6], None, Seed::new(1))?;
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

    /// An ensemble drawn by the null for some of the points that are kept: logits `[N, points, C]` and the points' labels. Noise
    /// comes from these points alone.
    ///
    /// `without` leaves a model out, of the means, of the noise and of the ensemble, and changes nothing else that is drawn: what
    /// the jackknife needs. Then there are N - 1 models.
    ///
    /// # Errors
    /// A point that is not kept, no points, or fewer than two models left.
    pub fn ensemble(
        &self,
        points: &[usize],
        without: Option<usize>,
        seed: Seed,
    ) -> Result<(Array3<f32>, Vec<usize>), AnalysisError> {
        require(!points.is_empty(), "points", 0, "the noise needs at least one")?;
        let places = points.iter().map(|&point| self.place(point)).collect::<Result<Vec<usize>, _>>()?;
        let left: Vec<usize> = (0..self.models).filter(|t| Some(*t) != without).collect();
        require(left.len() >= 2, "models", left.len(), "noise needs at least 2")?;
        let (n, classes) = (left.len() as f64, self.classes);
        let means = self.means(&places, &left);
        let wider = (n / (n - 1.0)).sqrt() as f32;
        let mut values = vec![0.0; left.len() * places.len() * classes];
        let mut rows = values.chunks_exact_mut(classes);
        let mut rng = seed.named("null").rng();
        for slot in 0..self.models {
            for (i, &own) in places.iter().enumerate() {
                // Drawn for a model that is left out too, so that leaving it out changes nothing of the others.
                let (j, mut u) = (rng.random_range(0..places.len()), rng.random_range(0..self.models));
                if Some(slot) == without {
                    continue;
                }
                if Some(u) == without {
                    u = (u + 1) % self.models;
                }
                let row = rows.next().expect("a row for every point of every model that is left");
                let (label, of_other) = (self.labels[own], self.labels[places[j]]);
                let noise = self.row(places[j], u).iter().zip(&means[j * classes..]);
                for ((to, m), (z, of_z)) in row.iter_mut().zip(&means[i * classes..]).zip(noise) {
                    *to = m + wider * (z - of_z);
                }
                if label != of_other {
                    let noise = |k: usize| wider * (self.row(places[j], u)[k] - means[j * classes + k]);
                    row[label] = means[i * classes + label] + noise(of_other);
                    row[of_other] = means[i * classes + of_other] + noise(label);
                }
            }
        }
        let drawn = Array3::from_shape_vec((left.len(), places.len(), classes), values).expect("a row for each");
        Ok((drawn, places.iter().map(|&i| self.labels[i]).collect()))
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
                    Scale::Probabilities { .. } => {
                        logits.extend(row.iter().map(|p| f64::from(*p).ln().max(LOG_FLOOR) as f32));
                    }
                }
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
    fn a_drawn_ensemble_keeps_means_and_size_of_the_noise_and_forgets_whose_it_was() {
        let (z, labels) = logits(30, 400);
        let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
        let points: Vec<usize> = (0..400).collect();
        let (drawn, of) = sample.ensemble(&points, None, Seed::new(2)).unwrap();
        assert_eq!(of, labels);
        let mean = |v: &[f64], odd: usize| v.iter().skip(odd).step_by(2).sum::<f64>() / 200.0;
        let (before, after) = (noise_of(&z, &labels), noise_of(&drawn, &labels));
        assert!((mean(&before, 0) - 0.5).abs() < 0.05 && (mean(&before, 1) - 4.5).abs() < 0.3);
        // Half of the noise is of the one kind, half of the other: at all points.
        for odd in [0, 1] {
            assert!((mean(&after, odd) - 2.5).abs() < 0.25, "{}", mean(&after, odd));
        }
        let means = |z: &Array3<f32>, i: usize, k: usize| z.slice(ndarray::s![.., i, k]).mean().unwrap();
        let moved = |i: usize| (means(&z, i, labels[i]) - means(&drawn, i, labels[i])).abs();
        assert!((0..400).map(moved).sum::<f32>() / 400.0 < 0.25);
    }

    #[test]
    fn leaving_a_model_out_changes_little_else() {
        let (z, labels) = logits(10, 50);
        let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
        let points: Vec<usize> = (0..50).step_by(2).collect();
        let (whole, _) = sample.ensemble(&points, None, Seed::new(2)).unwrap();
        let (without, _) = sample.ensemble(&points, Some(3), Seed::new(2)).unwrap();
        assert_eq!((whole.dim().0, without.dim().0), (10, 9));
        let near = |t: usize| {
            let (a, b) = (whole.slice(ndarray::s![t, .., ..]), without.slice(ndarray::s![t, .., ..]));
            a.iter().zip(b).filter(|(a, b)| (**a - **b).abs() < 0.5).count()
        };
        assert!(near(0) > 55, "{} of 75", near(0));
        let again = sample.ensemble(&points, Some(3), Seed::new(2)).unwrap();
        assert_eq!(again.0, without);
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
            let error = sample.ensemble(points, without, Seed::new(0)).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        };
        fails(&[], None, "points = 0: the noise needs");
        fails(&[7], None, "point = 7: is not among");
        fails(&[1], Some(0), "models = 1: noise needs at least 2");
    }
}
