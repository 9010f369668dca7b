"""Exhaustive search: every path is looked at, or known to be worse without; the oracle of all other methods."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import parse_size
from atomloom.engine.side_by_side import in_threads
from atomloom.errors import OverBudget
from atomloom.trajectory.checks import check_count
from atomloom.trajectory.lattice import check_room, omega, omega_size
from atomloom.trajectory.path_sums import shown
from atomloom.trajectory.result import Found
from atomloom.trajectory.score import evaluate, node_tables
from atomloom.trajectory.search import refuse_riskless

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem

    Reals = NDArray[np.float64]

_LEAST_BLOCK, _MOST_BLOCK, _BLOCKS = 1 << 18, 1 << 26, 64  # paths of a block, and blocks aimed at
_COUNTABLE = 1 << 62
_SLACK = 1e-12  # of bounds, which are added up in another order than paths


@dataclass(frozen=True)
class BlockDone:
    """A part of the paths has been looked at: how many, of how many, and the seconds since the start.

    Examples
    --------
    >>> BlockDone(10, 100, 0.5).paths
    10
    """

    paths: int
    of: int
    seconds: float


@dataclass(frozen=True, eq=False)
class _Tables:
    """What the paths are made of, scaled by powers of two so that no square leaves the range of a float."""

    states: NDArray[np.int64]
    gain: Reals
    pair: Reals
    risk: Reals
    variance: float
    mean_scale: float
    variance_scale: float


def brute(
    problem: TrajectoryProblem,
    *,
    seed: int = 0,
    prune: bool = False,
    threads: int | None = None,
    memory: int | str | None = None,
    most_paths: int = 10**10,
    deadline: float | None = None,
    listen: Callable[[Any], None] | None = None,
) -> Found:
    """Look at every path, and give the first of the best ones (AFML snippet 21.7, without its duplicates).

    States are counted through in lexicographic order, so no sign of a zero makes a path twice. What a state earns and
    varies, and what it earns after each other one, is computed once; paths add up those numbers, and the last horizon
    is a row compared at once.

    Parameters
    ----------
    problem : TrajectoryProblem
    seed : int
        Not used: nothing is drawn.
    prune : bool
        Leave out paths whose first portfolios cannot lead to a better one: the largest mean that may still come and
        the least variance (the largest one for a negative mean) are known for each state. Gives the same path.
    threads : int, optional
        None is every physical core; the same bits for any number.
    memory : int or str, optional
        Most memory of the tables; a quarter of what is free where not given.
    most_paths : int
        More are refused.
    deadline : float, optional
        Moment of ``time.monotonic()`` to stop at.
    listen : callable, optional
        Told a :class:`BlockDone` for each part of the paths, in the thread that did it.

    Returns
    -------
    Found
        With ``detail={"proved": True}`` where all paths were looked at or excluded.

    Raises
    ------
    OverBudget
        For more paths than that, or tables that do not fit.

    Notes
    -----
    O(S^H) time for S states, O(H S^2) memory. Signed squares are compared, M |M| / V, so there is no root, and a
    division only where a path may be better.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> found = brute(random_problem(2, 3, 2, seed=1))
    >>> found.n_explored, found.detail
    (512, {'proved': True})
    """
    del seed
    began = time.monotonic()
    check_count("most_paths", most_paths)
    tables = _prepare(problem, None if memory is None else parse_size(memory), most_paths)
    states = len(tables.states)
    rows = states ** (problem.horizons - 1)
    block = max(1, min(_MOST_BLOCK, max(_LEAST_BLOCK, rows * states // _BLOCKS)) // states)
    blocks = [(low, min(low + block, rows)) for low in range(0, rows, block)]
    start, bounds = _bounds(problem, tables) if prune else (None, _no_bounds(tables))
    searcher = _searcher(tables, prune=prune, bounds=bounds)
    done = itertools.count(1)

    def work(low: int, high: int) -> Any:
        if deadline is not None and low > 0 and time.monotonic() >= deadline:
            return None
        found = searcher(low, high)
        if listen is not None:
            paths = min(next(done) * block, rows) * states
            listen(BlockDone(paths, rows * states, time.monotonic() - began))
        return found

    return _gather(problem, tables, blocks, in_threads(work, blocks, threads), start)


def _gather(
    problem: TrajectoryProblem, tables: _Tables, blocks: list[tuple[int, int]], results: list[Any], start: Any
) -> Found:
    """Take the best of all blocks, the first among equals, and count."""
    best, path, seen, pruned = -math.inf, start, 0, 0
    first = True
    for (low, high), result in zip(blocks, results, strict=True):
        if result is None:
            continue
        seen += high - low
        pruned += result[1]
        if result[1] < high - low and (first or result[0] > best):
            best, path, first = result[0], tables.states[result[2]], False
    if best == math.inf:
        score = evaluate(problem, path / problem.units)
        refuse_riskless(score.mean)
    count = len(tables.states)
    left = count ** len(tables.risk) - seen * count
    detail = {"proved": True} if left == 0 else {"proved": False, "paths_left": left}
    return Found(path, (seen - pruned) * count, pruned * count, complete=left == 0, detail=detail)


def _searcher(tables: _Tables, *, prune: bool, bounds: tuple[float, Reals, Reals, Reals]) -> Callable[[int, int], Any]:
    from atomloom.trajectory.brute_kernels import search  # noqa: PLC0415 - compiles

    def searcher(low: int, high: int) -> tuple[float, int, NDArray[np.int64]]:
        path = np.zeros(len(tables.risk), np.int64)
        best, pruned = search(
            tables.gain[0], tables.pair, tables.risk, tables.variance, low, high, prune, *bounds, path
        )  # fmt: skip
        return best, pruned, path

    return searcher


def _prepare(problem: TrajectoryProblem, memory: int | None, most_paths: int) -> _Tables:
    """Make the tables, refused before they are made where there are too many paths or too little memory."""
    from atomloom.trajectory.brute_kernels import pair_gains  # noqa: PLC0415 - compiles

    number = omega_size(problem.assets, problem.units)
    if problem.bounds is None:
        _refuse(problem, number, most_paths)
    states = omega(problem.assets, problem.units, memory=memory).astype(np.int64)
    gain, risk = node_tables(problem, states)
    if problem.bounds is not None:
        allowed = np.isfinite(gain[0])
        states, gain, risk = states[allowed], np.ascontiguousarray(gain[:, allowed]), risk[:, allowed].copy()
        _refuse(problem, len(states), most_paths)
    variance = 0.0
    if problem.risk_aversion is not None:  # additive: a mean alone, over a variance of one
        gain -= problem.risk_aversion * risk
        risk, variance = np.zeros_like(risk), 1.0
    number, horizons = len(states), problem.horizons
    what = f"brute on {shown(problem)} keeps what each of {number:,} portfolios earns after each other one"
    check_room(8 * (horizons - 1) * number**2 + 40 * horizons * number, memory, what, 'method="exact" needs less')
    table = problem.table()
    mean_scale = _power(max(float(np.abs(gain).max()), float(np.abs(table).max())))
    variance_scale = _power(float(risk.max())) if problem.risk_aversion is None else 1.0
    pair = np.empty((horizons - 1, number, number))
    gain *= mean_scale
    pair_gains(states, gain, table * mean_scale, pair)
    return _Tables(states, gain, pair, risk * variance_scale, variance, mean_scale, variance_scale)


def _power(largest: float) -> float:
    """Give the power of two that takes a number into [0.5, 1): products by it are exact."""
    return math.ldexp(1.0, max(-1000, min(1000, -math.frexp(largest)[1]))) if largest > 0.0 else 1.0


def _no_bounds(tables: _Tables) -> tuple[float, Reals, Reals, Reals]:
    horizons, states = tables.risk.shape
    return -math.inf, np.zeros((horizons, states)), np.zeros(horizons), np.zeros(horizons)


def _bounds(problem: TrajectoryProblem, tables: _Tables) -> tuple[NDArray[Any], tuple[float, Reals, Reals, Reals]]:
    """Find a path to compare with, its rate, and what can be added behind each state: mean, least, most variance."""
    from atomloom.trajectory.beam import beam  # noqa: PLC0415 - only for this
    from atomloom.trajectory.brute_kernels import rate  # noqa: PLC0415 - compiles

    start = beam(problem, width=8).units
    score = evaluate(problem, start / problem.units)
    if problem.risk_aversion is None:
        known = rate(score.mean * tables.mean_scale, score.variance * tables.variance_scale)
    else:
        known = rate(score.value * tables.mean_scale, 1.0)
    _, rest, least, most = _no_bounds(tables)
    horizons, slack = len(rest), 0.0
    for h in range(horizons - 2, -1, -1):
        slack += _SLACK * float(np.abs(tables.pair[h]).max(initial=1.0))
        rest[h] = (tables.pair[h] + rest[h + 1]).max(axis=1)
        least[h] = least[h + 1] + float(tables.risk[h + 1].min()) * (1.0 - _SLACK)
        most[h] = most[h + 1] + float(tables.risk[h + 1].max()) * (1.0 + _SLACK)
    rest[:-1] += slack
    return start, (known - _SLACK * abs(known), rest, least, most)


def _refuse(problem: TrajectoryProblem, states: int, most_paths: int) -> None:
    """Refuse too many paths; say how many there are, and what would fit.

    Raises
    ------
    OverBudget
    """
    horizons, assets, units = problem.horizons, problem.assets, problem.units
    paths, most = states**horizons, min(most_paths, _COUNTABLE)
    if paths <= most:
        return
    fewer = list(itertools.takewhile(lambda k: omega_size(assets, k) ** horizons <= most, range(1, units)))
    fitting = [f"units={k}" for k in fewer[-1:]]
    fewer = list(itertools.takewhile(lambda n: omega_size(n, units) ** horizons <= most, range(1, assets)))
    fitting += [f"{n} of the assets" for n in fewer[-1:]]
    number = f"{paths:,}" if paths < 10**15 else f"about 10^{horizons * math.log10(states):.1f}"
    fits = f"{' or '.join(fitting)} would fit, " if fitting else ""
    message = f"brute on {shown(problem)} has {number} paths to look at, and may look at {most:,}."
    raise OverBudget(f'{message} Hint: {fits}or raise most_paths; method="exact" needs no such count.')
