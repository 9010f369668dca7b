"""Beam search: the best few portfolios of each horizon are carried on; the greedy path is a beam of one."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.trajectory.checks import check_count
from atomloom.trajectory.lattice import check_room, omega, omega_size
from atomloom.trajectory.path_sums import Levels, ratios, shown
from atomloom.trajectory.result import Found
from atomloom.trajectory.score import node_tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


def beam(
    problem: TrajectoryProblem,
    *,
    seed: int = 0,
    width: int = 50,
    rounds: int = 4,
    memory: int | None = None,
    deadline: float | None = None,
    listen: Callable[[Any], None] | None = None,
) -> Found:
    """Carry the best `width` portfolios from horizon to horizon.

    Each state is kept once, with the best way to it. In the first round ways are compared by the ratio of what they
    have earned and varied so far; in each later one by mean - price * variance, at the price M / (2 V) that the best
    path so far calls for: so early horizons are judged by the scale of the whole path. The additive objective knows
    its price from the start, and needs one round.

    Parameters
    ----------
    problem : TrajectoryProblem
    seed : int
        Not used: nothing is drawn.
    width : int
        1 is the greedy path.
    rounds : int
        At most; ends where a round finds nothing better.
    memory : int, optional
        Most bytes for the states; a quarter of what is free where not given.
    deadline : float, optional
        Moment of ``time.monotonic()``: from then on a path holds what it has.
    listen : callable, optional
        Not told anything.

    Returns
    -------
    Found
        With the rounds that were made and the width in its detail.

    Raises
    ------
    OverBudget
        If the states do not fit.

    Notes
    -----
    O(rounds H width S N) time for S states, O(H S) memory.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> beam(random_problem(3, 2, 2, seed=1), width=1).detail
    {'rounds': ..., 'width': 1}
    """
    del seed, listen
    check_count("width", width)
    check_count("rounds", rounds)
    number, horizons = omega_size(problem.assets, problem.units), problem.horizons
    what = f"beam on {shown(problem)} has tables of {number:,} portfolios"
    check_room(number * (16 * horizons + 9 * problem.assets + 64), memory, what, 'method="coordinate" lists none')
    states = omega(problem.assets, problem.units, memory=memory)
    gain, risk = node_tables(problem, states)
    allowed = np.isfinite(gain[0])
    if not allowed.all():
        states, gain, risk = states[allowed], gain[:, allowed], risk[:, allowed]
    levels = Levels(problem)
    price = problem.risk_aversion
    best, value, seen, done, late = np.zeros((0, 0), np.int64), -math.inf, 0, 0, False
    while done < (rounds if problem.risk_aversion is None else 1) and not late:
        path, looked, late = _carry(levels, states, (gain, risk), width, price, deadline)
        seen, done = seen + looked, done + 1
        mean, variance = levels.sums(path[None])
        now = float(levels.worth(mean, variance)[0])
        if done > 1 and not now > value:
            break
        best, value = path, now
        if not (variance[0] > 0.0 and mean[0] > 0.0):
            break
        price = float(mean[0] / (2.0 * variance[0]))
    return Found(best, seen, complete=not late, detail={"rounds": done, "width": width})


def _carry(
    levels: Levels,
    states: NDArray[Any],
    tables: tuple[Reals, Reals],
    width: int,
    price: float | None,
    deadline: float | None,
) -> tuple[Ints, int, bool]:
    """Make one round: the best path of the beam, the changes looked at, and whether time was over."""
    gain, risk = tables
    mean, variance = gain[0], risk[0]
    kept = _first(_score(mean, variance, price), width)
    beams, parents = [kept], [np.zeros(0, np.int64)]
    mean, variance = mean[kept], variance[kept]
    looked = len(states)
    for h in range(1, len(gain)):
        if deadline is not None and time.monotonic() >= deadline:
            path = _back(beams, parents, int(np.argmax(_score(mean, variance, price))))
            held = np.concatenate([path, np.repeat(path[-1:], len(gain) - h)])
            return states[held].astype(np.int64), looked, True
        means, variances, origin = _spread(levels, states, h, (beams[-1], mean, variance), tables, price)
        looked += len(states) * len(mean)
        kept = _first(_score(means, variances, price), width)
        beams.append(kept)
        parents.append(origin[kept])
        mean, variance = means[kept], variances[kept]
    last = int(np.argmax(levels.worth(mean, variance)))
    return states[_back(beams, parents, last)].astype(np.int64), looked, False


def _spread(
    levels: Levels, states: NDArray[Any], h: int, held: tuple[Ints, Reals, Reals], tables: tuple[Reals, Reals],
    price: float | None,
) -> tuple[Reals, Reals, Ints]:  # fmt: skip
    """Take every kept way to every state, and keep the best way to each."""
    units, (gain, risk) = levels.problem.units, tables
    means = variances = best = origin = np.zeros(0)
    for place, (source, mean, variance) in enumerate(zip(*held, strict=True)):
        to = gain[h] + mean
        for n, level in enumerate(states[source]):
            to -= levels.table[h, n, units - level : 3 * units - level + 1][states[:, n] + units]
        varied = risk[h] + variance
        score = _score(to, varied, price)
        if place == 0:
            means, variances, best, origin = to, varied, score, np.zeros(len(states), np.int64)
            continue
        better = score > best
        means[better], variances[better], best[better], origin[better] = (
            to[better],
            varied[better],
            score[better],
            place,
        )
    return means, variances, np.asarray(origin, np.int64)


def _score(mean: Reals, variance: Reals, price: float | None) -> Reals:
    return ratios(mean, variance) if price is None else mean - price * variance


def _first(score: Reals, width: int) -> Ints:
    """Give the places of the best, the first among equals, in rising order."""
    if len(score) <= width:
        return np.arange(len(score))
    edge = -np.partition(-score, width - 1)[width - 1]
    above = np.flatnonzero(score > edge)
    return np.sort(np.concatenate([above, np.flatnonzero(score == edge)[: width - len(above)]]))


def _back(beams: list[Ints], parents: list[Ints], last: int) -> Ints:
    """Walk back from a place in the last beam to the states of its path."""
    path = np.empty(len(beams), np.int64)
    for h in range(len(beams) - 1, -1, -1):
        path[h] = beams[h][last]
        if h:
            last = int(parents[h][last])
    return path
