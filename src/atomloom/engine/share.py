"""Large arrays travel by reference: out-of-band pickles, inherited buffers, memory files.

A payload is a pickle (protocol 5, cloudpickle for functions) whose large buffers stay
outside of it. How a buffer then reaches a worker depends on what it is: the pages of a
forked parent (inherited), a file that both can map (``numpy.memmap``), or an anonymous
memory file whose descriptor is sent over the worker's socket. Memory files have no name,
so nothing is left behind, whatever dies.
"""

from __future__ import annotations

import ctypes
import io
import mmap
import os
import pickle
import weakref
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np

from atomloom.engine.arrays import OUT_OF_BAND, reduce_array

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIGN = 64


@dataclass
class Payload:
    """A pickled object and the large buffers that stayed outside of it.

    Attributes
    ----------
    head : bytes
        The pickle.
    buffers : list of memoryview
        Contiguous byte views of the originals, in pickle order; nothing was copied.
    """

    head: bytes
    buffers: list[memoryview] = field(default_factory=list)

    @property
    def large(self) -> int:
        """Bytes held outside of the pickle."""
        return sum(len(view) for view in self.buffers)

    @property
    def nbytes(self) -> int:
        """All bytes, pickle and buffers."""
        return len(self.head) + self.large


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
    """cloudpickle that refers to file-backed and shared arrays and keeps the memory layout of all others."""

    def reducer_override(self, obj: Any) -> Any:
        # Subclasses (masked arrays, matrices) know themselves what they are made of.
        if type(obj) is np.ndarray or type(obj) is np.memmap:
            reduced = reduce_array(obj)
            if reduced is not None:
                return reduced
        return super().reducer_override(obj)


def pack(obj: Any) -> Payload:
    """Pickle an object with its large buffers left in place.

    Examples
    --------
    >>> payload = pack({"x": np.zeros(100_000), "f": lambda v: v + 1})
    >>> payload.large, unpack(payload.head, payload.buffers)["f"](1)
    (800000, 2)
    """
    buffers: list[memoryview] = []
    stream = io.BytesIO()
    _Pickler(stream, protocol=5, buffer_callback=_keeper(buffers)).dump(obj)
    return Payload(stream.getvalue(), buffers)


def pack_result(obj: Any) -> Payload:
    """Pickle a result by value: the plain C pickler first (fast), cloudpickle where that refuses."""
    buffers: list[memoryview] = []
    try:
        return Payload(pickle.dumps(obj, protocol=5, buffer_callback=_keeper(buffers)), buffers)
    except Exception:  # noqa: BLE001  # whatever a user's __reduce__ raises, the second pickler has the last word
        buffers.clear()
        return Payload(cloudpickle.dumps(obj, protocol=5, buffer_callback=_keeper(buffers)), buffers)


def unpack(head: bytes | memoryview, buffers: Sequence[Any] = ()) -> Any:
    """Rebuild an object from its pickle and its buffers (read-only buffers give read-only arrays)."""
    return pickle.loads(head, buffers=buffers)


def _keeper(buffers: list[memoryview]) -> Any:
    def keep(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if len(view) < OUT_OF_BAND:
            return True
        buffers.append(view)
        return False

    return keep


# ---- parcels: several buffers in one memory file --------------------------------------------


def layout(sizes: Sequence[int]) -> tuple[list[int], int]:
    """Place buffers one after another, aligned; give their offsets and the end.

    Examples
    --------
    >>> layout([10, 100, 5])
    ([0, 64, 192], 197)
    """
    offsets, end = [], 0
    for size in sizes:
        start = -(-end // ALIGN) * ALIGN
        offsets.append(start)
        end = start + size
    return offsets, end


def parcel_size(parts: Sequence[bytes | memoryview]) -> int:
    """Count the bytes that a parcel of these parts fills."""
    return layout([8 * len(parts), *(len(part) for part in parts)])[1]


def write_parcel(fd: int, parts: Sequence[bytes | memoryview]) -> None:
    """Write parts into a file, led by a table of their sizes."""
    sizes = [len(part) for part in parts]
    offsets, _ = layout([8 * len(parts), *sizes])
    table = np.array(sizes, dtype=np.int64).tobytes()
    for part, offset in zip((table, *parts), offsets, strict=True):
        _write_all(fd, part, offset)


def read_parcel(view: memoryview, count: int) -> list[Any]:
    """Slice a mapped parcel of ``count`` parts; nothing is copied."""
    sizes = np.frombuffer(view[: 8 * count], dtype=np.int64).tolist()
    offsets, _ = layout([8 * count, *sizes])
    return [view[offset : offset + size] for offset, size in zip(offsets[1:], sizes, strict=True)]


def new_parcel(parts: Sequence[bytes | memoryview]) -> int:
    """Write parts into a new anonymous memory file; the caller closes its descriptor."""
    fd = os.memfd_create("atomloom", os.MFD_CLOEXEC)
    try:
        os.ftruncate(fd, parcel_size(parts))
        write_parcel(fd, parts)
    except BaseException:
        os.close(fd)
        raise
    return fd


def map_file(fd: int, *, writable: bool) -> memoryview:
    """Map a whole memory file; the descriptor may be closed afterwards."""
    size = os.fstat(fd).st_size
    # mmap.mmap would keep a duplicate of the descriptor for as long as the result lives.
    libc = _libc()
    address = libc.mmap(None, size, mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0), mmap.MAP_SHARED, fd, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), f"cannot map {size} bytes: {os.strerror(ctypes.get_errno())}")
    owner = (ctypes.c_ubyte * size).from_address(address)
    weakref.finalize(owner, libc.munmap, address, size).atexit = False
    view = memoryview(owner).cast("B")
    return view if writable else view.toreadonly()


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return libc


def _write_all(fd: int, data: bytes | memoryview, offset: int) -> None:
    """Write every byte at an offset; one call may write less (2 GB is the kernel's limit)."""
    view = memoryview(data)
    done = 0
    while done < len(view):
        done += os.pwrite(fd, view[done : done + (1 << 30)], offset + done)
