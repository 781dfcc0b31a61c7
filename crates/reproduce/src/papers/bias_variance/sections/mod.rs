//! The report's chapters: plots and tables.

mod alignment;
mod calibration;
mod collapse;
mod points;
mod widths;

use super::findings::{All, Found};
use crate::error::ReproduceError;
use serde_json::{Value, json};
use tenfold_analysis::Decomposition;
use tenfold_report::Section;

pub(super) fn sections(all: &All, found: &Found) -> Result<Vec<Section>, ReproduceError> {
    Ok(vec![
        points::every_point(all),
        alignment::beside_nulls(all)?,
        widths::over_sizes(all)?,
        widths::sources(all)?,
        calibration::calibration(all, found)?,
        calibration::cross_entropy(all, found)?,
        collapse::collapse(all)?,
        provenance(all),
    ])
}

fn provenance(all: &All) -> Section {
    let [train, validation, test] = all.settings.counts;
    let source = &all.data.source;
    let files: Vec<String> = source.files.iter().map(|f| format!("{} (SHA-256 {})", f.name, f.sha256)).collect();
    let text = format!(
        "{}: {train} training, {validation} validation and {test} test images. Unless said otherwise models differ in initial \
         weights and the order of the samples. Temperatures are fitted on validation images. Nearest neighbours and trees see \
         bootstrap samples. Networks took {:.1} s, neighbours and trees {:.1} s, synthetic data {:.1} s.",
        all.data.name, all.networks.seconds, all.others.seconds, all.synthetic.seconds
    );
    Section::new("What was run").text(text).text(format!(
        "{}, licence {}: {}.",
        source.title,
        source.licence,
        files.join(", ")
    ))
}

/// Bias^2 and variance of every point of every ensemble.
pub(super) fn metrics(all: &All) -> Vec<Value> {
    let line = |name: &str, found: &Decomposition, train_accuracy: Option<f64>| {
        let column = |k: usize| found.table().column(k).to_vec();
        json!({
            "data": all.data.name, "ensemble": name, "models": found.models(), "differ_in": found.randomness(),
            "train_accuracy": train_accuracy, "bias": column(0), "variance": column(1),
            "correct": found.points().iter().map(|p| p.correct()).collect::<Vec<_>>(),
        })
    };
    let networks = all.networks.all.iter().map(|m| line(&m.network.name, &m.found, Some(m.train_accuracy)));
    networks.chain(all.others.all.iter().map(|o| line(o.name, &o.found, None))).collect()
}
