"""Recall, controls and shifted starts against definitions written out, and against planted truth."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.errors import BadInput
from atomloom.market import VPINConfig, controls, find_events, start_sensitivity, vpin, wilson
from atomloom.market.start_points import skip_volume
from atomloom.store import Trades
from oracles.market_strategies import trades as some_trades

CDF = st.one_of(st.just(math.nan), st.floats(0, 1), st.sampled_from([0.9, 0.99]))


@given(st.lists(st.tuples(CDF, st.one_of(st.just(math.nan), st.floats(0, 1))), max_size=50), st.integers(0, 6))
def test_recall_counts_episodes_with_a_warning(rows, horizon):
    cdf = np.array([c for c, _ in rows])
    move = np.array([m for _, m in rows])
    found = find_events(cdf, np.arange(len(rows)), move, threshold=0.8, horizon=horizon)
    large = [not math.isnan(c) and m > found.null_move for c, m in rows]
    episodes, b = [], 0
    while b < len(rows):
        if large[b]:
            start = b
            while b < len(rows) and large[b]:
                b += 1
            episodes.append((start, b))
        b += 1
    caught = [any(lo - horizon <= e < hi for e in found.start.tolist()) for lo, hi in episodes]
    assert (found.n_episodes, found.n_caught) == (len(episodes), sum(caught))
    assert found.recall == (sum(caught) / len(episodes) if episodes else None)
    if found.false_positive_rate is not None:
        assert found.precision + found.false_positive_rate == 1


class Made(SimpleNamespace):
    """A result, as far as controls look at one."""

    def __len__(self):
        return len(self.cdf)


def made(n=4000, *, informed, seed=1):
    """A result whose moves follow its trailing volatility alone, or its CDF alone."""
    rng = np.random.default_rng(seed)
    cdf = rng.random(n)
    steps = rng.normal(size=n) * np.exp(np.sin(np.arange(n) / 50))
    close = np.exp(np.cumsum(steps) * 1e-4 + 1)
    config = VPINConfig(horizon_days=0.1, buckets_per_day=100)
    trailing = np.sqrt(np.convolve(np.diff(np.log(close), prepend=np.log(close[0])) ** 2, np.ones(10))[:n])
    if informed:
        move = cdf + 0.3 * rng.random(n)
    else:
        cdf = np.argsort(np.argsort(trailing + 1e-5 * rng.random(n))) / n
        move = trailing + 1e-4 * rng.random(n)
    move[-10:] = math.nan
    ts = np.arange(n) * 10**9
    events = find_events(cdf, ts, move, threshold=0.97)
    return Made(
        cdf=cdf, move=move, close=close, events=events, config=config, symbol="MADE", start_ts=ts, end_ts=ts + 10**9,
        volume=np.full(n, 10),
    )  # fmt: skip


def test_an_informed_signal_beats_its_controls_and_volatility_in_disguise_does_not():
    informed = controls(made(informed=True), seed=3)
    rows = {row["alarms"]: row for row in informed.rows}
    assert rows["vpin"]["false_positive_rate"] < 0.02
    for name in ("random", "volatility", "volume"):
        assert rows[name]["low"] > rows["vpin"]["high"]
    assert "better than volatility and volume" in informed.summary()
    disguised = controls(made(informed=False), seed=3)
    rows = {row["alarms"]: row for row in disguised.rows}
    assert rows["vpin"]["false_positive_rate"] < 0.1
    assert rows["volatility"]["false_positive_rate"] < 0.1  # does as well
    assert rows["random"]["false_positive_rate"] > 0.4
    assert "not clearly better than volatility" in disguised.summary()


def test_controls_are_deterministic_and_keyed_by_event():
    result = made(informed=True)
    one, again, other = controls(result, seed=5), controls(result, seed=5), controls(result, seed=6)
    assert one.rows == again.rows != other.rows
    assert one.to_dict()["draws"] == 20
    always = one.rows[1]
    known = ~np.isnan(result.move)
    assert always["n"] == known.sum()
    assert always["false_positive_rate"] == np.mean(result.move[known] <= result.events.null_move)
    assert (always["low"], always["high"]) == wilson(round(always["false_positive_rate"] * always["n"]), always["n"])
    assert len(one.to_frame()) == 5
    assert one._repr_html_().startswith("<div>")
    for bad in ({"seed": -1}, {"draws": 0}):
        with pytest.raises(BadInput, match="Hint"):
            controls(result, **bad)


def walk(n=3000, seed=2):
    rng = np.random.default_rng(seed)
    px = 1000 + np.cumsum(rng.choice([-1, 0, 1], n))
    ts = np.sort(rng.integers(0, 3 * 86_400 * 10**9, n))
    return Trades(ts=ts, px=px, size=rng.integers(1, 9, n), tick_size=0.25, symbol="WALK")


def test_controls_without_events():
    flat = Trades(ts=np.arange(400), px=np.full(400, 9), size=np.full(400, 5))
    result = vpin(flat, VPINConfig(buckets_per_day=40, bars_per_bucket=2, support_days=0.2))
    found = controls(result)
    assert found.rows[0]["n"] == 0
    assert "no event can be judged" in found.summary()
    assert found.rows[0]["false_positive_rate"] is None


@given(some_trades(), st.data())
def test_skipped_volume(trades, data):
    volume = data.draw(st.integers(0, trades.volume - 1))
    rest = skip_volume(trades, volume)
    units = np.repeat(np.arange(len(trades)), trades.size)[volume:]
    assert rest.volume == len(units)
    kept = np.unique(units)
    assert rest.px.tolist() == trades.px[kept].tolist()
    assert rest.size.tolist() == np.bincount(units)[kept].tolist()


def test_starts_are_compared_at_the_same_moments():
    trades = walk()
    config = VPINConfig(buckets_per_day=40, bars_per_bucket=4, support_days=0.3, threshold=0.8, horizon_days=0.1)
    found = start_sensitivity(trades, config, shifts=4, threads=1)
    volume = trades.volume // 120
    assert [row["shift"] for row in found.rows] == [volume * k // 4 for k in range(4)] * 2
    fixed = VPINConfig(**{**config.to_dict(), "bucket_volume": volume, "price": "close"})
    results = [vpin(skip_volume(trades, volume * k // 4), fixed) for k in range(4)]
    assert [row["n_events"] for row in found.rows[:4]] == [len(result.events) for result in results]
    base, shifted = results[0], results[2]
    apart = []
    for b, moment in enumerate(base.end_ts):
        rows = [np.flatnonzero(result.end_ts <= moment) for result in results]
        values = [result.vpin[r[-1]] if len(r) else math.nan for result, r in zip(results, rows, strict=True)]
        if not any(math.isnan(value) for value in values):
            apart.append((abs(values[2] - base.vpin[b]), max(values) - min(values)))
    assert found.rows[2]["distance"] == pytest.approx(np.mean([a for a, _ in apart]))
    assert found.spread["close"]["vpin_range"] == pytest.approx(np.median([r for _, r in apart]))
    here = (base.events.start + 1) * volume
    there = (shifted.events.start + 1) * volume + volume * 2 // 4
    near = np.abs(here[:, None] - there[None, :]) <= fixed.horizon * volume
    shared = near.any(axis=1).sum() + near.any(axis=0).sum()
    assert found.rows[2]["agreement"] == pytest.approx(shared / (len(here) + len(there)))
    assert found.rows[0]["agreement"] == 1
    assert "shared by two starts" in found.summary()
    assert found._repr_html_().startswith("<div>")
    assert len(found.to_frame()) == len(found.to_dict()["rows"]) == 8


def test_by_day_and_bad_shifts():
    config = VPINConfig(buckets_per_day=20, bars_per_bucket=4, support_days=0.3, threshold=0.8)
    found = start_sensitivity(walk(), config, shifts=2, by="day", prices=["vwap"], threads=1)
    assert found.rows[1]["shift"] == walk().volume // 60 * 20 // 2
    for bad in ({"shifts": 1}, {"by": "hour"}, {"shifts": True}):
        with pytest.raises(BadInput, match="Hint"):
            start_sensitivity(walk(), config, **bad)
