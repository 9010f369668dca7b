"""A map of Sharpe ratios over two parameters, the best marked: a plateau, or a lonely peak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from atomloom.app.drawing import BLUE, INK, RED, WIDTH, theme, to_svg

if TYPE_CHECKING:
    from collections.abc import Sequence

_WRITTEN = 200  # cells that are few enough to write their numbers in


def heat(down: Sequence[str], across: Sequence[str], sharpe: Any, best: Any, names: tuple[str, str], fixed: str) -> str:
    """Draw Sharpe ratios as cells: blue is above the middle of them, red below.

    Parameters
    ----------
    down, across : sequence of str
        Values of both parameters, a pair for each cell.
    sharpe : (K,) float64
    best : (K,) bool
        The winner.
    names : (str, str)
        Of the parameters, down and across.
    fixed : str
        What all others are.

    Examples
    --------
    >>> cells = (["21", "21", "63", "63"], ["0", "0.05", "0", "0.05"])
    >>> heat(*cells, [0.1, 0.2, 0.3, 0.4], [0, 0, 0, 1], ("lookback", "threshold"), "method momentum")[:4]
    '<svg'
    """
    rows, columns = _ordered(down), _ordered(across)
    held = np.full((len(rows), len(columns)), np.nan)
    held[[rows.index(value) for value in down], [columns.index(value) for value in across]] = np.asarray(sharpe, float)
    known = held[np.isfinite(held)]
    middle = float(np.median(known)) if len(known) else 0.0
    reach = max(float(np.abs(known - middle).max(initial=0.0)), 1e-12)
    written = held.size <= _WRITTEN
    with theme():
        figure = Figure(figsize=(WIDTH, 1.5 + 0.34 * len(rows)), layout="constrained")
        ax = figure.subplots()
        for (i, j), value in np.ndenumerate(held):
            if not np.isfinite(value):
                continue
            colour = to_rgba(BLUE if value >= middle else RED, 0.06 + 0.74 * abs(value - middle) / reach)
            ax.add_patch(Rectangle((j - 0.48, i - 0.46), 0.96, 0.92, facecolor=colour, linewidth=0))
            if written:
                ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=9, color=INK)
        place = int(np.argmax(np.asarray(best, bool)))
        i, j = rows.index(down[place]), columns.index(across[place])
        ax.add_patch(Rectangle((j - 0.48, i - 0.46), 0.96, 0.92, fill=False, edgecolor=INK, linewidth=1.8))
        ax.set_xlim(-0.6, len(columns) - 0.4)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xticks(range(len(columns)), columns)
        ax.set_yticks(range(len(rows)), rows)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.set_ylabel(names[0].replace("_", " "))
        ax.set_xlabel(names[1].replace("_", " "))
        ax.set_title(
            f"Sharpe ratio a year; the best is framed ({fixed})" if fixed else "Sharpe ratio a year; best framed"
        )
        return to_svg(figure, f"Sharpe ratio by {names[0]} and {names[1]}")


def _ordered(values: Sequence[str]) -> list[str]:
    """Put values in their order: numbers by size, words as they come."""
    found = list(dict.fromkeys(map(str, values)))
    try:
        return sorted(found, key=float)
    except ValueError:
        return found
