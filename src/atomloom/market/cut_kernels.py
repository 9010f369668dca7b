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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Ticks = NDArray[np.integer[Any]]  # int32 or int64
    Floats = NDArray[np.float64]

BLOCK = 2048  # trades; what is made of them stays in the first-level cache
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
def running(part: Ticks, before: int, cumulative: Ints) -> int:
    """Cumulative volume after each trade of a block; returns the last."""
    for j in range(len(part)):  # a copy reads memory faster than a sum that waits for itself
        cumulative[j] = part[j]
    total = np.int64(before)
    for j in range(len(part)):
        total += cumulative[j]
        cumulative[j] = total
    return int(total)


@kernel
def places(cumulative: Ints, offset: float, scale: float, place: Floats, passed: Shorts) -> None:
    """Bars completed after each trade, as a real number and rounded down: (c + offset) scale."""
    for j in range(len(cumulative)):
        real = (cumulative[j] + offset) * scale
        place[j] = real
        passed[j] = np.int32(np.int64(real))


@kernel
def closers(passed: Shorts, at: int, trade: Ints) -> Any:
    """List the trades that complete a bar, counted from `at`, without a branch; returns how many there are."""
    count: Any = np.uint64(0)
    last = np.int32(0)
    for j in range(len(passed)):
        trade[count] = j + at
        count += np.uint64(passed[j] != last)
        last = passed[j]
    return np.int64(count)


@kernel
def touched(trade: Ints, at: int, place: Floats, scale: float, bars: Ints, follow: Ints) -> None:
    """How many bars each closing trade completes, and the first trade of the bar after.

    That is the next trade where the volume ended on an edge (the remainder is below den, so the
    fraction of the place below den / num), else the closing trade itself.
    """
    before = np.int64(0)
    for e in range(len(trade)):
        j = np.uint64(trade[e] - at)
        passed = np.int64(place[j])
        follow[e] = trade[e] + (place[j] - passed < scale)
        bars[e] = passed - before
        before = passed


@kernel
def close_exactly(
    part: Ticks, spent: int, at: int, start: int, num: int, den: int, trade: Ints, bars: Ints, follow: Ints
) -> tuple[int, int, int]:
    """Do the same for any sizes, bar by bar in int64.

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

    Returns
    -------
    count, passed, start : int
        Closing trades, bars completed, r of the next block.
    """
    whole, rest = num // den, num % den
    room = (num - start - 1) // den + 1  # volume that the open bar still takes
    carry = room * den - (num - start)  # how far its edge lies above k num / den, times den
    count = 0
    passed = 0
    for j in range(len(part)):
        left: Any = np.int64(part[j]) - (spent if j == 0 else 0)
        done = 0
        while left >= room:
            left -= room
            done += 1
            room = whole + (carry < rest)
            carry += (den if carry < rest else 0) - rest
        room -= left
        if done:
            trade[count] = j + at
            bars[count] = done
            follow[count] = j + at + (left == 0)
            count += 1
            passed += done
    return count, passed, num + carry - room * den


@kernel
def close_block(
    part: Ticks,
    spent: int,
    at: int,
    start: int,
    num: int,
    den: int,
    trade: Ints,
    bars: Ints,
    follow: Ints,
    cumulative: Ints,
    place: Floats,
    passed: Shorts,
) -> tuple[int, int, int]:
    """Choose between the two for one block; arguments and result as :func:`close_exactly`, then scratch."""
    total = running(part, -spent, cumulative)
    if (total + 1.0) * den > FITS:
        return close_exactly(part, spent, at, start, num, den, trade, bars, follow)
    scale = den / num
    m = len(part)
    places(cumulative[:m], (start + 0.5) / den, scale, place, passed)
    count = closers(passed[:m], at, trade)
    touched(trade[:count], at, place, scale, bars, follow)
    done: Any = np.int64(passed[m - 1])
    return count, done, start + total * den - done * num
