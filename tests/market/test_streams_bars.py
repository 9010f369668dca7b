"""Streams of bars against one call over all trades: every column, every bit, any split."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.data import es_2013_09
from atomloom.errors import BadInput, OverBudget
from atomloom.market import (
    Bars,
    BarStream,
    dollar_bars,
    imbalance_bars,
    runs_bars,
    tick_bars,
    time_bars,
    volume_bars,
)
from atomloom.store import Trades, read_trades
from oracles.market_strategies import trades as some_trades

COLUMNS = ("start_ts", "end_ts", "open_px", "high_px", "low_px", "close_px", "price_px", "volume", "n_trades")
PRICES = ("close", "mean", "median", "vwap", "weighted_median")


def whole(kind, size, trades, price, **more):
    """The bars of one call."""
    if kind == "time":
        return time_bars(trades, size, price=price)
    if kind == "tick":
        return tick_bars(trades, size, price=price)
    if kind == "volume":
        return volume_bars(trades, size, price=price, **more)
    if kind == "dollar":
        return dollar_bars(trades, size, price=price)
    by, what = kind.split("_")
    verb = imbalance_bars if what == "imbalance" else runs_bars
    return verb(trades, by, expected_ticks=size, price=price, **more)


def identical(one, other):
    assert (one.symbol, one.kind, one.price_kind, one.tick_size) == (
        other.symbol, other.kind, other.price_kind, other.tick_size
    )  # fmt: skip
    for name in COLUMNS:
        left, right = getattr(one, name), getattr(other, name)
        assert left.dtype == right.dtype, name
        assert left.tobytes() == right.tobytes(), name


def pieces(trades, cuts):
    edges = sorted({0, len(trades), *(cut % (len(trades) + 1) for cut in cuts)})
    return [trades.rows(lo, hi) for lo, hi in pairwise(edges)]


CASES = st.one_of(
    st.tuples(st.just("time"), st.sampled_from([1, 60, 3600, 0.001]), st.just({})),
    st.tuples(st.just("tick"), st.integers(1, 12), st.just({})),
    st.tuples(st.just("volume"), st.integers(1, 60), st.fixed_dictionaries({"split": st.booleans()})),
    st.tuples(st.just("dollar"), st.sampled_from([1.0, 77.7, 500.1, 5000.0]), st.just({})),
    st.tuples(
        st.sampled_from([f"{by}_{what}" for by in ("tick", "volume", "dollar") for what in ("imbalance", "runs")]),
        st.integers(1, 10),
        st.fixed_dictionaries(
            {
                "alpha_bars": st.sampled_from([0.0, 0.3, 1.0]),
                "alpha_trades": st.sampled_from([None, 0.01, 1.0]),
                "limits": st.sampled_from([None, (0.1, 10.0), (1.0, 1.0), (0.5, 2.0)]),
            }
        ),
    ),
)


@given(some_trades(), CASES, st.sampled_from(PRICES), st.lists(st.integers(0, 99), max_size=8), st.integers(0, 8))
def test_any_split_gives_the_same_bits(trades, case, price, cuts, checkpoint):
    kind, size, more = case
    stream = BarStream(kind, size, price=price, warm=False, **more)
    made = []
    for number, piece in enumerate(pieces(trades, cuts)):
        if number == checkpoint:
            stream = BarStream.from_state(through_json(stream.state()), warm=False)
        made.append(stream.update(piece))
    made.append(stream.finish())
    identical(Bars.concat(made), whole(kind, size, trades, price, **more))


def through_json(state):
    """A state as it comes back from a file: arrays as lists, tuples as lists."""
    return json.loads(json.dumps(state, default=lambda array: array.tolist()))


@given(some_trades(), CASES)
def test_one_trade_at_a_time(trades, case):
    kind, size, more = case
    stream = BarStream(kind, size, warm=False, **more)
    made = [stream.update(trades.rows(k, k + 1)) for k in range(len(trades))]
    identical(Bars.concat([*made, stream.finish()]), whole(kind, size, trades, "close", **more))


@given(some_trades(), st.sampled_from([1, 60, 3600]), st.lists(st.integers(0, 99), max_size=4))
def test_a_clock_closes_time_bars_early_and_changes_nothing(trades, seconds, cuts):
    stream = BarStream("time", seconds, warm=False)
    stream.advance(int(trades.ts[0]) - 1)
    made = []
    parts = pieces(trades, cuts)
    for number, piece in enumerate(parts):
        made.append(stream.update(piece))
        if number + 1 < len(parts):
            made.append(stream.advance(int(parts[number + 1].ts[0])))
    identical(Bars.concat([*made, stream.finish()]), time_bars(trades, seconds))


def test_the_real_trades_in_uneven_pieces():
    es = read_trades(es_2013_09())
    for kind, size in (("time", 60), ("volume", 1999), ("dollar", 3e6), ("volume_imbalance", 500), ("tick_runs", 500)):
        stream = BarStream(kind, size, price="median")
        made = [stream.update(part) for part in pieces(es, [1, 7, 1000, 1001, 250_000, 499_999])]
        identical(Bars.concat([*made, stream.finish()]), whole(kind, size, es, "median"))


def test_given_signs_travel_with_the_trades():
    es = read_trades(es_2013_09()).rows(0, 20_000)
    signs = np.random.default_rng(0).choice(np.array([-1, 0, 1], np.int8), len(es))
    stream = BarStream("tick_imbalance", 50, warm=False)
    made = [stream.update(es.rows(k, k + 700), signs=signs[k : k + 700]) for k in range(0, 19_600, 700)]
    expected = imbalance_bars(es.rows(0, 19_600), expected_ticks=50, signs=signs[:19_600])
    identical(Bars.concat(made), expected)


def test_a_refused_update_changes_nothing():
    stream = BarStream("volume", 10, warm=False)
    stream.update(Trades([5], [7], [4], symbol="A"))
    before = stream.state()
    for bad, words in (
        (Trades([4], [7], [4], symbol="A"), "before 5"),
        (Trades([6], [7], [4], symbol="B"), "one stream per instrument"),
        (Trades([6], [7], [4], symbol="A", tick_size=0.5), "one stream per instrument"),
    ):
        with pytest.raises(BadInput, match=words):
            stream.update(bad)
    with pytest.raises(BadInput, match="take no signs"):
        stream.update(Trades([6], [7], [4], symbol="A"), signs=[1])
    assert through_json(stream.state()) == through_json(before)
    with pytest.raises(BadInput, match="positive prices"):
        BarStream("dollar", 10, warm=False).update(Trades([5], [-7], [4]))


def test_bad_streams_and_states_are_refused():
    for call in (
        lambda: BarStream("range", 3),
        lambda: BarStream("tick", 0),
        lambda: BarStream("volume", 2.5),
        lambda: BarStream("time", float("nan")),
        lambda: BarStream("dollar", -1),
        lambda: BarStream("tick_runs", 10, limits=(2, 3)),
        lambda: BarStream("tick_runs", 10, alpha_bars=1.5),
        lambda: BarStream("tick", 3, price="middle"),
        lambda: BarStream.from_state({"stream": "VPINStream", "version": 1}),
        lambda: BarStream("tick", 3, warm=False).restore(BarStream("tick", 4, warm=False).state()),
        lambda: Bars.concat([]),
    ):
        with pytest.raises(BadInput, match="Hint"):
            call()


def test_volumes_beyond_int64_are_refused_not_wrapped():
    stream = BarStream("tick", 3, warm=False)
    stream.update(Trades([0], [5], [2**62]))
    with pytest.raises(BadInput, match="beyond int64"):
        stream.update(Trades([1], [5], [2**62]))
    assert stream.update(Trades([1, 2], [5, 5], [1, 1])).volume.tolist() == [2**62 + 2]
    stream.update(Trades([3], [5], [2**62]))  # the bar before is gone, and its volume with it
    stream.restore(through_json(stream.state()))
    with pytest.raises(BadInput, match="beyond int64"):
        stream.update(Trades([4], [5], [2**62]))
    with pytest.raises(OverBudget, match="Hint"):
        BarStream("volume", 3, warm=False).update(Trades([1], [5], [2**62]))


def test_the_hours_before_the_first_trade():
    stream = BarStream("time", 60, warm=False)
    parts = [stream.advance("1970-01-01T00:00:30"), stream.advance(np.datetime64(45, "s"))]
    assert [len(part) for part in parts] == [0, 0]
    assert parts[0].to_frame().empty
    trades = Trades([50 * 10**9, 70 * 10**9], [5, 6], [1, 2], 0.25, "ES")
    parts += [stream.update(trades), stream.finish()]
    identical(Bars.concat(parts), time_bars(trades, 60))
    with pytest.raises(BadInput, match="cannot be joined"):
        Bars.concat([parts[0], tick_bars(trades, 1)])
    for wrong in ("noon", 1.5, None, 10**30):
        with pytest.raises(BadInput, match="time"):
            stream.advance(wrong)


@pytest.mark.parametrize("lost", ["tape", "cutter", "config"])
def test_states_that_are_not_whole_are_refused(lost):
    stream = BarStream("tick", 3, warm=False)
    stream.update(Trades([0, 1], [5, 6], [1, 1]))
    before = stream.state()
    state = {name: value for name, value in before.items() if name != lost}
    for call in (lambda: stream.restore(state), lambda: BarStream.from_state(state), lambda: stream.restore(None)):
        with pytest.raises(BadInput, match="Hint"):
            call()
    assert through_json(stream.state()) == through_json(before)


@pytest.mark.parametrize(
    ("kind", "part", "name", "value"),
    [
        ("tick", "tape", "px", [5]),
        ("tick_imbalance", "cutter", "held", [1.0]),
        ("volume_runs", "cutter", "held", [1.0]),
        ("volume", "cutter", "bar", 7),
        ("volume", "cutter", "held", 99),
    ],
)
def test_states_of_another_shape_are_refused_before_a_formula_sees_them(kind, part, name, value):
    stream = BarStream(kind, 9, warm=False)
    stream.update(Trades([0, 1], [5, 6], [1, 1]))
    state = through_json(stream.state())
    state[part][name] = value
    with pytest.raises(BadInput, match="not whole"):
        BarStream.from_state(state, warm=False)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("volume", "edges", (0, 60)),
        ("volume", "skip", -1),
        ("volume", "skip", 10**9),
        ("volume", "held", 1.5),
        ("volume", "held", -1),
        ("tick", "step", 51),
        ("tick", "held", "3"),
        ("time", "end", None),
        ("time", "step", 7),
        ("dollar", "threshold", 51.0),
        ("dollar", "held", math.nan),
        ("tick_imbalance", "sign", 7),
        ("tick_imbalance", "held", [math.nan] * 6),
        ("tick_runs", "held", [0.0] * 6),
    ],
)
def test_a_state_that_another_parameter_made_is_refused_and_changes_nothing(kind, name, value):
    trades = Trades(np.arange(99) * 10**9, 5 + np.arange(99) % 3, 1 + np.arange(99) % 7)
    stream, untouched = (BarStream(kind, 50, warm=False) for _ in range(2))
    for one in (stream, untouched):
        one.update(trades.rows(0, 45))
    state = stream.state()
    state["cutter"][name] = value
    with pytest.raises(BadInput, match="not whole"):
        stream.restore(state)
    for one in ("ts", "size"):
        damaged = stream.state()
        damaged["tape"][one] = -damaged["tape"][one]
        with pytest.raises(BadInput, match="not whole"):
            stream.restore(damaged)
    rest = trades.rows(45, 99)
    identical(stream.update(rest), untouched.update(rest))
