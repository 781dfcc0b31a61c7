//! The worker process that holds the peers: one JSON object a line, a request in, an answer out.
//!
//! A long-lived worker keeps the interpreter's start and the peers' imports outside every timing, and lets rounds of ours
//! and theirs alternate. Whatever it does wrong is a [`PeerError`]: a peer may be absent, the bench goes on.

use crate::error::PeerError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Variables that pin OpenBLAS to another processor or cache size than this machine's, and so slow a peer down.
const PINNED: [&str; 2] = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

/// How much of a bad answer an error shows.
const SHOWN: usize = 120;

/// A running worker.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    /// None once the worker was told to end.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts `python script`, with further variables in its environment. Its standard error is ours.
    ///
    /// # Errors
    /// [`PeerError::Start`].
    pub fn start(python: &Path, script: &Path, variables: &[(&str, &str)]) -> Result<Self, PeerError> {
        let start = |source| PeerError::Start { program: python.to_owned(), source };
        let mut command = Command::new(python);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        for name in PINNED {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        let mut child = command.spawn().map_err(start)?;
        let requests = child.stdin.take();
        let answers = child.stdout.take().ok_or_else(|| start(std::io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self { child, requests, answers: BufReader::new(answers) })
    }

    /// Sends a request, an object with a key `op`, and waits for its answer. A worker that ends closes the pipe, so there
    /// is nothing to wait for in vain.
    ///
    /// # Errors
    /// [`PeerError::Died`], [`PeerError::Refused`] with the worker's own word, or [`PeerError::Answer`].
    pub fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> Result<T, PeerError> {
        let op = request["op"].as_str().unwrap_or_default().to_owned();
        let sent = self.requests.as_mut().is_some_and(|pipe| {
            // One write for the line, so that a worker never sees half of it.
            pipe.write_all(format!("{request}\n").as_bytes()).and_then(|()| pipe.flush()).is_ok()
        });
        let mut line = Vec::new();
        let read = sent && self.answers.read_until(b'\n', &mut line).is_ok_and(|n| n > 0);
        if !read {
            self.requests = None;
            return Err(PeerError::Died { op, status: self.child.wait().ok() });
        }
        let line = String::from_utf8_lossy(&line);
        let answer = |rule: String| PeerError::Answer {
            op: op.clone(),
            answer: line.trim_end().chars().take(SHOWN).collect(),
            rule,
        };
        let value: Value = serde_json::from_str(&line).map_err(|error| answer(format!("not JSON: {error}")))?;
        if let Some(reason) = value.get("error") {
            let reason = reason.as_str().map_or_else(|| reason.to_string(), str::to_owned);
            return Err(PeerError::Refused { op, reason });
        }
        serde_json::from_value(value).map_err(|error| answer(error.to_string()))
    }
}

impl Drop for Worker {
    /// Closing its input ends the worker, which then removes its temporary files.
    fn drop(&mut self) {
        self.requests = None;
        // Nothing can be done about a worker that cannot be waited for.
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Echoes the request's `value`, and misbehaves when told to.
    const FAKE: &str = r#"
import json, os, sys
for line in sys.stdin:
    request = json.loads(line)
    op = request["op"]
    if op == "die":
        sys.exit(3)
    elif op == "fail":
        print(json.dumps({"error": "no such thing"}), flush=True)
    elif op == "noise":
        print("\xff hello " + "x" * 999, flush=True)
    elif op == "environment":
        print(json.dumps({"value": sum(name.startswith("OPENBLAS_") for name in os.environ)}), flush=True)
    else:
        print(json.dumps({"value": request.get("value")}), flush=True)
"#;

    #[derive(Debug, serde::Deserialize)]
    struct Echo {
        value: i64,
    }

    fn with_fake<T>(test: impl FnOnce(&mut Worker) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("fake.py");
        std::fs::write(&script, FAKE).unwrap();
        test(&mut Worker::start(Path::new("python3"), &script, &[]).unwrap())
    }

    #[test]
    fn answers_come_in_order_and_errors_do_not_end_the_worker() {
        with_fake(|worker| {
            for value in 0..3 {
                assert_eq!(worker.ask::<Echo>(&json!({"op": "echo", "value": value})).unwrap().value, value);
            }
            let error = worker.ask::<Echo>(&json!({"op": "fail"})).unwrap_err();
            assert_eq!(error.to_string(), "`fail`: no such thing");
            let error = worker.ask::<Echo>(&json!({"op": "noise"})).unwrap_err().to_string();
            assert!(error.contains("not JSON") && error.len() < 300, "{error}");
            let error = worker.ask::<Echo>(&json!({"op": "echo", "value": "text"})).unwrap_err();
            assert!(matches!(error, PeerError::Answer { .. }), "{error}");
            assert_eq!(worker.ask::<Echo>(&json!({"op": "echo", "value": 9})).unwrap().value, 9);
        });
    }

    #[test]
    fn a_worker_that_dies_is_an_error_and_stays_one() {
        with_fake(|worker| {
            let error = worker.ask::<Echo>(&json!({"op": "die"})).unwrap_err();
            assert_eq!(error.to_string(), "the worker ended during `die`: exit status: 3");
            let error = worker.ask::<Echo>(&json!({"op": "echo", "value": 1})).unwrap_err();
            assert!(matches!(error, PeerError::Died { .. }), "{error}");
        });
    }

    #[test]
    fn no_variable_holds_a_peer_back() {
        let set: i64 = std::env::vars_os()
            .filter(|(name, _)| name.to_string_lossy().starts_with("OPENBLAS_"))
            .filter(|(name, _)| !PINNED.iter().any(|pinned| name == pinned))
            .count() as i64;
        with_fake(|worker| assert_eq!(worker.ask::<Echo>(&json!({"op": "environment"})).unwrap().value, set));
    }

    #[test]
    fn an_interpreter_that_is_not_there_is_named() {
        let error = Worker::start(Path::new("no-such-python"), Path::new("x.py"), &[]).unwrap_err();
        assert!(error.to_string().starts_with("cannot start no-such-python"), "{error}");
    }
}
