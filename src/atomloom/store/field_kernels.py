"""Formulas that read one field of text: a number as mantissa and decimals, a count of grid steps, a venue, a flag.

Bytes are padded by at least 16. Eight digits are read as one integer (D. Lemire, "Quickly parsing eight digits", 2018;
the search for the first byte that is no digit is a word trick as in S. E. Anderson's Bit Twiddling Hacks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir

from atomloom.kernels.jit import vector_code
from atomloom.kernels.lean import lean
from atomloom.store.time_kernels import whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int = Any  # integers of numpy and of Python, which compiled code mixes

OFF_GRID, ODD = 10, 16
NAMES, RECENT = 3, 8  # places in `tally`
TENS = np.array([10**k for k in range(19)], np.int64)
_WORDS = np.array([list(b"false"), list(b"true\0"), list(b"no\0\0\0"), list(b"yes\0\0")], np.uint8)
_LENGTHS = np.array([5, 4, 2, 3], np.int64)
_U = np.uint64
_ZEROS, _HIGH, _ONES = _U(0x3030303030303030), _U(0x8080808080808080), _U(0x0101010101010101)
_TEST, _NIBBLE = _U(0x7676767676767676), _U(0x0F0F0F0F0F0F0F0F)
_PAIRS, _FOURS = _U(0x00FF00FF00FF00FF), _U(0x0000FFFF0000FFFF)
_BY_10, _BY_100, _BY_10000 = _U(2561), _U(6553601), _U(42949672960001)
_N = (_U(0), _U(1), _U(2), _U(3), _U(4))
_B = (_U(8), _U(16), _U(24), _U(32), _U(40), _U(48), _U(56))


@vector_code
def first_set(_: Any, bits: Any) -> Any:
    """Give the place of the lowest bit that is set, 64 where none is: one instruction; callable from kernels only."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return bits(bits), generate


@lean
def word_at(data: NDArray[np.uint8], p: Int) -> Int:
    """Give the eight bytes from ``p`` as one little-endian integer (compilers make one load of it)."""
    u = _U(p)  # an unsigned index cannot count from the end, which is a branch per byte
    low = _U(data[u]) | (_U(data[u + _N[1]]) << _B[0]) | (_U(data[u + _N[2]]) << _B[1]) | (_U(data[u + _N[3]]) << _B[2])
    u += _N[4]
    high = (
        _U(data[u]) | (_U(data[u + _N[1]]) << _B[0]) | (_U(data[u + _N[2]]) << _B[1]) | (_U(data[u + _N[3]]) << _B[2])
    )
    return low | (high << _B[3])


@lean
def eight_digits(data: NDArray[np.uint8], p: Int) -> tuple[Int, Int]:
    """Read the up to eight digits at ``p`` as (value, how many)."""
    word = word_at(data, p) ^ _ZEROS
    odd = ((word + _TEST) | word) & _HIGH  # the lowest bit tells the first byte that is no digit
    lowest = odd & (~odd + _U(1))
    n = ((((lowest >> _U(7)) - _U(1)) & _ONES) * _ONES) >> _B[6]
    if n == _U(0):
        return np.int64(0), np.int64(0)
    word = (word << ((_U(8) - n) << _U(3))) & _NIBBLE
    word = (word * _BY_10) >> _B[0]
    word = ((word & _PAIRS) * _BY_100) >> _B[1]
    return np.int64(((word & _FOURS) * _BY_10000) >> _B[3]), np.int64(n)


@lean
def short_number(data: NDArray[np.uint8], p: Int, point: Int) -> tuple[Int, Int, Int]:
    """Read ``digits[.digits]`` of at most eight bytes at ``p`` as (mantissa, decimals, end); end -1 for anything else.

    Where the field ends is found without its value, so that the next one need not wait for the multiplications.
    """
    word = word_at(data, p) ^ _ZEROS
    odd = ((word + _TEST) | word) & _HIGH  # right up to the first odd byte, and beyond it where that is a point
    first = odd & (~odd + _U(1))
    below = (first >> _U(7)) - _U(1)  # the bytes ahead of it
    pointed = ((word >> (first_set(odd) & _U(56))) & _U(255)) == _U(point ^ 48)
    last = (odd ^ first) if pointed else odd
    n = first_set(last) >> _U(3)
    if last == _U(0) or first == _U(128):
        return np.int64(0), np.int64(0), np.int64(-1)
    m = n - (first_set(odd) >> _U(3)) if pointed else _U(1)  # decimals and one
    digits = ((word & below) | ((word >> _U(8)) & ~below)) if pointed else word
    count = n - _U(1) if pointed else n
    digits = (digits << ((_U(8) - count) << _U(3))) & _NIBBLE
    digits = (digits * _BY_10) >> _B[0]
    digits = ((digits & _PAIRS) * _BY_100) >> _B[1]
    value = ((digits & _FOURS) * _BY_10000) >> _B[3]
    return np.int64(value), np.int64(m) - 1, np.int64(_U(p) + n)


@lean
def all_digits(data: NDArray[np.uint8], p: Int) -> tuple[Int, Int]:
    """Read all digits at ``p`` as (value, how many); the value is right up to 18 of them."""
    value, n = eight_digits(data, p)
    if n == 8:
        while 48 <= data[p + n] <= 57:
            if n < 18:
                value = value * 10 + (np.int64(data[p + n]) - 48)
            n += 1
    return value, n


@lean
def number_at(data: NDArray[np.uint8], p: Int, point: Int) -> tuple[Int, Int, Int]:
    """Read ``[+-]digits[.digits]`` at ``p`` as (mantissa, decimals, end); decimals -1 for none, -2 beyond 18 digits."""
    negative = data[p] == 45
    if negative or data[p] == 43:
        p += 1
    value, n = all_digits(data, p)
    p += n
    m = np.int64(0)
    if data[p] == point:
        part, m = all_digits(data, p + 1)
        p += 1 + m
        if n + m <= 18:
            value = value * TENS[m] + part
    if n + m == 0:
        return np.int64(0), np.int64(-1), p
    if n + m > 18:
        return np.int64(0), np.int64(-2), p
    return (-value if negative else value), m, p


@lean
def grid_steps(mantissa: Int, decimals: Int, exact: NDArray[np.int64], which: Int, slack: Int) -> tuple[Int, Int]:
    """Count steps of a grid in ``mantissa * 10**-decimals``, exactly: (steps, 0), or OFF_GRID, or ODD for Python."""
    if decimals < -18 or decimals > 18:
        return mantissa, ODD
    size = -mantissa if mantissa < 0 else mantissa
    of, k = _U(which), _U(decimals + 18)
    if size > exact[of, 2, k]:
        return mantissa, ODD
    steps = size * exact[of, 0, k]
    grid = exact[of, 1, k]
    if grid > 1:
        part = np.int64(_U(steps) // _U(grid))
        left = steps - part * grid
        steps = part
        if left:
            if slack == 0 or (left > grid // slack and grid - left > grid // slack):
                return mantissa, OFF_GRID
            steps += 1 if left > grid // 2 else 0
    return (-steps if mantissa < 0 else steps), 0


@lean
def _same(data: NDArray[np.uint8], a: Int, b: Int, n: Int) -> bool:
    for i in range(n):  # noqa: SIM110 - compiled code has no all()
        if data[a + i] != data[b + i]:
            return False
    return True


@lean
def venue_code(data: NDArray[np.uint8], a: Int, b: Int, names: NDArray[np.int64], tally: NDArray[np.int64]) -> Int:
    """Give the code of the name ``data[a:b]``, a new one where it is new; -1 when all 255 are taken."""
    n = b - a
    if n > 8:
        key = _U(14695981039346656037)
        for i in range(a, b):
            key = (key ^ _U(data[i])) * _U(1099511628211)
    else:
        key = word_at(data, a) & (~_U(0) >> (_U(64) - (_U(n) << _U(3)))) if n else _U(0)
    mark = np.int64(key)
    recent, count = tally[RECENT], tally[NAMES]
    for k in range(-1, count):
        code = recent if k < 0 else k
        alike = code < count and names[code, 0] == mark and names[code, 2] == n
        if alike and (n <= 8 or _same(data, names[code, 1], a, n)):
            tally[RECENT] = code
            return code
    if count == len(names):
        return -1
    names[count, 0], names[count, 1], names[count, 2] = mark, a, n
    tally[NAMES] = count + 1
    return count


@lean
def _is_word(data: NDArray[np.uint8], a: Int, b: Int, k: Int) -> bool:
    """Say whether ``data[a:b]`` is the word k, or its first letter, in any case."""
    n = b - a
    if n != 1 and n != _LENGTHS[k]:
        return False
    for i in range(n):  # noqa: SIM110 - same
        if (data[a + i] | 32) != _WORDS[k, i]:
            return False
    return True


@lean
def flag_value(data: NDArray[np.uint8], a: Int, b: Int) -> Int:
    """Read 0 to 255, or true/false, yes/no, also by their first letter; -1 for anything else."""
    if b > a and (data[a] < 48 or data[a] > 57):
        for k in range(4):
            if _is_word(data, a, b, k):
                return k % 2
        return -1
    value = whole(data, a, b)
    return value if 0 <= value <= 255 else -1
