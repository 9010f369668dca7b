"""Trades in HDF5: aligned compressed columns, an index of chunks with checksums, files replaced whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, StoreError
from atomloom.store.columns import check_symbol
from atomloom.store.index import COLUMNS, INDEX_DTYPE, build_index, matching
from atomloom.store.schema import Trades
from atomloom.store.units import to_ns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SCHEMA = "atomloom.trades"
SCHEMA_VERSION = 1
CHUNK_ROWS = 65_536
# h5py serialises its own calls, but iterators and closing files from several threads have crashed
# (h5py issues 2764 and 2920), so one lock stands around every visit to a file.
_LOCK = threading.RLock()


def write_trades(
    path: str | os.PathLike[str], trades: Trades, *, overwrite: bool = False, level: int = 5, source: str = ""
) -> Path:
    """Write trades to the group ``/SYMBOL/trades`` of an HDF5 file, all of it or nothing.

    The file is written beside its destination, flushed to the disk and renamed, so a crash
    leaves the old file. Other symbols already in the file are kept.

    Parameters
    ----------
    path : path
        The HDF5 file; made if missing.
    trades : Trades
        What to write. ``px`` and ``size`` are stored as int32 where they fit.
    overwrite : bool
        Replace the symbol if the file has it already.
    level : int
        Effort of zstd (Blosc, byte shuffle), 1 to 9; any level is read at the same speed.
    source : str
        Where the trades come from; kept as the attribute ``source``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StoreError
        If the file cannot be written, is not HDF5, or has the symbol and overwrite is False.

    Notes
    -----
    The same trades give the same bytes (with one version of h5py, 3.14 or later: no times are stored).
    O(T) time; O(65,536) extra memory beside casts.

    Examples
    --------
    >>> import tempfile
    >>> trades = Trades(ts=[0, 5], px=[6560, 6561], size=[8, 1], tick_size=0.25, symbol="ES")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_trades(Path(folder) / "ticks.h5", trades)
    ...     read_trades(file).price
    array([1640.  , 1640.25])
    """
    if not 1 <= level <= 9:
        message = f"level is {level!r}. Hint: give 1 (fast) to 9 (small)."
        raise BadInput(message)
    target = Path(path)
    try:
        with _LOCK, _replacing(target) as fresh, _open(fresh, "a" if target.exists() else "w") as file:
            _make_room(target, file, trades.symbol, overwrite=overwrite)
            _fill(file.create_group(f"{trades.symbol}/trades"), trades, level, source)
    except StoreError:
        raise
    except OSError as error:
        message = f"{target} could not be written: {error}. Hint: check the folder, its rights and the free space."
        raise StoreError(message) from error
    return target


def read_trades(
    path: str | os.PathLike[str], symbol: str | None = None, *, start: Any = None, end: Any = None, verify: bool = True
) -> Trades:
    """Read trades from ``/SYMBOL/trades`` of an HDF5 file, checking every chunk against its checksum.

    Parameters
    ----------
    path : path
        A file by :func:`write_trades`.
    symbol : str, optional
        Needed only where the file holds more than one.
    start, end : int ns UTC, datetime64 or ISO 8601 str (UTC), optional
        Only trades with ``start <= ts < end``; only the chunks that can hold them are read.
    verify : bool
        Compare CRC-32 of every chunk read with the index.

    Raises
    ------
    StoreError
        If the file is missing, is no such file, was cut short, or a chunk is not what its index
        says (the message names column, chunk and rows).
    BadInput
        If the symbol is not in the file or no trade lies in the range.

    Notes
    -----
    O(rows in the chunks read) time; memory for those rows once.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> trades = read_trades(es_2013_09())
    >>> len(trades), trades.symbol, trades.tick_size
    (500000, 'ES', 0.25)
    """
    target = Path(path)
    lo = None if start is None else to_ns(start)
    hi = None if end is None else to_ns(end)
    try:
        with _LOCK, _open(target, "r") as file:
            name = _pick(target, file, symbol)
            group = _group(target, file, name)
            index = _index(target, group, name)
            wanted = _wanted(target, name, index, lo, hi)
            columns: dict[str, Any] = {
                column: _read_column(target, group, column, index, wanted, verify=verify) for column in COLUMNS
            }
            tick_size = float(group.attrs["tick_size"])
    except (StoreError, BadInput):
        raise
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        message = f"{target} could not be read: {error}. Hint: it may be damaged or cut short; write it again."
        raise StoreError(message) from error
    trades = Trades(**columns, tick_size=tick_size, symbol=name)
    return trades if lo is None and hi is None else trades.slice(lo, hi)


def symbols(path: str | os.PathLike[str]) -> list[str]:
    """List the symbols that a file holds.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> symbols(es_2013_09())
    ['ES']
    """
    with _LOCK, _open(Path(path), "r") as file:
        return sorted(name for name in file if "trades" in file[name])


@contextlib.contextmanager
def _open(path: Path, mode: str) -> Iterator[Any]:
    import h5py  # noqa: PLC0415 - heavy, and not needed to describe trades
    import hdf5plugin  # noqa: F401, PLC0415 - registers the Blosc filter

    if mode == "r" and not path.is_file():
        message = f"{path} is not a file. Hint: check the path; atomloom.data.es_2013_09() is always there."
        raise StoreError(message)
    try:
        # from version 1.10 of the format on, HDF5 keeps checksums of its own over everything but the data
        file = h5py.File(path, mode, libver=("v110", "v110"))
    except OSError as error:
        message = f"{path} is not a readable HDF5 file: {error}. Hint: it may be cut short or of another kind."
        raise StoreError(message) from error
    with file:
        yield file


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a temporary copy to write to; on success it takes the target's place, else it goes."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        if target.exists():
            shutil.copyfile(target, fresh)
            shutil.copymode(target, fresh)
        else:
            umask = os.umask(0)
            os.umask(umask)
            fresh.chmod(0o666 & ~umask)  # mkstemp gives 0600; a new file should have the usual rights
        yield fresh
        _flush(fresh)
        fresh.replace(target)
        _flush(target.parent)
    finally:
        fresh.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(group: Any, trades: Trades, level: int, source: str) -> None:
    import hdf5plugin  # noqa: PLC0415 - heavy, and not needed to describe trades

    squeeze = hdf5plugin.Blosc(cname="zstd", clevel=level, shuffle=hdf5plugin.Blosc.SHUFFLE)
    columns = {"ts": trades.ts.astype("<i8"), "px": _narrow(trades.px), "size": _narrow(trades.size)}
    rows = min(CHUNK_ROWS, len(trades))
    for name, column in columns.items():
        group.create_dataset(name, data=column, chunks=(rows,), track_times=False, **squeeze)
    index = build_index(columns, rows)
    group.create_dataset("chunks", data=index, track_times=False)
    group.attrs["crc_chunks"] = zlib.crc32(index.tobytes())
    group.attrs["schema"] = SCHEMA
    group.attrs["schema_version"] = SCHEMA_VERSION
    group.attrs["symbol"] = trades.symbol
    group.attrs["tick_size"] = trades.tick_size
    group.attrs["ts_unit"] = "ns since 1970-01-01T00:00:00 UTC"
    group.attrs["px_unit"] = "ticks"
    if source:
        group.attrs["source"] = source


def _make_room(path: Path, file: Any, symbol: str, *, overwrite: bool) -> None:
    if symbol not in file:
        return
    if not overwrite:
        message = f"{path} already holds {symbol}. Hint: pass overwrite=True, or another path."
        raise StoreError(message)
    del file[symbol]


def _narrow(column: NDArray[Any]) -> NDArray[Any]:
    limits = np.iinfo(np.int32)
    fits = limits.min <= column.min() and column.max() <= limits.max
    return column.astype("<i4" if fits else "<i8")


def _pick(path: Path, file: Any, symbol: str | None) -> str:
    held = sorted(name for name in file if hasattr(file[name], "keys") and "trades" in file[name])
    if symbol is not None:
        check_symbol(symbol)
        if symbol not in held:
            message = f"{path} has no symbol {symbol!r}; it holds {held}. Hint: pick one of those."
            raise BadInput(message)
        return symbol
    if len(held) != 1:
        what = f"holds {len(held)} symbols {held}" if held else "holds no trades"
        message = f"{path} {what}. Hint: pass symbol=..., or a file by write_trades."
        raise BadInput(message) if held else StoreError(message)
    return str(held[0])


def _group(path: Path, file: Any, name: str) -> Any:
    group = file[name]["trades"]
    schema, version = group.attrs.get("schema"), group.attrs.get("schema_version")
    if schema != SCHEMA or version is None or int(version) > SCHEMA_VERSION:
        message = (
            f"{path} {name}: schema is {schema!r} version {version}, this version reads {SCHEMA!r} up to "
            f"{SCHEMA_VERSION}. Hint: upgrade atomloom or write the file again."
        )
        raise StoreError(message)
    return group


def _index(path: Path, group: Any, name: str) -> NDArray[Any]:
    index: NDArray[Any] = group["chunks"][()]
    lengths = {column: group[column].shape[0] for column in COLUMNS}
    promised = int(index["count"].sum())
    if index.dtype != INDEX_DTYPE or set(lengths.values()) != {promised}:
        message = f"{path} {name}: the index promises {promised:,} rows, not {lengths}. Hint: restore the file."
        raise StoreError(message)
    if zlib.crc32(index.tobytes()) != int(group.attrs["crc_chunks"]):
        message = f"{path} {name}: the index of chunks does not match its checksum. Hint: restore the file."
        raise StoreError(message)
    return index


def _wanted(path: Path, name: str, index: NDArray[Any], lo: int | None, hi: int | None) -> NDArray[Any]:
    found = matching(index, lo, hi)
    if len(found) == 0:
        message = f"{path} has no trade of {name} with {lo} <= ts < {hi} (ns UTC). Hint: read without a range."
        raise BadInput(message)
    return found


def _read_column(
    path: Path, group: Any, column: str, index: NDArray[Any], wanted: NDArray[Any], *, verify: bool
) -> NDArray[Any]:
    dataset = group[column]
    begin = int(wanted["start"][0])
    values = np.empty(int(wanted["count"].sum()), dtype=dataset.dtype)
    for entry in wanted:
        start, count = int(entry["start"]), int(entry["count"])
        part = values[start - begin : start - begin + count]
        number = int(np.searchsorted(index["start"], start))
        where = f"{path} {group.name}/{column} chunk {number} (rows {start:,} to {start + count - 1:,})"
        try:
            dataset.read_direct(part, np.s_[start : start + count])
        except OSError as error:
            message = f"{where} cannot be decompressed: {error}. Hint: restore the file from its source."
            raise StoreError(message) from error
        if verify and zlib.crc32(part.data) != int(entry[f"crc_{column}"]):
            message = f"{where} does not match its checksum. Hint: restore the file from its source."
            raise StoreError(message)
    return values
