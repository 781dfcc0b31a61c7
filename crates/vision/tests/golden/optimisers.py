"""Reference values for the optimisers, from NumPy alone in double precision.

A softmax regression on six fixed samples is trained for eight epochs of one step each (the batch is the whole set),
with a warm-up, a cosine, label smoothing, weights and weight decay on the matrix but not on the bias. Written from the
equations in the documentation of `OptimiserConfig`, `Schedule` and `TrainingSet`; no autodiff: the gradient of
softmax regression is X^T (p - t).

    python3 optimisers.py            writes optimisers.json
    python3 optimisers.py --check    compares with optimisers.json instead
"""

import json
import math
import pathlib
import sys

import numpy as np

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5], [-2.0, 1.0, 0.75],
              [0.0, 0.5, 1.0], [1.0, 1.0, -1.0], [-0.5, -0.75, 0.25]])
LABELS = np.array([0, 1, 2, 1, 0, 2])
SAMPLE_WEIGHTS = np.array([1.0, 2.0, 0.5, 1.0, 0.0, 1.5])
W0 = np.array([[0.1, -0.2, 0.3], [-0.4, 0.5, -0.6], [0.7, -0.8, 0.9]])
B0 = np.array([0.05, -0.1, 0.15])
EPOCHS, WARMUP, SMOOTHING, DECAY = 8, 2, 0.1, 0.05

CASES = {
    "sgd": {"kind": "sgd", "momentum": 0.9, "nesterov": False, "learning_rate": 0.3},
    "sgd-nesterov": {"kind": "sgd", "momentum": 0.9, "nesterov": True, "learning_rate": 0.3},
    "sgd-plain": {"kind": "sgd", "momentum": 0.0, "nesterov": False, "learning_rate": 0.3},
    "adamw": {"kind": "adamw", "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6, "learning_rate": 0.05},
}


def rate(step, base):
    """One step per epoch, so steps and epochs are the same."""
    if step < WARMUP:
        return base * (step + 1) / WARMUP
    return base * 0.5 * (1.0 + math.cos(math.pi * (step - WARMUP) / (EPOCHS - WARMUP)))


def loss_and_gradients(w, b):
    n, k = len(X), w.shape[1]
    z = X @ w + b
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    t = (1.0 - SMOOTHING) * np.eye(k)[LABELS] + SMOOTHING / k
    s = (SAMPLE_WEIGHTS / SAMPLE_WEIGHTS.mean() / n)[:, None]
    g = s * (np.exp(log_p) - t)
    return float(-(s * t * log_p).sum()), [X.T @ g, g.sum(axis=0)]


def run(case):
    parameters, state, losses = [W0.copy(), B0.copy()], [{}, {}], []
    for step in range(EPOCHS):
        eta = rate(step, case["learning_rate"])
        loss, gradients = loss_and_gradients(*parameters)
        losses.append(loss)
        for i, (p, g) in enumerate(zip(parameters, gradients)):
            decay = DECAY if p.ndim > 1 else 0.0
            if case["kind"] == "sgd":
                g = g + decay * p
                v = case["momentum"] * state[i].get("v", 0.0) + g
                state[i]["v"] = v
                parameters[i] = p - eta * (g + case["momentum"] * v if case["nesterov"] else v)
            else:
                b1, b2, t = case["beta1"], case["beta2"], step + 1
                m = state[i]["m"] = b1 * state[i].get("m", 0.0) + (1.0 - b1) * g
                v = state[i]["v"] = b2 * state[i].get("v", 0.0) + (1.0 - b2) * g * g
                p = p - eta * decay * p
                parameters[i] = p - eta * (m / (1.0 - b1**t)) / (np.sqrt(v / (1.0 - b2**t)) + case["epsilon"])
    return {"config": case, "losses": losses, "weight": parameters[0].tolist(), "bias": parameters[1].tolist()}


def document():
    problem = {
        "x": X.tolist(), "labels": LABELS.tolist(), "sample_weights": SAMPLE_WEIGHTS.tolist(),
        "weight": W0.tolist(), "bias": B0.tolist(),
        "epochs": EPOCHS, "warmup": WARMUP, "smoothing": SMOOTHING, "decay": DECAY,
    }
    return {"problem": problem, "cases": {name: run(case) for name, case in CASES.items()}}


def differences(found, expected, path=""):
    """Leaves that differ by more than rounding in double precision."""
    if isinstance(expected, dict):
        keys = sorted(set(found) | set(expected))
        return [d for k in keys for d in differences(found.get(k), expected.get(k), f"{path}.{k}")]
    if isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        return [d for i, (f, e) in enumerate(zip(found, expected)) for d in differences(f, e, f"{path}[{i}]")]
    if isinstance(expected, float) and isinstance(found, float):
        return [] if abs(found - expected) <= 1e-13 * max(1.0, abs(expected)) else [f"{path}: {found} != {expected}"]
    return [] if found == expected else [f"{path}: {found} != {expected}"]


def main():
    file = pathlib.Path(__file__).with_suffix(".json")
    if "--check" in sys.argv[1:]:
        wrong = differences(json.loads(file.read_text()), json.loads(json.dumps(document())))
        print("\n".join(wrong) or f"{file.name} is up to date")
        sys.exit(bool(wrong))
    file.write_text(json.dumps(document(), indent=1) + "\n")


if __name__ == "__main__":
    main()
