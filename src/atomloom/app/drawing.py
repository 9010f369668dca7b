"""How figures are drawn: matplotlib to inline SVG whose colours follow the page's theme."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context, style
from matplotlib.backends.backend_svg import FigureCanvasSVG
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


def to_svg(figure: Figure, title: str) -> str:
    """Write a figure as an SVG element: no ids that clash on a page, no dates, themed colours and font."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
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
