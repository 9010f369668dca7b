"""Splitters of others as ranges, and ours as others want them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.portfolio.ranges import SplitRanges, runs_of
from atomloom.portfolio.row_times import rows_and_index
from atomloom.portfolio.sizes import take_count
from atomloom.store.row_times import is_index, take_times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_TAKES = "a splitter with split(X), (train, test) pairs, or SplitRanges"


def ranges_of(splitter: Any, n_rows: int, times: Any = None) -> SplitRanges:
    """Give the splits of any splitter as ranges: ours, scikit-learn's, skfolio's, purgedcv's, or plain pairs.

    Parameters
    ----------
    splitter : splitter, iterable of (train, test), or SplitRanges
        What has ``ranges(n_rows, times)``, or ``split(X)`` as in scikit-learn, or gives pairs of sorted rows.
        Tests may be lists of folds, as in skfolio's combinatorial cross-validation; then its paths are kept.
    n_rows : int
        Rows to split.
    times : (n_rows,) int64 ns UTC, datetime64 or DatetimeIndex, optional
        Of the rows; splitters of others see them as the index of a frame.

    Returns
    -------
    splits : SplitRanges

    Raises
    ------
    BadInput
        For what is no splitter, what a splitter itself refuses, and rows that are not whole numbers, not sorted, not
        there, or in both train and test.

    Notes
    -----
    Splitters of others are run once on empty data: O(n_rows) time for each split, memory that of one.

    Examples
    --------
    >>> from atomloom.portfolio import WalkForward, ranges_of
    >>> ranges_of(WalkForward(4, 2), 10)
    SplitRanges(10 rows, 3 splits)
    >>> ranges_of([([0, 1, 2], [4, 5])], 6).test(0)
    array([4, 5])
    """
    n_rows = take_count(n_rows, "n_rows")
    if isinstance(splitter, SplitRanges):
        if splitter.n_rows != n_rows:
            raise BadInput(f"the splits are of {splitter.n_rows:,} rows, not of {n_rows:,}. Hint: split these rows.")
        return splitter
    name = type(splitter).__name__
    if isinstance(splitter, type):
        raise BadInput(f"{splitter.__name__} is a class. Hint: give an instance, {splitter.__name__}(...).")
    if callable(getattr(splitter, "ranges", None)):
        ours = splitter.ranges(n_rows, times)
        return ours if isinstance(ours, SplitRanges) else _gathered(iter(ours), name, n_rows)
    if callable(getattr(splitter, "split", None)) and not isinstance(splitter, (str, bytes)):
        splits = _gathered(_run(splitter, _dummy(n_rows, times), name), name, n_rows)
        return _with_paths(splits, splitter)
    if hasattr(splitter, "__iter__") and not isinstance(splitter, (str, bytes, dict)):
        return _gathered(iter(splitter), name, n_rows)
    raise BadInput(f"splits are given as {splitter!r}. Hint: give {_TAKES}.")


def skfolio_splitter(splitter: Any) -> Any:
    """Wrap combinatorial splits for skfolio's ``cross_val_predict``, which wants each test fold by itself.

    Raises
    ------
    MissingExtra
        Without skfolio.
    """
    base = need("skfolio.model_selection", extra="portfolio", why="its cross-validation").BaseCombinatorialCV

    def split(self: Any, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Ints, list[Ints]]]:  # noqa: ARG001
        splits = splitter.ranges(*rows_and_index(X))
        first = splits.test_first
        for k in range(splits.n_splits):
            tests = zip(*(part[first[k] : first[k + 1]].tolist() for part in (splits.test_start, splits.test_stop)),
                        strict=True)  # fmt: skip
            yield splits.train(k), [np.arange(start, stop) for start, stop in tests]

    def get_path_ids(self: Any) -> Ints:  # noqa: ARG001
        paths, tests = splitter.paths(), splitter.test_folds()
        ids: Ints = np.empty_like(tests)
        for fold in range(paths.shape[1]):
            ids[tests == fold] = np.arange(len(paths))  # the splits that are tested on it, in their order
        return ids

    body = {
        "split": split,
        "get_path_ids": get_path_ids,
        "get_n_splits": lambda self, X=None, y=None, groups=None: splitter.get_n_splits(),  # noqa: ARG005
        "__repr__": lambda self: f"{splitter!r}.to_skfolio()",  # noqa: ARG005
    }
    return type("CombinatorialPurgedCV", (base,), body)()


def _dummy(n_rows: int, times: Any) -> Any:
    """Give data without content, with times as its index."""
    if times is None:
        return np.zeros((n_rows, 1))
    import pandas as pd  # noqa: PLC0415 - heavy, and only where there are times

    taken = take_times(times, "times", n_rows)
    index = times if is_index(times) else pd.DatetimeIndex(taken.ns.view("datetime64[ns]"))
    return pd.DataFrame({"x": np.zeros(n_rows)}, index=index)


def _run(splitter: Any, X: Any, name: str) -> Iterator[Any]:
    try:
        yield from splitter.split(X)
    except (ValueError, TypeError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{name} refuses {len(X):,} rows: {error} Hint: see the documentation of {name}.") from error


def _gathered(pairs: Iterable[Any], name: str, n_rows: int) -> SplitRanges:
    """Turn pairs of rows into ranges as they come."""
    parts: dict[str, list[tuple[Ints, Ints]]] = {"train": [], "test": []}
    counts: dict[str, list[int]] = {"train": [0], "test": [0]}
    for k, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            seen = f"{len(pair)} parts" if isinstance(pair, (tuple, list)) else type(pair).__name__
            raise BadInput(f"split {k:,} of {name} has {seen}. Hint: a split is (train rows, test rows).")
        for side, rows in zip(parts, pair, strict=True):
            folds = rows if side == "test" and _is_list_of_folds(rows) else [rows]
            some = [runs_of(_checked(fold, f"{side} rows of split {k:,} of {name}", n_rows)) for fold in folds]
            parts[side] += some
            counts[side].append(sum(len(start) for start, _ in some))
    arrays = []
    for side, found in parts.items():
        starts, stops = ([run[end] for run in found] or [np.empty(0, dtype=np.int64)] for end in (0, 1))
        arrays += [np.concatenate(starts), np.concatenate(stops), np.cumsum(counts[side])]
    return SplitRanges(n_rows, *arrays)


def _is_list_of_folds(rows: Any) -> bool:
    return isinstance(rows, (list, tuple)) and bool(rows) and all(np.ndim(fold) == 1 for fold in rows)


def _checked(given: Any, what: str, n_rows: int) -> Ints:
    raw = np.asarray(given)
    if raw.ndim != 1 or (raw.dtype.kind not in "iu" and raw.size):
        kind = "true or false" if raw.dtype == np.bool_ else f"{raw.dtype} of shape {raw.shape}"
        raise BadInput(f"{what} are {kind}. Hint: give row numbers, as np.flatnonzero gives them.")
    rows = raw.astype(np.int64)
    if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < n_rows:
        raise BadInput(f"{what} go from {rows.min():,} to {rows.max():,} of {n_rows:,}. Hint: rows count from 0.")
    late = np.flatnonzero(rows[1:] <= rows[:-1])
    if len(late):
        k = int(late[0])
        message = f"{what} are not increasing (row {rows[k + 1]:,} comes after row {rows[k]:,})"
        raise BadInput(f"{message}. Hint: rows are in time; sort them, and do not shuffle or repeat.")
    return rows


def _with_paths(splits: SplitRanges, splitter: Any) -> SplitRanges:
    """Keep the paths of a combinatorial splitter that numbers them, where its test folds cover all rows."""
    if not callable(getattr(splitter, "get_path_ids", None)):
        return splits
    ids = np.asarray(splitter.get_path_ids())
    starts, fold = np.unique(splits.test_start, return_inverse=True)
    stops = np.unique(splits.test_stop)
    covers = len(starts) == len(stops) and starts[0] == 0 and stops[-1] == splits.n_rows
    if ids.size != len(fold) or not covers or (starts[1:] != stops[:-1]).any():
        return splits
    path_of = np.full((int(ids.max()) + 1, len(starts)), -1, dtype=np.int64)
    path_of[ids.ravel(), fold.ravel()] = np.repeat(np.arange(splits.n_splits), np.diff(splits.test_first))
    if (path_of < 0).any():
        return splits
    return replace(splits, path_of=path_of, folds=np.append(starts, stops[-1]))
