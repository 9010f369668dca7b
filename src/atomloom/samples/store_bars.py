"""Bars of time out of the trades of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.store import Store


def bars_of_store(store: Store, timeframe: Any) -> dict[str, dict[str, NDArray[Any]]]:
    """Cut the trades of every instrument into bars of time; spans without a trade have no bar.

    Parameters
    ----------
    store : Store
    timeframe : str or int
        Length of a bar: "1min", "1h", ..., or ns. Bars begin at multiples of it since 1970, UTC.

    Returns
    -------
    dict of str to dict of array
        By symbol: time (ns UTC, the beginning of the bar), open, high, low, close, volume.

    Raises
    ------
    BadInput
        For no length of time, or a store without trades.
    """
    width = _width(timeframe)
    traded = [symbol for symbol, kind in store.tables() if kind == "trades"]
    if not traded:
        raise BadInput("the store holds no trades. Hint: ingest some.")
    return {symbol: bars_of_trades(store[symbol].trades(), width) for symbol in traded}


def bars_of_trades(trades: Any, width: int) -> dict[str, NDArray[Any]]:
    """Cut trades into bars of ``width`` ns.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> some = SimpleNamespace(ts=np.array([0, 5, 12]), price=np.array([2.0, 3.0, 1.0]), size=np.array([1, 2, 3]))
    >>> found = bars_of_trades(some, 10)
    >>> {name: found[name].tolist() for name in ("time", "high", "close", "volume")}
    {'time': [0, 10], 'high': [3.0, 1.0], 'close': [3.0, 1.0], 'volume': [3.0, 3.0]}
    """
    periods = np.asarray(trades.ts) // width
    first = np.flatnonzero(np.diff(periods, prepend=periods[0] - 1)) if len(periods) else np.zeros(0, dtype=np.int64)
    price, last = np.asarray(trades.price), np.append(first[1:], len(periods)) - 1
    if not len(first):
        return {name: np.zeros(0) for name in ("time", "open", "high", "low", "close", "volume")}
    return {
        "time": periods[first] * width, "open": price[first], "high": np.maximum.reduceat(price, first),
        "low": np.minimum.reduceat(price, first), "close": price[last],
        "volume": np.add.reduceat(np.asarray(trades.size, dtype=np.float64), first),
    }  # fmt: skip


def _width(timeframe: Any) -> int:
    try:
        if isinstance(timeframe, str):
            import pandas as pd  # noqa: PLC0415 - heavy, and only for texts

            found = int(pd.Timedelta(timeframe).value)
        else:
            found = int(np.timedelta64(timeframe, "ns").astype(np.int64))
    except (ValueError, TypeError):
        found = 0
    if found <= 0:
        raise BadInput(f"timeframe is {timeframe!r}. Hint: a store is cut into bars of '1min', '1h', '1d', or ns.")
    return found
