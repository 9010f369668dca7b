"""VPIN as a stream against VPIN of all trades: every bit, any split, through checkpoints."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.data import es_2013_09
from atomloom.errors import BadInput, Infeasible, OverBudget
from atomloom.market import VPINConfig, VPINStream, vpin
from atomloom.market.expanding import ExpandingRank, expanding_share
from atomloom.store import Trades, read_trades
from oracles import market_oracle as oracle
from oracles.market_strategies import trades as some_trades

CONFIGS = st.builds(
    VPINConfig,
    buckets_per_day=st.integers(1, 4),
    bars_per_bucket=st.integers(1, 4),
    bucket_volume=st.integers(4, 40),
    price=st.sampled_from(["close", "median", "mean", "vwap"]),
    nu=st.sampled_from([0, 0.1, 3.0]),
    support_days=st.floats(0.1, 1.5),
    threshold=st.sampled_from([0.3, 0.6, 0.9]),
)


def pieces(trades, cuts):
    edges = sorted({0, len(trades), *(cut % (len(trades) + 1) for cut in cuts)})
    return [trades.rows(lo, hi) for lo, hi in pairwise(edges)]


def identical(rows, result):
    assert rows["bucket"].tolist() == list(range(len(result)))
    for name in ("start_ts", "end_ts", "close", "volume", "buy", "vpin", "cdf"):
        ours, theirs = rows[name], getattr(result, name)
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == np.ascontiguousarray(theirs).tobytes(), name
    assert np.flatnonzero(rows["event"] == 1).tolist() == result.events.start.tolist()
    ended = result.events.end[~result.events.open_end]
    assert np.flatnonzero(rows["event"] == -1).tolist() == ended.tolist()


def through_json(state):
    return json.loads(json.dumps(state, default=lambda array: array.tolist()))


@given(some_trades(), CONFIGS, st.lists(st.integers(0, 99), max_size=8), st.integers(0, 8))
def test_any_split_gives_the_same_bits(trades, config, cuts, checkpoint):
    stream = VPINStream(config, warm=False)
    parts = []
    for number, piece in enumerate(pieces(trades, cuts)):
        if number == checkpoint:
            stream = VPINStream.from_state(through_json(stream.state()), warm=False)
        parts.append(stream.update(piece))
    rows = np.concatenate(parts)
    assert len(rows) == trades.volume // config.bucket_volume
    try:
        result = vpin(trades, config)
    except Infeasible:  # too few buckets for a window: the stream has not got there either
        assert np.isnan(rows["vpin"]).all()
        return
    identical(rows, result)


@given(some_trades(max_trades=25, max_size=200), CONFIGS)
def test_one_trade_at_a_time_and_trades_of_many_buckets(trades, config):
    stream = VPINStream(config, warm=False)
    rows = np.concatenate([stream.update(trades.rows(k, k + 1)) for k in range(len(trades))])
    try:
        result = vpin(trades, config)
    except Infeasible:
        return
    identical(rows, result)


def test_the_real_trades_minute_by_minute():
    es = read_trades(es_2013_09())
    config = VPINConfig(buckets_per_day=50, bucket_volume=3_500, support_days=0.5, threshold=0.9)
    stream = VPINStream(config)
    minute = es.ts // (60 * 10**9)
    edges = [0, *(np.flatnonzero(np.diff(minute)) + 1), len(es)]
    parts, alerts = [], []
    for lo, hi in pairwise(edges):
        parts.append(stream.update(es.rows(int(lo), int(hi)), now=int(es.ts[hi - 1]) + 5))
        alerts += list(stream.alerts)
    result = vpin(es, config)
    identical(np.concatenate(parts), result)
    assert len(alerts) == len(result.events) > 0
    assert [one.time - one.latency_ns for one in alerts] == result.events.start_ts.tolist()
    assert [one.confidence for one in alerts] == result.cdf[result.events.start].tolist()
    assert all(one.latency_ns >= 5 and one.symbol == "ES" for one in alerts)


def test_volumes_near_the_end_of_int64():
    config = VPINConfig(buckets_per_day=1, bars_per_bucket=3, bucket_volume=2**60 + 1)
    trades = Trades(ts=range(4), px=[5, 6, 7, 6], size=[2**61 - 3, 2**61, 5, 2**61])
    stream = VPINStream(config, warm=False)
    rows = np.concatenate([stream.update(trades.rows(k, k + 1)) for k in range(4)])
    identical(rows, vpin(trades, config))
    full = VPINStream(VPINConfig(bucket_volume=2**62), warm=False)
    full.update(Trades([0], [1], [2**62 - 1]))
    with pytest.raises(BadInput, match="beyond int64"):
        full.update(Trades([0], [1], [2**63 - 2**60]))


def test_what_a_stream_cannot_know_is_refused():
    for config in (
        VPINConfig(),
        VPINConfig(bucket_volume=100, sigma="sample"),
        VPINConfig(bucket_volume=100, cdf="sample"),
    ):
        with pytest.raises(BadInput, match="cannot know"):
            VPINStream(config)
    stream = VPINStream(VPINConfig(bucket_volume=100), warm=False)
    with pytest.raises(BadInput, match="not positive"):
        stream.update(Trades([0], [0], [1]))
    with pytest.raises(BadInput, match="from_state"):
        stream.restore(VPINStream(VPINConfig(bucket_volume=101), warm=False).state())
    stream.update(Trades([5], [1], [1]))
    with pytest.raises(BadInput, match="before 5"):
        stream.update(Trades([4], [1], [1]))


NASTY = st.one_of(st.sampled_from([0.0, -0.0, 1.0, 0.5, 5e-324, 1e308, float("nan")]), st.floats(-1, 1))


@given(st.lists(NASTY, max_size=60), st.integers(0, 60))
def test_expanding_ranks(values, cut):
    known = [value for value in values if value == value]  # noqa: PLR0124 - not NaN
    expected = iter(oracle.expanding_mid_rank(known))
    wanted = [next(expected) if value == value else value for value in values]  # noqa: PLR0124
    rank = ExpandingRank()
    column = np.array(values, dtype=np.float64)
    got = np.concatenate([rank.update(column[:cut]), ExpandingRank(rank.values()).update(column[cut:])])
    np.testing.assert_array_equal(got, wanted)


def test_ranks_over_many_blocks():
    rng = np.random.default_rng(3)
    for values in (rng.random(20_000), np.round(rng.random(20_000), 2), np.arange(9_000.0), -np.arange(9_000.0)):
        ours = expanding_share(values)
        some = rng.integers(0, len(values), 200)
        exact = [((values[:k] < values[k]).sum() + 0.5 * (values[: k + 1] == values[k]).sum()) / (k + 1) for k in some]
        assert ours[some].tolist() == exact
        rank = ExpandingRank(values[:5_000])
        assert rank.update(values[5_000:]).tobytes() == ours[5_000:].tobytes()
        assert rank.values().tolist() == sorted(values.tolist())


def test_one_trade_of_more_buckets_than_memory_holds_is_refused():
    stream = VPINStream(VPINConfig(bucket_volume=60), warm=False)
    before = stream.state()["volume"]
    with pytest.raises(OverBudget, match="larger bucket_volume"):
        stream.update(Trades([3], [5], [2**61]))
    assert stream.state()["volume"] == before
    for wrong in (None, {"bucket_volume": 60}):
        with pytest.raises(BadInput, match="VPINConfig"):
            VPINStream(wrong)
    with pytest.raises(BadInput, match="CDF 'normal'"):
        VPINStream(VPINConfig(bucket_volume=60, cdf="normal"))
    for wrong in ("soon", 1.5):
        with pytest.raises(BadInput, match="not a time"):
            stream.update(Trades([3], [5], [1]), now=wrong)
    state = stream.state()
    del state["known"]
    with pytest.raises(BadInput, match="not whole"):
        VPINStream.from_state(state, warm=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [("volume", 5), ("taken", -1), ("bucket", 3), ("imbalance", [0.0]), ("ranked", [0.5] * 99), ("in_event", "no"),
     ("before", None), ("known", [1]), ("tape", {})],
)  # fmt: skip
def test_a_damaged_state_is_refused_and_changes_nothing(name, value):
    config = VPINConfig(buckets_per_day=10, bars_per_bucket=2, bucket_volume=20, support_days=0.3)
    trades = Trades(np.arange(99) * 10**9, 5 + np.arange(99) % 3, 1 + np.arange(99) % 7)
    stream, untouched = (VPINStream(config, warm=False) for _ in range(2))
    for one in (stream, untouched):
        one.update(trades.rows(0, 60))
    with pytest.raises(BadInput, match="not whole"):
        stream.restore({**stream.state(), name: value})
    rest = trades.rows(60, 99)
    assert stream.update(rest).tobytes() == untouched.update(rest).tobytes()
    stream.restore(json.loads(json.dumps(untouched.state(), default=lambda array: array.tolist())))
