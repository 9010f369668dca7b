"""Bars of time out of trades, or of shorter bars: the one place where they are made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.periods import periods_of, starts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from atomloom.store import Store

    Columns = dict[str, Any]

ROLES = {
    "open": "open", "o": "open", "high": "high", "h": "high", "low": "low", "l": "low", "close": "close", "c": "close",
    "volume": "volume", "vol": "volume", "v": "volume", "tickvol": "volume", "tick_volume": "volume",
    "real_volume": "volume",
}  # fmt: skip
"""What columns of bars are, by their names in lower case; of others the last value of a bar is taken."""
_UNITS = {
    "w": 604_800_000_000_000, "d": 86_400_000_000_000, "h": 3_600_000_000_000, "min": 60_000_000_000,
    "s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1,
}  # fmt: skip
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)?\s*(W|w|D|d|H|h|min|s|ms|us|ns)")
_FOLDED = {"high": np.maximum, "low": np.minimum, "volume": np.add}


def bars_of_store(
    store: Store, timeframe: Any, tz: str | None = None, symbols: Sequence[str] | None = None
) -> dict[str, Columns]:
    """Cut the trades of every instrument into bars of time; spans without a trade have no bar.

    Parameters
    ----------
    store : Store
    timeframe : str or int
        Length of a bar: "1min", "1h", ..., or ns. Bars begin at multiples of it since 1970, UTC; days and weeks by the
        clock of ``tz``.
    tz : str, optional
    symbols : sequence of str, optional
        Instruments; all that were traded where not given.

    Returns
    -------
    dict of str to dict of array
        By symbol: time (the beginning of the bar), open, high, low, close, volume.

    Raises
    ------
    BadInput
        For no length of time, or a store without trades.
    """
    width_of(timeframe)
    if symbols is None:
        symbols = [symbol for symbol, kind in store.tables() if kind == "trades"]
    if not symbols:
        raise BadInput("the store holds no trades. Hint: ingest some.")
    found = {}
    for symbol in symbols:
        trades = store[symbol].trades()
        if not len(trades.ts):
            raise BadInput(f"{symbol!r} of the store has no trades. Hint: leave it out, or ingest some.")
        found[symbol] = bars_of(trades.ts, {"price": trades.price, "size": trades.size}, timeframe, tz)
    return found


def bars_of(
    times: NDArray[np.int64], columns: Mapping[str, NDArray[Any]], timeframe: Any, tz: str | None = None
) -> Columns:
    """Put rows together to bars of a timeframe: trades, or shorter bars.

    Parameters
    ----------
    times : (n,) int64
        ns UTC, not decreasing.
    columns : mapping of str to (n,) array
        "price" and "size" of trades; or bars: the first open, the highest high, the lowest low and the sum of volumes
        are taken, and of all others the last value.
    timeframe : str or int
        "1min", "1h", "1d", ..., or ns; days and weeks (from Monday) go by the clock of ``tz``.
    tz : str, optional

    Returns
    -------
    dict of str to array
        "time" is when a bar begins. Periods without a row have no bar.

    Raises
    ------
    BadInput
        For no length of time, no rows, times that go back, or bars that are longer than the timeframe.

    Examples
    --------
    >>> minutes = np.array([0, 1, 2, 60]) * 60_000_000_000
    >>> found = bars_of(minutes, {"price": np.array([2.0, 5.0, 1.0, 4.0]), "size": np.ones(4)}, "1h")
    >>> {name: values.tolist() for name, values in found.items() if name != "time"}
    {'open': [2.0, 4.0], 'high': [5.0, 4.0], 'low': [1.0, 4.0], 'close': [1.0, 4.0], 'volume': [3.0, 1.0]}
    """
    width, moments = width_of(timeframe), np.asarray(times)
    if not len(moments):
        raise BadInput("there are no rows to make bars of. Hint: another file.")
    steps = np.diff(moments)
    if (steps < 0).any():
        row = int(np.argmax(steps < 0)) + 1
        raise BadInput(f"times go back at row {row:,}. Hint: sort rows by time before bars are made of them.")
    own: Columns = dict(columns)
    if set(columns) == {"price", "size"}:
        price = np.asarray(columns["price"])
        own = dict.fromkeys(("open", "high", "low", "close"), price)
        own["volume"] = np.asarray(columns["size"], dtype=np.float64)
    elif len(steps) and (apart := int(np.median(steps))) > width:
        seen = f"timeframe is {timeframe!r}, and half of the rows are more than {apart / 1e9:,g} s apart"
        raise BadInput(f"{seen}. Hint: a longer one, or none.")
    periods = periods_of(moments, width, tz)
    first = np.flatnonzero(np.diff(periods, prepend=periods[0] - 1))
    last = np.append(first[1:], len(periods)) - 1
    made = {}
    for name, values in own.items():
        role = ROLES.get(name.strip().strip("<>").strip().lower().replace(" ", "_"), "")
        folded = _FOLDED.get(role)
        made[name] = values[first if role == "open" else last] if folded is None else folded.reduceat(values, first)
    return {"time": starts_of(periods[first], width, tz).astype("datetime64[ns]"), **made}


def width_of(timeframe: Any) -> int:
    """Length of a bar in ns.

    Raises
    ------
    BadInput
        For what is no length of time.

    Examples
    --------
    >>> width_of("1h") // 10**9
    3600
    """
    if isinstance(timeframe, str):
        told = _LENGTH.fullmatch(timeframe.strip())
        found = 0 if told is None else round(float(told[1] or 1) * _UNITS[told[2].lower()])
    else:
        try:
            found = 0 if isinstance(timeframe, bool) else int(np.timedelta64(timeframe, "ns").astype(np.int64))
        except (ValueError, TypeError, OverflowError):
            found = 0
    if found <= 0:
        raise BadInput(f"timeframe is {timeframe!r}. Hint: a length such as '1min', '1h', '1d' or '1w', or ns.")
    return found
