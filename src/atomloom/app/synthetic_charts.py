"""Figures of synthetic markets: paths, the mesh of trading rules, stylised facts beside real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from atomloom.app.drawing import AMBER, BLUE, GREEN, INK, MUTED, RED, WIDTH, theme, time_axis, to_svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

_POINTS, _LINES = 400, 12  # of a line; lines that are drawn one by one
_CURVES = ("autocorrelation of log-returns", "autocorrelation of their size", "log-return with later sizes")


def mesh(profits: Reals, stops: Reals, sharpe: Reals, best: tuple[int, int], title: str) -> str:
    """Draw the Sharpe ratios of pairs of levels: blue where a trade earns, red where it loses.

    Parameters
    ----------
    profits, stops : (P,), (S,) float64
        Levels in sigma.
    sharpe : (P, S) float64
    best : tuple of 2 int
        Place of the pair that is framed.
    title : str

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> mesh(np.array([1.0, 2.0]), np.array([1.0]), np.array([[0.1], [-0.2]]), (0, 0), "two rules")[:4]
    '<svg'
    """
    known = np.where(np.isfinite(sharpe), sharpe, 0.0)
    reach = max(float(np.abs(known).max()), 1e-12)
    share = (np.abs(known) / reach)[..., None]
    own = np.where((known >= 0.0)[..., None], to_rgb(BLUE), to_rgb(RED))
    cells = np.concatenate([own, 0.04 + 0.86 * share], axis=-1)
    with theme():
        figure = Figure(figsize=(WIDTH, 6.2), layout="constrained")
        ax = figure.subplots()
        ax.imshow(cells, origin="lower", aspect="auto", interpolation="nearest")
        ax.add_patch(Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.8))
        for axis, levels in ((ax.xaxis, stops), (ax.yaxis, profits)):
            places = np.unique(np.linspace(0, len(levels) - 1, min(len(levels), 10)).astype(int))
            axis.set_ticks(places, [f"{levels[k]:g}" for k in places])
        if known.size <= 200:
            for (i, j), value in np.ndenumerate(known):
                ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=9, color=INK)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.set_xlabel("stop-loss, sigma below the entry")
        ax.set_ylabel("profit-taking, sigma above the entry")
        ax.set_title(title)
        return to_svg(figure, "Sharpe ratio of a trade by profit-taking and stop-loss")


def fan(times: NDArray[np.datetime64], lines: Reals, spread: Reals, title: str) -> str:
    """Draw paths of prices, and where nine of ten of all are.

    Parameters
    ----------
    times : (n,) datetime64
    lines : (K, n) float64
        Paths that are drawn.
    spread : (3, n) float64
        Quantiles 5 %, 50 % and 95 % of all.
    title : str

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> days = np.arange("2020-01-01", "2020-01-04", dtype="datetime64[D]")
    >>> fan(days, np.ones((2, 3)), np.ones((3, 3)), "flat")[:4]
    '<svg'
    """
    at: Any = times.astype("M8[ns]") if times.dtype == np.dtype("M8[ns]") else np.arange(len(times))
    places = np.unique(np.linspace(0, len(at) - 1, _POINTS).astype(int))
    with theme():
        figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
        ax = figure.subplots()
        ax.fill_between(at[places], spread[0, places], spread[2, places], color=BLUE, alpha=0.12, linewidth=0)
        ax.plot(at[places], spread[1, places], color=INK, linewidth=1.2, linestyle=(0, (4, 3)), label="median")
        thin: dict[str, Any] = {"color": BLUE, "linewidth": 0.8, "alpha": 0.35}
        for k, line in enumerate(lines[:_LINES]):
            first: dict[str, Any] = {"color": BLUE, "linewidth": 1.5, "label": "path 0"}
            ax.plot(at[places], line[places], **(thin if k else first))
        known = spread[:, places]
        if known.min() > 0 and known.max() / known.min() > 4.0:
            ax.set_yscale("log")
        ax.set_ylabel("price")
        ax.set_title(title)
        ax.legend(loc="upper left", fontsize=9)
        if times.dtype == np.dtype("M8[ns]") and len(times) > 1:
            time_axis(ax, at)
        else:
            ax.set_xlabel("bar")
        return to_svg(figure, title)


def facts(curves: Reals, real: Reals, bands: tuple[Reals, Reals], found: Sequence[tuple[str, float, str]]) -> str:
    """Draw correlations by lag beside those of a real series, and all facts within their bands.

    Parameters
    ----------
    curves, real : (3, L) float64
        Of the series, and of the real one; NaN without one.
    bands : tuple of 2 (3, L) float64
        About the real ones.
    found : sequence of (str, float, str)
        Name of each fact; how many half bands it is off the middle of its band; verdict.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> flat = np.zeros((3, 5))
    >>> facts(flat, flat, (flat - 0.1, flat + 0.1), [("kurtosis", 0.3, "as in the reference")])[:4]
    '<svg'
    """
    with theme():
        figure = Figure(figsize=(WIDTH, 6.4), layout="constrained")
        panels = figure.subplots(2, 2).ravel()
        for k, ax in enumerate(panels[:3]):
            _by_lag(ax, curves[k], real[k], (bands[0][k], bands[1][k]), _CURVES[k])
        panels[0].legend(fontsize=9)
        _beside(panels[3], found)
        return to_svg(figure, "Stylised facts beside those of a real series")


def _by_lag(ax: Axes, own: Reals, real: Reals, band: tuple[Reals, Reals], title: str) -> None:
    lags = np.arange(1, len(own) + 1)
    if np.isfinite(real).all():
        ax.fill_between(lags, band[0], band[1], color=AMBER, alpha=0.2, linewidth=0)
        ax.plot(lags, real, color=AMBER, linewidth=1.4, label="real, with its band")
    ax.plot(lags, own, color=BLUE, linewidth=1.4, label="this series")
    ax.axhline(0.0, color=MUTED, linewidth=0.8)
    ax.set_title(title)
    ax.set_xlabel("lag, bars")


def _beside(ax: Axes, found: Sequence[tuple[str, float, str]]) -> None:
    """Draw each fact as a point on a scale on which its band runs from -1 to 1."""
    shown = [one for one in found if np.isfinite(one[1])]
    ax.axvspan(-1.0, 1.0, color=AMBER, alpha=0.2, linewidth=0)
    for place, (_, off, verdict) in enumerate(reversed(shown)):
        good = verdict == "as in the reference"
        edge = min(max(off, -4.0), 4.0)
        mark: Any = "o" if abs(off) <= 4.0 else ">" if off > 0 else "<"
        ax.plot([edge], [place], marker=mark, color=GREEN if good else RED, markersize=7, linestyle="none")
    ax.set_yticks(range(len(shown)), [name for name, _, _ in reversed(shown)])
    ax.set_xlim(-4.3, 4.3)
    ax.set_ylim(-0.6, max(len(shown), 1) - 0.4)
    ax.set_xlabel("0: the real one; -1 to 1: its band")
    count = sum(verdict == "as in the reference" for _, _, verdict in shown)
    ax.set_title(f"{count} of {len(shown)} facts as in the real series" if shown else "no real series to compare with")
