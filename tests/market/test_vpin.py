"""VPIN against a twin in exact arithmetic, closed forms, and the promise not to look ahead."""

from __future__ import annotations

import dataclasses
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special

from atomloom.data import es_2013_09
from atomloom.errors import BadInput, Infeasible
from atomloom.market import VPINConfig, build_bars, bulk_volume, series_kernels, vpin, vpin_grid_row, vpin_grid_rows
from atomloom.market.bars import volume_days
from atomloom.store import Trades, read_trades
from oracles import market_oracle as oracle
from oracles.market_strategies import trades as some_trades


@pytest.fixture(scope="module")
def es():
    return read_trades(es_2013_09())


def walk(steps, size=1, start=1000):
    px = start + np.cumsum(steps)
    return Trades(ts=np.arange(len(px)) * 10**9, px=px, size=np.full(len(px), size), tick_size=0.25, symbol="WALK")


def twin(trades, config):
    """The whole of VPIN from raw trades, by the plain-Python twins alone."""
    n_bars = volume_days(trades) * config.buckets_per_day * config.bars_per_bucket
    bars = oracle.split_by_sums(trades.size, oracle.even_edges(trades.volume, n_bars))
    prices = [oracle.stands_for(config.price, trades.px.tolist(), bar) for bar in bars]
    change = [0.0] + [after - before for before, after in pairwise(prices)]
    sigma = oracle.expanding_sigma(change, config.bars_per_bucket)
    if config.sigma == "sample":
        sigma = [float(np.std(change[1:], ddof=1)) if len(change) > 2 else 0.0] * len(change)
    cdf = (lambda z: float(special.stdtr(config.nu, z))) if config.nu else (lambda z: float(special.ndtr(z)))
    fraction = oracle.buy_fraction(change, sigma, cdf)
    volume = [sum(amount for _, amount in bar) for bar in bars]
    return oracle.vpin(fraction, volume, config.bars_per_bucket, config.window)


CONFIGS = st.builds(
    VPINConfig,
    buckets_per_day=st.integers(1, 6),
    bars_per_bucket=st.integers(1, 4),
    price=st.sampled_from(["close", "median"]),
    nu=st.sampled_from([0, 0.1, 0.5, 3.0]),
    support_days=st.floats(0.1, 1.5),
    sigma=st.sampled_from(["expanding", "sample"]),
    cdf=st.sampled_from(["expanding", "sample"]),
)


@given(some_trades(), CONFIGS)
def test_vpin_is_its_twin(trades, config):
    try:
        result = vpin(trades, config)
    except Infeasible:
        n = volume_days(trades) * config.buckets_per_day
        assert trades.volume < n * config.bars_per_bucket or n < config.window + (config.sigma == "expanding")
        return
    buckets, series = twin(trades, config)
    assert result.volume.tolist() == [total for _, total in buckets]
    for k, (bought, total) in enumerate(buckets):
        if bought is None:
            assert math.isnan(result.buy[k])
        else:
            assert result.buy[k] == pytest.approx(float(bought), rel=1e-11, abs=1e-11 * total)
    np.testing.assert_allclose(result.vpin, series, rtol=1e-10, atol=1e-11)
    defined = ~np.isnan(result.vpin)
    assert ((result.vpin[defined] >= 0) & (result.vpin[defined] <= 1)).all()
    values = result.vpin[defined].tolist()
    among = [values] * len(values) if config.cdf == "sample" else [values[: k + 1] for k in range(len(values))]
    np.testing.assert_allclose(result.cdf[defined], oracle.mid_rank(values, among), rtol=1e-15)


def test_the_real_trades_agree_with_the_twin(es):
    part = es.slice(end="2013-09-02T00:00")
    config = VPINConfig(buckets_per_day=20, bars_per_bucket=5, support_days=0.25)
    result = vpin(part, config)
    np.testing.assert_allclose(result.vpin, twin(part, config)[1], rtol=1e-11)


@given(st.integers(2, 400), st.integers(1, 50))
def test_a_constant_price_gives_zero(n, size):
    config = VPINConfig(buckets_per_day=4, bars_per_bucket=2, support_days=0.5)
    assume(n * size >= 8)
    for price in ("close", "mean", "median", "vwap"):
        result = vpin(walk([0] * n, size), dataclasses.replace(config, price=price))
        defined = ~np.isnan(result.vpin)
        assert defined.any()
        assert (result.vpin[defined] == 0.0).all()
        assert (result.cdf[defined] == 0.5).all()
        assert len(result.events) == 0


def test_equal_steps_one_way_give_one():
    # the deviation of equal changes is 0, so every move is infinitely large
    result = vpin(walk([1] * 400), VPINConfig(buckets_per_day=20, bars_per_bucket=5, support_days=0.5, price="close"))
    defined = ~np.isnan(result.vpin)
    assert (result.vpin[defined] == 1.0).all()
    np.testing.assert_allclose(result.buy[1:], result.volume[1:])
    down = vpin(walk([-1] * 400), VPINConfig(buckets_per_day=20, bars_per_bucket=5, support_days=0.5, price="close"))
    assert (down.vpin[defined] == 1.0).all()
    assert (down.buy[1:] == 0).all()


def test_alternating_steps_have_a_closed_form():
    # one trade per bar, moves +-1, one bar per bucket: VPIN = 2 F(1 / sigma) - 1, F Cauchy, sigma of the whole sample
    trades = walk([1, -1] * 500)
    config = VPINConfig(
        buckets_per_day=1000, bars_per_bucket=1, price="close", nu=1.0, support_days=0.01, sigma="sample"
    )
    sigma = np.std([-1, 1] * 499 + [-1], ddof=1)
    expected = 2 / math.pi * math.atan(1 / sigma)
    np.testing.assert_allclose(vpin(trades, config).vpin[10:], expected, rtol=1e-13)


@given(st.data())
def test_the_signal_does_not_look_ahead(data):
    config = VPINConfig(bucket_volume=12, bars_per_bucket=3, buckets_per_day=10, support_days=0.3, threshold=0.7)
    trades = data.draw(some_trades(max_trades=60))
    cut = data.draw(st.integers(1, len(trades)))
    early = Trades(trades.ts[:cut], trades.px[:cut], trades.size[:cut], trades.tick_size, trades.symbol)
    try:
        part = vpin(early, config)
    except Infeasible:
        return
    whole = vpin(trades, config)
    n = len(part)
    for name in ("vpin", "cdf", "buy", "volume", "close", "end_ts"):
        assert np.array_equal(getattr(part, name), getattr(whole, name)[:n], equal_nan=True), name
    closed = part.events.start.tolist()
    assert whole.events.start.tolist()[: len(closed)] == closed
    assert whole.looks_ahead == ()


def test_what_looks_ahead_is_said():
    assert VPINConfig().looks_ahead() == ("bucket_volume",)
    assert VPINConfig(bucket_volume=900, sigma="sample", cdf="sample").looks_ahead() == ("sigma", "cdf")


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]), min_size=1, max_size=100))
def test_expanding_rank(values):
    distinct, rank = np.unique(values, return_inverse=True)
    ours = series_kernels.expanding_rank(rank.astype(np.int64), len(distinct))
    np.testing.assert_allclose(ours, oracle.expanding_mid_rank(values), rtol=1e-15)


@given(st.lists(st.integers(-100, 100), max_size=300), st.sampled_from([0.0, 0.1, 2.5, 7.0]), st.floats(0.5, 50))
def test_bulk_volume_remembers_without_changing_anything(moves, nu, sigma):
    # more distinct moves than the memory holds, in any order
    ours = bulk_volume(moves, sigma, nu)
    cdf = (lambda z: float(special.stdtr(nu, z))) if nu else (lambda z: float(special.ndtr(z)))
    expected = oracle.buy_fraction([float(move) for move in moves], [sigma] * len(moves), cdf)
    np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_bulk_volume_at_the_edges():
    assert bulk_volume([0.0, 1e-300, -3.0], 0.0).tolist() == [0.5, 1.0, 0.0]
    assert np.isnan(bulk_volume([1.0, 1.0], [math.nan, 1.0])).tolist() == [True, False]
    assert bulk_volume([1e308, -1e308], 1e-300, nu=0).tolist() == [1.0, 0.0]
    assert len(bulk_volume([], 1.0)) == 0
    for call in (
        lambda: bulk_volume([1.0, 2.0], [1.0]),
        lambda: bulk_volume([[1.0]], 1.0),
        lambda: bulk_volume([1.0], -1.0),
        lambda: bulk_volume([1.0], 1.0, nu=-3),
    ):
        with pytest.raises(BadInput, match="Hint"):
            call()


def test_a_huge_trade_spans_many_buckets():
    trades = Trades(ts=[0, 1, 2], px=[100, 110, 90], size=[10, 10**15, 10], tick_size=1.0)
    result = vpin(trades, VPINConfig(buckets_per_day=50, bars_per_bucket=4, support_days=0.1, price="close"))
    assert result.volume.sum() == 10**15 + 20
    defined = ~np.isnan(result.vpin)
    # the trade pays one price from start to end, so all the buckets within it are balanced
    assert (result.vpin[defined][:-1] == 0).all()


def test_data_that_cannot_carry_the_configuration():
    short = walk([1, -1] * 10)
    with pytest.raises(Infeasible, match="lower buckets_per_day"):
        vpin(short)
    with pytest.raises(Infeasible, match="lower bucket_volume"):
        vpin(short, VPINConfig(bucket_volume=1000))
    with pytest.raises(Infeasible, match="lower support_days"):
        vpin(short, VPINConfig(buckets_per_day=5, bars_per_bucket=2))
    with pytest.raises(BadInput, match="not positive"):
        vpin(walk([-1] * 30, start=10), VPINConfig(buckets_per_day=2, bars_per_bucket=2, support_days=0.5))
    with pytest.raises(BadInput, match="build_bars"):
        vpin(short, VPINConfig(buckets_per_day=5, bars_per_bucket=2, support_days=0.2), bars=build_bars(
            short, VPINConfig(buckets_per_day=5, bars_per_bucket=2, price="close")
        ))  # fmt: skip
    few, many = (VPINConfig(buckets_per_day=n, bars_per_bucket=2, support_days=0.2) for n in (5, 10))
    with pytest.raises(BadInput, match="need 10 with price"):
        vpin(short, few, bars=build_bars(short, many))
    with pytest.raises(BadInput, match="build_bars"):
        vpin(short, few, bars=build_bars(walk([1, -1] * 11), few))
    row = vpin_grid_row(short, {"buckets_per_day": 200})
    assert row["n_buckets"] is None
    assert "Hint" in row["infeasible"]


def test_a_grid_gives_the_same_rows_however_it_is_cut(es):
    part = es.slice(end="2013-09-02T06:00")
    grid = [
        {"buckets_per_day": days, "bars_per_bucket": 5, "support_days": support, "nu": nu, "threshold": 0.9}
        for days in (20, 40)
        for support in (0.25, 9.0)
        for nu in (0, 0.1)
    ]
    whole = vpin_grid_rows(part, grid)
    assert whole == [vpin_grid_row(part, point) for point in grid]
    assert whole == vpin_grid_rows(part, grid[:3]) + vpin_grid_rows(part, (VPINConfig(**point) for point in grid[3:]))
    assert [bool(row["infeasible"]) for row in whole] == [False, False, True, True] * 2
    assert len({frozenset(row) for row in whole}) == 1  # every row has the same keys


def test_bars_can_be_shared_and_results_travel(es):
    config = VPINConfig(support_days=0.25)
    result = vpin(es, config)
    again = vpin(pickle.loads(pickle.dumps(es)), config, bars=build_bars(es, config))
    assert np.array_equal(result.vpin, again.vpin, equal_nan=True)
    copy = pickle.loads(pickle.dumps(result))
    assert copy.to_dict() == result.to_dict()


def test_what_a_person_sees(es):
    result = vpin(es, VPINConfig(buckets_per_day=50, support_days=0.5, threshold=0.9))
    text = result.summary()
    assert "3,000 bars in 100 buckets" in text
    assert "small sample" in text
    assert "looks ahead in: bucket_volume" in text
    assert result._repr_html_().startswith("<table>")
    frame = result.to_frame()
    assert len(frame) == 100
    assert frame["vpin"].notna().sum() == result.n_defined == 75
    assert 0 < result.event_share < 1
    assert len(result.events.to_frame()) == len(result.events) == result.to_dict()["n_events"]


@pytest.mark.parametrize(
    "bad",
    [
        {"buckets_per_day": 0},
        {"bars_per_bucket": 2.5},
        {"bars_per_bucket": True},
        {"bucket_volume": 0},
        {"bucket_volume": 10, "bars_per_bucket": 30},
        {"price": "mid"},
        {"nu": -1},
        {"nu": math.nan},
        {"support_days": 0},
        {"support_days": math.inf},
        {"horizon_days": -1},
        {"threshold": 1.0},
        {"threshold": 0},
        {"null_quantile": "half"},
        {"sigma": "rolling"},
        {"cdf": "median"},
        {"days": "session"},
    ],
)
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(BadInput, match="Hint"):
        VPINConfig(**bad)


def test_unknown_parameters_are_refused_with_a_suggestion():
    with pytest.raises(BadInput, match="did you mean 'threshold'"):
        VPINConfig.from_dict({"treshold": 0.9})
    with pytest.raises(BadInput, match="the parameters are"):
        VPINConfig.from_dict({"zzz": 0.9})
    config = VPINConfig(nu=0, bucket_volume=1000)
    assert VPINConfig.from_dict(config.to_dict()) == config
