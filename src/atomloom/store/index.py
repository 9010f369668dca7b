"""The index of chunks: what each chunk of a table of trades spans, and its checksums."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = ("ts", "px", "size")
INDEX_DTYPE = np.dtype(
    [
        ("start", "<i8"),
        ("count", "<i8"),
        ("ts_first", "<i8"),
        ("ts_last", "<i8"),
        ("px_min", "<i8"),
        ("px_max", "<i8"),
        ("size_min", "<i8"),
        ("size_max", "<i8"),
        ("crc_ts", "<u4"),
        ("crc_px", "<u4"),
        ("crc_size", "<u4"),
    ]
)


def build_index(columns: dict[str, NDArray[Any]], rows: int) -> NDArray[Any]:
    """Describe each chunk of ``rows`` rows: where it starts, what it spans, and its checksums.

    Parameters
    ----------
    columns : dict of str to (T,) little-endian int array
        ``ts``, ``px`` and ``size`` exactly as they go to the disk.
    rows : int
        Rows per chunk.

    Returns
    -------
    (ceil(T / rows),) structured array of ``INDEX_DTYPE``

    Examples
    --------
    >>> column = np.arange(3, dtype="<i8")
    >>> build_index({"ts": column, "px": column, "size": column}, 2)["count"]
    array([2, 1])
    """
    total = len(columns["ts"])
    index = np.zeros(-(-total // rows), dtype=INDEX_DTYPE)
    for k, start in enumerate(range(0, total, rows)):
        part = {name: column[start : start + rows] for name, column in columns.items()}
        entry = index[k]
        entry["start"], entry["count"] = start, len(part["ts"])
        entry["ts_first"], entry["ts_last"] = part["ts"][0], part["ts"][-1]
        for name in ("px", "size"):
            entry[f"{name}_min"], entry[f"{name}_max"] = part[name].min(), part[name].max()
        for name in COLUMNS:
            entry[f"crc_{name}"] = zlib.crc32(np.ascontiguousarray(part[name]).data)
    return index


def matching(index: NDArray[Any], lo: int | None, hi: int | None) -> NDArray[Any]:
    """Return the entries whose chunks can hold a trade with ``lo <= ts < hi``; None is open.

    Examples
    --------
    >>> column = np.arange(4, dtype="<i8")
    >>> matching(build_index({"ts": column, "px": column, "size": column}, 2), 2, None)["start"]
    array([2])
    """
    keep = np.ones(len(index), dtype=bool)
    if lo is not None:
        keep &= index["ts_last"] >= lo
    if hi is not None:
        keep &= index["ts_first"] < hi
    return index[keep]  # ts is sorted, so these are neighbours
