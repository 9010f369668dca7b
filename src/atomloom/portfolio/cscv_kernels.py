"""Formulas of cross-validation by halves: who is best in each half, and how many are worse in the other half.

Sums of a half are two look-ups: one in a table of all sums of the first blocks, one in a table of the others. What is
compared is the square of mean / root mean square, with its sign: it orders configurations of equal length as Sharpe
ratios do and needs neither a root nor, where only the order matters, a division.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

LANES = 64
"""Configurations worked side by side; a constant, so that the innermost loops become vector code."""

FLOOR = 1e-200
"""What a sum of squares of nothing but zeros counts as, so that no quotient is 0 / 0; lost in any other sum."""

FLAT = 1e-12
"""A variance below this share of the mean square is rounding."""


@kernel
def even_scale(total: float) -> float:
    """Give the power of two by which numbers are multiplied so that their squares add up to about 1; NaN for NaN.

    Examples
    --------
    >>> even_scale.py_func(16.0), even_scale.py_func(0.0)
    (0.25, 1.0)
    """
    if not 0.0 < total < np.inf:
        return 1.0 + 0.0 * total
    return math.ldexp(1.0, -min(500, max(-500, math.frexp(total)[1] // 2)))


@kernel
def fill_tables(s1: Reals, s2: Reals, low: int, tables: Reals) -> None:
    """Write the sums over every subset of the first blocks and of the others, for configurations from `low` on.

    Parameters
    ----------
    s1, s2 : (S, C) float64
        Sums and sums of squares by block.
    low : int
    tables : (4, 2^ceil(S / 2), LANES) float64
        Out: sums of the first S // 2 blocks, of the others, sums of squares of the first, of the others; row m holds
        the blocks whose bits are set in m, added from the highest on. Each configuration is scaled by a power of two.
        NaN, which is neither best nor worse, beyond the last configuration.

    Notes
    -----
    O(2^(S / 2) LANES).
    """
    blocks, number = s1.shape
    first = blocks // 2
    scaled = np.full((2, blocks, LANES), np.nan)
    used = min(LANES, number - low)
    for j in range(used):
        total = 0.0
        for k in range(blocks):
            total += s2[k, low + j] + 0.0 * s1[k, low + j]  # NaN anywhere is NaN everywhere
        scale = even_scale(total)
        for k in range(blocks):
            scaled[0, k, j] = s1[k, low + j] * scale
            scaled[1, k, j] = s2[k, low + j] * (scale * scale)
    for t in range(4):
        begin, end = (0, first) if t % 2 == 0 else (first, blocks)
        tables[t, 0] = FLOOR if t == 2 else 0.0
        tables[t, 0, used:] = np.nan
        for k in range(begin, end):
            bit = 1 << (k - begin)
            for m in range(bit):
                row, base, more = tables[t, bit + m], tables[t, m], scaled[t // 2, k]
                for j in range(LANES):
                    row[j] = base[j] + more[j]


@kernel
def signed_square(x: float, y: float, limit: float) -> float:
    """Give x |x|, or 0 where that is as large as it can be for sums of squares `y`: then the returns do not vary.

    Examples
    --------
    >>> signed_square.py_func(-2.0, 9.0, 10.0), signed_square.py_func(2.0, 0.4, 10.0)
    (-4.0, 0.0)
    """
    square = x * abs(x)
    return 0.0 if abs(square) >= limit * y else square


@kernel
def best_of_halves(
    s1: Reals, s2: Reals, masks: Ints, limits: Reals, low: int, high: int, first: int, last: int, best: Reals,
    where: Ints,
) -> None:  # fmt: skip
    """Find the best configuration of each half among those from `low` to `high`.

    Parameters
    ----------
    s1, s2 : (S, C) float64
    masks : (P,) int64
        Blocks in sample of each split; the complement of split p is split P - 1 - p.
    limits : (P,) float64
        Returns of that half times (1 - FLAT).
    low, high : int
        Multiples of LANES, or the end.
    first, last : int
        Splits looked at, with their complements: part of 0 to P / 2.
    best : (P,) float64
        In and out: largest signed square of mean / root mean square so far.
    where : (P,) int64
        In and out: the first configuration that has it.

    Notes
    -----
    O(P (high - low)). A quotient that is rounded to more than `best` has a numerator of at least the rounded product
    ``best * y``, so products find all candidates; only those are divided.
    """
    blocks, splits = len(s1), len(masks)
    shift, full = blocks // 2, (1 << blocks) - 1
    cut = (1 << shift) - 1
    tables, keys = np.empty((4, 1 << (blocks - shift), LANES)), np.empty(LANES)
    for begin in range(low, high, LANES):
        fill_tables(s1, s2, begin, tables)
        for p in range(first, last):
            q = splits - 1 - p
            mask = masks[p]
            rest = full ^ mask
            a, b, c, d = mask & cut, mask >> shift, rest & cut, rest >> shift
            best_p, best_q, limit_p, limit_q = best[p], best[q], limits[p], limits[q]
            found_p, found_q = False, False
            for j in range(LANES):
                y = tables[2, a, j] + tables[3, b, j]
                found_p |= signed_square(tables[0, a, j] + tables[1, b, j], y, limit_p) >= best_p * y
                z = tables[2, c, j] + tables[3, d, j]
                found_q |= signed_square(tables[0, c, j] + tables[1, d, j], z, limit_q) >= best_q * z
            for side in range(2):
                if not (found_p if side == 0 else found_q):
                    continue
                at, e, f = (p, a, b) if side == 0 else (q, c, d)
                for j in range(LANES):
                    y = tables[2, e, j] + tables[3, f, j]
                    keys[j] = signed_square(tables[0, e, j] + tables[1, f, j], y, limits[at]) / y
                for j in range(LANES):
                    if keys[j] > best[at]:
                        best[at], where[at] = keys[j], begin + j


@kernel
def count_worse(
    s1: Reals, s2: Reals, masks: Ints, limits: Reals, low: int, high: int, first: int, last: int, square: Reals,
    mean_square: Reals, worse: Ints, equal: Ints,
) -> None:  # fmt: skip
    """Count the configurations that are worse than the chosen one out of sample, and those that are as good.

    Parameters
    ----------
    s1, s2 : (S, C) float64
    masks, limits : (P,)
        As in :func:`best_of_halves`.
    low, high, first, last : int
        Configurations and splits; here without complements, part of 0 to P.
    square, mean_square : (P,) float64
        Signed square of the sum, and sum of squares, of the winner of split p in its half out of sample.
    worse, equal : (P,) int64
        In and out: added to.

    Notes
    -----
    O(P (high - low)). Quotients are compared by cross products: a configuration that has the same sums as the winner,
    or the same times a power of two, is exactly as good.
    """
    blocks, splits = len(s1), len(masks)
    shift, full = blocks // 2, (1 << blocks) - 1
    cut = (1 << shift) - 1
    tables = np.empty((4, 1 << (blocks - shift), LANES))
    for begin in range(low, high, LANES):
        fill_tables(s1, s2, begin, tables)
        for p in range(first, last):
            rest = full ^ masks[p]
            c, d = rest & cut, rest >> shift
            x, y, limit = square[p], mean_square[p], limits[splits - 1 - p]
            below, same = 0, 0
            for j in range(LANES):
                z = tables[2, c, j] + tables[3, d, j]
                mine = signed_square(tables[0, c, j] + tables[1, d, j], z, limit) * y
                its = x * z
                below += mine < its
                same += mine == its
            worse[p] += below
            equal[p] += same


@kernel
def half_sums(s1: Reals, s2: Reals, masks: Ints, where: Ints, sums: Reals) -> None:
    """Write the sums of one configuration over the blocks of each mask, with the bits that the tables have.

    Parameters
    ----------
    s1, s2 : (S, C) float64
    masks : (P,) int64
    where : (P,) int64
        Configuration of each.
    sums : (2, P) float64
        Out: sums and sums of squares, scaled as in :func:`fill_tables`.
    """
    blocks = len(s1)
    first = blocks // 2
    for p in range(len(masks)):
        c = where[p]
        total = 0.0
        for k in range(blocks):
            total += s2[k, c] + 0.0 * s1[k, c]
        scale = even_scale(total)
        low_1, high_1, low_2, high_2 = 0.0, 0.0, FLOOR, 0.0
        for k in range(first):
            if masks[p] >> k & 1:
                low_1 += s1[k, c] * scale
                low_2 += s2[k, c] * (scale * scale)
        for k in range(first, blocks):
            if masks[p] >> k & 1:
                high_1 += s1[k, c] * scale
                high_2 += s2[k, c] * (scale * scale)
        sums[0, p], sums[1, p] = low_1 + high_1, low_2 + high_2
