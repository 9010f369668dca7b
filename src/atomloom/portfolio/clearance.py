"""What is kept clear of test rows: labels that overlap theirs, a purge on both sides, then an embargo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.ranges import runs_of
from atomloom.portfolio.row_times import FOREVER, label_ends
from atomloom.portfolio.sizes import Size, take_size

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from atomloom.store.row_times import RowTimes

    Ints = NDArray[np.int64]

GAPS = ("purge", "embargo")


@dataclass(frozen=True, eq=False, repr=False)
class Clearance:
    """Which train rows are too near to test rows (AFML 7.4: purging and embargo).

    The label of row i lasts from its beginning up to, and without, its end; where no ends are given, up to the next
    row. A purge widens the test rows' labels on both sides. An embargo begins where the purge behind them ends, so
    that the two add up. Labels that touch do not overlap (as in AFML snippet 7.3; for the closed intervals of snippet
    7.1 let labels end one later).

    Attributes
    ----------
    begin : (n,) int64
        Where the label of each row begins: rows, or ns.
    end : (n,) int64 or None
        Where it ends, in the same unit; None where it lasts up to the next row.
    purge, embargo : Size
        In rows or ns; ns only where `begin` is.
    """

    begin: Ints
    end: Ints | None
    purge: Size
    embargo: Size

    def before(self, row: ArrayLike, *gaps: Size) -> tuple[Ints, Ints]:
        """Step back from test rows by gaps, one after the other, with no regard to given label ends.

        Parameters
        ----------
        row : int or (K,) int64
        *gaps : Size

        Returns
        -------
        stop : like row, int64
            Rows from here up to the test row are too near.
        moment : like row, int64
            Labels that end later than this are too long.
        """
        stop = np.asarray(row, dtype=np.int64)
        moment = self.begin[stop]
        for gap in gaps:
            if gap.kind == "rows":
                stop = np.maximum(stop - int(gap.amount), 0)
                moment = np.minimum(moment, self.begin[stop])
            else:
                moment = moment - int(gap.amount)
                stop = np.minimum(stop, self._first_after(moment))
        return stop, moment

    def _first_after(self, moment: Ints) -> Ints:
        """Give the first row that lasts longer than up to a moment."""
        if self.end is not None:
            return np.searchsorted(self.begin, moment)
        return np.searchsorted(self.begin[1:], moment, side="right")

    def kept_before(self, row: int, low: int, *gaps: Size) -> tuple[Ints, Ints]:
        """Give the ranges of rows from `low` on that are clear of a test that begins at a row; O(row) with labels."""
        stop, moment = (int(bound) for bound in self.before(row, *gaps))
        if self.end is None:
            some = np.array([low, stop][: 2 * (low < stop)], dtype=np.int64)
            return some[:1], some[1:]
        return runs_of(low + np.flatnonzero(self.end[low : max(stop, low)] <= moment))

    def after(self, start: int, stop: int) -> tuple[int, int]:
        """Step forward from test rows [start, stop): over their labels, then over purge and embargo.

        Returns
        -------
        over : int
            First row that no label of them reaches.
        clear : int
            First row behind purge and embargo; n where there is none.
        """
        n = len(self.begin)
        if stop >= n:
            return n, n
        moment = int(self.begin[stop]) if self.end is None else int(self.end[start:stop].max())
        over = clear = max(stop, int(np.searchsorted(self.begin, moment)))
        for gap in (self.purge, self.embargo):
            if gap.kind == "rows":
                clear = min(n, clear + int(gap.amount))
                if gap.amount:
                    moment = int(self.begin[clear]) if clear < n else FOREVER
            else:
                moment = min(moment + int(gap.amount), FOREVER)
                clear = max(clear, int(np.searchsorted(self.begin, moment)))
        return over, clear


def clearance_of(n_rows: int, times: RowTimes | None, label_end: Any, purge: Any, embargo: Any) -> Clearance:
    """Bring labels, purge and embargo to one unit: rows where all are rows, ns elsewhere.

    Parameters
    ----------
    n_rows : int
    times : RowTimes, optional
    label_end : (n,) integers or times, optional
    purge, embargo : int, duration; embargo also a share of the rows below 1

    Raises
    ------
    BadInput
        For durations or times where rows have no times, and what :func:`label_ends` refuses.

    Examples
    --------
    >>> clearance_of(10, None, None, 1, 2).after(3, 5)
    (5, 8)
    """
    gaps = [take_size(given, name, least=0, share=name == "embargo").rows(n_rows)
            for name, given in zip(GAPS, (purge, embargo), strict=True)]  # fmt: skip
    ends, timed = None, False
    if label_end is not None:
        ends, times, timed = label_ends(label_end, times, n_rows)
    for name, gap in zip(GAPS, gaps, strict=True):
        if gap.kind == "ns" and times is None:
            raise BadInput(f"{name} is a duration and the rows have no times. Hint: give times=, or whole rows.")
    if times is None or not (timed or any(gap.kind == "ns" for gap in gaps)):
        return Clearance(np.arange(n_rows), ends, *gaps)
    if ends is not None and not timed:
        ends = np.append(times.ns, FOREVER)[np.minimum(ends, n_rows)]
    return Clearance(times.ns, ends, *gaps)
