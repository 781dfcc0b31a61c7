//! PyTorch behind a worker (`benches/peers/torch_worker.py` says how it talks).

use crate::Peers;
use crate::error::{BenchError, PeerError};
use crate::peer::Worker;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The name of the peer, as rows show it.
pub const TORCH: &str = "torch";

/// A worker with PyTorch on a fixed number of threads, or why there is none.
#[derive(Debug)]
pub struct Torch {
    worker: Result<Worker, String>,
    version: Option<String>,
}

#[derive(Deserialize)]
struct Hello {
    peers: BTreeMap<String, Option<String>>,
    threads: usize,
}

impl Torch {
    /// Starts `script` of the peers' folder. A worker that does not start, or has no PyTorch or another number of threads,
    /// makes the peer absent.
    pub fn start(peers: &Peers, script: &str, threads: usize) -> Self {
        let started = Worker::start(&peers.python, &peers.folder.join(script)).and_then(|mut worker| {
            let hello: Hello = worker.ask(&json!({"op": "hello", "threads": threads}))?;
            Ok((worker, hello))
        });
        match started {
            Ok((_, hello)) if hello.threads != threads => {
                Self { worker: Err(format!("it runs on {} threads", hello.threads)), version: None }
            }
            Ok((worker, mut hello)) => Self { worker: Ok(worker), version: hello.peers.remove(TORCH).flatten() },
            Err(error) => Self { worker: Err(error.to_string()), version: None },
        }
    }

    /// Name and version, as rows show them.
    ///
    /// # Errors
    /// [`PeerError::NotInstalled`], or [`PeerError::Refused`] where there is no worker.
    pub fn version(&self) -> Result<String, BenchError> {
        if let Err(reason) = &self.worker {
            return Err(refused("hello", reason).into());
        }
        let version = self.version.as_ref().ok_or(PeerError::NotInstalled)?;
        Ok(format!("{TORCH} {version}"))
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// Those of [`Worker::ask`], and [`PeerError::Refused`] where there is no worker.
    pub fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> Result<T, BenchError> {
        match &mut self.worker {
            Ok(worker) => Ok(worker.ask(request)?),
            Err(reason) => Err(refused(request["op"].as_str().unwrap_or_default(), reason).into()),
        }
    }
}

fn refused(op: &str, reason: &str) -> PeerError {
    PeerError::Refused { op: op.to_owned(), reason: format!("no worker: {reason}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str, threads: usize) -> Torch {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("fake.py"), script).unwrap();
        let peers = Peers { python: "python3".into(), folder: folder.path().to_owned() };
        Torch::start(&peers, "fake.py", threads)
    }

    /// Answers every request with a version and two threads.
    fn fake(version: &str) -> String {
        let answer = format!(r#"{{"peers": {{"torch": {version}}}, "threads": 2}}"#);
        format!("import sys\nfor line in sys.stdin:\n    print('{answer}', flush=True)\n")
    }

    #[test]
    fn the_version_is_the_workers() {
        assert_eq!(start(&fake("\"2.15\""), 2).version().unwrap(), "torch 2.15");
        assert!(matches!(start(&fake("null"), 2).version(), Err(BenchError::Peer(PeerError::NotInstalled))));
    }

    #[test]
    fn absence_says_why() {
        let other_threads = start(&fake("\"2.15\""), 1).version().unwrap_err();
        assert_eq!(other_threads.to_string(), "`hello`: no worker: it runs on 2 threads");
        let mut dead = start("raise SystemExit(3)", 1);
        let error = dead.ask::<Value>(&json!({"op": "turn"})).unwrap_err().to_string();
        assert!(error.starts_with("`turn`: no worker: the worker ended"), "{error}");
    }
}
