"""What a verdict is made of: sums over configurations, the headline test and the cross-validation; no return paths."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, Infeasible
from atomloom.portfolio.neighbours import plateau_of
from atomloom.portfolio.power_sums import sharpe_of_sums
from atomloom.portfolio.sharpe_formulas import (
    deflated_sharpe,
    expected_max_sharpe,
    min_backtest_length,
    min_track_record,
    probabilistic_sharpe,
)
from atomloom.portfolio.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from atomloom.portfolio.cscv_result import PBO
    from atomloom.portfolio.stepping import StepDown

    Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Ingredients of a verdict, from a table of returns or from a sweep that keeps none.

    Attributes
    ----------
    sums : (4, C) float64
        Sums of returns, of their squares, cubes and fourth powers, over all rows that count; NaN for failed
        configurations.
    n : int
        Returns in these sums.
    steps : StepDown
        The headline test of the same configurations, in the same order.
    pbo : PBO or None
        None where there is nothing to select from.
    n_trials : int
        Every trial that was made, also failed and pruned ones and those of earlier searches.
    blocks : tuple of (int, int)
        Number of blocks of the bootstrap, and rows of each.
    benchmark : bool
        Whether the headline test is against a benchmark's returns.
    matched : bool
        Whether returns were compared at the benchmark's volatility.
    rank_correlation : float or None
        Of train and test ratios; None takes that of the PBO.
    names : sequence of str or None
    parameters : mapping of str to (C,) array
        Of each configuration, for the plateau.
    trial_deviation : float or None
        Deviation of the ratios per period of all trials, where those of earlier searches are known; None takes that of
        these configurations. A second search around the first one's winner has little of its own.

    Examples
    --------
    >>> from atomloom.portfolio import max_t
    >>> r = np.random.default_rng(0).normal(size=(300, 4))
    >>> sums = np.array([(r**k).sum(axis=0) for k in (1, 2, 3, 4)])
    >>> evidence = Evidence(sums, 300, max_t(r).steps, None, n_trials=4, blocks=(300, 1))
    >>> len(verdict_from(evidence).survivors)
    0
    """

    sums: Reals
    n: int
    steps: StepDown
    pbo: PBO | None
    n_trials: int
    blocks: tuple[int, int]
    benchmark: bool = False
    matched: bool = False
    rank_correlation: float | None = None
    names: Sequence[str] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    trial_deviation: float | None = None


def moments_of(sums: Reals, n: int) -> tuple[Reals, Reals, Reals]:
    """Give Sharpe ratio per period, skew and kurtosis (biased, 3 for the normal) from power sums.

    Parameters
    ----------
    sums : (4, ...) float64
    n : int

    Returns
    -------
    sharpe, skew, kurtosis : array float64
        NaN for returns that do not vary.

    Examples
    --------
    >>> r = np.array([1.0, 2.0, 4.0])
    >>> sharpe, skew, kurtosis = moments_of(np.array([(r**k).sum() for k in (1, 2, 3, 4)]), 3)
    >>> round(float(sharpe), 4), round(float(skew), 4), round(float(kurtosis), 4)
    (1.5275, 0.3818, 1.5)
    """
    sharpe = sharpe_of_sums(sums[0], sums[1], n, flat=math.nan)
    one, two, three, four = np.where(np.isnan(sharpe), np.nan, sums) / n
    variance = two - one**2
    with np.errstate(invalid="ignore"):
        skew = (three - 3 * one * two + 2 * one**3) / variance**1.5
        kurtosis = (four - 4 * one * three + 6 * one**2 * two - 3 * one**4) / variance**2
    return sharpe, skew, kurtosis


def verdict_from(evidence: Evidence, *, periods_per_year: float = 252.0, confidence: float = 0.95) -> Verdict:
    """Judge a search by its evidence.

    Parameters
    ----------
    evidence : Evidence
    periods_per_year : float
        Of the returns; only how ratios and lengths are shown depends on it.
    confidence : float
        Of the minimum track record.

    Returns
    -------
    Verdict

    Raises
    ------
    BadInput
        For fewer trials than configurations, or shapes that do not agree.
    Infeasible
        When no configuration varies.

    Notes
    -----
    Trials that are counted and not among the configurations make probabilities larger: with k times as many trials
    p becomes ``1 - (1 - p)^k``, as if the others had been as many searches of the same kind.

    Examples
    --------
    >>> from atomloom.portfolio import overfit
    >>> verdict = overfit(np.random.default_rng(0).normal(size=(600, 20)))
    >>> verdict.n_trials, len(verdict.survivors)
    (20, 0)
    """
    number = len(evidence.steps.t)
    _check(evidence, number, periods_per_year)
    sharpe, skew, kurtosis = moments_of(evidence.sums, evidence.n)
    if np.isnan(sharpe).all():
        raise Infeasible(f"none of {number:,} configurations varies. Hint: see the errors of failed ones.")
    best = int(np.nanargmax(sharpe))
    known = sharpe[~np.isnan(sharpe)]
    std = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    std = std if evidence.trial_deviation is None else evidence.trial_deviation
    top, shape = float(sharpe[best]), (float(skew[best]), max(1.0, float(kurtosis[best])))
    more = evidence.n_trials / number
    p = evidence.steps.p
    if evidence.n_trials > number:
        with np.errstate(divide="ignore"):  # of p = 1
            p = -np.expm1(more * np.log1p(-p))
    passed = evidence.steps.survivors
    correlation = evidence.rank_correlation
    if correlation is None:
        correlation = math.nan if evidence.pbo is None else evidence.pbo.rank_correlation
    return Verdict(
        best=best,
        sharpe=top,
        skew=shape[0],
        kurtosis=shape[1],
        psr=probabilistic_sharpe(top, evidence.n, *shape),
        dsr=deflated_sharpe(top, evidence.n, evidence.n_trials, std, *shape),
        luck=expected_max_sharpe(evidence.n_trials, std),
        min_track_record=min_track_record(top, *shape, confidence=confidence),
        min_backtest_length=min_backtest_length(evidence.n_trials, top * math.sqrt(periods_per_year)),
        p=p,
        survivors=passed[p[passed] <= evidence.steps.alpha],
        pbo=evidence.pbo,
        rank_correlation=correlation,
        plateau=plateau_of(sharpe, best, evidence.parameters) if evidence.parameters else None,
        steps=evidence.steps,
        sharpes=sharpe,
        n=evidence.n,
        n_trials=int(evidence.n_trials),
        blocks=evidence.blocks,
        benchmark=evidence.benchmark,
        matched=evidence.matched,
        periods_per_year=float(periods_per_year),
        names=None if evidence.names is None else tuple(str(name) for name in evidence.names),
        parameters=dict(evidence.parameters),
    )


def _check(evidence: Evidence, number: int, periods_per_year: float) -> None:
    if evidence.sums.shape != (4, number) or evidence.n < 2:
        message = f"sums has shape {evidence.sums.shape} of {evidence.n} returns for {number:,} configurations"
        raise BadInput(f"{message}. Hint: give (4, {number}) sums of at least 2 returns.")
    if evidence.n_trials < number:
        message = f"n_trials is {evidence.n_trials:,} and there are {number:,} configurations"
        raise BadInput(f"{message}. Hint: count every trial, also those that were dropped.")
    if evidence.names is not None and len(evidence.names) != number:
        raise BadInput(f"names has {len(evidence.names):,} entries for {number:,} configurations. Hint: one for each.")
    if not 0.0 < periods_per_year < math.inf:
        raise BadInput(f"periods_per_year is {periods_per_year!r}. Hint: 252 for trading days, 12 for months.")
