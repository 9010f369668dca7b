"""Times of rows, however they come: as ns UTC and by the clock of their zone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

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


def is_index(thing: Any) -> bool:
    """Say whether something is a DatetimeIndex; pandas is not imported for it.

    Examples
    --------
    >>> is_index([1, 2])
    False
    """
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(thing, pandas.DatetimeIndex)


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
