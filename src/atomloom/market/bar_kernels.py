"""Formulas from trades to bars; their plain-Python twins are in tests/oracles/bars_oracle.py and market_oracle.py.

Each cut walks new trades only and hands back what it needs to go on, so a stream that is fed in
pieces makes the same additions in the same order as one call over all trades.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Ticks = NDArray[np.integer[Any]]  # int32 or int64
    Floats = NDArray[np.float64]

_COUNTED = 1024  # price ranges up to this many ticks are counted, wider ones sorted
_END = np.int64(2**63 - 1)


@kernel
def split_at(size: Ticks, edges: Ints) -> tuple[Ints, Ints, Ints]:
    """Find the trades that each bar touches when volume is cut exactly at the edges.

    Parameters
    ----------
    size : (T,) int32 or int64
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
def split_on(
    size: Ints, edges: Ints, n: int, place: tuple[Any, Any, Any], offset: int
) -> tuple[Ints, Ints, Ints, Ints, tuple[Any, Any, Any], int]:
    """Cut volume at edges that repeat with a period, going on from where an earlier cut stopped.

    Parameters
    ----------
    size : (T,) int64
        The new trades.
    edges : (P + 1,) int64
        Strictly increasing, from 0 to the period.
    n : int
        How many bars these trades finish.
    place : (bar, held, skip)
        Number of the open bar in its period, volume into the period, volume of the open bar's
        first trade that earlier bars took.
    offset : int
        Trades that the open bar already has; positions are counted from its first.

    Returns
    -------
    first, last, skip, volume : (n,) int64
        Positions and volumes of the finished bars.
    place : (bar, held, skip)
    rest : int
        Position of the open bar's first trade.

    Notes
    -----
    O(T + n).
    """
    first = np.empty(n, np.int64)
    last = np.empty(n, np.int64)
    skip = np.empty(n, np.int64)
    volume = np.empty(n, np.int64)
    bar, held, used = place
    start = 0
    k = 0
    for trade in range(len(size)):
        left = size[trade]
        while left >= edges[bar + 1] - held:
            left -= edges[bar + 1] - held
            held = edges[bar + 1]
            first[k], last[k], skip[k] = start, offset + trade, used
            volume[k] = held - edges[bar]
            k += 1
            bar += 1
            if bar == len(edges) - 1:
                bar, held = 0, np.int64(0)
            start = offset + trade + (left == 0)
            used = size[trade] - left if left > 0 else np.int64(0)
        held += left
    return first, last, skip, volume, (bar, held, used), start


@kernel
def close_at_volume(size: Ticks, threshold: int, held: int, offset: int) -> tuple[Ints, int]:
    """Close a bar with the trade that brings its volume to the threshold, then start anew; O(T)."""
    last = np.empty(len(size), np.int64)
    n = 0
    for trade in range(len(size)):
        held += size[trade]
        if held >= threshold:
            last[n] = offset + trade
            n += 1
            held = 0
    return last[:n].copy(), held


@kernel
def close_at_value(
    px: Ticks, size: Ticks, unit: tuple[float, float], threshold: float, held: float, offset: int
) -> tuple[Ints, float]:
    """Close a bar with the trade that brings its value to the threshold, then start anew.

    ``unit`` is (divisor, factor): the price of a trade is px / divisor * factor, one of them 1. O(T).
    """
    last = np.empty(len(px), np.int64)
    divisor, factor = unit
    n = 0
    for trade in range(len(px)):
        held += px[trade] / divisor * factor * size[trade]
        if held >= threshold:
            last[n] = offset + trade
            n += 1
            held = 0.0
    return last[:n].copy(), held


@kernel
def close_at_time(ts: Ints, step: int, end: Any, offset: int) -> tuple[Ints, int]:
    """Close a bar before the first trade at or after its end; ends are multiples of the step.

    ``end`` is that of the open bar, or the least int64 if there is none. O(T).
    """
    last = np.empty(len(ts), np.int64)
    n = 0
    for trade in range(len(ts)):
        if ts[trade] >= end:
            if offset + trade > 0:
                last[n] = offset + trade - 1
                n += 1
            left = step - ts[trade] % step
            end = ts[trade] + left if ts[trade] <= _END - left else _END
    return last[:n].copy(), end


@kernel
def tick_signs(px: Ticks, before: Any, sign: int) -> NDArray[np.int8]:
    """Sign of the last price change at each trade: the tick rule, from an earlier price and sign on; O(T)."""
    out = np.empty(len(px), np.int8)
    for trade in range(len(px)):
        now = np.int64(px[trade])
        if now > before:
            sign = 1
        elif now < before:
            sign = -1
        out[trade] = sign
        before = now
    return out


@kernel
def extremes(px: Ticks, size: Ticks, first: Ints, last: Ints) -> tuple[Ints, Ints, Ints]:
    """Highest price, lowest price and whole volume of the trades first..last of each bar; O(trades touched)."""
    high = np.empty(len(first), np.int64)
    low = np.empty(len(first), np.int64)
    volume = np.empty(len(first), np.int64)
    for k in range(len(first)):
        top = bottom = px[first[k]]
        total = np.int64(size[first[k]])
        for trade in range(first[k] + 1, last[k] + 1):
            top = max(top, px[trade])
            bottom = min(bottom, px[trade])
            total += size[trade]
        high[k] = top
        low[k] = bottom
        volume[k] = total
    return high, low, volume


@kernel
def bar_median(px: Ticks, first: Ints, last: Ints, high: Ints, low: Ints) -> Floats:
    """Median price of the trades of each bar, each counted once; exact to the half tick.

    Counts the prices between low and high where that range is short, and sorts where it is not:
    O(trades + range) or O(trades log trades) per bar.
    """
    median = np.empty(len(first), np.float64)
    counts = np.zeros(_COUNTED, np.int64)
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
def bar_weighted_median(px: Ticks, size: Ticks, first: Ints, last: Ints, skip: Ints, volume: Ints) -> Floats:
    """Median price over the volume of each bar: half of it traded at or below, half at or above.

    Where exactly half lies on one side it is the middle of the two prices. Sorts each bar:
    O(trades log trades).
    """
    median = np.empty(len(first), np.float64)
    for k in range(len(first)):
        order = np.argsort(px[first[k] : last[k] + 1])
        n = len(order)
        lower, upper = (volume[k] - 1) // 2, volume[k] // 2  # ranks of the middle one or two units
        inner = np.int64(0)
        for j in range(1, n - 1):
            inner += size[first[k] + j]
        head = size[first[k]] - skip[k]
        tail = volume[k] - inner - head  # what the bar takes of its last trade
        seen = np.int64(0)
        low = high = 0.0
        for place in order:
            take = np.int64(size[first[k] + place])
            if n == 1:
                take = volume[k]
            elif place == 0:
                take = head
            elif place == n - 1:
                take = tail
            if seen <= lower < seen + take:
                low = float(px[first[k] + place])
            if seen <= upper < seen + take:
                high = float(px[first[k] + place])
                break
            seen += take
        median[k] = 0.5 * low + 0.5 * high
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
