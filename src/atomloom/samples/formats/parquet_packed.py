"""A Parquet file of compressed pages: described once by pyarrow, and given other sizes and numbers for every shard."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom._lazy import need
from atomloom.samples.formats.parquet_skeleton import Hole, hole_of, zeros
from atomloom.samples.formats.thrift import I32, I64, LIST, STRUCT, Struct, read_struct, write_struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from atomloom.samples.formats.sink import Sink

MAGIC = b"PAR1"
_CODECS = {"lz4": "lz4_raw"}  # what Parquet means by it
# numbers of the fields of Parquet's structs
_GROUPS = 4
_COLUMNS, _GROUP_PLAIN, _GROUP_START, _GROUP_PACKED = 1, 2, 5, 6
_META, _PLAIN, _PACKED, _START = 3, 6, 7, 9
_PAGE_PLAIN, _PAGE_PACKED, _PAGE, _VALUES = 2, 3, 5, 1


class Place(NamedTuple):
    """A page of a column: what it is filled with, and how pyarrow describes it where it is full of zeros.

    Attributes
    ----------
    hole : Hole
    header, chunk : Struct
        Of the page, and of the column in its row group.
    """

    hole: Hole
    header: Struct
    chunk: Struct


class Packed(NamedTuple):
    """What describes a file.

    Attributes
    ----------
    groups : tuple of (Struct, tuple of Place)
        The row groups.
    footer : Struct
    """

    groups: tuple[tuple[Struct, tuple[Place, ...]], ...]
    footer: Struct


@functools.lru_cache(maxsize=8)
def packed(schema: Any, settings: tuple[tuple[str, Any], ...], rows: int, piece_rows: int) -> Packed | None:
    """Give what describes the file that pyarrow makes of zeros.

    Where values have no dictionary, no statistics and no checksum, what describes others differs in sizes only.

    Parameters
    ----------
    schema : pyarrow.Schema
    settings : tuple of (name, value)
        Of the writer; pages must be larger than pieces.
    rows, piece_rows : int

    Returns
    -------
    Packed, or None
        None where a column has more than one page in a row group.
    """
    content, metadata = _of_zeros(schema, settings, rows, piece_rows)
    size = int.from_bytes(content[-8:-4], "little")
    footer, _ = read_struct(content, len(content) - 8 - size)
    groups = []
    for number, group in enumerate(footer[_GROUPS][1][1]):
        places = []
        for column, chunk in enumerate(group[_COLUMNS][1][1]):
            found = metadata.row_group(number).column(column)
            header, end = read_struct(content, found.data_page_offset)
            whole = end - found.data_page_offset + header[_PAGE_PACKED][1] == found.total_compressed_size
            if not whole or header[_PAGE][1][_VALUES][1] != found.num_values:
                return None
            places.append(Place(hole_of(found, schema.field(column)), header, chunk))
        groups.append((group, tuple(places)))
    return Packed(tuple(groups), footer)


def _of_zeros(schema: Any, settings: tuple[tuple[str, Any], ...], rows: int, piece_rows: int) -> tuple[bytes, Any]:
    pa, parquet = need("pyarrow"), need("pyarrow.parquet")
    sink = pa.BufferOutputStream()
    collected: list[Any] = []
    with parquet.ParquetWriter(sink, schema, metadata_collector=collected, **dict(settings)) as writer:
        for low in range(0, rows, piece_rows):
            columns = [zeros(field.type, min(piece_rows, rows - low)) for field in schema]
            writer.write_batch(pa.record_batch(columns, schema=schema), row_group_size=piece_rows)
    return sink.getvalue().to_pybytes(), collected[0]


class PackedWriter:
    """Writes a file, a row group at a time: numbers are compressed from where they lie.

    Parameters
    ----------
    sink : Sink
    shape : Packed
    compression : str
    """

    def __init__(self, sink: Sink, shape: Packed, compression: str) -> None:
        self._sink, self._shape, self._groups = sink, shape, iter(shape.groups)
        self._codec = need("pyarrow").Codec(_CODECS.get(compression, compression))
        self._done: list[Struct] = []
        sink.write(MAGIC)

    def write(self, batch: Mapping[str, NDArray[Any]]) -> None:
        """Write a row group."""
        group, places = next(self._groups)
        chunks, start = [], self._sink.tell()
        for place in places:
            array = batch[place.hole.name]
            if array.dtype.itemsize < place.hole.width:
                array = array.astype(place.hole.kind)
            chunks.append(self._page(place, np.ascontiguousarray(array)))
        plain = sum(chunk[_META][1][_PLAIN][1] for chunk in chunks)
        self._done.append({
            **group, _COLUMNS: (LIST, (STRUCT, chunks)), _GROUP_PLAIN: (I64, plain), _GROUP_START: (I64, start),
            _GROUP_PACKED: (I64, self._sink.tell() - start),
        })  # fmt: skip

    def _page(self, place: Place, array: NDArray[Any]) -> Struct:
        """Write a page; gives what describes its column."""
        body, start = self._codec.compress(need("pyarrow").py_buffer(array)), self._sink.tell()
        header = write_struct({**place.header, _PAGE_PLAIN: (I32, array.nbytes), _PAGE_PACKED: (I32, body.size)})
        self._sink.write(header)
        self._sink.write(body)
        told = {
            **place.chunk[_META][1], _PLAIN: (I64, len(header) + array.nbytes), _PACKED: (I64, len(header) + body.size),
            _START: (I64, start),
        }  # fmt: skip
        return {**place.chunk, _META: (STRUCT, told)}

    def close(self) -> None:
        """Write what describes the whole."""
        footer = write_struct({**self._shape.footer, _GROUPS: (LIST, (STRUCT, self._done))})
        self._sink.write(footer + len(footer).to_bytes(4, "little") + MAGIC)
