"""Formulas of coordinate ascent: the best change of two assets over a run of horizons, or of one horizon as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@kernel
def worth(mean: float, variance: float, averse: float) -> float:
    """Give mean - averse * variance, or for a negative `averse` the signed square of the ratio."""
    if averse >= 0.0:
        return mean - averse * variance
    if variance > 0.0:
        return mean * abs(mean) / variance
    return 0.0 if mean == 0.0 else mean * np.inf


@kernel
def path_sums(path: Ints, alone: Reals, table: Reals, risk: Reals, slopes: Reals) -> tuple[float, float]:
    """Give mean and variance of a path; writes the covariances with its portfolios into `slopes`, (H, N)."""
    horizons, assets = path.shape
    k = alone.shape[2] // 2
    mean, variance = 0.0, 0.0
    for h in range(horizons):
        for n in range(assets):
            mean += alone[h, n, path[h, n] + k]
            if h > 0:
                mean -= table[h, n, path[h, n] - path[h - 1, n] + 2 * k]
            slope = 0.0
            for m in range(assets):
                slope += risk[h, n, m] * path[h, m]
            slopes[h, n] = slope
            variance += slope * path[h, n]
    return mean, max(variance, 0.0)


@kernel
def edge(path: Ints, table: Reals, h: int, n: int, old: int, new: int) -> float:
    """Give what entering horizon h costs more with a new level of an asset, its level before being what it is."""
    k = table.shape[2] // 4
    before = path[h - 1, n]
    dearer: float = table[h, n, new - before + 2 * k] - table[h, n, old - before + 2 * k]
    return dearer


@kernel
def leave(path: Ints, table: Reals, h: int, n: int, old: int, new: int) -> float:
    """Give what leaving horizon h costs more with a new level of an asset, its level behind being what it is."""
    k = table.shape[2] // 4
    behind = path[h + 1, n]
    dearer: float = table[h + 1, n, behind - new + 2 * k] - table[h + 1, n, behind - old + 2 * k]
    return dearer


@kernel
def best_pair(
    path: Ints, alone: Reals, table: Reals, risk: Reals, slopes: Reals, mean: float, variance: float, averse: float,
    h: int, best: float, change: Ints,
) -> float:  # fmt: skip
    """Find the best change of two assets' levels in horizon h, and on through horizons that hold the same of both.

    Parameters
    ----------
    path : (H, N) int64
    alone : (H, N, 2 K + 1) float64
    table : (H, N, 4 K + 1) float64
    risk : (H, N, N) float64
    slopes : (H, N) float64
        Of the path.
    mean, variance : float
        Of the path.
    averse : float
        As in :func:`worth`.
    h : int
    best : float
        What a change must exceed.
    change : (5,) int64
        Out: first asset and its new level, second one and its, last horizon. Both assets are the same for a turn of
        the sign.

    Returns
    -------
    float
        Worth of the path after the change; `best` where there is none.

    Notes
    -----
    O(N^2 K) times the length of the runs.
    """
    horizons, assets = path.shape
    k = alone.shape[2] // 2
    for a in range(assets):
        old = path[h, a]
        for b in range(assets):
            held = path[h, b]
            for t in range(1, abs(old) + 1):
                for side in range(-1, 2, 2):
                    if a == b and (t > 1 or side > 0):
                        continue
                    new = -old if a == b else (old - t if old > 0 else old + t)
                    got = new if a == b else side * (abs(held) + t)
                    da, db = new - old, 0 if a == b else got - held
                    gained, varied = 0.0, 0.0
                    if h > 0:
                        gained -= edge(path, table, h, a, old, new)
                        if a != b:
                            gained -= edge(path, table, h, b, held, got)
                    for g in range(h, horizons):
                        if path[g, a] != old or path[g, b] != held:
                            break
                        gained += alone[g, a, new + k] - alone[g, a, old + k]
                        varied += da * (2.0 * slopes[g, a] + da * risk[g, a, a])
                        out = 0.0 if g + 1 == horizons else leave(path, table, g, a, old, new)
                        if a != b:
                            gained += alone[g, b, got + k] - alone[g, b, held + k]
                            varied += db * (2.0 * slopes[g, b] + db * risk[g, b, b] + 2.0 * da * risk[g, a, b])
                            out += 0.0 if g + 1 == horizons else leave(path, table, g, b, held, got)
                        value = worth(mean + gained - out, max(variance + varied, 0.0), averse)
                        if value > best:
                            best = value
                            change[:] = (a, new, b, got, g)
    return best


@kernel
def sweep(path: Ints, alone: Reals, table: Reals, risk: Reals, averse: float) -> tuple[float, int]:
    """Make the best change that begins in each horizon in turn, where it makes the path better.

    Parameters
    ----------
    path : (H, N) int64
        Changed in place.
    alone, table, risk, averse
        As in :func:`best_pair`.

    Returns
    -------
    value : float
        Worth of the path as it is now.
    changes : int
        Number made; 0 where no change is better by more than rounding.
    """
    horizons, assets = path.shape
    slopes, change = np.empty((horizons, assets)), np.empty(5, np.int64)
    trial = path.copy()
    mean, variance = path_sums(path, alone, table, risk, slopes)
    value, changes = worth(mean, variance, averse), 0
    for h in range(horizons):
        least = value + 1e-12 * abs(value) if abs(value) < np.inf else value
        best = best_pair(path, alone, table, risk, slopes, mean, variance, averse, h, least, change)
        take = 0
        for side in range(-1, 2, 2):  # or hold in this horizon what is held in the one before or behind
            if 0 <= h + side < horizons:
                trial[h] = path[h + side]
                moved = worth(*path_sums(trial, alone, table, risk, slopes), averse)
                if moved > best:
                    best, take = moved, side
        trial[h] = path[h]
        if best > least:
            changes += 1
            if take != 0:
                path[h] = path[h + take]
            else:
                for g in range(h, change[4] + 1):
                    path[g, change[0]], path[g, change[2]] = change[1], change[3]
            trial[:] = path
        mean, variance = path_sums(path, alone, table, risk, slopes)
        value = worth(mean, variance, averse)
    return value, changes
