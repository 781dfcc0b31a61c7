//! The peers of the bench `search`, behind one worker (`benches/peers/search.py` says what it understands).

use crate::Peers;
use crate::error::{BenchError, PeerError};
use crate::packages::Packages;
use ndarray::{Array2, ArrayView2};
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use tempfile::TempDir;
use tenfold_core_tensor::arrays::{ArrayPath, read_matrix, write_npy};
use tenfold_core_tensor::files::FileError;

/// The worker's script.
const SCRIPT: &str = "search.py";

/// What somebody found: seconds, and the rows of the keys, `[queries, k]`, nearest first. A row that is no key's marks a
/// neighbour that was not found.
pub(super) type Found = (f64, Array2<u32>);

/// How a graph is built, the same for all.
#[derive(Debug, Clone, Copy)]
pub(super) struct GraphWork {
    pub(super) m: usize,
    pub(super) ef_construction: usize,
    pub(super) seed: u64,
}

/// The worker, if it could be started, and who lives in it.
pub(super) struct SearchPeers {
    packages: Packages,
    queries: usize,
}

#[derive(Deserialize)]
struct Loaded {
    keys: [usize; 2],
    queries: [usize; 2],
}

#[derive(Deserialize)]
struct Answer {
    seconds: f64,
    ids_path: PathBuf,
}

#[derive(Deserialize)]
struct Built {
    seconds: f64,
}

impl SearchPeers {
    /// Starts the worker with that many threads. One that does not start makes every peer absent.
    pub(super) fn start(peers: &Peers, threads: usize) -> Self {
        Self { packages: Packages::start(&peers.python, &peers.folder.join(SCRIPT), threads, &[]), queries: 0 }
    }

    /// A peer's name and version, as rows show it.
    pub(super) fn version(&self, peer: &str) -> Result<String, BenchError> {
        self.packages.version(peer)
    }

    /// Hands keys and queries to all peers, in files.
    pub(super) fn load(&mut self, keys: ArrayView2<f32>, queries: ArrayView2<f32>) -> Result<(), BenchError> {
        let folder = TempDir::new().map_err(|error| FileError::new(std::env::temp_dir(), error))?;
        let (keys_path, queries_path) = (folder.path().join("keys.npy"), folder.path().join("queries.npy"));
        write_npy(&keys_path, keys)?;
        write_npy(&queries_path, queries)?;
        self.queries = queries.nrows();
        let request = json!({"op": "load", "keys": keys_path, "queries": queries_path});
        let loaded: Loaded = self.packages.ask(&request)?;
        check("keys", &loaded.keys, keys.shape())?;
        Ok(check("queries", &loaded.queries, queries.shape())?)
    }

    /// Exact search.
    pub(super) fn exact(&mut self, peer: &str, k: usize) -> Result<Found, BenchError> {
        let answer = self.packages.ask(&json!({"op": "exact", "peer": peer, "k": k}))?;
        self.found(answer, k)
    }

    /// Builds a graph and says how many seconds that took.
    pub(super) fn build(&mut self, peer: &str, work: GraphWork) -> Result<f64, BenchError> {
        let GraphWork { m, ef_construction, seed } = work;
        let request = json!({"op": "build", "peer": peer, "m": m, "ef_construction": ef_construction, "seed": seed});
        Ok(self.packages.ask::<Built>(&request)?.seconds)
    }

    /// Search along the graph.
    pub(super) fn search(&mut self, peer: &str, k: usize, ef: usize) -> Result<Found, BenchError> {
        let answer = self.packages.ask(&json!({"op": "search", "peer": peer, "k": k, "ef": ef}))?;
        self.found(answer, k)
    }

    fn found(&self, answer: Answer, k: usize) -> Result<Found, BenchError> {
        // Rows of keys are far below 2^24, up to which single precision holds every integer; the mark for "not found",
        // 2^32 - 1, stays above them all.
        let ids = read_matrix(&ArrayPath::from(answer.ids_path))?.mapv(|id| id as u32);
        check("neighbours", ids.shape(), &[self.queries, k])?;
        Ok((answer.seconds, ids))
    }
}

fn check(what: &'static str, found: &[usize], expected: &[usize]) -> Result<(), PeerError> {
    if found == expected {
        return Ok(());
    }
    Err(PeerError::Shape { what, expected: expected.to_vec(), found: found.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Speaks the worker's language for one peer that always answers "key 0", and one that is not installed.
    const FAKE: &str = r#"
import json, os, struct, sys, tempfile
folder = tempfile.mkdtemp()
for line in sys.stdin:
    request = json.loads(line)
    op = request["op"]
    if op == "hello":
        answer = {"peers": {"zero": "1.2", "gone": None}, "threads": request["threads"]}
    elif op == "load":
        assert os.path.isfile(request["keys"])
        answer = {"keys": [3, 2], "queries": [2, 2]}
    elif op == "build":
        answer = {"seconds": 4.0, "bytes": 1, "seeded": True}
    else:
        shape = (2, request["k"])
        header = repr({"descr": "<u4", "fortran_order": False, "shape": shape}).ljust(117) + "\n"
        path = os.path.join(folder, "ids.npy")
        ids = [0] * (2 * request["k"] - 1) + [2 ** 32 - 1]
        with open(path, "wb") as f:
            f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
            f.write(struct.pack(f"<{len(ids)}I", *ids))
        answer = {"seconds": 0.5, "ids_path": path}
    print(json.dumps(answer), flush=True)
"#;

    fn fake() -> (TempDir, SearchPeers) {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join(SCRIPT), FAKE).unwrap();
        let peers = Peers { python: "python3".into(), folder: folder.path().to_owned(), own: None };
        let started = SearchPeers::start(&peers, 1);
        (folder, started)
    }

    #[test]
    fn every_request_has_its_answer() {
        let (_folder, mut peers) = fake();
        assert_eq!(peers.version("zero").unwrap(), "zero 1.2");
        assert!(matches!(peers.version("gone"), Err(BenchError::Peer(PeerError::NotInstalled))));
        assert!(matches!(peers.version("nobody"), Err(BenchError::Peer(PeerError::NotInstalled))));
        let (keys, queries) = (Array2::zeros((3, 2)), Array2::zeros((2, 2)));
        peers.load(keys.view(), queries.view()).unwrap();
        let work = GraphWork { m: 16, ef_construction: 9, seed: 7 };
        assert_eq!(peers.build("zero", work).unwrap(), 4.0);
        let (seconds, ids) = peers.search("zero", 2, 9).unwrap();
        assert_eq!((seconds, &ids), (0.5, &ndarray::array![[0, 0], [0, u32::MAX]]));
        assert_eq!(peers.exact("zero", 2).unwrap().1, ids);
    }

    #[test]
    fn other_shapes_than_ours_are_refused() {
        let (_folder, mut peers) = fake();
        let wrong = peers.load(Array2::zeros((4, 2)).view(), Array2::zeros((2, 2)).view()).unwrap_err();
        assert_eq!(wrong.to_string(), "keys: shape [3, 2], must be [4, 2]");
    }

    #[test]
    fn a_worker_that_does_not_start_makes_peers_absent() {
        let peers = Peers { python: "no-such-python".into(), folder: Path::new(".").to_owned(), own: None };
        let mut peers = SearchPeers::start(&peers, 1);
        let error = peers.version("faiss").unwrap_err().to_string();
        assert!(error.contains("no worker: cannot start no-such-python"), "{error}");
        let none = Array2::zeros((1, 1));
        assert!(matches!(peers.load(none.view(), none.view()), Err(BenchError::Peer(_))));
    }
}
