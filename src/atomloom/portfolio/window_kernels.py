"""Means, squares, growth and covariances of many windows of returns, each from the rows of its window alone.

A window is one or several ranges of rows. Sums over a range are put together from blocks of rows at fixed places and
from the rows at its edges: no difference of long running sums is taken, so that nothing cancels, and a window has the
same bits whichever other windows are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

BLOCK = 16
"""Rows of a block."""

FLAT = 1e-12
"""An asset is constant over a window if the squares about its mean are at most this share of its squares."""


@kernel
def add_rows(rows: Reals, low: int, high: int, to: Reals) -> None:
    """Add some rows to a vector."""
    for t in range(low, high):
        for i in range(len(to)):
            to[i] += rows[t, i]


@kernel
def add_squares(rows: Reals, size: int, low: int, high: int, mean: Reals, to: Reals) -> None:
    """Add what some rows, each the sum of so many, have in squares about a mean."""
    for t in range(low, high):
        for i in range(len(to)):
            apart = rows[t, i] / size - mean[i]
            to[i] += size * (apart * apart)


@kernel
def block_sums(returns: Reals) -> tuple[Reals, Reals, Reals]:
    """Sum, squares about the mean, and growth of every whole block of rows.

    Parameters
    ----------
    returns : (T, N) float64

    Returns
    -------
    total, square, growth : (T // BLOCK, N) float64
        Sum of r, sum of (r - mean)^2, product of 1 + r.
    """
    blocks, n = len(returns) // BLOCK, returns.shape[1]
    total, square, growth, mean = np.zeros((blocks, n)), np.zeros((blocks, n)), np.ones((blocks, n)), np.empty(n)
    for b in range(blocks):
        for t in range(b * BLOCK, (b + 1) * BLOCK):
            for i in range(n):
                total[b, i] += returns[t, i]
                growth[b, i] *= 1.0 + returns[t, i]
        for i in range(n):
            mean[i] = total[b, i] / BLOCK
        add_squares(returns, 1, b * BLOCK, (b + 1) * BLOCK, mean, square[b])
    return total, square, growth


@kernel
def split_range(start: int, stop: int) -> tuple[int, int, int, int]:
    """Split rows into single ones up to a row, whole blocks from one to another, and single ones from a row."""
    low, high = (start + BLOCK - 1) // BLOCK, stop // BLOCK
    if low >= high:
        return stop, 0, 0, stop
    return low * BLOCK, low, high, high * BLOCK


@kernel
def window_squares(
    returns: Reals, total: Reals, square: Reals, start: Ints, stop: Ints, first: Ints
) -> tuple[Reals, Reals]:
    """Mean and squares about the mean of every window.

    Parameters
    ----------
    returns : (T, N) float64
    total, square : (T // BLOCK, N) float64
        Of :func:`block_sums`.
    start, stop : (P,) int64
        Ranges of rows.
    first : (R + 1,) int64
        Window w has the ranges first[w] to first[w + 1] - 1.

    Returns
    -------
    mean, about : (R, N) float64
    """
    windows, n = len(first) - 1, returns.shape[1]
    mean, about = np.zeros((windows, n)), np.zeros((windows, n))
    for w in range(windows):
        count = 0
        for p in range(first[w], first[w + 1]):
            head, low, high, tail = split_range(start[p], stop[p])
            count += stop[p] - start[p]
            add_rows(returns, start[p], head, mean[w])
            add_rows(total, low, high, mean[w])
            add_rows(returns, tail, stop[p], mean[w])
        for i in range(n):
            mean[w, i] /= count
        for p in range(first[w], first[w + 1]):
            head, low, high, tail = split_range(start[p], stop[p])
            add_squares(returns, 1, start[p], head, mean[w], about[w])
            add_rows(square, low, high, about[w])
            add_squares(total, BLOCK, low, high, mean[w], about[w])
            add_squares(returns, 1, tail, stop[p], mean[w], about[w])
    return mean, about


@kernel
def window_growth(returns: Reals, growth: Reals, start: Ints, stop: Ints, first: Ints) -> Reals:
    """Product of 1 + r over every window.

    Parameters
    ----------
    returns : (T, N) float64
    growth : (T // BLOCK, N) float64
        Of :func:`block_sums`.
    start, stop, first
        As for :func:`window_squares`.

    Returns
    -------
    (R, N) float64
    """
    windows, n = len(first) - 1, returns.shape[1]
    found = np.ones((windows, n))
    for w in range(windows):
        for p in range(first[w], first[w + 1]):
            head, low, high, tail = split_range(start[p], stop[p])
            for t in range(start[p], head):
                for i in range(n):
                    found[w, i] *= 1.0 + returns[t, i]
            for b in range(low, high):
                for i in range(n):
                    found[w, i] *= growth[b, i]
            for t in range(tail, stop[p]):
                for i in range(n):
                    found[w, i] *= 1.0 + returns[t, i]
    return found


@kernel
def gather(returns: Reals, start: Ints, stop: Ints, low: int, high: int, held: Reals, mean: Reals) -> int:
    """Copy the rows of some ranges less their mean; a constant column becomes 0. Gives the number of rows."""
    n = returns.shape[1]
    count = 0
    for i in range(n):
        mean[i] = 0.0
    for p in range(low, high):
        for t in range(start[p], stop[p]):
            for i in range(n):
                held[count, i] = returns[t, i]
                mean[i] += returns[t, i]
            count += 1
    raw, about = np.zeros(n), np.zeros(n)
    for i in range(n):
        mean[i] /= count
    for k in range(count):
        for i in range(n):
            raw[i] += held[k, i] * held[k, i]
            held[k, i] -= mean[i]
            about[i] += held[k, i] * held[k, i]
    for i in range(n):
        if about[i] <= FLAT * raw[i] < np.inf:
            for k in range(count):
                held[k, i] = 0.0
    return count


@kernel
def gram(held: Reals, count: int, n: int, found: Reals) -> None:
    """Sum of the products of every two columns, four rows at a time.

    Parameters
    ----------
    held : (at least count + 3, a multiple of 8 and at least N) float64
        Rows of numbers; what is behind `count` rows is overwritten with 0.
    found : (same number of columns, twice) float64
        Out: its lower triangle.
    """
    wide = held.shape[1]
    for i in range(wide):
        for k in range(count, count + 3):
            held[k, i] = 0.0
        for j in range(wide):
            found[i, j] = 0.0
    for k in range(0, count, 4):
        for i in range(n):
            one, two, three, four = held[k, i], held[k + 1, i], held[k + 2, i], held[k + 3, i]
            for j in range((i // 8 + 1) * 8):
                found[i, j] += (one * held[k, j] + two * held[k + 1, j]) + (
                    three * held[k + 2, j] + four * held[k + 3, j]
                )


@kernel
def window_covariances(returns: Reals, start: Ints, stop: Ints, first: Ints) -> tuple[Reals, Reals, Reals]:
    """Mean and covariance (ddof=1) of every window, and the share of the identity by Ledoit and Wolf (2004).

    Parameters
    ----------
    returns : (T, N) float64
    start, stop, first
        As for :func:`window_squares`; at least two rows in each window.

    Returns
    -------
    mean : (R, N) float64
    cov : (R, N, N) float64
        Exactly 0 in the rows and columns of a constant asset.
    share : (R,) float64
        In [0, 1].
    """
    windows, n = len(first) - 1, returns.shape[1]
    longest = 0
    for w in range(windows):
        count = 0
        for p in range(first[w], first[w + 1]):
            count += stop[p] - start[p]
        longest = max(longest, count)
    wide = (n + 7) // 8 * 8
    held, found = np.zeros((longest + 3, wide)), np.empty((wide, wide))
    mean, cov, share = np.empty((windows, n)), np.empty((windows, n, n)), np.zeros(windows)
    for w in range(windows):
        count = gather(returns, start, stop, first[w], first[w + 1], held, mean[w])
        gram(held, count, n, found)
        for i in range(n):
            for j in range(i + 1):
                cov[w, i, j] = cov[w, j, i] = found[i, j] / (count - 1)
        fourth = 0.0
        for k in range(count):
            size = 0.0
            for i in range(n):
                size += held[k, i] * held[k, i]
            fourth += size * size
        share[w] = ledoit_wolf(found, fourth, count, n)
    return mean, cov, share


@kernel
def ledoit_wolf(found: Reals, fourth: float, count: int, n: int) -> float:
    """Share of the scaled identity that makes the expected squared error least.

    Parameters
    ----------
    found : (at least N, at least N) float64
        Lower triangle of the sum of x x' over the centred rows x.
    fourth : float
        Sum of (x'x)^2 over the rows.
    """
    trace, square = 0.0, 0.0
    for i in range(n):
        trace += found[i, i] / count
        square += (found[i, i] / count) ** 2
        for j in range(i):
            square += 2.0 * (found[i, j] / count) ** 2
    apart = square - trace * trace / n
    noise = (fourth / count - square) / count
    if noise <= 0.0 or apart <= 0.0:
        return 0.0 if noise <= 0.0 else 1.0
    return min(noise / apart, 1.0)


@kernel
def portfolio_variances(cov: Reals, weights: Reals) -> Reals:
    """Variance w'Sw of every window; 0 where it is rounding (at most FLAT of the squares alone).

    Parameters
    ----------
    cov : (R, N, N) float64
    weights : (R, N) float64

    Returns
    -------
    (R,) float64
    """
    windows, n = weights.shape
    found = np.zeros(windows)
    for w in range(windows):
        alone = 0.0
        for i in range(n):
            for j in range(i):
                found[w] += 2.0 * weights[w, i] * weights[w, j] * cov[w, i, j]
            found[w] += weights[w, i] * weights[w, i] * cov[w, i, i]
            alone += weights[w, i] * weights[w, i] * cov[w, i, i]
        if found[w] <= FLAT * alone < np.inf:
            found[w] = 0.0
    return found
