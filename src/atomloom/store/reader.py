"""Rows of a table: which chunks hold them, decompressed on all cores outside HDF5's lock."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import resolve_threads
from atomloom.errors import StoreError
from atomloom.kernels.memory import empty
from atomloom.store.codec import checksum, decode
from atomloom.store.layout import DAY_NS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from atomloom.store.meta import Source, TableMeta

_FEW_ROWS = 300_000  # below it a second thread costs more than it saves


def read_columns(
    source: Source, meta: TableMeta, names: Sequence[str], lo: int, hi: int, *, verify: bool = True
) -> dict[str, NDArray[Any]]:
    """Read rows ``lo <= row < hi`` of some columns.

    Parameters
    ----------
    source : Source
        The file.
    meta : TableMeta
    names : sequence of str
        Columns of the table.
    lo, hi : int
        ``0 <= lo < hi <= meta.rows``.
    verify : bool
        Compare every chunk with its checksum.

    Returns
    -------
    dict of str to (hi - lo,) array

    Raises
    ------
    StoreError
        If a chunk is damaged; the message names it.

    Notes
    -----
    O(rows in the touched blocks) time; memory for the result and a compressed chunk per thread.
    """
    out = {name: empty(hi - lo, meta.columns[name]) for name in names}
    # all columns of a chunk side by side, so that threads work on the same part of the file
    jobs = [(name, chunk) for chunk in range(lo // meta.chunk_rows, (hi - 1) // meta.chunk_rows + 1) for name in names]

    def work(job: tuple[str, int]) -> None:
        name, chunk = job
        start = max(lo, chunk * meta.chunk_rows)
        stop = min(hi, (chunk + 1) * meta.chunk_rows)
        read_chunk(
            source, meta, name, chunk, start - chunk * meta.chunk_rows, out[name][start - lo : stop - lo], verify=verify
        )

    spread(work, jobs, 1 if (hi - lo) * len(names) < _FEW_ROWS else resolve_threads(None))
    return out


def read_chunk(
    source: Source, meta: TableMeta, name: str, chunk: int, start: int, out: NDArray[Any], *, verify: bool = True
) -> None:
    """Read ``len(out)`` rows of a chunk of a column, from its row ``start`` on."""
    frame = source.read(int(meta.places[name][chunk]), int(meta.index[f"{name}_bytes"][chunk]))
    if verify and checksum(frame) != int(meta.index[f"{name}_sum"][chunk]):
        message = f"{meta.where(name, chunk)} does not match its checksum. Hint: restore the file from its source."
        raise StoreError(message)
    try:
        decode(frame, out, start)
    except StoreError as error:
        message = f"{meta.where(name, chunk)}: {error} Hint: restore the file from its source."
        raise StoreError(message) from error


def spread(work: Callable[[Any], None], jobs: Iterable[Any], threads: int) -> None:
    """Do jobs on some threads; the first error ends it. Threads live for this call, so forks are safe."""
    waiting = deque(jobs)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            while waiting and not errors:
                try:
                    job = waiting.popleft()
                except IndexError:
                    return
                work(job)
        except BaseException as error:  # noqa: BLE001  # raised again by the caller
            errors.append(error)

    others = [threading.Thread(target=run, daemon=True) for _ in range(min(threads, len(waiting)) - 1)]
    for thread in others:
        thread.start()
    run()
    for thread in others:
        thread.join()
    if errors:
        raise errors[0]


def rows_between(
    source: Source, meta: TableMeta, start: int | None, end: int | None, *, verify: bool = True
) -> tuple[int, int]:
    """Give the rows with ``start <= ts < end`` (ns UTC) as lo, hi; lo == hi if there are none.

    The table of days leaves a day at most to look through on each side.
    """
    lo = 0 if start is None else _first_at(source, meta, start, verify=verify)
    hi = meta.rows if end is None else _first_at(source, meta, end, verify=verify)
    return lo, max(lo, hi)


def _first_at(source: Source, meta: TableMeta, moment: int, *, verify: bool) -> int:
    """Give the first row whose time is not before a moment."""
    days = meta.days
    place = int(np.searchsorted(days["day"], moment // DAY_NS, side="left"))
    if place == len(days) or int(days["day"][place]) > moment // DAY_NS or moment % DAY_NS == 0:
        return int(days["first"][place]) if place < len(days) else meta.rows
    lo = int(days["first"][place])
    after = int(np.searchsorted(days["day"], moment // DAY_NS, side="right")) - 1
    hi = int(days["first"][after] + days["rows"][after])
    # chunks first: their ends are in the index
    first = int(np.searchsorted(meta.index["ts_last"], moment, side="left"))
    if first == len(meta.index):
        return meta.rows
    lo, hi = max(lo, first * meta.chunk_rows), min(hi, (first + 1) * meta.chunk_rows)
    if lo >= hi or int(meta.index["ts_first"][first]) >= moment:
        return max(lo, first * meta.chunk_rows)
    ts = read_columns(source, meta, ("ts",), lo, hi, verify=verify)["ts"]
    return lo + int(np.searchsorted(ts, moment, side="left"))
