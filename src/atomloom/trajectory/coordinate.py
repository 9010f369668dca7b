"""Coordinate ascent: the best change of two assets in one horizon, again and again, from several starts at once."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.trajectory.checks import check_count
from atomloom.trajectory.path_sums import Levels
from atomloom.trajectory.result import Found

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem

    Ints = NDArray[np.int64]


def coordinate(
    problem: TrajectoryProblem,
    *,
    seed: int = 0,
    restarts: int = 8,
    kicks: int = 64,
    deadline: float | None = None,
    listen: Callable[[Any], None] | None = None,
) -> Found:
    """Climb by the best single change, from several starts, then from what kicks make of the best path.

    A change moves any number of units from one asset to another one (long or short there), or turns the sign of one,
    in one horizon or in a run of horizons that hold the same of both; or it puts a horizon's portfolio into its
    neighbour. The first start is led by each horizon's means, the second one by their average; the others are drawn.
    A kick draws the portfolios of some horizons anew.

    Parameters
    ----------
    problem : TrajectoryProblem
    seed : int
        Of starts and kicks.
    restarts : int
        Starts.
    kicks : int
        After them.
    deadline : float, optional
        Moment of ``time.monotonic()`` to stop at.
    listen : callable, optional
        Not told anything.

    Returns
    -------
    Found
        With the number of changes made in its detail; paths looked at are counted by what a sweep tries at least.

    Notes
    -----
    O(H N^2 K) time for a sweep over the horizons, where runs are short; no list of states, so any N and K.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> coordinate(random_problem(3, 2, 2, seed=1)).units
    array([[ 0,  1,  1],
           [-1,  0,  1]])
    """
    del listen
    check_count("seed", seed, least=0)
    check_count("restarts", restarts)
    check_count("kicks", kicks, least=0)
    levels = Levels(problem)
    draws = np.random.Generator(np.random.Philox(seed))
    best, value, sweeps, changes, late = start(levels, draws, 0), -math.inf, 0, 0, False
    for trial in range(restarts + kicks):
        path = start(levels, draws, trial) if trial < restarts else kicked(levels, draws, best)
        found, made, late = climb(levels, path, deadline)
        sweeps, changes = sweeps + made[0], changes + made[1]
        if trial == 0 or found > value:
            best, value = path, found
        if late:
            break
    tried = sweeps * problem.horizons * 2 * problem.units * (problem.assets - 1) + changes
    detail = {"changes": changes, "restarts": restarts, "kicks": kicks}
    return Found(best, tried, complete=not late, detail=detail)


def climb(levels: Levels, path: Ints, deadline: float | None = None) -> tuple[float, tuple[int, int], bool]:
    """Make a path better in place until no change helps: its worth, sweeps and changes, and whether time was over.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> path = np.array([[2, 0], [0, 2]])
    >>> value, made, late = climb(Levels(random_problem(2, 2, 2, seed=1)), path)
    """
    from atomloom.trajectory.coordinate_kernels import sweep  # noqa: PLC0415 - compiles

    problem = levels.problem
    averse = -1.0 if problem.risk_aversion is None else problem.risk_aversion
    sweeps = changes = 0
    before, value = path.copy(), -math.inf
    while True:
        now, made = sweep(path, levels.alone, levels.table, levels.risk, averse)
        sweeps, changes = sweeps + 1, changes + made
        late = deadline is not None and time.monotonic() >= deadline
        if sweeps > 1 and now < value:  # what was gained was rounding, which could go on for ever
            path[:] = before
        rises = sweeps == 1 or now > value
        before[:], value = path, now
        if made == 0 or late or not rises:
            mean, variance = levels.sums(path[None])
            return float(levels.worth(mean, variance)[0]), (sweeps, changes), late


def start(levels: Levels, draws: np.random.Generator, trial: int) -> Ints:
    """Give a path to start from.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> start(Levels(random_problem(2, 1, 3, seed=1)), np.random.default_rng(0), 1)
    array([[...
    """
    problem = levels.problem
    liking = problem.mu / np.sqrt(np.maximum(np.einsum("hnn->hn", problem.cov), 1e-300))
    if trial == 0:
        wishes = liking
    elif trial == 1:
        wishes = np.broadcast_to(liking.mean(axis=0), liking.shape)
    else:  # every horizon by itself, or one portfolio for all
        wishes = draws.normal(size=liking.shape if trial % 2 else liking.shape[1:])
        wishes = np.broadcast_to(wishes, liking.shape)
    return np.array([levels.nearest(wish) for wish in wishes])


def kicked(levels: Levels, draws: np.random.Generator, path: Ints) -> Ints:
    """Draw the portfolios of a run of horizons anew, most often a short one.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> kicked(Levels(random_problem(2, 1, 3, seed=1)), np.random.default_rng(0), np.array([[3, 0]]))
    array([[...
    """
    horizons, assets = path.shape
    first = int(draws.integers(horizons))
    length = int(draws.geometric(0.4))
    new = path.copy()
    new[first : first + length] = levels.nearest(draws.normal(size=assets) * levels.problem.units + path[first])
    return new
