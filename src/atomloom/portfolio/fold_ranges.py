"""Ranges of splits that take folds in combinations: what k-fold and combinatorial cross-validation share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.ranges import SplitRanges, firsts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.portfolio.clearance import Clearance

    Ints = NDArray[np.int64]


def split_folds(bounds: Ints, tests: Ints, clearance: Clearance) -> SplitRanges:
    """Give the ranges of splits that are tested on some folds and train on what is clear of them in the others.

    Parameters
    ----------
    bounds : (F + 1,) int64
        Where folds begin, and the end of the last.
    tests : (n_splits, k) int64
        Folds that each split is tested on, increasing.
    clearance : Clearance

    Returns
    -------
    splits : SplitRanges
        With one test range for each fold, and paths.

    Raises
    ------
    BadInput
        If purge and embargo swallow a whole fold, or nothing is left to train on.

    Notes
    -----
    Only the rows next to a fold's beginning and end depend on labels, so they are looked at once for each fold;
    each split then picks from F lists. Time is O(n + n_splits * F) and memory that of the ranges.

    Examples
    --------
    >>> from atomloom.portfolio.clearance import clearance_of
    >>> bounds, tests = np.array([0, 3, 6, 9]), np.array([[0], [1], [2]])
    >>> [train.tolist() for train, _ in split_folds(bounds, tests, clearance_of(9, None, None, 1, 0))]
    [[4, 5, 6, 7, 8], [0, 1, 7, 8], [0, 1, 2, 3, 4]]
    """
    n_splits, n_folds = len(tests), len(bounds) - 1
    clear = _clear_rows(bounds, clearance)
    tested = np.zeros((n_splits, n_folds + 2), dtype=np.bool_)  # a tested fold on either end closes runs of train folds
    tested[:, [0, -1]] = True
    tested[np.arange(n_splits)[:, None], tests + 1] = True
    reach = np.maximum.accumulate(np.where(tested[:, 1:-1], clear, 0), axis=1)
    split, low = np.nonzero(~tested[:, 1:] & tested[:, :-1])  # train folds low to high - 1 lie together
    high = np.nonzero(tested[:, 1:] & ~tested[:, :-1])[1]
    begin = bounds[low].copy()
    later = low > 0
    begin[later] = np.maximum(begin[later], reach[split[later], low[later] - 1])
    parts = _clipped(split, begin, high, bounds, clearance)
    rows = np.lexsort((parts[1], parts[0]))
    return SplitRanges(
        int(bounds[-1]),
        parts[1][rows], parts[2][rows], firsts(parts[0], n_splits),
        bounds[tests].ravel(), bounds[tests + 1].ravel(), np.arange(n_splits + 1) * tests.shape[1],
        paths_of(tests, n_folds), bounds,
    )  # fmt: skip


def paths_of(tests: Ints, n_folds: int) -> Ints:
    """Assign splits to paths in their order: the p-th split tested on fold f serves f on path p (AFML figure 12.1).

    Parameters
    ----------
    tests : (n_splits, k) int64
        Folds that each split is tested on; every fold as often.
    n_folds : int

    Returns
    -------
    path_of : (n_paths, n_folds) int64

    Examples
    --------
    >>> paths_of(np.array([[0, 1], [0, 2], [1, 2]]), 3)
    array([[0, 0, 1],
           [1, 2, 2]])
    """
    order = np.argsort(tests.ravel(), kind="stable")  # splits by fold, each fold's in their order
    return np.ascontiguousarray((order // tests.shape[1]).reshape(n_folds, -1).T)


def _clear_rows(bounds: Ints, clearance: Clearance) -> Ints:
    """First clear row behind each fold, once it is known that purge and embargo leave something of every fold."""
    least, found = int(np.diff(bounds).min()), []
    for fold, (start, stop) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        over, clear = clearance.after(start, stop)
        lost = max(clear - over, start - int(clearance.before(start, clearance.purge)[0]) if fold else 0)
        if len(bounds) > 2 and lost >= least:
            message = f"purge and embargo take {lost:,} rows next to fold {fold}, and a fold has {least:,}"
            raise BadInput(f"{message}: they swallow a whole one. Hint: take less, or fewer folds.")
        found.append(clear)
    return np.array(found, dtype=np.int64)


def _clipped(split: Ints, begin: Ints, high: Ints, bounds: Ints, clearance: Clearance) -> tuple[Ints, Ints, Ints]:
    """Cut runs of train rows from `begin` to fold `high` down to what is clear of the test that follows."""
    splits, starts, stops = [], [], []
    n_folds = len(bounds) - 1
    for fold in np.unique(high).tolist():
        if fold == n_folds:
            kept_start, kept_stop = np.array([0]), bounds[-1:]
        else:
            kept_start, kept_stop = clearance.kept_before(int(bounds[fold]), 0, clearance.purge)
        here = np.flatnonzero(high == fold)
        first = np.searchsorted(kept_stop, begin[here], side="right")
        count = len(kept_stop) - first
        run = np.repeat(np.arange(len(here)), count)
        place = np.arange(len(run)) - np.repeat(np.cumsum(count) - count, count) + first[run]
        splits.append(split[here[run]])
        starts.append(np.maximum(kept_start[place], begin[here[run]]))
        stops.append(kept_stop[place])
    return np.concatenate(splits), np.concatenate(starts), np.concatenate(stops)
