"""Sweep the parameters of a trading rule without nested loops.

A moving-average crossover has a fast window, a slow window and a band around the slow
average. Three nested loops would be three levels of code; a grid is one row of atoms that
is cut like any other. Nothing is built in advance: a molecule carries the axes and two
numbers, and a fourth parameter is a fourth keyword.

Run it:  python examples/parameter_grid.py [days]
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from atomloom import grid, run_parallel


def moving_average(prices, window):
    """Average of the last ``window`` prices, (T,) float64; NaN until there are as many."""
    sums = np.cumsum(np.concatenate([[0.0], prices]))
    average = np.full(len(prices), np.nan)
    average[window - 1 :] = (sums[window:] - sums[:-window]) / window
    return average


def sharpe(prices, fast, slow, band):
    """Annualised Sharpe ratio of holding while the fast average is above the slow one by ``band``."""
    if fast >= slow:
        return np.nan
    held = moving_average(prices, fast) > moving_average(prices, slow) * (1 + band)
    gains = np.where(held[:-1], np.diff(np.log(prices)), 0.0)
    return float(gains.mean() / gains.std() * np.sqrt(252)) if gains.any() else 0.0


def evaluate(molecule, prices):
    """Give one row per point of the grid: its parameters and the Sharpe ratio they reach."""
    return pd.DataFrame([{**point, "sharpe": sharpe(prices, **point)} for point in molecule])


def main(days=5000, fast=range(2, 62), slow=range(10, 260, 5), num_threads=None, seed=0):
    """Give the whole sweep, in the order of the grid, as a table."""
    rng = np.random.default_rng(seed)
    prices = 100 * np.exp(np.cumsum(rng.normal(2e-4, 0.01, days)))
    points = grid(fast=fast, slow=slow, band=[0.0, 0.005, 0.01, 0.02])
    result = run_parallel(evaluate, points, num_threads=num_threads, prices=prices)
    return result.value.reset_index(drop=True)


if __name__ == "__main__":
    table = main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
    print(f"{len(table)} points, {table.sharpe.notna().sum()} of them rules; the five best in sample:")
    print(table.nlargest(5, "sharpe").to_string(index=False))
