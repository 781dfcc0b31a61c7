#!/usr/bin/env python3
"""Golden vectors for tenfold-resmem: ResMem by its definition, in NumPy, double precision, without any search structure.

usage: resmem.py           writes resmem.json beside this script
       resmem.py --check   fails where the file differs from what would be written
Needs numpy.
"""
import json
import pathlib
import sys

import numpy as np

FILE = pathlib.Path(__file__).with_suffix(".json")


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def distances(queries, keys, metric):
    if metric == "cosine":
        queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
        keys = keys / np.linalg.norm(keys, axis=1, keepdims=True)
        return 1.0 - queries @ keys.T
    return np.linalg.norm(queries[:, None, :] - keys[None, :, :], axis=2)


def weights(d, k, sigma, kernel):
    """The k largest weights, the others zero, divided by their sum."""
    w = np.exp(-(d if kernel == "exponential" else d**2) / sigma)
    kept = np.argsort(d, axis=1, kind="stable")[:, :k]
    mask = np.zeros_like(w)
    np.put_along_axis(mask, kept, 1.0, axis=1)
    w = w * mask
    return w / w.sum(axis=1, keepdims=True)


def median_scale(keys, metric):
    d = distances(keys, keys, metric)
    np.fill_diagonal(d, np.inf)
    return float(np.median(d.min(axis=1)))


def simplex(v):
    """Euclidean projection by bisection on the threshold: another way than sorting."""
    low, high = v.min() - 1.0, v.max()
    for _ in range(200):
        tau = (low + high) / 2
        low, high = (tau, high) if np.maximum(v - tau, 0).sum() > 1 else (low, tau)
    return np.maximum(v - high, 0)


def case(rng, *, name, metric="euclidean", kernel="exponential", k, sigma, temperature=1.0, classes=5, regression=False):
    n, m, e = 60, 8, 6
    # Multiples of 1/64 are exact in single precision and short in the file.
    single = lambda *shape: (np.round(64 * rng.normal(size=shape)) / 64).astype(np.float32)
    keys, base, queries, query_base = single(n, e), 2 * single(n, classes), single(m, e), 2 * single(m, classes)
    keys64, queries64 = keys.astype(float), queries.astype(float)
    base64, query_base64 = base.astype(float), query_base.astype(float)
    out = {"name": name, "metric": metric, "kernel": kernel, "k": k, "temperature": temperature, "regression": regression,
           "keys": keys, "base": base, "queries": queries, "query_base": query_base}
    if regression:
        targets = single(n, classes)
        out["values"] = targets
        p, q, y = base64, query_base64, targets.astype(float)
    else:
        labels = rng.integers(classes, size=n)
        out["labels"] = labels
        p, q, y = softmax(base64 / temperature), softmax(query_base64 / temperature), np.eye(classes)[labels]
    scale = median_scale(keys64, metric)
    out["scale"] = scale
    absolute = sigma * (scale if kernel == "exponential" else scale**2)
    out["sigma_relative"] = sigma
    w = weights(distances(queries64, keys64, metric), k, absolute, kernel)
    out["knn"] = w @ y
    out["mixture_0.3"] = 0.3 * (w @ y) + 0.7 * q
    out["scores"] = q + w @ (y - p)
    if not regression:
        out["simplex"] = np.stack([simplex(v) for v in out["scores"]])
        clipped = np.maximum(out["scores"], 0)
        out["clipped"] = clipped / clipped.sum(axis=1, keepdims=True)
    others = distances(keys64, keys64, metric)
    np.fill_diagonal(others, np.inf)
    out["leave_one_out_scores"] = p + weights(others, k, absolute, kernel) @ (y - p)
    return out


def ridge(rng):
    n, e, c, penalty = 40, 4, 3, 0.1
    keys, base = rng.normal(size=(n, e)).astype(np.float32), rng.normal(size=(n, c)).astype(np.float32)
    labels = rng.integers(c, size=n)
    residuals = np.eye(c)[labels] - softmax(base.astype(float))
    x = keys.astype(float)
    # An explicit column of ones that is not penalised, against the library's centring.
    design = np.hstack([x, np.ones((n, 1))])
    shrink = np.diag([n * penalty] * e + [0.0])
    w = np.linalg.solve(design.T @ design + shrink, design.T @ residuals)
    return {"keys": keys, "base": base, "labels": labels, "penalty": penalty,
            "scores": softmax(base.astype(float)) + design @ w}


def constrained(rng):
    """Least squares on a sphere by the secular equation in the eigenbasis, against the library's Cholesky bisection."""
    n, d, bound = 50, 5, 0.4
    x, y = rng.normal(size=(n, d)).astype(np.float32), rng.normal(size=n) + 0.0
    y = y + x.astype(float) @ np.arange(1, d + 1)
    values, vectors = np.linalg.eigh(x.astype(float).T @ x.astype(float) / n)
    moment = vectors.T @ (x.astype(float).T @ y / n)
    low, high = 0.0, 1e6
    for _ in range(300):
        mu = (low + high) / 2
        low, high = (mu, high) if np.linalg.norm(moment / (values + mu)) > bound else (low, mu)
    return {"x": x, "y": y, "bound": bound, "theta": vectors @ (moment / (values + high))}


def plain(value):
    if isinstance(value, np.ndarray):
        # The shortest decimal that gives back the same double; single precision is exact in double.
        return value.astype(float).tolist() if value.dtype.kind == "f" else value.tolist()
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def main():
    rng = np.random.default_rng(20260)
    values = {
        "cases": [
            case(rng, name="exponential", k=5, sigma=1.0, temperature=1.4),
            case(rng, name="gaussian", kernel="gaussian", k=9, sigma=0.6, temperature=0.7),
            case(rng, name="cosine", metric="cosine", k=12, sigma=2.0),
            case(rng, name="one neighbour", k=1, sigma=1.0, temperature=3.0),
            case(rng, name="nearly all rows, two classes", k=59, sigma=8.0, classes=2),
            case(rng, name="regression", k=7, sigma=0.5, classes=2, regression=True),
        ],
        "ridge": ridge(rng),
        "constrained": constrained(rng),
    }
    text = json.dumps(plain(values), separators=(",", ":")) + "\n"
    if "--check" not in sys.argv[1:]:
        FILE.write_text(text)
        return
    compare(json.loads(FILE.read_text()), json.loads(text), "")


def compare(old, new, where):
    """Numbers may differ in the last places between builds of NumPy's linear algebra."""
    if isinstance(new, dict):
        assert old.keys() == new.keys(), where
        [compare(old[key], new[key], f"{where}/{key}") for key in new]
    elif isinstance(new, list):
        assert len(old) == len(new), where
        [compare(a, b, f"{where}/{i}") for i, (a, b) in enumerate(zip(old, new))]
    elif isinstance(new, float):
        assert abs(old - new) <= 1e-11 * max(1.0, abs(new)), f"{where}: {old} in the file, {new} computed"
    else:
        assert old == new, f"{where}: {old} in the file, {new} computed"


if __name__ == "__main__":
    main()
