//! The peers that judge training examples, behind one worker (`benches/peers/valuation.py` says what it understands).

use crate::Peers;
use crate::error::{BenchError, PeerError};
use crate::packages::Packages;
use serde::Deserialize;
use serde_json::Value;

/// The worker's script.
const SCRIPT: &str = "valuation.py";

/// Finds wrong labels from predictions.
pub(super) const CLEANLAB: &str = "cleanlab";

/// Values data by Shapley values and leave-one-out.
pub(super) const PYDVL: &str = "pyDVL";

/// The worker, if it could be started.
pub(super) struct Valuation(Packages);

/// One number for each training example.
#[derive(Deserialize)]
pub(super) struct Values {
    pub(super) seconds: f64,
    pub(super) numbers: Vec<f64>,
}

impl Valuation {
    /// Starts the worker in the bench's own environment.
    pub(super) fn start(peers: &Peers) -> Self {
        let threads = rayon::current_num_threads();
        let python = peers.own.as_ref().unwrap_or(&peers.python);
        Self(Packages::start(python, &peers.folder.join(SCRIPT), threads, &[]))
    }

    pub(super) fn version(&self, peer: &str) -> Result<String, BenchError> {
        self.0.version(peer)
    }

    /// Asks for a number for each of `examples`.
    pub(super) fn values(&mut self, request: &Value, examples: usize) -> Result<Values, BenchError> {
        let values: Values = self.0.ask(request)?;
        let (expected, found) = (vec![examples], vec![values.numbers.len()]);
        if expected != found {
            return Err(PeerError::Shape { what: "numbers", expected, found }.into());
        }
        Ok(values)
    }
}
