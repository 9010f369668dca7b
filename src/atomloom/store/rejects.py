"""Rows that were not stored: each with its place in the file, its reason and, in the reject file, its text."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

COLUMNS = ("byte_offset", "line", "reason", "text", "source")
TEXT_CHARACTERS = 500
_LOOK_BACK = 64 << 20  # bytes of the file in which an interrupted run may have left rejects


@dataclass(frozen=True, eq=False)
class Rejects:
    """Rows of a file that were not stored.

    Parameters
    ----------
    line : (R,) int64
        Line in the file, counted from 1 (the header is a line).
    reason : tuple of R str
        Why.
    byte_offset : (R,) int64, optional
        Where the line begins in the (decompressed) file; -1 where that is not known.

    Examples
    --------
    >>> Rejects(np.array([7]), ("size is below 1",)).counts()
    {'size is below 1': 1}
    """

    line: NDArray[np.int64]
    reason: tuple[str, ...]
    byte_offset: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.byte_offset is None:
            object.__setattr__(self, "byte_offset", np.full(len(self.reason), -1, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.reason)

    def counts(self) -> dict[str, int]:
        """Return how many rows each reason has, most frequent first."""
        return dict(Counter(self.reason).most_common())

    def to_frame(self) -> pd.DataFrame:
        """Return places and reasons as a pandas DataFrame."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame({"byte_offset": self.byte_offset, "line": self.line, "reason": list(self.reason)})


class RejectFile:
    """A CSV of rejects that grows while rows are stored; made at its first reject.

    Parameters
    ----------
    path : path
        Where it lies; what is there already stays.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = RejectFile(Path(folder, "r.csv"))
    ...     file.write([(20, 2, "size is below 1", "2013-09-01,1,0")], "a.csv")
    ...     file.sync() > 0
    True
    """

    def __init__(self, path: Any) -> None:
        self.path = Path(path)
        self._pending: list[str] = []
        self._first = False

    @property
    def size(self) -> int:
        """Bytes of the file as it lies on the disk."""
        return self.path.stat().st_size if self.path.exists() else 0

    def write(self, rejects: Iterable[tuple[int, int, str, str]], source: str) -> None:
        """Take rejects (byte offset, line, reason, text) to be written at the next :meth:`sync`."""
        page = io.StringIO()
        rows = csv.writer(page, lineterminator="\n")
        for offset, line, reason, text in rejects:
            rows.writerow((offset, line, reason, text[:TEXT_CHARACTERS].replace("\0", "\\0"), source))
        self._pending.append(page.getvalue())

    def begin(self) -> None:
        """Begin a source: what a run that died before its first commit has listed of it is not listed twice."""
        self._first = True

    def sync(self) -> int:
        """Write what is pending, and give the size of the file."""
        if any(self._pending):
            if self._first and self.size:
                self._cut_repeated("".join(self._pending).encode())
            self._first = False
            begin = "" if self.size else ",".join(COLUMNS) + "\n"
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(begin + "".join(self._pending))
        self._pending.clear()
        return self.size

    def _cut_repeated(self, new: bytes) -> None:
        """Cut the end of the file where it is what will be written, as far as either goes."""
        with self.path.open("r+b") as file:
            start = max(0, self.size - _LOOK_BACK)
            file.seek(start)
            there = file.read()
            at = there.rfind(b"\n" + new[: new.index(b"\n") + 1]) + 1
            if at and (there[at:].startswith(new) or new.startswith(there[at:])):
                file.truncate(start + at)

    def forget(self) -> None:
        """Drop what is pending: it belongs to rows that were not stored."""
        self._pending.clear()

    def cut_back(self, size: int, source: str) -> None:
        """Remove the rejects of a source beyond a size: rows of an interrupted run that will be read again."""
        self._pending.clear()
        self._first = False
        if self.size <= size:
            return
        with self.path.open("r+", encoding="utf-8", newline="") as file:
            file.seek(size)
            tail = list(csv.reader(file))
            file.seek(size)
            file.truncate()
            kept = [row for row in tail if len(row) == len(COLUMNS) and row[-1] != source and tuple(row) != COLUMNS]
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *kept] if kept and size == 0 else kept)
        if self.size == 0:
            self.path.unlink()
