"""Who started a trade: the tick rule, and Lee and Ready's rule where quotes are known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.bar_cuts import check_kind
from atomloom.store.quotes import Quotes
from atomloom.store.schema import Trades

if TYPE_CHECKING:
    from numpy.typing import NDArray


_MOST_DELAY = 7 * 86_400  # seconds; what is older is another market


def tick_rule(trades: Trades) -> NDArray[np.int8]:
    """Classify each trade by the last change of price: 1 bought, -1 sold, 0 before the first change.

    Parameters
    ----------
    trades : Trades

    Returns
    -------
    (T,) int8

    Notes
    -----
    b_t is the sign of p_t - p_(t-1), and b_(t-1) where that is 0 (AFML 2.3.2.1; Lee and Ready 1991). O(T).

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> tick_rule(Trades(ts=range(5), px=[4, 4, 5, 5, 3], size=[1] * 5))
    array([ 0,  0,  1,  1, -1], dtype=int8)
    """
    from atomloom.market import bar_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    check_kind(trades, Trades)
    signs: NDArray[np.int8] = bar_kernels.tick_signs(trades.px, int(trades.px[0]), 0)
    return signs


def lee_ready(
    trades: Trades, quotes: Quotes, delay: float = 0.0, *, consolidated: bool = False, flagged: bool = False
) -> NDArray[np.int8]:
    """Classify each trade by the quotes before it: above the midpoint bought, below sold, at it by the tick rule.

    Parameters
    ----------
    trades : Trades
    quotes : Quotes
        Of the same instrument and tick size, of one or many venues.
    delay : float
        Seconds by which quotes are reported early: those strictly before ``ts - delay`` count. Lee and Ready used
        5 for data of the 1980s; 0 suits data that one clock has stamped.
    consolidated : bool
        True where each row is the best quote of all venues already, and its venue only the one that makes it: the
        last row of each side counts. False builds the best quotes from the last quotes of each venue.
    flagged : bool
        Whether quotes with flags count.

    Returns
    -------
    (T,) int8
        1, -1, or 0 where neither quotes nor tick rule tell.

    Raises
    ------
    BadInput
        If instrument or tick size differ, or the delay is negative.

    Notes
    -----
    C. Lee and M. Ready (1991), Inferring trade direction from intraday data, *Journal of Finance* 46:733. The
    midpoint is that of the best bid and the best ask of all venues. Each venue's last quote stands until its next, or
    until it is withdrawn: by a row of that venue with size 0 at a price, or with neither prices nor sizes. A side of
    price and size 0 beside a quoted one says nothing, as in files with a side per row. Quotes of the same instant as
    the trade do not count: which came first is unknown. Where a side is missing or the best quotes cross, the tick
    rule decides; if they cross for long, the rows are probably consolidated ones, or venues have withdrawn quotes
    that the file does not tell of. All in whole ticks, so "at the midpoint" is exact. O(T + Q) time apart from
    O(venues) where a best quote moves away.

    Examples
    --------
    >>> from atomloom.store import Quotes, Trades
    >>> trades = Trades(ts=[10, 20, 30], px=[101, 99, 100], size=[1, 1, 1])
    >>> quotes = Quotes(ts=[5, 6], bid_px=[99, 0], bid_size=[1, 0], ask_px=[0, 101], ask_size=[0, 1])
    >>> lee_ready(trades, quotes)
    array([ 1, -1,  1], dtype=int8)
    """
    from atomloom.market import sign_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    bid, ask = best_quotes_at(trades, quotes, delay, consolidated=consolidated, flagged=flagged)
    signs: NDArray[np.int8] = sign_kernels.quote_signs(_long(trades.px), bid, ask, tick_rule(trades))
    return signs


def best_quotes_at(
    trades: Trades, quotes: Quotes, delay: float = 0.0, *, consolidated: bool = False, flagged: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the best bid and ask of all venues before each trade, (T,) int64 ticks; the least int64 for none.

    Examples
    --------
    >>> from atomloom.store import Quotes, Trades
    >>> quotes = Quotes([5, 6], [99, 98], [1, 1], [103, 102], [1, 1], venue=[0, 1], venues=["P", "Q"])
    >>> best_quotes_at(Trades([6, 7], [1, 1], [1, 1]), quotes)
    (array([99, 99]), array([103, 102]))
    """
    from atomloom.market import sign_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    check_kind(trades, Trades)
    check_kind(quotes, Quotes)
    if (trades.symbol, trades.tick_size) != (quotes.symbol, quotes.tick_size):
        message = (
            f"trades are of {trades.symbol} with tick {trades.tick_size:g}, quotes of {quotes.symbol} with tick "
            f"{quotes.tick_size:g}. Hint: give both for one instrument, with one tick_size."
        )
        raise BadInput(message)
    early = _seconds(delay)
    keep = slice(None) if flagged or quotes.flags is None else quotes.flags == 0
    venue = np.zeros(len(quotes), np.uint8) if quotes.venue is None or consolidated else quotes.venue
    columns = [_long(column[keep]) for column in (quotes.bid_px, quotes.bid_size, quotes.ask_px, quotes.ask_size)]
    when = trades.ts - round(early * 10**9)
    best: tuple[NDArray[np.int64], NDArray[np.int64]] = sign_kernels.best_quotes(
        _still(when), _still(quotes.ts[keep]), _still(venue[keep]), *columns
    )
    return best


def _seconds(delay: Any) -> float:
    real = isinstance(delay, (int, float, np.integer, np.floating)) and not isinstance(delay, bool)
    if not (real and math.isfinite(delay) and 0 <= delay <= _MOST_DELAY):
        message = f"delay is {delay!r}. Hint: give seconds, 0 or more and at most {_MOST_DELAY:,}."
        raise BadInput(message)
    return float(delay)


def _long(column: NDArray[Any]) -> NDArray[np.int64]:
    return _still(column.astype(np.int64, copy=False))


def _still(column: NDArray[Any]) -> NDArray[Any]:
    view = column.view()
    view.flags.writeable = False
    return view
