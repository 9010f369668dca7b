"""When the rows of a file are: dates and times in any form, as ns UTC."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.portfolio.price_tables import array_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_NAT = -(2**63)
_SLASHED = re.compile(r"\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\b")
_COMPACT = (1000_01_01, 9999_12_31)
_LEAST_SECONDS = 10**8  # of 1973; below are numbers of rows
_HINT = "Hint: dates like 2024-01-31, times like 2024-01-31T16:00:00Z"


def is_time(column: Any) -> bool:
    """Say whether a column of a file is typed as dates or times.

    Examples
    --------
    >>> import pyarrow as pa
    >>> is_time(pa.chunked_array([pa.array([1], pa.date32())]))
    True
    """
    types = need("pyarrow").types
    return bool(types.is_date(column.type) or types.is_timestamp(column.type))


def looks_like_time(column: Any) -> bool:
    """Say whether a column can be read as times: typed so, or with a text as its first value that is one.

    Examples
    --------
    >>> import pyarrow as pa
    >>> looks_like_time(pa.chunked_array([["31/01/2024"]])), looks_like_time(pa.chunked_array([[1.5]]))
    (True, False)
    """
    if is_time(column):
        return True
    first = next((value for value in column.slice(0, 100).to_pylist() if value is not None), None)
    if isinstance(first, int) and not isinstance(first, bool):
        return _COMPACT[0] <= first <= _COMPACT[1] or first >= 5 * _LEAST_SECONDS
    if not isinstance(first, str) or not any(letter.isdigit() for letter in first):
        return False
    try:
        return not np.isnat(np.datetime64(need("pandas").to_datetime(first, dayfirst=True).tz_localize(None)))
    except (ValueError, TypeError, OverflowError):
        return False


def moments_of(column: Any, path: Path, name: str, tz: str | None = None) -> Ints:
    """Give a column as ns since 1970-01-01 UTC.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Dates, timestamps, text, or whole numbers: dates as 20240131, else seconds, ms, us or ns since 1970 by their
        size.
    path, name
        For the message.
    tz : str, optional
        Zone of times that have none; UTC where not given.

    Raises
    ------
    BadInput
        For missing times, what is no time, and dates of which day and month cannot be told apart.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from pathlib import Path
    >>> moments_of(pa.chunked_array([[20240131, 20240201]]), Path("p.csv"), "day") // 86_400_000_000_000
    array([19753, 19754])
    """
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        seen = f"{path}: {name!r} has {column.null_count:,} missing times (first at row {row:,})"
        raise BadInput(f"{seen}. Hint: delete those rows.")
    arrow = need("pyarrow")
    kind = column.type
    where = f"{path}: {name!r}"
    if arrow.types.is_date(kind) or arrow.types.is_timestamp(kind):
        zoned = arrow.types.is_timestamp(kind) and kind.tz is not None
        try:
            found = array_of(column.cast(arrow.timestamp("ns", tz="UTC" if zoned else None)), arrow.int64())
        except arrow.ArrowInvalid:
            raise BadInput(f"{where} leaves the years 1678 to 2262, in which ns are counted. {_HINT}.") from None
        return found if zoned else localized(found, tz, where)
    if arrow.types.is_integer(kind):
        return _whole(array_of(column, arrow.int64()), tz, where)
    if arrow.types.is_string(kind) or arrow.types.is_large_string(kind):
        return _texts(column.to_pylist(), tz, where)
    raise BadInput(f"{where} holds no times, but {kind}. {_HINT}.")


def _whole(found: Ints, tz: str | None, where: str) -> Ints:
    if len(found) and (found >= _COMPACT[0]).all() and (found <= _COMPACT[1]).all():
        days = [f"{day // 10000:04d}-{day // 100 % 100:02d}-{day % 100:02d}" for day in found.tolist()]
        try:
            return localized(np.array(days, dtype="M8[D]").astype("M8[ns]").astype(np.int64), tz, where)
        except ValueError as error:
            raise BadInput(f"{where}: {error}. {_HINT}.") from None
    size = int(np.abs(found).max(initial=0))
    if size < _LEAST_SECONDS:
        raise BadInput(f"{where} holds small whole numbers, which are no times. {_HINT}.")
    for factor, largest in ((10**9, 10**11), (10**6, 10**14), (10**3, 10**17), (1, 2**63)):
        if size < largest:
            return found * factor
    return found


def _texts(texts: list[str], tz: str | None, where: str) -> Ints:
    pandas = need("pandas")
    dayfirst = _day_first(texts, where)
    zoned = bool(texts) and re.search(r"(?:Z|[+-]\d\d:?\d\d)\s*$", texts[0]) is not None and ":" in texts[0]
    more = {"dayfirst": dayfirst, "format": "mixed"} if dayfirst is not None else {"format": "ISO8601"}
    try:
        index = pandas.DatetimeIndex(pandas.to_datetime(texts, utc=zoned or None, **more))
    except (ValueError, TypeError, OverflowError):
        try:
            index = pandas.DatetimeIndex(pandas.to_datetime(texts, utc=zoned or None))
        except (ValueError, TypeError, OverflowError) as error:
            said = str(error).splitlines()[0].rstrip(".")
            raise BadInput(f"{where} holds what is no time: {said}. {_HINT}.") from None
    wall = np.asarray(index.tz_localize(None).as_unit("ns").asi8 if index.tz is None else index.as_unit("ns").asi8)
    if (wall == _NAT).any():
        raise BadInput(f"{where} holds what is no time (row {int(np.argmax(wall == _NAT)):,}). {_HINT}.")
    return wall if index.tz is not None else localized(wall, tz, where)


def _day_first(texts: list[str], where: str) -> bool | None:
    """Tell 31/01/2024 from 01/31/2024 by numbers above 12; None where dates are written otherwise."""
    found = [match for text in texts if (match := _SLASHED.match(text))]
    if not found:
        return None
    first, second = (max(int(match[k]) for match in found) for k in (1, 2))
    if first > 12 and second <= 12:
        return True
    if second > 12 and first <= 12:
        return False
    seen = f"{where}: {texts[0]!r} and the like may be day first or month first"
    raise BadInput(f"{seen}. {_HINT}.")


def localized(wall: Ints, tz: str | None, where: str) -> Ints:
    """Turn wall-clock ns of a zone into ns UTC.

    Raises
    ------
    BadInput
        For an unknown zone, and times that its clock shows twice or never.

    Examples
    --------
    >>> localized(np.array([0]), "America/New_York", "p.csv") // 3_600_000_000_000
    array([5])
    """
    if tz is None or tz.upper() == "UTC":
        return wall
    from atomloom.store.clock import localize, zone_table  # noqa: PLC0415 - only where there is a zone

    found, states = localize(wall, zone_table(tz))
    if states.any():
        row = int(np.argmax(states != 0))
        moment = np.datetime64(int(wall[row]) // 10**9, "s")
        raise BadInput(f"{where}: the clock of {tz} shows {moment} twice or never. Hint: give times in UTC.")
    return np.asarray(found, dtype=np.int64)
