"""The journal: an append-only file of finished molecules, so that a killed run can go on.

Each frame is a header (magic, ranges of leaves, length, checksum) and a pickle. A frame is
complete or it is not there: a torn tail, left by a crash in mid-write, is cut off when the
journal is opened again. What belongs to the call is kept beside it, part by part, so that
a journal of another call is refused with the part that differs.
"""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import struct
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.engine.share import pack_result, unpack
from atomloom.errors import BadInput, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atomloom.engine.jobs import Piece

FORMAT = 1
_MAGIC = 0x4D4F4F4C
_HEAD = struct.Struct("<IIQI")
_SYNC_EVERY = 1.0

_WORDS = {
    "function": "the function (its code, defaults or closure)",
    "arguments": "the function's keyword arguments",
    "atoms": "the atoms",
    "leaves": "the leaves (partition, cost, grain or memory)",
    "redux": "the reducer or its arguments",
    "seed": "the seed",
    "format": "the journal's format (another version of atomloom)",
}


class Journal:
    """Finished molecules of one call, in a folder.

    Parameters
    ----------
    folder : path
        Created if missing.
    key : mapping of str to str
        Digest of every part that decides the results.

    Raises
    ------
    BadInput
        When the folder holds the journal of another call; the message names what differs.
    StoreError
        When another live process writes to it, or it cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str], key: Mapping[str, str]) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = (self.folder / "molecules.bin").open("a+b", buffering=0)
        except OSError as error:
            raise StoreError(
                f"journal {self.folder} cannot be written: {error}. Hint: pass a writable folder."
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise StoreError(f"journal {self.folder} is in use by another running call.") from error
        try:
            self._check({"format": str(FORMAT), **key})
            self.frames: dict[tuple[int, int], list[tuple[int, int]]] = {}
            self._where: dict[tuple[int, int], tuple[int, int]] = {}
            self._scan()
        except BaseException:
            self._file.close()
            raise
        self._synced = time.monotonic()
        self._cached: tuple[tuple[int, int], dict[tuple[int, int], Any]] | None = None

    def _check(self, key: dict[str, str]) -> None:
        path = self.folder / "call.json"
        if path.exists():
            try:
                old = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise StoreError(f"{path} is not readable: {error}. Hint: start in an empty folder.") from error
            differs = [_WORDS.get(part, part) for part in {**old, **key} if old.get(part) != key.get(part)]
            if differs:
                raise BadInput(
                    f"journal {self.folder} belongs to another call: {' and '.join(differs)} changed. "
                    "Hint: repeat the same call to resume it, or pass an empty folder.",
                )
            return
        if os.fstat(self._file.fileno()).st_size:
            raise StoreError(f"journal {self.folder} has molecules but no call.json. Hint: start in an empty folder.")
        scratch = path.with_suffix(".tmp")
        scratch.write_text(json.dumps(key, indent=1), encoding="utf-8")
        scratch.replace(path)

    def _scan(self) -> None:
        """Index the complete frames and cut a torn tail off."""
        fd = self._file.fileno()
        size = os.fstat(fd).st_size
        good = 0
        while good + _HEAD.size <= size:
            magic, n_ranges, length, check = _HEAD.unpack(os.pread(fd, _HEAD.size, good))
            body = good + _HEAD.size
            if magic != _MAGIC or body + 16 * n_ranges + length > size:
                break
            blob = _read(fd, body, 16 * n_ranges + length)
            if zlib.crc32(blob) != check:
                break
            flat = struct.unpack(f"<{2 * n_ranges}Q", blob[: 16 * n_ranges])
            ranges = list(zip(flat[::2], flat[1::2], strict=True))
            span = (good, body + 16 * n_ranges + length)
            self.frames[span] = ranges
            for where in ranges:
                self._where[where] = span
            good = span[1]
        if good < size:
            os.ftruncate(fd, good)

    @property
    def done(self) -> list[tuple[int, int]]:
        """Ranges of leaves whose values are here, in order."""
        return sorted(self._where)

    def append(self, pieces: list[Piece]) -> None:
        """Add the finished pieces of a molecule; in the file when this returns, on disk within a second or so."""
        payload = pack_result([value for _, _, value in pieces])  # by value: what it refers to may change
        body = pickle.dumps((payload.head, [bytes(view) for view in payload.buffers]), protocol=5)
        ranges = struct.pack(f"<{2 * len(pieces)}Q", *(end for lo, hi, _ in pieces for end in (lo, hi)))
        blob = ranges + body
        frame = _HEAD.pack(_MAGIC, len(pieces), len(body), zlib.crc32(blob)) + blob
        fd = self._file.fileno()
        view = memoryview(frame)
        try:
            while view:
                view = view[os.write(fd, view) :]
            if time.monotonic() - self._synced > _SYNC_EVERY:
                os.fdatasync(fd)
                self._synced = time.monotonic()
        except OSError as error:
            raise StoreError(
                f"journal {self.folder} cannot be written: {error}. What was finished so far is kept. "
                "Hint: free some space and repeat the call to resume.",
            ) from error

    def load(self, lo: int, hi: int) -> Any:
        """Read the value of a finished range of leaves."""
        span = self._where[lo, hi]
        if self._cached is None or self._cached[0] != span:
            ranges = self.frames[span]
            start = span[0] + _HEAD.size + 16 * len(ranges)
            head, buffers = pickle.loads(_read(self._file.fileno(), start, span[1] - start))
            values = unpack(head, [bytearray(buffer) for buffer in buffers])
            self._cached = (span, dict(zip(ranges, values, strict=True)))
        value = self._cached[1].pop((lo, hi))
        if not self._cached[1]:
            self._cached = None
        return value

    def close(self) -> None:
        """Write out and let go of the folder."""
        if not self._file.closed:
            os.fdatasync(self._file.fileno())
            self._file.close()


def _read(fd: int, offset: int, size: int) -> bytes:
    parts = []
    while size > 0:
        part = os.pread(fd, min(size, 1 << 30), offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        size -= len(part)
    return b"".join(parts)
