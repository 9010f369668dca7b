"""The formula that turns a block of text lines into integer columns and a list of the lines that are none.

A row is first read from left to right, fields in their usual spelling (`_quick_row`); anything unusual is read again
with quotes, spaces, exponents and reasons (`_careful_row`), so the first is only ever faster, never different.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.lean import lean
from atomloom.store.field_kernels import (
    ODD,
    OFF_GRID,
    TENS,
    all_digits,
    flag_value,
    grid_steps,
    number_at,
    short_number,
    venue_code,
    word_at,
)
from atomloom.store.time_kernels import ISO, KIND, SECOND, read_time, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Ints = NDArray[np.int64]
    Int = Any  # integers of numpy and of Python, which compiled code mixes

FIELDS, NUL, QUOTES, NOT_NUMBER, THOUSANDS, NOT_WHOLE, BELOW, NOT_FLAG, VENUES = 1, 2, 3, 9, 11, 12, 13, 14, 15
SKIP, TIME, DATE, VENUE, FLAGS, NUMBER = 0, 1, 2, 3, 4, 8  # jobs of a field; NUMBER + j fills values[1 + j]
DELIMITER, POINT, WIDTH, SLACK, MAY_MISS, JOINED = 5, 6, 7, 8, 9, 10  # places in `how`, after those of a time
ROWS, BAD, LINES, BACK, BACK_AT, BACK_LINE = 0, 1, 2, 4, 5, 6  # places in `tally`
NEWEST, FIRST_AT, FIRST_LINE = 7, 9, 10  # same
_U = np.uint64  # an index that cannot count from the end, which would be a branch per byte
TEXT = 64  # longest date and time that are joined


@lean
def _join(data: Bytes, cut: Ints, scratch: Bytes) -> Int:
    """Write date, space, time into ``scratch``; give the length, 0 where it is too long."""
    length = cut[1] - cut[0] + cut[3] - cut[2] + 1
    if length > TEXT:
        return 0
    at = 0
    for i in range(cut[0], cut[1]):
        scratch[at] = data[i]
        at += 1
    scratch[at] = 32
    for i in range(cut[2], cut[3]):
        at += 1
        scratch[at] = data[i]
    return length


@lean
def _quick_minute(
    data: Bytes, p: Int, how: Ints, ops: Ints, zone: Ints, memo: Ints, words: NDArray[np.uint64],
) -> tuple[Int, Int]:  # fmt: skip
    """Read ``YYYY-MM-DD HH:MM:SS[.f]`` at ``p`` as (ns UTC, end); the minute is kept from row to row. -1: careful."""
    first, second = word_at(data, p), word_at(data, p + 8)
    if first != words[0] or second != words[1]:
        start, code = read_time(data, p, p + 16, how, ops, zone, memo)
        k = memo[0]
        if code or data[_U(p + 13)] != 58 or start // SECOND + zone[1, k] + 60 > zone[0, k + 1]:
            return np.int64(0), -1
        words[0], words[1], memo[1] = first, second, start
    if data[_U(p + 16)] != 58:
        return np.int64(0), -1
    tens, ones = np.int64(data[_U(p + 17)]) - 48, np.int64(data[_U(p + 18)]) - 48
    if tens < 0 or tens > 5 or ones < 0 or ones > 9:
        return np.int64(0), -1
    ns = memo[1] + (tens * 10 + ones) * SECOND
    if data[_U(p + 19)] != 46:
        return ns, p + 19
    part, n = all_digits(data, p + 20)
    if n == 0 or n > 9:
        return ns, -1
    return ns + part * TENS[9 - n], p + 20 + n


@partial(lean, inline=True)
def _quick_row(
    data: Bytes, p: Int, row: Int, how: Ints, jobs: Ints, exact: Ints, limits: Ints, ops: Ints, zone: Ints,
    memo: Ints, words: NDArray[np.uint64], cut: Ints, scratch: Bytes, values: Ints, small: Bytes, names: Ints,
    tally: Ints,
) -> Int:  # fmt: skip
    """Read one row in its usual spelling; give where the next begins, or -1 to have it read with care."""
    delimiter, point, last = how[DELIMITER], how[POINT], how[WIDTH] - 1
    minutes = how[KIND] == ISO and how[JOINED] == 0 and delimiter != 32
    for k in range(how[WIDTH]):
        job = jobs[k]
        if job >= NUMBER:
            j, here = _U(job - NUMBER), _U(row)
            mantissa, decimals, end = short_number(data, p, point)
            if end < 0:
                mantissa, decimals, end = number_at(data, p, point)
                if decimals < 0:
                    return -1
            p = end
            steps, code = grid_steps(mantissa, decimals, exact, limits[j, 0], how[SLACK] if limits[j, 0] == 0 else 0)
            if code or steps < limits[j, 1]:
                return -1
            values[j + _U(1), here] = steps
        elif job == TIME and minutes:
            values[0, _U(row)], p = _quick_minute(data, p, how, ops, zone, memo, words)
            if p < 0:
                return -1
        else:
            a = p
            while data[_U(p)] != delimiter and data[_U(p)] != 10:
                if (
                    data[_U(p)] == 34
                    or data[_U(p)] == 13
                    or data[_U(p)] == 0
                    or (data[_U(p)] <= 32 and job not in (TIME, SKIP))
                ):
                    break
                p += 1
            if job in (TIME, DATE):
                at = 0 if job == DATE else 2
                cut[at], cut[at + 1] = a, p
                if job == TIME and how[JOINED] == 0:
                    values[0, _U(row)], code = read_time(data, a, p, how, ops, zone, memo)
                    if code:
                        return -1
            elif job != SKIP:
                code = venue_code(data, a, p, names, tally) if job == VENUE else flag_value(data, a, p)
                if code < 0:
                    return -1
                small[job - VENUE, row] = code
        if k < last:
            if data[_U(p)] != delimiter:
                return -1
        elif data[_U(p)] == 13:
            p += 1
        p += 1
    if data[_U(p - 1)] != 10:
        return -1
    if how[JOINED]:
        length = _join(data, cut, scratch)
        values[0, _U(row)], code = read_time(scratch, np.int64(0), length, how, ops, zone, memo)
        if code or length == 0:
            return -1
    return p


@lean
def fields(data: Bytes, a: Int, b: Int, delimiter: Int, cut: Ints) -> Int:
    """Cut ``data[a:b]`` at delimiters outside quotes, spaces and quotes trimmed; give the count, -1: broken quotes."""
    count, most = 0, len(cut) // 2
    while True:
        while a < b and (data[a] == 32 or data[a] == 9) and data[a] != delimiter:
            a += 1
        if a < b and data[a] == 34:
            begin = a + 1
            a += 1
            while a < b and (data[a] != 34 or (a + 1 < b and data[a + 1] == 34)):
                a += 2 if data[a] == 34 else 1
            if a >= b:
                return -1
            end = a
            a += 1
            while a < b and (data[a] == 32 or data[a] == 9) and data[a] != delimiter:
                a += 1
            if a < b and data[a] != delimiter:
                return -1
        else:
            begin = a
            while a < b and data[a] != delimiter:
                a += 1
            end = a
        while end > begin and (data[end - 1] == 32 or data[end - 1] == 9):
            end -= 1
        while begin < end and (data[begin] == 32 or data[begin] == 9):
            begin += 1
        if count < most:
            cut[2 * count], cut[2 * count + 1] = begin, end
        count += 1
        if a >= b:
            return count
        a += 1


@lean
def _careful_number(data: Bytes, a: Int, b: Int, point: Int) -> tuple[Int, Int, Int]:
    """Read a field as (mantissa, decimals, code), exponents allowed."""
    mantissa, decimals, end = number_at(data, a, point)
    if decimals == -1 or end > b:
        return mantissa, decimals, NOT_NUMBER
    wide = decimals == -2
    exponent = 0
    if end < b and (data[end] | 32) == 101:
        sign = end + 1 < b and (data[end + 1] == 45 or data[end + 1] == 43)
        low = end + 2 if sign else end + 1
        exponent = whole(data, low, b) if b - low <= 3 else -1
        if exponent < 0:
            return mantissa, decimals, NOT_NUMBER
        exponent = -exponent if sign and data[end + 1] == 45 else exponent
        end = b
    if end < b:
        other = 44 if point == 46 else 46
        rest = end
        while rest < b and (data[rest] == other or data[rest] == point or 48 <= data[rest] <= 57):
            rest += 1
        return mantissa, decimals, THOUSANDS if rest == b and data[end] == other else NOT_NUMBER
    return mantissa, decimals - exponent, ODD if wide else 0


@lean
def _is_missing(data: Bytes, a: Int, b: Int) -> Any:
    """Say whether a field is empty, or NaN in any case of letters, which is how some programs write it."""
    return a == b or (b - a == 3 and data[a] | 32 == 110 and data[a + 1] | 32 == 97 and data[a + 2] | 32 == 110)


@lean
def _careful_field(
    data: Bytes, a: Int, b: Int, row: Int, job: Int, how: Ints, exact: Ints, limits: Ints, values: Ints,
    small: Bytes, names: Ints, tally: Ints,
) -> Int:  # fmt: skip
    """Read one trimmed field of any job but a time; give the reason why not, or 0."""
    if job < NUMBER:
        code = venue_code(data, a, b, names, tally) if job == VENUE else flag_value(data, a, b)
        small[job - VENUE, row] = max(code, 0)
        return 0 if code >= 0 else (VENUES if job == VENUE else NOT_FLAG)
    j = job - NUMBER
    price = limits[j, 0] == 0
    values[1 + j, row] = 0
    if how[MAY_MISS] and _is_missing(data, a, b):
        return 0
    mantissa, decimals, code = _careful_number(data, a, b, how[POINT])
    if code == 0:
        steps, code = grid_steps(mantissa, decimals, exact, limits[j, 0], how[SLACK] if price else 0)
        values[1 + j, row] = steps
    if code == 0:
        return 0 if values[1 + j, row] >= limits[j, 1] else BELOW
    return NOT_WHOLE if not price and code in (NOT_NUMBER, OFF_GRID) else code


@lean
def _careful_row(
    data: Bytes, a: Int, b: Int, row: Int, how: Ints, jobs: Ints, exact: Ints, limits: Ints, ops: Ints, zone: Ints,
    memo: Ints, cut: Ints, scratch: Bytes, values: Ints, small: Bytes, names: Ints, tally: Ints,
) -> Int:  # fmt: skip
    """Read one line whatever it looks like: 0, -1 for a blank one, or a reason (its argument times 256 added)."""
    blank, nul = True, False
    for i in range(a, b):
        blank = blank and (data[i] == 32 or data[i] == 9 or data[i] == 13 or data[i] == how[DELIMITER])
        nul = nul or data[i] == 0
    if blank or nul:
        return -1 if blank else NUL
    width = how[WIDTH]
    count = fields(data, a, b, how[DELIMITER], cut[: 2 * width])
    if count != width:
        return QUOTES if count < 0 else FIELDS + count * 256
    date = time = 0
    for k in range(width):
        if jobs[k] == TIME:
            time = k
        elif jobs[k] == DATE:
            date = k
    if how[JOINED]:
        both = cut[2 * width :]
        both[0], both[1], both[2], both[3] = cut[2 * date], cut[2 * date + 1], cut[2 * time], cut[2 * time + 1]
        length = _join(data, both, scratch)
        values[0, row], code = read_time(scratch, np.int64(0), length, how, ops, zone, memo)
    else:
        values[0, row], code = read_time(data, cut[2 * time], cut[2 * time + 1], how, ops, zone, memo)
    if code:
        return code
    odd, without = 0, -2
    for j in range(len(limits) + 2):  # in the order of the roles, whatever that of the columns
        wanted = NUMBER + j if j < len(limits) else VENUE + j - len(limits)
        for k in range(width):
            if jobs[k] == wanted:
                code = _careful_field(
                    data, cut[2 * k], cut[2 * k + 1], row, wanted, how, exact, limits, values, small, names, tally
                )
                if how[MAY_MISS] and j < len(limits) and code == 0:
                    if limits[j, 0] == 0 and _is_missing(data, cut[2 * k], cut[2 * k + 1]):
                        without = j
                    elif without == j - 1 and values[1 + j, row] > 0:
                        code = NOT_NUMBER - 256  # a size, and no price before it
                if code == ODD:
                    odd = ODD
                elif code:
                    return code + j * 256 if odd == 0 else ODD + (code + j * 256) * 65536
    return odd


@lean
def parse_lines(
    data: Bytes, start: Int, stop: Int, how: Ints, jobs: Ints, exact: Ints, limits: Ints, ops: Ints, zone: Ints,
    values: Ints, small: Bytes, names: Ints, bad: Ints, tally: Ints, memo: Ints, words: NDArray[np.uint64],
    cut: Ints, scratch: Bytes,
) -> Int:  # fmt: skip
    """Read the lines of a block.

    Parameters
    ----------
    data : (N,) uint8
        Text, padded by 64 bytes.
    start, stop : int
        Where the first line begins; behind the newline of the last.
    how : (11,) int64
        Settings: five of a time (``time_kernels``), then delimiter, decimal point, fields of a row, tolerance of the
        price grid (one part in so many), whether numbers may be missing, whether a date column is joined to the time.
    jobs : (W,) int64
        What each field is.
    exact : (2, 3, 37) int64
        Grid of prices and of sizes, from ``ticks.grid_table``.
    limits : (K, 2) int64
        Of each number column: 0 for a price, 1 for a size; and the least that it may be.
    ops : (L,) int64
        Steps of a layout of times.
    zone : (2, S) int64
        From ``clock.zone_table``.
    values : (1 + K, R) int64
        Out: times in ns UTC, then the numbers in steps of their grid.
    small : (2, R) uint8
        Out: venue codes and flags.
    names : (255, 3) int64
        Out: mark, place and length of each venue's name.
    bad : (B, 5) int64
        Out, per reject: byte, length, line, reason, row.
    tally : (11,) int64
        Counts so far; see the names above.
    memo, words, cut, scratch : arrays
        Room for what is remembered from row to row.

    Returns
    -------
    int
        Where it stopped: ``stop``, or earlier when ``bad`` or ``values`` is full.

    Notes
    -----
    One walk, 1 to 1.5 ns a byte for clean ISO rows; allocates nothing.
    """
    row, p = tally[ROWS], start
    while p < stop and tally[BAD] < len(bad) and row < values.shape[1]:
        tally[LINES] += 1
        code = 0
        q = _quick_row(
            data, p, row, how, jobs, exact, limits, ops, zone, memo, words, cut, scratch, values, small, names, tally
        )
        if q < 0:
            q = p
            while data[q] != 10:
                q += 1
            end = q - 1 if q > p and data[q - 1] == 13 else q
            code = _careful_row(
                data, p, end, row, how, jobs, exact, limits, ops, zone, memo, cut, scratch, values, small, names, tally
            )
            q += 1
            if code > 0:
                entry = bad[tally[BAD]]
                entry[0], entry[1], entry[2], entry[3], entry[4] = p, end - p, tally[LINES], code, row
                tally[BAD] += 1
        if code == 0 or code % 256 == ODD:
            if values[0, row] < tally[NEWEST]:
                tally[BACK] += 1
                if tally[BACK] == 1:
                    tally[BACK_AT], tally[BACK_LINE] = p, tally[LINES]
            if row == 0:
                tally[FIRST_AT], tally[FIRST_LINE] = p, tally[LINES]
            tally[NEWEST] = values[0, row]
            row += 1
        p = q
    tally[ROWS] = row
    return p
