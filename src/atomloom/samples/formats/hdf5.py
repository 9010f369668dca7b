"""HDF5: contiguous columns that threads write without HDF5's lock, or chunks that they compress without it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.samples.formats.layout import FileEntry, Format, Layout
from atomloom.samples.formats.reading_columns import MappedColumns, PieceColumns
from atomloom.samples.formats.shuffle_kernels import shuffle_bytes
from atomloom.samples.formats.sink import begin_with, entry_of, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from atomloom.samples.formats.layout import Pieces

    Batch = dict[str, NDArray[Any]]

CHUNK_ROWS = 256
_FILTERS = {"zstd": 32015, "lz4": 32004}
_PAGE = 4096
_LARGE = 1 << 15  # bytes from which a chunk is worth a kernel
_LEVEL = -1  # shuffled: half the time of level 1, and 4 % more bytes


def files(layout: Layout, shard: int) -> tuple[str, ...]:
    """Name a shard's file."""
    return layout.names(shard, "h5")


def chunk_rows(layout: Layout) -> int:
    """Rows that are compressed together: 256 where pieces are made of them."""
    return CHUNK_ROWS if layout.piece_rows % CHUNK_ROWS == 0 else layout.piece_rows


def write(layout: Layout, shard: int, places: Sequence[Path], pieces: Pieces) -> list[FileEntry]:
    """Write a shard: HDF5 makes room for the columns, and says where.

    Notes
    -----
    The library works for one thread at a time. So it only writes what describes the data; numbers go to the places
    that it has set apart, or into chunks that were compressed before.
    """
    place = places[0]
    if layout.compression is None:
        starts = _room(layout, shard, place)
        file = os.open(place, os.O_WRONLY | os.O_CLOEXEC)
        try:
            for low, batch in pieces:
                for name, start in starts.items():
                    array = batch[name]
                    write_all(file, array.reshape(-1).view(np.uint8), start + low * (array.nbytes // len(array)))
            os.fsync(file)
        finally:
            os.close(file)
    else:
        place.touch()
        file = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _write_chunks(layout, shard, place, _begun_with(pieces, file))
            os.fsync(file)
        finally:
            os.close(file)
    return [entry_of(place)]


def _opened(place: Path, mode: str) -> Any:
    settings = {"alignment_threshold": _PAGE, "alignment_interval": _PAGE} if mode == "w" else {}
    return need("h5py").File(place, mode, **settings)


def _room(layout: Layout, shard: int, place: Path) -> dict[str, int]:
    """Make a file with room for all columns, not yet filled; give the place of each."""
    h5py = need("h5py")
    rows = layout.rows_of(shard)
    with _closed_whatever(_opened(place, "w")) as file:
        file.attrs.update(layout.marks(shard))
        found = {}
        for name, (dtype, shape) in layout.fields.items():
            plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plan.set_layout(h5py.h5d.CONTIGUOUS)
            plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            plan.set_obj_track_times(False)
            made = h5py.h5d.create(
                file.id, name.encode(), h5py.h5t.py_create(dtype), h5py.h5s.create_simple((rows, *shape)), plan
            )
            found[name] = made.get_offset()
    return found


def _write_chunks(layout: Layout, shard: int, place: Path, pieces: Pieces) -> None:
    rows, step = layout.rows_of(shard), chunk_rows(layout)
    with _closed_whatever(_opened(place, "w")) as file:
        file.attrs.update(layout.marks(shard))
        made = {}
        for name, (dtype, shape) in layout.fields.items():
            size = step if shape else layout.piece_rows
            made[name] = file.create_dataset(
                name, (rows, *shape), dtype, chunks=(min(size, rows), *shape), shuffle=True, track_times=False,
                fill_time="never", compression=_FILTERS[str(layout.compression)], compression_opts=_options(layout),
            )  # fmt: skip
        for low, batch in pieces:
            for name, dataset in made.items():
                _put_chunks(dataset, low, batch[name], str(layout.compression))


def _begun_with(pieces: Pieces, file: int) -> Pieces:
    """Give pieces, and have the disk begin with what HDF5 wrote of one while the next is computed."""
    low = 0
    for piece in pieces:
        yield piece
        high = os.fstat(file).st_size
        begin_with(file, low, high)
        low = high


@contextlib.contextmanager
def _closed_whatever(file: Any) -> Iterator[Any]:
    """Close a file; where the disk refused something, that is what is raised, and not that closing failed, too."""
    try:
        yield file
    except BaseException:
        with contextlib.suppress(RuntimeError, OSError):
            file.close()
        raise
    try:
        file.close()
    except RuntimeError as error:
        found = re.search(r"errno = (\d+)", str(error))
        number = int(found[1]) if found else errno.EIO
        raise OSError(number, os.strerror(number)) from error


def _options(layout: Layout) -> tuple[int, ...]:
    """Options as the filters keep them: the level of zstd, the size of a block of LZ4 (0: what is usual)."""
    need("hdf5plugin")
    return (1,) if layout.compression == "zstd" else (0,)


def _put_chunks(dataset: Any, low: int, array: NDArray[Any], codec: str) -> None:
    step = dataset.chunks[0]
    for start in range(0, len(array), step):
        chunk = array[start : start + step]
        if len(chunk) < step:  # the last chunk of a dataset has its full size, too
            chunk = np.concatenate([chunk, np.zeros((step - len(chunk), *chunk.shape[1:]), dtype=chunk.dtype)])
        dataset.id.write_direct_chunk((low + start, *(0,) * (array.ndim - 1)), _compressed(chunk, codec))


def _compressed(chunk: NDArray[Any], codec: str) -> Any:
    """Compress as HDF5's filters would: bytes of equal weight together, then zstd, or LZ4 in its HDF5 frame."""
    pa, plain = need("pyarrow"), _shuffled(chunk)
    if codec == "zstd":
        return pa.Codec("zstd", compression_level=_LEVEL).compress(pa.py_buffer(plain))
    packed = pa.Codec("lz4_raw").compress(pa.py_buffer(plain))
    if packed.size >= plain.nbytes:
        packed = pa.py_buffer(plain)
    return struct.pack(">QII", plain.nbytes, plain.nbytes, packed.size) + packed.to_pybytes()


def _shuffled(chunk: NDArray[Any]) -> NDArray[np.uint8]:
    """Put bytes of equal weight together; windows by a kernel, which numpy is seven times as slow as."""
    size = chunk.dtype.itemsize
    if size == 1:
        return chunk.reshape(-1).view(np.uint8)
    if chunk.nbytes < _LARGE:
        return np.ascontiguousarray(chunk.reshape(-1).view(np.uint8).reshape(-1, size).T)
    words, out = chunk.reshape(-1).view(f"u{size}"), np.empty((size, chunk.size), dtype=np.uint8)
    words.flags.writeable = False  # one form for the compiler
    shuffle_bytes(words, out)
    return out


def read(layout: Layout, shard: int, places: Sequence[Path]) -> MappedColumns | PieceColumns:
    """Open a shard: contiguous columns are mapped; chunks are decoded by HDF5."""
    need("hdf5plugin")
    rows = layout.rows_of(shard)
    if layout.compression is None:
        with _opened(places[0], "r") as file:
            starts = {name: file[name].id.get_offset() for name in layout.fields}
        return MappedColumns.of({
            name: np.memmap(places[0], dtype, "r", starts[name], (rows, *shape))
            for name, (dtype, shape) in layout.fields.items()
        })  # fmt: skip
    file = _opened(places[0], "r")

    def decode(piece: int) -> Batch:
        low = piece * layout.piece_rows
        return {name: file[name][low : low + layout.piece_rows] for name in layout.fields}

    return PieceColumns(decode, layout.piece_rows, rows)


def _memory(layout: Layout) -> int:
    return (1 << 20) + (0 if layout.compression is None else layout.piece_bytes)


FORMAT = Format("hdf5", (None, "lz4", "zstd"), files, write, read, _memory, library="h5py")
