"""From the price changes of bars to VPIN: their spread, the imbalance of buckets, the share of a window.

What is added up is added as integers, so no order of additions and no cut of the data into ranges
changes a bit of a result.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.market.lanes import add_four
from atomloom.market.share_table import PIECES, excess

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

MOVES = 64  # sizes of moves, in half ticks, whose share is worked out once per bucket
TOGETHER = 4  # degrees of freedom that one pass serves: the lanes of a register
_TWO_MOVES, _LANES = np.uint64(7), np.uint64(2)  # logarithms of 2 MOVES and of TOGETHER
_EXACT_SQUARES = 2**61
_EXACT_SUM = 3_000_000_000  # its square is below 2^63


@kernel
def bucket_sums(change: NDArray[Any], per_bucket: int, whole: bool, most: Floats, sums: Ints) -> None:
    """Add up the changes of each bucket and their squares, exactly.

    Parameters
    ----------
    change : (N,) int32 or float64
        Price change of each bar, half ticks.
    per_bucket : int
    whole : bool
        Whether they are whole numbers by nature.
    most : (B,) float64
        Out: largest size; 0 where changes are not whole.
    sums : (B, 2) int64
        Out: sum, and sum of squares; the latter is -1 where changes are not whole or the squares
        might not add up in int64.
    """
    for b in range(len(sums)):
        part = change[b * per_bucket : (b + 1) * per_bucket]
        largest = abs(part[0])
        for j in range(len(part)):
            largest = max(largest, abs(part[j]))
        most[b] = largest if whole else 0.0
        total = np.int64(0)
        square = np.int64(0)
        if whole and float(largest) * float(largest) * per_bucket < _EXACT_SQUARES:
            for j in range(len(part)):
                move = np.int64(part[j])
                total += move
                square += move * move
        else:
            square = np.int64(-1)
        sums[b, 0] = total
        sums[b, 1] = square


@kernel
def deviation(total: int, square: int, known: int) -> float:
    """Sample standard deviation (ddof 1) of `known` whole numbers from their sum and sum of squares.

    The squared distance from the mean, square - total^2 / known, is exact but for one fraction
    below 1, so equal numbers give exactly 0.
    """
    whole, rest = total * total // known, total * total % known
    return math.sqrt(max(0.0, (square - whole) - rest / known) / (known - 1))


@kernel
def spreads(sums: Ints, change: NDArray[Any], per_bucket: int, known: Ints, moments: Floats) -> Floats:
    """Deviation of the price changes known when each bucket opens, going on from what is known.

    Parameters
    ----------
    sums : (B, 2) int64
        By :func:`bucket_sums`.
    change : (N,) int32 or float64
        Price change of each bar; the very first has no bar before it and is left out.
    per_bucket : int
    known : (4,) int64, changed in place
        Bars so far, sum and sum of squares of their changes, and 1 once those do not suffice; at first 0.
    moments : (2,) float64, changed in place
        From then on: mean of the changes and sum of squared distances from it.

    Returns
    -------
    (B + 1,) float64
        Sample standard deviation (ddof 1) of the changes in earlier buckets, NaN where fewer than
        two are known; the last is that of all changes.

    Notes
    -----
    In int64 from sums as long as they fit, O(B); from the first bucket that does not on, by
    Welford's recurrence over its bars, O(N). Both give exactly 0 for equal changes.
    """
    out = np.empty(len(sums) + 1, np.float64)
    for b in range(len(sums) + 1):
        count = max(known[0] - 1, 0)
        if count < 2:
            out[b] = math.nan
        elif known[3] == 0:
            out[b] = deviation(known[1], known[2], count)
        else:
            out[b] = math.sqrt(moments[1] / (count - 1))
        if b == len(sums):
            break
        fits = sums[b, 1] >= 0 and known[2] + sums[b, 1] < _EXACT_SQUARES and abs(known[1] + sums[b, 0]) < _EXACT_SUM
        if known[3] == 0 and fits:
            known[1] += sums[b, 0]
            known[2] += sums[b, 1]
            known[0] += per_bucket
            continue
        if known[3] == 0 and count > 0:
            squared = known[1] * known[1]
            moments[0] = known[1] / count
            moments[1] = (known[2] - squared // count) - (squared % count) / count
        known[3] = 1
        for k in range(b * per_bucket, (b + 1) * per_bucket):
            if known[0] > 0:
                step = change[k] - moments[0]
                moments[0] += step / known[0]
                moments[1] += step * (change[k] - moments[0])
            known[0] += 1
    return out


@kernel
def few_moves(most: float, limit: int) -> int:
    """Count the moves that are worth working out beforehand: up to the largest, none if it is beyond the limit."""
    return int(most) if most <= limit else 0


@kernel
def bucket_flow(
    change: NDArray[Any],
    most: Floats,
    sigma: Floats,
    per_bucket: int,
    num: int,
    den: int,
    carry: int,
    unit: float,
    nus: Floats,
    tables: Floats,
    imbalance: Floats,
    bought: Floats,
    total: Ints,
) -> None:
    """Classify bars in bulk and add up each bucket: |bought - sold|, bought and all volume.

    Parameters
    ----------
    change : (N,) int32 or float64
        Price change of each bar, half ticks, of a run of whole buckets.
    most : (B,) float64
        By :func:`bucket_sums`.
    sigma : (B,) float64
        Deviation, half ticks; NaN makes the bucket NaN, 0 leaves the sign to decide.
    per_bucket : int
    num, den, carry : int
        Volume edge k is ceil(k num / den); carry is how far the run's first edge lies above
        k num / den, times den.
    unit : float
        Power of two; volume is added in fractions of 1 / unit, with unit times a bucket below 2^62.
    nus : (J,) float64
        Degrees of freedom, at most :data:`TOGETHER` of them.
    tables : (J PIECES, TERMS) float64
        One below the other: see :func:`atomloom.market.share_table.excess`.
    imbalance, bought : (J, B) float64
        Out.
    total : (B,) int64
        Out.

    Notes
    -----
    A bar of volume V adds V (2 F(change / sigma) - 1) to bought - sold, rounded to 1 / unit. Moves up
    to 63 half ticks are worked out once per bucket where it has as many bars; then a bar is one addition of
    a register for all nus. O(N).
    """
    whole, rest = num // den, num % den
    logs = np.array([math.log(max(float(m), 1.0)) for m in range(MOVES)])
    signed = np.zeros((2, 2 * MOVES, TOGETHER), np.int64)  # by volume (whole, whole + 1), by move + MOVES, and nu
    lanes = signed.reshape(4 * MOVES * TOGETHER)
    flow = np.zeros(TOGETHER, np.int64)
    limit = min(MOVES - 1, per_bucket)
    last = len(nus) - 1
    for b in range(len(sigma)):
        scale = math.log(sigma[b]) if sigma[b] > 0.0 else -math.inf
        some = few_moves(most[b], limit)
        for j in range(len(nus)):
            for m in range(1, some + 1):
                share = excess(logs[m] - scale, nus[j], tables, j * PIECES)
                for extra in range(2):
                    amount = np.int64(np.rint((whole + extra) * unit * share))
                    signed[extra, MOVES + m, j] = amount
                    signed[extra, MOVES - m, j] = -amount
        volume = np.int64(0)
        if 0.0 < most[b] <= limit:  # every move is worked out: nothing to decide for a bar
            alone = np.int64(0)
            flow[:] = 0
            for k in range(b * per_bucket, (b + 1) * per_bucket):
                more = np.uint64(carry < rest)
                carry += den - rest if carry < rest else -rest
                volume += np.int64(more)
                place = (more << _TWO_MOVES) + np.uint64(MOVES + np.int64(change[np.uint64(k)]))
                if last == 0:
                    alone += lanes[place << _LANES]
                else:
                    add_four(flow, lanes, np.int64(place << _LANES))
            if last == 0:
                flow[0] = alone
            volume += whole * per_bucket
        else:
            flow[:] = 0
            for k in range(b * per_bucket, (b + 1) * per_bucket):
                more = np.uint64(carry < rest)
                carry += den - rest if carry < rest else -rest
                volume += whole + np.int64(more)
                size = abs(float(change[k]))
                known = size == math.floor(size) and size < MOVES
                stand = (logs[np.int64(size)] if known else math.log(size)) - scale
                for j in range(len(nus)):
                    amount = np.int64(
                        np.rint((whole + np.int64(more)) * unit * excess(stand, nus[j], tables, j * PIECES))
                    )
                    flow[j] += amount if change[k] > 0 else (-amount if change[k] < 0 else np.int64(0))
        nan = 0.0 if sigma[b] >= 0.0 else math.nan  # there is no sigma yet
        for j in range(len(nus)):
            net = max(-float(volume), min(float(volume), flow[j] / unit))
            imbalance[j, b] = abs(net) + nan
            bought[j, b] = 0.5 * (volume + net) + nan
        total[b] = volume


@kernel
def rolling_share(imbalance: Floats, total: Ints, window: int) -> Floats:
    """Sum of imbalance over sum of volume in the window of buckets that ends at each bucket.

    Parameters
    ----------
    imbalance : (B,) float64
        Between 0 and total; NaN makes every window that holds it NaN.
    total : (B,) int64
        The sum of any window below 2^63.
    window : int
        Buckets per window.

    Returns
    -------
    (B,) float64 in [0, 1]
        NaN for the first window - 1 buckets.

    Notes
    -----
    Imbalances are rounded to a fraction of the largest window's volume (2^-62 of it) and added as
    integers, those that leave the window subtracted again: nothing drifts, the sum above the line
    never passes the one below, and windows of equal content give equal shares. O(B).
    """
    share = np.full(len(imbalance), math.nan)
    largest = np.int64(0)
    for b in range(len(total)):
        largest = max(largest, total[b])
    shift = np.int64(max(0.0, 61.0 - math.floor(math.log2(float(largest) * window)))) if largest > 0 else np.int64(0)
    unit = 2.0**shift
    above = np.int64(0)
    below = np.int64(0)
    unknown = 0
    parts = np.empty(len(imbalance), np.int64)
    for b in range(len(imbalance)):
        known = imbalance[b] == imbalance[b]
        parts[b] = min(np.int64(np.rint(imbalance[b] * unit)), total[b] << shift) if known else np.int64(0)
        above += parts[b]
        below += total[b]
        unknown += 0 if known else 1
        if b >= window:
            above -= parts[b - window]
            below -= total[b - window]
            unknown -= 0 if imbalance[b - window] == imbalance[b - window] else 1
        if b >= window - 1 and unknown == 0:
            share[b] = above / (below * unit)
    return share
