"""The noun of the store: trades as integer columns that validate themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.units import to_ns, to_price, to_ticks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_MAX_INT64 = 2**63 - 1


@dataclass(frozen=True, eq=False, repr=False)
class Trades:
    """Trades of one instrument in time order, held as integers.

    Parameters
    ----------
    ts : (T,) int64 or datetime64
        Time of each trade, ns since 1970-01-01 UTC, never decreasing (equal times are normal).
    px : (T,) int32 or int64
        Price of each trade, in ticks.
    size : (T,) int64
        Contracts or shares of each trade, at least 1.
    tick_size : float
        Quote currency per tick.
    symbol : str
        Name of the instrument; becomes the group in an HDF5 file.

    Raises
    ------
    BadInput
        For empty, unequal or unsorted columns, sizes below one, columns that are not whole
        numbers, a total size beyond int64, or a tick size that is not positive and finite.

    Notes
    -----
    Columns are stored as read-only arrays without copying where the dtype already fits.
    O(T) time, O(1) extra memory apart from casts.

    Examples
    --------
    >>> trades = Trades(ts=[0, 5, 5], px=[6560, 6561, 6560], size=[8, 1, 2], tick_size=0.25, symbol="ES")
    >>> trades
    Trades(ES, 3 trades, 11 volume, 1970-01-01T00:00:00.000000000 .. 1970-01-01T00:00:00.000000005 UTC, tick 0.25)
    >>> trades.price
    array([1640.  , 1640.25, 1640.  ])
    """

    ts: NDArray[np.int64]
    px: NDArray[np.integer[Any]]
    size: NDArray[np.int64]
    tick_size: float = 1.0
    symbol: str = "UNKNOWN"

    def __post_init__(self) -> None:
        columns = {
            "ts": _times(self.ts),
            "px": _integers(self.px, "px", keep_int32=True),
            "size": _integers(self.size, "size"),
        }
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) != 1:
            seen = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
            message = f"the columns of trades differ in length: {seen}. Hint: give one value of each per trade."
            raise BadInput(message)
        if lengths["ts"] == 0:
            raise BadInput("trades are empty. Hint: check the file, the filter or the time range they came from.")
        _check_sorted(columns["ts"])
        _check_sizes(columns["size"])
        if not (math.isfinite(self.tick_size) and self.tick_size > 0):
            message = f"tick_size is {self.tick_size!r}. Hint: give the smallest price step, for example 0.25."
            raise BadInput(message)
        check_symbol(self.symbol)
        for name, column in columns.items():
            view = np.ascontiguousarray(column).view()
            view.flags.writeable = False  # one dtype, one layout, one mutability: kernels compile once
            object.__setattr__(self, name, view)
        object.__setattr__(self, "tick_size", float(self.tick_size))

    @classmethod
    def from_prices(
        cls, ts: ArrayLike, price: ArrayLike, size: ArrayLike, *, tick_size: float, symbol: str = "UNKNOWN"
    ) -> Self:
        """Build trades from prices in quote currency, each of which must lie on the tick grid.

        Parameters
        ----------
        ts : (T,) int64 ns UTC or datetime64
            Time of each trade.
        price : (T,) float64
            Price of each trade, quote currency.
        size : (T,) int64
            Size of each trade.
        tick_size : float
            Quote currency per tick.
        symbol : str
            Name of the instrument.

        Raises
        ------
        BadInput
            If a price is NaN, infinite or further than a millionth of a tick from the grid.

        Examples
        --------
        >>> Trades.from_prices([0, 1], [1640.25, 1640.5], [1, 2], tick_size=0.25).px
        array([6561, 6562])
        """
        prices = np.asarray(price, dtype=np.float64)
        ticks, on_grid = to_ticks(prices, tick_size)
        finite = np.isfinite(prices)
        if not finite.all():
            row = int(np.argmin(finite))
            message = (
                f"price has {int((~finite).sum()):,} values that are NaN or infinite (first at row {row:,}: "
                f"{prices[row]}). Hint: drop those rows."
            )
            raise BadInput(message)
        if not on_grid.all():
            row = int(np.argmin(on_grid))
            message = (
                f"price has {int((~on_grid).sum()):,} values off the tick grid of {tick_size!r} (first at row {row:,}: "
                f"{prices[row]!r}). Hint: give the true tick_size, or round the prices first."
            )
            raise BadInput(message)
        return cls(ts=np.asarray(ts), px=ticks, size=np.asarray(size), tick_size=tick_size, symbol=symbol)

    def __len__(self) -> int:
        return len(self.ts)

    def __reduce__(self) -> tuple[Any, ...]:
        # Unpickled arrays would come back writable, which is a second type to the compiler.
        return type(self), (self.ts, self.px, self.size, self.tick_size, self.symbol)

    def __repr__(self) -> str:
        first, last = (np.datetime64(int(t), "ns") for t in (self.ts[0], self.ts[-1]))
        return (
            f"Trades({self.symbol}, {len(self):,} trades, {self.volume:,} volume, "
            f"{first} .. {last} UTC, tick {self.tick_size:g})"
        )

    @property
    def price(self) -> NDArray[np.float64]:
        """Price of each trade, (T,) float64, quote currency; a new array on each access."""
        return to_price(self.px, self.tick_size)

    @property
    def volume(self) -> int:
        """Total size of all trades."""
        return int(self.size.sum())

    def slice(self, start: Any = None, end: Any = None) -> Self:
        """Return the trades with ``start <= ts < end``, without copying.

        Parameters
        ----------
        start, end : int ns UTC, datetime64 or ISO 8601 str (UTC), optional
            Open where not given.

        Raises
        ------
        BadInput
            If no trade lies in the range.

        Examples
        --------
        >>> trades = Trades(ts=[0, 5, 9], px=[1, 2, 3], size=[1, 1, 1])
        >>> len(trades.slice(5))
        2
        """
        lo = 0 if start is None else int(np.searchsorted(self.ts, to_ns(start), side="left"))
        hi = len(self) if end is None else int(np.searchsorted(self.ts, to_ns(end), side="left"))
        if lo >= hi:
            message = f"no trade of {self.symbol} has {start!r} <= ts < {end!r}. Hint: {self!r} is what there is."
            raise BadInput(message)
        return type(self)(self.ts[lo:hi], self.px[lo:hi], self.size[lo:hi], self.tick_size, self.symbol)


def check_symbol(symbol: Any) -> None:
    """Refuse a symbol that cannot name an HDF5 group.

    Examples
    --------
    >>> check_symbol("ES")
    """
    if not isinstance(symbol, str) or not symbol.strip() or "/" in symbol or set(symbol) == {"."} or "\0" in symbol:
        message = f"symbol is {symbol!r}. Hint: give a name without '/', for example 'ES'."
        raise BadInput(message)


def _times(ts: ArrayLike) -> NDArray[np.int64]:
    column = np.asarray(ts)
    if column.dtype.kind == "M":
        missing = np.isnat(column)
        if missing.any():
            message = (
                f"ts has {int(missing.sum()):,} NaT (first at row {int(np.argmax(missing)):,}). Hint: drop those rows."
            )
            raise BadInput(message)
        column = column.astype("datetime64[ns]").astype(np.int64)
    return _integers(column, "ts")


def _integers(values: ArrayLike, name: str, *, keep_int32: bool = False) -> NDArray[Any]:
    column = np.asarray(values)
    if column.ndim != 1:
        message = f"{name} has shape {column.shape}. Hint: give a one-dimensional column."
        raise BadInput(message)
    if column.size == 0:
        return column.astype(np.int64)
    if column.dtype.kind == "u" and column.itemsize == 8 and column.max() > _MAX_INT64:
        message = f"{name} holds {column.max()}, beyond int64. Hint: rescale the column."
        raise BadInput(message)
    if column.dtype.kind not in "iu":
        message = f"{name} has dtype {column.dtype}, not whole numbers. Hint: cast it to int64" + (
            ", or build trades by Trades.from_prices." if name == "px" else "."
        )
        raise BadInput(message)
    return column if keep_int32 and column.dtype == np.int32 else column.astype(np.int64, copy=False)


def _check_sorted(ts: NDArray[np.int64]) -> None:
    back = ts[1:] < ts[:-1]  # not np.diff: a difference of int64 may overflow
    if back.any():
        row = int(np.argmax(back)) + 1
        message = (
            f"ts goes back in time {int(back.sum()):,} times (first at row {row:,}: {int(ts[row])} after "
            f"{int(ts[row - 1])}). Hint: sort by ts with a stable sort, or read with sort=True."
        )
        raise BadInput(message)


def _check_sizes(size: NDArray[np.int64]) -> None:
    bad = size < 1
    if bad.any():
        row = int(np.argmax(bad))
        message = (
            f"size has {int(bad.sum()):,} values below 1 (first at row {row:,}: {int(size[row])}). "
            "Hint: drop cancelled and zero-size trades."
        )
        raise BadInput(message)
    if float(size.sum(dtype=np.float64)) >= float(_MAX_INT64):
        message = f"the sizes add up to {float(size.sum(dtype=np.float64)):.3g}, beyond int64. Hint: rescale size."
        raise BadInput(message)
