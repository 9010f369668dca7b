"""Plain-Python twin of fragmentation: every window looks at every row."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo


def index(weights):
    """HHI of a mapping venue -> weight, as a fraction."""
    total = sum(weights.values())
    return sum(Fraction(weight, total) ** 2 for weight in weights.values())


def by_time(rows, step, cells):
    """(end, venue weights, rows) of each window [end - cells * step, end) from rows (ts, venue, weight)."""
    if not rows:
        return []
    first, last = rows[0][0] // step, rows[-1][0] // step
    out = []
    for cell in range(first + cells - 1, last + 1):
        low, high = (cell - cells + 1) * step, (cell + 1) * step
        inside = [(venue, weight) for ts, venue, weight in rows if low <= ts < high]
        weights = Counter()
        for venue, weight in inside:
            weights[venue] += weight
        if sum(weights.values()):
            out.append((high, weights, len(inside)))
    return out


def by_volume(rows, step, cells, count_trades):
    """(number of the last cell, venue weights, rows) of each window of whole cells, from contracts in a row."""
    units = [(number, venue) for number, (_, venue, size) in enumerate(rows) for _ in range(size)]
    pieces = []  # per cell: {trade: (venue, amount)}
    for low in range(0, len(units) - step + 1, step):
        cell = {}
        for number, venue in units[low : low + step]:
            cell[number] = (venue, cell.get(number, (venue, 0))[1] + 1)
        pieces.append(cell)
    out = []
    for last in range(cells - 1, len(pieces)):
        weights, n = Counter(), 0
        for cell in pieces[last - cells + 1 : last + 1]:
            for venue, amount in cell.values():
                weights[venue] += 1 if count_trades else amount
                n += 1
        out.append((last, weights, n))
    return out


def local(ts, tz):
    """(date, time since midnight) of a time in ns UTC, to the microsecond."""
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts // 1000)).astimezone(ZoneInfo(tz))
    return moment.date(), moment.time()
