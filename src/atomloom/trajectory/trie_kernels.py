"""The same step for any set of states: mixed states are pairs of a prefix and a suffix that occur in the set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@kernel
def make_new(
    parents: Ints, units: Ints, first: Ints, olds: Ints, old_units: Ints, cost: Reals, source: Reals, to: Reals
) -> None:
    """Make one asset new.

    Parameters
    ----------
    parents, units : (P',) int64
        Of each new prefix: the prefix it goes on from, and the units of its last asset.
    first : (T + 1,) int64
        Where the sources of each suffix begin in `olds`.
    olds, old_units : (Q,) int64
        Old suffixes that are an asset longer, and the units of that asset.
    cost : (4 K + 1,) float64
        By (old - new units) + 2 K.
    source : (P, Q') float64
        By prefix and old suffix.
    to : (P', T) float64
        Out.

    Notes
    -----
    O(P' Q).
    """
    middle = len(cost) // 2
    for p in range(len(parents)):
        row = source[parents[p]]
        for t in range(len(first) - 1):
            best = -np.inf
            for q in range(first[t], first[t + 1]):
                best = max(best, row[olds[q]] - cost[old_units[q] - units[p] + middle])
            to[p, t] = best


@kernel
def path_back(states: NDArray[Any], cost: Reals, best: Reals, path: Ints) -> None:
    """Walk back from the best last state: the first of the best predecessors, horizon by horizon.

    Parameters
    ----------
    states : (S, N) integer
    cost : (H, N, 4 K + 1) float64
        By (old - new units) + 2 K.
    best : (H, S) float64
        By a forward pass.
    path : (H,) int64
        Out: states by their place.

    Notes
    -----
    O(H S N); nothing need be remembered on the way forward.
    """
    last, middle = len(best) - 1, cost.shape[2] // 2
    path[last] = np.argmax(best[last])
    for h in range(last, 0, -1):
        to = path[h]
        top = -np.inf
        for s in range(len(states)):
            value = best[h - 1, s]
            for j in range(states.shape[1]):
                value -= cost[h, j, np.int64(states[s, j]) - np.int64(states[to, j]) + middle]
            if value > top:
                top = value
                path[h - 1] = s
