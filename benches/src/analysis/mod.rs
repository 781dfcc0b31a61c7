//! The bench `analysis`: our numbers against other people's on the same input, and the speed of the decomposition.
//!
//! | `work` | what |
//! |---|---|
//! | `bias-variance-mlxtend` | bias and variance of 50 bootstrap models, against `mlxtend`'s mean squared error |
//! | `calibration-...` | calibration errors in the same bins, against `netcal` and `uncertainty-calibration` |
//! | `decompose-50x50000x100` | probabilities decomposed from a file, against a plain read of that file, and against reading its blocks alone |
//! | `decompose-in-memory-...` | the same as an array in memory, against the plain read, and against adding all numbers up |

mod equal;
mod speed;

use crate::Settings;
use crate::error::BenchError;
use crate::row::Row;
use tempfile::TempDir;
use tenfold_core_tensor::files::FileError;

/// The `bench` of the rows.
const NAME: &str = "analysis";

/// Runs the whole bench, with a line on standard error for each stage.
///
/// # Errors
/// Files that cannot be written. What goes wrong with a peer becomes a row.
pub fn run(settings: &Settings) -> Result<Vec<Row>, BenchError> {
    let folder = TempDir::new().map_err(|error| FileError::new(std::env::temp_dir(), error))?;
    eprintln!("{NAME}: the same numbers");
    let mut rows = match &settings.peers {
        Some(peers) => equal::run(peers, folder.path())?,
        None => Vec::new(),
    };
    eprintln!("{NAME}: speed, {} rounds", settings.rounds);
    rows.extend(speed::run(settings.rounds, folder.path())?);
    Ok(rows)
}
