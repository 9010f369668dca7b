"""Out of the store: a table, or a span of it, as Parquet or CSV, piece by piece."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, StoreError
from atomloom.store.files import only_symbol
from atomloom.store.handle import Store, open_store
from atomloom.store.reader import read_columns, rows_between
from atomloom.store.spans import span
from atomloom.store.units import to_price

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atomloom.store.meta import Source, TableMeta

FORMATS = ("parquet", "csv")
_PRICES = {"px": "price", "bid_px": "bid", "ask_px": "ask"}
_PIECE = 1 << 20
_HDF5 = b"\x89HDF\r\n\x1a\n"


def export(
    store: Store | str | os.PathLike[str],
    target: str | os.PathLike[str],
    symbol: str | None = None,
    *,
    start: Any = None,
    end: Any = None,
    kind: str = "trades",
    format: str | None = None,  # noqa: A002 - the word that people use
) -> int:
    """Write a table of a store to Parquet or CSV; prices in quote currency, times UTC, venues by name.

    Parameters
    ----------
    store : Store or path
    target : path
        The file to write; appears whole or not at all.
    symbol : str, optional
        Needed only where the store holds more than one.
    start, end : int ns UTC, datetime64 or ISO 8601 str (UTC), optional
        Only rows with ``start <= ts < end``.
    kind : {"trades", "quotes"}
    format : {"parquet", "csv"}, optional
        From the name of the target if not given (``.csv.gz`` is compressed).

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    BadInput
        If the target is a store, its name tells no format, or the start is after the end.
    StoreError
        If the target cannot be written.

    Notes
    -----
    A million rows are in memory at a time. Parquet has symbol, kind, tick size and lot in the schema's metadata.

    Examples
    --------
    >>> import tempfile
    >>> from atomloom.data import es_2013_09
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = export(es_2013_09(), Path(folder, "es.csv"), end="2013-09-01T22:00:00.084")
    ...     print(rows, Path(folder, "es.csv").read_text().splitlines()[:2])
    18 ['ts,price,size', '2013-09-01T22:00:00.083000000Z,1640.25,8']
    """
    target = Path(target)
    chosen = _format(target, format)
    if not isinstance(store, Store):
        with open_store(store) as opened:
            return export(opened, target, symbol, start=start, end=end, kind=kind, format=chosen)
    _refuse_store(store, target)
    meta, source = store.meta(only_symbol(store, symbol, kind), kind), store.source()
    lo, hi = rows_between(source, meta, *span(start, end))
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        (_to_parquet if chosen == "parquet" else _to_csv)(beside, target.name, meta, _pieces(source, meta, lo, hi))
        beside.replace(target)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        message = f"{target} could not be written: {error}. Hint: check the folder, its rights and the free space."
        raise StoreError(message) from error
    finally:
        beside.unlink(missing_ok=True)
    return hi - lo


def _refuse_store(store: Store, target: Path) -> None:
    if target.is_file():
        with target.open("rb") as file:
            if target.samefile(store.path) or file.read(len(_HDF5)) == _HDF5:
                message = f"{target} is a store, which would be lost. Hint: give a file of another name."
                raise BadInput(message)


def _format(target: Path, asked: str | None) -> str:
    name = target.name.lower()
    found = asked or (
        "csv" if name.endswith((".csv", ".csv.gz")) else "parquet" if name.endswith((".parquet", ".pq")) else ""
    )
    if found not in FORMATS:
        message = (
            f"format is {asked!r} for {target.name}. Hint: 'parquet' or 'csv', or a name that ends in one of them."
        )
        raise BadInput(message)
    return found


def _pieces(source: Source, meta: TableMeta, lo: int, hi: int) -> Iterator[dict[str, Any]]:
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only files of others need it

    for begin in range(lo, hi, _PIECE) if hi > lo else ():
        columns = read_columns(source, meta, list(meta.columns), begin, min(hi, begin + _PIECE))
        piece: dict[str, Any] = {}
        for name, column in columns.items():
            if name == "ts":
                piece[name] = pa.array(column, type=pa.timestamp("ns", tz="UTC"))
            elif name == "venue":
                piece[name] = pa.DictionaryArray.from_arrays(
                    pa.array(column.astype(np.int16)), pa.array(list(meta.venues), type=pa.string())
                )
            else:
                piece[_PRICES.get(name, name)] = pa.array(
                    to_price(column, meta.tick_size) if name in _PRICES else column
                )
        yield piece


def _schema(meta: TableMeta) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - same

    kinds = {"ts": pa.timestamp("ns", tz="UTC"), "venue": pa.dictionary(pa.int16(), pa.string())}
    fields = [
        (_PRICES.get(name, name), kinds.get(name, pa.float64() if name in _PRICES else pa.from_numpy_dtype(dtype)))
        for name, dtype in meta.columns.items()
    ]
    return pa.schema(
        fields,
        metadata={"symbol": meta.symbol, "tick_size": repr(meta.tick_size), "kind": meta.kind, "lot": repr(meta.lot)},
    )


def _to_parquet(path: Path, _name: str, meta: TableMeta, pieces: Iterator[dict[str, Any]]) -> None:
    import pyarrow as pa  # noqa: PLC0415 - same
    from pyarrow import parquet  # noqa: PLC0415 - same

    schema = _schema(meta)
    with parquet.ParquetWriter(path, schema, compression="zstd") as file:
        for piece in pieces:
            file.write_table(pa.table(piece, schema=schema))


def _to_csv(path: Path, name: str, meta: TableMeta, pieces: Iterator[dict[str, Any]]) -> None:
    import pyarrow as pa  # noqa: PLC0415 - same
    from pyarrow import compute, csv  # noqa: PLC0415 - same

    opened = pa.CompressedOutputStream(str(path), "gzip") if name.endswith(".gz") else pa.OSFile(str(path), "wb")
    plain_names = not any(set(venue) & set(',"\r\n') for venue in meta.venues)
    quoting = "none" if plain_names else "needed"
    with opened as file:
        file.write((",".join(_PRICES.get(column, column) for column in meta.columns) + "\n").encode())
        for piece in pieces:
            plain = dict(piece)
            plain["ts"] = compute.strftime(piece["ts"], format="%Y-%m-%dT%H:%M:%SZ")
            if "venue" in plain:
                plain["venue"] = piece["venue"].dictionary_decode()
            options = csv.WriteOptions(include_header=False, quoting_style=quoting)
            csv.write_csv(pa.table(plain), file, options)
