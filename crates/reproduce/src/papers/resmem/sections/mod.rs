//! The report's chapters: plots, tables, and a gallery.

mod comparison;
mod gallery;
mod linear;
mod metrics;
mod rule;

use super::Measured;
use crate::error::ReproduceError;
use crate::kit::provenance;
pub(super) use metrics::metrics;
use serde_json::json;
use tenfold_core_tensor::stats::{Estimate, StatsError};
use tenfold_report::{Point, Section};

pub(super) fn sections(m: &Measured) -> Result<Vec<Section>, ReproduceError> {
    let plans = || std::iter::once(&m.settings.primary).chain(&m.settings.images);
    let mut sections = Vec::new();
    for (study, plan) in m.studies().zip(plans()) {
        sections.push(comparison::section(plan.validation, study));
    }
    if let Some((study, pictures)) = m.pictured() {
        sections.push(gallery::section(study, pictures)?);
    }
    sections.push(rule::section(&m.synthetic));
    sections.push(linear::section(&m.theory)?);
    let sources: Vec<_> = m.studies().map(|study| &study.source).collect();
    let mut settings: Vec<(String, serde_json::Value)> =
        plans().map(|plan| (format!("Training on {}", plan.data), json!(plan.training))).collect();
    settings.push(("Training on synthetic data".into(), json!(m.settings.synthetic_training)));
    sections.push(provenance::section(&sources, &settings));
    Ok(sections)
}

/// An estimate where there are enough seeds for one, else the bare mean.
fn point(x: f64, estimate: Result<Estimate, StatsError>, bare: f64) -> Point {
    estimate.map_or(Point::bare(x, bare), |e| Point::of(x, &e))
}

fn percent(v: f64) -> String {
    format!("{:.2}", 100.0 * v)
}
