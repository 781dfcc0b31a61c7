//! The bench `ensemble`: many networks trained together, beside the same trainings in PyTorch.
//!
//! | `work` | what |
//! |---|---|
//! | `mlp-ensemble-300-sgd` | 300 networks 784-128-10, each on 2,000 images of Fashion-MNIST, 20 epochs, batch 64 |
//! | `mlp-teachers-12-sgd` | 12 networks 64-128-10, each on 2,478 rows of features, 60 epochs, batch 64; beside stacked NumPy too |
//! | `resnet8-ensemble-50-sgd` | 50 residual networks of depth 8, each on 2,000 images of CIFAR-10, 5 epochs, batch 128 |
//!
//! With `--backend cuda` all run on a GPU, PyTorch one after another alone, and `-cuda` stands behind the name.
//!
//! Four members are timed; the numbers are those of all members, by the rule of three. PyTorch runs them one after another
//! on all cores, and, as a careful user would, in a process of one thread per core side by side. Both sides start from the
//! same weights and draw their own order of the samples, so that losses agree as two runs do, not as two computations.

mod batched;
mod sides;
mod work;

use crate::Settings;
use crate::error::BenchError;
use crate::row::Row;
pub(crate) use sides::contest;
use tempfile::TempDir;
use tenfold_core_tensor::files::FileError;
pub(crate) use work::{Data, Ensemble};

/// The `bench` of the rows.
const NAME: &str = "ensemble";

/// Runs the whole bench, with a line on standard error for each stage.
///
/// # Errors
/// Files that cannot be written; a training that fails. What goes wrong with a peer becomes a row.
pub fn run(settings: &Settings) -> Result<Vec<Row>, BenchError> {
    let folder = TempDir::new().map_err(|error| FileError::new(std::env::temp_dir(), error))?;
    let mut rows = Vec::new();
    for ensemble in [Ensemble::mlps(), Ensemble::teachers(), Ensemble::resnets()] {
        let rounds = settings.rounds.min(ensemble.most_rounds());
        eprintln!("{NAME}: {}, {} threads, {rounds} rounds", ensemble.work(), rayon::current_num_threads());
        let data = Data::of(&ensemble)?;
        let how = Settings { rounds, ..settings.clone() };
        rows.extend(contest(NAME, &ensemble, &data, &how, folder.path())?);
    }
    Ok(rows)
}
