"""What a store says of its tables: read once under HDF5's lock, then used without it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import AtomloomError, BadInput, StoreError
from atomloom.store.codec import checksum
from atomloom.store.layout import KINDS, RARE_DTYPE, SCHEMA, SCHEMA_VERSION, index_dtype
from atomloom.store.redo import Busy, RedoFile, pending, recover
from atomloom.store.redo_log import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

# h5py serialises its own calls, but iterators and closing files from several threads have crashed
# (h5py issues 2764 and 2920), so one lock stands around every visit to a file.
LOCK = threading.RLock()
_PAUSE = 0.002  # seconds between two looks at a file that is being committed to


@dataclass(frozen=True, eq=False)
class TableMeta:
    """A table as its file describes it.

    Attributes
    ----------
    path : Path
    symbol, kind : str
    columns : dict of str to dtype
        In order, ``ts`` first.
    tick_size : float
    venues : tuple of str
    index : (C,) structured array
        An entry per chunk: see :func:`atomloom.store.layout.index_dtype`.
    days : (D,) structured array
        Rows and volume by UTC day and chunk, in order; a day on several chunks has several entries.
    rare : (K,) structured array
        The rows that are listed apart.
    places : dict of str to (C,) int64
        Where in the file each chunk of a column lies.
    chunk_rows : int
        Rows per chunk, in every column: row r lies in chunk r // chunk_rows.
    attrs : dict
        What else is told: ``source``, ``state``.
    lot : float
        Size of one stored unit.
    """

    path: Path
    symbol: str
    kind: str
    columns: dict[str, np.dtype[Any]]
    tick_size: float
    venues: tuple[str, ...]
    index: NDArray[Any]
    days: NDArray[Any]
    rare: NDArray[Any]
    places: dict[str, NDArray[np.int64]]
    chunk_rows: int
    attrs: dict[str, Any] = field(default_factory=dict)
    lot: float = 1.0

    @functools.cached_property
    def listed(self) -> dict[str, NDArray[Any]]:
        """The rare rows by column, contiguous; (K,) int64 or uint8 each."""
        return {name: np.ascontiguousarray(self.rare[name]) for name in RARE_DTYPE.names or ()}

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.index["start"][-1] + self.index["count"][-1]) if len(self.index) else 0

    def where(self, column: str, chunk: int) -> str:
        """Name a chunk for a person."""
        entry = self.index[chunk]
        first, last = int(entry["start"]), int(entry["start"] + entry["count"]) - 1
        return f"{self.path} /{self.symbol}/{self.kind}/{column} chunk {chunk} (rows {first:,} to {last:,})"


def open_hdf5(path: Path, what: Any, mode: str) -> Any:
    """Open a file for h5py, with the format version and the filters that a store needs; hold ``LOCK`` meanwhile.

    Parameters
    ----------
    path : Path
        For messages.
    what : path or file object
    mode : str
    """
    import h5py  # noqa: PLC0415 - heavy, and not needed to describe trades
    import hdf5plugin  # noqa: F401, PLC0415 - registers the filters

    try:
        # from version 1.10 of the format on, HDF5 keeps checksums of its own over everything but the data
        return h5py.File(what, mode, libver=("v110", "v110"))
    except BlockingIOError as error:
        raise StoreError(f"{path} is locked by another program. Hint: close it there.") from error
    except (OSError, RuntimeError, ValueError) as error:
        message = f"{path} is not a readable HDF5 file: {error}. Hint: it may be cut short or of another kind."
        raise StoreError(message) from error


def check_schema(path: Path, file: Any) -> None:
    """Refuse a file that is no store, or one of a later version."""
    schema, version = file.attrs.get("schema"), file.attrs.get("schema_version")
    if schema != SCHEMA or version is None or int(version) > SCHEMA_VERSION:
        message = (
            f"{path}: schema is {schema!r} version {version}, this version reads {SCHEMA!r} up to {SCHEMA_VERSION}. "
            "Hint: upgrade atomloom, or ingest the file anew."
        )
        raise StoreError(message)


def tables(file: Any) -> list[tuple[str, str]]:
    """List the tables of an open file, (symbol, kind) each, sorted."""
    found = []
    for symbol in sorted(file):
        group = file[symbol]
        if hasattr(group, "keys"):
            found += [(str(symbol), kind) for kind in KINDS if kind in group]
    return found


def load(path: Path, symbol: str, kind: str) -> TableMeta:
    """Read what a file says of a table, and check that its parts agree.

    Raises
    ------
    StoreError
        If the file is no store, cut short, or its parts do not agree.
    """
    with reading(path) as file:
        return read_meta(path, file[symbol][kind], symbol, kind)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[Any]:
    """Open a store for reading, between two commits; whatever HDF5 objects to is a :class:`StoreError`."""
    if not path.is_file():
        message = f"{path} is not a file. Hint: check the path; atomloom.data.es_2013_09() is always there."
        raise StoreError(message)
    with contextlib.ExitStack() as stack, told(path):
        file = _between_commits(path, stack)
        check_schema(path, file)
        yield file


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what HDF5 says of a damaged file into a :class:`StoreError`.

    Examples
    --------
    >>> from pathlib import Path
    >>> with told(Path("a.h5")):
    ...     {}["chunks"]
    Traceback (most recent call last):
    atomloom.errors.StoreError: a.h5 could not be read: 'chunks'. Hint: ...
    """
    try:
        yield
    except AtomloomError:
        raise
    except (OSError, LookupError, RuntimeError, ValueError, TypeError) as error:
        message = (
            f"{path} could not be read: {error}. Hint: it may be damaged or cut short; restore it from its source."
        )
        raise StoreError(message) from error


def _between_commits(path: Path, stack: contextlib.ExitStack) -> Any:
    """Open a file while no commit is on its way into it; one that a dead writer left is brought in first."""
    end = time.monotonic() + PATIENCE
    while True:
        with contextlib.ExitStack() as held:
            held.enter_context(LOCK)
            settle(path)
            try:
                file = held.enter_context(open_hdf5(path, path, "r"))
            except StoreError as error:
                busy = isinstance(error.__cause__, BlockingIOError)
                if not (busy or pending(path)) or time.monotonic() > end:
                    raise
            else:
                stack.push(held.pop_all())
                return file
        time.sleep(_PAUSE)


def settle(path: Path) -> None:
    """Finish the commit of a writer that died; one that is alive does it itself.

    Raises
    ------
    StoreError
        If there is a log and the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> settle(Path("no such file"))
    """
    if not pending(path):
        return
    try:
        RedoFile(path).close()
    except Busy:
        return
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        recover(path)  # says what is wrong


def read_meta(path: Path, group: Any, symbol: str, kind: str) -> TableMeta:
    """Build the description of a table from its HDF5 group."""
    names = [name for name in (*KINDS[kind].required, "venue", "flags") if name in group]
    index: NDArray[Any] = group["chunks"][()]
    days: NDArray[Any] = group["days"][()]
    rare: NDArray[Any] = group["rare"][()]
    where = f"{path} /{symbol}/{kind}"
    if index.dtype != index_dtype(names) or rare.dtype != RARE_DTYPE:
        raise StoreError(f"{where}: the index is not of schema version {SCHEMA_VERSION}. Hint: ingest it anew.")
    if table_sum(index, days, rare) != int(group.attrs["sum"]):
        raise StoreError(f"{where}: the index does not match its checksum. Hint: restore the file.")
    lengths = {name: int(group[name].shape[0]) for name in names}
    promised = int(index["count"].sum())
    if set(lengths.values()) != {promised}:
        raise StoreError(f"{where}: the index promises {promised:,} rows, not {lengths}. Hint: restore the file.")
    attrs = {name: group.attrs[name] for name in ("source", "state") if name in group.attrs}
    return TableMeta(
        path,
        symbol,
        kind,
        {name: group[name].dtype for name in names},
        float(group.attrs["tick_size"]),
        tuple(json.loads(group.attrs["venues"])),
        index,
        days,
        rare,
        {name: _places(path, group[name], len(index)) for name in names},
        int(group["ts"].chunks[0]),
        attrs,
        float(group.parent.attrs.get(f"{kind}_lot", 1.0)),
    )


def note_lot(
    file: RedoFile, symbol: str, kind: str, lot: float | None, held: float | None, *, anew: bool = False
) -> None:
    """Note the size of a stored unit with the next commit, where the table is new; refuse another one where it is not.

    Parameters
    ----------
    file : RedoFile
    symbol, kind : str
    lot : float or None
        None where nobody says.
    held : float or None
        That of the table; None where there is no table.
    anew : bool
        The table begins anew.

    Raises
    ------
    BadInput
        If the table has another one.
    """
    if held is not None and not anew:
        if lot is not None and lot != held:
            message = (
                f"{file.path} /{symbol}/{kind} counts sizes in units of {held:g}, not {lot:g}. "
                f"Hint: give a format with lot={held:g}, or store these under another symbol."
            )
            raise BadInput(message)
        return
    wanted = 1.0 if lot is None else lot
    if wanted == (1.0 if held is None else held):
        return
    # beside the table, which its writer makes at its first rows
    with LOCK, open_hdf5(file.path, file, "r+") as opened:
        opened.require_group(symbol).attrs[f"{kind}_lot"] = wanted


def table_sum(index: NDArray[Any], days: NDArray[Any], rare: NDArray[Any]) -> int:
    """Checksum of everything that a table says of its columns."""
    parts = (np.ascontiguousarray(part).view(np.uint8).reshape(-1) for part in (index, days, rare))
    return checksum(np.concatenate(list(parts)))


def _places(path: Path, dataset: Any, chunks: int) -> NDArray[np.int64]:
    at = np.full(chunks, -1, dtype=np.int64)
    rows = int(dataset.chunks[0])

    def note(info: Any) -> None:
        at[info.chunk_offset[0] // rows] = info.byte_offset

    dataset.id.chunk_iter(note)
    if (at < 0).any():
        raise StoreError(f"{path} {dataset.name}: chunk {int(np.argmin(at))} is missing. Hint: restore the file.")
    return at


class Source:
    """An open file to read chunks from, by place, from any thread.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> Source(es_2013_09()).read(0, 4).tobytes()[1:]
    b'HDF'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY)

    def __reduce__(self) -> tuple[Any, ...]:
        """Open the file anew in another process: the number of a descriptor means another file there."""
        return Source, (self.path,)

    def read(self, at: int, size: int) -> NDArray[np.uint8]:
        """Give ``size`` bytes from a place on, fewer at the end of the file."""
        out = np.empty(size, dtype=np.uint8)
        got = os.preadv(self._descriptor, [out.data], at)
        return out[:got]

    def stamp(self) -> tuple[int, ...]:
        """Tell one state of the file at the path from another."""
        seen = self.path.stat()
        return seen.st_ino, seen.st_size, seen.st_mtime_ns

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            os.close(self._descriptor)
