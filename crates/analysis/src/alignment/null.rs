//! What alignment independent noise makes by itself.
//!
//! Let `p_wrong = sigmoid(-z)` with `z ~ N(mu_i, tau^2)`, independent over models, one tau for all points. Then for confident
//! points `Bias^2 / Var -> 1 / (exp(tau^2) - 1)` whatever mu_i is: slope one by construction. A slope near one says nothing; what
//! differs from this says something. (Derived in this project, not in the paper.)

use super::fit::{Fit, fit_of};
use super::jackknife::Alignment;
use super::noise::{Law, Noise};
use super::sample::LogitSample;
use crate::decomposition::{MOST_DRAWS, Split};
use crate::error::{AnalysisError, require, require_shape};
use crate::predictions::Randomness;
use rayon::prelude::*;
use serde::Serialize;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, StatsError, jackknife, mean, quantile_of_sorted, variance};

/// Draws below which the ends of the null's range are noise.
pub const FEWEST_NULL_DRAWS: usize = 200;
/// Draws that are made again without each model: with the noise of the others as it was, so that few are enough.
const AGAIN: usize = 10;
/// Draws that may have no line through their points.
const LOST: f64 = 0.1;

/// The null of some points, and what was observed against it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Null {
    /// What differed from model to model in the ensemble whose noise this is.
    pub randomness: Randomness,
    /// The noise of the margins `log p_y - log (1 - p_y)`, from the points' own: the root of their mean variance over models.
    pub tau: f64,
    /// `log (1 / (exp(tau^2) - 1))`, the log-ratio that normal noise of this size has in the limit of confident points and many
    /// models.
    pub limit: f64,
    /// How noise was drawn.
    pub noise: Noise,
    /// Ensembles that were drawn.
    pub draws: usize,
    /// Points in each that have noise.
    pub points: usize,
    /// Points that stay as they are: without bias or variance, or with a probability of zero.
    pub still: usize,
    /// Of each statistic: mean, 2.5 % and 97.5 % points over the draws.
    pub drawn: Fit<Drawn>,
    /// Of each statistic: what was observed minus the null's mean. The interval is over models: both sides are found again without
    /// each of them.
    pub beyond: Fit<Estimate>,
    /// Bias^2 and variance of the points in the first draw, to be shown beside the observed ones.
    #[serde(skip)]
    pub example: Vec<(f64, f64)>,
    /// What was observed on the same points, and without each model.
    #[serde(skip)]
    observed: (Fit<f64>, Vec<Fit<f64>>),
    /// What the draws have; the first of them without each model.
    #[serde(skip)]
    of_draws: (Vec<Fit<f64>>, Vec<Vec<Fit<f64>>>),
}

/// A statistic under the null.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drawn {
    /// Its mean.
    pub mean: f64,
    /// Its 2.5 % point.
    pub lo: f64,
    /// Its 97.5 % point.
    pub hi: f64,
}

impl Null {
    /// Draws ensembles like the observed one but for one thing: what makes models differ from their mean at a point has nothing to do
    /// with the point ([`Noise`] says what it is instead). The points are those of the alignment that the sample keeps; a draw in
    /// which one of them leaves the selection has it no more. Points without a logarithm (no bias or no variance), or with a
    /// probability of zero, stay as they are.
    ///
    /// What goes beyond normal noise of one law alone may do so because sizes differ, in whatever way; what goes beyond the points' own
    /// noise dealt out anew has to do with the points. A claim should go beyond both.
    ///
    /// ```
    /// use ndarray::Array3;
    /// use tenfold_analysis::{Alignment, Decomposition, LogitSample, Noise, Null, Randomness, Scale, Selection};
    /// use tenfold_core_tensor::seed::Seed;
    ///
    /// let noise = |t: usize, i: usize| ((t * 37 + i * 101) % 17) as f32 / 17.0 - 0.5;
    /// let z = Array3::from_shape_fn((6, 50, 2), |(t, i, k)| if k == 0 { 2.0 + i as f32 / 5.0 + noise(t, i) } else { 0.0 });
    /// let found = Decomposition::of(z.view(), &[0; 50], Scale::logits(), Randomness::Seed)?;
    /// let sample = LogitSample::of(z.view(), &[0; 50], Scale::logits())?;
    /// let alignment = Alignment::of(&found, Selection::default())?;
    /// let null = Null::of(&found, &sample, &alignment, Noise::Dealt, 200, Seed::new(1))?;
    /// // Slope one is what the null has too.
    /// assert!((null.drawn.slope.mean - 1.0).abs() < 0.1 && null.tau < 0.4);
    /// # Ok::<(), tenfold_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than [`FEWEST_NULL_DRAWS`] or more than [`MOST_DRAWS`], a sample of other models, fewer than three of its points in the alignment, or draws
    /// without spread.
    pub fn of<D: Split>(
        found: &D,
        sample: &LogitSample,
        observed: &Alignment,
        noise: Noise,
        draws: usize,
        seed: Seed,
    ) -> Result<Self, AnalysisError> {
        require(draws >= FEWEST_NULL_DRAWS, "draws", draws, format!("must be at least {FEWEST_NULL_DRAWS}"))?;
        require(draws <= MOST_DRAWS, "draws", draws, format!("must be at most {MOST_DRAWS}"))?;
        let models = found.models();
        require(sample.models() == models, "models of the sample", sample.models(), format!("must be {models}"))?;
        let kept: Vec<usize> =
            observed.at.iter().copied().filter(|i| sample.points().binary_search(i).is_ok()).collect();
        let pair = |i: usize| found.pair(i, observed.selection.unbiased);
        // What has no logarithm, or logits that are not known, has no noise to deal out, and stays as it is.
        let noisy = |i: &usize| pair(*i).0 > 0.0 && pair(*i).1 > 0.0 && sample.knows(*i);
        let (points, still): (Vec<usize>, Vec<usize>) = kept.iter().partition(|i| noisy(i));
        let still: Vec<(f64, f64)> = still.into_iter().map(pair).collect();
        let rule =
            "at least 3 points of the alignment must be in the sample, with bias, variance and no probability of zero";
        require(points.len() >= 3, "points", points.len(), rule)?;
        // Seen and drawn are compared on the same points.
        let seen = Alignment::at(found, observed.selection, &kept)?;
        let whole = Law::of(sample, &points, None)?;
        let left: Vec<Law> = (0..models).map(|t| Law::of(sample, &points, Some(t))).collect::<Result<_, _>>()?;
        let labels = whole.labels();
        let draw = |b: usize, without: Option<usize>| -> Result<Vec<(f64, f64)>, AnalysisError> {
            let law = without.map_or(&whole, |t| &left[t]);
            let logits = law.draw(noise, seed.child(b as u64));
            let drawn = found.again(logits.view(), &labels)?;
            let inside = drawn.selected(&observed.selection).into_iter();
            let pairs = inside.map(|i| drawn.pair(i, observed.selection.unbiased));
            Ok(pairs.chain(still.iter().copied()).collect())
        };
        let jobs = |b: usize| (0..models).map(move |t| (b, Some(t)));
        let all = (0..draws).map(|b| (b, None));
        let jobs: Vec<(usize, Option<usize>)> = all.chain((0..AGAIN).flat_map(jobs)).collect();
        let fits = jobs.par_iter().map(|&(b, without)| Ok(fit_of(&draw(b, without)?).ok()));
        let mut fits = fits.collect::<Result<Vec<Option<Fit<f64>>>, AnalysisError>>()?;
        let again = fits.split_off(draws);
        let with_line = |fits: &mut dyn Iterator<Item = Option<Fit<f64>>>| fits.flatten().collect::<Vec<Fit<f64>>>();
        let fits = with_line(&mut fits.into_iter());
        let lost = draws - fits.len();
        require(lost as f64 <= LOST * draws as f64, "draws", draws, format!("{lost} of them have no line"))?;
        let without = |t: usize| with_line(&mut again.iter().skip(t).step_by(models).copied());
        let margins: Vec<f64> = points.iter().map(|&i| sample.margin_variance(i)).collect::<Result<_, _>>()?;
        let tau = mean(&margins).sqrt();
        let mut null = Self {
            randomness: found.randomness(),
            tau,
            limit: -(tau * tau).exp_m1().ln(),
            noise,
            draws,
            points: points.len(),
            still: still.len(),
            drawn: Fit::each(|_| Drawn { mean: 0.0, lo: 0.0, hi: 0.0 }),
            beyond: observed.fit,
            example: draw(0, None)?,
            observed: (seen.whole, seen.without),
            of_draws: (fits, (0..models).map(without).collect()),
        };
        null.drawn = Fit::each(|statistic| null.range(|fit| fit.get(statistic)));
        null.beyond = Fit::try_each(|statistic| null.beyond_of(|fit| fit.get(statistic)))?;
        Ok(null)
    }

    /// The range over the draws of any function of the statistics.
    pub fn range(&self, of: impl Fn(&Fit<f64>) -> f64) -> Drawn {
        let mut values = self.noise(of);
        values.sort_unstable_by(f64::total_cmp);
        let [lo, hi] = [0.025, 0.975].map(|q| quantile_of_sorted(&values, q));
        Drawn { mean: mean(&values), lo, hi }
    }

    /// Any function of the statistics: as observed, minus its mean under the null, with the interval over models (jackknife of the
    /// difference) and the error of so many draws.
    ///
    /// Take a function without ends where the statistic is near one: Fisher's `atanh r` of a correlation, the logarithm of a bound.
    ///
    /// # Errors
    /// A value that is not a finite number.
    pub fn beyond_of(&self, of: impl Fn(&Fit<f64>) -> f64) -> Result<Estimate, StatsError> {
        estimate(self.seen(&of), &self.noise(&of))
    }

    /// The same minus that of another loss, on the same ensemble, sample and seed: whether one goes beyond its null by more than the
    /// other beyond its own.
    ///
    /// # Errors
    /// As [`beyond_of`](Self::beyond_of), and another number of models or draws.
    pub fn beyond_less(&self, other: &Self, of: impl Fn(&Fit<f64>) -> f64) -> Result<Estimate, AnalysisError> {
        let [ours, theirs] = [self, other].map(|null| [null.of_draws.0.len(), null.observed.1.len()]);
        require_shape("nulls", &ours, &theirs, "draws and models must be the same")?;
        let less = |ours: Vec<f64>, theirs: Vec<f64>| ours.iter().zip(theirs).map(|(a, b)| a - b).collect::<Vec<f64>>();
        let (seen, noise) = (less(self.seen(&of), other.seen(&of)), less(self.noise(&of), other.noise(&of)));
        Ok(estimate(seen, &noise)?)
    }

    /// What was observed, at first on the whole, then without each model and beyond the mean of the draws without it.
    fn seen(&self, of: impl Fn(&Fit<f64>) -> f64) -> Vec<f64> {
        let average = |fits: &[Fit<f64>]| mean(&fits.iter().map(&of).collect::<Vec<f64>>());
        let without = self.observed.1.iter().zip(&self.of_draws.1).map(|(seen, fits)| of(seen) - average(fits));
        std::iter::once(of(&self.observed.0)).chain(without).collect()
    }

    /// What the draws have.
    fn noise(&self, of: impl Fn(&Fit<f64>) -> f64) -> Vec<f64> {
        self.of_draws.0.iter().map(of).collect()
    }
}

/// What was seen on the whole minus the mean of the draws. After the first, what was seen is without each model, beyond the null.
fn estimate(seen: Vec<f64>, draws: &[f64]) -> Result<Estimate, StatsError> {
    let over_models = jackknife(seen[0] - mean(draws), &seen[1..])?;
    let se = over_models.se.hypot((variance(draws) / draws.len() as f64).sqrt());
    Ok(Estimate::from_t(over_models.value, se, (seen.len() - 2) as f64, seen.len() - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decomposition::{Decomposition, KlDecomposition, Selection};
    use crate::predictions::Scale;
    use ndarray::Array3;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    /// Points whose label is ahead by 1 to 8, with independent normal noise whose size differs from point to point by so much.
    fn noise(models: usize, points: usize, classes: usize, uneven: f64, seed: u64) -> (Array3<f32>, Vec<usize>) {
        let mut rng = Seed::new(seed).rng();
        let centre: Vec<f64> = (0..points).map(|_| rng.random_range(1.0..8.0)).collect();
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let size: Vec<f64> = (0..points).map(|_| 0.6 * (uneven * normal()).exp()).collect();
        let z = Array3::from_shape_fn((models, points, classes), |(_, i, k)| {
            (size[i] * normal() + if k == i % classes { centre[i] } else { 0.0 }) as f32
        });
        (z, (0..points).map(|i| i % classes).collect())
    }

    const FUNCTIONS: [fn(&Fit<f64>) -> f64; 4] =
        [|f| f.total_slope, |f| f.pearson.atanh(), |f| f.log_ratio, |f| f.bound_95.ln()];

    /// What is beyond the null of some noise, over ensembles: how many intervals of each function are above zero, and below.
    fn beyond(classes: usize, uneven: f64, by: Noise) -> [[usize; 2]; 4] {
        let mut missed = [[0; 2]; 4];
        for seed in 0..12 {
            let (z, labels) = noise(10, 500, classes, uneven, seed);
            let found = Decomposition::of(z.view(), &labels, Scale::logits(), Randomness::Seed).unwrap();
            let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
            let observed = Alignment::of(&found, Selection::default()).unwrap();
            let null = Null::of(&found, &sample, &observed, by, 200, Seed::new(2)).unwrap();
            for (missed, of) in missed.iter_mut().zip(FUNCTIONS) {
                let e = null.beyond_of(of).unwrap();
                missed[0] += usize::from(e.lo > 0.0);
                missed[1] += usize::from(e.hi < 0.0);
            }
        }
        missed
    }

    #[test]
    fn ensembles_of_noise_are_not_beyond_noise_dealt_out() {
        // Of 48 intervals of 95 % fewer than 2.4 are expected to miss; eight or more have a chance of one in a thousand.
        for (classes, uneven) in [(2, 0.0), (10, 0.0), (3, 0.4)] {
            let missed = beyond(classes, uneven, Noise::Dealt);
            assert!(missed.iter().flatten().sum::<usize>() < 8, "{classes} {uneven}: {missed:?}");
        }
    }

    #[test]
    fn noise_of_classes_that_differ_is_not_beyond_either() {
        // The label and the runner-up have noise of a third of the size of all others, at every point.
        let mut missed = [0; 2];
        for seed in 0..12 {
            let (mut z, labels) = noise(10, 500, 8, 0.0, seed);
            for (i, &label) in labels.iter().enumerate() {
                let next = (label + 1 + i % 7) % 8;
                for ((_, k), z) in z.slice_mut(ndarray::s![.., i, ..]).indexed_iter_mut() {
                    *z = if k == label {
                        *z
                    } else if k == next {
                        *z + 0.5
                    } else {
                        3.0 * *z - 3.0
                    };
                }
            }
            let found = Decomposition::of(z.view(), &labels, Scale::logits(), Randomness::Seed).unwrap();
            let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
            let observed = Alignment::of(&found, Selection::default()).unwrap();
            for (missed, by) in missed.iter_mut().zip([Noise::Dealt, Noise::Normal]) {
                let null = Null::of(&found, &sample, &observed, by, 200, Seed::new(2)).unwrap();
                let beyond = FUNCTIONS.map(|of| null.beyond_of(of).unwrap());
                *missed += beyond.iter().filter(|e| e.lo > 0.0 || e.hi < 0.0).count();
            }
        }
        assert!(missed.iter().all(|m| *m < 8), "{missed:?}");
    }

    #[test]
    fn normal_noise_of_one_size_is_a_null_for_that_alone() {
        let missed = beyond(10, 0.0, Noise::Normal);
        assert!(missed.iter().flatten().sum::<usize>() < 8, "{missed:?}");
        // Sizes that differ at random scatter points about the line: correlations fall short of it.
        let missed = beyond(3, 0.4, Noise::Normal);
        assert!(missed[1][1] >= 10, "{missed:?}");
    }

    #[test]
    fn noise_that_knows_the_points_is_beyond_both() {
        let (mut z, labels) = noise(12, 600, 3, 0.0, 4);
        // Twice as much noise where the label is little ahead.
        for (i, &label) in labels.iter().enumerate() {
            let ahead = z.slice(ndarray::s![.., i, label]).mean().unwrap();
            if ahead < 4.0 {
                let mut of_point = z.slice_mut(ndarray::s![.., i, ..]);
                let mean = of_point.mean_axis(ndarray::Axis(0)).unwrap();
                of_point.outer_iter_mut().for_each(|mut row| row.zip_mut_with(&mean, |z, m| *z = m + 2.0 * (*z - m)));
            }
        }
        let found = Decomposition::of(z.view(), &labels, Scale::logits(), Randomness::Seed).unwrap();
        let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
        let observed = Alignment::of(&found, Selection::default()).unwrap();
        for by in [Noise::Dealt, Noise::Normal] {
            let null = Null::of(&found, &sample, &observed, by, 200, Seed::new(2)).unwrap();
            // More variance where Var is large already.
            assert!(null.beyond.total_slope.hi < 0.0, "{:?}", null.beyond.total_slope);
        }
    }

    #[test]
    fn points_without_variance_stay_out_of_the_noise() {
        let (z, labels) = noise(10, 400, 3, 0.0, 3);
        let mut p = z.mapv(f32::exp);
        for mut row in p.rows_mut() {
            let sum = row.sum();
            row /= sum;
        }
        // All models are as sure as can be at every tenth point.
        for i in (0..400).step_by(10) {
            p.slice_mut(ndarray::s![.., i, ..]).fill(0.0);
            p.slice_mut(ndarray::s![.., i, labels[i]]).fill(1.0);
        }
        let found = Decomposition::of(p.view(), &labels, Scale::probabilities(), Randomness::Seed).unwrap();
        let sample = LogitSample::of(p.view(), &labels, Scale::probabilities()).unwrap();
        let observed = Alignment::of(&found, Selection::default()).unwrap();
        assert_eq!(observed.without_logarithm, 40);
        for by in [Noise::Dealt, Noise::Normal] {
            let null = Null::of(&found, &sample, &observed, by, 200, Seed::new(2)).unwrap();
            for of in FUNCTIONS {
                let beyond = null.beyond_of(of).unwrap();
                assert!(beyond.value.abs() < 4.0 * beyond.se && beyond.se < 0.3, "{by:?}: {beyond:?}");
            }
        }
    }

    #[test]
    fn the_cross_entropy_has_a_null_of_its_own() {
        let (z, labels) = noise(10, 400, 3, 0.0, 7);
        let found = KlDecomposition::of(z.view(), &labels, Scale::logits(), Randomness::Seed).unwrap();
        let sample = LogitSample::of(z.view(), &labels, Scale::logits()).unwrap();
        let observed = Alignment::of(&found, Selection::default()).unwrap();
        let null = Null::of(&found, &sample, &observed, Noise::Dealt, 200, Seed::new(2)).unwrap();
        let beyond = null.beyond_of(|f| f.pearson.atanh()).unwrap();
        assert!(beyond.value.abs() < 4.0 * beyond.se, "{beyond:?}");
        let unbiased = Selection { unbiased: true, ..Selection::default() };
        assert!(Alignment::of(&found, unbiased).unwrap_err().to_string().starts_with("unbiased = true"));
        let few = Null::of(&found, &sample, &observed, Noise::Dealt, 10, Seed::new(2)).unwrap_err().to_string();
        assert!(few.starts_with("draws = 10: must be at least 200"), "{few}");
        let many =
            Null::of(&found, &sample, &observed, Noise::Dealt, usize::MAX, Seed::new(2)).unwrap_err().to_string();
        assert!(many.ends_with("must be at most 100000"), "{many}");
    }
}
