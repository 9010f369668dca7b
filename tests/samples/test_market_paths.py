"""Paths of a market: the same bits however they are made, bars that are possible and consistent, bad input refused."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, OverBudget
from atomloom.samples.bootstrap import BlockBootstrap
from atomloom.samples.market_making import market
from atomloom.samples.market_models import GBM, Garch, Heston, JumpDiffusion, OrnsteinUhlenbeck
from atomloom.samples.market_paths import VolumeLink, joined_bars
from atomloom.samples.regime_model import RegimeSwitching
from oracles import paths_oracle as twin
from oracles.elementary_oracle import exp_fixed, log_fixed, normals_of

GARCH = Garch(1e-6, 0.08, 0.9, nu=6)
EVERY = {
    "gbm": GBM(0.0003, 0.01),
    "reverting": OrnsteinUhlenbeck(12, 0.01),
    "garch": GARCH,
    "regimes": RegimeSwitching([[0.99, 0.01], [0.05, 0.95]], [0.0005, -0.001], [0.007, 0.02]),
    "jumps": JumpDiffusion(0.0, 0.01, 0.05, -0.02, 0.03),
    "heston": Heston(),
}


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("model", EVERY.values(), ids=EVERY)
def test_bits_do_not_depend_on_threads_or_on_how_many_paths_there_are(model) -> None:
    one = market(model, 333, n_paths=300, seed=2, num_threads=1).closes
    assert digest(market(model, 333, n_paths=300, seed=2, num_threads=2).closes) == digest(one)
    many = market(model, 333, n_paths=1000, seed=2)
    assert digest(many.closes[:300]) == digest(one)
    some = many.fill([299, 7, 7, 150])
    np.testing.assert_array_equal(some, one[[299, 7, 7, 150]])
    np.testing.assert_array_equal(market(model, 100, n_paths=300, seed=2).closes, one[:, :100])
    np.testing.assert_array_equal(many.fill([42]).ravel(), many.rows(42)[:, 3])


def test_float32_is_the_rounded_float64() -> None:
    paths = market(GARCH, 200, n_paths=10)
    out = np.empty((10, 200), np.float32)
    assert paths.fill(np.arange(10), out) is out
    np.testing.assert_array_equal(out, paths.closes.astype(np.float32))


def test_other_seeds_and_purposes_give_other_numbers() -> None:
    first, other = (market(GBM(), 2000, n_paths=2, seed=seed) for seed in (0, 1))
    r = [np.diff(np.log(paths.closes[p])) for paths in (first, other) for p in (0, 1)]
    table = np.corrcoef(r)
    assert np.abs(table[np.triu_indices(4, 1)]).max() < 4.5 / math.sqrt(2000)
    two = market(GBM(), 2000, n_assets=2)
    assert abs(np.corrcoef(np.diff(np.log(two.closes[0])))[0, 1]) < 4.5 / math.sqrt(2000)
    generator = market(GBM(), 5, seed=np.random.default_rng(3)).closes
    np.testing.assert_array_equal(generator, market(GBM(), 5, seed=np.random.default_rng(3)).closes)


def test_golden_paths(root) -> None:
    """A change of these numbers is a change of what users get for their seeds: it needs a reason and a note."""
    kept = json.loads((root / "tests" / "golden" / "market_paths.json").read_text(encoding="utf-8"))
    found = {}
    for name, model in EVERY.items():
        paths = market(model, 257, n_paths=3, n_assets=2, correlation=[[1, 0.5], [0.5, 1]], seed=20, gap=0.3)
        found[name] = [digest(paths.closes), digest(paths.rows(2, 1))]
    ticks = market(GARCH, 50, seed=20).ticks()
    found["ticks"] = [digest(ticks.ts), digest(np.column_stack([ticks.px, ticks.size, ticks.sign]))]
    assert found == kept


@pytest.mark.parametrize("model", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize(("gap", "inside"), [(0.0, 1), (0.4, 5)])
def test_bars_are_possible(model, gap, inside) -> None:
    paths = market(model, 2000, seed=4, gap=gap, bars_inside=inside, price=3e-8)
    frame = paths.ohlcv()
    assert (frame["low"] <= frame[["open", "close"]].min(axis=1)).all()
    assert (frame["high"] >= frame[["open", "close"]].max(axis=1)).all()
    assert (frame > 0).all().all()
    before = np.append(3e-8, frame["close"].to_numpy()[:-1])
    same = np.abs(np.log(frame["open"].to_numpy() / before)) < 1e-12
    assert same.all() if gap == 0.0 else not same.any()


@settings(max_examples=60)
@given(st.integers(1, 6), st.sampled_from([0.0, 0.25, 0.9]), st.integers(0, 1000))
def test_bars_are_bit_for_bit_those_of_plain_python(inside, gap, path) -> None:
    paths = market(GARCH, 4, n_paths=1001, seed=9, gap=gap, bars_inside=inside)
    shocks = [twin.shock(GARCH, path, t, 0, 9) for t in range(4)]
    level, expected = 0.0, []
    for t, (r, s) in enumerate(twin.steps(GARCH, path, 4, 0, 9, shocks)):
        expected.append(bar(level, level + r, s, (path, t, inside, gap)))
        level += r
    np.testing.assert_array_equal(paths.rows(path)[:, :4], expected)


def bar(before, after, s, where):
    """Open, high, low and close of a bar."""
    path, t, inside, gap = where
    x = highest = lowest = first = None
    for j in range(inside):
        left = float(inside - j)
        z, other = (float(one) for one in normals_of(*twin.uniforms(path, t * inside + j, twin.BRIDGE, 0, 9)))
        if j == 0:
            x = first = before + gap * (after - before) + s * math.sqrt(gap * (1.0 - gap)) * other
            highest, lowest = max(x, after), min(x, after)
        w = s * s * (1.0 - gap) / inside
        end = x + (after - x) / left + math.sqrt(w * ((left - 1.0) / left)) * z
        u, v = twin.uniforms(path, t * inside + j, twin.INSIDE, 0, 9)
        square = (end - x) * (end - x)
        highest = max(highest, 0.5 * (x + end + math.sqrt(square - 2.0 * w * float(log_fixed(u)))))
        lowest = min(lowest, 0.5 * (x + end - math.sqrt(square - 2.0 * w * float(log_fixed(v)))))
        x = end
    prices = [100.0 * float(exp_fixed(value)) for value in (first, highest, lowest, after)]
    return [prices[0], max(prices), min(prices), prices[3]]


@pytest.mark.parametrize("inside", [1, 4, 16])
def test_ranges_are_those_of_brownian_motion(inside) -> None:
    """Means of range and of its square by Feller (1951) and Parkinson (1980), whatever the steps inside."""
    frame = market(GBM(0.0, 0.01), 60_000, seed=5, bars_inside=inside).ohlcv()
    span = np.log(frame["high"] / frame["low"]) / 0.01
    assert span.mean() == pytest.approx(math.sqrt(8 / math.pi), rel=0.01)
    up = np.log(frame["high"] / frame["open"]) / 0.01
    assert up.mean() == pytest.approx(math.sqrt(2 / math.pi), rel=0.02)
    if inside >= 4:
        assert (span**2).mean() == pytest.approx(4 * math.log(2), rel=0.02)


def test_a_gap_has_its_share_of_the_variance() -> None:
    frame = market(GBM(0.0, 0.01), 40_000, seed=6, gap=0.3).ohlcv()
    night = np.log(frame["open"].to_numpy()[1:] / frame["close"].to_numpy()[:-1])
    day = np.log(frame["close"] / frame["open"]).to_numpy()[1:]
    assert night.var() == pytest.approx(0.3e-4, rel=0.03)
    assert day.var() == pytest.approx(0.7e-4, rel=0.03)
    assert abs(np.corrcoef(night, day)[0, 1]) < 0.025


def test_volume_goes_with_volatility() -> None:
    link = VolumeLink(2e5, response=0.5, noise=0.2)
    frame = market(GBM(0.0, 0.01), 20_000, seed=7, volume=link).ohlcv()
    r = np.abs(np.log(frame["close"] / frame["open"])) / 0.01
    slope, level = np.polyfit(r - math.sqrt(2 / math.pi), np.log(frame["volume"]), 1)
    assert slope == pytest.approx(0.5, abs=0.01)
    assert level == pytest.approx(math.log(2e5), abs=0.01)
    rest = np.log(frame["volume"]) - level - slope * (r - math.sqrt(2 / math.pi))
    assert rest.std() == pytest.approx(0.2, rel=0.03)
    still = market(GBM(0.0, 0.0), 100, volume=VolumeLink(10, noise=0.0)).ohlcv()
    assert (still["close"] == 100.0).all()
    np.testing.assert_allclose(still["volume"], 10.0, rtol=1e-15)


def test_timeframes_are_made_of_the_same_bars() -> None:
    paths = market(GARCH, 103, n_paths=3, seed=8, freq="5min", start="2024-03-01")
    fine, coarse = paths.ohlcv(2), paths.timeframe(10, 2)
    rule = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    expected = fine.iloc[:100].resample("50min", origin="start").agg(rule)
    pd.testing.assert_frame_equal(coarse, expected, check_freq=False, check_names=False)
    assert coarse.index[1] == pd.Timestamp("2024-03-01 00:50")
    rows = paths.rows(2)
    np.testing.assert_array_equal(joined_bars(joined_bars(rows, 2), 5)[:, :4], joined_bars(rows, 10)[:, :4])
    assert len(paths.timeframe(103)) == 1


def test_assets_correlate_as_asked() -> None:
    table = [[1.0, 0.7, -0.4], [0.7, 1.0, 0.0], [-0.4, 0.0, 1.0]]
    paths = market(
        GBM(0.0, 0.01), 500, n_paths=200, correlation=table, seed=3, price=[1, 10, 100], names=["a", "b", "c"]
    )
    r = np.diff(np.log(paths.closes), axis=-1).transpose(1, 0, 2).reshape(3, -1)
    np.testing.assert_allclose(np.corrcoef(r), table, atol=0.015)
    assert list(paths.ohlcv(1)) == ["a", "b", "c"]
    pd.testing.assert_frame_equal(paths.ohlcv(1)["b"], paths.ohlcv(1, "b"))
    pd.testing.assert_frame_equal(paths.timeframe(7, 1)["c"], paths.timeframe(7, 1, 2))
    same = market([GBM(0, 0.01), GBM(0, 0.02)], 50, correlation=np.ones((2, 2)), seed=3).closes[0]
    r = np.diff(np.log(same))
    np.testing.assert_allclose(r[1] - r[1].mean(), 2 * (r[0] - r[0].mean()), rtol=1e-6)


def ohlcv(n=300, seed=1):
    return market(GARCH, n, seed=seed, gap=0.2).ohlcv()


@pytest.mark.parametrize("kind", ["stationary", "circular", "moving"])
def test_bootstrapped_bars_are_the_real_ones_at_other_prices(kind) -> None:
    real = ohlcv()
    paths = market(BlockBootstrap(real, block=7, kind=kind), 500, n_paths=90, seed=2, price=50.0)
    drawn = np.array(twin.bootstrap(len(real) - 1, 89, 500, 7, kind, 2))
    bars, rows = paths.rows(89), real.to_numpy()
    before = np.append(50.0, bars[:-1, 3])
    expected = rows[drawn + 1, :4] / rows[drawn, 3:4]
    np.testing.assert_allclose(bars[:, :4] / before[:, None], expected, rtol=1e-14)
    np.testing.assert_array_equal(bars[:, 4], rows[drawn + 1, 4])
    np.testing.assert_array_equal(paths.closes[89], bars[:, 3])
    alone = market(paths.models[0], 500, n_paths=90, seed=2, price=50.0, num_threads=1)
    assert digest(alone.closes) == digest(paths.closes)
    assert ((bars[:, 2] <= bars[:, [0, 3]].min(axis=1)) & (bars[:, 1] >= bars[:, [0, 3]].max(axis=1))).all()


def test_bootstrapped_assets_are_drawn_together() -> None:
    two = {"x": ohlcv(seed=1), "y": ohlcv(seed=2)}
    paths = market(BlockBootstrap(two, block=5), 100, seed=3)
    alone = market(BlockBootstrap(two["y"], block=5), 100, seed=3)
    assert paths.closes.shape == (1, 2, 100)
    np.testing.assert_array_equal(paths.closes[0, 1], alone.closes[0])
    assert paths.names == ("x", "y")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "GBM"}, "model is a str"),
        ({"model": GBM}, "model is a type"),
        ({"model": []}, "model is empty"),
        ({"n_bars": 0}, "n_bars is 0"),
        ({"n_bars": 2.5}, "n_bars is 2.5"),
        ({"n_bars": "9"}, "n_bars is '9'"),
        ({"n_bars": 2**31, "bars_inside": 4}, "n_bars \\* bars_inside"),
        ({"n_paths": -1}, "n_paths is -1"),
        ({"n_assets": 0}, "n_assets is 0"),
        ({"bars_inside": 0}, "bars_inside is 0"),
        ({"gap": 1.0}, "gap is 1.0"),
        ({"gap": math.nan}, "gap is nan"),
        ({"price": 0.0}, "price is 0.0"),
        ({"price": [1.0, 2.0]}, "price is \\[1.0, 2.0\\]"),
        ({"price": "x"}, "price is 'x'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"start": "yesterday or so"}, "bars from 'yesterday or so'"),
        ({"start": "2024-01-01T00:00+02:00"}, "without a zone"),
        ({"freq": "fortnightly"}, "every 'fortnightly'"),
        ({"volume": 5}, "volume is 5"),
        ({"names": ["a", "b"]}, "names are"),
        ({"correlation": [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]}, "not positive semidefinite"),
        ({"correlation": [[1.0, 0.5], [0.4, 1.0]]}, "not symmetric"),
        ({"correlation": [[2.0, 0.5], [0.5, 1.0]]}, "ones on the diagonal"),
        ({"correlation": [[1.0, math.nan], [math.nan, 1.0]]}, "not symmetric"),
        ({"correlation": [1.0]}, "shape \\(1,\\)"),
        ({"correlation": np.eye(3), "n_assets": 2}, "for 2 assets"),
        ({"model": [GBM(), GBM(), GBM()], "n_assets": 2}, "3 models for 2 assets"),
    ],
)
def test_bad_arguments_are_refused(arguments, words) -> None:
    own = {"model": GBM(), "n_bars": 10, **arguments}
    with pytest.raises(BadInput, match=words) as seen:
        market(own.pop("model"), own.pop("n_bars"), **own)
    assert "Hint:" in str(seen.value)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda m: m.ohlcv(2), "path is 2"),
        (lambda m: m.ohlcv(-1), "path is -1"),
        (lambda m: m.ohlcv(0, "gold"), "no asset 'gold'"),
        (lambda m: m.rows(0, 5), "asset is 5"),
        (lambda m: m.timeframe(0), "bars is 0"),
        (lambda m: m.timeframe(11), "bars is 11"),
        (lambda m: m.fill([0.5]), "ids are float64"),
        (lambda m: m.fill([-1]), "ids are int64"),
        (lambda m: m.fill([]), "ids are"),
        (lambda m: m.fill([0], np.empty((1, 9))), "out is float64 \\(1, 9\\)"),
        (lambda m: m.fill([0], np.empty((1, 10), int)), "out is int64"),
        (lambda m: m.fill([0, 1], np.empty((10, 2)).T), "not in C order"),
        (lambda m: VolumeLink(0), "typical is 0"),
        (lambda m: VolumeLink(noise=-1), "noise is -1"),
    ],
)
def test_bad_questions_are_refused(ask, words) -> None:
    with pytest.raises(BadInput, match=words) as seen:
        ask(market(GBM(), 10, n_paths=2))
    assert "Hint:" in str(seen.value)


def change(column, row, value):
    frame = ohlcv(30)
    frame.iloc[row, frame.columns.get_loc(column)] = value
    return frame


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BlockBootstrap(ohlcv(30).to_numpy()), "is a ndarray"),
        (lambda: BlockBootstrap({}), "no frame"),
        (lambda: BlockBootstrap(ohlcv(30).drop(columns="low")), "0 columns 'low'"),
        (lambda: BlockBootstrap(ohlcv(30).assign(Close=1.0)), "2 columns 'close'"),
        (lambda: BlockBootstrap(change("close", 3, np.nan)), "close has 1 bad values \\(first nan in row 3\\)"),
        (lambda: BlockBootstrap(change("low", 0, 0.0)), "low has 1 bad values"),
        (lambda: BlockBootstrap(change("high", 7, 1e-3)), "high has 1 bad values"),
        (lambda: BlockBootstrap(change("low", 7, 1e9)), "low has 1 bad values"),
        (lambda: BlockBootstrap(change("volume", 7, -1)), "volume has 1 bad values"),
        (lambda: BlockBootstrap(ohlcv(30)[::-1]), "not in time order"),
        (lambda: BlockBootstrap(ohlcv(30)[:1]), "two rows or more"),
        (lambda: BlockBootstrap({"a": ohlcv(30), "b": ohlcv(31)}), "b has other rows than a"),
        (lambda: BlockBootstrap(ohlcv(30), block=0), "block is 0"),
        (lambda: BlockBootstrap(ohlcv(30), block=31), "29 rows"),
        (lambda: BlockBootstrap(ohlcv(30), block=2.5, kind="moving"), "whole numbers"),
        (lambda: BlockBootstrap(ohlcv(30), kind="local"), "kind is 'local'"),
        (lambda: market([BlockBootstrap(ohlcv(30)), GBM()], 5), "stands alone"),
        (lambda: market(BlockBootstrap(ohlcv(30)), 5, n_assets=2), "has 1 frames"),
        (lambda: market(BlockBootstrap(ohlcv(300)), 300).ticks(), "no path inside"),
    ],
)
def test_bad_frames_are_refused(make, words) -> None:
    with pytest.raises(BadInput, match=words) as seen:
        make()
    assert "Hint:" in str(seen.value)


def test_columns_may_have_any_case_and_order() -> None:
    frame = ohlcv(30)
    other = frame.rename(columns=str.upper).iloc[:, ::-1].assign(extra="x")
    np.testing.assert_array_equal(BlockBootstrap(other).ratios, BlockBootstrap(frame).ratios)


def test_what_a_market_says_of_itself() -> None:
    paths = market([GBM(), GARCH], 20_000_000, n_paths=10**12, correlation=np.eye(2), names=["oil", "gas"], freq="1s")
    assert repr(paths) == "MarketPaths(GBM, Garch, 1,000,000,000,000 paths, 2 assets, 20,000,000 bars)"
    assert "gas: Garch, omega 1e-06" in paths.summary()
    with pytest.raises(OverBudget, match=r"take .* are free"):
        _ = paths.closes
    small = market(GARCH, 5, n_paths=2)
    assert json.loads(json.dumps(small.to_dict()))["models"][0]["model"] == "Garch"
    assert small.to_frame().shape == (5, 2)
    assert market(GBM(), 5, n_paths=2, n_assets=3).to_frame().columns.nlevels == 2
    assert "<table" in small._repr_html_()
    far = market(GBM(), 200_000)
    assert far.times.dtype == np.dtype("M8[s]")
    with pytest.raises(BadInput, match="times in ns"):
        far.ticks()
