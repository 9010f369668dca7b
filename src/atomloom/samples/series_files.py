"""The series beside the samples made of it: one small Parquet file, exact to the bit, which any tool reads."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import StoreError
from atomloom.samples.formats.hashing import hash_of
from atomloom.samples.series import Series

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "series.parquet"
_KEY = "atomloom"
_SMALL = 16 << 20  # bytes; what is larger is not pressed as hard
_HARD, _QUICK = 19, 3
_GROUP = 1 << 20  # rows


def contents_of(series: Series) -> dict[str, bytes]:
    """Give the file of a series, by its name.

    A row is a bar. Columns are the channels as they are computed with, and "close" where it is no channel; "time";
    "row" where rows were left out, else it follows; "symbol" where there are several, for other readers; and labels, as
    texts: strata are told apart by them. Numbers are split into their bytes, times and rows into differences (zstd).
    """
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    columns: dict[str, Any] = {}
    place: dict[str, Any] = {"labels": {}}

    def put(wanted: str, values: Any) -> str:
        name = wanted
        while name in columns:
            name += "_"
        columns[name] = values
        return name

    place["channels"] = [put(name, arrow.array(row)) for name, row in zip(series.channels, series.values, strict=True)]
    place["close"] = _close_of(series, place["channels"])
    if series.close is not None and place["close"] is None:
        place["close"] = put("close", arrow.array(series.close))
    split = [name for name, column in columns.items() if column.type.bit_width > 8]
    if series.times is not None:
        place["time"] = put("time", arrow.array(series.times, arrow.timestamp("ns", tz="UTC")))
    if not np.array_equal(series.rows, _plain_rows(series.first)):
        place["row"] = put("row", arrow.array(series.rows))
    steady = [place[name] for name in ("time", "row") if name in place]
    if len(series.symbols) > 1:
        named = np.repeat(np.arange(len(series.symbols), dtype=np.int32), np.diff(series.first))
        put("symbol", arrow.DictionaryArray.from_arrays(named, list(series.symbols)))
    for label, column in series.labels.items():
        texts = arrow.array([str(value) for value in column], arrow.string())
        place["labels"][label] = put(label, texts.dictionary_encode())
    told = {
        "version": 1, "names": list(series.channels), "symbols": list(series.symbols), "columns": place,
        "first": series.first.tolist(), "runs": series.runs.tolist(), "rows": series.n_rows,
    }  # fmt: skip
    table, file = arrow.table(columns), io.BytesIO()
    with parquet.ParquetWriter(
        file, table.schema, compression="zstd", compression_level=_HARD if table.nbytes <= _SMALL else _QUICK,
        use_dictionary=[name for name in columns if name not in {*split, *steady}], write_statistics=False,
        column_encoding=dict.fromkeys(split, "BYTE_STREAM_SPLIT") | dict.fromkeys(steady, "DELTA_BINARY_PACKED"),
        store_schema=False,
    ) as writer:  # fmt: skip
        writer.write_table(table, _GROUP)
        writer.add_key_value_metadata({_KEY: json.dumps(told)})
    return {FILE: file.getvalue()}


def _close_of(series: Series, names: list[str]) -> str | None:
    """Name the column that has the closes, where one of the channels does."""
    if series.close is not None:
        for name, row in zip(names, series.values, strict=True):
            if row.tobytes() == series.close.tobytes():
                return name
    return None


def _plain_rows(first: Any) -> Any:
    """Rows of each symbol's frame where none was left out."""
    return np.arange(first[-1]) - np.repeat(first[:-1], np.diff(first))


def series_from(folder: Path, hashes: Mapping[str, str], digest: str) -> Series:
    """Read a series back.

    Parameters
    ----------
    folder : Path
        Of the dataset.
    hashes : mapping of str to str
        XXH64 of its file, by name.
    digest : str
        Of the series.

    Raises
    ------
    StoreError
        For a file that is not there, or not as it was written.
    """
    place = folder / FILE
    try:
        content = place.read_bytes()
    except OSError as error:
        message = f"{place} cannot be read: {error.strerror}. Hint: copy the whole folder of the dataset."
        raise StoreError(message) from error
    if hash_of(content) != hashes.get(FILE):
        raise StoreError(f"{place} is not as it was written. Hint: copy it again from where the dataset came from.")
    file = need("pyarrow.parquet").ParquetFile(io.BytesIO(content))
    table, told = file.read(), json.loads(file.metadata.metadata[_KEY.encode()])
    columns = told["columns"]

    def array(name: str) -> Any:
        return table[name].to_numpy()

    values = np.stack([array(name) for name in columns["channels"]])
    first = np.array(told["first"], dtype=np.int64)
    close = None if columns["close"] is None else array(columns["close"])
    times = array(columns["time"]).astype("datetime64[ns]").astype(np.int64) if "time" in columns else None
    rows = array(columns["row"]) if "row" in columns else _plain_rows(first)
    runs = np.array(told["runs"], dtype=np.int64).reshape(-1, 3)
    arrays = {"values": values, "close": close, "first": first, "runs": runs, "rows": rows, "times": times}
    for name, own in arrays.items():
        if own is not None:
            arrays[name] = np.ascontiguousarray(own)
            arrays[name].flags.writeable = False
    labels = {name: np.array(table[column].to_pylist(), dtype=object) for name, column in columns["labels"].items()}
    return Series(channels=tuple(told["names"]), symbols=tuple(told["symbols"]), labels=labels, digest=digest, **arrays)
