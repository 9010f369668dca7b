"""The formula that counts through the states of a portfolio in lexicographic order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def fill(states: NDArray[Any], row: NDArray[np.int64], whole: bool) -> None:
    """Write states in lexicographic order, beginning with `row` itself (whole) or with the one after it.

    Parameters
    ----------
    states : (R, N) integer
        Out.
    row : (N,) int64, changed in place
        A state.
    whole : bool

    Notes
    -----
    After a state comes the one in which the last asset that can grow has a unit more, and what that leaves is short in
    the asset behind it. O(R N) at most; mostly the last two assets change.
    """
    n = len(row)
    for at in range(len(states)):
        if at > 0 or not whole:
            if row[n - 1] < 0:
                row[n - 1] = -row[n - 1]
            else:
                left = row[n - 1]
                row[n - 1] = 0
                j = n - 2
                while True:
                    left += abs(row[j])
                    if abs(row[j] + 1) <= left:
                        break
                    row[j] = 0
                    j -= 1
                row[j] += 1
                row[j + 1] = -(left - abs(row[j]))
        for j in range(n):
            states[at, j] = row[j]
