"""Folds in combinations: against plain Python row by row, the book's figure and counts, skfolio and purgedcv."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput
from atomloom.portfolio import CombinatorialPurgedCV, PurgedKFold
from oracles import splits_oracle as oracle

DAY = 86_400 * 10**9


@st.composite
def cases(draw):
    """Rows with or without times, labels of any length, gaps in rows or time."""
    folds = draw(st.integers(2, 6))
    n = draw(st.integers(folds, 40))
    timed = draw(st.booleans())
    steps = draw(st.lists(st.integers(1, 4), min_size=n, max_size=n))
    begin = np.cumsum(steps).tolist() if timed else list(range(n))
    labels = draw(st.sampled_from(["none", "short", "long"]))
    end = None
    if labels != "none":
        longest = 3 if labels == "short" else 12
        end = [begin[k] + draw(st.integers(0, longest)) for k in range(n)]
        end = end if timed else [min(stop, row + n) for row, stop in enumerate(end)]

    def gap():
        kind = draw(st.sampled_from(["rows", "ns"] if timed else ["rows"]))
        return kind, draw(st.integers(0, 4))

    return folds, n, begin if timed else None, end, gap(), gap()


def given_to(kind, case):
    """The arguments of a splitter for a case."""
    _, _, begin, end, purge, embargo = case
    size = {"rows": int, "ns": lambda amount: np.timedelta64(amount, "ns")}
    if end is not None:
        end = np.array(end).view("datetime64[ns]") if begin is not None else np.array(end)
    times = None if begin is None else np.array(begin)
    return {
        "purge": size[purge[0]](purge[1]),
        "embargo": size[embargo[0]](embargo[1]),
        "label_end": end,
        "times": times,
    }


def compare(splitter, case, tests, remainder):
    folds, n, begin, end, purge, embargo = case
    begin = list(range(n)) if begin is None else begin
    wanted, paths = oracle.combinatorial(n, folds, tests, begin, end, purge, embargo, remainder)
    bounds = oracle.fold_bounds(n, folds, remainder)
    if oracle.swallowed(bounds, begin, end, purge, embargo):
        with pytest.raises(BadInput, match="swallow a whole one"):
            splitter.ranges(n)
    elif not all(train for train, _ in wanted):
        with pytest.raises(BadInput, match="no train rows"):
            splitter.ranges(n)
    else:
        found = splitter.ranges(n)
        assert [(train.tolist(), test.tolist()) for train, test in found] == wanted
        assert found.path_of.tolist() == paths
        assert found.folds.tolist() == bounds
        assert splitter.get_n_splits() == len(wanted) == found.n_splits


@settings(max_examples=400, deadline=None)
@given(cases(), st.data())
def test_every_combination_row_by_row(case, data):
    tests = data.draw(st.integers(1, case[0] - 1))
    compare(CombinatorialPurgedCV(case[0], tests, **given_to("cpcv", case)), case, tests, "last")


@settings(max_examples=250, deadline=None)
@given(cases())
def test_every_fold_row_by_row(case):
    compare(PurgedKFold(case[0], **given_to("kfold", case)), case, 1, "first")


@pytest.mark.parametrize(
    ("folds", "tests", "splits", "paths"), [(6, 2, 15, 5), (10, 8, 45, 36), (16, 8, 12_870, 6_435), (5, 1, 5, 1)]
)
def test_counts_of_the_book(folds, tests, splits, paths):
    cv = CombinatorialPurgedCV(folds, tests)
    assert cv.get_n_splits() == splits == len(cv.test_folds())
    assert cv.n_paths == paths == len(cv.paths())
    assert paths == tests * splits // folds  # phi of AFML 12.4


def test_figure_12_1_of_the_book():
    cv = CombinatorialPurgedCV(6, 2)
    figure = [
        [1, 1, 2, 3, 4, 5],
        [2, 6, 6, 7, 8, 9],
        [3, 7, 10, 10, 11, 12],
        [4, 8, 11, 13, 13, 14],
        [5, 9, 12, 14, 15, 15],
    ]
    assert (cv.paths() + 1).tolist() == figure
    assert cv.test_folds()[:6].tolist() == [[0, 1], [0, 2], [0, 3], [0, 4], [0, 5], [1, 2]]


def test_every_path_leads_through_every_row_out_of_sample():
    splits = CombinatorialPurgedCV(7, 3, purge=2, embargo=1).ranges(100)
    for path in splits.path_of:
        served = np.concatenate([np.arange(splits.folds[fold], splits.folds[fold + 1]) for fold in range(7)])
        assert served.tolist() == list(range(100))
        for fold, k in enumerate(path):
            rows = np.arange(splits.folds[fold], splits.folds[fold + 1])
            assert np.isin(rows, splits.test(k)).all()
            assert not np.isin(rows, splits.train(k)).any()
    pairs = [(fold, k) for path in splits.path_of for fold, k in enumerate(path)]
    assert len(set(pairs)) == len(pairs)


def test_snippet_7_3_of_the_book():
    """Train left of the test where labels are over by its begin; right from the last label's end and the embargo on."""
    rng = np.random.default_rng(0)
    n, share = 200, 0.02
    times = np.datetime64("2020-01-01") + np.arange(n)
    ends = times + rng.integers(0, 9, n)
    found = PurgedKFold(4, label_end=ends, times=times, embargo=share).ranges(n)
    embargo = int(n * share)
    for k in range(4):
        test = np.arange(k * 50, (k + 1) * 50)
        left = np.flatnonzero((ends <= times[test[0]]) & (np.arange(n) < test[0]))
        latest = np.searchsorted(times, ends[test].max())
        right = np.arange(latest + embargo, n) if latest < n else np.empty(0, int)
        assert found.train(k).tolist() == np.concatenate([left, right]).tolist()


def test_an_embargo_begins_where_the_purge_ends():
    both = PurgedKFold(3, purge=2, embargo=3).ranges(30)
    assert both.train(1).tolist() == [*range(8), *range(25, 30)]
    timed = PurgedKFold(3, purge="2D", embargo="3D", times=np.arange(30) * DAY).ranges(30)
    assert timed.train(1).tolist() == both.train(1).tolist()
    labels = PurgedKFold(3, embargo=3, label_end=np.arange(30) + 4).ranges(30)  # the last test label ends with row 23
    assert labels.train(1).tolist() == [*range(7), *range(26, 30)]


def test_labels_in_rows_that_last_beyond_the_rows():
    times, ends = np.arange(6) * DAY, np.arange(6) + 2
    rows = PurgedKFold(6, label_end=ends).ranges(6)
    timed = PurgedKFold(6, label_end=ends, purge="0D", times=times).ranges(6)
    assert [train.tolist() for train, _ in timed] == [train.tolist() for train, _ in rows]
    assert rows.train(5).tolist() == [0, 1, 2, 3]


def test_a_long_label_reaches_over_later_test_folds():
    ends = np.arange(50) + 1
    ends[3] = 33  # a row of fold 0, into fold 3
    splits = CombinatorialPurgedCV(5, 2, label_end=ends, embargo=2).ranges(50)
    together, apart = splits.train(0), splits.train(1)  # tests on folds 0 and 1, and on 0 and 2
    assert together.tolist() == apart.tolist() == list(range(35, 50))


def test_all_splits_of_16_choose_8_are_small():
    splits = CombinatorialPurgedCV(16, 8, purge=5, embargo=3).ranges(5_000)
    held = sum(value.nbytes for value in vars(splits).values() if isinstance(value, np.ndarray))
    assert held < 5e6
    assert len(splits.cuts()) <= 16 * 3
    k = math.comb(15, 7)  # the first split that is not tested on fold 0
    assert splits.train(k)[:2].tolist() == [0, 1]
    segments = splits.segments()
    cuts = splits.cuts()
    rows = np.concatenate([np.arange(cuts[g], cuts[g + 1]) for g in segments.train(77)])
    assert rows.tolist() == splits.train(77).tolist()


@pytest.mark.parametrize("layout", [(12, 3, 2, 0, 0), (60, 6, 2, 1, 2), (67, 5, 3, 2, 1), (100, 10, 8, 2, 3)])
def test_rows_and_paths_of_skfolio(layout):
    peer = pytest.importorskip("skfolio.model_selection")
    n, folds, tests, purge, embargo = layout
    theirs = peer.CombinatorialPurgedCV(folds, tests, purged_size=purge, embargo_size=embargo)
    ours = CombinatorialPurgedCV(folds, tests, purge=purge, embargo=embargo)
    found = ours.ranges(n)
    for k, (train, blocks) in enumerate(theirs.split(np.zeros((n, 1)))):
        assert found.train(k).tolist() == train.tolist()
        assert found.test(k).tolist() == np.concatenate(blocks).tolist()
    assert ours.paths().tolist() == theirs.recombined_paths.T.tolist()
    assert ours.to_skfolio().get_path_ids().tolist() == theirs.get_path_ids().tolist()


@pytest.mark.parametrize("seed", range(6))
def test_labels_of_purgedcv(seed):
    """Labels of positive length; theirs keeps rows whose label is empty, wherever they are."""
    peer = pytest.importorskip("purgedcv")
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(seed)
    n = 120
    times = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.cumsum(rng.integers(1, 5, n)), unit="D")
    ends = times + pd.to_timedelta(rng.integers(1, 12, n), unit="D")
    bound = {"prediction_times": times, "evaluation_times": ends}
    nanosecond = pd.Timedelta(1, "ns")  # their embargo is closed at its end
    for padding, embargo in (("0D", None), ("3D", None), ("0D", "4D")):
        extra = {} if embargo is None else {"embargo": embargo}
        wait = 0 if embargo is None else pd.Timedelta(embargo) + nanosecond
        mine = {"label_end": ends, "times": times, "purge": padding, "embargo": wait}
        pairs = [
            (peer.PurgedKFold(4, purge_horizon=padding, **bound, **extra), PurgedKFold(4, **mine)),
            (
                peer.CombinatorialPurgedCV(6, 2, purge_horizon=padding, **bound, **extra),
                CombinatorialPurgedCV(6, 2, **mine),
            ),
        ]
        for theirs, ours in pairs:
            X = np.zeros((n, 1))
            for (train, test), (my_train, my_test) in zip(theirs.split(X), ours.split(X), strict=True):
                assert my_test.tolist() == test.tolist()
                assert my_train.tolist() == train.tolist()
