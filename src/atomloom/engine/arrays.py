"""How an array travels: by reference to what it maps, or with the memory layout it has.

Layout matters for the bits: a sum runs through memory in another order when a transposed or
strided array arrives as a contiguous copy.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

OUT_OF_BAND = 1 << 16
"""Bytes from which a buffer leaves the pickle."""

SPARSE = 4
"""A strided array that spans more than this many times its own bytes travels as a contiguous copy."""

_shared_fd: dict[int, int] = {}


class SharedMap(mmap.mmap):
    """The mapping of one memory file, weakly referable so that its descriptor can be closed."""


def shared_empty(shape: int | tuple[int, ...], dtype: DTypeLike = float) -> NDArray[Any]:
    """Allocate an array that reaches every worker without a copy.

    The array lives in an anonymous memory file. Fill it once; every ``run_parallel`` that
    gets it among its keyword arguments passes a descriptor instead of the bytes.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : data type, default float64; objects are refused.

    Returns
    -------
    (shape) array, zero-filled, writable here and read-only in workers.

    Examples
    --------
    >>> prices = shared_empty((3, 2))
    >>> prices.sum()
    np.float64(0.0)
    """
    kind = np.dtype(dtype)
    if kind.hasobject:
        raise BadInput(
            f"dtype is {kind}; objects cannot live in shared memory. Hint: use a numeric or fixed-width type."
        )
    count = int(np.prod(shape, dtype=object))
    fd = os.memfd_create("atomloom", os.MFD_CLOEXEC)
    os.ftruncate(fd, max(1, count * kind.itemsize))
    memory = SharedMap(fd, 0)
    address = np.frombuffer(memory, dtype=np.uint8).ctypes.data
    _shared_fd[address] = fd
    weakref.finalize(memory, _forget, address, fd)
    return np.frombuffer(memory, dtype=kind, count=count).reshape(shape)


def _forget(address: int, fd: int) -> None:
    if _shared_fd.get(address) == fd:
        del _shared_fd[address]
        os.close(fd)


def dense(value: Any) -> Any:
    """Make a sparse view (a column of a large matrix) contiguous; give anything else back as it is.

    Done for every executor alike, so that all compute on the same layout.

    Examples
    --------
    >>> matrix = np.zeros((100, 100))
    >>> dense(matrix[:, 3]).strides, dense(matrix.T) is not None
    ((8,), True)
    """
    if not isinstance(value, np.ndarray) or _contiguous(value) or not value.size:
        return value
    if type(value) is not np.ndarray:
        return value.copy(order="C")  # a subclass pickles itself, and does not keep its strides
    return np.ascontiguousarray(value) if _span(value)[1] > SPARSE * value.nbytes else value


def read_only(value: Any) -> Any:
    """Give a view of an array that refuses to be written, as workers get it; anything else as it is.

    Examples
    --------
    >>> read_only(np.zeros(3)).flags.writeable
    False
    """
    if type(value) is not np.ndarray or not value.flags.writeable:
        return value
    view = value.view()
    view.flags.writeable = False
    return view


def own_layout(value: Any) -> Any:
    """Make a result contiguous if it is a strided view, as it would be after travelling.

    Examples
    --------
    >>> own_layout(np.zeros((4, 4))[::2, ::2]).flags.c_contiguous
    True
    """
    return np.ascontiguousarray(value) if type(value) is np.ndarray and not _contiguous(value) else value


def reduce_array(array: NDArray[Any]) -> Any:
    """Describe an array as (rebuild, arguments); None leaves it to numpy's own pickling."""
    plain = np.asarray(array)
    if plain.dtype.hasobject or plain.size == 0:
        return None if plain is array else (np.asarray, (plain,))
    low, span = _span(plain)
    view = plain.dtype, plain.shape, plain.strides, plain.ctypes.data - low
    if plain.nbytes >= OUT_OF_BAND:
        where = _file_of(array, low)
        if where is not None:
            return _reopen, (*where, span, *view)
    if _contiguous(plain):
        return None if plain is array else (np.asarray, (plain,))
    if span > SPARSE * plain.nbytes:
        return np.asarray, (np.ascontiguousarray(plain),)
    memory: Any = (ctypes.c_ubyte * span).from_address(low)
    memory.owner = plain  # the bytes live as long as somebody refers to this view of them
    return _view, (np.frombuffer(memory, dtype=np.uint8), *view)


def _contiguous(array: NDArray[Any]) -> bool:
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)


def _span(array: NDArray[Any]) -> tuple[int, int]:
    """Give the lowest address of an array and the bytes from there to its last."""
    reach = [(size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True)]
    low = array.ctypes.data + sum(step for step in reach if step < 0)
    return low, sum(abs(step) for step in reach) + array.itemsize


def _view(memory: NDArray[np.uint8], dtype: np.dtype[Any], shape: tuple[int, ...], strides: tuple[int, ...],
          offset: int) -> NDArray[Any]:  # fmt: skip
    """Lay an array over bytes."""
    return np.ndarray(shape, dtype, buffer=memory, offset=offset, strides=strides)


def _reopen(path: str, start: int, span: int, *view: Any) -> NDArray[Any]:
    """Map a stretch of a file again, read-only, and lay an array over it."""
    return _view(np.asarray(np.memmap(path, dtype=np.uint8, mode="r", offset=start, shape=(span,))), *view)


def _file_of(array: NDArray[Any], low: int) -> tuple[str, int] | None:
    """Find the file in which an array's memory lies, and where in it; None if it has none of its own."""
    owner: Any = array
    source: np.memmap[Any, Any] | None = None
    while isinstance(owner, np.ndarray | memoryview):
        if source is None and isinstance(owner, np.memmap):
            source = owner
        below = owner.base if isinstance(owner, np.ndarray) else owner.obj
        if below is None:
            return None
        owner = below
    if not isinstance(owner, mmap.mmap):
        return None
    begin = np.frombuffer(owner, dtype=np.uint8).ctypes.data
    if isinstance(owner, SharedMap):
        # The file has no name, but lives while this process holds its descriptor.
        fd = _shared_fd.get(begin)
        return None if fd is None else (f"/proc/{os.getpid()}/fd/{fd}", low - begin)
    if source is None or source.filename is None or source.mode == "c":
        return None
    path = str(source.filename)
    if not _still_there(path, begin):
        return None
    if source.mode in ("r+", "w+"):
        source.flush()
    first = source.offset - source.offset % mmap.ALLOCATIONGRANULARITY
    return path, first + low - begin


def _still_there(path: str, address: int) -> bool:
    """Whether a path still names the very file that is mapped at an address (not a replacement)."""
    try:
        inode = os.stat(path).st_ino  # noqa: PTH116  # one call, no object
    except OSError:
        return False
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        bounds, _, _, _, number, *_ = line.split(maxsplit=5)
        low, _, high = bounds.partition("-")
        if int(low, 16) <= address < int(high, 16):
            return int(number) == inode
    return False
