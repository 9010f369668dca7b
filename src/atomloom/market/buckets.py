"""What the trades of each bucket leave behind: price changes, extremes and times; bars are not kept."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.kernels.memory import empty
from atomloom.market.layout import Layout, cut_bars, layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from numpy.typing import NDArray

    from atomloom.market.bar_table import Bars
    from atomloom.market.spec import VPINConfig
    from atomloom.store.schema import Trades

STEP = 8192  # trades per entry of the index of volumes
_ALONE = 1 << 17  # trades below which threads do not pay
_PART = 1 << 21  # trades of a part; what is made of it is still near when it is used
_SWEPT = ("median", "close")  # prices that are whole half ticks, in the order of the sweep


@dataclass(frozen=True, eq=False, repr=False)
class Buckets:
    """Buckets of some trades, as far as VPIN needs them.

    Attributes
    ----------
    layout : Layout
    start_ts, end_ts : (B,) int64
        Time of the first and last trade, ns UTC.
    high, low, close : (B,) float64
        Highest, lowest and last price, ticks.
    change : (N,) int32 or float64
        Change of the price that stands for each bar, half ticks; the first is 0.
    whole : bool
        Whether the changes are whole numbers by nature.
    most : (B,) float64
        Largest size of a change, 0 where they are not whole.
    sums : (B, 2) int64
        Sum and sum of squares of the changes: see :func:`atomloom.market.flow_kernels.bucket_sums`.

    Examples
    --------
    >>> from atomloom.market.spec import VPINConfig
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 1, 2, 3], px=[4, 6, 5, 4], size=[2, 2, 2, 2])
    >>> buckets_of(trades, VPINConfig(buckets_per_day=2, bars_per_bucket=2)).change
    array([ 0,  4, -2, -2], dtype=int32)
    """

    layout: Layout
    start_ts: NDArray[np.int64]
    end_ts: NDArray[np.int64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    change: NDArray[Any]
    whole: bool
    most: NDArray[np.float64]
    sums: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class VolumeIndex:
    """Volume ahead of every STEP-th trade, (T / STEP,) int64, and the total: where to start in the middle.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> volume_index(Trades(ts=[0, 1], px=[1, 1], size=[2, 3])).total
    5
    """

    ahead: NDArray[np.int64]
    total: int


def across(threads: int, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Do some work on each item, in threads where there is more than one; results in order.

    Examples
    --------
    >>> across(2, abs, [-1, 2])
    [1, 2]
    """
    if threads == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def ranges(n: int, parts: int) -> list[tuple[int, int]]:
    """Cut 0 .. n into up to `parts` runs of about equal length.

    Examples
    --------
    >>> ranges(5, 2)
    [(0, 2), (2, 5)]
    """
    ends = [n * part // parts for part in range(parts + 1)]
    return [(lo, hi) for lo, hi in itertools.pairwise(ends) if lo < hi]


def volume_index(trades: Trades, threads: int = 1) -> VolumeIndex:
    """Index the volume of some trades; O(T), at the speed of memory.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> volume_index(Trades(ts=[0, 1], px=[1, 1], size=[2, 3])).ahead
    array([0])
    """
    from atomloom.market.cut_kernels import block_volumes  # noqa: PLC0415 - numba loads when a formula is first used

    blocks = -(-len(trades) // STEP)
    parts = across(
        threads,
        lambda part: block_volumes(trades.size[part[0] * STEP : part[1] * STEP], STEP),
        ranges(blocks, threads),
    )
    after = np.cumsum(np.concatenate(parts))
    return VolumeIndex(np.concatenate([np.zeros(1, dtype=np.int64), after[:-1]]), int(after[-1]))


def buckets_of(
    trades: Trades,
    config: VPINConfig,
    *,
    bars: Bars | None = None,
    index: VolumeIndex | None = None,
    threads: int = 1,
) -> Buckets:
    """Reduce trades to buckets: by one sweep, or from bars where these are given or prices are no half ticks.

    Parameters
    ----------
    trades : Trades
        Positive prices.
    config : VPINConfig
    bars : Bars, optional
        Bars of this configuration; BadInput if they are not.
    index : VolumeIndex, optional
        Of these trades, where it is known already.
    threads : int
        The same bits for any number.

    Raises
    ------
    BadInput
        If a price is not positive, or the bars are not those of the configuration.
    Infeasible
        See :func:`layout_of`.

    Examples
    --------
    >>> from atomloom.market.spec import VPINConfig
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 1, 2, 3], px=[4, 6, 5, 4], size=[2, 2, 2, 2])
    >>> buckets_of(trades, VPINConfig(buckets_per_day=2, bars_per_bucket=2)).high
    array([6., 5.])
    """
    threads = threads if len(trades) >= _ALONE else 1
    index = volume_index(trades, threads) if index is None else index
    layout = layout_of(trades, config, index.total)
    if bars is None and config.price in _SWEPT:
        found = swept(trades, layout, (config.price,), index, threads)
        if found is not None:
            return found[config.price]
    if bars is not None:
        _check_bars(trades, bars, config, layout)
    check_prices(trades.px, 0)
    return _from_bars(cut_bars(trades, config) if bars is None else bars, config, layout)


def swept(
    trades: Trades, layout: Layout, prices: Collection[str], index: VolumeIndex, threads: int = 1
) -> dict[str, Buckets] | None:
    """Sweep over the trades once, for one or both prices that are whole half ticks.

    Parameters
    ----------
    trades : Trades
    layout : Layout
    prices : collection of {"close", "median"}
    index : VolumeIndex
    threads : int

    Returns
    -------
    dict of str to Buckets, or None
        None if prices lie so far apart that their half ticks do not fit int32.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 1, 2, 3], px=[4, 6, 5, 4], size=[2, 2, 2, 2])
    >>> both = swept(trades, Layout(2, 2, 8, 4), ("close", "median"), volume_index(trades))
    >>> both["close"].change
    array([ 0,  4, -2, -2], dtype=int32)
    """
    from atomloom.market import flow_kernels, sweep_kernels  # noqa: PLC0415 - numba, when a formula is first used

    n, per_bucket, base = layout.n_buckets, layout.per_bucket, int(trades.px[0])
    change = {price: empty(layout.n_bars if price in prices else 0, np.int32) for price in _SWEPT}
    most = {price: empty(n) for price in prices}
    sums = {price: empty((n, 2), np.int64) for price in prices}
    times, extremes = empty((2, n), np.int64), empty((3, n))

    def run(bar: int, each: int, before: NDArray[np.int64], out: list[NDArray[np.int32]], to: tuple[Any, Any]) -> bool:
        at, spent = _locate(trades, index, layout.edge(bar))
        fits: bool = sweep_kernels.sweep(
            trades.size, trades.px, base, at, spent, layout.carry(bar), layout.num, layout.den, each, before,
            out[0], out[1], to[0], to[1],
        )  # fmt: skip
        return fits

    def part(span: tuple[int, int]) -> bool:
        lo, hi = span
        bars = slice(lo * per_bucket, hi * per_bucket)
        before, one = np.zeros(2, np.int64), [np.empty(min(1, len(change[price])), np.int32) for price in _SWEPT]
        # the bar before, or the first
        fits = run(max(bars.start - 1, 0), 1, before, one, (np.empty((2, 2), np.int64)[:, :1], np.empty((3, 2))[:, :1]))
        to = times[:, lo:hi], extremes[:, lo:hi]
        fits = fits and run(bars.start, per_bucket, before, [change[price][bars] for price in _SWEPT], to)
        if fits:
            to[0][:] = trades.ts.take(to[0])
            for price in prices:
                flow_kernels.bucket_sums(change[price][bars], per_bucket, True, most[price][lo:hi], sums[price][lo:hi])
        return fits

    parts = max(1 if threads == 1 else 4 * threads, len(trades) // _PART)
    if not all(across(threads, part, ranges(n, parts))):
        return None
    low, high, close = extremes
    if low.min() <= 0:
        check_prices(trades.px, 0)
    rest = _locate(trades, index, layout.edge(layout.n_bars) - 1)[0]
    check_prices(trades.px[rest:], rest)
    return {
        price: Buckets(
            layout, times[0], times[1], high, low, close, change[price], whole=True, most=most[price], sums=sums[price]
        )
        for price in prices
    }


def _locate(trades: Trades, index: VolumeIndex, edge: int) -> tuple[int, int]:
    """Find the trade that holds the unit of volume after an edge, and how much of it lies before."""
    from atomloom.market.cut_kernels import locate  # noqa: PLC0415 - numba loads when a formula is first used

    block = int(np.searchsorted(index.ahead, edge, side="right")) - 1
    at, before = locate(trades.size, block * STEP, int(index.ahead[block]), edge)
    return at, edge - before


def _from_bars(bars: Bars, config: VPINConfig, layout: Layout) -> Buckets:
    from atomloom.market.flow_kernels import bucket_sums  # noqa: PLC0415 - numba loads when a formula is first used

    shape = (layout.n_buckets, layout.per_bucket)
    whole = config.price in _SWEPT
    change = 2.0 * np.diff(bars.price_px, prepend=bars.price_px[:1])
    most, sums = np.empty(layout.n_buckets), np.empty((layout.n_buckets, 2), np.int64)
    bucket_sums(change, layout.per_bucket, whole, most, sums)
    first, last = slice(0, None, layout.per_bucket), slice(layout.per_bucket - 1, None, layout.per_bucket)
    return Buckets(
        layout,
        bars.start_ts[first],
        bars.end_ts[last],
        bars.high_px.reshape(shape).max(axis=1).astype(np.float64),
        bars.low_px.reshape(shape).min(axis=1).astype(np.float64),
        bars.close_px[last].astype(np.float64),
        change,
        whole,
        most,
        sums,
    )


def check_prices(px: NDArray[Any], start: int = 0) -> None:
    """Refuse prices that are not positive; `start` is the row of the first.

    Examples
    --------
    >>> check_prices(np.array([1, 2]))
    """
    if int(px.min()) <= 0:
        row = int(np.argmax(px <= 0))
        message = (
            f"px has values that are not positive (first at row {start + row:,}: {int(px[row])} ticks), "
            "and the moves after events are log returns. "
            "Hint: take store[SYMBOL].where('price > 0').trades(), or shift the prices of a spread."
        )
        raise BadInput(message)


def _check_bars(trades: Trades, bars: Bars, config: VPINConfig, layout: Layout) -> None:
    same = (
        len(bars) == layout.n_bars
        and bars.price_kind == config.price
        and int(bars.start_ts[0]) == int(trades.ts[0])
        and int(bars.volume.sum()) == layout.edge(layout.n_bars)
    )
    if not same:
        message = (
            f"bars are {bars!r}; these trades and this configuration need {layout.n_bars:,} with price "
            f"{config.price!r}. Hint: bars=build_bars(trades, config)."
        )
        raise BadInput(message)
