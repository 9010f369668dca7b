"""How one-sided a price move is, 2 F(move / sigma) - 1, from a table of polynomials in the logarithm."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.market.student import student_cdf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LOWEST = -40.0  # ln(move / sigma) where the table begins
PER_UNIT = 16  # pieces per unit of the logarithm
PIECES = 70 * PER_UNIT  # so it ends at 30; beyond either end the distribution function itself is asked
TERMS = 8  # coefficients of a piece, the highest power first: one cache line


@kernel
def excess_at(log_moves: Floats, nu: float) -> Floats:
    """Work out 2 F(exp(u)) - 1 for each u without the table; O(K) continued fractions."""
    out = np.empty(len(log_moves), np.float64)
    for k in range(len(log_moves)):
        out[k] = 2.0 * student_cdf(math.exp(log_moves[k]), nu) - 1.0
    return out


@kernel
def excess(log_move: float, nu: float, table: Floats, first: int = 0) -> float:
    """Look up 2 F(exp(log_move)) - 1, between 0 and 1, within 3e-14 of the distribution function.

    Parameters
    ----------
    log_move : float
        ln(|move| / sigma), not NaN; inf where sigma is 0.
    nu : float
        Degrees of freedom the table was made for; 0 or inf for the normal.
    table : (at least first + PIECES, TERMS) float64
        By :func:`share_table`.
    first : int
        Where it begins, below others.
    """
    place = (log_move - LOWEST) * PER_UNIT
    if not 0.0 <= place < PIECES:
        return 2.0 * student_cdf(math.exp(min(log_move, 709.0)), nu) - 1.0 if log_move < math.inf else 1.0
    piece = np.uint64(place) + np.uint64(first)
    t = 2.0 * (place - math.floor(place)) - 1.0
    value: float = table[piece, 0]
    for power in range(1, TERMS):
        value = value * t + table[piece, power]
    return max(0.0, min(value, 1.0))


@lru_cache(maxsize=64)
def share_table(nu: float) -> Floats:
    """Make the table of 2 F(exp(u)) - 1 for one nu: a polynomial for each sixteenth of u in [-40, 30).

    Parameters
    ----------
    nu : float
        Degrees of freedom; 0 or inf for the normal.

    Returns
    -------
    (PIECES, TERMS) float64
        Read-only; made once per nu.

    Notes
    -----
    F(exp(u)) is analytic for |Im u| < pi / 2, so polynomials through Chebyshev-Lobatto points of a
    piece converge like 100^-n (Trefethen 2013, theorem 8.2). Neighbours share their end points.

    Examples
    --------
    >>> table = share_table(1.0)
    >>> round(excess(0.0, 1.0, table), 12), round(student_cdf(1.0, 1.0) * 2 - 1, 12)
    (0.5, 0.5)
    """
    points = -np.cos(np.pi * np.arange(TERMS) / (TERMS - 1))  # in [-1, 1], both ends among them
    starts = LOWEST + np.arange(PIECES)[:, None] / PER_UNIT
    inner = starts + (points[:-1] + 1.0) / (2 * PER_UNIT)
    values = excess_at(inner.ravel(), nu).reshape(PIECES, TERMS - 1)
    after = np.append(values[1:, 0], excess_at(np.array([LOWEST + PIECES / PER_UNIT]), nu))
    samples = np.column_stack([values, after])
    table: Floats = np.ascontiguousarray(np.linalg.solve(np.vander(points), samples.T).T)
    table.flags.writeable = False
    return table
