"""Arrow IPC: record batches that are mapped into memory and used where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.samples.formats.layout import FileEntry, Format, Layout
from atomloom.samples.formats.reading_columns import MappedColumns, PieceColumns
from atomloom.samples.formats.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from atomloom.samples.formats.layout import Pieces

    Batch = dict[str, NDArray[Any]]


def files(layout: Layout, shard: int) -> tuple[str, ...]:
    """Name a shard's file."""
    return layout.names(shard, "arrow")


def schema_of(layout: Layout, shard: int) -> Any:
    """Give the Arrow schema: a window is a tensor of fixed shape."""
    pa = need("pyarrow")
    found = []
    for name, (dtype, shape) in layout.fields.items():
        kind = pa.from_numpy_dtype(dtype)
        found.append(pa.field(name, pa.fixed_shape_tensor(kind, shape) if shape else kind, nullable=False))
    return pa.schema(found, metadata=layout.marks(shard))


def write(layout: Layout, shard: int, places: Sequence[Path], pieces: Pieces) -> list[FileEntry]:
    """Write a shard: a record batch for each piece."""
    pa, ipc = need("pyarrow"), need("pyarrow.ipc")
    schema = schema_of(layout, shard)
    codec = None if layout.compression is None else pa.Codec(layout.compression)
    options = ipc.IpcWriteOptions(compression=codec, use_threads=False)
    with Sink(places[0]) as sink:
        with ipc.new_file(sink, schema, options=options) as writer:
            for _, batch in pieces:
                columns = [as_column(batch[field.name], field.type) for field in schema]
                writer.write_batch(pa.record_batch(columns, schema=schema))
        sink.close()
    return [sink.entry]


def as_column(array: NDArray[Any], kind: Any) -> Any:
    """Give an array as an Arrow column that shares its memory."""
    pa = need("pyarrow")
    flat = pa.Array.from_buffers(pa.from_numpy_dtype(array.dtype), array.size, [None, pa.py_buffer(array)])
    if array.ndim == 1:
        return flat
    storage = pa.FixedSizeListArray.from_arrays(flat, type=kind.storage_type)
    return pa.ExtensionArray.from_storage(kind, storage)


def as_array(column: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Give an Arrow column of numbers or of fixed lists of them as an array that shares its memory."""
    flat = column.storage if hasattr(column, "storage") else column
    size = int(np.prod(shape, dtype=np.int64))
    begin = flat.offset * size
    flat = flat.values if shape else flat
    buffer = flat.buffers()[1]
    start = (flat.offset if not shape else begin) * dtype.itemsize
    found = np.frombuffer(buffer, dtype, count=len(column) * size, offset=start)
    return found.reshape((len(column), *shape))


def read(layout: Layout, shard: int, places: Sequence[Path]) -> MappedColumns | PieceColumns:
    """Open a shard: where nothing is compressed, rows are read from where they lie."""
    pa, ipc = need("pyarrow"), need("pyarrow.ipc")
    source = ipc.open_file(pa.memory_map(str(places[0])))
    rows = layout.rows_of(shard)

    def decode(piece: int) -> Batch:
        batch = source.get_batch(piece)
        return {name: as_array(batch.column(name), *kind) for name, kind in layout.fields.items()}

    if layout.compression is not None:
        return PieceColumns(decode, layout.piece_rows, rows)
    full, rest = divmod(rows, layout.piece_rows)
    batches = [decode(piece) for piece in range(full + (rest > 0))]
    tail = batches.pop() if rest else {name: column[:0] for name, column in batches[0].items()}
    views = {}
    for name, (dtype, shape) in layout.fields.items():
        views[name] = _stacked([batch[name] for batch in batches], dtype, (layout.piece_rows, *shape))
        if views[name] is None:
            return PieceColumns(decode, layout.piece_rows, rows)
    return MappedColumns(views, tail)


def _stacked(parts: list[NDArray[Any]], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
    """Give equal arrays that lie at equal distances as one array; None where they do not."""
    if not parts:
        return np.empty((0, *shape), dtype=dtype)
    if len(parts) == 1:
        return parts[0][None]
    places = np.array([part.__array_interface__["data"][0] for part in parts])
    steps = np.unique(np.diff(places))
    if len(steps) != 1:
        return None
    return np.lib.stride_tricks.as_strided(
        parts[0], (len(parts), *shape), (int(steps[0]), *parts[0].strides), writeable=False
    )


def _memory(layout: Layout) -> int:
    return 0 if layout.compression is None else layout.piece_bytes


FORMAT = Format("arrow", (None, "lz4", "zstd"), files, write, read, _memory, library="pyarrow")
