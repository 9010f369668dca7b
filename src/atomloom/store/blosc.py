"""The functions of the Blosc2 library that hdf5plugin carries, called by ctypes, which lets go of the interpreter."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 131_072
"""What is compressed together: a few rows are read by decompressing only their blocks."""

SHUFFLE, BYTEDELTA = 1, 35
_ZSTD, _SPLIT = 5, 1
_MAX_FILTERS = 6


class CParams(ctypes.Structure):
    """How to compress: ``blosc2_cparams``.

    Examples
    --------
    >>> CParams(typesize=8).typesize
    8
    """

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


class DParams(ctypes.Structure):
    """How to decompress: ``blosc2_dparams``.

    Examples
    --------
    >>> DParams(nthreads=1).nthreads
    1
    """

    _fields_ = (
        ("nthreads", ctypes.c_int16),
        ("schunk", ctypes.c_void_p),
        ("postfilter", ctypes.c_void_p),
        ("postparams", ctypes.c_void_p),
        ("typesize", ctypes.c_int32),
        ("spare", ctypes.c_uint8 * 64),
    )


class Storage(ctypes.Structure):
    """Where chunks go: ``blosc2_storage``.

    Examples
    --------
    >>> Storage(contiguous=True).contiguous
    True
    """

    _fields_ = (
        ("contiguous", ctypes.c_bool),
        ("urlpath", ctypes.c_char_p),
        ("cparams", ctypes.c_void_p),
        ("dparams", ctypes.c_void_p),
        ("io", ctypes.c_void_p),
        ("spare", ctypes.c_uint8 * 64),
    )


@functools.cache
def library() -> Any:
    """Load it once.

    Raises
    ------
    StoreError
        If it is not there or lacks a function.
    """
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
        ("blosc2_create_cctx", pointer, [CParams]),
        ("blosc2_create_dctx", pointer, [DParams]),
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
def decompressor() -> Iterator[int]:
    """Lend a context to decompress with; nobody else uses it meanwhile.

    Examples
    --------
    >>> with decompressor() as context:
    ...     context > 0
    True
    """
    try:
        context = _DECOMPRESSORS.pop()  # atomic, so threads need no lock
    except IndexError:
        context = int(library().blosc2_create_dctx(DParams(nthreads=1)))
    try:
        yield context
    finally:
        _DECOMPRESSORS.append(context)


def cparams_of(typesize: int, way: tuple[int, ...], level: int) -> CParams:
    """Say how to compress values of some bytes: the filters, the effort of zstd, a stream per plane of bytes.

    Examples
    --------
    >>> list(cparams_of(8, (SHUFFLE, BYTEDELTA), 2).filters)
    [0, 0, 0, 0, 1, 35]
    """
    made = CParams(compcode=_ZSTD, clevel=level, typesize=typesize, nthreads=1, splitmode=_SPLIT)
    made.blocksize = BLOCK_BYTES
    for place, kind in enumerate(way, start=_MAX_FILTERS - len(way)):
        made.filters[place] = kind
        made.filters_meta[place] = typesize if kind == BYTEDELTA else 0
    return made
