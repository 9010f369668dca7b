"""Imbalance and runs bars against a plain-Python twin, and where they can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.data import es_2013_09
from atomloom.errors import BadInput
from atomloom.market import imbalance_bars, runs_bars, volume_bars
from atomloom.store import Trades, read_trades
from oracles import bars_oracle as twin
from oracles import market_oracle
from oracles.market_strategies import trades as some_trades

PARAMETERS = st.fixed_dictionaries(
    {
        "expected_ticks": st.integers(1, 12),
        "alpha_bars": st.sampled_from([0.0, 0.1, 0.5, 1.0]),
        "alpha_trades": st.sampled_from([0.0, 0.02, 0.25, 1.0]),
        "limits": st.sampled_from([None, (0.1, 10.0), (0.5, 2.0), (1.0, 1.0)]),
    }
)
VERBS = {"imbalance": (imbalance_bars, twin.imbalance), "runs": (runs_bars, twin.runs)}


def weights_of(trades, by):
    if by == "tick":
        return [1.0] * len(trades)
    size = [float(amount) for amount in trades.size]
    return size if by == "volume" else [px * 0.25 * amount for px, amount in zip(trades.px.tolist(), size, strict=True)]


def bounds(parameters):
    if parameters["limits"] is None:
        return 1, math.inf
    low, high = (share * parameters["expected_ticks"] for share in parameters["limits"])
    return max(1, math.ceil(low)), max(1, math.floor(high))


@given(
    some_trades(),
    st.sampled_from(["imbalance", "runs"]),
    st.sampled_from(["tick", "volume", "dollar"]),
    PARAMETERS,
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_bars_are_those_of_the_twin(trades, what, by, parameters, given_signs, random):
    verb, plain = VERBS[what]
    signs = [random.choice([-1, 0, 1]) for _ in range(len(trades))] if given_signs else None
    bars = verb(trades, by, signs=signs, **parameters)
    expected = plain(
        twin.tick_rule(trades.px.tolist()) if signs is None else signs,
        weights_of(trades, by),
        parameters["expected_ticks"],
        parameters["alpha_bars"],
        parameters["alpha_trades"],
        *bounds(parameters),
    )
    assert bars.n_trades.tolist() == [len(bar) for bar in expected]
    assert bars.close_px.tolist() == [trades.px[bar[-1]] for bar in expected]
    assert bars.volume.tolist() == [int(trades.size[bar].sum()) for bar in expected]
    assert bars.kind == f"{by}_{what}"


def test_one_way_trading_gives_bars_of_the_expected_length():
    up = Trades(ts=range(1000), px=range(1, 1001), size=[3] * 1000)
    # every trade but the first is a buy: E[x] is 0.9 at the end of a warm-up of 10, so 9 of 10 are needed, then 10
    bars = imbalance_bars(up, expected_ticks=10, alpha_bars=0, alpha_trades=0.5)
    assert set(bars.n_trades[1:].tolist()) == {10}
    assert set(runs_bars(up, "volume", expected_ticks=10, alpha_bars=0).n_trades[1:].tolist()) == {10}


def test_limits_stop_both_ways_of_running_away():
    balanced = Trades(ts=range(5000), px=[10] * 5000, size=[1] * 5000)
    signs = [1, -1] * 2500
    raw = imbalance_bars(balanced, expected_ticks=100, signs=signs, limits=None)
    assert raw.n_trades[1:].max() <= 2  # nothing is expected, so everything is a surprise
    guarded = imbalance_bars(balanced, expected_ticks=100, signs=signs)
    assert guarded.n_trades.min() >= 10
    # a trend teaches to expect much, the balance after it never delivers
    trend = np.concatenate([np.arange(1, 2001), 2000 + np.arange(20_000) % 2])
    trades = Trades(ts=np.arange(len(trend)), px=trend, size=np.ones(len(trend), np.int64))
    parameters = {"expected_ticks": 100, "alpha_trades": 1e-4}
    assert imbalance_bars(trades, **parameters, limits=None).n_trades.sum() < 3000
    guarded = imbalance_bars(trades, **parameters)
    assert guarded.n_trades.max() <= 1000
    assert guarded.n_trades.sum() > len(trades) - 1000


def test_a_price_that_never_moves_has_no_sign():
    still = Trades(ts=range(50), px=[7] * 50, size=[1] * 50)
    for verb in (imbalance_bars, runs_bars):
        assert verb(still, expected_ticks=5, limits=(0.1, 4)).n_trades.tolist() == [20, 20]
        assert verb(still, expected_ticks=5, limits=None).n_trades.tolist() == []


def test_the_real_trades():
    es = read_trades(es_2013_09())
    bars = imbalance_bars(es, "volume", expected_ticks=500)
    assert 50 <= bars.n_trades.min() <= bars.n_trades.max() <= 5000
    assert 100 < len(bars) < 10_000
    assert bars.volume.sum() == es.size[: bars.n_trades.sum()].sum()


@given(some_trades(), st.integers(1, 60), st.booleans())
def test_weighted_median(trades, volume, split):
    bars = volume_bars(trades, volume, split=split, price="weighted_median")
    size = trades.size.tolist()
    if split:
        expected = market_oracle.split_by_units(size, list(range(0, trades.volume + 1, volume)))
    else:
        expected = [[(trade, size[trade]) for trade in bar] for bar in market_oracle.overshoot(size, volume)]
    assert bars.price_px.tolist() == [twin.weighted_median(trades.px, bar) for bar in expected]


def test_bad_arguments_are_refused_with_advice():
    one = Trades(ts=[0, 1], px=[40, 41], size=[10, 10])
    for call in (
        lambda: imbalance_bars(one, "size", expected_ticks=1),
        lambda: imbalance_bars(one, expected_ticks=0),
        lambda: imbalance_bars(one, expected_ticks=1.5),
        lambda: runs_bars(one, expected_ticks=1, alpha_bars=-0.1),
        lambda: runs_bars(one, expected_ticks=1, alpha_trades=2),
        lambda: runs_bars(one, expected_ticks=1, limits=(0.5, 0.9)),
        lambda: runs_bars(one, expected_ticks=1, signs=[1]),
        lambda: runs_bars(one, expected_ticks=1, signs=[1, 2]),
        lambda: runs_bars(one, expected_ticks=1, price="middle"),
        lambda: imbalance_bars(Trades([0], [-1], [1]), "dollar", expected_ticks=1),
    ):
        with pytest.raises(BadInput, match="Hint"):
            call()


@pytest.mark.parametrize("limits", [(1,), 5, "ab", (0.1, 1, 10), (math.nan, 3), (True, 3)])
def test_limits_that_are_no_pair_are_refused(limits):
    trades = Trades(range(9), [1, 2, 3, 2, 3, 4, 5, 6, 7], [1] * 9)
    with pytest.raises(BadInput, match="limits are"):
        imbalance_bars(trades, expected_ticks=3, limits=limits)
    assert imbalance_bars(trades, expected_ticks=3, alpha_bars=np.float32(0.5)).n_trades.sum() <= 9
