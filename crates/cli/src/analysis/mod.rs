//! `tenfold analysis`: bias-variance, calibration, collapse.

mod bias_variance;
mod calibration;
mod collapse;
mod input;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Verb {
    BiasVariance(bias_variance::BiasVariance),
    Calibration(calibration::Calibrate),
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
