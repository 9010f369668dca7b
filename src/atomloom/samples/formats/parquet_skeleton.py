"""What of a Parquet file is not numbers: made once by pyarrow, and filled with numbers for every shard."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from atomloom._lazy import need

_KINDS = {"INT32": "<i4", "INT64": "<i8", "FLOAT": "<f4", "DOUBLE": "<f8"}
_LONG = 4096
_HEAD = 256


class Hole(NamedTuple):
    """A place for numbers.

    Attributes
    ----------
    name : str
        Of the field.
    kind : str
        dtype that they are written as, for Parquet has no integers of 8 and 16 bits; empty where bytes stay as they
        are.

    Examples
    --------
    >>> Hole("position", "<i4").width
    4
    """

    name: str
    kind: str

    @property
    def width(self) -> int:
        """Least bytes of a number."""
        return np.dtype(self.kind).itemsize if self.kind else 0


class Skeleton(NamedTuple):
    """A file: bytes, and places for numbers, in their order.

    Attributes
    ----------
    pieces : tuple of (tuple of (bytes or Hole))
        For every row group.
    end : bytes
        What comes behind the last of them.
    """

    pieces: tuple[tuple[bytes | Hole, ...], ...]
    end: bytes


class _Recorder:
    """A file that keeps what is not zero."""

    closed = False

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.size = 0

    def write(self, data: Any) -> int:
        """Keep bytes, or the beginning of many where the others are zeros."""
        found = bytes(data) if len(data) <= _LONG or np.frombuffer(data, np.uint8)[_HEAD:].any() else data[:_HEAD]
        self.parts[self.size] = found
        self.size += len(data)
        return len(data)

    def between(self, low: int, high: int) -> bytes:
        """Give what was written between two places, but for zeros."""
        return b"".join(part for start, part in self.parts.items() if low <= start < high)

    def tell(self) -> int:
        """Bytes so far."""
        return self.size

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def readable(self) -> bool:
        """Whether it can be read: no."""
        return False

    def writable(self) -> bool:
        """Whether it can be written: yes."""
        return True

    def seekable(self) -> bool:
        """Whether places can be gone back to: no."""
        return False


@functools.lru_cache(maxsize=8)
def skeleton(schema: Any, settings: tuple[tuple[str, Any], ...], rows: int, piece_rows: int) -> Skeleton | None:
    """Give the file that pyarrow makes of zeros, without the zeros.

    Where values are neither compressed nor in a dictionary, and have no statistics and no checksum, everything else
    in a file is the same whatever they are.

    Parameters
    ----------
    schema : pyarrow.Schema
    settings : tuple of (name, value)
        Of the writer; pages must be larger than pieces.
    rows, piece_rows : int

    Returns
    -------
    Skeleton, or None
        None where a column has more than one page in a row group.
    """
    pa, parquet = need("pyarrow"), need("pyarrow.parquet")
    record = _Recorder()
    collected: list[Any] = []
    with parquet.ParquetWriter(record, schema, metadata_collector=collected, **dict(settings)) as writer:
        for low in range(0, rows, piece_rows):
            size = min(piece_rows, rows - low)
            columns = [zeros(field.type, size) for field in schema]
            writer.write_batch(pa.record_batch(columns, schema=schema), row_group_size=piece_rows)
    return _parted(record, collected[0], schema)


def zeros(kind: Any, size: int) -> Any:
    """Give a column of zeros."""
    pa = need("pyarrow")
    return pa.Array.from_buffers(kind, size, [None, pa.py_buffer(bytes(size * kind.byte_width))])


def hole_of(chunk: Any, field: Any) -> Hole:
    """Give the place for the numbers of a column, from pyarrow's words about it."""
    return Hole(field.name, _KINDS.get(chunk.physical_type, ""))


def _parted(record: _Recorder, metadata: Any, schema: Any) -> Skeleton | None:
    """Part a file of zeros into what is not numbers, and places for them."""
    pieces: list[tuple[bytes | Hole, ...]] = []
    at = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        found: list[bytes | Hole] = []
        for column, field in enumerate(schema):
            chunk = group.column(column)
            hole = hole_of(chunk, field)
            width = hole.width or field.type.byte_width
            start, size = chunk.data_page_offset, chunk.total_uncompressed_size
            head = size - width * group.num_rows
            before, here = record.between(at, start), record.between(start, start + size)
            if start != at + len(before) or not 0 < head <= len(here) or here[head:].strip(b"\0"):
                return None
            found += [before + here[:head], hole]
            at = start + size
        pieces.append(tuple(found))
    return Skeleton(tuple(pieces), record.between(at, record.size))
