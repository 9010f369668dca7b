"""Zarr version 3: an array for each field, a whole shard of it in each file, written without the library."""

from __future__ import annotations

import contextlib
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.samples.formats.layout import FileEntry, Format, Layout
from atomloom.samples.formats.reading_columns import MappedColumns, PieceColumns
from atomloom.samples.formats.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from atomloom.samples.formats.layout import Pieces

    Batch = dict[str, NDArray[Any]]

_AXES = ("sample", "channel", "bar")
_NOTHING = (1 << 64) - 1
_POLYNOMIAL = 0x82F63B78


def files(layout: Layout, shard: int) -> tuple[str, ...]:
    """Name a shard's files: the keys that Zarr gives to the chunks of arrays."""
    return tuple(f"{name}/c/{shard}{'/0' * len(shape)}" for name, (_, shape) in layout.fields.items())


def standing(layout: Layout) -> dict[str, bytes]:
    """Give the metadata of the group and of its arrays."""
    marks = {"atomloom.recipe": layout.recipe}
    found = {"zarr.json": _json({"zarr_format": 3, "node_type": "group", "attributes": marks})}
    for name, (dtype, shape) in layout.fields.items():
        axes = list(_AXES[: 1 + len(shape)]) if name == "x" or not shape else None
        found[f"{name}/zarr.json"] = _json(_metadata(layout, dtype, shape, axes))
    return found


def _metadata(layout: Layout, dtype: np.dtype[Any], shape: tuple[int, ...], axes: list[str] | None) -> dict[str, Any]:
    little = {"name": "bytes", "configuration": {"endian": "little"}} if dtype.itemsize > 1 else {"name": "bytes"}
    index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
    packed = [{"name": "zstd", "configuration": {"level": 1, "checksum": False}}] if layout.compression else []
    sharding = {
        "chunk_shape": [layout.piece_rows, *shape], "codecs": [little, *packed], "index_codecs": index,
        "index_location": "end",
    }  # fmt: skip
    found = {
        "zarr_format": 3, "node_type": "array", "shape": [layout.n, *shape], "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [layout.shard_rows, *shape]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0.0 if dtype.kind == "f" else 0,
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}], "attributes": {},
    }  # fmt: skip
    return found if axes is None else {**found, "dimension_names": axes}


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode() + b"\n"


def write(layout: Layout, _: int, places: Sequence[Path], pieces: Pieces) -> list[FileEntry]:
    """Write a shard: inner chunks one behind the other, and where they lie at the end."""
    with contextlib.ExitStack() as stack:
        sinks = [stack.enter_context(Sink(place)) for place in places]
        index: list[list[tuple[int, int]]] = [[] for _ in sinks]
        for _, batch in pieces:
            for sink, name, spans in zip(sinks, layout.fields, index, strict=True):
                start = sink.tell()
                sink.write(_chunk(layout, batch[name]))
                spans.append((start, sink.tell() - start))
        for sink, spans in zip(sinks, index, strict=True):
            sink.write(_index(spans, layout.shard_rows // layout.piece_rows))
    return [sink.entry for sink in sinks]


def _chunk(layout: Layout, array: NDArray[Any]) -> Any:
    """Give the bytes of an inner chunk; the last has its full size, too."""
    missing = layout.piece_rows - len(array)
    if missing:
        array = np.concatenate([array, np.zeros((missing, *array.shape[1:]), dtype=array.dtype)])
    if layout.compression is None:
        return array
    pa = need("pyarrow")
    return pa.Codec("zstd", compression_level=1).compress(pa.py_buffer(array))


def _index(spans: list[tuple[int, int]], chunks: int) -> bytes:
    spans = spans + [(_NOTHING, _NOTHING)] * (chunks - len(spans))
    found = b"".join(struct.pack("<QQ", *span) for span in spans)
    return found + struct.pack("<I", crc32c(found))


def crc32c(content: bytes) -> int:
    """Give the checksum of Castagnoli, by which Zarr guards the index of a shard.

    Examples
    --------
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    found = 0xFFFFFFFF
    for byte in content:
        found ^= byte
        for _ in range(8):
            found = (found >> 1) ^ (_POLYNOMIAL if found & 1 else 0)
    return found ^ 0xFFFFFFFF


def read(layout: Layout, shard: int, places: Sequence[Path]) -> MappedColumns | PieceColumns:
    """Open a shard: where nothing is compressed, rows are read from where they lie."""
    rows = layout.rows_of(shard)
    kinds = list(zip(layout.fields.values(), places, strict=True))
    if layout.compression is None:
        return MappedColumns.of({
            name: np.memmap(place, dtype, "r", 0, (rows, *shape))
            for name, ((dtype, shape), place) in zip(layout.fields, kinds, strict=True)
        })  # fmt: skip
    contents = [np.memmap(place, np.uint8, "r") for place in places]
    tables = [_table(content, layout.shard_rows // layout.piece_rows) for content in contents]
    codec = need("pyarrow").Codec("zstd")

    def decode(piece: int) -> Batch:
        found = {}
        size = min(layout.piece_rows, rows - piece * layout.piece_rows)
        for name, content, table in zip(layout.fields, contents, tables, strict=True):
            dtype, shape = layout.fields[name]
            start, length = (int(value) for value in table[piece])
            width = layout.piece_rows * int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            plain = codec.decompress(content[start : start + length], decompressed_size=width)
            found[name] = np.frombuffer(plain, dtype).reshape((layout.piece_rows, *shape))[:size]
        return found

    return PieceColumns(decode, layout.piece_rows, rows)


def _table(content: NDArray[np.uint8], chunks: int) -> NDArray[np.uint64]:
    """Read where the inner chunks of a file lie.

    Raises
    ------
    ValueError
        Where that is damaged.
    """
    index = content[-(16 * chunks + 4) :].tobytes()
    if len(index) != 16 * chunks + 4 or struct.unpack("<I", index[-4:])[0] != crc32c(index[:-4]):
        message = "the index of its chunks is damaged"
        raise ValueError(message)
    return np.frombuffer(index[:-4], "<u8").reshape(chunks, 2)


def check(layout: Layout) -> None:
    """Refuse shards that are not made of equal pieces."""
    if layout.shard_rows % layout.piece_rows:
        message = f"shard_rows is {layout.shard_rows:,}, which does not divide into pieces of {layout.piece_rows:,}"
        raise BadInput(f"{message}, as Zarr wants. Hint: a multiple of {layout.piece_rows:,}, such as 65,536.")


def _memory(layout: Layout) -> int:
    return layout.piece_bytes if layout.compression is None else 2 * layout.piece_bytes


FORMAT = Format("zarr", (None, "zstd"), files, write, read, _memory, standing=standing, check=check)
