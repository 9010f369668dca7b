"""A table as it is written: chunks go into its datasets, its index and days are kept beside, a commit shows them."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import machine
from atomloom.errors import OverBudget, StoreError
from atomloom.store.codec import checksum, decode, encode
from atomloom.store.layout import (
    CHUNK_ROWS,
    DAY_DTYPE,
    RARE_DTYPE,
    Kind,
    index_dtype,
)
from atomloom.store.meta import LOCK, open_hdf5, read_meta, table_sum, told

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from atomloom.store.chunks import Chunk
    from atomloom.store.redo import RedoFile

_WIDTHS = {"ts": "<i8", "venue": "u1", "flags": "u1"}


class TableFile:
    """One table of a file that is open for writing.

    Full chunks are in the file's datasets; the rows after them, fewer than a chunk, are with the writer
    (:meth:`tail` gives them back, :meth:`put_tail` stores them for a commit).

    Parameters
    ----------
    file : RedoFile
    symbol : str
    kind : Kind
    fresh : bool
        Begin with an empty table; the old one goes at the next commit.

    Attributes
    ----------
    rows : int
        Rows in full chunks.
    tick_size : float
    venues : tuple of str
    states : dict
        What each source left at its last commit.
    """

    def __init__(self, file: RedoFile, symbol: str, kind: Kind, *, fresh: bool = False) -> None:
        self._file, self.kind, self.symbol = file, kind, symbol
        self._path: Path = file.path
        self._hdf5: Any = None
        self._datasets: dict[str, Any] = {}
        self.tick_size = 1.0
        self.chunk_rows = CHUNK_ROWS
        self.venues: tuple[str, ...] = ()
        self.dtypes: dict[str, np.dtype[Any]] = {}
        self.states: dict[str, Any] = {}
        self._index = np.zeros(0, dtype=index_dtype(()))
        self._rare: list[NDArray[Any]] = []
        self._days: list[NDArray[Any]] = []
        self._tail: Chunk | None = None
        self._held_tail: dict[str, NDArray[Any]] | None = None
        self._dirty = 0  # chunks of the index from here on are not in the file yet
        try:
            with told(self._path):
                self.exists = symbol in self._open() and kind.name in self._open()[symbol]
                if fresh and self.exists:
                    with LOCK:
                        del self._open()[symbol][kind.name]
                    self.exists = False
                if self.exists:
                    self._load()
        except BaseException:
            self._shut()
            raise

    @property
    def name(self) -> str:
        """The table as a person names it."""
        return f"{self._path} /{self.symbol}/{self.kind.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order; empty while nobody knows them."""
        return tuple(self.dtypes)

    @property
    def rows(self) -> int:
        """Rows in full chunks."""
        return len(self._index) * self.chunk_rows

    @property
    def volume(self) -> int:
        """Volume of the full chunks."""
        return int(self._index["volume"].sum())

    @property
    def last_ts(self) -> int | None:
        """Time of the last row in full chunks."""
        return int(self._index["ts_last"][-1]) if len(self._index) else None

    def set_columns(self, names: tuple[str, ...]) -> None:
        """Make the datasets of a new table; numbers start as int32."""
        self.dtypes = {name: np.dtype(_WIDTHS.get(name, "<i4")) for name in names}
        self._index = np.zeros(0, dtype=index_dtype(names))
        with LOCK:
            group = self._open().create_group(f"{self.symbol}/{self.kind.name}")
            for name, dtype in self.dtypes.items():
                _dataset(group, name, dtype, self.chunk_rows)
            for name, dtype in (("chunks", self._index.dtype), ("days", DAY_DTYPE), ("rare", RARE_DTYPE)):
                group.create_dataset(
                    name, shape=(0,), maxshape=(None,), chunks=(1024,), dtype=dtype, track_times=False,
                    shuffle=True, compression="gzip", compression_opts=4,
                )  # fmt: skip

    def tail(self) -> dict[str, NDArray[Any]] | None:
        """Give the rows of the last chunk, where it is not full."""
        return self._held_tail

    def put(self, chunk: Chunk) -> None:
        """Store a full chunk behind those that are there."""
        self._write(chunk, len(self._index))
        self._index = np.append(self._index, chunk.entry)
        self._rare.append(chunk.rare)
        self._days.append(chunk.days)

    def put_tail(self, chunk: Chunk) -> None:
        """Store the last chunk, which is not full; the next commit replaces it."""
        self._write(chunk, len(self._index))
        self._tail = chunk

    def take_back(self, moment: int) -> dict[str, NDArray[Any]] | None:
        """Take all chunks with rows later than a moment out of the table and give their rows.

        Raises
        ------
        OverBudget
            If they would fill more than half of the memory that is free.
        """
        first = int(np.searchsorted(self._index["ts_last"], moment, side="right"))
        count = len(self._index) - first
        if not count:
            return None
        need = 3 * count * self.chunk_rows * sum(dtype.itemsize for dtype in self.dtypes.values())
        if need > machine().memory_available // 2:
            message = (
                f"{self.name}: rows of {np.datetime64(moment, 'ns')} would have to be merged before "
                f"{count * self.chunk_rows:,} later ones, which needs {need / 1e9:.1f} GB. "
                "Hint: ingest in order of time, or into a new store."
            )
            raise OverBudget(message)
        taken = {name: np.empty(count * self.chunk_rows, dtype=dtype) for name, dtype in self.dtypes.items()}
        with LOCK:
            group = self._group()
            for name, column in taken.items():
                for k in range(count):
                    part = column[k * self.chunk_rows : (k + 1) * self.chunk_rows]
                    self._read_chunk(group, name, first + k, self._index[first + k], part)
        self._index = self._index[:first]
        del self._rare[first:], self._days[first:]
        self._dirty = min(self._dirty, first)
        return taken

    def widen(self, name: str) -> None:
        """Give a column 64 bits."""
        wide = np.dtype("<i8")
        with LOCK:
            group = self._group()
            fresh = _dataset(group, f"{name}.wide", wide, self.chunk_rows)
            part = np.empty(self.chunk_rows, dtype=self.dtypes[name])
            for k in range(len(self._index)):
                self._read_chunk(group, name, k, self._index[k], part)
                frame = encode(part.astype(wide))
                fresh.resize(((k + 1) * self.chunk_rows,))
                fresh.id.write_direct_chunk((k * self.chunk_rows,), frame)
                self._index[f"{name}_bytes"][k], self._index[f"{name}_sum"][k] = len(frame), checksum(frame)
            del group[name]
            group.move(f"{name}.wide", name)
            self._datasets.clear()
        self.dtypes[name] = wide
        self._dirty = 0

    def commit(self, source: str) -> None:
        """Write the index, the days and the rare rows, and make all of it the state of the file."""
        if not self.dtypes:
            return
        with LOCK:
            group = self._group()
            tail = [] if self._tail is None else [self._tail]
            index = np.concatenate([self._index, *(chunk.entry for chunk in tail)])
            rare = _joined([*self._rare, *(chunk.rare for chunk in tail)], RARE_DTYPE)
            counts = [len(rows) for rows in (*self._rare, *(chunk.rare for chunk in tail))]
            index["rare_count"] = counts
            index["rare_first"] = np.cumsum(counts) - counts
            days = _joined([*self._days, *(chunk.days for chunk in tail)], DAY_DTYPE)
            rows = int(index["count"].sum())
            for name in self.dtypes:
                group[name].resize((rows,))
            _store(group["chunks"], index, self._dirty)
            _store(group["rare"], rare, int(index["rare_first"][self._dirty]) if self._dirty < len(index) else 0)
            _store(group["days"], days, 0)
            for name, value in {
                "kind": self.kind.name, "symbol": self.symbol, "tick_size": self.tick_size,
                "venues": json.dumps(list(self.venues)), "ts_unit": "ns since 1970-01-01T00:00:00 UTC",
                "px_unit": "ticks of tick_size", "sum": np.uint64(table_sum(index, days, rare)),
                "state": json.dumps(self.states), **({"source": source} if source else {}),
            }.items():  # fmt: skip
                group.attrs[name] = value
            self._shut()
            self._file.commit()
        self._dirty, self._tail = len(self._index), None

    def close(self) -> None:
        """Let go of the file; what is not committed is dropped."""
        try:
            self._shut()
        finally:
            self._file.discard()

    def _load(self) -> None:
        with LOCK:
            group = self._open()[self.symbol][self.kind.name]
            meta = read_meta(self._path, group, self.symbol, self.kind.name)
            self.chunk_rows = meta.chunk_rows
            self.dtypes, self.tick_size, self.venues = dict(meta.columns), meta.tick_size, meta.venues
            self.states = json.loads(str(meta.attrs.get("state", "{}")))
            full = int((meta.index["count"] == self.chunk_rows).sum())
            if full < len(meta.index):
                entry = meta.index[full]
                self._held_tail = {
                    name: np.empty(int(entry["count"]), dtype=dtype) for name, dtype in self.dtypes.items()
                }
                for name, column in self._held_tail.items():
                    self._read_chunk(group, name, full, entry, column)
            self._index = meta.index[:full].copy()
            cuts = meta.index["rare_first"][:full], meta.index["rare_count"][:full]
            self._rare = [meta.rare[first : first + count] for first, count in zip(*cuts, strict=True)]
            places = np.searchsorted(meta.days["first"], np.arange(full + 1) * self.chunk_rows)
            self._days = [meta.days[lo:hi] for lo, hi in itertools.pairwise(places)]
            self._dirty = full

    def _read_chunk(self, group: Any, name: str, number: int, entry: Any, out: NDArray[Any]) -> None:
        _, frame = group[name].id.read_direct_chunk((number * self.chunk_rows,))
        held = np.frombuffer(frame, dtype=np.uint8)
        if checksum(held) != int(entry[f"{name}_sum"]):
            raise StoreError(f"{self.name}/{name} chunk {number} does not match its checksum. Hint: restore the file.")
        decode(held, out)

    def _write(self, chunk: Chunk, number: int) -> None:
        with LOCK:
            for name, frame in chunk.frames.items():
                dataset = self._dataset(name)
                # exactly: HDF5 rewrites a chunk that a later shrinking cuts
                dataset.resize((number * self.chunk_rows + int(chunk.entry["count"][0]),))
                dataset.id.write_direct_chunk((number * self.chunk_rows,), frame)

    def _open(self) -> Any:
        if self._hdf5 is None:
            with LOCK:
                self._file.seek(0)
                self._hdf5 = open_hdf5(self._path, self._file, "r+")
        return self._hdf5

    def _dataset(self, name: str) -> Any:
        """Give a column's dataset; looking it up takes longer than writing a chunk."""
        if name not in self._datasets:
            self._datasets[name] = self._group()[name]
        return self._datasets[name]

    def _group(self) -> Any:
        return self._open()[self.symbol][self.kind.name]

    def _shut(self) -> None:
        if self._hdf5 is not None:
            with LOCK:
                self._datasets.clear()
                hdf5, self._hdf5 = self._hdf5, None  # also if it cannot be closed: the disk may be full
                hdf5.close()


def _dataset(group: Any, name: str, dtype: np.dtype[Any], rows: int) -> Any:
    import hdf5plugin  # noqa: PLC0415 - heavy, and not needed to describe trades

    squeeze = hdf5plugin.Blosc2(cname="zstd", clevel=1, filters=hdf5plugin.Blosc2.SHUFFLE)
    return group.create_dataset(
        name, shape=(0,), maxshape=(None,), chunks=(rows,), dtype=dtype, track_times=False, **squeeze
    )


def _joined(parts: list[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)


def _store(dataset: Any, rows: NDArray[Any], start: int) -> None:
    """Make a dataset hold these rows; those before ``start`` are there already."""
    dataset.resize((len(rows),))
    if start < len(rows):
        dataset[start:] = rows[start:]
