"""Walk-forward: train on a window, test on the rows behind it, move on."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.calendar_starts import MONTHS
from atomloom.portfolio.clearance import Clearance, clearance_of
from atomloom.portfolio.ranges import SplitRanges, firsts
from atomloom.portfolio.row_times import label_ends, rows_and_index, times_for
from atomloom.portfolio.sizes import Size, take_count, take_size
from atomloom.portfolio.telling import as_dict, as_text
from atomloom.portfolio.windows import Sizes, Windows, place_windows
from atomloom.store.row_times import take_times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from atomloom.store.row_times import RowTimes

    Ints = NDArray[np.int64]

ANCHORS = ("start", "end")


@dataclass(frozen=True, eq=False, repr=False)
class WalkForward:
    """Train on a window, test on the one behind it, and move on by a step: rolling or expanding.

    Sizes are rows (252), durations ("365D", "52W") or, of tests, calendar periods ("month", "3 months", "quarter",
    "year", "week"; by the clock of the index's zone). A period counts once the rows reach its beginning and its end:
    a first month that the rows enter late does not, nor does a last one that no later row follows (as in skfolio). Of
    a duration the last row is taken to last as long as the median row.

    Parameters
    ----------
    train : int or duration
        Length of the train window; of the first where it expands. With calendar tests an int counts such periods.
    test : int, duration or period
        Length of a test window.
    step : int or duration, optional
        From one test window to the next, in the unit of `test` (periods where that is one); `test` where not given,
        so that test windows follow each other.
    expanding : bool
        Train from the first row on.
    purge : int or duration
        Gap between train and test. In rows it moves the test away from a train window of rows, and shortens a train
        window of time (both as in skfolio).
    embargo : int, duration or share of the rows
        A further gap, behind the purge: nothing after a test is trained on here, so that it acts before it.
    n_windows : int, optional
        Only the last so many test windows.
    anchor : {"start", "end"}
        Windows are laid from the first row on, or so that the last test window ends with the last row (as in
        scikit-learn's TimeSeriesSplit). Periods are where the calendar has them.
    keep_last : bool
        Keep a last test window that the rows do not fill; it is dropped otherwise.
    label_end : (n,) int64 rows or times, or Series from times to times, optional
        Where the label of each row is over: rows whose labels reach the test window are not trained on.
    times : (n,) int64 ns UTC, datetime64 or DatetimeIndex, optional
        Times of rows, increasing; those of a frame's index where not given.

    Raises
    ------
    BadInput
        For sizes that are none, durations or periods where rows have no times, windows longer than the rows, fewer than
        `n_windows` windows, a train window without rows, and times that repeat or go back.

    Notes
    -----
    Window k of rows tests ``[train + gap + k * step, ... + test)`` and trains on the `train` rows before the gap.
    A train window of time holds the row in force at its beginning (the last that began at it or before) and all
    later ones. A test window in which no row lies is left out. O(n + windows); with labels, the sum of the windows.
    Equal to skfolio's WalkForward in rows and periods, to scikit-learn's TimeSeriesSplit with ``anchor="end"``.

    Examples
    --------
    >>> splits = WalkForward(4, 2, purge=1).ranges(10)
    >>> [(train.tolist(), test.tolist()) for train, test in splits]
    [([0, 1, 2, 3], [5, 6]), ([2, 3, 4, 5], [7, 8])]
    >>> days = np.arange("2023-12-31", "2024-07-01", dtype="datetime64[D]")
    >>> WalkForward(2, "month", n_windows=2, times=days).ranges(len(days)).n_test
    array([30, 31])
    """

    train: Any
    test: Any
    _: KW_ONLY
    step: Any = None
    expanding: bool = False
    purge: Any = 0
    embargo: Any = 0
    n_windows: int | None = None
    anchor: str = "start"
    keep_last: bool = False
    label_end: Any = None
    times: Any = None

    def __post_init__(self) -> None:
        sizes = self._sizes()
        take_size(self.purge, "purge", least=0)
        take_size(self.embargo, "embargo", least=0, share=True)
        if self.n_windows is not None:
            object.__setattr__(self, "n_windows", take_count(self.n_windows, "n_windows"))
        if self.anchor not in ANCHORS:
            raise BadInput(f"anchor is {self.anchor!r}. Hint: one of {', '.join(ANCHORS)}.")
        for name in ("expanding", "keep_last"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise BadInput(f"{name} is {getattr(self, name)!r}. Hint: true or false.")
        if _is_period(sizes.test) and self.anchor == "end":
            raise BadInput(f"anchor is 'end' with tests of a {sizes.test.kind}. Hint: the calendar places periods.")

    def _sizes(self) -> Sizes:
        """Take train, test and step in units that fit each other."""
        train, test = take_size(self.train, "train"), take_size(self.test, "test", period=True)
        if _is_period(test):
            train = Size(test.kind, train.amount * test.amount) if train.kind == "rows" else train
        if self.step is None:
            return Sizes(train, test, test, bool(self.expanding))
        step = take_size(self.step, "step")
        if _is_period(test) and step.kind == "rows":
            step = Size(test.kind, step.amount * test.amount)
        if step.kind != test.kind:
            raise BadInput(f"step is {self.step!r} and test {self.test!r}. Hint: give both in one unit.")
        return Sizes(train, test, step, bool(self.expanding))

    def ranges(self, n_rows: int, times: Any = None) -> SplitRanges:
        """Give the splits of so many rows.

        Parameters
        ----------
        n_rows : int
        times : (n_rows,) times, optional
            Of the rows, where the splitter was given none.
        """
        n_rows = take_count(n_rows, "n_rows")
        sizes, when = self._sizes(), times_for(self.times, times, n_rows)
        if when is None and self.label_end is not None:
            when = label_ends(self.label_end, None, n_rows)[1]
        for name, size in (("test", sizes.test), ("train", sizes.train)):
            if size.kind != "rows" and when is None:
                given = getattr(self, name)
                raise BadInput(f"{name} is {given!r} and the rows have no times. Hint: give times=, or whole rows.")
        clearance = clearance_of(n_rows, when, self.label_end, self.purge, self.embargo)
        windows = place_windows(sizes, clearance, when, self.anchor == "end")
        return self._assembled(self._chosen(windows, n_rows, when), clearance)

    def _chosen(self, windows: Windows, n_rows: int, when: RowTimes | None) -> Windows:
        """Leave out what is not complete, not wanted, or without rows."""
        full = windows.complete.copy()
        if self.keep_last and not full.all():
            full[int(np.argmin(full))] = True  # the first that the rows do not fill
        windows = windows.of(full & (windows.test_stop > windows.test_start))
        count = len(windows.test_start)
        if not count:
            span = f"{n_rows:,} rows"
            if when is not None:
                first, last = (np.datetime64(int(moment), "s") for moment in when.wall[[0, -1]] // 10**9)
                span += f" ({first} to {last})"
            message = f"no window of train {self.train!r} and test {self.test!r} fits into {span}"
            raise BadInput(f"{message}. Hint: shorten them, or keep_last=True for one that the rows do not fill.")
        if self.n_windows is not None:
            if count < self.n_windows:
                message = f"n_windows is {self.n_windows:,}, and {count:,} fit into {n_rows:,} rows"
                raise BadInput(f"{message}. Hint: ask for fewer, or shorten train or test.")
            windows = windows.of(slice(count - self.n_windows, None))
        empty = np.flatnonzero(windows.train_stop <= windows.train_start)
        if len(empty):
            message = f"the train window of test rows from {windows.test_start[empty[0]]:,} on has no row"
            raise BadInput(f"{message}. Hint: lengthen train, or purge less.")
        return windows

    def _assembled(self, windows: Windows, clearance: Clearance) -> SplitRanges:
        """Take the rows with too long labels out of the train windows."""
        count = np.arange(len(windows.test_start) + 1)
        start, stop, first = windows.train_start, windows.train_stop, count
        if clearance.end is not None:
            gaps = (clearance.purge, clearance.embargo)
            kept = [
                clearance.kept_before(int(row), int(low), *gaps)
                for row, low in zip(windows.test_start, start, strict=True)
            ]
            start, stop = (np.concatenate([run[end] for run in kept]) for end in (0, 1))
            first = firsts(np.repeat(count[:-1], [len(run[0]) for run in kept]), len(kept))
        return SplitRanges(len(clearance.begin), start, stop, first, windows.test_start, windows.test_stop, count)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Ints, Ints]]:  # noqa: ARG002
        """Give (train, test) rows of each split; `y` and `groups` are not looked at."""
        yield from self.ranges(*rows_and_index(X))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002
        """Give the number of splits, which depends on the rows.

        Raises
        ------
        BadInput
            Without X, where neither `n_windows` nor `times` tell.
        """
        if X is not None:
            return self.ranges(*rows_and_index(X)).n_splits
        if self.n_windows is not None:
            return self.n_windows
        if self.times is not None:
            return self.ranges(len(take_times(self.times).ns)).n_splits
        raise BadInput("the number of windows depends on the rows. Hint: give X, or set n_windows.")

    def to_dict(self) -> dict[str, Any]:
        """Give all parameters as plain values."""
        return as_dict(self)

    def __repr__(self) -> str:
        return as_text(self)


def _is_period(size: Size) -> bool:
    return size.kind == "week" or size.kind in MONTHS
