"""Splitters of others here, ours there, and what is refused on the way."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from atomloom.errors import BadInput
from atomloom.portfolio import CombinatorialPurgedCV, PurgedKFold, SplitRanges, WalkForward, ranges_of

DAYS = pd.date_range("2020-01-01", periods=60, freq="D")


def listed(splits):
    return [(train.tolist(), test.tolist()) for train, test in splits]


def returns(n=240, assets=4):
    index = pd.bdate_range("2020-01-01", periods=n)
    values = np.random.default_rng(0).normal(0.0005, 0.01, (n, assets))
    return pd.DataFrame(values, index=index, columns=[f"a{k}" for k in range(assets)])


def test_ours_in_scikit_learn():
    selection = pytest.importorskip("sklearn.model_selection")
    linear = pytest.importorskip("sklearn.linear_model")
    X = returns()
    y = X.sum(axis=1)
    folds = PurgedKFold(4, embargo=3, label_end=np.arange(len(X)) + 5)
    predicted = selection.cross_val_predict(linear.Ridge(), X, y, cv=folds)
    for train, test in folds.split(X):
        by_hand = linear.Ridge().fit(X.to_numpy()[train], y.to_numpy()[train]).predict(X.to_numpy()[test])
        assert predicted[test] == pytest.approx(by_hand, rel=1e-12)
    for cv in (WalkForward(3, "month"), CombinatorialPurgedCV(5, 2, purge="3D"), folds, folds.ranges(len(X))):
        search = selection.GridSearchCV(linear.Ridge(), {"alpha": [0.1, 1.0]}, cv=cv).fit(X, y)
        count = cv.n_splits if isinstance(cv, SplitRanges) else cv.get_n_splits(X)
        assert search.n_splits_ == count
        assert len(selection.cross_val_score(linear.Ridge(), X, y, cv=cv)) == count


def test_ours_in_skfolio():
    selection = pytest.importorskip("skfolio.model_selection")
    optimization = pytest.importorskip("skfolio.optimization")
    X = returns()
    for ours, theirs in (
        (WalkForward(120, 20, purge=2), selection.WalkForward(test_size=20, train_size=120, purged_size=2)),
        (
            CombinatorialPurgedCV(5, 2, purge=2, embargo=1).to_skfolio(),
            selection.CombinatorialPurgedCV(5, 2, purged_size=2, embargo_size=1),
        ),
    ):
        found, wanted = (selection.cross_val_predict(optimization.InverseVolatility(), X, cv=cv)
                         for cv in (ours, theirs))  # fmt: skip
        if hasattr(wanted, "portfolios"):
            found, wanted = [found], [wanted]
        assert len(found) == len(wanted)
        for mine, peer in zip(found, wanted, strict=True):
            assert mine.returns == pytest.approx(peer.returns, rel=1e-15)
    assert "to_skfolio" in repr(ours)
    assert copy.deepcopy(ours).get_n_splits() == 10


def test_theirs_here():
    selection = pytest.importorskip("sklearn.model_selection")
    n = 60
    for cv in (
        selection.KFold(5), selection.KFold(5, shuffle=True, random_state=0), selection.TimeSeriesSplit(4, gap=2),
        selection.RepeatedKFold(n_splits=3, n_repeats=2, random_state=1), selection.ShuffleSplit(2, random_state=0),
    ):  # fmt: skip
        try:
            found = ranges_of(cv, n)
        except BadInput as error:
            assert isinstance(cv, selection.ShuffleSplit)
            assert "not increasing" in str(error)  # noqa: PT017
        else:
            assert listed(found) == listed(cv.split(np.zeros((n, 1))))


def test_theirs_of_skfolio_and_purgedcv_here():
    selection = pytest.importorskip("skfolio.model_selection")
    n = 60
    theirs = selection.CombinatorialPurgedCV(5, 2, purged_size=2, embargo_size=1)
    found, ours = ranges_of(theirs, n), CombinatorialPurgedCV(5, 2, purge=2, embargo=1).ranges(n)
    assert listed(found) == listed(ours)
    assert found.path_of.tolist() == ours.path_of.tolist()
    assert found.folds.tolist() == ours.folds.tolist()
    calendar = selection.WalkForward(test_size=1, train_size=1, freq="MS")
    days = pd.date_range("2020-01-01", periods=100, freq="D")
    for times in (days, days.to_numpy(), days.as_unit("ns").asi8):
        assert listed(ranges_of(calendar, 100, times)) == listed(WalkForward(1, "month").ranges(100, times))
    with pytest.raises(BadInput, match=r"WalkForward refuses 60 rows.*DatetimeIndex"):
        ranges_of(calendar, n)
    randomized = selection.MultipleRandomizedCV(
        selection.WalkForward(test_size=10, train_size=20), n_subsamples=2, asset_subset_size=1, random_state=0
    )
    with pytest.raises(BadInput, match="MultipleRandomizedCV refuses"):  # it draws assets, and there are none
        ranges_of(randomized, n)
    peer = pytest.importorskip("purgedcv")
    bound = {"prediction_times": DAYS, "evaluation_times": DAYS + pd.Timedelta("3D")}
    theirs = peer.CombinatorialPurgedCV(5, 2, **bound)
    assert listed(ranges_of(theirs, n)) == listed(theirs.split(np.zeros((n, 1))))
    with pytest.raises(BadInput, match="refuses 59 rows"):
        ranges_of(theirs, 59)


def test_pairs_and_ranges_here():
    pairs = [([0, 1, 2, 5], [3, 4]), (np.arange(4), np.array([5, 7]))]
    found = ranges_of(pairs, 8)
    assert listed(found) == [(list(a), list(b)) for a, b in pairs]
    assert found.to_frame().to_dict("list") == {
        "train_start": [0, 0], "train_stop": [6, 4], "n_train": [4, 4], "train_ranges": [2, 1],
        "test_start": [3, 5], "test_stop": [5, 8], "n_test": [2, 2], "test_ranges": [1, 2],
    }  # fmt: skip
    assert found.cuts().tolist() == [0, 3, 4, 5, 6, 7, 8]
    assert ranges_of(found, 8) is found
    assert "rows tested at least once: 4, at most 1 times" in found.summary()
    assert SplitRanges(**found.to_dict()).to_dict() == found.to_dict()
    with pytest.raises(BadInput, match="of 8 rows, not of 9"):
        ranges_of(found, 9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([([0, 1], [1, 2])], "split 0 is tested on rows it is trained on .row 1"),
        ([([0, 1], [])], "split 0 has no test rows"),
        ([([], [1])], "split 0 has no train rows"),
        ([], "no split"),
        ([([0, 1], [3, 2])], "test rows of split 0 of list are not increasing .row 2 comes after row 3"),
        ([([0, 0], [3])], "not increasing"),
        ([([0], [8])], "go from 8 to 8 of 8"),
        ([([-1], [3])], "go from -1"),
        ([([0.0], [3])], "float64"),
        ([([True, False], [3])], "true or false.*flatnonzero"),
        ([([0], [3], [4])], "3 parts"),
        ([5], "int"),
        (5, "splits are given as 5"),
        ("month", "splits are given as 'month'"),
        (PurgedKFold, "is a class. Hint: give an instance"),
    ],
)
def test_what_is_no_split_is_refused(given, message):
    with pytest.raises(BadInput, match=message):
        ranges_of(given, 8)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train_stop": [0, 4]}, r"not sorted ranges.*\[0, 0\)"),
        ({"test_stop": [4, 7]}, "not sorted ranges within 6 rows"),
        ({"train_first": [0, 1]}, "train_first does not lead from 0 to 2"),
        ({"train_first": [0, 1, 1, 2]}, "split 1 has no train rows"),
        ({"train_start": [0]}, "shapes"),
        ({"train_start": [0.5, 1]}, "float64"),
        ({"test_first": [0, 2]}, "2 splits train and 1 are tested"),
        ({"path_of": [[0, 1]]}, "give both"),
        ({"path_of": [[0, 1]], "folds": [0, 6]}, "path_of has shape"),
        ({"path_of": [[0, 2]], "folds": [0, 3, 6]}, "outside 0 to 1"),
    ],
)
def test_ranges_check_themselves(changed, message):
    good = {
        "n_rows": 6, "train_start": [0, 0], "train_stop": [2, 4], "train_first": [0, 1, 2],
        "test_start": [2, 4], "test_stop": [4, 6], "test_first": [0, 1, 2],
    }  # fmt: skip
    assert SplitRanges(**good).n_splits == 2
    with pytest.raises(BadInput, match=message):
        SplitRanges(**{**good, **changed})


def test_times_are_looked_at_wherever_they_come_from():
    X = pd.DataFrame({"x": 0.0}, index=DAYS)
    cv = PurgedKFold(3, purge="2D")
    wanted = listed(PurgedKFold(3, purge=2).ranges(60))
    assert listed(cv.split(X)) == wanted
    assert listed(PurgedKFold(3, purge="2D", times=DAYS).split(X.to_numpy())) == wanted
    for times in (DAYS, DAYS.to_numpy(), DAYS.as_unit("ns").asi8, list(DAYS), DAYS.to_series(), DAYS.tz_localize("UTC"),
                  DAYS.to_numpy().astype("datetime64[D]"), [str(day) for day in DAYS]):  # fmt: skip
        assert listed(cv.ranges(60, times)) == wanted
    t1 = pd.Series(DAYS + pd.Timedelta("2D"), index=DAYS)  # AFML's t1 brings the times
    with_labels = listed(PurgedKFold(3, label_end=np.arange(60) + 2).ranges(60))
    assert listed(PurgedKFold(3, label_end=t1).ranges(60)) == with_labels
    part = X.iloc[10:40]  # an inner cross-validation sees some rows
    inner = listed(PurgedKFold(3, label_end=t1).split(part))
    assert inner == listed(PurgedKFold(3, label_end=np.arange(30) + 2).ranges(30))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (DAYS[::-1], "times go back: row 0 is 2020-02-29"),
        (DAYS.repeat(2)[:60], "times repeat: rows 0 and 1 are both 2020-01-01"),
        (DAYS[:50], "times has 50 values for 60 rows"),
        ([*DAYS[:59], pd.NaT], r"times has 1 NaT \(first at row 59\)"),
        ([*DAYS[:59], pd.Timestamp("2021-01-01", tz="UTC")], "no times of one zone"),
        ([*DAYS[:59].tz_localize("UTC"), pd.Timestamp("2021-01-01", tz="Asia/Tokyo")], "no times of one zone"),
        (np.linspace(0, 1, 60), "times are no times, but float64"),
        (["yesterday"] * 60, "no times of one zone"),
        (np.zeros((60, 2), dtype=np.int64), "shape"),
        (np.full(60, 5000, "datetime64[Y]"), "1678 to 2262"),
        ("2020-01-01", "no times, but str"),
    ],
)
def test_times_that_are_none_are_refused(times, message):
    for cv in (PurgedKFold(3), CombinatorialPurgedCV(4, 2), WalkForward(10, 5)):
        with pytest.raises(BadInput, match=message):
            cv.ranges(60, times)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PurgedKFold(1), "n_splits is 1"),
        (lambda: PurgedKFold(2.0), "n_splits is 2.0"),
        (lambda: PurgedKFold(61).ranges(60), "61 folds of 60 rows"),
        (lambda: PurgedKFold(5, embargo=12).ranges(60), "take 12 rows next to fold 0.*swallow"),
        (lambda: PurgedKFold(5, purge=12).ranges(60), "swallow"),
        (lambda: PurgedKFold(5, embargo=0.5).ranges(60), "swallow"),
        (lambda: PurgedKFold(5, embargo=1.0), "embargo is 1.0"),
        (lambda: PurgedKFold(5, purge=0.1), "purge is 0.1"),
        (lambda: PurgedKFold(5, purge=-1), "purge is -1"),
        (lambda: PurgedKFold(5, purge=True), "purge is True"),
        (lambda: PurgedKFold(5, embargo="1M"), "embargo is '1M'"),
        (lambda: PurgedKFold(5, embargo="-1D"), "embargo is '-1D'"),
        (lambda: PurgedKFold(5, embargo="5D").ranges(60), "embargo is a duration and the rows have no times"),
        (lambda: PurgedKFold(2, label_end=np.arange(60) + 60).ranges(60), "no train rows"),
        (lambda: PurgedKFold(5, label_end=np.arange(60) - 1).ranges(60), "60 labels end before the row"),
        (lambda: PurgedKFold(5, label_end=np.arange(59)).ranges(60), r"label_end has shape \(59,\)"),
        (lambda: PurgedKFold(5, label_end=DAYS.as_unit("ns").asi8).ranges(60, DAYS), "integers are rows"),
        (lambda: PurgedKFold(5, label_end=DAYS).ranges(60), "label_end holds times and the rows have none"),
        (lambda: PurgedKFold(5, label_end=DAYS - pd.Timedelta("1D")).ranges(60, DAYS), "labels end before"),
        (lambda: PurgedKFold(5, label_end=DAYS.tz_localize("UTC")).ranges(60, DAYS), "time zone"),
        (lambda: PurgedKFold(5, label_end=pd.Series(DAYS[:50], DAYS[:50])).ranges(60, DAYS), "none for 10 rows"),
        (lambda: PurgedKFold(5, times=DAYS).ranges(60, DAYS + pd.Timedelta("1D")), "differ .first at row 0"),
        (lambda: next(PurgedKFold(5).split(7)), "X is int"),
        (lambda: CombinatorialPurgedCV(5, 5), "leaves none to train on"),
        (lambda: CombinatorialPurgedCV(5, 0), "n_test_folds is 0"),
        (lambda: CombinatorialPurgedCV(40, 20), "137,846,528,820 splits"),
        (lambda: CombinatorialPurgedCV(5, 2).ranges(4), "5 folds of 4 rows"),
        (lambda: CombinatorialPurgedCV(3, 2, purge=2).ranges(11), "split 1 has no train rows"),
        (lambda: WalkForward(0, 5), "train is 0"),
        (lambda: WalkForward(5, 0), "test is 0"),
        (lambda: WalkForward("0D", 5), "train is '0D'"),
        (lambda: WalkForward("month", 5), "train is 'month'"),
        (lambda: WalkForward(5, "decade"), "test is 'decade'"),
        (lambda: WalkForward(5, "0 months"), "test is '0 months'"),
        (lambda: WalkForward(5, 2.0), "test is 2.0"),
        (lambda: WalkForward(5, 2, step="2D"), "give both in one unit"),
        (lambda: WalkForward(5, "month", step="30D"), "give both in one unit"),
        (lambda: WalkForward(5, 2, step=0), "step is 0"),
        (lambda: WalkForward(5, 2, anchor="middle"), "anchor is 'middle'"),
        (lambda: WalkForward(5, "month", anchor="end"), "the calendar places"),
        (lambda: WalkForward(5, 2, expanding=1), "expanding is 1"),
        (lambda: WalkForward(5, 2, n_windows=0), "n_windows is 0"),
        (lambda: WalkForward(5, 2, n_windows=40).ranges(60), "n_windows is 40, and 27 fit into 60 rows"),
        (lambda: WalkForward(50, 11).ranges(60), "no window of train 50 and test 11 fits into 60 rows. Hint"),
        (lambda: WalkForward(60, 1).ranges(60), "no window"),
        (lambda: WalkForward("365D", "5D").ranges(60, DAYS), r"no window.*2020-01-01.*2020-02-29"),
        (lambda: WalkForward(1, "month").ranges(60), "test is 'month' and the rows have no times"),
        (lambda: WalkForward("30D", 5).ranges(60), "train is '30D' and the rows have no times"),
        (lambda: WalkForward(3, "month").ranges(60, DAYS), "no window"),
        (lambda: WalkForward("3D", 1, purge=3).ranges(60, DAYS), "has no row"),
        (lambda: WalkForward(5, 2).get_n_splits(), "depends on the rows"),
    ],
)
def test_bad_splitters_are_refused(make, message):
    with pytest.raises(BadInput, match=message):
        make()


def test_durations_may_be_written_in_many_ways():
    wanted = listed(WalkForward("14D", "7D").ranges(60, DAYS))
    week = timedelta(days=7)
    for train, test in (("2W", "1W"), ("336h", "168 h"), (2 * week, week), (np.timedelta64(2, "W"), pd.Timedelta("7D")),
                        (np.timedelta64(20160, "m"), "10080min"), ("1209600s", np.timedelta64(7, "D"))):  # fmt: skip
        assert listed(WalkForward(train, test).ranges(60, DAYS)) == wanted
    assert len(wanted) == 6


def test_a_splitter_is_a_value():
    cv = WalkForward(10, "5D", purge=1, times=DAYS)
    assert repr(cv) == "WalkForward(train=10, test='5D', purge=1, times=<60>)"
    for twin in (copy.deepcopy(cv), pickle.loads(pickle.dumps(cv))):
        assert listed(twin.ranges(60)) == listed(cv.ranges(60))
    assert cv.to_dict()["times"][0].startswith("2020-01-01")
    with pytest.raises(AttributeError):
        cv.train = 3
    assert cv.get_n_splits() == cv.ranges(60).n_splits
    assert "SplitRanges(60 rows, 9 splits)" in cv.ranges(60)._repr_html_()


def test_what_follows_the_rows_changes_no_earlier_window():
    """No look-ahead: with fewer rows the windows that are left are the same."""
    ends = np.arange(60) + np.random.default_rng(3).integers(0, 6, 60)
    for cv, cut in ((WalkForward(10, 5, purge=1), None), (WalkForward("10D", "5D"), None), (WalkForward(10, 5), ends)):
        from dataclasses import replace

        whole = listed(replace(cv, label_end=cut).ranges(60, DAYS))
        part = listed(replace(cv, label_end=None if cut is None else cut[:40]).ranges(40, DAYS[:40]))
        assert part == whole[: len(part)]
        assert part
