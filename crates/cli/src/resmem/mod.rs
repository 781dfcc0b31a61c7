//! `tenfold resmem`: fit, predict, sweep, explain, add, remove.

mod edit;
mod explain;
mod fit;
mod input;
mod predict;
mod rounding;
mod settings;
mod sweep;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Verb {
    Fit(fit::Fit),
    Predict(predict::Predict),
    Sweep(sweep::Sweep),
    Explain(explain::Explain),
    Add(edit::Add),
    Remove(edit::Remove),
}

impl Verb {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        match self {
            Self::Fit(verb) => verb.run(),
            Self::Predict(verb) => verb.run(),
            Self::Sweep(verb) => verb.run(),
            Self::Explain(verb) => verb.run(),
            Self::Add(verb) => verb.run(),
            Self::Remove(verb) => verb.run(),
        }
    }
}
