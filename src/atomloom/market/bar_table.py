"""The noun that all bars share: a frozen table in ticks, with prices on request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.tables import html_table
from atomloom.store.units import to_price

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

PRICES = ("close", "mean", "median", "vwap")
BAR_PRICES = (*PRICES, "weighted_median")


@dataclass(frozen=True, eq=False, repr=False)
class Bars:
    """Bars of one instrument, in order; prices are kept in ticks, so differences are exact.

    Attributes
    ----------
    start_ts, end_ts : (N,) int64
        Time of the first and last trade in each bar, ns UTC.
    open_px, high_px, low_px, close_px : (N,) int64
        In ticks.
    price_px : (N,) float64
        The price that stands for the bar, in ticks (see ``price_kind``).
    volume, n_trades : (N,) int64
        A trade split between bars counts in each of them.
    tick_size : float
        Quote currency per tick.
    kind, price_kind, symbol : str
    config : dict
        What else the bars were asked for by: ``size`` of a bar and the like, plain values.

    Examples
    --------
    >>> from atomloom.market import volume_bars
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 1, 2], px=[10, 11, 12], size=[1, 2, 1], tick_size=0.5)
    >>> volume_bars(trades, 2).close
    array([5.5, 6. ])
    """

    start_ts: NDArray[np.int64]
    end_ts: NDArray[np.int64]
    open_px: NDArray[np.int64]
    high_px: NDArray[np.int64]
    low_px: NDArray[np.int64]
    close_px: NDArray[np.int64]
    price_px: NDArray[np.float64]
    volume: NDArray[np.int64]
    n_trades: NDArray[np.int64]
    tick_size: float
    kind: str
    price_kind: str
    symbol: str
    config: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.start_ts)

    def __repr__(self) -> str:
        return f"Bars({self.symbol}, {len(self):,} {self.kind} bars, price {self.price_kind}, tick {self.tick_size:g})"

    @property
    def open(self) -> NDArray[np.float64]:
        """First price of each bar, (N,) float64, quote currency."""
        return to_price(self.open_px, self.tick_size)

    @property
    def high(self) -> NDArray[np.float64]:
        """Highest price of each bar, (N,) float64, quote currency."""
        return to_price(self.high_px, self.tick_size)

    @property
    def low(self) -> NDArray[np.float64]:
        """Lowest price of each bar, (N,) float64, quote currency."""
        return to_price(self.low_px, self.tick_size)

    @property
    def close(self) -> NDArray[np.float64]:
        """Last price of each bar, (N,) float64, quote currency."""
        return to_price(self.close_px, self.tick_size)

    @property
    def price(self) -> NDArray[np.float64]:
        """The price that stands for each bar, (N,) float64, quote currency."""
        return to_price(self.price_px, self.tick_size)

    @classmethod
    def concat(cls, parts: Sequence[Bars]) -> Self:
        """Join bars of one kind and instrument, for example those of a stream, in the order given.

        Parts without bars need no instrument: a stream gives such before its first trade.

        Raises
        ------
        BadInput
            If there are none, or they differ in symbol, kind, size, price or tick size.
        """
        kinds = {(part.kind, part.price_kind) for part in parts}
        some = [part for part in parts if len(part)] or list(parts[:1])
        heads = {(part.tick_size, part.kind, part.price_kind, part.symbol, str(part.config)) for part in some}
        if len(heads) != 1 or len(kinds) != 1:
            sorts = sorted(map(str, heads | kinds))
            message = f"bars of {len(heads)} sorts cannot be joined: {sorts}. Hint: give one sort."
            raise BadInput(message)
        columns = {name: np.concatenate([getattr(part, name) for part in some]) for name in _COLUMNS}
        first = some[0]
        return cls(
            **columns,
            tick_size=first.tick_size,
            kind=first.kind,
            price_kind=first.price_kind,
            symbol=first.symbol,
            config=first.config,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters and the scalars as plain values."""
        some = len(self) > 0
        return {
            **self.config,
            "symbol": self.symbol,
            "kind": self.kind,
            "price": self.price_kind,
            "tick_size": self.tick_size,
            "n_bars": len(self),
            "volume": int(self.volume.sum()),
            "trades_min": int(self.n_trades.min()) if some else None,
            "trades_max": int(self.n_trades.max()) if some else None,
        }

    def summary(self) -> str:
        """Return the result in a few lines of text."""
        asked = ", ".join(f"{name} {value}" for name, value in self.config.items() if value is not None)
        lines = [f"{self.symbol}: {len(self):,} {self.kind} bars" + (f" ({asked})" if asked else "")]
        if len(self):
            first, last = (np.datetime64(int(t) // 10**9, "s") for t in (self.start_ts[0], self.end_ts[-1]))
            seen = self.n_trades
            lines += [
                f"{first} to {last} UTC, price {self.price_kind}",
                f"{seen.min():,} to {seen.max():,} trades a bar, half of them up to {np.median(seen):,.0f}",
                f"volume {self.volume.min():,} to {self.volume.max():,}",
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_dict())

    def to_frame(self) -> pd.DataFrame:
        """Return the bars as a pandas DataFrame with UTC times."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame(
            {
                "start": pd.to_datetime(self.start_ts, unit="ns", utc=True),
                "end": pd.to_datetime(self.end_ts, unit="ns", utc=True),
                "open": self.open,
                "high": self.high,
                "low": self.low,
                "close": self.close,
                "price": self.price,
                "volume": self.volume,
                "n_trades": self.n_trades,
            }
        )


_COLUMNS = (
    "start_ts",
    "end_ts",
    "open_px",
    "high_px",
    "low_px",
    "close_px",
    "price_px",
    "volume",
    "n_trades",
)
