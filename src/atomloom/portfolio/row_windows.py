"""Windows of rows: each is one range of rows, or several, that a portfolio is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


class WindowError(Exception):
    """A method has no weights for a window: which window, and why."""

    def __init__(self, window: int, message: str) -> None:
        super().__init__(window, message)
        self.window = window
        self.message = message


@dataclass(frozen=True, eq=False)
class RowWindows:
    """Windows over rows of returns.

    Attributes
    ----------
    start, stop : (P,) int64
        Half-open ranges of rows.
    first : (R + 1,) int64
        Window w has the ranges first[w] to first[w + 1] - 1, in order.

    Examples
    --------
    >>> RowWindows.trailing(np.array([5, 9]), 3).rows(1)
    array([6, 7, 8])
    """

    start: Ints
    stop: Ints
    first: Ints

    def __post_init__(self) -> None:
        for name in ("start", "stop", "first"):
            view = np.ascontiguousarray(getattr(self, name), dtype=np.int64).view()
            view.flags.writeable = False  # kernels are compiled for one kind of array only
            object.__setattr__(self, name, view)

    @classmethod
    def trailing(cls, decisions: Ints, lookback: int) -> RowWindows:
        """Give the last returns before each decision: the return from price row t - 1 to t is row t - 1."""
        return cls(decisions - lookback, decisions, np.arange(len(decisions) + 1))

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def counts(self) -> Ints:
        """Rows of each window."""
        ends = np.concatenate([[0], np.cumsum(self.stop - self.start)])
        return np.asarray(ends[self.first[1:]] - ends[self.first[:-1]], dtype=np.int64)

    @property
    def key(self) -> tuple[bytes, bytes, bytes]:
        """The same for the same windows."""
        return self.start.tobytes(), self.stop.tobytes(), self.first.tobytes()

    def rows(self, window: int) -> Ints:
        """List the rows of a window."""
        parts = range(self.first[window], self.first[window + 1])
        return np.concatenate([np.arange(self.start[p], self.stop[p]) for p in parts] or [np.empty(0, np.int64)])

    def of(self, returns: Reals, window: int) -> Reals:
        """Give the rows of a window out of all: a view where it is one range."""
        low, high = self.first[window], self.first[window + 1]
        if high - low == 1:
            return returns[self.start[low] : self.stop[low]]
        return returns[self.rows(window)]

    def part(self, low: int, high: int) -> RowWindows:
        """Give some of the windows."""
        begin, end = self.first[low], self.first[high]
        return RowWindows(self.start[begin:end], self.stop[begin:end], self.first[low : high + 1] - begin)

    def last(self, count: int | None) -> RowWindows:
        """Keep the last rows of each window; all for None.

        Examples
        --------
        >>> RowWindows(np.array([0, 10]), np.array([5, 12]), np.array([0, 2])).last(3).rows(0)
        array([ 4, 10, 11])
        """
        if count is None:
            return self
        kept = np.clip(count - self._after(), 0, self.stop - self.start)
        return RowWindows(self.stop - kept, self.stop, self.first)

    def without_last(self, count: int) -> RowWindows:
        """Leave out the last rows of each window."""
        if count == 0:
            return self
        cut = np.clip(count - self._after(), 0, self.stop - self.start)
        return RowWindows(self.start, self.stop - cut, self.first)

    def arrays(self) -> tuple[Any, Any, Any]:
        """Give what kernels take."""
        return self.start, self.stop, self.first

    def _after(self) -> Ints:
        """Rows of its window that lie after each range."""
        ends = np.cumsum(self.stop - self.start)
        of_window = np.repeat(ends[self.first[1:] - 1], np.diff(self.first))
        return np.asarray(of_window - ends, dtype=np.int64)
