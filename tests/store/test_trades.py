"""Trades refuse what cannot be a trade, and say where it is."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.errors import BadInput
from atomloom.store import Trades
from atomloom.store.units import to_ns, to_price, to_ticks


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ts": [0, 5, 4]}, r"ts goes back in time 1 times \(first at row 2: 4 after 5\).*sort=True"),
        ({"ts": [-(2**63), 0, 2**63 - 1, 0]}, "goes back|differ in length"),
        ({"size": [1, -2, 0]}, r"size has 2 values below 1 \(first at row 1: -2\)"),
        ({"size": [1, 2]}, "differ in length: ts 3, px 3, size 2"),
        ({"size": [2**62, 2**62, 2**62]}, "beyond int64"),
        ({"size": [1.5, 2.0, 1.0]}, "size has dtype float64"),
        ({"size": np.array([1, 2**63, 1], dtype=np.uint64)}, "beyond int64"),
        ({"px": [1.0, 2.0, math.nan]}, "Trades.from_prices"),
        ({"px": [[1, 2, 3]]}, "one-dimensional"),
        ({"ts": [], "px": [], "size": []}, "trades are empty"),
        ({"ts": np.array(["2020-01-01", "NaT", "2020-01-02"], dtype="datetime64[s]")}, r"1 NaT \(first at row 1\)"),
        ({"tick_size": 0.0}, "tick_size is 0.0"),
        ({"tick_size": math.nan}, "tick_size is nan"),
        ({"symbol": "A/B"}, "symbol is 'A/B'"),
        ({"symbol": ""}, "symbol is ''"),
        ({"symbol": None}, "symbol is None"),
    ],
)
def test_bad_columns_are_refused(change, says):
    columns = {"ts": [0, 5, 5], "px": [1, 2, 3], "size": [1, 1, 1], **change}
    with pytest.raises(BadInput, match=says) as caught:
        Trades(**columns)
    assert "Hint: " in str(caught.value)


@pytest.mark.parametrize(
    ("price", "says"),
    [
        ([1.0, math.nan, math.inf], r"2 values that are NaN or infinite \(first at row 1: nan\)"),
        ([1.0, 1.25, 1.3], r"1 values off the tick grid of 0.25 \(first at row 2: "),
        ([1.0, 1e300, 1.25], "off the tick grid"),
    ],
)
def test_bad_prices_are_refused(price, says):
    with pytest.raises(BadInput, match=says):
        Trades.from_prices([0, 1, 2], price, [1, 1, 1], tick_size=0.25)


@given(
    st.lists(st.integers(-(10**9), 10**9), min_size=1), st.sampled_from([0.25, 0.01, 0.1, 1.0, 5.0, 1 / 32, 1e-5, 0.3])
)
def test_ticks_and_prices_are_inverse(ticks, tick_size):
    prices = to_price(np.array(ticks), tick_size)
    back, on_grid = to_ticks(prices, tick_size)
    assert back.tolist() == ticks
    assert on_grid.all()
    if tick_size in {0.01, 0.1, 1e-5}:
        # the float64 nearest to the decimal, as one would write it
        exact = [float(tick * Fraction(str(tick_size))) for tick in ticks]
        assert prices.tolist() == exact
    off = to_ticks(prices[np.abs(prices) < 1e6] + 0.4 * tick_size, tick_size)[1]
    assert not off.any()


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(-1, 52), st.integers(-1, 52))
def test_slice_is_a_filter(times, start, end):
    times.sort()
    trades = Trades(times, range(len(times)), [1] * len(times))
    expected = [k for k, ts in enumerate(times) if start <= ts < end]
    if not expected:
        with pytest.raises(BadInput, match="no trade" if start <= end else "is after end"):
            trades.slice(start, end)
        return
    part = trades.slice(start, end)
    assert part.px.tolist() == expected
    assert np.shares_memory(part.px, trades.px)


def test_columns_are_read_only_and_stay_so_through_pickling():
    trades = Trades(np.array([0, 1]), np.array([3, 4], dtype=np.int32), np.array([1, 2], dtype=np.int16))
    copy = pickle.loads(pickle.dumps(trades))
    for one in (trades, copy):
        assert (one.ts.dtype, one.px.dtype, one.size.dtype) == (np.int64, np.int32, np.int64)
        assert [column.flags.writeable for column in (one.ts, one.px, one.size)] == [False] * 3
        assert one.size.tolist() == [1, 2]
    with pytest.raises(AttributeError):
        trades.symbol = "X"


def test_the_callers_array_stays_writable():
    ts = np.array([0, 1])
    Trades(ts, [1, 1], [1, 1])
    ts[0] = -1


def test_times_in_every_form():
    assert to_ns("2013-09-01T22:00:00.083") == 1378072800083000000
    assert to_ns(np.datetime64("2013-09-01T22:00:00.083")) == 1378072800083000000
    assert Trades(np.array(["2013-09-01T22:00"], dtype="datetime64[m]"), [1], [1]).ts[0] == 1378072800 * 10**9
    for bad in ("yesterday", None, True, np.datetime64("NaT")):
        with pytest.raises(BadInput, match="Hint"):
            to_ns(bad)
