"""Fits the polynomials of `src/math.rs` and prints them.

Each is the least-squares fit, weighted for relative error, at Chebyshev nodes in double precision, which is close to the
minimax polynomial. `--check` fits again and compares with the coefficients in the source file.
"""

import re
import sys
from pathlib import Path

import numpy as np
from scipy.special import erf, erfcx

SOURCE = Path(__file__).parents[2] / "src" / "math.rs"


def fit(function, low, high, degree):
    """Coefficients from the highest power down, of the polynomial closest to `function` on [low, high]."""
    nodes = np.cos(np.pi * (np.arange(4000) + 0.5) / 4000)
    x = low + (high - low) * (nodes + 1) / 2
    y = function(x)
    columns = np.vander(x, degree + 1) / y[:, None]
    coefficients, *_ = np.linalg.lstsq(columns, np.ones_like(x), rcond=None)
    error = np.abs(np.polyval(coefficients.astype(np.float32).astype(float), x) / y - 1).max()
    return coefficients, error


def series(x, exact, terms):
    """`exact` where it does not cancel, else the sum of `terms(x)`."""
    small = np.abs(x) < 1e-2
    return np.where(small, terms(x), exact(np.where(small, 1.0, x)))


def exponential(r):
    # (e^r - 1 - r) / r^2
    return series(r, lambda r: (np.expm1(r) - r) / r**2, lambda r: 0.5 + r / 6 + r**2 / 24 + r**3 / 120 + r**4 / 720)


def logarithm(f):
    # (ln(1 + f) - f + f^2 / 2) / f^3
    tail = lambda f: sum((-f) ** k / (k + 3) for k in range(9))
    return series(f, lambda f: (np.log1p(f) - f + f**2 / 2) / f**3, tail)


def tangent(z):
    # (tanh(x) - x) / x^3 with z = x^2
    x = np.sqrt(z)
    tail = lambda z: -1 / 3 + 2 / 15 * z - 17 / 315 * z**2 + 62 / 2835 * z**3
    return series(z, lambda z: (np.tanh(np.sqrt(z)) - np.sqrt(z)) / np.sqrt(z) ** 3, tail)


def centre(z):
    # (Phi(x) - 1/2) / x with z = x^2
    x = np.sqrt(z)
    density = 1 / np.sqrt(2 * np.pi)
    terms = lambda z: density * (1 - z / 6 + z**2 / 40 - z**3 / 336)
    return series(z, lambda z: 0.5 * erf(np.sqrt(z) / np.sqrt(2)) / np.sqrt(z), terms)


def tail(s):
    # (t + 2) Phi(-t) exp(t^2 / 2) with s = (t - 2) / (t + 2)
    t = 2 * (1 + s) / (1 - s)
    return (t + 2) * 0.5 * erfcx(t / np.sqrt(2))


FITS = {
    "EXPONENTIAL": (exponential, -0.35, 0.35, 5),
    "LOGARITHM": (logarithm, np.sqrt(0.5) - 1, np.sqrt(2) - 1, 8),
    "TANGENT": (tangent, 1e-12, 0.7**2, 6),
    "CENTRE": (centre, 1e-12, 1.0, 5),
    "TAIL": (tail, (1 - 2) / (1 + 2), (15 - 2) / (15 + 2), 9),
}


def main():
    source = SOURCE.read_text() if "--check" in sys.argv else ""
    failed = False
    for name, arguments in FITS.items():
        coefficients, error = fit(*arguments)
        wanted = [np.float32(c) for c in coefficients]
        if not source:
            print(f"{name}: relative error {error:.1e}")
            print("    " + ", ".join(f"{c:.9e}" for c in wanted))
            continue
        body = re.search(rf"const {name}: \[f32; \d+\] =\s*\[(.*?)\];", source, re.S)
        found = [np.float32(c) for c in re.findall(r"-?\d[\d_.]*(?:e-?\d+)?", body.group(1).replace("_", ""))]
        # Solvers differ in the last digits, most where a coefficient matters least.
        same = len(found) == len(wanted) and np.allclose(found, wanted, rtol=1e-4, atol=1e-7)
        print(f"{name}: {'ok' if same else f'differs: {wanted}'}")
        failed |= not same
    sys.exit(failed)


main()
