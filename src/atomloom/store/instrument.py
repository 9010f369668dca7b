"""One instrument of a store: its trades and quotes, by time, by value, by day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, StoreError
from atomloom.store.layout import DAY_NS, kind_of
from atomloom.store.quotes import Quotes
from atomloom.store.reader import read_columns, rows_between
from atomloom.store.schema import Trades
from atomloom.store.spans import iso, span
from atomloom.store.where import Hits, find

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.store.handle import Store
    from atomloom.store.meta import Source, TableMeta

    T = TypeVar("T")
    _Found = tuple[dict[str, NDArray[Any]], tuple[float, str, tuple[str, ...]]]


class Instrument:
    """What a store holds of one symbol: ``store["ES"]``.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import open_store
    >>> es = open_store(es_2013_09())["ES"]
    >>> es.kinds, es.rows
    (['trades'], 500000)
    """

    def __init__(self, store: Store, symbol: str) -> None:
        self._store, self.symbol = store, symbol

    def __repr__(self) -> str:
        held = ", ".join(f"{self._meta(kind).rows:,} {kind}" for kind in self.kinds)
        return f"Instrument({self.symbol}, {held})"

    @property
    def kinds(self) -> list[str]:
        """Kinds of tables that there are."""
        return [kind for symbol, kind in self._store.tables() if symbol == self.symbol]

    @property
    def rows(self) -> int:
        """Number of trades (of quotes, where there are no trades)."""
        return self._meta(self.kinds[0] if "trades" not in self.kinds else "trades").rows

    def trades(
        self, start: Any = None, end: Any = None, *, columns: Sequence[str] | None = None, verify: bool = True
    ) -> Trades:
        """Read trades with ``start <= ts < end``.

        Parameters
        ----------
        start, end : int ns UTC, datetime64 or ISO 8601 str (UTC), optional
            Open where not given; only the blocks that hold such trades are decompressed.
        columns : sequence of str, optional
            Which of ``venue`` and ``flags`` to read beside ``ts, px, size``; all that there are by default.
        verify : bool
            Compare every chunk with its checksum.

        Raises
        ------
        BadInput
            If no trade lies in the range, there is no such column, or the start is after the end.
        StoreError
            If a chunk is damaged.

        Examples
        --------
        >>> from atomloom.data import es_2013_09
        >>> from atomloom.store import open_store
        >>> open_store(es_2013_09())["ES"].trades("2013-09-03T13:30", "2013-09-03T13:31").volume
        22889
        """
        found = self._read("trades", start, end, columns, verify=verify)
        return Trades.trusted(found[0], *found[1])

    def quotes(
        self, start: Any = None, end: Any = None, *, columns: Sequence[str] | None = None, verify: bool = True
    ) -> Quotes:
        """Read quotes with ``start <= ts < end``; as :meth:`trades`."""
        found = self._read("quotes", start, end, columns, verify=verify)
        return Quotes.trusted(found[0], *found[1])

    def arrays(
        self,
        columns: Sequence[str],
        start: Any = None,
        end: Any = None,
        *,
        kind: str = "trades",
        verify: bool = True,
    ) -> dict[str, NDArray[Any]]:
        """Read some columns as arrays, in the units of the store; empty arrays where no row lies in the range.

        Examples
        --------
        >>> from atomloom.data import es_2013_09
        >>> from atomloom.store import open_store
        >>> open_store(es_2013_09())["ES"].arrays(["size"], end="2013-09-01T22:00:01")["size"].sum()
        np.int64(...)
        """

        def read(source: Source, meta: TableMeta) -> dict[str, NDArray[Any]]:
            names = self._columns(meta, columns)
            lo, hi = rows_between(source, meta, *span(start, end), verify=verify)
            if lo == hi:
                return {name: np.empty(0, dtype=meta.columns[name]) for name in names}
            return read_columns(source, meta, names, lo, hi, verify=verify)

        return self._consistently(kind, read)

    def where(
        self, query: str, start: Any = None, end: Any = None, *, kind: str = "trades", verify: bool = True
    ) -> Hits:
        """Find the rows that a condition holds for, by the index where that is quicker than by looking at all.

        Parameters
        ----------
        query : str
            Comparisons of columns with values, joined by ``and``, ``or``, ``not``, for example
            ``"size >= 500 and venue == 'P'"``, ``"flags == 0"``, ``"1640 <= price < 1650"``,
            ``"venue in ('P', 'Q')"``. ``px`` is in ticks, ``price`` in quote currency, ``ts`` takes ns or
            ISO 8601 texts.
        start, end
            As in :meth:`trades`.

        Returns
        -------
        Hits
            Positions, and the rows as :class:`Trades` on request.

        Raises
        ------
        BadInput
            For a condition that cannot be read, with where and why, or a start after the end.

        Examples
        --------
        >>> from atomloom.data import es_2013_09
        >>> from atomloom.store import open_store
        >>> hits = open_store(es_2013_09())["ES"].where("size >= 500")
        >>> len(hits), int(hits.trades().size.min())
        (..., 5...)
        """
        return self._consistently(
            kind, lambda source, meta: find(source, meta, query, *span(start, end), verify=verify)
        )

    def days(self, kind: str = "trades") -> pd.DataFrame:
        """List the UTC days that have rows: their number, first row, rows and volume.

        Examples
        --------
        >>> from atomloom.data import es_2013_09
        >>> from atomloom.store import open_store
        >>> open_store(es_2013_09())["ES"].days()["rows"].tolist()
        [5646, 53001, 441353]
        """
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        table = self._meta(kind).days
        days, first = np.unique(table["day"], return_index=True)
        # the first day that has times in 64 bits begins before them
        unit = "datetime64[ns]" if not len(days) or int(days[0]) * DAY_NS >= -(2**63) else "datetime64[s]"
        frame = pd.DataFrame(
            {
                "day": pd.to_datetime(days.astype("datetime64[D]").astype(unit), utc=True),
                "first_row": table["first"][first],
                "rows": np.add.reduceat(table["rows"], first),
            }
        )
        if kind_of(kind).volume:
            frame["volume"] = np.add.reduceat(table["volume"], first)
        return frame

    def info(self, kind: str = "trades") -> dict[str, Any]:
        """Describe a table as plain values: rows, times, columns, bytes on disk, venues, source.

        Examples
        --------
        >>> from atomloom.data import es_2013_09
        >>> from atomloom.store import open_store
        >>> info = open_store(es_2013_09())["ES"].info()
        >>> info["rows"], info["tick_size"]
        (500000, 0.25)
        """
        meta = self._meta(kind)
        index = meta.index
        stored = {name: int(index[f"{name}_bytes"].sum()) for name in meta.columns}
        raw = sum(dtype.itemsize for dtype in meta.columns.values()) * meta.rows
        some = len(index) > 0
        return {
            "symbol": self.symbol,
            "kind": kind,
            "rows": meta.rows,
            "first": iso(index["ts_first"][0]) if some else None,
            "last": iso(index["ts_last"][-1]) if some else None,
            "days": len(np.unique(meta.days["day"])),
            "tick_size": meta.tick_size,
            "lot": meta.lot,
            "volume": int(index["volume"].sum()) if kind_of(kind).volume else None,
            "columns": {name: str(dtype) for name, dtype in meta.columns.items()},
            "venues": list(meta.venues),
            "chunks": len(index),
            "bytes": sum(stored.values()),
            "bytes_by_column": stored,
            "ratio": round(raw / sum(stored.values()), 3) if some else None,
            "rare_rows": len(meta.rare),
            "source": str(meta.attrs.get("source", "")),
            "sources": sorted(json.loads(str(meta.attrs.get("state", "{}")))),
        }

    def _read(self, kind: str, start: Any, end: Any, columns: Sequence[str] | None, *, verify: bool) -> _Found:
        def read(source: Source, meta: TableMeta) -> _Found:
            names = self._columns(meta, list(meta.columns) if columns is None else columns)
            missing = [name for name in kind_of(kind).required if name not in names]
            if missing:
                message = f"{kind} need the column {missing[0]!r} too. Hint: .arrays(columns=...) reads single columns."
                raise BadInput(message)
            lo, hi = rows_between(source, meta, *span(start, end), verify=verify)
            if lo == hi:
                message = (
                    f"{meta.path} has no {kind} of {self.symbol} with {start!r} <= ts < {end!r}. Hint: it holds "
                    + (
                        f"{iso(meta.index['ts_first'][0])} to {iso(meta.index['ts_last'][-1])} UTC."
                        if meta.rows
                        else "none."
                    )
                )
                raise BadInput(message)
            found = read_columns(source, meta, names, lo, hi, verify=verify)
            return found, (meta.tick_size, self.symbol, meta.venues if "venue" in found else ())

        return self._consistently(kind, read)

    def _columns(self, meta: TableMeta, names: Sequence[str]) -> list[str]:
        strange = [name for name in names if name not in meta.columns]
        if strange or isinstance(names, str):
            message = (
                f"{self.symbol} has no column {strange[0] if strange else names!r}; "
                f"it has {list(meta.columns)}. Hint: pick from those."
            )
            raise BadInput(message)
        return list(dict.fromkeys(names))

    def _meta(self, kind: str) -> TableMeta:
        kind_of(kind)
        return self._store.meta(self.symbol, kind)

    def _consistently(self, kind: str, read: Callable[[Source, TableMeta], T]) -> T:
        """Read from one state of the file: if it changed meanwhile, again from the new one."""
        while True:
            meta, source = self._meta(kind), self._store.source()
            try:
                return read(source, meta)
            except StoreError:
                if self._meta(kind) is meta:
                    raise
