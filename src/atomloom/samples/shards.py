"""Shards as molecules: what was written of each, the journal of it, and the threads that take one after the other."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from atomloom.engine.budget import resolve_threads, usable_cores
from atomloom.errors import BadInput
from atomloom.samples.formats.layout import FileEntry
from atomloom.samples.formats.sink import put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

JOURNAL = "journal.jsonl"
AUTOMATIC = 100_000
"""Samples from which on ``n_jobs=None`` takes every core."""

Done = TypeVar("Done")


@dataclass(frozen=True)
class ShardEntry:
    """A shard that is on the disk, whole.

    Attributes
    ----------
    shard, rows : int
    files : tuple of FileEntry

    Examples
    --------
    >>> entry = ShardEntry(0, 4, (FileEntry("shard-00000000.npy", 10, "ab"),))
    >>> ShardEntry.of(entry.line()) == entry
    True
    """

    shard: int
    rows: int
    files: tuple[FileEntry, ...]

    def line(self) -> bytes:
        """Give the line of a journal."""
        files = [each._asdict() for each in self.files]
        return json.dumps({"shard": self.shard, "rows": self.rows, "files": files}).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes) -> ShardEntry:
        """Read the line of a journal.

        Raises
        ------
        ValueError
            For a line that is none: torn, or something else.
        """
        try:
            found = json.loads(line)
            files = tuple(FileEntry(str(f["name"]), int(f["bytes"]), str(f["xxh64"])) for f in found["files"])
            return cls(int(found["shard"]), int(found["rows"]), files)
        except (KeyError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from None

    @property
    def bytes(self) -> int:
        """Bytes of all its files."""
        return sum(each.bytes for each in self.files)


def read_journal(folder: Path) -> dict[int, ShardEntry]:
    """Give the shards that a journal names; a line torn by a crash is none."""
    found = {}
    try:
        text = (folder / JOURNAL).read_bytes()
    except FileNotFoundError:
        return {}
    for line in text.split(b"\n"):
        try:
            entry = ShardEntry.of(line)
        except ValueError:
            continue
        found[entry.shard] = entry
    return found


def append(folder: Path, entry: ShardEntry) -> None:
    """Add a line to the journal, behind the end of whatever stands there.

    Notes
    -----
    It is not waited for: after a loss of power the last lines may be missing, and those shards are made again. A
    line never comes before its shard, which is on the disk by then.
    """
    line = entry.line()
    file = os.open(folder / JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        if os.write(file, line) < len(line):
            os.write(file, b"\n")  # a torn line ends here; the next one is whole
            raise OSError(28, "No space left on device")
    finally:
        os.close(file)


def mend_journal(folder: Path, entries: Iterable[ShardEntry]) -> FileEntry:
    """Write the journal anew: shards in order, and nothing else."""
    lines = [entry.line() for entry in sorted(entries, key=lambda entry: entry.shard)]
    return put(folder / JOURNAL, b"".join(lines))


def jobs_of(n_jobs: int | None, n: int) -> int:
    """Turn ``n_jobs`` into a number of threads.

    Parameters
    ----------
    n_jobs : int, optional
        None is one below 100,000 samples and every core from there on; -1 all processors, -2 all but one.
    n : int
        Samples.

    Raises
    ------
    BadInput
        For 0, and what is no whole number.

    Examples
    --------
    >>> jobs_of(None, 10), jobs_of(3, 10)
    (1, 3)
    >>> jobs_of(0, 10)
    Traceback (most recent call last):
    atomloom.errors.BadInput: n_jobs is 0. Hint: 1, 2, ..., -1 for all processors, -2 for all but one, or None.
    """
    if n_jobs is None:
        return usable_cores() if n >= AUTOMATIC else 1
    if isinstance(n_jobs, bool) or not hasattr(n_jobs, "__index__") or int(n_jobs) == 0:
        message = f"n_jobs is {n_jobs!r}. Hint: 1, 2, ..., -1 for all processors, -2 for all but one, or None."
        raise BadInput(message)
    return resolve_threads(int(n_jobs))


class Stopped(Exception):
    """Another thread has failed, or was interrupted: this one leaves off."""


class Crew:
    """Threads that take shards in turn; the first error ends all, and this thread is one of them.

    Parameters
    ----------
    jobs : int

    Examples
    --------
    >>> seen = []
    >>> Crew(1).work([3, 4], lambda shard: shard * 10, seen.append)
    >>> seen
    [30, 40]
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    def going(self) -> None:
        """Go on, unless another thread has failed.

        Raises
        ------
        Stopped
        """
        if self._error is not None:
            raise Stopped

    def work(self, shards: Sequence[int], task: Callable[[int], Done], done: Callable[[Done], None]) -> None:
        """Call ``task(shard)`` for each; ``done`` takes what it gives, one at a time.

        Raises
        ------
        Whatever the first of the tasks raised.
        """
        waiting = iter(shards)
        others = [
            threading.Thread(target=self._take, args=(waiting, task, done), name=f"shards-{k}", daemon=True)
            for k in range(1, min(self._jobs, len(shards)))
        ]
        for other in others:
            other.start()
        try:
            self._take(waiting, task, done)
            for other in others:
                other.join()
        except BaseException as error:  # an interrupt while waiting
            self._error = self._error or error
            for other in others:
                other.join()
            raise
        if self._error is not None:
            raise self._error

    def _take(self, waiting: Iterator[int], task: Callable[[int], Any], done: Callable[[Any], None]) -> None:
        try:
            while True:
                self.going()
                with self._lock:
                    shard = next(waiting, None)
                if shard is None:
                    return
                found = task(shard)
                with self._lock:
                    done(found)
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - it is raised where the others were started
            self._error = self._error or error
