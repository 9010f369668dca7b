"""Annealing: the path as bits, an exact quadratic form of them, and samplers that look for its least energy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput, Infeasible
from atomloom.trajectory.checks import check_count
from atomloom.trajectory.coordinate import start
from atomloom.trajectory.lattice import check_room
from atomloom.trajectory.path_sums import Levels, shown
from atomloom.trajectory.result import Found

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem

    Ints = NDArray[np.int64]
    Reals = NDArray[np.float64]

SAMPLERS = {"sa": "SimulatedAnnealingSampler", "tabu": "TabuSampler"}


@dataclass(frozen=True, eq=False)
class Qubo:
    """A quadratic form of bits, one for each level of each asset in each horizon that the bounds allow.

    Attributes
    ----------
    bits : (B, 3) int64
        Horizon, asset and level of each bit, in rising order: the order of the variables, always.
    linear : (B,) float64
    rows, columns : (Q,) int64
        Pairs of bits, row < column.
    quadratic : (Q,) float64
    offset : float

    Notes
    -----
    Of bits that are a path the energy is price * variance - mean, exactly: costs are a table by pairs of levels, and
    variance is quadratic in them. What is no path pays a penalty.
    """

    bits: Ints
    linear: Reals
    rows: Ints
    columns: Ints
    quadratic: Reals
    offset: float

    def energy(self, bits: Ints) -> Reals:
        """Give the energy of each of (R, B) rows of bits."""
        pairs = (bits[:, self.rows] * bits[:, self.columns]) @ self.quadratic
        return np.asarray(bits @ self.linear + pairs + self.offset)

    def of_path(self, path: Ints) -> Ints:
        """Give the bits of a path, (B,)."""
        h, n, level = self.bits.T
        return np.asarray(path[h, n] == level, np.int64)


def anneal(
    problem: TrajectoryProblem,
    *,
    seed: int = 0,
    sampler: Any = "sa",
    reads: int = 100,
    rounds: int = 4,
    one_level: float = 0.5,
    all_units: float = 0.5,
    options: dict[str, Any] | None = None,
    memory: int | None = None,
    deadline: float | None = None,
    listen: Callable[[Any], None] | None = None,
) -> Found:
    """Sample paths by their energy price * variance - mean, round by round at the price of the best path so far.

    Parameters
    ----------
    problem : TrajectoryProblem
    seed : int
        Handed to the named samplers, one more in each round; a sampler of your own gets none.
    sampler : {"sa", "tabu"} or dimod sampler
        Simulated annealing or tabu search of dwave-samplers, or anything with ``sample(bqm, num_reads=...)``.
    reads : int
        Samples of a round.
    rounds : int
        At most, of the ratio (the additive objective needs one); ends where a round finds nothing better.
    one_level, all_units : float
        Penalties, relative to the largest reward: for an asset that is not at exactly one level, and for each unit
        too many or too few.
    options : dict, optional
        Handed to the sampler, for example ``{"num_sweeps": 2000}``.
    memory : int, optional
        Most bytes of the quadratic form; a quarter of what is free where not given.
    deadline : float, optional
        Moment of ``time.monotonic()``, looked at between rounds.
    listen : callable, optional
        Not told anything.

    Returns
    -------
    Found
        Its detail counts reads, those that were paths, and those that were mended into one (units proportionally).

    Raises
    ------
    MissingExtra
        Without the extra ``anneal``.
    BadInput
        For no sampler, or penalties that are not positive.
    OverBudget
        If the quadratic form does not fit.
    Infeasible
        If a sampler gives no samples.

    Notes
    -----
    H N (2 K + 1) bits and about H (N (2 K + 1))^2 / 2 pairs. The first price is that of a path led by the means.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> qubo_of(random_problem(2, 2, 1, seed=1), price=0.5).bits.shape
    (12, 3)
    """
    del listen
    check_count("seed", seed, least=0)
    check_count("reads", reads)
    check_count("rounds", rounds)
    taken, own = _sampler(sampler)
    dimod = need("dimod", extra="anneal", why="annealing")
    levels = Levels(problem)
    bits = problem.horizons * problem.assets * (2 * problem.units + 1)
    size = bits * (problem.assets + 2) * (2 * problem.units + 1) * 24
    check_room(size, memory, f"{shown(problem)} as {bits:,} bits", "fewer units, or another method")
    best, value, late, done = start(levels, np.random.default_rng(seed), 0), -np.inf, False, 0
    price = _price(levels, best)
    detail = {"reads": 0, "paths": 0, "mended": 0}
    while done < (rounds if problem.risk_aversion is None else 1) and not late:
        form = qubo_of(problem, price=price, one_level=one_level, all_units=all_units)
        pairs = (form.rows, form.columns, form.quadratic)
        model = dimod.BinaryQuadraticModel.from_numpy_vectors(form.linear, pairs, form.offset, "BINARY")
        given = {"num_reads": reads, **({"seed": (seed + done) % 2**31} if own else {}), **(options or {})}
        paths, whole = _paths(levels, form, taken.sample(model, **given))
        done += 1
        detail["reads"] += len(paths)
        detail["paths"] += whole
        detail["mended"] += len(paths) - whole
        path = paths[levels.best(paths)]
        now = float(levels.worth(*levels.sums(path[None]))[0])
        late = deadline is not None and time.monotonic() >= deadline
        if done > 1 and not now > value:
            break
        best, value, price = path, now, _price(levels, path)
    return Found(best, detail["reads"], complete=not late, detail={**detail, "rounds": done})


def qubo_of(problem: TrajectoryProblem, *, price: float, one_level: float = 0.5, all_units: float = 0.5) -> Qubo:
    """Write a problem as a quadratic form of bits.

    Parameters
    ----------
    problem : TrajectoryProblem
    price : float
        Of variance.
    one_level, all_units : float
        Penalties, as in :func:`anneal`.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> form = qubo_of(random_problem(2, 1, 1, seed=1, cost_scale=0.0), price=0.0)
    >>> float(form.energy(form.of_path(np.array([[1, 0]]))[None])[0].round(6))
    -0.345584
    """
    for name, given in (("one_level", one_level), ("all_units", all_units)):
        if not 0.0 < given < np.inf:
            raise BadInput(f"{name} is {given!r}. Hint: give a penalty above 0; it is relative to the largest reward.")
    levels, units = Levels(problem), problem.units
    h, n, place = np.nonzero(np.isfinite(levels.alone))
    level = place - units
    reward = levels.alone[h, n, place]
    scale = max(float(np.abs(reward).max()), float(price * levels.risk.max() * units**2), 1e-300)
    strict, short = one_level * scale, all_units * scale / units
    linear = -reward + price * levels.risk[h, n, n] * level**2 - strict
    linear = linear + short * (level**2 - 2 * units * np.abs(level))
    offset = strict * problem.horizons * problem.assets + short * problem.horizons * units**2
    rows, columns, quadratic = [], [], []
    for now in range(problem.horizons):
        here = np.flatnonzero(h == now)
        i, j = (here[each] for each in np.triu_indices(len(here), 1))
        both = level[i] * level[j]
        value = 2.0 * price * levels.risk[now, n[i], n[j]] * both + 2.0 * short * np.abs(both)
        rows.append(i)
        columns.append(j)
        quadratic.append(np.where(n[i] == n[j], 2.0 * strict + value, value))
        if now + 1 < problem.horizons:
            ahead = np.flatnonzero(h == now + 1)
            i, j = (each.ravel() for each in np.meshgrid(here, ahead, indexing="ij"))
            i, j = (each[n[i] == n[j]] for each in (i, j))
            rows.append(i)
            columns.append(j)
            quadratic.append(levels.table[now + 1, n[i], level[j] - level[i] + 2 * units])
    bits = np.stack([h, n, level], axis=1)
    return Qubo(bits, linear, np.concatenate(rows), np.concatenate(columns), np.concatenate(quadratic), float(offset))


def _sampler(sampler: Any) -> tuple[Any, bool]:
    """Give a sampler, and whether it is one of ours (which take seeds)."""
    if isinstance(sampler, str) and sampler in SAMPLERS:
        samplers = need("dwave.samplers", extra="anneal", why="annealing")
        return getattr(samplers, SAMPLERS[sampler])(), True
    if not callable(getattr(sampler, "sample", None)):
        message = f"sampler is {sampler!r}. Hint: one of {', '.join(SAMPLERS)}, or a dimod sampler."
        raise BadInput(message)
    return sampler, False


def _paths(levels: Levels, form: Qubo, samples: Any) -> tuple[Ints, int]:
    """Read paths from samples, mend what is none; how many were paths as they came."""
    problem = levels.problem
    labels = [samples.variables.index(label) for label in range(len(form.linear))]
    bits = np.asarray(samples.record.sample, np.int64)[:, labels]
    if len(bits) == 0:
        raise Infeasible("the sampler gave no samples. Hint: ask for more reads or time.")
    h, n, level = form.bits.T
    shape = (len(bits), problem.horizons, problem.assets)
    counts, total = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for place in range(len(level)):  # bits of one asset are added up one after the other
        counts[:, h[place], n[place]] += bits[:, place]
        total[:, h[place], n[place]] += bits[:, place] * level[place]
    good = (counts == 1).all(axis=2) & (np.abs(total).sum(axis=2) == problem.units)
    for read, horizon in np.argwhere(~good):
        wish = total[read, horizon] / np.maximum(counts[read, horizon], 1)
        total[read, horizon] = levels.nearest(wish)
    return total, int(good.all(axis=1).sum())


def _price(levels: Levels, path: Ints) -> float:
    """Give the price of variance that the ratio calls for at a path: half the mean over the variance, 0 if negative."""
    if levels.problem.risk_aversion is not None:
        return levels.problem.risk_aversion
    mean, variance = (float(each[0]) for each in levels.sums(path[None]))
    return max(mean, 0.0) / (2.0 * variance) if variance > 0.0 else 0.0
