"""The log of a commit: what it changes, and the one state of the one file that it may be applied to."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from atomloom.errors import StoreError
from atomloom.store.codec import checksum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PAGE = 4096
PATIENCE = 10.0  # seconds that a writer waits for readers that hold the file, and a reader for a commit
ID_BYTES = 41
_SECTOR = 512  # what a disk writes whole or not at all
_SECTORS = PAGE // _SECTOR
_MAGIC, _MAGIC_1 = b"ATOMRED2", b"ATOMREDO"
_HEAD = struct.Struct(f"<8sqqq{ID_BYTES}sQ")  # magic, length before and after, pages, id, checksum of the rest
_HEAD_1 = struct.Struct("<8sqqQ")  # of earlier versions: magic, length after, pages, checksum
_SUMS = struct.Struct(f"<q{_SECTORS}I")  # number of a page, and CRC-32 of each sector as it was
_ID = re.compile(rb"atomloom:[0-9a-f]{32}")
_ID_WITHIN = 1 << 16
_KIND = 11  # bytes that say what kind of file it is: signature, version and sizes of HDF5, which no commit changes


@dataclass(frozen=True)
class Log:
    """A commit on its way into a file.

    Attributes
    ----------
    length : int
        Of the file after it, bytes.
    pages : mapping of int to bytes
        The pages that change, as they will be.
    before : int
        Length of the file before it; -1 where the log does not tell.
    sums : mapping of int to tuple of int
        CRC-32 of the sectors of each page as they were.
    owner : bytes
        The id of the store; empty for stores of earlier versions.

    Examples
    --------
    >>> Log(3, {0: b"new"}).owner
    b''
    """

    length: int
    pages: Mapping[int, bytes | bytearray]
    before: int = -1
    sums: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    owner: bytes = b""


def log_of(path: Path) -> Path:
    """Give the place of the log of a file.

    Examples
    --------
    >>> from pathlib import Path
    >>> log_of(Path("a.h5")).name
    'a.h5.redo'
    """
    return path.with_name(f"{path.name}.redo")


def owner_of(descriptor: int) -> bytes:
    """Give the id of a store, ``b"atomloom:"`` and 32 hexadecimal digits; empty where it has none.

    It is looked for as bytes, since HDF5 cannot open a file that is half way between two commits.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> with es_2013_09().open("rb") as file:
    ...     len(owner_of(file.fileno())) in {0, ID_BYTES}
    True
    """
    found = _ID.search(os.pread(descriptor, _ID_WITHIN, 0))
    return found[0] if found else b""


def plan(descriptor: int, before: int, length: int, pages: Mapping[int, bytes | bytearray]) -> Log:
    """Prepare the log of a commit into a file as it lies there: the first page is always in it.

    Parameters
    ----------
    descriptor : int
    before, length : int
        Bytes of the file before and after.
    pages : mapping of int to bytes
    """
    whole: dict[int, bytes | bytearray] = {0: os.pread(descriptor, PAGE, 0).ljust(PAGE, b"\0"), **pages}
    sums = {number: _sums(os.pread(descriptor, PAGE, number * PAGE), number * PAGE, before) for number in whole}
    return Log(length, whole, before, sums, owner_of(descriptor))


def _sums(page: bytes, start: int, end: int) -> tuple[int, ...]:
    """Sum up the sectors of a page, what lies behind the end of the file left out."""
    held = page[: max(0, end - start)]
    return tuple(zlib.crc32(held[at : at + _SECTOR]) for at in range(0, PAGE, _SECTOR))


def write_log(path: Path, log: Log) -> None:
    """Write the log of a commit beside its file; whole on the disk when this returns."""
    pages = sorted(log.pages.items())
    body = b"".join(_SUMS.pack(number, *log.sums[number]) + bytes(page) for number, page in pages)
    told = (log.before, log.length, len(pages), log.owner)
    with log_of(path).open("wb") as file:
        file.write(_HEAD.pack(_MAGIC, *told, checksum(repr(told).encode() + body)) + body)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_log(place: Path) -> Log | None:
    """Read a log; None for one that was never finished.

    Raises
    ------
    StoreError
        If the file is something else.
    FileNotFoundError
        If there is none.
    """
    content = place.read_bytes()
    if content[:8].strip(b"\0") and content[:8] not in {_MAGIC[: len(content)], _MAGIC_1[: len(content)]}:
        message = f"{place} is no log of a store, and lies where one would. Hint: move it away, or rename it."
        raise StoreError(message)
    if content[:8] == _MAGIC_1:
        return _read_1(content)
    if len(content) < _HEAD.size:
        return None
    magic, *told, total = _HEAD.unpack_from(content)
    body = content[_HEAD.size :]
    before, length, count, owner = told[0], told[1], told[2], told[3].rstrip(b"\0")
    size = _SUMS.size + PAGE
    if magic != _MAGIC or len(body) != count * size:
        return None
    if checksum(repr((before, length, count, owner)).encode() + body) != total:
        return None
    pages, sums = {}, {}
    for at in range(0, len(body), size):
        number, *each = _SUMS.unpack_from(body, at)
        sums[number] = tuple(each)
        pages[number] = body[at + _SUMS.size : at + size]
    return Log(length, pages, before, sums, owner)


def _read_1(content: bytes) -> Log | None:
    if len(content) < _HEAD_1.size:
        return None
    _, length, count, told = _HEAD_1.unpack_from(content)
    body = content[_HEAD_1.size :]
    size = 8 + PAGE
    if len(body) != count * size or checksum(struct.pack("<qq", length, count) + body) != told:
        return None
    numbers = [struct.unpack_from("<q", body, at)[0] for at in range(0, len(body), size)]
    return Log(length, {number: body[k * size + 8 : (k + 1) * size] for k, number in enumerate(numbers)})


def check_owner(path: Path, descriptor: int, log: Log) -> None:
    """Refuse a log that was not written for this file, or for another state of it.

    Every sector that the log changes must be as it was before the commit or as it will be after it.

    Raises
    ------
    StoreError
        Saying which, and what to do.
    """
    mine = owner_of(descriptor)
    if log.owner and mine and log.owner != mine:
        raise _foreign(path, "another store", f"that is {log.owner.decode()}, this {mine.decode()}")
    size = os.fstat(descriptor).st_size
    first = bytes(log.pages.get(0, b""))[:_KIND]
    if first != os.pread(descriptor, len(first), 0):
        raise _foreign(path, "another store", "they begin differently")
    if size < log.length:
        raise _foreign(path, "another store", f"it needs a file of {log.length:,} bytes, this has {size:,}")
    for number, page in log.pages.items():
        start = number * PAGE
        held = os.pread(descriptor, PAGE, start)
        sums = _sums(held, start, log.before) if number in log.sums else ()
        for k, total in enumerate(sums):
            lo = k * _SECTOR
            hi = min(lo + _SECTOR, log.length - start)
            if lo < hi and start + lo < log.before and total != log.sums[number][k] and held[lo:hi] != page[lo:hi]:
                other = "another state of this store" if log.owner and log.owner == mine else "another store"
                raise _foreign(path, other, f"byte {start + lo:,} is neither as before nor as after it")


def _foreign(path: Path, whose: str, why: str) -> StoreError:
    log = log_of(path)
    message = (
        f"{log} is the unfinished commit of {whose}, not of {path} as it is ({why}); it was not applied. "
        f"Hint: move it to where that store is now, as NAME.redo beside NAME; or, if that is gone, out of the way."
    )
    return StoreError(message)


def check_place(path: Path) -> None:
    """Refuse to begin a store where the log of another one lies.

    Raises
    ------
    StoreError

    Examples
    --------
    >>> from pathlib import Path
    >>> check_place(Path("no such file"))
    """
    if log_of(path).exists() and not path.exists():
        raise _foreign(path, "another store", "there is none")


def apply(descriptor: int, log: Log) -> None:
    """Bring the pages of a log into the file."""
    with _alone(descriptor):
        for number, page in sorted(log.pages.items()):
            start = number * PAGE
            if start < log.length:
                write_all(descriptor, memoryview(page)[: log.length - start], start)
        os.ftruncate(descriptor, log.length)
        os.fsync(descriptor)


@contextlib.contextmanager
def _alone(descriptor: int) -> Iterator[None]:
    """Keep readers out while pages change; one that will not go is not waited for forever."""
    end = time.monotonic() + PATIENCE
    held = False
    while not held and time.monotonic() < end:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except OSError:
            time.sleep(0.01)
    try:
        yield
    finally:
        if held:
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def write_all(descriptor: int, data: memoryview, at: int) -> None:
    """Write all of some bytes at a place."""
    while data:
        done = os.pwrite(descriptor, data, at)
        at, data = at + done, data[done:]
