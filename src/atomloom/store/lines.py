"""A CSV file as bytes, a header and text columns, with every line of the file accounted for."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import re
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, StoreError
from atomloom.store.parse import NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

ALIASES = {
    "ts": ("ts", "datetime", "date_time", "timestamp", "time"),
    "price": ("price", "px", "last"),
    "size": ("size", "volume", "qty", "quantity"),
}


def read_bytes(path: Path) -> bytes:
    """Read a file whole, through gzip where its first bytes say so, without a byte order mark.

    Raises
    ------
    StoreError
        If the file is missing or the gzip stream is damaged.
    """
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).removeprefix(b"\xef\xbb\xbf")
    except (OSError, EOFError, zlib.error) as error:
        message = f"{path} cannot be read: {error}. Hint: check the path and that the file is whole."
        raise StoreError(message) from error


def read_header(
    path: Path, data: bytes, columns: Mapping[str, str | int] | None, delimiter: str
) -> tuple[list[str], dict[str, int], int]:
    """Return the column names, the position of each role, and how many lines come before the rows."""
    skipped = 0
    for raw in io.BytesIO(data):
        skipped += 1
        if raw.strip():
            break
    else:
        message = f"{path} is empty. Hint: a header and one trade per line are expected."
        raise BadInput(message)
    try:
        first = next(csv.reader([raw.decode("utf-8", "replace")], delimiter=delimiter))
    except csv.Error as error:
        message = f"{path} has an unreadable first line: {error}. Hint: end lines with LF or CRLF."
        raise BadInput(message) from error
    cells = [cell.strip() for cell in first]
    chosen = dict(columns or {})
    unknown = sorted(set(chosen) - set(ALIASES))
    if unknown:
        message = f"columns names {unknown}; it takes 'ts', 'price' and 'size'.{_did_you_mean(unknown[0], ALIASES)}"
        raise BadInput(message)
    if chosen and all(isinstance(value, int) for value in chosen.values()):
        return _positions(path, chosen, cells, skipped - 1)
    if looks_like_data(cells):
        message = (
            f"{path} has no header: its first line is {cells}. "
            "Hint: add one, or pass positions, for example columns={'ts': 0, 'price': 1, 'size': 2}."
        )
        raise BadInput(message)
    plain = [cell.casefold().replace(" ", "_") for cell in cells]
    roles = {role: _find(path, role, chosen.get(role), cells, plain) for role in ALIASES}
    if "ts" not in chosen and "date" in plain and plain[roles["ts"]] == "time":
        roles["date"] = plain.index("date")
    return cells, roles, skipped


def _positions(
    path: Path, chosen: Mapping[str, Any], cells: list[str], skipped: int
) -> tuple[Any, dict[str, int], int]:
    missing = sorted(set(ALIASES) - set(chosen))
    beyond = {role: place for role, place in chosen.items() if not 0 <= place < len(cells)}
    if missing or beyond:
        what = f"misses {missing}" if missing else f"points beyond the {len(cells)} columns of {path}: {beyond}"
        message = f"columns {what}. Hint: give a position from 0 for each of ts, price and size."
        raise BadInput(message)
    return [f"column {k}" for k in range(len(cells))], dict(chosen), skipped


def _find(path: Path, role: str, wanted: str | int | None, cells: list[str], plain: list[str]) -> int:
    if wanted is None:
        for alias in ALIASES[role]:
            if alias in plain:
                return plain.index(alias)
        known = ", ".join(ALIASES[role])
        near = [
            cell for cell, low in zip(cells, plain, strict=True) if difflib.get_close_matches(low, ALIASES[role], 1)
        ]
        hint = f"did you mean {near[0]!r}? Pass" if near else "pass"
        message = (
            f"{path} has no column for {role} ({known}); it has {cells}. "
            f"Hint: {hint} columns={{{role!r}: {near[0] if near else 'NAME'!r}}}, or another delimiter."
        )
        raise BadInput(message)
    if isinstance(wanted, int) or wanted not in cells:
        message = f"{path} has no column {wanted!r} for {role}; it has {cells}.{_did_you_mean(str(wanted), cells)}"
        raise BadInput(message)
    return cells.index(wanted)


def _did_you_mean(word: str, options: Any) -> str:
    near = difflib.get_close_matches(word, list(options), 1)
    return f" Hint: did you mean {near[0]!r}?" if near else f" Hint: choose from {sorted(options)}."


def split_rows(path: Path, data: bytes, names: list[str], skipped: int, delimiter: str) -> tuple[Any, dict[int, str]]:
    """Split the rows into text columns; lines with another number of fields are set aside."""
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only text needs it
    from pyarrow import csv as arrow  # noqa: PLC0415

    misfit: dict[int, str] = {}

    def set_aside(row: Any) -> str:
        if row.text.strip(" \t\r"):
            misfit[row.number] = f"{row.actual_columns} fields, expected {row.expected_columns}"
        else:
            misfit[row.number] = ""
        return "skip"

    places = [str(k) for k in range(len(names))]  # the real names may repeat
    body = data.split(b"\n", skipped)[-1] if skipped else data
    if not body.strip():
        message = f"{path} has a header and no rows. Hint: one trade per line is expected."
        raise BadInput(message)
    try:
        table = arrow.read_csv(
            io.BytesIO(data),
            read_options=arrow.ReadOptions(use_threads=False, column_names=places, skip_rows=skipped),
            parse_options=arrow.ParseOptions(
                delimiter=delimiter, invalid_row_handler=set_aside, ignore_empty_lines=False
            ),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        message = f"{path} cannot be split into columns: {error}. Hint: check the encoding (UTF-8) and the quotes."
        raise BadInput(message) from error
    return table, misfit


def physical_lines(table: Any, misfit: dict[int, str], skipped: int) -> tuple[NDArray[np.int64], Any, NDArray[Any]]:
    """Return the line in the file of each row of the table, the table, and which rows are blank."""
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy, and only text needs it

    every = np.arange(skipped + 1, skipped + 1 + table.num_rows + len(misfit), dtype=np.int64)
    line = every[~np.isin(every, np.fromiter(misfit, dtype=np.int64, count=len(misfit)))]
    blank = np.ones(table.num_rows, dtype=bool)
    for column in table.columns:
        blank &= np.array(pc.equal(column, "").to_numpy(zero_copy_only=False), dtype=bool)
        if not blank.any():
            break
    return line, table, blank


def looks_like_data(cells: list[str]) -> bool:
    """Say whether a first line holds values rather than names.

    Examples
    --------
    >>> looks_like_data(["2013-09-01 17:00", "1640.25", "8"]), looks_like_data(["ts", "px", "size"])
    (True, False)
    """
    return any(re.fullmatch(NUMBER, cell) or re.match(r"\d{4}-\d\d-\d\d", cell) for cell in cells)
