"""Formulas of selection over any splits: who is best on the train segments, and how many are worse on the test ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.portfolio.cscv_kernels import FLOOR, LANES, even_scale, signed_square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@kernel
def fill_lanes(s1: Reals, s2: Reals, low: int, lanes: Reals) -> None:
    """Copy the sums of configurations from `low` on, each scaled by a power of two; NaN beyond the last one.

    Parameters
    ----------
    s1, s2 : (G, C) float64
    low : int
    lanes : (2, G, LANES) float64
        Out.
    """
    segments, number = s1.shape
    used = min(LANES, number - low)
    total, scale = np.zeros(LANES), np.ones(LANES)
    for g in range(segments):
        for j in range(used):
            total[j] += s2[g, low + j] + 0.0 * s1[g, low + j]  # NaN anywhere is NaN everywhere
    for j in range(used):
        scale[j] = even_scale(total[j])
    lanes[:, :, used:] = np.nan
    for g in range(segments):
        for j in range(used):
            lanes[0, g, j] = s1[g, low + j] * scale[j]
            lanes[1, g, j] = s2[g, low + j] * (scale[j] * scale[j])


@kernel
def add_up(
    lanes: Reals, start: Ints, stop: Ints, begin: int, end: int, x: Reals, y: Reals, goes_on: bool
) -> None:  # fmt: skip
    """Add up segments of the ranges `begin` to `end` from the first one on; or go on where the last sums ended.

    Parameters
    ----------
    lanes : (2, G, LANES) float64
    start, stop : (R,) int64
    begin, end : int
    x, y : (LANES,) float64
        Out: sums and sums of squares.
    goes_on : bool
        Keep what is there: `start` then is where it ended.
    """
    if not goes_on:
        x[:] = 0.0
        y[:] = FLOOR
    for r in range(begin, end):
        for g in range(start[r], stop[r]):
            first, second = lanes[0, g], lanes[1, g]
            for j in range(LANES):
                x[j] += first[j]
                y[j] += second[j]


@kernel
def best_of_trains(
    s1: Reals, s2: Reals, start: Ints, stop: Ints, first: Ints, grows: NDArray[np.bool_], limits: Reals, low: int,
    high: int, best: Reals, where: Ints,
) -> None:  # fmt: skip
    """Find the best configuration on the train segments of each split among those from `low` to `high`.

    Parameters
    ----------
    s1, s2 : (G, C) float64
    start, stop, first : (R,), (R,), (K + 1,) int64
        Ranges of segments; split k has those from ``first[k]`` to ``first[k + 1] - 1``. Where ``grows[k]`` there is one
        range and it begins where that of split k - 1 ended, which is added to.
    grows : (K,) bool
    limits : (K,) float64
        Train returns times (1 - FLAT).
    low, high : int
        Multiples of LANES, or the end.
    best, where : (K,) float64, int64
        In and out, as in :func:`atomloom.portfolio.cscv_kernels.best_of_halves`.

    Notes
    -----
    O((high - low) G) for each split.
    """
    lanes, keys = np.empty((2, len(s1), LANES)), np.empty(LANES)
    x, y = np.empty(LANES), np.empty(LANES)
    for begin in range(low, high, LANES):
        fill_lanes(s1, s2, begin, lanes)
        for k in range(len(limits)):
            add_up(lanes, start, stop, first[k], first[k + 1], x, y, grows[k])
            most, limit, found = best[k], limits[k], False
            for j in range(LANES):
                found |= signed_square(x[j], y[j], limit) >= most * y[j]
            if found:
                for j in range(LANES):
                    keys[j] = signed_square(x[j], y[j], limit) / y[j]
                for j in range(LANES):
                    if keys[j] > best[k]:
                        best[k], where[k] = keys[j], begin + j


@kernel
def count_worse_tests(
    s1: Reals, s2: Reals, start: Ints, stop: Ints, first: Ints, grows: NDArray[np.bool_], limits: Reals, low: int,
    high: int, square: Reals, mean_square: Reals, worse: Ints, equal: Ints,
) -> None:  # fmt: skip
    """Count the configurations that are worse on the test segments than the chosen one, and those that are as good.

    Parameters
    ----------
    s1, s2, start, stop, first, grows, limits, low, high
        As in :func:`best_of_trains`, for test segments.
    square, mean_square : (K,) float64
        Signed square of the chosen one's sum, and its sum of squares.
    worse, equal : (K,) int64
        In and out: added to.
    """
    lanes = np.empty((2, len(s1), LANES))
    x, y = np.empty(LANES), np.empty(LANES)
    for begin in range(low, high, LANES):
        fill_lanes(s1, s2, begin, lanes)
        for k in range(len(limits)):
            add_up(lanes, start, stop, first[k], first[k + 1], x, y, grows[k])
            its, its_square, limit, below, same = square[k], mean_square[k], limits[k], 0, 0
            for j in range(LANES):
                mine, other = signed_square(x[j], y[j], limit) * its_square, its * y[j]
                below += mine < other
                same += mine == other
            worse[k] += below
            equal[k] += same


@kernel
def sums_of_chosen(
    s1: Reals, s2: Reals, start: Ints, stop: Ints, first: Ints, where: Ints, sums: Reals
) -> None:  # fmt: skip
    """Write the sums of the chosen configuration of each split, with the bits that :func:`add_up` gives.

    Parameters
    ----------
    s1, s2 : (G, C) float64
    start, stop, first : (R,), (R,), (K + 1,) int64
    where : (K,) int64
    sums : (2, K) float64
        Out: sums, and sums of squares.
    """
    for k in range(len(where)):
        c = where[k]
        total = 0.0
        for g in range(len(s1)):
            total += s2[g, c] + 0.0 * s1[g, c]
        scale = even_scale(total)
        x, y = 0.0, FLOOR
        for r in range(first[k], first[k + 1]):
            for g in range(start[r], stop[r]):
                x += s1[g, c] * scale
                y += s2[g, c] * (scale * scale)
        sums[0, k], sums[1, k] = x, y
