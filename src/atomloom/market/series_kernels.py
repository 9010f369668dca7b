"""Formulas on series of buckets: where each value stands among the earlier ones, and what followed it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.market.student import normal_cdf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Floats = NDArray[np.float64]


@kernel
def dense_rank(values: Floats, order: Ints, rank: Ints) -> int:
    """Give equal values the same number, by size, from the order that sorts them; returns how many there are."""
    now = -1
    last = math.nan
    for k in range(len(order)):
        value = values[order[k]]
        now += value != last
        last = value
        rank[order[k]] = now
    return now + 1


@kernel
def _below(counts: Shorts, start: int, stop: int) -> int:
    """Add counts[start:stop] of a group of 64 that begins at start; a fixed length has no loop to mispredict."""
    group = counts[start : start + 64]
    total: Any = np.int32(0)
    for j in range(64):
        total += group[j] if start + j < stop else np.int32(0)
    return int(total)


@kernel
def expanding_rank(rank: Ints, n_ranks: int) -> Floats:
    """Mid-rank of each value among itself and those before it, as a share of their number.

    Parameters
    ----------
    rank : (M,) int64
        Dense rank of each value in the whole series, 0 .. n_ranks - 1, equal values equal.
    n_ranks : int

    Returns
    -------
    (M,) float64 in (0, 1)
        (number below + half the number equal, itself included) / number so far.

    Notes
    -----
    Counts of values, of groups of 64 values and of groups of 64 groups; the dense rank only lays
    out the counters, later values are not counted. O(M (128 + distance between neighbours / 4096)).
    """
    fine = np.zeros(n_ranks + 64, np.int32)
    middle = np.zeros((n_ranks >> 6) + 128, np.int32)
    coarse = np.zeros((n_ranks >> 12) + 1, np.int64)
    out = np.empty(len(rank), np.float64)
    at = 0
    ahead = 0  # values so far in coarse groups before `at`
    for k in range(len(rank)):
        r = rank[k]
        while at < r >> 12:
            ahead += coarse[at]
            at += 1
        while at > r >> 12:
            at -= 1
            ahead -= coarse[at]
        below = ahead + _below(middle, (r >> 12) << 6, r >> 6) + _below(fine, (r >> 6) << 6, r)
        fine[r] += np.int32(1)
        middle[r >> 6] += np.int32(1)
        coarse[r >> 12] += 1
        out[k] = (below + 0.5 * fine[r]) / (k + 1)
    return out


@kernel
def expanding_normal(values: Floats) -> Floats:
    """Place each value on the normal with the mean and deviation (ddof 1) of those up to it.

    1/2 while they are all equal. Welford's recurrence, O(M).
    """
    out = np.empty(len(values), np.float64)
    mean = 0.0
    away = 0.0
    for k in range(len(values)):
        step = values[k] - mean
        mean += step / (k + 1)
        away += step * (values[k] - mean)
        out[k] = normal_cdf((values[k] - mean) / math.sqrt(away / k)) if away > 0.0 else 0.5
    return out


@kernel
def _wider(values: Floats, distance: int, count: int, sign: float, out: Floats) -> None:
    """Larger (sign 1) or smaller (-1) of each value and the one `distance` further on."""
    near = values[:count]
    far = values[distance : distance + count]
    if sign > 0:
        for b in range(count):
            out[b] = max(near[b], far[b])
    else:
        for b in range(count):
            out[b] = min(near[b], far[b])


@kernel
def window_extreme(values: Floats, window: int, sign: float) -> Floats:
    """Largest (sign 1) or smallest (-1) of each run of `window` values, (B - window + 1,) float64.

    Runs of 1, 2, 4, ... values by doubling, then two that overlap. O(B log window).
    """
    count = len(values)
    held = values.copy()
    spare = np.empty_like(held)
    width = 1
    while 2 * width <= window:
        count -= width
        _wider(held, width, count, sign, spare)
        held, spare = spare, held
        width *= 2
    count = len(values) - window + 1
    _wider(held, window - width, count, sign, spare)
    return spare[:count]


@kernel
def range_ahead(close: Floats, high: Floats, low: Floats, horizon: int) -> Floats:
    """Largest log return between any two prices from each close through the next `horizon` buckets.

    Parameters
    ----------
    close, high, low : (B,) float64
        Positive prices, any unit.
    horizon : int
        At least 1.

    Returns
    -------
    (B,) float64
        ln(max / min) over the close itself and the highs and lows that follow: the size of the
        largest move, up or down. NaN where fewer than `horizon` buckets follow.
    """
    out = np.full(len(close), math.nan)
    if len(close) <= horizon:
        return out
    top = window_extreme(high[1:], horizon, 1.0)
    bottom = window_extreme(low[1:], horizon, -1.0)
    for b in range(len(close) - horizon):
        out[b] = math.log(max(close[b], top[b]) / min(close[b], bottom[b]))
    return out
