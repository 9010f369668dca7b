"""Rows on their way to the table: added at the end, merged by time, taken from the front."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Rows = Mapping[str, NDArray[Any]]


class Pending:
    """Rows that no chunk holds yet, in time order.

    Examples
    --------
    >>> rows = Pending({"ts": np.array([1, 5])})
    >>> rows.merge({"ts": np.array([2, 5, 9])})
    >>> rows.take(4)[0]["ts"], len(rows)
    (array([1, 2, 5, 5]), 1)
    """

    def __init__(self, first: Rows | None = None) -> None:
        self._parts: deque[Rows] = deque()
        self._length = 0
        if first is not None:
            self.add(first)

    def __len__(self) -> int:
        return self._length

    def add(self, rows: Rows) -> None:
        """Put rows at the end; they are not older than what is there."""
        if len(rows["ts"]):
            self._parts.append(rows)
            self._length += len(rows["ts"])

    def prepend(self, rows: Rows | None) -> None:
        """Put rows at the start; they are not later than what is there."""
        if rows is not None and len(rows["ts"]):
            self._parts.appendleft(rows)
            self._length += len(rows["ts"])

    def last_ts(self, before: int | None) -> int | None:
        """Time of the last row; ``before`` if there is none."""
        return int(self._parts[-1]["ts"][-1]) if self._parts else before

    def merge(self, rows: Rows) -> None:
        """Weave sorted rows in; of equal times, those already here come first."""
        held = self.peek()
        if not len(held):
            self.add(rows)
            return
        at = np.searchsorted(held["ts"], rows["ts"], side="right")
        merged = {
            name: np.insert(column.astype(np.result_type(column, rows[name])), at, rows[name])
            for name, column in held.items()
        }
        self._parts, self._length = deque([merged]), len(merged["ts"])

    def peek(self) -> Rows:
        """Give all rows as one part, and keep them."""
        if len(self._parts) > 1:
            names = self._parts[0]
            self._parts = deque([{name: np.concatenate([part[name] for part in self._parts]) for name in names}])
        return self._parts[0] if self._parts else {}

    def peek_parts(self) -> list[Rows]:
        """Give all rows as they came, and keep them."""
        return list(self._parts)

    def take(self, rows: int) -> list[Rows]:
        """Take rows from the front, as parts."""
        taken: list[Rows] = []
        wanted = rows
        while wanted:
            part = self._parts.popleft()
            size = len(part["ts"])
            if size > wanted:
                self._parts.appendleft({name: column[wanted:] for name, column in part.items()})
                part = {name: column[:wanted] for name, column in part.items()}
                size = wanted
            taken.append(part)
            wanted -= size
        self._length -= rows
        return taken
