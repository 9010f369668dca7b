"""The formula of bulk classification bar by bar; its plain-Python twin is in tests/oracles/market_oracle.py."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel
from atomloom.market.student import student_cdf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MEMO = 32  # distinct moves remembered per sigma; bar prices sit on a half-tick grid, so few occur


@kernel
def buy_fraction(change: Floats, sigma: Floats, nu: float) -> Floats:
    """Share of each bar's volume taken as bought: F(change / sigma), F Student's t with nu degrees of freedom.

    Parameters
    ----------
    change : (N,) float64
        Price change of each bar, any unit.
    sigma : (N,) float64
        Same unit; NaN gives NaN. Where it is 0 the sign decides: 0, 1/2 or 1.
    nu : float
        0 or inf for the normal.

    Returns
    -------
    (N,) float64 in [0, 1]

    Notes
    -----
    F(-z) is 1 - F(z) by construction. While sigma stays the same, F is worked out once for each
    distinct size of move and remembered. O(N) beside that.
    """
    fraction = np.empty(len(change), np.float64)
    keys = np.empty(_MEMO, np.float64)
    values = np.empty(_MEMO, np.float64)
    held = 0
    for k in range(len(change)):
        if k == 0 or sigma[k] != sigma[k - 1]:
            held = 0
        move = abs(change[k])
        if math.isnan(sigma[k]) or math.isnan(move):
            fraction[k] = math.nan
            continue
        found = -1
        for slot in range(held):
            if keys[slot] == move:
                found = slot
                break
        if found >= 0:
            up = values[found]
        else:
            sign = 0.5 if move == 0.0 else 1.0
            up = student_cdf(move / sigma[k], nu) if sigma[k] > 0.0 else sign
            if held < _MEMO:
                keys[held] = move
                values[held] = up
                held += 1
        fraction[k] = up if change[k] >= 0.0 else 1.0 - up
    return fraction
