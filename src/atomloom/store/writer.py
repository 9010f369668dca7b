"""Rows into a table: in order or merged, chunk by chunk, visible at each commit and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from atomloom.engine.budget import resolve_threads
from atomloom.errors import BadInput, StoreError
from atomloom.store.chunks import Loom, Recipe
from atomloom.store.codec import choose_way
from atomloom.store.columns import check_tick, codes, integers, names_of
from atomloom.store.layout import kind_of
from atomloom.store.merge import Pending
from atomloom.store.table import TableFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from atomloom.store.codec import Way
    from atomloom.store.redo import RedoFile

OUT_OF_ORDER = ("refuse", "merge")
_INT32, _INT64 = np.iinfo(np.int32), np.iinfo(np.int64)
_CHOOSE_EVERY = 8


class Writer:
    """Appends rows to one table of a store; made by :meth:`Store.writer`.

    Parameters
    ----------
    file : RedoFile
        The file, opened for writing.
    symbol, kind : str
    tick_size : float, optional
        Needed for a new table; must agree with an old one.
    venues : sequence of str
        Names of venue codes in the data to come.
    columns : sequence of str, optional
        Columns of a new table; by default those of the first rows.
    out_of_order : {"refuse", "merge"}
        What to do with rows older than those stored.
    overwrite : bool
        Begin anew; the old rows go at the first commit.
    source : str
        Where the rows come from; ``state`` belongs to it.
    threads : int, optional
        Threads that compress.
    level : int
        Effort of zstd, 1 to 9.
    chunk_rows : int, optional
        Rows per chunk of a new table.
    done : callable
        Called when the writer is finished with.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from atomloom.store import open_store
    >>> with tempfile.TemporaryDirectory() as folder, open_store(Path(folder, "a.h5"), "a") as store:
    ...     with store.writer("ES", tick_size=0.25) as writer:
    ...         writer.append({"ts": np.array([0, 5]), "px": np.array([6560, 6561]), "size": np.array([1, 2])})
    ...     store["ES"].trades().price
    array([1640.  , 1640.25])
    """

    def __init__(
        self,
        file: RedoFile,
        symbol: str,
        kind: str,
        *,
        tick_size: float | None = None,
        venues: Sequence[str] = (),
        columns: Sequence[str] | None = None,
        out_of_order: str = "refuse",
        overwrite: bool = False,
        source: str = "",
        threads: int | None = None,
        level: int = 1,
        chunk_rows: int | None = None,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        if out_of_order not in OUT_OF_ORDER:
            message = f"out_of_order is {out_of_order!r}. Hint: choose one of {', '.join(OUT_OF_ORDER)}."
            raise BadInput(message)
        if level not in range(1, 10):
            message = f"level is {level!r}. Hint: give 1 (fast) to 9 (small)."
            raise BadInput(message)
        self._kind, self._merges, self._source, self._level = kind_of(kind), out_of_order == "merge", source, level
        self._table = TableFile(file, symbol, self._kind, fresh=overwrite)
        self._done = done
        try:
            self._settle(tick_size, venues, columns, chunk_rows)
        except BaseException:
            self._table.close()
            raise
        tail = self._table.tail()
        self._pending, self._volume = Pending(tail), self._table.volume
        if tail and self._kind.volume:
            self._volume += int(tail[self._kind.volume].sum(dtype=np.int64))
        self._loom = Loom(resolve_threads(threads))
        self._chosen: dict[str, Way] = {}
        self._open = True

    @property
    def state(self) -> dict[str, Any] | None:
        """What was last committed as the state of this source; None if nothing was."""
        found: dict[str, Any] | None = self._table.states.get(self._source)
        return found

    @property
    def rows(self) -> int:
        """Rows that the table has, those not yet committed included."""
        return self._table.rows + len(self._pending)

    @property
    def tick_size(self) -> float:
        """Quote currency per tick."""
        return self._table.tick_size

    def venue_code(self, name: str) -> int:
        """Give the code of a venue's name; a new name gets the next one."""
        names = self._table.venues
        if name not in names:
            self._table.venues = names_of((*names, name), used=True)
        return self._table.venues.index(name)

    def append(self, columns: Mapping[str, Any], *, venues: Sequence[str] | None = None) -> None:
        """Add rows; they are checked, and visible after the next commit.

        Parameters
        ----------
        columns : mapping of str to (n,) integer array
            ``ts`` in ns UTC and the other columns of the table.
        venues : sequence of str, optional
            Names of the codes in these rows; by default codes are those of :meth:`venue_code` (or of the
            ``venues`` that the writer was made with).

        Raises
        ------
        BadInput
            For columns that are not the table's, or rows out of order where they are refused.
        """
        self._check_open()
        rows = self._checked(columns, venues)
        if len(rows["ts"]) == 0:
            return
        ts, volume = rows["ts"], self._weighed(rows)
        back = ts[1:] < ts[:-1]
        last = self._pending.last_ts(self._table.last_ts)
        if back.any() or (last is not None and int(ts[0]) < last):
            if not self._merges:
                self._refuse(ts, back, last)
            if back.any():
                order = np.argsort(ts, kind="stable")
                rows = {name: column[order] for name, column in rows.items()}
            self._make_way(int(rows["ts"][0]))
            self._pending.merge(rows)
        else:
            self._pending.add(rows)
        self._volume = volume
        self._weave()

    def commit(self, state: Mapping[str, Any] | None = None) -> None:
        """Make all rows so far part of the store, now and after a crash.

        Parameters
        ----------
        state : mapping, optional
            Plain values to find again in :attr:`state` when a writer with the same source is made.
        """
        self._check_open()
        self._weave()
        for chunk in self._loom.finished(all_of_them=True):
            self._table.put(chunk)
        if len(self._pending):
            self._loom.put(self._pending.peek_parts(), self._table.rows, self._recipe())
            for chunk in self._loom.finished(all_of_them=True):
                self._table.put_tail(chunk)
        if state is not None:
            self._table.states[self._source] = dict(state)
        self._table.commit(self._source)

    def close(self) -> None:
        """Let go of the table; rows since the last commit are dropped."""
        if self._open:
            self._open = False
            try:
                self._loom.__exit__()
                self._table.close()
            finally:
                self._done()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None and self._open:
                self.commit()
        finally:
            self.close()

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError("the writer is closed. Hint: make another by store.writer(...).")

    def _settle(
        self,
        tick_size: float | None,
        venues: Sequence[str],
        columns: Sequence[str] | None,
        chunk_rows: int | None,
    ) -> None:
        if self._table.exists:
            self._agree(tick_size)
        else:
            self._table.tick_size = check_tick(1.0 if tick_size is None else tick_size)
            if chunk_rows is not None:
                self._table.chunk_rows = chunk_rows
            if columns is not None:
                self._table.set_columns(self._kind.order(columns))
        self._codes = [self.venue_code(name) for name in names_of(venues, used=False)]

    def _agree(self, tick_size: float | None) -> None:
        if tick_size is not None and check_tick(tick_size) != self._table.tick_size:
            message = (
                f"{self._table.name} has tick size {self._table.tick_size:g}, not {tick_size:g}. "
                "Hint: rescale the prices, or store them under another symbol."
            )
            raise BadInput(message)

    def _checked(self, columns: Mapping[str, Any], venues: Sequence[str] | None) -> dict[str, NDArray[Any]]:
        names = self._kind.order(columns)
        if not self._table.columns:
            self._table.set_columns(names)
        if names != self._table.columns:
            message = (
                f"{self._table.name} has the columns {self._table.columns}, not {names}. Hint: give the same ones."
            )
            raise BadInput(message)
        rows = {
            name: integers(columns[name], name, keep_int32=True) for name in names if name not in {"venue", "flags"}
        }
        if "flags" in names:
            rows["flags"] = _small(columns["flags"], "flags")
        if "venue" in names:
            rows["venue"] = self._recoded(_small(columns["venue"], "venue"), venues)
        if len({len(column) for column in rows.values()}) > 1:
            seen = ", ".join(f"{name} {len(column):,}" for name, column in rows.items())
            raise BadInput(f"the columns differ in length: {seen}. Hint: give one value of each per row.")
        if len(rows["ts"]):
            self._check_values(rows)
        return {name: rows[name] for name in names}

    def _check_values(self, rows: Mapping[str, NDArray[Any]]) -> None:
        least = {"size": 1, "bid_size": 0, "ask_size": 0}
        for name, column in rows.items():
            if name in least and int(column.min()) < least[name]:
                row = int(np.argmax(column < least[name]))
                message = f"{name} is {int(column[row])} at row {row:,}. Hint: it is at least {least[name]}."
                raise BadInput(message)
            narrow = self._table.dtypes[name].itemsize == 4 and column.itemsize > 4
            if narrow and not _INT32.min <= int(column.min()) <= int(column.max()) <= _INT32.max:
                for chunk in self._loom.finished(all_of_them=True):
                    self._table.put(chunk)
                self._table.widen(name)

    def _weighed(self, rows: Mapping[str, NDArray[Any]]) -> int:
        """Give the volume of the table with these rows; the index adds it up in 64 bits."""
        if self._kind.volume is None:
            return 0
        column = rows[self._kind.volume]
        most = float(self._volume) + float(column.sum(dtype=np.float64))
        if most >= float(_INT64.max):
            message = f"{self._table.name}: sizes add up to {most:.3g}, beyond int64. Hint: rescale them."
            raise BadInput(message)
        return self._volume + int(column.sum(dtype=np.int64))

    def _recoded(self, codes: NDArray[np.uint8], venues: Sequence[str] | None) -> NDArray[np.uint8]:
        table = self._codes if venues is None else [self.venue_code(name) for name in venues]
        if venues is None and not self._codes:
            table = list(range(len(self._table.venues)))
        if len(codes) and int(codes.max()) >= len(table):
            message = (
                f"venue holds code {int(codes.max())}; {len(table)} have names. "
                "Hint: writer.venue_code(name) gives codes."
            )
            raise BadInput(message)
        if table == list(range(len(table))):
            return codes
        return np.asarray(table, dtype=np.uint8)[codes]

    def _refuse(self, ts: NDArray[np.int64], back: NDArray[np.bool_], last: int | None) -> None:
        row = 0 if last is not None and int(ts[0]) < last else int(np.argmax(back)) + 1
        before = last if row == 0 else int(ts[row - 1])
        message = (
            f"{self._table.name}: rows go back in time (row {row:,} of those given: {int(ts[row])} after {before}). "
            "Hint: sort them by time, or pass out_of_order='merge'."
        )
        raise BadInput(message)

    def _make_way(self, moment: int) -> None:
        """Take the rows later than a moment out of the table again, so that older ones go in before them."""
        for chunk in self._loom.finished(all_of_them=True):
            self._table.put(chunk)
        self._pending.prepend(self._table.take_back(moment))

    def _weave(self) -> None:
        size = self._table.chunk_rows
        while len(self._pending) >= size:
            start, parts = self._loom_rows, self._pending.take(size)
            self._loom.put(parts, start, self._recipe(self._ways(parts, start)))
            for chunk in self._loom.finished():
                self._table.put(chunk)

    def _ways(self, parts: Sequence[Mapping[str, NDArray[Any]]], start: int) -> dict[str, Way]:
        """Choose anew how to compress at every eighth chunk: values change slowly, and choosing takes a quarter."""
        if not self._chosen or start // self._table.chunk_rows % _CHOOSE_EVERY == 0:
            largest = max(parts, key=lambda part: len(part["ts"]))
            self._chosen = {
                name: choose_way(np.ascontiguousarray(largest[name], dtype=dtype))
                for name, dtype in self._table.dtypes.items()
            }
        return dict(self._chosen)

    def _recipe(self, ways: Mapping[str, Way] | None = None) -> Recipe:
        return Recipe(dict(self._table.dtypes), self._kind.volume, self._level, self._table.chunk_rows, ways)

    @property
    def _loom_rows(self) -> int:
        """The row at which the next chunk starts: what is in the file and what is being compressed."""
        return self._table.rows + self._loom.rows


def _small(values: Any, name: str) -> NDArray[np.uint8]:
    column = np.asarray(values)
    if column.dtype == np.uint8 and column.ndim == 1:
        return column
    return np.asarray(codes(column, name, 255), dtype=np.uint8)
