//! PyTorch behind a worker (`benches/peers/torch_worker.py` says how it talks).

use crate::Peers;
use crate::error::BenchError;
use crate::packages::Packages;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tenfold_core_tensor::device::{Backend, DeviceSpec};

/// The name of the peer, as rows show it.
pub const TORCH: &str = "torch";

/// What keeps each of several threads on a core of its own, as `threads::pools` does with ours.
const BOUND: [(&str, &str); 2] = [("OMP_PROC_BIND", "true"), ("OMP_PLACES", "cores")];

/// What PyTorch calls a device of ours. It has none for WGPU: there it runs on the CPU.
pub fn device(of: DeviceSpec) -> String {
    if of.backend == Backend::Cuda { of.to_string() } else { "cpu".into() }
}

/// A worker with PyTorch on a fixed number of threads, or why there is none.
#[derive(Debug)]
pub struct Torch(Packages);

impl Torch {
    /// Starts `script` of the peers' folder; of several threads, each is bound to a core.
    pub fn start(peers: &Peers, script: &str, threads: usize) -> Self {
        let variables = if threads > 1 { &BOUND[..] } else { &[] };
        Self(Packages::start(&peers.python, &peers.folder.join(script), threads, variables))
    }

    /// Name and version, as rows show them.
    ///
    /// # Errors
    /// Those of [`Packages::version`].
    pub fn version(&self) -> Result<String, BenchError> {
        self.0.version(TORCH)
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// Those of [`Packages::ask`].
    pub fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> Result<T, BenchError> {
        self.0.ask(request)
    }
}
