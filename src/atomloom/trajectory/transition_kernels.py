"""One step in time for all states at once: the best predecessor under costs that are sums over assets.

max over i of phi[i] - sum over n of c_n(p_jn - p_in) is taken asset by asset, over mixed states whose first assets are
already new and whose last ones are still old. That is a sum over m of |B_m| |B_(N-m+1)| steps (B_m the points of Z^m
with at most K units) instead of N times the square of the number of states, and asks nothing of the costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.trajectory.lane_kernels import WIDTH, best_less_cost

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@kernel
def stride(points: int) -> int:
    """Length of a row of so many points: a multiple of the register's width, and one register behind the last."""
    return (points + 2 * WIDTH - 1) // WIDTH * WIDTH


@kernel
def new_by_row(m: int, n: int, k: int, starts: Ints, blocks: Ints, cost: Reals, source: Reals, to: Reals) -> None:
    """Make asset m new, with a row for each point of the m assets before it.

    Parameters
    ----------
    m, n, k : int
        Assets that are new already, all assets, units.
    starts, blocks
        Of the plan.
    cost : (4 K + 1,) float64
        Cost of asset m by (old - new units) + 2 K.
    source : (P_m, stride of old assets m .. n - 1) float64, flat
        For m = 0 one row of states in the turned order.
    to : (P_(m+1), stride of old assets m + 1 .. n - 1) float64, flat
        Out.
    """
    rest = n - m - 1  # assets that are still old afterwards
    wide, narrow = stride(starts[rest + 1, k + 1]), stride(starts[rest, k + 1])
    if m == 0:
        wide = stride(starts[n, k + 1] - starts[n, k])
    begin = np.empty((k + 1, 2 * k + 1), np.int64)
    prices = np.empty(2 * k + 1, np.float64)
    group = 0
    for row in range(starts[m, k + 1]):
        while starts[m, group + 1] <= row:
            group += 1
        for s in range(k + 1):
            for x in range(-(k - s), k - s + 1):
                first = starts[rest + 1, s + abs(x)] if m > 0 else 0
                begin[s, x + k - s] = row * wide + first + blocks[rest, s + abs(x), x + k]
        for a in range(-(k - group), k - group + 1):
            total = group + abs(a)
            out = starts[m + 1, total] + blocks[m, total, a + k] + row - starts[m, group]
            for s in range(k + 1):
                size = starts[rest, s + 1] - starts[rest, s]
                if size == 0:
                    continue
                at = out * narrow + starts[rest, s]
                if m > 0:
                    best_less_cost(source, begin[s], 0, 2 * (k - s) + 1, cost, 2 * k - (k - s) - a, to, at, size)
                    continue
                prices[0] = cost[2 * k - (k - s) - a]
                begin[s, 1] = begin[s, 2 * (k - s)]
                prices[1] = cost[2 * k + (k - s) - a]
                best_less_cost(source, begin[s], 0, 2 if s < k else 1, prices, 0, to, at, size)


@kernel
def new_by_column(m: int, n: int, k: int, starts: Ints, blocks: Ints, cost: Reals, source: Reals, to: Reals) -> None:
    """Make asset m new, with a row for each point of the old assets behind it.

    Parameters
    ----------
    m, n, k, starts, blocks, cost
        As for :func:`new_by_row`, with m >= 1.
    source : (points of old assets m .. n - 1, stride of P_m) float64, flat
    to : (points of old assets m + 1 .. n - 1, stride of P_(m+1)) float64, flat
        Out; for the last asset one row of states.
    """
    rest = n - m - 1
    narrow, wide = stride(starts[m, k + 1]), stride(starts[m + 1, k + 1])
    begin = np.empty(2 * k + 1, np.int64)
    moved = np.empty(2 * k + 1, np.int64)
    s = 0
    for row in range(starts[rest, k + 1]):
        while starts[rest, s + 1] <= row:
            s += 1
        for x in range(-(k - s), k - s + 1):
            old = starts[rest + 1, s + abs(x)] + blocks[rest, s + abs(x), x + k] + row - starts[rest, s]
            begin[x + k - s] = old * narrow
        least = k if rest == 0 else 0  # the last asset takes all units that are left
        for total in range(least, k + 1):
            first = starts[m + 1, total] - starts[m + 1, least]
            for a in range(-total, total + 1):
                group = total - abs(a)
                size = starts[m, group + 1] - starts[m, group]
                if size == 0:
                    continue
                count = 2 * (k - s) + 1
                for j in range(count):
                    moved[j] = begin[j] + starts[m, group]
                at = row * wide + first + blocks[m, total, a + k]
                best_less_cost(source, moved, 0, count, cost, 2 * k - (k - s) - a, to, at, size)


@kernel
def turn(rows: int, columns: int, source: Reals, to: Reals, low: int, high: int) -> None:
    """Write columns `low` to `high` of a matrix with strided rows as the rows of another one."""
    wide, tall, tile = stride(columns), stride(rows), 16
    for left in range(low, high, tile):
        for top in range(0, rows, tile):
            for j in range(left, min(left + tile, high)):
                for i in range(top, min(top + tile, rows)):
                    to[np.uint64(j * tall + i)] = source[np.uint64(i * wide + j)]


@kernel
def step(
    n: int, k: int, rows: int, starts: Ints, blocks: Ints, cost: Reals, source: Reals, one: Reals, two: Reals
) -> Reals:
    """Take all assets from old to new, in this thread; gives the room that holds the result.

    Parameters
    ----------
    n, k : int
        At least 2 assets.
    rows : int
        Assets that are made new by :func:`new_by_row`.
    starts, blocks
        Of the plan.
    cost : (N, 4 K + 1) float64
    source : (stride of S,) float64
        A value per state, in the turned order.
    one, two : (R,) float64
        Room.
    """
    held, to, free = source, one, two
    for m in range(n):
        if m == rows:
            rest = n - m
            turn(starts[m, k + 1], starts[rest, k + 1], held, to, 0, starts[rest, k + 1])
            held, to, free = to, free, to
        if m < rows:
            new_by_row(m, n, k, starts, blocks, cost[m], held, to)
        else:
            new_by_column(m, n, k, starts, blocks, cost[m], held, to)
        held, to, free = to, free, to
    return held


@kernel
def forward(
    n: int, k: int, rows: int, starts: Ints, blocks: Ints, order: Ints, turned: Ints, cost: Reals, node: Reals,
    one: Reals, two: Reals, source: Reals, best: Reals,
) -> None:  # fmt: skip
    """Best value of every state at every horizon: one pass, in this thread.

    Parameters
    ----------
    order, turned : (S,) int64
        Of the plan.
    cost : (H, N, 4 K + 1) float64
        Those of the first horizon are not used.
    node : (H, S) float64
        What a state is worth by itself, states in lexicographic order.
    one, two, source : (R,), (R,), (stride of S,) float64
        Room.
    best : (H, S) float64
        Out.
    """
    for s in range(len(order)):
        best[0, s] = node[0, s]
    for h in range(1, len(node)):
        for s in range(len(order)):
            source[s] = best[h - 1, turned[s]]
        found = step(n, k, rows, starts, blocks, cost[h], source, one, two)
        for s in range(len(order)):
            best[h, order[s]] = found[s] + node[h, order[s]]
