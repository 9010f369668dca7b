"""A file that is written from its beginning to its end, hashed on the way, and on the disk when it is closed."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Self

from atomloom.samples.formats.hashing import Xxh64, hash_of
from atomloom.samples.formats.layout import FileEntry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

_READ = 1 << 20
_GATHERED = 1 << 16


class Sink:
    """A new file, as far as writers of formats need one.

    Parameters
    ----------
    place : Path
    gathered : int
        Bytes of small writes that wait for one another: a disk is slow with many of them.

    Notes
    -----
    What was written is handed to the disk at once (``POSIX_FADV_DONTNEED`` starts its writing and does not wait), so
    that the disk works while the next piece is computed, and the last wait is short.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Sink(Path(folder) / "file") as sink:
    ...         _ = sink.write(b"abc")
    ...     sink.entry
    FileEntry(name='file', bytes=3, xxh64='44bc2cf5ad770999')
    """

    def __init__(self, place: Path, gathered: int = _GATHERED) -> None:
        self._place = place
        self._file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        self._hash = Xxh64()
        self._at = 0
        self._held, self._waiting = memoryview(bytearray(gathered)), 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Write bytes, or an array as it lies in memory; it may be changed when this returns."""
        view = memoryview(data)
        size = view.nbytes
        if size:
            view = view.cast("B") if view.c_contiguous else memoryview(bytes(view))
            if self._waiting + size > len(self._held):
                self._hand_over()
            if size > len(self._held):
                self._put(view)
            else:
                self._held[self._waiting : self._waiting + size] = view
                self._waiting += size
        return size

    def _hand_over(self) -> None:
        if self._waiting:
            self._put(self._held[: self._waiting])
            self._waiting = 0

    def _put(self, content: Any) -> None:
        self._hash.update(content)
        write_all(self._file, content, self._at)
        self._at += len(content)

    def tell(self) -> int:
        """Bytes so far."""
        return self._at + self._waiting

    def flush(self) -> None:
        """Nothing is held back."""

    def readable(self) -> bool:
        """Whether it can be read: no."""
        return False

    def writable(self) -> bool:
        """Whether it can be written: yes."""
        return True

    def seekable(self) -> bool:
        """Whether places can be gone back to: no."""
        return False

    def close(self) -> None:
        """Have it on the disk."""
        if not self.closed:
            self.closed = True
            try:
                self._hand_over()
                os.fsync(self._file)
            finally:
                os.close(self._file)

    @property
    def entry(self) -> FileEntry:
        """Name, size and hash; of a sink that is closed."""
        return FileEntry(self._place.name, self._at, self._hash.hexdigest())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None:
            self.close()
        elif not self.closed:
            self.closed = True
            os.close(self._file)


def write_all(file: int, view: Any, at: int) -> None:
    """Write bytes at a place of a file, and have the disk begin with them."""
    begin, rest = at, memoryview(view).cast("B")
    while rest:
        done = os.pwrite(file, rest, at)
        at, rest = at + done, rest[done:]
    begin_with(file, begin, at)


def begin_with(file: int, low: int, high: int) -> None:
    """Have the disk begin with what was written to a part of a file, without waiting for it."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):  # advice that a file system does not take
            os.posix_fadvise(file, low, high - low, os.POSIX_FADV_DONTNEED)


def entry_of(place: Path, going: Callable[[], None] = lambda: None) -> FileEntry:
    """Hash a file that is there; ``going`` is called before each part of it, and raises what ends it.

    Examples
    --------
    >>> from pathlib import Path
    >>> entry_of(Path(__file__)).bytes > 0
    True
    """
    found, size, buffer = Xxh64(), 0, bytearray(_READ)
    view = memoryview(buffer)
    with place.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            going()
            found.update(view[:count])
            size += count
    return FileEntry(place.name, size, found.hexdigest())


def put(place: Path, content: bytes) -> FileEntry:
    """Put a small file where it belongs, whole or not at all."""
    scratch = place.with_name(f"{place.name}.tmp")
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with Sink(scratch) as sink:
            sink.write(content)
        scratch.replace(place)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    return FileEntry(place.name, len(content), hash_of(content))
