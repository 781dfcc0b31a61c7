"""Fits the polynomials of `src/math.rs` and `src/math/gelu.rs` and prints them.

Each is the least-squares fit, weighted for relative error, at Chebyshev nodes in double precision, which is close to the
minimax polynomial. `--check` fits again and compares with the coefficients in the source files.
"""

import re
import sys
from pathlib import Path

import numpy as np
from scipy.special import erfcx

SOURCE = Path(__file__).parents[2] / "src"


def fit(function, low, high, degree, centre=0.0, constant=None):
    """Coefficients from the highest power of x - centre down, of the polynomial closest to `function` on [low, high].

    The constant one is as given, if it is."""
    nodes = np.cos(np.pi * (np.arange(4000) + 0.5) / 4000)
    x = low + (high - low) * (nodes + 1) / 2
    y = function(x)
    columns, target = np.vander(x - centre, degree + 1) / y[:, None], np.ones_like(x)
    if constant is None:
        coefficients, *_ = np.linalg.lstsq(columns, target, rcond=None)
    else:
        coefficients, *_ = np.linalg.lstsq(columns[:, :-1], target - constant / y, rcond=None)
        coefficients = np.append(coefficients, constant)
    error = np.abs(np.polyval(coefficients.astype(np.float32).astype(float), x - centre) / y - 1).max()
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


def tail(t):
    # Phi(-t) exp(t^2 / 2)
    return 0.5 * erfcx(t / np.sqrt(2))


def tail_tables():
    """Rows of eight: the intervals' centres, then coefficients from the highest power down.

    The intervals are those of t + 1 from 1 to 16 that share an exponent and the first bit of the mantissa, in the order
    in which `Simd::pick` numbers them."""
    rows, worst = np.zeros((9, 8)), 0.0
    for exponent in range(4):
        for half in range(2):
            low, high = 2.0**exponent * (1 + half / 2) - 1, 2.0**exponent * (1.5 + half / 2) - 1
            # The centre moves until the value there is a number of single precision, to save half a unit of error.
            middle = np.float32((low + high) / 2)
            centres = middle + np.arange(-2000, 2001, dtype=np.float32) * np.spacing(middle)
            values = tail(centres.astype(float))
            best = np.argmin(np.abs(values.astype(np.float32) / values - 1))
            centre, value = float(centres[best]), float(np.float32(values[best]))
            coefficients, error = fit(tail, low, high, 7, centre, value)
            rows[:, (2 * (exponent + 127) + half) % 8] = [centre, *coefficients]
            worst = max(worst, error)
    return rows.flatten(), worst


FITS = {
    "math.rs": {
        "EXPONENTIAL": lambda: fit(exponential, -0.3466, 0.3466, 4),
        "LOGARITHM": lambda: fit(logarithm, np.sqrt(0.5) - 1, np.sqrt(2) - 1, 8),
    },
    "math/gelu.rs": {"TAIL": tail_tables},
}


def main():
    check, failed = "--check" in sys.argv, False
    for file, fits in FITS.items():
        for name, run in fits.items():
            coefficients, error = run()
            wanted = [np.float32(c) for c in coefficients]
            if not check:
                print(f"{file}, {name}: relative error {error:.1e}")
                print("    " + ", ".join(np.format_float_scientific(c) for c in wanted))
                continue
            body = re.search(rf"const {name}: [^=]*=\s*\[(.*?)\];", (SOURCE / file).read_text(), re.S)
            found = [np.float32(c) for c in re.findall(r"-?\d[\d_.]*(?:e-?\d+)?", body.group(1).replace("_", ""))]
            # Solvers differ in the last digits, most where a coefficient matters least.
            same = len(found) == len(wanted) and np.allclose(found, wanted, rtol=1e-4, atol=1e-7)
            print(f"{file}, {name}: {'ok' if same else f'differs: {wanted}'}")
            failed |= not same
    sys.exit(failed)


main()
