"""Frequencies as exact numbers: cycles per nanosecond in 128-bit fixed point, so phases of int64 times lose nothing."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_WORD = 2**64
FINEST = Fraction(10**9, _WORD * _WORD)  # Hz: what the last bit of a frequency is worth


def exact(frequency: Any, name: str = "frequency") -> Fraction:
    """Return a frequency in Hz as the fraction it is; Fraction(1, 60) is once a minute exactly, 1 / 60 nearly.

    Examples
    --------
    >>> exact(0.5), exact(Fraction(1, 60))
    (Fraction(1, 2), Fraction(1, 60))
    """
    if isinstance(frequency, Fraction):
        return frequency
    real = isinstance(frequency, (int, float, np.integer, np.floating)) and not isinstance(frequency, bool)
    if not real or not math.isfinite(frequency):
        message = f"{name} is {frequency!r}. Hint: give Hz, for example 1 / 60 or Fraction(1, 60)."
        raise BadInput(message)
    return Fraction(frequency)


def fixed(frequency: Fraction) -> NDArray[np.uint64]:
    """Cycles per ns modulo 1 as two words, (2,) uint64: the first is worth 2^-64, the second 2^-128.

    Examples
    --------
    >>> fixed(Fraction(10**9, 4)) == [2**62, 0]
    array([ True,  True])
    """
    cycles = round(frequency / 10**9 * _WORD * _WORD) % (_WORD * _WORD)
    return np.array(divmod(cycles, _WORD), dtype=np.uint64)


def event_times(times: ArrayLike) -> NDArray[np.int64]:
    """Take times of events as read-only int64 ns, in any order, at least one.

    Examples
    --------
    >>> event_times([3, 1])
    array([3, 1])
    """
    column = np.asarray(times)
    if column.dtype.kind == "M":
        if np.isnat(column).any():
            message = f"times have {int(np.isnat(column).sum()):,} NaT. Hint: drop them."
            raise BadInput(message)
        fine = column.astype("datetime64[ns]")
        if (fine.astype(column.dtype) != column).any():  # numpy wraps around in silence
            raise BadInput("times lie beyond the years 1678 to 2262, which int64 ns can tell. Hint: drop them.")
        column = fine.astype(np.int64)
    elif column.dtype == np.uint64 and column.size and int(column.max()) > 2**63 - 1:
        message = f"times hold {column.max()}, beyond int64. Hint: give ns since 1970-01-01 UTC."
        raise BadInput(message)
    if column.ndim != 1 or column.size == 0 or column.dtype.kind not in "iu":
        message = (
            f"times have shape {column.shape} and dtype {column.dtype}. "
            "Hint: give one or more times as int64 ns UTC or datetime64, for example trades.ts; times of pandas with a "
            "zone as times.to_numpy('datetime64[ns]')."
        )
        raise BadInput(message)
    view = np.ascontiguousarray(column.astype(np.int64, copy=False)).view()
    view.flags.writeable = False
    return view


def event_weights(weights: ArrayLike | None, n: int) -> NDArray[np.float64] | None:
    """Take weights of n events as read-only float64, all finite; None stays None.

    Examples
    --------
    >>> event_weights([1, 2], 2)
    array([1., 2.])
    """
    if weights is None:
        return None
    given = np.asarray(weights)
    if given.dtype.kind not in "iufb" or given.shape != (n,):
        message = (
            f"weights have shape {given.shape} and dtype {given.dtype} for {n:,} times. Hint: one real number per time."
        )
        raise BadInput(message)
    column = np.ascontiguousarray(given, dtype=np.float64).view()
    if not np.isfinite(column).all():
        bad = ~np.isfinite(column)
        message = (
            f"weights have {int(bad.sum()):,} that are NaN or infinite (first at row {int(np.argmax(bad)):,}). "
            "Hint: drop those events."
        )
        raise BadInput(message)
    most = float(np.abs(column).max())
    if not 1e-100 < most < 1e100:
        message = (
            "all weights are 0. Hint: leave weights out to count events."
            if most == 0.0
            else f"the largest weight is {most:g}, whose square leaves float64. Hint: rescale the weights."
        )
        raise BadInput(message)
    column.flags.writeable = False
    return column
