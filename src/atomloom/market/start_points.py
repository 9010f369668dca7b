"""Sensitivity of VPIN to where its first bucket begins, after Bambade and Wu (2019)."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, Infeasible
from atomloom.market.bar_cuts import check_kind
from atomloom.market.bars import count
from atomloom.market.buckets import volume_index
from atomloom.market.layout import layout_of
from atomloom.market.spec import VPINConfig, check_config
from atomloom.market.toxicity import vpin
from atomloom.store.schema import Trades

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.market.result import VPINResult

_MOST_SHIFTS = 1000


@dataclass(frozen=True, eq=False, repr=False)
class StartSensitivity:
    """VPIN and its events under several starts, per price.

    Attributes
    ----------
    rows : tuple of dict
        Per price and shift: ``price, shift`` (volume skipped), ``n_events, false_positive_rate, vpin_mean,
        distance`` (mean |VPIN - VPIN of the first start| at the same moments) and ``agreement``.
    spread : dict of str to dict
        Per price: ``vpin_range`` (median over time of largest less smallest VPIN among the starts), the same
        ``relative`` to the mean VPIN, and ``agreement``, the mean over all pairs of starts.
    symbol : str
    by : str
        What was shifted by fractions of: "bucket" or "day".
    bands : dict of str to tuple
        Per price, over time: moments, (M,) int64 ns UTC, the ends of those buckets of the first start at which every
        start has a VPIN; and the VPIN of the first start, the least and the largest of any at them, (M,) float64 each.
    config : dict
        ``vpin`` (the parameters, with the ``bucket_volume`` that was used), ``shifts, by, prices``.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.market import VPINConfig, start_sensitivity
    >>> from atomloom.store import read_trades
    >>> config = VPINConfig(buckets_per_day=100, support_days=0.1, threshold=0.9)
    >>> found = start_sensitivity(read_trades(es_2013_09()), config, shifts=2)
    >>> len(found.to_frame()), sorted(found.spread)
    (4, ['close', 'median'])
    """

    rows: tuple[dict[str, Any], ...]
    spread: dict[str, dict[str, float]]
    symbol: str
    by: str
    bands: dict[str, tuple[NDArray[Any], ...]]
    config: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        said = ", ".join(f"{price} agreement {found['agreement']:.0%}" for price, found in self.spread.items())
        return f"StartSensitivity({self.symbol}, by {self.by}, {said})"

    def to_frame(self) -> pd.DataFrame:
        """Return a row per price and start as a pandas DataFrame."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return rows and spread as plain values."""
        return {"symbol": self.symbol, "by": self.by, "spread": self.spread, "rows": [dict(row) for row in self.rows]}

    def summary(self) -> str:
        """Return the sensitivity in a few lines of text."""
        lines = [f"{self.symbol}: first bucket shifted by fractions of a {self.by}"]
        for price, found in self.spread.items():
            counts = [row["n_events"] for row in self.rows if row["price"] == price]
            lines.append(
                f"  {price:<7} VPIN varies by {found['relative']:.1%} of its mean (median over time); "
                f"{min(counts):,} to {max(counts):,} events, {found['agreement']:.0%} of them shared by two starts"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return "<div>" + "<br>".join(html.escape(line) for line in self.summary().splitlines()) + "</div>"


def start_sensitivity(
    trades: Trades,
    config: VPINConfig | None = None,
    *,
    shifts: int = 8,
    by: str = "bucket",
    prices: Sequence[str] = ("close", "median"),
    threads: int | None = None,
) -> StartSensitivity:
    """Compute VPIN again with the first bucket shifted, and say how much of it stays.

    Parameters
    ----------
    trades : Trades
    config : VPINConfig, optional
        Defaults where not given. Without ``bucket_volume`` that of its layout is kept for all starts.
    shifts : int
        Starts, at fractions 0, 1/shifts, 2/shifts, ... of the unit; from 2 to 1,000.
    by : {"bucket", "day"}
        Unit: the volume of a bucket, or of ``buckets_per_day`` of them.
    prices : sequence of {"close", "median", "mean", "vwap"}
        Prices that stand for a bar, each on its own.
    threads : int, optional
        See :func:`vpin`.

    Returns
    -------
    StartSensitivity

    Raises
    ------
    BadInput
        If shifts is out of range, by is neither, or there is no price.
    Infeasible
        See :func:`vpin`; if there is no moment at which all starts have one.

    Notes
    -----
    Series are compared at the ends of the buckets of the first start, each by the last value it had by then.
    Two starts share an event if one begins within the horizon, in volume, of one of the other; the
    agreement of a pair is the share of all their events that are shared (1 if neither has any). Bambade and Wu
    (2019) find close prices least sensitive. O(shifts) times :func:`vpin`.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> config = VPINConfig(buckets_per_day=100, support_days=0.1, threshold=0.9)
    >>> found = start_sensitivity(read_trades(es_2013_09()), config, shifts=2, prices=["close"])
    >>> [row["shift"] for row in found.rows]
    [0, 4610]
    """
    config = check_config(config)
    check_kind(trades, Trades)
    if not 2 <= count(shifts, "shifts") <= _MOST_SHIFTS or by not in {"bucket", "day"}:
        raise BadInput(f"shifts is {shifts!r}, by {by!r}. Hint: 2 to {_MOST_SHIFTS:,} shifts, by 'bucket' or 'day'.")
    if isinstance(prices, str) or not len(prices):
        raise BadInput(f"prices is {prices!r}. Hint: give a list of prices, for example ['close', 'median'].")
    volume = config.bucket_volume
    if volume is None:
        layout = layout_of(trades, config, volume_index(trades).total)
        volume = max(layout.per_bucket, layout.edge(layout.n_bars) // layout.n_buckets)
    unit = volume * (config.buckets_per_day if by == "day" else 1)
    starts = [unit * k // shifts for k in range(shifts)]
    rows: list[dict[str, Any]] = []
    spread, bands = {}, {}
    for price in prices:
        fixed = replace(config, price=price, bucket_volume=volume)
        results = [vpin(skip_volume(trades, start), fixed, threads=threads) for start in starts]
        seen = np.array([_known_at(result, results[0].end_ts) for result in results])
        begins = [(result.events.start + 1) * volume + start for result, start in zip(results, starts, strict=True)]
        reach = fixed.horizon * volume
        pairs = [_agreement(one, other, reach) for k, one in enumerate(begins) for other in begins[k + 1 :]]
        whole = ~np.isnan(seen).any(axis=0)
        if not whole.any():
            message = f"there is no moment at which all {shifts} starts have a VPIN. Hint: lower support_days, "
            raise Infeasible(message + "shift by 'bucket', or give more data.")
        bands[price] = (results[0].end_ts[whole], *_band(seen[:, whole]))
        between = float(np.median(bands[price][3] - bands[price][2]))
        mean = float(seen[:, whole].mean())
        relative = between / mean if mean else 0.0
        spread[price] = {"vpin_range": between, "relative": relative, "agreement": float(np.mean(pairs))}
        for k, result in enumerate(results):
            scalars = result.scalars()
            apart = np.abs(seen[k, whole] - seen[0, whole])
            kept = {name: scalars[name] for name in ("n_events", "false_positive_rate", "vpin_mean")}
            near = {
                "distance": float(apart.mean()),
                "agreement": _agreement(begins[k], begins[0], reach),
            }
            rows.append({"price": price, "shift": starts[k], **kept, **near})
    used = replace(config, bucket_volume=volume).to_dict()
    asked = {"vpin": used, "shifts": int(shifts), "by": by, "prices": list(prices)}
    return StartSensitivity(tuple(rows), spread, trades.symbol, by, bands, asked)


def skip_volume(trades: Trades, volume: int) -> Trades:
    """Leave out the first contracts, cutting the trade they end in.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> skip_volume(Trades(ts=[0, 1, 2], px=[7, 8, 9], size=[2, 3, 4]), 4).size
    array([1, 4])
    """
    if volume == 0:
        return trades
    reached = np.cumsum(trades.size, dtype=np.int64)
    at = int(np.searchsorted(reached, volume, side="right"))
    rest = trades.rows(at, len(trades))
    size = rest.size.copy()
    size[0] = reached[at] - volume
    return type(trades).trusted({"ts": rest.ts, "px": rest.px, "size": size}, trades.tick_size, trades.symbol)


def _band(seen: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """VPIN of the first start, and the least and the largest of all, at each moment."""
    return seen[0], seen.min(axis=0), seen.max(axis=0)


def _known_at(result: VPINResult, moments: NDArray[np.int64]) -> NDArray[np.float64]:
    """Last VPIN by each moment, NaN before the first."""
    place = np.searchsorted(result.end_ts, moments, side="right") - 1
    return np.where(place >= 0, result.vpin[np.maximum(place, 0)], np.nan)


def _agreement(one: NDArray[np.int64], other: NDArray[np.int64], reach: int) -> float:
    """Share of the events of both that have one of the other within reach."""
    total = len(one) + len(other)
    shared = sum(
        int((np.searchsorted(b, a + reach, side="right") > np.searchsorted(b, a - reach)).sum())
        for a, b in ((one, other), (other, one))
    )
    return shared / total if total else 1.0
