//! From measurements to findings: what all claims share, and the claims one kind a file.

pub(super) mod distillation;
pub(super) mod estimator;
pub(super) mod longtail;
pub(super) mod planted;
pub(super) mod proxies;
pub(super) mod removal;
#[cfg(test)]
mod simulation;
pub(super) mod trajectories;

use super::data::Planted;
use super::distil::Distilled;
use super::proxies::Proxies;
use super::removal::Removal;
use super::settings::{SATURATED, Settings};
use super::sizes::Sizes;
use super::tail::Tail;
use crate::error::ReproduceError;
use crate::finding::Finding;
use ndarray::Array2;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean};
use tenfold_memorisation::{Resamples, Shape, Study};
use trajectories::trajectories;

/// Everything that was measured.
pub(super) struct All<'a> {
    pub(super) settings: &'a Settings,
    pub(super) images: &'a Planted,
    pub(super) rule: &'a Planted,
    pub(super) real: &'a Sizes,
    pub(super) synthetic: &'a Sizes,
    pub(super) distilled: &'a Distilled,
    pub(super) proxies: &'a Proxies,
    pub(super) removal: &'a Removal,
    pub(super) tail: &'a Tail,
}

/// A shape's share, its interval over models, and its share under the null.
pub(super) struct ShapeShare {
    pub(super) shape: Shape,
    pub(super) share: Estimate,
    pub(super) null: f64,
    /// 97.5 % of the null's draws lie below.
    pub(super) null_high: f64,
}

/// What several claims and the report share.
pub(super) struct Found {
    pub(super) seed: Seed,
    /// Scores of all sizes on images, in draws of the models.
    pub(super) drawn: Drawn,
    /// Scores of the student's size trained on labels, then of all students.
    pub(super) distilled: Drawn,
    /// All examples.
    pub(super) everything: Vec<usize>,
    /// Trajectories on images and on synthetic data.
    pub(super) shapes: [Vec<ShapeShare>; 2],
    /// Mean scores of all sizes on images, on all examples.
    pub(super) means: Vec<Estimate>,
    /// Mean scores of the student's size trained on labels, then of all students.
    pub(super) students: Vec<Estimate>,
}

/// Scores of several studies of the same masks, as they are and in draws of their models.
pub(super) struct Drawn {
    draws: Resamples,
    point: Vec<Vec<f64>>,
    drawn: Vec<Array2<f32>>,
    /// By how much percentile intervals are longer than those of the draws.
    stretch: f64,
}

/// Percentiles of draws of k models are too near the value: the draws' variance is short of a factor (k - 1)/k, and their quantiles are
/// those of the normal law where Student's would be due. An example has as many models as saw it, or as did not: the fewer count.
fn stretch(masks: &[BitMask]) -> f64 {
    let seen = |i: usize| masks.iter().filter(|mask| mask.get(i)).count();
    let examples = 0..masks.first().map_or(0, BitMask::len);
    let fewest = examples.map(seen).map(|k| k.min(masks.len() - k)).min().unwrap_or(0).max(2) as f64;
    let student = Estimate::from_t(0.0, 1.0, fewest - 1.0, 1).hi;
    student / Estimate::normal(0.0, 1.0, 1).hi * (fewest / (fewest - 1.0)).sqrt()
}

impl Drawn {
    fn new(studies: &[&Study], draws: usize, seed: Seed) -> Result<Self, ReproduceError> {
        let draws = Resamples::new(studies[0].models(), draws, seed)?;
        let everything: Vec<usize> = (0..studies[0].examples()).collect();
        let (mut point, mut drawn) = (Vec::new(), Vec::new());
        for study in studies {
            point.push(study.scores()?.iter().map(|s| s.mem.value).collect());
            drawn.push(draws.scores(study, &everything)?);
        }
        Ok(Self { draws, point, drawn, stretch: stretch(studies[0].masks()) })
    }

    /// Values of a statistic of all studies' scores: as they are, and in the draws.
    fn values(&self, statistic: impl Fn(&[Vec<f64>]) -> f64) -> (f64, Vec<f64>) {
        let of = |b: usize| -> f64 {
            let scores: Vec<Vec<f64>> =
                self.drawn.iter().map(|d| d.row(b).iter().map(|v| f64::from(*v)).collect()).collect();
            statistic(&scores)
        };
        (statistic(&self.point), (0..self.draws.draws()).map(of).collect())
    }

    /// The last of the studies.
    fn last(&self) -> usize {
        self.point.len() - 1
    }

    /// The percentile interval, as much longer as so few models need.
    fn estimate(&self, statistic: impl Fn(&[Vec<f64>]) -> f64) -> Estimate {
        let (value, values) = self.values(statistic);
        let e = self.draws.estimate(value, values);
        let further = |end: f64| value + self.stretch * (end - value);
        Estimate { lo: further(e.lo), hi: further(e.hi), ..e }
    }

    /// The normal interval: for shares of what crosses a threshold, and for ranks.
    fn normal(&self, statistic: impl Fn(&[Vec<f64>]) -> f64) -> Estimate {
        let (value, values) = self.values(statistic);
        self.draws.normal(value, values)
    }
}

/// The mean over some examples; what is not a number is left out.
fn over(scores: &[f64], examples: &[usize]) -> f64 {
    let kept: Vec<f64> = examples.iter().map(|&i| scores[i]).filter(|v| !v.is_nan()).collect();
    mean(&kept)
}

/// What several claims and the report share.
pub(super) fn found(all: &All) -> Result<Found, ReproduceError> {
    let seed = Seed::new(0).named("memorisation-findings");
    let of = |sizes: &Sizes| {
        let studies: Vec<&Study> = sizes.sizes.iter().map(|s| &s.study).collect();
        Drawn::new(&studies, all.settings.draws, seed)
    };
    let drawn = of(all.real)?;
    let everything: Vec<usize> = (0..all.images.len()).collect();
    let means = (0..all.real.sizes.len()).map(|t| drawn.estimate(|s| over(&s[t], &everything))).collect();
    let shapes = [trajectories(all, all.real, &drawn)?, trajectories(all, all.synthetic, &of(all.synthetic)?)?];
    let distilled = distillation::drawn(all, seed)?;
    let students =
        (0..=all.distilled.students.len()).map(|t| distilled.estimate(|s| over(&s[t], &everything))).collect();
    Ok(Found { seed, drawn, shapes, means, distilled, students, everything })
}

/// A finding on images over models.
fn on_images(all: &All, estimate: Result<Estimate, String>, seconds: f64) -> Finding {
    let models = all.real.masks.len();
    Finding {
        estimate,
        parts: Vec::new(),
        data: all.images.name.clone(),
        seeds: models,
        n: format!("{models} models of each of {} sizes on {} examples", all.real.sizes.len(), all.images.len()),
        seconds,
        remark: String::new(),
    }
}

/// Mean p_in of every size, on some examples.
pub(super) fn fitted(sizes: &Sizes, examples: &[usize]) -> Vec<f64> {
    sizes.sizes.iter().map(|m| m.mean(|s| s.p_in, examples)).collect()
}

/// The first size that fits its training set, of their mean p_in.
pub(super) fn first_saturated(p_in: &[f64]) -> Option<usize> {
    p_in.iter().position(|mean| *mean >= SATURATED)
}
