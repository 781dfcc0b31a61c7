#!/usr/bin/env python3
"""Trains a network in PyTorch on every subset of a design, and writes what `tenfold memorisation` reads.

usage: export.py --data data.npz --mask mask.npy --out DIR [--width 64] [--epochs 30] [--seed 0]

`data.npz` holds x [n, ...], y [n], test_x [m, ...], test_y [m]; `mask.npy` comes from `tenfold memorisation design`. Writes

  correct.npy    [K, n]     which training examples each model gets right
  test.npy       [K, m]     which test points
  probabilities.npy [K, n]  the probability of the label
  epochs.npy     [E, n, C]  logits of one run on all examples, after each epoch
  embedding.npy  [n, e]     inputs of that run's last layer, after the last epoch

Replace `network` and `train` by your own. Everything is read on clean inputs in inference mode.
"""

import argparse
import pathlib

import numpy as np
import torch


def network(features, width, classes):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(features, width), torch.nn.ReLU(), torch.nn.Linear(width, classes)
    )


def train(model, x, y, epochs, after_epoch=lambda model: None):
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(x)).split(32):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimiser.step()
        after_epoch(model)
    return model.eval()


@torch.no_grad()
def logits_of(model, x):
    model.eval()
    return torch.cat([model(part) for part in x.split(1024)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--mask", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    data, mask = np.load(options.data), np.load(options.mask).astype(bool)
    x, test_x = (torch.from_numpy(data[key].astype(np.float32)) for key in ("x", "test_x"))
    y, test_y = (torch.from_numpy(data[key].astype(np.int64)) for key in ("y", "test_y"))
    if mask.shape[1] != len(x):
        parser.error(f"{options.mask} is for {mask.shape[1]} examples, {options.data} has {len(x)}")
    features, classes = x[0].numel(), int(y.max()) + 1
    options.out.mkdir(parents=True, exist_ok=True)

    correct, tested, probabilities = [], [], []
    for k, seen in enumerate(mask):
        torch.manual_seed(options.seed * 1_000_003 + k)
        seen = torch.from_numpy(seen)
        model = train(network(features, options.width, classes), x[seen], y[seen], options.epochs)
        logits = logits_of(model, x)
        correct.append((logits.argmax(1) == y).numpy())
        tested.append((logits_of(model, test_x).argmax(1) == test_y).numpy())
        probabilities.append(logits.softmax(1)[torch.arange(len(y)), y].numpy())
        print(f"\r{k + 1} of {len(mask)} models", end="", flush=True)
    print()
    np.save(options.out / "correct.npy", np.array(correct, dtype=np.uint8))
    np.save(options.out / "test.npy", np.array(tested, dtype=np.uint8))
    np.save(options.out / "probabilities.npy", np.array(probabilities, dtype=np.float32))

    torch.manual_seed(options.seed)
    epochs = []
    model = network(features, options.width, classes)
    train(model, x, y, options.epochs, lambda model: epochs.append(logits_of(model, x).numpy()))
    np.save(options.out / "epochs.npy", np.array(epochs, dtype=np.float32))
    with torch.no_grad():
        np.save(options.out / "embedding.npy", model[:-1](x).numpy().astype(np.float32))


if __name__ == "__main__":
    main()
