"""Medians of eight bars at a time are the medians, whatever their lengths, ties and prices."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from atomloom.kernels.jit import kernel
from atomloom.market.median_lanes import WIDTH, middles_8
from atomloom.market.sweep_kernels import medians

PRICE = st.one_of(st.integers(-3, 3), st.integers(-(2**30) + 1, 2**30 - 1))


@kernel
def doubled(prices, first, last, out):
    return middles_8(prices, first, last, 0, out)


def laid_out(bars):
    """Bars one after the other; the first trade of every other bar also belongs to the one before."""
    prices, first, last = [], [], []
    for k, bar in enumerate(bars):
        shares = k % 2 == 1
        first.append(len(prices) - shares)
        prices += bar
        last.append(len(prices) - 1)
    first.append(len(prices))
    return np.array([*prices, *([0] * 16)], np.int32), np.array(first), np.array(last)


def wanted(prices, first, last):
    return [int(2 * np.median(prices[a : b + 1].astype(np.float64))) for a, b in zip(first[:-1], last, strict=True)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(PRICE, min_size=1, max_size=7), min_size=WIDTH, max_size=WIDTH))
@example([[2**30 - 1], [-(2**30) + 1]] * 4)
@example([list(range(n + 1)) for n in range(7)] + [[5] * 7])
def test_eight_bars_at_a_time(bars):
    prices, first, last = laid_out(bars)
    out = np.zeros(WIDTH, np.int32)
    assert doubled(prices, first, last, out) == 0
    assert out.tolist() == wanted(prices, first, last)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(PRICE, min_size=1, max_size=30), min_size=1, max_size=40))
def test_bars_of_any_length(bars):
    prices, first, last = laid_out(bars)
    out = np.zeros(len(bars), np.int32)
    medians(prices, first, last, out, np.zeros(1024, np.int32))
    assert out.tolist() == wanted(prices, first, last)


def test_long_bars_are_named():
    prices, first, last = laid_out([[1] * (WIDTH + 1 if k in {0, 5} else WIDTH - 1) for k in range(WIDTH)])
    assert doubled(prices, first, last, np.zeros(WIDTH, np.int32)) == (1 << 0) | (1 << 5)
