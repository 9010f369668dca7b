"""Formulas of exhaustive search: every path by its first horizons, its last one as a row that is compared at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@kernel
def rate(mean: float, variance: float) -> float:
    """Give the square of mean / sqrt(variance), with the sign of the mean."""
    if variance > 0.0:
        return mean * abs(mean) / variance
    return 0.0 if mean == 0.0 else mean * np.inf


@kernel
def pair_gains(states: Ints, gain: Reals, table: Reals, pair: Reals) -> None:
    """Write what a state earns after each state of the horizon before: its gain less the cost of the change.

    Parameters
    ----------
    states : (S, N) int64
    gain : (H, S) float64
    table : (H, N, 4 K + 1) float64
    pair : (H - 1, S, S) float64
        Out: under [h - 1, i, j] gain[h, j] less the cost from i to j in horizon h.

    Notes
    -----
    O(H S^2 N).
    """
    number, assets = states.shape
    nothing = table.shape[2] // 2
    for h in range(1, len(gain)):
        for i in range(number):
            row = pair[h - 1, i]
            for j in range(number):
                cost = 0.0
                for n in range(assets):
                    cost += table[h, n, states[j, n] - states[i, n] + nothing]
                row[j] = gain[h, j] - cost


@kernel
def any_better(row: Reals, risk: Reals, mean: float, variance: float, best: float) -> bool:
    """Say whether a path with this row's last state can be better than `best`: no division, so whole registers.

    A quotient that is rounded to more than `best` has a numerator of at least the rounded product, so none is missed;
    equals are looked at again by :func:`best_of`.
    """
    found = False
    for j in range(len(row)):
        total = mean + row[j]
        found |= total * abs(total) >= best * (variance + risk[j])
    return found


@kernel
def best_of(row: Reals, risk: Reals, mean: float, variance: float, best: float, place: int) -> tuple[float, int]:
    """Give the best rate of a row and where it is first, if it is above `best` or nothing was found so far."""
    for j in range(len(row)):
        value = rate(mean + row[j], variance + risk[j])
        if place == -2 or value > best:
            best, place = value, j
    return best, place


@kernel
def search(
    start: Reals, pair: Reals, risk: Reals, variance: float, low: int, high: int, prune: bool, known: float,
    rest: Reals, least: Reals, most: Reals, path: Ints,
) -> tuple[float, int]:  # fmt: skip
    """Look at all paths whose first H - 1 states, counted through lexicographically, are `low` to `high`.

    Parameters
    ----------
    start : (S,) float64
        Gain of each state in the first horizon.
    pair : (H - 1, S, S) float64
        By :func:`pair_gains`.
    risk : (H, S) float64
    variance : float
        What a path has before its first state.
    low, high : int
        low < high.
    prune : bool
    known : float
        Rate of some path; what must be worse is not looked at.
    rest : (H, S) float64
        At least what the horizons behind can add to the mean of a path that is in this state.
    least, most : (H,) float64
        At most and at least what they add to its variance.
    path : (H,) int64
        Out: the first of the best paths.

    Returns
    -------
    best : float
        Its rate; -inf and an unchanged path where all was pruned.
    pruned : int
        Rows (of S paths) that were not looked at.

    Notes
    -----
    O((high - low) S) time without pruning; the last horizon's row is read once for each of them.
    """
    horizons, states = risk.shape
    last = horizons - 1
    digits, means, variances = np.zeros(horizons, np.int64), np.zeros(horizons), np.zeros(horizons)
    spans = np.ones(horizons, np.int64)
    for h in range(last - 2, -1, -1):
        spans[h] = spans[h + 1] * states
    for h in range(last):
        digits[h] = low // spans[h] % states
    best, found, pruned, at, changed = -np.inf, -2, 0, low, 0
    while at < high:
        cut = -1
        for h in range(changed, last):
            i = digits[h]
            means[h] = start[i] if h == 0 else means[h - 1] + pair[h - 1, digits[h - 1], i]
            variances[h] = (variance if h == 0 else variances[h - 1]) + risk[h, i]
            if prune:
                mean = means[h] + rest[h, i]  # a negative ratio is the nearer to 0, the larger the variance
                bound = variances[h] + (least[h] if mean >= 0.0 else most[h])
                if mean * abs(mean) < max(best, known) * bound:
                    cut = h
                    break
        if cut >= 0:
            skipped = min(spans[cut] - at % spans[cut], high - at)
            pruned += skipped
            at += skipped
        else:
            row = start if last == 0 else pair[last - 1, digits[last - 1]]
            mean = 0.0 if last == 0 else means[last - 1]
            before = variance if last == 0 else variances[last - 1]
            if found == -2 or any_better(row, risk[last], mean, before, max(best, -1e300)):
                best, place = best_of(row, risk[last], mean, before, best, -2 if found == -2 else -1)
                if place >= 0:
                    found = place
                    path[:last], path[last] = digits[:last], place
            at += 1
            cut = last - 1
        changed = max(cut, 0)
        for h in range(cut + 1, last):
            digits[h] = 0
        while changed >= 0 and last > 0:
            digits[changed] += 1
            if digits[changed] < states or changed == 0:
                break
            digits[changed] = 0
            changed -= 1
    return best, pruned
