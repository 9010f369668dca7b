"""Shards that are open: columns that lie in a file as they do in memory, or pieces that are decoded one by one."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Batch = dict[str, NDArray[Any]]

_KEPT = 4


def joined(parts: list[Batch]) -> Batch:
    """Put parts of columns one behind the other; a single one is given as it is.

    Examples
    --------
    >>> joined([{"a": np.array([1])}, {"a": np.array([2])}])["a"]
    array([1, 2])
    """
    return parts[0] if len(parts) == 1 else {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class MappedColumns:
    """Columns that are views of a file: rows are copied from where they lie.

    Parameters
    ----------
    views : mapping of str to (P, R, ...) array
        Rows in pieces of R, which may lie apart from each other.
    tail : mapping of str to (T, ...) array
        Rows behind the last full piece.

    Examples
    --------
    >>> columns = MappedColumns({"a": np.arange(6).reshape(2, 3)}, {"a": np.array([6])})
    >>> columns.span(1, 7)["a"], columns.rows
    (array([1, 2, 3, 4, 5, 6]), 7)
    """

    def __init__(self, views: Mapping[str, NDArray[Any]], tail: Mapping[str, NDArray[Any]]) -> None:
        self._views, self._tail = views, tail
        first = next(iter(views.values()))
        self._piece, self._full = max(1, first.shape[1]), first.shape[0] * first.shape[1]
        self.rows = self._full + len(next(iter(tail.values())))

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[Any]]) -> MappedColumns:
        """Take columns that lie in one piece each."""
        whole = {name: column[None] for name, column in columns.items()}
        return cls(whole, {name: column[:0] for name, column in columns.items()})

    def span(self, low: int, high: int) -> Batch:
        """Give rows ``low`` to ``high``: a view where they lie in one piece."""
        parts: list[Batch] = []
        while low < high or not parts:
            piece, place = divmod(low, self._piece)
            if low < self._full:
                stop = min(high, (piece + 1) * self._piece)
                parts.append({name: view[piece, place : place + stop - low] for name, view in self._views.items()})
            else:
                stop = high
                parts.append({name: tail[low - self._full : high - self._full] for name, tail in self._tail.items()})
            low = max(stop, low + 1)
        return joined(parts)

    def take(self, rows: NDArray[np.int64], out: Batch, at: Any) -> None:
        """Put rows into places ``at`` of arrays."""
        late = rows >= self._full if self.rows > self._full else None
        if late is not None and late.any():
            places = np.arange(len(next(iter(out.values()))))[at]
            for name, tail in self._tail.items():
                out[name][places[late]] = tail[rows[late] - self._full]
            rows, at = rows[~late], places[~late]
        piece, place = np.divmod(rows, self._piece)
        for name, view in self._views.items():
            out[name][at] = view[0, place] if len(view) == 1 else view[piece, place]


class PieceColumns:
    """Columns that must be decoded: a piece of rows at a time, the last few of which are kept.

    Parameters
    ----------
    decode : callable
        ``decode(piece)`` gives all columns of a piece.
    piece_rows, rows : int

    Examples
    --------
    >>> columns = PieceColumns(lambda piece: {"a": np.arange(3) + 3 * piece}, 3, 6)
    >>> columns.span(1, 5)["a"]
    array([1, 2, 3, 4])
    """

    def __init__(self, decode: Callable[[int], Batch], piece_rows: int, rows: int) -> None:
        self._decode, self._piece, self.rows = decode, piece_rows, rows
        self._kept: OrderedDict[int, Batch] = OrderedDict()
        self._lock = Lock()

    def _got(self, piece: int) -> Batch:
        with self._lock:
            found = self._kept.get(piece)
            if found is None:
                found = self._kept[piece] = self._decode(piece)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(piece)
            return found

    def span(self, low: int, high: int) -> Batch:
        """Give rows ``low`` to ``high``."""
        pieces = range(low // self._piece, -(-high // self._piece))
        parts = []
        for piece in pieces:
            begin = piece * self._piece
            cut = slice(max(low - begin, 0), high - begin)
            parts.append({name: column[cut] for name, column in self._got(piece).items()})
        return joined(parts)

    def take(self, rows: NDArray[np.int64], out: Batch, at: Any) -> None:
        """Put rows into places ``at`` of arrays, piece after piece."""
        places = np.arange(len(next(iter(out.values()))))[at]
        piece, place = np.divmod(rows, self._piece)
        for each in np.unique(piece).tolist():
            mine = piece == each
            for name, column in self._got(each).items():
                out[name][places[mine]] = column[place[mine]]
