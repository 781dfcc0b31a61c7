//! `tenfold distill`: diagnose, margins, targets, post-shift.

mod accuracy;
mod classes;
mod diagnose;
mod input;
mod margins;
mod post_shift;
mod targets;
mod write;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Verb {
    Diagnose(diagnose::Diagnose),
    Margins(margins::Measure),
    Targets(targets::Targets),
    PostShift(post_shift::Search),
}

impl Verb {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        match self {
            Self::Diagnose(verb) => verb.run(),
            Self::Margins(verb) => verb.run(),
            Self::Targets(verb) => verb.run(),
            Self::PostShift(verb) => verb.run(),
        }
    }
}
