"""The same transition, a branch at a time, for states that fill memory: what is made is used while it is near.

Level by level every mixed state is written and read back from far away. Here the first half follows each new prefix
down to its end before the next one begins, and the second half makes the rows that one result needs just before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.trajectory.lane_kernels import best_less_cost
from atomloom.trajectory.transition_kernels import stride

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@kernel
def old_places(n: int, k: int, rows: int, starts: Ints, blocks: Ints) -> NDArray[np.int64]:
    """Where the old units x of asset m stand in a row of old parts whose rest has s units: under [m, s, x + k - s]."""
    found = np.zeros((rows, k + 1, 2 * k + 1), np.int64)
    for m in range(rows):
        rest = n - m - 1
        for s in range(k + 1):
            for x in range(-(k - s), k - s + 1):
                first = starts[rest + 1, s + abs(x)] if m > 0 else 0
                found[m, s, x + k - s] = first + blocks[rest, s + abs(x), x + k]
    return found


@kernel
def one_new(
    m: int, n: int, k: int, a: int, starts: Ints, olds: Ints, cost: Reals, source: Reals, to: Reals, at: int
) -> None:
    """Make asset m new with a units, for one prefix: from its row of old parts to the row without asset m."""
    rest = n - m - 1
    ends, prices = np.empty(2, np.int64), np.empty(2, np.float64)
    for s in range(k + 1):
        size = starts[rest, s + 1] - starts[rest, s]
        if size == 0:
            continue
        first = 2 * k - (k - s) - a
        if m > 0:
            best_less_cost(source, olds[s], 0, 2 * (k - s) + 1, cost, first, to, at + starts[rest, s], size)
            continue
        ends[0], ends[1] = olds[s, 0], olds[s, 2 * (k - s)]  # all units are held: two choices for the first asset
        prices[0], prices[1] = cost[first], cost[2 * k + (k - s) - a]
        best_less_cost(source, ends, 0, 2 if s < k else 1, prices, 0, to, at + starts[rest, s], size)


@kernel
def dive_by_row(
    n: int, k: int, rows: int, starts: Ints, blocks: Ints, cost: Reals, source: Reals, to: Reals, low: int, high: int
) -> None:
    """Make the first `rows` assets new, for every prefix whose first asset has units from `low` to below `high`.

    Parameters
    ----------
    n, k, rows : int
    starts, blocks
        Of the plan.
    cost : (N, 4 K + 1) float64
        By (old - new units) + 2 K.
    source : (stride of S,) float64
        A value per state, in the turned order.
    to : (P_rows, stride of old parts) float64, flat
        Out.
    low, high : int
        Between -K and K + 1.
    """
    olds = old_places(n, k, rows, starts, blocks)
    offsets = np.zeros(rows + 1, np.int64)
    for m in range(1, rows):
        offsets[m + 1] = offsets[m] + stride(starts[n - m, k + 1])
    room = np.empty(offsets[rows] + 16, np.float64)
    width = stride(starts[n - rows, k + 1])
    group, place, now = np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64)
    for first in range(low, high):
        group[1] = abs(first)
        place[1] = starts[1, group[1]] + blocks[0, group[1], first + k]
        if rows == 1:
            one_new(0, n, k, first, starts, olds[0], cost[0], source, to, place[1] * width)
            continue
        one_new(0, n, k, first, starts, olds[0], cost[0], source, room, offsets[1])
        d = 1
        now[1] = -(k - group[1])
        while d > 0:
            a = now[d]
            if a > k - group[d]:
                d -= 1
                continue
            now[d] += 1
            total = group[d] + abs(a)
            out = starts[d + 1, total] + blocks[d, total, a + k] + place[d] - starts[d, group[d]]
            held = room[offsets[d] :]
            if d + 1 == rows:
                one_new(d, n, k, a, starts, olds[d], cost[d], held, to, out * width)
                continue
            one_new(d, n, k, a, starts, olds[d], cost[d], held, room, offsets[d + 1])
            d += 1
            group[d], place[d], now[d] = total, out, -(k - total)


@kernel
def all_new(
    m: int, n: int, k: int, s: int, begin: Ints, starts: Ints, blocks: Ints, cost: Reals, source: Reals, to: Reals,
    at: int,
) -> None:  # fmt: skip
    """Make asset m - 1 new for one suffix of s units: the row over new parts of m assets from those of m - 1.

    Parameters
    ----------
    begin : (2 (k - s) + 1,) int64
        Where the row for each old unit count of the asset begins in `source`.
    """
    moved = np.empty(2 * k + 1, np.int64)
    least = k if m == n else 0  # the last asset takes all units that are left
    count = 2 * (k - s) + 1
    for total in range(least, k + 1):
        first = starts[m, total] - starts[m, least]
        for a in range(-total, total + 1):
            group = total - abs(a)
            size = starts[m - 1, group + 1] - starts[m - 1, group]
            if size == 0:
                continue
            for j in range(count):
                moved[j] = begin[j] + starts[m - 1, group]
            place = at + first + blocks[m - 1, total, a + k]
            best_less_cost(source, moved, 0, count, cost, 2 * k - (k - s) - a, to, place, size)


@kernel
def dive_by_column(
    n: int, k: int, rows: int, starts: Ints, blocks: Ints, cost: Reals, source: Reals, to: Reals, low: int, high: int
) -> None:
    """Make the other assets but the last new, for the old suffixes of one asset with units from `low` to below `high`.

    Parameters
    ----------
    n, k, rows, starts, blocks, cost
        As for :func:`dive_by_row`; n - rows >= 2.
    source : (old parts of the last n - rows assets, stride of P_rows) float64, flat
        What :func:`dive_by_row` made, turned.
    to : (2 K + 1, stride of P_(n-1)) float64, flat
        Out: a row for each number of old units of the last asset.
    low, high : int
    """
    width = stride(starts[rows, k + 1])
    offsets = np.zeros(n + 1, np.int64)
    for m in range(rows + 1, n):
        offsets[m + 1] = offsets[m] + (2 * k + 1) * stride(starts[m, k + 1])
    room = np.empty(offsets[n] + 16, np.float64)
    units, place = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    now, chosen = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    begin = np.empty(2 * k + 1, np.int64)
    for last in range(low, high):
        m = n - 1
        units[m] = abs(last)
        place[m] = starts[1, units[m]] + blocks[0, units[m], last + k]
        now[m] = -(k - units[m])
        while m < n:
            s = units[m]
            rest = n - m
            if m - 1 > rows and now[m] <= k - s:  # a row that this one needs is not there yet
                x = now[m]
                now[m] += 1
                total = s + abs(x)
                chosen[m - 1] = x
                units[m - 1] = total
                place[m - 1] = starts[rest + 1, total] + blocks[rest, total, x + k] + place[m] - starts[rest, s]
                now[m - 1] = -(k - total)
                m -= 1
                continue
            held = source
            for x in range(-(k - s), k - s + 1):
                if m - 1 == rows:
                    total = s + abs(x)
                    old = starts[rest + 1, total] + blocks[rest, total, x + k] + place[m] - starts[rest, s]
                    begin[x + k - s] = old * width
                else:
                    begin[x + k - s] = offsets[m - 1] + (x + k) * stride(starts[m - 1, k + 1])
            if m - 1 != rows:
                held = room
            if m == n - 1:
                row = (last + k) * stride(starts[m, k + 1])
                all_new(m, n, k, s, begin, starts, blocks, cost[m - 1], held, to, row)
            else:
                row = offsets[m] + (chosen[m] + k) * stride(starts[m, k + 1])
                all_new(m, n, k, s, begin, starts, blocks, cost[m - 1], held, room, row)
            m += 1


@kernel
def last_new(n: int, k: int, starts: Ints, blocks: Ints, cost: Reals, source: Reals, to: Reals) -> None:
    """Make the last asset new, from a row for each number of its old units."""
    begin = np.empty(2 * k + 1, np.int64)
    for x in range(-k, k + 1):
        begin[x + k] = (x + k) * stride(starts[n - 1, k + 1])
    all_new(n, n, k, 0, begin, starts, blocks, cost[n - 1], source, to, 0)
