"""What VPIN gives back: buckets, the series, events, and the account of how they came about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.market.events import events_line, rate_line
from atomloom.market.layout import cut_bars
from atomloom.market.tables import html_table

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.market.bar_table import Bars
    from atomloom.market.events import Events
    from atomloom.market.spec import VPINConfig
    from atomloom.store.schema import Trades


@dataclass(frozen=True, eq=False, repr=False)
class VPINResult:
    """VPIN of one instrument, bucket by bucket.

    Attributes
    ----------
    config : VPINConfig
    symbol : str
    n_bars : int
        Bars beneath; ``config.bars_per_bucket`` of them make a bucket.
    start_ts, end_ts : (B,) int64
        Time of the first and last trade in each bucket, ns UTC.
    close : (B,) float64
        Last price of each bucket, quote currency.
    volume : (B,) int64
        Volume of each bucket.
    buy : (B,) float64
        Part of it classified as bought; NaN where no sigma was known yet (the first bucket).
    vpin : (B,) float64
        In [0, 1]; NaN until a whole window of classified buckets exists.
    cdf : (B,) float64
        Where each VPIN stands among those before it and itself (or among all: ``config.cdf``); NaN with vpin.
    move : (B,) float64
        Largest log return between any two prices from the bucket's close through the horizon: what events
        are judged by. NaN where the data ends before.
    events : Events
    trades : Trades
        What it was computed from.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> from atomloom.market import VPINConfig, vpin
    >>> result = vpin(read_trades(es_2013_09()), VPINConfig(support_days=0.25))
    >>> result
    VPINResult(ES, 400 buckets, 350 with VPIN, ... events)
    """

    config: VPINConfig
    symbol: str
    n_bars: int
    start_ts: NDArray[np.int64]
    end_ts: NDArray[np.int64]
    close: NDArray[np.float64]
    volume: NDArray[np.int64]
    buy: NDArray[np.float64]
    vpin: NDArray[np.float64]
    cdf: NDArray[np.float64]
    move: NDArray[np.float64]
    events: Events
    trades: Trades
    given: Bars | None = None

    def __len__(self) -> int:
        return len(self.vpin)

    def __repr__(self) -> str:
        return (
            f"VPINResult({self.symbol}, {len(self):,} buckets, {self.n_defined:,} with VPIN, "
            f"{len(self.events):,} events)"
        )

    @cached_property
    def bars(self) -> Bars:
        """The bars beneath, made when first asked for: VPIN itself keeps none."""
        return cut_bars(self.trades, self.config) if self.given is None else self.given

    @property
    def n_defined(self) -> int:
        """Buckets that have a VPIN."""
        return int((~np.isnan(self.vpin)).sum())

    @property
    def looks_ahead(self) -> tuple[str, ...]:
        """Which parts of the signal use later data: see :meth:`VPINConfig.looks_ahead`."""
        return self.config.looks_ahead()

    @property
    def event_share(self) -> float | None:
        """Share of the time with a VPIN that is spent in events; None if there is no such time."""
        defined = np.flatnonzero(~np.isnan(self.vpin))
        if len(defined) == 0:
            return None
        span = int(self.end_ts[defined[-1]]) - int(self.end_ts[defined[0]])
        return float(self.events.duration_ns.sum()) / span if span else None

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters and the scalars of the result as plain values."""
        return {**self.config.to_dict(), **self.scalars()}

    def scalars(self) -> dict[str, Any]:
        """Return the scalars alone: sizes, mean and maximum of VPIN, events and their rates."""
        defined = self.vpin[~np.isnan(self.vpin)]
        some = len(defined) > 0
        return {
            "n_bars": self.n_bars,
            "n_buckets": len(self),
            "bucket_volume_mean": float(self.volume.mean()) if len(self) else None,
            "n_vpin": len(defined),
            "vpin_mean": float(defined.mean()) if some else None,
            "vpin_max": float(defined.max()) if some else None,
            "event_share": self.event_share,
            **self.events.to_dict(),
            "looks_ahead": ",".join(self.looks_ahead),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per bucket as a pandas DataFrame with UTC times."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame(
            {
                "start": pd.to_datetime(self.start_ts, unit="ns", utc=True),
                "end": pd.to_datetime(self.end_ts, unit="ns", utc=True),
                "close": self.close,
                "volume": self.volume,
                "buy": self.buy,
                "vpin": self.vpin,
                "cdf": self.cdf,
            }
        )

    def summary(self) -> str:
        """Return the result in a few lines of text, with what it does not show."""
        values, events = self.scalars(), self.events
        first, last = (np.datetime64(int(t), "s") for t in (self.start_ts[0] // 10**9, self.end_ts[-1] // 10**9))
        mean = "undefined" if values["vpin_mean"] is None else f"{values['vpin_mean']:.4f}"
        top = "undefined" if values["vpin_max"] is None else f"{values['vpin_max']:.4f}"
        lines = [
            f"{self.symbol}: {self.n_bars:,} bars in {len(self):,} buckets, {first} to {last} UTC",
            f"VPIN over {self.config.window:,} buckets: {self.n_defined:,} values, mean {mean}, maximum {top}",
            events_line(events, self.config.threshold, values["event_share"]),
            rate_line(events, self.config.null_quantile),
        ]
        if self.looks_ahead:
            lines.append(f"looks ahead in: {', '.join(self.looks_ahead)} (see docs/explanation/vpin.md)")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_dict())
