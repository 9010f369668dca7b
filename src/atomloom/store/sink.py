"""Where parsed rows go, in order: to the writer, the reject file and the counts, with a commit now and then."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.account import IngestProgress, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from atomloom.store.rejects import RejectFile

COMMIT_BYTES = 256 << 20
COMMIT_SECONDS = 5.0


@dataclass(frozen=True)
class Place:
    """A place in a source: byte and line (for frames -1 and the row), both of the next row to read.

    Examples
    --------
    >>> Place(20, 1).line
    1
    """

    offset: int
    line: int


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows in the columns of a store, and the rejects among them.

    Attributes
    ----------
    columns : mapping of str to (n,) array
    venues : sequence of str
        Names of the venue codes in ``columns``.
    rejects : list of (int, int, str, str)
        Byte offset, line (from 1; for frames the row, from 0), reason, text.
    back : int
        How often a row is earlier than the one before it.
    back_at, first_at : Place
        Of the first such row, and of the first row.
    end : Place
        Behind the last row.
    size : int
        Bytes that were read for them.
    """

    columns: Mapping[str, NDArray[Any]]
    venues: Sequence[str]
    rejects: list[tuple[int, int, str, str]]
    back: int
    back_at: Place
    first_at: Place
    end: Place
    size: int


class Sink:
    """Takes the rows of one source in their order.

    Parameters
    ----------
    writer : Writer
        Of the table.
    rejects : RejectFile
    name : str
        Of the source, for messages.
    tally : Tally
    refuse : bool
        Rows that go back in time are an error; otherwise the writer merges them.
    state : mapping
        What is remembered beside the place at each commit; empty where nothing is to be remembered.
    listen : callable, optional
        Told about progress.
    total : int
        Bytes of the source, where known.

    Examples
    --------
    >>> Place(0, 0).offset  # used by `ingest`; see there
    0
    """

    def __init__(
        self,
        writer: Any,
        rejects: RejectFile,
        name: str,
        tally: Tally,
        *,
        refuse: bool,
        state: Mapping[str, Any],
        listen: Callable[[IngestProgress], None] | None = None,
        total: int = 0,
    ) -> None:
        self._writer, self._rejects, self._name, self.tally = writer, rejects, name, tally
        self._refuse, self._state, self._listen, self._total = refuse, dict(state), listen, total
        self._last: int | None = None
        self._backs, self._back_at = 0, Place(0, 0)
        self._bytes, self._when = 0, time.monotonic()
        self._committed = tally.n_stored
        self.end = Place(0, 0)

    def take(self, rows: Rows) -> None:
        """Hand rows on; commit where it is time.

        Raises
        ------
        BadInput
            If the store refuses the rows.
        """
        began = time.perf_counter()
        self.end = rows.end
        ts = rows.columns["ts"]
        if rows.rejects:
            self.tally.reject([reason for _, _, reason, _ in rows.rejects])
            self._rejects.write(rows.rejects, self._name)
            self.tally.first = self.tally.first or f"line {rows.rejects[0][1]:,}: {rows.rejects[0][2]}"
        if len(ts):
            self._look_back(rows, ts)
            if not self._backs or not self._refuse:
                self._append(rows)
            self.tally.n_stored += len(ts)
        self.tally.bytes += rows.size
        self._bytes += rows.size
        self.tally.seconds["write"] += time.perf_counter() - began
        if self._listen is not None:
            self._listen(
                IngestProgress(self._name, rows.end.offset, self._total, self.tally.n_stored, self.tally.n_rejected)
            )
        if self._bytes >= COMMIT_BYTES or time.monotonic() - self._when > COMMIT_SECONDS:
            self.commit()

    def _look_back(self, rows: Rows, ts: NDArray[np.int64]) -> None:
        between = self._last is not None and int(ts[0]) < self._last
        if (between or rows.back) and not self._backs:
            self._back_at = rows.first_at if between else rows.back_at
        self._backs += rows.back + between
        self._last = int(ts[-1])

    def _append(self, rows: Rows) -> None:
        columns = rows.columns
        venues = None
        if "venue" in columns:
            used = np.bincount(columns["venue"], minlength=len(rows.venues)) > 0
            anyone = rows.venues[int(np.argmax(used))]
            venues = [name if used[code] else anyone for code, name in enumerate(rows.venues)]
        try:
            self._writer.append(columns, venues=venues)
        except BadInput as error:
            where = f"{self._name}, rows from {_where(rows.first_at)}"
            raise BadInput(f"{where}: {error}{self._so_far()}") from error

    def commit(self, *, done: bool = False) -> None:
        """Make what was taken so far durable, and remember the place.

        Raises
        ------
        BadInput
            If rows went back in time: nothing after the last commit is stored.
        """
        if self._backs and self._refuse:
            if not done:
                return
            message = (
                f"{self._name} goes back in time {self._backs:,} times (first at {_where(self._back_at)})."
                f"{self._so_far()} Hint: pass out_of_order='merge' to weave the rows in by time."
            )
            raise BadInput(message)
        began = time.perf_counter()
        size = self._rejects.sync()
        state = None
        if self._state:
            state = {
                **self._state, "offset": self.end.offset, "line": self.end.line, "n_stored": self.tally.n_stored,
                "n_rejected": self.tally.n_rejected, "reasons": dict(self.tally.reasons), "reject_bytes": size,
                "last": self._last, "done": done,
            }  # fmt: skip
        self._writer.commit(state)
        self._committed = self.tally.n_stored
        self._bytes, self._when = 0, time.monotonic()
        self.tally.seconds["commit"] += time.perf_counter() - began

    def _so_far(self) -> str:
        if not self._committed:
            return " Nothing of it is stored."
        return f" Its first {self._committed:,} good rows were committed before and are stored."

    @property
    def back(self) -> tuple[int, Place]:
        """How often rows went back in time, and where first."""
        return self._backs, self._back_at

    def go_on(self, last: int | None) -> None:
        """Begin behind rows that an interrupted run has stored."""
        self._last = last


def _where(place: Place) -> str:
    return f"row {place.line:,}" if place.offset < 0 else f"byte {place.offset:,}, line {place.line:,}"
