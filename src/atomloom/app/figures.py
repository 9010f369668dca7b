"""A figure of any result: the one that its report shows, to look at in a notebook or to save."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.errors import BadInput

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

_LIGHT = {
    "--ink": "#1b2733",
    "--muted": "#5a6875",
    "--rule": "#dde3e9",
    "--blue": "#0072b2",
    "--red": "#c24f00",
    "--amber": "#e69f00",
    "--green": "#009e73",
    "--font": "sans-serif",
}


@dataclass(frozen=True)
class Drawing:
    """A drawn figure.

    Attributes
    ----------
    svg : str
        A whole SVG file, colours for light paper.

    Examples
    --------
    >>> Drawing("<svg></svg>")
    Drawing(11 characters of SVG)
    """

    svg: str

    def __repr__(self) -> str:
        return f"Drawing({len(self.svg):,} characters of SVG)"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the figure as an SVG file and give its path.

        Raises
        ------
        BadInput
            If the name does not end in ``.svg``.
        """
        target = Path(path)
        if target.suffix.lower() != ".svg":
            raise BadInput(f"{target} is no name of an SVG file. Hint: end it in .svg.")
        target.write_text(self.svg, encoding="utf-8")
        return target


def figure(result: Any) -> Drawing:
    """Draw a result of the market, the trajectory, the portfolio or the samples room as its report does.

    Parameters
    ----------
    result : any result of these rooms
        Bars over time; price, VPIN and its CDF with events; moves after Events; Controls with their intervals; the
        band of StartSensitivity; false positives by threshold of a Calibration, in training and test; the Herfindahl
        index; EarlyWarning, warnings shaded; Alerts by instrument; the band of a Spectrum; the line of a LineTest
        among its neighbours; the folded period; the daily line of LeapYears; the trend of a Growth.
        The path of a TrajectoryResult; the support lines of its Certificate; the regrets of a Comparison.
        The best of a SweepResult beside the benchmark; the t of a Verdict; logits of a PBO; a Selection split by split;
        value and falls of a PortfolioPath; the measures of PathMetrics.
        The Sharpe ratios of a RuleMesh; some of MarketPaths; the facts of a Diagnosis beside the real ones.

    Returns
    -------
    Drawing
        Shown by notebooks; ``.save("name.svg")`` writes it.

    Raises
    ------
    BadInput
        For anything else, and for a calibration of which no parameter varies.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.market import tick_bars
    >>> from atomloom.store import read_trades
    >>> figure(tick_bars(read_trades(es_2013_09()), 500)).svg[:4]
    '<svg'
    """
    kind = type(result).__name__
    if kind not in _DRAWN:
        raise BadInput(f"there is no figure of a {kind}. Hint: there is one of {', '.join(_DRAWN)}.")
    return Drawing(_plain(_DRAWN[kind](result)))


def _plain(svg: str) -> str:
    """Put colours in the place of the variables of a page, and say what language it is."""
    for name, value in _LIGHT.items():
        svg = svg.replace(f"var({name})", value)
    return svg if "xmlns=" in svg else re.sub(r"<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', svg, count=1)


def _vpin(result: Any) -> str:
    from atomloom.app import charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    buckets = result.to_frame()
    return charts.price_and_vpin(
        buckets.assign(close=result.close), buckets, result.events.to_frame(), result.config.threshold
    )


def _bars(result: Any) -> str:
    from atomloom.app import market_charts  # noqa: PLC0415  # same

    return market_charts.bars_over_time(result.to_frame())


def _fragmentation(result: Any) -> str:
    from atomloom.app import market_charts  # noqa: PLC0415  # same

    return market_charts.hhi_over_time(result.to_frame())


def _calibration(result: Any) -> str:
    import pandas as pd  # noqa: PLC0415  # same

    from atomloom.app import calibration_charts  # noqa: PLC0415  # same

    name = "threshold" if "threshold" in result.varied else next(iter(result.varied), None)
    if name is None:
        raise BadInput("no parameter of the calibration varies. Hint: give a grid with an axis of two values or more.")
    chances = set(result.rows["null_quantile"].tolist())
    chance = chances.pop() if len(chances) == 1 else None
    parts = [result.curve(name, part).rename(columns={name: "value"}).assign(part=part) for part in ("train", "test")]
    return calibration_charts.curve(pd.concat(parts).assign(parameter=name), chance)


def _spectrum(result: Any) -> str:
    import pandas as pd  # noqa: PLC0415  # same

    from atomloom.app import spectrum_charts  # noqa: PLC0415  # same

    return spectrum_charts.band(pd.DataFrame({"frequency": result.frequency, "power": result.power}), 1 / 60)


def _line(result: Any) -> str:
    from atomloom.app import spectrum_charts  # noqa: PLC0415  # same

    return spectrum_charts.line(result.to_frame())


def _fold(result: Any) -> str:
    from atomloom.app import spectrum_charts  # noqa: PLC0415  # same

    return spectrum_charts.folded(result.to_frame(), float(result.sigma))


def _events(result: Any) -> str:
    from atomloom.app import event_charts, titles  # noqa: PLC0415  # same

    return event_charts.moves(result.to_frame(), result.null_move, titles.of_events(result))


def _controls(result: Any) -> str:
    from atomloom.app import event_charts, titles  # noqa: PLC0415  # same

    chance = result.config.get("vpin", {}).get("null_quantile")
    return event_charts.rates(result.to_frame(), chance, titles.of_controls(result))


def _starts(result: Any) -> str:
    from atomloom.app import event_charts, titles  # noqa: PLC0415  # same

    return event_charts.starts(result.bands, titles.of_starts(result))


def _warning(result: Any) -> str:
    from atomloom.app import event_charts, titles  # noqa: PLC0415  # same

    limits = (result.config["vpin_threshold"], result.config["hhi_threshold"])
    return event_charts.warnings(result.to_frame(), limits, result.config["side"], titles.of_warnings(result))


def _alerts(result: Any) -> str:
    from atomloom.app import event_charts, titles  # noqa: PLC0415  # same

    return event_charts.alerts(result.to_frame(), titles.of_alerts(result))


def _years(result: Any) -> str:
    from atomloom.app import cycle_charts, titles  # noqa: PLC0415  # same

    return cycle_charts.daily_lines(result.to_frame(), titles.of_years(result))


def _growth(result: Any) -> str:
    from atomloom.app import cycle_charts, titles  # noqa: PLC0415  # same

    return cycle_charts.growth(result.to_frame(), result.slope, titles.of_growth(result))


def _path(result: Any) -> str:
    from atomloom.app import path_charts  # noqa: PLC0415  # same

    return path_charts.path(result.to_frame(), [f"asset {n + 1}" for n in range(result.weights.shape[1])])


def _certificate(result: Any) -> str:
    from atomloom.app import path_charts  # noqa: PLC0415  # same

    if not result.lines:
        raise BadInput(f"a certificate of kind {result.kind!r} has no lines to draw. Hint: solve(problem, 'exact').")
    return path_charts.hull(None, result.to_dict(), None)


def _comparison(result: Any) -> str:
    from atomloom.app import path_charts  # noqa: PLC0415  # same

    return path_charts.methods(result.to_frame().reset_index().assign(proved=result.proved))


def _of(module: str, name: str) -> Callable[[Any], str]:
    def draw(result: Any) -> str:
        drawn: str = getattr(importlib.import_module(f"atomloom.app.{module}"), name)(result)
        return drawn

    return draw


_DRAWN: dict[str, Callable[[Any], str]] = {
    "Bars": _bars,
    "VPINResult": _vpin,
    "Events": _events,
    "Controls": _controls,
    "StartSensitivity": _starts,
    "Calibration": _calibration,
    "Fragmentation": _fragmentation,
    "EarlyWarning": _warning,
    "Alerts": _alerts,
    "Spectrum": _spectrum,
    "LineTest": _line,
    "Fold": _fold,
    "LeapYears": _years,
    "Growth": _growth,
    "TrajectoryResult": _path,
    "Certificate": _certificate,
    "Comparison": _comparison,
    "SweepResult": _of("portfolio_figures", "of_sweep"),
    "Verdict": _of("portfolio_figures", "of_verdict"),
    "PBO": _of("portfolio_figures", "of_pbo"),
    "Selection": _of("portfolio_figures", "of_selection"),
    "PortfolioPath": _of("portfolio_figures", "of_path"),
    "PathMetrics": _of("portfolio_figures", "of_metrics"),
    "RuleMesh": _of("synthetic_figures", "of_rules"),
    "MarketPaths": _of("synthetic_figures", "of_market"),
    "Diagnosis": _of("synthetic_figures", "of_diagnosis"),
}
