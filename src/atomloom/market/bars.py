"""Bars from trades: exact volume splitting for VPIN, and the bars of AFML chapter 2."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, Infeasible
from atomloom.market.bar_cuts import (
    BAR_BYTES,
    MOST,
    Columns,
    Cut,
    Cutter,
    DollarCut,
    TickCut,
    TimeCut,
    VolumeCut,
    check_kind,
    check_room,
    whole,
)
from atomloom.market.bar_table import BAR_PRICES, Bars
from atomloom.store.schema import Trades

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

DAY_NS = 86_400 * 10**9


def volume_days(trades: Trades) -> int:
    """Count the days of the data: its calendar span in days of 24 hours, rounded up, at least 1.

    This is what "per day" means here. One session of 6.5 hours is one day, Monday's open to
    Friday's close is five, and nights, weekends and holidays in between count.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> volume_days(Trades(ts=[0, DAY_NS + 1], px=[1, 1], size=[1, 1]))
    2
    """
    span = int(trades.ts[-1]) - int(trades.ts[0])
    return max(1, -(-span // DAY_NS))


def volume_edges(n: int, numerator: int, denominator: int) -> NDArray[np.int64]:
    """Give the edges ceil(k numerator / denominator), k = 0..n, exactly.

    The product k numerator may pass int64; splitting the quotient off first keeps every step inside.

    Examples
    --------
    >>> volume_edges(3, 10, 3)
    array([ 0,  4,  7, 10])
    """
    whole, rest = divmod(numerator, denominator)
    if n * whole + -(-n * rest // denominator) > MOST or n * rest > MOST:
        message = f"{n:,} bars of {numerator}/{denominator} volume go beyond int64. Hint: rescale the sizes."
        raise BadInput(message)
    check_room(n, BAR_BYTES, "bars", "give larger bars, or fewer per day")
    k = np.arange(n + 1, dtype=np.int64)
    return k * whole - (-(k * rest) // denominator)


def volume_bars(
    trades: Trades,
    volume: int | None = None,
    *,
    bars_per_day: int | None = None,
    split: bool = True,
    price: str = "close",
) -> Bars:
    """Cut trades into bars of equal volume.

    Parameters
    ----------
    trades : Trades
    volume : int, optional
        Volume per bar.
    bars_per_day : int, optional
        Instead of volume: bars per average day. The total volume is then cut into
        ``bars_per_day * volume_days(trades)`` bars whose volumes differ by at most one and leave
        nothing over. The average looks ahead; pass ``volume`` where that matters.
    split : bool
        True cuts a trade that crosses an edge, so every bar has its volume exactly; one trade
        may fill many bars. False gives the bar the whole trade (AFML 2.3.1.3) and starts anew, so
        there are fewer bars than bars_per_day asks for.
    price : {"close", "mean", "median", "vwap", "weighted_median"}
        What stands for the bar: last price; mean or median over its trades; mean or median over its volume.

    Returns
    -------
    Bars
        Full bars only. None if the whole volume is less than one bar.

    Raises
    ------
    BadInput
        Unless exactly one of volume and bars_per_day is given, and is at least 1.
    Infeasible
        If bars_per_day asks for more bars than there is volume.
    OverBudget
        If the bars would not fit into memory: a tiny volume, or a huge trade.

    Notes
    -----
    Edges are integers: bar k ends at the volume ceil((k + 1) total / bars). O(T + N) time.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 1, 2], px=[10, 11, 12], size=[1, 5, 1])
    >>> volume_bars(trades, 3).n_trades, volume_bars(trades, 3, split=False).volume
    (array([2, 1]), array([6]))
    """
    check_kind(trades, Trades)
    check_price(price)
    if (volume is None) == (bars_per_day is None):
        raise BadInput("give exactly one of volume and bars_per_day. Hint: volume_bars(trades, bars_per_day=200).")
    total = trades.volume
    if bars_per_day is not None:
        bars = count(bars_per_day, "bars_per_day") * volume_days(trades)
        asked: dict[str, Any] = {"bars_per_day": int(bars_per_day), "split": bool(split)}
        _check_enough(total, bars, trades)
        if split:
            return split_bars(trades, volume_edges(bars, total, bars), price, asked)
        return _cut_bars(trades, VolumeCut(-(-total // bars)), "volume", price, asked)
    step = count(volume, "volume")
    asked = {"size": step, "split": bool(split)}
    if split:
        return split_bars(trades, volume_edges(total // step, step, 1), price, asked)
    return _cut_bars(trades, VolumeCut(step), "volume", price, asked)


def split_bars(trades: Trades, edges: NDArray[np.int64], price: str, config: Mapping[str, Any] | None = None) -> Bars:
    """Make the bars between given cumulative volumes, cutting trades that cross an edge.

    Parameters
    ----------
    trades : Trades
    edges : (N + 1,) int64
        Strictly increasing, from 0 to at most the total volume.
    price : str
        See :func:`volume_bars`.
    config : mapping, optional
        What the bars were asked for by, to be kept in them.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> split_bars(Trades(ts=[0, 1], px=[4, 8], size=[3, 3]), np.array([0, 2, 6]), "vwap").price
    array([4., 7.])
    """
    frozen = edges.view()
    frozen.flags.writeable = False
    return split_columns(trades.symbol, columns_of(trades), frozen, price, config)


def split_columns(
    symbol: str, columns: Columns, edges: NDArray[np.int64], price: str, config: Mapping[str, Any] | None = None
) -> Bars:
    """Make the bars between given cumulative volumes from bare columns: see :func:`split_bars`.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> columns = columns_of(Trades(ts=[0, 1], px=[4, 8], size=[3, 3]))
    >>> split_columns("ES", columns, np.array([0, 2, 6]), "vwap").price
    array([4., 7.])
    """
    from atomloom.market import bar_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    first, last, skip = bar_kernels.split_at(columns.size, edges)
    return assemble(symbol, columns, Cut(first, last, skip, np.diff(edges), int(edges[-1])), "volume", price, config)


def tick_bars(trades: Trades, ticks: int, *, price: str = "close") -> Bars:
    """Cut trades into bars of an equal number of trades (AFML 2.3.1.2); the rest is no bar.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> tick_bars(Trades(ts=[0, 1, 2], px=[10, 11, 12], size=[1, 5, 1]), 2).close_px
    array([11])
    """
    check_price(price)
    step = count(ticks, "ticks")
    return _cut_bars(trades, TickCut(step), "tick", price, {"size": step})


def dollar_bars(trades: Trades, value: float, *, price: str = "close") -> Bars:
    """Cut trades into bars that close once price times size reaches a value (AFML 2.3.1.4).

    Parameters
    ----------
    trades : Trades
    value : float
        Quote currency per bar.
    price : str
        See :func:`volume_bars`.

    Notes
    -----
    Values are added up in float64 from the start of each bar. The rest is no bar. O(T).

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> dollar_bars(Trades(ts=[0, 1, 2], px=[10, 11, 12], size=[1, 5, 1]), 60.0).volume
    array([6])
    """
    check_price(price)
    cutter = DollarCut(positive(value, "value", "the quote currency per bar, for example 1e6"))
    columns = columns_of(trades, positive=True)
    return assemble(trades.symbol, columns, cutter.cut(columns, 0), "dollar", price, {"size": cutter.threshold})


def time_bars(trades: Trades, seconds: float, *, price: str = "close") -> Bars:
    """Cut trades into bars of equal time, aligned to 1970-01-01 UTC; intervals without trades give no bar.

    Parameters
    ----------
    trades : Trades
    seconds : float
        Length of a bar, at least a nanosecond. The last bar may be cut short by the end of the data.
    price : str
        See :func:`volume_bars`.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> time_bars(Trades(ts=[0, 5 * 10**8, 10**9], px=[10, 11, 12], size=[1, 5, 1]), 1).volume
    array([6, 1])
    """
    check_price(price)
    columns = columns_of(trades)
    last = TimeCut(whole_ns(seconds)).cut(columns, 0).last
    cut = whole(np.append(last, len(trades) - 1))
    return assemble(trades.symbol, columns, cut, "time", price, {"size": float(seconds)})


def _cut_bars(trades: Trades, cutter: Cutter, kind: str, price: str, config: Mapping[str, Any]) -> Bars:
    columns = columns_of(trades)
    return assemble(trades.symbol, columns, cutter.cut(columns, 0), kind, price, config)


def columns_of(trades: Trades, *, positive: bool = False) -> Columns:
    """Give the columns that cuts and bars are made from; ``positive`` refuses prices that are not.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> columns_of(Trades(ts=[0], px=[1], size=[1])).tick_size
    1.0
    """
    check_kind(trades, Trades)
    if positive and int(trades.px.min()) <= 0:
        row = int(np.argmax(trades.px <= 0))
        message = (
            f"dollar bars need positive prices (first at row {row:,}: {int(trades.px[row])} ticks). "
            "Hint: use volume or tick bars for spreads."
        )
        raise BadInput(message)
    return Columns(trades.ts, trades.px, trades.size, trades.tick_size)


def assemble(
    symbol: str, columns: Columns, cut: Cut, kind: str, price: str, config: Mapping[str, Any] | None = None
) -> Bars:
    """Make the table of the bars that a cut finished; positions of the cut are rows of the columns.

    Examples
    --------
    >>> from atomloom.market.bar_cuts import whole
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 1, 2], px=[10, 11, 12], size=[1, 5, 1])
    >>> assemble("ES", columns_of(trades), whole(np.array([1])), "tick", "mean").price
    array([10.5])
    """
    from atomloom.market import bar_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    first, last, skip = cut.first, cut.last, cut.skip
    px, size = columns.px, columns.size
    high, low, traded = bar_kernels.extremes(px, size, first, last)
    volume = traded if cut.volume is None else cut.volume
    close = px[last].astype(np.int64)
    if price == "median":
        stands = bar_kernels.bar_median(px, first, last, high, low)
    elif price == "weighted_median":
        stands = bar_kernels.bar_weighted_median(px, size, first, last, skip, volume)
    elif price in {"mean", "vwap"}:
        stands = bar_kernels.bar_mean(px, size, first, last, skip, volume, price == "vwap")
    else:
        stands = close.astype(np.float64)
    return Bars(
        start_ts=columns.ts[first],
        end_ts=columns.ts[last],
        open_px=px[first].astype(np.int64),
        high_px=high,
        low_px=low,
        close_px=close,
        price_px=stands,
        volume=volume,
        n_trades=last - first + 1,
        tick_size=columns.tick_size,
        kind=kind,
        price_kind=price,
        symbol=symbol,
        config=dict(config or {}),
    )


def count(value: Any, name: str) -> int:
    """Return a whole number of at least 1 that fits into int64, or refuse it.

    Examples
    --------
    >>> count(3, "ticks")
    3
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        message = f"{name} is {value!r}. Hint: give a whole number, at least 1."
        raise BadInput(message)
    if value > MOST:
        message = f"{name} is {value!r}, beyond int64. Hint: give less."
        raise BadInput(message)
    return int(value)


def positive(value: Any, name: str, what: str) -> float:
    """Return a positive finite number as a float, or refuse it with what it should be.

    Examples
    --------
    >>> positive(3, "value", "the quote currency per bar")
    3.0
    """
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (real and math.isfinite(value) and value > 0):
        message = f"{name} is {value!r}. Hint: give {what}."
        raise BadInput(message)
    return float(value)


def whole_ns(seconds: Any, name: str = "seconds") -> int:
    """Return a length in seconds as whole ns, at least one, or refuse it.

    Examples
    --------
    >>> whole_ns(0.5)
    500000000
    """
    step = round(positive(seconds, name, "a positive length in seconds, for example 60") * 10**9)
    if not 1 <= step < 2**62:
        message = f"{name} is {seconds!r}. Hint: give a length in seconds, between a nanosecond and a century."
        raise BadInput(message)
    return step


def check_price(price: str) -> None:
    """Refuse what is no price of a bar.

    Examples
    --------
    >>> check_price("close")
    """
    if price not in BAR_PRICES:
        message = f"price is {price!r}. Hint: choose one of {', '.join(BAR_PRICES)}."
        raise BadInput(message)


def _check_enough(total: int, bars: int, trades: Trades) -> None:
    if total < bars:
        message = (
            f"{bars:,} bars are asked for and {trades.symbol} has a volume of {total:,}. "
            "Hint: ask for fewer bars per day, or give more data."
        )
        raise Infeasible(message)
