"""Portfolios that make a quadratic function least, exactly: an active set on growing and shrinking Cholesky factors.

The function is w'Aw / 2 - c'w, over all w, over w >= 0, over sum w = 1, or over both. A set of assets is held; their
weights solve a linear system; an asset that would earn joins, one whose weight falls to 0 leaves (Lawson and Hanson,
Solving Least Squares Problems, 1974, ch. 23, with an equation besides). The function falls with every step, so that
no set comes twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

SINGULAR = 1e-10
"""A covariance counts as singular if what is left of a variance, the assets before it known, is at most this share."""

RIDGE = 1e-8
"""What a singular covariance gets on its diagonal, as a share of the mean variance."""

CORRECTIONS, ROUNDING = 5, 1e-14
"""A solution is corrected at most so often, and until a correction is this share of it."""

SLACK = 1e-12
"""A slope below this share of its terms is rounding."""


@kernel
def extend(matrix: Reals, held: Ints, done: int, count: int, factor: Reals, column: Reals) -> float:
    """Extend the Cholesky factor U'U of the held rows and columns, from `done` to `count` of them.

    Parameters
    ----------
    matrix : (N, N) float64
    held : (N,) int64
    factor : (N, N) float64
        Upper triangle; columns from `done` on are written.
    column : (N,) float64
        Room.

    Returns
    -------
    float
        Least share of a diagonal element that is left after the elements before it; 0 for a failure.
    """
    least = np.inf
    for i in range(done, count):
        for k in range(i + 1):
            column[k] = matrix[held[k], held[i]]
        own = column[i]
        for k in range(i):
            value = column[k] / factor[k, k]
            factor[k, i] = value
            for j in range(k + 1, i + 1):
                column[j] -= value * factor[k, j]
        if not column[i] > 0.0:
            return 0.0
        least = min(least, column[i] / own)
        factor[i, i] = np.sqrt(column[i])
    return least


@kernel
def substitute(factor: Reals, count: int, x: Reals) -> None:
    """Solve U'U x = x in place."""
    for k in range(count):
        x[k] /= factor[k, k]
        for j in range(k + 1, count):
            x[j] -= x[k] * factor[k, j]
    for k in range(count - 1, -1, -1):
        value = x[k]
        for j in range(k + 1, count):
            value -= factor[k, j] * x[j]
        x[k] = value / factor[k, k]


@kernel
def stationary(
    matrix: Reals, linear: Reals, held: Ints, done: int, count: int, full: bool, factor: Reals, room: Reals
) -> float:
    """Weights of the held assets where the slope is the same on each: 0, or what sum w = 1 makes it (given).

    The solution is corrected by what it leaves over, until that is rounding: terms cancel where one direction has next
    to no variance. The weights are the first row of the room; the other two are overwritten.
    """
    x, unit, rest = room[0], room[1], room[2]
    extend(matrix, held, done, count, factor, rest)
    for k in range(count):
        x[k], unit[k] = 0.0, 1.0
    if full:
        substitute(factor, count, unit)
    slope = 0.0
    for _ in range(CORRECTIONS):
        total, units = -1.0, 0.0
        for k in range(count):
            rest[k] = linear[held[k]] - slope
            for j in range(count):
                rest[k] -= matrix[held[k], held[j]] * x[j]
            total += x[k]
            units += unit[k]
        substitute(factor, count, rest)
        more, change, size = 0.0, 0.0, 0.0
        if full:
            for k in range(count):
                total += rest[k]
            more = total / units
        for k in range(count):
            step = rest[k] - more * unit[k] if full else rest[k]
            x[k] += step
            change, size = max(change, abs(step)), max(size, abs(x[k]))
        slope += more
        if not change > ROUNDING * size:
            break
    return slope


@kernel
def drop(held: Ints, x: Reals, count: int) -> tuple[int, int]:
    """Keep the held assets with a weight above 0, in order; gives how many, and how many of the first stay in place."""
    left, same = 0, count
    for k in range(count):
        if x[k] > 0.0:
            held[left] = held[k]
            x[left] = x[k]
            left += 1
        elif same == count:
            same = k
    return left, same


@kernel
def repair(matrix: Reals, every: Ints, factor: Reals, column: Reals) -> bool:
    """Add the ridge to a singular matrix, in place; false if even that has no factor."""
    n = len(matrix)
    if extend(matrix, every, 0, n, factor, column) > SINGULAR:
        return True
    trace = 0.0
    for i in range(n):
        trace += matrix[i, i]
    for i in range(n):
        matrix[i, i] += RIDGE * trace / n if trace > 0.0 else SLACK
    return extend(matrix, every, 0, n, factor, column) > 0.0


@kernel
def steepest(matrix: Reals, linear: Reals, weights: Reals, slope: float, barred: Ints) -> int:
    """Asset that is not held and would earn most if it were, or -1; those with ``barred`` not 0 are left out."""
    n = len(weights)
    best, found = 0.0, -1
    for i in range(n):
        if barred[i] != 0:
            continue
        gain, size = linear[i] - slope, abs(linear[i]) + abs(slope)
        for j in range(n):
            gain -= matrix[i, j] * weights[j]
            size += abs(matrix[i, j] * weights[j])
        if gain > SLACK * size and gain > best:
            best, found = gain, i
    return found


@kernel
def approach(
    matrix: Reals, linear: Reals, held: Ints, count: int, full: bool, factor: Reals, weights: Reals, room: Reals
) -> tuple[int, float]:
    """Go to the stationary point of the held assets, the last of them new; who reaches 0 on the way leaves.

    Gives how many are held then, and the slope: NaN if the newcomer came by rounding, and is not held.
    """
    done, fresh, x = count - 1, True, room[0]
    while True:
        slope = stationary(matrix, linear, held, done, count, full, factor, room)
        if fresh and not x[count - 1] > 0.0:
            return count - 1, np.nan
        fresh = False
        step, worst = 1.0, -1
        for k in range(count):
            if x[k] <= 0.0:
                share = weights[held[k]] / (weights[held[k]] - x[k])
                if worst < 0 or share < step:
                    step, worst = share, k
        for k in range(count):
            weights[held[k]] = x[k] if worst < 0 else weights[held[k]] + step * (x[k] - weights[held[k]])
        if worst < 0:
            return count, slope
        weights[held[worst]] = 0.0
        for k in range(count):
            x[k] = weights[held[k]] = max(weights[held[k]], 0.0)
        count, done = drop(held, x, count)


@kernel
def least_quadratic(
    matrix: Reals, linear: Reals, full: bool, long_only: bool, factor: Reals, room: Reals, whole: Ints, weights: Reals
) -> int:
    """Weights that make w'Aw / 2 - c'w least.

    Parameters
    ----------
    matrix : (N, N) float64
        A, symmetric and positive semidefinite; where it is singular the ridge is added to it, in place.
    linear : (N,) float64
        c.
    full : bool
        sum w = 1.
    long_only : bool
        w >= 0.
    factor, room, whole : (N, N) float64, (3, N) float64, (2, N) int64
        Room.
    weights : (N,) float64
        Out.

    Returns
    -------
    int
        Steps; -1 if there is no finite answer.
    """
    n = len(linear)
    x, held, barred = room[0], whole[0], whole[1]
    for k in range(n):
        weights[k], held[k], barred[k] = 0.0, k, 0
    if not repair(matrix, held, factor, x):
        return -1
    # A good first set: all assets, less those below 0, less those that are below 0 then.
    count, done, slope = n, n, 0.0
    while count > 0:
        slope = stationary(matrix, linear, held, done, count, full, factor, room)
        before = count
        if long_only:
            count, done = drop(held, x, count)
        if count == before:
            break
    for k in range(count):
        weights[held[k]], barred[held[k]] = x[k], 1
    slope = slope if count > 0 else 0.0
    for step in range(20 * n + 50):
        entrant = steepest(matrix, linear, weights, slope, barred)
        if entrant < 0:
            return step
        held[count] = entrant
        count, found = approach(matrix, linear, held, count + 1, full, factor, weights, room)
        if np.isnan(found):
            barred[entrant] = 2
            continue
        slope = found
        for k in range(n):
            barred[k] = 0
        for k in range(count):
            barred[held[k]] = 1
    return -1


@kernel
def quadratic_portfolios(cov: Reals, linear: Reals, full: bool, long_only: bool) -> Reals:
    """Weights of many windows by :func:`least_quadratic`; NaN where there is no finite answer.

    Parameters
    ----------
    cov : (R, N, N) float64
    linear : (R, N) float64
    full, long_only : bool

    Returns
    -------
    (R, N) float64
    """
    windows, n = linear.shape
    weights, matrix, factor = np.empty((windows, n)), np.empty((n, n)), np.empty((n, n))
    room, whole = np.empty((3, n)), np.empty((2, n), np.int64)
    for r in range(windows):
        for i in range(n):
            for j in range(n):
                matrix[i, j] = cov[r, i, j]
        if least_quadratic(matrix, linear[r], full, long_only, factor, room, whole, weights[r]) < 0:
            for i in range(n):
                weights[r, i] = np.nan
    return weights
