"""Figures of bars, venues, days and spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from atomloom.app.drawing import (
    AMBER,
    BLUE,
    INK,
    RED,
    WIDTH,
    landmarks,
    moments_of,
    panels,
    stretches_of,
    theme,
    time_axis,
    to_svg,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_SPANS = 3_000  # more bars than this are drawn several together


def bars_over_time(bars: pd.DataFrame) -> str:
    """Draw the close, the volume and the number of trades of bars over time.

    Parameters
    ----------
    bars : DataFrame
        Columns ``start`` and ``end`` (datetime64, UTC), ``high``, ``low``, ``close``, ``volume``, ``n_trades``.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.date_range("2013-09-01 17:00", periods=4, freq="h")
    >>> flat = dict.fromkeys(["high", "low", "close", "volume", "n_trades"], 1.0)
    >>> bars_over_time(pd.DataFrame({"start": times, "end": times + pd.Timedelta(hours=1), **flat}))[:4]
    '<svg'
    """
    with theme():
        figure, (price, volume, trades) = panels(3, 6.0, heights=[2.4, 1, 1])
        starts, ends = moments_of(bars["start"]), moments_of(bars["end"])
        price.fill_between(*_range(starts, ends, bars), color=BLUE, alpha=0.25, linewidth=0)
        price.set_ylabel("price")
        price.set_title("Close, and from low to high; each bar from its start to its end")
        for ax, column, colour in ((price, "close", INK), (volume, "volume", BLUE), (trades, "n_trades", RED)):
            values = bars[column].to_numpy(dtype=float)
            seen = landmarks(ends, values)
            ax.plot(*_spans(starts[seen], ends[seen], values[seen]), color=colour, linewidth=1.0)
        for ax, label, column in ((volume, "volume", "volume"), (trades, "trades", "n_trades")):
            ax.set_ylabel(label)
            ax.set_ylim(0, 1.06 * float(bars[column].max()))
            ax.yaxis.set_major_formatter("{x:,.0f}")
        time_axis(trades, np.array([starts[0], ends[-1]]))
        return to_svg(figure, "Close, volume and trades of the bars over time")


def _spans(starts: Any, ends: Any, *columns: Any) -> tuple[Any, ...]:
    """Draw each value from the start to the end of its bar, on to the next bar, but not over a night without any."""
    at = np.column_stack([starts, starts, ends]).ravel()
    idle = np.r_[False, starts[1:] - ends[:-1] > (ends[-1] - starts[0]) / 100]
    lines = [
        np.column_stack([np.where(idle, np.nan, np.r_[values[:1], values[:-1]]), values, values]).ravel()
        for values in columns
    ]
    return at, *lines


def _range(starts: Any, ends: Any, bars: pd.DataFrame) -> tuple[Any, ...]:
    """Give when, from where and to where prices went: bar by bar, or of so many bars together as the eye can tell."""
    first = stretches_of(ends) if len(bars) > _SPANS else np.arange(len(bars))
    low = np.minimum.reduceat(bars["low"].to_numpy(dtype=float), first)
    high = np.maximum.reduceat(bars["high"].to_numpy(dtype=float), first)
    last = np.r_[first[1:], len(bars)] - 1
    return _spans(starts[first], ends[last], low, high)


def returns(bars: pd.DataFrame) -> str:
    """Draw how log returns of bars are spread, beside the normal distribution of the same width.

    Examples
    --------
    >>> import pandas as pd
    >>> returns(pd.DataFrame({"close": [1.0, 1.1, 1.0, 1.2, 1.1]}))[:4]
    '<svg'
    """
    close = bars["close"].to_numpy(dtype=float)
    found = np.diff(np.log(close))
    away = ((found - found.mean()) / found.std()).clip(-5, 5)
    edges = _edges(close, found)
    counts, _ = np.histogram(away, edges)
    width = edges[1] - edges[0]
    density = counts / counts.sum() / width
    x = np.linspace(-5, 5, 301)
    with theme():
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        ax = figure.subplots()
        ax.bar((edges[:-1] + edges[1:]) / 2, density, width=0.92 * width, color=BLUE, alpha=0.75, label="bars")
        ax.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=RED, linewidth=1.4, label="normal")
        ax.set_xlim(-5.4, 5.4)
        ax.set_xlabel("return in standard deviations (what lies beyond 5 is drawn at 5)")
        ax.set_ylabel("density")
        ax.legend()
        return to_svg(figure, "Distribution of the returns of bars")


def _edges(close: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Choose bins as wide as the number of returns bears, each with as many steps of the price as the others.

    Prices move in ticks; bins that are no odd number of ticks wide would hold now more of them, now fewer, and show
    a comb that is not there.
    """
    width = 10 / min(61.0, max(11.0, 2 * len(found) ** 0.5))
    moves = np.abs(np.diff(close))
    tick = moves[moves > 0].min() / np.median(close) / found.std()
    ticks = int(np.ceil(width / tick - 1e-9)) | 1
    width = float(ticks * tick)
    still = -float(found.mean() / found.std())  # where no change of price is
    reach = int(np.ceil((5 + abs(still)) / width)) + 1
    return np.asarray(still + (np.arange(-reach, reach + 2) - 0.5) * width, dtype=np.float64)


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
            at, values = _broken(ends, windows[column].to_numpy(float))
            seen = landmarks(at, values)
            ax.plot(at[seen], values[seen], color=colour, linewidth=1.2, marker=marker, markersize=4)
            ax.set_ylabel(label)
            ax.set_ylim(0, 1.06 * float(windows[column].max()))
        index.set_title("Herfindahl index over venues")
        time_axis(venues, ends)
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
            ax.yaxis.set_major_formatter("{x:,.0f}")
        half = np.timedelta64(12, "h")
        time_axis(axes[-1], np.array([at[0] - half, at[-1] + half]))
        return to_svg(figure, "Rows and volume by day")


def _broken(at: Any, values: Any) -> tuple[Any, Any]:
    """Break a line where nothing happened for far longer than usual, as over night."""
    if len(at) < 3:
        return at, values
    steps = np.diff(at).astype("timedelta64[ns]").astype(np.int64)
    gaps = np.flatnonzero(steps > max(8 * np.median(steps), steps.sum() / 40)) + 1
    return np.insert(at, gaps, at[gaps - 1]), np.insert(values, gaps, np.nan)
