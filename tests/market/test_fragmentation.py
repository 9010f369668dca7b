"""Fragmentation against a plain-Python twin, closed forms, streams, and five days of real trades on all venues."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.errors import BadInput, Infeasible, OverBudget
from atomloom.market import HHIStream, herfindahl
from atomloom.market.local_time import day_starts, in_session, local_days
from atomloom.store import Quotes, Trades
from oracles import hhi_oracle as twin

NAMES = ("N", "P", "Q", "Z")


@st.composite
def venue_trades(draw, *, flags=False):
    n = draw(st.integers(1, 30))
    steps = draw(st.lists(st.sampled_from([0, 1, 3, 10, 50, 1000]), min_size=n, max_size=n))
    return Trades(
        ts=np.cumsum(steps) * 10**9 + draw(st.sampled_from([0, -(10**12), 10**18 + 7])),
        px=np.ones(n, np.int64),
        size=draw(st.lists(st.integers(1, 9), min_size=n, max_size=n)),
        venue=draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)),
        venues=NAMES,
        flags=draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)) if flags else None,
    )


def rows_of(trades, by):
    weights = trades.size.tolist() if by == "volume" else [1] * len(trades)
    return list(zip(trades.ts.tolist(), trades.venue.tolist(), weights, strict=True))


def same(result, expected):
    assert [int(n) for n in result.n_rows] == [n for _, _, n in expected]
    assert result.weight.tolist() == [sum(weights.values()) for _, weights, _ in expected]
    assert result.n_venues.tolist() == [len(+weights) for _, weights, _ in expected]
    assert result.hhi == pytest.approx([float(twin.index(weights)) for _, weights, _ in expected], rel=1e-14)
    tops = [max(weights[venue] for venue in range(4)) for _, weights, _ in expected]
    assert (result.top_share * result.weight).tolist() == pytest.approx(tops)
    assert [weights[int(top)] for (_, weights, _), top in zip(expected, result.top, strict=True)] == tops


@given(venue_trades(), st.sampled_from([1, 4, 100]), st.integers(1, 5), st.sampled_from(["volume", "trades"]))
def test_windows_of_time(trades, step, cells, by):
    result = herfindahl(trades, float(step * cells), step=step if cells > 1 else None, by=by)
    expected = twin.by_time(rows_of(trades, by), step * 10**9, cells)
    same(result, expected)
    assert result.end_ts.tolist() == [end for end, _, _ in expected]
    assert (result.end_ts - result.start_ts == step * cells * 10**9).all()


@given(venue_trades(), st.integers(1, 12), st.integers(1, 5), st.sampled_from(["volume", "trades"]))
def test_windows_of_volume(trades, step, cells, by):
    result = herfindahl(trades, volume=step * cells, step=step if cells > 1 else None, by=by)
    expected = twin.by_volume(rows_of(trades, "volume"), step, cells, by == "trades")
    same(result, expected)
    reached = np.cumsum(trades.size)
    ends = [(last + 1) * step for last, _, _ in expected]
    starts = [(last + 1 - cells) * step for last, _, _ in expected]
    assert result.end_ts.tolist() == trades.ts[np.searchsorted(reached, ends)].tolist()
    assert result.start_ts.tolist() == trades.ts[np.searchsorted(reached, starts, side="right")].tolist()


CONFIGS = st.sampled_from(
    [
        {"window": 10.0},
        {"window": 100, "step": 4},
        {"volume": 7},
        {"volume": 12, "step": 3, "by": "trades"},
        {"window": "day", "tz": "America/New_York"},
        {"window": 3600, "step": 60, "session": ("18:00", "01:30"), "tz": "Europe/Berlin"},
        {"volume": 5, "flagged": True},
    ]
)


@given(venue_trades(flags=True), CONFIGS, st.lists(st.integers(0, 99), max_size=6), st.integers(0, 6))
def test_any_split_gives_the_same_bits(trades, config, cuts, checkpoint):
    stream = HHIStream(**config, warm=False)
    edges = sorted({0, len(trades), *(cut % (len(trades) + 1) for cut in cuts)})
    parts = []
    for number, (lo, hi) in enumerate(pairwise(edges)):
        if number == checkpoint:
            state = json.loads(json.dumps(stream.state(), default=lambda array: array.tolist()))
            stream = HHIStream.from_state(state, warm=False)
        parts.append(stream.update(trades.rows(lo, hi)))
    rows = np.concatenate([*parts, stream.finish()])
    try:
        result = herfindahl(trades, **config)
    except Infeasible:
        assert len(rows) == 0
        assert stream.counts["n_used"] == 0
        return
    assert (result.n_used, result.n_flagged, result.n_outside) == tuple(stream.counts.values())
    assert sum(stream.counts.values()) == len(trades)
    for name, column in (("hhi", result.hhi), ("end_ts", result.end_ts), ("start_ts", result.start_ts),
                         ("weight", result.weight), ("rows", result.n_rows), ("top", result.top),
                         ("top_share", result.top_share), ("venues", result.n_venues)):  # fmt: skip
        assert np.ascontiguousarray(rows[name]).tobytes() == column.tobytes(), name


@given(venue_trades(), st.integers(1, 100))
def test_a_clock_ends_windows_early_and_changes_nothing(trades, later):
    stream = HHIStream(10.0, warm=False)
    parts = [stream.advance(int(trades.ts[0]) - 1)]
    for k in range(len(trades)):
        parts.append(stream.update(trades.rows(k, k + 1)))
        following = int(trades.ts[k + 1]) if k + 1 < len(trades) else int(trades.ts[k])
        parts.append(stream.advance(min(following, int(trades.ts[k]) + later * 10**9)))
    rows = np.concatenate([*parts, stream.finish()])
    assert rows["hhi"].tobytes() == herfindahl(trades, 10.0).hhi.tobytes()


@pytest.mark.parametrize("k", [1, 2, 13, 200])
def test_equal_venues_have_one_over_k(k):
    names = [f"V{v}" for v in range(k)]
    trades = Trades(range(3 * k), [1] * (3 * k), [7] * (3 * k), venue=[v % k for v in range(3 * k)], venues=names)
    result = herfindahl(trades)
    assert result.hhi == pytest.approx([1 / k], rel=1e-12)
    assert result.n_venues.tolist() == [k]
    assert result.effective == pytest.approx([k])
    frame = result.to_frame()
    assert str(frame["start"].dt.tz) == "UTC"
    assert f"{3 * k:,}" in str(result.n_used)
    assert result.to_dict()["n_windows"] == 1
    assert "left out: 0 flagged" in result.summary()
    assert "<table>" in result._repr_html_()


def test_quotes_by_number_and_by_size():
    quotes = Quotes(
        range(4), [99, 0, 98, 0], [3, 0, 1, 0], [0, 101, 0, 102], [0, 4, 0, 2], venue=[0, 0, 1, 2], venues=NAMES
    )
    assert herfindahl(quotes).hhi == pytest.approx([(4 + 1 + 1) / 16])
    assert herfindahl(quotes, by="size").hhi == pytest.approx([(49 + 1 + 4) / 100])
    for wrong in ({"by": "trades"}, {"volume": 5}, {"volume": 5, "by": "size"}):
        with pytest.raises(BadInput, match="Hint"):
            herfindahl(quotes, **wrong)


ZONES = st.sampled_from(["America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])


@given(st.lists(st.integers(0, 2 * 10**18), min_size=1, max_size=30), ZONES)
def test_local_days_and_sessions(ts, tz):
    column = np.array(sorted(ts), dtype=np.int64)
    seen = [twin.local(when, tz) for when in column.tolist()]
    epoch = datetime(1970, 1, 1).date()  # noqa: DTZ001
    assert local_days(column, tz).tolist() == [(day - epoch).days for day, _ in seen]
    clock = [t.hour * 60 + t.minute for _, t in seen]
    assert in_session(column, ("09:30", "16:00"), tz).tolist() == [570 <= minute < 960 for minute in clock]
    assert in_session(column, ("17:00", "16:00"), tz).tolist() == [minute >= 1020 or minute < 960 for minute in clock]
    starts = day_starts(local_days(column, tz), tz)
    assert ((starts <= column) & (column < starts + 26 * 3600 * 10**9)).all()


def test_the_night_when_clocks_change():
    zone, second = ZoneInfo("America/New_York"), 10**9
    marks = [datetime(2013, 11, 3, 1, 30, tzinfo=zone, fold=fold) for fold in (0, 1)]
    ts = np.array([int(mark.timestamp()) * second for mark in marks])
    assert np.diff(ts).tolist() == [3600 * second]
    assert in_session(ts, ("01:00", "02:00"), "America/New_York").tolist() == [True, True]
    assert (day_starts(local_days(ts, "America/New_York") + 1, "America/New_York")[0]
            - day_starts(local_days(ts, "America/New_York"), "America/New_York")[0]) == 25 * 3600 * second  # fmt: skip


def test_bad_arguments_are_refused_with_advice():
    trades = Trades([0, 1], [1, 1], [2, 2], venue=[0, 1], venues=NAMES, flags=[1, 1])
    for call in (
        lambda: herfindahl(Trades([0], [1], [1])),
        lambda: herfindahl(trades, "week"),
        lambda: herfindahl(trades, 10, volume=5),
        lambda: herfindahl(trades, 10, step=3),
        lambda: herfindahl(trades, 10, step=20),
        lambda: herfindahl(trades, step=5),
        lambda: herfindahl(trades, 0),
        lambda: herfindahl(trades, volume=2.5),
        lambda: herfindahl(trades, by="size"),
        lambda: herfindahl(trades, by="value"),
        lambda: herfindahl(trades, tz="Mars/Olympus"),
        lambda: herfindahl(trades, session=("9:30", "16:00")),
        lambda: herfindahl(trades, session=("09:30", "09:30")),
        lambda: HHIStream(10, warm=False).restore(HHIStream(20, warm=False).state()),
        lambda: HHIStream.from_state({"stream": "BarStream", "version": 1}),
    ):
        with pytest.raises(BadInput, match="Hint"):
            call()
    with pytest.raises(Infeasible, match="2 are flagged"):
        herfindahl(trades)
    stream = HHIStream(10, warm=False)
    stream.update(trades)
    with pytest.raises(BadInput, match="one code per venue"):
        stream.update(Trades([5], [1], [1], venue=[0], venues=("A",)))


@pytest.fixture(scope="module")
def stocks(root):
    folder = root.parent / "shared" / "data"
    if not (folder / "ibm_20131007_trade.zip").is_file():
        pytest.skip("../shared/data has no trades by venue here")

    def read(symbol):
        parts = []
        for day in range(7, 12):
            with zipfile.ZipFile(folder / f"{symbol}_201310{day:02d}_trade.zip") as held:
                text = held.read(held.namelist()[0]).decode()
            table = np.genfromtxt(io.StringIO(text), delimiter=",", dtype=None, encoding="utf-8")
            midnight = int(datetime(2013, 10, day, tzinfo=ZoneInfo("America/New_York")).timestamp()) * 10**9
            parts.append((midnight + table["f0"].astype(np.int64) * 10**6, table["f1"], table["f2"], table["f3"],
                          table["f5"]))  # fmt: skip
        ts, px, size, venue, flags = (np.concatenate(column) for column in zip(*parts, strict=True))
        good = size > 0
        names, codes = np.unique(venue[good], return_inverse=True)
        return Trades(ts[good], px[good], size[good], 1e-4, symbol.upper(), codes, names.tolist(), flags[good])

    return read


@pytest.mark.parametrize("symbol", ["ibm", "aig"])
def test_five_days_of_real_trades(stocks, symbol):
    trades = stocks(symbol)
    result = herfindahl(trades, session=("09:30", "16:00"), tz="America/New_York")
    assert len(result) == 5
    assert 0.14 < result.hhi.min() < result.hhi.max() < 0.26
    assert set(result.n_venues.tolist()) <= {11, 12, 13}
    assert result.n_used + result.n_flagged + result.n_outside == len(trades)
    hourly = herfindahl(trades, 3600, step=60, session=("09:30", "16:00"), tz="America/New_York")
    assert len(hourly) > 1500
    assert ((hourly.hhi > 1 / 14) & (hourly.hhi <= 1)).all()


def test_weights_beyond_int64_are_refused_not_wrapped():
    def some(ts):
        return Trades([ts, ts + 1], [1, 1], [2**61, 2**61], venue=[0, 1], venues=NAMES)

    stream = HHIStream(60, warm=False)
    stream.update(some(0))
    with pytest.raises(BadInput, match="beyond int64"):
        stream.update(some(5))
    assert stream.finish()["weight"].tolist() == [2**62]
    quotes = Quotes([0], [99], [2**62], [101], [2**62], venue=[0], venues=NAMES)
    with pytest.raises(BadInput, match="beyond int64"):
        herfindahl(quotes, by="size")
    assert herfindahl(quotes).hhi.tolist() == [1.0]
    with pytest.raises(OverBudget, match="larger volume"):
        herfindahl(some(0), volume=2)
    with pytest.raises(BadInput, match="steps long"):
        herfindahl(some(0), 86_400, step=1e-6)


def test_local_days_at_both_ends_of_time():
    ts = np.array([-(2**63), 0, 2**63 - 1])
    assert local_days(ts, "America/New_York").tolist() == [-106753, -1, 106751]
    assert in_session(ts, ("00:00", "24:00"), "Asia/Tokyo").all()
    trades = Trades(ts, [1] * 3, [1] * 3, venue=[0, 1, 0], venues=NAMES)
    result = herfindahl(trades, tz="America/New_York")
    assert result.hhi.tolist() == [1.0] * 3
    assert (result.start_ts < result.end_ts).all()


@pytest.mark.parametrize("session", [("09:30",), "09:30-16:00", 5, ("24:00", "00:00"), (None, None)])
def test_sessions_that_are_none_are_refused(session):
    trades = Trades([0, 1], [1, 1], [2, 2], venue=[0, 1], venues=NAMES)
    with pytest.raises(BadInput, match="session="):
        herfindahl(trades, session=session)


def test_clocks_that_go_back_over_midnight_lose_no_trade():
    zone = "America/St_Johns"  # until 2011 the clocks went from 00:01 back to 23:01 of the day before
    night = int(datetime(2010, 11, 7, tzinfo=ZoneInfo(zone)).timestamp())
    ts = (night + 60 * np.arange(-180, 180)) * 10**9
    trades = Trades(ts, [1] * 360, [1] * 360, venue=np.arange(360) % 4, venues=NAMES)
    result = herfindahl(trades, tz=zone)
    assert result.weight.tolist() == [180, 180]  # the repeated hour counts to the day that had begun
    stream = HHIStream(tz=zone, warm=False)
    parts = [stream.update(trades.rows(k, k + 40)) for k in range(0, 360, 40)]
    assert np.concatenate([*parts, stream.finish()])["hhi"].tobytes() == result.hhi.tobytes()


@pytest.mark.parametrize("name", ["ring", "window", "place"])
def test_states_of_another_shape_are_refused_before_a_formula_sees_them(name):
    stream = HHIStream(60, warm=False)
    stream.update(Trades([0, 1], [1, 1], [2, 2], venue=[0, 1], venues=NAMES))
    state = stream.state()
    state[name] = state[name].ravel()[1:]
    with pytest.raises(BadInput, match="not whole"):
        HHIStream.from_state(state, warm=False)
