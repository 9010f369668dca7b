"""A genetic algorithm: paths are crossed in time, changed a little, and the better of a few are kept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.trajectory.checks import check_count, check_share
from atomloom.trajectory.coordinate import climb, start
from atomloom.trajectory.path_sums import Levels
from atomloom.trajectory.result import Found

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem

    Ints = NDArray[np.int64]
    Reals = NDArray[np.float64]


def genetic(
    problem: TrajectoryProblem,
    *,
    seed: int = 0,
    population: int = 200,
    generations: int = 200,
    elite: int = 4,
    tournament: int = 3,
    mutation: float = 0.6,
    polish: bool = True,
    deadline: float | None = None,
    listen: Callable[[Any], None] | None = None,
) -> Found:
    """Let a population of paths evolve.

    Two parents, each the best of a few drawn ones, give a child: the first one's path, with a run of horizons from the
    second one. Then some children have units moved from one asset to another one in a run of horizons. The best paths
    live on unchanged.

    Parameters
    ----------
    problem : TrajectoryProblem
    seed : int
        Of all draws, which come from one counter-based stream (Philox).
    population, generations : int
    elite : int
        Paths that live on; below the population.
    tournament : int
        Paths of which the best becomes a parent.
    mutation : float
        Chance that a child is changed, 0 to 1.
    polish : bool
        Let the best path climb at the end, by changes as in coordinate ascent.
    deadline : float, optional
        Moment of ``time.monotonic()`` to stop at.
    listen : callable, optional
        Not told anything.

    Returns
    -------
    Found

    Raises
    ------
    BadInput
        For counts that do not fit to one another.

    Notes
    -----
    O(generations population H N^2) time.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> genetic(random_problem(3, 2, 2, seed=1), population=20, generations=10).n_explored
    180
    """
    del listen
    check_count("seed", seed, least=0)
    check_count("generations", generations)
    if check_count("elite", elite) >= check_count("population", population):
        raise BadInput(f"elite is {elite} of a population of {population}. Hint: keep fewer than there are.")
    check_count("tournament", tournament)
    check_share("mutation", mutation, "a chance")
    levels = Levels(problem)
    draws = np.random.Generator(np.random.Philox(seed))
    paths = _first_paths(levels, draws, population)
    value = levels.worth(*levels.sums(paths))
    done, late = 0, False
    while done < generations and not late:
        order = np.argsort(-value, kind="stable")[:elite]
        children = _children(paths, value, draws, population - elite, tournament)
        _mutate(levels, children, draws, mutation)
        paths = np.concatenate([paths[order], children])
        value = np.concatenate([value[order], levels.worth(*levels.sums(children))])
        done += 1
        late = deadline is not None and time.monotonic() >= deadline
    best = paths[int(np.argmax(value))].copy()
    if polish and not late:
        late = climb(levels, best, deadline)[2]
    looked = population + done * (population - elite)
    return Found(best, looked, complete=not late, detail={"generations": done, "population": population})


def _first_paths(levels: Levels, draws: np.random.Generator, number: int) -> Ints:
    problem = levels.problem
    if problem.bounds is not None:
        return np.array([start(levels, draws, trial) for trial in range(number)])
    shape = (number, problem.horizons, problem.assets)
    counts = draws.multinomial(problem.units, draws.dirichlet(np.ones(problem.assets), size=shape[:2]))
    paths: Ints = counts * draws.choice([-1, 1], size=shape)
    paths[number // 2 :] = paths[number // 2 :, :1]  # half of them hold one portfolio all the time
    for trial in range(min(2, number)):
        paths[trial] = start(levels, draws, trial)
    return paths


def _children(paths: Ints, value: Reals, draws: np.random.Generator, number: int, tournament: int) -> Ints:
    """Cross parents: a run of horizons comes from the second one."""
    horizons = paths.shape[1]
    drawn = np.sort(draws.integers(len(paths), size=(2, number, tournament)), axis=2)
    best = np.argmax(value[drawn], axis=2)
    one, two = np.take_along_axis(drawn, best[:, :, None], axis=2)[:, :, 0]
    ends = np.sort(draws.integers(horizons + 1, size=(2, number)), axis=0)
    h = np.arange(horizons)
    inside = (ends[0][:, None] <= h) & (h < ends[1][:, None])
    return np.asarray(np.where(inside[:, :, None], paths[two], paths[one]))


def _mutate(levels: Levels, children: Ints, draws: np.random.Generator, chance: float) -> None:
    """Move units from one asset to another one, in a run of horizons, in place; what leaves the bounds is undone."""
    number, horizons, assets = children.shape
    whose = np.flatnonzero(draws.random(number) < chance)
    size = len(whose)
    first = draws.integers(horizons, size=size)
    length = draws.geometric(0.5, size=size)
    give, take = draws.integers(assets, size=(2, size))
    share, side = draws.random(size), draws.choice([-1, 1], size=size)
    limits = levels.problem.limits()
    for h in range(horizons):
        here = np.flatnonzero((first <= h) & (h < first + length))
        rows, a, b = whose[here], give[here], take[here]
        old, held = children[rows, h, a], children[rows, h, b]
        moved = np.ceil(share[here] * np.abs(old)).astype(np.int64)
        same = a == b
        new = np.where(same, -old, old - np.sign(old) * moved)
        got = np.where(same, -old, np.where(held != 0, np.sign(held), side[here]) * (np.abs(held) + moved))
        if limits is not None:
            inside = (limits[0][a] <= new) & (new <= limits[1][a]) & (limits[0][b] <= got) & (got <= limits[1][b])
            rows, a, b, new, got = rows[inside], a[inside], b[inside], new[inside], got[inside]
        children[rows, h, a] = new
        children[rows, h, b] = got
