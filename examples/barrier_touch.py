"""When does each of 100,000 price paths first touch a barrier? (AFML section 20.3)

A path is a row of simulated returns; the position is closed as soon as the cumulated log
return reaches +width (profit) or -width (loss). Paths know nothing of each other, so a path
is an atom, a group of paths a molecule, and the answers are joined in the order of the paths.

Each leaf of the plan draws its own paths: ``seed=`` hands it a random stream that depends on
the atoms and never on the worker, so every machine and every number of workers sees the same.

Run it:  python examples/barrier_touch.py [paths]      (the book has 10,000)
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from atomloom import run_parallel


def first_touch(returns, width):
    """Find the bar at which each path first touches a barrier.

    returns : (steps, paths) float64, simple returns per bar
    width : float, distance of both barriers in log return

    Gives (paths,) int64, -1 for a path that never touches.
    """
    touched = np.abs(np.log1p(returns).cumsum(axis=0)) >= width
    return np.where(touched.any(axis=0), touched.argmax(axis=0), -1)


def simulate(molecule, rng, steps, width):
    """Draw the paths of a molecule and give a Series path -> bar of those that touch, as in the book."""
    bars = first_touch(rng.normal(0.0, 0.01, size=(steps, len(molecule))), width)
    return pd.Series(bars, index=np.asarray(molecule), name="bar")[lambda bar: bar >= 0]


def main(paths=100_000, steps=1000, width=0.5, num_threads=None):
    """Give the first touches, worked in parallel; the same bits as worked serially."""
    task = {"steps": steps, "width": width, "seed": 20}
    parallel = run_parallel(simulate, range(paths), num_threads=num_threads, **task)
    serial = run_parallel(simulate, range(paths), num_threads=1, debug=True, **task)
    pd.testing.assert_series_equal(parallel.value, serial.value, check_exact=True)
    return parallel


if __name__ == "__main__":
    result = main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
    print(result.summary())
    print(f"{len(result.value)} of {result.plan.n_atoms} paths touch a barrier; median bar {result.value.median():g}")
