"""Figures of a calibration: curves, heat map, sensitivity, in sample against out of sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from atomloom.app.charts import grid_map
from atomloom.app.drawing import BLUE, MUTED, RED, WIDTH, theme, to_svg

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

_COLOURS = {"train": BLUE, "test": RED}
_WORDS = {"train": "training", "test": "test"}


def curve(effects: pd.DataFrame, chance: float | None = 0.5) -> str:
    """Draw the false positive rate by the values of one parameter, in training and test.

    Parameters
    ----------
    effects : DataFrame
        Columns ``part``, ``value``, ``false_positive_rate``, ``low``, ``high``, ``parameter``.
    chance : float or None
        The rate of a signal that knows nothing, which is the quantile of moves above which they are large.

    Examples
    --------
    >>> import pandas as pd
    >>> rates = {"false_positive_rate": 0.4, "low": 0.3, "high": 0.5, "parameter": "threshold"}
    >>> curve(pd.DataFrame([{"part": "train", "value": 0.9, **rates}, {"part": "test", "value": 0.9, **rates}]))[:4]
    '<svg'
    """
    with theme():
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        ax = figure.subplots()
        for shift, part in ((-0.06, "train"), (0.06, "test")):
            mine = effects[effects["part"] == part]
            at = np.arange(len(mine)) + shift
            rate, low, high = (mine[name].to_numpy(dtype=float) for name in ("false_positive_rate", "low", "high"))
            ax.errorbar(at, rate, [rate - low, high - rate], color=_COLOURS[part], marker="o", markersize=5,
                        linewidth=1.4, capsize=3, label=_WORDS[part])  # fmt: skip
        values = effects[effects["part"] == "train"]["value"].tolist()
        ax.set_xticks(range(len(values)), [f"{value}" for value in values])
        if chance is not None:
            ax.axhline(chance, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        ax.set_xlim(-0.5, len(values) - 0.5)
        ax.set_ylim(0, 1)
        ax.set_xlabel(str(effects["parameter"].iloc[0]).replace("_", " "))
        ax.set_ylabel("false positive rate")
        ax.legend()
        return to_svg(figure, "False positive rate in training and test")


def heat(table: pd.DataFrame) -> str:
    """Draw the rate over two parameters.

    Parameters
    ----------
    table : DataFrame
        Columns ``across``, ``down``, ``rate``, ``across_name``, ``down_name``.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = {"rate": [0.1, 0.2], "across_name": "nu", "down_name": "threshold"}
    >>> heat(pd.DataFrame({"across": [0.0, 0.1], "down": [0.9, 0.9], **cells}))[:4]
    '<svg'
    """
    across, down = str(table["across_name"].iloc[0]), str(table["down_name"].iloc[0])
    named = table.rename(columns={"across": across, "down": down})
    return grid_map(named, across, down, "rate", "False positive rate, test part", percent=True)


def sensitivity(shares: Mapping[str, float]) -> str:
    """Draw what each parameter explains.

    Examples
    --------
    >>> sensitivity({"nu": 0.2, "threshold": 0.5})[:4]
    '<svg'
    """
    ordered = sorted(shares.items(), key=lambda item: item[1])
    with theme():
        figure = Figure(figsize=(WIDTH, 0.8 + 0.3 * len(ordered)), layout="constrained")
        ax = figure.subplots()
        ax.barh(range(len(ordered)), [share for _, share in ordered], height=0.62, color=BLUE)
        ax.set_yticks(range(len(ordered)), [name.replace("_", " ") for name, _ in ordered])
        for place, (_, share) in enumerate(ordered):
            ax.annotate(f"{share:.1%}", (share, place), (5, 0), textcoords="offset points", va="center", fontsize=9)
        ax.set_xlim(0, max(0.05, 1.1 * ordered[-1][1]))
        ax.grid(visible=False, axis="y")
        ax.xaxis.set_major_formatter(PercentFormatter(1.0))
        ax.set_xlabel("share of the variance of the rate")
        return to_svg(figure, "Sensitivity of the false positive rate")


def paired(combinations: pd.DataFrame, least: int) -> NDArray[np.bool_]:
    """Say which combinations have enough events in both parts.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["train_true", "train_false", "test_true", "test_false"]
    >>> paired(pd.DataFrame([[9, 9, 9, 9], [9, 9, 0, 0]], columns=columns), 10)
    array([ True, False])
    """
    counts: Any = {part: combinations[f"{part}_true"] + combinations[f"{part}_false"] for part in _COLOURS}
    found: NDArray[np.bool_] = ((counts["train"] >= least) & (counts["test"] >= least)).to_numpy(dtype=bool)
    return found


def shrinkage(combinations: pd.DataFrame, least: int) -> str:
    """Draw the test rate against the training rate of every combination with enough events.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["train_true", "train_false", "test_true", "test_false"]
    >>> shrinkage(pd.DataFrame([[9, 9, 9, 9], [9, 5, 7, 6]], columns=columns), 5)[:4]
    '<svg'
    """
    kept = combinations[paired(combinations, least)]
    rate = {
        part: (kept[f"{part}_false"] / (kept[f"{part}_false"] + kept[f"{part}_true"])).to_numpy(dtype=float)
        for part in _COLOURS
    }
    cells, across, down = np.histogram2d(rate["train"], rate["test"], bins=40, range=[[0, 1], [0, 1]])
    at = np.argwhere(cells)
    size = 6 + 60 * np.sqrt(cells[at[:, 0], at[:, 1]] / cells.max())
    with theme():
        figure = Figure(figsize=(WIDTH, 4.8), layout="constrained")
        ax = figure.subplots()
        middle = (across[at[:, 0]] + across[1] / 2, down[at[:, 1]] + down[1] / 2)
        ax.scatter(*middle, s=size, color=BLUE, alpha=0.6, linewidth=0)
        ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        ax.set_xlabel("false positive rate in training")
        ax.set_ylabel("in test")
        ax.set_title(f"{len(kept):,} combinations (the larger a point, the more)")
        return to_svg(figure, "False positive rate in test against training")
