"""One sweep over the trades: price changes of bars and the extent of buckets, no bar ever kept whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.market.cut_kernels import BLOCK, block_spans, stage
from atomloom.market.lanes import extent, sort_8, sort_16
from atomloom.market.median_lanes import WIDTH, middles_8

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Ticks = NDArray[np.integer[Any]]  # int32 or int64
    Floats = NDArray[np.float64]

_COUNTED = 256  # ticks between lowest and highest up to which prices are counted rather than sorted
_TOP = 2**31 - 1


@kernel
def of_rank(part: Shorts, rank: int, low: int, high: int) -> int:
    """Price of a rank, by halving the range that it must lie in; O(n log(high - low)), without a sort's branches."""
    while low < high:
        middle = low + (high - low) // 2
        through = 0
        for j in range(len(part)):
            through += part[j] <= middle
        if through > rank:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def twice_median(prices: Shorts, first: int, n: Any, counts: Shorts) -> int:
    """Twice the median of n prices from `first` on; four interleaved counters, so equal prices do not wait."""
    low, high = extent(prices, first, n)
    if high - low >= _COUNTED:
        part = prices[first : first + n]
        return of_rank(part, (n - 1) // 2, low, high) + of_rank(part, n // 2, low, high)
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
def median_of(prices: Shorts, first: int, last: int, scratch: Shorts) -> int:
    """Twice the median of the trades of one bar; up to 16 are sorted in a register (:mod:`atomloom.market.lanes`)."""
    count = np.uint64(last - first + 1)
    if count > np.uint64(16):
        return twice_median(prices, first, np.int64(count), scratch)
    if count <= np.uint64(8):
        sort_8(prices, first, np.int64(count), scratch)
    else:
        sort_16(prices, first, np.int64(count), scratch)
    return int(scratch[(count - np.uint64(1)) >> np.uint64(1)]) + int(scratch[count >> np.uint64(1)])


@kernel
def medians(prices: Shorts, first: Ints, last: Ints, stands: Shorts, scratch: Shorts) -> None:
    """Twice the median price of the trades of each bar.

    Parameters
    ----------
    prices : (P,) int32
        16 elements more than there are trades, so that registers may be filled past the end.
    first, last : (at least K,), (K,) int64
        First and last trade of each bar.
    stands : (K,) int32
        Out.
    scratch : (4 * 256,) int32

    Notes
    -----
    Eight bars at a time (:mod:`atomloom.market.median_lanes`), one by one where a bar has more than 8 trades.
    O(trades).
    """
    whole = len(last) & -WIDTH
    for k in range(0, whole, WIDTH):
        many = middles_8(prices, first, last, k, stands)
        if many:
            for j in range(k, k + WIDTH):
                if (many >> (j - k)) & 1:
                    stands[j] = median_of(prices, first[j], last[j], scratch)
    for k in range(whole, len(last)):
        stands[k] = median_of(prices, first[k], last[k], scratch)


@kernel
def closes(prices: Shorts, last: Ints, stands: Shorts) -> None:
    """Twice the last price of each bar."""
    for k in range(len(last)):
        stands[k] = 2 * prices[np.uint64(last[k])]


@kernel
def changes(stands: Shorts, before: Any, out: Shorts) -> Any:
    """Change of each price from the one before, in half ticks; returns the last price."""
    out[0] = stands[0] - before
    for k in range(1, len(stands)):
        out[k] = stands[k] - stands[k - 1]
    return np.int64(stands[len(stands) - 1])


@kernel
def cut_buckets(
    prices: Shorts,
    end: int,
    first: Ints,
    last: Ints,
    origin: int,
    base: int,
    per_bucket: int,
    now: Ints,
    trades: Ints,
    extremes: Floats,
) -> None:
    """Close the buckets whose last bar is completed in a block.

    Parameters
    ----------
    prices : (P,) int32
        16 elements more than `end`, which is after the last trade that was used up.
    first, last : (K + 1,), (K,) int64
        First and last trade of each bar, and the first of the bar after.
    origin : int
        What to add to a position of the block to get that of the trade in the data.
    base : int
        What to add to a price.
    per_bucket : int
        Bars per bucket.
    now : (6,) int64
        Carried from block to block: bucket, bars left in it, its first trade (in the data), lowest
        and highest price of its trades in earlier blocks, and where its trades in this block begin.
    trades : (2, B) int64
        Out: first and last trade, by their position in the data.
    extremes : (3, B) float64
        Out: lowest, highest and last price.
    """
    bucket, opened, low, high, begin = now[0], now[2], now[3], now[4], now[5]
    k = now[1] - 1  # the bar that closes the bucket
    while k < len(last):
        bottom, top = extent(prices, begin, last[k] + 1 - begin)
        trades[0, bucket] = opened
        trades[1, bucket] = last[k] + origin
        extremes[0, bucket] = float(base + min(low, bottom))
        extremes[1, bucket] = float(base + max(high, top))
        extremes[2, bucket] = float(base + prices[last[k]])
        begin = first[k + 1]
        opened = begin + origin
        low, high = np.int64(_TOP), np.int64(-_TOP - 1)
        k += per_bucket
        bucket += 1
    bottom, top = extent(prices, begin, end - begin)
    now[0], now[1], now[2], now[5] = bucket, k - len(last) + 1, opened, begin
    now[3], now[4] = min(low, bottom), max(high, top)


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
    trades: Ints,
    extremes: Floats,
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
    trades : (2, B) int64
        Out: first and last trade of each bucket. Their times are looked up elsewhere: here one wait for
        memory would follow the other.
    extremes : (3, B) float64
        Out: lowest, highest and last price of each bucket, ticks.

    Returns
    -------
    bool
        False if a price is too far from the base.

    Notes
    -----
    Each trade is read once. O(trades of the run + N) time, O(BLOCK + trades of a bar) memory.
    """
    first, last, slot = np.empty(BLOCK + 1, np.int64), np.empty(BLOCK, np.int64), np.empty(BLOCK + 1, np.int32)
    held, place, passed = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.float64), np.empty(BLOCK, np.int32)
    stands, scratch = np.empty(BLOCK, np.int32), np.empty(4 * _COUNTED, np.int32)
    prices = np.empty(2 * BLOCK + 16, np.int32)
    now = np.array([0, per_bucket, at, _TOP, -_TOP - 1, 0])
    n = max(len(by_median), len(by_close))
    ready = 0
    fill = 0
    first[0] = 0  # of the open bar; prices before it are not needed again
    while ready < n:
        m = min(BLOCK, len(size) - at)
        kept = first[0]
        if kept > 0:
            for j in range(fill - kept):
                prices[j] = prices[kept + j]
            fill -= kept
            first[0] = 0
        if fill + m + 16 > len(prices):
            small = prices
            prices = np.empty(2 * len(small), np.int32)
            for j in range(fill):
                prices[j] = small[j]
        if not stage(px[at : at + m], base, prices[fill : fill + m]):
            return False
        now[5] = fill
        done, used, spent, start = block_spans(
            size[at : at + m], spent, fill, start, num, den, first, last, slot, held, place, passed
        )
        done = min(done, n - ready)
        if len(by_median) and done:
            medians(prices, first, last[:done], stands, scratch)
            before[0] = changes(stands[:done], before[0], by_median[ready : ready + done])
        if len(by_close) and done:
            closes(prices, last[:done], stands)
            before[1] = changes(stands[:done], before[1], by_close[ready : ready + done])
        cut_buckets(prices, fill + used, first, last[:done], at - fill, base, per_bucket, now, trades, extremes)
        first[0] = first[done]
        ready += done
        fill += used
        at += used
    return True
