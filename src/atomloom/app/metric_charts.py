"""Figures of the measures of paths: one as bars, many as points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from atomloom.app.drawing import BLUE, MUTED, RED, WIDTH, theme, to_svg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

_SHARES = (
    ("annual_return", "return a year", 1), ("annual_volatility", "volatility a year", 1),
    ("max_drawdown", "deepest fall", -1), ("best", "best period", 1), ("worst", "worst period", 1),
)  # fmt: skip


def single(measures: Mapping[str, Any]) -> str:
    """Draw the measures of one path that are shares, its ratios in the title.

    Examples
    --------
    >>> from atomloom.portfolio import path_metrics
    >>> single(path_metrics([0.01, -0.02, 0.03]).to_dict())[:4]
    '<svg'
    """
    values = [sign * float(measures[name]) for name, _, sign in _SHARES]
    known = [value if np.isfinite(value) else 0.0 for value in values]
    with theme():
        figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
        ax = figure.subplots()
        ax.barh(
            range(len(known)), known, height=0.6, color=[BLUE if value >= 0 else RED for value in known], linewidth=0
        )
        ax.axvline(0, color=MUTED, linewidth=0.8)
        for place, (value, length) in enumerate(zip(values, known, strict=True)):
            text = f"{value:.1%}" if np.isfinite(value) else "unknown"
            side = 1 if length >= 0 else -1
            ax.annotate(text, (length, place), (5 * side, 0), textcoords="offset points", va="center",
                        ha="left" if side > 0 else "right", fontsize=9)  # fmt: skip
        ax.set_yticks(range(len(known)), [words for _, words, _ in _SHARES])
        ax.set_ylim(len(known) - 0.4, -0.6)
        ax.margins(x=0.12)
        ax.grid(visible=False, axis="y")
        ax.xaxis.set_major_formatter(PercentFormatter(1.0))
        ratios = ", ".join(
            f"{word} {measures[name]:.2f}"
            for name, word in (("sharpe", "Sharpe ratio"), ("sortino", "Sortino"), ("calmar", "Calmar"))
            if np.isfinite(measures[name])
        )
        ax.set_title(f"{measures['n_periods']:,} periods" + (f": {ratios}" if ratios else ""))
        return to_svg(figure, "Measures of a path")


def many(volatility: Reals, annual: Reals, sharpe: Reals) -> str:
    """Draw return against volatility of many paths, the best by Sharpe ratio in red.

    Parameters
    ----------
    volatility, annual, sharpe : (C,) float64
        Of a year.

    Examples
    --------
    >>> many(np.array([0.1, 0.2]), np.array([0.1, 0.1]), np.array([1.0, 0.5]))[:4]
    '<svg'
    """
    known = np.flatnonzero(np.isfinite(volatility) & np.isfinite(annual))
    kept = known[np.unique(np.linspace(0, len(known) - 1, 4000).astype(np.int64))] if len(known) else known
    with theme():
        figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
        ax = figure.subplots()
        ax.scatter(volatility[kept], annual[kept], s=10, color=BLUE, alpha=0.4, linewidth=0)
        title = f"{len(sharpe):,} paths"
        if np.isfinite(sharpe).any():
            best = int(np.nanargmax(np.where(np.isfinite(sharpe), sharpe, np.nan)))
            ax.scatter(volatility[[best]], annual[[best]], s=46, color=RED, zorder=4)
            title += f", the best Sharpe ratio in red: {sharpe[best]:.2f}"
        ax.xaxis.set_major_formatter(PercentFormatter(1.0))
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
        ax.set_xlabel("volatility a year")
        ax.set_ylabel("return a year")
        ax.set_title(title)
        return to_svg(figure, "Return and volatility of paths")
