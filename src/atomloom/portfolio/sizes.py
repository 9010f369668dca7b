"""Sizes of windows and gaps: rows, durations, shares of the rows, calendar periods."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np

from atomloom.errors import BadInput

_UNITS = {
    "w": 604_800_000_000_000, "d": 86_400_000_000_000, "h": 3_600_000_000_000, "min": 60_000_000_000,
    "s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1,
}  # fmt: skip
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(W|w|D|d|H|h|min|s|ms|us|ns)")
_PERIOD = re.compile(r"(?:(\d+) )?(week|month|quarter|year)s?")
_LONGEST = 2**62


class Size(NamedTuple):
    """A size and what it counts: "rows", "ns", "share" (of the rows), or "week", "month", "quarter", "year"."""

    kind: str
    amount: float

    def rows(self, n_rows: int) -> Size:
        """Give a share as rows, rounded down; anything else as it is.

        Examples
        --------
        >>> Size("share", 0.01).rows(250)
        Size(kind='rows', amount=2)
        """
        return Size("rows", int(n_rows * self.amount)) if self.kind == "share" else self


def take_size(value: Any, name: str, *, least: int = 1, period: bool = False, share: bool = False) -> Size:
    """Take a whole number of rows, a duration, and where allowed a calendar period or a share of the rows.

    Parameters
    ----------
    value : int, str, timedelta, timedelta64, float
        "365D", "52W", "6h", "30min"; "month", "3 months", "quarter", "year", "week".
    name : str
        Of the argument, for the message.
    least : int
        Least number of rows; durations are at least 0 where it is 0 and positive elsewhere.
    period, share : bool
        Whether a calendar period, or a float below 1, may be given.

    Raises
    ------
    BadInput
        For anything else, and for "M" and "Y", which are no durations.

    Examples
    --------
    >>> take_size("2W", "train")
    Size(kind='ns', amount=1209600000000000)
    >>> take_size("3 months", "test", period=True)
    Size(kind='month', amount=3)
    >>> take_size(0, "test")
    Traceback (most recent call last):
    atomloom.errors.BadInput: test is 0. Hint: give at least 1 row, or a duration like "30D".
    """
    hint = f'give at least {least} row{"s" if least != 1 else ""}, or a duration like "30D"'
    hint += ', or a period like "month"' if period else ", or a share below 1" if share else ""
    wrong = BadInput(f"{name} is {value!r}. Hint: {hint}.")
    if isinstance(value, (bool, np.bool_)):
        raise wrong
    if _is_whole(value):
        if value < least:
            raise wrong
        return Size("rows", int(value))
    if isinstance(value, (float, np.floating)):
        if not share or not 0.0 <= value < 1.0:
            raise wrong
        return Size("share", float(value)) if value else Size("rows", 0)
    found = _period(value) if period else None
    if found is None:
        nanoseconds = _nanoseconds(value)
        if nanoseconds is None or nanoseconds < 0 or (least and not nanoseconds) or nanoseconds > _LONGEST:
            raise wrong
        found = Size("ns", nanoseconds)
    if found.amount < min(least, 1):
        raise wrong
    return found


def take_count(value: Any, name: str, least: int = 1) -> int:
    """Take a whole number of at least so much.

    Examples
    --------
    >>> take_count(1, "n_splits", least=2)
    Traceback (most recent call last):
    atomloom.errors.BadInput: n_splits is 1. Hint: give a whole number of at least 2.
    """
    if not _is_whole(value) or value < least:
        raise BadInput(f"{name} is {value!r}. Hint: give a whole number of at least {least}.")
    return int(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))  # the latter is one


def _period(value: Any) -> Size | None:
    match = _PERIOD.fullmatch(value.lower()) if isinstance(value, str) else None
    return None if match is None else Size(match[2], int(match[1] or 1))


def _nanoseconds(value: Any) -> int | None:
    """Give a duration in ns; None where it is none."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            return None
        number, unit = match[1], _UNITS[match[2].lower()]
        return int(number) * unit if number.isdigit() else round(float(number) * unit)
    if hasattr(value, "to_timedelta64"):  # of pandas
        value = value.to_timedelta64()
    if isinstance(value, np.timedelta64):
        unit_name, steps = np.datetime_data(value.dtype)
        factor = _UNITS.get({"m": "min"}.get(unit_name, unit_name.lower()))
        if np.isnat(value) or factor is None or unit_name == "M":
            return None
        return int(value.astype(np.int64)) * steps * factor
    return value // timedelta(microseconds=1) * 1_000 if isinstance(value, timedelta) else None
