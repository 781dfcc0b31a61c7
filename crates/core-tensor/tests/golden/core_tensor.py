#!/usr/bin/env python3
"""Golden vectors for tenfold-core-tensor, from NumPy and SciPy.

usage: core_tensor.py           writes the files beside this script
       core_tensor.py --check   fails where a file differs from what would be written
Needs numpy, scipy, safetensors.
"""
import io
import json
import pathlib
import sys

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.special
import scipy.stats
from safetensors.numpy import save as save_safetensors

HERE = pathlib.Path(__file__).parent


def statistics(rng):
    x = rng.normal(size=40)
    y = np.round(x + rng.normal(size=40), 1)
    xt = np.round(x, 1)
    mean = scipy.stats.ttest_1samp(x, 0.0)
    ci = mean.confidence_interval(0.95)
    slope = scipy.stats.linregress(x, y)
    proportions = []
    for k, n in [(0, 7), (3, 10), (29, 30), (500, 2000)]:
        test = scipy.stats.binomtest(k, n)
        wilson = test.proportion_ci(method="wilson")
        exact = test.proportion_ci(method="exact")
        proportions.append({"k": k, "n": n, "wilson": [wilson.low, wilson.high], "exact": [exact.low, exact.high]})
    return {
        "x": x, "x_with_ties": xt, "y": y,
        "mean": [float(x.mean()), ci.low, ci.high],
        "quantile_0.3": float(np.quantile(x, 0.3)),
        "ranks": scipy.stats.rankdata(y),
        "pearson": scipy.stats.pearsonr(x, y).statistic,
        "spearman": scipy.stats.spearmanr(xt, y).statistic,
        "kendall": scipy.stats.kendalltau(xt, y).statistic,
        "line": [slope.slope, slope.intercept, slope.stderr, slope.rvalue**2],
        "proportions": proportions,
    }


def calibration(rng):
    confidence = rng.uniform(size=60)
    outcome = (rng.uniform(size=60) < confidence**2).astype(float)
    edges = np.linspace(0, 1, 11)
    which = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, 9)
    ece = sum(
        (which == b).sum() / 60 * abs(outcome[which == b].mean() - confidence[which == b].mean())
        for b in range(10) if (which == b).any()
    )
    return {"confidence": confidence, "outcome": outcome, "ece_10_equal_width": ece}


def operations(rng):
    v = rng.normal(size=9)
    # The projection by a generic solver would be less exact than the bisection on its multiplier.
    tau = scipy.optimize.brentq(lambda t: np.maximum(v - t, 0).sum() - 1, v.min() - 2, v.max(), xtol=1e-15)
    h = rng.normal(size=32)
    z = rng.normal(size=(3, 5)) * 40
    keys, queries = rng.normal(size=(50, 6)).astype(np.float32), rng.normal(size=(4, 6)).astype(np.float32)
    d = np.sqrt(((queries[:, None].astype(float) - keys[None].astype(float)) ** 2).sum(-1))
    order = np.argsort(d, axis=1, kind="stable")[:, :8]
    return {
        "simplex_in": v, "simplex_out": np.maximum(v - tau, 0),
        "hadamard_in": h, "hadamard_out": scipy.linalg.hadamard(32) @ h,
        "logits": z, "softmax": scipy.special.softmax(z, axis=1), "log_sum_exp": scipy.special.logsumexp(z, axis=1),
        "keys": keys, "queries": queries, "nearest": order, "distances": np.take_along_axis(d, order, axis=1),
    }


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def files():
    """Every file this script makes, by name."""
    rng = np.random.default_rng(20240601)
    golden = {"stats": statistics(rng), "calibration": calibration(rng), "ops": operations(rng)}
    out = {"values.json": (json.dumps(plain(golden), indent=1) + "\n").encode()}
    base = np.arange(12, dtype=np.float64).reshape(3, 4) - 4.5
    for dtype in ["f2", "f4", "f8", ">f4", "i1", "i8", ">i2", "u4"]:
        a = (np.abs(base) if dtype == "u4" else base).astype(dtype)
        out[f"arrays/{dtype.replace('>', 'big-')}.npy"] = npy(a)
    out["arrays/fortran.npy"] = npy(np.asfortranarray(base.astype("f4")))
    out["arrays/bool.npy"] = npy(base[0] > -3)
    packed = io.BytesIO()
    np.savez_compressed(packed, emb=base.astype("f4"), y=np.array([2, 0, 1], dtype=np.uint8))
    out["arrays/set.npz"] = packed.getvalue()
    out["arrays/set.safetensors"] = save_safetensors({"emb": base.astype("f4"), "y": np.array([2, 0, 1], dtype=np.int16)})
    return out


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def close(a, b):
    """Equal structure; numbers to 1e-12, since SciPy releases differ in the last digits."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(close(x, y) for x, y in zip(a, b))
    return abs(a - b) <= 1e-12 * max(1.0, abs(a))


def same(name, new, old):
    if name.endswith(".json"):
        return close(json.loads(new), json.loads(old))
    if name.endswith(".npz"):  # the compressor's bytes are zlib's own business
        with np.load(io.BytesIO(new)) as a, np.load(io.BytesIO(old)) as b:
            return a.files == b.files and all(np.array_equal(a[k], b[k]) for k in a.files)
    return new == old


def main():
    stale = []
    for name, content in files().items():
        path = HERE / name
        if "--check" in sys.argv:
            if not path.exists() or not same(name, content, path.read_bytes()):
                stale.append(name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    if stale:
        sys.exit(f"stale golden files: {', '.join(stale)}")


if __name__ == "__main__":
    main()
