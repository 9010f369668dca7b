"""The normal distribution without scipy: its distribution function and its quantiles, for arrays."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]

_ROOT_HALF = math.sqrt(0.5)
_quantile = NormalDist().inv_cdf


def normal_cdf(x: ArrayLike) -> Any:
    """Give the probability that a standard normal is at most x.

    Parameters
    ----------
    x : float or array

    Returns
    -------
    float or array
        Both tails keep their relative accuracy, by ``erfc``; NaN gives NaN.

    Examples
    --------
    >>> normal_cdf(0.0), normal_cdf([-np.inf, np.inf]).tolist()
    (0.5, [0.0, 1.0])
    """
    return _each(lambda value: 0.5 * math.erfc(-value * _ROOT_HALF), x)


def normal_quantile(p: ArrayLike) -> Any:
    """Give the x of which ``normal_cdf(x)`` is p.

    Parameters
    ----------
    p : float or array
        From 0 to 1; these two are -inf and inf.

    Returns
    -------
    float or array

    Notes
    -----
    Wichura's AS 241 as the standard library has it, about 1e-15 relative.

    Examples
    --------
    >>> round(normal_quantile(0.975), 9), normal_quantile(0.0)
    (1.959963985, -inf)
    """
    return _each(_whole_quantile, p)


def _whole_quantile(p: float) -> float:
    if 0.0 < p < 1.0:
        return _quantile(p)
    if p == 0.0:
        return -math.inf
    return math.inf if p == 1.0 else math.nan


def _each(function: Any, given: ArrayLike) -> Any:
    values = np.asarray(given, dtype=np.float64)
    if values.ndim == 0:
        return function(float(values))
    found = np.fromiter((function(value) for value in values.ravel().tolist()), np.float64, values.size)
    return found.reshape(values.shape)
