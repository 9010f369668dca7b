"""Events: when the CDF of VPIN stands above its threshold, and whether a large move followed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.tables import html_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

Z95 = 1.959963984540054  # 97.5% point of the normal


@dataclass(frozen=True, eq=False, repr=False)
class Events:
    """Events in order, each with the move that followed it.

    Attributes
    ----------
    start : (E,) int64
        Bucket at whose end the CDF was first above the threshold.
    end : (E,) int64
        First bucket after it at whose end the CDF was not; the last bucket where it never fell back.
    open_end : (E,) bool
        True where the data ended before the event did.
    start_ts, end_ts : (E,) int64
        Ends of those buckets, ns UTC.
    move : (E,) float64
        Largest log return between any two prices from the start through the horizon; NaN where the
        data ends before the horizon.
    true : (E,) int8
        1 where the move is above ``null_move``, 0 where it is not, -1 where it cannot be judged.
    null_move : float
        The quantile of the moves after all buckets that have a CDF; NaN if there is none.
    null_count : int
        How many such moves there are (they overlap, so far fewer are independent).
    n_episodes : int
        Episodes of large moves: maximal runs of buckets that have a CDF and a move above ``null_move``.
    n_caught : int
        Those with an event that starts in them, or at most the horizon before them.
    config : dict
        ``threshold, null_quantile, horizon``.

    Examples
    --------
    >>> cdf = np.array([0.5, 0.995, 0.5, 0.5])
    >>> found = find_events(cdf, np.arange(4), np.array([0.1, 0.3, 0.2, np.nan]), threshold=0.99)
    >>> found.start, found.true, found.n_true
    (array([1]), array([1], dtype=int8), 1)
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    open_end: NDArray[np.bool_]
    start_ts: NDArray[np.int64]
    end_ts: NDArray[np.int64]
    move: NDArray[np.float64]
    true: NDArray[np.int8]
    null_move: float
    null_count: int
    n_episodes: int = 0
    n_caught: int = 0
    config: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.start)

    def __repr__(self) -> str:
        return f"Events({len(self):,} events, {self.n_true:,} true, {self.n_false:,} false)"

    @property
    def duration_ns(self) -> NDArray[np.int64]:
        """Length of each event, (E,) int64, ns."""
        return self.end_ts - self.start_ts

    @property
    def n_true(self) -> int:
        """Events followed by a move above ``null_move``."""
        return int((self.true == 1).sum())

    @property
    def n_false(self) -> int:
        """Events that were not."""
        return int((self.true == 0).sum())

    @property
    def n_undecided(self) -> int:
        """Events whose horizon runs past the data; they count neither way."""
        return int((self.true == -1).sum())

    @property
    def false_positive_rate(self) -> float | None:
        """``n_false / (n_true + n_false)``, None if no event can be judged.

        The papers on VPIN call this the false positive rate; elsewhere it is the false discovery rate.
        """
        judged = self.n_true + self.n_false
        return self.n_false / judged if judged else None

    @property
    def precision(self) -> float | None:
        """Share of the judged events that were true, ``1 - false_positive_rate``; None if there is none."""
        rate = self.false_positive_rate
        return None if rate is None else 1.0 - rate

    @property
    def recall(self) -> float | None:
        """Share of the episodes of large moves that were caught; None if there is no episode."""
        return self.n_caught / self.n_episodes if self.n_episodes else None

    @property
    def false_positive_interval(self) -> tuple[float, float] | None:
        """Wilson's 95% interval of the rate, None where the rate is; it takes events as independent."""
        judged = self.n_true + self.n_false
        return wilson(self.n_false, judged) if judged else None

    def to_dict(self) -> dict[str, Any]:
        """Return counts and rates as plain values."""
        interval = self.false_positive_interval
        return {
            "n_events": len(self),
            "n_true": self.n_true,
            "n_false": self.n_false,
            "n_undecided": self.n_undecided,
            "false_positive_rate": self.false_positive_rate,
            "false_positive_low": interval[0] if interval else None,
            "false_positive_high": interval[1] if interval else None,
            "precision": self.precision,
            "n_episodes": self.n_episodes,
            "recall": self.recall,
            "null_move": None if math.isnan(self.null_move) else self.null_move,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per event as a pandas DataFrame with UTC times."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame(
            {
                "start": pd.to_datetime(self.start_ts, unit="ns", utc=True),
                "end": pd.to_datetime(self.end_ts, unit="ns", utc=True),
                "duration": pd.to_timedelta(self.duration_ns, unit="ns"),
                "open_end": self.open_end,
                "move": self.move,
                "true": pd.array([None if flag < 0 else bool(flag) for flag in self.true], dtype="boolean"),
            }
        )

    def summary(self) -> str:
        """Return the events in a few lines of text."""
        threshold, quantile = self.config.get("threshold", math.nan), self.config.get("null_quantile", math.nan)
        return f"{events_line(self, threshold, None)}\n{rate_line(self, quantile)}"

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_dict())


def events_line(events: Events, threshold: float, share: float | None) -> str:
    """Say how many events there are, and how much of the time they take.

    Examples
    --------
    >>> none = np.zeros(0)
    >>> events_line(find_events(none, none.astype(int), none, threshold=0.9), 0.9, None)
    '0 events above CDF 0.9'
    """
    line = f"{len(events):,} events above CDF {threshold:g}"
    if len(events) and share is not None and math.isfinite(share):
        line += f", {share:.1%} of the time"
    return line


def rate_line(events: Events, quantile: float) -> str:
    """Say what the false positive rate is, and how little it may show.

    Examples
    --------
    >>> none = np.zeros(0)
    >>> rate_line(find_events(none, none.astype(int), none, threshold=0.9), 0.5)
    'false positive rate undefined: no event has its whole horizon in the data'
    """
    rate, interval = events.false_positive_rate, events.false_positive_interval
    if rate is None or interval is None:
        return "false positive rate undefined: no event has its whole horizon in the data"
    judged = events.n_true + events.n_false
    return (
        f"false positive rate {rate:.0%} ({events.n_false} of {judged}, 95% interval {interval[0]:.0%} to "
        f"{interval[1]:.0%}; knowing nothing gives {quantile:.0%})"
        + ("; a small sample, which shows little" if judged < 30 else "")
    )


def find_events(
    cdf: ArrayLike,
    end_ts: ArrayLike,
    move: ArrayLike,
    *,
    threshold: float,
    null_quantile: float = 0.5,
    horizon: int = 0,
) -> Events:
    """Find the runs of buckets whose CDF is above a threshold and judge the move after each start.

    Parameters
    ----------
    cdf : (B,) float64
        NaN where undefined, which counts as not above.
    end_ts : (B,) int64
        End of each bucket, ns UTC.
    move : (B,) float64
        Largest move in the horizon after each bucket; NaN where it cannot be known.
    threshold : float
        An event starts at the first bucket above it.
    null_quantile : float
        A move is large if it is above this quantile of the moves after every bucket that has a CDF,
        event or not. At 0.5 a signal that knows nothing is false half of the time.
    horizon : int
        Buckets that a move looks ahead: how long before an episode of large moves an event still counts
        as its warning.

    Raises
    ------
    BadInput
        If the arrays differ in length, or a parameter is out of range.

    Notes
    -----
    The label looks ahead, as a label must; the signal does not. Start times follow from the CDF alone. O(B).

    Examples
    --------
    >>> cdf, move = np.array([np.nan, 0.995, 0.995]), np.array([0.1, 0.1, np.nan])
    >>> found = find_events(cdf, np.array([0, 5, 9]), move, threshold=0.99)
    >>> found.duration_ns, found.open_end, found.false_positive_rate
    (array([4]), array([ True]), 1.0)
    """
    try:
        known, after = np.asarray(cdf, dtype=np.float64), np.asarray(move, dtype=np.float64)
        when = np.asarray(end_ts)
    except (TypeError, ValueError) as error:
        message = f"cdf and move are no numbers ({error}). Hint: give an array of each, one number per bucket."
        raise BadInput(message) from error
    when = when.astype("M8[ns]").astype(np.int64) if when.dtype.kind == "M" else when
    if known.ndim != 1 or not known.shape == when.shape == after.shape or (len(when) and when.dtype.kind not in "iu"):
        message = (
            f"cdf, end_ts and move have shapes {known.shape}, {when.shape} and {after.shape}, end_ts {when.dtype}. "
            "Hint: one per bucket, times as int64 ns UTC."
        )
        raise BadInput(message)
    for name, value in (("threshold", threshold), ("null_quantile", null_quantile)):
        if not (_is_number(value) and 0 < value < 1):
            message = f"{name} is {value!r}. Hint: give a number between 0 and 1, both excluded."
            raise BadInput(message)
    if isinstance(horizon, bool) or not hasattr(horizon, "__index__") or horizon < 0:
        message = f"horizon is {horizon!r}. Hint: give a whole number of buckets, 0 or more."
        raise BadInput(message)
    null = null_of(known, after, null_quantile)
    config = {"threshold": float(threshold), "null_quantile": float(null_quantile), "horizon": int(horizon)}
    return events_against(known, when.astype(np.int64), after, null, config=config)


def null_of(known: NDArray[np.float64], move: NDArray[np.float64], quantile: float) -> tuple[float, int]:
    """Quantile of the moves after buckets where something is known, NaN if there is none, and their number.

    Examples
    --------
    >>> null_of(np.array([np.nan, 0.2, 0.7]), np.array([5.0, 1.0, 3.0]), 0.5)
    (2.0, 2)
    """
    null = move[~np.isnan(known) & ~np.isnan(move)]
    return (float(np.quantile(null, quantile)), len(null)) if len(null) else (math.nan, 0)


def events_against(
    cdf: NDArray[np.float64],
    end_ts: NDArray[np.int64],
    move: NDArray[np.float64],
    null: tuple[float, int],
    *,
    config: Mapping[str, Any],
) -> Events:
    """Find events as :func:`find_events` does, against a null move that is known already.

    ``config`` has ``threshold``, ``horizon`` in buckets, and the ``null_quantile`` that the move is of.

    Examples
    --------
    >>> cdf, move = np.array([0.5, 0.995, 0.5]), np.array([0.1, 0.3, 0.2])
    >>> asked = {"threshold": 0.99, "null_quantile": 0.5, "horizon": 1}
    >>> events_against(cdf, np.arange(3), move, (0.2, 3), config=asked).n_true
    1
    """
    null_move, null_count = null
    above = cdf > config["threshold"]  # False where NaN
    edge = np.diff(above.astype(np.int8), prepend=np.int8(0))
    start = np.flatnonzero(edge == 1).astype(np.int64)
    fall = np.flatnonzero(edge == -1).astype(np.int64)
    open_end = np.zeros(len(start), dtype=bool)
    if len(fall) < len(start):
        fall = np.append(fall, len(cdf) - 1)
        open_end[-1] = True
    after = move[start]
    true = np.where(np.isnan(after) | math.isnan(null_move), -1, after > null_move).astype(np.int8)
    episodes, caught = _caught(start, ~np.isnan(cdf) & (move > null_move), config["horizon"])
    return Events(
        start, fall, open_end, end_ts[start], end_ts[fall], after, true, null_move, null_count, episodes, caught,
        dict(config),
    )  # fmt: skip


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _caught(start: NDArray[np.int64], large: NDArray[np.bool_], horizon: int) -> tuple[int, int]:
    """Count the runs of large moves, and those that an event warned of."""
    edge = np.flatnonzero(np.diff(large.astype(np.int8), prepend=0, append=0))
    begin, after = edge[::2], edge[1::2]
    warned = np.searchsorted(start, after) > np.searchsorted(start, begin - horizon)
    return len(begin), int(warned.sum())


def wilson(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927), 95% by default.

    Parameters
    ----------
    successes, trials : int
        ``0 <= successes <= trials`` and ``trials >= 1``.
    z : float
        Point of the normal distribution.

    Returns
    -------
    low, high : float

    Raises
    ------
    BadInput
        If the counts are impossible.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(0, 10)]
    [0.0, 0.2775]
    """
    if trials < 1 or not 0 <= successes <= trials:
        message = f"{successes} of {trials} is no proportion. Hint: 0 <= successes <= trials, trials >= 1."
        raise BadInput(message)
    share = successes / trials
    shrink = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high
