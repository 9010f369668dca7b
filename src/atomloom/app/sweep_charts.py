"""Figures of a sweep: values over time, windows, paths of cross-validation, and what chance would have given."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from atomloom.app.drawing import AMBER, BLUE, GREEN, INK, MUTED, RED, WIDTH, landmarks, panels, theme, time_axis, to_svg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

_DASHED = (0, (4, 3))
_LOG = 4.0  # largest over smallest value from which on the axis is logarithmic
_BENCHMARK = "benchmark"
_SEARCHES = (
    "t of the clearest edge over the benchmark",
    "searches without any edge",
    "{:,} searches without any edge, beside this one",
)
_UNDER = 0.76  # share of the height that marks leave below the legend


def values(times: NDArray[Any] | None, lines: Mapping[str, Reals], title: str = "") -> str:
    """Draw values over time, and below them how far each is under its highest.

    Parameters
    ----------
    times : (n,) datetime64, optional
        Rows are counted where not given.
    lines : mapping of str to (n,) float64
        Value of one unit invested, NaN where a line is not. The first is the best and stands out; "benchmark",
        "walk" (what was chosen window by window) and "clearest" (the largest t) have colours of their own, all others
        are drawn thin.
    title : str

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> days = np.arange("2020-01-01", "2020-01-04", dtype="datetime64[D]")
    >>> values(days, {"best": np.array([1.0, 1.1, 1.0]), "benchmark": np.ones(3)})[:4]
    '<svg'
    """
    at = np.arange(len(next(iter(lines.values())))) if times is None else times.astype("M8[ns]")
    shown = _joined(lines)
    known = np.concatenate([line[np.isfinite(line)] for line in shown.values()])
    known = known[known > 0]
    many = len(known) > 0 and float(known.max() / known.min()) > _LOG
    with theme():
        figure, (upper, lower) = panels(2, 5.4, heights=[2.4, 1.1])
        for name, line in reversed(list(shown.items())):
            style = _style(name, name == next(iter(shown)))
            thin = style["alpha"] < 1.0
            places = _thinned(len(line)) if thin else landmarks(at.astype("M8[ns]"), line)
            upper.plot(at[places], np.where(line > 0, line, np.nan)[places], **style)
            if not thin:
                under = line / np.fmax.accumulate(np.fmax(line, 1.0 if name != "walk" else 0.0)) - 1.0
                places = landmarks(at.astype("M8[ns]"), under)
                lower.plot(at[places], under[places], **style)
        if many:
            _logarithmic(upper, known)
        upper.set_ylabel("value of 1" + (", log scale" if many else ""))
        upper.set_title(title)
        lower.set_ylabel("below its highest")
        lower.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        if len(shown) > 1:
            upper.legend(handles=_legend(shown), loc="upper left", fontsize=9)
        _across(lower, at, times)
        return to_svg(figure, title or "Values over time and drawdowns")


def _joined(lines: Mapping[str, Reals]) -> dict[str, Reals]:
    """Let what was chosen window by window begin where the benchmark is then."""
    found = dict(lines)
    if "walk" in found and _BENCHMARK in found:
        first = int(np.argmax(np.isfinite(found["walk"])))
        found["walk"] = found["walk"] * (found[_BENCHMARK][first - 1] if first else 1.0)
    return found


def _thinned(count: int) -> NDArray[np.int64]:
    """Give the points that a thin line is drawn at, which nobody looks at closely."""
    return np.unique(np.linspace(0, count - 1, 700).astype(np.int64))


def _style(name: str, first: bool) -> dict[str, Any]:
    if first:
        return {"color": BLUE, "linewidth": 1.5, "alpha": 1.0, "zorder": 4}
    if name == _BENCHMARK:
        return {"color": INK, "linewidth": 1.2, "alpha": 1.0, "zorder": 3, "linestyle": _DASHED}
    if name == "clearest":
        return {"color": GREEN, "linewidth": 1.2, "alpha": 1.0, "zorder": 3}
    if name == "walk":
        return {"color": AMBER, "linewidth": 1.4, "alpha": 1.0, "zorder": 5}
    return {"color": BLUE, "linewidth": 0.8, "alpha": 0.3, "zorder": 2}


def _legend(lines: Mapping[str, Any]) -> list[Line2D]:
    first = next(iter(lines))
    thin = sum(_style(name, name == first)["alpha"] < 1.0 for name in lines)
    told = {
        "clearest": "clearest edge",
        first: "best in sample" if len(lines) > 1 else first,
        _BENCHMARK: "benchmark",
        "walk": "chosen on train windows",
    }
    found = []
    for name in lines:
        style = _style(name, name == first)
        if style["alpha"] == 1.0:
            found.append(Line2D([], [], color=style["color"], linewidth=style["linewidth"],
                                linestyle=style.get("linestyle", "-"), label=told.get(name, name)))  # fmt: skip
    if thin:
        found.append(Line2D([], [], color=BLUE, linewidth=0.8, alpha=0.4, label=f"the next {thin}"))
    return found


def _logarithmic(ax: Axes, known: Reals) -> None:
    """Make the vertical axis logarithmic, with two labels at least."""
    ax.set_yscale("log")
    wide = float(known.max() / known.min()) > 300.0
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def _across(ax: Axes, at: Any, times: Any) -> None:
    if times is None:
        ax.set_xlabel("returns since the entry")
        ax.set_xlim(0, max(1, len(at) - 1))
    else:
        time_axis(ax, at)


def windows(labels: list[str], train: Reals, test: Reals, rank: Reals, unit: str = "a year") -> str:
    """Draw the winner's Sharpe ratio on the train rows of each split and on its test rows, and its rank there.

    Parameters
    ----------
    labels : list of str
        Of the test windows.
    train, test : (K,) float64
        Sharpe ratios.
    rank : (K,) float64
        Share of the configurations that are worse in the test.
    unit : str
        Of the ratios.

    Examples
    --------
    >>> windows(["2020", "2021"], np.array([1.0, 1.2]), np.array([0.5, 0.1]), np.array([0.4, 0.6]))[:4]
    '<svg'
    """
    many = len(labels) > 24
    at = np.arange(len(labels))
    with theme():
        figure, (upper, lower) = panels(2, 4.3, heights=[2.2, 1.0])
        if many:
            upper.plot(at, train, color=MUTED, linewidth=0.9, label="train")
            upper.scatter(at, test, s=9, color=BLUE, linewidth=0, label="test", zorder=3)
            lower.scatter(at, rank, s=9, color=BLUE, linewidth=0, clip_on=False, zorder=3)
        else:
            train, test = np.nan_to_num(train), np.nan_to_num(test)  # what does not vary has no bar
            upper.bar(at - 0.2, train, width=0.38, color=MUTED, alpha=0.55, linewidth=0, label="train")
            upper.bar(at + 0.2, test, width=0.38, color=BLUE, linewidth=0, label="test")
            lower.bar(at, rank - 0.5, width=0.5, bottom=0.5, color=BLUE, linewidth=0)
        upper.axhline(0, color=MUTED, linewidth=0.8)
        for ax in (upper, lower):
            ax.grid(visible=False, axis="x")
        upper.set_ylabel(f"Sharpe ratio {unit}")
        upper.set_title("The configuration that was best in training, there and in the test")
        upper.set_ylim(top=upper.get_ylim()[1] + 0.18 * float(np.ptp(upper.get_ylim())))
        upper.legend(loc="upper left", fontsize=9, ncols=2)
        lower.axhline(0.5, color=MUTED, linewidth=0.9, linestyle=_DASHED)
        lower.set_ylim(0, 1)
        lower.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        lower.set_ylabel("better than")
        if many:
            lower.set_xlabel("split")
            lower.xaxis.set_major_locator(MaxNLocator(integer=True))
        else:
            lower.set_xticks(at, labels, fontsize=8 if len(labels) > 8 else 9)
        lower.set_xlim(-0.6, len(labels) - 0.4)
        return to_svg(figure, "Sharpe ratios in training and test")


def paths(times: NDArray[Any] | None, lines: Mapping[str, Reals], sharpes: Reals, title: str) -> str:
    """Draw paths of combinatorial cross-validation, and how their Sharpe ratios spread.

    Parameters
    ----------
    times : (n,) datetime64, optional
    lines : mapping of str to (n,) float64
        Values along some paths.
    sharpes : (P,) float64
        Of all paths, a year.
    title : str

    Examples
    --------
    >>> paths(None, {"path_0": np.array([1.0, 1.1])}, np.array([0.3, 0.5]), "Paths")[:4]
    '<svg'
    """
    at = np.arange(len(next(iter(lines.values())))) if times is None else times.astype("M8[ns]")
    known = np.concatenate([line[line > 0] for line in lines.values()])
    with theme():
        figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
        for line in lines.values():
            places = _thinned(len(line))
            left.plot(at[places], np.where(line > 0, line, np.nan)[places], color=BLUE, linewidth=0.8, alpha=0.45)
        if len(known) and known.max() / known.min() > _LOG:
            _logarithmic(left, known)
        left.set_ylabel("value of 1")
        left.set_title(title)
        _across(left, at, times)
        _histogram(right, sharpes)
        known = sharpes[np.isfinite(sharpes)]
        if len(known):
            right.axvline(float(np.median(known)), color=RED, linewidth=1.2)
        right.set_xlabel("Sharpe ratio of a path, a year")
        right.set_title(f"{len(sharpes):,} paths, the median in red")
        return to_svg(figure, title)


def _histogram(ax: Axes, found: Reals, bins: int = 30, **style: Any) -> None:
    kept = found[np.isfinite(found)]
    spread = float(kept.max() - kept.min()) if len(kept) else 0.0
    if spread <= 1e-9 * max(1.0, float(np.abs(kept).max(initial=0.0))):  # all alike: one bar where they are
        middle = float(kept[0]) if len(kept) else 0.0
        ax.bar([middle], [len(kept)], width=0.05 * max(1.0, abs(middle)), color=BLUE, linewidth=0)
        ax.set_xlim(middle - 1, middle + 1)
    else:
        ax.hist(
            kept,
            bins=min(bins, max(6, int(2 * len(kept) ** 0.5))),
            color=BLUE,
            linewidth=0,
            **({"alpha": 0.75} | style),
        )
    ax.grid(visible=False, axis="x")
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _limits(bars: Reals, marks: list[float]) -> tuple[float, float]:
    whole = np.concatenate([bars[np.isfinite(bars)], [mark for mark in marks if np.isfinite(mark)]])
    low, high = float(whole.min()), float(whole.max())
    air = 0.06 * ((high - low) or 1.0)
    return low - air, high + air


def chance(
    null: Reals,
    marks: tuple[float, float],
    alpha: float,
    halves: tuple[Reals, Reals, float] | None,
    words: tuple[str, str, str] = _SEARCHES,
) -> str:
    """Draw what the best of searches without any edge looks like beside the best one, and the logits of CSCV.

    Parameters
    ----------
    null : (B,) float64
        Largest t of each bootstrap sample; or whatever ``words`` say.
    marks : (best, critical)
        Largest t that was found, and the t that had to be passed.
    alpha : float
        How often chance passes it.
    halves : (edges, counts, PBO), optional
        Histogram of the winner's logit out of sample.
    words : (str, str, str)
        What is counted across, up, and the title.

    Examples
    --------
    >>> halves = (np.array([-1.0, 0.0, 1.0]), np.array([3, 4]), 0.43)
    >>> chance(np.array([1.0, 2.0, 3.0]), (2.5, 2.9), 0.05, halves)[:4]
    '<svg'
    """
    best, critical = marks
    with theme():
        figure = Figure(figsize=(WIDTH, 3.5), layout="constrained")
        axes = figure.subplots(1, 1 if halves is None else 2, squeeze=False)[0]
        ax = axes[0]
        _histogram(ax, null)
        dashed = f"passed by chance in {alpha:.0%}"
        ax.axvline(critical, ymax=_UNDER, color=MUTED, linewidth=1.1, linestyle=_DASHED, label=dashed)
        ax.axvline(best, ymax=_UNDER, color=RED, linewidth=1.6, label=f"the clearest here, t = {best:.2f}")
        ax.set_xlim(*_limits(null, [best, critical]))
        ax.set_ylim(top=1.35 * ax.get_ylim()[1])
        ax.set_xlabel(words[0])
        ax.set_ylabel(words[1])
        ax.set_title(words[2].format(len(null)))
        ax.legend(loc="upper right", fontsize=8.5)
        if halves is not None:
            _logits(axes[1], *halves)
        return to_svg(figure, "What chance would have given")


def logits(edges: Reals, counts: Reals, value: float) -> str:
    """Draw where the best of one half stands in the other.

    Parameters
    ----------
    edges, counts : (K + 1,), (K,) float64
        Histogram of the logits of its rank.
    value : float
        Share of them at or below 0: the probability of backtest overfitting.

    Examples
    --------
    >>> logits(np.array([-1.0, 0.0, 1.0]), np.array([3, 4]), 0.43)[:4]
    '<svg'
    """
    with theme():
        figure = Figure(figsize=(WIDTH, 3.5), layout="constrained")
        _logits(figure.subplots(), edges, counts, value)
        return to_svg(figure, "Probability of backtest overfitting")


def _logits(ax: Axes, edges: Reals, counts: Reals, value: float) -> None:
    colours = [RED if (low + high) / 2 <= 0 else BLUE for low, high in pairwise(edges)]
    ax.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=colours, alpha=0.75, linewidth=0)
    ax.axvline(0, color=MUTED, linewidth=1.0, linestyle=_DASHED)
    ax.grid(visible=False, axis="x")
    ax.set_xlabel("logit of the rank in the other half (below 0: worse than the median)")
    ax.set_ylabel("splits into halves")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    ax.set_title(f"The best of one half, in the other: PBO {value:.0%}")


def everything(
    sharpe: Reals, traded: tuple[Reals, NDArray[np.int64]], best: int, marks: Mapping[str, float]
) -> str:  # fmt: skip
    """Draw the Sharpe ratios of all configurations, and what is traded for them.

    Parameters
    ----------
    sharpe : (C,) float64
        Of a year; NaN of configurations that failed.
    traded : (turnover, places)
        Turnover of a year of all, and which of them are drawn.
    best : int
        Place of the best among them.
    marks : mapping of str to float
        Ratios to compare with.

    Examples
    --------
    >>> everything(np.array([0.5, 0.7]), (np.array([1.0, 2.0]), np.array([0, 1])), 1, {"benchmark": 0.6})[:4]
    '<svg'
    """
    turnover, kept = traded
    with theme():
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        _histogram(left, sharpe, bins=50)
        for (name, mark), style in zip(marks.items(), ((INK, _DASHED), (MUTED, (0, (1, 2)))), strict=False):
            left.axvline(
                mark, ymax=_UNDER, color=style[0], linestyle=style[1], linewidth=1.2, label=f"{name} {mark:.2f}"
            )
        if np.isfinite(sharpe[best]):
            left.axvline(sharpe[best], ymax=_UNDER, color=RED, linewidth=1.5, label=f"best {sharpe[best]:.2f}")
        left.set_xlim(*_limits(sharpe, list(marks.values())))
        left.set_xlabel("Sharpe ratio a year")
        left.set_ylabel("configurations")
        left.legend(loc="upper left", fontsize=8.5)
        left.set_ylim(top=1.35 * left.get_ylim()[1])
        left.set_title("All configurations")
        right.scatter(turnover[kept], sharpe[kept], s=8, color=BLUE, alpha=0.35, linewidth=0, rasterized=False)
        right.scatter([turnover[best]], [sharpe[best]], s=46, color=RED, zorder=4)
        right.set_xlabel("turnover a year")
        right.set_ylabel("Sharpe ratio a year")
        right.set_title("What is traded for it (best in red)")
        return to_svg(figure, "Sharpe ratios of all configurations")
