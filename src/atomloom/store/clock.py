"""Local wall times to UTC: the stretches of a zone's history within which one offset holds."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from datetime import tzinfo

    from numpy.typing import NDArray

AMBIGUOUS = ("reject", "first", "second")
SKIPPED, REPEATED = 1 << 40, (1 << 40) + 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = (1677, 1880, 2040, 2263)  # before the second no zone changed; after the third all follow a yearly rule
_FAR = 1 << 61
_SECOND = 1_000_000_000


def zone_table(tz: str, ambiguous: str = "reject") -> NDArray[np.int64]:
    """List the wall times at which the offset of a zone changes, and the offsets.

    Parameters
    ----------
    tz : str
        IANA zone.
    ambiguous : {"reject", "first", "second"}
        What a wall time that happens twice means: nothing, summer time, winter time.

    Returns
    -------
    table : (2, S) int64
        ``table[0, k]``: wall time, s since 1970, from which on ``table[1, k]`` is the offset in seconds; SKIPPED where
        the wall time does not exist, REPEATED where it is not unique. The last entry closes the list.

    Raises
    ------
    BadInput
        For a zone that is not known, or another word for ``ambiguous``.

    Notes
    -----
    The offsets of the zone are asked for day by day and each change is then narrowed to the second, some 50 ms a zone.

    Examples
    --------
    >>> zone_table("UTC")[1].tolist()
    [0, 0]
    >>> table = zone_table("America/Chicago", "first")
    >>> noon = int(np.datetime64("2013-09-01T12:00", "s").astype(np.int64))
    >>> int(table[1, np.searchsorted(table[0], noon, side="right") - 1])
    -18000
    """
    if ambiguous not in AMBIGUOUS:
        message = f"ambiguous is {ambiguous!r}. Hint: 'reject', 'first' (summer time) or 'second' (winter time)."
        raise BadInput(message)
    return _table(tz, ambiguous)


@functools.lru_cache(maxsize=64)
def _table(tz: str, ambiguous: str) -> NDArray[np.int64]:
    starts, offsets = [-_FAR], []
    before, changes = _changes(tz)
    offsets.append(before)
    for moment, after in changes:
        low, high = sorted((moment + before, moment + after))
        low = max(low, starts[-1] + 1)
        if high > low:
            repeated = {"reject": REPEATED, "first": before, "second": after}[ambiguous]
            starts.append(low)
            offsets.append(SKIPPED if after > before else repeated)
            starts.append(high)
            offsets.append(after)
        before = after
    table = np.array([[*starts, _FAR], [*offsets, 0]], dtype=np.int64)
    table.flags.writeable = True  # kernels are compiled once, for arrays that can be written
    return table


@functools.lru_cache(maxsize=64)
def _changes(tz: str) -> tuple[int, list[tuple[int, int]]]:
    """Give the first offset of a zone and its changes, (s since 1970 UTC, offset from then on)."""
    if tz == "UTC":
        return 0, []
    zone = _zone(tz)
    days = [int((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) for year in _YEARS]
    probes = np.concatenate(
        [
            np.arange(days[0], days[1], 86400 * 28),
            np.arange(days[1], days[2], 86400),
            np.arange(days[2], days[3], 86400 * 7),
        ]
    ).tolist()
    before = first = _offset(zone, probes[0])
    changes = []
    last = probes[0]
    for probe in probes:
        after = _offset(zone, probe)
        if after != before:
            low, high = last, probe
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
            after = _offset(zone, high)
            changes.append((high, after))
            before = after
        last = probe
    return first, changes


def _zone(tz: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - reads its path lists at import

    try:
        return ZoneInfo(tz)
    except (OSError, ValueError, TypeError, KeyError) as error:
        message = f"tz is {tz!r}: {error}. Hint: give an IANA name such as 'America/Chicago' or 'UTC'."
        raise BadInput(message) from error


def _offset(zone: Any, moment: int) -> int:
    there = (_EPOCH + timedelta(seconds=moment)).astimezone(zone)
    return round((there.utcoffset() or timedelta()).total_seconds())


def localize(wall: NDArray[np.int64], table: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Turn wall times into UTC.

    Parameters
    ----------
    wall : (T,) int64, ns since 1970 in the zone
    table : (2, S) int64
        From :func:`zone_table`.

    Returns
    -------
    ts : (T,) int64, ns UTC; 0 where there is no such time
    missing : (T,) int64
        0, or SKIPPED, or REPEATED.

    Examples
    --------
    >>> localize(np.array([0]), zone_table("America/Chicago"))
    (array([21600000000000]), array([0]))
    """
    shift = table[1, np.searchsorted(table[0], wall // _SECOND, side="right") - 1]
    missing = np.where(shift >= SKIPPED, shift, 0)
    return np.where(missing == 0, wall - np.where(missing == 0, shift, 0) * _SECOND, 0), missing
