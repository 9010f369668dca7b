"""Figures of events and of what is held against them: moves, controls, starts, warnings, alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from atomloom.app.drawing import (
    AMBER,
    BLUE,
    GREEN,
    INK,
    MUTED,
    RED,
    WIDTH,
    landmarks,
    moments_of,
    panels,
    stretches_of,
    theme,
    threshold_line,
    time_axis,
    to_svg,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Moments = NDArray[np.datetime64]

_COLUMNS = 1_500  # so many places beside one another can be told apart
_MARKS = 1_500  # of one kind in a figure
_SPANS = 3_000
_ROWS = 24
_ALARMS = {
    "vpin": "events of VPIN",
    "always": "after every bucket",
    "random": "at random",
    "volatility": "matched by volatility",
    "volume": "matched by volume",
}
_DASHED: Any = (0, (4, 3))


def moves(events: pd.DataFrame, null_move: float, title: str) -> str:
    """Draw the move after each event over time, against the move that counts as large.

    Parameters
    ----------
    events : DataFrame
        Columns ``start`` (datetime64, UTC), ``move`` (log return), ``true`` (boolean, NA where not judged).
    null_move : float
        The move above which an event is true; NaN for none.
    title : str
        What was found.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.date_range("2013-09-01 17:00", periods=2, freq="h")
    >>> true = pd.array([True, False], dtype="boolean")
    >>> moves(pd.DataFrame({"start": times, "move": [0.02, 0.01], "true": true}), 0.015, "1 of 2")[:4]
    '<svg'
    """
    at, move = moments_of(events["start"]), events["move"].to_numpy(dtype=float)
    true = events["true"].astype("Int8").fillna(-1).to_numpy(dtype=int)
    top = 1.12 * max(np.nanmax(move, initial=0.0), null_move if null_move > 0 else 0.0) or 1.0
    with theme():
        figure = Figure(figsize=(WIDTH, 3.8), layout="constrained")
        ax = figure.subplots()
        for flag, colour, marker, words in ((1, BLUE, "o", "large move followed"), (0, RED, "X", "it did not")):
            mine = np.flatnonzero(true == flag)
            seen = mine[_apart(at[mine], move[mine] / top)]
            ax.plot(at[seen], move[seen], marker, color=colour, markersize=6, alpha=0.8, markeredgewidth=0,
                    clip_on=False, label=f"{len(mine):,}: {words}")  # fmt: skip
        open_ = np.flatnonzero(true < 0)
        if len(open_):
            seen = open_[_apart(at[open_], np.zeros(len(open_)))]
            ax.plot(at[seen], np.zeros(len(seen)), "|", color=MUTED, markersize=9, clip_on=False,
                    label=f"{len(open_):,}: not judged")  # fmt: skip
        if not np.isnan(null_move):
            ax.axhline(null_move, color=INK, linewidth=1.0, linestyle=_DASHED, label="large is above")
        ax.set_ylim(0, top)
        ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        ax.set_ylabel("largest move in the horizon")
        ax.set_title(title, parse_math=False)
        if len(at):
            time_axis(ax, _aired(at))
            ax.set_xlabel("start of the event, UTC")
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return to_svg(figure, "Moves after events against those after any bucket")


def rates(rows: pd.DataFrame, chance: float | None, title: str) -> str:
    """Draw the false positive rate of each kind of alarm with its interval.

    Parameters
    ----------
    rows : DataFrame
        Columns ``alarms``, ``n``, ``false_positive_rate``, ``low``, ``high``; NaN where nothing could be judged.
    chance : float or None
        The rate of a signal that knows nothing.
    title : str

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"alarms": "vpin", "n": 9, "false_positive_rate": 0.4, "low": 0.2, "high": 0.7}
    >>> rates(pd.DataFrame([row]), 0.5, "VPIN")[:4]
    '<svg'
    """
    rate, low, high = (rows[name].to_numpy(dtype=float) for name in ("false_positive_rate", "low", "high"))
    with theme():
        figure = Figure(figsize=(WIDTH, 1.3 + 0.42 * len(rows)), layout="constrained")
        ax = figure.subplots()
        for place, kind in enumerate(rows["alarms"]):
            colour = RED if kind == "vpin" else BLUE
            if np.isnan(rate[place]):
                ax.text(0.01, place, "nothing to judge", va="center", color=MUTED, fontsize=9)
                continue
            if kind == "vpin":
                ax.axvspan(low[place], high[place], color=RED, alpha=0.12, linewidth=0)
            ends = [[max(0.0, rate[place] - low[place])], [max(0.0, high[place] - rate[place])]]
            ax.errorbar(rate[place], place, xerr=ends, color=colour, marker="D" if kind == "vpin" else "o",
                        markersize=6, linewidth=1.6, capsize=4)  # fmt: skip
            ax.annotate(f"{rate[place]:.1%}", (rate[place], place), (0, 7), textcoords="offset points", ha="center",
                        fontsize=9)  # fmt: skip
        if chance is not None:
            ax.axvline(chance, color=MUTED, linewidth=0.9, linestyle=_DASHED)
        names = [f"{_ALARMS.get(kind, kind)} ({n:,})" for kind, n in zip(rows["alarms"], rows["n"], strict=True)]
        ax.set_yticks(range(len(rows)), names)
        ax.tick_params(axis="y", labelcolor=INK)
        ax.set_ylim(len(rows) - 0.4, -0.7)
        ax.set_xlim(-0.02, 1.02)
        ax.grid(visible=False, axis="y")
        ax.xaxis.set_major_formatter(PercentFormatter(1.0))
        ax.set_xlabel("false positive rate and 95% interval"
                      + ("" if chance is None else f" (dashed: knowing nothing, {chance:.0%})"))  # fmt: skip
        ax.set_title(title, parse_math=False)
        return to_svg(figure, "False positive rates of events and controls")


def starts(bands: Mapping[str, Sequence[NDArray[Any]]], titles: Mapping[str, str]) -> str:
    """Draw VPIN of the first start over time and the band in which those of all starts lie, a panel per price.

    Parameters
    ----------
    bands : mapping of str to (moments, first, least, largest)
        ns UTC and VPIN.
    titles : mapping of str to str
        What was found, by price.

    Examples
    --------
    >>> hour = 3600 * 10**9
    >>> band = (np.arange(3) * hour, np.array([0.2, 0.3, 0.2]), np.full(3, 0.1), np.full(3, 0.4))
    >>> starts({"close": band}, {"close": "close"})[:4]
    '<svg'
    """
    ends = [np.asarray(band[0]).astype("datetime64[ns]")[[0, -1]] for band in bands.values()]
    most = max(float(band[3].max()) for band in bands.values())
    with theme():
        figure, axes = panels(len(bands), 1.0 + 2.1 * len(bands), heights=[1] * len(bands))
        for ax, (price, (when, first, least, largest)) in zip(axes, bands.items(), strict=True):
            at = np.asarray(when).astype("datetime64[ns]")
            group = stretches_of(at) if len(at) > _SPANS else np.arange(len(at))
            low, high = np.minimum.reduceat(least, group), np.maximum.reduceat(largest, group)
            ax.fill_between(at[group], low, high, step="post", color=AMBER, alpha=0.45, linewidth=0,
                            label="all starts")  # fmt: skip
            seen = landmarks(at, first)
            ax.plot(at[seen], first[seen], color=BLUE, linewidth=1.2, drawstyle="steps-post", label="first start")
            ax.set_ylim(0, 1.06 * most or 1.0)
            ax.set_ylabel("VPIN")
            ax.set_title(titles[price], parse_math=False)
        axes[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        time_axis(axes[-1], np.array([min(pair[0] for pair in ends), max(pair[1] for pair in ends)]))
        return to_svg(figure, "VPIN under shifted starts over time")


def warnings(buckets: pd.DataFrame, limits: tuple[float, float], side: str, title: str) -> str:
    """Draw the CDF of VPIN, how unusual the Herfindahl index is, and the index, the warnings shaded.

    Parameters
    ----------
    buckets : DataFrame
        Columns ``end`` (datetime64, UTC), ``vpin_cdf``, ``hhi``, ``hhi_share``, ``warning`` (bool).
    limits : (float, float)
        Above which both are unusual: of the CDF, and of the share.
    side : str
        Which index is unusual: "low", "high" or "both".
    title : str

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.date_range("2013-10-07 14:00", periods=3, freq="h")
    >>> some = {"vpin_cdf": [0.5, 0.99, 0.4], "hhi": 0.2, "hhi_share": 0.95, "warning": [False, True, False]}
    >>> warnings(pd.DataFrame({"end": times, **some}), (0.9, 0.9), "low", "1 warning")[:4]
    '<svg'
    """
    ends = moments_of(buckets["end"])
    word = {"low": "lower than", "high": "higher than", "both": "away from"}[side]
    with theme():
        figure, axes = panels(3, 6.0, heights=[1, 1, 1])
        rows = (
            ("vpin_cdf", "CDF of VPIN", RED, limits[0]),
            ("hhi_share", f"HHI {word}\nso much of its past", GREEN, limits[1]),
            ("hhi", "HHI", BLUE, None),
        )
        for ax, (column, label, colour, limit) in zip(axes, rows, strict=True):
            values = buckets[column].to_numpy(dtype=float)
            seen = _seen(ends, values)
            ax.plot(ends[seen], values[seen], color=colour, linewidth=1.2, drawstyle="steps-post")
            ax.set_ylabel(label)
            _shade(ax, ends, buckets["warning"].to_numpy(dtype=bool))
            if limit is not None:
                ax.set_ylim(-0.03, 1.06)
                threshold_line(ax, limit)
            else:
                ax.set_ylim(0, 1.06 * (np.nanmax(values, initial=0.0) or 1.0))
        axes[0].set_title(title, parse_math=False)
        time_axis(axes[-1], ends)
        return to_svg(figure, "VPIN and fragmentation over time with warnings")


def alerts(book: pd.DataFrame, title: str) -> str:
    """Draw alerts over time, a row per instrument, the darker the surer; beneath, how late they were.

    Parameters
    ----------
    book : DataFrame
        Columns ``time`` (datetime64, UTC), ``symbol``, ``signal``, ``confidence``, ``latency`` (timedelta64).
    title : str

    Examples
    --------
    >>> import pandas as pd
    >>> one = {"time": pd.Timestamp("2013-10-07", tz="UTC"), "symbol": "ES", "signal": "vpin"}
    >>> alerts(pd.DataFrame([{**one, "confidence": 0.99, "latency": pd.Timedelta(0)}]), "1 alert")[:4]
    '<svg'
    """
    book = book.sort_values("time", kind="stable")
    at, sure = moments_of(book["time"]), book["confidence"].to_numpy(dtype=float)
    late = book["latency"].dt.total_seconds().to_numpy(dtype=float)
    counts = book["symbol"].value_counts(sort=True)
    named = list(counts.index[: _ROWS if len(counts) <= _ROWS else _ROWS - 1])
    row = book["symbol"].map({symbol: k for k, symbol in enumerate(named)}).fillna(len(named)).to_numpy(dtype=int)
    labels = [f"{symbol} ({counts[symbol]:,})" for symbol in named]
    if len(counts) > len(named):
        labels.append(f"{len(counts) - len(named):,} others ({int(counts.iloc[len(named) :].sum()):,})")
    height = 0.9 + 0.32 * max(1, len(labels))
    with theme():
        figure, (lanes, *more) = panels(1, height, [1]) if not late.any() else panels(2, height + 1.9, [height, 1.5])
        for (low, high), shade in _levels(sure):
            for signal, marker in zip(sorted(set(book["signal"])), "oDs^v<>p", strict=False):
                mine = np.flatnonzero((book["signal"] == signal).to_numpy() & (sure >= low) & (sure <= high))
                if len(mine):
                    seen = mine[_apart(at[mine], row[mine] / max(1, len(labels)))]
                    lanes.plot(at[seen], row[seen], marker, color=BLUE, alpha=shade, markersize=8, markeredgecolor=BLUE,
                               clip_on=False, label=f"{signal}, confidence {_span(sure[mine])}")  # fmt: skip
        lanes.set_yticks(range(len(labels)), labels, parse_math=False)
        lanes.set_ylim(max(1, len(labels)) - 0.5, -0.5)
        lanes.set_title(title, parse_math=False)
        for delay in more:
            top = 1.1 * float(late.max())
            seen = _apart(at, late / top)
            delay.vlines(at[seen], 0, late[seen], color=RED, linewidth=1.0)
            delay.plot(at[seen], late[seen], "o", color=RED, markersize=3.5, clip_on=False)
            delay.set_ylim(0, top)
            delay.set_ylabel("latency, s")
        if len(at):
            lanes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
            time_axis((more or [lanes])[0], _aired(at))
        else:
            lanes.set_xticks([])
        return to_svg(figure, "Alerts over time by instrument, and their latency")


def _levels(sure: NDArray[np.float64]) -> list[tuple[tuple[float, float], float]]:
    """Cut confidences into at most four classes of as many alerts, and give each its shade."""
    if not len(sure):
        return []
    edges = np.unique(np.quantile(sure, [0, 0.25, 0.5, 0.75, 1]))
    if len(edges) == 1:
        return [((float(edges[0]), float(edges[0])), 0.8)]
    lower = np.r_[edges[0], np.nextafter(edges[1:-1], np.inf)]  # a value on an edge belongs to one class
    shades = np.linspace(0.2, 1.0, len(lower))
    return [
        ((float(low), float(high)), float(shade)) for low, high, shade in zip(lower, edges[1:], shades, strict=True)
    ]


def _span(sure: NDArray[np.float64]) -> str:
    low, high = (f"{end:.3f}" for end in (sure.min(), sure.max()))
    return low if low == high else f"{low} to {high}"


def _aired(at: Moments) -> Moments:
    """Widen a span of times, so that marks do not stand on its edge."""
    air = max((at.max() - at.min()) // 60, np.timedelta64(1, "s"))
    return np.array([at.min() - air, at.max() + air])


def _apart(at: Moments, level: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give one of those marks that fall on the same spot, any of them: the first of each would line up in stripes.

    Examples
    --------
    >>> level = np.array([0.1, 0.1, 0.9, 0.1, 0.9])
    >>> level[_apart(np.zeros(5, "datetime64[ns]"), level)].tolist()
    [0.9, 0.1]
    """
    if not len(at):
        return np.zeros(0, dtype=np.int64)
    since = (at - at.min()).astype("timedelta64[ns]").astype(np.int64)
    across, up = since / max(1, int(since.max())), np.nan_to_num(level).clip(0, 1)
    columns, order = _COLUMNS, np.random.default_rng(0).permutation(len(at))
    while True:
        spot = np.rint(across * columns) * (columns + 1) + np.rint(up * columns)
        kept = np.unique(spot[order], return_index=True)[1]
        if len(kept) <= _MARKS:
            return np.sort(order[kept])
        columns //= 2


def _seen(at: Moments, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give the points that a long line is drawn at; of the gaps in one stretch of time only the first."""
    seen = landmarks(at, values)
    if len(seen) <= 3 * _SPANS:
        return seen
    gaps = np.flatnonzero(np.isnan(values))
    column = np.searchsorted(stretches_of(at), gaps, side="right")
    extra = gaps[np.diff(column, prepend=-1) == 0]
    return np.setdiff1d(seen, extra)


def _shade(ax: Axes, ends: Moments, warning: NDArray[np.bool_]) -> None:
    """Shade from the end of each bucket with a warning to that of the next; what the eye cannot tell apart, at once."""
    edge = np.flatnonzero(np.diff(warning.astype(np.int8), prepend=0, append=0))
    first, after = ends[edge[::2]], ends[np.minimum(edge[1::2], len(ends) - 1)]
    if not len(first):
        return
    least = (ends[-1] - ends[0]) // _COLUMNS
    new = np.flatnonzero(np.r_[True, first[1:] - np.maximum.accumulate(after)[:-1] > least])
    for start, end in zip(first[new], np.maximum.reduceat(after, new), strict=True):
        ax.axvspan(start, max(end, start + least), color=AMBER, alpha=0.35, linewidth=0)
