"""The store as a person holds it: one file, its instruments, reading and writing."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from atomloom.errors import BadInput, StoreError
from atomloom.store.columns import check_symbol
from atomloom.store.fresh import make, withdraw
from atomloom.store.instrument import Instrument
from atomloom.store.meta import LOCK, Source, load, note_lot, open_hdf5, reading, tables
from atomloom.store.redo import RedoFile
from atomloom.store.writer import Writer

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from atomloom.store.meta import TableMeta
    from atomloom.store.quotes import Quotes
    from atomloom.store.schema import Trades

_MODES = ("r", "a", "w")


def open_store(path: str | os.PathLike[str], mode: str = "r") -> Store:
    """Open a file of ticks: several instruments, trades and quotes of each.

    Parameters
    ----------
    path : path
        An HDF5 file.
    mode : {"r", "a", "w"}
        Read; read and append, making the file if it is missing; the same on a new file.

    Returns
    -------
    Store
        Also a context manager.

    Raises
    ------
    StoreError
        If the file is missing (mode "r"), is no store, or is of a later version.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> with open_store(es_2013_09()) as store:
    ...     print(store.symbols, len(store["ES"].trades("2013-09-03", "2013-09-03T01")))
    ['ES'] ...
    """
    if mode not in _MODES:
        message = f"mode is {mode!r}. Hint: 'r' reads, 'a' appends, 'w' starts anew."
        raise BadInput(message)
    target = Path(path)
    if target.is_symlink():
        target = target.resolve()  # the log of a commit lies beside the file itself, whatever it is called
    if mode == "w" or (mode == "a" and not target.exists()):
        make(target, anew=mode == "w")
    with reading(target):
        pass
    return Store(target, mode)


@contextlib.contextmanager
def appending(path: str | os.PathLike[str]) -> Iterator[Store]:
    """Open a store to append to; a file that was made for it goes again if that fails and leaves it empty.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.h5")
    ...     with contextlib.suppress(ZeroDivisionError), appending(path):
    ...         1 / 0
    ...     path.exists()
    False
    """
    made = not Path(path).exists()
    store = open_store(path, "a")
    try:
        with store:
            yield store
    except BaseException:
        if made:
            withdraw(store.path)
        raise


class Store:
    """A file of ticks, made by :func:`open_store`; behaves like a mapping from symbol to :class:`Instrument`.

    Attributes
    ----------
    path : Path
    mode : str

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> store = open_store(es_2013_09())
    >>> store
    Store(es_2013-09.h5, 'r', ES: 500,000 trades)
    """

    def __init__(self, path: Path, mode: str) -> None:
        self.path, self.mode = path, mode
        self._source: Source | None = None
        self._stamp: tuple[int, ...] = ()
        self._tables: list[tuple[str, str]] = []
        self._metas: dict[tuple[str, str], TableMeta] = {}
        self._writing = False
        self._closed = False

    @property
    def symbols(self) -> list[str]:
        """The symbols in the file, sorted."""
        return sorted({symbol for symbol, _ in self.tables()})

    def tables(self) -> list[tuple[str, str]]:
        """List the tables, (symbol, kind) each."""
        self._current()
        return list(self._tables)

    def __getitem__(self, symbol: str) -> Instrument:
        if symbol not in self.symbols:
            import difflib  # noqa: PLC0415 - only a misspelling pays for it

            near = difflib.get_close_matches(str(symbol), self.symbols, 1)
            hint = f"did you mean {near[0]!r}?" if near else "pick one of those."
            message = f"{self.path} has no symbol {symbol!r}; it holds {self.symbols}. Hint: {hint}"
            raise BadInput(message)
        return Instrument(self, symbol)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process by name."""
        self._check_open()
        return Store, (self.path.absolute(), self.mode)

    def __iter__(self) -> Iterator[str]:
        return iter(self.symbols)

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self.symbols

    def __repr__(self) -> str:
        if self._closed:
            return f"Store({self.path.name}, closed)"
        held = [f"{symbol}: {self.meta(symbol, kind).rows:,} {kind}" for symbol, kind in self.tables()[:4]]
        more = f", and {len(self._tables) - 4} more" if len(self._tables) > 4 else ""
        return f"Store({self.path.name}, {self.mode!r}, {', '.join(held) or 'empty'}{more})"

    def writer(
        self,
        symbol: str,
        *,
        kind: str = "trades",
        tick_size: float | None = None,
        venues: Sequence[str] = (),
        columns: Sequence[str] | None = None,
        out_of_order: str = "refuse",
        overwrite: bool = False,
        source: str = "",
        threads: int | None = None,
        level: int = 1,
        chunk_rows: int | None = None,
        lot: float | None = None,
    ) -> Writer:
        """Open one table for appending; one writer at a time, in this program and all others.

        Parameters
        ----------
        symbol : str
        kind : {"trades", "quotes"}
        tick_size : float, optional
            Quote currency per tick: given for a new table (1 if not), checked against an old one.
        venues : sequence of str
            Names of the venue codes to come; new names may follow.
        columns : sequence of str, optional
            Columns of a new table; by default those of the first rows.
        out_of_order : {"refuse", "merge"}
            Rows older than the last stored: an error, or woven in by time (later rows are rewritten).
        overwrite : bool
            Begin the table anew; its old rows go at the first commit.
        source : str
            Where the rows come from; the writer's ``state`` is kept by source.
        threads : int, optional
            Threads that compress; all usable cores by default.
        level : int
            Effort of zstd, 1 to 9.
        chunk_rows : int, optional
            Rows per chunk of a new table, 131,072 by default.
        lot : float, optional
            Size of one stored unit: noted for a new table (1 if not given), checked against an old one.

        Raises
        ------
        BadInput
            If the table has another tick size or lot.
        StoreError
            If the store was opened for reading, or someone else writes to the file.

        Examples
        --------
        >>> from atomloom.data import es_2013_09
        >>> open_store(es_2013_09()).writer("ES")
        Traceback (most recent call last):
        atomloom.errors.StoreError: ... is open for reading. Hint: open_store(path, 'a').
        """
        check_symbol(symbol)
        if self.mode == "r":
            message = f"{self.path} is open for reading. Hint: open_store(path, 'a')."
            raise StoreError(message)
        if self._writing:
            message = f"{self.path} has an open writer. Hint: close it first; one table is written at a time."
            raise StoreError(message)
        self._check_open()
        file = RedoFile(self.path)
        try:
            note_lot(file, symbol, kind, lot, self._lot_of(symbol, kind), anew=overwrite)
            made = Writer(
                file, symbol, kind, tick_size=tick_size, venues=venues, columns=columns, out_of_order=out_of_order,
                overwrite=overwrite, source=source, threads=threads, level=level, chunk_rows=chunk_rows,
                done=lambda: self._written(file),
            )  # fmt: skip
        except BaseException:
            file.close()
            raise
        self._writing = True
        return made

    def append(
        self,
        ticks: Trades | Quotes,
        *,
        out_of_order: str = "refuse",
        overwrite: bool = False,
        source: str = "",
        level: int = 1,
    ) -> None:
        """Add trades or quotes under their symbol, in one commit.

        Raises
        ------
        BadInput
            If they are older than what is stored (unless ``out_of_order="merge"``) or do not fit the table.

        Examples
        --------
        >>> import tempfile
        >>> from atomloom.store import Trades
        >>> with tempfile.TemporaryDirectory() as folder, open_store(Path(folder, "a.h5"), "a") as store:
        ...     store.append(Trades([0, 5], [1, 2], [1, 1], symbol="A"))
        ...     store.append(Trades([3], [3], [1], symbol="A"), out_of_order="merge")
        ...     store["A"].trades().px
        array([1, 3, 2], dtype=int32)
        """
        kind = "trades" if hasattr(ticks, "px") else "quotes"
        names = ("ts", "px", "size") if kind == "trades" else ("ts", "bid_px", "bid_size", "ask_px", "ask_size")
        columns = {name: getattr(ticks, name) for name in names}
        columns |= {name: side for name in ("venue", "flags") if (side := getattr(ticks, name)) is not None}
        with self.writer(
            ticks.symbol, kind=kind, tick_size=ticks.tick_size, out_of_order=out_of_order, overwrite=overwrite,
            source=source, level=level,
        ) as writer:  # fmt: skip
            writer.append(columns, venues=ticks.venues if ticks.venue is not None else None)

    def drop(self, symbol: str, kind: str | None = None) -> None:
        """Delete an instrument, or one kind of its tables; the room is not given back to the disk.

        Examples
        --------
        >>> import tempfile
        >>> from atomloom.store import Trades
        >>> with tempfile.TemporaryDirectory() as folder, open_store(Path(folder, "a.h5"), "a") as store:
        ...     store.append(Trades([0], [1], [1], symbol="A"))
        ...     store.drop("A")
        ...     store.symbols
        []
        """
        if self.mode == "r":
            raise StoreError(f"{self.path} is open for reading. Hint: open_store(path, 'a').")
        held = [found for name, found in self.tables() if name == symbol and kind in {None, found}]
        if not held:
            self[symbol]  # names the symbols that there are
            raise BadInput(
                f"{self.path} has no {kind} of {symbol!r}. Hint: store[{symbol!r}].kinds lists what there is."
            )
        with contextlib.closing(RedoFile(self.path)) as file:
            with LOCK, open_hdf5(self.path, file, "r+") as opened:
                for name in held:
                    del opened[symbol][name]
                    opened[symbol].attrs.pop(f"{name}_lot", None)
                if not len(opened[symbol]):
                    del opened[symbol]
            file.commit()
        self._stamp = ()

    def info(self) -> list[dict[str, Any]]:
        """Describe every table: see :meth:`Instrument.info`."""
        return [self[symbol].info(kind) for symbol, kind in self.tables()]

    def close(self) -> None:
        """Let go of the file."""
        self._closed, self._source = True, None
        self._metas.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def meta(self, symbol: str, kind: str) -> TableMeta:
        """Describe a table, read anew where the file has changed."""
        self._current()
        if (symbol, kind) not in self._tables:
            message = f"{self.path} has no {kind} of {symbol!r}; it holds {self._tables}. Hint: pick one of those."
            raise BadInput(message)
        if (symbol, kind) not in self._metas:
            self._metas[symbol, kind] = load(self.path, symbol, kind)
        return self._metas[symbol, kind]

    def source(self) -> Source:
        """Give the open file to read chunks from."""
        self._current()
        assert self._source is not None  # noqa: S101 - _current opened it
        return self._source

    def _current(self) -> None:
        """Look whether the file is still the one that was read; another writer may have committed."""
        self._check_open()
        if self._source is not None and self._source.stamp() == self._stamp:
            return
        with reading(self.path) as file:
            self._source = Source(self.path)
            self._stamp = self._source.stamp()
            self._tables = tables(file)
        self._metas.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"{self.path} is closed. Hint: open_store(path) again.")

    def _lot_of(self, symbol: str, kind: str) -> float | None:
        """Give the lot of a table, None where there is no such table."""
        return self.meta(symbol, kind).lot if (symbol, kind) in self.tables() else None

    def _written(self, file: RedoFile) -> None:
        file.close()
        self._writing, self._stamp = False, ()
