"""XXH64: the running words of a hash that reads as fast as memory gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

P1, P2 = np.uint64(0x9E3779B185EBCA87), np.uint64(0xC2B2AE3D27D4EB4F)
_UP, _DOWN, _SHIFT = np.uint64(31), np.uint64(33), np.uint64(3)


@kernel
def take_stripes(data: NDArray[np.uint8], state: NDArray[np.uint64]) -> None:
    """Take stripes of 32 bytes into the four words of XXH64.

    Parameters
    ----------
    data : (32 k,) uint8
        Contiguous, read-only.
    state : (4,) uint64, changed in place

    Notes
    -----
    Each word: add the next 8 bytes times P2, turn by 31 bits, multiply by P1 (modulo 2^64). The words do not wait
    for each other.

    Source: Collet, "xxHash fast digest algorithm", specification 0.2.0, XXH64, step 2.
    """
    words = data.view(np.uint64)
    a, b, c, d = state[0], state[1], state[2], state[3]
    for k in range(0, len(words) - 3, 4):
        a += words[k] * P2
        a = ((a << _UP) | (a >> _DOWN)) * P1
        b += words[k + 1] * P2
        b = ((b << _UP) | (b >> _DOWN)) * P1
        c += words[k + 2] * P2
        c = ((c << _UP) | (c >> _DOWN)) * P1
        d += words[k + 3] * P2
        d = ((d << _UP) | (d >> _DOWN)) * P1
    state[0], state[1], state[2], state[3] = a, b, c, d
