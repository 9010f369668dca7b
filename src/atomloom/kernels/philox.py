"""Random numbers that are a function of a key and a counter: the same for any order, thread and machine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.kernels.lean import lean

if TYPE_CHECKING:
    from collections.abc import Sequence

INDEX, STATE, MARKET, SHUFFLE = 0, 1, 2, 3
"""Streams, the last word of a counter: what is drawn for one purpose never meets what is drawn for another."""

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


@partial(lean, inline=True)
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Give four random words of 32 bits for a counter of four words and a key of two: Philox4x32-10.

    Parameters
    ----------
    c0, c1, c2, c3, k0, k1 : uint64
        Below 2^32 each.

    Returns
    -------
    tuple of 4 uint64
        Below 2^32 each. All words are carried in 64 bits: products need them, and loops stay in vector registers.

    Notes
    -----
    Ten rounds of two multiplications. Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3 (2011).

    Examples
    --------
    >>> words = philox.py_func(*[np.uint64(0)] * 6)
    >>> [hex(int(word)) for word in words]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    for _ in range(10):
        first, second = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (second >> _SHIFT) ^ c1 ^ k0, second & _LOW, (first >> _SHIFT) ^ c3 ^ k1, first & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


def key_of(seed: int | Sequence[int] | np.random.Generator) -> tuple[np.uint64, np.uint64]:
    """Give the two words of a key.

    Parameters
    ----------
    seed : int or sequence of int, not negative; or Generator
        A generator gives two words of its own, and so moves on.

    Raises
    ------
    BadInput
        For anything else.

    Examples
    --------
    >>> [int(word) for word in key_of(0)]
    [2968811710, 3677149159]
    """
    if isinstance(seed, np.random.Generator):
        words = seed.integers(0, 2**32, 2, dtype=np.uint64)
        return words[0], words[1]
    try:
        state = np.random.SeedSequence(seed).generate_state(2, np.uint32).astype(np.uint64)
    except (TypeError, ValueError) as error:
        message = f"seed is {seed!r}: {error}. Hint: give a whole number of 0 or more, or a numpy Generator."
        raise BadInput(message) from None
    return state[0], state[1]
