"""The sweep over trades against bars cut one by one; bits that depend on no thread, block or dtype."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from atomloom.errors import BadInput
from atomloom.kernels.jit import kernel
from atomloom.market import VPINConfig, build_bars, vpin
from atomloom.market import buckets as bucketing
from atomloom.market import lanes as lanes_module
from atomloom.market.buckets import buckets_of, swept, volume_index
from atomloom.market.cut_kernels import BLOCK, FITS, block_spans, spans_exactly
from atomloom.market.flow import Spread, classify, classify_all
from atomloom.market.flow_kernels import bucket_sums, rolling_share
from atomloom.market.layout import Layout, layout_of, trading_days
from atomloom.market.series_kernels import expanding_normal, expanding_rank, window_extreme
from atomloom.market.share_table import excess, excess_at, share_table
from atomloom.market.student import student_cdf
from atomloom.market.sweep_kernels import twice_median
from atomloom.store import Trades
from oracles import market_oracle as oracle

NS_DAY = 86_400 * 10**9


def walk(n, seed, *, big=0.0, size=9, spread=1, px=1000, dtype=np.int64):
    rng = np.random.default_rng(seed)
    steps = rng.choice([-spread, 0, 0, spread], n)
    sizes = rng.integers(1, size, n)
    sizes[rng.random(n) < big] *= 1000
    price = np.abs(px + np.cumsum(steps)) + 1
    ts = np.sort(rng.integers(0, 9 * NS_DAY, n))
    return Trades(ts=ts, px=price.astype(dtype), size=sizes.astype(dtype), tick_size=0.25, symbol="WALK")


def assert_same(one, other):
    for name in ("start_ts", "end_ts", "high", "low", "close", "change", "most", "sums"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert (one.layout, one.whole) == (other.layout, other.whole)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(
    ("n", "big", "spread", "bucket_volume", "per_bucket"),
    [
        (3 * BLOCK + 5, 0.0, 1, None, 7),  # blocks end within bars and buckets
        (3 * BLOCK + 5, 0.01, 1, 1000, 3),  # one trade fills many buckets
        (2 * BLOCK, 0.0, 400, None, 30),  # prices too wide to be counted
        (6 * BLOCK, 0.0, 1, 20_000, 2),  # a bar of several blocks
        (700, 0.0, 3, 100, 1),
    ],
)
def test_the_sweep_is_the_bars(n, big, spread, bucket_volume, per_bucket, dtype):
    trades = walk(n, 1, big=big, spread=spread, px=5000 * spread, dtype=dtype)
    for price in ("close", "median"):
        config = VPINConfig(buckets_per_day=30, bars_per_bucket=per_bucket, price=price, bucket_volume=bucket_volume)
        ours = buckets_of(trades, config)
        assert ours.change.dtype == np.int32
        assert_same(ours, buckets_of(trades, config, bars=build_bars(trades, config)))


SIZES = st.one_of(st.integers(1, 20), st.integers(1, 2**40), st.just(2**55))
PRICES = st.one_of(st.integers(1, 30), st.integers(1, 2**28))


@given(st.lists(st.tuples(SIZES, PRICES), min_size=1, max_size=50), st.integers(1, 6), st.integers(1, 4), st.data())
def test_the_sweep_of_anything_is_the_bars(rows, per_day, per_bucket, data):
    size, px = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    trades = Trades(ts=np.arange(len(rows)), px=px, size=size)
    volume = data.draw(
        st.sampled_from([None, max(per_bucket, trades.volume // 7), max(per_bucket, trades.volume // 2)])
    )
    config = VPINConfig(buckets_per_day=per_day, bars_per_bucket=per_bucket, bucket_volume=volume)
    assume(trades.volume >= per_day * per_bucket)
    assume(volume is None or trades.volume >= volume)
    for price in ("close", "median"):
        config = VPINConfig(
            buckets_per_day=per_day, bars_per_bucket=per_bucket, bucket_volume=volume, price=price, support_days=0.1
        )
        assert_same(buckets_of(trades, config), buckets_of(trades, config, bars=build_bars(trades, config)))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=80), st.integers(1, 40), st.integers(0, 39), st.data())
def test_a_block_is_cut_alike_in_floats_and_in_integers(sizes, num, at, data):
    den = data.draw(st.integers(1, num))
    part = np.array(sizes, dtype=np.int64)
    spent = data.draw(st.integers(0, sizes[0] - 1))
    start = data.draw(st.integers(0, den - 1)) if spent else data.draw(st.integers(0, num - 1))
    n, most = len(sizes), 800

    def room():
        return np.zeros(most + 1, np.int64), np.zeros(most, np.int64)

    fast, exact = room(), room()
    scratch = np.empty(most + 1, np.int32), np.empty(n, np.int64), np.empty(n), np.empty(n, np.int32)
    one = block_spans(part, spent, at, start, num, den, *fast, *scratch)
    other = spans_exactly(part, spent, at, start, num, den, most, *exact)
    assert one == other
    done = one[0]
    assert np.array_equal(fast[1][:done], exact[1][:done])
    assert np.array_equal(fast[0][1 : done + 1], exact[0][1 : done + 1])
    # and by hand: the edges passed after each trade
    total, passed = -spent, []
    for amount in sizes:
        total += amount
        passed.append((total * den + start) // num)
    assert (done, *one[1:]) == (passed[-1], n, 0, total * den + start - passed[-1] * num)
    last = [next(j for j, count in enumerate(passed) if count > k) for k in range(done)]
    assert fast[1][:done].tolist() == [at + j for j in last]
    # in pieces of a few bars at a time
    pieces, j, spent_now, start_now = [], 0, spent, start
    while j < n:
        some = spans_exactly(part[j:], spent_now, at + j, start_now, num, den, 3, *exact)
        pieces += exact[1][: some[0]].tolist()
        j, spent_now, start_now = j + some[1], some[2], some[3]
    assert pieces == fast[1][:done].tolist()


def test_blocks_beyond_floats_are_walked_exactly():
    # volumes for which c den is far beyond what float64 can divide
    trades = Trades(ts=np.arange(40), px=100 + np.arange(40) % 7, size=np.full(40, 2**56 + 12345), tick_size=1.0)
    assert trades.volume * 1000 > FITS
    config = VPINConfig(buckets_per_day=100, bars_per_bucket=10, support_days=0.05)
    assert_same(buckets_of(trades, config), buckets_of(trades, config, bars=build_bars(trades, config)))
    result = vpin(trades, config)
    assert result.volume.sum() == trades.volume
    defined = ~np.isnan(result.vpin)
    assert ((result.vpin[defined] >= 0) & (result.vpin[defined] <= 1)).all()


def test_prices_too_far_apart_for_int32_take_the_way_over_bars():
    rng = np.random.default_rng(2)
    for px in (rng.integers(1, 2**31 - 1, 5000), rng.integers(1, 2**45, 5000)):
        trades = Trades(ts=np.arange(5000), px=px, size=np.full(5000, 3))
        config = VPINConfig(buckets_per_day=50, bars_per_bucket=4, support_days=0.2)
        assert swept(trades, layout_of(trades, config), ("median",), volume_index(trades)) is None
        result = vpin(trades, config)
        again = vpin(trades, config, bars=build_bars(trades, config))
        assert np.array_equal(result.vpin, again.vpin, equal_nan=True)


@pytest.mark.parametrize("price", ["close", "median", "mean", "vwap"])
def test_no_thread_changes_a_bit(monkeypatch, price):
    monkeypatch.setattr(bucketing, "_ALONE", 0)
    monkeypatch.setattr(bucketing, "STEP", 512)
    trades = walk(9000, 7, big=0.002)
    config = VPINConfig(buckets_per_day=40, bars_per_bucket=5, price=price, support_days=0.3, threshold=0.9)
    results = [vpin(trades, config, threads=threads) for threads in (1, 2, 3, 5)]
    for result in results[1:]:
        for name in ("start_ts", "end_ts", "close", "volume", "buy", "vpin", "cdf"):
            assert getattr(result, name).tobytes() == getattr(results[0], name).tobytes(), name
        assert result.events.to_dict() == results[0].events.to_dict()
    with pytest.raises(BadInput):
        vpin(trades, config, threads=0)


def test_dtypes_change_no_bit():
    one, other = (walk(5000, 3, dtype=dtype) for dtype in (np.int32, np.int64))
    config = VPINConfig(buckets_per_day=40, bars_per_bucket=5, support_days=0.3)
    assert vpin(one, config).vpin.tobytes() == vpin(other, config).vpin.tobytes()


def test_bars_are_made_when_asked_for():
    trades = walk(5000, 4)
    config = VPINConfig(buckets_per_day=20, bars_per_bucket=5)
    result = vpin(trades, config)
    assert "bars" not in vars(result)
    bars = build_bars(trades, config)
    assert result.n_bars == len(bars) == len(result.bars)
    assert result.bars is result.bars
    assert np.array_equal(result.bars.price_px, bars.price_px)
    assert vpin(trades, config, bars=bars).bars is bars


def test_what_is_left_over_must_have_positive_prices_too():
    px = np.full(100, 50)
    px[-1] = -1
    trades = Trades(ts=np.arange(100), px=px, size=np.full(100, 10))
    with pytest.raises(BadInput, match="row 99: -1 ticks"):
        vpin(trades, VPINConfig(bucket_volume=90, bars_per_bucket=3, buckets_per_day=5))


def test_trading_days_are_dates_with_trades():
    ts = np.array([0, 5, NS_DAY - 1, NS_DAY, 4 * NS_DAY, 4 * NS_DAY])
    assert trading_days(ts) == 3
    assert trading_days(np.array([-1, 0])) == 2
    trades = Trades(ts=ts, px=np.full(6, 9), size=np.full(6, 10))
    assert layout_of(trades, VPINConfig(buckets_per_day=2, bars_per_bucket=2, days="trading")).n_buckets == 6
    assert layout_of(trades, VPINConfig(buckets_per_day=2, bars_per_bucket=2)).n_buckets == 8
    assert len(build_bars(trades, VPINConfig(buckets_per_day=2, bars_per_bucket=2, days="trading"))) == 12


@kernel
def sorted_in_lanes(prices, count, wide, out):
    if wide:
        lanes_module.sort_16(prices, 0, count, out)
    else:
        lanes_module.sort_8(prices, 0, count, out)


@kernel
def ends_in_lanes(prices, start, count):
    return lanes_module.extent(prices, start, count)


INT32 = st.integers(-(2**31), 2**31 - 1)


@given(st.lists(INT32, min_size=1, max_size=16))
def test_lanes_sort(values):
    prices, out = np.zeros(16, np.int32), np.zeros(16, np.int32)
    prices[: len(values)] = values
    for wide in (False, True):
        if len(values) <= (16 if wide else 8):
            sorted_in_lanes(prices, len(values), wide, out)
            assert out[: len(values)].tolist() == sorted(values)


def test_the_networks_sort_every_pattern_of_zeros_and_ones():
    # by the 0-1 principle that proves them for all inputs
    for width in (8, 16):
        layers = lanes_module.batcher(width)
        assert all(len(set(itertools.chain(*layer))) == 2 * len(layer) for layer in layers)
        rows = (np.arange(2**width)[:, None] >> np.arange(width)) & 1
        for i, j in itertools.chain(*layers):
            low, high = np.minimum(rows[:, i], rows[:, j]), np.maximum(rows[:, i], rows[:, j])
            rows[:, i], rows[:, j] = low, high
        assert (np.diff(rows, axis=1) >= 0).all()


@given(st.lists(INT32, max_size=50), st.integers(0, 5))
def test_lanes_find_the_ends(values, start):
    prices = np.zeros(start + len(values) + 16, np.int32)
    prices[start : start + len(values)] = values
    expected = (min(values), max(values)) if values else (2**31 - 1, -(2**31))
    assert ends_in_lanes(prices, start, len(values)) == expected


@given(st.lists(st.one_of(st.integers(0, 40), st.integers(-(2**29), 2**29)), min_size=1, max_size=60))
def test_twice_the_median(values):
    prices = np.zeros(len(values) + 19, np.int32)
    prices[3 : 3 + len(values)] = values
    ordered, n = sorted(values), len(values)
    ours = twice_median(prices, 3, n, np.empty(1024, np.int32))
    assert ours == ordered[(n - 1) // 2] + ordered[n // 2]


MOVES = st.one_of(st.integers(-9, 9), st.integers(-(2**30), 2**30))


@given(st.lists(MOVES, min_size=1, max_size=80), st.integers(1, 5), st.booleans(), st.data())
def test_spreads(moves, per_bucket, whole, data):
    n = len(moves) // per_bucket
    change = np.array(moves[: n * per_bucket], dtype=np.float64) * (1 if whole else 0.7)
    assume(n)
    change[0] = 0
    most, sums = np.empty(n), np.empty((n, 2), np.int64)
    bucket_sums(change, per_bucket, whole, most, sums)
    sigma = Spread().update(change, sums, per_bucket)
    expected = oracle.expanding_sigma(change.tolist(), per_bucket)[::per_bucket]
    np.testing.assert_allclose(sigma[:-1], expected, rtol=1e-12 if whole else 1e-9, atol=1e-9 * np.abs(change).max())
    cut = data.draw(st.integers(0, n))  # going on gives the same bits
    spread, lo = Spread(), cut * per_bucket
    first = spread.update(change[:lo], sums[:cut], per_bucket)
    second = spread.update(change[lo:], sums[cut:], per_bucket)
    assert np.concatenate([first[:-1], second]).tobytes() == sigma.tobytes()


def test_the_spread_goes_over_from_integers_to_floats_without_a_jump():
    rng = np.random.default_rng(0)
    change = np.concatenate([rng.integers(-5, 6, 3000), rng.integers(-(2**30), 2**30, 3000)]).astype(np.float64)
    change[0] = 0
    change[1:] += 3
    most, sums = np.empty(600), np.empty((600, 2), np.int64)
    bucket_sums(change, 10, True, most, sums)
    sums[250:, 1] = np.where(np.arange(250, 600) > 400, -1, sums[250:, 1])
    sigma = Spread().update(change, sums, 10)
    for b in (100, 300, 400, 401, 402, 500, 600):
        assert sigma[b] == pytest.approx(np.std(change[1 : 10 * b], ddof=1), rel=1e-12)


@pytest.mark.parametrize("step", [0, 1, 7, 2**29])
def test_equal_changes_have_no_spread(step):
    change = np.full(3000, float(step))
    change[0] = 0
    most, sums = np.empty(300), np.empty((300, 2), np.int64)
    bucket_sums(change, 10, True, most, sums)
    assert (Spread().update(change, sums, 10)[1:] == 0).all()


@given(
    st.lists(st.one_of(st.integers(-70, 70), st.floats(-90, 90)), min_size=3, max_size=60),
    st.sampled_from([0.0, 0.1, 1.0, 30.0]),
    st.one_of(st.floats(0.01, 100), st.just(0.0)),
    st.integers(1, 3),
)
def test_classification_is_its_twin(moves, nu, sigma, per_bucket):
    n = len(moves) // per_bucket
    change = np.array(moves[: n * per_bucket], dtype=np.float64)
    layout = Layout(n, per_bucket, 1000 * n * per_bucket + 1, n * per_bucket)
    whole = bool((change == np.floor(change)).all())
    most, sums = np.empty(n), np.empty((n, 2), np.int64)
    bucket_sums(change, per_bucket, whole, most, sums)
    flow = classify(change, most, np.full(n, sigma), layout, nu)
    cdf = (lambda z: student_cdf(z, nu)) if nu else (lambda z: float(special.ndtr(z)))
    fraction = oracle.buy_fraction(change.tolist(), [sigma] * len(change), cdf)
    volume = [layout.edge(k + 1) - layout.edge(k) for k in range(len(change))]
    buckets, _ = oracle.vpin(fraction, volume, per_bucket, 1)
    for b, (bought, total) in enumerate(buckets):
        assert flow.total[b] == total
        assert flow.bought[b] == pytest.approx(float(bought), abs=1e-13 * total)
        assert flow.imbalance[b] == pytest.approx(abs(float(2 * bought - total)), abs=2e-13 * total)
    half = classify(change[per_bucket:], most[1:], np.full(n - 1, sigma), layout, nu, first=1)
    assert half.imbalance.tobytes() == flow.imbalance[1:].tobytes()


@pytest.mark.parametrize("nu", [0.0, 0.001, 0.1, 0.25, 1.0, 3.0, 30.0, 1e3, 5e4, math.inf])
def test_the_table_is_the_distribution_function(nu):
    table = share_table(nu)
    u = np.concatenate([np.random.default_rng(1).uniform(-42, 32, 4000), np.arange(-40, 30, 0.0625), [-1e9, 700.0]])
    u.sort()
    ours = np.array([excess(value, nu, table) for value in u])
    np.testing.assert_allclose(ours, excess_at(u, nu), atol=3e-14, rtol=0)
    assert (np.diff(ours) >= -1e-15).all()
    assert ((ours >= 0) & (ours <= 1)).all()
    assert excess(math.inf, nu, table) == 1.0
    assert excess(-math.inf, nu, table) == 0.0


PARTS = st.one_of(st.floats(0, 1), st.just(math.nan), st.sampled_from([0.0, 1.0]))


@given(
    st.lists(st.tuples(PARTS, st.one_of(st.integers(1, 9), st.integers(2**40, 2**55))), min_size=1, max_size=60),
    st.integers(1, 70),
)
@example([(1.0, 2**62)], 1)
@example([(1.0, 3), (1.0, 2**61)], 2)
def test_rolling_share_is_the_exact_quotient(rows, window):
    total = np.array([volume for _, volume in rows], dtype=np.int64)
    imbalance = np.array([part for part, _ in rows]) * total
    share = rolling_share(np.minimum(imbalance, total), total, window)
    for b in range(len(rows)):
        part = slice(max(0, b - window + 1), b + 1)
        if b < window - 1 or np.isnan(imbalance[part]).any():
            assert math.isnan(share[b])
            continue
        above = sum(Fraction(value) for value in np.minimum(imbalance, total)[part].tolist())
        assert 0 <= share[b] <= 1
        below = sum(total[part].tolist())
        grain = window * (int(total.max()) * window / 2**60) / below  # 2^-62 of the largest window, per bucket
        assert share[b] == pytest.approx(float(above / below), rel=1e-14, abs=1e-15 + grain)


def test_rolling_share_does_not_drift():
    rng = np.random.default_rng(9)
    total = np.full(100_000, 540)
    imbalance = rng.random(100_000) * 540
    imbalance[50_000:] = 0.0
    share = rolling_share(imbalance, total, 200)
    assert (share[50_200:] == 0).all()
    assert share[40_000] == pytest.approx(math.fsum(imbalance[39_801:40_001]) / (200 * 540), rel=1e-15)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=400))
def test_expanding_rank_over_groups(values):
    ranks = np.array(values, dtype=np.int64) * 40  # far apart, so that all three levels of counters are used
    ours = expanding_rank(ranks, 300 * 40 + 1)
    np.testing.assert_allclose(ours, oracle.expanding_mid_rank(values), rtol=1e-15)


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(0, 1)))
def test_expanding_normal(values):
    ours = expanding_normal(values)
    for k, value in enumerate(values):
        seen = values[: k + 1]
        if (seen == seen[0]).all():
            assert ours[k] == 0.5
        elif np.std(seen) > 1e-6:
            z = (value - seen.mean()) / np.std(seen, ddof=1)
            assert ours[k] == pytest.approx(float(special.ndtr(z)), abs=1e-8)


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-9, 9)), st.data())
def test_window_extreme(values, data):
    window = data.draw(st.integers(1, len(values)))
    views = np.lib.stride_tricks.sliding_window_view(values, window)
    assert window_extreme(values, window, 1.0).tolist() == views.max(axis=1).tolist()
    assert window_extreme(values, window, -1.0).tolist() == views.min(axis=1).tolist()


@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([1, 2, 4, 6]))
def test_several_degrees_of_freedom_at_once_give_the_bits_of_one_by_one(seed, whole, count):
    rng = np.random.default_rng(seed)
    n, per_bucket = 12, 5
    change = rng.integers(-6, 7, n * per_bucket)
    change[rng.integers(0, len(change), 3)] = rng.choice([0, 70, -500])
    change = change.astype(np.int32) if whole else change * 0.7
    most, sums = np.empty(n), np.empty((n, 2), np.int64)
    bucket_sums(change, per_bucket, whole, most, sums)
    sigma = rng.choice([math.nan, 0.0, 0.5, 3.0], n)
    layout = Layout(n_buckets=n, per_bucket=per_bucket, num=1_003, den=60)
    nus = [0.0, 0.1, 1.0, 5.0, math.inf, 30.0][:count]
    for nu, flow in zip(nus, classify_all(change, most, sigma, layout, nus), strict=True):
        alone = classify(change, most, sigma, layout, nu)
        assert flow.imbalance.tobytes() == alone.imbalance.tobytes()
        assert flow.bought.tobytes() == alone.bought.tobytes()
        assert (flow.total == alone.total).all()
