#!/usr/bin/env python3
"""Golden vectors for tenfold-distill, by the definitions in NumPy and SciPy.

usage: distill.py           writes distill.json beside this script
       distill.py --check   fails where the file differs from what would be written
Needs numpy, scipy.
"""
import json
import pathlib
import sys

import numpy as np
import scipy.special
import scipy.stats

HERE = pathlib.Path(__file__).parent


def rounded(values):
    """Twelve digits: what differs from machine to machine is left out."""
    return [float(f"{v:.12g}") for v in np.asarray(values, dtype=float).ravel()]


def softmax(z):
    return scipy.special.softmax(z, axis=1)


def losses(z, f, labels, costs, margins):
    """The loss of every row."""
    n, m = z.shape
    t = 3.0
    p, p1 = softmax(z / t), softmax(z)
    log_q = scipy.special.log_softmax(f, axis=1)
    log_qt = scipy.special.log_softmax(f / t, axis=1)
    kl = (p * (np.log(p) - log_qt)).sum(1)
    others = np.ones((n, m), bool)
    others[np.arange(n), labels] = False
    py = p[np.arange(n), labels]
    qy = np.exp(log_qt)[np.arange(n), labels]
    tckd = py * np.log(py / qy) + (1 - py) * np.log((1 - py) / (1 - qy))
    rest_p = p[others].reshape(n, m - 1) / (1 - py)[:, None]
    rest_q = np.exp(log_qt)[others].reshape(n, m - 1) / (1 - qy)[:, None]
    nckd = (rest_p * np.log(rest_p / rest_q)).sum(1)
    margin = np.zeros(n)
    for i in range(n):
        for y in range(m):
            terms = [np.exp(np.log(costs[y] / costs[j]) - (f[i, y] - f[i, j])) for j in range(m) if j != y]
            margin[i] += p[i, y] * np.log1p(sum(terms)) / m
    def ada(rho):
        each = np.zeros(n)
        for y in range(m):
            terms = sum(np.exp(f[:, j] - f[:, y]) for j in range(m) if j != y)
            each += p[:, y] * np.log1p(np.exp(rho[y]) * terms)
        return each
    return {
        "soft": rounded(-(p * log_q).sum(1)),
        "hinton": rounded(t * t * kl),
        "tckd": rounded(t * t * tckd),
        "nckd": rounded(t * t * nckd),
        "margin": rounded(margin),
        "additive": rounded(ada(0.7 * margins)),
        "multiplicative": rounded(ada(np.log(np.maximum(margins, 0.05)))),
        "gamma": rounded((m * p1[np.arange(n), labels] - 1) / (m - 1)),
    }


def risks(z, f, labels):
    p = softmax(z)
    n, m = p.shape
    log_q = scipy.special.log_softmax(f, axis=1)
    wrong = f.argmax(1)[:, None] != np.arange(m)
    return {
        "teacher_cross_entropy": rounded((p * -log_q).sum(0) / p.sum(0)),
        "teacher_zero_one": rounded((p * wrong).sum(0) / p.sum(0)),
        "label_zero_one": rounded([wrong[labels == y, y].mean() for y in range(m)]),
        "label_cross_entropy": rounded([-log_q[labels == y, y].mean() for y in range(m)]),
    }


def comparison(labels, first, second):
    """McNemar's exact test by SciPy, and Holm's correction by its definition."""
    m = labels.max() + 1
    p = []
    for y in range(m):
        a, b = first[labels == y] == y, second[labels == y] == y
        gained, lost = int((b & ~a).sum()), int((a & ~b).sum())
        p.append(scipy.stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0)
    p = np.array(p)
    order = np.argsort(p, kind="stable")
    holm = np.zeros(m)
    holm[order] = np.minimum(1, np.maximum.accumulate((m - np.arange(m)) * p[order]))
    return {"p": rounded(p), "holm": rounded(holm)}


def ridge():
    """Risk of ridge regression on one-hot targets and of a student of its fitted values: orthogonal groups, w = sigma = 1."""
    rows = []
    for d in (0.25, 1, 4, 16, 100):
        s = d / (d + 0.64)
        risk = lambda k: (1 - k) ** 2 + k * k / d
        rows.append([d, risk(s), risk(s * s)])
    return rounded(rows)


def build():
    rng = np.random.default_rng(18)
    n, m = 40, 5
    labels = np.arange(n) % m
    z = rng.normal(0, 1.5, (n, m)) + 2 * np.eye(m)[labels]
    f = rng.normal(0, 1.5, (n, m)) + np.eye(m)[labels]
    g = f + rng.normal(0, 1.0, (n, m))
    z, f, g = (np.array(rounded(a)).reshape(n, m) for a in (z, f, g))
    costs, margins = np.array([1.0, 2.0, 4.0, 0.5, 0.25]), np.array([0.9, 0.6, 0.3, 0.0, -0.1])
    return {
        "teacher": rounded(z),
        "first": rounded(f),
        "second": rounded(g),
        "labels": labels.tolist(),
        "costs": rounded(costs),
        "margins": rounded(margins),
        "losses": losses(z, f, labels, costs, margins),
        "risks": risks(z, f, labels),
        "comparison": comparison(labels, f.argmax(1), g.argmax(1)),
        "ridge": ridge(),
    }


def main():
    text = json.dumps(build(), indent=1) + "\n"
    path = HERE / "distill.json"
    if "--check" not in sys.argv[1:]:
        path.write_text(text)
        return 0
    old, new = json.loads(path.read_text()), json.loads(text)
    return 0 if same(old, new) else f"{path.name} differs from what this script makes"


def same(a, b):
    """Equal to ten digits: libraries differ in the last ones."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return a == b or abs(a - b) <= 1e-10 * max(abs(a), abs(b), 1e-3)


if __name__ == "__main__":
    sys.exit(main())
