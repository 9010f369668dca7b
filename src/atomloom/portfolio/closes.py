"""Closes of periods: rows thinned to the last one of each hour, day or week, and trades of a store likewise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.price_layout import Layout, chosen_of, many
from atomloom.portfolio.sizes import take_size
from atomloom.store.periods import periods_of, starts_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_DAY = 86_400_000_000_000


def width_of(timeframe: Any) -> int:
    """Length of a period in ns.

    Raises
    ------
    BadInput
        For what is no duration.

    Examples
    --------
    >>> width_of("1h") // 10**9
    3600
    """
    try:
        return int(take_size(timeframe, "timeframe").amount) if isinstance(timeframe, str) else _refuse(timeframe)
    except BadInput:
        return _refuse(timeframe)


def _refuse(timeframe: Any) -> int:
    raise BadInput(f"timeframe is {timeframe!r}. Hint: a duration such as '1d', '4h', '30min' or '1w'.")


def thin(found: Layout, timeframe: str, tz: str | None, where: str) -> Layout:
    """Keep the last price of each period; periods in which no row lies are left out.

    Times become those at which periods begin. An asset without a price in a period that others have one in has NaN.

    Raises
    ------
    BadInput
        If rows are further apart than periods are long.

    Examples
    --------
    >>> hours = np.arange(4) * 3_600_000_000_000
    >>> thin(Layout(hours, ["A"], np.arange(4.0)[:, None], []), "2h", None, "p.csv").closes.tolist()
    [[1.0], [3.0]]
    """
    width = width_of(timeframe)
    apart = int(np.median(np.diff(found.times))) if len(found.times) > 1 else 0
    if apart > width:
        seen = f"{where}: rows are {_span(apart)} apart (median), and timeframe is {timeframe!r}"
        raise BadInput(f"{seen}. Hint: a longer one, or none to take rows as they are.")
    periods = periods_of(found.times, width, tz)
    first = np.flatnonzero(np.diff(periods, prepend=periods[0] - 1))
    if len(first) == len(periods):
        return found
    places = np.where(np.isnan(found.closes), -1, np.arange(len(periods))[:, None])
    last = np.maximum.reduceat(places, first, axis=0)
    values = np.take_along_axis(found.closes, np.maximum(last, 0), axis=0)
    values[last < 0] = np.nan
    note = f"{len(periods):,} rows became {len(first):,} closes of {timeframe}"
    return Layout(starts_of(periods[first], width, tz), found.names, values, [*found.notes, note])


def of_store(
    path: Path, timeframe: str, names: Sequence[str], tz: str | None, start: Any, end: Any
) -> Layout:  # fmt: skip
    """Take closes of the instruments of a store: the price of the last trade of each period.

    Periods are those in which any of them was traded; in one in which an instrument was not, its close before stays.
    Behind its last trade it stays for no more periods than the longest silence before it: what was not traded for
    longer is no longer known to have a price.

    Raises
    ------
    BadInput
        If there are no trades, or not the instruments that are wanted.
    """
    from atomloom.store import open_store  # noqa: PLC0415 - loads HDF5

    width = width_of(timeframe)
    with open_store(path) as opened:
        traded = [symbol for symbol, kind in opened.tables() if kind == "trades"]
        if not traded:
            raise BadInput(f"{path} holds no trades. Hint: ingest some.")
        chosen = chosen_of(traded, names, path)
        closes = []
        for symbol in chosen:
            trades = opened[symbol].trades(start, end)
            periods = periods_of(trades.ts, width, tz)
            last = np.flatnonzero(np.diff(periods, append=periods[-1] + 1))
            closes.append((periods[last], trades.price[last]))
    periods = np.unique(np.concatenate([own for own, _ in closes]))
    values = np.full((len(periods), len(chosen)), np.nan)
    for k, (own, prices) in enumerate(closes):
        before = np.searchsorted(own, periods, side="right") - 1
        at = np.searchsorted(periods, own)
        alive = (before >= 0) & (np.arange(len(periods)) < at[-1] + np.diff(at).max(initial=1))
        values[alive, k] = prices[before[alive]]
    note = f"closes of {timeframe} of {many(len(chosen), 'instrument')}"
    return Layout(starts_of(periods, width, tz), chosen, values, [note])


def _span(ns: int) -> str:
    for unit, length in (("days", _DAY), ("hours", _DAY // 24), ("minutes", _DAY // 1440)):
        if ns >= length:
            return f"{ns / length:g} {unit}" if ns != length else f"1 {unit[:-1]}"
    return f"{ns / 10**9:g} seconds"
