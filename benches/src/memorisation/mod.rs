//! The bench `memorisation`: what the subset estimator costs.
//!
//! | `work` | what |
//! |---|---|
//! | `mlp-trainings-w16-...` | 400 trainings of one hidden layer on 420 of 600 points of 24 numbers, at several widths |
//! | `influence-4000x50000x10000` | influence of 50,000 examples on 10,000 test points from 4,000 models, beside one matrix product of that size in PyTorch |
//!
//! Trainings are timed on four members, influence on a share of the examples; the numbers are those of the whole, by the
//! rule of three.

mod influence;

use crate::Settings;
use crate::ensemble::{Data, Ensemble, contest};
use crate::error::BenchError;
use crate::row::Row;
use tempfile::TempDir;
use tenfold_core_tensor::files::FileError;

/// The `bench` of the rows.
const NAME: &str = "memorisation";

/// Widths of the hidden layer: every second of the specification's eight.
const WIDTHS: [usize; 4] = [4, 16, 64, 256];

/// Runs the whole bench, with a line on standard error for each stage.
///
/// # Errors
/// Files that cannot be written; a training that fails. What goes wrong with a peer becomes a row.
pub fn run(settings: &Settings) -> Result<Vec<Row>, BenchError> {
    let folder = TempDir::new().map_err(|error| FileError::new(std::env::temp_dir(), error))?;
    eprintln!("{NAME}: influence, {} threads, {} rounds", rayon::current_num_threads(), settings.rounds);
    let mut rows = influence::run(settings.rounds, settings.peers.as_ref(), folder.path())?;
    for width in WIDTHS {
        let ensemble = Ensemble::subsets(width);
        let rounds = settings.rounds.min(ensemble.most_rounds());
        eprintln!("{NAME}: {}, {rounds} rounds", ensemble.work());
        let data = Data::of(&ensemble)?;
        rows.extend(contest(NAME, &ensemble, &data, rounds, settings.peers.as_ref(), folder.path())?);
    }
    Ok(rows)
}
