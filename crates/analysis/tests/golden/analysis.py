#!/usr/bin/env python3
"""Golden vectors for tenfold-analysis, by the definitions in NumPy and SciPy.

usage: analysis.py           writes analysis.json beside this script
       analysis.py --check   fails where the file differs from what would be written
Needs numpy, scipy.
"""
import json
import pathlib
import sys

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

HERE = pathlib.Path(__file__).parent


def rounded(values):
    """Twelve digits: what differs from machine to machine is left out."""
    return [float(f"{v:.12g}") for v in np.asarray(values).ravel()]


def ensemble(rng):
    models, points, classes = 7, 24, 4
    labels = rng.integers(0, classes, points)
    sure = rng.normal(2, 2, (points, 1)) * np.eye(classes)[labels]
    logits = (sure + rng.normal(0, 1, (points, classes)) + rng.normal(0, 0.7, (models, points, classes))).astype(np.float32)
    return logits, labels


def squared(logits, labels):
    h = scipy.special.softmax(logits.astype(float), axis=2)
    models, points, classes = h.shape
    onehot = np.eye(classes)[labels]
    mean = h.mean(0)
    bias = ((mean - onehot) ** 2).sum(1)
    variance = ((h - mean) ** 2).sum(2).mean(0)
    right = mean.argmax(1) == labels
    pairs = [(t, s) for t in range(models) for s in range(models) if t != s]
    without = [h[[s for s in range(models) if s != t]] for t in range(models)]
    unbiased = [
        (((w.mean(0) - onehot) ** 2).sum(1) - w.var(0, ddof=1).sum(1) / (models - 1)).mean() for w in without
    ]
    x, y = np.log(variance[right]), np.log(bias[right])
    line, back = scipy.stats.linregress(x, y), scipy.stats.linregress(y, x)
    _, _, directions = np.linalg.svd(np.stack([x - x.mean(), y - y.mean()], 1))
    return {
        "bias": rounded(bias),
        "variance": rounded(variance),
        "loss": rounded(((h - onehot) ** 2).sum(2).mean(0)),
        "gini": rounded((1 - (h**2).sum(2)).mean(0)),
        "soft_disagreement": rounded(np.mean([1 - (h[t] * h[s]).sum(1) for t, s in pairs], 0)),
        "disagreement": rounded(np.mean([h[t].argmax(1) != h[s].argmax(1) for t, s in pairs], 0)),
        "mean_bias_without": rounded(unbiased),
        "right": int(right.sum()),
        "slope": float(f"{line.slope:.12g}"),
        "intercept": float(f"{line.intercept:.12g}"),
        "r_squared": float(f"{line.rvalue ** 2:.12g}"),
        "reverse_slope": float(f"{back.slope:.12g}"),
        "total_slope": float(f"{directions[0, 1] / directions[0, 0]:.12g}"),
        "spearman": float(f"{scipy.stats.spearmanr(x, y).statistic:.12g}"),
    }


def divergence(logits, labels):
    log_h = scipy.special.log_softmax(logits.astype(float), axis=2)
    log_g = scipy.special.log_softmax(log_h.mean(0), axis=1)
    at = np.arange(len(labels))
    kl = (np.exp(log_g) * (log_g - log_h)).sum(2).mean(0)
    return {"bias": rounded(-log_g[at, labels]), "variance": rounded(kl), "loss": rounded(-log_h[:, at, labels].mean(0))}


def temperature(logits, labels):
    at = np.arange(len(labels))

    def loss(beta):
        return -scipy.special.log_softmax(beta * logits.astype(float), axis=2)[:, at, labels].mean()

    found = scipy.optimize.minimize_scalar(loss, bounds=(0.01, 20), method="bounded", options={"xatol": 1e-12})
    return {"temperature": float(f"{1 / found.x:.6g}"), "after": float(f"{found.fun:.12g}")}


def collapse(rng):
    classes, width = 4, 6
    labels = np.repeat(np.arange(classes), [5, 9, 7, 4])
    centres = rng.normal(0, 2, (classes, width))
    x = (centres[labels] + rng.normal(0, 0.5, (len(labels), width))).astype(np.float32)
    head = rng.normal(0, 1, (classes, width)).astype(np.float32)
    means = np.stack([x[labels == c].astype(float).mean(0) for c in range(classes)])
    centred = means - means.mean(0)
    inner = x - means[labels]
    within = inner.T @ inner / len(x)
    between = centred.T @ centred / classes
    lengths = np.linalg.norm(centred, axis=1)
    cosines = [centred[a] @ centred[b] / lengths[a] / lengths[b] for a in range(classes) for b in range(a)]
    nearest = ((x[:, None] - means) ** 2).sum(2).argmin(1)
    w = head.astype(float)
    return {
        "embeddings": x.tolist(),
        "labels": labels.tolist(),
        "head": head.tolist(),
        "within": float(f"{np.trace(within @ np.linalg.pinv(between, rcond=1e-9)) / classes:.10g}"),
        "lengths": float(f"{lengths.std() / lengths.mean():.12g}"),
        "angles": float(f"{np.std(cosines):.12g}"),
        "spread": float(f"{np.abs(np.array(cosines) + 1 / (classes - 1)).mean():.12g}"),
        "duality": float(f"{((w / np.linalg.norm(w) - centred / np.linalg.norm(centred)) ** 2).sum():.12g}"),
        "nearest": float((((x.astype(float) @ w.T).argmax(1)) != nearest).mean()),
        "nearest_error": float((nearest != labels).mean()),
    }


def main():
    rng = np.random.default_rng(11)
    logits, labels = ensemble(rng)
    found = {
        "logits": logits.tolist(),
        "labels": labels.tolist(),
        "squared": squared(logits, labels),
        "divergence": divergence(logits, labels),
        "temperature": temperature(logits, labels),
        "collapse": collapse(rng),
    }
    text = json.dumps(found, indent=1) + "\n"
    path = HERE / "analysis.json"
    if "--check" in sys.argv:
        if path.read_text() != text:
            sys.exit(f"{path} differs from what this script computes")
        print("analysis.json is up to date")
    else:
        path.write_text(text)


main()
