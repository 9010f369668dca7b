"""Large arrays in memory that was used before: the system's fresh pages cost as much as what is written into them."""

from __future__ import annotations

import math
import mmap
import os
import sys
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

LEAST_BYTES = 1 << 21
"""Below it the allocator of numpy keeps memory by itself."""

KEPT_BYTES = 1 << 30
"""Most that is kept while nobody uses it."""

_ABLE = sys.platform == "linux" and all(hasattr(mmap, name) for name in ("MADV_FREE", "MADV_HUGEPAGE"))
_free: deque[mmap.mmap] = deque()


def empty(shape: int | tuple[int, ...], dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give an array of any contents, as ``np.empty`` does; large ones take memory that earlier ones have left.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype

    Returns
    -------
    array
        Its memory is kept when the last view of it is gone, at most 1 GiB in all. The system is told that it may
        have it whenever memory is short (``MADV_FREE``), so what is kept takes nothing from others.

    Notes
    -----
    Clearing fresh pages took a third of a full read of a store. Elsewhere than on Linux this is ``np.empty``.

    Examples
    --------
    >>> empty((2, 3), np.int32).shape
    (2, 3)
    """
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize if isinstance(shape, tuple) else shape * kind.itemsize
    if size < LEAST_BYTES or not _ABLE or kind.hasobject:
        return np.empty(shape, kind)
    buffer = _taken(size)
    owner = np.frombuffer(buffer, np.uint8)
    weakref.finalize(owner, _give_back, buffer).atexit = False
    return owner[:size].view(kind).reshape(shape)


def _taken(size: int) -> mmap.mmap:
    """Give kept memory that is large enough, and not twice as large; fresh memory where there is none."""
    for _ in range(len(_free)):
        try:
            buffer = _free.popleft()
        except IndexError:  # another thread was quicker
            break
        if size <= len(buffer) <= 2 * size + LEAST_BYTES:
            return buffer
        _free.append(buffer)
    step = max(LEAST_BYTES, 1 << max(size.bit_length() - 3, 0))  # few sizes, so that one serves another
    buffer = mmap.mmap(-1, -(-size // step) * step, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    buffer.madvise(mmap.MADV_HUGEPAGE)
    return buffer


def _give_back(buffer: mmap.mmap) -> None:
    """Keep the memory of an array that is gone; runs wherever the last view was dropped, so it takes no lock."""
    buffer.madvise(mmap.MADV_FREE)
    _free.append(buffer)
    while sum(map(len, list(_free))) > KEPT_BYTES:
        try:
            _free.popleft()  # the longest unused; unmapped here
        except IndexError:
            return


def kept() -> int:
    """Say how many bytes are kept and unused.

    Examples
    --------
    >>> kept() <= KEPT_BYTES
    True
    """
    return sum(map(len, list(_free)))


if _ABLE:
    os.register_at_fork(after_in_child=_free.clear)  # pages of the parent would be copied when written
