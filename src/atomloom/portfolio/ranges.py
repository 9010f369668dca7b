"""Splits as ranges of rows: the form in which every splitter meets the sweep."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Ints = NDArray[np.int64]

SIDES = ("train", "test")


@dataclass(frozen=True, eq=False, repr=False)
class SplitRanges:
    """Train and test rows of each split, as half-open ranges [start, stop).

    Split k trains on the ranges ``train_first[k]`` to ``train_first[k + 1] - 1`` and is tested on those that
    ``test_first`` tells. Ranges of a split are sorted and do not overlap; they may touch: a test range is a fold where
    splits are made of folds. Memory is that of the ranges, whatever the number of rows; checking them is O(R log R).

    Parameters
    ----------
    n_rows : int
        Rows that are split.
    train_start, train_stop : (R,) integers
    train_first : (n_splits + 1,) integers
    test_start, test_stop : (Q,) integers
    test_first : (n_splits + 1,) integers
    path_of : (n_paths, F) integers, optional
        Number of the split that is tested on fold f and serves it on path p.
    folds : (F + 1,) integers, optional
        Where the folds begin, and the end of the last; needed with paths.

    Raises
    ------
    BadInput
        For ranges that are empty, out of order, overlapping or out of the rows, a split that trains or is tested on
        nothing or is tested on what it is trained on, and paths that lead to splits that are not there.

    Examples
    --------
    >>> splits = SplitRanges(6, [0, 0], [2, 4], [0, 1, 2], [2, 4], [4, 6], [0, 1, 2])
    >>> splits
    SplitRanges(6 rows, 2 splits)
    >>> splits.train(1), splits.test(1), splits.cuts()
    (array([0, 1, 2, 3]), array([4, 5]), array([0, 2, 4, 6]))
    """

    n_rows: int
    train_start: Ints
    train_stop: Ints
    train_first: Ints
    test_start: Ints
    test_stop: Ints
    test_first: Ints
    path_of: Ints | None = None
    folds: Ints | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_rows", int(self.n_rows))
        for field in fields(self)[1:]:
            given = getattr(self, field.name)
            if given is not None:
                object.__setattr__(self, field.name, _frozen(given, field.name))
        for side in SIDES:
            self._check_side(side)
        if len(self.train_first) != len(self.test_first):
            message = f"{len(self.train_first) - 1} splits train and {len(self.test_first) - 1} are tested"
            raise BadInput(f"{message}. Hint: one entry of train_first and of test_first for each split, and one more.")
        self._check_apart()
        self._check_paths()

    def _check_side(self, side: str) -> None:
        start, stop, first = (getattr(self, f"{side}_{name}") for name in ("start", "stop", "first"))
        if not (start.ndim == stop.ndim == first.ndim == 1 and len(start) == len(stop) and len(first)):
            shapes = f"{start.shape}, {stop.shape}, {first.shape}"
            raise BadInput(f"{side} ranges have shapes {shapes}. Hint: R starts, R stops, n_splits + 1 firsts.")
        if len(first) == 1:
            raise BadInput("there is no split. Hint: give at least one.")
        if first[0] != 0 or first[-1] != len(start) or (first[1:] < first[:-1]).any():
            raise BadInput(f"{side}_first does not lead from 0 to {len(start):,}. Hint: it counts ranges.")
        empty = np.flatnonzero(first[1:] == first[:-1])
        if len(empty):
            more = f" and {len(empty) - 1:,} more have" if len(empty) > 1 else " has"
            message = f"split {empty[0]:,}{more} no {side} rows"
            raise BadInput(f"{message}. Hint: purge and embargo less, or split into fewer, longer parts.")
        bad = (start >= stop) | (start < 0) | (stop > self.n_rows)
        split = self._split_of(side)
        bad[1:] |= (split[1:] == split[:-1]) & (start[1:] < stop[:-1])
        if bad.any():
            k = int(np.argmax(bad))
            message = f"{side} rows of split {split[k]:,} are not sorted ranges within {self.n_rows:,} rows"
            raise BadInput(f"{message} (at [{start[k]}, {stop[k]})). Hint: sort rows, each once, from 0.")

    def _check_apart(self) -> None:
        split = np.concatenate([self._split_of("train"), self._split_of("test")])
        start = np.concatenate([self.train_start, self.test_start])
        stop = np.concatenate([self.train_stop, self.test_stop])
        order = np.argsort(split * (self.n_rows + 1) + start, kind="stable")
        split, start, stop = split[order], start[order], stop[order]
        bad = (split[1:] == split[:-1]) & (start[1:] < stop[:-1])
        if bad.any():
            k = int(np.argmax(bad))
            message = f"split {split[k]:,} is tested on rows it is trained on (row {start[k + 1]:,} is one)"
            raise BadInput(f"{message}. Hint: take test rows out of the train rows.")

    def _check_paths(self) -> None:
        if (self.path_of is None) != (self.folds is None):
            raise BadInput("of path_of and folds one is given. Hint: paths lead through folds; give both.")
        if self.path_of is None or self.folds is None:
            return
        if self.path_of.ndim != 2 or self.folds.shape != (self.path_of.shape[1] + 1,):
            message = f"path_of has shape {self.path_of.shape} and folds {self.folds.shape}"
            raise BadInput(f"{message}. Hint: a column of path_of for each fold, and an end of the last fold.")
        if self.path_of.size and not 0 <= self.path_of.min() <= self.path_of.max() < self.n_splits:
            raise BadInput(f"path_of leads to splits outside 0 to {self.n_splits - 1:,}. Hint: it holds their numbers.")

    def _split_of(self, side: str) -> Ints:
        """Give the number of the split of each range."""
        first = getattr(self, f"{side}_first")
        return np.repeat(np.arange(len(first) - 1), np.diff(first))

    @property
    def n_splits(self) -> int:
        """How many splits there are."""
        return len(self.train_first) - 1

    @property
    def n_paths(self) -> int:
        """How many paths lead through all folds; 0 where splits make no paths."""
        return 0 if self.path_of is None else len(self.path_of)

    @property
    def n_train(self) -> Ints:
        """Train rows of each split, (n_splits,) int64."""
        return np.add.reduceat(self.train_stop - self.train_start, self.train_first[:-1])

    @property
    def n_test(self) -> Ints:
        """Test rows of each split, (n_splits,) int64."""
        return np.add.reduceat(self.test_stop - self.test_start, self.test_first[:-1])

    def train(self, k: int) -> Ints:
        """Give the train rows of split k, int64, sorted."""
        return self._rows("train", k)

    def test(self, k: int) -> Ints:
        """Give the test rows of split k, int64, sorted."""
        return self._rows("test", k)

    def _rows(self, side: str, k: int) -> Ints:
        if not -self.n_splits <= k < self.n_splits:
            raise IndexError(f"split {k} of {self.n_splits}")
        first = getattr(self, f"{side}_first")
        part = slice(first[k % self.n_splits], first[k % self.n_splits + 1])
        return rows_of(getattr(self, f"{side}_start")[part], getattr(self, f"{side}_stop")[part])

    def cuts(self) -> Ints:
        """Give where any range begins or ends, with 0 and n_rows: every range is a union of what lies between cuts."""
        ends = (self.train_start, self.train_stop, self.test_start, self.test_stop)
        folds = np.empty(0, dtype=np.int64) if self.folds is None else self.folds
        return np.unique(np.concatenate([*ends, folds, np.array([0, self.n_rows], dtype=np.int64)]))

    def segments(self) -> SplitRanges:
        """Give the same splits in segments: segment g is the rows from cut g to cut g + 1."""
        cuts = self.cuts()

        def places(rows: Ints | None) -> Any:
            return None if rows is None else np.searchsorted(cuts, rows)

        return SplitRanges(
            len(cuts) - 1,
            places(self.train_start), places(self.train_stop), self.train_first,
            places(self.test_start), places(self.test_stop), self.test_first,
            self.path_of, places(self.folds),
        )  # fmt: skip

    def __len__(self) -> int:
        return self.n_splits

    def __iter__(self) -> Iterator[tuple[Ints, Ints]]:
        """Give (train, test) of each split as rows, as scikit-learn takes for ``cv``."""
        return ((self.train(k), self.test(k)) for k in range(self.n_splits))

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values, ready for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}

    def to_frame(self) -> pd.DataFrame:
        """Give a row for each split: how many train and test rows in how many ranges, and where they begin and end."""
        import pandas as pd  # noqa: PLC0415 - heavy, and only wanted here

        columns = {}
        for side in SIDES:
            start, stop, first = (getattr(self, f"{side}_{name}") for name in ("start", "stop", "first"))
            columns[f"{side}_start"], columns[f"{side}_stop"] = start[first[:-1]], stop[first[1:] - 1]
            columns[f"n_{side}"] = self.n_train if side == "train" else self.n_test
            columns[f"{side}_ranges"] = np.diff(first)
        return pd.DataFrame(columns).rename_axis("split")

    def summary(self) -> str:
        """Say in some lines how the rows are split."""
        splits = "1 split" if self.n_splits == 1 else f"{self.n_splits:,} splits"
        lines = [f"{splits} of {self.n_rows:,} rows, {len(self.cuts()) - 1:,} segments"]
        for side, sizes in (("train", self.n_train), ("test", self.n_test)):
            least, most = int(sizes.min()), int(sizes.max())
            lines.append(f"{side} rows: {least:,}" + ("" if least == most else f" to {most:,}"))
        tested = np.zeros(self.n_rows + 1, dtype=np.int64)
        np.add.at(tested, self.test_start, 1)
        np.add.at(tested, self.test_stop, -1)
        times = np.cumsum(tested)[:-1]
        lines.append(f"rows tested at least once: {int((times > 0).sum()):,}, at most {int(times.max())} times")
        if self.path_of is not None:
            lines.append(f"{self.n_paths:,} paths through {self.path_of.shape[1]:,} folds")
        return "\n".join(lines)

    def __repr__(self) -> str:
        splits = "1 split" if self.n_splits == 1 else f"{self.n_splits:,} splits"
        paths = "" if self.path_of is None else f", {self.n_paths:,} path{'s' if self.n_paths != 1 else ''}"
        return f"SplitRanges({self.n_rows:,} rows, {splits}{paths})"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.to_frame().to_html(max_rows=20)}"


def rows_of(start: Ints, stop: Ints) -> Ints:
    """Give the rows of ranges, one after the other.

    Examples
    --------
    >>> rows_of(np.array([0, 5]), np.array([2, 7]))
    array([0, 1, 5, 6])
    """
    if len(start) == 1:
        return np.arange(start[0], stop[0])
    length = stop - start
    shift: Ints = np.repeat(start - (np.cumsum(length) - length), length)
    return np.arange(int(length.sum())) + shift


def runs_of(rows: Ints) -> tuple[Ints, Ints]:
    """Give the ranges that increasing rows make up, the longest possible.

    Examples
    --------
    >>> runs_of(np.array([0, 1, 5, 6]))
    (array([0, 5]), array([2, 7]))
    """
    if not len(rows):
        return rows, rows
    last = np.append(np.flatnonzero(np.diff(rows) != 1), len(rows) - 1)
    return rows[np.append(0, last[:-1] + 1)], rows[last] + 1


def firsts(split: Ints, n_splits: int) -> Ints:
    """Give where the ranges of each split begin, from the number of the split of each range, (n_splits + 1,) int64.

    Examples
    --------
    >>> firsts(np.array([0, 0, 2]), 3)
    array([0, 2, 2, 3])
    """
    first = np.zeros(n_splits + 1, dtype=np.int64)
    np.cumsum(np.bincount(split, minlength=n_splits), out=first[1:])
    return first


def _frozen(given: ArrayLike, name: str) -> Ints:
    raw = np.asarray(given)
    if raw.dtype.kind not in "iu" and raw.size:
        raise BadInput(f"{name} holds {raw.dtype}. Hint: give whole numbers.")
    own = np.array(raw, dtype=np.int64, order="C")
    own.flags.writeable = False
    return own
