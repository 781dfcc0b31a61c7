#!/usr/bin/env python3
"""Peers of the bench `analysis` (worker.py says how it talks).

  {"op":"hello","threads":2} -> {"peers":{"mlxtend":"0.24.0","netcal":null,...},"threads":2}
  {"op":"bootstraps","folder":"...","models":50}
      -> {"bias":b,"variance":v,"loss":l,"seconds":t,"predictions":"p.npy","labels":[...]}
         mlxtend's decomposition of the squared error of class 1's probability, and what its models predicted. Predictions
         are multiples of 2^-20, which single precision holds exactly, and their complements too.
  {"op":"netcal_ece","arrays":"a.npz","bins":15} -> {"value":e}
  {"op":"uncertainty_ece",...}                   -> {"value":e}
  {"op":"uncertainty_debiased",...}              -> {"value":e}
         Calibration errors of the most probable class in bins of equal width, from `p` [n, C] and `y` [n]: mean absolute, and the
         root of the debiased mean square.

A peer that is not installed has version null.
"""

import os
import time
import warnings

from worker import Packages, serve

warnings.filterwarnings("ignore")


class Analysis(Packages):
    packages = {"mlxtend": "mlxtend", "netcal": "netcal.metrics", "uncertainty-calibration": "calibration"}
    operations = ("bootstraps", "netcal_ece", "uncertainty_ece", "uncertainty_debiased")

    def bootstraps(self, request):
        import numpy as np
        from mlxtend.evaluate import bias_variance_decomp
        from sklearn.datasets import load_breast_cancer
        from sklearn.tree import DecisionTreeClassifier

        x, y = load_breast_cancer(return_X_y=True)
        train = np.arange(len(y)) % 3 > 0
        said = []

        class Recorded:
            def fit(self, x, y):
                self.tree = DecisionTreeClassifier(max_depth=3, random_state=7).fit(x, y)
                return self

            def predict(self, x):
                said.append(np.round(self.tree.predict_proba(x)[:, 1] * 2**20) / 2**20)
                return said[-1]

        start = time.perf_counter()
        loss, bias, variance = bias_variance_decomp(
            Recorded(), x[train], y[train], x[~train], y[~train], loss="mse", num_rounds=request["models"], random_seed=7
        )
        seconds = time.perf_counter() - start
        path = os.path.join(request["folder"], "bootstraps.npy")
        np.save(path, np.stack(said))
        numbers = {"loss": float(loss), "bias": float(bias), "variance": float(variance)}
        return {**numbers, "seconds": seconds, "predictions": path, "labels": y[~train].tolist()}

    def netcal_ece(self, request):
        from netcal.metrics import ECE

        p, y = load(request)
        return {"value": float(ECE(request["bins"]).measure(p, y))}

    def uncertainty_ece(self, request):
        return {"value": uncertainty(request, 1, False)}

    def uncertainty_debiased(self, request):
        return {"value": uncertainty(request, 2, True)}


def load(request):
    import numpy as np

    arrays = np.load(request["arrays"])
    return arrays["p"], arrays["y"]


def uncertainty(request, power, debias):
    from calibration import utils

    p, y = load(request)
    confidence, right = p.max(1), (p.argmax(1) == y).astype(int)
    edges = utils.get_equal_prob_bins(confidence, request["bins"])
    binned = utils.bin(list(zip(confidence, right)), edges)
    measure = utils.unbiased_l2_ce if debias else lambda bins: utils.plugin_ce(bins, power)
    return float(measure(binned))


if __name__ == "__main__":
    serve(Analysis())
