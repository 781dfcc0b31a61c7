#!/usr/bin/env python3
"""PyTorch's side of the bench `train`, behind one worker process (torch_worker.py says how it talks).

  {"op":"load","architecture":{...},"config":{...},"weights":FILE,"batch":"b.npz"}
      -> {"variant":"channels-last, fused"}
         The network with our weights on `device` (the CPU if none is named), and the batch: `x`, and `y` if it has labels. Without `config` there is no
         optimiser. Every variant that a careful user would try is timed, and the fastest stays.
  {"op":"turn","steps":10}
      -> {"seconds":t,"losses":[...]}
         From the initial weights: the mean seconds of a step, and the loss before each.
  {"op":"gradients"} -> {"norms":[loss, norm of all gradients]}
         Of the initial weights.
"""

import time

from torch_worker import TorchWorker, fastest, settle
from worker import serve


class Train(TorchWorker):
    operations = ("load", "turn", "gradients")

    def load(self, request):
        import numpy as np
        import torch_nets

        torch = self.torch
        self.config = request.get("config")
        batch = np.load(request["batch"])
        self.device = request.get("device", "cpu")
        self.x = torch.from_numpy(batch["x"]).to(self.device)
        self.y = torch.from_numpy(batch["y"].astype(np.int64)).to(self.device) if "y" in batch else None
        model = torch_nets.load(torch_nets.make(request["architecture"]), request["weights"])
        self.model = model.to(self.device)
        self.initial = {name: value.clone() for name, value in self.model.state_dict().items()}
        variants = torch_nets.variants(self.model, self.config)
        for variant in variants:
            self.run(variant, 2)
        self.variant = fastest(variants, lambda variant: self.run(variant, 3)[0])
        return {"variant": ", ".join(self.variant)}

    def turn(self, request):
        seconds, losses = self.run(self.variant, request["steps"])
        return {"seconds": seconds, "losses": losses}

    def run(self, variant, steps):
        """(seconds of a step, losses) of steps from the initial weights."""
        import torch_nets

        torch = self.torch
        layout, stepper = variant
        layout = torch_nets.LAYOUTS[layout]
        self.model.load_state_dict(self.initial)
        model = self.model.to(memory_format=layout).train()
        optimiser = torch_nets.optimiser(model, self.config, stepper == "fused") if self.config else None
        samples = len(self.x)
        losses = []
        settle(torch, self.device)
        start = time.perf_counter()
        for _ in range(steps):
            if self.y is None:
                model.zero_grad(set_to_none=True)
                loss = model(self.x).square().mean()
                loss.backward()
            else:
                # A batch is gathered from the data in an order of its own, as in ours.
                order = torch.randperm(samples, device=self.device)
                x = self.x[order].contiguous(memory_format=layout)
                loss = torch_nets.step(model, optimiser, x, self.y[order])
            losses.append(loss.detach())
        settle(torch, self.device)
        seconds = (time.perf_counter() - start) / steps
        return seconds, [float(loss) for loss in losses]

    def gradients(self, request):
        _, losses = self.run(self.variant, 1)
        squares = sum(float(p.grad.double().square().sum()) for p in self.model.parameters())
        return {"norms": [losses[0], squares**0.5]}


if __name__ == "__main__":
    serve(Train())
