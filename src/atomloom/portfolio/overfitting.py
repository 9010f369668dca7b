"""From a table of returns to a verdict: the sums, the headline test, the cross-validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.block_bootstrap import LEAST_BLOCKS
from atomloom.portfolio.cscv import pbo
from atomloom.portfolio.evidence import Evidence, verdict_from
from atomloom.portfolio.headline import max_t
from atomloom.portfolio.power_sums import take_returns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from atomloom.portfolio.verdict import Verdict

    Reals = NDArray[np.float64]

_ROWS = 1024  # of one piece of the sums


def overfit(
    returns: Any, *, benchmark: ArrayLike | None = None, match_volatility: bool = True,
    n_trials: int | None = None, n_blocks: int = 16,
    n_boot: int = 1000, block_length: int | None = None, alpha: float = 0.05, seed: int = 0,
    periods_per_year: float = 252.0, names: Sequence[str] | None = None,
    parameters: Mapping[str, Any] | None = None, threads: int | None = None,
) -> Verdict:  # fmt: skip
    """Judge a search: is the best of all configurations that were tried more than the luck of the search.

    Parameters
    ----------
    returns : (T, C) array or DataFrame
        Returns of every configuration that was tried, a column each, rows in time order, after costs.
    benchmark : (T,) array, optional
        Returns that have to be beaten; None is 0.
    match_volatility : bool
        Whether returns are scaled to the benchmark's volatility before they are compared with it, so that borrowing
        alone is no edge.
    n_trials : int, optional
        Every trial ever made on these data, at least C; C where not given. Those that failed count.
    n_blocks : int
        Of the cross-validation: even.
    n_boot : int
        Samples of the bootstrap.
    block_length : int, optional
        Rows of its blocks; see :func:`max_t`.
    alpha : float
        Accepted probability of a false survivor.
    seed : int
    periods_per_year : float
    names : sequence of str, optional
        Of the configurations; the columns of a DataFrame where not given.
    parameters : mapping of str to (C,) array, optional
        Their parameters, for the plateau around the winner.
    threads : int, optional
        None is every physical core; the same bits for any number.

    Returns
    -------
    Verdict

    Raises
    ------
    BadInput
        For values that are not finite, fewer trials than columns, fewer than 20 rows, or parameters, names and
        benchmark of another length.
    Infeasible
        When no configuration varies.

    Notes
    -----
    Time is that of :func:`max_t` and :func:`pbo`. How often it accepts noise is measured in bench/bench_verdict.py:
    4 to 7 % of searches at 5 %, whatever correlates the trials, with fat tails and with autocorrelation.

    Examples
    --------
    >>> returns = np.random.default_rng(1).normal(size=(500, 100)) / 100
    >>> verdict = overfit(returns, parameters={"lookback": np.arange(100)})
    >>> print(verdict.summary().splitlines()[0])
    0 of 100 configurations survive at 5%: a mean return above 0 that the search does not explain
    """
    matrix, columns = take_returns(returns, LEAST_BLOCKS)
    number = matrix.shape[1]
    trials = number if n_trials is None else n_trials
    if isinstance(trials, bool) or not isinstance(trials, (int, np.integer)) or trials < number:
        message = f"n_trials is {n_trials!r} and there are {number:,} configurations"
        raise BadInput(f"{message}. Hint: count every trial, also those that were dropped.")
    matched = benchmark is not None and match_volatility
    tested = max_t(
        _scaled(matrix, benchmark) if matched else matrix, benchmark, n_boot=n_boot, block_length=block_length,
        seed=seed, alpha=alpha, threads=threads,
    )  # fmt: skip
    halves = pbo(matrix, n_blocks, threads=threads) if number > 1 else None
    evidence = Evidence(
        sums=_four_sums(matrix),
        n=len(matrix),
        steps=tested.steps,
        pbo=halves,
        n_trials=int(trials),
        blocks=(tested.n_blocks, tested.block_length),
        benchmark=benchmark is not None,
        matched=matched,
        names=columns if names is None else names,
        parameters=parameters or {},
    )
    return verdict_from(evidence, periods_per_year=periods_per_year)


def _scaled(matrix: Reals, benchmark: Any) -> Reals:
    """Scale returns to the volatility of the benchmark; those that do not vary stay as they are."""
    reference = np.asarray(benchmark, dtype=np.float64)
    if reference.shape != (len(matrix),):
        return matrix  # refused by the test
    spread, own = matrix.std(axis=0, ddof=1), float(reference.std(ddof=1))
    return matrix * np.where((spread > 1e-12) & (own > 1e-12), own / np.maximum(spread, 1e-12), 1.0)


def _four_sums(matrix: Reals) -> Reals:
    sums = np.zeros((4, matrix.shape[1]))
    for low in range(0, len(matrix), _ROWS):
        part = matrix[low : low + _ROWS]
        square = part * part
        for k, (left, right) in enumerate(((None, part), (part, part), (part, square), (square, square))):
            sums[k] += right.sum(axis=0) if left is None else np.einsum("tc,tc->c", left, right)
    return sums
