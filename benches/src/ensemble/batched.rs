//! Perceptrons stacked in NumPy, for want of a framework.

use super::sides::{Turn, agreement};
use super::work::Ensemble;
use crate::Peers;
use crate::contest::Entry;
use crate::error::BenchError;
use crate::packages::Packages;
use crate::rounds::timed;
use serde_json::{Value, json};
use tenfold_core_tensor::stats::mean;

/// The name of the peer, as rows show it.
pub(super) const NUMPY: &str = "numpy";

const SCRIPT: &str = "batched.py";

/// How often each timed member is in the stack: the method wants many.
const COPIES: usize = 10;

/// Loads the worker, trains once to compare, and is ready to be timed.
pub(super) fn enter<'a>(
    ensemble: &'a Ensemble,
    load: &Value,
    mine: &[f64],
    peers: &Peers,
) -> Result<Entry<'a>, BenchError> {
    let script = peers.folder.join(SCRIPT);
    let mut worker = Packages::start(&peers.python, &script, rayon::current_num_threads(), &[]);
    let version = worker.version(NUMPY)?;
    let mut load = load.clone();
    load["copies"] = json!(COPIES);
    worker.ask::<Value>(&load)?;
    let theirs = worker.ask::<Turn>(&json!({"op": "turn"}))?.losses;
    Ok(Entry {
        version,
        agreement: agreement(mine, &theirs),
        note: format!("theirs {:.4}, {COPIES} copies of each stacked", mean(&theirs)),
        turn: Box::new(move || {
            let (seconds, losses) = timed(|| worker.ask::<Turn>(&json!({"op": "turn"})));
            losses.map(|_| ensemble.extrapolate(seconds) / COPIES as f64)
        }),
    })
}
