"""A certificate checked by other means: no plan, no kernel, no result of the search is trusted."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.trajectory.certificate import outer_bound
from atomloom.trajectory.lattice import iter_omega, omega_size
from atomloom.trajectory.score import NOTHING, check_path, cost_of, evaluate, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem
    from atomloom.trajectory.result import TrajectoryResult

    Reals = NDArray[np.float64]

_BLOCK = 1 << 22  # pairs of states at a time
_MOST_PATHS = 2 * 10**7
_SAME = 1e-10
_KINDS = {"sharpe": ("lines", "negative", "labels", "exhaustive"), "mean_variance": ("line", "exhaustive")}


@dataclass(frozen=True)
class Verification:
    """What a check of a certificate found.

    Attributes
    ----------
    valid : bool
        Whether the path is worth what the result says, and the bound holds.
    bound : float
        No path is worth more, as recomputed.
    gap : float
        How far that lies above the path's value, relative to it.
    lines : int
        Support lines that were recomputed.
    faults : tuple of str
        What was found wrong.
    seconds : float

    Examples
    --------
    >>> from atomloom.trajectory import random_problem, solve
    >>> problem = random_problem(2, 2, 2, seed=1)
    >>> bool(verify_certificate(solve(problem), problem))
    True
    """

    valid: bool
    bound: float
    gap: float
    lines: int
    faults: tuple[str, ...]
    seconds: float

    def __bool__(self) -> bool:
        """Say whether all is well."""
        return self.valid


def verify_certificate(
    result: TrajectoryResult,
    problem: TrajectoryProblem,
    *,
    tolerance: float = 1e-9,
    listen: Callable[[int, int], None] | None = None,
) -> Verification:
    """Check a result without trusting how it was found: slow, and simple enough to read.

    Every support line is recomputed by comparing all pairs of states in every horizon, from the problem alone; then the
    bound from the lines, and the value of the path. Where every path loses, all paths are enumerated.

    Parameters
    ----------
    result : TrajectoryResult
        With a certificate.
    problem : TrajectoryProblem
    tolerance : float
        Largest relative difference of a level, and largest gap of a result that calls itself optimal.
    listen : callable, optional
        Called with the lines done and their number.

    Returns
    -------
    Verification

    Raises
    ------
    BadInput
        If the result has no certificate, or too many paths would have to be enumerated.

    Notes
    -----
    O(lines x H S^2 N) time; memory for a few million pairs.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem, solve
    >>> problem = random_problem(3, 2, 3, seed=1)
    >>> verify_certificate(solve(problem), problem).valid
    True
    """
    proof = result.certificate
    if proof is None:
        message = f"{result!r} has no certificate. Hint: solve(problem, 'exact') gives one."
        raise BadInput(message)
    began = time.perf_counter()
    faults: list[str] = []
    value = evaluate(problem, check_path(problem, result.units) / problem.units).value
    if not math.isclose(value, result.value, rel_tol=tolerance, abs_tol=1e-300):
        faults.append(f"the path is worth {value!r}, not {result.value!r}")
    if proof.kind not in _KINDS[problem.objective]:
        faults.append(f"a certificate of the kind {proof.kind!r} proves nothing of {problem.objective}")
    noise, bound = 0.0, math.inf
    if proof.kind in {"labels", "exhaustive"}:
        bound = _by_enumeration(problem)
    elif not faults:
        states = np.concatenate(list(iter_omega(problem.assets, problem.units))).astype(np.int64)
        levels = []
        for done, (price, level) in enumerate(proof.lines):
            if not (math.isfinite(price) and math.isfinite(level)):
                faults.append(f"the line of price {price!r} and level {level!r} is none")
                continue
            own, size = _level(problem, states, price)
            if abs(own - level) > tolerance * max(abs(own), abs(level)) + NOTHING * size:
                faults.append(f"the line of price {price!r} has level {own!r}, not {level!r}")
            levels.append((price, own))
            noise = max(noise, NOTHING * size if price == 0.0 else 0.0)
            if listen is not None:
                listen(done + 1, len(proof.lines))
        bound = _bound(proof.kind, levels, _least_variance(problem, states), problem)
    gap = math.inf if math.isinf(bound) else max(0.0, bound - value) / max(abs(bound), abs(value), 1e-300)
    slack = tolerance * max(abs(value), 0.0 if math.isinf(bound) else abs(bound)) + noise / math.sqrt(
        result.variance or 1.0
    )
    if result.upper_bound is None or not bound <= result.upper_bound + slack:
        faults.append(f"the lines allow {bound!r}, more than the bound {result.upper_bound!r} of the result")
    if result.status == "optimal" and not bound - value <= slack:
        faults.append(f"a path could be worth {bound!r}: the gap is {gap:.3g}, and the result calls itself optimal")
    return Verification(not faults, bound, gap, len(proof.lines), tuple(faults), time.perf_counter() - began)


def _bound(kind: str, lines: list[tuple[float, float]], least: float, problem: TrajectoryProblem) -> float:
    """Give what follows from lines that hold."""
    if kind == "line":
        return min((level for price, level in lines if price == problem.risk_aversion), default=math.inf)
    if kind == "negative":
        bounds = [-2.0 * math.sqrt(level * price) for price, level in lines if price <= 0.0 > level]
        return min(bounds, default=math.inf)
    ordered = sorted(dict(sorted(lines, reverse=True)).items(), reverse=True)  # of one price the lowest line
    ordered = [line for line in ordered if line[0] >= 0.0]
    if not ordered or ordered[-1][0] > 0.0:
        return math.inf
    return outer_bound(ordered, least) if ordered[-1][1] > 0.0 else 0.0  # corners say nothing where all lose


def _allowed(problem: TrajectoryProblem, states: NDArray[np.int64]) -> NDArray[np.bool_]:
    if problem.bounds is None:
        return np.ones(len(states), np.bool_)
    weights = states / problem.units
    low, high = problem.bounds
    return np.asarray(((weights >= low - _SAME) & (weights <= high + _SAME)).all(axis=1))


def _least_variance(problem: TrajectoryProblem, states: NDArray[np.int64]) -> float:
    weights = states[_allowed(problem, states)] / problem.units
    risks = np.array([_risk(weights, matrix) for matrix in problem.cov])
    total = float(risks.min(axis=1).sum())
    if total > 0.0 or not (risks > 0.0).any():
        return total
    return float(risks[risks > 0.0].min())  # of what varies; a path that does not earns nothing, or is refused


def _risk(weights: Reals, matrix: Reals) -> Reals:
    """Variance of each row of weights; what is less than the rounding of its terms is 0."""
    found = ((weights @ matrix) * weights).sum(axis=1)
    size = ((np.abs(weights) @ np.abs(matrix)) * np.abs(weights)).sum(axis=1)
    return np.asarray(np.where(found <= NOTHING * size, 0.0, found))


def _level(problem: TrajectoryProblem, states: NDArray[np.int64], price: float) -> tuple[float, float]:
    """Largest mean - price * variance over all paths, by all pairs of states; and how large its terms may be."""
    states = states[_allowed(problem, states)]
    weights = states / problem.units
    best: Any = None
    size = 0.0
    for h in range(problem.horizons):
        own = weights @ problem.mu[h] - price * _risk(weights, problem.cov[h])
        size += float(np.abs(own).max())
        if best is None:
            best = own - np.array([cost_of(problem, 0, problem.start, one).sum() for one in weights])
            continue
        after = np.empty(len(states))
        step = max(1, _BLOCK // len(states))
        for low in range(0, len(states), step):
            cost = _costs(problem, h, states, states[low : low + step])
            after[low : low + step] = (best[:, None] - cost).max(axis=0)
        best = after + own
    if problem.terminal is not None:
        last = problem.horizons - 1
        best = best - np.array([cost_of(problem, last, one, problem.terminal).sum() for one in weights])
    return float(best.max()), size


def _costs(problem: TrajectoryProblem, h: int, before: Any, after: Any) -> Reals:
    total = np.zeros((len(before), len(after)))
    for n in range(problem.assets):
        change = after[None, :, n] - before[:, None, n]
        if problem.cost_fn == "table":
            total += problem.cost[h, n][change + 2 * problem.units]
            continue
        size = np.abs(change) / problem.units
        shape = {"sqrt": np.sqrt, "linear": np.abs, "quadratic": np.square}[problem.cost_fn](size)
        total += problem.cost[h, n] * shape
    return total


def _by_enumeration(problem: TrajectoryProblem) -> float:
    """Largest objective over all paths, horizon by horizon: every (mean, variance) is kept."""
    states = np.concatenate(list(iter_omega(problem.assets, problem.units))).astype(np.int64)
    states = states[_allowed(problem, states)]
    if len(states) ** problem.horizons > _MOST_PATHS:
        message = (
            f"{omega_size(problem.assets, problem.units):,}^{problem.horizons} paths are too many to enumerate, as "
            "has to be done where every path loses. Hint: verify a smaller one; its bound is in result.certificate."
        )
        raise BadInput(message)
    weights = states / problem.units
    mean = np.zeros((1, 1))
    variance = np.zeros((1, 1))
    for h in range(problem.horizons):
        gain = weights @ problem.mu[h]
        risk = _risk(weights, problem.cov[h])
        if h == 0:
            cost = np.array([cost_of(problem, 0, problem.start, one).sum() for one in weights])
            mean, variance = (gain - cost)[None], risk[None]  # (paths so far, last state)
            continue
        cost = _costs(problem, h, states, states)
        mean = (mean[:, :, None] - cost[None] + gain).reshape(-1, len(states))
        variance = (variance[:, :, None] + risk + 0.0 * cost[None]).reshape(-1, len(states))
    if problem.terminal is not None:
        last = problem.horizons - 1
        mean = mean - np.array([cost_of(problem, last, one, problem.terminal).sum() for one in weights])
    if problem.risk_aversion is not None:
        return float((mean - problem.risk_aversion * variance).max())
    return max(ratio(float(m), float(v)) for m, v in zip(mean.ravel(), variance.ravel(), strict=True))
