"""Formulas from trades to VPIN; the plain-Python twin of each is in tests/oracles/market_oracle.py."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.market.student import student_cdf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Ticks = NDArray[np.integer[Any]]  # int32 or int64
    Floats = NDArray[np.float64]

_MEMO = 32  # distinct moves remembered per sigma; bar prices sit on a half-tick grid, so few occur


@kernel
def split_at(size: Ticks, edges: Ints) -> tuple[Ints, Ints, Ints]:
    """Find the trades that each bar touches when volume is cut exactly at the edges.

    Parameters
    ----------
    size : (T,) int64
        Size of each trade, at least 1.
    edges : (N + 1,) int64
        Strictly increasing cumulative volumes; bar k is the volume in (edges[k], edges[k + 1]].

    Returns
    -------
    first, last : (N,) int64
        First and last trade (inclusive) with volume in the bar.
    skip : (N,) int64
        Volume of the first trade that belongs to earlier bars.

    Notes
    -----
    One walk, O(T + N), in int64 alone: nothing drifts.
    """
    n = len(edges) - 1
    first = np.empty(n, np.int64)
    last = np.empty(n, np.int64)
    skip = np.empty(n, np.int64)
    trade = 0
    before = 0  # volume of all trades ahead of `trade`
    for k in range(n):
        while before + size[trade] <= edges[k]:
            before += size[trade]
            trade += 1
        first[k] = trade
        skip[k] = edges[k] - before
        while before + size[trade] < edges[k + 1]:
            before += size[trade]
            trade += 1
        last[k] = trade
    return first, last, skip


@kernel
def overshoot(weight: NDArray[Any], threshold: float) -> Ints:
    """Last trade of each bar that closes once its own weights reach the threshold, then starts anew.

    Parameters
    ----------
    weight : (T,) int64 or float64
        What each trade adds: its size, or price times size.
    threshold : int or float
        Positive.

    Returns
    -------
    (N,) int64
        Last trade of each full bar; what is left over at the end is no bar.

    Notes
    -----
    AFML 2.3.1: the trade that crosses the line belongs to the bar whole. O(T).
    """
    last = np.empty(len(weight), np.int64)
    n = 0
    held = weight[0] - weight[0]
    for trade in range(len(weight)):
        held += weight[trade]
        if held >= threshold:
            last[n] = trade
            n += 1
            held = weight[0] - weight[0]
    return last[:n].copy()


@kernel
def high_low(px: Ticks, first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Highest and lowest price of the trades first..last of each bar; O(trades touched)."""
    high = np.empty(len(first), np.int64)
    low = np.empty(len(first), np.int64)
    for k in range(len(first)):
        top = bottom = px[first[k]]
        for trade in range(first[k] + 1, last[k] + 1):
            top = max(top, px[trade])
            bottom = min(bottom, px[trade])
        high[k] = top
        low[k] = bottom
    return high, low


@kernel
def bar_median(px: Ticks, first: Ints, last: Ints, high: Ints, low: Ints) -> Floats:
    """Median price of the trades of each bar, each counted once; exact to the half tick.

    Counts the prices between low and high where that range is short, and sorts where it is not:
    O(trades + range) or O(trades log trades) per bar.
    """
    median = np.empty(len(first), np.float64)
    counts = np.zeros(1024, np.int64)
    for k in range(len(first)):
        n = last[k] - first[k] + 1
        lower, upper = (n - 1) // 2, n // 2  # ranks of the middle one or two
        width = np.int64(high[k]) - np.int64(low[k])
        if 0 <= width < len(counts):
            for trade in range(first[k], last[k] + 1):
                counts[px[trade] - low[k]] += 1
            seen = 0
            step = -1
            while seen <= lower:
                step += 1
                seen += counts[step]
            other = step
            while seen <= upper:
                other += 1
                seen += counts[other]
            median[k] = low[k] + 0.5 * (step + other)
            counts[: width + 1] = 0
        else:
            part = np.sort(px[first[k] : last[k] + 1])
            median[k] = 0.5 * part[lower] + 0.5 * part[upper]
    return median


@kernel
def bar_mean(px: Ticks, size: Ticks, first: Ints, last: Ints, skip: Ints, volume: Ints, weighted: bool) -> Floats:
    """Mean price of each bar: by trade, or (weighted) by the volume that falls in the bar.

    Distances from the bar's first price are averaged, so a constant price comes back exactly.
    O(trades touched).
    """
    mean = np.empty(len(first), np.float64)
    for k in range(len(first)):
        base = float(px[first[k]])
        total = 0.0
        left = volume[k]
        used = skip[k]
        for trade in range(first[k], last[k] + 1):
            take = min(size[trade] - used, left)
            used = 0
            left -= take
            total += (px[trade] - base) * (float(take) if weighted else 1.0)
        weight = float(volume[k]) if weighted else float(last[k] - first[k] + 1)
        mean[k] = base + total / weight
    return mean


@kernel
def expanding_sigma(change: Floats, bars_per_bucket: int) -> Floats:
    """Sample standard deviation (ddof 1) of the price changes known when each bar's bucket opens.

    Parameters
    ----------
    change : (N,) float64
        Price change of each bar; the first has no bar before it and is left out.
    bars_per_bucket : int
        Sigma is renewed at the start of each bucket, from the bars of earlier buckets only.

    Returns
    -------
    (N,) float64
        NaN where fewer than two changes are known.

    Notes
    -----
    Welford's recurrence, one pass, O(N): equal changes give exactly 0.
    """
    sigma = np.empty(len(change), np.float64)
    mean = 0.0
    square = 0.0
    now = math.nan
    for k in range(len(change)):
        known = max(k - 1, 0)  # changes 1 .. k-1 lie before bar k
        if k % bars_per_bucket == 0:
            now = math.sqrt(square / (known - 1)) if known >= 2 else math.nan
        sigma[k] = now
        if k >= 1:
            away = change[k] - mean
            mean += away / (known + 1)
            square += away * (change[k] - mean)
    return sigma


@kernel
def buy_fraction(change: Floats, sigma: Floats, nu: float) -> Floats:
    """Share of each bar's volume taken as bought: F(change / sigma), F Student's t with nu degrees of freedom.

    Parameters
    ----------
    change : (N,) float64
        Price change of each bar, any unit.
    sigma : (N,) float64
        Same unit; NaN gives NaN. Where it is 0 the sign decides: 0, 1/2 or 1.
    nu : float
        0 or inf for the normal.

    Returns
    -------
    (N,) float64 in [0, 1]

    Notes
    -----
    F(-z) is 1 - F(z) by construction. While sigma stays the same, F is worked out once for each
    distinct size of move and remembered. O(N) beside that.
    """
    fraction = np.empty(len(change), np.float64)
    keys = np.empty(_MEMO, np.float64)
    values = np.empty(_MEMO, np.float64)
    held = 0
    for k in range(len(change)):
        if k == 0 or sigma[k] != sigma[k - 1]:
            held = 0
        move = abs(change[k])
        if math.isnan(sigma[k]) or math.isnan(move):
            fraction[k] = math.nan
            continue
        found = -1
        for slot in range(held):
            if keys[slot] == move:
                found = slot
                break
        if found >= 0:
            up = values[found]
        else:
            sign = 0.5 if move == 0.0 else 1.0
            up = student_cdf(move / sigma[k], nu) if sigma[k] > 0.0 else sign
            if held < _MEMO:
                keys[held] = move
                values[held] = up
                held += 1
        fraction[k] = up if change[k] >= 0.0 else 1.0 - up
    return fraction


@kernel
def bucket_flow(fraction: Floats, volume: Ints, bars_per_bucket: int) -> tuple[Floats, Floats, Ints]:
    """Bought volume, |bought - sold| and total volume of each run of bars_per_bucket bars; O(N)."""
    n = len(fraction) // bars_per_bucket
    bought = np.zeros(n, np.float64)
    imbalance = np.zeros(n, np.float64)
    total = np.zeros(n, np.int64)
    for b in range(n):
        signed = 0.0
        for k in range(b * bars_per_bucket, (b + 1) * bars_per_bucket):
            bought[b] += volume[k] * fraction[k]
            signed += volume[k] * (2.0 * fraction[k] - 1.0)
            total[b] += volume[k]
        imbalance[b] = abs(signed)
    return bought, imbalance, total


@kernel
def rolling_share(imbalance: Floats, total: Ints, window: int) -> Floats:
    """Sum of imbalance over sum of volume in the window of buckets that ends at each bucket.

    Parameters
    ----------
    imbalance : (B,) float64
        Between 0 and total; NaN makes every window that holds it NaN.
    total : (B,) int64
    window : int
        Buckets per window.

    Returns
    -------
    (B,) float64 in [0, 1]
        NaN for the first window - 1 buckets.

    Notes
    -----
    Each window is added up anew in the same order above and below the line, so rounding cannot
    push the share over 1 and no error is carried along. O(B window).
    """
    share = np.full(len(imbalance), math.nan)
    for b in range(window - 1, len(imbalance)):
        above = 0.0
        below = 0.0
        for k in range(b - window + 1, b + 1):
            above += imbalance[k]
            below += float(total[k])
        share[b] = above / below
    return share


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
    A Fenwick tree of counts; the dense rank only orders the tree, later values are not counted.
    O(M log M).
    """
    tree = np.zeros(n_ranks + 1, np.int64)
    out = np.empty(len(rank), np.float64)
    for k in range(len(rank)):
        node = rank[k] + 1
        while node <= n_ranks:
            tree[node] += 1
            node += node & -node
        below = 0
        node = rank[k]
        while node > 0:
            below += tree[node]
            node -= node & -node
        through = 0
        node = rank[k] + 1
        while node > 0:
            through += tree[node]
            node -= node & -node
        out[k] = (below + 0.5 * (through - below)) / (k + 1)
    return out


@kernel
def range_ahead(close: Floats, high: Floats, low: Floats, horizon: int) -> Floats:
    """Largest log return between any two prices from each close through the next `horizon` buckets.

    ln(max / min) over the close itself and the highs and lows that follow: the size of the largest
    move, up or down. NaN where fewer than `horizon` buckets follow. O(B horizon).
    """
    out = np.full(len(close), math.nan)
    for b in range(len(close) - horizon):
        top = bottom = close[b]
        for k in range(b + 1, b + horizon + 1):
            top = max(top, high[k])
            bottom = min(bottom, low[k])
        out[b] = math.log(top / bottom)
    return out
