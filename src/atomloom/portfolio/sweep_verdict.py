"""The verdict on a sweep: the evidence that its sums give, without any return path."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.portfolio.configs import ABSENT
from atomloom.portfolio.sweep_plan import LEAF

if TYPE_CHECKING:
    from atomloom.portfolio.neighbours import Plateau
    from atomloom.portfolio.stepping import StepDown
    from atomloom.portfolio.sweep_result import SweepResult
    from atomloom.portfolio.verdict import Verdict


def verdict_of(found: SweepResult) -> Verdict | None:
    """Judge a sweep; None where its returns are too few, or nothing varies.

    Notes
    -----
    The headline test has its largest t from the leaves; where some of a leaf pass and others do not, that leaf is
    simulated again. Everything else follows from sums.
    """
    from atomloom.portfolio.evidence import Evidence, verdict_from  # noqa: PLC0415 - only with a verdict

    if found.job.counts is None or np.isnan(found.t).all() or np.isnan(found.figure("sharpe")).all():
        return None
    evidence = Evidence(
        sums=found.sums,
        n=found.n_returns,
        steps=headline(found),
        pbo=halves(found),
        n_trials=found.ledger()["counted"],
        blocks=(len(found.job.cuts.draws) - 1, int(found.settings["block_length"])),
        benchmark=found.benchmark.volatility is not None or bool(found.benchmark.returns.any()),
        matched=found.job.volatility is not None,
        rank_correlation=_mean_correlation(found),
        trial_deviation=found.settings.get("trial_deviation"),
    )
    judged = verdict_from(evidence, periods_per_year=found.job.periods_per_year)
    names: Any = _Labels(found)
    return replace(judged, plateau=plateau(found, judged.best), names=names)


def headline(found: SweepResult) -> StepDown:
    """Test all configurations that were worked, step by step."""
    from atomloom.portfolio.stepping import step_down  # noqa: PLC0415 - only with a verdict

    job = found.job
    nobody = np.full((1, found.maxima.shape[1]), -np.inf)
    tile = np.full(len(found), job.n_leaves, dtype=np.int64)
    tile[job.order] = np.arange(len(job.order)) // LEAF

    def again(leaf: int) -> Any:
        return job.drawn_sums(leaf)[:, np.argsort(job.places(leaf))]

    return step_down(
        found.t, np.concatenate([found.maxima, nobody]), tile, again, job.counts, job.benchmark,
        alpha=found.settings["alpha"], threads=found.settings["num_threads"],
    )  # fmt: skip


def halves(found: SweepResult) -> Any:
    """Probability of backtest overfitting; None of a single configuration, or too few returns."""
    from atomloom.portfolio.cscv import pbo  # noqa: PLC0415 - only with a verdict

    worked = int((~np.isnan(found.block_sums[0, 0])).sum()) if found.block_sums.shape[1] else 0
    if worked < 2:
        return None
    n = np.diff(found.job.cuts.blocks)
    return pbo(moments=(found.block_sums[0], found.block_sums[1], n), threads=found.settings["num_threads"])


def plateau(found: SweepResult, best: int) -> Plateau | None:
    """How the winner's neighbours do: one step away on one axis of numbers, all else the same."""
    from atomloom.portfolio.neighbours import plateau_of  # noqa: PLC0415 - only with a verdict

    near = ~np.isnan(found.figure("sharpe"))
    numbers = {}
    for name in found.configs.varied:
        column = found.configs.columns[name]
        values = column.values
        if all(map(_is_number, values[:1000])):
            numbers[name] = column
        elif column.codes is not None:
            near &= column.codes == column.codes[best]
        else:
            return None
    kept = np.flatnonzero(near)
    if not numbers or best not in kept:
        return None
    parameters = {name: _numbers(column, kept) for name, column in numbers.items()}
    year = np.sqrt(found.job.periods_per_year)
    return plateau_of(found.figure("sharpe")[kept] / year, int(np.searchsorted(kept, best)), parameters)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _numbers(column: Any, kept: Any) -> Any:
    if column.codes is None:
        return np.asarray(column.values, dtype=np.float64)[kept]
    values = np.array([np.nan if value is ABSENT else value for value in column.values], dtype=np.float64)
    return values[column.codes[kept]]


def _mean_correlation(found: SweepResult) -> float | None:
    if found.splits is None:
        return None
    known = found.selection.rank_correlation
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else None


class _Labels:
    """Names of the configurations, made when one is looked at."""

    def __init__(self, found: SweepResult) -> None:
        self._configs = found.configs

    def __len__(self) -> int:
        return self._configs.size

    def __getitem__(self, place: int) -> str:
        return self._configs.label(int(place))
