"""What splitters know of rows: their number, their times, and where their labels end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.row_times import RowTimes, is_index, take_times

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

FOREVER = 2**63 - 1


def times_for(bound: Any, seen: Any, n_rows: int) -> RowTimes | None:
    """Choose between times bound to a splitter and those that come with the data; they must agree.

    Raises
    ------
    BadInput
        If they differ, or are not one for each row.

    Examples
    --------
    >>> times_for(None, [1, 2], 2).ns
    array([1, 2])
    """
    own = None if bound is None else take_times(bound, "times", n_rows)
    other = None if seen is None else take_times(seen, "times", n_rows)
    if own is None or other is None:
        return other if own is None else own
    apart = np.flatnonzero(own.ns != other.ns)
    if len(apart):
        message = f"the splitter's times and those of the rows differ (first at row {apart[0]:,})"
        raise BadInput(f"{message}. Hint: leave out the splitter's, or give it the rows'.")
    return own


def rows_and_index(X: Any) -> tuple[int, Any]:
    """Count the rows of some data and give its index, where that is one of times.

    Raises
    ------
    BadInput
        For what has no rows.

    Examples
    --------
    >>> rows_and_index(np.zeros((3, 2)))
    (3, None)
    """
    shape = getattr(X, "shape", None)
    try:
        n_rows = int(shape[0]) if shape else len(X)
    except TypeError as error:
        raise BadInput(f"X is {type(X).__name__}, which has no rows. Hint: give an array or a frame.") from error
    return n_rows, X.index if is_index(getattr(X, "index", None)) else None


def label_ends(given: Any, rows: RowTimes | None, n_rows: int) -> tuple[Ints, RowTimes | None, bool]:
    """Take the ends of labels: as rows, or as times.

    Parameters
    ----------
    given : (n,) integers, or times, or a Series from the times of rows to times (t1 of AFML)
        The first row, or moment, that is no more part of the label.
    rows : RowTimes, optional
        Times of the rows; a Series brings its own.
    n_rows : int

    Returns
    -------
    ends : (n,) int64
    rows : RowTimes or None
    timed : bool
        Whether the ends are times.

    Raises
    ------
    BadInput
        For ends before their beginnings, of another number, in another zone, or times where rows have none.

    Examples
    --------
    >>> label_ends([2, 3, 4], None, 3)[0]
    array([2, 3, 4])
    """
    own = getattr(given, "index", None)
    raw = np.asarray(given) if getattr(given, "dtype", None) is None else given
    if not is_index(own) and getattr(raw.dtype, "kind", "O") in "iu":
        return _row_ends(np.asarray(raw), n_rows), rows, False
    if is_index(own):
        given, rows = _aligned(given, own, rows)
    ends = take_times(given, "label_end", n_rows, ordered=False)
    if rows is None:
        raise BadInput("label_end holds times and the rows have none. Hint: give times=, or whole rows.")
    if rows.zoned is not None and ends.zoned is not None and rows.zoned != ends.zoned:
        which = "label_end has a time zone and times have" if ends.zoned else "times have a time zone and label_end has"
        raise BadInput(f"{which} none. Hint: tz_convert both to UTC.")
    early = np.flatnonzero(ends.ns < rows.ns)
    if len(early):
        raise BadInput(_early(len(early), int(early[0])))
    return ends.ns, rows, True


def _row_ends(raw: NDArray[Any], n_rows: int) -> Ints:
    if raw.shape != (n_rows,):
        raise BadInput(f"label_end has shape {raw.shape} for {n_rows:,} rows. Hint: give one for each row.")
    ends = raw.astype(np.int64)
    early = np.flatnonzero(ends < np.arange(n_rows))
    if len(early):
        raise BadInput(_early(len(early), int(early[0])))
    if n_rows and int((ends - np.arange(n_rows)).max()) > n_rows:
        row = int((ends - np.arange(n_rows)).argmax())
        message = f"label_end of row {row:,} is row {int(ends[row]):,}, and there are {n_rows:,} rows"
        raise BadInput(f"{message}. Hint: integers are rows; give times as datetime64.")
    return ends


def _early(count: int, row: int) -> str:
    labels = "1 label ends" if count == 1 else f"{count:,} labels end"
    return f"{labels} before the row it is of (first at row {row:,}). Hint: label_end is where a label is over."


def _aligned(given: Any, own: Any, rows: RowTimes | None) -> tuple[Any, RowTimes]:
    """Bring a Series from times to ends to the rows' own times."""
    starts = take_times(own, "the index of label_end")
    if rows is None:
        return given.array, starts
    if rows.zoned is not None and starts.zoned != rows.zoned:
        raise BadInput("of times and the index of label_end one has a time zone. Hint: tz_convert both to UTC.")
    found = np.isin(rows.ns, starts.ns)
    if not found.all():
        row = int(np.argmin(found))
        message = f"label_end has none for {int(np.sum(~found)):,} rows (first is row {row:,})"
        raise BadInput(f"{message}. Hint: its index must hold the time of every row.")
    return given.array[np.searchsorted(starts.ns, rows.ns)], rows
