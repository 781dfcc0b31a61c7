#!/usr/bin/env python3
"""Perceptrons with one hidden layer trained together in NumPy, stacked along a leading axis (worker.py says how it talks).

What somebody would write who wants thousands of small networks and no framework: every product is one of stacks of
matrices, gradients are by hand.

  {"op":"hello","threads":2} -> {"peers":{"numpy":"2.4.6"},"threads":2}
  {"op":"load","config":{...},"weights":["0.safetensors",...],"data":"d.npz","copies":10}
      -> {}
         The initial weights of each member and the data, `x` and `y`. Each member is trained in so many copies, which
         differ in the order of their samples: a stack of four would waste the method.
  {"op":"turn"}
      -> {"losses":[...]}
         Trains all copies of all members together; of each member, the mean loss of the last epoch, over its copies.
"""

import os
import sys

from worker import BadRequest, Worker, serve


class Batched(Worker):
    operations = ("load", "turn")

    def __init__(self):
        self.numpy = None

    def greeted(self):
        return self.numpy is not None

    def hello(self, request):
        threads = request.get("threads")
        if not isinstance(threads, int) or threads < 1:
            raise BadRequest(f"field `threads` must be a whole number from 1, got {threads!r}")
        # Read when the library is loaded, which is below.
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = str(threads)
        try:
            import numpy
        except ImportError as error:
            print(f"numpy: {error}", file=sys.stderr)
            return {"peers": {"numpy": None}, "threads": threads}
        self.numpy = numpy
        return {"peers": {"numpy": numpy.__version__}, "threads": threads}

    def load(self, request):
        from safetensors.numpy import load_file

        np = self.numpy
        self.config, self.copies = request["config"], request["copies"]
        if self.config["optimiser"]["kind"] != "sgd" or self.config["schedule"]["decay"]["kind"] != "constant":
            raise BadRequest("only SGD with a constant learning rate is written here")
        data = np.load(request["data"])
        self.x, self.y = data["x"].reshape(len(data["x"]), -1), data["y"]
        members = [load_file(path) for path in request["weights"]]
        self.members = len(members)
        self.initial = []
        for layer in ("hidden.0", "output"):
            weight, bias = (
                np.stack([find(member, f"{layer}.{what}") for member in members]) for what in ("weight", "bias")
            )
            self.initial += [np.tile(weight, (self.copies, 1, 1)), np.tile(bias, (self.copies, 1))[:, None, :]]
        return {}

    def turn(self, request):
        np, config = self.numpy, self.config
        w = [weights.copy() for weights in self.initial]
        velocity = [np.zeros_like(weights) for weights in w]
        decay = [config["weight_decay"], 0.0] * 2
        momentum, nesterov = config["optimiser"]["momentum"], config["optimiser"]["nesterov"]
        rate, size = config["learning_rate"], config["batch_size"]
        rng = np.random.default_rng(7)
        count, n = len(w[0]), len(self.x)
        for _ in range(config["epochs"]):
            order = rng.permuted(np.tile(np.arange(n), (count, 1)), axis=1)
            total = np.zeros(count)
            for start in range(0, n, size):
                rows = order[:, start : start + size]
                x, y = self.x[rows], self.y[rows]
                z = x @ w[0] + w[1]
                hidden = np.maximum(z, 0)
                logits = hidden @ w[2] + w[3]
                logits -= logits.max(-1, keepdims=True)
                p = np.exp(logits)
                sums = p.sum(-1, keepdims=True)
                p /= sums
                label = np.take_along_axis(logits, y[..., None], -1)
                total += (np.log(sums) - label)[..., 0].sum(1)
                np.put_along_axis(p, y[..., None], np.take_along_axis(p, y[..., None], -1) - 1, -1)
                p /= rows.shape[1]
                below = p @ w[2].transpose(0, 2, 1)
                below *= z > 0
                gradients = [
                    x.transpose(0, 2, 1) @ below,
                    below.sum(1, keepdims=True),
                    hidden.transpose(0, 2, 1) @ p,
                    p.sum(1, keepdims=True),
                ]
                for weights, v, gradient, lam in zip(w, velocity, gradients, decay):
                    if lam:
                        gradient += lam * weights
                    v *= momentum
                    v += gradient
                    weights -= rate * (gradient + momentum * v if nesterov else v)
        losses = (total / n).reshape(self.copies, self.members).mean(0)
        return {"losses": losses.tolist()}


def find(tensors, name):
    """A tensor by the end of its name: a network's kind may stand before it."""
    found = [tensor for key, tensor in tensors.items() if key == name or key.endswith("." + name)]
    if len(found) != 1:
        raise BadRequest(f"the weights have {len(found)} tensors called {name}")
    return found[0]


if __name__ == "__main__":
    serve(Batched())
