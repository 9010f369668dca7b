"""When rows are: times as ns UTC and by the clock of their zone, and where labels end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

FOREVER = 2**63 - 1
_NAT = -(2**63)
_HINT = "Hint: give int64 ns UTC, datetime64, or a DatetimeIndex"


class RowTimes(NamedTuple):
    """Times of rows.

    Attributes
    ----------
    ns : (n,) int64
        ns since 1970-01-01, UTC where the zone is known.
    wall : (n,) int64
        The same by the clock of the zone; for calendars.
    zoned : bool or None
        Whether they came with a zone; None of plain integers.
    """

    ns: Ints
    wall: Ints
    zoned: bool | None


def take_times(given: Any, name: str = "times", n_rows: int | None = None, *, ordered: bool = True) -> RowTimes:
    """Take times of rows, one each, strictly increasing.

    Parameters
    ----------
    given : (n,) int64 ns UTC, datetime64, DatetimeIndex, Series or list of times
    name : str
        Of the argument, for the message.
    n_rows : int, optional
        How many there should be.
    ordered : bool
        Whether they must increase from row to row.

    Raises
    ------
    BadInput
        For another number of them, what is no time, NaT, zones of which some are missing, times that repeat or go back.

    Examples
    --------
    >>> take_times(np.array(["2024-01-01", "2024-01-02"], "datetime64[D]")).ns // 86_400_000_000_000
    array([19723, 19724])
    >>> take_times([5, 5])
    Traceback (most recent call last):
    atomloom.errors.BadInput: times repeat: rows 0 and 1 are both 1970-01-01T00:00:00.000000005. Hint: one row per time.
    """
    taken = _from_any(given, name)
    if n_rows is not None and len(taken.ns) != n_rows:
        raise BadInput(f"{name} has {len(taken.ns):,} values for {n_rows:,} rows. Hint: give one for each row.")
    missing = np.flatnonzero(taken.ns == _NAT)
    if len(missing):
        raise BadInput(f"{name} has {len(missing):,} NaT (first at row {missing[0]:,}). Hint: drop those rows.")
    if ordered:
        late = np.flatnonzero(taken.ns[1:] <= taken.ns[:-1])
        if len(late):
            row = int(late[0])
            here, after = (np.datetime64(int(taken.ns[k]), "ns") for k in (row, row + 1))
            if here == after:
                raise BadInput(f"{name} repeat: rows {row:,} and {row + 1:,} are both {here}. Hint: one row per time.")
            raise BadInput(f"{name} go back: row {row:,} is {here} and row {row + 1:,} {after}. Hint: sort them.")
    return taken


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


def is_index(thing: Any) -> bool:
    """Say whether something is a DatetimeIndex; pandas is not imported for it.

    Examples
    --------
    >>> is_index([1, 2])
    False
    """
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(thing, pandas.DatetimeIndex)


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


def _from_any(given: Any, name: str) -> RowTimes:
    kind = getattr(getattr(given, "dtype", None), "kind", None)
    if isinstance(given, (list, tuple)) and given and all(isinstance(value, (int, np.integer)) for value in given):
        given, kind = np.array(given), "i"
    if isinstance(given, np.ndarray) and kind in {"i", "u"}:
        flat = _flat(given, name).astype(np.int64)
        return RowTimes(flat, flat, None)
    if isinstance(given, np.ndarray) and kind == "M":
        flat = _flat(given, name)
        ns = flat.astype("datetime64[ns]")
        if not (np.isnat(flat) | (ns.astype(flat.dtype) == flat)).all():
            raise BadInput(f"{name} leave the years 1678 to 2262, in which ns are counted. {_HINT}.")
        return RowTimes(ns.view(np.int64), ns.view(np.int64), zoned=False)
    return _from_pandas(given, name, kind)


def _from_pandas(given: Any, name: str, kind: str | None) -> RowTimes:
    import pandas as pd  # noqa: PLC0415 - heavy, and only for what needs it

    if kind in {"i", "u"}:  # an Index or Series of integers
        return _from_any(np.asarray(given), name)
    if kind in {"f", "b", "c", "m"} or isinstance(given, (str, bytes)):
        raise BadInput(f"{name} are no times, but {getattr(given, 'dtype', type(given).__name__)}. {_HINT}.")
    try:
        index = given if isinstance(given, pd.DatetimeIndex) else pd.DatetimeIndex(pd.to_datetime(_listed(given)))
        zoned = index.tz is not None
        ns = index.as_unit("ns").asi8
        wall = index.tz_localize(None).as_unit("ns").asi8 if zoned else ns
    except (ValueError, TypeError, OverflowError) as error:
        text = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise BadInput(f"{name} are no times of one zone: {text}. {_HINT}.") from error
    return RowTimes(np.asarray(ns, dtype=np.int64), np.asarray(wall, dtype=np.int64), zoned)


def _listed(given: Any) -> Any:
    values = getattr(given, "array", given)
    if getattr(values, "ndim", 1) != 1:
        raise TypeError("they are not one row of values")
    return list(values) if getattr(values, "dtype", None) is None or values.dtype == object else values


def _flat(given: NDArray[Any], name: str) -> NDArray[Any]:
    if given.ndim != 1:
        raise BadInput(f"{name} has shape {given.shape}. Hint: give one time for each row.")
    return given
