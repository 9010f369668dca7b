"""Bulk volume classification: how much of a bar's volume was bought, from its price change alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MIN_NU = 1e-3


def bulk_volume(price_changes: ArrayLike, sigma: ArrayLike, nu: float = 0.1) -> NDArray[np.float64]:
    """Share of each bar's volume that was bought: F(change / sigma), F Student's t or the normal.

    Parameters
    ----------
    price_changes : (N,) float64
        Price of each bar less that of the bar before, any unit.
    sigma : float or (N,) float64
        Standard deviation of the changes, same unit, not negative. Where it is 0 the sign of the
        change decides (0, 1/2 or 1); where it is NaN the share is NaN.
    nu : float
        Degrees of freedom; 0 or inf for the normal.

    Returns
    -------
    (N,) float64 in [0, 1]

    Raises
    ------
    BadInput
        If shapes differ, sigma is negative, or nu is neither 0 nor at least 0.001.

    Notes
    -----
    Easley, Lopez de Prado and O'Hara (2012), Flow toxicity and liquidity in a high-frequency world.
    F is computed once per distinct move while sigma stays the same. O(N).

    Examples
    --------
    >>> bulk_volume([0.0, 1.0, -1.0], 1.0, nu=1.0)
    array([0.5 , 0.75, 0.25])
    """
    from atomloom.market import kernels  # noqa: PLC0415 - numba loads when a formula is first used

    changes = np.ascontiguousarray(price_changes, dtype=np.float64)
    scale = np.asarray(sigma, dtype=np.float64)
    if changes.ndim != 1 or scale.shape not in {(), changes.shape}:
        message = f"price_changes has shape {changes.shape}, sigma {scale.shape}. Hint: one sigma, or one per change."
        raise BadInput(message)
    if (scale < 0).any():
        message = f"sigma has {int((scale < 0).sum()):,} negative values. Hint: give standard deviations."
        raise BadInput(message)
    spread = np.ascontiguousarray(np.broadcast_to(scale, changes.shape))
    share: NDArray[np.float64] = kernels.buy_fraction(changes, spread, check_nu(nu))
    return share


def t_cdf(x: ArrayLike, nu: float) -> NDArray[np.float64]:
    """Distribution function of Student's t, for any shape of x; nu = 0 or inf gives the normal.

    Parameters
    ----------
    x : array of float64
    nu : float
        0, or at least 0.001, or inf.

    Examples
    --------
    >>> t_cdf([-1.0, 0.0, 1.0], nu=1.0)
    array([0.25, 0.5 , 0.75])
    """
    from atomloom.market.student import student_cdf  # noqa: PLC0415 - numba loads when a formula is first used

    values = np.asarray(x, dtype=np.float64)
    degrees = check_nu(nu)
    flat = np.fromiter((student_cdf(value, degrees) for value in values.ravel()), np.float64, values.size)
    return flat.reshape(values.shape)


def check_nu(nu: float) -> float:
    """Return nu as a float, or refuse it.

    Examples
    --------
    >>> check_nu(1)
    1.0
    """
    if isinstance(nu, bool) or not isinstance(nu, (int, float, np.integer, np.floating)):
        message = f"nu is {nu!r}. Hint: give degrees of freedom, or 0 for the normal."
        raise BadInput(message)
    if math.isnan(nu) or (nu != 0 and nu < MIN_NU):
        message = f"nu is {nu!r}. Hint: degrees of freedom are at least {MIN_NU}, or 0 (or inf) for the normal."
        raise BadInput(message)
    return float(nu)
