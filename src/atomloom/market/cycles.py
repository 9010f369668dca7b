"""Cycles over years of trading: whether the daily line is where it should be, and whether fast trading grows."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, Infeasible
from atomloom.market.bars import count, whole_ns
from atomloom.market.exact_phase import event_times, event_weights, exact
from atomloom.market.imbalance import check_share
from atomloom.market.local_time import DAY_NS, SECOND
from atomloom.market.spectra import some_sums, some_threads, spectrum

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

_CYCLES = range(360, 372)
_YEAR_NS = 365.2425 * DAY_NS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False, repr=False)
class LeapYears:
    """The daily line of each whole year.

    Attributes
    ----------
    year, days : (Y,) int64
        Calendar years, UTC, and their days: 365 or 366.
    peak : (Y,) int64
        Cycles per year, 360 to 371, with the highest power.
    cycles : (12,) int64
    power : (Y, 12) float64
        Absolute square of the sum of w exp(-2 pi i f t), over the sum of w^2, at each of them.
    skipped : tuple of int
        Years that the data do not cover, or where no event has any weight.
    config : dict
        ``coverage`` and ``weighted``.

    Examples
    --------
    >>> leap_year_check(np.arange(365 * 2) * 86_400 * 10**9).peak
    array([365, 365])
    """

    year: NDArray[np.int64]
    days: NDArray[np.int64]
    peak: NDArray[np.int64]
    cycles: NDArray[np.int64]
    power: NDArray[np.float64]
    skipped: tuple[int, ...]
    config: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.year)

    def __repr__(self) -> str:
        return f"LeapYears({len(self)} years, daily line as expected in {int((self.peak == self.days).sum())})"

    @property
    def ok(self) -> bool:
        """Whether every year has as many cycles as days: 365, and 366 in leap years."""
        return bool((self.peak == self.days).all())

    def to_frame(self) -> pd.DataFrame:
        """Return one row per year, with the power at each number of cycles, as a pandas DataFrame."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        frame = pd.DataFrame({"year": self.year, "days": self.days, "peak": self.peak})
        return frame.join(pd.DataFrame(self.power, columns=[str(k) for k in self.cycles]))

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain values."""
        return {
            "ok": self.ok,
            "years": self.year.tolist(),
            "days": self.days.tolist(),
            "peak": self.peak.tolist(),
            "skipped": list(self.skipped),
        }

    def summary(self) -> str:
        """Return a line of text per year."""
        lines = [
            f"{year}: daily line at {peak} cycles per year, {days} days" + ("" if peak == days else "  <- not the same")
            for year, peak, days in zip(self.year, self.peak, self.days, strict=True)
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"


def leap_year_check(
    times: ArrayLike, weights: ArrayLike | None = None, *, coverage: float = 0.95, threads: int | None = None
) -> LeapYears:
    """Check that the daily cycle of each year stands at 365 cycles per year, and at 366 in leap years.

    Parameters
    ----------
    times : (T,) int64 ns UTC or datetime64
        In any order.
    weights : (T,) float64, optional
    coverage : float
        Part of a year that must lie between its first and last event for it to be judged.
    threads : int, optional

    Returns
    -------
    LeapYears

    Raises
    ------
    Infeasible
        If the data cover no year.
    BadInput
        If times or weights cannot be used.

    Notes
    -----
    A test of the whole road of times (parsing, time zones, leap days, phases) on data whose answer is known, after
    Song, Lopez de Prado, Simon and Wu (2014), who saw the line move in leap years. Frequencies k / (length of the
    year) are exact fractions. O(12 T) time.

    Examples
    --------
    >>> hours = np.arange("2011-01-01", "2013-01-01", dtype="datetime64[h]")
    >>> trading = hours[(hours.astype(int) % 24 >= 14) & (hours.astype(int) % 24 < 20)]
    >>> print(leap_year_check(trading).summary())
    2011: daily line at 365 cycles per year, 365 days
    2012: daily line at 366 cycles per year, 366 days
    """
    check_share(coverage, "coverage")
    column = event_times(times)
    given = event_weights(weights, len(column))
    order = np.argsort(column, kind="stable") if (column[1:] < column[:-1]).any() else slice(None)
    column, given = column[order], None if given is None else given[order]
    first, last = (_year_of(int(moment)) for moment in (column[0], column[-1]))
    found, skipped = [], []
    for year in range(first, last + 1):
        begin, end = _new_year(year), _new_year(year + 1)
        lo, hi = (int(place) for place in np.searchsorted(column, [begin, end]))
        part, own = column[lo:hi], None if given is None else given[lo:hi]
        square = float(hi - lo) if own is None else float(own @ own)
        if hi - lo < 2 or square <= 0.0 or int(part[-1]) - int(part[0]) < coverage * (end - begin - DAY_NS):
            skipped.append(year)
            continue
        per_year = Fraction(SECOND, end - begin)
        part.flags.writeable = False
        grid = (per_year * _CYCLES[0], per_year, len(_CYCLES))
        sums = some_sums(part, own, begin, grid, some_threads(threads))
        found.append((year, (end - begin) // DAY_NS, np.abs(sums) ** 2 / square))
    if not found:
        message = (
            f"no year from {first} to {last} is covered to {coverage:.0%}. Hint: give more data, or lower coverage."
        )
        raise Infeasible(message)
    power = np.stack([one[2] for one in found])
    cycles = np.array(_CYCLES, dtype=np.int64)
    years, days = (np.array([one[k] for one in found], dtype=np.int64) for k in (0, 1))
    asked = {"coverage": float(coverage), "weighted": given is not None}
    return LeapYears(years, days, cycles[np.argmax(power, axis=1)], cycles, power, tuple(skipped), asked)


@dataclass(frozen=True, eq=False, repr=False)
class Growth:
    """Power above a frequency, window by window.

    Attributes
    ----------
    above, below : float
        The band, Hz.
    start_ts, end_ts : (N,) int64
        Bounds of each window, ns.
    n_events : (N,) int64
    power : (N,) float64
        Mean power in the band; 1 for events at random times, so what is above 1 is structure.
    share : (N,) float64
        Mean power in the band over the events: free of how many there are where they move in step.
    slope, slope_error : float
        Growth of ln(power) per year by least squares and its standard error; NaN for fewer than three windows.
    config : dict
        ``above, below`` (exact, Hz), ``window`` (seconds), ``modes, min_events, weighted``.

    Examples
    --------
    >>> Growth.__dataclass_fields__["slope"].name
    'slope'
    """

    above: float
    below: float
    start_ts: NDArray[np.int64]
    end_ts: NDArray[np.int64]
    n_events: NDArray[np.int64]
    power: NDArray[np.float64]
    share: NDArray[np.float64]
    slope: float
    slope_error: float
    config: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.power)

    def __repr__(self) -> str:
        return f"Growth({len(self):,} windows, {self.above:g} .. {self.below:g} Hz, ln(power) {self.slope:+.3g} a year)"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per window as a pandas DataFrame with UTC times."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame(
            {
                "start": pd.to_datetime(self.start_ts, unit="ns", utc=True),
                "end": pd.to_datetime(self.end_ts, unit="ns", utc=True),
                "n_events": self.n_events,
                "power": self.power,
                "share": self.share,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the scalars as plain values."""
        return {
            "above": self.above,
            "below": self.below,
            "n_windows": len(self),
            "power_first": float(self.power[0]),
            "power_last": float(self.power[-1]),
            "slope": None if math.isnan(self.slope) else self.slope,
            "slope_error": None if math.isnan(self.slope_error) else self.slope_error,
        }

    def summary(self) -> str:
        """Return the outcome in a line of text."""
        return (
            f"{len(self):,} windows, {self.above:g} to {self.below:g} Hz: mean power {self.power[0]:.3g} at first, "
            f"{self.power[-1]:.3g} at last (1 for random times); ln(power) {self.slope:+.3g} a year, "
            f"standard error {self.slope_error:.2g}"
        )

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"


def high_frequency_power(
    times: ArrayLike,
    above: float = 0.1,
    *,
    below: float | None = None,
    window: float = 30 * 86_400,
    modes: int = 4096,
    min_events: int = 100,
    weights: ArrayLike | None = None,
    threads: int | None = None,
) -> Growth:
    """Follow the power above a frequency over time.

    Parameters
    ----------
    times : (T,) int64 ns UTC or datetime64
        In any order.
    above : float
        Hz.
    below : float, optional
        End of the band, Hz; ten times ``above`` where not given.
    window : float
        Seconds; windows are aligned to 1970-01-01 UTC.
    modes : int
        Frequencies per window.
    min_events : int
        Windows with fewer are left out, and those where no event has any weight.
    weights : (T,) float64, optional
    threads : int, optional

    Returns
    -------
    Growth

    Raises
    ------
    MissingExtra
        If finufft is not installed.
    Infeasible
        If no window has enough events.
    BadInput
        If a parameter is out of range.

    Notes
    -----
    The mean power over many frequencies of a window is 1 for a Poisson process of any rate, and more where events
    come in bursts shorter than 1 / above seconds. After Song, Lopez de Prado, Simon and Wu (2014). O(T + windows *
    modes log modes) time.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> times = np.sort(rng.integers(0, 90 * 86_400 * 10**9, 30_000))
    >>> high_frequency_power(times, modes=256).power.round(1)  # doctest: +SKIP
    array([1., 1., 1.])
    """
    column = event_times(times)
    given = event_weights(weights, len(column))
    length = whole_ns(window, "window")
    fewest = max(2, count(min_events, "min_events"))
    low = exact(above, "above")
    high = 10 * low if below is None else exact(below, "below")
    if not 0 < low < high:
        message = f"the band is {float(low):g} to {float(high):g} Hz. Hint: 0 < above < below."
        raise BadInput(message)
    order = np.argsort(column, kind="stable") if (column[1:] < column[:-1]).any() else slice(None)
    column, given = column[order], None if given is None else given[order]
    number = column // length
    cuts = [0, *(np.flatnonzero(number[1:] != number[:-1]) + 1).tolist(), len(column)]
    rows = []
    for lo, hi in pairwise(cuts):
        own = None if given is None else given[lo:hi]
        if hi - lo >= fewest and (own is None or own.any()):
            seen = spectrum(column[lo:hi], own, (low, high), modes=modes, threads=threads)
            power = float(seen.power.mean())
            total = seen.total if own is None else float(np.abs(own).sum())
            rows.append((int(number[lo]) * length, hi - lo, power, power * seen.square / total**2))
    if not rows:
        message = f"no window of {window:g} s has {fewest:,} events. Hint: longer windows, or fewer min_events."
        raise Infeasible(message)
    start, n, powers, shares = (np.array(values) for values in zip(*rows, strict=True))
    slope, error = _trend((start + length / 2) / _YEAR_NS, np.log(powers))
    asked = {
        "above": str(low),
        "below": str(high),
        "window": length / 1e9,
        "modes": int(modes),
        "min_events": fewest,
        "weighted": given is not None,
    }
    return Growth(float(low), float(high), start, start + length, n, powers, shares, slope, error, asked)


def _trend(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope of y over x by least squares, and its standard error."""
    n = len(x)
    if n < 3:
        return math.nan, math.nan
    away = x - x.mean()
    slope = float(away @ y / (away @ away))
    rest = y - y.mean() - slope * away
    return slope, math.sqrt(float(rest @ rest) / (n - 2) / float(away @ away))


def _year_of(moment: int) -> int:
    return (_EPOCH + timedelta(seconds=moment // SECOND)).year


def _new_year(year: int) -> int:
    return (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1) * SECOND
