//! The bench `train`: steps of training beside PyTorch.
//!
//! | `work` | what |
//! |---|---|
//! | `resnet8-train-b128-sgd` | forward, backward and a step of SGD of the residual network of depth 8, batch 128 of 3 x 32 x 32 |
//! | `mlp-train-b128-adamw` | the same for 784-512-512-10, batch 128, with AdamW |
//! | `mlp-train-b64-sgd`, `-adamw` | the same for 784-128-10, batch 64: what an ensemble is made of |
//! | `encoder-train-b16` | forward and backward of four transformer layers of width 256 on 16 sequences of 128 |
//!
//! On all cores, and with `-t1` on one thread; with `--backend cuda` on a GPU, ours and PyTorch's, and `-cuda` behind the name. Both sides start from the same bytes, and what they reach is compared.

mod encoder;
mod nets;

use crate::Settings;
use crate::error::BenchError;
use crate::row::Row;
use crate::threads::{pools, suffix};
use crate::torch::Torch;
use tempfile::TempDir;
use tenfold_core_tensor::device::Backend;
use tenfold_core_tensor::files::FileError;

/// The `bench` of the rows.
const NAME: &str = "train";

/// PyTorch's side.
const SCRIPT: &str = "train.py";

/// Runs the whole bench, with a line on standard error for each stage.
///
/// # Errors
/// Files that cannot be written; a training that fails. What goes wrong with a peer becomes a row.
pub fn run(settings: &Settings) -> Result<Vec<Row>, BenchError> {
    let folder = TempDir::new().map_err(|error| FileError::new(std::env::temp_dir(), error))?;
    let mut rows = Vec::new();
    let mut pools = pools()?;
    if settings.device.backend != Backend::Flex {
        pools.truncate(1);
    }
    for pool in pools {
        let threads = pool.current_num_threads();
        let mut torch = settings.peers.as_ref().map(|peers| Torch::start(peers, SCRIPT, threads));
        for net in nets::all() {
            let name = format!("{}{}{}", net.work, suffix(&pool), settings.suffix());
            eprintln!("{NAME}: {name}, {threads} threads, {} rounds", settings.rounds);
            rows.extend(nets::run(&net, &name, settings, &pool, torch.as_mut(), folder.path())?);
        }
        let name = format!("{}{}{}", encoder::WORK, suffix(&pool), settings.suffix());
        eprintln!("{NAME}: {name}, {threads} threads, {} rounds", settings.rounds);
        rows.extend(encoder::run(&name, settings, &pool, torch.as_mut(), folder.path())?);
    }
    Ok(rows)
}
