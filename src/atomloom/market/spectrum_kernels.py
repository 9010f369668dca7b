"""Formulas of spectra: exact phases of integer times; their plain-Python twin is tests/oracles/spectrum_oracle.py."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Words = NDArray[np.uint64]
    Floats = NDArray[np.float64]

_LOW = np.uint64(2**32 - 1)
_HALF = np.uint64(32)
_TURN = 2.0 * math.pi / 2.0**64  # radians per unit of a phase


@kernel
def phase(elapsed: Any, high: Any, low: Any) -> Any:
    """Fraction of a cycle, in units of 2^-64 turns from -1/2 to 1/2, after `elapsed` ns (uint64).

    The upper word of elapsed times the 128-bit frequency, wrapped; three units of 2^-64 are lost at most.
    """
    a, b = elapsed >> _HALF, elapsed & _LOW
    c, d = low >> _HALF, low & _LOW
    carried = a * c + ((a * d) >> _HALF) + ((b * c) >> _HALF)
    return np.int64(elapsed * high + carried)


@kernel
def cosine_sine(turns: Any) -> tuple[float, float]:
    """Cosine and sine of a phase in units of 2^-64 turns, within 2e-16.

    Taylor's polynomials on the eighth of a turn around the nearest quarter (the first terms left out are 2e-18
    and 5e-17), without branches, so that the loop around it runs in vector registers.
    """
    quarter = (turns + np.int64(2**61)) >> np.int64(62)
    x = np.float64(turns - (quarter << np.int64(62))) * _TURN
    z = x * x
    s = -1.0 / 1307674368000.0
    s = 1.0 / 6227020800.0 + z * s
    s = -1.0 / 39916800.0 + z * s
    s = 1.0 / 362880.0 + z * s
    s = -1.0 / 5040.0 + z * s
    s = 1.0 / 120.0 + z * s
    s = -1.0 / 6.0 + z * s
    s = x + x * z * s
    c = 1.0 / 20922789888000.0
    c = -1.0 / 87178291200.0 + z * c
    c = 1.0 / 479001600.0 + z * c
    c = -1.0 / 3628800.0 + z * c
    c = 1.0 / 40320.0 + z * c
    c = -1.0 / 720.0 + z * c
    c = 1.0 / 24.0 + z * c
    c = -0.5 + z * c
    c = 1.0 + z * c
    odd = quarter & np.int64(1)
    cos = s if odd else c
    sin = c if odd else s
    cos = -cos if (quarter + np.int64(1)) & np.int64(2) else cos
    sin = -sin if quarter & np.int64(2) else sin
    return cos, sin


@kernel
def demodulate(times: Ints, origin: int, step: Words, centre: Words, place: Floats, strength: Floats) -> None:
    """Points and strengths of a nonuniform transform around a centre frequency, both from exact phases.

    Parameters
    ----------
    times : (T,) int64
        ns.
    origin : int
        ns; phases count from here.
    step, centre : (2,) uint64
        Spacing of the frequencies and centre of the band: see :func:`atomloom.market.exact_phase.fixed`.
    place : (T,) float64, filled
        2 pi (step t), from -pi to pi.
    strength : (2 T,) float64, filled
        Real and imaginary part of exp(-2 pi i centre t), in turns.

    Notes
    -----
    O(T); about two nanoseconds a point.
    """
    start = np.uint64(origin)
    high, low, middle, rest = step[0], step[1], centre[0], centre[1]
    for k in range(len(times)):
        elapsed = np.uint64(times[k]) - start
        place[k] = np.float64(phase(elapsed, high, low)) * _TURN
        cos, sin = cosine_sine(phase(elapsed, middle, rest))
        strength[2 * k] = cos
        strength[2 * k + 1] = -sin


@kernel
def direct_sum(times: Ints, weights: Floats, origin: int, words: Words) -> NDArray[np.complex128]:
    """Sum of w exp(-2 pi i f t) over events for each frequency, term by term; O(T F).

    Parameters
    ----------
    times : (T,) int64
    weights : (T,) or (1,) float64
        One for all, or one each.
    origin : int
    words : (F, 2) uint64
        Frequencies: see :func:`atomloom.market.exact_phase.fixed`.
    """
    out = np.empty(len(words), np.complex128)
    start = np.uint64(origin)
    each = len(weights) > 1
    for f in range(len(words)):
        high, low = words[f, 0], words[f, 1]
        real = imaginary = 0.0
        for k in range(len(times)):
            cos, sin = cosine_sine(phase(np.uint64(times[k]) - start, high, low))
            w = weights[k] if each else weights[0]
            real += w * cos
            imaginary -= w * sin
        out[f] = complex(real, imaginary)
    return out


@kernel
def block_sums(times: Ints, weights: Floats, origin: int, word: Words, harmonics: int, edges: Ints) -> NDArray[Any]:
    """Sum of w exp(-2 pi i h f t) over the events of each block, for h = 1 .. harmonics; O(T harmonics).

    Parameters
    ----------
    times : (T,) int64
    weights : (T,) or (1,) float64
    origin : int
    word : (2,) uint64
        The frequency f.
    harmonics : int
    edges : (B + 1,) int64
        Events edges[b] .. edges[b + 1] - 1 are block b.

    Returns
    -------
    (B, harmonics) complex128
    """
    out = np.zeros((len(edges) - 1, harmonics), np.complex128)
    start = np.uint64(origin)
    each = len(weights) > 1
    for b in range(len(edges) - 1):
        for k in range(edges[b], edges[b + 1]):
            cos, sin = cosine_sine(phase(np.uint64(times[k]) - start, word[0], word[1]))
            turn = complex(cos, -sin)
            now = complex(weights[k] if each else weights[0], 0.0)
            for h in range(harmonics):
                now *= turn
                out[b, h] += now
    return out


@kernel
def shifted_power(blocks: NDArray[np.complex128], shifts: Words) -> float:
    """Power of all harmonics together where each block is shifted by a fraction of the period; O(B H).

    Parameters
    ----------
    blocks : (B, H) complex128
    shifts : (B,) uint64
        In units of 2^-64 periods.
    """
    harmonics = blocks.shape[1]
    total = np.zeros(harmonics, np.complex128)
    for b in range(len(blocks)):
        cos, sin = cosine_sine(np.int64(shifts[b]))
        turn = complex(cos, -sin)
        now = complex(1.0, 0.0)
        for h in range(harmonics):
            now *= turn
            total[h] += now * blocks[b, h]
    power = 0.0
    for h in range(harmonics):
        power += total[h].real ** 2 + total[h].imag ** 2
    return power


@kernel
def fold_blocks(times: Ints, period: int, bins: int, edges: Ints) -> NDArray[np.int32]:
    """Count the events of each block by their phase, in whole numbers (period times bins below 2^63); O(T).

    Returns
    -------
    (B, bins) int32
    """
    out = np.zeros((len(edges) - 1, bins), np.int32)
    for b in range(len(edges) - 1):
        for k in range(edges[b], edges[b + 1]):
            into = times[k] % period
            out[b, into * bins // period] += 1
    return out


@kernel
def shifted_counts(blocks: NDArray[np.int32], shifts: Ints) -> Ints:
    """Sum of the counts of all blocks, each turned by a number of bins; O(B bins)."""
    bins = blocks.shape[1]
    total = np.zeros(bins, np.int64)
    for b in range(len(blocks)):
        shift = shifts[b]
        for k in range(bins - shift):
            total[k + shift] += blocks[b, k]
        for k in range(bins - shift, bins):
            total[k + shift - bins] += blocks[b, k]
    return total
