"""Rows into finished chunks: described, padded and compressed on threads, in order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from atomloom.store.codec import checksum, encode
from atomloom.store.layout import day_table, describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    from numpy.typing import NDArray


class Chunk(NamedTuple):
    """A finished chunk: its frames by column, its entry in the index, its rare rows, its days."""

    frames: dict[str, bytes]
    entry: NDArray[Any]
    rare: NDArray[Any]
    days: NDArray[Any]


def make_chunk(
    columns: Mapping[str, NDArray[Any]],
    start: int,
    dtypes: Mapping[str, np.dtype[Any]],
    volume: str | None,
    level: int,
    rows: int,
) -> Chunk:
    """Describe and compress one chunk of rows.

    Parameters
    ----------
    columns : mapping of str to (R,) array, R <= rows
    start : int
        Row of the table at which the chunk starts.
    dtypes : mapping of str to dtype
        How each column goes to the disk.
    volume : str or None
        The column to add up; rows are listed as rare only where there is one.
    level : int
        Effort of zstd.
    rows : int
        Rows of a full chunk; what is missing is filled up with the last row.

    Examples
    --------
    >>> ones = np.ones(3, dtype=np.int64)
    >>> columns = {"ts": ones, "px": ones, "size": ones}
    >>> made = make_chunk(columns, 0, {name: np.dtype("<i8") for name in columns}, "size", 1, 4)
    >>> int(made.entry["count"][0]), sorted(made.frames)
    (3, ['px', 'size', 'ts'])
    """
    entry, rare = describe(columns, start, volume, rare=volume is not None)
    frames = {}
    for name, column in columns.items():
        whole = np.ascontiguousarray(column, dtype=dtypes[name])
        if len(whole) < rows:
            whole = np.concatenate([whole, np.full(rows - len(whole), whole[-1], dtype=whole.dtype)])
        frames[name] = encode(whole, level)
        entry[f"{name}_bytes"] = len(frames[name])
        entry[f"{name}_sum"] = checksum(frames[name])
    days = day_table(columns["ts"], columns[volume] if volume else None, start)
    return Chunk(frames, entry, rare, days)


class Loom:
    """Compresses chunks on threads and hands them back in order, holding few of them.

    Examples
    --------
    >>> ones = np.ones(3, dtype=np.int64)
    >>> columns = {"ts": ones, "px": ones, "size": ones}
    >>> with Loom(1) as loom:
    ...     loom.put(columns, 0, {name: np.dtype("<i8") for name in columns}, "size", 1, 4)
    ...     [int(chunk.entry["count"][0]) for chunk in loom.finished(all_of_them=True)]
    [3]
    """

    def __init__(self, threads: int) -> None:
        self._threads = max(1, threads)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="atomloom-store")
        self._waiting: deque[Future[Chunk]] = deque()
        self.rows = 0
        """Rows that are being worked on."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()

    def put(
        self,
        columns: Mapping[str, NDArray[Any]],
        start: int,
        dtypes: Mapping[str, np.dtype[Any]],
        volume: str | None,
        level: int,
        rows: int,
    ) -> None:
        """Take a chunk to work on; the caller must not change its arrays."""
        self.rows += len(columns["ts"])
        self._waiting.append(self._pool.submit(make_chunk, columns, start, dict(dtypes), volume, level, rows))

    def finished(self, *, all_of_them: bool = False) -> Iterator[Chunk]:
        """Give the chunks that are done, in order; waits while more are held than threads can work on."""
        while self._waiting and (all_of_them or len(self._waiting) > 2 * self._threads or self._waiting[0].done()):
            chunk = self._waiting.popleft().result()
            self.rows -= int(chunk.entry["count"][0])
            yield chunk
