"""Bars against contracts laid out one by one, and against independent sums on the real trades."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.data import es_2013_09
from atomloom.errors import BadInput, Infeasible, OverBudget
from atomloom.market import dollar_bars, tick_bars, time_bars, volume_bars
from atomloom.market.bars import volume_days, volume_edges
from atomloom.store import Trades, read_trades
from oracles import market_oracle as oracle
from oracles.market_strategies import trades as some_trades

PRICES = st.sampled_from(["close", "mean", "median", "vwap"])


@pytest.fixture(scope="module")
def es():
    return read_trades(es_2013_09())


def same_as(bars, trades, expected, price):
    """Compare a table of bars with lists of (trade, volume taken)."""
    px = trades.px.tolist()
    assert len(bars) == len(expected)
    for k, bar in enumerate(expected):
        inside = [px[trade] for trade, _ in bar]
        seen = (bars.open_px[k], bars.high_px[k], bars.low_px[k], bars.close_px[k], bars.n_trades[k], bars.volume[k])
        assert seen == (
            inside[0], max(inside), min(inside), inside[-1], len(bar), sum(amount for _, amount in bar)
        )  # fmt: skip
        assert bars.start_ts[k] == trades.ts[bar[0][0]]
        assert bars.end_ts[k] == trades.ts[bar[-1][0]]
        assert bars.price_px[k] == pytest.approx(oracle.stands_for(price, px, bar), rel=1e-14)
        if price in {"close", "median"}:
            assert bars.price_px[k] == oracle.stands_for(price, px, bar)


@given(some_trades(), st.integers(1, 60), PRICES)
def test_split_volume_bars(trades, volume, price):
    edges = list(range(0, trades.volume + 1, volume))
    expected = oracle.split_by_units(trades.size.tolist(), edges)
    assert expected == oracle.split_by_sums(trades.size, edges)
    same_as(volume_bars(trades, volume, price=price), trades, expected, price)


@given(some_trades(), st.integers(1, 12), PRICES)
def test_bars_per_day_use_up_the_whole_volume(trades, per_day, price):
    wanted = per_day * volume_days(trades)
    if trades.volume < wanted:
        with pytest.raises(Infeasible, match="fewer bars per day"):
            volume_bars(trades, bars_per_day=per_day)
        return
    bars = volume_bars(trades, bars_per_day=per_day, price=price)
    assert bars.volume.sum() == trades.volume
    assert bars.volume.max() - bars.volume.min() <= 1
    same_as(bars, trades, oracle.split_by_units(trades.size.tolist(), oracle.even_edges(trades.volume, wanted)), price)


@given(some_trades(px=st.integers(-(2**31), 2**31 - 1)), st.integers(1, 60))
def test_prices_far_apart(trades, volume):
    edges = list(range(0, trades.volume + 1, volume))
    expected = oracle.split_by_sums(trades.size, edges)
    same_as(volume_bars(trades, volume, price="median"), trades, expected, "median")


@given(st.lists(st.integers(1, 2**61), min_size=1, max_size=3), st.integers(1, 5000))
def test_volumes_near_the_end_of_int64_are_cut_exactly(size, bars):
    trades = Trades(ts=range(len(size)), px=range(1, len(size) + 1), size=size)
    if trades.volume < bars:
        return
    cut = volume_bars(trades, bars_per_day=bars)
    edges = oracle.even_edges(trades.volume, bars)
    assert cut.volume.tolist() == [hi - lo for lo, hi in pairwise(edges)]
    expected = oracle.split_by_sums(size, edges)
    assert cut.n_trades.tolist() == [len(bar) for bar in expected]
    assert cut.close_px.tolist() == [bar[-1][0] + 1 for bar in expected]


@given(st.integers(0, 200), st.integers(1, 10**12), st.integers(1, 10**6))
def test_edges_are_ceilings(n, numerator, denominator):
    exact = [-(-k * numerator // denominator) for k in range(n + 1)]
    assert volume_edges(n, numerator, denominator).tolist() == exact


@given(some_trades(), st.integers(1, 60), PRICES)
def test_overshoot_bars(trades, threshold, price):
    size = trades.size.tolist()

    def whole(weight, limit):
        return [[(trade, size[trade]) for trade in bar] for bar in oracle.overshoot(weight, limit)]

    same_as(volume_bars(trades, threshold, split=False, price=price), trades, whole(size, threshold), price)
    same_as(tick_bars(trades, threshold, price=price), trades, whole([1] * len(size), threshold), price)
    value = [px * 0.25 * amount for px, amount in zip(trades.px.tolist(), size, strict=True)]  # exact in float64
    same_as(dollar_bars(trades, threshold * 20.0, price=price), trades, whole(value, threshold * 20.0), price)


@given(some_trades(), st.sampled_from([1, 60, 3600, 0.001]))
def test_time_bars_leave_no_trade_out_and_make_no_empty_bar(trades, seconds):
    bars = time_bars(trades, seconds)
    step = round(seconds * 10**9)
    groups = {}
    for trade, ts in enumerate(trades.ts.tolist()):
        groups.setdefault(ts // step, []).append((trade, int(trades.size[trade])))
    same_as(bars, trades, list(groups.values()), "close")


def test_counts_and_sums_on_the_real_trades(es):
    # independent: cumulative sums and a search, no kernel
    size, px = es.size, es.px
    ticks = tick_bars(es, 500)
    assert len(ticks) == 1000
    assert ticks.close_px.tolist() == px[499::500].tolist()
    for bars, count, weight, limit in (
        # the counts are those of mlfinpy 0.1.2 on the same trades
        (volume_bars(es, 2000, split=False), 916, size.astype(float), 2000),
        (dollar_bars(es, 3e6), 1002, es.price * size, 3e6),
    ):
        assert len(bars) == count
        reached, ends, base = np.cumsum(weight), [], 0.0
        while True:
            end = int(np.searchsorted(reached, base + limit))
            if end == len(reached):
                break
            ends.append(end)
            base = reached[end]
        assert bars.close_px.tolist() == px[ends].tolist()
        assert bars.volume.tolist() == np.diff(np.cumsum(size)[ends], prepend=0).tolist()
    split = volume_bars(es, bars_per_day=6000)
    assert len(split) == 12_000
    assert split.volume.sum() == es.volume == 1_844_058
    reached = np.cumsum(size)
    edges = np.array(oracle.even_edges(es.volume, 12_000))
    assert split.close_px.tolist() == px[np.searchsorted(reached, edges[1:])].tolist()
    assert split.open_px.tolist() == px[np.searchsorted(reached, edges[:-1], side="right")].tolist()


def test_one_trade_may_fill_many_bars_and_one_bar_may_be_too_much():
    one = Trades(ts=[7], px=[40], size=[10], tick_size=0.5)
    bars = volume_bars(one, 3)
    assert bars.volume.tolist() == [3, 3, 3]
    assert bars.start_ts.tolist() == bars.end_ts.tolist() == [7, 7, 7]
    assert bars.price.tolist() == [20.0, 20.0, 20.0]
    for empty in (volume_bars(one, 11), volume_bars(one, 11, split=False), tick_bars(one, 2), dollar_bars(one, 1e9)):
        assert len(empty) == 0
        assert empty.to_frame().empty
    assert len(volume_bars(one, 11, price="median")) == 0
    assert len(volume_bars(one, 11, price="vwap")) == 0


def test_bad_arguments_are_refused_with_advice():
    one = Trades(ts=[0], px=[40], size=[10])
    for call in (
        lambda: volume_bars(one),
        lambda: volume_bars(one, 3, bars_per_day=3),
        lambda: volume_bars(one, 0),
        lambda: volume_bars(one, 2.5),
        lambda: volume_bars(one, True),
        lambda: volume_bars(one, 3, price="middle"),
        lambda: tick_bars(one, -1),
        lambda: dollar_bars(one, float("nan")),
        lambda: dollar_bars(Trades(ts=[0], px=[-4], size=[1]), 10.0),
        lambda: time_bars(one, 0),
        lambda: time_bars(one, float("inf")),
    ):
        with pytest.raises(BadInput, match="Hint"):
            call()


def test_a_frame_has_utc_times_and_prices(es):
    frame = tick_bars(es, 100_000).to_frame()
    assert len(frame) == 5
    assert str(frame["start"].dt.tz) == "UTC"
    assert frame.loc[0, "open"] == 1640.25


def test_what_memory_cannot_hold_is_refused_before_it_is_made():
    huge = Trades([0, 1], [5, 6], [2**61, 1])
    for call in (lambda: volume_bars(huge, 3), lambda: volume_bars(huge, bars_per_day=2**60)):
        with pytest.raises(OverBudget, match="Hint: give larger bars"):
            call()
    assert len(volume_bars(huge, 2**60)) == 2
    for beyond in (2**63, 10**30):
        for call in (volume_bars, tick_bars):
            with pytest.raises(BadInput, match="beyond int64"):
                call(huge, beyond)


def test_time_bars_at_both_ends_of_time():
    for ends in ([-(2**63), -(2**63) + 1, -(2**63) + 3 * 10**9], [2**63 - 3 * 10**9, 2**63 - 3, 2**63 - 2]):
        trades = Trades(ends, [5, 6, 7], [1, 1, 1])
        assert time_bars(trades, 1).n_trades.tolist() == oracle_times(ends)


def oracle_times(ends):
    seconds = [end // 10**9 for end in ends]
    return [seconds.count(second) for second in sorted(set(seconds))]


def test_a_table_of_another_kind_is_refused_with_advice():
    frame = {"ts": [1], "px": [1], "size": [1]}
    for call in (
        lambda: volume_bars(frame, 3),
        lambda: tick_bars(frame, 3),
        lambda: time_bars(frame, 3),
        lambda: dollar_bars(frame, 3),
    ):
        with pytest.raises(BadInput, match="Trades are needed, this is a dict"):
            call()
