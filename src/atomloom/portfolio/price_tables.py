"""Tables of prices in files: CSV and Parquet as columns, whatever delimits, compresses or types them."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_DELIMITERS = ",;\t|"
_MISSING = ("", ".", "-", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None", "none", "#N/A", "<NA>")
_COMMA = re.compile(r"-?\d+,\d+")


def read_table(path: Path) -> Mapping[str, Any]:
    """Read all columns of a file, in order, as Arrow arrays.

    Parameters
    ----------
    path : Path
        Parquet, or text with one line of names (.gz, .bz2, .xz and .zip too), columns between commas, semicolons, tabs
        or bars. What is empty, or says NaN, NA, null or the like, is missing.

    Returns
    -------
    mapping of str to pyarrow.ChunkedArray

    Raises
    ------
    BadInput
        For what is no such table, names that repeat, and text without a line of names.

    Examples
    --------
    >>> from atomloom.data import sp500_20
    >>> list(read_table(sp500_20()))[:3]
    ['date', 'AAPL', 'AMD']
    """
    with path.open("rb") as opened:
        head = opened.read(4)
    arrow = need("pyarrow")
    try:
        table = need("pyarrow.parquet").ParquetFile(path).read() if head == b"PAR1" else _text(path)
        names = [str(name).strip() for name in table.column_names]
    except (arrow.ArrowException, UnicodeDecodeError, EOFError, OSError, csv.Error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # no rights, a broken disk: nothing to do with the content
        said = str(error).splitlines()[0].rstrip(".")
        hint = "Hint: one line of names, then a row for each time, a column for each asset"
        raise BadInput(f"{path} cannot be read as a table: {said}. {hint}.") from error
    if not table.num_rows:
        raise BadInput(f"{path} has no rows. Hint: one line of names, then a row for each time.")
    for k, name in enumerate(names):
        if name in names[:k]:
            raise BadInput(f"{path} has two columns {name!r}. Hint: name each asset once.")
    _named(names, path)
    return dict(zip(names, table.columns, strict=True))


def _text(path: Path) -> Any:
    arrow_csv = need("pyarrow.csv")
    with _opened(path) as content:
        sample = content.read(1 << 16)
    text = sample.decode("utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()][:20]
    if not lines:
        raise BadInput(f"{path} is empty. Hint: one line of names, then a row for each time.")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    cells = [cell for line in lines[1:] for cell in line.split(delimiter)]
    decimal = "," if delimiter != "," and any(_COMMA.fullmatch(cell.strip()) for cell in cells) else "."
    convert = arrow_csv.ConvertOptions(null_values=list(_MISSING), decimal_point=decimal)
    with _opened(path) as content:
        return arrow_csv.read_csv(
            content, parse_options=arrow_csv.ParseOptions(delimiter=delimiter), convert_options=convert
        )


def _opened(path: Path) -> Any:
    """Open a file by what it is compressed with."""
    suffix = path.suffix.lower()
    if suffix == ".zip":
        import zipfile  # noqa: PLC0415 - only what is zipped pays for it

        archive = zipfile.ZipFile(path)
        members = [name for name in archive.namelist() if not name.endswith("/")]
        if len(members) != 1:
            raise BadInput(f"{path} holds {len(members)} files. Hint: one table.")
        return io.BytesIO(archive.read(members[0]))
    module = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}.get(suffix)
    return path.open("rb") if module is None else need(module).open(path, "rb")


def _named(names: list[str], path: Path) -> None:
    """Refuse text whose first line is a row already."""
    if names and all(_is_value(name) for name in names):
        raise BadInput(f"{path} has no line of names: the first is {', '.join(names[:4])}. Hint: add one.")


def _is_value(name: str) -> bool:
    for kind in (float, np.datetime64):
        try:
            kind(name)
        except ValueError:
            continue
        return bool(name)
    return False


def numbers_of(column: Any, name: str, path: Path) -> NDArray[np.float64]:
    """Give a column as float64, NaN where it has nothing.

    Raises
    ------
    BadInput
        If it holds anything but numbers; with the first such row.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from pathlib import Path
    >>> numbers_of(pa.chunked_array([["1", "x"]]), "AAPL", Path("p.csv"))
    Traceback (most recent call last):
    atomloom.errors.BadInput: p.csv: column 'AAPL' is no price: row 1 is 'x'. Hint: leave it out (names=...), or ...
    """
    arrow = need("pyarrow")
    kind = column.type
    if arrow.types.is_floating(kind) or arrow.types.is_integer(kind) or arrow.types.is_null(kind):
        return array_of(column, arrow.float64())
    if arrow.types.is_decimal(kind):
        found = array_of(column, arrow.float64())
        power = 10.0**kind.scale
        return np.rint(found * power) / power if kind.precision <= 15 else found
    texts = column.to_pylist()
    row = next((k for k, text in enumerate(texts) if text is not None and not _is_number(text)), None)
    if row is None:
        return np.array([np.nan if text is None else float(text) for text in texts])
    hint = "leave it out (names=...), or mend it; thousands take no separators"
    raise BadInput(f"{path}: column {name!r} is no price: row {row:,} is {texts[row]!r}. Hint: {hint}.")


def array_of(column: Any, kind: Any) -> NDArray[Any]:
    """Give a column as an array, NaN where it has nothing; by its buffers, as Arrow's own way loads pandas.

    Examples
    --------
    >>> import pyarrow as pa
    >>> array_of(pa.chunked_array([[1, None], [3]]), pa.float64())
    array([ 1., nan,  3.])
    """
    arrow = need("pyarrow")
    cast = column.cast(kind)
    if cast.null_count:
        cast = need("pyarrow.compute").fill_null(cast, np.nan)
    word = np.dtype("f8" if arrow.types.is_floating(kind) else "i8")
    parts = [
        np.frombuffer(part.buffers()[1], dtype=word)[part.offset : part.offset + len(part)]
        for part in cast.chunks
        if len(part)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=word)


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return not isinstance(text, bool)
