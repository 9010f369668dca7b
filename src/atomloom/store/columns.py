"""What every column must be before it is stored: one-dimensional, whole numbers, in time order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    from numpy.typing import ArrayLike, NDArray

    T = TypeVar("T")

_MAX_INT64 = 2**63 - 1


def check_symbol(symbol: Any) -> None:
    """Refuse a symbol that cannot name an HDF5 group.

    Examples
    --------
    >>> check_symbol("ES")
    """
    if not isinstance(symbol, str) or not symbol.strip() or "/" in symbol or set(symbol) == {"."} or "\0" in symbol:
        message = f"symbol is {symbol!r}. Hint: give a name without '/', for example 'ES'."
        raise BadInput(message)


def times(ts: ArrayLike) -> NDArray[np.int64]:
    """Take a column of times as int64 ns UTC; NaT and fractions are refused.

    Examples
    --------
    >>> times(np.array(["1970-01-01T00:00:01"], dtype="datetime64[s]"))
    array([1000000000])
    """
    column = np.asarray(ts)
    if column.dtype.kind == "M":
        missing = np.isnat(column)
        if missing.any():
            message = (
                f"ts has {int(missing.sum()):,} NaT (first at row {int(np.argmax(missing)):,}). Hint: drop those rows."
            )
            raise BadInput(message)
        column = column.astype("datetime64[ns]").astype(np.int64)
    return integers(column, "ts")


def trusted(
    noun: type[T], columns: Mapping[str, NDArray[Any]], tick_size: float, symbol: str, venues: tuple[str, ...]
) -> T:
    """Make trades or quotes of columns that are known to be good; nothing is looked at.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> column = np.array([1])
    >>> len(trusted(Trades, {"ts": column, "px": column, "size": column}, 1.0, "ES", ()))
    1
    """
    made = object.__new__(noun)
    object.__setattr__(made, "symbol", symbol)
    settle(made, {"venue": None, "flags": None, **columns}, tick_size, venues)
    return made


def integers(values: ArrayLike, name: str, *, keep_int32: bool = False) -> NDArray[Any]:
    """Take a column of whole numbers as int64 (or int32 as it is), one-dimensional.

    Examples
    --------
    >>> integers(np.array([1, 2], dtype=np.uint8), "size").dtype
    dtype('int64')
    """
    column = np.asarray(values)
    if column.ndim != 1:
        message = f"{name} has shape {column.shape}. Hint: give a one-dimensional column."
        raise BadInput(message)
    if column.size == 0:
        return column.astype(np.int64)
    if column.dtype.kind == "u" and column.itemsize == 8 and column.max() > _MAX_INT64:
        message = f"{name} holds {column.max()}, beyond int64. Hint: rescale the column."
        raise BadInput(message)
    if column.dtype.kind not in "iu":
        message = f"{name} has dtype {column.dtype}, not whole numbers. Hint: cast it to int64" + (
            ", or build trades by Trades.from_prices." if name == "px" else "."
        )
        raise BadInput(message)
    return column if keep_int32 and column.dtype == np.int32 else column.astype(np.int64, copy=False)


def codes(values: ArrayLike | None, name: str, most: int) -> NDArray[np.uint8] | None:
    """Take a column of small codes (venues, flags) as uint8, each at most ``most``; None stays None.

    Examples
    --------
    >>> codes([0, 1, 1], "venue", 1)
    array([0, 1, 1], dtype=uint8)
    """
    if values is None:
        return None
    column = integers(values, name)
    if column.size and (int(column.min()) < 0 or int(column.max()) > most):
        row = int(np.argmax((column < 0) | (column > most)))
        message = f"{name} holds {int(column[row])} at row {row:,}; it takes 0 to {most}. Hint: name every code."
        raise BadInput(message)
    return column.astype(np.uint8)


def names_of(venues: Any, *, used: bool) -> tuple[str, ...]:
    """Check the names of venue codes: different texts, at most 255 of them.

    Examples
    --------
    >>> names_of(["P", "Q"], used=True)
    ('P', 'Q')
    """
    names = tuple(venues)
    plain = all(isinstance(name, str) and "\0" not in name for name in names)
    if plain and len(names) > 255:
        raise BadInput(
            f"venues has {len(names)} names. Hint: a table holds up to 255; store some under another symbol."
        )
    if not plain or len(set(names)) != len(names):
        message = f"venues is {venues!r}. Hint: give up to 255 different names, one per code."
        raise BadInput(message)
    if used and not names:
        raise BadInput("venue has codes and venues no names. Hint: venues=('P', 'Q', ...), name k for code k.")
    return names


def same_length(columns: Mapping[str, NDArray[Any] | None], what: str) -> None:
    """Refuse columns of different lengths, or none at all.

    Examples
    --------
    >>> same_length({"ts": np.zeros(2), "venue": None}, "trades")
    """
    lengths = {name: len(column) for name, column in columns.items() if column is not None}
    if len(set(lengths.values())) != 1:
        seen = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        message = f"the columns of {what} differ in length: {seen}. Hint: give one value of each per row."
        raise BadInput(message)
    if not next(iter(lengths.values())):
        message = f"{what} are empty. Hint: check the file, the filter or the time range they came from."
        raise BadInput(message)


def frozen(column: NDArray[Any]) -> NDArray[Any]:
    """Give a read-only contiguous view: one dtype, one layout, one mutability, so kernels compile once.

    Examples
    --------
    >>> frozen(np.arange(4)[::2]).flags.writeable
    False
    """
    view = np.ascontiguousarray(column).view()
    view.flags.writeable = False
    return view


def settle(noun: Any, columns: Mapping[str, Any], tick_size: float, venues: tuple[str, ...]) -> None:
    """Set the fields of a frozen noun of ticks: read-only columns (None stays None), tick size, names of venues."""
    for name, column in columns.items():
        object.__setattr__(noun, name, None if column is None else frozen(column))
    object.__setattr__(noun, "tick_size", tick_size)
    object.__setattr__(noun, "venues", venues)


def check_tick(tick_size: Any) -> float:
    """Take a tick size: positive and finite.

    Examples
    --------
    >>> check_tick(0.25)
    0.25
    """
    try:
        tick = float(tick_size)
    except (TypeError, ValueError):
        tick = math.nan
    if not (math.isfinite(tick) and tick > 0):
        message = f"tick_size is {tick_size!r}. Hint: give the smallest price step, for example 0.25."
        raise BadInput(message)
    return tick


def check_sorted(ts: NDArray[np.int64]) -> None:
    """Refuse times that go back.

    Examples
    --------
    >>> check_sorted(np.array([1, 1, 2]))
    """
    back = ts[1:] < ts[:-1]  # not np.diff: a difference of int64 may overflow
    if back.any():
        row = int(np.argmax(back)) + 1
        message = (
            f"ts goes back in time {int(back.sum()):,} times (first at row {row:,}: {int(ts[row])} after "
            f"{int(ts[row - 1])}). Hint: sort by ts with a stable sort, or read with sort=True."
        )
        raise BadInput(message)


def check_sizes(size: NDArray[Any]) -> None:
    """Refuse sizes below one and totals beyond int64.

    Examples
    --------
    >>> check_sizes(np.array([1, 2]))
    """
    bad = size < 1
    if bad.any():
        row = int(np.argmax(bad))
        message = (
            f"size has {int(bad.sum()):,} values below 1 (first at row {row:,}: {int(size[row])}). "
            "Hint: drop cancelled and zero-size trades."
        )
        raise BadInput(message)
    if float(size.sum(dtype=np.float64)) >= float(_MAX_INT64):
        message = f"the sizes add up to {float(size.sum(dtype=np.float64)):.3g}, beyond int64. Hint: rescale size."
        raise BadInput(message)
