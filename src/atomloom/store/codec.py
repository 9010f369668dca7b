"""Columns to compressed chunks and back, beside HDF5 instead of inside its lock.

What is written is what the HDF5 filter Blosc2 (32026) writes, so plain h5py with hdf5plugin reads it. The functions
come from the library that hdf5plugin carries; ctypes lets go of the interpreter while they work.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FILTER = 32026
BLOCK_BYTES = 131_072
"""What is compressed together: a few rows are read by decompressing only their blocks."""

_HEADER = 97
"""Bytes ahead of the chunk in a frame that holds a single chunk and no metadata."""

_ZSTD, _SPLIT, _SHUFFLE, _BYTEDELTA = 5, 1, 1, 35
_MAX_FILTERS = 6

_SAMPLE_BYTES = 32_768

# Ways to prepare and squeeze the bytes: filters, effort of zstd, and what is taken off the size for reading it sooner.
# A chunk says itself how it was made, so other ways may be added.
Way = tuple[tuple[int, ...], int]
_WAYS: tuple[tuple[tuple[int, ...], int, float], ...] = (
    ((_SHUFFLE,), 1, 0.0),
    ((_SHUFFLE,), 3, 0.0),
    ((_SHUFFLE, _BYTEDELTA), 1, 0.06),  # takes twice as long to undo
    ((), 1, 0.03),
)


class _CParams(ctypes.Structure):
    _fields_ = (
        ("compcode", ctypes.c_uint8),
        ("compcode_meta", ctypes.c_uint8),
        ("clevel", ctypes.c_uint8),
        ("use_dict", ctypes.c_int),
        ("typesize", ctypes.c_int32),
        ("nthreads", ctypes.c_int16),
        ("blocksize", ctypes.c_int32),
        ("splitmode", ctypes.c_int32),
        ("schunk", ctypes.c_void_p),
        ("filters", ctypes.c_uint8 * _MAX_FILTERS),
        ("filters_meta", ctypes.c_uint8 * _MAX_FILTERS),
        ("prefilter", ctypes.c_void_p),
        ("preparams", ctypes.c_void_p),
        ("tuner_params", ctypes.c_void_p),
        ("tuner_id", ctypes.c_int),
        ("instr_codec", ctypes.c_bool),
        ("codec_params", ctypes.c_void_p),
        ("filter_params", ctypes.c_void_p * _MAX_FILTERS),
        ("spare", ctypes.c_uint8 * 64),  # a later version may have grown
    )


class _DParams(ctypes.Structure):
    _fields_ = (
        ("nthreads", ctypes.c_int16),
        ("schunk", ctypes.c_void_p),
        ("postfilter", ctypes.c_void_p),
        ("postparams", ctypes.c_void_p),
        ("typesize", ctypes.c_int32),
        ("spare", ctypes.c_uint8 * 64),
    )


class _Storage(ctypes.Structure):
    _fields_ = (
        ("contiguous", ctypes.c_bool),
        ("urlpath", ctypes.c_char_p),
        ("cparams", ctypes.c_void_p),
        ("dparams", ctypes.c_void_p),
        ("io", ctypes.c_void_p),
        ("spare", ctypes.c_uint8 * 64),
    )


@functools.cache
def _library() -> Any:
    import hdf5plugin  # noqa: PLC0415 - heavy, and not needed to describe trades

    path = Path(hdf5plugin.PLUGIN_PATH) / "libh5blosc2.so"
    try:
        lib = ctypes.CDLL(os.fspath(path))
        _declare(lib)
    except (OSError, AttributeError) as error:
        message = f"{path} cannot be used: {error}. Hint: python -m pip install --upgrade 'hdf5plugin>=7'."
        raise StoreError(message) from error
    lib.blosc2_init()
    return lib


def _declare(lib: Any) -> None:
    pointer, int32, int64 = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
    for name, result, arguments in (
        ("blosc2_init", None, []),
        ("blosc2_create_cctx", pointer, [_CParams]),
        ("blosc2_create_dctx", pointer, [_DParams]),
        ("blosc2_free_ctx", None, [pointer]),
        ("blosc2_compress_ctx", ctypes.c_int, [pointer, pointer, int32, pointer, int32]),
        ("blosc2_decompress_ctx", ctypes.c_int, [pointer, pointer, int32, pointer, int32]),
        ("blosc2_getitem_ctx", ctypes.c_int, [pointer, pointer, int32, ctypes.c_int, ctypes.c_int, pointer, int32]),
        ("blosc2_schunk_new", pointer, [pointer]),
        ("blosc2_schunk_append_chunk", int64, [pointer, pointer, ctypes.c_bool]),
        ("blosc2_schunk_to_buffer", int64, [pointer, pointer, pointer]),
        ("blosc2_schunk_from_buffer", pointer, [pointer, int64, ctypes.c_bool]),
        ("blosc2_schunk_decompress_chunk", ctypes.c_int, [pointer, int64, pointer, int32]),
        ("blosc2_schunk_free", ctypes.c_int, [pointer]),
        ("XXH64", ctypes.c_uint64, [pointer, ctypes.c_size_t, ctypes.c_uint64]),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments


_DECOMPRESSORS: deque[int] = deque()
"""Contexts that nobody uses at the moment: the library's are not safe to share, and making one takes memory."""


@contextlib.contextmanager
def _decompressor() -> Iterator[int]:
    try:
        context = _DECOMPRESSORS.pop()  # atomic, so threads need no lock
    except IndexError:
        context = int(_library().blosc2_create_dctx(_DParams(nthreads=1)))
    try:
        yield context
    finally:
        _DECOMPRESSORS.append(context)


def _cparams(typesize: int, way: tuple[int, ...], level: int) -> _CParams:
    made = _CParams(compcode=_ZSTD, clevel=level, typesize=typesize, nthreads=1, splitmode=_SPLIT)
    made.blocksize = BLOCK_BYTES
    for place, kind in enumerate(way, start=_MAX_FILTERS - len(way)):
        made.filters[place] = kind
        made.filters_meta[place] = typesize if kind == _BYTEDELTA else 0
    return made


def checksum(data: NDArray[np.uint8] | bytes) -> int:
    """XXH64 of some bytes (seed 0), the checksum of everything in a store.

    Examples
    --------
    >>> hex(checksum(b""))  # the published value
    '0xef46db3751d8e999'
    """
    flat = np.frombuffer(data, dtype=np.uint8) if isinstance(data, bytes) else data
    return int(_library().XXH64(flat.ctypes.data, flat.nbytes, 0))


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
    Bytes are shuffled, and differenced where that makes the chunk at least six per cent smaller (tried on a sample);
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
    out = np.empty(column.nbytes + 256 * (2 + column.nbytes // BLOCK_BYTES), dtype=np.uint8)
    lib = _library()
    context = lib.blosc2_create_cctx(
        _cparams(column.itemsize, way, level)
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
    if chunk[31] & 0x70:  # a chunk of equal values, which a frame does not store
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
    lib, dparams, cparams = _library(), _DParams(nthreads=1), _cparams(*kind)
    storage = _Storage(contiguous=True, cparams=ctypes.addressof(cparams), dparams=ctypes.addressof(dparams))
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
    if not int.from_bytes(frame[39:47].tobytes(), "big"):
        return _decode_constant(frame, out, start)
    lib = _library()
    rows = int.from_bytes(frame[body + 4 : body + 8].tobytes(), "little") // out.itemsize
    if not 0 <= start <= start + len(out) <= rows or not len(out):
        raise StoreError(f"rows {start:,} to {start + len(out):,} are not in a chunk of {rows:,}.")
    source, size = frame.ctypes.data + body, len(frame) - body
    with _decompressor() as context:
        if start == 0 and len(out) == rows:
            got = lib.blosc2_decompress_ctx(context, source, size, out.ctypes.data, out.nbytes)
        else:
            got = lib.blosc2_getitem_ctx(context, source, size, start, len(out), out.ctypes.data, out.nbytes)
    if got != out.nbytes:
        raise StoreError(f"a chunk cannot be decompressed (Blosc2 error {got}).")
    return out


def _decode_constant(frame: NDArray[np.uint8], out: NDArray[Any], start: int) -> NDArray[Any]:
    """Decompress a chunk of equal values, which a frame notes without storing it."""
    lib = _library()
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
