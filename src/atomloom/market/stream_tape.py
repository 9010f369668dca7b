"""The tape of a stream: trades that are not yet part of anything finished, checked as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.bar_cuts import LEAST, Columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from atomloom.store.schema import Trades

_COLUMNS = ("ts", "px", "size")
VERSION = 1


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

    def __len__(self) -> int:
        return self._hi - self._lo

    def check(self, trades: Trades) -> None:
        """Refuse trades of another instrument, or from before the last ones."""
        check_next(trades, self.symbol, self.tick_size, self.last_ts)

    def append(self, trades: Trades) -> Columns:
        """Take trades that :meth:`check` lets pass; give them alone, as int64."""
        n = len(trades)
        self._reserve(n)
        for name in _COLUMNS:
            self._held[name][self._hi : self._hi + n] = getattr(trades, name)
        self._hi += n
        self.symbol, self.tick_size, self.last_ts = trades.symbol, trades.tick_size, int(trades.ts[-1])
        return self._view(self._hi - n)

    def columns(self) -> Columns:
        """Give all that is held, as read-only views that the next append may overwrite."""
        return self._view(self._lo)

    def drop(self, n: int) -> None:
        """Forget the first n trades."""
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


def check_state(state: Mapping[str, Any], stream: str) -> None:
    """Refuse a state of another kind of stream, or of another version.

    Examples
    --------
    >>> check_state({"stream": "BarStream", "version": VERSION}, "BarStream")
    """
    seen = (state.get("stream"), state.get("version"))
    if seen != (stream, VERSION):
        message = f"the state is of {seen[0]!r}, version {seen[1]!r}. Hint: {stream} takes its own, version {VERSION}."
        raise BadInput(message)
