"""Do configurations that are good in sample stay good out of sample? Rank correlations over sets of segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.portfolio.power_sums import FLAT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

_AT_ONCE = 1 << 18  # values ranked in one piece


def average_ranks(values: Reals) -> Reals:
    """Give the rank of each value in its row, from 1; equals share the average of their ranks.

    Parameters
    ----------
    values : (K, n) float64

    Returns
    -------
    (K, n) float64

    Examples
    --------
    >>> average_ranks(np.array([[3.0, 1.0, 3.0, 2.0]]))
    array([[3.5, 1. , 3.5, 2. ]])
    """
    number = values.shape[1]
    order = np.argsort(values, axis=1)
    along = np.take_along_axis(values, order, axis=1)
    place, ranks = np.arange(number), np.empty(values.shape)
    new = np.ones(values.shape, dtype=bool)
    new[:, 1:] = along[:, 1:] != along[:, :-1]
    if new.all():
        np.put_along_axis(ranks, order, place[None] + 1.0, axis=1)
        return ranks
    last = np.ones(values.shape, dtype=bool)
    last[:, :-1] = new[:, 1:]
    first_of = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    last_of = np.minimum.accumulate(np.where(last, place, number)[:, ::-1], axis=1)[:, ::-1]
    np.put_along_axis(ranks, order, 0.5 * (first_of + last_of) + 1.0, axis=1)
    return ranks


def rank_correlations(s1: Reals, s2: Reals, n: Ints, train: Ints, test: Ints, *, most: int = 2048) -> Reals:
    """Give the rank correlation (Spearman) of train and test Sharpe ratios over configurations, for each split.

    Parameters
    ----------
    s1, s2 : (G, C) float64
        Sums and sums of squares by segment; configurations that have NaN are left out.
    n : (G,) int64
        Returns of each segment.
    train, test : (K, G) integers
        1 for the segments of a split, else 0.
    most : int
        Configurations looked at, spread evenly over all: the correlation of n is known to about 1 / sqrt(n).

    Returns
    -------
    (K,) float64
        NaN where all are equal.

    Notes
    -----
    O(K n (G + log n)).

    Examples
    --------
    >>> s1 = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    >>> rank_correlations(s1, np.full((2, 3), 20.0), np.array([9, 9]), np.array([[1, 0]]), np.array([[0, 1]]))
    array([-1.])
    """
    chosen = np.unique(np.linspace(0, s1.shape[1] - 1, min(most, s1.shape[1])).astype(np.int64))
    x, y = s1[:, chosen], s2[:, chosen]
    good = ~(np.isnan(x).any(axis=0) | np.isnan(y).any(axis=0))
    x, y = x[:, good], y[:, good]
    step = max(1, _AT_ONCE // max(1, x.shape[1]))
    found = np.empty(len(train))
    for low in range(0, len(train), step):
        part = slice(low, low + step)
        found[part] = _correlations(*(average_ranks(_keys(x, y, n, sets[part])) for sets in (train, test)))
    return found


def _keys(x: Reals, y: Reals, n: Ints, sets: Ints) -> Reals:
    """Give what orders configurations as their Sharpe ratios do; by einsum, whose bits know no threads."""
    weights = sets.astype(np.float64)
    total, square = np.einsum("kg,gn->kn", weights, x), np.einsum("kg,gn->kn", weights, y)
    size = total * np.abs(total)
    varies = np.abs(size) < (1.0 - FLAT) * (sets @ n)[:, None] * square
    return np.where(varies, size / np.where(square > 0.0, square, 1.0), 0.0)


def _correlations(a: Reals, b: Reals) -> Reals:
    if a.shape[1] < 2:
        return np.full(len(a), np.nan)
    a = a - a.mean(axis=1, keepdims=True)
    b = b - b.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Reals = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return found
