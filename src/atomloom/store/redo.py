"""A file that changes whole or not at all: HDF5 writes through it, a redo log makes each commit atomic."""

from __future__ import annotations

import fcntl
import io
import os
import struct
from typing import TYPE_CHECKING, Any

from atomloom.errors import StoreError
from atomloom.store.redo_log import (
    PAGE,
    apply,
    check_owner,
    check_place,
    log_of,
    plan,
    read_log,
    write_all,
    write_log,
)

if TYPE_CHECKING:
    from pathlib import Path

_HDF5 = b"\x89HDF\r\n\x1a\n"


class Busy(StoreError):
    """Another program writes to the file."""


class RedoFile(io.RawIOBase):
    """What HDF5 takes for a file: what is committed stays as it is until the next commit replaces it.

    Writes past the committed end go to the disk at once (nobody looks there); writes before it wait in
    memory, page by page. :meth:`commit` flushes the first, writes the second to a log beside the file,
    then into the file. A crash before the log is whole leaves the old state, a crash after it the new one:
    :func:`recover` brings the log into the file.

    Parameters
    ----------
    path : Path
        An HDF5 file.

    Raises
    ------
    Busy
        If another writer has the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a")
    ...     _ = path.write_bytes(b"old")
    ...     file = RedoFile(path)
    ...     _ = file.write(b"new!")
    ...     before = path.read_bytes()[:3]
    ...     file.commit()
    ...     before, path.read_bytes()
    (b'old', b'new!')
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._pages: dict[int, bytearray] = {}
        self._at = 0
        self._descriptor = -1
        descriptor = claimed(path)
        try:
            recover(path)
            self._committed = self._length = committed_length(descriptor)
            os.ftruncate(descriptor, self._committed)  # what a crashed writer left behind the end
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def readable(self) -> bool:
        """Say yes."""
        return True

    def writable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        return self._at

    def tell(self) -> int:
        """Give the position."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the position on, as if everything written were in the file."""
        if self.closed:
            return 0
        out = memoryview(buffer).cast("B")
        wanted = max(0, min(len(out), self._length - self._at))
        got = os.preadv(self._descriptor, [out[:wanted]], self._at) if wanted else 0
        out[got:wanted] = bytes(wanted - got)
        for number in self._touched(self._at, wanted):
            self._copy(number, out[:wanted], self._at, out_of_page=True)
        self._at += wanted
        return wanted

    def write(self, buffer: Any) -> int:
        """Write at the position: behind the committed end to the disk, before it to memory."""
        data = memoryview(buffer).cast("B")
        if self.closed:  # HDF5 may let go of its objects later; the descriptor may be another file's by then
            return len(data)
        below = max(0, min(len(data), self._committed - self._at))
        if below:
            self._keep(data[:below])
        at = self._at + below
        rest = data[below:]
        if rest and at // PAGE in self._pages:  # a page that holds the committed end has both kinds of bytes
            self._copy(at // PAGE, rest, at, out_of_page=False)
        try:
            write_all(self._descriptor, rest, at)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error  # a full disk: say whose
        self._at += len(data)
        self._length = max(self._length, self._at)
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Set the length; what is cut off below the committed end goes at the commit."""
        self._length = self._at if size is None else size
        if self._length > self._committed and not self.closed:
            os.ftruncate(self._descriptor, self._length)
        return self._length

    def flush(self) -> None:
        """Do nothing: only a commit counts."""

    def commit(self) -> None:
        """Make everything written so far the state of the file, all of it or, after a crash, nothing.

        Interrupted before its log is whole, a commit never was; after that it is, and whoever opens the file next
        brings it in.
        """
        os.fdatasync(self._descriptor)
        if self._pages or self._length != self._committed:
            log = plan(self._descriptor, self._committed, self._length, self._pages)
            try:
                write_log(self.path, log)
            except BaseException:
                log_of(self.path).unlink(missing_ok=True)
                raise
            self._committed = self._length
            apply(self._descriptor, log)
            log_of(self.path).unlink()
        self._pages.clear()
        self._committed = self._length

    def discard(self) -> None:
        """Forget what was written since the last commit."""
        self._pages.clear()
        self._length = self._committed
        self._at = 0
        if not pending(self.path):  # the log of a commit that was interrupted needs what lies behind the old end
            os.ftruncate(self._descriptor, self._committed)

    def close(self) -> None:
        """Let go of the file; what is not committed is lost."""
        descriptor, held = self._descriptor, not self.closed and self._descriptor >= 0
        try:
            if held:
                self.discard()
        finally:
            super().close()
            if held:
                self._descriptor = -1
                os.close(descriptor)

    def _touched(self, at: int, size: int) -> list[int]:
        if not self._pages or not size:
            return []
        return [number for number in range(at // PAGE, (at + size - 1) // PAGE + 1) if number in self._pages]

    def _keep(self, data: memoryview) -> None:
        for number in range(self._at // PAGE, (self._at + len(data) - 1) // PAGE + 1):
            if number not in self._pages:
                page = bytearray(PAGE)
                os.preadv(self._descriptor, [page], number * PAGE)
                self._pages[number] = page
            self._copy(number, data, self._at, out_of_page=False)

    def _copy(self, number: int, data: memoryview, at: int, *, out_of_page: bool) -> None:
        """Copy the part that a page and ``data`` (which starts at ``at``) share, one way or the other."""
        start = number * PAGE
        low, high = max(at, start), min(at + len(data), start + PAGE)
        if out_of_page:
            data[low - at : high - at] = self._pages[number][low - start : high - start]
        else:
            self._pages[number][low - start : high - start] = data[low - at : high - at]


def committed_length(descriptor: int) -> int:
    """Give the length of an HDF5 file as its superblock tells it; the length on disk for any other file.

    A writer that crashed may have left more behind that end.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(b"abc")
    ...     file.flush()
    ...     committed_length(file.fileno())
    3
    """
    head = os.pread(descriptor, 48, 0)
    on_disk = os.fstat(descriptor).st_size
    if head[:8] != _HDF5 or len(head) < 48 or head[8] < 2:
        return on_disk
    told = int.from_bytes(head[28:36], "little")
    return min(told, on_disk)


def recover(path: Path) -> bool:
    """Bring the log of a writer that died during a commit into the file; say whether there was one.

    A log that is not whole belongs to a commit that never happened, and goes.

    Raises
    ------
    StoreError
        If the log belongs to another file, or the file cannot be written; both stay as they are.

    Examples
    --------
    >>> from pathlib import Path
    >>> recover(Path("no such file"))
    False
    """
    place = log_of(path)
    try:
        log = read_log(place)
    except FileNotFoundError:
        return False
    check_place(path)
    try:
        if log is not None:
            with path.open("rb") as file:
                check_owner(path, file.fileno(), log)
            with path.open("r+b", buffering=0) as file:
                apply(file.fileno(), log)
        place.unlink(missing_ok=True)
    except StoreError:
        raise
    except OSError as error:
        message = (
            f"{path} has an unfinished commit in {place.name} and cannot be written: {error}. "
            "Hint: open it once where it can be written."
        )
        raise StoreError(message) from error
    return log is not None


def pending(path: Path) -> bool:
    """Say whether a log lies beside a file.

    Examples
    --------
    >>> from pathlib import Path
    >>> pending(Path("no such file"))
    False
    """
    return log_of(path).exists()


def claimed(path: Path) -> int:
    """Open a file as its only writer, and give the descriptor; closing it gives the file free.

    Raises
    ------
    Busy
        If another writer has the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     os.close(claimed(Path(file.name)))
    """
    while True:
        descriptor = os.open(path, os.O_RDWR)
        try:
            _claim(descriptor, path)
            there, here = path.stat(), os.fstat(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
            return descriptor
        os.close(descriptor)  # a new file was put in its place meanwhile


def _claim(descriptor: int, path: Path) -> None:
    """Be the only writer: a lock of this open file, which readers and HDF5's own locks do not touch."""
    # F_OFD_SETLK with struct flock {type, whence, start, len, pid}: one byte far behind any data
    request = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 1 << 62, 1, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, request)
    except OSError as error:
        message = f"{path} is being written by another program. Hint: wait for it, or write to another file."
        raise Busy(message) from error
