"""Passes over all states: for a price of variance, the path with the largest mean - price * variance."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from atomloom.kernels.memory import empty

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from atomloom.trajectory.plan import Plan, Sizes

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Chain:
    """States, what they earn and vary by themselves, and what the changes between them cost.

    Attributes
    ----------
    states : (S, N) integer
        In units.
    gain, risk : (H, S) float64
        -inf where a state is not allowed; the start and the end are in them.
    cost : (H, N, 4 K + 1) float64
        Cost of an asset by (old - new units) + 2 K, where K is the largest size of a unit count; that of the first
        horizon is not used.
    """

    states: NDArray[Any]
    gain: Reals
    risk: Reals
    cost: Reals

    def worth(self, path: Ints) -> tuple[float, float]:
        """Mean and variance of a path of states, by their places."""
        rows = np.arange(len(path))
        held = self.states[path].astype(np.int64)
        place = held[:-1] - held[1:] + self.cost.shape[2] // 2
        assets = np.arange(held.shape[1])
        costs = self.cost[rows[1:, None], assets, place]
        return float(self.gain[rows, path].sum() - costs.sum()), float(self.risk[rows, path].sum())


@dataclass(frozen=True, eq=False)
class Line:
    """A support line: no path has more mean than level + price * variance, and one has as much.

    Attributes
    ----------
    price : float
        Slope.
    level : float
        Mean at variance 0.
    mean, variance : float
        Of the path that touches it.
    path : (H,) int64
    """

    price: float
    level: float
    mean: float
    variance: float
    path: Ints


class Passes(Protocol):
    """Works one pass after the other, in room of its own."""

    chain: Chain

    def forward(self, node: Reals, best: Reals) -> None:
        """Best value of every state at every horizon."""


class Runner:
    """Runs passes of a chain and reads the paths from them.

    Parameters
    ----------
    passes : Passes
    """

    def __init__(self, passes: Passes) -> None:
        self.passes, self.chain = passes, passes.chain
        shape = self.chain.gain.shape
        self._node, self._best = empty(shape), empty(shape)
        self.count = 0

    def line(self, price: float) -> Line:
        """Find the path with the largest mean - price * variance; O(a transition x H) time."""
        from atomloom.trajectory.trie_kernels import path_back  # noqa: PLC0415 - compiles

        chain = self.chain
        np.multiply(chain.risk, -price, out=self._node)
        np.add(self._node, chain.gain, out=self._node)
        self.passes.forward(self._node, self._best)
        path = np.empty(len(self._node), np.int64)
        path_back(chain.states, chain.cost, self._best, path)
        mean, variance = chain.worth(path)
        self.count += 1
        # the path's own value: that of the table may differ in the last bit
        level = max(float(self._best[-1].max()), mean - price * variance)
        return Line(price, level, mean, variance, path)


class SpherePasses:
    """Passes for all portfolios of K units: contiguous rows in registers, by the plan, level by level.

    Parameters
    ----------
    chain : Chain
        With the states of :func:`omega`, at least 2 assets.
    plan : Plan
    sizes : Sizes
        Not of one that dives.
    """

    def __init__(self, chain: Chain, plan: Plan, sizes: Sizes) -> None:
        self.chain, self._plan, self._rows = chain, plan, sizes.rows
        self._one, self._two = (empty(room) for room in sizes.rooms)
        self._source = np.zeros(stride(plan.states) + 8)

    def forward(self, node: Reals, best: Reals) -> None:
        """Best value of every state at every horizon."""
        from atomloom.trajectory import transition_kernels as kernels  # noqa: PLC0415 - compiles

        plan = self._plan
        kernels.forward(
            plan.assets, plan.units, self._rows, plan.starts, plan.blocks, plan.order, plan.turned, self.chain.cost,
            node, self._one, self._two, self._source, best,
        )  # fmt: skip


class DivePasses:
    """The same, branch by branch, for states that fill memory; branches are shared among threads.

    Parameters
    ----------
    chain : Chain
        At least 3 assets.
    plan : Plan
    sizes : Sizes
        Of one that dives.
    threads : int
        The same bits for any number.
    """

    def __init__(self, chain: Chain, plan: Plan, sizes: Sizes, threads: int = 1) -> None:
        self.chain, self._plan, self._rows, self._threads = chain, plan, sizes.rows, threads
        self._rooms = tuple(empty(room) for room in sizes.rooms)
        self._source = np.zeros(stride(plan.states) + 8)

    def forward(self, node: Reals, best: Reals) -> None:
        """Best value of every state at every horizon."""
        plan = self._plan
        best[0] = node[0]
        with ThreadPoolExecutor(self._threads, thread_name_prefix="atomloom-trajectory") as pool:
            for h in range(1, len(node)):
                np.take(best[h - 1], plan.turned, out=self._source[: plan.states])
                self._step(pool, self.chain.cost[h])
                best[h, plan.order] = self._rooms[-1][: plan.states]
                best[h] += node[h]

    def _step(self, pool: ThreadPoolExecutor, cost: Reals) -> None:
        """Take all assets from old to new."""
        from atomloom.trajectory import dive_kernels as kernels  # noqa: PLC0415 - compiles
        from atomloom.trajectory.transition_kernels import turn  # noqa: PLC0415 - same

        plan, rows = self._plan, self._rows
        n, k, matrix, turned, last, result = plan.assets, plan.units, *self._rooms
        layout = (n, k, rows, plan.starts, plan.blocks, cost)
        new, old = plan.points(rows), plan.points(n - rows)

        def shared(work: Callable[[int, int], None], low: int, high: int, parts: int) -> None:
            edges = [low + (high - low) * part // parts for part in range(parts + 1)]
            list(pool.map(work, edges[:-1], edges[1:]))

        # a branch is what follows from the units of one asset; few of them are much longer than others
        branches = 2 * k + 1 if self._threads > 1 else 1
        shared(lambda lo, hi: kernels.dive_by_row(*layout, self._source, matrix, lo, hi), -k, k + 1, branches)
        shared(lambda lo, hi: turn(new, old, matrix, turned, lo, hi), 0, old, 2 * self._threads)
        shared(lambda lo, hi: kernels.dive_by_column(*layout, turned, last, lo, hi), -k, k + 1, branches)
        kernels.last_new(n, k, plan.starts, plan.blocks, cost, last, result)


class TriePasses:
    """Passes for any set of states, by the prefixes and suffixes that occur in it.

    Parameters
    ----------
    chain : Chain
    memory : int, optional
        Most bytes of mixed states; a quarter of what is free where not given.

    Raises
    ------
    OverBudget
        If they do not fit.
    """

    def __init__(self, chain: Chain, memory: int | None = None) -> None:
        from atomloom.trajectory.lattice import check_room  # noqa: PLC0415 - only for such sets
        from atomloom.trajectory.trie import trie_of  # noqa: PLC0415 - same

        self.chain, self._levels = chain, trie_of(chain.states)
        shapes = [(len(level.parents), len(level.first) - 1) for level in self._levels]
        mixed = sum(rows * columns for rows, columns in shapes)
        what = f"a chain of {len(chain.states):,} states has {mixed:,} mixed ones"
        check_room(8 * mixed, memory, what, "fewer states, or pass memory=")
        self._rooms = [empty(shape) for shape in shapes]

    def forward(self, node: Reals, best: Reals) -> None:
        """Best value of every state at every horizon."""
        from atomloom.trajectory.trie_kernels import make_new  # noqa: PLC0415 - compiles

        best[0] = node[0]
        for h in range(1, len(node)):
            held = best[h - 1][None, self._levels[0].order]
            for n, (level, room) in enumerate(zip(self._levels, self._rooms, strict=True)):
                make_new(
                    level.parents, level.units, level.first, level.olds, level.old_units, self.chain.cost[h, n],
                    held, room,
                )  # fmt: skip
                held = room
            np.add(held[self._levels[-1].back, 0], node[h], out=best[h])


def stride(points: int) -> int:
    """Length of a row of so many points; as the kernels have it.

    Examples
    --------
    >>> stride(1), stride(8), stride(9)
    (16, 16, 24)
    """
    return (points + 15) // 8 * 8
