//! From measurements to findings: what all claims share, and the claims one kind a file.

mod alignment;
mod calibration;
mod divergence;
mod identities;
mod shape;

use super::data::Data;
use super::networks::Networks;
use super::others::Others;
use super::settings::Settings;
use super::synthetic::Synthetic;
use crate::claim::Finding;
use crate::error::ReproduceError;
use alignment::{aligned, beyond_null, bounds, stronger};
use calibration::{bound, calibrated, equals_error, sweep};
use divergence::kl_weaker;
use identities::{additive, identity};
use shape::{closed_forms, unimodal};
use tenfold_analysis::{Decomposition, Disagreement, KlDecomposition, Scale, Temperature, fit_temperature};
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
    pub(super) left: Estimate,
    pub(super) right: Estimate,
}

/// Findings, and numbers that the report shows again.
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    pub(super) sweep: Vec<Side>,
    pub(super) kl: KlDecomposition,
    pub(super) temperature: Temperature,
    /// Before and after temperature scaling.
    pub(super) disagreement: [Disagreement; 2],
}

pub(super) fn findings(all: &All) -> Result<Found, ReproduceError> {
    let largest = all.networks.largest();
    let labels = &all.data.test.labels;
    let kl = KlDecomposition::of(largest.test.view(), labels, Scale::logits(), largest.network.randomness)?;
    let sweep = sweep(largest, labels)?;
    let temperature = fit_temperature(largest.validation.view(), &all.data.validation.labels)?;
    let scaled = Scale::Logits { temperature: temperature.temperature };
    let after = Decomposition::of(largest.test.view(), labels, scaled, largest.network.randomness)?;
    let disagreement = [Disagreement::of(&largest.found)?, Disagreement::of(&after)?];
    let findings = vec![
        additive(all, &kl),
        identity(all),
        aligned(all),
        beyond_null(all),
        bounds(all),
        stronger(all),
        calibrated(all),
        bound(all, &sweep),
        closed_forms(all),
        kl_weaker(all, &kl)?,
        unimodal(all)?,
        equals_error(all, temperature, &disagreement),
    ];
    Ok(Found { findings, sweep, kl, temperature, disagreement })
}

/// A finding on the real images.
fn on_images(all: &All, id: &'static str, estimate: Result<Estimate, String>) -> Finding {
    let [train, _, test] = all.settings.counts;
    let models = all.settings.models;
    Finding {
        id,
        estimate,
        parts: Vec::new(),
        data: all.data.name.clone(),
        seeds: models,
        n: format!("{models} models, {train} training and {test} test images"),
        seconds: all.networks.seconds,
        remark: String::new(),
    }
}

/// A finding on synthetic data.
fn on_synthetic(all: &All, id: &'static str, estimate: Result<Estimate, String>, n: String) -> Finding {
    let seeds = estimate.as_ref().map_or(0, |e| e.n);
    let (parts, data, remark) = (Vec::new(), "synthetic".to_string(), String::new());
    Finding { id, estimate, parts, data, seeds, n, seconds: all.synthetic.seconds, remark }
}

/// Mean of a statistic of the points.
pub(super) fn over_points(found: &Decomposition, of: impl Fn(&tenfold_analysis::Point) -> f64) -> f64 {
    mean(&found.points().iter().map(of).collect::<Vec<f64>>())
}
