"""A sweep that tests run as a process of its own, to be killed and resumed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from atomloom.portfolio import Grid, WalkForward, sweep, sweep_work

GRID = Grid(
    method=["momentum", "inverse_volatility"], lookback=[10, 20, 30, 40], top=[1, 2], interval=list(range(1, 41)),
    threshold=[0.0, 0.01, 0.05, 0.1, 0.2], cost=[0.0, 0.0005, 0.001, 0.002, 0.004],
)  # fmt: skip


def prices():
    """The prices of the sweep."""
    return np.exp(np.cumsum(np.random.default_rng(4).normal(0.0003, 0.01, (150, 3)), axis=0))


def swept(journal, out=None, **options):
    """Sweep 16,000 configurations: eight leaves."""
    return sweep(prices(), GRID, splits=WalkForward(40, 20), n_boot=199, journal=journal, out=out, **options)


class Slow:
    """Stands for a leaf that takes its time, and leaves a file when it has begun."""

    def __init__(self, folder):
        self.folder, self.work = Path(folder), sweep_work.work_leaf

    def __call__(self, leaf, job):
        (self.folder / f"leaf-{leaf}").touch()
        if leaf >= 5:
            time.sleep(60.0)
        return self.work(leaf, job)


def main(folder, journal):
    """Sweep with a journal, so slowly that somebody can end it in the middle."""
    sweep_work.work_leaf = Slow(folder)
    swept(journal, num_threads=2, mp_batches=8)


if __name__ == "__main__":
    main(*sys.argv[1:])
