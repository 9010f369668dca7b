"""Figures of a trajectory: the path by horizon, the cloud of paths under its proof, and other ways beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from atomloom.app.drawing import AMBER, BLUE, GREEN, INK, MUTED, RED, WIDTH, panels, theme, to_svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

_WRITTEN = 240  # cells that are few enough to write their weights in
_WIDE = 26  # horizons beyond which they would not fit
_NEAR = 1e-9


def path(result: pd.DataFrame, names: Sequence[str]) -> str:
    """Draw weights by horizon, and below them what is earned, paid and turned over.

    Parameters
    ----------
    result : DataFrame
        A row per horizon: a weight for each asset (``w0``, ``w1``, ...), ``gain``, ``cost`` and ``turnover``.
    names : sequence of str
        Of the assets.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = {"w0": [1.0, 0.5], "w1": [0.0, -0.5], "gain": [0.1, 0.2], "cost": [0.1, 0.1], "turnover": [1.0, 1.0]}
    >>> path(pd.DataFrame(rows), ["a", "b"])[:4]
    '<svg'
    """
    weights = result[[f"w{n}" for n in range(len(names))]].to_numpy(dtype=float)
    horizons = len(weights)
    rows = 0.7 + 0.3 * len(names)
    with theme():
        figure, (held, money, traded) = panels(3, rows + 3.6, heights=[rows, 1.7, 1.1])
        _weights(held, weights, names)
        at = np.arange(1, horizons + 1)
        money.bar(at, result["gain"], width=0.8, color=BLUE, alpha=0.75, linewidth=0)
        money.bar(at, -result["cost"], width=0.8, color=RED, alpha=0.85, linewidth=0)
        money.axhline(0, color=MUTED, linewidth=0.8)
        money.set_ylabel("mean, cost")
        money.set_title("Mean of each horizon (up) and cost of its trades (down)", fontsize=10)
        traded.bar(at, result["turnover"], width=0.8, color=AMBER, linewidth=0)
        traded.set_ylabel("turnover")
        traded.set_xlabel("horizon")
        traded.set_xlim(0.4, horizons + 0.6)
        traded.xaxis.set_major_locator(MaxNLocator(integer=True))
        return to_svg(figure, "Weights, mean, cost and turnover by horizon")


def _weights(ax: Axes, weights: Reals, names: Sequence[str]) -> None:
    """Draw a row of cells for each asset: blue is long, red short, the stronger the more."""
    horizons, assets = weights.shape
    top = max(float(np.abs(weights).max()), 1e-12)
    for n in range(assets):
        colours = [to_rgba(BLUE if w > 0 else RED, 0.9 * abs(w) / top) for w in weights[:, n]]
        ax.broken_barh([(h + 0.52, 0.96) for h in range(horizons)], (n - 0.45, 0.9), facecolors=colours, linewidth=0)
    if weights.size <= _WRITTEN and horizons <= _WIDE:
        for (h, n), w in np.ndenumerate(weights):
            if w:
                ax.text(h + 1, n, f"{w:+.2f}", ha="center", va="center", fontsize=8, color=INK)
    ax.set_yticks(range(assets), [name if len(name) <= 12 else f"{name[:11]}\N{HORIZONTAL ELLIPSIS}" for name in names])
    ax.set_ylim(assets - 0.4, -0.6)
    ax.grid(visible=False)
    ax.set_title("Weights by horizon (blue: long, red: short)")


def hull(cloud: pd.DataFrame | None, certificate: dict[str, Any], best: tuple[float, float] | None) -> str:
    """Draw paths by variance and mean, the support lines above them all, and the curve that the best one touches.

    Parameters
    ----------
    cloud : DataFrame, optional
        ``variance`` and ``mean`` of some paths.
    certificate : dict
        ``lines``, pairs of price and level, and ``points``, pairs of variance and mean, as of a Certificate.
    best : (float, float), optional
        Variance and mean of the path; where not given, that of the best ratio among the points.

    Examples
    --------
    >>> hull(None, {"lines": [[1.0, 0.0], [0.0, 2.0]], "points": [[1.5, 1.5], [3.0, 2.0]]}, (1.5, 1.5)).count("<svg")
    1
    """
    points = np.array(certificate["points"], dtype=float).reshape(-1, 2)
    own = np.array(max(points.tolist(), key=_ratio) if best is None else best)
    seen = np.empty((0, 2)) if cloud is None else cloud[["variance", "mean"]].to_numpy(dtype=float)
    everything = np.concatenate([seen, points, own[None]])
    far = np.array([0.0, 1.06 * float(everything[:, 0].max()) or 1.0])
    with theme():
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        whole, near = figure.subplots(1, 2)
        for ax, span, inside in ((whole, far, everything), (near, *_around(own, points))):
            _lines(ax, span, inside, certificate["lines"], own, curve=certificate.get("kind") != "line")
            ax.scatter(seen[:, 0], seen[:, 1], s=7, color=MUTED, alpha=0.35, linewidth=0)
            ax.scatter(points[:, 0], points[:, 1], s=22, color=BLUE, zorder=3)
            ax.scatter(*own[:, None], s=70, color=RED, zorder=4)
            ax.set_xlabel("variance of a path")
        whole.set_ylabel("mean after costs")
        whole.set_title("No path lies above a line")
        near.set_title("The same, near the path (large dot)")
        return to_svg(figure, "Variance and mean of paths, and the lines that bound them")


def _lines(ax: Axes, span: Reals, inside: Reals, lines: Any, own: Reals, *, curve: bool) -> None:
    """Draw support lines, and the curve of all that has the ratio of the path."""
    low, high = float(inside[:, 1].min()), float(inside[:, 1].max())
    air = 0.08 * ((high - low) or abs(high) or 1.0)
    for price, level in lines:
        ax.plot(span, level + price * span, color=BLUE, linewidth=0.9, alpha=0.55)
    if own[0] > 0 and curve:
        grid = np.linspace(float(span[0]), float(span[1]), 200)
        ax.plot(grid, own[1] * np.sqrt(grid / own[0]), color=RED, linewidth=1.3, linestyle=(0, (5, 3)))
    ax.set_xlim(*span)
    ax.set_ylim(low - air, high + air)


def _around(own: Reals, points: Reals) -> tuple[Reals, Reals]:
    """Give the span of variances to the nearest other points of the hull, and what lies in it."""
    away = np.abs(points[:, 0] - own[0])
    other = away[away > 1e-9 * max(own[0], 1e-300)]
    reach = 1.5 * float(other.min()) if len(other) else 0.1 * float(own[0]) or 1.0
    span = np.array([max(0.0, own[0] - reach), own[0] + reach])
    inside = points[(points[:, 0] >= span[0]) & (points[:, 0] <= span[1])]
    curve = own[1] * np.sqrt(span / own[0]) if own[0] > 0 else np.array([own[1], own[1]])
    return span, np.concatenate([inside, own[None], np.column_stack([span, curve])])


def _ratio(point: Sequence[float]) -> float:
    return point[1] / math.sqrt(point[0]) if point[0] > 0 else -math.inf


def methods(table: pd.DataFrame) -> str:
    """Draw how far below the best of the grid each way to choose a path stays.

    Parameters
    ----------
    table : DataFrame
        ``method``, ``regret`` (a share; below 0 for a path off the grid that is better; NaN without a path), and
        ``proved``, whether the best is one by proof.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"method": ["exact", "static"], "regret": [0.0, 0.2], "proved": [1, 1]})
    >>> methods(rows).count("<svg")
    1
    """
    regret = 100 * table["regret"].to_numpy(dtype=float)
    length = np.nan_to_num(regret, nan=0.0)
    proved = bool(table["proved"].all())
    at = np.arange(len(regret))
    with theme():
        figure = Figure(figsize=(WIDTH, 1.2 + 0.36 * len(regret)), layout="constrained")
        ax = figure.subplots()
        colours = [GREEN if value <= 100 * _NEAR else AMBER for value in length]
        ax.barh(at, length, height=0.62, color=colours, linewidth=0)
        for y, value in zip(at, regret, strict=True):
            text = "no path" if math.isnan(value) else f"{value:.2f} %"
            text = ("proved best" if proved else "best found") if abs(value) <= 100 * _NEAR else text
            ax.annotate(text, (max(0.0, length[y]), y), (5, 0), textcoords="offset points", va="center")
        ax.set_yticks(at, [str(name).replace("_", " ") for name in table["method"]])
        ax.set_ylim(len(regret) - 0.4, -0.6)
        ax.set_xlim(min(0.0, 1.16 * float(length.min())), max(1.16 * float(length.max()), 1e-3))
        ax.grid(visible=False, axis="y")
        ax.set_xlabel("below the bound, %" if proved else "below the best that was found, %")
        ax.set_title("Regret: how much better a path on the grid can be")
        return to_svg(figure, "Regret by method")
