"""Where text comes from: files, gzip, members of zip archives, bytes and open files, each readable again."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.errors import BadInput, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FINGERPRINT_BYTES = 1 << 16
KEPT_BYTES = 80 << 20  # of an open file that cannot seek: enough for the look at its prices
_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)([01]\d)\2([0-3]\d)(?!\d)")
_DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)


@dataclass(frozen=True, eq=False)
class Text:
    r"""One text of rows.

    Parameters
    ----------
    name : str
        For messages, for example ``"a.zip:b.csv"``.
    opener : callable
        Takes an ExitStack that will close what it opens; gives the decompressed bytes from the start, as an open file.
    path : Path, optional
        Where the text lies as it is, so that parts of it can be read on their own.
    size : int
        Bytes of the source (compressed, where it is); 0 where it is not known.
    print_ : dict
        What tells whether it is the same source as at another time; empty where nothing does.
    key : str
        What the store remembers it by; "" for not at all.

    Examples
    --------
    >>> text = next(texts_of(b"ts,px,size\n"))
    >>> text.head(5)
    b'ts,px'
    """

    name: str
    opener: Callable[[contextlib.ExitStack], Any]
    path: Path | None
    size: int
    print_: dict[str, Any]
    key: str

    def head(self, count: int) -> bytes:
        """Read the first bytes of the text.

        Raises
        ------
        StoreError
            If the source is missing or damaged before its first byte.
        """
        with self.opened() as file:
            parts: list[bytes] = []
            have = 0
            try:
                for piece in pieces(file, self.name):
                    parts.append(piece)
                    have += len(piece)
                    if have >= count:
                        break
            except Cut as error:
                if b"\n" not in (read := b"".join(parts)):
                    raise damaged(self.name, error) from error
                return read[: read.rindex(b"\n") + 1]
        return b"".join(parts)[:count]

    @contextlib.contextmanager
    def opened(self) -> Iterator[Any]:
        """Open the text at its start."""
        with contextlib.ExitStack() as stack:
            try:
                file = self.opener(stack)
            except _DAMAGE as error:
                raise damaged(self.name, error) from error
            yield file

    @property
    def day(self) -> int | None:
        """The date in the name, days since 1970; the last one where there are several."""
        for name in (self.name.rpartition(":")[2], self.name):
            for found in reversed(_DAY.findall(name)):
                with contextlib.suppress(ValueError):
                    return (date(int(found[0]), int(found[2]), int(found[3])) - date(1970, 1, 1)).days
        return None


class Cut(Exception):
    """The source ended in the middle, or its stream is damaged from here on."""


def damaged(name: str, why: object) -> StoreError:
    """Make the error for a source that cannot be read.

    Examples
    --------
    >>> str(damaged("a.gz", "it is short"))
    'a.gz cannot be read: it is short. Hint: check the path and that the file is whole.'
    """
    return StoreError(f"{name} cannot be read: {why}. Hint: check the path and that the file is whole.")


def pieces(file: Any, name: str, size: int = 1 << 20) -> Iterator[bytes]:
    """Read an open file piece by piece, so that nothing read before a damage is lost.

    Raises
    ------
    Cut
        At a damage.

    Examples
    --------
    >>> list(pieces(io.BytesIO(b"abc"), "x"))
    [b'abc']
    """
    read = getattr(file, "read1", file.read)
    while True:
        try:
            piece = read(size)
        except _DAMAGE as error:
            raise Cut(str(error)) from error
        if not piece:
            return
        if not isinstance(piece, bytes | str):
            message = f"{name} gave {type(piece).__name__} instead of bytes. Hint: open it with mode 'rb'."
            raise BadInput(message)
        yield piece.encode() if isinstance(piece, str) else piece


def is_text_source(source: Any) -> bool:
    """Say whether a source is a path, bytes or an open file.

    Examples
    --------
    >>> is_text_source("a.csv"), is_text_source({"ts": []})
    (True, False)
    """
    return isinstance(source, str | os.PathLike | bytes | bytearray | memoryview) or callable(
        getattr(source, "read", None)
    )


def magic(source: Any) -> bytes:
    """Look at the first four bytes of a path; empty for anything else.

    Raises
    ------
    StoreError
        If the file is missing.

    Examples
    --------
    >>> magic(b"PAR1")
    b''
    """
    if not isinstance(source, str | os.PathLike):
        return b""
    try:
        with Path(source).open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise damaged(str(source), error) from error


def texts_of(source: Any) -> Iterator[Text]:
    """Give the texts of one source: itself, or each member of a zip archive in the order of their names.

    Raises
    ------
    StoreError
        If it is missing or damaged.

    Examples
    --------
    >>> [text.name for text in texts_of(b"ts,px,size")]
    ['bytes']
    """
    if isinstance(source, str | os.PathLike):
        yield from _of_path(Path(source))
        return
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
        mark = {"size": len(data), "mtime": 0, "head": _digest(data[:FINGERPRINT_BYTES])}
        key = f"bytes {hashlib.sha256(data).hexdigest()[:24]}"
        yield from _of_raw("bytes", lambda _: io.BytesIO(data), len(data), mark, key)
        return
    name = str(getattr(source, "name", type(source).__name__))
    tape = _Tape(source)
    yield from _of_raw(name, lambda _: tape.reader(), 0, {}, "")


def _of_path(path: Path) -> Iterator[Text]:
    start = magic(path)
    state = path.stat()
    with path.open("rb") as file:
        head = file.read(FINGERPRINT_BYTES)
    mark = {"size": state.st_size, "mtime": state.st_mtime_ns, "head": _digest(head)}
    key = path.resolve().as_posix()
    if start[:2] == b"\x1f\x8b" or start == b"PK\x03\x04":
        yield from _of_raw(str(path), lambda stack: stack.enter_context(path.open("rb")), state.st_size, mark, key)
    else:
        yield Text(str(path), lambda stack: stack.enter_context(path.open("rb")), path, state.st_size, mark, key)


def _of_raw(
    name: str, opener: Callable[[contextlib.ExitStack], Any], size: int, mark: dict[str, Any], key: str
) -> Iterator[Text]:
    with contextlib.ExitStack() as stack:
        start = opener(stack).read(4)
    if start == b"PK\x03\x04":
        yield from _members(name, opener, mark, key)
    elif start[:2] == b"\x1f\x8b":
        yield Text(
            name,
            lambda stack: stack.enter_context(gzip.GzipFile(fileobj=opener(stack), mode="rb")),
            None,
            size,
            mark,
            key,
        )
    else:
        yield Text(name, opener, None, size, mark, key)


def _members(
    name: str, opener: Callable[[contextlib.ExitStack], Any], mark: dict[str, Any], key: str
) -> Iterator[Text]:
    try:
        with contextlib.ExitStack() as stack, zipfile.ZipFile(opener(stack)) as archive:
            infos = [
                each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")
            ]
    except _DAMAGE as error:
        raise damaged(name, error) from error
    if not infos:
        message = f"{name} is an archive without files. Hint: one text of rows per member is expected."
        raise BadInput(message)
    for info in sorted(infos, key=lambda each: each.filename):
        member = info.filename
        own = {**mark, "member": f"{member} {info.CRC:08x} {info.file_size}"}

        def open_member(stack: contextlib.ExitStack, member: str = member) -> Any:
            archive = stack.enter_context(zipfile.ZipFile(opener(stack)))
            return stack.enter_context(archive.open(member))

        yield Text(f"{name}:{member}", open_member, None, info.compress_size, own, f"{key}:{member}" if key else "")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]


class _Tape:
    """An open file that can be read from its start more than once: by seeking, or by keeping what was read first."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._kept = bytearray()
        self._at = 0
        self._start: int | None = None
        with contextlib.suppress(OSError, AttributeError, ValueError):
            if file.seekable():
                self._start = file.tell()

    def reader(self) -> Any:
        """Give the file from its start."""
        return _Reel(self, seeks=self._start is not None)

    def end(self) -> int:
        """Give the length of a file that can seek."""
        return int(self._file.seek(0, os.SEEK_END)) - (self._start or 0)

    def read_at(self, place: int, count: int) -> bytes:
        """Read from a place, counted from where the file stood when it was given."""
        if self._start is None and place < len(self._kept):
            return bytes(self._kept[place : place + count])
        if place != self._at or self._start is not None:
            if self._start is None:
                raise BadInput("the open file cannot be read twice. Hint: give its path, or tick_size and format.")
            self._file.seek(self._start + place)
        piece = self._file.read(count) or b""
        piece = piece.encode() if isinstance(piece, str) else bytes(piece)
        self._at = place + len(piece)
        if self._start is None and len(self._kept) < KEPT_BYTES:
            self._kept += piece
        return piece


class _Reel(io.RawIOBase):
    """One reading of a tape."""

    def __init__(self, tape: _Tape, *, seeks: bool) -> None:
        self._tape, self._place, self._seeks = tape, 0, seeks

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seeks

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: 0}[whence]
        self._place = place + (self._tape.end() if whence == os.SEEK_END else base)
        return self._place

    def read(self, count: int = -1) -> bytes:
        if count < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        piece = self._tape.read_at(self._place, count)
        self._place += len(piece)
        return piece
