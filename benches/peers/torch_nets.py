"""The networks of the benches as a careful PyTorch user writes them.

Weights come from our side, as safetensors or npz: `hidden.0.weight`, `output.bias` and so on, possibly below the name of
a network's kind. Our linear layers store their weight inputs first, PyTorch outputs first.
"""

import itertools

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class Mlp(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, sizes):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-2], sizes[1:-1]))
        self.output = nn.Linear(sizes[-2], sizes[-1])

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.hidden:
            x = F.relu(layer(x))
        return self.output(x)


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut without parameters (He et al. 2016, option A)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.stride = stride
        self.added = outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        if self.stride > 1:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.added // 2, self.added - self.added // 2))
        return F.relu(y + x, inplace=True)


class ResNet(nn.Module):
    """Depth 6n + 2 for small images."""

    def __init__(self, depth, channels, base, classes):
        super().__init__()
        self.stem = nn.Conv2d(channels, base, 3, 1, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(base)
        blocks, inputs = [], base
        for stage in range(3):
            for block in range((depth - 2) // 6):
                outputs = base << stage
                blocks.append(Block(inputs, outputs, 2 if stage > 0 and block == 0 else 1))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.output = nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.relu(self.stem_norm(self.stem(x)), inplace=True)
        for block in self.blocks:
            x = block(x)
        return self.output(x.mean((2, 3)))


class EncoderLayer(nn.Module):
    """Pre-norm self-attention and MLP with GELU."""

    def __init__(self, width, heads, inner):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        b, n, d = x.shape
        qkv = self.qkv(self.norm1(x)).view(b, n, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        x = x + self.out(y.transpose(1, 2).reshape(b, n, d))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Encoder(nn.Module):
    """Layers, then a norm."""

    def __init__(self, layers, width, heads, inner):
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(width, heads, inner) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


def make(architecture):
    """The network of our `Architecture`, as JSON, with PyTorch's own initial weights."""
    kind = architecture["kind"]
    if kind == "mlp":
        return Mlp([architecture["input"], *architecture["hidden"], architecture["classes"]])
    if kind == "resnet":
        if architecture["shortcut"] != "subsample":
            raise ValueError("only shortcuts without parameters are written here")
        base = int(16 * architecture["width"])
        return ResNet(architecture["depth"], architecture["image"]["channels"], base, architecture["classes"])
    if kind == "encoder":
        return Encoder(*(architecture[key] for key in ("layers", "width", "heads", "inner")))
    raise ValueError(f"no network is called {kind!r}")


# Our names where they are not PyTorch's.
RENAMED = {"gamma": "weight", "beta": "bias"}


def load(model, path):
    """Puts our weights into a network; every parameter must be there."""
    if path.endswith(".npz"):
        tensors = {name: torch.from_numpy(array) for name, array in np.load(path).items()}
    else:
        tensors = load_file(path)
    linear = {name for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    state = model.state_dict()
    found = {}
    for name, tensor in tensors.items():
        module, _, last = name.rpartition(".")
        last = RENAMED.get(last, last)
        # A network's kind may stand before its layers.
        while f"{module}.{last}" not in state and "." in module:
            module = module.partition(".")[2]
        key = f"{module}.{last}"
        if key in state:
            found[key] = tensor.T.contiguous() if module in linear and last == "weight" else tensor
    missing = [name for name, _ in model.named_parameters() if name not in found]
    if missing:
        raise ValueError(f"our file lacks {', '.join(missing)}; it has {', '.join(tensors)}")
    model.load_state_dict({**state, **found})
    return model


def optimiser(model, config, fused):
    """The optimiser of our `TrainConfig`, as JSON: vectors are not decayed."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": config["weight_decay"]},
        {"params": vectors, "weight_decay": 0.0},
    ]
    kind, rate = config["optimiser"], config["learning_rate"]
    if kind["kind"] == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=kind["momentum"], nesterov=kind["nesterov"], fused=fused)
    betas = (kind["beta1"], kind["beta2"])
    return torch.optim.AdamW(groups, lr=rate, betas=betas, eps=kind["epsilon"], fused=fused)


LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}


def variants(model, config):
    """(layout, stepper) of everything that a careful user would try."""
    images = any(isinstance(module, nn.Conv2d) for module in model.modules())
    layouts = list(LAYOUTS) if images else ["contiguous"]
    return list(itertools.product(layouts, ["fused", "for-each"] if config else ["no optimiser"]))


def step(model, optimiser, x, y):
    """One step; the loss before it."""
    optimiser.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimiser.step()
    return loss.detach()
