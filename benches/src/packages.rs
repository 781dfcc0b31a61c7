//! Peers that live in one worker: which there are, at which version, and what they answer.

use crate::error::{BenchError, PeerError};
use crate::peer::Worker;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// A worker and who lives in it, or why there is none.
#[derive(Debug)]
pub struct Packages {
    worker: Result<Worker, String>,
    versions: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
struct Hello {
    peers: BTreeMap<String, Option<String>>,
    threads: usize,
}

impl Packages {
    /// Starts a script with that many threads and further variables in its environment. A worker that does not start, or
    /// has another number of threads, makes every peer absent.
    pub fn start(python: &Path, script: &Path, threads: usize, variables: &[(&str, &str)]) -> Self {
        let started = Worker::start(python, script, variables).and_then(|mut worker| {
            let hello: Hello = worker.ask(&json!({"op": "hello", "threads": threads}))?;
            Ok((worker, hello))
        });
        let absent = |reason: String| Self { worker: Err(reason), versions: BTreeMap::new() };
        match started {
            Ok((_, hello)) if hello.threads != threads => absent(format!("it runs on {} threads", hello.threads)),
            Ok((worker, hello)) => Self { worker: Ok(worker), versions: hello.peers },
            Err(error) => absent(error.to_string()),
        }
    }

    /// A peer's name and version, as rows show them.
    ///
    /// # Errors
    /// [`PeerError::NotInstalled`], or [`PeerError::Refused`] where there is no worker.
    pub fn version(&self, peer: &str) -> Result<String, BenchError> {
        if let Err(reason) = &self.worker {
            return Err(refused("hello", reason).into());
        }
        let version = self.versions.get(peer).and_then(Option::as_ref).ok_or(PeerError::NotInstalled)?;
        Ok(format!("{peer} {version}"))
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

    fn start(script: &str, threads: usize) -> Packages {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fake.py");
        std::fs::write(&path, script).unwrap();
        Packages::start(Path::new("python3"), &path, threads, &[])
    }

    /// Answers every request with a version and two threads.
    fn fake(version: &str) -> String {
        let answer = format!(r#"{{"peers": {{"torch": {version}}}, "threads": 2}}"#);
        format!("import sys\nfor line in sys.stdin:\n    print('{answer}', flush=True)\n")
    }

    #[test]
    fn versions_are_the_workers() {
        assert_eq!(start(&fake("\"2.15\""), 2).version("torch").unwrap(), "torch 2.15");
        for (worker, peer) in [(fake("null"), "torch"), (fake("\"2.15\""), "jax")] {
            let error = start(&worker, 2).version(peer).unwrap_err();
            assert!(matches!(error, BenchError::Peer(PeerError::NotInstalled)), "{error}");
        }
    }

    #[test]
    fn absence_says_why() {
        let other_threads = start(&fake("\"2.15\""), 1).version("torch").unwrap_err();
        assert_eq!(other_threads.to_string(), "`hello`: no worker: it runs on 2 threads");
        let mut dead = start("raise SystemExit(3)", 1);
        let error = dead.ask::<Value>(&json!({"op": "turn"})).unwrap_err().to_string();
        assert!(error.starts_with("`turn`: no worker: the worker ended"), "{error}");
    }
}
