"""Figures of samples: some windows with their trade states, where windows lie, and states beside their laws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from atomloom.app.drawing import AMBER, BLUE, GREEN, INK, MUTED, RED, RULE, WIDTH, theme, time_axis, to_svg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

_COLUMNS = 4
_CANDLES = 130  # bars up to which candles can be told apart
_PARTS = (BLUE, AMBER, GREEN, RED, MUTED)
_VOLUME = 0.22  # share of a panel's height


def windows(panels: Sequence[tuple[str, Mapping[str, Reals]]]) -> str:
    """Draw windows as small multiples: candles (a line of closes where bars are many, or there is no range), volume.

    Parameters
    ----------
    panels : sequence of (str, mapping of str to (L,) float64)
        What is written above each, and its channels.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> rising = np.linspace(0.9, 1.0, 8)
    >>> windows([("sample 0", {"close": rising, "volume": rising})])[:4]
    '<svg'
    """
    rows = -(-len(panels) // _COLUMNS)
    with theme({"axes.titlesize": 8.5, "axes.titlepad": 4.0, "xtick.labelsize": 8.0, "ytick.labelsize": 8.0}):
        figure = Figure(figsize=(WIDTH, 0.35 + 1.75 * rows), layout="constrained")
        axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
        for ax, (title, channels) in zip(axes, panels, strict=False):
            _window(ax, channels)
            ax.set_title(title, linespacing=1.35)
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
        return to_svg(figure, "Some samples: their windows of bars, and the trade state that goes with each")


def _window(ax: Axes, channels: Mapping[str, Reals]) -> None:
    """Draw one window."""
    line = channels.get("close", next(iter(channels.values())))
    at = np.arange(-len(line) + 1, 1.0)
    whole = all(name in channels for name in ("open", "high", "low", "close"))
    if whole and len(line) <= _CANDLES:
        first, high, low, last = (channels[name] for name in ("open", "high", "low", "close"))
        colours = [BLUE if up else RED for up in last >= first]
        thick = 110.0 / len(line)
        ax.add_collection(LineCollection(_segments(at, low, high), colors=colours, linewidths=min(0.8, thick / 2)))
        ax.add_collection(LineCollection(_segments(at, first, last), colors=colours, linewidths=min(4.0, thick)))
        bottom, top = float(low.min()), float(high.max())
        flat = np.abs(last - first) < 0.012 * (top - bottom)
        half = 0.006 * (top - bottom)
        ax.add_collection(LineCollection(_segments(at[flat], last[flat] - half, last[flat] + half), colors=INK,
                                         linewidths=min(4.0, thick)))  # fmt: skip
    else:
        kept = np.unique(np.linspace(0, len(line) - 1, min(len(line), 400)).astype(np.int64))
        ax.plot(at[kept], line[kept], color=BLUE, linewidth=1.0)
        bottom, top = float(line.min()), float(line.max())
    tall = max(top - bottom, 1e-9 * max(1.0, abs(top)))
    ax.set_xlim(at[0] - 1.0, 1.0)
    base = bottom - (_VOLUME * 1.5 if "volume" in channels else 0.06) * tall
    ax.set_ylim(base, top + 0.06 * tall)
    if "volume" in channels:
        volume = channels["volume"]
        high_bars = base + _VOLUME * 1.3 * tall * volume / max(float(volume.max()), 1e-12)
        bars = _segments(at, np.full(len(at), base), high_bars)
        kept = np.unique(np.linspace(0, len(at) - 1, min(len(at), 130)).astype(np.int64))
        ax.add_collection(LineCollection([bars[k] for k in kept], colors=MUTED, alpha=0.45, linewidths=0.9))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.yaxis.set_major_formatter(FuncFormatter(_price(tall)))
    ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))


def _price(tall: float) -> Any:
    digits = int(np.clip(np.ceil(-np.log10(max(tall, 1e-12))) + 1, 0, 8))
    return lambda value, _: f"{value:,.{digits}f}"


def _segments(at: Reals, low: Reals, high: Reals) -> list[list[tuple[float, float]]]:
    return [[(x, a), (x, b)] for x, a, b in zip(at.tolist(), low.tolist(), high.tolist(), strict=True)]


def coverage(series: pd.DataFrame, parts: pd.DataFrame, *, own: str, embargo: int | str = 0) -> str:
    """Draw each symbol's price, which bars each part has, where its windows end, and how many samples have a bar.

    Parameters
    ----------
    series : frame
        symbol, bar, price, samples, and time where there is one.
    parts : frame
        part, symbol, begin, stop, first_end, last_end.
    own : str
        The part that samples are of.
    embargo : int or str
        Bars, or a length of time.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> import pandas as pd
    >>> series = pd.DataFrame({"symbol": "", "bar": [0, 1, 2], "price": 1.0, "samples": [1.0, 2.0, 1.0]})
    >>> coverage(series, pd.DataFrame(columns=["part", "symbol"]), own="")[:4]
    '<svg'
    """
    names = list(dict.fromkeys(series["symbol"]))
    counted = 1.3
    with theme():
        heights = [1.0] * len(names) + [counted]
        figure = Figure(figsize=(WIDTH, 2.1 * len(names) + 1.7), layout="constrained")
        axes = figure.subplots(len(names) + 1, 1, squeeze=False, gridspec_kw={"height_ratios": heights}).ravel()
        colours = {name: _PARTS[k % len(_PARTS)] for k, name in enumerate(dict.fromkeys(parts["part"]))}
        timed = "time" in series
        for ax, name in zip(axes, names, strict=False):
            table = series[series["symbol"] == name]
            at = _axis_of(table, timed=timed)
            ax.plot(at, table["price"], color=INK, linewidth=0.9, zorder=3)
            for row in parts[parts["symbol"] == name].itertuples(index=False):
                _part(ax, at, table["bar"].to_numpy(), row, colours[row.part])
            ax.set_ylabel(name or "price")
            _across(ax, at, timed=timed)
            ax.set_xlabel("")
        last = axes[-1]
        for k, name in enumerate(names):
            table = series[series["symbol"] == name]
            at = _axis_of(table, timed=timed)
            colour = colours.get(own, BLUE) if len(names) == 1 else _PARTS[k % len(_PARTS)]
            last.plot(at, table["samples"], color=colour, linewidth=0.9, alpha=0.9, label=name or None)
        last.set_ylim(bottom=0)
        last.set_ylabel("samples over a bar")
        last.yaxis.set_major_formatter(FuncFormatter(_short))
        _across(last, _axis_of(series, timed=timed), timed=timed)
        if len(names) > 1:
            last.legend(loc="upper left", fontsize=8, ncols=min(len(names), 6))
        if len(colours) > 1:
            _legend(axes[0], colours, embargo)
        return to_svg(figure, "Where windows lie in the series")


def _axis_of(table: pd.DataFrame, *, timed: bool) -> NDArray[Any]:
    return table["time"].to_numpy(dtype="datetime64[ns]") if timed else table["bar"].to_numpy()


def _part(ax: Axes, at: NDArray[Any], bars: NDArray[Any], row: Any, colour: str) -> None:
    """Colour the bars of a part; below, a strip where its windows end."""
    left, right, first, last = (
        at[min(int(np.searchsorted(bars, bar)), len(at) - 1)]
        for bar in (row.begin, row.stop, row.first_end, row.last_end)
    )
    if row.part:
        ax.axvspan(left, right, color=colour, alpha=0.13, linewidth=0)
    ax.axvspan(first, last, ymin=0.0, ymax=0.05, color=colour, alpha=0.9, linewidth=0)


def _across(ax: Axes, at: NDArray[Any], *, timed: bool) -> None:
    if timed:
        time_axis(ax, np.sort(at))
    else:
        ax.set_xlim(float(at.min()), float(at.max()) + 1.0)
        ax.set_xlabel("bar")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _legend(ax: Axes, colours: Mapping[str, str], embargo: int | str) -> None:
    handles: list[Any] = [Patch(color=colour, alpha=0.4, label=name) for name, colour in colours.items()]
    handles.append(Line2D([], [], color=MUTED, linewidth=3.0, label="windows end here"))
    if embargo:
        told = embargo if isinstance(embargo, str) else f"{embargo:,} bars"
        handles.append(Patch(facecolor="none", edgecolor=RULE, label=f"embargo between, {told}"))
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(handles), fontsize=9, borderpad=0.1
    )


def _short(value: float, _: Any) -> str:
    for word, size in (("bn", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:,.3g} {word}"
    return f"{value:,.3g}"


def states(table: pd.DataFrame) -> str:
    """Draw how often each value of each field came, beside how often its law has it.

    Parameters
    ----------
    table : frame
        field, scale ("choice", "log" or "linear"), low, high, count, expected (NaN without a law).

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"field": "action", "scale": "choice", "low": [0, 1], "high": [0, 1], "count": [5, 4], "expected": 4.5}
    ... )
    >>> states(table)[:4]
    '<svg'
    """
    names = list(dict.fromkeys(table["field"]))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    with theme({"axes.titlesize": 10.0}):
        figure = Figure(figsize=(WIDTH, 0.4 + 2.0 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, name in zip(axes, names, strict=False):
            _field(ax, table[table["field"] == name])
            ax.set_title(name.replace("_", " "))
        for ax in axes[len(names) :]:
            ax.set_axis_off()
        return to_svg(figure, "Fields of the trade state: how often values came, beside their laws")


def _field(ax: Axes, table: pd.DataFrame) -> None:
    """Draw one field."""
    low, high, count, expected = (table[name].to_numpy(dtype=float) for name in ("low", "high", "count", "expected"))
    total = max(count.sum(), 1.0)
    scale = table["scale"].iloc[0]
    if scale == "choice":
        at = np.arange(len(low))
        ax.bar(at, count / total, width=0.6, color=BLUE, alpha=0.55)
        ax.hlines(expected / total, at - 0.4, at + 0.4, color=INK, linewidth=1.6)
        step = -(-len(at) // 12)
        ax.set_xticks(at[::step], [f"{value:g}" for value in low[::step]])
    else:
        ax.stairs(count / total, np.append(low, high[-1]), fill=True, color=BLUE, alpha=0.45)
        if np.isfinite(expected).all():
            ax.stairs(expected / total, np.append(low, high[-1]), color=INK, linewidth=1.2)
        if scale == "log":
            ax.set_xscale("log")
            ax.xaxis.set_minor_locator(NullLocator())
            ax.xaxis.set_minor_formatter(NullFormatter())
            ax.xaxis.set_major_formatter(FuncFormatter(_short))
        else:
            ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))


def memory(curves: pd.DataFrame) -> str:
    """Draw autocorrelations by lag: of log-returns, of their size, and of returns with later sizes.

    Examples
    --------
    >>> import pandas as pd
    >>> memory(pd.DataFrame({"lag": [1, 2], "returns": 0.0, "size": 0.2, "leverage": -0.1}))[:4]
    '<svg'
    """
    told = (
        ("returns", "log-returns: their memory"), ("size", "their size: clustering"),
        ("leverage", "a return and later sizes: leverage"),
    )  # fmt: skip
    with theme({"axes.titlesize": 10.0}):
        figure = Figure(figsize=(WIDTH, 2.3), layout="constrained")
        for ax, (name, title), colour in zip(figure.subplots(1, 3), told, (BLUE, AMBER, GREEN), strict=True):
            ax.vlines(curves["lag"], 0.0, curves[name], color=colour, linewidth=2.0)
            ax.axhline(0.0, color=MUTED, linewidth=0.8)
            ax.set_title(title)
            ax.set_xlabel("lag, bars")
            ax.yaxis.set_major_locator(MaxNLocator(4))
        return to_svg(figure, "Autocorrelations of the series")
