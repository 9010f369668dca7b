"""Controls: alarms that know nothing of order flow, judged as VPIN's events are."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.bars import count
from atomloom.market.events import wilson
from atomloom.market.surrogates import check_seed

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.market.result import VPINResult

_MOST_DRAWS = 100_000
_KINDS = ("random", "volatility", "volume")
_NEIGHBOURS = 25  # buckets next in rank on either side from which a control is drawn


@dataclass(frozen=True, eq=False, repr=False)
class Controls:
    """False positive rates of VPIN's events and of alarms that were placed without it.

    Attributes
    ----------
    rows : tuple of dict
        For each of ``vpin``, ``always`` (an alarm after every bucket), ``random`` (as many alarms anywhere),
        ``volatility`` and ``volume`` (as many, after buckets of the same trailing volatility or trading
        rate): ``n`` alarms, ``false_positive_rate``, and Wilson's ``low`` and ``high``.
    draws : int
        Control alarms per event.
    symbol : str
    config : dict
        ``vpin`` (its parameters), ``seed`` and ``draws``.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.market import VPINConfig, controls, vpin
    >>> from atomloom.store import read_trades
    >>> result = vpin(read_trades(es_2013_09()), VPINConfig(buckets_per_day=200, support_days=0.1, threshold=0.9))
    >>> [row["alarms"] for row in controls(result).rows]
    ['vpin', 'always', 'random', 'volatility', 'volume']
    """

    rows: tuple[dict[str, Any], ...]
    draws: int
    symbol: str
    config: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        rates = ", ".join(f"{row['alarms']} {_percent(row['false_positive_rate'])}" for row in self.rows)
        return f"Controls({self.symbol}, {rates})"

    def to_frame(self) -> pd.DataFrame:
        """Return a row per kind of alarm as a pandas DataFrame."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the rates as plain values."""
        return {"symbol": self.symbol, "draws": self.draws, "rows": [dict(row) for row in self.rows]}

    def summary(self) -> str:
        """Return the comparison in a few lines of text, with what it means for VPIN."""
        lines = [f"{self.symbol}: false positive rate of alarms, and 95% interval"]
        for row in self.rows:
            ends = "" if row["low"] is None else f"  {row['low']:.0%} to {row['high']:.0%}"
            lines.append(
                f"  {row['alarms']:<10} {_percent(row['false_positive_rate']):>9}{ends}  ({row['n']:,} alarms)"
            )
        vpin, matched = self.rows[0], self.rows[3:]
        if vpin["low"] is None:
            return "\n".join([*lines, "no event can be judged"])
        better = [row["alarms"] for row in matched if row["low"] is not None and vpin["high"] < row["low"]]
        worth = f"VPIN is better than {' and '.join(better)} alone" if len(better) == len(matched) else (
            "VPIN is not clearly better than " + " or ".join(r["alarms"] for r in matched if r["alarms"] not in better)
        )  # fmt: skip
        return "\n".join([*lines, worth])

    def _repr_html_(self) -> str:
        lines = "<br>".join(html.escape(line) for line in self.summary().splitlines())
        return f"<div>{lines}</div>"


def controls(result: VPINResult, seed: int = 0, *, draws: int = 20) -> Controls:
    """Place as many alarms without VPIN as it has events, and judge them alike.

    Parameters
    ----------
    result : VPINResult
    seed : int
        Of the draws; each comes from a counter-based stream keyed by seed, control and event, so one
        more event changes no other's control.
    draws : int
        Controls drawn per event; more make the rate of the controls steadier, not the interval narrower.

    Returns
    -------
    Controls

    Raises
    ------
    BadInput
        If seed or draws are no whole numbers in range, or this is no result of :func:`vpin`.

    Notes
    -----
    Candidates are the buckets that have a CDF and a known move and lie in no event. ``random`` takes any of
    them. ``volatility`` takes one of those that come next in rank of trailing realised volatility (root of the
    sum of squared log returns of closes over as many buckets as the horizon has), 25 on either side of the event's
    own; ``volume`` likewise by volume per second over the same buckets. Both are known when the alarm is
    raised. Moves are judged against the same ``null_move``. Andersen and Bondarenko (2014) find that VPIN
    forecasts through volume and volatility: then the matched controls do as well. Alarms overlap, so
    intervals (Wilson, for as many alarms as VPIN has judged events) are too narrow. O(B log B + events draws).

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.market import VPINConfig, vpin
    >>> from atomloom.store import read_trades
    >>> result = vpin(read_trades(es_2013_09()), VPINConfig(buckets_per_day=200, support_days=0.1, threshold=0.9))
    >>> round(controls(result, seed=1).rows[1]["false_positive_rate"], 2)  # ties with the median are no large moves
    0.53
    """
    if not (hasattr(result, "events") and hasattr(result, "cdf")):
        raise BadInput(f"{type(result).__name__} has no VPIN. Hint: give the result of vpin().")
    check_seed(seed)
    if count(draws, "draws") > _MOST_DRAWS:
        raise BadInput(f"draws is {draws!r}. Hint: give {_MOST_DRAWS:,} at most.")
    events, known = result.events, ~np.isnan(result.cdf) & ~np.isnan(result.move)
    judged = events.start[events.true >= 0]
    free = known & ~_inside(result)
    large = result.move > events.null_move
    rows = [_row("vpin", len(judged), events.n_false), _row("always", int(known.sum()), int((known & ~large).sum()))]
    traits = {"random": None, "volatility": _volatility(result), "volume": _rate(result)}
    for code, kind in enumerate(_KINDS):
        drawn = _drawn(judged, free, traits[kind], (seed, code), draws)
        share = float(np.mean(~large[drawn])) if drawn.size else None
        rows.append(_row(kind, len(judged) if drawn.size else 0, 0 if share is None else share * len(judged)))
    config = {"vpin": result.config.to_dict(), "seed": int(seed), "draws": int(draws)}
    return Controls(tuple(rows), int(draws), result.symbol, config)


def _row(alarms: str, n: int, false: float) -> dict[str, Any]:
    low, high = wilson(round(false), n) if n else (None, None)
    return {"alarms": alarms, "n": n, "false_positive_rate": false / n if n else None, "low": low, "high": high}


def _inside(result: VPINResult) -> NDArray[np.bool_]:
    """Buckets that lie in an event."""
    edges = np.zeros(len(result) + 1, np.int64)
    np.add.at(edges, result.events.start, 1)
    np.add.at(edges, np.where(result.events.open_end, len(result), result.events.end), -1)
    inside: NDArray[np.bool_] = np.cumsum(edges)[:-1] > 0
    return inside


def _volatility(result: VPINResult) -> NDArray[np.float64]:
    """Root of the sum of squared log returns of closes over the horizon that ends at each bucket."""
    squares = np.diff(np.log(result.close), prepend=np.log(result.close[:1])) ** 2
    after = np.concatenate([[0.0], np.cumsum(squares)])
    first = np.maximum(np.arange(len(result)) + 1 - result.config.horizon, 0)
    squared: NDArray[np.float64] = np.maximum(after[1:] - after[first], 0.0)
    return np.sqrt(squared)


def _rate(result: VPINResult) -> NDArray[np.float64]:
    """Volume per second over the horizon that ends at each bucket."""
    after = np.concatenate([[0], np.cumsum(result.volume)])
    first = np.maximum(np.arange(len(result)) + 1 - result.config.horizon, 0)
    seconds = (result.end_ts - result.start_ts[first]) / 1e9
    rate: NDArray[np.float64] = (after[1:] - after[first]) / np.maximum(seconds, 1e-9)
    return rate


def _drawn(
    events: NDArray[np.int64],
    free: NDArray[np.bool_],
    trait: NDArray[np.float64] | None,
    key: tuple[int, int],
    draws: int,
) -> NDArray[np.int64]:
    """Draw control buckets for each event, (E, draws) int64; of similar trait where there is one."""
    candidates = np.flatnonzero(free)
    if not len(candidates) or not len(events):
        return np.zeros((0, draws), np.int64)
    drawn = np.empty((len(events), draws), np.int64)
    order = candidates if trait is None else candidates[np.argsort(trait[candidates], kind="stable")]
    places = None if trait is None else np.searchsorted(trait[order], trait[events])
    for k, event in enumerate(events):
        low, high = 0, len(order)
        if places is not None:
            low, high = max(0, int(places[k]) - _NEIGHBOURS), min(len(order), int(places[k]) + _NEIGHBOURS)
        stream = np.random.Generator(np.random.Philox(key=np.array(key, np.uint64), counter=[0, 0, 0, int(event)]))
        drawn[k] = order[stream.integers(low, high, size=draws)]
    return drawn


def _percent(rate: float | None) -> str:
    return "undefined" if rate is None else f"{rate:.1%}"
