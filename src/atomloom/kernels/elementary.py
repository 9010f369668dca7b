"""Logarithm, exponential, sine and cosine, normal quantile: the same bits in every loop and on every machine.

Every C library, and every vector loop of a compiler, has functions of its own that differ in the last bits. These are
made of ``+ - * /``, square roots and whole numbers only, each of which IEEE 754 rounds in one way; the compiler fuses
none of them by itself. All of it can stand in vector registers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from atomloom.kernels.jit import vector_code
from atomloom.kernels.lean import lean

_SIX, _TWENTY_SIX = np.uint64(6), np.uint64(26)
_ONE, _MANTISSA, _FIFTY_TWO = 0x3FF0000000000000, 0x000FFFFFFFFFFFFF, 52
_ROOT_HALF = 0x3FE6A09E667F3BCD  # bits of sqrt(1/2)
_HALF_STEP = 1.0 - 2.0**-53
_WHOLE = 1.5 * 2.0**52  # adding it rounds to a whole number, which its last bits then are
_LN2_HIGH, _LN2_LOW, _PER_LN2 = 0.6931467056274414, 4.7493250390316726e-07, 1.4426950408889634


@vector_code
def bits_of(_: Any, number: Any) -> Any:  # noqa: ARG001 - its type is fixed
    """Give the 64 bits of a double as a whole number; callable from kernels only."""

    def write(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.IntType(64))

    return types.int64(types.float64), write


@vector_code
def double_of(_: Any, bits: Any) -> Any:  # noqa: ARG001 - its type is fixed
    """Give the double that has these 64 bits; callable from kernels only."""

    def write(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.DoubleType())

    return types.float64(types.int64), write


@partial(lean, inline=True)
def uniform_of(w0: Any, w1: Any) -> Any:
    """Give a number between 0 and 1, neither of them, of two random words.

    Parameters
    ----------
    w0, w1 : uint64
        Below 2^32, as :func:`atomloom.kernels.philox.philox` gives them.

    Returns
    -------
    float
        ``(n + 1/2) 2^-52`` with n the upper 26 bits of both words: from 2^-53 to 1 - 2^-53, symmetric about 1/2.
        With 53 bits the largest would round to 1.

    Examples
    --------
    >>> uniform_of(np.uint64(1 << 31), np.uint64(0)) - 0.5
    1.1102230246251565e-16
    """
    n = ((w0 >> _SIX) << _TWENTY_SIX) | (w1 >> _SIX)
    return double_of(np.int64(n) | _ONE) - _HALF_STEP


@partial(lean, inline=True)
def log_fixed(x: Any) -> Any:
    """Give the natural logarithm.

    Parameters
    ----------
    x : float
        At least 2.3e-308, and finite: nothing is checked.

    Returns
    -------
    float
        Within 1 unit in the last place.

    Notes
    -----
    With x = 2^k m, m from sqrt(1/2) to sqrt(2), f = m - 1 and s = f / (2 + f): ``log m = 2 atanh s``, whose series in
    s is cut short where the best polynomial of that degree is as good (minimax, found with 60 digits). Written as
    ``f - f^2/2 + s (f^2/2 + s^2 P(s^2))``, so that only the small part is rounded, as in fdlibm (Ng, 1993).

    Examples
    --------
    >>> log_fixed(10.0) == float(np.log(10.0))
    True
    """
    bits = bits_of(x) + (_ONE - _ROOT_HALF)
    k = double_of((bits >> _FIFTY_TWO) | _WHOLE_BITS) - (_WHOLE + 1023.0)
    f = double_of((bits & _MANTISSA) + _ROOT_HALF) - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = 0.1818289077802613 + z * (0.15331666676597175 + z * 0.146171283998073)
    p = 0.2857142862611452 + z * (0.22222211112104948 + z * p)
    p = z * (0.666666666666667 + z * (0.399999999998992 + z * p))
    half = 0.5 * f * f
    return k * _LN2_HIGH - ((half - (s * (half + p) + k * _LN2_LOW)) - f)


_WHOLE_BITS = 0x4338000000000000  # bits of _WHOLE


@partial(lean, inline=True)
def exp_fixed(x: Any) -> Any:
    """Give e to the power of x.

    Parameters
    ----------
    x : float
        Below -708 the result is 0, above 709 it is inf.

    Returns
    -------
    float
        Within 1 unit in the last place.

    Notes
    -----
    With k = x / log 2 rounded and r = x - k log 2 (in two parts): ``2^k (1 + r + r^2 Q(r))``, Q minimax.

    Examples
    --------
    >>> round(exp_fixed(1.0), 14), exp_fixed(-1000.0), exp_fixed(1000.0)
    (2.71828182845905, 0.0, inf)
    """
    shifted = x * _PER_LN2 + _WHOLE
    k = shifted - _WHOLE
    high, low = x - k * _LN2_HIGH, k * _LN2_LOW
    r = high - low
    q = 2.480152119021773e-05 + r * (2.7557268378684192e-06 + r * (2.7620138719733994e-07 + r * 2.5100424157005067e-08))
    q = 0.008333333333330051 + r * (0.0013888888917281794 + r * (0.00019841269863105968 + r * q))
    q = 0.5000000000000001 + r * (0.16666666666666669 + r * (0.04166666666662399 + r * q))
    power = 1.0 + (high - (low - r * r * q))
    scaled = power * double_of((bits_of(shifted) + 1023) << _FIFTY_TWO)
    scaled = np.inf if x > 709.0 else scaled
    return 0.0 if x < -708.0 else scaled


@partial(lean, inline=True)
def cos_sin_fixed(u: Any) -> Any:
    """Give cosine and sine of u full turns, 2 pi u.

    Parameters
    ----------
    u : float
        Between -2^50 and 2^50.

    Returns
    -------
    tuple of 2 float
        Cosine and sine, each within 2 units in the last place.

    Notes
    -----
    The nearest quarter turn is taken off, which is exact; what is left, an eighth turn at most, goes into two minimax
    polynomials.

    Examples
    --------
    >>> cos_sin_fixed(0.5)[0], round(cos_sin_fixed(0.125)[1], 12)
    (-1.0, 0.707106781187)
    """
    shifted = 4.0 * u + _WHOLE
    f = u - 0.25 * (shifted - _WHOLE)
    quarter = bits_of(shifted)
    z = f * f
    p = 42.05868918088512 + z * (-15.094054182079999 + z * 3.78643334956545)
    p = -41.341702240399755 + z * (81.6052492760517 + z * (-76.70585973562093 + z * p))
    sine = f * _TURN + f * (_TURN_LOW + z * p)
    q = -26.426253275854723 + z * (7.903206911569678 + z * -1.6990343940660637)
    q = 64.93939402266824 + z * (-85.4568172066438 + z * (60.24464135270201 + z * q))
    cosine = 1.0 + z * (-19.739208802178716 + z * q)
    odd = (quarter & 1) != 0
    first, second = (sine, cosine) if odd else (cosine, sine)
    first = -first if ((quarter + 1) & 2) != 0 else first
    return first, -second if (quarter & 2) != 0 else second


_TURN, _TURN_LOW = 6.283185307179586, 2.4492935982947064e-16


@partial(lean, inline=True)
def normals_of(u: Any, v: Any) -> Any:
    """Give two independent standard normal numbers of two independent uniform ones.

    Parameters
    ----------
    u, v : float
        Between 0 and 1, as :func:`uniform_of` gives them.

    Returns
    -------
    tuple of 2 float
        ``sqrt(-2 log u) (cos 2 pi v, sin 2 pi v)``: at most 8.6 from 0. Box and Muller (1958).

    Examples
    --------
    >>> [round(z, 6) for z in normals_of(0.1, 0.125)]
    [1.517427, 1.517427]
    """
    radius = np.sqrt(-2.0 * log_fixed(u))
    cosine, sine = cos_sin_fixed(v)
    return radius * cosine, radius * sine


@partial(lean, inline=True)
def normal_of(u: Any) -> Any:
    """Give the standard normal quantile: the number that a normal one is below with probability u.

    Parameters
    ----------
    u : float
        Between 0 and 1, neither of them.

    Returns
    -------
    float
        Within 1e-15 of it, relative.

    Notes
    -----
    Wichura, Algorithm AS 241: The percentage points of the normal distribution, Applied Statistics 37 (1988), PPND16:
    ratios of polynomials of degree 7 in 0.425^2 - (u - 1/2)^2, or in the tails in sqrt(-log u).

    Examples
    --------
    >>> normal_of(0.5), round(normal_of(0.975), 12)
    (0.0, 1.95996398454)
    """
    q = u - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(_CENTRE_TOP, _CENTRE_BOTTOM, 0.180625 - q * q)
    r = np.sqrt(-log_fixed(u if q < 0.0 else 1.0 - u))
    z = _ratio(_TAIL_TOP, _TAIL_BOTTOM, r - 1.6) if r <= 5.0 else _ratio(_FAR_TOP, _FAR_BOTTOM, r - 5.0)
    return -z if q < 0.0 else z


@partial(lean, inline=True)
def _ratio(top: Any, bottom: Any, r: Any) -> Any:
    p, q = 0.0, 0.0
    for k in range(8):
        p = p * r + top[k]
        q = q * r + bottom[k]
    return p / q


# of the highest power first
_CENTRE_TOP = (
    2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
    13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608,
)  # fmt: skip
_CENTRE_BOTTOM = (
    5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
    5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0,
)  # fmt: skip
_TAIL_TOP = (
    7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
    3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734,
)  # fmt: skip
_TAIL_BOTTOM = (
    1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
    0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0,
)  # fmt: skip
_FAR_TOP = (
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.00124266094738807843860, 0.0265321895265761230930,
    0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772,
)  # fmt: skip
_FAR_BOTTOM = (
    2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
    0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0,
)  # fmt: skip
