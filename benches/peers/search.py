#!/usr/bin/env python3
"""Nearest-neighbour peers behind one worker process.

The bench (Rust) starts this file once and talks JSON lines with it: one request on standard input,
one answer on standard output. A long-lived worker lets the bench interleave its own rounds with each
peer's, so that a slow spell of the machine falls on everyone, and keeps Python's start and the peers'
imports outside every timing.

Requests and answers, all sizes in rows, all times in seconds of wall clock:

  {"op":"hello","threads":2}      -> {"peers":{"faiss":"1.15.1","hnswlib":null,...},"threads":2}
  {"op":"load","keys":"k.npy","queries":"q.npy"}
                                  -> {"keys":[n,d],"queries":[m,d]}
  {"op":"exact","peer":"faiss","k":64}
                                  -> {"seconds":t,"ids_path":"....npy"}
  {"op":"build","peer":"hnswlib","m":16,"ef_construction":200,"seed":7}
                                  -> {"seconds":t,"bytes":b,"seeded":true}
  {"op":"search","peer":"hnswlib","k":10,"ef":100}
                                  -> {"seconds":t,"ids_path":"....npy"}
  {"op":"bye"}                    -> {"bye":true}, then the worker ends

A peer that is not installed has version null. Anything wrong is answered {"error": "..."} and the worker
goes on. `ids_path` holds a little-endian u32 array [m, k], nearest first; 4294967295 marks a neighbour
the index did not find. The files live until the worker ends.

The distance is squared Euclidean in single precision for every peer. `bytes` is the size of the
serialised index: vectors and graph. `seeded` says whether the peer lets its levels be seeded.

Try it by hand: target/peers/bin/python benches/peers/search.py --self-test
"""

import json
import os
import sys
import tempfile
import time

# Some environments pin OpenBLAS to an old core or cache size. That slows faiss's matrix product, and a
# peer held back is no peer. OpenBLAS reads these when it is loaded, so they go before any import of numpy;
# the bench starts the worker without them too.
for _name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(_name, None)

from worker import BadRequest, Worker, answer, serve  # noqa: E402: after the variables are gone

MISSING = 0xFFFFFFFF


def field(request, name, kind):
    """The field `name` of a request, checked."""
    value = request.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadRequest(f"field `{name}` must be {kind.__name__}, got {value!r}")
    if kind is int and name != "seed" and value < 1:
        raise BadRequest(f"field `{name}` must be at least 1, got {value}")
    return value


class Faiss:
    """faiss: flat index for exact search, IndexHNSWFlat for the graph."""

    distribution = "faiss-cpu"

    def __init__(self, threads):
        import faiss

        self.faiss = faiss
        self.threads = threads
        self.flat = None
        self.graph = None

    def _limit(self):
        # Set before every call: faiss keeps OpenMP's process-wide setting, which another peer may change.
        self.faiss.omp_set_num_threads(self.threads)

    def load(self, keys):
        self.flat = self.faiss.IndexFlatL2(keys.shape[1])
        self.flat.add(keys)
        self.graph = None

    def exact(self, queries, k):
        self._limit()
        return timed(lambda: self.flat.search(queries, k)[1])

    def build(self, keys, m, ef_construction, seed):
        self._limit()
        index = self.faiss.IndexHNSWFlat(keys.shape[1], m)
        index.hnsw.efConstruction = ef_construction
        index.hnsw.rng = self.faiss.RandomGenerator(seed)
        seconds, _ = timed(lambda: index.add(keys))
        self.graph = index
        return seconds, int(self.faiss.serialize_index(index).nbytes), True

    def search(self, queries, k, ef):
        self._limit()
        self.graph.hnsw.efSearch = ef
        return timed(lambda: self.graph.search(queries, k)[1])


class Hnswlib:
    """hnswlib: the authors' own HNSW."""

    distribution = "hnswlib"

    def __init__(self, threads):
        import hnswlib

        self.hnswlib = hnswlib
        self.threads = threads
        self.graph = None

    def load(self, keys):
        self.graph = None

    def build(self, keys, m, ef_construction, seed):
        index = self.hnswlib.Index(space="l2", dim=keys.shape[1])
        index.init_index(max_elements=len(keys), ef_construction=ef_construction, M=m, random_seed=seed)
        index.set_num_threads(self.threads)
        seconds, _ = timed(lambda: index.add_items(keys, num_threads=self.threads))
        self.graph = index
        return seconds, int(index.index_file_size()), True

    def search(self, queries, k, ef):
        # hnswlib needs ef >= k to return k neighbours.
        self.graph.set_ef(max(ef, k))
        return timed(lambda: self.graph.knn_query(queries, k=k, num_threads=self.threads)[0])


class Usearch:
    """usearch: HNSW in single precision; its level generator takes no seed."""

    distribution = "usearch"

    def __init__(self, threads):
        from usearch.index import Index

        self.make = Index
        self.threads = threads
        self.graph = None

    def load(self, keys):
        self.graph = None

    def build(self, keys, m, ef_construction, seed):
        import numpy as np

        index = self.make(
            ndim=keys.shape[1], metric="l2sq", dtype="f32", connectivity=m, expansion_add=ef_construction
        )
        labels = np.arange(len(keys), dtype=np.uint64)
        seconds, _ = timed(lambda: index.add(labels, keys, threads=self.threads))
        self.graph = index
        return seconds, int(index.serialized_length), False

    def search(self, queries, k, ef):
        self.graph.expansion_search = ef
        seconds, found = timed(lambda: self.graph.search(queries, k, threads=self.threads))
        ids = found.keys.astype("int64").reshape(len(queries), k)
        # Rows may hold fewer than k matches; what lies beyond the count is not an answer.
        counts = getattr(found, "counts", None)
        if counts is not None:
            for row, count in enumerate(counts):
                ids[row, int(count):] = -1
        return seconds, ids


PEERS = {"faiss": Faiss, "hnswlib": Hnswlib, "usearch": Usearch}


def timed(work):
    """(seconds, result) of one call."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


class Search(Worker):
    """Holds the loaded arrays and the peers' indexes between requests."""

    operations = ("load", "exact", "build", "search")

    def __init__(self, folder):
        self.folder = folder
        self.answers = 0
        self.threads = None
        self.peers = {}
        self.keys = None
        self.queries = None

    def greeted(self):
        return self.threads is not None

    def hello(self, request):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        threads = field(request, "threads", int) if "threads" in request else cores
        if self.threads not in (None, threads):
            raise BadRequest(f"threads are already {self.threads}: start another worker to change them")
        self.threads = threads
        # Read when the libraries are loaded, which is below.
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = str(threads)
        from importlib.metadata import PackageNotFoundError, version

        versions = {}
        for name, peer in PEERS.items():
            try:
                if name not in self.peers:
                    self.peers[name] = peer(threads)
                versions[name] = version(peer.distribution)
            except (ImportError, PackageNotFoundError):
                self.peers.pop(name, None)
                versions[name] = None
        return {"peers": versions, "threads": threads}

    def load(self, request):
        import numpy as np

        arrays = []
        for name in ("keys", "queries"):
            array = np.load(field(request, name, str), allow_pickle=False)
            if array.ndim != 2 or array.size == 0:
                raise BadRequest(f"`{name}` must be a matrix with rows, got shape {array.shape}")
            arrays.append(np.ascontiguousarray(array, dtype=np.float32))
        keys, queries = arrays
        if keys.shape[1] != queries.shape[1]:
            raise BadRequest(f"keys {keys.shape} and queries {queries.shape} differ in their second size")
        self.keys, self.queries = keys, queries
        for peer in self.peers.values():
            peer.load(keys)
        return {"keys": list(keys.shape), "queries": list(queries.shape)}

    def peer(self, request, need_graph=False):
        name = field(request, "peer", str)
        if name not in PEERS:
            raise BadRequest(f"unknown peer {name!r}: one of {', '.join(PEERS)}")
        if name not in self.peers:
            raise BadRequest(f"peer {name} is not installed")
        if self.keys is None:
            raise BadRequest("nothing is loaded")
        if need_graph and self.peers[name].graph is None:
            raise BadRequest(f"peer {name} has no graph: build first")
        return self.peers[name]

    def k(self, request):
        k = field(request, "k", int)
        if k > len(self.keys):
            raise BadRequest(f"k = {k} is more than the {len(self.keys)} keys")
        return k

    def exact(self, request):
        peer = self.peer(request)
        if not hasattr(peer, "exact"):
            raise BadRequest(f"peer {request['peer']} has no exact search here: use faiss")
        return self.found(peer.exact(self.queries, self.k(request)))

    def build(self, request):
        peer = self.peer(request)
        seconds, size, seeded = peer.build(
            self.keys, field(request, "m", int), field(request, "ef_construction", int), field(request, "seed", int)
        )
        return {"seconds": seconds, "bytes": size, "seeded": seeded}

    def search(self, request):
        peer = self.peer(request, need_graph=True)
        return self.found(peer.search(self.queries, self.k(request), field(request, "ef", int)))

    def found(self, result):
        import numpy as np

        seconds, ids = result
        ids = np.asarray(ids).astype(np.int64)
        ids[ids < 0] = MISSING
        path = os.path.join(self.folder, f"ids-{self.answers}.npy")
        self.answers += 1
        np.save(path, ids.astype("<u4"))
        return {"seconds": seconds, "ids_path": path}


def self_test():
    """Every op on a small random set: exact must equal brute force, graphs must recall most of it."""
    with tempfile.TemporaryDirectory(prefix="tenfold-peers-") as folder:
        worker = Search(folder)
        # Before numpy is imported, as in a bench: hello sets the thread counts that it reads.
        hello = answer(worker, {"op": "hello", "threads": 2})
        print(json.dumps(hello))
        import numpy as np

        draw = np.random.default_rng(7)
        keys = draw.standard_normal((3000, 16)).astype(np.float32)
        queries = draw.standard_normal((200, 16)).astype(np.float32)
        paths = {name: os.path.join(folder, name + ".npy") for name in ("keys", "queries")}
        np.save(paths["keys"], keys)
        np.save(paths["queries"], queries)
        k = 10
        distances = ((queries[:, None, :].astype(np.float64) - keys[None]) ** 2).sum(-1)
        truth = np.argsort(distances, axis=1, kind="stable")[:, :k]

        failures = []

        def expect(condition, text):
            print(("ok      " if condition else "FAILED  ") + text)
            if not condition:
                failures.append(text)

        def recall(reply):
            ids = np.load(reply["ids_path"])
            return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(ids.tolist(), truth.tolist())]))

        expect("error" in answer(worker, {"op": "exact", "peer": "faiss", "k": k}), "exact before load is an error")
        expect(answer(worker, {"op": "load", **paths}) == {"keys": [3000, 16], "queries": [200, 16]}, "load")
        for request in (
            {"op": "nonsense"},
            {"op": "exact", "peer": "nobody", "k": k},
            {"op": "exact", "peer": "faiss", "k": 0},
            {"op": "exact", "peer": "faiss", "k": 3001},
            {"op": "search", "peer": "hnswlib", "k": k, "ef": 10},
            {"op": "load", "keys": paths["keys"] + ".absent", "queries": paths["queries"]},
            [],
        ):
            expect("error" in answer(worker, request), f"refused: {json.dumps(request)[:60]}")
        for name, installed in hello["peers"].items():
            if installed is None:
                print(f"absent  {name}")
                continue
            if hasattr(PEERS[name], "exact"):
                reply = answer(worker, {"op": "exact", "peer": name, "k": k})
                expect(recall(reply) == 1.0, f"{name} exact equals brute force ({reply['seconds']:.4f} s)")
            build = answer(worker, {"op": "build", "peer": name, "m": 16, "ef_construction": 100, "seed": 7})
            expect(build.get("seconds", 0) > 0 and build.get("bytes", 0) > keys.nbytes, f"{name} build: {build}")
            reply = answer(worker, {"op": "search", "peer": name, "k": k, "ef": 100})
            share = recall(reply) if "ids_path" in reply else 0.0
            expect(share > 0.9, f"{name} recall {share:.3f}")
        return 1 if failures else 0


def main(arguments):
    """Entry point: `--self-test`, or the JSON-lines loop."""
    if arguments == ["--self-test"]:
        return self_test()
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tenfold-peers-") as folder:
        serve(Search(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
