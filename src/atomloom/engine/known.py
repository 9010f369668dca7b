"""What is known before a run begins: values from its probes, and from its journal."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atomloom.engine.jobs import Piece
    from atomloom.engine.journal import Journal


class Known:
    """Values that are there before the run begins: from probes, or from the journal."""

    def __init__(self, pieces: list[Piece], journal: Journal | None) -> None:
        self._journal = journal
        self._values = {(lo, hi): value for lo, hi, value in pieces}
        stored = [] if journal is None else journal.done
        self.ranges = sorted({*self._values, *stored})
        self._starts = [lo for lo, _ in self.ranges]
        self._ends = [hi for _, hi in self.ranges]

    def gaps(self, lo: int, hi: int) -> list[tuple[int, int]]:
        """Give the stretches of lo:hi that still have to be worked."""
        gaps, at = [], lo
        for a, b in self.ranges[bisect_right(self._ends, lo) : bisect_left(self._starts, hi)]:
            if at < a:
                gaps.append((at, a))
            at = max(at, b)
        if at < hi:
            gaps.append((at, hi))
        return gaps

    def starting_in(self, lo: int, hi: int) -> list[tuple[int, int]]:
        """Give the known ranges that begin within lo:hi."""
        return self.ranges[bisect_left(self._starts, lo) : bisect_left(self._starts, hi)]

    def take(self, lo: int, hi: int) -> Any:
        """Give a known value up; it is needed once."""
        if (lo, hi) in self._values:
            return self._values.pop((lo, hi))
        if self._journal is None:
            raise KeyError((lo, hi))
        return self._journal.load(lo, hi)
