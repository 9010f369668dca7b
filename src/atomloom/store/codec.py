"""Columns to compressed chunks and back, beside HDF5 instead of inside its lock.

What is written is what the HDF5 filter Blosc2 (32026) writes, so plain h5py with hdf5plugin reads it. The functions
come from the library that hdf5plugin carries; ctypes lets go of the interpreter while they work.
"""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import StoreError
from atomloom.store.blosc import (
    BLOCK_BYTES,
    BYTEDELTA,
    SHUFFLE,
    DParams,
    Storage,
    cparams_of,
    decompressor,
    library,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FILTER = 32026
_HEADER = 97
"""Bytes ahead of the chunk in a frame that holds a single chunk and no metadata."""

_SAMPLE_BYTES = 32_768
_CHUNK_HEAD = 32
_LAST_FILTER = 21  # place in a chunk
_COPIED = 2  # flag (byte 2) of a chunk that is kept as it was
_SPECIAL = 0x70  # flags (byte 31) of a chunk of equal values
_PAYS_BYTES = 1 << 29
_left_to_library = 0

# Ways to prepare and squeeze the bytes: filters, effort of zstd, and what is taken off the size for reading it sooner.
# A chunk says itself how it was made, so other ways may be added.
Way = tuple[tuple[int, ...], int]
_WAYS: tuple[tuple[tuple[int, ...], int, float], ...] = (
    ((SHUFFLE,), 1, 0.0),
    ((SHUFFLE, BYTEDELTA), 2, 0.03),  # takes half as long again to undo
    ((), 1, 0.03),
)


def checksum(data: NDArray[np.uint8] | bytes) -> int:
    """XXH64 of some bytes (seed 0), the checksum of everything in a store.

    Examples
    --------
    >>> hex(checksum(b""))  # the published value
    '0xef46db3751d8e999'
    """
    flat = np.frombuffer(data, dtype=np.uint8) if isinstance(data, bytes) else data
    return int(library().XXH64(flat.ctypes.data, flat.nbytes, 0))


def encode(column: NDArray[Any], level: int = 1, way: Way | None = None) -> bytes:
    """Compress one chunk of a column, the way that suits its values.

    Parameters
    ----------
    column : (R,) integer array, contiguous
        A whole chunk.
    level : int
        Least effort of zstd, 1 to 9.
    way : (filters, effort), optional
        What :func:`choose_way` chose for a column like this one; chosen here where not given.

    Returns
    -------
    bytes
        A Blosc2 frame, as the HDF5 filter 32026 writes it.

    Notes
    -----
    Bytes are shuffled, and differenced where that makes the chunk at least three per cent smaller (tried on a sample);
    each plane of bytes is compressed by itself, so planes that do not compress are copied. O(R).

    Examples
    --------
    >>> column = np.arange(5)
    >>> decode(np.frombuffer(encode(column), np.uint8), np.empty(5, np.int64))
    array([0, 1, 2, 3, 4])
    """
    filters, effort = choose_way(column) if way is None else way
    effort = max(effort, level)
    return _framed(_squeezed(column, filters, effort), (column.itemsize, filters, effort))


def choose_way(column: NDArray[Any]) -> Way:
    """Choose how to compress columns like this one, by trying on a sample.

    Examples
    --------
    >>> choose_way(np.zeros(5, dtype=np.uint8))
    ((), 1)
    """
    if column.itemsize == 1:
        return (), 1
    middle, rows = len(column) // 2, _SAMPLE_BYTES // column.itemsize
    sample = column[middle : middle + rows] if len(column) > 2 * rows else column
    cost = [len(_squeezed(sample, filters, effort)) * (1 + handicap) for filters, effort, handicap in _WAYS]
    filters, effort, _ = _WAYS[int(np.argmin(cost))]
    return filters, effort


def _squeezed(column: NDArray[Any], way: tuple[int, ...], level: int) -> NDArray[np.uint8]:
    """Compress values into a Blosc2 chunk; byte differences are taken here, ten times as quickly as by the library."""
    if way == (SHUFFLE, BYTEDELTA) and column.itemsize in {4, 8}:
        chunk = _compressed(byte_steps(column), (SHUFFLE,), level)
        if not chunk[2] & _COPIED and not chunk[31] & _SPECIAL:  # such chunks do not go through filters
            chunk[_LAST_FILTER - 1 : _LAST_FILTER + 1] = SHUFFLE, BYTEDELTA
            chunk[_LAST_FILTER + 8] = column.itemsize
            return chunk
    return _compressed(column, way, level)


def byte_steps(column: NDArray[Any]) -> NDArray[Any]:
    """Give the difference of each byte from that of the value before, modulo 256; blocks begin with the value itself.

    Examples
    --------
    >>> [hex(step) for step in byte_steps(np.array([0x0102, 0x0305, 0x0400]))]
    ['0x102', '0x203', '0x1fb']
    """
    steps, width, block = np.empty_like(column), column.itemsize, BLOCK_BYTES // column.itemsize
    old, new = column.view(np.uint8), steps.view(np.uint8)
    np.subtract(old[width:], old[:-width], out=new[width:])
    steps[::block] = column[::block]
    return steps


def _compressed(column: NDArray[Any], way: tuple[int, ...], level: int) -> NDArray[np.uint8]:
    out = np.empty(column.nbytes + 256 * (2 + column.nbytes // BLOCK_BYTES), dtype=np.uint8)
    lib = library()
    context = lib.blosc2_create_cctx(
        cparams_of(column.itemsize, way, level)
    )  # not kept: it shrinks with what it is given
    try:
        size = lib.blosc2_compress_ctx(context, column.ctypes.data, column.nbytes, out.ctypes.data, out.nbytes)
    finally:
        lib.blosc2_free_ctx(context)
    if size <= 0:
        message = f"a chunk of {len(column):,} values cannot be compressed (Blosc2 error {size})."
        raise StoreError(message)
    return out[:size]


def _framed(chunk: NDArray[np.uint8], kind: tuple[int, tuple[int, ...], int]) -> bytes:
    """Put a chunk into a frame; frames of one kind and size differ in their lengths alone.

    The library copies a chunk three times for that, so it makes the first frame, whose ends serve the next ones.
    """
    size = int.from_bytes(chunk[4:8].tobytes(), "little")
    if chunk[31] & _SPECIAL:  # a chunk of equal values, which a frame does not store
        return _library_frame(chunk, kind)
    ends = _FRAMES.get((kind, size))
    if ends is None:
        whole = _library_frame(chunk, kind)
        ends = _FRAMES[kind, size] = whole[:_HEADER], whole[_HEADER + len(chunk) :]
        while len(_FRAMES) > _FRAMES_KEPT:
            _FRAMES.pop(next(iter(_FRAMES)))
    head, tail = bytearray(ends[0]), ends[1]
    head[16:24] = (len(head) + len(chunk) + len(tail)).to_bytes(8, "big")
    head[39:47] = len(chunk).to_bytes(8, "big")
    return b"".join((head, chunk.data, tail))


_FRAMES: dict[tuple[tuple[int, tuple[int, ...], int], int], tuple[bytes, bytes]] = {}
_FRAMES_KEPT = 64


def _library_frame(chunk: NDArray[np.uint8], kind: tuple[int, tuple[int, ...], int]) -> bytes:
    lib, dparams, cparams = library(), DParams(nthreads=1), cparams_of(*kind)
    storage = Storage(contiguous=True, cparams=ctypes.addressof(cparams), dparams=ctypes.addressof(dparams))
    schunk = lib.blosc2_schunk_new(ctypes.addressof(storage))
    try:
        at, owned = ctypes.c_void_p(), ctypes.c_bool()
        # the frame copies the chunk, so it may go afterwards
        if lib.blosc2_schunk_append_chunk(schunk, chunk.ctypes.data, True) != 1:
            raise StoreError("a compressed chunk cannot be framed by Blosc2.")
        size = lib.blosc2_schunk_to_buffer(schunk, ctypes.addressof(at), ctypes.addressof(owned))
        if size <= 0 or owned.value:
            raise StoreError(f"a compressed chunk cannot be framed by Blosc2 ({size}).")
        return ctypes.string_at(at.value or 0, size)
    finally:
        lib.blosc2_schunk_free(schunk)


def decode(frame: NDArray[np.uint8], out: NDArray[Any], start: int = 0) -> NDArray[Any]:
    """Decompress rows ``start .. start + len(out)`` of a chunk into ``out``.

    Parameters
    ----------
    frame : (F,) uint8
        A frame of :func:`encode` (or of the HDF5 filter, for a chunk of one dimension).
    out : (n,) array, contiguous
        Of the column's dtype; filled and returned.
    start : int
        First row wanted, from the start of the chunk.

    Raises
    ------
    StoreError
        If the frame is damaged.

    Notes
    -----
    Only blocks (128 KiB of values) with wanted rows are decompressed.

    Examples
    --------
    >>> frame = np.frombuffer(encode(np.arange(5)), np.uint8)
    >>> decode(frame, np.empty(2, np.int64), start=3)
    array([3, 4])
    """
    body = _body(frame)
    head = frame[: body + _CHUNK_HEAD].tobytes()  # looking into bytes is much quicker than into an array
    if not int.from_bytes(head[39:47], "big"):
        return _decode_constant(frame, out, start)
    rows = int.from_bytes(head[body + 4 : body + 8], "little") // out.itemsize
    if not 0 <= start <= start + len(out) <= rows or not len(out):
        raise StoreError(f"rows {start:,} to {start + len(out):,} are not in a chunk of {rows:,}.")
    with decompressor() as context:
        if start == 0 and len(out) == rows:
            got = _whole(context, frame[body:], head[body:], out)
        else:
            source, size = frame.ctypes.data + body, len(frame) - body
            got = library().blosc2_getitem_ctx(context, source, size, start, len(out), out.ctypes.data, out.nbytes)
    if got != out.nbytes:
        raise StoreError(f"a chunk cannot be decompressed (Blosc2 error {got}).")
    return out


def _whole(context: int, chunk: NDArray[np.uint8], head: bytes, out: NDArray[Any]) -> int:
    """Decompress a whole chunk; byte differences are added up here, ten times as quickly as by the library."""
    add_up = _adder(head, out) if chunk.flags.writeable else None
    if add_up is not None:
        chunk[_LAST_FILTER] = 0  # what the library does not see it leaves to us
    try:
        got = int(library().blosc2_decompress_ctx(context, chunk.ctypes.data, len(chunk), out.ctypes.data, out.nbytes))
    finally:
        if add_up is not None:
            chunk[_LAST_FILTER] = BYTEDELTA
    if add_up is not None and got == out.nbytes:
        add_up(out.view(np.uint8), out.itemsize, int.from_bytes(head[8:12], "little"))
    return got


def _adder(head: bytes, out: NDArray[Any]) -> Callable[..., None] | None:
    """Give the kernel that undoes what the last filter did; None where the library had better do it.

    Compiled code takes a third of a second to load, so it pays once that much has been read, or where it is loaded.
    """
    global _left_to_library  # noqa: PLW0603 - a count that only decides who works, not what comes out
    as_we_write = head[_LAST_FILTER - 1] == SHUFFLE and head[_LAST_FILTER] == BYTEDELTA
    if not as_we_write or out.itemsize not in {4, 8} or head[2] & _COPIED:
        return None
    if "numba" not in sys.modules and _left_to_library < _PAYS_BYTES:
        _left_to_library += out.nbytes
        return None
    from atomloom.store.byte_kernels import add_bytes_up  # noqa: PLC0415 - compiles

    return add_bytes_up


def _decode_constant(frame: NDArray[np.uint8], out: NDArray[Any], start: int) -> NDArray[Any]:
    """Decompress a chunk of equal values, which a frame notes without storing it."""
    lib = library()
    schunk = lib.blosc2_schunk_from_buffer(frame.ctypes.data, len(frame), False)
    if not schunk:
        raise StoreError("a chunk is no Blosc2 frame.")
    try:
        size = int.from_bytes(frame[30:38].tobytes(), "big")
        whole = np.empty(size // out.itemsize, dtype=out.dtype)
        got = lib.blosc2_schunk_decompress_chunk(schunk, 0, whole.ctypes.data, whole.nbytes)
    finally:
        lib.blosc2_schunk_free(schunk)
    if got != whole.nbytes or start + len(out) > len(whole):
        raise StoreError(f"a chunk cannot be decompressed (Blosc2 error {got}).")
    out[:] = whole[start : start + len(out)]
    return out


def _body(frame: NDArray[np.uint8]) -> int:
    """Say where the chunk begins in a frame that holds one chunk."""
    magic = frame[2:10].tobytes() if len(frame) > _HEADER + 32 else b""
    body = int.from_bytes(frame[11:15].tobytes(), "big") if magic == b"b2frame\0" else 0
    if not _HEADER <= body <= len(frame) - 32:
        raise StoreError("a chunk is no Blosc2 frame.")
    return body
