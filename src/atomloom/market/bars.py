"""Bars from trades: exact volume splitting for VPIN, and the bars of AFML chapter 2."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.errors import BadInput, Infeasible
from atomloom.market.bar_table import PRICES, Bars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.store.schema import Trades

DAY_NS = 86_400 * 10**9


class Cut(NamedTuple):
    """Which trades each bar touches, (N,) int64 each: see :func:`atomloom.market.kernels.split_at`."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    skip: NDArray[np.int64]
    volume: NDArray[np.int64]


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
    if n * whole + -(-n * rest // denominator) > 2**63 - 1 or n * rest > 2**63 - 1:
        message = f"{n:,} bars of {numerator}/{denominator} volume go beyond int64. Hint: rescale the sizes."
        raise BadInput(message)
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
    price : {"close", "mean", "median", "vwap"}
        What stands for the bar: last price; mean or median over its trades; mean over its volume.

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
    _check_price(price)
    if (volume is None) == (bars_per_day is None):
        raise BadInput("give exactly one of volume and bars_per_day. Hint: volume_bars(trades, bars_per_day=200).")
    total = trades.volume
    if bars_per_day is not None:
        bars = _count(bars_per_day, "bars_per_day") * volume_days(trades)
        _check_enough(total, bars, trades)
        if split:
            return split_bars(trades, volume_edges(bars, total, bars), price)
        return _whole_bars(trades, _overshoot(trades.size, -(-total // bars)), "volume", price)
    step = _count(volume, "volume")
    if split:
        return split_bars(trades, volume_edges(total // step, step, 1), price)
    return _whole_bars(trades, _overshoot(trades.size, step), "volume", price)


def split_bars(trades: Trades, edges: NDArray[np.int64], price: str) -> Bars:
    """Make the bars between given cumulative volumes, cutting trades that cross an edge.

    Parameters
    ----------
    trades : Trades
    edges : (N + 1,) int64
        Strictly increasing, from 0 to at most the total volume.
    price : str
        See :func:`volume_bars`.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> split_bars(Trades(ts=[0, 1], px=[4, 8], size=[3, 3]), np.array([0, 2, 6]), "vwap").price
    array([4., 7.])
    """
    from atomloom.market import kernels  # noqa: PLC0415 - numba loads when a formula is first used

    first, last, skip = kernels.split_at(trades.size, edges)
    return _assemble(trades, Cut(first, last, skip, np.diff(edges)), "volume", price)


def tick_bars(trades: Trades, ticks: int, *, price: str = "close") -> Bars:
    """Cut trades into bars of an equal number of trades (AFML 2.3.1.2); the rest is no bar.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> tick_bars(Trades(ts=[0, 1, 2], px=[10, 11, 12], size=[1, 5, 1]), 2).close_px
    array([11])
    """
    _check_price(price)
    step = _count(ticks, "ticks")
    last = np.arange(step - 1, len(trades), step, dtype=np.int64)
    return _whole_bars(trades, last, "tick", price)


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
    _check_price(price)
    if not (math.isfinite(value) and value > 0):
        message = f"value is {value!r}. Hint: give the quote currency per bar, for example 1e6."
        raise BadInput(message)
    if int(trades.px.min()) <= 0:
        raise BadInput("dollar bars need positive prices. Hint: use volume_bars or tick_bars for spreads.")
    return _whole_bars(trades, _overshoot(trades.price * trades.size, float(value)), "dollar", price)


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
    _check_price(price)
    step = round(seconds * 10**9) if math.isfinite(seconds) else 0
    if step < 1:
        message = f"seconds is {seconds!r}. Hint: give a positive length, for example 60."
        raise BadInput(message)
    interval = trades.ts // step
    last = np.append(np.flatnonzero(interval[1:] != interval[:-1]), len(trades) - 1).astype(np.int64)
    return _whole_bars(trades, last, "time", price)


def _overshoot(weight: NDArray[Any], threshold: float) -> NDArray[np.int64]:
    from atomloom.market import kernels  # noqa: PLC0415 - numba loads when a formula is first used

    frozen = weight.view()
    frozen.flags.writeable = False
    last: NDArray[np.int64] = kernels.overshoot(frozen, threshold)
    return last


def _whole_bars(trades: Trades, last: NDArray[np.int64], kind: str, price: str) -> Bars:
    first = np.empty_like(last)
    first[:1] = 0
    first[1:] = last[:-1] + 1
    # ends of cumulative sums rather than reduceat, which wants at least one bar
    reached = np.cumsum(trades.size)[last]
    volume = np.diff(reached, prepend=np.zeros(1, dtype=np.int64)) if len(last) else np.zeros(0, dtype=np.int64)
    return _assemble(trades, Cut(first, last, np.zeros_like(last), volume), kind, price)


def _assemble(trades: Trades, cut: Cut, kind: str, price: str) -> Bars:
    from atomloom.market import kernels  # noqa: PLC0415 - numba loads when a formula is first used

    first, last, skip, volume = cut
    high, low = kernels.high_low(trades.px, first, last)
    close = trades.px[last].astype(np.int64)
    if price == "median":
        stands = kernels.bar_median(trades.px, first, last, high, low)
    elif price in {"mean", "vwap"}:
        stands = kernels.bar_mean(trades.px, trades.size, first, last, skip, volume, price == "vwap")
    else:
        stands = close.astype(np.float64)
    return Bars(
        start_ts=trades.ts[first],
        end_ts=trades.ts[last],
        open_px=trades.px[first].astype(np.int64),
        high_px=high,
        low_px=low,
        close_px=close,
        price_px=stands,
        volume=volume,
        n_trades=last - first + 1,
        tick_size=trades.tick_size,
        kind=kind,
        price_kind=price,
        symbol=trades.symbol,
    )


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        message = f"{name} is {value!r}. Hint: give a whole number, at least 1."
        raise BadInput(message)
    return int(value)


def _check_price(price: str) -> None:
    if price not in PRICES:
        message = f"price is {price!r}. Hint: choose one of {', '.join(PRICES)}."
        raise BadInput(message)


def _check_enough(total: int, bars: int, trades: Trades) -> None:
    if total < bars:
        message = (
            f"{bars:,} bars are asked for and {trades.symbol} has a volume of {total:,}. "
            "Hint: ask for fewer bars per day, or give more data."
        )
        raise Infeasible(message)
