"""Rows into finished chunks: described, padded and compressed on threads, in order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from atomloom.store.codec import checksum, encode
from atomloom.store.layout import day_table, describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from atomloom.store.codec import Way


class Chunk(NamedTuple):
    """A finished chunk: its frames by column, its entry in the index, its rare rows, its days."""

    frames: dict[str, bytes]
    entry: NDArray[Any]
    rare: NDArray[Any]
    days: NDArray[Any]


class Recipe(NamedTuple):
    """How rows become chunks of a table.

    Attributes
    ----------
    dtypes : mapping of str to dtype
        How each column goes to the disk.
    volume : str or None
        The column to add up; rows are listed as rare only where there is one.
    level : int
        Least effort of zstd.
    rows : int
        Rows of a full chunk; what is missing is filled up with the last row.
    ways : mapping of str to Way, optional
        How to compress each column; chosen for each chunk where not given.
    """

    dtypes: Mapping[str, np.dtype[Any]]
    volume: str | None
    level: int
    rows: int
    ways: Mapping[str, Way] | None = None


def make_chunk(parts: Sequence[Mapping[str, NDArray[Any]]], start: int, recipe: Recipe) -> Chunk:
    """Join, describe and compress the rows of one chunk.

    Parameters
    ----------
    parts : sequence of mapping of str to (r,) array
        At most ``recipe.rows`` rows together.
    start : int
        Row of the table at which the chunk starts.
    recipe : Recipe

    Examples
    --------
    >>> ones = np.ones(3, dtype=np.int64)
    >>> columns = {"ts": ones, "px": ones, "size": ones}
    >>> made = make_chunk([columns], 0, Recipe(dict.fromkeys(columns, np.dtype("<i8")), "size", 1, 4))
    >>> int(made.entry["count"][0]), sorted(made.frames)
    (3, ['px', 'size', 'ts'])
    """
    columns = {
        name: np.concatenate([part[name] for part in parts], dtype=dtype, casting="same_kind")
        for name, dtype in recipe.dtypes.items()
    }
    entry, rare = describe(columns, start, recipe.volume, rare=recipe.volume is not None)
    days = day_table(columns["ts"], columns[recipe.volume] if recipe.volume else None, start)
    frames = {}
    for name, column in columns.items():
        missing = recipe.rows - len(column)
        whole = np.concatenate([column, np.full(missing, column[-1])]) if missing else column
        frames[name] = encode(whole, recipe.level, None if recipe.ways is None else recipe.ways[name])
        entry[f"{name}_bytes"] = len(frames[name])
        entry[f"{name}_sum"] = checksum(frames[name])
    return Chunk(frames, entry, rare, days)


class Loom:
    """Compresses chunks on threads and hands them back in order, holding few of them.

    Examples
    --------
    >>> ones = np.ones(3, dtype=np.int64)
    >>> columns = {"ts": ones, "px": ones, "size": ones}
    >>> with Loom(1) as loom:
    ...     loom.put([columns], 0, Recipe(dict.fromkeys(columns, np.dtype("<i8")), "size", 1, 4))
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

    def put(self, parts: Sequence[Mapping[str, NDArray[Any]]], start: int, recipe: Recipe) -> None:
        """Take the rows of a chunk to work on; the caller must not change its arrays."""
        self.rows += sum(len(part["ts"]) for part in parts)
        self._waiting.append(self._pool.submit(make_chunk, parts, start, recipe))

    def finished(self, *, all_of_them: bool = False) -> Iterator[Chunk]:
        """Give the chunks that are done, in order; waits while more are held than threads can work on."""
        while self._waiting and (all_of_them or len(self._waiting) > 2 * self._threads or self._waiting[0].done()):
            chunk = self._waiting.popleft().result()
            self.rows -= int(chunk.entry["count"][0])
            yield chunk
