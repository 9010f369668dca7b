"""Figures of cycles over years: the daily line by year, and the growth of fast trading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from atomloom.app.drawing import (
    AMBER,
    BLUE,
    INK,
    MUTED,
    RED,
    WIDTH,
    landmarks,
    moments_of,
    panels,
    theme,
    time_axis,
    to_svg,
)

if TYPE_CHECKING:
    import pandas as pd

_DASHED: Any = (0, (4, 3))
_YEAR = np.timedelta64(round(365.2425 * 86_400 * 10**9), "ns")


def daily_lines(years: pd.DataFrame, title: str) -> str:
    """Draw the power at 365 and at 366 cycles of each year, leap years shaded, and the highest where it is another.

    Parameters
    ----------
    years : DataFrame
        Columns ``year``, ``days``, ``peak``, and the power at each number of cycles, ``"360"`` to ``"371"``.
    title : str
        What was found.

    Examples
    --------
    >>> import pandas as pd
    >>> daily_lines(pd.DataFrame({"year": [2011], "days": [365], "peak": [365], "365": 9.0, "366": 0.1}), "2011")[:4]
    '<svg'
    """
    year, days, peak = (years[name].to_numpy(dtype=int) for name in ("year", "days", "peak"))
    power = {k: np.maximum(years[str(k)].to_numpy(dtype=float), 1e-9) for k in (365, 366)}
    top = np.array([years[str(k)].iloc[row] for row, k in enumerate(peak)], dtype=float)
    with theme():
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        ax = figure.subplots()
        for leap in year[days == 366]:
            ax.axvspan(leap - 0.5, leap + 0.5, color=MUTED, alpha=0.14, linewidth=0)
        ax.vlines(year, *power.values(), color=MUTED, linewidth=1.0)
        for k, colour, marker in ((365, BLUE, "o"), (366, AMBER, "s")):
            ax.plot(year, power[k], marker, color=colour, markersize=7, label=f"{k} cycles a year")
        elsewhere = ~np.isin(peak, (365, 366))
        if elsewhere.any():
            ax.plot(year[elsewhere], top[elsewhere], "X", color=RED, markersize=8, label="highest, elsewhere")
        ax.set_yscale("log")
        ax.set_xlim(year[0] - 0.6, year[-1] + 0.6)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.set_xlabel("year, UTC (shaded: leap years, which have 366 days)")
        ax.set_ylabel("power, 1 at random")
        ax.set_title(title, parse_math=False)
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return to_svg(figure, "Power of the daily line by year")


def growth(windows: pd.DataFrame, slope: float, title: str) -> str:
    """Draw the power of each window, its trend, and how many events it comes from.

    Parameters
    ----------
    windows : DataFrame
        Columns ``start`` and ``end`` (datetime64, UTC), ``n_events``, ``power``.
    slope : float
        Of ln(power), a year; NaN for none.
    title : str

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.date_range("2013-01-01", periods=3, freq="30D")
    >>> some = {"start": times, "end": times + pd.Timedelta(days=30), "n_events": 900, "power": [1.0, 1.2, 1.1]}
    >>> growth(pd.DataFrame(some), 0.1, "3 windows")[:4]
    '<svg'
    """
    begin, end = moments_of(windows["start"]), moments_of(windows["end"])
    at = begin + (end - begin) // 2
    power = np.maximum(windows["power"].to_numpy(dtype=float), 1e-9)
    count = windows["n_events"].to_numpy(dtype=float)
    marker = "o" if len(at) <= 200 else ""
    with theme():
        figure, (ax, events) = panels(2, 5.0, heights=[2.2, 1])
        ax.plot(*_broken(begin, end, at, power), color=BLUE, linewidth=1.0, marker=marker, markersize=4, label="window")
        if not np.isnan(slope):
            away = (at - at[0]) / _YEAR
            fit = np.exp(np.log(power).mean() + slope * (away - away.mean()))
            ends = [0, -1] if len(at) < 3 else np.linspace(0, len(at) - 1, min(len(at), 200)).astype(int)
            ax.plot(at[ends], fit[ends], color=RED, linewidth=1.6, label="trend")
        ax.axhline(1, color=MUTED, linewidth=0.9, linestyle=_DASHED, label="at random")
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("{x:g}" if power.max() < 10 * min(1.0, power.min()) else "")
        ax.set_ylabel("power, 1 at random")
        ax.set_title(title, parse_math=False)
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        events.plot(*_broken(begin, end, at, count), color=INK, linewidth=1.0, marker=marker, markersize=3)
        events.set_ylim(0, 1.06 * count.max())
        events.yaxis.set_major_formatter("{x:,.0f}")
        events.set_ylabel("events")
        time_axis(events, np.array([begin[0], end[-1]]))
        return to_svg(figure, "Power above a frequency over time")


def _broken(begin: Any, end: Any, at: Any, values: Any) -> tuple[Any, Any]:
    """Give the points of a line, broken where windows were left out, so many as can be told apart."""
    seen = landmarks(at, values)
    apart = np.flatnonzero(begin[seen][1:] - end[seen][:-1] > (at[-1] - at[0]) / 100) + 1
    return np.insert(at[seen], apart, at[seen][apart]), np.insert(values[seen], apart, np.nan)
