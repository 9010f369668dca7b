"""What lies where in a store: kinds of tables, their columns, and the index of chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

SCHEMA = "atomloom.store"
SCHEMA_VERSION = 2
CHUNK_ROWS = 131_072
"""Rows of a chunk, in every column: row r lies in chunk r // 131,072."""

RARE_SHARE = 1 / 512
"""Up to this share of a chunk's rows is listed apart: the largest sizes, and the venues that hardly occur."""

SIDE_COLUMNS = ("venue", "flags")
RARE_DTYPE = np.dtype([("row", "<i8"), ("ts", "<i8"), ("px", "<i8"), ("size", "<i8"), ("venue", "u1"), ("flags", "u1")])
DAY_DTYPE = np.dtype([("day", "<i4"), ("first", "<i8"), ("rows", "<i8"), ("volume", "<i8")])
DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Kind:
    """A kind of table.

    Attributes
    ----------
    name : str
    required : tuple of str
        Columns that every table of the kind has, ``ts`` first.
    volume : str or None
        The column that is summed into volume.

    Examples
    --------
    >>> kind_of("trades").required
    ('ts', 'px', 'size')
    """

    name: str
    required: tuple[str, ...]
    volume: str | None = None

    def order(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Put columns in their order, and refuse strangers and gaps."""
        held, known = set(columns), (*self.required, *SIDE_COLUMNS)
        if strange := sorted(held - set(known)):
            message = f"{self.name} have no column {strange[0]!r}. Hint: the columns are {', '.join(known)}."
            raise BadInput(message)
        if missing := [name for name in self.required if name not in held]:
            message = f"{self.name} need the column {missing[0]!r}. Hint: give {', '.join(self.required)}."
            raise BadInput(message)
        return tuple(name for name in known if name in held)


KINDS = {
    "trades": Kind("trades", ("ts", "px", "size"), "size"),
    "quotes": Kind("quotes", ("ts", "bid_px", "bid_size", "ask_px", "ask_size")),
}


def kind_of(name: str) -> Kind:
    """Find a kind by its name.

    Examples
    --------
    >>> kind_of("quotes").name
    'quotes'
    """
    if name not in KINDS:
        message = f"kind is {name!r}. Hint: choose one of {', '.join(KINDS)}."
        raise BadInput(message)
    return KINDS[name]


def numbers(columns: Iterable[str]) -> list[str]:
    """Name the columns whose smallest and largest value the index tells."""
    return [name for name in columns if name not in {"ts", *SIDE_COLUMNS}]


def index_dtype(columns: Iterable[str]) -> np.dtype[Any]:
    """Give the dtype of the index of a table with these columns; an entry describes a chunk.

    Examples
    --------
    >>> index_dtype(("ts", "px", "size")).names[:6]
    ('start', 'count', 'ts_first', 'ts_last', 'volume', 'px_min')
    """
    names = list(columns)
    fields: list[tuple[Any, ...]] = [(name, "<i8") for name in ("start", "count", "ts_first", "ts_last", "volume")]
    for name in numbers(names):
        fields += [(f"{name}_min", "<i8"), (f"{name}_max", "<i8")]
    if "venue" in names:
        fields += [("venue_set", "<u8", (4,)), ("rare_venues", "<u8", (4,))]
    if "flags" in names:
        fields += [("flags_min", "<i8"), ("flags_max", "<i8")]
    fields += [("rare_first", "<i8"), ("rare_count", "<i8"), ("rare_size", "<i8")]
    for name in names:
        fields += [(f"{name}_bytes", "<i8"), (f"{name}_sum", "<u8")]
    return np.dtype(fields)


def describe(columns: Mapping[str, NDArray[Any]], start: int, volume: str | None, *, rare: bool) -> tuple[Any, Any]:
    """Describe a chunk: its entry in the index (sums and bytes still empty) and its rare rows.

    Parameters
    ----------
    columns : mapping of str to (R,) array
        The rows of the chunk, not padded.
    start : int
        Row of the table at which the chunk starts.
    volume : str or None
        The column to add up.
    rare : bool
        Whether to list rare rows.

    Returns
    -------
    entry : structured scalar array of shape (1,)
    rows : (K,) structured array of ``RARE_DTYPE``

    Notes
    -----
    O(R) time.

    Examples
    --------
    >>> ones = np.ones(3, dtype=np.int64)
    >>> entry, rows = describe({"ts": ones, "px": ones, "size": ones}, 0, "size", rare=True)
    >>> int(entry["volume"][0]), len(rows)
    (3, 0)
    """
    entry = np.zeros(1, dtype=index_dtype(columns))
    ts = columns["ts"]
    entry["start"], entry["count"] = start, len(ts)
    entry["ts_first"], entry["ts_last"] = ts[0], ts[-1]
    if volume is not None:
        entry["volume"] = columns[volume].sum(dtype=np.int64)
    for name in [*numbers(columns), *(["flags"] if "flags" in columns else [])]:
        entry[f"{name}_min"], entry[f"{name}_max"] = columns[name].min(), columns[name].max()
    if "venue" in columns:
        entry["venue_set"] = bits(np.flatnonzero(np.bincount(columns["venue"], minlength=256)))
    entry["rare_size"] = np.iinfo(np.int64).max
    if rare:
        _choose_rare(columns, entry)
    return entry, rare_rows(columns, entry)


def _choose_rare(columns: Mapping[str, NDArray[Any]], entry: NDArray[Any]) -> None:
    """Set from which size on, and at which venues, rows are rare."""
    size = columns["size"]
    most = int(len(size) * RARE_SHARE)
    if not most:
        return
    # at most so many rows are larger than the cut, fewer where it is shared
    entry["rare_size"] = int(np.partition(size, len(size) - most - 1)[len(size) - most - 1]) + 1
    if "venue" in columns:
        counts = np.bincount(columns["venue"], minlength=256)
        order = np.argsort(counts, kind="stable")
        # venues that do not occur are rare as well: all of their rows are listed
        entry["rare_venues"] = bits(order[np.cumsum(counts[order]) <= most])


def rare_rows(columns: Mapping[str, NDArray[Any]], entry: NDArray[Any]) -> NDArray[Any]:
    """List the rows of a chunk that its entry calls rare, by size or by venue.

    Examples
    --------
    >>> ones = np.ones(3, dtype=np.int64)
    >>> columns = {"ts": ones, "px": ones, "size": np.array([1, 9, 1])}
    >>> entry, _ = describe(columns, 10, "size", rare=True)
    >>> entry["rare_size"] = 5
    >>> rare_rows(columns, entry)["row"]
    array([11])
    """
    if "size" not in columns:
        return np.zeros(0, dtype=RARE_DTYPE)
    listed = columns["size"] >= int(entry["rare_size"][0])
    if "venue" in columns:
        words = entry["rare_venues"][0]
        scarce = np.array([int(words[code // 64]) >> (code % 64) & 1 for code in range(256)], dtype=bool)
        listed |= scarce[columns["venue"]]
    rows = np.flatnonzero(listed)
    found = np.zeros(len(rows), dtype=RARE_DTYPE)
    found["row"] = rows + int(entry["start"][0])
    for name in ("ts", "px", "size", *SIDE_COLUMNS):
        if name in columns:
            found[name] = columns[name][rows]
    return found


def bits(codes: NDArray[Any]) -> NDArray[np.uint64]:
    """Pack a set of codes 0..255 into four words.

    Examples
    --------
    >>> bits(np.array([0, 65]))
    array([1, 2, 0, 0], dtype=uint64)
    """
    words = np.zeros(4, dtype=np.uint64)
    for code in codes:
        words[int(code) // 64] |= np.uint64(1) << np.uint64(int(code) % 64)
    return words


def day_table(ts: NDArray[np.int64], volume: NDArray[Any] | None, start: int) -> NDArray[Any]:
    """Count rows and volume by UTC day of sorted times; ``start`` is the table's row of the first.

    Examples
    --------
    >>> day_table(np.array([0, 1, DAY_NS]), np.array([1, 2, 3]), 10)["first"]
    array([10, 12])
    """
    days = np.arange(int(ts[0]) // DAY_NS, int(ts[-1]) // DAY_NS + 1, dtype=np.int64)
    at = np.append(np.zeros(1, dtype=np.int64), np.searchsorted(ts, days[1:] * DAY_NS, side="left"))
    rows = np.diff(at, append=len(ts))
    days, at, rows = days[rows > 0], at[rows > 0], rows[rows > 0]
    found = np.zeros(len(at), dtype=DAY_DTYPE)
    found["day"], found["first"], found["rows"] = days, at + start, rows
    if volume is not None:
        found["volume"] = np.add.reduceat(volume.astype(np.int64, copy=False), at)
    return found
