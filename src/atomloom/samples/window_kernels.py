"""Windows out of a series, scaled, and what belongs to them: one division a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from atomloom.kernels.elementary import exp_fixed, log_fixed
from atomloom.kernels.lean import lean


@lean
def gather_windows(values: Any, divisors: Any, which: Any, ends: Any, x: Any) -> None:
    """Copy the window before each row, every channel divided by its own number for that row.

    Parameters
    ----------
    values : (C, T) float
    divisors : (K, T + 1) float
        By the row behind the window.
    which : (C,) int64
        Row of ``divisors`` of each channel.
    ends : (B,) int64
        Row behind each window.
    x : (B, C, L) float
        Out.

    Notes
    -----
    Division is IEEE: a window has the same bits everywhere, and its last close over itself is exactly 1. O(B C L).
    """
    lookback = x.shape[2]
    for b in range(len(ends)):
        end = ends[b]
        for c in range(len(which)):
            divisor = divisors[which[c], end]
            source, out = values[c, end - lookback : end], x[b, c]
            for j in range(lookback):
                out[j] = source[j] / divisor


@lean
def gather_entries(close: Any, ends: Any, words: Any, within: Any, entries: Any) -> None:
    """Give the close of one of the last bars of each window, over the last close.

    Parameters
    ----------
    close : (T,) float
    ends : (B,) int64
    words : (B,) uint32
    within : uint64
        How many bars may be the one.
    entries : (B,) float
        Out.
    """
    for b in range(len(ends)):
        back = np.int64((np.uint64(words[b]) * within) >> np.uint64(32))
        entries[b] = close[ends[b] - 1 - back] / close[ends[b] - 1]


@lean
def gather_labels(close: Any, ends: Any, horizon: int, labels: Any) -> None:
    """Give the return from the last bar of each window to the last of its label.

    Parameters
    ----------
    close : (T,) float
    ends : (B,) int64
    horizon : int
    labels : (B,) float
        Out.
    """
    for b in range(len(ends)):
        labels[b] = close[ends[b] + horizon - 1] / close[ends[b] - 1] - np.float32(1.0)


@lean
def uniform_field(words: Any, low: Any, span: Any, out: Any) -> None:
    """Give ``low + u span`` with u the multiples of 2^-24 in [0, 1) that words stand for.

    Parameters
    ----------
    words : (B,) uint32
    low, span : float32
    out : (B,) float32
        Out.
    """
    for b in range(len(words)):
        out[b] = low + np.float32(words[b] >> np.uint32(8)) * np.float32(2.0**-24) * span


@lean
def log_uniform_field(words: Any, low: float, span: float, out: Any) -> None:
    """Give ``exp(low + u span)`` by polynomials that are the same on every machine.

    Parameters
    ----------
    words : (B,) uint32
    low, span : float
        Logarithms: of the lowest number, and of the ratio of the highest to it.
    out : (B,) float32
        Out.
    """
    for b in range(len(words)):
        u = np.float64(words[b] >> np.uint32(8)) * 2.0**-24
        out[b] = np.float32(exp_fixed(low + u * span))


@lean
def choice_field(words: Any, values: Any, out: Any) -> None:
    """Give one of some values, each as likely as any other.

    Parameters
    ----------
    words : (B,) uint32
    values : (V,) int8 or float32
    out : (B,) of the same
        Out.
    """
    count = np.uint64(len(values))
    for b in range(len(words)):
        out[b] = values[np.int64((np.uint64(words[b]) * count) >> np.uint64(32))]


@lean
def log_of_one_more(values: Any, out: Any) -> None:
    """Give ``log(1 + v)`` by polynomials that are the same on every machine.

    Parameters
    ----------
    values : (T,) float
    out : (T,) float
        Out.
    """
    for t in range(len(values)):
        out[t] = log_fixed(1.0 + np.float64(values[t]))
