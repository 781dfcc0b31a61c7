#!/usr/bin/env python3
"""PyTorch's side of the bench `ops`, behind one worker process (torch_worker.py says how it talks).

  {"op":"load","function":"gelu-2m","inputs":[["x",true],...],"file":"inputs.npz","backward":true}
      -> {"variant":"contiguous"}
         The operation of that name on the arrays of the file, of which the marked ones have a gradient. Layouts that a
         careful user would try are timed, and the fastest stays.
  {"op":"results","folder":"..."}
      -> {"arrays":["0.npy",...]}: the output, then gradients that start from the array `gradient` of the file.
  {"op":"turn","least":0.03}
      -> {"seconds":t}: the mean of as many calls as fill that time. Backward starts from ones.
"""

import os

from torch_worker import TorchWorker, fastest, timed_loop
from worker import BadRequest, serve

EPSILON = 1e-5


def functions(torch):
    """The operations by name; each takes the inputs in their order."""
    F = torch.nn.functional

    def conv(stride, padding):
        return lambda x, weight: F.conv2d(x, weight, stride=stride, padding=padding)

    return {
        "matmul-1024": torch.matmul,
        "softmax-8192x128": lambda x: torch.softmax(x, 1),
        "layer-norm-2048x256": lambda x, gamma, beta: F.layer_norm(x, (x.shape[1],), gamma, beta, EPSILON),
        "gelu-2m": F.gelu,
        "tanh-chain-2m": lambda x: (x * 2 + 1).tanh() * x,
        "add-2m": torch.add,
        "conv3x3-16-b128": conv(1, 1),
        "conv3x3-stride2-32-b128": conv(2, 1),
        "conv1x1-64-b128": conv(1, 0),
        "max-pool-2x2-b128": lambda x: F.max_pool2d(x, 2),
        "attention-b16h4n128d64": F.scaled_dot_product_attention,
        "batch-norm-relu-16-b128": lambda x, gamma, beta: F.relu(
            F.batch_norm(x, None, None, gamma, beta, training=True, eps=EPSILON), inplace=True
        ),
        "linear-gelu-2048x256x1024": lambda x, weight, bias: F.gelu(torch.addmm(bias, x, weight)),
        "cross-entropy-8192x128": lambda x, targets: F.cross_entropy(x, targets, reduction="none"),
    }


class Ops(TorchWorker):
    operations = ("load", "results", "turn")

    def load(self, request):
        import numpy as np

        torch = self.torch
        file = np.load(request["file"])
        self.backward = request["backward"]
        self.upstream = torch.from_numpy(file["gradient"])
        named = request["inputs"]
        self.inputs = [torch.from_numpy(file[name]) for name, _ in named]
        self.tracked = [tracked and self.backward for _, tracked in named]
        if request["function"] == "adamw-1m":
            return self.load_adamw()
        self.function = functions(torch).get(request["function"])
        if self.function is None:
            raise BadRequest(f"no operation is called {request['function']!r}")
        layouts = {"contiguous": torch.contiguous_format}
        if self.inputs[0].ndim == 4 and "attention" not in request["function"]:
            layouts["channels-last"] = torch.channels_last
        self.ready = {name: self.laid_out(layout) for name, layout in layouts.items()}
        for name in layouts:
            timed_loop(self.ready[name], 0.03)
        self.variant = fastest(layouts, lambda name: timed_loop(self.ready[name], 0.03))
        self.ready = self.ready[self.variant]
        return {"variant": self.variant if len(layouts) > 1 else ""}

    def laid_out(self, layout):
        """The operation on inputs of a memory layout, ready to be called."""
        torch = self.torch

        def placed(x, tracked):
            x = x.clone(memory_format=layout) if x.ndim == 4 else x.clone()
            return x.requires_grad_(tracked)

        inputs = [placed(x, tracked) for x, tracked in zip(self.inputs, self.tracked)]

        def call(upstream=None):
            if not self.backward:
                with torch.inference_mode():
                    return [self.function(*inputs)]
            y = self.function(*inputs)
            start = torch.ones_like(y) if upstream is None else upstream.view(y.shape)
            tracked = [x for x in inputs if x.requires_grad]
            return [y.detach(), *torch.autograd.grad(y, tracked, start)]

        return call

    def load_adamw(self):
        """A step of the fused optimiser, the tenth, with the given moments."""
        torch = self.torch
        parameter, gradient, first, second = self.inputs
        steppers = {}
        for name, fused in (("fused", True), ("for-each", False)):
            leaf = parameter.clone().requires_grad_()
            leaf.grad = gradient.clone()
            options = {"fused": True} if fused else {"foreach": True}
            optimiser = torch.optim.AdamW([leaf], lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01, **options)
            optimiser.step()
            state = optimiser.state[leaf]

            def reset(leaf=leaf, state=state):
                with torch.no_grad():
                    leaf.copy_(parameter)
                    state["exp_avg"].copy_(first)
                    state["exp_avg_sq"].copy_(second)
                    state["step"].fill_(9)

            def call(upstream=None, leaf=leaf, state=state, optimiser=optimiser, reset=reset):
                if upstream is not None:
                    reset()
                optimiser.step()
                return [leaf.detach(), state["exp_avg"], state["exp_avg_sq"]]

            steppers[name] = call
        self.variant = fastest(steppers, lambda name: timed_loop(steppers[name], 0.03))
        self.ready = steppers[self.variant]
        return {"variant": self.variant}

    def results(self, request):
        import numpy as np

        paths = []
        for place, array in enumerate(self.ready(self.upstream)):
            path = os.path.join(request["folder"], f"{place}.npy")
            np.save(path, array.numpy(force=True).astype(np.float32, order="C"))
            paths.append(path)
        return {"arrays": paths}

    def turn(self, request):
        return {"seconds": timed_loop(self.ready, request["least"])}


if __name__ == "__main__":
    serve(Ops())
