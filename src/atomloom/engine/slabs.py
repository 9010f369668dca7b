"""Slabs: memory files in which large results come back, recycled instead of freed.

First touch of fresh pages costs several times more than the copy itself, so a slab is
handed back to its worker as soon as nothing in the parent reads it any more.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.share import map_file, parcel_size, read_parcel, write_parcel

if TYPE_CHECKING:
    from collections.abc import Sequence

KEEP_MAPPED = 1 << 20
"""Results from this size on are read in place; smaller ones are copied out of their slab."""


def many() -> int:
    """Give the slabs of one worker that may be out at one time: each holds a descriptor there.

    A reducer that keeps more keeps its results, and the worker lets go. A quarter of the descriptors
    that a process may have, at most 32: the rest is for the function and for what the worker inherits.
    """
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 32 if allowed == resource.RLIM_INFINITY else max(2, min(32, allowed // 4))


_PAGE = os.sysconf("SC_PAGE_SIZE")


class Slabs:
    """One worker's memory files for large results, recycled when the parent lets go."""

    def __init__(self) -> None:
        self._size: dict[int, int] = {}
        self._fd: dict[int, int] = {}
        self._free: list[int] = []
        self._dropped: list[int] = []
        self._next = 0

    def put(self, parts: list[bytes | memoryview]) -> tuple[int, int | None]:
        """Write parts into a slab: its number, and its descriptor if the parent has not seen it."""
        end = parcel_size(parts)
        number = self._fitting(end)
        fresh = number is None
        if number is None:
            number, self._next = self._next, self._next + 1
            size = -(-end // _PAGE) * _PAGE
            fd = os.memfd_create("atomloom", os.MFD_CLOEXEC)
            os.ftruncate(fd, size)
            self._fd[number], self._size[number] = fd, size
        fd = self._fd[number]
        write_parcel(fd, parts)
        return number, fd if fresh else None

    def _fitting(self, size: int) -> int | None:
        fits = [number for number in self._free if size <= self._size[number] <= 4 * size + (1 << 16)]
        if not fits:
            # Sizes have changed: slabs that no longer fit would only hold memory.
            self._dropped += self._free
            self.forget(self._free)
            self._free = []
            return None
        best = min(fits, key=self._size.__getitem__)
        self._free.remove(best)
        return best

    def dropped(self) -> list[int]:
        """Give the slabs that were dropped since the last time; the parent unmaps them."""
        out, self._dropped = self._dropped, []
        return out

    def release(self, numbers: list[int]) -> None:
        """Take slabs back that the parent no longer reads."""
        self._free += [number for number in numbers if number in self._fd]

    def forget(self, numbers: list[int]) -> None:
        """Drop slabs that the parent keeps for good."""
        for number in numbers:
            if number in self._fd:
                os.close(self._fd.pop(number))
                del self._size[number]

    def clear(self) -> None:
        """Drop every slab; the parent's mappings live on their own."""
        self._free.clear()
        self.forget(list(self._fd))


class SlabReader:
    """The parent's side: maps the slabs of one worker and knows when they are free again."""

    def __init__(self) -> None:
        self._slabs: dict[int, memoryview] = {}
        self._leases: dict[int, weakref.ref[Any]] = {}
        self._released: list[int] = []
        self._kept: list[int] = []
        self._many = many()
        self.used = False

    def returned(self) -> tuple[list[int], list[int]]:
        """Give the slabs that the worker may reuse, and those it should forget; once each."""
        out = self._released, self._kept
        self._released, self._kept = [], []
        return out

    def read(
        self, number: int, parts: int, fds: list[int], dropped: Sequence[int] = (), *, keep: bool
    ) -> tuple[Any, int]:
        """Unpickle a result from its slab, large ones in place; give it and its bytes.

        The worker has dropped some slabs: they are unmapped here. With ``keep`` the mapping
        belongs to the result for good.
        """
        self.used = True
        for each in dropped:
            self._slabs.pop(each, None)
        for fd in fds:
            self._slabs[number] = map_file(fd, writable=True)
            os.close(fd)
        slab = self._slabs[number]
        total = int(np.frombuffer(slab[: 8 * parts], dtype=np.int64).sum())
        if total < KEEP_MAPPED or parts == 1:
            whole = memoryview(bytearray(slab[: total + 64 * (parts + 1) + 8 * parts]))
            self._released.append(number)
            head, *buffers = read_parcel(whole, parts)
            return pickle.loads(head, buffers=buffers), total
        # An owner of its own, and no array: the base of a view of a view is the last array in the chain,
        # so an array could be collected while views of it still read the slab.
        lease = (ctypes.c_ubyte * len(slab)).from_buffer(slab)
        head, *buffers = read_parcel(memoryview(lease).cast("B"), parts)
        if keep or len(self._leases) >= self._many:
            self._kept.append(number)
            del self._slabs[number]
        else:
            self._leases[number] = weakref.ref(lease, _Release(self, number))
        return pickle.loads(head, buffers=buffers), total

    def release(self, number: int) -> None:
        """Note that the last array that read a slab is gone."""
        if self._leases.pop(number, None) is not None:
            self._released.append(number)


class _Release:
    __slots__ = ("_number", "_reader")

    def __init__(self, reader: SlabReader, number: int) -> None:
        self._reader, self._number = reader, number

    def __call__(self, _: object) -> None:
        self._reader.release(self._number)
