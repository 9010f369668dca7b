"""How figures are drawn: matplotlib to inline SVG whose colours follow the page's theme."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context, style
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

# Stand-in colours: each is written once here and becomes a CSS variable of the page, so that one
# SVG serves light, dark and print. The hues are Okabe and Ito's, told apart by every kind of eye.
INK, MUTED, RULE = "#111101", "#777701", "#dddd01"
BLUE, RED, AMBER, GREEN = "#0072b1", "#d55e01", "#e69f01", "#009e71"
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    BLUE: "--blue",
    RED: "--red",
    AMBER: "--amber",
    GREEN: "--green",
}
_STYLE: Any = {
    "timezone": "UTC",
    "svg.fonttype": "none",
    "svg.hashsalt": "atomloom",
    "font.size": 10.0,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 11.0,
    "axes.titlelocation": "left",
    "axes.titlepad": 9.0,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "figure.facecolor": "none",
    "legend.frameon": False,
    "path.simplify_threshold": 0.2,
}
WIDTH = 10.4


@contextlib.contextmanager
def theme(changes: dict[str, Any] | None = None) -> Iterator[None]:
    """Start from matplotlib's defaults, not from the user's settings: the same folder gives the same page."""
    with style.context("default"), rc_context(_STYLE | (changes or {})):
        yield


def panels(count: int, height: float, heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Stack axes over one another that share the horizontal one."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(count, 1, sharex=True, gridspec_kw={"height_ratios": heights})
    figure.align_ylabels(axes)
    return figure, [axes] if count == 1 else list(axes)


def moments_of(column: pd.Series[Any]) -> NDArray[np.datetime64]:
    """Give UTC times without their zone, which is what matplotlib places on an axis exactly."""
    moments: NDArray[np.datetime64] = column.to_numpy(dtype="datetime64[ns]")
    return moments


def span_of(moments: NDArray[np.datetime64]) -> tuple[Any, Any]:
    """Give the ends of the time axis: a little air on both sides."""
    air = max((moments[-1] - moments[0]) // 200, np.timedelta64(1, "s"))
    return moments[0] - air, moments[-1] + air


def stretches_of(at: NDArray[np.datetime64], count: int = 1_500) -> NDArray[np.int64]:
    """Give where each of so many equal stretches of time begins among rising times, as far as it holds any.

    Examples
    --------
    >>> stretches_of(np.array([0, 1, 2, 9, 10], dtype="datetime64[ns]"), 2).tolist()
    [0, 3]
    """
    since = (at - at[0]).astype("timedelta64[ns]").astype(np.int64)
    column = (since / max(1, int(since[-1])) * count).astype(np.int64).clip(max=count - 1)
    return np.flatnonzero(np.diff(column, prepend=-1))


def landmarks(at: NDArray[np.datetime64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give the points that a long line is drawn at: of each stretch the ends, the lowest and the highest, and gaps.

    Examples
    --------
    >>> values = np.zeros(100_000)
    >>> values[777] = 5.0
    >>> seen = landmarks(np.arange(100_000).astype("datetime64[s]"), values)
    >>> len(seen) < 6_001, 777 in seen
    (True, True)
    """
    if len(values) <= 3_000:
        return np.arange(len(values))
    starts = stretches_of(at)
    number = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(values)))
    gaps = np.isnan(values)
    low, high = (np.lexsort((np.where(gaps, far, values), number)) for far in (np.inf, -np.inf))
    ends = np.r_[starts[1:], len(values)] - 1
    return np.unique(np.concatenate([starts, ends, low[starts], high[ends], np.flatnonzero(gaps)]))


def time_axis(ax: Axes, at: NDArray[np.datetime64]) -> None:
    """Let an axis run over these times, with labels that fit."""
    ax.set_xlim(*span_of(at))
    # Few ticks at least and many at most: between them there is an interval for every span, or matplotlib warns.
    locator = AutoDateLocator(minticks=3, maxticks=12)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.set_xlabel("time, UTC")


def threshold_line(ax: Axes, level: float) -> None:
    """Draw the threshold with its value outside the axes, where no line can cross it."""
    ax.axhline(level, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.annotate(
        f"{level:g}",
        (1, level),
        (4, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=MUTED,
    )


def _settle(figure: Figure) -> None:
    """Lay a figure out once and round it: the layout's last bits depend on where in memory its solver was."""
    if figure.get_layout_engine() is None:
        return
    FigureCanvasSVG(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax in figure.axes:
        left, bottom, width, height = (round(float(value), 6) for value in ax.get_position().bounds)
        ax.set_position((left, bottom, width, height))


def to_svg(figure: Figure, title: str) -> str:
    """Write a figure as an SVG element: no ids that clash on a page, no dates, themed colours and font."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    _settle(figure)
    FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)  # type: ignore[no-untyped-call]
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[^"]*_\d+"', "", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
    svg = re.sub(r"font-family: [^;\"]+", "font-family: var(--font)", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font: \1 var(--font)", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg.strip()
