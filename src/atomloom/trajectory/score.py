"""What a path is worth: its mean, variance, costs and turnover, and what each state is worth by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.trajectory.checks import numbers
from atomloom.trajectory.problem import on_grid, shape_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem

    Reals = NDArray[np.float64]

NOTHING = 1e-14
"""Share of the sizes of its terms below which a sum is rounding, and counts as nothing."""


@dataclass(frozen=True, eq=False)
class Score:
    """What a path of weights is worth.

    Attributes
    ----------
    value : float
        The objective: the Sharpe ratio, or mean - risk_aversion * variance.
    sr : float
        Mean over the root of the variance; 0 where both are 0, infinite where only the variance is.
    mean, variance : float
        Of the whole path; the mean is after costs.
    gain, risk, cost, turnover : (H,) float64
        By horizon: mu'w, w'Vw, what the change to this portfolio costs, and the sum of its absolute values. The change
        to the terminal weights, where there are some, counts in the last horizon.
    """

    value: float
    sr: float
    mean: float
    variance: float
    gain: Reals
    risk: Reals
    cost: Reals
    turnover: Reals


def evaluate(problem: TrajectoryProblem, weights: Any) -> Score:
    """Score any path of weights, on the grid or off it (a table of costs needs whole units).

    Parameters
    ----------
    problem : TrajectoryProblem
    weights : (H, N) array_like

    Raises
    ------
    BadInput
        For another shape or what is not finite.

    Notes
    -----
    O(H N^2). Sums are taken by ``math.fsum``, so no order of horizons changes a bit. A variance w'Vw that is less than
    1e-14 of the sizes of its terms is rounding, and 0; so is such a mean where nothing varies.

    Examples
    --------
    >>> from atomloom.trajectory.problem import TrajectoryProblem
    >>> problem = TrajectoryProblem([[0.1, 0.0]], [[[0.04, 0.0], [0.0, 0.04]]], [[0.05, 0.0]], 2)
    >>> score = evaluate(problem, [[1.0, 0.0]])
    >>> round(score.mean, 12), score.variance, round(score.sr, 12), score.turnover
    (0.05, 0.04, 0.25, array([1.]))
    """
    shape = (problem.horizons, problem.assets)
    raw = np.asarray(weights)
    path = numbers(raw[None] if raw.ndim == 1 and shape[0] == 1 else raw, "weights", shape)
    held = np.vstack([problem.start, path])
    change = np.diff(held, axis=0)
    costs = np.array([math.fsum(cost_of(problem, h, held[h], path[h])) for h in range(shape[0])])
    turnover = np.abs(change).sum(axis=1)
    if problem.terminal is not None:
        costs[-1] = math.fsum([costs[-1], *cost_of(problem, shape[0] - 1, path[-1], problem.terminal)])
        turnover[-1] += np.abs(problem.terminal - path[-1]).sum()
    gain = np.array(
        [math.fsum(m * w for m, w in zip(*pair, strict=True)) for pair in zip(problem.mu, path, strict=True)]
    )
    risk = np.array([float(w @ v @ w) for w, v in zip(path, problem.cov, strict=True)])
    risk[risk <= NOTHING * _terms(path, problem.cov)] = 0.0
    mean, variance = math.fsum([*gain, *-costs]), math.fsum(risk)
    hidden = variance == 0.0 and abs(mean) <= NOTHING * _earned_and_paid(problem, path, costs)
    sr = 0.0 if hidden else ratio(mean, variance)
    value = sr if problem.risk_aversion is None else mean - problem.risk_aversion * variance
    return Score(value, sr, mean, variance, gain, risk, costs, turnover)


def rounding(problem: TrajectoryProblem, weights: Reals, score: Score) -> float:
    """Estimate the share of a path's value that is the rounding of its sums, where large terms cancel.

    Examples
    --------
    >>> from atomloom.trajectory.problem import TrajectoryProblem
    >>> problem = TrajectoryProblem([[1e9, -1e9]], [np.eye(2)], [[0.0, 0.0]], 2)
    >>> path = np.array([[0.5, 0.5]])
    >>> rounding(problem, path + [[1e-9, -1e-9]], evaluate(problem, path + [[1e-9, -1e-9]])) > 1e-9
    True
    """
    horizons, assets = problem.mu.shape
    unit = float(np.finfo(np.float64).eps)
    earned = unit * math.sqrt(horizons * assets) * _earned_and_paid(problem, weights, score.cost)
    varied = unit * math.sqrt(assets) * float(_terms(weights, problem.cov).sum())
    if problem.risk_aversion is not None:
        lost = earned + problem.risk_aversion * varied
        return lost / abs(score.value) if score.value else 0.0
    shares = ((earned, abs(score.mean)), (varied, 2.0 * score.variance))
    return sum(size / whole for size, whole in shares if whole > 0.0)


def _earned_and_paid(problem: TrajectoryProblem, weights: Reals, costs: Reals) -> float:
    """Sum of the sizes of all terms of a mean."""
    return float(np.abs(problem.mu * weights).sum() + np.abs(costs).sum())


def _terms(weights: Reals, cov: Reals) -> Reals:
    """Sizes of the terms of w'Vw, for a row of weights and a matrix each, or one matrix for all rows."""
    sizes = np.abs(weights)
    return np.asarray(np.einsum("...n,...nm,...m->...", sizes, np.abs(cov), sizes))


def ratio(mean: float, variance: float) -> float:
    """Give mean / sqrt(variance).

    Examples
    --------
    >>> ratio(1.0, 4.0), ratio(0.0, 0.0), ratio(-1.0, 0.0)
    (0.5, 0.0, -inf)
    """
    if variance > 0.0:
        return mean / math.sqrt(variance)
    return 0.0 if mean == 0.0 else math.copysign(math.inf, mean)


def cost_of(problem: TrajectoryProblem, horizon: int, before: Reals, after: Reals) -> Reals:
    """Give the cost of changing weights in a horizon, asset by asset, (N,) float64.

    Examples
    --------
    >>> from atomloom.trajectory.problem import TrajectoryProblem
    >>> problem = TrajectoryProblem([[0.1, 0.0]], [np.eye(2)], [[0.05, 0.1]], 2, cost_fn="linear")
    >>> cost_of(problem, 0, np.array([1.0, 0.0]), np.array([0.5, -0.5]))
    array([0.025, 0.05 ])
    """
    if problem.cost_fn != "table":
        return np.asarray(problem.cost[horizon] * shape_of(after - before, problem.cost_fn))
    units = problem.units
    change = on_grid(after, units, "weights") - on_grid(before, units, "weights")
    return np.asarray(problem.cost[horizon, np.arange(problem.assets), change + 2 * units])


def node_tables(problem: TrajectoryProblem, states: NDArray[Any]) -> tuple[Reals, Reals]:
    """Give what each state earns and varies in each horizon by itself.

    Parameters
    ----------
    problem : TrajectoryProblem
    states : (S, N) integer
        Portfolios, in units.

    Returns
    -------
    gain, risk : (H, S) float64
        mu'w, less the cost of coming from w0 in the first horizon and of going to the terminal weights in the last; and
        w'Vw. States beyond the bounds earn -inf.

    Notes
    -----
    O(H S N^2) time.

    Examples
    --------
    >>> from atomloom.trajectory.problem import TrajectoryProblem
    >>> problem = TrajectoryProblem([[0.1, 0.0]], [np.eye(2)], [[0.05, 0.1]], 1, cost_fn="linear")
    >>> node_tables(problem, np.array([[1, 0], [0, 1]]))
    (array([[ 0.05, -0.1 ]]), array([[1., 1.]]))
    """
    weights = states / problem.units
    gain = problem.mu @ weights.T
    risk = np.empty_like(gain)
    for h in range(problem.horizons):
        risk[h] = variances(weights, problem.cov[h])
    gain[0] -= _changes(problem, 0, states, problem.start, onto=True)
    if problem.terminal is not None:
        gain[-1] -= _changes(problem, problem.horizons - 1, states, problem.terminal, onto=False)
    limits = problem.limits()
    if limits is not None:
        gain[:, ((states < limits[0]) | (states > limits[1])).any(axis=1)] = -np.inf
    return gain, risk


def variances(weights: Reals, cov: Reals) -> Reals:
    """Give w'Vw of rows of weights, and 0 where that is rounding.

    Examples
    --------
    >>> load = np.array([0.1, 0.2, 0.3])
    >>> variances(np.array([[1 / 3, 1 / 3, -1 / 3], [1.0, 0.0, 0.0]]), np.outer(load, load))
    array([0.  , 0.01])
    """
    found = np.einsum("sn,sn->s", weights @ cov, weights)
    most = float(np.abs(cov).max()) * (weights.shape[1] * float(np.abs(weights).max())) ** 2
    if float(found.min()) <= NOTHING * most:  # few states are worth a closer look
        rows = np.flatnonzero(found <= NOTHING * most)
        found[rows[found[rows] <= NOTHING * _terms(weights[rows], cov)]] = 0.0
    return np.asarray(found)


def _changes(problem: TrajectoryProblem, horizon: int, states: Any, other: Any, *, onto: bool) -> Reals:
    """Cost of every state's change from (or to) some weights."""
    if problem.cost_fn == "table":
        change = states.astype(np.int64) - on_grid(other, problem.units, "weights")
        change = (change if onto else -change) + 2 * problem.units
        table = problem.cost[horizon]
        return np.asarray(sum(table[n, change[:, n]] for n in range(problem.assets)))
    size = shape_of(states / problem.units - other, problem.cost_fn)
    return np.asarray(size @ problem.cost[horizon])


def check_path(problem: TrajectoryProblem, units: Any) -> NDArray[np.int64]:
    """Take a path in units, every portfolio of which is a state of the problem.

    Examples
    --------
    >>> from atomloom.trajectory.problem import TrajectoryProblem
    >>> check_path(TrajectoryProblem([[0.1, 0.0]], [np.eye(2)], [[0.0, 0.0]], 2), [[1, -1]])
    array([[ 1, -1]])
    """
    path = np.asarray(units)
    if path.shape != (problem.horizons, problem.assets) or path.dtype.kind not in "iu":
        message = (
            f"a path of {problem!r} is ({problem.horizons}, {problem.assets}) integers, not {path.dtype} {path.shape}."
        )
        raise BadInput(f"{message} Hint: count in units.")
    path = path.astype(np.int64)
    if (np.abs(path).sum(axis=1) != problem.units).any():
        row = int(np.argmax(np.abs(path).sum(axis=1) != problem.units))
        message = f"horizon {row} holds {int(np.abs(path[row]).sum())} units, not {problem.units}. Hint: allocate all."
        raise BadInput(message)
    return path
