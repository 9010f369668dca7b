"""Figures of the results of the portfolio room, for :func:`atomloom.figure`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.app.sweep_lines import lines_of, logit_bins
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from atomloom.portfolio.cscv_result import PBO
    from atomloom.portfolio.path_measures import PathMetrics
    from atomloom.portfolio.selection import Selection
    from atomloom.portfolio.sweep_result import PortfolioPath, SweepResult
    from atomloom.portfolio.verdict import Verdict

_TOP = 10


def of_sweep(found: SweepResult) -> str:
    """Draw the best configurations, the benchmark, and what was chosen window by window."""
    from atomloom.app import sweep_charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    lines = lines_of(found, _TOP)
    beaten = found.benchmark.name.replace("_", " ")
    times = None if found.times is None else found.times.astype("M8[ns]")
    return sweep_charts.values(times, lines, f"The best of {len(found):,} configurations, and {beaten}")


def of_verdict(found: Verdict) -> str:
    """Draw the t of all configurations with what chance passes, and where the best of one half stands in the other."""
    from atomloom.app import sweep_charts  # noqa: PLC0415  # same

    steps = found.steps
    if steps.best is None:
        raise BadInput("no configuration of the verdict could be tested. Hint: give returns that vary.")
    halves = None if found.pbo is None else (*logit_bins(found.pbo), found.pbo.value)
    known = steps.t[~np.isnan(steps.t)]
    over = "over the benchmark" if found.benchmark else "over 0"
    title = "t of {:,} configurations: " + f"{len(found.survivors):,} survive"
    words = (f"t of the edge {over}", "configurations", title)
    return sweep_charts.chance(known, (float(steps.t[steps.best]), steps.critical[0]), steps.alpha, halves, words)


def of_pbo(found: PBO) -> str:
    """Draw where the best of one half stands in the other."""
    from atomloom.app import sweep_charts  # noqa: PLC0415  # same

    return sweep_charts.logits(*logit_bins(found), found.value)


def of_selection(found: Selection) -> str:
    """Draw the chosen configuration in training and in the test, split by split."""
    from atomloom.app import sweep_charts  # noqa: PLC0415  # same

    labels = [str(k) for k in range(len(found))]
    return sweep_charts.windows(labels, found.train_sharpe, found.test_sharpe, found.rank, "per period")


def of_path(found: PortfolioPath) -> str:
    """Draw the value of one configuration, and how far it is below its highest."""
    from atomloom.app import sweep_charts  # noqa: PLC0415  # same

    own = dict(found.config)
    own.pop("winners", None)
    title = ", ".join(str(value) if name == "method" else f"{name} {value}" for name, value in own.items())
    times = None if found.times is None else found.times.astype("M8[ns]")
    return sweep_charts.values(times, {"value": found.values}, title.replace("_", " "))


def of_metrics(found: PathMetrics) -> str:
    """Draw the measures of one path as bars; of many, their return against their volatility."""
    from atomloom.app import metric_charts  # noqa: PLC0415  # same

    if isinstance(found.total_return, float):
        return metric_charts.single(found.to_dict())
    values = [np.asarray(getattr(found, name)) for name in ("annual_volatility", "annual_return", "sharpe")]
    return metric_charts.many(*values)
