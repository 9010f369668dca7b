"""Shards as molecules of the engine: what was written of each, the journal of it, and how they are worked."""

from __future__ import annotations

import json
import os
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atomloom.engine.budget import resolve_threads, usable_cores
from atomloom.errors import AntiPattern, AtomloomError, BadInput, JobFailed
from atomloom.samples.formats.layout import FileEntry
from atomloom.samples.formats.sink import put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from atomloom.engine.progress import Listener

JOURNAL = "journal.jsonl"
AUTOMATIC = 100_000
"""Samples from which on ``n_jobs=None`` takes every core."""
_MOLECULES = 4096  # for each thread; more shards than that are handed out several at a time


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
    """Shards as molecules of the engine: threads work them, and nothing is under way when it is over.

    Parameters
    ----------
    jobs : int

    Notes
    -----
    The engine hands shards out, tells how far they are and stops at the first that fails. A thread cannot be ended
    from outside, and the engine does not wait for one that is given up; but a shard that is half written must be
    taken away before anyone else may write there. So shards ask, piece by piece, whether they may go on.

    Examples
    --------
    >>> Crew(2).work([3, 4], lambda shard: shard * 10)
    [30, 40]
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._quiet = threading.Condition()
        self._busy = 0
        self._ended = False
        self._errors: dict[int, BaseException] = {}

    def going(self) -> None:
        """Go on, unless another thread has failed.

        Raises
        ------
        Stopped
        """
        if self._ended:
            raise Stopped

    def work(
        self, shards: Sequence[int], task: Callable[[int], Any], *, redux: Callable[[Any, Any], Any] | None = None,
        heard: Listener | None = None,
    ) -> Any:  # fmt: skip
        """Call ``task(shard)`` for each; give what they give, in order, or what an associative reducer makes of it.

        Raises
        ------
        What the first task raised; JobFailed for an error that is none of ours, nor of the system.
        """
        if not shards:
            return []
        from atomloom.engine.run import run_parallel  # noqa: PLC0415 - a dataset that is whole does without

        try:
            with warnings.catch_warnings():
                # kernels and compressors hold no lock; threads that wait for a disk look as if they waited for one
                warnings.simplefilter("ignore", AntiPattern)
                return run_parallel(
                    self._one, shards, num_threads=self._jobs, mp_batches=min(len(shards), _MOLECULES), grain=1,
                    redux=redux, executor="threads" if self._jobs > 1 else "serial", progress=heard or False, task=task,
                ).value  # fmt: skip
        except JobFailed as error:
            self._end()
            self._say(shards, error)
            raise
        except BaseException:  # an interrupt
            self._end()
            raise

    def _one(self, molecule: Sequence[int], task: Callable[[int], Any]) -> Any:
        """Work a shard, and keep its error as it is: what the engine tells of it is a copy."""
        with self._quiet:
            self.going()
            self._busy += 1
        try:
            return task(molecule[0])
        except BaseException as error:
            self._errors[molecule[0]] = error
            raise
        finally:
            with self._quiet:
                self._busy -= 1
                self._quiet.notify_all()

    def _end(self) -> None:
        """Let no shard begin, and wait for those that are under way."""
        with self._quiet:
            self._ended = True
            self._quiet.wait_for(lambda: not self._busy)

    def _say(self, shards: Sequence[int], failed: JobFailed) -> None:
        """Raise what a task raised, where that says what to do."""
        shard = shards[failed.failures[0].atom_lo] if failed.failures else -1
        error = self._errors.get(shard)
        if error is None:
            return
        if isinstance(error, AtomloomError | OSError) or not isinstance(error, Exception):
            raise error from None
        message = f"shard {shard:,} could not be worked: {type(error).__name__}: {error}"
        hint = "a function of the spec (Computed) raised it, most likely; its traceback is above"
        raise JobFailed(f"{message}. Hint: {hint}.", failed.failures) from error
