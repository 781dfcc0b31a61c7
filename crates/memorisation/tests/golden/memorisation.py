#!/usr/bin/env python3
"""Golden vectors for tenfold-memorisation, by the definitions in NumPy, SciPy and diptest.

usage: memorisation.py           writes memorisation.json beside this script
       memorisation.py --check   fails where the file differs from what would be written
Needs numpy, scipy, diptest.
"""
import json
import pathlib
import sys

import diptest
import numpy as np
import scipy.stats

HERE = pathlib.Path(__file__).parent


def study(rng):
    models, n, m = 40, 12, 5
    mask = rng.random((models, n)) < 0.7
    correct = np.where(mask, rng.random((models, n)) < 0.95, rng.random((models, n)) < 0.4)
    tested = rng.random((models, m)) < 0.6
    p_in = (mask & correct).sum(0) / mask.sum(0)
    p_out = (~mask & correct).sum(0) / (~mask).sum(0)
    se = np.sqrt(p_in * (1 - p_in) / (mask.sum(0) - 1) + p_out * (1 - p_out) / ((~mask).sum(0) - 1))
    influence = [
        [tested[mask[:, i], j].mean() - tested[~mask[:, i], j].mean() for j in range(m)] for i in range(n)
    ]
    return {
        "mask": mask.astype(int).tolist(),
        "correct": correct.astype(int).tolist(),
        "tested": tested.astype(int).tolist(),
        "p_in": p_in.tolist(),
        "p_out": p_out.tolist(),
        "se": se.tolist(),
        "influence": influence,
    }


def spread(rng):
    samples = []
    for trial in range(30):
        n = int(rng.integers(5, 60))
        x = np.concatenate([rng.normal(0, 1, n), rng.normal(trial / 5, 0.5, n // 2)])
        if trial % 3 == 0:
            x = np.round(x, 1)  # ties
        k = scipy.stats.kurtosis(x, bias=False)
        g = scipy.stats.skew(x, bias=False)
        size = len(x)
        sarle = (g * g + 1) / (k + 3 * (size - 1) ** 2 / ((size - 2) * (size - 3)))
        samples.append({"x": x.tolist(), "dip": float(diptest.dipstat(x)), "sarle": float(sarle)})
    return samples


def tails():
    rows = []
    for size, n in [(50, 100), (1000, 1000)]:
        alpha = 1 / np.arange(1, size + 1)
        alpha = alpha / alpha.sum()
        for l in [1, 2, 5]:
            weight = scipy.stats.binom.pmf(l, n, alpha)
            rows.append({"size": size, "n": n, "l": l, "tau": float((alpha * weight).sum() / weight.sum())})
    return rows


def main():
    rng = np.random.default_rng(7)
    text = json.dumps({"study": study(rng), "spread": spread(rng), "tails": tails()}, indent=1) + "\n"
    path = HERE / "memorisation.json"
    if "--check" in sys.argv:
        if path.read_text() != text:
            sys.exit(f"{path} differs from what this script computes")
        print("memorisation.json is up to date")
    else:
        path.write_text(text)


main()
