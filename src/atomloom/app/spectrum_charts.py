"""Figures of a spectrum: the band, the line among its neighbours, the folded period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from atomloom.app.drawing import AMBER, BLUE, MUTED, RED, WIDTH, theme, to_svg

if TYPE_CHECKING:
    import pandas as pd

_POINTS = 2_000


def band(spectrum: pd.DataFrame, line: float) -> str:
    """Draw the power over the band, logarithmic, with a mark at the line and its harmonics.

    Parameters
    ----------
    spectrum : DataFrame
        Columns ``frequency`` (Hz) and ``power``.
    line : float
        Hz.

    Examples
    --------
    >>> import pandas as pd
    >>> band(pd.DataFrame({"frequency": [0.01, 0.02, 0.03], "power": [1.0, 9.0, 1.0]}), 0.02)[:4]
    '<svg'
    """
    frequency, power = (spectrum[name].to_numpy(dtype=float) for name in ("frequency", "power"))
    if len(power) > _POINTS:  # the highest of each stretch: what is drawn must show every line
        cut = len(power) // _POINTS
        whole = len(power) // cut * cut
        stretches = power[:whole].reshape(-1, cut)
        at = stretches.argmax(axis=1) + np.arange(len(stretches)) * cut
        frequency, power = frequency[at], power[at]
    with theme():
        figure = Figure(figsize=(WIDTH, 3.8), layout="constrained")
        ax = figure.subplots()
        ax.plot(frequency, np.maximum(power, 1e-6), color=BLUE, linewidth=0.8)
        ax.set_yscale("log")
        ax.axhline(1, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        for number in range(1, 20):
            if frequency[0] <= number * line <= frequency[-1]:
                ax.axvline(number * line, color=AMBER, linewidth=1.4, alpha=0.7)
        ax.set_xlim(frequency[0], frequency[-1])
        ax.set_xlabel(f"frequency, Hz (marks: {line:.6g} Hz and its harmonics; dashed: events at random)")
        ax.set_ylabel("power")
        return to_svg(figure, "Spectrum of the times of trades")


def line(neighbours: pd.DataFrame) -> str:
    """Draw the power of a line beside that of its neighbours.

    Parameters
    ----------
    neighbours : DataFrame
        Columns ``offset`` (0 is the line) and ``power``.

    Examples
    --------
    >>> import pandas as pd
    >>> line(pd.DataFrame({"offset": [-1, 0, 1], "power": [1.0, 9.0, 1.0]}))[:4]
    '<svg'
    """
    offset, power = neighbours["offset"].to_numpy(), neighbours["power"].to_numpy(dtype=float)
    with theme():
        figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
        ax = figure.subplots()
        for mask, colour, label in ((offset != 0, BLUE, "neighbours"), (offset == 0, RED, "the line")):
            ax.bar(offset[mask], power[mask], width=0.7, color=colour, label=label)
        ax.set_xlabel("harmonic of the day, counted from the line")
        ax.set_ylabel("power")
        ax.legend()
        return to_svg(figure, "Power of the line and of its neighbours")


def folded(bins: pd.DataFrame, sigma: float) -> str:
    """Draw how many events each bin of the period has, and what chance explains.

    Parameters
    ----------
    bins : DataFrame
        Columns ``second`` and ``count``.
    sigma : float
        Standard deviation of a bin over surrogates.

    Examples
    --------
    >>> import pandas as pd
    >>> folded(pd.DataFrame({"second": [0.0, 1.0], "count": [5, 3]}), 1.0)[:4]
    '<svg'
    """
    second, count = bins["second"].to_numpy(dtype=float), bins["count"].to_numpy(dtype=float)
    width = second[1] - second[0] if len(second) > 1 else 1.0
    with theme():
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        ax = figure.subplots()
        ax.bar(second + width / 2, count, width=0.86 * width, color=BLUE)
        ax.axhline(count.mean(), color=RED, linewidth=1.2, label="even")
        ax.axhspan(count.mean() - 2 * sigma, count.mean() + 2 * sigma, color=RED, alpha=0.15, linewidth=0,
                   label="two standard deviations of surrogates")  # fmt: skip
        ax.set_xlim(second[0], second[-1] + width)
        ax.set_xlabel("seconds")
        ax.set_ylabel("trades")
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)  # above: a full bin may be anywhere
        return to_svg(figure, "Events by their phase in the period")
