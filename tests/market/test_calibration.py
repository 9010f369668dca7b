"""Calibration against the verbs it replaces, row by row, and against definitions written out."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import atomloom
from atomloom.data import es_2013_09
from atomloom.errors import BadInput
from atomloom.market import VPINConfig, alerts, calibrate, paper_grid, vpin, vpin_grid_rows, wilson
from atomloom.market.crossing_kernels import bins_of, crossings
from atomloom.market.effects import main_effects, pooled, rates, wilson_ends
from atomloom.market.labels import quantile_without
from atomloom.market.leaves import groups, leaves_of
from atomloom.market.points import config_of, points_of
from atomloom.store import Trades, read_trades
from oracles import market_oracle as oracle
from oracles.market_strategies import trades as some_trades

GRID = {
    "buckets_per_day": (20, 40),
    "bars_per_bucket": (1, 5),
    "price": ("close", "median", "vwap"),
    "nu": (0.0, 0.1),
    "support_days": (0.25, 9.0),
    "threshold": (0.7, 0.9),
    "horizon_days": (0.05, 0.3),
}
SCALARS = ("n_bars", "n_buckets", "bucket_volume_mean", "n_vpin", "vpin_mean", "vpin_max", "event_share", "n_events")
COUNTS = ("n_true", "n_false", "n_undecided", "null_move")


@pytest.fixture(scope="module")
def es():
    return read_trades(es_2013_09())


@pytest.fixture(scope="module")
def part(es):
    return es.slice(end="2013-09-02T06:00")


def walk(n=4000, seed=3):
    rng = np.random.default_rng(seed)
    px = 1000 + np.cumsum(rng.choice([-1, 0, 0, 1], n))
    ts = np.sort(rng.integers(0, 5 * 86_400 * 10**9, n))
    return Trades(ts=ts, px=px, size=rng.integers(1, 9, n), tick_size=0.25, symbol="WALK")


def same(row, expected):
    """Compare a row of a calibration with one of a grid, None being NaN."""
    for name in SCALARS + COUNTS:
        theirs = math.nan if expected[name] is None else expected[name]
        assert row[name] == theirs or (math.isnan(row[name]) and math.isnan(theirs)), name


@pytest.mark.parametrize("cdf", ["expanding", "sample", "normal"])
def test_every_row_is_what_vpin_gives(part, cdf):
    base = VPINConfig(cdf=cdf, null_quantile=0.6)
    grid = GRID if cdf == "expanding" else {**GRID, "price": ("median",), "nu": (0.1,)}
    found = calibrate(part, grid, base=base, threads=1)
    product = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    expected = vpin_grid_rows(part, [{**base.to_dict(), **point} for point in product])
    assert len(found) == len(expected)
    for row, theirs in zip(found.rows, expected, strict=True):
        assert {name: row[name] for name in grid} == {name: theirs[name] for name in grid}
        assert (row["infeasible"] != "") == (theirs["infeasible"] != "")
        if not theirs["infeasible"]:
            same(row, theirs)


def test_both_sides_of_the_split_by_definition():
    part = walk()
    config = VPINConfig(buckets_per_day=60, bars_per_bucket=5, support_days=0.1, threshold=0.8, null_quantile=0.4)
    for horizon_days in (0.02, 0.1):
        config = dataclasses.replace(config, horizon_days=horizon_days)
        row = calibrate(part, [config], split=0.6, threads=1).rows[0]
        result = vpin(part, config)
        cut, horizon = int(0.6 * len(result)), config.horizon
        shape = (len(result), 5)
        high, low = result.bars.high.reshape(shape).max(axis=1), result.bars.low.reshape(shape).min(axis=1)
        # the labels again, from the bars and the plain twin
        moves = oracle.largest_move(result.close.tolist(), high.tolist(), low.tolist(), horizon)
        known = [b for b in range(len(result)) if not math.isnan(result.cdf[b]) and b + horizon < cut]
        null = float(np.quantile([moves[b] for b in known], 0.4))
        assert row["train_null_move"] == pytest.approx(null, rel=1e-12)
        counts = dict.fromkeys(("train_true", "train_false", "train_undecided"), 0)
        counts |= dict.fromkeys(("test_true", "test_false", "test_undecided"), 0)
        for b in result.events.start.tolist():
            side = "train" if b < cut else "test"
            unknown = math.isnan(moves[b]) or (b < cut <= b + horizon)
            counts[f"{side}_{'undecided' if unknown else 'true' if moves[b] > null else 'false'}"] += 1
        assert {name: int(row[name]) for name in counts} == counts
        assert sum(counts.values()) == row["n_events"] == len(result.events) > 3


def test_a_moment_splits_as_well(part):
    config = VPINConfig(buckets_per_day=60, bars_per_bucket=5, support_days=0.1, threshold=0.8)
    result = vpin(part, config)
    moment = int(result.end_ts[30])
    by_time = calibrate(part, [config], split=moment, threads=1).rows
    by_share = calibrate(part, [config], split=30.5 / len(result), threads=1).rows
    assert by_time["train_null_move"] == by_share["train_null_move"]
    assert (by_time["train_true"], by_time["test_true"]) == (by_share["train_true"], by_share["test_true"])
    as_text = str(np.datetime64(moment, "ns"))
    assert calibrate(part, [config], split=as_text, threads=1).rows["test_true"] == by_time["test_true"]


def test_the_test_part_has_no_say_in_the_training_part():
    trades = walk()
    grid = {"threshold": (0.7, 0.9), "nu": (0.0, 0.1), "horizon_days": (0.05, 0.2)}
    base = VPINConfig(buckets_per_day=40, bars_per_bucket=5, support_days=0.2, bucket_volume=100)
    moment = int(vpin(trades, base).end_ts[100])
    other = trades.px.copy()
    after = trades.ts > moment
    other[after] = trades.px[after][::-1] + 7
    changed = Trades(trades.ts, other, trades.size, trades.tick_size, "WALK")
    ours, theirs = (calibrate(one, grid, base=base, split=moment, threads=1).rows for one in (trades, changed))
    for name in ("train_true", "train_false", "train_undecided", "train_null_move"):
        assert np.array_equal(ours[name], theirs[name]), name
    assert not np.array_equal(ours["test_true"], theirs["test_true"])


def test_threads_leaves_and_journals_change_nothing(part, tmp_path):
    grid = {**GRID, "price": ("close", "median"), "support_days": (0.1, 0.25)}
    one = calibrate(part, grid, threads=1)
    two = calibrate(part, grid, threads=2, journal=tmp_path / "journal")
    events = []
    again = calibrate(part, grid, threads=2, journal=tmp_path / "journal", progress=events.append)
    assert one.rows.tobytes() == two.rows.tobytes() == again.rows.tobytes()
    assert any(getattr(event, "resumed", 0) for event in events)  # nothing was worked twice
    as_list = calibrate(part, [config_of(point) for point in points_of(grid, VPINConfig())[0]], threads=1)
    assert as_list.rows.tobytes() == one.rows.tobytes()
    assert as_list.axes == {}
    assert calibrate(part, atomloom.grid(**grid), threads=1).axes == one.axes


class Shelf:
    """A store, as far as calibrate knows one."""

    def __init__(self, *contracts):
        self._held = {trades.symbol: trades for trades in contracts}
        self.symbols = tuple(self._held)

    def __getitem__(self, symbol):
        return type("Entry", (), {"trades": lambda _: self._held[symbol]})()


def test_a_store_gives_a_block_per_contract(part):
    grid = {"threshold": (0.7, 0.9), "nu": (0.0, 0.1)}
    base = VPINConfig(buckets_per_day=40, bars_per_bucket=5, support_days=0.2)
    both = calibrate(Shelf(part, walk()), grid, base=base, threads=1, min_events=1)
    assert both.symbols == ["ES", "WALK"]
    assert both.rows[:4].tobytes() == calibrate(part, grid, base=base, threads=1).rows.tobytes()
    assert both.rows[4:].tobytes() == calibrate(walk(), grid, base=base, threads=1).rows.tobytes()
    assert (both.combined()["n_events"] == both.rows["n_events"].reshape(2, 4).sum(axis=0)).all()
    assert both.provenance["trades"] == {"ES": len(part), "WALK": 4000}
    assert "ES, WALK" in both.summary()


def test_the_best_is_chosen_by_training_alone():
    found = calibrate(walk(), GRID | {"support_days": (0.1, 0.25)}, threads=1, min_events=5)
    best = found.best()
    rate, judged = rates(found.rows, "train")
    usable = judged >= 5
    assert best["train"]["false_positive_rate"] == rate[usable].min()
    row = found.rows[[config_of(row) == best["config"] for row in found.rows]][0]
    assert best["test"]["judged"] == row["test_true"] + row["test_false"]
    assert best["test"]["interval"] == wilson(int(row["test_false"]), best["test"]["judged"])
    assert found.config() == best["config"]
    assert found.best(10**6) is None
    with pytest.raises(BadInput, match="lower min_events"):
        found.config(10**6)
    text = found.summary()
    assert "low by selection" in text
    assert "correlated tries" in text
    assert found._repr_html_().startswith("<div>")
    top = found.shrinkage()
    test, tested = rates(found.rows, "test")
    pool = np.flatnonzero(usable & (tested > 0))
    tenth = pool[np.argsort(rate[pool], kind="stable")[: -(-len(pool) // 10)]]
    assert top["n"] == len(tenth)
    assert top["median"] == np.median(test[tenth] - rate[tenth])


def test_frames_and_tables_for_figures(part):
    found = calibrate(part, {**GRID, "support_days": (0.1, 0.25)}, threads=1)
    frame = found.to_frame()
    assert len(frame) == len(found) == 192
    assert {"false_positive_rate", "train_false_positive_low", "test_false_positive_high"} <= set(frame)
    curve = found.curve("threshold")
    assert curve["threshold"].tolist() == [0.7, 0.9]
    assert curve["n_judged"].sum() == (found.rows["n_true"] + found.rows["n_false"]).sum()
    table = found.table("nu", "price")
    assert table.shape == (3, 2)
    assert sum(share for share in found.sensitivity().values() if not math.isnan(share)) <= 1 + 1e-12
    assert found.to_dict()["n_combinations"] == 192
    with pytest.raises(BadInput, match="does not vary"):
        found.curve("days")


def test_main_effects_are_those_of_a_two_way_layout():
    rng = np.random.default_rng(5)
    a, b = rng.random(4), rng.random(6)
    judged = 10**6
    kind = [("a", np.int64), ("b", np.int64), ("n_true", np.int64), ("n_false", np.int64)]
    rows = np.zeros(24, dtype=kind)
    rows["a"], rows["b"] = np.repeat(range(4), 6), np.tile(range(6), 4)
    rate = (a[:, None] + b[None, :]).ravel() / 3
    rows["n_false"] = np.round(rate * judged)
    rows["n_true"] = judged - rows["n_false"]
    effects = main_effects(rows, ["a", "b"])
    total = np.var(a) + np.var(b)
    assert effects == pytest.approx({"a": np.var(a) / total, "b": np.var(b) / total}, abs=1e-5)
    assert list(effects) == sorted(effects, key=lambda name: -effects[name])
    rows["n_false"] = rows["n_true"]
    assert all(math.isnan(share) for share in main_effects(rows, ["a", "b"]).values())
    assert pooled(rows, ["a"])["false_positive_rate"].tolist() == [0.5] * 4


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20))
def test_wilson_of_many_is_wilson_of_each(pairs):
    false, true = (np.array(side) for side in zip(*pairs, strict=True))
    low, high = wilson_ends(false, false + true)
    for k, (f, t) in enumerate(pairs):
        ends = wilson(f, f + t) if f + t else (math.nan, math.nan)
        np.testing.assert_allclose([low[k], high[k]], ends, rtol=1e-13, atol=1e-15)


VALUES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@given(
    hnp.arrays(np.float64, st.integers(1, 200), elements=VALUES),
    st.sampled_from([0.5, 0.9, 0.99, 1 - 2**-53, 1e-9]),
    st.sampled_from([1, 2, 64]),
)
def test_crossings_are_those_of_the_cdf(values, threshold, n_bins):
    bins, counts = np.empty(len(values), np.int32), np.empty(n_bins, np.int32)
    bins_of(values, n_bins, bins)
    runs = np.empty((len(values) // 2 + 1, 2), np.int64)
    found, opened = crossings(values, bins, threshold, counts, runs)
    if found < 0:  # too many values in one bin
        assert len(values) > 64
        return
    expected = oracle.events(oracle.expanding_mid_rank(values.tolist()), threshold)
    assert runs[:found].tolist() == [[start, end] for start, end, _ in expected]
    assert opened == any(open_end for _, _, open_end in expected)


@given(st.lists(st.sampled_from([0.0, 0.5, 0.5, 1.0, 2.0]), min_size=1, max_size=60), st.data())
def test_a_quantile_without_some(values, data):
    first = data.draw(st.integers(0, len(values)))
    quantile = data.draw(st.floats(0, 1))
    ours = quantile_without(np.sort(values), np.array(values[:first]), quantile)
    if first == len(values):
        assert math.isnan(ours)
    else:
        assert ours == np.quantile(values[first:], quantile)


@given(some_trades(max_trades=60), st.sampled_from(["close", "median", "mean"]), st.sampled_from([0.3, 0.5, 0.9]))
def test_any_trades_give_the_rows_of_the_grid(trades, price, split):
    grid = {"buckets_per_day": (2, 3), "bars_per_bucket": (1, 2), "support_days": (0.4, 1.0), "threshold": (0.5, 0.8)}
    base = VPINConfig(price=price, horizon_days=0.5)
    found = calibrate(trades, grid, base=base, split=split, threads=1)
    product = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    for row, theirs in zip(found.rows, vpin_grid_rows(trades, [{**base.to_dict(), **p} for p in product]), strict=True):
        assert (row["infeasible"] != "") == (theirs["infeasible"] != "")
        if not theirs["infeasible"]:
            same(row, theirs)
    found.summary()


def test_the_paper_grid_has_its_size_and_the_defaults():
    points, axes = points_of(paper_grid(), VPINConfig())
    assert len(points) == 16_000
    assert [len(values) for values in axes.values()] == [5, 4, 2, 4, 5, 4, 5]
    assert VPINConfig() in {config_of(point) for point in points}
    assert len({point.tobytes() for point in points}) == 16_000
    leaves = leaves_of(points)
    assert sorted(np.concatenate(leaves).tolist()) == list(range(16_000))
    assert {len(groups(points[leaf], ["buckets_per_day", "bars_per_bucket"])) for leaf in leaves} == {1}


@pytest.mark.parametrize(
    ("grid", "options", "match"),
    [
        ({"treshold": (0.9,)}, {}, "did you mean 'threshold'"),
        ({"threshold": 0.9}, {}, "give a list"),
        ({"threshold": ()}, {}, "no values"),
        ({"price": "close"}, {}, "give a list"),
        ({"threshold": (0.9, 0.9)}, {}, "repeats a value"),
        ({"threshold": (0.9, 1.5)}, {}, "between 0 and 1"),
        ({"bars_per_bucket": (5, 50), "bucket_volume": (10, 100)}, {}, "less than one per bar"),
        ([], {}, "no combinations"),
        ({"nu": (0.0,)}, {"split": 1.5}, "between 0 and 1"),
        ({"nu": (0.0,)}, {"split": "noon"}, "not a time"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(part, grid, options, match):
    with pytest.raises(BadInput, match=match):
        calibrate(part, grid, threads=1, **options)


def test_what_is_no_trades_is_refused():
    with pytest.raises(BadInput, match="open_store"):
        calibrate([1, 2, 3])
    with pytest.raises(BadInput, match="no symbols"):
        calibrate(Shelf())
    with pytest.raises(BadInput, match="not positive"):
        calibrate(Trades(ts=[0, 1], px=[1, -1], size=[1, 1]), {"nu": (0.0,)})


def test_alerts_take_their_confidence_from_the_test_part():
    trades = read_trades(es_2013_09())
    base = VPINConfig(buckets_per_day=100, bars_per_bucket=10, support_days=0.1)
    found = calibrate(trades, {"threshold": (0.8, 0.9)}, base=base, min_events=1)
    rate = found.best()["test"]["false_positive_rate"]
    given = alerts(vpin(trades, found.config()), calibration=found)
    assert {alert.confidence for alert in given.records} == {1 - rate}
    with pytest.raises(BadInput, match="no event in the test part"):
        _ = calibrate(trades, {"threshold": (0.8, 0.9)}, base=base, min_events=10**6).false_positive_rate
