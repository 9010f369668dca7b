"""Parquet: a window is a value of fixed length, which is read nine times as fast as a list of numbers."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.samples.formats.arrow import as_array, as_column
from atomloom.samples.formats.layout import FileEntry, Format, Layout
from atomloom.samples.formats.parquet_packed import Packed, PackedWriter, packed
from atomloom.samples.formats.parquet_skeleton import Skeleton, skeleton
from atomloom.samples.formats.reading_columns import PieceColumns
from atomloom.samples.formats.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from atomloom.samples.formats.layout import Pieces

    Batch = dict[str, NDArray[Any]]


def files(layout: Layout, shard: int) -> tuple[str, ...]:
    """Name a shard's file."""
    return layout.names(shard, "parquet")


def schema_of(layout: Layout) -> Any:
    """Give the schema: windows are bytes, and the metadata of their field says of what dtype and shape.

    ``atomloom.tensor`` is ``{"dtype": "<f4", "shape": [5, 64]}``; numbers are little-endian, the last axis is
    contiguous. With ``fixed_size_list=True`` windows are fixed lists of numbers, flat, which every reader knows.
    float16 is kept as bytes in either case: Parquet of old readers has no such number.
    """
    pa = need("pyarrow")
    found = []
    for name, (dtype, shape) in layout.fields.items():
        mark = {"atomloom.tensor": json.dumps({"dtype": dtype.str, "shape": list(shape)})} if shape else None
        found.append(pa.field(name, _kind(layout, dtype, shape), nullable=False, metadata=mark))
    return pa.schema(found, metadata={"atomloom.recipe": layout.recipe})


def _kind(layout: Layout, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
    pa = need("pyarrow")
    if not shape:
        return pa.from_numpy_dtype(dtype)
    if layout.fixed_size_list:
        return pa.list_(pa.field("element", pa.from_numpy_dtype(dtype), nullable=False), math.prod(shape))
    return pa.binary(dtype.itemsize * math.prod(shape))


def write(layout: Layout, shard: int, places: Sequence[Path], pieces: Pieces) -> list[FileEntry]:
    """Write a shard: a row group for each piece, pages without dictionaries.

    Notes
    -----
    Where the numbers of a page lie in it as they do in memory, pyarrow makes the file of zeros once, and each shard
    is that file with other numbers in it, and what describes them: the same bytes as it would write, in less time.
    """
    bones, parts = bones_of(layout, shard), packed_of(layout, shard)
    if bones is not None:
        return [_filled(bones, places[0], pieces)]
    return [by_pyarrow(layout, places[0], pieces) if parts is None else _packed(layout, parts, places[0], pieces)]


def bones_of(layout: Layout, shard: int) -> Skeleton | None:
    """Give what of a shard is not numbers; None where those do not lie as they do in memory."""
    if layout.compression is not None or layout.fixed_size_list:
        return None
    settings = tuple(settings_of(layout).items())
    return skeleton(schema_of(layout), settings, layout.rows_of(shard), layout.piece_rows)


def packed_of(layout: Layout, shard: int) -> Packed | None:
    """Give what describes a shard of compressed pages; None where a column has several in a row group."""
    if layout.compression is None or layout.fixed_size_list:
        return None
    settings = tuple(settings_of(layout).items())
    return packed(schema_of(layout), settings, layout.rows_of(shard), layout.piece_rows)


def settings_of(layout: Layout) -> dict[str, Any]:
    """Give what the writer of pyarrow is told: a piece is a page of each column."""
    page = layout.piece_bytes + (1 << 20)
    return {
        "compression": layout.compression or "none", "use_dictionary": False, "write_statistics": False,
        "data_page_size": page, "write_batch_size": 256, "version": "2.6", "write_page_checksum": False,
    }  # fmt: skip


def by_pyarrow(layout: Layout, place: Path, pieces: Pieces) -> FileEntry:
    """Write a shard with pyarrow."""
    pa, parquet = need("pyarrow"), need("pyarrow.parquet")
    schema = schema_of(layout)
    with Sink(place) as sink:
        with parquet.ParquetWriter(sink, schema, **settings_of(layout)) as writer:
            for _, batch in pieces:
                columns = [_column(batch[field.name], field.type) for field in schema]
                writer.write_batch(pa.record_batch(columns, schema=schema), row_group_size=layout.piece_rows)
        sink.close()
    return sink.entry


def _filled(bones: Skeleton, place: Path, pieces: Pieces) -> FileEntry:
    """Write a shard: what pyarrow would write, around the numbers."""
    with Sink(place) as sink:
        for parts, (_, batch) in zip(bones.pieces, pieces, strict=True):
            for part in parts:
                if isinstance(part, bytes):
                    sink.write(part)
                else:
                    array = batch[part.name]
                    sink.write(array if array.dtype.itemsize >= part.width else array.astype(part.kind))
        sink.write(bones.end)
    return sink.entry


def _packed(layout: Layout, parts: Packed, place: Path, pieces: Pieces) -> FileEntry:
    """Write a shard: what pyarrow would write, pages compressed from where numbers lie."""
    with Sink(place) as sink:
        writer = PackedWriter(sink, parts, str(layout.compression))
        for _, batch in pieces:
            writer.write(batch)
        writer.close()
    return sink.entry


def _column(array: NDArray[Any], kind: Any) -> Any:
    pa = need("pyarrow")
    if array.ndim == 1:
        return as_column(array, kind)
    if pa.types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(as_column(array.reshape(-1), kind.value_type), type=kind)
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(array), [None, pa.py_buffer(array)])


def read(layout: Layout, shard: int, places: Sequence[Path]) -> PieceColumns:
    """Open a shard: a row group is decoded where one of its rows is asked for."""
    parquet = need("pyarrow.parquet")
    source = parquet.ParquetFile(str(places[0]), memory_map=True)

    def decode(piece: int) -> Batch:
        table = source.read_row_group(piece, use_threads=False)
        return {name: _array(table[name].combine_chunks(), *kind) for name, kind in layout.fields.items()}

    return PieceColumns(decode, layout.piece_rows, layout.rows_of(shard))


def _array(column: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    pa = need("pyarrow")
    if not pa.types.is_fixed_size_binary(column.type):
        return as_array(column, dtype, shape)
    width = column.type.byte_width
    found = np.frombuffer(column.buffers()[1], np.uint8, count=width * len(column), offset=width * column.offset)
    return found.view(dtype).reshape((len(column), *shape))


def _memory(layout: Layout) -> int:
    return (2 if layout.compression is None else 3) * layout.piece_bytes


FORMAT = Format("parquet", (None, "lz4", "zstd", "snappy"), files, write, read, _memory, library="pyarrow")
