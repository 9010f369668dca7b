"""npy: a file for each field of a shard, which ``numpy.load(..., mmap_mode="r")`` opens without reading it."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.samples.formats.layout import FileEntry, Format, Layout
from atomloom.samples.formats.reading_columns import MappedColumns
from atomloom.samples.formats.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from atomloom.samples.formats.layout import Pieces


def files(layout: Layout, shard: int) -> tuple[str, ...]:
    """Name a shard's files."""
    return layout.names(shard, *(f"{name}.npy" for name in layout.fields))


def write(layout: Layout, shard: int, places: Sequence[Path], pieces: Pieces) -> list[FileEntry]:
    """Write a shard: each field behind its header."""
    rows = layout.rows_of(shard)
    with contextlib.ExitStack() as stack:
        sinks = [stack.enter_context(Sink(place)) for place in places]
        for sink, (dtype, shape) in zip(sinks, layout.fields.values(), strict=True):
            sink.write(header(dtype, (rows, *shape)))
        for _, batch in pieces:
            for sink, name in zip(sinks, layout.fields, strict=True):
                sink.write(batch[name])
    return [sink.entry for sink in sinks]


def read(layout: Layout, _: int, places: Sequence[Path]) -> MappedColumns:
    """Open a shard."""
    return MappedColumns.of(
        {name: np.load(place, mmap_mode="r") for name, place in zip(layout.fields, places, strict=True)}
    )


def header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    r"""Give what stands before the numbers of an array in an npy file.

    Examples
    --------
    >>> header(np.dtype("f4"), (2, 3))[:6], len(header(np.dtype("f4"), (2, 3)))
    (b'\x93NUMPY', 128)
    """
    found = io.BytesIO()
    fields = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(found, fields)
    return found.getvalue()


FORMAT = Format("npy", (None,), files, write, read, memory=lambda _: 0)
