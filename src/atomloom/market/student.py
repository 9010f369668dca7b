"""Formulas: the distribution function of Student's t and of the normal, without scipy."""

from __future__ import annotations

import math

from atomloom.kernels.jit import kernel

_EPS = 2.0**-53
_TINY = 1e-300
_ROOT_PI = 1.7724538509055160273
_ROOT_HALF = 0.70710678118654752440
_LARGE_NU = 1e4  # beyond it the expansion around the normal is as good, and the fraction loses digits


@kernel
def gamma_ratio(a: float) -> float:
    """Gamma(a + 1/2) / Gamma(a) for a > 0, to about 1e-15 relative.

    An asymptotic series for a >= 32, reached by the recursion r(a) = r(a + 1) a / (a + 1/2);
    unlike a difference of two lgamma it keeps full accuracy for every a.

    Examples
    --------
    >>> round(gamma_ratio(0.5), 12) == round(1 / math.sqrt(math.pi), 12)
    True
    """
    product = 1.0
    while a < 32.0:
        product *= a / (a + 0.5)
        a += 1.0
    x = 1.0 / a
    series = 869 / 4194304 + x * (39325 / 33554432 - x * 334477 / 2147483648)
    series = 5 / 1024 + x * (-21 / 32768 + x * (-399 / 262144 + x * series))
    series = 1.0 + x * (-1 / 8 + x * (1 / 128 + x * series))
    return product * math.sqrt(a) * series


@kernel
def beta_fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function, by Lentz's method as modified by Thompson and Barnett.

    DLMF 8.17.22; converges fast for x < (a + 1) / (a + b + 2), in O(sqrt(max(a, b))) terms.

    Examples
    --------
    >>> round(beta_fraction(1.0, 1.0, 0.25), 12)  # I_x(1, 1) = x = x (1 - x) * fraction
    1.333333333333
    """
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, 100_000):
        for even in (True, False):
            if even:
                term = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
            else:
                term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + term / c
            c = c if abs(c) > _TINY else _TINY
            step = c * d
            value *= step
        if abs(step - 1.0) <= 2 * _EPS:
            break
    return value


@kernel
def normal_cdf(x: float) -> float:
    """Return the distribution function of the standard normal.

    Examples
    --------
    >>> normal_cdf(0.0)
    0.5
    """
    return 0.5 * math.erfc(-x * _ROOT_HALF)


@kernel
def student_cdf(x: float, nu: float) -> float:
    """Distribution function of Student's t with nu degrees of freedom; nu = 0 or inf is the normal.

    For t = |x|: P(T > t) = I_w(nu/2, 1/2) / 2 with w = nu / (nu + t^2), the regularised incomplete
    beta function (Abramowitz and Stegun 26.7.1, DLMF 8.17). The lower tail keeps its relative
    accuracy down to the smallest float64; see tests/market/test_student.py for what was checked.

    Parameters
    ----------
    x : float
    nu : float
        0 (normal), or at least 1e-3, or inf (normal).

    Examples
    --------
    >>> round(student_cdf(1.0, 1.0), 12), student_cdf(0.0, 0.1)
    (0.75, 0.5)
    """
    if math.isnan(x) or math.isnan(nu):
        return math.nan
    if nu == 0.0 or math.isinf(nu):
        return normal_cdf(x)
    t = abs(x)
    if nu > _LARGE_NU:
        return normal_cdf(math.copysign(_to_normal(t, nu), x))
    if t == 0.0:
        return 0.5
    if t == math.inf:
        return 0.0 if x < 0 else 1.0
    a = 0.5 * nu
    s = t / math.sqrt(nu)
    square = s * s  # inf beyond 1e154, where only its logarithm is used
    log_w = -math.log1p(square) if s < 1e8 else -2.0 * math.log(s)
    w = 1.0 / (1.0 + square)
    v = square / (1.0 + square) if s < 1e8 else 1.0
    front = math.exp(a * log_w) * math.sqrt(v) * gamma_ratio(a) / _ROOT_PI
    if w < (a + 1.0) / (a + 2.5):
        tail = 0.5 * front * beta_fraction(a, 0.5, w) / a
        return tail if x < 0 else 1.0 - tail
    centre = front * beta_fraction(0.5, a, v)  # = I_v(1/2, nu/2) / 2
    return 0.5 - centre if x < 0 else 0.5 + centre


@kernel
def _to_normal(t: float, nu: float) -> float:
    """Find the normal deviate with the probability of t >= 0 for large nu: G. W. Hill (1970), CACM algorithm 395."""
    w = math.sqrt((nu - 0.5) * math.log1p(t * t / nu))
    if w > 40.0:  # the tail is below the smallest float64 either way
        return w
    b = 48.0 * (nu - 0.5) ** 2
    square = w * w
    third = w * (855.0 + square * (240.0 + square * (33.0 + square * 4.0))) / (10.0 * b * b)
    return w + w * (square + 3.0) / b - third
