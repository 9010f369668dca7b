"""Figures of bars, venues, days and spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from atomloom.app.drawing import AMBER, BLUE, INK, MUTED, RED, WIDTH, moments_of, panels, span_of, theme, to_svg

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def bars_over_time(bars: pd.DataFrame) -> str:
    """Draw the close, the volume and the number of trades of bars over time.

    Parameters
    ----------
    bars : DataFrame
        Columns ``end`` (datetime64, UTC), ``high``, ``low``, ``close``, ``volume``, ``n_trades``.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.date_range("2013-09-01 17:00", periods=4, freq="h")
    >>> flat = dict.fromkeys(["high", "low", "close", "volume", "n_trades"], 1.0)
    >>> bars_over_time(pd.DataFrame({"end": times, **flat}))[:4]
    '<svg'
    """
    with theme():
        figure, (price, volume, trades) = panels(3, 6.0, heights=[2.4, 1, 1])
        ends = moments_of(bars["end"])
        price.fill_between(ends, bars["low"], bars["high"], step="post", color=BLUE, alpha=0.25, linewidth=0)
        price.plot(ends, bars["close"], color=INK, linewidth=1.1, drawstyle="steps-post")
        price.set_ylabel("price")
        price.set_title("Close, and from low to high")
        volume.plot(ends, bars["volume"], color=BLUE, linewidth=1.0, drawstyle="steps-post")
        volume.set_ylabel("volume")
        trades.plot(ends, bars["n_trades"], color=RED, linewidth=1.0, drawstyle="steps-post")
        trades.set_ylabel("trades")
        for ax, column in ((volume, "volume"), (trades, "n_trades")):
            ax.set_ylim(0, 1.06 * float(bars[column].max()))
        _time_axis(trades, ends)
        return to_svg(figure, "Close, volume and trades of the bars over time")


def returns(bars: pd.DataFrame) -> str:
    """Draw how log returns of bars are spread, beside the normal distribution of the same width.

    Examples
    --------
    >>> import pandas as pd
    >>> returns(pd.DataFrame({"close": [1.0, 1.1, 1.0, 1.2, 1.1]}))[:4]
    '<svg'
    """
    found = np.diff(np.log(bars["close"].to_numpy(dtype=float)))
    away = (found - found.mean()) / found.std()
    edges = np.linspace(-5, 5, 61)
    counts, _ = np.histogram(np.clip(away, -4.999, 4.999), edges)
    density = counts / counts.sum() / (edges[1] - edges[0])
    x = np.linspace(-5, 5, 301)
    with theme():
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        ax = figure.subplots()
        ax.bar((edges[:-1] + edges[1:]) / 2, density, width=0.15, color=BLUE, alpha=0.75, label="bars")
        ax.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=RED, linewidth=1.4, label="normal")
        ax.set_xlabel("return in standard deviations (what lies beyond 5 is drawn at 5)")
        ax.set_ylabel("density")
        ax.legend()
        return to_svg(figure, "Distribution of the returns of bars")


def hhi_over_time(windows: pd.DataFrame) -> str:
    """Draw the Herfindahl index, the number of venues and the share of the largest over time.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.date_range("2013-09-01 17:00", periods=4, freq="h")
    >>> frame = pd.DataFrame({"end": times, "hhi": 0.2, "n_venues": 9, "top_share": 0.3})
    >>> hhi_over_time(frame)[:4]
    '<svg'
    """
    marker = "o" if len(windows) < 60 else ""
    with theme():
        figure, (index, share, venues) = panels(3, 5.4, heights=[2, 1, 1])
        ends = moments_of(windows["end"])
        for ax, column, label, colour in (
            (index, "hhi", "HHI", BLUE),
            (share, "top_share", "largest share", RED),
            (venues, "n_venues", "venues", INK),
        ):
            ax.plot(
                *_broken(ends, windows[column].to_numpy(float)),
                color=colour,
                linewidth=1.2,
                marker=marker,
                markersize=4,
            )
            ax.set_ylabel(label)
            ax.set_ylim(0, 1.06 * float(windows[column].max()))
        index.set_title("Herfindahl index over venues")
        _time_axis(venues, ends)
        return to_svg(figure, "Herfindahl index over time")


def rows_by_day(days: pd.DataFrame) -> str:
    """Draw how many rows, and how much volume, each day has.

    Examples
    --------
    >>> import pandas as pd
    >>> rows_by_day(pd.DataFrame({"day": pd.date_range("2013-09-01", periods=3), "rows": [1, 2, 3]}))[:4]
    '<svg'
    """
    names = [name for name in ("rows", "volume") if name in days]
    with theme():
        figure, axes = panels(len(names), 1.2 + 1.5 * len(names), heights=[1] * len(names))
        at = moments_of(days["day"])
        for ax, name, colour in zip(axes, names, (BLUE, AMBER), strict=False):
            ax.vlines(at, 0, days[name], color=colour, linewidth=max(0.6, min(9.0, 300 / len(days))))
            ax.set_ylabel(name)
            ax.set_ylim(bottom=0)
        _time_axis(axes[-1], at)
        return to_svg(figure, "Rows and volume by day")


def _broken(at: Any, values: Any) -> tuple[Any, Any]:
    """Break a line where nothing happened for far longer than usual, as over night."""
    if len(at) < 3:
        return at, values
    steps = np.diff(at).astype("timedelta64[ns]").astype(np.int64)
    gaps = np.flatnonzero(steps > 8 * np.median(steps)) + 1
    return np.insert(at, gaps, at[gaps - 1]), np.insert(values, gaps, np.nan)


def _time_axis(ax: Axes, at: Any) -> None:
    ax.set_xlim(*span_of(at))
    locator = AutoDateLocator(minticks=3, maxticks=12)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.set_xlabel("time, UTC")
    ax.tick_params(axis="x", colors=MUTED)
