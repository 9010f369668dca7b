"""The tick size of prices: which one a file has, and the exact integers by which a decimal is counted in ticks."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DECIMALS = 9
NANO = Fraction(1, 10**MAX_DECIMALS)
_MOST = 2**63 - 1
_MANY = f"prices have more than {MAX_DECIMALS} decimals, so no tick size can be inferred. Hint: pass tick_size."


def exact_step(step: float) -> Fraction:
    """Read a step as the fraction that was meant: 0.1 is a tenth, and 1 / 3 a third.

    Examples
    --------
    >>> exact_step(0.1), exact_step(1 / 3), exact_step(0.30000000000000004)
    (Fraction(1, 10), Fraction(1, 3), Fraction(3, 10))
    """
    near = Fraction(step).limit_denominator(10**9)
    if near > 0 and abs(near - Fraction(step)) <= Fraction(step) / 10**14:
        return near
    return Fraction(Decimal(repr(float(step))))


def grid_table(step: Fraction) -> NDArray[np.int64]:
    """Prepare the counting of decimals in steps of a grid, for 18 decimals before to 18 behind the point.

    Returns
    -------
    table : (3, 37) int64
        ``mantissa * 10**-(k - 18)`` is ``mantissa * table[0, k] / table[1, k]`` steps, for mantissas of at most
        ``table[2, k]``; -1 there where 64 bits do not hold the numbers.

    Examples
    --------
    >>> grid_table(Fraction(1, 4))[:2, 18 + 2].tolist()  # hundredths in quarters
    [1, 25]
    """
    table = np.zeros((3, 37), dtype=np.int64)
    for decimals in range(-18, 19):
        ratio = Fraction(10) ** -decimals / step
        fits = ratio.numerator <= _MOST and ratio.denominator <= _MOST
        most = _MOST // ratio.numerator if fits else -1
        table[:, decimals + 18] = (ratio.numerator, ratio.denominator, most) if fits else (0, 1, -1)
    return table


def common_tick(nanos: NDArray[np.int64], before: tuple[int, int, int] = (0, _MOST, -_MOST)) -> tuple[int, int, int]:
    """Fold prices, in units of 1e-9, into (greatest common divisor, smallest, largest).

    Examples
    --------
    >>> common_tick(np.array([1640250000000, 1640500000000]))
    (250000000, 1640250000000, 1640500000000)
    """
    if len(nanos) == 0:
        return before
    divisor = int(np.gcd.reduce(nanos))
    return math.gcd(before[0], divisor), min(before[1], int(nanos.min())), max(before[2], int(nanos.max()))


def tick_of(divisor: int, low: int, high: int) -> float:
    """Give the tick size of prices: their greatest common divisor, or the last decimal place of a single price.

    Parameters
    ----------
    divisor, low, high : int
        From :func:`common_tick`.

    Raises
    ------
    BadInput
        If there was no price.

    Examples
    --------
    >>> tick_of(250000000, 1640250000000, 1640500000000), tick_of(10100000000, 10100000000, 10100000000)
    (0.25, 0.1)
    """
    if low > high:
        raise BadInput("there is no price to infer a tick size from. Hint: pass tick_size.")
    if low == high:
        places = next(k for k in range(MAX_DECIMALS + 1) if low % 10 ** (MAX_DECIMALS - k) == 0)
        return float(Fraction(1, 10**places))
    return float(Fraction(divisor, 10**MAX_DECIMALS))


def infer_tick(prices: NDArray[np.float64]) -> float:
    """Infer the tick size: the greatest common divisor of all prices, as decimals of at most nine places.

    A divisor of every price divides every step between prices too, so the whole column lies on
    the grid. A column with a single price says nothing about steps: then the tick is its last
    decimal place.

    Parameters
    ----------
    prices : (T,) float64
        Finite prices in quote currency.

    Raises
    ------
    BadInput
        If there is no price or the prices have more than nine decimals.

    Examples
    --------
    >>> infer_tick(np.array([1640.25, 1640.5, 1641.0])), infer_tick(np.array([10.1]))
    (0.25, 0.1)
    """
    distinct = np.unique(prices)
    if len(distinct) == 0:
        return tick_of(*common_tick(np.zeros(0, np.int64)))
    for decimals in range(MAX_DECIMALS + 1):
        scaled = distinct * 10.0**decimals
        whole = np.rint(scaled)
        slack = 4 * np.spacing(np.abs(scaled))  # what reading and scaling a decimal can leave
        if np.all(np.abs(whole) < 2.0**53) and np.all(np.abs(scaled - whole) <= np.minimum(slack, 1e-3)):
            divisor = int(np.gcd.reduce(whole.astype(np.int64))) if len(distinct) > 1 else 1
            return float(max(divisor, 1) / 10**decimals)
    raise BadInput(_MANY)


def too_many_decimals() -> BadInput:
    """Make the error for prices whose tick size cannot be inferred.

    Examples
    --------
    >>> "9 decimals" in str(too_many_decimals())
    True
    """
    return BadInput(_MANY)


def steps_of(text: str, step: Fraction, tolerance: Fraction) -> tuple[int, bool] | None:
    """Count steps in a decimal of any length, in unlimited integers: (nearest step, on the grid); None for no number.

    Examples
    --------
    >>> steps_of("1640.250000000000000000000001", Fraction(1, 4), Fraction(1, 10**6))
    (6561, True)
    """
    try:
        value: Any = Fraction(text) / step
    except (ValueError, ZeroDivisionError):
        return None
    nearest = round(value)
    return nearest, abs(value - nearest) <= tolerance
