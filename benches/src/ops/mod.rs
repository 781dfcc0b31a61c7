//! The bench `ops`: single operations beside PyTorch and plain Burn, against what this machine can do.
//!
//! The table of operations is in `cases.rs`; a name that ends in `-forward-backward` counts the gradients of everything
//! that a network would ask for. All cores first, then with `-t1` one thread. `peak-flops` is what fused multiply-adds in
//! registers reach, `peak-bandwidth-memory` and `peak-bandwidth-cache` the triad `a = b + s c` on arrays that do not fit the
//! caches, and that do. Arithmetic is counted for products only; bytes are those that must move: inputs once, outputs once.

mod cases;
mod inputs;
mod peaks;
mod sides;

use crate::Settings;
use crate::contest::{self, Peer, Work};
use crate::error::BenchError;
use crate::row::Row;
use crate::threads::{pools, suffix};
use crate::torch::{TORCH, Torch};
use cases::{Case, Side};
use peaks::Peaks;
use rayon::ThreadPool;
use std::path::Path;
use tempfile::TempDir;
use tenfold_core_tensor::files::FileError;

/// The `bench` of the rows.
const NAME: &str = "ops";

/// PyTorch's side.
const SCRIPT: &str = "ops.py";

/// Runs the whole bench, with a line on standard error for each stage.
///
/// # Errors
/// Files that cannot be written. What goes wrong with a peer becomes a row.
pub fn run(settings: &Settings) -> Result<Vec<Row>, BenchError> {
    let folder = TempDir::new().map_err(|error| FileError::new(std::env::temp_dir(), error))?;
    let mut rows = Vec::new();
    for pool in pools()? {
        let threads = pool.current_num_threads();
        let mut torch = settings.peers.as_ref().map(|peers| Torch::start(peers, SCRIPT, threads));
        eprintln!("{NAME}: {threads} threads, {} rounds", settings.rounds);
        let peaks = Peaks::measure(&pool);
        rows.extend(peaks.rows(&suffix(&pool)));
        for case in cases::all() {
            let name = format!("{}{}", case.work(), suffix(&pool));
            eprintln!("{NAME}: {name}");
            rows.extend(contest(&case, &name, settings.rounds, &pool, &peaks, torch.as_mut(), folder.path())?);
        }
    }
    Ok(rows)
}

fn contest(
    case: &Case,
    name: &str,
    rounds: usize,
    pool: &ThreadPool,
    peaks: &Peaks,
    torch: Option<&mut Torch>,
    folder: &Path,
) -> Result<Vec<Row>, BenchError> {
    let drawn = case.draw();
    let mine = pool.install(|| case.results(&drawn, Side::Ours));
    let wanted = torch.is_some();
    let mut peers = Vec::new();
    if let Some(torch) = torch {
        peers.push(Peer { name: TORCH, entry: sides::torch(case, &drawn, &mine, torch, folder) });
    }
    if wanted {
        peers.push(Peer { name: sides::BURN, entry: Ok(sides::burn(case, &drawn, &mine, pool)) });
    }
    let mut op = case.prepare(&drawn, Side::Ours);
    let turn = move || Ok(pool.install(|| sides::seconds(&mut *op)));
    contest::rows(
        Work { bench: NAME, name, rounds, warm_up: 1 },
        Box::new(turn),
        |seconds| peaks.reached(case, seconds),
        peers,
    )
}
