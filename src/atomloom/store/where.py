"""Rows by value: the index rules chunks out, rare rows are listed apart, only the rest is looked at."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import resolve_threads
from atomloom.errors import BadInput
from atomloom.store.condition import parse
from atomloom.store.layout import RARE_DTYPE
from atomloom.store.quotes import Quotes
from atomloom.store.reader import read_chunk, rows_between, spread
from atomloom.store.schema import Trades

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.store.condition import Condition
    from atomloom.store.meta import Source, TableMeta

    _Part = NDArray[np.bool_] | NDArray[np.int64] | range  # rows of a chunk: a mask, or their places in it


_DENSE = 0.125
_MANY_CHUNKS = 4
_FEW_HITS = 300_000  # below it a second thread costs more than it saves


@dataclass(frozen=True, eq=False, repr=False)
class Hits:
    """Rows that a condition holds for.

    Attributes
    ----------
    row : (H,) int64
        Their positions in the table, rising.
    plan : dict
        How they were found: chunks ``ruled_out``, taken ``whole``, answered from the ``listed`` rows, ``scanned``.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import open_store
    >>> open_store(es_2013_09())["ES"].where("size >= 100000").plan
    {'chunks': 4, 'ruled_out': 4, 'whole': 0, 'listed': 0, 'scanned': 0}
    """

    row: NDArray[np.int64]
    plan: dict[str, int]
    source: Source = field(repr=False)
    meta: TableMeta = field(repr=False)
    verify: bool = True

    def __len__(self) -> int:
        return len(self.row)

    def __repr__(self) -> str:
        return f"Hits({len(self):,} of {self.meta.rows:,} {self.meta.kind} of {self.meta.symbol}, {self.plan})"

    def head(self, rows: int) -> Hits:
        """Keep the first rows only.

        Examples
        --------
        >>> from atomloom.data import es_2013_09
        >>> from atomloom.store import open_store
        >>> len(open_store(es_2013_09())["ES"].where("size >= 100").head(3))
        3
        """
        return replace(self, row=self.row[:rows])

    def columns(self, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Read columns of these rows, all by default; rows listed apart cost no chunk.

        Examples
        --------
        >>> from atomloom.data import es_2013_09
        >>> from atomloom.store import open_store
        >>> sorted(open_store(es_2013_09())["ES"].where("size >= 500").columns(["px", "size"]))
        ['px', 'size']
        """
        wanted = list(self.meta.columns) if names is None else list(names)
        if strange := [name for name in wanted if name not in self.meta.columns]:
            message = f"there is no column {strange[0]!r}. Hint: there are {', '.join(self.meta.columns)}."
            raise BadInput(message)
        out = {name: np.empty(len(self.row), dtype=self.meta.columns[name]) for name in wanted}
        edges = np.searchsorted(self.row, np.arange(len(self.meta.index) + 1) * self.meta.chunk_rows)
        self._from_chunks(out, edges, np.diff(edges) > self._from_list(out, edges))
        return out

    def trades(self) -> Trades:
        """Return the rows as trades.

        Raises
        ------
        BadInput
            If there are none, or the table holds quotes.
        """
        if self.meta.kind != "trades":
            raise BadInput("these are quotes. Hint: .quotes() or .columns().")
        return Trades.trusted(self._some(), self.meta.tick_size, self.meta.symbol, self.meta.venues)

    def quotes(self) -> Quotes:
        """Return the rows as quotes; see :meth:`trades`."""
        if self.meta.kind != "quotes":
            raise BadInput("these are trades. Hint: .trades() or .columns().")
        return Quotes.trusted(self._some(), self.meta.tick_size, self.meta.symbol, self.meta.venues)

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a pandas DataFrame with UTC times; prices are in ticks."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        columns: dict[str, Any] = {"row": self.row, **self.columns()}
        columns["ts"] = pd.to_datetime(columns["ts"], unit="ns", utc=True)
        if "venue" in columns:
            columns["venue"] = pd.Categorical.from_codes(
                [int(code) for code in columns["venue"]], pd.Index(list(self.meta.venues))
            )
        return pd.DataFrame(columns)

    def _some(self) -> dict[str, NDArray[Any]]:
        if not len(self):
            raise BadInput(f"no row of {self.meta.symbol} meets the condition. Hint: len(hits) tells before.")
        return self.columns()

    def _from_list(self, out: dict[str, NDArray[Any]], edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Fill in what the rare rows know; give how many rows of each chunk that are."""
        listed = self.meta.listed["row"]
        if not len(listed) or not len(self.row) or self.meta.kind != "trades":
            return np.zeros(len(edges) - 1, dtype=np.int64)
        if len(self.row) < len(listed):
            found = np.minimum(np.searchsorted(listed, self.row), len(listed) - 1)
            places = np.flatnonzero(listed[found] == self.row)
            found = found[places]
        else:
            places = np.minimum(np.searchsorted(self.row, listed), len(self.row) - 1)
            found = np.flatnonzero(self.row[places] == listed)
            places = places[found]
        for name, column in out.items():
            column[places] = self.meta.listed[name][found]
        return np.diff(np.searchsorted(places, edges))

    def _from_chunks(self, out: dict[str, NDArray[Any]], edges: NDArray[np.int64], needed: NDArray[np.bool_]) -> None:
        """Fill in the rows of the chunks that have to be read, the listed ones among them again."""
        chunks = np.flatnonzero(needed).tolist()
        # the places of rows are counted once for all columns, where there are chunks enough for all threads
        groups = [list(out)] if len(chunks) > _MANY_CHUNKS else [[name] for name in out]

        def work(job: tuple[int, list[str]]) -> None:
            chunk, names = job
            lo, hi = int(edges[chunk]), int(edges[chunk + 1])
            first, last = int(self.row[lo]), int(self.row[hi - 1])
            whole = last - first + 1 == hi - lo
            at = None if whole else self.row[lo:hi] - first
            for name in names:
                part = out[name][lo:hi] if whole else np.empty(last - first + 1, dtype=out[name].dtype)
                start = first - chunk * self.meta.chunk_rows
                read_chunk(self.source, self.meta, name, chunk, start, part, verify=self.verify)
                if at is not None:
                    np.take(part, at, out=out[name][lo:hi], mode="clip")

        jobs = [(chunk, names) for chunk in chunks for names in groups]
        spread(work, jobs, resolve_threads(None) if len(jobs) > _MANY_CHUNKS else 1)


def find(
    source: Source, meta: TableMeta, query: str, start: int | None, end: int | None, *, verify: bool = True
) -> Hits:
    """Find the rows between two times that a condition holds for.

    Notes
    -----
    Each chunk is decided by the cheapest means: its smallest and largest values and its set of venues rule it
    out or take it whole; if every match must be among its rare rows, only those are looked at; else its columns
    are. So the work is at most a scan's, beside O(chunks).
    """
    condition = parse(query, meta)
    lo, hi = rows_between(source, meta, start, end, verify=verify)
    first, last = lo // meta.chunk_rows, -(-hi // meta.chunk_rows) if hi > lo else lo // meta.chunk_rows
    index = meta.index[first:last]
    maybe, surely = condition.verdict(index)
    listed = maybe & ~surely & (condition.listed(index) if meta.kind == "trades" else False)
    scanned = maybe & ~surely & ~listed
    parts: dict[int, _Part] = {}
    for chunk in (first + np.flatnonzero(surely)).tolist():
        begin = chunk * meta.chunk_rows
        parts[chunk] = range(max(lo - begin, 0), min(hi - begin, meta.chunk_rows))
    _scan(source, meta, condition, (first + np.flatnonzero(scanned)).tolist(), parts, verify=verify)
    some = _among_listed(meta, condition, index, listed)
    rows = _numbered(some, parts, meta.chunk_rows)
    if 0 < len(some) < len(rows):
        rows.sort()
    if len(rows) and (int(rows[0]) < lo or int(rows[-1]) >= hi):
        rows = rows[(rows >= lo) & (rows < hi)]
    plan = {
        "chunks": len(index),
        "ruled_out": int((~maybe).sum()),
        "whole": int(surely.sum()),
        "listed": int(listed.sum()),
        "scanned": int(scanned.sum()),
    }
    return Hits(rows, plan, source, meta, verify)


def _among_listed(
    meta: TableMeta, condition: Condition, index: NDArray[Any], listed: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Find the matching rare rows of some chunks; runs of neighbouring chunks are one slice."""
    edges = np.flatnonzero(np.diff(listed.astype(np.int8), prepend=0, append=0))
    found = []
    for begin, stop in zip(edges[::2], edges[1::2], strict=True):
        lo = int(index["rare_first"][begin])
        hi = int(index["rare_first"][stop - 1] + index["rare_count"][stop - 1])
        rows = {name: meta.listed[name][lo:hi] for name in RARE_DTYPE.names or ()}
        found.append(rows["row"][condition.mask(rows)])
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _scan(
    source: Source,
    meta: TableMeta,
    condition: Condition,
    chunks: list[int],
    parts: dict[int, _Part],
    *,
    verify: bool,
) -> None:
    names = sorted(condition.columns())

    def work(chunk: int) -> None:
        count = int(meta.index["count"][chunk])
        rows = {name: np.empty(count, dtype=meta.columns[name]) for name in names}
        for name, column in rows.items():
            read_chunk(source, meta, name, chunk, 0, column, verify=verify)
        mask = condition.mask(rows)
        # many rows stay a mask until their numbers have a place: writing those twice takes longer than looking twice
        parts[chunk] = mask if np.count_nonzero(mask) > _DENSE * count else np.flatnonzero(mask)

    spread(work, chunks, resolve_threads(None))


def _numbered(some: NDArray[np.int64], parts: dict[int, _Part], chunk_rows: int) -> NDArray[np.int64]:
    """Give some rows, then those of chunks, counted from the start of the table."""
    order = sorted(parts)
    counts = [np.count_nonzero(part) if _is_mask(part) else len(part) for part in map(parts.__getitem__, order)]
    starts = list(itertools.accumulate(counts, initial=len(some)))
    rows = np.empty(starts[-1], dtype=np.int64)
    rows[: len(some)] = some

    def work(job: tuple[int, int, int]) -> None:
        chunk, start, stop = job
        part = parts[chunk]
        np.add(np.flatnonzero(part) if _is_mask(part) else part, chunk * chunk_rows, out=rows[start:stop])

    jobs = list(zip(order, starts, starts[1:], strict=False))
    spread(work, jobs, resolve_threads(None) if len(rows) > _FEW_HITS else 1)
    return rows


def _is_mask(part: _Part) -> bool:
    return isinstance(part, np.ndarray) and part.dtype == np.bool_
