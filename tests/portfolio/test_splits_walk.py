"""Walk-forward: against plain Python window by window, skfolio, scikit-learn and purgedcv."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput
from atomloom.portfolio import WalkForward
from oracles import splits_oracle as oracle

DAY = 86_400 * 10**9


def listed(splits):
    return [(train.tolist(), test.tolist()) for train, test in splits]


def ranges_or_nothing(splitter, n):
    try:
        return listed(splitter.ranges(n))
    except BadInput as error:
        assert "no window" in str(error)  # noqa: PT017 - the kind of refusal is what is looked at
        return []


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 15), st.integers(1, 9), st.one_of(st.none(), st.integers(1, 9)),
    st.integers(0, 4), st.integers(0, 3), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_rows_window_by_window(n, train, test, step, purge, embargo, expanding, keep_last, from_end):
    splitter = WalkForward(
        train, test, step=step, purge=purge, embargo=embargo, expanding=expanding, keep_last=keep_last,
        anchor="end" if from_end else "start",
    )  # fmt: skip
    wanted = oracle.walk_rows(
        n, train, test, step or test, purge + embargo, expanding=expanding, keep_last=keep_last, from_end=from_end
    )
    assert ranges_or_nothing(splitter, n) == wanted
    if len(wanted) > 1:
        from dataclasses import replace

        last = replace(splitter, n_windows=len(wanted) - 1)
        assert listed(last.ranges(n)) == wanted[1:]
        assert last.get_n_splits() == len(wanted) - 1


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=40), st.integers(1, 20), st.integers(1, 9),
    st.one_of(st.none(), st.integers(1, 9)), st.integers(0, 4), st.booleans(), st.booleans(),
)  # fmt: skip
def test_durations_window_by_window(gaps, train, test, step, purge, expanding, keep_last):
    times = np.cumsum(gaps)
    sizes = [np.timedelta64(size, "ns") for size in (train, test, step or test, purge)]
    splitter = WalkForward(
        sizes[0], sizes[1], step=sizes[2], purge=sizes[3], expanding=expanding, keep_last=keep_last, times=times
    )
    wanted = oracle.walk_time(
        times.tolist(), train, test, step or test, purge, expanding=expanding, keep_last=keep_last
    )
    if any(not rows for rows, _ in wanted):
        with pytest.raises(BadInput, match="has no row"):
            splitter.ranges(len(times))
    else:
        assert ranges_or_nothing(splitter, len(times)) == wanted


@settings(max_examples=100, deadline=None)
@given(st.integers(12, 40), st.integers(2, 8), st.integers(1, 5), st.integers(0, 3), st.integers(0, 10**6))
def test_labels_that_reach_the_test_are_not_trained_on(n, train, test, purge, seed):
    ends = np.arange(n) + np.random.default_rng(seed).integers(0, 5, n)
    plain = oracle.walk_rows(n, train, test, test, purge, expanding=False, keep_last=False, from_end=False)
    wanted = []
    for rows, tested in plain:
        reach = max(tested[0] - purge, 0)
        wanted.append(([row for row in rows if ends[row] <= reach], tested))
    splitter = WalkForward(train, test, purge=purge, label_end=ends)
    if any(not rows for rows, _ in wanted):
        with pytest.raises(BadInput, match="no train rows"):
            splitter.ranges(n)
    else:
        assert ranges_or_nothing(splitter, n) == wanted


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=12, max_size=30), st.integers(2, 8), st.integers(1, 5), st.integers(0, 6),
    st.integers(0, 2), st.integers(0, 10**6),
)  # fmt: skip
def test_labels_in_time_that_reach_into_the_gap_are_not_trained_on(gaps, train, test, purge, embargo, seed):
    times = np.cumsum(gaps)
    n = len(times)
    ends = times + np.random.default_rng(seed).integers(1, 12, n)
    wanted = []
    for start in range(n - test + 1):  # every row at which a test could begin; those that do are picked below
        limit = times[start] - purge
        stop = next(row for row in range(start + 1) if times[row] >= limit)
        if embargo:
            stop = max(stop - embargo, 0)
            limit = min(limit, times[stop])
        low = stop - train
        wanted.append((low >= 0, [row for row in range(max(low, 0), stop) if ends[row] <= limit], start))
    first = next((start for fits, _, start in wanted if fits), n)
    picked = [(rows, list(range(start, start + test))) for _, rows, start in wanted[first::test]]
    splitter = WalkForward(
        train, test, purge=np.timedelta64(purge, "ns"), embargo=embargo, times=times,
        label_end=ends.view("datetime64[ns]"),
    )  # fmt: skip
    if any(not rows for rows, _ in picked):
        with pytest.raises(BadInput, match="no train rows"):
            splitter.ranges(n)
    else:
        assert ranges_or_nothing(splitter, n) == picked


def test_gaps_in_rows_and_in_days_are_the_same_where_a_row_is_a_day():
    times = np.arange(60) * DAY
    rows = WalkForward(20, 5, purge=2, embargo=1).ranges(60)
    for purge, embargo in (("2D", 1), (2, "1D"), ("2D", "1D"), ("48h", np.timedelta64(1, "D"))):
        assert listed(WalkForward(20, 5, purge=purge, embargo=embargo, times=times).ranges(60)) == listed(rows)
    timed = WalkForward("20D", "5D", purge="3D", times=times).ranges(60)
    assert listed(timed) == listed(WalkForward(20, 5, purge=3).ranges(60))
    ended = WalkForward("20D", "5D", anchor="end", times=times).ranges(60)
    assert listed(ended) == listed(WalkForward(20, 5, anchor="end").ranges(60))


def test_months_by_the_clock_of_the_zone():
    index = pd.date_range("2024-01-01", "2024-06-02", freq="D", tz="Asia/Tokyo")  # 15:00 of the day before in UTC
    splits = list(WalkForward(1, "month").split(pd.DataFrame({"x": 0.0}, index=index)))
    assert [index[test[0]].strftime("%m-%d") for _, test in splits] == ["02-01", "03-01", "04-01", "05-01"]
    assert [len(test) for _, test in splits] == [29, 31, 30, 31]
    assert [len(train) for train, _ in splits] == [31, 29, 31, 30]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("period", ["week", "month", "quarter", "year", "3 months", "2 weeks"])
def test_calendar_by_every_row_asked_for_its_period(seed, period):
    rng = np.random.default_rng(seed)
    days = np.cumsum(rng.integers(1, 4, 900)) + int(rng.integers(0, 20_000))
    index = pd.DatetimeIndex(days.astype("datetime64[D]").astype("datetime64[ns]"))
    unit = {"week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}[period.split()[-1].rstrip("s")]
    periods = index.to_period(unit)
    number, times, train = periods.asi8, int(period[0]) if period[0].isdigit() else 1, 2
    first = number[0] + (index[0] != periods[0].start_time)
    wanted, k = [], first + train * times
    while k + times <= number[-1]:
        test = np.flatnonzero((number >= k) & (number < k + times)).tolist()
        rows = np.flatnonzero((number >= k - train * times) & (number < k)).tolist()
        wanted.append((rows, test))
        k += times
    assert listed(WalkForward(train, period, times=index).ranges(len(index))) == wanted
    assert wanted


@pytest.mark.parametrize("purge", [0, 1, 3])
@pytest.mark.parametrize("expanding", [False, True])
@pytest.mark.parametrize("keep_last", [False, True])
def test_skfolio(purge, expanding, keep_last):
    peer = pytest.importorskip("skfolio.model_selection")
    flags = {"expand_train": expanding, "reduce_test": keep_last, "purged_size": purge}
    mine = {"expanding": expanding, "keep_last": keep_last, "purge": purge}
    for n, train, test in ((50, 20, 5), (53, 20, 7), (1_000, 252, 21)):
        X = np.zeros((n, 1))
        theirs = peer.WalkForward(test_size=test, train_size=train, **flags)
        assert listed(WalkForward(train, test, **mine).split(X)) == listed(theirs.split(X))
        assert WalkForward(train, test, **mine).get_n_splits(X) == theirs.get_n_splits(X)
    index = pd.bdate_range("2015-01-05", "2019-11-20")
    X = pd.DataFrame({"x": 0.0}, index=index)
    year = pd.Timedelta(365, "D").to_pytimedelta()
    for period, freq, test_size, train, train_size in (
        ("month", "MS", 1, 6, 6), ("quarter", "QS", 1, 4, 4), ("year", "YS", 1, 2, 2), ("3 months", "MS", 3, 4, 12),
        ("month", "MS", 1, "365D", year), ("week", "W-MON", 1, 10, 10), ("2 weeks", "W-MON", 2, "365D", year),
    ):  # fmt: skip
        theirs = peer.WalkForward(test_size=test_size, train_size=train_size, freq=freq, **flags)
        assert listed(WalkForward(train, period, **mine).split(X)) == listed(theirs.split(X))


def test_scikit_learns_time_series_split():
    peer = pytest.importorskip("sklearn.model_selection")
    X = np.zeros((103, 1))
    for gap in (0, 2):
        theirs = peer.TimeSeriesSplit(n_splits=5, test_size=11, gap=gap)
        ours = WalkForward(1, 11, expanding=True, anchor="end", n_windows=5, purge=gap)
        assert listed(ours.split(X)) == listed(theirs.split(X))
        theirs = peer.TimeSeriesSplit(n_splits=5, test_size=11, gap=gap, max_train_size=30)
        assert listed(WalkForward(30, 11, anchor="end", n_windows=5, purge=gap).split(X)) == listed(theirs.split(X))


def test_purgedcvs_walk_forward():
    peer = pytest.importorskip("purgedcv")
    times = pd.date_range("2020-01-01", periods=100, freq="D")
    ends = times + pd.Timedelta("4D")
    theirs = peer.WalkForwardSplit(3, 10, prediction_times=times, evaluation_times=ends)
    ours = WalkForward(1, 10, expanding=True, anchor="end", n_windows=3, label_end=ends)
    X = pd.DataFrame({"x": 0.0}, index=times)
    assert listed(ours.split(X)) == listed(theirs.split(X))
