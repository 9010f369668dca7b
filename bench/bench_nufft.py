"""Spectra: 10 million event times, 100,000 frequencies, beside finufft itself on points prepared beforehand.

finufft alone gets its points and strengths ready-made; atomloom starts from int64 nanoseconds. The result is
compared with a direct sum, term by term, at some of the frequencies before anything is timed.
"""

from __future__ import annotations

import time
from fractions import Fraction
from functools import partial

import numpy as np

from atomloom.market import line_test, spectrum
from atomloom.market import spectrum_kernels as kernels
from atomloom.market.exact_phase import fixed
from atomloom.market.spectra import some_threads
from bench.measure import row

EPS = 1e-9
BAND = (Fraction(1, 60) - Fraction(1, 86_400), Fraction(1, 60) + Fraction(1, 86_400))


def prepared(times, made):
    """Points and strengths as finufft takes them, by the same exact phases."""
    place, strength = np.empty(len(times)), np.empty(2 * len(times))
    centre = fixed(made.low + made.step * (len(made) // 2))
    kernels.demodulate(times, made.origin, fixed(made.step), centre, place, strength)
    return place, strength.view(np.complex128)


def error(times, made, some):
    """Relative error of some coefficients against the direct sum."""
    at = np.linspace(0, len(made) - 1, some).astype(int)
    one = np.ones(1)
    one.flags.writeable = False
    exact = kernels.direct_sum(times, one, made.origin, np.stack([fixed(made.low + int(k) * made.step) for k in at]))
    return float(np.linalg.norm(made.coefficient[at] - exact) / np.linalg.norm(exact))


def best(contestants, repeats):
    """Least seconds of each, in turn: other programs only ever add."""
    seconds = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, work in contestants.items():
            began = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - began)
    return {name: min(values) for name, values in seconds.items()}


def run(smoke: bool) -> dict:
    n, modes = (200_000, 2_000) if smoke else (10_000_000, 100_000)
    rng = np.random.default_rng(0)
    times = np.sort(rng.integers(0, 5 * 365 * 86_400 * 10**9, n))
    times.flags.writeable = False
    try:
        import finufft
    except ImportError:
        what = f"spectrum of {n:,} times at {modes:,} frequencies"
        return {"title": "Spectra", "claim": "Needs finufft.", "rows": [row(what, "absent", "s", peer="finufft")],
                "repeats": "finufft is not installed"}  # fmt: skip
    threads = some_threads(None)
    ours = partial(spectrum, times, None, BAND, modes=modes, eps=EPS)
    made = ours()
    off = error(times, made, 16 if smoke else 64)
    place, strength = prepared(times, made)
    alone = partial(finufft.nufft1d1, place, strength, modes, eps=EPS, isign=-1, nthreads=threads)
    ratio = np.abs(alone() - made.coefficient).max() / np.abs(made.coefficient).max()
    if off > 1e-9 or ratio > 1e-8:
        raise ArithmeticError(f"the spectrum is {off:.2g} off the direct sum and {ratio:.2g} off finufft.")
    tests = partial(line_test, times, surrogates=99)
    seconds = best({"atomloom": ours, "finufft": alone}, 1 if smoke else 9)
    tested = best({"line": tests}, 1)
    what = f"spectrum of {n:,} times at {modes:,} frequencies"
    return {
        "title": "Spectra",
        "claim": "Exact phases from nanoseconds cost little beside the transform itself.",
        "rows": [
            row(what, seconds["atomloom"], "s", peer="finufft on points made beforehand",
                peer_value=seconds["finufft"], most_ratio=1.3, headline=True),
            row(f"{what}: relative error against the direct sum", off, "", most=1e-9,
                note="64 of the frequencies, spread over the band"),
            row(f"line test of {n:,} times, 80 neighbours, 99 surrogates", tested["line"], "s"),
        ],
        "repeats": f"least of {1 if smoke else 9} alternating repeats, {threads} threads",
    }  # fmt: skip
