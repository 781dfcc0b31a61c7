#!/usr/bin/env python3
"""Peers of the bench `memorisation` that judge training examples (worker.py says how it talks).

They live in an environment of their own, `target/peers-memorisation`: pyDVL needs an older NumPy than the others.

  {"op":"hello","threads":2} -> {"peers":{"cleanlab":"2.9.0","pyDVL":null},"threads":2}
  {"op":"label_quality","arrays":"a.npz"}
      -> {"seconds":t,"numbers":[...]}
         cleanlab's quality of each label, from `probabilities` [n, C] of models that did not see the example, and
         `labels` [n].
  {"op":"knn_shapley","arrays":"a.npz","neighbours":10}
      -> {"seconds":t,"numbers":[...]}
         pyDVL's exact Shapley values under k nearest neighbours, of `x`, `y` for the test points `test_x`, `test_y`.
  {"op":"leave_one_out","arrays":"a.npz","penalty":1.0}
      -> {"seconds":t,"numbers":[...]}
         pyDVL's leave-one-out values: how much the mean log-likelihood of the test points falls without each example,
         under logistic regression with the penalty `penalty/2 |w|^2` on the summed loss.
  {"op":"banzhaf","arrays":"a.npz","penalty":1.0,"models":4000}
      -> {"seconds":t,"numbers":[...]}
         pyDVL's Banzhaf values of the same utility, by maximum sample reuse from so many models.

A peer that is not installed has version null.
"""

import math
import time
import warnings

from worker import Packages, serve

# pyDVL's dependencies announce their own changes on every import.
warnings.filterwarnings("ignore")


class Valuation(Packages):
    packages = {"cleanlab": "cleanlab", "pyDVL": "pydvl"}
    operations = ("label_quality", "knn_shapley", "leave_one_out", "banzhaf")

    def label_quality(self, request):
        from cleanlab.rank import get_label_quality_scores

        arrays = load(request)
        return timed(lambda: get_label_quality_scores(arrays["labels"], arrays["probabilities"]))

    def knn_shapley(self, request):
        from pydvl.valuation.methods import KNNShapleyValuation
        from sklearn.neighbors import KNeighborsClassifier

        train, test = datasets(load(request))
        model = KNeighborsClassifier(n_neighbors=request["neighbours"])
        return timed(lambda: values(KNNShapleyValuation(model, test, progress=False), train))

    def leave_one_out(self, request):
        from pydvl.valuation.methods import LOOValuation

        train, test = datasets(load(request))
        return timed(lambda: values(LOOValuation(utility(request, test), progress=False), train))

    def banzhaf(self, request):
        from pydvl.valuation.methods import BanzhafValuation
        from pydvl.valuation.samplers import MSRSampler
        from pydvl.valuation.stopping import MaxSamples

        train, test = datasets(load(request))
        sampler = MSRSampler(seed=7)
        method = BanzhafValuation(utility(request, test), sampler, MaxSamples(sampler, request["models"]), progress=False)
        return timed(lambda: values(method, train))


def load(request):
    import numpy as np

    return np.load(request["arrays"])


def datasets(arrays):
    from pydvl.valuation.dataset import Dataset

    return Dataset(arrays["x"], arrays["y"]), Dataset(arrays["test_x"], arrays["test_y"])


def utility(request, test):
    from pydvl.valuation.scorers import SupervisedScorer
    from pydvl.valuation.utility import ModelUtility
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / request["penalty"], solver="newton-cholesky", tol=1e-10, max_iter=1000)
    return ModelUtility(model, SupervisedScorer("neg_log_loss", test, default=-math.log(2)))


def values(method, train):
    """The values in the order of the training examples."""
    method.fit(train)
    of = dict(zip(method.result.indices.tolist(), method.result.values.tolist()))
    return [of[i] for i in range(len(train))]


def timed(work):
    start = time.perf_counter()
    numbers = work()
    return {"seconds": time.perf_counter() - start, "numbers": [float(number) for number in numbers]}


if __name__ == "__main__":
    serve(Valuation())
