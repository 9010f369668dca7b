"""The order in which states and their parts lie in memory, so that every transition is made of contiguous rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.trajectory.lattice import omega, omega_size

if TYPE_CHECKING:
    from numpy.typing import NDArray


LARGE = 20_000_000
"""Steps of a transition from which on it goes branch by branch, on threads."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Layout of the points of Z^m with at most K units, for every m up to N.

    Points of m assets are grouped by their units R, and a group by its last unit a: what lies under (R, a) is the
    group R - |a| of m - 1 assets, in its order.

    Attributes
    ----------
    assets, units : int
    starts : (N + 1, K + 2) int64
        Where each group of m assets begins; the last is the number of points.
    blocks : (N, K + 1, 2 K + 1) int64
        Where the points of m + 1 assets with R units begin whose last asset has a units, under [m, R, a + K],
        from the beginning of the group R.
    order : (S,) int64
        For each state in this order, its place in lexicographic order.
    turned : (S,) int64
        The same for states read from the last asset to the first.
    """

    assets: int
    units: int
    starts: NDArray[np.int64]
    blocks: NDArray[np.int64]
    order: NDArray[np.int64]
    turned: NDArray[np.int64]

    @property
    def states(self) -> int:
        """Number of states."""
        return len(self.order)

    def points(self, assets: int) -> int:
        """Count the points of so many assets with at most K units."""
        return int(self.starts[assets, -1])


@lru_cache(maxsize=8)
def plan_of(assets: int, units: int) -> Plan:
    """Lay out the states of N assets and K units; kept for the next call.

    Examples
    --------
    >>> plan_of(2, 1).starts
    array([[0, 1, 1],
           [0, 1, 3],
           [0, 1, 5]])
    """
    starts = np.zeros((assets + 1, units + 2), np.int64)
    blocks = np.zeros((assets, units + 1, 2 * units + 1), np.int64)
    for m in range(assets + 1):
        sizes = [1 if r == 0 else (omega_size(m, r) if m else 0) for r in range(units + 1)]
        starts[m, 1:] = np.cumsum(sizes)
    for m in range(assets):
        sizes = np.diff(starts[m])
        for total in range(units + 1):
            inner = [sizes[total - abs(a)] if abs(a) <= total else 0 for a in range(-units, units + 1)]
            blocks[m, total, 1:] = np.cumsum(inner)[:-1]
    grouped = _grouped(assets, units)
    return Plan(assets, units, starts, blocks, _places(grouped), _places(grouped[:, ::-1]))


def _row(points: int) -> int:
    """Length of a row, as the kernels have it."""
    return (points + 15) // 8 * 8


def _grouped(assets: int, units: int) -> NDArray[Any]:
    """Give the states in the order of the plan: by the last asset, then by the one before, and so on."""
    states = omega(assets, units)
    return states[np.lexsort(states.T)]


def _places(states: NDArray[Any]) -> NDArray[np.int64]:
    """Give the lexicographic place of each state."""
    places = np.empty(len(states), np.int64)
    places[np.lexsort(states.T[::-1])] = np.arange(len(states))
    return places


class Sizes(NamedTuple):
    """What a transition takes.

    Attributes
    ----------
    steps : int
        Subtractions, each with a comparison.
    rows : int
        Assets that are made new with a row for each new part; the others have a row for each old part.
    dives : bool
        Whether it goes branch by branch (:mod:`atomloom.trajectory.dive_kernels`) instead of level by level.
    rooms : tuple of int
        float64 of each of its rooms: two for levels; for branches the matrix, the same turned, a row for each number
        of units of the last asset, and the result.
    """

    steps: int
    rows: int
    dives: bool
    rooms: tuple[int, ...]


@lru_cache(maxsize=64)
def sizes_of(assets: int, units: int) -> Sizes:
    """Count what a transition takes, without laying anything out.

    Examples
    --------
    >>> sizes_of(3, 3).steps, sizes_of(3, 3).dives, sizes_of(8, 8).dives
    (1325, False, True)
    """
    balls = [1] + [1 + sum(omega_size(m, r) for r in range(1, units + 1)) for m in range(1, assets + 1)]
    ends = 4 * (2 * units + 1) * balls[assets - 1]  # the first asset has two old choices, the last two new ones
    steps = ends + sum(balls[assets - m] * balls[m + 1] for m in range(1, assets - 1))
    result = _row(omega_size(assets, units)) + 64
    if steps >= LARGE and assets > 2:
        rows = 2 if assets > 3 else 1
        matrix, turned = balls[rows] * _row(balls[assets - rows]), balls[assets - rows] * _row(balls[rows])
        last = (2 * units + 1) * _row(balls[assets - 1])
        return Sizes(steps, rows, True, (matrix + 64, turned + 64, last + 64, result))
    rows = max(assets // 2, 1)
    rooms = [result]
    for m in range(assets):
        left, right = balls[m + 1], balls[assets - m - 1]
        if m == rows:
            rooms.append(balls[assets - m] * _row(balls[m]))
        if m < rows:
            rooms.append(left * _row(right))
        elif m < assets - 1:
            rooms.append(right * _row(left))
    return Sizes(steps, rows, False, (max(rooms) + 64,) * 2)
