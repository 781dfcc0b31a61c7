//! `tenfold memorisation`: design, score, influence, trajectories, proxies, show.

mod design;
mod influence;
mod input;
mod proxies;
mod score;
mod show;
mod table;
mod trajectories;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Verb {
    Design(design::Draw),
    Score(score::Score),
    Influence(influence::Influence),
    Trajectories(trajectories::Trajectories),
    Proxies(proxies::Proxies),
    Show(show::Show),
}

impl Verb {
    pub(crate) fn run(self) -> Result<Output, CliError> {
        match self {
            Self::Design(verb) => verb.run(),
            Self::Score(verb) => verb.run(),
            Self::Influence(verb) => verb.run(),
            Self::Trajectories(verb) => verb.run(),
            Self::Proxies(verb) => verb.run(),
            Self::Show(verb) => verb.run(),
        }
    }
}
