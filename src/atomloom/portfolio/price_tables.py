"""Tables of prices in files: CSV and Parquet as columns, whatever delimits, compresses or types them."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.portfolio.price_words import SYMBOL, plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_DELIMITERS = ",;\t|"
_MISSING = ("", ".", "-", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None", "none", "#N/A", "<NA>")
_COMMA = re.compile(r"-?\d+,\d+")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_THOUSAND = 50.0  # a column that has thousands and hundreds has a larger ratio, if thousands are read as ones
_HINT = "Hint: one line of names, then a row for each time, a column for each asset"


def read_table(path: Path, symbol: str | None = None) -> Mapping[str, Any]:
    """Read all columns of a file, in order, as Arrow arrays.

    Parameters
    ----------
    path : Path
        Parquet, or text in UTF-8 (or UTF-16 with its mark) with one line of names (.gz, .bz2, .xz and .zip too),
        columns between commas, semicolons, tabs or bars. What is empty, or says NaN, NA, null or the like, is missing.
        A column of text without name and values, as ends of lines leave it, is left out.
    symbol : str, optional
        Name of the column of symbols. That, and those which are called so, stay text, that 000001 is no 1.

    Returns
    -------
    mapping of str to pyarrow.ChunkedArray

    Raises
    ------
    BadInput
        For what is no such table, names that repeat, text without a line of names or with more than one, and numbers
        of which it cannot be said whether a point or comma parts thousands.

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
        table = need("pyarrow.parquet").ParquetFile(path).read() if head == b"PAR1" else _text(path, symbol)
        names = [str(name).strip() for name in table.column_names]
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} cannot be read as a table: {error}. Hint: save it in UTF-8, or as Parquet.") from error
    except (arrow.ArrowException, EOFError, OSError, csv.Error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # no rights, a broken disk: nothing to do with the content
        said = str(error).splitlines()[0].rstrip(".")
        raise BadInput(f"{path} cannot be read as a table: {said}. {_HINT}.") from error
    if not table.num_rows:
        raise BadInput(f"{path} has no rows. Hint: one line of names, then a row for each time.")
    kept = [k for k, name in enumerate(names) if name or table.column(k).null_count < table.num_rows]
    names, columns = [names[k] for k in kept], [table.column(k) for k in kept]
    _named(names, path)
    _once_named([column[0].as_py() for column in columns], path)
    for k, name in enumerate(names):
        if name in names[:k]:
            raise BadInput(f"{path} has two columns {name!r}. Hint: name each asset once.")
    return dict(zip(names, columns, strict=True))


def _text(path: Path, symbol: str | None) -> Any:
    arrow, arrow_csv = need("pyarrow"), need("pyarrow.csv")
    with _opened(path) as content:
        sample = content.read(1 << 16)
    encoding = "utf-16" if sample.startswith(_UTF16) else "utf-8"
    text = sample.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    lines = [line for line in text.splitlines() if line.strip()][:20]
    if not lines:
        raise BadInput(f"{path} is empty. Hint: one line of names, then a row for each time.")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    cells = [cell for line in lines[1:] for cell in line.split(delimiter)]
    decimal = "," if delimiter != "," and any(_COMMA.fullmatch(cell.strip()) for cell in cells) else "."
    header = next(csv.reader(lines[:1], delimiter=delimiter))
    texts = [name for name in header if plain(name) in SYMBOL or name.strip() == symbol]

    def read(texts: list[str], only: list[str]) -> Any:
        convert = arrow_csv.ConvertOptions(
            null_values=list(_MISSING), decimal_point=decimal, include_columns=only,
            column_types=dict.fromkeys(texts, arrow.string()),
        )  # fmt: skip
        how = arrow_csv.ParseOptions(delimiter=delimiter), arrow_csv.ReadOptions(encoding=encoding)
        with _opened(path) as content:
            return arrow_csv.read_csv(content, parse_options=how[0], read_options=how[1], convert_options=convert)

    table = read(texts, [])
    doubtful = [name for name in _doubtful(table, decimal) if table.column_names.count(name) == 1]
    for name in doubtful:
        _refuse_thousands(read([name], [name]).column(0).to_pylist(), name, decimal, path)
    return table


def _doubtful(table: Any, decimal: str) -> list[str]:
    """Name columns in which a decimal point may be one of thousands: to be looked at as they are written."""
    types = need("pyarrow").types
    found = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if types.is_string(column.type) and decimal == ",":
            found.append(name)
        elif types.is_floating(column.type):
            values = array_of(column, column.type)
            values = values[np.isfinite(values)]
            whole = values == np.rint(values)
            thousandths = np.abs(values * 1000 - np.rint(values * 1000)) < 1e-6
            least, most = np.abs(values).min(initial=np.inf), np.abs(values).max(initial=0.0)
            if whole.any() and not whole.all() and thousandths.all() and least >= 1.0 and most > _THOUSAND * least:
                found.append(name)
    return found


def _refuse_thousands(texts: list[str | None], name: str, decimal: str, path: Path) -> None:
    """Refuse 998 beside 1.005, of which every point has three digits behind it; and 1.005 beside 998,5."""
    written = [str(text).strip() for text in texts if not is_missing(text)]
    other = "." if decimal == "," else ","
    parted = [text for text in written if decimal in text or other in text]
    for mark in (decimal, other):
        group = re.compile(rf"-?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+")
        if parted and len(parted) < len(written) and all(group.fullmatch(text) for text in parted):
            whole = next(text for text in written if text not in parted)
            seen = (
                f"{path}: column {name!r} has {whole!r} and {parted[0]!r}, which may be {parted[0].replace(mark, '')}"
            )
            raise BadInput(f"{seen}. Hint: write thousands without separators, or the same number of decimals always.")


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


def _once_named(cells: list[Any], path: Path) -> None:
    """Refuse a second line of names: one of texts in which there is no digit."""
    texts = [cell for cell in cells if cell is not None]
    if texts and all(isinstance(cell, str) and not any(letter.isdigit() for letter in cell) for cell in texts):
        seen = f"{path} has more than one line of names: below the first comes {', '.join(map(repr, texts[:3]))}"
        raise BadInput(f'{seen}. Hint: one line; of yfinance, data["Close"].to_csv(...).')


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
    row = next((k for k, text in enumerate(texts) if not (is_missing(text) or _is_number(text))), None)
    if row is None:
        return np.array([np.nan if is_missing(text) else float(text) for text in texts])
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


def is_missing(text: Any) -> bool:
    """Say whether a text stands for no value.

    Examples
    --------
    >>> is_missing("#N/A"), is_missing(None), is_missing("0")
    (True, True, False)
    """
    return text is None or (isinstance(text, str) and text.strip() in _MISSING)


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return not isinstance(text, bool)
