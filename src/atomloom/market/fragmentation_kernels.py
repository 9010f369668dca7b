"""Formulas of fragmentation; their plain-Python twin is in tests/oracles/hhi_oracle.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


@kernel
def hhi_on(
    cell: Ints, ts: Ints, venue: NDArray[np.uint8], weight: Ints, ring: Ints, window: Ints, place: Ints, upto: Any,
    table: Ints, share: Floats,
) -> int:  # fmt: skip
    """Herfindahl index over venues of each window of cells that new rows finish.

    Parameters
    ----------
    cell : (T,) int64
        Cell of each row, never decreasing.
    ts : (T,) int64
    venue : (T,) uint8
    weight : (T,) int64
    ring : (m, V + 2) int64, changed in place
        Per cell of the window: weight of each venue, rows, time of the first row.
    window : (V + 1,) int64, changed in place
        Their sums over the window.
    place : (4,) int64, changed in place
        Whether there was a row, first cell, open cell, time of the last row.
    upto : int
        After the rows, cells before this one are over as well.
    table : (R, 8) int64, changed in place
        Per finished window: last cell, first and last time, venues, weight, rows, largest venue, its weight.
    share : (R,) float64, changed in place
        The index: sum over venues of (weight / weight of all)^2.

    Returns
    -------
    int
        Windows finished. Windows that begin before the first cell, and empty ones, are none.

    Notes
    -----
    Weights are whole numbers, so what leaves a window leaves nothing behind. O(T + R V).
    """
    m, venues = len(ring), len(window) - 1
    n = 0
    for row in range(len(cell) + 1):
        to = cell[row] if row < len(cell) else upto
        if place[0] == 0:
            if row == len(cell):
                break
            place[0], place[1], place[2] = 1, to, to
        while place[2] < to:
            now = place[2]
            total = np.int64(0)
            for v in range(venues):
                total += window[v]
            if total > 0 and now - place[1] >= m - 1:
                index = 0.0
                held = top = 0
                for v in range(venues):
                    part = window[v] / total
                    index += part * part
                    held += window[v] > 0
                    if window[v] > window[top]:
                        top = v
                share[n] = index
                table[n, 0], table[n, 1], table[n, 2] = now, ring[(now + 1) % m, venues + 1], place[3]
                table[n, 3], table[n, 4], table[n, 5] = held, total, window[venues]
                table[n, 6], table[n, 7] = top, window[top]
                n += 1
            if window[venues] == 0:  # nothing will come of the cells in between
                place[2] = to
            else:
                place[2] = now + 1
                slot = (now + 1) % m
                for v in range(venues + 1):
                    window[v] -= ring[slot, v]
                    ring[slot, v] = 0
        if row < len(cell):
            slot = to % m
            if ring[slot, venues] == 0:
                ring[slot, venues + 1] = ts[row]
            ring[slot, venue[row]] += weight[row]
            ring[slot, venues] += 1
            window[venue[row]] += weight[row]
            window[venues] += 1
            place[3] = ts[row]
    return n


@kernel
def volume_pieces(size: NDArray[Any], step: int, held: Any, n: int) -> tuple[Ints, Ints, Ints]:
    """Cut trades where their cumulative volume crosses multiples of a step.

    Parameters
    ----------
    size : (T,) int32 or int64
    step, held : int
        Volume of a cell; volume in the open cell before these trades, below ``step``.
    n : int
        Room for the pieces: at least trades plus cells crossed.

    Returns
    -------
    trade, amount, cell : (P,) int64
        Which trade each piece is of, its volume, and its cell counted from the open one.
    """
    trade = np.empty(n, np.int64)
    amount = np.empty(n, np.int64)
    cell = np.empty(n, np.int64)
    p = 0
    now = 0
    for t in range(len(size)):
        left = np.int64(size[t])
        while left > 0:
            take = min(left, step - held)
            trade[p], amount[p], cell[p] = t, take, now
            p += 1
            left -= take
            held += take
            if held == step:
                held = 0
                now += 1
    return trade[:p].copy(), amount[:p].copy(), cell[:p].copy()
