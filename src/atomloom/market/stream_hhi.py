"""Fragmentation from trades or quotes that arrive in pieces: the same bits as from all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.bar_cuts import LEAST
from atomloom.market.hhi_windows import HHIConfig, WindowCount
from atomloom.market.stream_tape import VERSION, check_next, check_state, moment, revived, whole_state
from atomloom.store.schema import Trades

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from atomloom.store.quotes import Quotes


class HHIStream:
    """Compute the Herfindahl index over venues as rows arrive; any split gives the bits of :func:`herfindahl`.

    Parameters
    ----------
    window, volume, step, by, flagged, session, tz
        As for :func:`herfindahl`.
    warm : bool
        Compile (or load) the formulas now rather than with the first rows.

    Raises
    ------
    BadInput
        If a parameter is out of range.

    Notes
    -----
    Held are the counts of the open window, 8 bytes per cell and venue; no trades. An update takes O(rows + windows
    finished * venues). Not for several threads at once.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> stream = HHIStream(volume=4, warm=False)
    >>> trades = Trades([0, 1, 2, 3], [1] * 4, [3, 1, 2, 2], venue=[0, 1, 0, 1], venues=["P", "Q"])
    >>> [stream.update(trades.rows(k, k + 1))["hhi"].tolist() for k in range(4)]
    [[], [0.625], [], [0.5]]
    """

    def __init__(
        self,
        window: float | str | None = None,
        *,
        volume: int | None = None,
        step: float | None = None,
        by: str | None = None,
        flagged: bool = False,
        session: tuple[str, str] | None = None,
        tz: str = "UTC",
        warm: bool = True,
    ) -> None:
        self.config = HHIConfig(window, volume, step, by, flagged, session, tz)
        self._counter = WindowCount(self.config)
        self._symbol, self._tick, self._last = "", 0.0, LEAST
        if warm:
            self._warm()

    def __repr__(self) -> str:
        return f"HHIStream({self._symbol or 'no rows yet'}, {self._counter.n_used:,} rows counted)"

    @property
    def counts(self) -> dict[str, int]:
        """Rows that counted, were left out for their flags, and for the session."""
        counter = self._counter
        return {"n_used": counter.n_used, "n_flagged": counter.n_flagged, "n_outside": counter.n_outside}

    def update(self, rows: Trades | Quotes) -> NDArray[np.void]:
        """Take the next trades or quotes; give a row per window that they finish.

        Returns
        -------
        (W,) structured array
            ``start_ts, end_ts, hhi, venues, weight, rows, top, top_share`` as in :class:`Fragmentation`.

        Raises
        ------
        BadInput
            If the rows do not continue the stream; it is then as before.
        """
        check_next(rows, self._symbol, self._tick, self._last)
        self._counter.check(rows)
        self._symbol, self._tick, self._last = rows.symbol, rows.tick_size, int(rows.ts[-1])
        return self._counter.feed(rows)

    def advance(self, now: Any) -> NDArray[np.void]:
        """Say that no row before ``now`` (ns UTC) will come; gives the windows of time that are over by then."""
        self._last = max(self._last, moment(now))
        return self._counter.close(self._last)

    def finish(self) -> NDArray[np.void]:
        """End the data: gives the last window of time, cut short as in :func:`herfindahl`."""
        return self._counter.close()

    def state(self) -> dict[str, Any]:
        """Return all that the stream knows, as plain values and arrays: a checkpoint."""
        return {
            "stream": "HHIStream",
            "version": VERSION,
            "config": self.config.to_dict(),
            "symbol": self._symbol,
            "tick_size": self._tick,
            "last_ts": self._last,
            **self._counter.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of a stream with the same parameters.

        Raises
        ------
        BadInput
            If the state is of another kind of stream, or the parameters differ.
        """
        check_state(state, "HHIStream")
        with whole_state("HHIStream"):
            self._restore(state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        if _config(state) != self.config:
            message = f"the state has {state['config']}. Hint: HHIStream.from_state(state) takes its parameters."
            raise BadInput(message)
        counter = WindowCount(self.config)
        counter.load(state)
        symbol, tick, last = str(state["symbol"]), float(state["tick_size"]), int(state["last_ts"])
        self._counter, self._symbol, self._tick, self._last = counter, symbol, tick, last

    @classmethod
    def from_state(cls, state: Mapping[str, Any], *, warm: bool = True) -> Self:
        """Make a stream that goes on from a checkpoint."""
        return revived(cls, state, lambda: cls(**_config(state).to_dict(), warm=warm))

    def _warm(self) -> None:
        """Run every formula once over a few rows; the results are thrown away."""
        one = WindowCount(HHIConfig(volume=1) if self.config.volume is not None else HHIConfig(window=1))
        ts, size = np.array([0, 10**9]), np.array([1, 2])
        one.feed(Trades(ts, size, size, venue=np.zeros(2, np.uint8), venues=("A",)))
        one.close()


def _config(state: Mapping[str, Any]) -> HHIConfig:
    given = dict(state["config"])
    given["session"] = None if given["session"] is None else tuple(given["session"])
    return HHIConfig(**given)
