"""Paths in units, many at once: what they earn, cost and vary, for methods that try and compare."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.trajectory.problem import on_grid, shape_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Levels:
    """A problem by units: an asset is held at a level of -K to K in each horizon.

    Parameters
    ----------
    problem : TrajectoryProblem

    Examples
    --------
    >>> from atomloom.trajectory.problem import TrajectoryProblem
    >>> levels = Levels(TrajectoryProblem([[0.1, 0.0]], [np.eye(2)], [[0.05, 0.1]], 1, cost_fn="linear"))
    >>> levels.sums(np.array([[[1, 0]], [[0, -1]]]))
    (array([ 0.05, -0.1 ]), array([1., 1.]))
    """

    problem: TrajectoryProblem

    @cached_property
    def table(self) -> Reals:
        """Cost of each change of d units at place d + 2 K, (H, N, 4 K + 1)."""
        return np.array(self.problem.table())  # a copy that can be written to: kernels are compiled for one kind

    @cached_property
    def alone(self) -> Reals:
        """What a level earns by itself, (H, N, 2 K + 1): less first and last costs; -inf outside the bounds."""
        problem, units = self.problem, self.problem.units
        levels = np.arange(-units, units + 1)
        alone: Reals = problem.mu[:, :, None] * (levels / units)
        alone[0] -= self._changes(0, levels, problem.w0, sign=1)
        if problem.terminal is not None:
            alone[-1] -= self._changes(problem.horizons - 1, levels, problem.terminal, sign=-1)
        limits = problem.limits()
        if limits is not None:
            alone[:, (levels < limits[0][:, None]) | (levels > limits[1][:, None])] = -np.inf
        return alone

    @cached_property
    def risk(self) -> Reals:
        """Covariances for units, (H, N, N)."""
        return np.asarray(self.problem.cov / self.problem.units**2)

    def sums(self, paths: Ints) -> tuple[Reals, Reals]:
        """Give mean and variance of each of (P, H, N) paths.

        Notes
        -----
        O(P H N^2).
        """
        units, (horizons, assets) = self.problem.units, self.problem.mu.shape
        h, n = np.arange(horizons)[:, None], np.arange(assets)
        mean = self.alone[h, n, paths + units].sum(axis=(1, 2))
        if horizons > 1:
            mean = mean - self.table[h[1:], n, np.diff(paths, axis=1) + 2 * units].sum(axis=(1, 2))
        variance = np.einsum("phn,phn->p", np.einsum("phn,hnm->phm", paths, self.risk), paths)
        return mean, np.maximum(variance, 0.0)

    def worth(self, mean: Reals, variance: Reals) -> Reals:
        """Give the objective for means and variances; for the ratio of nothing to nothing 0."""
        if self.problem.risk_aversion is not None:
            return mean - self.problem.risk_aversion * variance
        return ratios(mean, variance)

    def best(self, paths: Ints) -> int:
        """Give the place of the first of the best paths."""
        return int(np.argmax(self.worth(*self.sums(paths))))

    def nearest(self, wish: Reals) -> Ints:
        """Give a portfolio within the bounds that points about where the wish points, (N,) int64.

        Examples
        --------
        >>> from atomloom.trajectory.problem import random_problem
        >>> Levels(random_problem(3, 1, 8)).nearest(np.array([3.0, -1.2, 0.1]))
        array([ 6, -2,  0])
        """
        problem, units = self.problem, self.problem.units
        limits = problem.limits()
        low, high = np.clip(limits if limits is not None else [[-units], [units]], -units, units)
        low, high = np.broadcast_to(low, wish.shape), np.broadcast_to(high, wish.shape)
        side = np.where((wish > 0) & (high > 0) | (low > 0) | (low == 0) & (high > 0), 1, -1)
        side[high < 0] = -1
        room = np.where(side > 0, high, -low)
        for n in np.argsort(np.abs(wish), kind="stable"):  # turn what is wished least, where the sides have no room
            other = -low[n] if side[n] > 0 else high[n]
            if room.sum() < units and other > room[n]:
                side[n], room[n] = -side[n], other
        held = np.where(side > 0, np.maximum(low, 0), np.maximum(-high, 0))
        want = np.abs(wish) + max(1e-9 * float(np.abs(wish).max()), 1e-200)
        left = units - int(held.sum())
        while left:
            free = np.where(held < room, want, 0.0)
            share = np.minimum(np.floor(left * (free / free.sum())).astype(np.int64), room - held)
            if share.sum() == 0:
                share[np.argmax(free / (held + 0.5))] = 1
            held, left = held + share, left - int(share.sum())
        return np.asarray(side * held, np.int64)

    def _changes(self, horizon: int, levels: Ints, held: Any, sign: int) -> Reals:
        problem, units = self.problem, self.problem.units
        if problem.cost_fn != "table":
            size = shape_of(levels / units - np.asarray(held)[:, None], problem.cost_fn)
            return np.asarray(problem.cost[horizon][:, None] * size)
        change = sign * (levels - on_grid(held, units, "weights")[:, None]) + 2 * units
        return np.asarray(problem.cost[horizon, np.arange(problem.assets)[:, None], change])


def ratios(mean: Reals, variance: Reals) -> Reals:
    """Give mean / sqrt(variance), element by element, 0 for nothing over nothing.

    Examples
    --------
    >>> ratios(np.array([1.0, 0.0, -1.0]), np.array([4.0, 0.0, 0.0]))
    array([ 0.5,  0. , -inf])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = mean / np.sqrt(variance)
    return np.where((mean == 0.0) & (variance == 0.0), 0.0, found)


def shown(problem: TrajectoryProblem) -> str:
    """Say how large a problem is.

    Examples
    --------
    >>> from atomloom.trajectory.problem import random_problem
    >>> shown(random_problem(3, 2, 5))
    '3 assets, 2 horizons and 5 units'
    """
    return f"{problem.assets} assets, {problem.horizons} horizons and {problem.units} units"
