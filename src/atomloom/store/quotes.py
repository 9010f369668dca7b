"""The noun for quotes: best bid and ask of each venue as integer columns that validate themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.columns import (
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SIDES = ("bid_px", "bid_size", "ask_px", "ask_size")


@dataclass(frozen=True, eq=False, repr=False)
class Quotes:
    """Quotes of one instrument in time order, held as integers; a side that a row does not quote has size 0.

    Parameters
    ----------
    ts : (Q,) int64 or datetime64
        Time of each quote, ns since 1970-01-01 UTC, never decreasing.
    bid_px, ask_px : (Q,) int32 or int64
        Prices in ticks; 0 where the row tells none.
    bid_size, ask_size : (Q,) int32 or int64
        Sizes, at least 0; 0 where nothing is quoted.
    tick_size : float
        Quote currency per tick.
    symbol : str
    venue : (Q,) uint8, optional
        Code of the venue of each quote: an index into ``venues``.
    venues : sequence of str
        Name of each code.
    flags : (Q,) uint8, optional
        0 for an ordinary quote.

    Raises
    ------
    BadInput
        For empty, unequal or unsorted columns, negative sizes, or columns that are not whole numbers.

    Notes
    -----
    A quote stands until the next of its venue and side, or until it is withdrawn. Size 0 at a price withdraws that
    side; a row with no prices and no sizes withdraws both; (0, 0) beside a side that is quoted says nothing, as in
    files with a side per row. Rows of different venues may cross: nothing is said about bid <= ask.

    Examples
    --------
    >>> Quotes([0, 5], [99, 0], [3, 0], [0, 101], [0, 4], tick_size=0.25, symbol="ES")
    Quotes(ES, 2 quotes, 1970-01-01T00:00:00.000000000 .. 1970-01-01T00:00:00.000000005 UTC, tick 0.25)
    """

    ts: NDArray[np.int64]
    bid_px: NDArray[np.integer[Any]]
    bid_size: NDArray[np.integer[Any]]
    ask_px: NDArray[np.integer[Any]]
    ask_size: NDArray[np.integer[Any]]
    tick_size: float = 1.0
    symbol: str = "UNKNOWN"
    venue: NDArray[np.uint8] | None = None
    venues: tuple[str, ...] = ()
    flags: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        names = names_of(self.venues, used=self.venue is not None)
        columns: dict[str, Any] = {"ts": times(self.ts)}
        for name in SIDES:
            columns[name] = integers(getattr(self, name), name, keep_int32=True)
        columns["venue"] = codes(self.venue, "venue", len(names) - 1)
        columns["flags"] = codes(self.flags, "flags", 255)
        same_length(columns, "quotes")
        check_sorted(columns["ts"])
        for name in ("bid_size", "ask_size"):
            sizes = columns[name]
            if sizes is not None and int(sizes.min()) < 0:
                row = int(np.argmax(sizes < 0))
                message = f"{name} is {int(sizes[row])} at row {row:,}. Hint: sizes are at least 0."
                raise BadInput(message)
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
        """Wrap columns that are known to be good; nothing is looked at.

        Examples
        --------
        >>> one = np.array([1])
        >>> sides = {"bid_px": one, "bid_size": one, "ask_px": one, "ask_size": one}
        >>> len(Quotes.trusted({"ts": one, **sides}, 1.0, "ES"))
        1
        """
        return trusted(cls, columns, tick_size, symbol, venues)

    def __len__(self) -> int:
        return len(self.ts)

    def __reduce__(self) -> tuple[Any, ...]:
        sides = (self.bid_px, self.bid_size, self.ask_px, self.ask_size)
        return type(self), (self.ts, *sides, self.tick_size, self.symbol, self.venue, self.venues, self.flags)

    def __repr__(self) -> str:
        first, last = iso(self.ts[0]), iso(self.ts[-1])
        return f"Quotes({self.symbol}, {len(self):,} quotes, {first} .. {last} UTC, tick {self.tick_size:g})"

    def slice(self, start: Any = None, end: Any = None) -> Self:
        """Return the quotes with ``start <= ts < end``, without copying.

        Raises
        ------
        BadInput
            If no quote lies in the range, or the start is after the end.

        Examples
        --------
        >>> one = [1, 1]
        >>> len(Quotes([0, 5], one, one, one, one).slice(5))
        1
        """
        found: Self = cut_out(self, ("ts", *SIDES), *within(self, start, end))
        return found
