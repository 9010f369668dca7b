"""Formulas that cut volume into bars exactly, a block of trades at a time and without branches on the data.

Volume edge k of N bars is ceil(k num / den), so the number of edges a cumulative volume c has
passed is floor(c den / num). Within a block that quotient is small, and float64 gets it right:
with r = (volume before the block) den - (bars before it) num, 0 <= r < num, the exact value
(c den + r) / num is at least 1 / num away from the next integer above, and half of that once 1/2
is added to r. `FITS` bounds the rounding to less; blocks beyond it are walked in integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.market.lanes import running_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Ticks = NDArray[np.integer[Any]]  # int32 or int64
    Floats = NDArray[np.float64]

BLOCK = 2048  # trades, and most bars, of a block; what is made of them stays in the first-level cache
FITS = 2.0**49  # of c den in a block
WIDE = 29  # bits of a price relative to the first one: twice a difference of two stays below 2^31


@kernel
def block_volumes(size: Ticks, step: int) -> Ints:
    """Add up the sizes of every `step` trades, the last block as long as it is; O(T)."""
    out = np.empty(-(-len(size) // step), np.int64)
    for b in range(len(out)):
        part = size[b * step : (b + 1) * step]
        total = np.int64(0)
        for j in range(len(part)):
            total += part[j]
        out[b] = total
    return out


@kernel
def locate(size: Ticks, trade: int, before: int, edge: int) -> tuple[int, int]:
    """Walk on to the trade that holds the unit of volume after `edge`; and the volume ahead of that trade."""
    while before + size[trade] <= edge:
        before += int(size[trade])
        trade += 1
    return trade, before


@kernel
def stage(source: Ticks, base: int, to: Shorts) -> bool:
    """Copy prices less `base` as int32; false if one of them is WIDE bits away from it or more."""
    spill: Any = np.int64(0)
    for j in range(len(source)):
        away = np.int64(source[j]) - base
        spill |= (away + (1 << WIDE)) >> (WIDE + 1)
        to[j] = away
    return bool(spill == 0)


@kernel
def places(part: Ticks, before: int, offset: float, scale: float, held: Ints, place: Floats, passed: Shorts) -> int:
    """Bars completed after each trade, as a real number and rounded down: (c + offset) scale.

    Parameters
    ----------
    part : (M,) int32 or int64
        Sizes.
    before : int
        Cumulative volume c ahead of them.
    offset, scale : float
    held : (M,) int64
        Scratch: a plain copy reads memory faster than anything that computes on the way.
    place, passed : (M,) float64, int32
        Out.

    Returns
    -------
    int
        Cumulative volume after them.
    """
    for j in range(len(part)):
        held[j] = part[j]
    total = running_places(held[: len(part)], np.int64(before), offset, scale, place, passed)
    for j in range(len(part) & -8, len(part)):
        total += part[j]
        place[j] = (total + offset) * scale
        passed[j] = np.int32(np.int64(place[j]))
    return int(total)


@kernel
def spans(
    passed: Shorts, place: Floats, scale: float, done: int, at: int, slot: Shorts, first: Ints, last: Ints
) -> None:
    """First and last trade of every bar that a block completes, without a branch on the data.

    Parameters
    ----------
    passed, place : (M,) int32, float64
        By :func:`places`.
    scale : float
        den / num.
    done : int
        Bars completed.
    at : int
        Position that the first trade of the block is given.
    slot : (at least done + 1,) int32
        Scratch: the last trade after which so many bars were complete.
    first : (at least done + 1,) int64
        first[0] is known; out: that of each next bar. It is the trade after the closing one where the volume
        ended on the edge (then the place is less than den / num beyond it), else the closing trade itself.
    last : (at least done,) int64
        Out: the closing trade of each bar.
    """
    for k in range(done + 1):
        slot[k] = -1
    for j in range(len(passed)):
        slot[np.uint64(passed[j])] = j
    latest: Any = np.int32(-1)
    for k in range(done):
        latest = max(latest, slot[k])  # a trade that completes several bars skips slots
        after = np.uint64(latest + 1)
        last[k] = at + latest + 1
        first[k + 1] = at + latest + 1 + (place[after] - (k + 1) < scale)


@kernel
def spans_exactly(
    part: Ticks, spent: int, at: int, start: int, num: int, den: int, most: int, first: Ints, last: Ints
) -> tuple[int, int, int, int]:
    """Do the same for any sizes, bar by bar in int64, up to so many bars.

    Parameters
    ----------
    part : (M,) integer
        Sizes of the trades of the block.
    spent : int
        Volume of the first trade that belongs to earlier bars.
    at : int
        Position that the first trade of the block is given.
    start : int
        r of the module, 0 <= start < num.
    num, den, most : int
    first, last : (most + 1,), (most,) int64
        As in :func:`spans`.

    Returns
    -------
    done, used, spent, start : int
        Bars completed, trades used up, and for the next block: volume of its first trade that is taken, and r.
    """
    whole, rest = num // den, num % den
    room = (num - start - 1) // den + 1  # volume that the open bar still takes
    carry = room * den - (num - start)  # how far its edge lies above k num / den, times den
    done = 0
    j = 0
    while j < len(part) and done < most:
        left = part[j] - spent
        if left < room:
            room -= left
            spent = 0
            j += 1
            continue
        spent += room
        last[done] = at + j
        done += 1
        if left == room:
            spent = 0
            j += 1
        first[done] = at + j
        room = whole + (carry < rest)
        carry += (den if carry < rest else 0) - rest
    return done, j, spent, num + carry - room * den


@kernel
def block_spans(
    part: Ticks,
    spent: int,
    at: int,
    start: int,
    num: int,
    den: int,
    first: Ints,
    last: Ints,
    slot: Shorts,
    held: Ints,
    place: Floats,
    passed: Shorts,
) -> tuple[int, int, int, int]:
    """Choose between the two for one block; arguments and result as :func:`spans_exactly`, then scratch."""
    scale = den / num
    m = len(part)
    total = places(part, -spent, (start + 0.5) / den, scale, held, place, passed)
    reach = (total + 1.0) * den
    if reach > FITS or reach >= num * float(len(last)):
        return spans_exactly(part, spent, at, start, num, den, len(last), first, last)
    done: Any = np.int64(passed[m - 1])
    spans(passed[:m], place, scale, done, at, slot, first, last)
    return done, m, 0, start + total * den - done * num
