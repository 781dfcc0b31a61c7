//! What all models say of some of the points.

use crate::error::{AnalysisError, require};
use crate::predictions::{Block, OneByOne, PerPoint, Scale, add};
use ndarray::ArrayView3;
use rand::seq::index::sample;
use tenfold_core_tensor::ops::softmax::log_sum_exp;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::variance;

/// Points that are kept at most.
const MOST: usize = 2_000;
/// Points that are kept at least, where there are as many.
const LEAST: usize = 200;
/// Numbers that are kept at most, but for the least of points: an ensemble is drawn thousands of times.
const NUMBERS: usize = 1 << 21;

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

    /// The classes of each point by rank, points of classes: the label first, then by descending mean logit.
    pub(crate) fn ranks(&self, places: &[usize], means: &[f32]) -> Vec<usize> {
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
    pub(crate) fn place(&self, point: usize) -> Result<usize, AnalysisError> {
        let found = self.points.binary_search(&point);
        found.or_else(|_| require(false, "point", point, "is not among those of the sample").map(|()| 0))
    }

    /// What a model says of the i-th point that is kept.
    pub(crate) fn row(&self, i: usize, t: usize) -> &[f32] {
        &self.logits[(i * self.models + t) * self.classes..][..self.classes]
    }

    /// Means over some models, points of classes.
    pub(crate) fn means(&self, places: &[usize], models: &[usize]) -> Vec<f32> {
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

    #[test]
    fn many_points_are_thinned() {
        let kept = |models, classes| {
            let wanted = LogitSample::new(50_000, models, classes, Scale::logits()).unwrap().wanted;
            assert!(wanted.is_sorted_by(|a, b| a < b) && wanted.last().is_some_and(|last| *last < 50_000));
            wanted.len()
        };
        assert_eq!([kept(20, 10), kept(50, 100), kept(50, 10_000)], [2_000, 419, 200]);
    }
}
