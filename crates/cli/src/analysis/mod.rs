//! `tenfold analysis`: bias-variance, calibration, collapse.

mod bias_variance;
mod calibration;
mod collapse;
mod input;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;
use tenfold_core_tensor::stats::Estimate;

#[derive(Subcommand)]
pub(crate) enum Verb {
    BiasVariance(Box<bias_variance::BiasVariance>),
    Calibration(Box<calibration::Calibrate>),
    Collapse(collapse::Collapse),
}

impl Verb {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        match self {
            Self::BiasVariance(verb) => verb.run(),
            Self::Calibration(verb) => verb.run(),
            Self::Collapse(verb) => verb.run(),
        }
    }
}

/// `value [lo, hi]`, with digits that a reader can use.
fn shown(e: &Estimate) -> String {
    format!("{} [{}, {}]", number(e.value), number(e.lo), number(e.hi))
}

fn number(v: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        a if !a.is_finite() => v.to_string(),
        a if !(1e-3..1e4).contains(&a) => format!("{v:.2e}"),
        _ => format!("{v:.4}"),
    }
}
