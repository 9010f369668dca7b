"""Formulas that grow with the data: ranks among all values so far, kept for the next piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


@kernel
def rank_on(values: Floats, blocks: Floats, order: Ints, fill: Ints, n: Ints) -> Floats:
    """Mid-rank of each new value among itself and all before it, as a share of their number.

    Parameters
    ----------
    values : (M,) float64
        No NaN.
    blocks : (S, C) float64, changed in place
        Sorted blocks in any order; C at least 2. S must have room for M / (C / 2) + 1 more blocks.
    order : (S,) int64, changed in place
        Row of each block, in the order of their values.
    fill : (S,) int64, changed in place
        Values in each row.
    n : (2,) int64, changed in place
        Blocks in use (at least 1), values so far.

    Returns
    -------
    (M,) float64 in (0, 1)
        (number below + half the number equal, itself included) / number so far.

    Notes
    -----
    A list of sorted blocks, each split when full: O(S + C) per value and no step that moves all.
    """
    room = blocks.shape[1]
    out = np.empty(len(values), np.float64)
    for k in range(len(values)):
        value = values[k]
        below = 0
        at = 0
        while at < n[0] - 1 and blocks[order[at], fill[order[at]] - 1] < value:
            below += fill[order[at]]
            at += 1
        row = order[at]
        left = np.searchsorted(blocks[row, : fill[row]], value, side="left")
        below += left
        equal = 1
        for other in range(at, n[0]):
            r = order[other]
            right = np.searchsorted(blocks[r, : fill[r]], value, side="right")
            equal += right - (left if other == at else 0)
            if right < fill[r]:
                break
        out[k] = (below + 0.5 * equal) / (n[1] + k + 1)
        if fill[row] == room:
            half = room // 2
            fresh = n[0]  # rows are taken in turn
            for later in range(n[0], at + 1, -1):
                order[later] = order[later - 1]
            order[at + 1] = fresh
            blocks[fresh, : room - half] = blocks[row, half:]
            fill[fresh], fill[row] = room - half, half
            n[0] += 1
            if left > half:
                row, left = fresh, left - half
        for place in range(fill[row], left, -1):
            blocks[row, place] = blocks[row, place - 1]
        blocks[row, left] = value
        fill[row] += 1
    n[1] += len(values)
    return out
