#!/usr/bin/env python3
"""PyTorch's side of the bench `memorisation`: influence as one matrix product (torch_worker.py says how it talks).

  {"op":"load","tables":"t.npz"}
      -> {}
         `mask` [models, examples] and `tested` [models, test points], bytes 0 and 1; kept in single precision.
  {"op":"turn"}
      -> {"seconds":t,"mean":m}
         The influence of all examples on all test points, and the mean of its squares (not timed).
"""

import time

import torch_worker
from worker import serve


class Influence(torch_worker.TorchWorker):
    operations = ("load", "turn")

    def load(self, request):
        import numpy as np

        tables = np.load(request["tables"])
        self.mask = self.torch.from_numpy(tables["mask"].astype(np.float32))
        self.tested = self.torch.from_numpy(tables["tested"].astype(np.float32))
        return {}

    def turn(self, request):
        start = time.perf_counter()
        inside = self.mask.sum(0)
        both = self.mask.T @ self.tested
        right = self.tested.sum(0)
        influence = both / inside[:, None] - (right - both) / (len(self.mask) - inside)[:, None]
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "mean": float(influence.double().square().mean())}


if __name__ == "__main__":
    serve(Influence())
