//! From measurements to findings: what all claims share, and the claims one kind a file.

mod distillation;
mod estimator;
mod longtail;
mod planted;
mod proxies;
mod removal;
mod trajectories;

use super::data::Planted;
use super::distil::Distilled;
use super::proxies::Proxies;
use super::removal::Removal;
use super::settings::{DRAWS, SATURATED, Settings};
use super::sizes::Sizes;
use super::tail::Tail;
use crate::claim::Finding;
use crate::error::ReproduceError;
use distillation::distillation;
use estimator::{gap, halves};
use longtail::longtail;
use ndarray::Array2;
use planted::{duplicates, flips, influence};
use proxies::proxies;
use removal::removal;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean};
use tenfold_memorisation::{Resamples, Shape, Study};
use trajectories::{bimodal, diverse, saturated, trajectories};

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

/// Findings, and numbers that the report shows again.
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    /// Trajectories on images and on synthetic data.
    pub(super) shapes: [Vec<ShapeShare>; 2],
    /// Mean scores of all sizes on images, on all examples.
    pub(super) means: Vec<Estimate>,
    /// Mean scores of all students.
    pub(super) students: Vec<Estimate>,
}

/// Scores of several studies of the same masks, as they are and in draws of their models.
struct Drawn {
    draws: Resamples,
    point: Vec<Vec<f64>>,
    drawn: Vec<Array2<f32>>,
}

impl Drawn {
    fn new(studies: &[&Study], seed: Seed) -> Result<Self, ReproduceError> {
        let draws = Resamples::new(studies[0].models(), DRAWS, seed)?;
        let everything: Vec<usize> = (0..studies[0].examples()).collect();
        let (mut point, mut drawn) = (Vec::new(), Vec::new());
        for study in studies {
            point.push(study.scores()?.iter().map(|s| s.mem.value).collect());
            drawn.push(draws.scores(study, &everything)?);
        }
        Ok(Self { draws, point, drawn })
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

    /// The percentile interval.
    fn estimate(&self, statistic: impl Fn(&[Vec<f64>]) -> f64) -> Estimate {
        let (value, values) = self.values(statistic);
        self.draws.estimate(value, values)
    }

    /// The normal interval, `v ± 1.96 se`: for shares of what crosses a threshold, and for ranks. Drawing models again adds
    /// noise that carries examples across thresholds and each other, so that percentiles of the draws lie beside the
    /// statistic as it is.
    fn normal(&self, statistic: impl Fn(&[Vec<f64>]) -> f64) -> Estimate {
        let e = self.estimate(statistic);
        let half = 1.959_964 * e.se;
        Estimate { lo: e.value - half, hi: e.value + half, ..e }
    }
}

/// The mean over some examples; what is not a number is left out.
fn over(scores: &[f64], examples: &[usize]) -> f64 {
    let kept: Vec<f64> = examples.iter().map(|&i| scores[i]).filter(|v| !v.is_nan()).collect();
    mean(&kept)
}

pub(super) fn findings(all: &All) -> Result<Found, ReproduceError> {
    let seed = Seed::new(0).named("memorisation-findings");
    let studies: Vec<&Study> = all.real.sizes.iter().map(|s| &s.study).collect();
    let drawn = Drawn::new(&studies, seed)?;
    let everything: Vec<usize> = (0..all.images.len()).collect();
    let means = (0..studies.len()).map(|t| drawn.estimate(|s| over(&s[t], &everything))).collect();
    let shapes = [trajectories(all, all.real, &drawn)?, {
        let studies: Vec<&Study> = all.synthetic.sizes.iter().map(|s| &s.study).collect();
        trajectories(all, all.synthetic, &Drawn::new(&studies, seed)?)?
    }];
    let (distilled, students) = distillation(all, seed, &everything)?;
    let mut findings = vec![gap(all), halves(all)?, flips(all, &drawn), duplicates(all, &drawn)];
    findings.extend([diverse(all, &drawn, &shapes)?, saturated(all, &drawn, &everything), bimodal(all, &drawn)?]);
    findings.extend(distilled);
    findings.extend([proxies(all, &drawn)?, removal(all), influence(all)?, longtail(all)]);
    Ok(Found { findings, shapes, means, students })
}

/// A finding on images over models.
fn on_images(all: &All, id: &'static str, estimate: Result<Estimate, String>, seconds: f64) -> Finding {
    let models = all.real.masks.len();
    Finding {
        id,
        estimate,
        parts: Vec::new(),
        data: all.images.name.clone(),
        seeds: models,
        n: format!("{models} models of each of {} sizes on {} examples", all.real.sizes.len(), all.images.len()),
        seconds,
        remark: String::new(),
    }
}

/// The first size that fits its training set.
pub(super) fn first_saturated(sizes: &Sizes, examples: &[usize]) -> Option<usize> {
    sizes.sizes.iter().position(|m| m.mean(|s| s.p_in, examples) >= SATURATED)
}
