"""What the PyTorch peers share: the threads, and timing.

A worker is a class with methods named as its operations. It is started with a number of threads for its whole life, so
that PyTorch's pools are made once and for that number:

  python train.py            then one request a line on standard input, one answer a line on standard output
  {"op":"hello","threads":2} -> {"peers":{"torch":"2.15.0"},"threads":2}

PyTorch that is not installed has version null. How requests and answers travel is in worker.py.
"""

import os
import sys
import time

from worker import BadRequest, Worker


def timed_loop(work, least, at_least=1):
    """Seconds of one call of `work`: the mean of as many in a row as fill `least` seconds."""
    calls = 0
    start = time.perf_counter()
    while True:
        work()
        calls += 1
        seconds = time.perf_counter() - start
        if seconds >= least and calls >= at_least:
            return seconds / calls


def fastest(candidates, time_once, rounds=3):
    """The name among `candidates` whose shortest of `rounds` times, taken in turn, is the shortest."""
    best = {}
    for _ in range(rounds):
        for name in candidates:
            seconds = time_once(name)
            best[name] = min(seconds, best.get(name, seconds))
    return min(best, key=best.get)


def settle(torch, device):
    """Waits until a GPU has done what it was asked for."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


class TorchWorker(Worker):
    """A worker whose operations come from its subclass."""

    def __init__(self):
        self.torch = None
        self.threads = None

    def greeted(self):
        return self.torch is not None

    def hello(self, request):
        threads = request.get("threads")
        if not isinstance(threads, int) or threads < 1:
            raise BadRequest(f"field `threads` must be a whole number from 1, got {threads!r}")
        # Read when the libraries are loaded, which is below.
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = str(threads)
        try:
            import torch
        except (ImportError, OSError, ValueError) as error:
            print(f"torch: {error}", file=sys.stderr)
            return {"peers": {"torch": None}, "threads": threads}
        torch.set_num_threads(threads)
        # As our side does on GPUs: products with ten bits of fraction.
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        self.torch, self.threads = torch, threads
        return {"peers": {"torch": torch.__version__}, "threads": torch.get_num_threads()}
