"""Static solutions: each horizon by itself, as if changing from one portfolio to the next cost nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from atomloom.errors import Infeasible
from atomloom.trajectory.lattice import iter_omega
from atomloom.trajectory.path_sums import ratios
from atomloom.trajectory.score import variances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem

    Reals = NDArray[np.float64]

_WORST_CONDITION = 1e12
_log = logging.getLogger(__name__)


def static_solution(problem: TrajectoryProblem, *, grid: bool = False) -> Reals:
    """Give the best portfolio of each horizon by itself: costs, holdings and other horizons are ignored.

    The book's (AFML 21.4 and snippet 21.6) is w = V^-1 mu, which has the largest ratio of mu'w to the root of w'Vw,
    scaled so that its absolute values add up to 1. It is not on the grid, and knows no bounds.

    Parameters
    ----------
    problem : TrajectoryProblem
    grid : bool
        Take the best state instead, by the same ratio (or by mu'w - risk_aversion w'Vw), within the bounds; the
        first in lexicographic order among equals.

    Returns
    -------
    (H, N) float64
        Weights.

    Raises
    ------
    Infeasible
        If no direction is better than another one: the means of a horizon are 0, or the pseudo-inverse leaves
        nothing of them (not on the grid).

    Notes
    -----
    Covariances with a condition number above 1e12 are inverted by the pseudo-inverse, and the log says so: what lies
    in their null space is not held then, though it would earn without any variance. O(H N^3) time; O(H S N^2) on the
    grid, in blocks.

    Examples
    --------
    >>> from atomloom.trajectory import TrajectoryProblem
    >>> problem = TrajectoryProblem([[0.2, 0.1]], [[[1.0, 0.0], [0.0, 2.0]]], [[0.0, 0.0]], 2)
    >>> static_solution(problem)
    array([[0.8, 0.2]])
    >>> static_solution(problem, grid=True)
    array([[1., 0.]])
    """
    if grid:
        return _on_grid(problem)
    weights = np.empty((problem.horizons, problem.assets))
    poor = ill_conditioned(problem)
    if poor:
        _log.warning("cov of horizons %s is singular or nearly so: the pseudo-inverse is taken", poor)
    for h, (mean, cov) in enumerate(zip(problem.mu, problem.cov, strict=True)):
        found = np.linalg.pinv(cov, hermitian=True) @ mean if h in poor else np.linalg.solve(cov, mean)
        size = float(np.abs(found).sum())
        if size == 0.0:
            message = f"horizon {h} has no static solution: nothing is left of mu[{h}] = {mean.tolist()}."
            raise Infeasible(f"{message} Hint: grid=True takes the first of the best states.")
        weights[h] = found / size
    return weights


def ill_conditioned(problem: TrajectoryProblem) -> list[int]:
    """List the horizons whose covariances cannot well be inverted.

    Examples
    --------
    >>> from atomloom.trajectory import TrajectoryProblem
    >>> ill_conditioned(TrajectoryProblem([[0.2, 0.1]], [np.ones((2, 2))], [[0.0, 0.0]], 2))
    [0]
    """
    values = np.linalg.eigvalsh(problem.cov)
    return [h for h, each in enumerate(values) if not each[0] * _WORST_CONDITION > each[-1]]


def _on_grid(problem: TrajectoryProblem) -> Reals:
    best = np.full(problem.horizons, -np.inf)
    weights = np.zeros((problem.horizons, problem.assets))
    first = True
    limits = problem.limits()
    for states in iter_omega(problem.assets, problem.units):
        block = states
        if limits is not None:
            block = states[((states >= limits[0]) & (states <= limits[1])).all(axis=1)]
        if len(block) == 0:
            continue
        held = block / problem.units
        for h in range(problem.horizons):
            mean = held @ problem.mu[h]
            variance = variances(held, problem.cov[h])
            averse = problem.risk_aversion
            value = ratios(mean, variance) if averse is None else mean - averse * variance
            place = int(np.argmax(value))
            if first or value[place] > best[h]:
                best[h], weights[h] = value[place], held[place]
        first = False
    return weights
