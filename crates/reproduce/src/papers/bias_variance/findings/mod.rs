//! From measurements to findings: what all claims share, and the claims one kind a file.

pub(super) mod alignment;
pub(super) mod calibration;
pub(super) mod divergence;
pub(super) mod identities;
pub(super) mod shape;
#[cfg(test)]
mod simulation;

use super::data::Data;
use super::networks::Networks;
use super::others::Others;
use super::settings::Settings;
use super::synthetic::Synthetic;
use crate::error::ReproduceError;
use crate::finding::Finding;
pub(super) use alignment::z;
use tenfold_analysis::{Decomposition, Disagreement, GapBound, KlDecomposition, Scale, Temperature};
use tenfold_core_tensor::stats::{Estimate, mean};

/// Everything that was measured.
pub(super) struct All<'a> {
    pub(super) settings: &'a Settings,
    pub(super) data: &'a Data,
    pub(super) networks: &'a Networks,
    pub(super) others: &'a Others,
    pub(super) synthetic: &'a Synthetic,
}

/// The two sides of the bound at a temperature.
pub(super) struct Side {
    pub(super) temperature: f64,
    pub(super) bound: GapBound,
    /// What the right side has where it should have nothing.
    pub(super) floor: f64,
}

impl Side {
    /// Right minus left side, less the floor: of errors that are large that is too much, so that it errs against the bound.
    pub(super) fn clear(&self) -> Estimate {
        let e = self.bound.difference;
        Estimate { value: e.value - self.floor, lo: e.lo - self.floor, hi: e.hi - self.floor, ..e }
    }
}

/// Disagreement and error at three temperatures.
pub(super) struct Disagreements {
    /// At T = 1.
    pub(super) before: Disagreement,
    pub(super) after_single: Disagreement,
    pub(super) after: Disagreement,
    /// The temperature of single models, and that of their mean.
    pub(super) single: Temperature,
    pub(super) of_mean: Temperature,
    /// By how much the difference moves with the validation images that the mean's temperature is fitted on.
    pub(super) temperature_se: f64,
}

/// What several claims and the report share.
pub(super) struct Found {
    pub(super) sweep: Vec<Side>,
    pub(super) kl: KlDecomposition,
    pub(super) disagreements: Disagreements,
}

pub(super) fn found(all: &All) -> Result<Found, ReproduceError> {
    let largest = all.networks.largest();
    let labels = &all.data.test.labels;
    Ok(Found {
        kl: KlDecomposition::of(largest.test.view(), labels, Scale::logits(), largest.network.randomness)?,
        sweep: calibration::sweep(largest, labels)?,
        disagreements: calibration::disagreements(all)?,
    })
}

/// A finding on the real images.
fn on_images(all: &All, estimate: Result<Estimate, String>) -> Finding {
    let [train, _, test] = all.settings.counts;
    let models = all.settings.models;
    Finding {
        estimate,
        parts: Vec::new(),
        data: all.data.name.clone(),
        seeds: models,
        n: format!("{models} models, {train} training and {test} test images"),
        seconds: all.networks.seconds,
        remark: String::new(),
    }
}

/// A finding on synthetic data, from so many independent repetitions.
fn on_synthetic(all: &All, estimate: Result<Estimate, String>, seeds: usize, n: String) -> Finding {
    let (parts, data, remark) = (Vec::new(), "synthetic".to_string(), String::new());
    Finding { estimate, parts, data, seeds, n, seconds: all.synthetic.seconds, remark }
}

/// Mean of a statistic of the points.
fn over_points(found: &Decomposition, of: impl Fn(&tenfold_analysis::Point) -> f64) -> f64 {
    mean(&found.points().iter().map(of).collect::<Vec<f64>>())
}
