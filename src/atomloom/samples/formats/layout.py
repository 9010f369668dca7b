"""What every format is told: the fields of a sample, and how many of them lie in a shard and in a piece of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Batch = dict[str, NDArray[Any]]
    Pieces = Iterator[tuple[int, Batch]]

PIECE_BYTES = 1 << 22
"""About what a thread computes, hashes and writes at a time."""


class FileEntry(NamedTuple):
    """A file that was written: its name under the folder of the dataset, its size, and its XXH64.

    Examples
    --------
    >>> FileEntry("shard-00000000.arrow", 3, "ab").bytes
    3
    """

    name: str
    bytes: int
    xxh64: str


@dataclass(frozen=True)
class Layout:
    """What shards look like, whoever writes them.

    Attributes
    ----------
    fields : mapping of str to (dtype, shape)
        As stored, "x" first; a truth value is stored as a byte.
    n, shard_rows, piece_rows : int
        Samples in all, in a shard, and in a record batch, row group or inner chunk of it.
    compression : str or None
    recipe : str
        Digest of what the samples are computed from.
    fixed_size_list : bool
        Of Parquet: windows as lists of numbers, not as bytes.

    Examples
    --------
    >>> import numpy as np
    >>> layout = Layout({"x": (np.dtype("f4"), (5, 64)), "idx": (np.dtype("i8"), ())}, 10, 4, 4)
    >>> layout.shards, layout.rows_of(2), layout.row_bytes
    (3, 2, 1288)
    """

    fields: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]
    n: int
    shard_rows: int
    piece_rows: int
    compression: str | None = None
    recipe: str = ""
    fixed_size_list: bool = False

    @property
    def shards(self) -> int:
        """How many there are."""
        return -(-self.n // self.shard_rows)

    @property
    def row_bytes(self) -> int:
        """Bytes of a sample."""
        return sum(dtype.itemsize * math.prod(shape) for dtype, shape in self.fields.values())

    @property
    def piece_bytes(self) -> int:
        """Bytes of a piece."""
        return self.piece_rows * self.row_bytes

    def rows_of(self, shard: int) -> int:
        """Say how many samples a shard has: the last may have fewer than the others."""
        return min(self.shard_rows, self.n - shard * self.shard_rows)

    def names(self, shard: int, *suffixes: str) -> tuple[str, ...]:
        """Name the files of a shard.

        Examples
        --------
        >>> Layout({}, 10, 4, 4).names(1, "arrow")
        ('shard-00000001.arrow',)
        """
        return tuple(f"shard-{shard:08d}.{suffix}" for suffix in suffixes)

    def marks(self, shard: int) -> dict[str, str]:
        """Give what files say about themselves, where their format has a place for it."""
        return {"atomloom.recipe": self.recipe, "atomloom.first": str(shard * self.shard_rows)}


class Columns(Protocol):
    """A shard that is open for reading."""

    def span(self, low: int, high: int) -> Batch:
        """Give rows ``low`` to ``high`` of all fields; what is given may be a view of the file."""
        ...

    def take(self, rows: NDArray[np.int64], out: Batch, at: Any) -> None:
        """Put rows into places ``at`` of arrays."""
        ...


@dataclass(frozen=True)
class Format:
    """How one format is written and read.

    Attributes
    ----------
    name : str
    compressions : tuple of (str or None)
        What it can be compressed by.
    files : callable
        ``(layout, shard)`` gives the names of a shard's files.
    write : callable
        ``(layout, shard, places, pieces)`` writes a shard's files from pieces of its rows and has them on the disk
        when it returns (:class:`FileEntry` of each, under the name of its place).
    read : callable
        ``(layout, shard, places)`` opens a shard.
    memory : callable
        ``(layout)`` gives the bytes that one job needs beside the piece it computes.
    library : str or None
        That decides about bytes: a half-written dataset is not gone on with by another version of it.
    standing : callable
        ``(layout)`` gives files that describe all shards, by name; they are written first.
    closing : callable
        ``(layout, entries)`` gives files that list all shards, by name; they are written last.
    index_names : tuple of str
        Names of those.
    check : callable
        ``(layout)`` refuses what this format cannot hold.
    """

    name: str
    compressions: tuple[str | None, ...]
    files: Callable[[Layout, int], tuple[str, ...]]
    write: Callable[[Layout, int, Sequence[Path], Pieces], list[FileEntry]]
    read: Callable[[Layout, int, Sequence[Path]], Columns]
    memory: Callable[[Layout], int]
    library: str | None = None
    standing: Callable[[Layout], dict[str, bytes]] = lambda _: {}
    closing: Callable[[Layout, Sequence[Sequence[FileEntry]]], dict[str, bytes]] = lambda _, __: {}
    index_names: tuple[str, ...] = ()
    check: Callable[[Layout], None] = lambda _: None
