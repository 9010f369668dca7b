"""The figures of a VPIN report and of how a run went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from atomloom.app.drawing import (
    AMBER,
    BLUE,
    GREEN,
    INK,
    RED,
    WIDTH,
    landmarks,
    moments_of,
    panels,
    theme,
    threshold_line,
    time_axis,
    to_svg,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes


def price_and_vpin(bars: pd.DataFrame, buckets: pd.DataFrame, events: pd.DataFrame, threshold: float) -> str:
    """Draw price, VPIN and its CDF over one time axis, events shaded.

    Parameters
    ----------
    bars : DataFrame
        Columns ``end`` (datetime64, UTC) and ``close`` of the volume bars.
    buckets : DataFrame
        Columns ``end``, ``vpin`` and ``cdf`` of the buckets.
    events : DataFrame
        Columns ``start`` and ``end`` (datetime64, UTC).
    threshold : float
        The CDF above which an event starts.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.date_range("2013-09-01 17:00", periods=4, freq="h")
    >>> bars = pd.DataFrame({"end": times, "close": 1.0, "vpin": 0.3, "cdf": 0.5})
    >>> price_and_vpin(bars, bars, pd.DataFrame({"start": times[:1], "end": times[1:2]}), 0.9)[:4]
    '<svg'
    """
    with theme():
        figure, axes = panels(3, 6.4, heights=[2.2, 1, 1])
        rows = [(bars, "close", "price", INK), (buckets, "vpin", "VPIN", BLUE), (buckets, "cdf", "CDF of VPIN", RED)]
        for ax, (frame, column, label, colour) in zip(axes, rows, strict=True):
            moments, values = moments_of(frame["end"]), frame[column].to_numpy(dtype=float)
            seen = landmarks(moments, values)
            ax.plot(moments[seen], values[seen], color=colour, linewidth=1.3, drawstyle="steps-post")
            ax.set_ylabel(label)
            for start, end in zip(moments_of(events["start"]), moments_of(events["end"]), strict=True):
                ax.axvspan(start, end, color=AMBER, alpha=0.28, linewidth=0)
        axes[0].set_title("Close of the volume bars" + (" (shaded: VPIN events)" if len(events) else ""))
        axes[1].set_ylim(bottom=0)
        axes[2].set_ylim(-0.03, 1.06)
        threshold_line(axes[2], threshold)
        time_axis(axes[2], moments_of(bars["end"]))
        return to_svg(figure, "Price, VPIN and its CDF over time")


def grid_map(grid: pd.DataFrame, x: str, y: str, value: str, label: str, *, percent: bool = False) -> str:
    """Draw one value over two parameters; further parameters are averaged.

    Parameters
    ----------
    grid : DataFrame
        One row per combination of parameters.
    x, y, value : str
        Columns for the two axes and the cells.
    label : str
        What a cell says, with its unit.
    percent : bool
        Write the cells as percentages.

    Examples
    --------
    >>> import pandas as pd
    >>> grid = pd.DataFrame({"a": [1, 2, 1, 2], "b": [3, 3, 4, 4], "v": [0.1, 0.2, 0.3, 0.4]})
    >>> grid_map(grid, "a", "b", "v", "share of time").count("<svg")
    1
    """
    table = grid.pivot_table(index=y, columns=x, values=value, aggfunc="mean", sort=True)
    cells = table.to_numpy(dtype=float)
    low, high = float(np.nanmin(cells)), float(np.nanmax(cells))
    with theme({"axes.grid": False}):
        rows, columns = cells.shape
        figure = Figure(figsize=(WIDTH, 0.95 + 0.5 * rows), layout="constrained")
        ax = figure.subplots()
        for (row, column), cell in np.ndenumerate(cells):
            share = (cell - low) / (high - low) if high > low else 0.5
            _cell(ax, column, row, cell, share, f"{cell:.0%}" if percent else _number(cell))
        ax.set_xlim(-0.5, columns - 0.5)
        ax.set_ylim(-0.5, rows - 0.5)
        ax.set_xticks(range(columns), [_number(item) for item in table.columns])
        ax.set_yticks(range(rows), [_number(item) for item in table.index])
        ax.set_xlabel(x.replace("_", " "))
        ax.set_ylabel(y.replace("_", " "))
        ax.set_title(label)
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.tick_params(length=0)
        return to_svg(figure, label)


def molecules(trace: Sequence[dict[str, Any]]) -> str:
    """Draw when each worker worked on what (a Gantt chart) and how many were busy.

    Parameters
    ----------
    trace : sequence of dict
        Records with ``worker``, ``start``, ``end`` (seconds since the run began), ``atom_lo``, ``atom_hi``.

    Examples
    --------
    >>> record = {"worker": 0, "start": 0.0, "end": 1.0, "atom_lo": 0, "atom_hi": 5, "molecule": 0}
    >>> molecules([record]).count("<svg")
    1
    """
    workers = list(dict.fromkeys(record["worker"] for record in sorted(trace, key=lambda row: row["start"])))
    with theme():
        figure, (lanes, busy) = panels(2, 1.9 + 0.34 * len(workers), heights=[0.6 + 0.5 * len(workers), 1])
        for lane, worker in enumerate(workers):
            mine = sorted((record for record in trace if record["worker"] == worker), key=lambda row: row["start"])
            for parity, colour in enumerate((BLUE, GREEN)):
                spans = [(row["start"], row["end"] - row["start"]) for row in mine[parity::2]]
                lanes.broken_barh(spans, (lane - 0.36, 0.72), facecolors=colour, linewidth=0)
        lanes.set_yticks(range(len(workers)), [f"worker {lane + 1}" for lane in range(len(workers))])
        lanes.set_ylim(len(workers) - 0.4, -0.6)
        lanes.grid(visible=False, axis="y")
        lanes.set_title(f"{len(trace):,} molecules (neighbours in two colours)")
        moments, counts = _busy(trace)
        busy.fill_between(moments, counts, step="post", color=BLUE, alpha=0.3, linewidth=0)
        busy.step(moments, counts, where="post", color=BLUE, linewidth=1.0)
        busy.set_ylim(0, len(workers) * 1.15)
        busy.set_yticks(sorted({0, len(workers)}))
        busy.set_ylabel("busy")
        busy.set_xlabel("seconds since the first job was sent")
        busy.set_xlim(0, max(record["end"] for record in trace) * 1.01)
        return to_svg(figure, "Work of each worker over time")


def stages(rows: Sequence[dict[str, Any]]) -> str:
    """Draw the stages of a run one under the other, each beginning where the last one ended.

    Parameters
    ----------
    rows : sequence of dict
        ``name`` and ``seconds`` of each stage, in order.

    Examples
    --------
    >>> stages([{"name": "read", "seconds": 0.5}, {"name": "bars", "seconds": 0.1}]).count("<svg")
    1
    """
    seconds = np.array([row["seconds"] for row in rows])
    ends = np.cumsum(seconds)
    with theme():
        figure = Figure(figsize=(WIDTH, 0.9 + 0.3 * len(rows)), layout="constrained")
        ax = figure.subplots()
        ax.barh(range(len(rows)), seconds, left=ends - seconds, height=0.62, color=BLUE)
        for number, (end, spent) in enumerate(zip(ends, seconds, strict=True)):
            ax.annotate(
                f"{spent:.2f} s" if spent >= 0.01 else f"{spent * 1e3:.1f} ms",
                (end, number),
                (5, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
        ax.set_yticks(range(len(rows)), [row["name"] for row in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlim(0, ends[-1] * 1.09)
        ax.grid(visible=False, axis="y")
        ax.set_xlabel("seconds, one stage after the other")
        return to_svg(figure, "Time of each stage")


def _cell(ax: Axes, column: int, row: int, value: float, share: float, text: str) -> None:
    """Draw one cell: light to dark in one hue (readable in grey), its number in ink that contrasts."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415  # beside its only use

    if np.isnan(value):
        return
    light, dark = np.array([0.90, 0.94, 0.98]), np.array([0.03, 0.25, 0.45])
    colour = light + (dark - light) * share
    ax.add_patch(Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, facecolor=tuple(colour), linewidth=0))
    ink = "#ffffff" if share > 0.45 else "#10202f"
    ax.text(column, row, text, ha="center", va="center", color=ink, fontsize=9.5)


def _number(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"


def _busy(trace: Sequence[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Count the workers at work after each start and each end."""
    moments = np.array([moment for record in trace for moment in (record["start"], record["end"])])
    steps = np.tile([1, -1], len(trace))
    order = np.lexsort((steps, moments))
    return np.r_[0.0, moments[order]], np.r_[0, np.cumsum(steps[order])]
