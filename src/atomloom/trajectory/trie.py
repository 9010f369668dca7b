"""The prefixes and suffixes of a set of states, and how they follow from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class Level(NamedTuple):
    """How one asset becomes new: see :func:`atomloom.trajectory.trie_kernels.make_new`.

    Attributes
    ----------
    parents, units, first, olds, old_units : (...,) int64
    order : (S,) int64
        On the first level, the state that each old suffix of all assets is.
    back : (S,) int64
        On the last level, the prefix of all assets that each state is.
    """

    parents: Ints
    units: Ints
    first: Ints
    olds: Ints
    old_units: Ints
    order: Ints
    back: Ints


def trie_of(states: NDArray[Any]) -> list[Level]:
    """Lay out any set of states for transitions asset by asset.

    Parameters
    ----------
    states : (S, N) integer
        Distinct rows.

    Returns
    -------
    list of Level
        One per asset.

    Notes
    -----
    O(S N log S).

    Examples
    --------
    >>> levels = trie_of(np.array([[0, 1], [1, 0], [1, 1]]))
    >>> [len(level.parents) for level in levels], [len(level.olds) for level in levels]
    ([2, 3], [3, 2])
    """
    states = np.asarray(states, dtype=np.int64)
    assets = states.shape[1]
    prefixes = [_named(states[:, :n]) for n in range(assets + 1)]
    suffixes = [_named(states[:, n:]) for n in range(assets + 1)]
    levels = []
    for n in range(assets):
        new, new_first = prefixes[n + 1]
        old_first = suffixes[n][1]
        rest = suffixes[n + 1][0][old_first]  # the suffix behind the asset, of each old suffix
        olds = np.argsort(rest, kind="stable")
        edges = np.searchsorted(rest[olds], np.arange(int(rest.max()) + 2))
        levels.append(
            Level(
                prefixes[n][0][new_first],
                states[new_first, n],
                edges,
                olds,
                states[old_first[olds], n],
                old_first,
                new,
            )
        )
    return levels


def _named(rows: NDArray[np.int64]) -> tuple[Ints, Ints]:
    """Give the distinct rows numbers: the number of each row, and a row of each number."""
    if rows.shape[1] == 0:
        return np.zeros(len(rows), np.int64), np.zeros(1, np.int64)
    _, first, number = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return np.asarray(number, dtype=np.int64).ravel(), np.asarray(first, dtype=np.int64)
