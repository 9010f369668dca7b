"""What happens inside a bar: a Brownian bridge from open to close, its highest and lowest, and the volume."""

from __future__ import annotations

from typing import Any

import numpy as np

from atomloom.kernels.elementary import exp_fixed, log_fixed, normals_of
from atomloom.kernels.lean import lean
from atomloom.samples.shock_kernels import uniforms_at


@lean
def inside_draws(path: Any, most: Any, j: int, words: Any, draws: Any) -> None:
    """Draw what one step of the bridge of each bar needs.

    Parameters
    ----------
    path, most : uint64
        Path; steps of a bar.
    j : int
        The step.
    words : tuple of 4 uint64
        Purposes of extremes and steps, and the key.
    draws : (4, n) float64
        Out: two normal numbers; -2 log u for the highest and for the lowest.
    """
    z, other, high, low = draws[0], draws[1], draws[2], draws[3]
    for t in range(z.size):
        block = np.uint64(t) * most + np.uint64(j)
        x, y = normals_of(*uniforms_at(path, block, words[1], words[2], words[3]))
        u, v = uniforms_at(path, block, words[0], words[2], words[3])
        z[t] = x
        other[t] = y
        high[t] = -2.0 * log_fixed(u)
        low[t] = -2.0 * log_fixed(v)


@lean
def bridge(levels: Any, volatility: Any, shape: Any, path: Any, words: Any, out: Any, points: Any, draws: Any) -> None:
    """Give open, highest and lowest log-price of bars whose closes are known.

    Parameters
    ----------
    levels : (n + 1,) float64
        Log-prices at the closes, from the one before the first bar on.
    volatility : (n,) float64
        Standard deviation of each bar's log-return.
    shape : tuple of (float, int)
        Share of a bar's variance before its open; equal steps from open to close.
    path, words
        See :func:`inside_draws`.
    out : (3, n) float64
        Out: open, highest, lowest.
    points : (steps + 1, n) float64
        Out: log-prices at the ends of the steps, from the open to the close.
    draws : (4, n) float64
        Scratch.

    Notes
    -----
    Given both ends of a step of variance w, the highest point between them is
    ``(a + b + sqrt((b - a)^2 - 2 w log u)) / 2``, u uniform; the lowest likewise, drawn independently of it.
    """
    gap, steps = shape
    spread = np.sqrt(gap * (1.0 - gap))
    opens, highs, lows = out[0], out[1], out[2]
    z, other, high, low = draws[0], draws[1], draws[2], draws[3]
    for j in range(steps):
        inside_draws(path, np.uint64(steps), j, words, draws)
        begins, ends, left = points[j], points[j + 1], float(steps - j)
        rest = (left - 1.0) / left
        if j == 0:
            for t in range(z.size):
                before, after = levels[t], levels[t + 1]
                start = before + gap * (after - before) + volatility[t] * spread * other[t]
                begins[t] = start
                opens[t] = start
                highs[t] = start if start > after else after  # noqa: FURB136 - quicker: stands in vector registers
                lows[t] = start if start < after else after  # noqa: FURB136 - same
        for t in range(z.size):
            w = volatility[t] * volatility[t] * (1.0 - gap) / steps
            start = begins[t]
            end = start + (levels[t + 1] - start) / left + np.sqrt(w * rest) * z[t]
            ends[t] = end
            middle, square = start + end, (end - start) * (end - start)
            top = 0.5 * (middle + np.sqrt(square + w * high[t]))
            bottom = 0.5 * (middle - np.sqrt(square + w * low[t]))
            highs[t] = top if top > highs[t] else highs[t]  # noqa: FURB136 - same
            lows[t] = bottom if bottom < lows[t] else lows[t]  # noqa: FURB136 - same


@lean
def bars(points: Any, closes: Any, volume: Any, start: float, out: Any) -> None:
    """Make prices of log-prices, low <= open, close <= high.

    Parameters
    ----------
    points : (3, n) float64
        In: open, highest and lowest log-price, 0 at `start`. Out: prices.
    closes, volume : (n,) float64
    start : float
    out : (n, 5) float64
        Out: open, high, low, close and volume.
    """
    for k in range(3):
        line = points[k]
        for t in range(line.size):
            line[t] = start * exp_fixed(line[t])
    opens, highs, lows = points[0], points[1], points[2]
    for t in range(closes.size):
        row, first, last = out[t], opens[t], closes[t]
        row[0] = first
        row[1] = max(highs[t], first, last)
        row[2] = min(lows[t], first, last)
        row[3] = last
        row[4] = volume[t]


@lean
def volumes(levels: Any, terms: Any, path: Any, words: Any, out: Any) -> None:
    """Draw the volumes of bars.

    Parameters
    ----------
    levels : (n + 1,) float64
        Log-prices at the closes, from the one before the first bar on.
    terms : tuple of 3 float
        Typical volume; pair of response over long-run volatility, and mean response; noise.
    path : uint64
    words : tuple of 3 uint64
        Purpose, and key.
    out : (n,) float64
        Out: ``typical exp(response (|r| / sigma - sqrt(2 / pi)) + noise z)``.
    """
    typical, slope, noise = terms
    for t in range(out.size):
        z, _ = normals_of(*uniforms_at(path, np.uint64(t), words[0], words[1], words[2]))
        out[t] = typical * exp_fixed(slope[0] * abs(levels[t + 1] - levels[t]) - slope[1] + noise * z)
