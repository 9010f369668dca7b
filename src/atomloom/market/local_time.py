"""Local days and sessions of UTC times, across changes of the clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECOND = 10**9
DAY_NS = 86_400 * SECOND
_FURTHEST = (2**63 - 1) // SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?|24:00")


def zone_of(tz: str) -> ZoneInfo:
    """Return a time zone by its IANA name, or refuse it.

    Examples
    --------
    >>> zone_of("America/New_York").key
    'America/New_York'
    """
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        message = (
            f"tz is {tz!r}, which names no time zone here. Hint: give an IANA name, for example 'America/New_York'."
        )
        raise BadInput(message) from error


def utc_offsets(ts: NDArray[np.int64], tz: str) -> NDArray[np.int64] | int:
    """Offset of local time from UTC at each time, ns: one number where it never changes.

    Parameters
    ----------
    ts : (T,) int64
        ns UTC, never decreasing.
    tz : str

    Notes
    -----
    The zone is asked once per day and the change found by halving: O(days) calls, O(T) at most.

    Examples
    --------
    >>> utc_offsets(np.array([0]), "Asia/Tokyo") // SECOND
    32400
    """
    if tz == "UTC" or not len(ts):
        return 0
    zone = zone_of(tz)
    marks = [*range(int(ts[0]) // SECOND, int(ts[-1]) // SECOND, 86_400), int(ts[-1]) // SECOND]
    values = [_offset(mark, zone) for mark in marks]
    changes, after = [], [values[0]]
    for k in range(1, len(marks)):
        if values[k] != values[k - 1]:
            low, high = marks[k - 1], marks[k]
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, zone) == values[k - 1] else (low, middle)
            changes.append(high * SECOND)
            after.append(values[k])
    if not changes:
        return values[0] * SECOND
    part = np.searchsorted(np.array(changes, dtype=np.int64), ts, side="right")
    offsets: NDArray[np.int64] = np.array(after, dtype=np.int64)[part] * SECOND
    return offsets


def local_days(ts: NDArray[np.int64], tz: str) -> NDArray[np.int64]:
    """Give the number of the local day of each time, days since 1970-01-01.

    Examples
    --------
    >>> local_days(np.array([0, 20 * 3600 * SECOND]), "Asia/Tokyo")
    array([0, 1])
    """
    days: NDArray[np.int64] = (ts // SECOND + utc_offsets(ts, tz) // SECOND) // 86_400  # in ns it might not fit
    return days


def day_starts(days: NDArray[np.int64], tz: str) -> NDArray[np.int64]:
    """Begin of local days, ns UTC.

    Examples
    --------
    >>> day_starts(np.array([0]), "Asia/Tokyo") // SECOND
    array([-32400])
    """
    zone = zone_of(tz)
    naive = [datetime(1970, 1, 1) + timedelta(days=int(day)) for day in days]  # noqa: DTZ001 - local on purpose
    seconds = [(moment.replace(tzinfo=zone) - _EPOCH) // timedelta(seconds=1) for moment in naive]
    return np.clip(np.array(seconds, dtype=np.int64), -_FURTHEST, _FURTHEST) * SECOND


def in_session(ts: NDArray[np.int64], session: tuple[str, str], tz: str) -> NDArray[np.bool_]:
    """Say which times lie in ``start <= local time of day < end``; a session may run through midnight.

    Examples
    --------
    >>> in_session(np.array([9, 10]) * 3600 * SECOND, ("09:30", "16:00"), "UTC")
    array([False,  True])
    """
    start, end = time_of_day(session[0]) % DAY_NS, time_of_day(session[1])
    clock = (ts % DAY_NS + utc_offsets(ts, tz)) % DAY_NS
    inside: NDArray[np.bool_] = (clock >= start) & (clock < end) if start < end else (clock >= start) | (clock < end)
    return inside


def time_of_day(text: str) -> int:
    """Read HH:MM or HH:MM:SS as ns since midnight.

    Examples
    --------
    >>> time_of_day("09:30") // SECOND
    34200
    """
    found = _CLOCK.fullmatch(str(text))
    if found is None:
        message = f"{text!r} is no time of day. Hint: session=('09:30', '16:00')."
        raise BadInput(message)
    if text == "24:00":
        return DAY_NS
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (hours * 3600 + minutes * 60 + seconds) * SECOND


def _offset(second: int, zone: ZoneInfo) -> int:
    try:
        offset = (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    except OverflowError as error:
        message = f"{second} s since 1970 is beyond what time zones know. Hint: check the times, or use tz='UTC'."
        raise BadInput(message) from error
    return 0 if offset is None else int(offset.total_seconds())
