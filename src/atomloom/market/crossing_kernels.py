"""Formulas of calibration: where the CDF of VPIN crosses thresholds, without the CDF, and what followed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Floats = NDArray[np.float64]

LOOKED = 64  # comparisons per value that looking inside bins may cost before a sort is cheaper


@kernel
def mid_rank_above(values: Floats, k: int, threshold: float) -> bool:
    """Whether the mid-rank of values[k] among values[: k + 1] is above a threshold; O(k)."""
    below = 0
    equal = 0
    for j in range(k + 1):
        below += values[j] < values[k]
        equal += values[j] == values[k]
    return (below + 0.5 * equal) / (k + 1) > threshold


@kernel
def bins_of(values: Floats, n: int, out: Shorts) -> None:
    """Bin of each value, of n equal ones between the lowest and the highest: a larger value is in no lower bin."""
    low: Any = values.min()
    high: Any = values.max()
    scale = n / (high - low) if high > low else 0.0
    scale = scale if scale < math.inf else 0.0
    for k in range(len(values)):
        out[k] = min(int((values[k] - low) * scale), n - 1)


@kernel
def crossings(values: Floats, bins: Shorts, threshold: float, counts: Shorts, runs: Ints) -> tuple[int, int]:
    """Find the runs of values whose mid-rank among those up to now is above a threshold.

    Parameters
    ----------
    values : (M,) float64
        No NaN.
    bins : (M,) int32
        By :func:`bins_of`.
    threshold : float
        Between 0 and 1.
    counts : (n,) int32
        Scratch: values so far in each bin.
    runs : (at least M // 2 + 1, 2) int64
        Out: first value of each run, and the first after it (the last value where there is none).

    Returns
    -------
    found, opened : int
        Runs, and 1 where the last of them never ended. -1 runs if too many values shared the bin of
        the quantile: a sort is cheaper then.

    Notes
    -----
    A pointer rests on the bin that holds the quantile of the values so far, and moves a step now and
    then. A value in a bin above it is above the threshold, in a bin below it is not, both for certain;
    in the same bin its rank is counted. The bins look ahead, the result does not depend on them. O(M).
    """
    counts[:] = 0
    last = len(counts) - 1
    at = 0
    under = 0  # values so far in bins before it
    looked = 0.0
    found = 0
    inside = False
    for k in range(len(values)):
        own = bins[k]
        counts[np.uint64(own)] += np.int32(1)
        under += own < at
        goal = threshold * (k + 1)
        while under > goal:
            at -= 1
            under -= counts[at]
        while under + counts[np.uint64(at)] <= goal and at < last:
            under += counts[at]
            at += 1
        above = own > at
        if own == at:
            looked += k
            if looked > LOOKED * float(len(values)):
                return -1, 0
            above = mid_rank_above(values, k, threshold)
        if above != inside:
            if above:
                runs[found, 0] = k
            else:
                runs[found, 1] = k
                found += 1
            inside = above
    if inside:
        runs[found, 1] = len(values) - 1
        found += 1
    return found, int(inside)


@kernel
def judge(
    starts: Ints,
    first: int,
    moves: Floats,
    horizon: int,
    cut: int,
    null: float,
    null_before: float,
    out: Ints,
) -> None:
    """Count what followed the events of one combination, in all data and on both sides of a cut.

    Parameters
    ----------
    starts : (E,) int64
        Bucket of each event, counted from `first`.
    first : int
    moves : (B,) float64
        Largest move within the horizon after each bucket, NaN where it cannot be known.
    horizon : int
        Buckets.
    cut : int
        First bucket of the test part.
    null, null_before : float
        A move is large above it: from all data, and from what was known at the cut.
    out : (9,) int64
        True, false and undecided events of all data, of the training part and of the test part.

    Notes
    -----
    An event before the cut whose horizon reaches it is undecided in training: its label was not
    known then. O(E).
    """
    out[:] = 0
    for e in range(len(starts)):
        b = first + starts[e]
        move = moves[b]
        known = not math.isnan(move)
        kind = 2
        if known and not math.isnan(null):
            kind = 0 if move > null else 1
        out[kind] += 1
        kind = 2
        if known and not math.isnan(null_before) and (b >= cut or b + horizon < cut):
            kind = 0 if move > null_before else 1
        out[(3 if b < cut else 6) + kind] += 1
