#!/usr/bin/env python3
"""PyTorch's side of the bench `ensemble`, behind one worker process (torch_worker.py says how it talks).

  {"op":"load","architecture":{...},"config":{...},"weights":["0.safetensors",...],"data":"d.npz"}
      -> {"variant":"channels-last, fused"}
         The initial weights of each member, the device (the CPU if none is named), and the data: `x` and `y`. Every variant that a careful user would try is
         timed on a few steps, and the fastest stays.
  {"op":"turn","members":[0,2]}
      -> {"seconds":t,"losses":[...]}
         Trains these members one after another; of each, the mean loss of its last epoch.
"""

import time

import torch_worker
from worker import serve


class Ensemble(torch_worker.TorchWorker):
    operations = ("load", "turn")

    def load(self, request):
        import numpy as np
        import torch_nets

        self.config = request["config"]
        data = np.load(request["data"])
        self.device = request.get("device", "cpu")
        self.x = self.torch.from_numpy(data["x"]).to(self.device)
        self.y = self.torch.from_numpy(data["y"].astype(np.int64)).to(self.device)
        self.architecture, self.weights = request["architecture"], request["weights"]
        variants = torch_nets.variants(torch_nets.make(self.architecture), self.config)
        few = 8 * self.config["batch_size"]
        for variant in variants:
            self.train(0, variant, 1, few)
        self.variant = torch_worker.fastest(variants, lambda variant: self.train(0, variant, 1, few)[0])
        return {"variant": ", ".join(self.variant)}

    def turn(self, request):
        epochs, samples = self.config["epochs"], len(self.x)
        trained = [self.train(member, self.variant, epochs, samples) for member in request["members"]]
        return {"seconds": sum(seconds for seconds, _ in trained), "losses": [loss for _, loss in trained]}

    def train(self, member, variant, epochs, samples):
        """(seconds, mean loss of the last epoch) of one member, its making included."""
        import torch_nets

        torch = self.torch
        torch.manual_seed(member)
        start = time.perf_counter()
        layout = torch_nets.LAYOUTS[variant[0]]
        model = torch_nets.load(torch_nets.make(self.architecture), self.weights[member])
        model = model.to(self.device, memory_format=layout).train()
        optimiser = torch_nets.optimiser(model, self.config, variant[1] == "fused")
        batch = self.config["batch_size"]
        for _ in range(epochs):
            order = torch.randperm(samples, device=self.device)
            losses = []
            for rows in order.split(batch):
                x = self.x[rows].contiguous(memory_format=layout)
                losses.append((torch_nets.step(model, optimiser, x, self.y[rows]), len(rows)))
        loss = sum(float(loss) * rows for loss, rows in losses) / samples
        return time.perf_counter() - start, loss


if __name__ == "__main__":
    serve(Ensemble())
