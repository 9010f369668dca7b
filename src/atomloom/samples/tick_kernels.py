"""Trades of a path: when, at which price on the grid, how much, and who began."""

from __future__ import annotations

from typing import Any

import numpy as np

from atomloom.kernels.elementary import exp_fixed, log_fixed, normals_of
from atomloom.kernels.lean import lean
from atomloom.samples.shock_kernels import uniforms_at


@lean
def shares(first: int, path: Any, words: Any, when: Any, size: Any) -> None:
    """Draw when the trades of a bar happen, and which share of its volume each has.

    Parameters
    ----------
    first : int
        Number of the first trade in its path.
    path : uint64
    words : tuple of 4 uint64
        Purpose, key, and purpose of the pause at the end.
    when, size : (n,) float64
        Out: times from 0 to 1, increasing: n sorted uniform numbers, as running sums of exponential ones; shares that
        add up to 1.
    """
    total = summed = 0.0
    for i in range(when.size):
        u, v = uniforms_at(path, np.uint64(3 * (first + i)), words[0], words[1], words[2])
        total -= log_fixed(u)
        when[i] = total
        size[i] = -log_fixed(v)
        summed += size[i]
    last, _ = uniforms_at(path, np.uint64(first), words[3], words[1], words[2])
    total -= log_fixed(last)  # the pause after the last trade
    for i in range(when.size):
        when[i] /= total
        size[i] /= summed


@lean
def trade_bar(
    first: int, points: Any, spread: Any, market: Any, path: Any, words: Any, when: Any, price: Any, sign: Any
) -> None:
    """Give prices and signs of the trades of a bar.

    Parameters
    ----------
    first, path, words
        See :func:`shares`.
    points : (steps + 1,) float64
        Log-prices at equal steps of the bar.
    spread : tuple of 2 float
        Half of the spread, in grid steps; share of trades that know where the bar goes.
    market : tuple of 5 float
        Variance from open to close; price at log-price 0; step of the grid; lowest and highest log-price of the bar.
    when : (n,) float64
        From 0 to 1, increasing.
    price : (n,) int64
        Out: in grid steps, 1 at least.
    sign : (n,) int8
        Out: 1 where a buyer began, -1 where a seller did.

    Notes
    -----
    Between two points the price is a Brownian bridge, which each trade goes on from where the one before was. It is
    held between the lowest and the highest of the bar.
    """
    half, informed = spread
    variance, start, grid, low, high = market
    steps = points.size - 1
    time, x, step = 0.0, points[0], 0
    for i in range(when.size):
        while step < steps - 1 and when[i] * steps >= step + 1:
            step += 1
            time, x = step / steps, points[step]
        end = (step + 1) / steps
        share = (when[i] - time) / (end - time) if end > time else 1.0
        block = 3 * (first + i) + 1
        chance, coin = uniforms_at(path, np.uint64(block), words[0], words[1], words[2])
        z, _ = normals_of(*uniforms_at(path, np.uint64(block + 1), words[0], words[1], words[2]))
        spare = max(variance * share * (end - when[i]), 0.0)
        x = min(max(x + (points[step + 1] - x) * share + np.sqrt(spare) * z, low), high)
        time = when[i]
        rest = points[steps] - x
        side = 1 if coin < 0.5 else -1
        if chance < informed and rest != 0.0:
            side = 1 if rest > 0.0 else -1
        sign[i] = side
        price[i] = max(int(np.floor(start * exp_fixed(x) / grid + side * half + 0.5)), 1)


@lean
def trades(counts: Any, points: Any, extremes: Any, terms: Any, path: Any, words: Any, out: Any) -> None:
    """Give the trades of all bars of a path.

    Parameters
    ----------
    counts : (n,) int64
        Trades of each bar, 1 at least.
    points : (n, steps + 1) float64
    extremes : (2, n) float64
        Lowest and highest log-price of each bar.
    terms : tuple of 5 float
        See `spread` and `market` of :func:`trade_bar`: half, informed, share of the variance after the open, price at
        log-price 0, step of the grid.
    path, words
        See :func:`shares`.
    out : tuple
        Volatility of each bar, (n,) float64, in. Out, for all trades: time from the begin of its bar, share of its
        bar's volume, float64; price, int64; sign, int8.
    """
    half, informed, after, start, grid = terms
    volatility, when, size, price, sign = out
    first = 0
    for t in range(counts.size):
        last = first + counts[t]
        own = when[first:last]
        shares(first, path, words, own, size[first:last])
        spread, sigma = (half, informed), volatility[t]
        market = (sigma * sigma * after, start, grid, extremes[0, t], extremes[1, t])
        trade_bar(first, points[t], spread, market, path, words, own, price[first:last], sign[first:last])
        first = last
