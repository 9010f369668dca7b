"""Random shocks of numbered paths: tiles of steps by paths, each number a function of key, path, step and purpose."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from atomloom.kernels.elementary import cos_sin_fixed, exp_fixed, log_fixed, normals_of, uniform_of
from atomloom.kernels.lean import lean
from atomloom.kernels.philox import MARKET, philox

SHOCK, SECOND, CHANCE, BEGIN, BLOCK, INSIDE, BRIDGE, VOLUME, TICK, PAUSE, RULE, JUMP = range(12)
"""What a number is drawn for; together with the asset it makes the last word of a counter."""

_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


def word_of(purpose: int, asset: int = 0) -> np.uint64:
    """Give the last word of a counter.

    Parameters
    ----------
    purpose : int
        Below 256.
    asset : int
        Below 65,536.

    Examples
    --------
    >>> int(word_of(SHOCK)) == MARKET, hex(word_of(VOLUME, 3))
    (True, '0x30702')
    """
    return np.uint64(asset << 16 | purpose << 8 | MARKET)


@partial(lean, inline=True)
def uniforms_at(path: Any, block: Any, word: Any, k0: Any, k1: Any) -> Any:
    """Give two independent uniform numbers of a path, a block of two numbers and a purpose.

    Parameters
    ----------
    path, block, word, k0, k1 : uint64
        All but the path below 2^32.
    """
    w0, w1, w2, w3 = philox(path & _LOW, path >> _SHIFT, block, word, k0, k1)
    return uniform_of(w0, w1), uniform_of(w2, w3)


@lean
def uniforms(ids: Any, step: int, word: Any, k0: Any, k1: Any, out: Any) -> None:
    """Fill a tile with uniform numbers between 0 and 1.

    Parameters
    ----------
    ids : (W,) uint64
        Paths.
    step : int
        Of the first row; even.
    word, k0, k1 : uint64
        Purpose, and key.
    out : (T, W) float64
        Out; T is even.
    """
    for t in range(0, out.shape[0], 2):
        block = np.uint64((step + t) >> 1)
        first, second = out[t], out[t + 1]
        for lane in range(ids.size):
            u, v = uniforms_at(ids[lane], block, word, k0, k1)
            first[lane] = u
            second[lane] = v


@lean
def normals(ids: Any, step: int, word: Any, k0: Any, k1: Any, out: Any) -> None:
    """Fill a tile with standard normal numbers.

    Parameters
    ----------
    ids, step, word, k0, k1, out
        See :func:`uniforms`.
    """
    for t in range(0, out.shape[0], 2):
        block = np.uint64((step + t) >> 1)
        first, second = out[t], out[t + 1]
        for lane in range(ids.size):
            u, v = uniforms_at(ids[lane], block, word, k0, k1)
            x, y = normals_of(u, v)
            first[lane] = x
            second[lane] = y


@lean
def students(ids: Any, step: int, word: Any, k0: Any, k1: Any, nu: float, out: Any) -> None:
    """Fill a tile with numbers of Student's t distribution, scaled to a variance of 1.

    Parameters
    ----------
    ids, word, k0, k1, out
        See :func:`uniforms`.
    step : int
        Of the first row.
    nu : float
        Degrees of freedom, more than 2.

    Notes
    -----
    ``sqrt(nu (u^(-2/nu) - 1)) cos 2 pi v``: Bailey, Polar generation of random variates with the t-distribution,
    Mathematics of Computation 62 (1994). One block for a number: the sine is not independent of the cosine.
    """
    scale, power = np.sqrt(nu - 2.0), -2.0 / nu
    for t in range(out.shape[0]):
        block = np.uint64(step + t)
        row = out[t]
        for lane in range(ids.size):
            u, v = uniforms_at(ids[lane], block, word, k0, k1)
            cosine, _ = cos_sin_fixed(v)
            row[lane] = scale * np.sqrt(exp_fixed(power * log_fixed(u)) - 1.0) * cosine


@lean
def correlate(factor: Any, tiles: Any) -> None:
    """Give the shocks of several assets the correlation of a factor times its transpose.

    Parameters
    ----------
    factor : (A, A) float64
        Lower triangle.
    tiles : (A, T, W) float64
        In: independent. Out: ``factor @ tiles``.
    """
    for t in range(tiles.shape[1]):
        for a in range(tiles.shape[0] - 1, -1, -1):
            row, own = tiles[a, t], factor[a, a]
            for lane in range(row.size):
                row[lane] *= own
            for b in range(a):
                other, share = tiles[b, t], factor[a, b]
                for lane in range(row.size):
                    row[lane] += share * other[lane]


@lean
def cholesky(matrix: Any, factor: Any) -> None:
    """Give the lower triangle whose product with its transpose is a positive semidefinite matrix.

    Parameters
    ----------
    matrix : (A, A) float64
    factor : (A, A) float64
        In: zeros. Out. Where a variance is all explained, to 1e-12, its column stays 0.
    """
    for k in range(len(matrix)):
        for i in range(k, len(matrix)):
            total = matrix[i, k]
            for j in range(k):
                total -= factor[i, j] * factor[k, j]
            if i == k:
                factor[k, k] = np.sqrt(total) if total > 1e-12 else 0.0
            elif factor[k, k] > 0.0:
                factor[i, k] = total / factor[k, k]
