"""Formulas that turn the text of one time into ns UTC: ISO 8601, epochs, times of day and vendors' layouts.

Each takes bytes ``data[a:b]`` (padded by at least 16 bytes) and gives ``(ns, code)``: code 0, or why there is no time.
Civil dates follow H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (days_from_civil).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.lean import lean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int = Any  # integers of numpy and of Python, which compiled code mixes

NO_TIME, MAGNITUDE, GAP, TWICE, LEAP = 4, 5, 6, 7, 8
ISO, EPOCH, MIDNIGHT, LAYOUT = 0, 1, 2, 3
KIND, UNIT, LOW, HIGH, DAY = 0, 1, 2, 3, 4  # places in the settings of a time
SKIPPED, REPEATED = 1 << 40, (1 << 40) + 1  # offsets of wall times that do not exist or are not unique
FIRST_DAY, LAST_DAY = -106751, 106750  # days strictly between fit int64 ns, a day of offset included
SECOND = 1_000_000_000
_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_TENS = np.array([10**k for k in range(19)], np.int64)
_MONTHS = np.frombuffer(b"janfebmaraprmayjunjulaugsepoctnovdec", np.uint8).reshape(12, 3).copy()


@lean
def whole(data: NDArray[np.uint8], a: Int, b: Int) -> Int:
    """Read the digits of ``data[a:b]``; -1 where there are none, over 18, or anything else."""
    if b <= a or b - a > 18:
        return -1
    total = np.int64(0)
    for i in range(a, b):
        digit = np.int64(data[i]) - 48
        if digit < 0 or digit > 9:
            return -1
        total = total * 10 + digit
    return total


@lean
def digits_end(data: NDArray[np.uint8], a: Int, b: Int) -> Int:
    """Give the end of the run of digits that begins at ``a``."""
    while a < b and 48 <= data[a] <= 57:
        a += 1
    return a


@lean
def day_number(year: Int, month: Int, day: Int) -> Int:
    """Count days since 1970-01-01; FIRST_DAY - 1 for a date that is none, or out of the range of int64 ns."""
    if month < 1 or month > 12 or day < 1 or year < 1677 or year > 2262:
        return FIRST_DAY - 1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _DAYS[month - 1] + (1 if leap and month == 2 else 0):
        return FIRST_DAY - 1
    y = year - (1 if month <= 2 else 0)
    era = y // 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    number = era * 146097 + (y % 400) * 365 + (y % 400) // 4 - (y % 400) // 100 + of_year - 719468
    return number if FIRST_DAY < number < LAST_DAY else FIRST_DAY - 1


@lean
def fraction(data: NDArray[np.uint8], a: Int, b: Int) -> Int:
    """Read digits after a decimal point as ns, those beyond the ninth dropped; -1 where there are none."""
    end = digits_end(data, a, b)
    if end == a:
        return -1
    n = min(end - a, 9)
    return whole(data, a, a + n) * _TENS[9 - n]


@lean
def iso_date(data: NDArray[np.uint8], a: Int, b: Int) -> tuple[Int, Int]:
    """Read YYYY-MM-DD or YYYYMMDD at the start of ``data[a:b]`` as (day number, end)."""
    bad = FIRST_DAY - 1
    if b - a >= 10 and data[a + 4] == 45 and data[a + 7] == 45:
        return day_number(whole(data, a, a + 4), whole(data, a + 5, a + 7), whole(data, a + 8, a + 10)), a + 10
    if b - a >= 8:
        return day_number(whole(data, a, a + 4), whole(data, a + 4, a + 6), whole(data, a + 6, a + 8)), a + 8
    return bad, a


@lean
def iso_clock(data: NDArray[np.uint8], a: Int, b: Int) -> tuple[Int, Int, Int]:
    """Read HH[:MM[:SS[.f]]], or the same without colons, as (ns since midnight, end, code)."""
    hour, minute, second, rest = whole(data, a, min(a + 2, b)), 0, 0, 0
    end = a + 2
    colon = end < b and data[end] == 58
    step = 1 if colon else 0
    if end + step + 2 <= b and (colon or 48 <= data[end] <= 57):
        minute = whole(data, end + step, end + step + 2)
        end += step + 2
        if end + step + 2 <= b and (data[end] == 58 if colon else 48 <= data[end] <= 57):
            second = whole(data, end + step, end + step + 2)
            end += step + 2
            if end < b and (data[end] == 46 or data[end] == 44):
                rest = fraction(data, end + 1, b)
                end = digits_end(data, end + 1, b)
    if a + 2 > b or hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 60 or rest < 0:
        return 0, end, NO_TIME
    return ((hour * 60 + minute) * 60 + second) * SECOND + rest, end, LEAP if second == 60 else 0


@lean
def utc_offset(data: NDArray[np.uint8], a: Int, b: Int) -> tuple[Int, Int]:
    """Read Z, +HH, +HHMM or +HH:MM, a space allowed before it, as (seconds, code); the whole text must be used."""
    if a < b and data[a] == 32:
        a += 1
    if b - a == 1 and (data[a] == 90 or data[a] == 122):
        return 0, 0
    if b - a < 3 or (data[a] != 43 and data[a] != 45):
        return 0, NO_TIME
    hour, minute = whole(data, a + 1, a + 3), 0
    if b - a > 3:
        low = a + 4 if data[a + 3] == 58 else a + 3
        minute = whole(data, low, b) if b - low == 2 else -1
    if hour < 0 or hour > 23 or minute < 0 or minute > 59:
        return 0, NO_TIME
    seconds = (hour * 60 + minute) * 60
    return -seconds if data[a] == 45 else seconds, 0


@lean
def to_utc(day: Int, clock: Int, zone: NDArray[np.int64], memo: NDArray[np.int64]) -> tuple[Int, Int]:
    """Turn a local day and ns since its midnight into ns UTC by the stretches of ``zone``; ``memo[0]`` is a hint."""
    wall = day * 86400 + clock // SECOND
    k = memo[0]
    if not zone[0, k] <= wall < zone[0, k + 1]:
        k, high = 0, zone.shape[1] - 1
        while high - k > 1:
            middle = (k + high) // 2
            if zone[0, middle] <= wall:
                k = middle
            else:
                high = middle
        memo[0] = k
    shift = zone[1, k]
    if shift >= SKIPPED:
        return 0, GAP if shift == SKIPPED else TWICE
    return (day * 86400 - shift) * SECOND + clock, 0


@lean
def iso_time(
    data: NDArray[np.uint8], a: Int, b: Int, zone: NDArray[np.int64], memo: NDArray[np.int64]
) -> tuple[Int, Int]:
    """Read an ISO 8601 date, perhaps with a clock and an offset."""
    day, end = iso_date(data, a, b)
    if day < FIRST_DAY:
        return 0, NO_TIME
    if end == b:
        return to_utc(day, np.int64(0), zone, memo)
    if data[end] != 32 and data[end] != 84 and data[end] != 116:
        return 0, NO_TIME
    clock, end, code = iso_clock(data, end + 1, b)
    if code == NO_TIME:
        return 0, code
    if end == b:
        return (0, code) if code else to_utc(day, clock, zone, memo)
    seconds, wrong = utc_offset(data, end, b)
    if wrong or code:
        return 0, wrong or code
    return (day * 86400 - seconds) * SECOND + clock, 0


@lean
def epoch_time(data: NDArray[np.uint8], a: Int, b: Int, how: NDArray[np.int64]) -> tuple[Int, Int]:
    """Read a count of units since 1970, decimals of a unit allowed; it must lie in ``[how[LOW], how[HIGH])``."""
    end = digits_end(data, a, b)
    count = whole(data, a, end) if end - a < 19 else -1
    if end - a == 19:
        count = whole(data, a, a + 18)
        last = np.int64(data[a + 18]) - 48
        fits = count < 922337203685477580 or (count == 922337203685477580 and last <= 7)
        count = count * 10 + last if fits else -1
    rest = 0
    if end < b:
        rest = fraction(data, end + 1, b) if data[end] == 46 and end + 1 < b else (0 if data[end] == 46 else -1)
        end = digits_end(data, end + 1, b)
    if count < 0 or rest < 0 or end != b:
        return 0, NO_TIME
    if count < how[LOW] or count >= how[HIGH]:
        return 0, MAGNITUDE
    unit = how[UNIT]
    return count * unit + rest // (SECOND // unit), 0


@lean
def month_of(data: NDArray[np.uint8], a: Int) -> Int:
    """Give the month of a three-letter English name in any case, -1 for none."""
    for k in range(12):
        if (
            (data[a] | 32) == _MONTHS[k, 0]
            and (data[a + 1] | 32) == _MONTHS[k, 1]
            and (data[a + 2] | 32) == _MONTHS[k, 2]
        ):
            return k + 1
    return -1


@lean
def layout_time(
    data: NDArray[np.uint8], a: Int, b: Int, ops: NDArray[np.int64], zone: NDArray[np.int64], memo: NDArray[np.int64]
) -> tuple[Int, Int]:
    """Read a time by a layout: ``ops`` holds letters of strptime, 256 + a literal byte, or 512 for a fraction."""
    year, month, day, hour, minute, second, rest, half = -1, 1, 1, 0, 0, 0, 0, -1
    seconds, zoned = 0, False
    for k in range(len(ops)):
        op = ops[k]
        if op == 512:  # a decimal fraction that may be missing
            if a < b and data[a] == 46:
                rest = fraction(data, a + 1, b)
                a = digits_end(data, a + 1, b)
            continue
        if op >= 256:
            if a >= b or data[a] != op - 256:
                return 0, NO_TIME
            a += 1
            continue
        most = 4 if op == 89 else (9 if op == 102 else (b - a if op == 122 else (3 if op == 98 else 2)))
        end = min(b, a + most)
        if op == 98:  # %b
            month = month_of(data, a) if end - a == 3 else -1
        elif op == 112:  # %p
            half = 0 if (data[a] | 32) == 97 else (12 if (data[a] | 32) == 112 else -2)
            if end - a < 2 or (data[a + 1] | 32) != 109 or half < 0:
                return 0, NO_TIME
        elif op == 122:  # %z
            seconds, wrong = utc_offset(data, a, b)
            zoned = True
            if wrong:
                return 0, NO_TIME
        elif op == 102:  # %f
            rest = fraction(data, a, end)
            end = digits_end(data, a, b)
        else:
            end = digits_end(data, a, end)
            value = whole(data, a, end)
            if op in (89, 121):  # %Y %y
                short = op == 121 and value >= 0
                year = value + (1900 if value >= 69 else 2000) if short else (value if end - a == 4 else -1)
            elif op == 109:
                month = value
            elif op == 100:
                day = value
            elif op in (72, 73):  # %H %I
                hour = value if op == 72 else (value % 12 if 1 <= value <= 12 else -1)
            elif op == 77:
                minute = value
            else:
                second = value
        a = end
    if a != b or hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 60 or rest < 0:
        return 0, NO_TIME
    number = day_number(year, month, day)
    if number < FIRST_DAY or second == 60:
        return 0, NO_TIME if number < FIRST_DAY else LEAP
    clock = (((hour + max(half, 0)) * 60 + minute) * 60 + second) * SECOND + rest
    if zoned:
        return (number * 86400 - seconds) * SECOND + clock, 0
    return to_utc(number, clock, zone, memo)


@lean
def read_time(
    data: NDArray[np.uint8],
    a: Int,
    b: Int,
    how: NDArray[np.int64],
    ops: NDArray[np.int64],
    zone: NDArray[np.int64],
    memo: NDArray[np.int64],
) -> tuple[Int, Int]:
    """Read ``data[a:b]`` as the settings ``how`` say, as (ns UTC, code)."""
    kind = how[KIND]
    if kind == ISO:
        return iso_time(data, a, b, zone, memo)
    if kind == LAYOUT:
        return layout_time(data, a, b, ops, zone, memo)
    if kind == EPOCH:
        return epoch_time(data, a, b, how)
    day = how[DAY]
    if day < FIRST_DAY:  # the date stands before the time, joined by a space
        day, a = iso_date(data, a, b)
        a += 1
        if day < FIRST_DAY or a >= b:
            return 0, NO_TIME
    clock, code = epoch_time(data, a, b, how)
    return (0, code) if code else to_utc(day, clock, zone, memo)
