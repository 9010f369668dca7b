"""Fragmentation of the market over venues: the Herfindahl index in windows of time, volume or days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import Infeasible
from atomloom.market.hhi_windows import HHIConfig, WindowCount
from atomloom.market.tables import html_table

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.store.quotes import Quotes
    from atomloom.store.schema import Trades


@dataclass(frozen=True, eq=False, repr=False)
class Fragmentation:
    """Herfindahl index of one instrument over venues, window by window.

    Attributes
    ----------
    config : HHIConfig
    symbol : str
    venues : tuple of str
        Names of the venue codes.
    start_ts, end_ts : (N,) int64
        Bounds of each window, ns UTC; for windows of volume the times of their first and last trade. The
        index of a window is known at its end.
    hhi : (N,) float64
        Sum over venues of (share)^2: 1 where one venue has all, 1/k where k venues have the same.
    n_venues : (N,) int64
        Venues with any weight.
    weight : (N,) int64
        Volume, trades, quotes or quoted size of the window.
    n_rows : (N,) int64
        Trades or quotes in it; a trade cut at an edge counts on both sides.
    top, top_share : (N,) uint8, (N,) float64
        Code and share of the largest venue.
    n_used, n_flagged, n_outside : int
        Rows that counted, that were left out for their flags, and for the session. They add up to all.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> trades = Trades([0, 1, 2, 3], [1] * 4, [5, 5, 5, 5], venue=[0, 1, 2, 3], venues=["N", "P", "Q", "Z"])
    >>> herfindahl(trades)
    Fragmentation(UNKNOWN, 1 window by volume, HHI 0.25 .. 0.25)
    """

    config: HHIConfig
    symbol: str
    venues: tuple[str, ...]
    start_ts: NDArray[np.int64]
    end_ts: NDArray[np.int64]
    hhi: NDArray[np.float64]
    n_venues: NDArray[np.int64]
    weight: NDArray[np.int64]
    n_rows: NDArray[np.int64]
    top: NDArray[np.uint8]
    top_share: NDArray[np.float64]
    n_used: int
    n_flagged: int
    n_outside: int

    def __len__(self) -> int:
        return len(self.hhi)

    def __repr__(self) -> str:
        windows = f"{len(self):,} window{'' if len(self) == 1 else 's'} by {self.config.by}"
        return f"Fragmentation({self.symbol}, {windows}, {self._range()})"

    @property
    def effective(self) -> NDArray[np.float64]:
        """Effective number of venues, 1 / HHI, (N,) float64."""
        return 1.0 / self.hhi

    def to_frame(self) -> pd.DataFrame:
        """Return one row per window as a pandas DataFrame with UTC times."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame(
            {
                "start": pd.to_datetime(self.start_ts, unit="ns", utc=True),
                "end": pd.to_datetime(self.end_ts, unit="ns", utc=True),
                "hhi": self.hhi,
                "effective": self.effective,
                "n_venues": self.n_venues,
                "weight": self.weight,
                "n_rows": self.n_rows,
                "top": [self.venues[code] for code in self.top],
                "top_share": self.top_share,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters and the scalars of the result as plain values."""
        some = len(self) > 0
        return {
            **self.config.to_dict(),
            "symbol": self.symbol,
            "n_windows": len(self),
            "hhi_mean": float(self.hhi.mean()) if some else None,
            "hhi_min": float(self.hhi.min()) if some else None,
            "hhi_max": float(self.hhi.max()) if some else None,
            "n_used": self.n_used,
            "n_flagged": self.n_flagged,
            "n_outside": self.n_outside,
        }

    def summary(self) -> str:
        """Return the result in a few lines of text."""
        left = f"left out: {self.n_flagged:,} flagged, {self.n_outside:,} outside the session"
        seen = f"{int(self.n_venues.min())} to {int(self.n_venues.max())} venues" if len(self) else "no venues"
        return f"{self.symbol}: {len(self):,} windows by {self.config.by}, {self._range()}, {seen}\n{left}"

    def _range(self) -> str:
        return f"HHI {self.hhi.min():.4g} .. {self.hhi.max():.4g}" if len(self) else "no HHI"

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_dict())


def herfindahl(
    trades: Trades | Quotes,
    window: float | str | None = None,
    *,
    volume: int | None = None,
    step: float | None = None,
    by: str | None = None,
    flagged: bool = False,
    session: tuple[str, str] | None = None,
    tz: str = "UTC",
) -> Fragmentation:
    """Compute the Herfindahl index over venues in windows.

    Parameters
    ----------
    trades : Trades or Quotes
        With venues.
    window : "day" or float, optional
        Local days (the default), or a length in seconds, aligned to 1970-01-01 UTC.
    volume : int, optional
        Windows of this volume instead, from the first trade on; trades are cut at their edges.
    step : float or int, optional
        Windows slide by this many seconds, or volume; the window is a whole multiple of it.
    by : str, optional
        What is shared among venues: ``"volume"`` (default) or ``"trades"``; for quotes ``"quotes"`` (default),
        the number of them, or ``"size"``, bid and ask sizes added.
    flagged : bool
        False leaves out, and counts, the rows that the source doubts.
    session : (str, str), optional
        Only rows with ``start <= local time of day < end``, for example ``("09:30", "16:00")``.
    tz : str
        IANA name of the time zone of days and session.

    Returns
    -------
    Fragmentation
        One row per window that holds anything. Windows that begin before the data do are left out; the last
        window of time or day is cut short by the end of the data, windows of volume are whole.

    Raises
    ------
    BadInput
        If there are no venues, or a parameter is out of range.
    Infeasible
        If no row is left after flags and session.

    Notes
    -----
    HHI = sum over venues of (w / sum of w)^2 (Herfindahl 1950); as a measure of market fragmentation Madhavan
    (2012), Exchange-traded funds, market structure and the flash crash; in windows as an early warning Bethel,
    Leinweber, Ruebel and Wu (2011). O(T + windows * venues) time, O(window / step * venues) memory.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> trades = Trades([0, 1, 2, 3], [1] * 4, [3, 1, 2, 2], venue=[0, 1, 0, 1], venues=["P", "Q"])
    >>> herfindahl(trades, volume=4).hhi
    array([0.625, 0.5  ])
    """
    config = HHIConfig(window, volume, step, by, flagged, session, tz)
    counter = WindowCount(config)
    counter.check(trades)
    rows = counter.feed(trades)
    if counter.n_used == 0:
        message = (
            f"no row of {trades.symbol} is left: {counter.n_flagged:,} are flagged, {counter.n_outside:,} outside "
            "the session. Hint: flagged=True, or check session and tz."
        )
        raise Infeasible(message)
    rows = np.concatenate([rows, counter.close()])
    return of_rows(rows, counter, trades.symbol, config.weigh(trades))


def of_rows(rows: NDArray[np.void], counter: WindowCount, symbol: str, by: str) -> Fragmentation:
    """Make the result of rows, for example those that a stream has given.

    Examples
    --------
    >>> len(of_rows(WindowCount(HHIConfig()).close(), WindowCount(HHIConfig()), "ES", "volume"))
    0
    """
    config = HHIConfig(**{**counter.config.to_dict(), "by": by})
    held = {name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()}
    return Fragmentation(
        config=config,
        symbol=symbol,
        venues=counter.venues,
        start_ts=held["start_ts"],
        end_ts=held["end_ts"],
        hhi=held["hhi"],
        n_venues=held["venues"],
        weight=held["weight"],
        n_rows=held["rows"],
        top=held["top"],
        top_share=held["top_share"],
        n_used=counter.n_used,
        n_flagged=counter.n_flagged,
        n_outside=counter.n_outside,
    )
