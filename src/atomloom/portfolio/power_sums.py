"""Sums of returns and of their squares by block: all that a Sharpe ratio over any blocks needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

FLAT = 1e-12
"""A variance below this share of the mean square is rounding: the returns do not vary."""


def take_returns(given: Any, least_rows: int = 2) -> tuple[Reals, list[str] | None]:
    """Take returns of configurations as a (T, C) float64 array, and their names where they have some.

    Raises
    ------
    BadInput
        For what is no table of finite numbers, or too few rows.

    Examples
    --------
    >>> take_returns([[0.1, 0.0], [0.2, -0.1]])[0].shape
    (2, 2)
    """
    names = [str(name) for name in given.columns] if hasattr(given, "columns") else None
    try:
        values = np.ascontiguousarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = f"returns is no table of numbers: {error}. Hint: give floats, a column for each configuration."
        raise BadInput(message) from None
    if np.ndim(given) == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] == 0:
        message = f"returns has shape {values.shape}. Hint: rows in time order, a column for each configuration."
        raise BadInput(message)
    if len(values) < least_rows:
        raise BadInput(f"returns has {len(values)} rows. Hint: give at least {least_rows}.")
    finite = np.isfinite(values)
    if not finite.all():
        row, column = (int(i) for i in np.argwhere(~finite)[0])
        message = (
            f"returns has {int((~finite).sum()):,} values that are not finite (first at row {row:,}, column "
            f"{column:,}: {values[row, column]}). Hint: drop these configurations, and count them in n_trials."
        )
        raise BadInput(message)
    return values, names


def block_sums(returns: Reals, blocks: int) -> tuple[Reals, Reals, Ints]:
    """Give sums and sums of squares of equal blocks of rows; what is over at the end is left out.

    Parameters
    ----------
    returns : (T, C) float64
    blocks : int

    Returns
    -------
    s1, s2 : (blocks, C) float64
    n : (blocks,) int64

    Examples
    --------
    >>> s1, s2, n = block_sums(np.array([[1.0], [2.0], [3.0], [4.0], [9.0]]), 2)
    >>> s1.ravel(), s2.ravel(), n
    (array([3., 7.]), array([ 5., 25.]), array([2, 2]))
    """
    length = len(returns) // blocks
    s1, s2 = np.empty((blocks, returns.shape[1])), np.empty((blocks, returns.shape[1]))
    for k in range(blocks):
        part = returns[k * length : (k + 1) * length]
        np.add.reduce(part, axis=0, out=s1[k])
        np.einsum("ij,ij->j", part, part, out=s2[k])
    return s1, s2, np.full(blocks, length, dtype=np.int64)


def take_sums(s1: ArrayLike, s2: ArrayLike, n: ArrayLike) -> tuple[Reals, Reals, Ints]:
    """Take sums by segment: (G, C) twice and (G,) lengths; failed configurations are NaN throughout.

    Raises
    ------
    BadInput
        For shapes that do not agree, infinite sums, negative sums of squares or lengths below one.

    Examples
    --------
    >>> take_sums([[1.0]], [[1.0]], [1])[2]
    array([1])
    """
    first, second = np.ascontiguousarray(s1, dtype=np.float64), np.ascontiguousarray(s2, dtype=np.float64)
    lengths = np.ascontiguousarray(n, dtype=np.int64)
    if first.ndim != 2 or first.shape != second.shape or lengths.shape != first.shape[:1] or first.size == 0:
        message = f"s1, s2 and n have shapes {first.shape}, {second.shape} and {lengths.shape}"
        raise BadInput(f"{message}. Hint: (segments, configurations) twice, and (segments,).")
    if lengths.min() < 1:
        raise BadInput(f"n has a segment of {lengths.min()} returns. Hint: leave empty segments out.")
    for k in range(len(first)):  # a row at a time: no copy of all
        if np.isinf(first[k]).any() or np.isinf(second[k]).any() or (second[k] < 0.0).any():
            message = f"segment {k} has sums that are infinite, or sums of squares below 0"
            raise BadInput(f"{message}. Hint: failed configurations are NaN in every segment.")
    return first, second, lengths


def fixed(array: NDArray[Any]) -> NDArray[Any]:
    """Give a view that cannot be written: kernels then are compiled once, whoever made the array.

    Examples
    --------
    >>> fixed(np.zeros(2)).flags.writeable
    False
    """
    view = array.view()
    view.flags.writeable = False
    return view


def alive(s1: Reals, s2: Reals) -> NDArray[np.bool_]:
    """Say which configurations have a number in every segment, (C,) bool.

    Examples
    --------
    >>> alive(np.array([[1.0, np.nan], [0.0, np.nan]]), np.ones((2, 2)))
    array([ True, False])
    """
    good = np.ones(s1.shape[1], dtype=bool)
    for k in range(len(s1)):
        good &= ~(np.isnan(s1[k]) | np.isnan(s2[k]))
    return good


def sharpe_of_sums(s1: Reals, s2: Reals, n: Any, flat: float = 0.0) -> Reals:
    """Give Sharpe ratios per period from sums and sums of squares of n returns, standard deviation with n - 1.

    Parameters
    ----------
    s1, s2 : array float64
    n : int or array
        At least 2; fewer returns do not vary.
    flat : float
        What returns that do not vary have: 0 where configurations are ranked, NaN in tables.

    Returns
    -------
    array float64

    Examples
    --------
    >>> sharpe_of_sums(np.array([4.0, 2.0]), np.array([10.0, 2.0]), 2)
    array([1.41421356, 0.        ])
    """
    count = np.asarray(n, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = s2 - s1 * s1 / count
        ratio = s1 / count / np.sqrt(rest / (count - 1.0))
        varies = rest > FLAT * s2
    found: Reals = np.where(varies & (count > 1.0), ratio, flat)
    return np.where(np.isnan(s1), np.nan, found)
