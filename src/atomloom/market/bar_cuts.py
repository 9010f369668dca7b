"""Where bars end: one small machine per kind of bar, fed with all trades at once or in pieces."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from atomloom.engine.budget import machine, show_size
from atomloom.errors import BadInput, OverBudget

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = -(2**63)
MOST = 2**63 - 1
BAR_BYTES = 128  # of a bar, with what it takes to make it
_SURE = 2**26  # bytes that nobody is asked for


class Columns(NamedTuple):
    """Trades as the cuts see them: (T,) read-only arrays, and what a tick is worth."""

    ts: NDArray[np.int64]
    px: NDArray[Any]
    size: NDArray[Any]
    tick_size: float


class Cut(NamedTuple):
    """Which trades each finished bar touches, (N,) int64 each, and where the open bar begins.

    Attributes
    ----------
    first, last : (N,) int64
        Positions, both inclusive.
    skip : (N,) int64
        Volume of the first trade that belongs to earlier bars.
    volume : (N,) int64 or None
        None where bars hold whole trades, whose sizes add up to it.
    rest : int
        Position of the open bar's first trade.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    skip: NDArray[np.int64]
    volume: NDArray[np.int64] | None
    rest: int


class Cutter(Protocol):
    """What every kind of bar has: a cut that goes on where it stopped, and its state as plain values.

    ``offset`` is how many trades the open bar already has; positions count from its first trade.
    """

    def cut(self, new: Columns, offset: int) -> Cut:
        """Take new trades; give the bars that they finish."""

    def state(self) -> dict[str, Any]:
        """Return everything that the next cut depends on."""


def whole(last: NDArray[np.int64]) -> Cut:
    """Make the cut of bars that hold whole trades, one after the other, from their last trades.

    Examples
    --------
    >>> whole(np.array([1, 4])).first, whole(np.array([1, 4])).rest
    (array([0, 2]), 5)
    """
    first = np.empty_like(last)
    first[:1] = 0
    first[1:] = last[:-1] + 1
    return Cut(first, last, np.zeros_like(last), None, int(last[-1]) + 1 if len(last) else 0)


def check_room(rows: int, each: int, what: str, hint: str) -> None:
    """Refuse results that memory cannot hold before they are made.

    Parameters
    ----------
    rows, each : int
        How many rows, and bytes of one of them.
    what, hint : str
        What the rows are, and what to do instead.

    Raises
    ------
    OverBudget
        If they need more memory than is free.

    Examples
    --------
    >>> check_room(1000, 8, "bars", "give larger bars")
    """
    if rows * each <= _SURE:
        return
    free = machine().memory_available
    if rows * each > free:
        message = f"{rows:,} {what} need {show_size(rows * each)}, and {show_size(free)} are free. Hint: {hint}."
        raise OverBudget(message)


def check_kind(rows: Any, *kinds: type) -> None:
    """Refuse what is not a noun of the store, a DataFrame say.

    Examples
    --------
    >>> check_kind(3, int)
    """
    if not isinstance(rows, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        message = (
            f"{names} are needed, this is a {type(rows).__name__}. Hint: make them by atomloom.store, for example by "
            "Trades(ts, px, size, tick_size=...), Trades.from_prices(...) or read_csv(file).trades."
        )
        raise BadInput(message)


def price_unit(tick_size: float) -> tuple[float, float]:
    """Give (divisor, factor) with px / divisor * factor the price, as :func:`atomloom.store.units.to_price` has it.

    Examples
    --------
    >>> price_unit(0.1), price_unit(5.0)
    ((10.0, 1.0), (1.0, 5.0))
    """
    inverse = 1.0 / tick_size
    divisor = round(inverse)
    exact = divisor >= 1 and abs(inverse - divisor) <= 1e-9 * inverse
    return (float(divisor), 1.0) if exact else (1.0, tick_size)


@dataclass
class TickCut:
    """Close a bar with every ``step``-th trade."""

    step: int
    held: int = 0

    def cut(self, new: Columns, offset: int) -> Cut:
        """Take new trades; give the bars that they finish."""
        last = np.arange(self.step - 1 - self.held, len(new.ts), self.step, dtype=np.int64) + offset
        self.held = (self.held + len(new.ts)) % self.step
        return whole(last)

    def state(self) -> dict[str, Any]:
        """Return everything that the next cut depends on."""
        return asdict(self)


@dataclass
class VolumeCut:
    """Close a bar with the trade that brings its volume to ``threshold``."""

    threshold: int
    held: int = 0

    def cut(self, new: Columns, offset: int) -> Cut:
        """Take new trades; give the bars that they finish."""
        from atomloom.market import bar_kernels  # noqa: PLC0415 - numba loads when a formula is first used

        last, held = bar_kernels.close_at_volume(new.size, self.threshold, self.held, offset)
        self.held = int(held)
        return whole(last)

    def state(self) -> dict[str, Any]:
        """Return everything that the next cut depends on."""
        return asdict(self)


@dataclass
class DollarCut:
    """Close a bar with the trade that brings its value, price times size, to ``threshold``."""

    threshold: float
    held: float = 0.0

    def cut(self, new: Columns, offset: int) -> Cut:
        """Take new trades; give the bars that they finish."""
        from atomloom.market import bar_kernels  # noqa: PLC0415 - numba loads when a formula is first used

        unit = price_unit(new.tick_size)
        last, held = bar_kernels.close_at_value(new.px, new.size, unit, self.threshold, self.held, offset)
        self.held = float(held)
        return whole(last)

    def state(self) -> dict[str, Any]:
        """Return everything that the next cut depends on."""
        return asdict(self)


@dataclass
class TimeCut:
    """Close a bar where an interval of ``step`` ns, aligned to 1970 UTC, is over."""

    step: int
    end: int = LEAST

    def cut(self, new: Columns, offset: int) -> Cut:
        """Take new trades; give the bars that they finish."""
        from atomloom.market import bar_kernels  # noqa: PLC0415 - numba loads when a formula is first used

        last, end = bar_kernels.close_at_time(new.ts, self.step, self.end, offset)
        self.end = int(end)
        return whole(last)

    def over(self, now: int) -> bool:
        """Say whether the open bar is finished because no trade before ``now`` can still come."""
        return now >= self.end > LEAST

    def state(self) -> dict[str, Any]:
        """Return everything that the next cut depends on."""
        return asdict(self)


@dataclass
class SplitCut:
    """Cut volume exactly at ``edges``, which repeat: ``(0, e1, ..., period)``; trades are split."""

    edges: tuple[int, ...]
    bar: int = 0
    held: int = 0
    skip: int = 0

    def __post_init__(self) -> None:
        self.edges = tuple(int(edge) for edge in self.edges)
        self._edges = np.array(self.edges, dtype=np.int64)
        self._edges.flags.writeable = False
        if not (0 <= self.bar < len(self.edges) - 1 and self.edges[self.bar] <= self.held < self.edges[self.bar + 1]):
            message = f"bar {self.bar} with volume {self.held} lies outside the edges"
            raise ValueError(message)

    def cut(self, new: Columns, offset: int) -> Cut:
        """Take new trades; give the bars that they finish."""
        from atomloom.market import bar_kernels  # noqa: PLC0415 - numba loads when a formula is first used

        periods, into = divmod(self.held + int(new.size.sum()), self.edges[-1])
        n = periods * (len(self.edges) - 1) + int(np.searchsorted(self._edges, into, side="right")) - 1 - self.bar
        check_room(n, BAR_BYTES, "bars", "give larger bars")
        place = (self.bar, self.held, self.skip)
        first, last, skip, volume, place, rest = bar_kernels.split_on(new.size, self._edges, n, place, offset)
        self.bar, self.held, self.skip = (int(value) for value in place)
        return Cut(first, last, skip, volume, int(rest))

    def state(self) -> dict[str, Any]:
        """Return everything that the next cut depends on."""
        return {"edges": self.edges, "bar": self.bar, "held": self.held, "skip": self.skip}
