"""Where each value stands among those before it: the expanding mid-rank, in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROOM = 512  # values per block


class ExpandingRank:
    """Mid-rank of each value among itself and those before it, as :func:`atomloom.market.vpin` takes its CDF.

    Parameters
    ----------
    values : (M,) float64, optional
        What was seen before, in any order.

    Examples
    --------
    >>> rank = ExpandingRank()
    >>> rank.update(np.array([3.0, 1.0])), rank.update(np.array([3.0]))
    (array([0.5 , 0.25]), array([0.66666667]))
    """

    def __init__(self, values: NDArray[np.float64] | None = None) -> None:
        known = np.sort(np.zeros(0) if values is None else np.asarray(values, dtype=np.float64))
        half = _ROOM // 2
        used = max(1, -(-len(known) // half))
        self._blocks = np.empty((2 * used + 2, _ROOM))
        self._order = np.zeros(len(self._blocks), np.int64)
        self._order[:used] = np.arange(used)
        self._fill = np.zeros(len(self._blocks), np.int64)
        for row in range(used):
            part = known[row * half : (row + 1) * half]
            self._blocks[row, : len(part)] = part
            self._fill[row] = len(part)
        self._n = np.array([used, len(known)], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._n[1])

    def update(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the mid-rank of each value in turn, (M,) float64; NaN stays NaN and counts for nothing."""
        from atomloom.market import expanding_kernels  # noqa: PLC0415 - numba loads when a formula is first used

        out = np.full(len(values), np.nan)
        known = ~np.isnan(values)
        taken = np.ascontiguousarray(values[known], dtype=np.float64)
        self._reserve(len(taken))
        out[known] = expanding_kernels.rank_on(taken, self._blocks, self._order, self._fill, self._n)
        return out

    def values(self) -> NDArray[np.float64]:
        """Return all values so far, (M,) float64, sorted."""
        rows = self._order[: self._n[0]]
        return np.concatenate([self._blocks[row, : self._fill[row]] for row in rows])

    def _reserve(self, more: int) -> None:
        needed = int(self._n[0]) + more // (_ROOM // 2) + 2
        rows = len(self._blocks)
        if needed <= rows:
            return
        grown = np.empty((max(needed, 2 * rows), _ROOM))
        grown[:rows] = self._blocks
        self._blocks = grown
        self._order, self._fill = (
            np.concatenate([column, np.zeros(len(grown) - rows, np.int64)]) for column in (self._order, self._fill)
        )


def expanding_share(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mid-rank of each value among itself and those before it, (M,) float64; NaN counts for nothing.

    O(M sqrt M) at worst, with a small constant.

    Examples
    --------
    >>> expanding_share(np.array([1.0, 1.0, 5.0]))
    array([0.5       , 0.5       , 0.83333333])
    """
    return ExpandingRank().update(np.asarray(values, dtype=np.float64))
