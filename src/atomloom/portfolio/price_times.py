"""When the rows of a file are: dates and times in any form, as ns UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.portfolio.price_tables import array_of
from atomloom.portfolio.price_texts import is_clock, is_moment, parsed

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_NAT = -(2**63)
_COMPACT = (1000_01_01, 9999_12_31)
_HOURS = 2400
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
    return isinstance(first, str) and is_moment(first)


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
        For missing times, what is no time, and dates of which day, month and year cannot be told apart.

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


def with_clock(day: Any, clock: Any, path: Path, name: str, tz: str | None = None) -> Ints | None:
    """Put dates and times of day together; None if the second column has none.

    Parameters
    ----------
    day : pyarrow.ChunkedArray
        As of :func:`moments_of`.
    clock : pyarrow.ChunkedArray
        Times of day, text such as 9:30 or 4:00 PM, or whole numbers as 93000 or 930.
    path, name, tz
        As of :func:`moments_of`.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from pathlib import Path
    >>> day, clock = pa.chunked_array([["2024.01.31"]]), pa.chunked_array([[93000]])
    >>> with_clock(day, clock, Path("p.csv"), "date").astype("M8[ns]").astype("M8[m]")
    array(['2024-01-31T09:30'], dtype='datetime64[m]')
    """
    arrow = need("pyarrow")
    types, kind = arrow.types, clock.type
    if clock.null_count:
        return None
    since: Any = None
    if types.is_time(kind):
        since = array_of(clock.cast(arrow.time64("ns")), arrow.int64())
    elif types.is_integer(kind):
        since = _since_midnight(array_of(clock, arrow.int64()))
    elif types.is_string(kind) and is_clock(clock[0].as_py()):
        texts = [f"1970-01-01 {text}" for text in clock.to_pylist()]
        since = _texts(texts, None, f"{path}: times of day")
    if since is None:
        return None
    return localized(moments_of(day, path, name) + since, tz, f"{path}: {name!r}")


def _since_midnight(found: Ints) -> Ints | None:
    """Read whole numbers as HHMMSS, or HHMM where none is larger; None where they are something else."""
    seconds = found if found.max(initial=0) >= _HOURS else found * 100
    hour, minute, second = seconds // 10_000, seconds // 100 % 100, seconds % 100
    known = (found >= 0) & (hour < 24) & (minute < 60) & (second < 60)
    return (hour * 3600 + minute * 60 + second) * 10**9 if known.all() else None


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
    """Read each text once: those with a zone by that, the others by the clock of ``tz``."""
    seen = list(dict.fromkeys(texts))
    wall, zoned = parsed(seen, where)
    bad = wall == _NAT
    if bad.any():
        text = seen[int(np.argmax(bad))]
        raise BadInput(f"{where} holds what is no time: row {texts.index(text):,} is {text!r}. {_HINT}.")
    wall[~zoned] = localized(wall[~zoned], tz, where)
    moments = dict(zip(seen, wall.tolist(), strict=True))
    return np.array([moments[text] for text in texts], dtype=np.int64)


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
