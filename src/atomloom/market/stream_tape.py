"""The tape of a stream: trades that are not yet part of anything finished, checked as they come."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.bar_cuts import LEAST, MOST, Columns, check_kind
from atomloom.store.quotes import Quotes
from atomloom.store.schema import Trades
from atomloom.store.units import to_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

_COLUMNS = ("ts", "px", "size")
VERSION = 1


class Restorable(Protocol):
    """What every stream has."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""


Stream = TypeVar("Stream", bound=Restorable)


class Tape:
    """Columns that grow at the end and are dropped from the front; O(1) per trade, amortised.

    All are int64, whatever width the trades come in, so formulas are compiled once.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> tape = Tape()
    >>> _ = tape.append(Trades(ts=[0, 1], px=[5, 6], size=[1, 1]))
    >>> tape.drop(1)
    >>> len(tape), tape.columns().px
    (1, array([6]))
    """

    def __init__(self) -> None:
        self.symbol = ""
        self.tick_size = 0.0
        self.last_ts = LEAST
        self._held = {name: np.empty(64, np.int64) for name in _COLUMNS}
        self._lo = self._hi = 0
        self._volume = 0

    def __len__(self) -> int:
        return self._hi - self._lo

    @property
    def volume(self) -> int:
        """Volume of all that is held."""
        return self._volume

    def check(self, trades: Trades) -> None:
        """Refuse trades of another instrument, from before the last ones, or of more volume than can be counted."""
        check_kind(trades, Trades)
        check_next(trades, self.symbol, self.tick_size, self.last_ts)
        if self._volume + trades.volume > MOST:
            raise BadInput("what is open would hold a volume beyond int64. Hint: rescale the sizes.")

    def append(self, trades: Trades) -> Columns:
        """Take trades that :meth:`check` lets pass; give them alone, as int64."""
        n = len(trades)
        self._reserve(n)
        for name in _COLUMNS:
            self._held[name][self._hi : self._hi + n] = getattr(trades, name)
        self._hi += n
        self._volume += trades.volume
        self.symbol, self.tick_size, self.last_ts = trades.symbol, trades.tick_size, int(trades.ts[-1])
        return self._view(self._hi - n)

    def columns(self) -> Columns:
        """Give all that is held, as read-only views that the next append may overwrite."""
        return self._view(self._lo)

    def drop(self, n: int) -> None:
        """Forget the first n trades."""
        self._volume -= int(self._held["size"][self._lo : self._lo + n].sum())
        self._lo += n

    def state(self) -> dict[str, Any]:
        """Return what is held as plain values and arrays of its own."""
        held = {name: column[self._lo : self._hi].copy() for name, column in self._held.items()}
        return {"symbol": self.symbol, "tick_size": self.tick_size, "last_ts": self.last_ts, **held}

    def load(self, state: Mapping[str, Any]) -> None:
        """Hold what a state says."""
        self.symbol, self.tick_size = str(state["symbol"]), float(state["tick_size"])
        self.last_ts = int(state["last_ts"])
        self._held = {name: np.array(state[name], dtype=np.int64) for name in _COLUMNS}
        self._lo, self._hi = 0, len(self._held["ts"])
        if any(column.shape != (self._hi,) for column in self._held.values()):
            message = "its columns have different lengths"
            raise ValueError(message)
        if self._hi:  # formulas trust what Trades checks: order, sizes, their sum
            ts, px, size = (self._held[name] for name in _COLUMNS)
            try:
                Trades(ts, px, size, self.tick_size, self.symbol)
            except BadInput as error:
                raise ValueError(*error.args) from error
            if int(self._held["ts"][-1]) > self.last_ts:
                message = f"its last trade is after {self.last_ts}"
                raise ValueError(message)
        self._volume = int(self._held["size"].sum())

    def _view(self, lo: int) -> Columns:
        views = [self._held[name][lo : self._hi] for name in _COLUMNS]
        for view in views:
            view.flags.writeable = False
        return Columns(views[0], views[1], views[2], self.tick_size)

    def _reserve(self, n: int) -> None:
        held, room = len(self), len(self._held["ts"])
        if self._hi + n <= room:
            return
        room = max(room, 2 * (held + n))  # moved to the front, or into twice the room
        for name, column in self._held.items():
            grown: NDArray[np.int64] = np.empty(room, np.int64)
            grown[:held] = column[self._lo : self._hi]
            self._held[name] = grown
        self._lo, self._hi = 0, held


def check_next(trades: Any, symbol: str, tick_size: float, last_ts: int) -> None:
    """Refuse trades (or quotes) that do not continue what a stream has seen.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> check_next(Trades(ts=[3], px=[1], size=[1]), "", 0.0, LEAST)
    """
    check_kind(trades, Trades, Quotes)
    if symbol and (trades.symbol, trades.tick_size) != (symbol, tick_size):
        message = (
            f"this stream has trades of {symbol} with tick {tick_size:g}, these are of {trades.symbol} with tick "
            f"{trades.tick_size:g}. Hint: one stream per instrument."
        )
        raise BadInput(message)
    if int(trades.ts[0]) < last_ts:
        message = (
            f"the first of these trades is at {int(trades.ts[0])}, before {last_ts} which the stream has reached. "
            "Hint: feed trades in time order; nothing of this update was taken."
        )
        raise BadInput(message)


def moment(now: Any) -> int:
    """Take a time, int ns UTC or datetime64 or ISO 8601, as int ns.

    Examples
    --------
    >>> moment("1970-01-01T00:00:01")
    1000000000
    """
    at = to_ns(now)
    if not LEAST < at <= MOST:
        message = f"the time {at} is beyond int64 ns. Hint: give ns since 1970-01-01 UTC."
        raise BadInput(message)
    return at


def check_state(state: Mapping[str, Any], stream: str) -> None:
    """Refuse a state of another kind of stream, or of another version.

    Examples
    --------
    >>> check_state({"stream": "BarStream", "version": VERSION}, "BarStream")
    """
    seen = (state.get("stream"), state.get("version")) if hasattr(state, "get") else (type(state).__name__, None)
    if not all(isinstance(one, (str, int)) for one in seen) or seen != (stream, VERSION):
        message = f"the state is of {seen[0]!r}, version {seen[1]!r}. Hint: {stream} takes its own, version {VERSION}."
        raise BadInput(message)


def revived(stream: type[Stream], state: Mapping[str, Any], make: Callable[[], Stream]) -> Stream:
    """Make a stream that goes on from a state.

    Examples
    --------
    >>> from atomloom.market import BarStream
    >>> one = BarStream("tick", 2, warm=False)
    >>> revived(BarStream, one.state(), lambda: BarStream("tick", 2, warm=False))
    BarStream(tick, 2, 0 trades in the open bar)
    """
    check_state(state, stream.__name__)
    with whole_state(stream.__name__):
        made = make()
    made.restore(state)
    return made


@contextmanager
def whole_state(stream: str) -> Iterator[None]:
    """Turn what a damaged state raises into an error that says so.

    Examples
    --------
    >>> with whole_state("BarStream"):
    ...     {}["tape"]
    Traceback (most recent call last):
    atomloom.errors.BadInput: the state is not whole ('tape'). Hint: give a BarStream what its state() gave.
    """
    try:
        yield
    except BadInput:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        message = f"the state is not whole ({error}). Hint: give a {stream} what its state() gave."
        raise BadInput(message) from error
