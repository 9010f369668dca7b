"""A file that is written from its beginning to its end, hashed on the way, and on the disk when it is closed."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Self

from atomloom.samples.formats.hashing import Xxh64, hash_of
from atomloom.samples.formats.layout import FileEntry

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_READ = 1 << 20


class Sink:
    """A new file, as far as writers of formats need one.

    Parameters
    ----------
    place : Path

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

    def __init__(self, place: Path) -> None:
        self._place = place
        self._file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        self._hash = Xxh64()
        self._at = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Write bytes, or an array as it lies in memory."""
        view = memoryview(data)
        size = view.nbytes
        if size:
            view = view.cast("B") if view.c_contiguous else memoryview(bytes(view))
            self._hash.update(view)
            write_all(self._file, view, self._at)
            self._at += size
        return size

    def tell(self) -> int:
        """Bytes so far."""
        return self._at

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
                os.fsync(self._file)
            finally:
                os.close(self._file)

    @property
    def entry(self) -> FileEntry:
        """Name, size and hash."""
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
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):  # advice that a file system does not take
            os.posix_fadvise(file, begin, at - begin, os.POSIX_FADV_DONTNEED)


def entry_of(place: Path) -> FileEntry:
    """Hash a file that is there.

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
