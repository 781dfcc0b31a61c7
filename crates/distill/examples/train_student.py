#!/usr/bin/env python3
"""Trains a small student in PyTorch on soft targets that `tenfold distill targets` wrote.

usage: train_student.py --data data.npz --targets targets.npy [--weights] [--out logits.npy]
                        [--width 64] [--epochs 60] [--seed 0]

`data.npz` holds x [n, ...], y [n], test_x [m, ...], test_y [m]. The targets are one row for each row of x: the array `targets`
of a `.npz`, or a `.npy`. The temperature and the adjustment are in them already, so that the loss is plain soft cross-entropy.
With --weights the rows count as the array `weights` of the `.npz` says. Prints the accuracy of each class on the test set, and
writes the student's logits there, which `tenfold distill diagnose --logits` reads.
"""

import argparse
import pathlib

import numpy as np
import torch


def network(features, width, classes):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(features, width), torch.nn.ReLU(), torch.nn.Linear(width, classes)
    )


def soft_cross_entropy(logits, targets, weights):
    return -(weights * (targets * logits.log_softmax(1)).sum(1)).mean()


def train(model, x, targets, weights, epochs):
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(32):
            optimiser.zero_grad()
            soft_cross_entropy(model(x[rows]), targets[rows], weights[rows]).backward()
            optimiser.step()
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--targets", type=pathlib.Path, required=True)
    parser.add_argument("--weights", action="store_true")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    data, given = np.load(options.data), np.load(options.targets)
    x, test_x = (torch.from_numpy(data[key].astype(np.float32)) for key in ("x", "test_x"))
    test_y = torch.from_numpy(data["test_y"].astype(np.int64))
    targets = torch.from_numpy(given["targets"] if options.targets.suffix == ".npz" else given)
    if len(targets) != len(x):
        parser.error(f"{options.targets} has {len(targets)} rows, {options.data} has {len(x)}")
    weights = torch.ones(len(x))
    if options.weights:
        if options.targets.suffix != ".npz" or "weights" not in given:
            parser.error(f"{options.targets} has no array `weights`: write a .npz with --method balanced or robust")
        weights = torch.from_numpy(given["weights"])

    torch.manual_seed(options.seed)
    student = network(x[0].numel(), options.width, targets.shape[1])
    train(student, x, targets, weights, options.epochs)
    with torch.no_grad():
        logits = student(test_x)
    right = logits.argmax(1) == test_y
    for k in range(targets.shape[1]):
        of_class = right[test_y == k]
        print(f"class {k}: {of_class.float().mean():.4f} of {len(of_class)}")
    print(f"average: {right.float().mean():.4f} of {len(right)}")
    if options.out:
        np.save(options.out, logits.numpy())


if __name__ == "__main__":
    main()
