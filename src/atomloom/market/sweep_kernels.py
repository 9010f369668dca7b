"""One sweep over the trades: price changes of bars and the extent of buckets, no bar ever kept whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.market.cut_kernels import BLOCK, close_block, stage
from atomloom.market.lanes import extent, sort_8, sort_16

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Ticks = NDArray[np.integer[Any]]  # int32 or int64

_COUNTED = 256  # ticks between lowest and highest up to which prices are counted rather than sorted
_TOP = 2**31 - 1


@kernel
def twice_median(prices: Shorts, first: int, n: Any, counts: Shorts) -> int:
    """Twice the median of n prices from `first` on; four interleaved counters, so equal prices do not wait."""
    low, high = extent(prices, first, n)
    if high - low >= _COUNTED:
        ordered = np.sort(prices[first : first + n])
        return int(np.int64(ordered[(n - 1) // 2]) + ordered[n // 2])
    width = np.uint64(high - low + 1)
    counts[: 4 * width] = 0
    for j in range(first, first + n):
        counts[np.uint64(4) * np.uint64(prices[j] - low) + np.uint64(j & 3)] += np.int32(1)
    seen = 0
    step = -1
    lower = 0
    for half in range(2):
        rank = n // 2 if half else (n - 1) // 2
        while seen <= rank:
            step += 1
            seen += counts[4 * step] + counts[4 * step + 1] + counts[4 * step + 2] + counts[4 * step + 3]
        lower += step
    return int(2 * low + lower)


@kernel
def medians(prices: Shorts, trade: Ints, follow: Ints, first: int, stands: Shorts, scratch: Shorts) -> None:
    """Twice the median price of the trades of the bar that each closing trade ends.

    Parameters
    ----------
    prices : (P,) int32
        16 elements more than there are trades, so that registers may be filled past the end.
    trade, follow : (E,) int64
        Closing trades and the first trade of the bar after each.
    first : int
        First trade of the first of these bars.
    stands : (E,) int32
        Out.
    scratch : (4 * 256,) int32

    Notes
    -----
    Up to 16 trades are sorted in a register (:mod:`atomloom.market.lanes`). O(trades).
    """
    for e in range(len(trade)):
        count = np.uint64(trade[e] - first + 1)
        if count <= np.uint64(8):
            sort_8(prices, first, np.int64(count), scratch)
            stands[e] = scratch[(count - np.uint64(1)) >> np.uint64(1)] + scratch[count >> np.uint64(1)]
        elif count <= np.uint64(16):
            sort_16(prices, first, np.int64(count), scratch)
            stands[e] = scratch[(count - np.uint64(1)) >> np.uint64(1)] + scratch[count >> np.uint64(1)]
        else:
            stands[e] = twice_median(prices, first, np.int64(count), scratch)
        first = follow[e]


@kernel
def lasts(prices: Shorts, trade: Ints, stands: Shorts) -> None:
    """Twice the price of each closing trade."""
    for e in range(len(trade)):
        stands[e] = 2 * prices[np.uint64(trade[e])]


@kernel
def changes(stands: Shorts, prices: Shorts, trade: Ints, bars: Ints, before: int, out: Shorts) -> int:
    """Price change of every bar, in half ticks; returns the price of the last.

    A trade that completes several bars is alone in all but the first, so the second moves to
    that trade's price and the others do not move.
    """
    k = np.uint64(0)
    end = np.uint64(len(out))
    for e in range(len(trade)):
        now = np.int64(stands[e])
        alone = 2 * np.int64(prices[np.uint64(trade[e])])
        out[k] = now - before
        if k + np.uint64(1) < end:  # written in vain for a single bar: cheaper than to ask
            out[k + np.uint64(1)] = alone - now
        many = np.uint64(bars[e])
        for more in range(np.uint64(2), many):
            out[k + more] = 0
        before = int(alone) if many > np.uint64(1) else int(now)
        k += many
    return before


@kernel
def cut_buckets(
    prices: Shorts, end: int, trade: Ints, bars: Ints, follow: Ints, origin: int, per_bucket: int, now: Ints, out: Ints
) -> None:
    """Close the buckets whose last bar is completed in a block: (B, 5) first, last, low, high, close.

    Parameters
    ----------
    prices : (P,) int32
        16 elements more than `end`, the number of trades in the block.
    trade, bars, follow : (E,) int64
        Closing trades, the bars each completes, and the first trade after.
    origin : int
        What to add to a position of the block to get that of the trade in the data.
    per_bucket : int
        Bars per bucket.
    now : (6,) int64
        Carried from block to block: bucket, bars left in it, its first trade (in the data), lowest
        and highest price of its trades in earlier blocks, and where its trades in this block begin.
    out : (B, 5) int64
        Trades by their position in the data, prices relative to the base.
    """
    bucket, left, first, low, high, begin = now[0], now[1], now[2], now[3], now[4], now[5]
    for e in range(len(trade)):
        left -= bars[e]
        while left <= 0:
            last = trade[e]
            bottom, top = extent(prices, begin, last + 1 - begin)
            out[bucket, 0] = first
            out[bucket, 1] = last + origin
            out[bucket, 2] = min(low, bottom)
            out[bucket, 3] = max(high, top)
            out[bucket, 4] = prices[last]
            begin = follow[e] if left == 0 else last
            first = begin + origin
            low, high = np.int64(_TOP), np.int64(-_TOP - 1)
            left += per_bucket
            bucket += 1
    bottom, top = extent(prices, begin, end - begin)
    now[0], now[1], now[2], now[3], now[4], now[5] = bucket, left, first, min(low, bottom), max(high, top), begin


@kernel
def sweep(
    size: Ticks,
    px: Ticks,
    base: int,
    at: int,
    spent: int,
    start: int,
    num: int,
    den: int,
    per_bucket: int,
    before: Ints,
    by_median: Shorts,
    by_close: Shorts,
    buckets: Ints,
) -> bool:
    """Sweep over the trades of a run of whole buckets.

    Parameters
    ----------
    size, px : (T,) int32 or int64
        All trades.
    base : int
        Price in ticks that others are taken relative to.
    at, spent : int
        First trade of the run, and its volume that belongs to earlier buckets.
    start : int
        Edge where the run starts, times den, less its index times num: 0 <= start < den.
    num, den : int
        Edge k is the volume ceil(k num / den).
    per_bucket : int
        Bars per bucket.
    before : (2,) int64, changed in place
        Twice the (relative) median and last price of the bar before the run; then of its last bar.
    by_median, by_close : (N,) int32
        Out: change of every bar's median and last price, half ticks. One of them may have no elements.
    buckets : (B, 5) int64
        Out: first and last trade, lowest, highest and last price (relative) of each bucket.

    Returns
    -------
    bool
        False if a price is too far from the base.

    Notes
    -----
    Each trade is read once. O(trades of the run + N) time, O(BLOCK + trades of a bar) memory.
    """
    trade, bars, follow = np.empty(BLOCK + 1, np.int64), np.empty(BLOCK + 1, np.int64), np.empty(BLOCK + 1, np.int64)
    cumulative, place, passed = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.float64), np.empty(BLOCK, np.int32)
    stands, scratch = np.empty(BLOCK, np.int32), np.empty(4 * _COUNTED, np.int32)
    prices = np.empty(2 * BLOCK + 16, np.int32)
    now = np.array([0, per_bucket, at, _TOP, -_TOP - 1, 0])
    n = max(len(by_median), len(by_close))
    ready = 0
    first = 0  # of the open bar; prices before it are not needed again
    fill = 0
    while ready < n:
        m = min(BLOCK, len(size) - at)
        if first > 0:
            for j in range(fill - first):
                prices[j] = prices[first + j]
            fill -= first
            first = 0
        if fill + m + 16 > len(prices):
            prices = np.append(prices, np.empty(len(prices), np.int32))
        if not stage(px[at : at + m], base, prices[fill : fill + m]):
            return False
        now[5] = fill
        count, done, start = close_block(
            size[at : at + m], spent, fill, start, num, den, trade, bars, follow, cumulative, place, passed
        )
        if done > n - ready:  # trades beyond the run
            while done - bars[count - 1] >= n - ready:
                done -= bars[count - 1]
                count -= 1
            bars[count - 1] -= done - (n - ready)
            done = n - ready
        if len(by_median) and count:
            medians(prices, trade[:count], follow[:count], first, stands, scratch)
            here = by_median[ready : ready + done]
            before[0] = changes(stands[:count], prices, trade[:count], bars[:count], before[0], here)
        if len(by_close) and count:
            lasts(prices, trade[:count], stands)
            here = by_close[ready : ready + done]
            before[1] = changes(stands[:count], prices, trade[:count], bars[:count], before[1], here)
        cut_buckets(prices, fill + m, trade[:count], bars[:count], follow[:count], at - fill, per_bucket, now, buckets)
        first = follow[count - 1] if count else first
        ready += done
        spent = 0
        fill += m
        at += m
    return True
