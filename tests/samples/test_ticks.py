"""Trades of a path: they tell of the same bars, and the market room takes them."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from atomloom.errors import BadInput
from atomloom.market import VPINConfig, tick_rule, time_bars, vpin
from atomloom.samples.market_making import market
from atomloom.samples.market_models import GBM, Garch
from atomloom.samples.market_paths import VolumeLink
from atomloom.store import Trades

MODEL = Garch(1e-6, 0.08, 0.9)


def test_trades_tell_of_the_bars() -> None:
    paths = market(MODEL, 300, freq="5min", bars_inside=6, gap=0.1, n_paths=3)
    bars, ticks = paths.ohlcv(2), paths.ticks(2, per_bar=400, tick_size=0.01, half_spread=1.5)
    frame = ticks.to_frame()
    groups = frame["price"].groupby(frame.index.floor("5min"))
    np.testing.assert_array_equal(groups.size().index, bars.index)
    sizes = frame["size"].groupby(frame.index.floor("5min")).sum()
    np.testing.assert_array_equal(sizes, np.maximum(np.rint(bars["volume"]), 1))
    slack = 0.015 + 0.005 + 1e-9
    assert (groups.max() <= bars["high"] + slack).all()
    assert (groups.min() >= bars["low"] - slack).all()
    sigma = np.log(bars["high"] / bars["low"]).mean() * 100
    assert (groups.last() - bars["close"]).abs().mean() < 0.15 * sigma
    assert (groups.first() - bars["open"]).abs().mean() < 0.15 * sigma
    assert (bars["high"] - groups.max()).mean() < 0.15 * sigma
    assert len(ticks) == pytest.approx(300 * 400, rel=0.01)
    counts, volume = groups.size(), bars["volume"]
    np.testing.assert_allclose(counts / counts.sum(), volume / volume.sum(), atol=2e-4)


def test_times_increase_and_are_uniform() -> None:
    ticks = market(GBM(0, 0.01), 40, freq="1h").ticks(per_bar=500)
    assert (np.diff(ticks.ts) >= 0).all()
    from scipy import stats

    inside = (ticks.ts % 3_600_000_000_000) / 3.6e12
    assert stats.kstest(inside, "uniform").pvalue > 1e-3


def test_the_path_between_trades_is_brownian() -> None:
    paths = market(GBM(0.0, 0.01), 60, bars_inside=5, freq="1h")
    ticks = paths.ticks(per_bar=2000, tick_size=1e-6, half_spread=0.0, informed=0.0)
    steps, pauses = np.diff(np.log(ticks.price)), np.diff(ticks.ts) / 3.6e12
    good = pauses > 1e-5
    z = steps[good] / np.sqrt(pauses[good]) / 0.01
    assert (z**2).mean() == pytest.approx(1.0, abs=0.03)
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 0.02


def test_informed_trades_know_where_the_bar_goes() -> None:
    paths = market(GBM(0.0, 0.01), 200, freq="1h")
    shares, begin = [], paths.times[0].astype(np.int64)
    for informed in (0.0, 0.5, 1.0):
        ticks = paths.ticks(per_bar=100, tick_size=1e-4, half_spread=0.0, informed=informed)
        close = np.repeat(paths.closes[0], np.bincount((ticks.ts - begin) // 3_600_000_000_000, minlength=200))
        moves = close - ticks.price
        far = np.abs(moves) > 0.01
        shares.append((np.sign(moves) == ticks.sign)[far].mean())
    assert shares == [pytest.approx(0.5, abs=0.02), pytest.approx(0.75, abs=0.02), pytest.approx(1.0, abs=1e-3)]


def test_the_market_room_takes_them() -> None:
    ticks = market(MODEL, 400, freq="1min", bars_inside=4).ticks(per_bar=50, half_spread=3.0)
    trades = Trades(**ticks.columns())
    assert len(time_bars(trades, 60.0).close_px) == 400
    assert (tick_rule(trades) == ticks.sign).mean() > 0.6
    found = vpin(trades, VPINConfig(buckets_per_day=200, support_days=0.1))
    assert 0.0 < np.nanmean(found.vpin) < 1.0


def test_small_volumes_and_large_grids() -> None:
    tiny = market(GBM(0, 0.01), 50, volume=VolumeLink(0.01), freq="1h").ticks(per_bar=10)
    assert tiny.size.tolist() == [1] * 50
    few = market(GBM(0, 0.01), 50, volume=VolumeLink(5, noise=0.0), freq="1h").ticks(per_bar=10)
    assert few.size.min() == 1
    coarse = market(GBM(0, 0.01), 50, freq="1h").ticks(tick_size=40.0, half_spread=5.0)
    assert coarse.px.min() >= 1


def test_trades_do_not_depend_on_other_paths_or_threads() -> None:
    one = market(MODEL, 30, n_paths=2, freq="1h", num_threads=1).ticks(1)
    other = market(MODEL, 30, n_paths=500, freq="1h", num_threads=2).ticks(1)
    for name in ("ts", "px", "size", "sign"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_what_ticks_say_of_themselves() -> None:
    ticks = market(GBM(0, 0.01), 20, freq="1h").ticks(per_bar=5)
    assert json.loads(json.dumps(ticks.to_dict()))["px"] == ticks.px.tolist()
    assert "began with buyers" in ticks.summary()
    assert "<table" in ticks._repr_html_()
    assert isinstance(ticks.to_frame().index, pd.DatetimeIndex)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"per_bar": 0.5}, "per_bar is 0.5"),
        ({"tick_size": 0}, "tick_size is 0"),
        ({"tick_size": 1e9}, "tick_size is 1e\\+09, and prices"),
        ({"half_spread": -1}, "half_spread is -1"),
        ({"informed": 1.5}, "informed is 1.5"),
        ({"informed": math.nan}, "informed is nan"),
        ({"per_bar": 1e8}, "there would be"),
        ({"path": 3}, "path is 3"),
    ],
)
def test_bad_arguments_are_refused(settings, words) -> None:
    paths = market(GBM(0, 0.01), 50, freq="1h", volume=VolumeLink(1e9))
    with pytest.raises(BadInput, match=words) as seen:
        paths.ticks(**settings)
    assert "Hint:" in str(seen.value)


def test_one_bar_has_no_length() -> None:
    with pytest.raises(BadInput, match="two bars or more"):
        market(GBM(0, 0.01), 1).ticks()
