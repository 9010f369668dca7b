"""Elementary functions in numpy: the same operations in the same order, bits by views of integers."""

from __future__ import annotations

import numpy as np

ONE, MANTISSA, ROOT_HALF = 0x3FF0000000000000, 0x000FFFFFFFFFFFFF, 0x3FE6A09E667F3BCD
WHOLE = 1.5 * 2.0**52

LOG = (0.146171283998073, 0.15331666676597175, 0.1818289077802613, 0.22222211112104948, 0.2857142862611452,
       0.399999999998992, 0.666666666666667)  # fmt: skip
EXP = (2.5100424157005067e-08, 2.7620138719733994e-07, 2.7557268378684192e-06, 2.480152119021773e-05,
       0.00019841269863105968, 0.0013888888917281794, 0.008333333333330051, 0.04166666666662399, 0.16666666666666669,
       0.5000000000000001)  # fmt: skip
SINE = (3.78643334956545, -15.094054182079999, 42.05868918088512, -76.70585973562093, 81.6052492760517,
        -41.341702240399755)  # fmt: skip
COSINE = (-1.6990343940660637, 7.903206911569678, -26.426253275854723, 60.24464135270201, -85.4568172066438,
          64.93939402266824, -19.739208802178716)  # fmt: skip
LN2_HIGH, LN2_LOW, PER_LN2 = 0.6931467056274414, 4.7493250390316726e-07, 1.4426950408889634


def bits(x):
    return np.asarray(x, np.float64).view(np.int64)


def double(k):
    return np.asarray(k, np.int64).view(np.float64)


def horner(coefficients, x):
    total = coefficients[0]
    for one in coefficients[1:]:
        total = one + x * total
    return total


def uniform_of(w0, w1):
    n = (int(w0) >> 6 << 26) | (int(w1) >> 6)
    return (n + 0.5) * 2.0**-52


def log_fixed(x):
    shifted = bits(x) + (ONE - ROOT_HALF)
    k = ((shifted >> 52) - 1023).astype(np.float64)
    f = double((shifted & MANTISSA) + ROOT_HALF) - 1.0
    s = f / (2.0 + f)
    z = s * s
    half = 0.5 * f * f
    return k * LN2_HIGH - ((half - (s * (half + z * horner(LOG, z)) + k * LN2_LOW)) - f)


def exp_fixed(x):
    x = np.asarray(x, np.float64)
    inside = np.clip(x, -708.0, 709.0)
    k = (inside * PER_LN2 + WHOLE) - WHOLE
    high, low = inside - k * LN2_HIGH, k * LN2_LOW
    r = high - low
    power = 1.0 + (high - (low - r * r * horner(EXP, r)))
    scaled = power * double((k.astype(np.int64) + 1023) << 52)
    return np.where(x < -708.0, 0.0, np.where(x > 709.0, np.inf, scaled))


def cos_sin_fixed(u):
    u = np.asarray(u, np.float64)
    k = (4.0 * u + WHOLE) - WHOLE
    f = u - 0.25 * k
    z = f * f
    sine = f * 6.283185307179586 + f * (2.4492935982947064e-16 + z * horner(SINE, z))
    cosine = 1.0 + z * horner(COSINE, z)
    place = k.astype(np.int64) % 4
    return np.choose(place, [cosine, -sine, -cosine, sine]), np.choose(place, [sine, cosine, -sine, -cosine])


def normals_of(u, v):
    radius = np.sqrt(-2.0 * log_fixed(u))
    cosine, sine = cos_sin_fixed(v)
    return radius * cosine, radius * sine
