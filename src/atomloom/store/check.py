"""Is everything in a store what it was when it was written? Every byte of every chunk is looked at."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import resolve_threads
from atomloom.errors import StoreError
from atomloom.store.handle import open_store
from atomloom.store.layout import day_table, describe, kind_of, rare_rows
from atomloom.store.reader import read_chunk, spread

if TYPE_CHECKING:
    import os

    import pandas as pd

    from atomloom.store.meta import Source, TableMeta


@dataclass(frozen=True, repr=False)
class VerifyReport:
    """What :func:`verify` found.

    Attributes
    ----------
    path : Path
    chunks : int
        Chunks looked at, over all columns and tables.
    rows : int
    damage : tuple of str
        One text per damaged chunk or index; empty if all is well.

    Examples
    --------
    >>> VerifyReport(Path("ticks.h5"), 3, 10, ()).ok
    True
    """

    path: Path
    chunks: int
    rows: int
    damage: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damage

    def summary(self) -> str:
        """Return the finding as text, one line per damage."""
        head = f"{self.path}: {self.chunks:,} chunks, {self.rows:,} rows, "
        return "\n".join([head + ("all as written" if self.ok else f"{len(self.damage):,} damaged"), *self.damage])

    def __repr__(self) -> str:
        state = "ok" if self.ok else f"{len(self.damage)} damaged"
        return f"VerifyReport({self.path.name}, {self.chunks:,} chunks, {state})"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain values."""
        return {
            "path": str(self.path),
            "chunks": self.chunks,
            "rows": self.rows,
            "ok": self.ok,
            "damage": list(self.damage),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the damage as a pandas DataFrame."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame({"damage": list(self.damage)})

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"


def verify(path: str | os.PathLike[str], *, threads: int | None = None) -> VerifyReport:
    """Read every chunk of a store and compare it with its checksum and with what the index says of it.

    Parameters
    ----------
    path : path
    threads : int, optional
        All usable cores by default.

    Returns
    -------
    VerifyReport
        Names each damaged chunk by table, column, number, rows and place in the file.

    Raises
    ------
    StoreError
        If the file is missing or so damaged that its tables cannot be listed.

    Notes
    -----
    Two checks of each chunk: XXH64 of its bytes, and its values against smallest, largest, first, last, volume
    and rare rows in the index, whose own checksum is looked at first. O(rows).

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> verify(es_2013_09())
    VerifyReport(es_2013-09.h5, 12 chunks, ok)
    """
    damage: list[str] = []
    chunks = rows = 0
    with open_store(path) as store:
        source = store.source()
        for symbol, kind in store.tables():
            try:
                meta = store.meta(symbol, kind)
            except StoreError as error:
                damage.append(str(error))
                continue
            chunks += len(meta.index) * len(meta.columns)
            rows += meta.rows
            found: dict[int, list[str]] = {}

            def work(chunk: int, meta: TableMeta = meta, found: dict[int, list[str]] = found) -> None:
                found[chunk] = _check(source, meta, chunk)

            spread(work, range(len(meta.index)), resolve_threads(threads))
            damage += [text for chunk in sorted(found) for text in found[chunk]]
    return VerifyReport(Path(path), chunks, rows, tuple(damage))


def _check(source: Source, meta: TableMeta, chunk: int) -> list[str]:
    """Name what is wrong with a chunk: columns that do not decode, or an entry that they contradict."""
    wrong = []
    columns = {name: np.empty(int(meta.index["count"][chunk]), dtype=dtype) for name, dtype in meta.columns.items()}
    for name, column in columns.items():
        try:
            read_chunk(source, meta, name, chunk, 0, column)
        except StoreError as error:
            place, size = int(meta.places[name][chunk]), int(meta.index[f"{name}_bytes"][chunk])
            wrong.append(f"{error} [bytes {place:,} to {place + size - 1:,} of the file]")
    if wrong:
        return wrong
    volume = kind_of(meta.kind).volume
    told = meta.index[chunk : chunk + 1]
    entry, _ = describe(columns, chunk * meta.chunk_rows, volume, rare=False)
    for name in {"rare_size", "rare_venues"} & set(told.dtype.names or ()):  # a matter of choice, not of the rows
        entry[name] = told[name]
    first, count = int(told["rare_first"][0]), int(told["rare_count"][0])
    same = all(
        np.array_equal(entry[name], told[name])
        for name in entry.dtype.names or ()
        if not name.endswith(("_sum", "_bytes")) and name not in {"rare_first", "rare_count"}
    )
    if not same or not np.array_equal(rare_rows(columns, told), meta.rare[first : first + count]):
        wrong.append(f"{meta.where('*', chunk)} is not what the index says. Hint: restore the file from its source.")
    days = day_table(columns["ts"], columns[volume] if volume else None, chunk * meta.chunk_rows)
    lo, hi = np.searchsorted(meta.days["first"], [chunk * meta.chunk_rows, (chunk + 1) * meta.chunk_rows])
    if not np.array_equal(days, meta.days[lo:hi]):
        wrong.append(f"{meta.where('ts', chunk)}: the table of days does not fit. Hint: restore the file.")
    return wrong
