//! The bench `memorisation`: what the subset estimator costs.
//!
//! | `work` | what |
//! |---|---|
//! | `mlp-trainings-w16-...` | 400 trainings of one hidden layer on 420 of 600 points of 24 numbers, at eight widths, beside PyTorch and stacked NumPy |
//! | `influence-4000x50000x10000` | influence of 50,000 examples on 10,000 test points from 4,000 models, beside one matrix product of that size in PyTorch |
//! | `flips-...` | how well planted wrong labels are found, beside cleanlab and kNN-Shapley |
//! | `leave-one-out-logistic-...` | exact leave-one-out of a logistic regression, beside pyDVL |
//! | `influence-...-logistic-...` | how well influence from random subsets ranks as the exact one, beside Banzhaf values |
//!
//! Trainings are timed on four members, influence on a share of the examples; the numbers are those of the whole, by the
//! rule of three.

mod exact;
mod flips;
mod influence;
mod logistic;
mod valuation;

use crate::Settings;
use crate::ensemble::{Data, Ensemble, contest};
use crate::error::BenchError;
use crate::row::Row;
use tempfile::TempDir;
use tenfold_core_tensor::files::FileError;

/// The `bench` of the rows.
const NAME: &str = "memorisation";

/// Widths of the hidden layer: the eight of the experiment at scale standard.
const WIDTHS: [usize; 8] = [2, 4, 8, 16, 32, 64, 128, 256];

/// Runs the whole bench, with a line on standard error for each stage.
///
/// # Errors
/// Files that cannot be written; a training that fails. What goes wrong with a peer becomes a row.
pub fn run(settings: &Settings) -> Result<Vec<Row>, BenchError> {
    let folder = TempDir::new().map_err(|error| FileError::new(std::env::temp_dir(), error))?;
    eprintln!("{NAME}: influence, {} threads, {} rounds", rayon::current_num_threads(), settings.rounds);
    let mut rows = influence::run(settings.rounds, settings.peers.as_ref(), folder.path())?;
    eprintln!("{NAME}: planted wrong labels");
    rows.extend(flips::run(settings.peers.as_ref(), folder.path())?);
    eprintln!("{NAME}: exact leave-one-out");
    rows.extend(exact::run(settings.peers.as_ref(), folder.path())?);
    for width in WIDTHS {
        let ensemble = Ensemble::subsets(width);
        let rounds = settings.rounds.min(ensemble.most_rounds());
        eprintln!("{NAME}: {}, {rounds} rounds", ensemble.work());
        let data = Data::of(&ensemble)?;
        let how = Settings { rounds, ..settings.clone() };
        rows.extend(contest(NAME, &ensemble, &data, &how, folder.path())?);
    }
    Ok(rows)
}
