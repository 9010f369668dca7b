"""MDS: the shards of MosaicML Streaming, written by whole arrays of samples and not one by one."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.samples.formats.layout import FileEntry, Format, Layout
from atomloom.samples.formats.reading_columns import MappedColumns
from atomloom.samples.formats.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from atomloom.samples.formats.layout import Pieces

INDEX = "index.json"
_LARGEST = 1 << 32


def files(layout: Layout, shard: int) -> tuple[str, ...]:
    """Name a shard's file."""
    return layout.names(shard, "mds")


def sample_of(layout: Layout) -> np.dtype[Any]:
    """Give a sample as the record that MDS makes of it: fields by name, without gaps.

    All fields have a fixed size, so that there are no sizes before them.
    """
    return np.dtype([(name, *layout.fields[name]) for name in sorted(layout.fields)])


def settings_of(layout: Layout) -> dict[str, Any]:
    """Give what a shard says about its columns."""
    names = sorted(layout.fields)
    encodings, sizes = [], []
    for name in names:
        dtype, shape = layout.fields[name]
        encodings.append(f"ndarray:{dtype.name}:{','.join(map(str, shape))}" if shape else dtype.name)
        sizes.append(dtype.itemsize * math.prod(shape))
    return {
        "column_encodings": encodings, "column_names": names, "column_sizes": sizes, "compression": None,
        "format": "mds", "hashes": ["xxh64"], "size_limit": None, "version": 2,
    }  # fmt: skip


def _head(layout: Layout, shard: int) -> bytes:
    """Give what stands before the samples: how many, where each begins and the last ends, and the columns."""
    rows = layout.rows_of(shard)
    settings = json.dumps(settings_of(layout), sort_keys=True).encode()
    first = 4 + 4 * (rows + 1) + len(settings)
    places = first + layout.row_bytes * np.arange(rows + 1, dtype=np.int64)
    return np.uint32(rows).tobytes() + places.astype("<u4").tobytes() + settings


def write(layout: Layout, shard: int, places: Sequence[Path], pieces: Pieces) -> list[FileEntry]:
    """Write a shard."""
    kind = sample_of(layout)
    with Sink(places[0]) as sink:
        sink.write(_head(layout, shard))
        for _, batch in pieces:
            records = np.empty(len(batch["x"]), dtype=kind)
            for name, column in batch.items():
                records[name] = column
            sink.write(records.view(np.uint8))
    return [sink.entry]


def read(layout: Layout, shard: int, places: Sequence[Path]) -> MappedColumns:
    """Open a shard."""
    head = len(_head(layout, shard))
    records = np.memmap(places[0], sample_of(layout), "r", head, (layout.rows_of(shard),))
    return MappedColumns.of({name: records[name] for name in layout.fields})


def closing(layout: Layout, entries: Sequence[Sequence[FileEntry]]) -> dict[str, bytes]:
    """Give the index of all shards, which Streaming reads first."""
    settings, shards = settings_of(layout), []
    for shard, (entry,) in enumerate(entries):
        raw = {"basename": entry.name, "bytes": entry.bytes, "hashes": {"xxh64": entry.xxh64}}
        shards.append({**settings, "raw_data": raw, "samples": layout.rows_of(shard), "zip_data": None})
    return {INDEX: json.dumps({"shards": shards, "version": 2}, sort_keys=True).encode()}


def check(layout: Layout) -> None:
    """Refuse shards of 4 GiB: places of samples are 32 bits."""
    size = (layout.row_bytes + 4) * min(layout.shard_rows, layout.n) + 4096
    if size >= _LARGEST:
        message = f"a shard of {layout.shard_rows:,} samples has {size:,} bytes, and MDS counts to 4,294,967,295"
        raise BadInput(f"{message}. Hint: fewer shard_rows, such as shard_rows='64MB'.")


def _memory(layout: Layout) -> int:
    return layout.piece_bytes + 8 * min(layout.shard_rows, layout.n)


FORMAT = Format("mds", (None,), files, write, read, _memory, closing=closing, index_names=(INDEX,), check=check)
