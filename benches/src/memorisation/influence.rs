//! Influence from tables of bits, beside a matrix product of the same size.

use super::NAME;
use crate::Peers;
use crate::agreement::Agreement;
use crate::contest::{self, Entry, Peer, Work};
use crate::error::BenchError;
use crate::rounds::timed;
use crate::row::Row;
use crate::torch::{TORCH, Torch};
use ndarray::Array2;
use rand::RngExt;
use serde::Deserialize;
use serde_json::json;
use std::path::Path;
use tenfold_core_tensor::arrays::write_npz;
use tenfold_core_tensor::mask::BitMask;
use tenfold_core_tensor::seed::Seed;
use tenfold_memorisation::Influence;

const MODELS: usize = 4_000;
const EXAMPLES: usize = 50_000;
const TESTS: usize = 10_000;

/// Examples whose influence is timed.
const TIMED: usize = 1_000;

/// What rounding makes of a mean of a million differences of shares.
const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct Turn {
    seconds: f64,
    mean: f64,
}

pub(super) fn run(rounds: usize, peers: Option<&Peers>, folder: &Path) -> Result<Vec<Row>, BenchError> {
    let table = |columns: usize, share: f64, name: &str| -> Vec<BitMask> {
        let mut rng = Seed::new(7).named("bench-memorisation").named(name).rng();
        (0..MODELS).map(|_| (0..columns).map(|_| rng.random::<f64>() < share).collect()).collect()
    };
    let (masks, tested) = (table(TIMED, 0.7, "mask"), table(TESTS, 0.6, "tested"));
    let influence = Influence::new(&masks)?;
    let right = influence.tested(&tested)?;
    // A mean of squares: that of the numbers themselves is near zero.
    let ours = || influence.block(0..TIMED, &right);
    let first = ours();
    let mine = first.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / first.len() as f64;
    let whole = EXAMPLES as f64 / TIMED as f64;
    let entry = |peers: &Peers| -> Result<Entry<'_>, BenchError> {
        let file = folder.join("tables.npz");
        let bytes =
            |rows: &[BitMask]| Array2::from_shape_fn((MODELS, rows[0].len()), |(k, i)| u8::from(rows[k].get(i)));
        write_npz(&file, &[("mask", &bytes(&masks).view()), ("tested", &bytes(&tested).view())])?;
        let mut torch = Torch::start(peers, "memorisation.py", rayon::current_num_threads());
        let version = torch.version()?;
        torch.ask::<serde_json::Value>(&json!({"op": "load", "tables": file}))?;
        let theirs: Turn = torch.ask(&json!({"op": "turn"}))?;
        Ok(Entry {
            version,
            agreement: Agreement::of([mine], [theirs.mean], TOLERANCE),
            note: format!("mean of squares {:.4e}, single precision", theirs.mean),
            turn: Box::new(move || Ok(torch.ask::<Turn>(&json!({"op": "turn"}))?.seconds * whole)),
        })
    };
    let peers = peers.map(|peers| Peer { name: TORCH, entry: entry(peers) });
    let turn = || Ok(timed(ours).0 * whole);
    let say = |seconds: f64| {
        let pairs = MODELS as f64 * EXAMPLES as f64 * TESTS as f64 / seconds;
        format!("{TIMED} examples timed, {:.0} billion pairs a second; mean of squares {mine:.4e}", pairs / 1e9)
    };
    let name = format!("influence-{MODELS}x{EXAMPLES}x{TESTS}");
    contest::rows(
        Work { bench: NAME, name: &name, rounds, warm_up: 1 },
        Box::new(turn),
        say,
        peers.into_iter().collect(),
    )
}
