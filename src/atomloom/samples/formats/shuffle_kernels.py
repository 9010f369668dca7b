"""Bytes of equal weight put together: what compressors find something in, of numbers that are noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def shuffle_bytes(words: NDArray[Any], out: NDArray[np.uint8]) -> None:
    """Put byte j of word i at place (j, i): the shuffle filter of HDF5.

    Parameters
    ----------
    words : (N,) uint16, uint32 or uint64
        Contiguous, read-only.
    out : (word size, N) uint8, changed in place
        Lowest byte first.

    Notes
    -----
    A pass over the words for each byte of them: they stay in the cache, and each pass is a plain copy of bytes that a
    compiler makes vectors of.
    """
    for j in range(out.shape[0]):
        row, shift = out[j], words.dtype.type(8 * j)
        for i in range(len(row)):
            row[i] = np.uint8(words[i] >> shift)
