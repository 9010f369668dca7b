"""The noun of the store: trades as integer columns that validate themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.columns import (
    check_sizes,
    check_sorted,
    check_symbol,
    check_tick,
    codes,
    integers,
    names_of,
    same_length,
    settle,
    times,
    trusted,
)
from atomloom.store.spans import cut_out, iso, within
from atomloom.store.units import to_price, to_ticks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False, repr=False)
class Trades:
    """Trades of one instrument in time order, held as integers.

    Parameters
    ----------
    ts : (T,) int64 or datetime64
        Time of each trade, ns since 1970-01-01 UTC, never decreasing (equal times are normal).
    px : (T,) int32 or int64
        Price of each trade, in ticks.
    size : (T,) int32 or int64
        Contracts or shares of each trade, at least 1.
    tick_size : float
        Quote currency per tick.
    symbol : str
        Name of the instrument; becomes the group in an HDF5 file.
    venue : (T,) uint8, optional
        Code of the venue of each trade: an index into ``venues``.
    venues : sequence of str
        Name of each code, for example ``("P", "Q")``.
    flags : (T,) uint8, optional
        0 for an ordinary trade; any other value says that the source doubts it.

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
    size: NDArray[np.integer[Any]]
    tick_size: float = 1.0
    symbol: str = "UNKNOWN"
    venue: NDArray[np.uint8] | None = None
    venues: tuple[str, ...] = ()
    flags: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        names = names_of(self.venues, used=self.venue is not None)
        columns: dict[str, Any] = {
            "ts": times(self.ts),
            "px": integers(self.px, "px", keep_int32=True),
            "size": integers(self.size, "size", keep_int32=True),
            "venue": codes(self.venue, "venue", len(names) - 1),
            "flags": codes(self.flags, "flags", 255),
        }
        same_length(columns, "trades")
        check_sorted(columns["ts"])
        check_sizes(columns["size"])
        check_symbol(self.symbol)
        settle(self, columns, check_tick(self.tick_size), names)

    @classmethod
    def trusted(
        cls,
        columns: Mapping[str, NDArray[Any]],
        tick_size: float,
        symbol: str,
        venues: tuple[str, ...] = (),
    ) -> Self:
        """Wrap columns that are known to be good (a store checked them when it wrote them); nothing is looked at.

        Parameters
        ----------
        columns : mapping of str to (T,) array
            ``ts``, ``px``, ``size`` and, where there are, ``venue`` and ``flags``; contiguous, of the dtypes above.
        tick_size, symbol, venues
            As above.

        Examples
        --------
        >>> column = np.array([1])
        >>> len(Trades.trusted({"ts": column, "px": column, "size": column}, 1.0, "ES"))
        1
        """
        return trusted(cls, columns, tick_size, symbol, venues)

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
        columns = (self.ts, self.px, self.size, self.tick_size, self.symbol, self.venue, self.venues, self.flags)
        return type(self), columns

    def __repr__(self) -> str:
        first, last = iso(self.ts[0]), iso(self.ts[-1])
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
            If no trade lies in the range, or the start is after the end.

        Examples
        --------
        >>> trades = Trades(ts=[0, 5, 9], px=[1, 2, 3], size=[1, 1, 1])
        >>> len(trades.slice(5))
        2
        """
        return self.rows(*within(self, start, end))

    def rows(self, lo: int, hi: int) -> Self:
        """Return the trades with positions ``lo <= row < hi``, at least one, without copying.

        Examples
        --------
        >>> Trades(ts=[0, 5, 9], px=[1, 2, 3], size=[1, 1, 1]).rows(1, 2).px
        array([2])
        """
        if not 0 <= lo < hi <= len(self):
            message = f"rows {lo:,} to {hi:,} are not in {self!r}. Hint: 0 <= lo < hi <= {len(self):,}."
            raise BadInput(message)
        found: Self = cut_out(self, ("ts", "px", "size"), lo, hi)
        return found
