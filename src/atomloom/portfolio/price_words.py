"""What columns of prices are called: words for times, symbols, prices, and what else stands in the bars of an asset."""

from __future__ import annotations

TIME = ("time", "timestamp", "datetime", "date_time", "date", "day", "ts", "open_time")
SYMBOL = (
    *("symbol", "ticker", "asset", "instrument", "security", "tic", "sym", "stock", "code", "isin", "name"),
    *("permno", "gvkey", "cusip", "figi", "ric"),
)
PRICE = (
    *("adj_close", "adjclose", "adjusted_close", "adjusted", "close", "closing_price", "price", "last", "px", "value"),
    *("prc", "prccd"),
)
RANGE = ("open", "high", "low")
VOLUME = ("volume", "tickvol", "tick_volume", "real_volume")
BESIDE = (
    *(*RANGE, *VOLUME, "vol", "vwap", "trades", "count", "turnover", "amount", "spread", "per", "openint"),
    *("open_interest", "dividends", "stock_splits", "splits", "capital_gains", "currency", "exchange"),
)
"""What stands beside the price of one asset."""
_NAMELESS = ("", "__index_level_0__")


def plain(name: str) -> str:
    """Write a column's name as the words here are.

    Examples
    --------
    >>> plain("Adj Close"), plain("<DATE>")
    ('adj_close', 'date')
    """
    return name.strip().strip("<>").strip().lower().replace(" ", "_")


def is_nameless(name: str) -> bool:
    """Say whether a column has no name of its own, as that of row numbers has none.

    Examples
    --------
    >>> is_nameless(""), is_nameless("Unnamed: 0"), is_nameless("index")
    (True, True, False)
    """
    return plain(name) in _NAMELESS or plain(name).startswith("unnamed:")
