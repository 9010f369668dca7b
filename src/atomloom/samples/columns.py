"""Columns of bars out of whatever a frame calls them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.row_times import take_times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

OHLCV = ("open", "high", "low", "close", "volume")
_SYMBOLS = ("symbol", "ticker", "sym", "asset", "instrument", "permno")
_YEAR = re.compile(r"\d{4}|\d{1,2}[/.]\d{1,2}[/.]\d{2}")
_OLDEST = 315_532_800_000_000_000  # 1980: whole numbers below are seconds or milliseconds, not ns
_TIMES = ("time", "date", "datetime", "timestamp", "day")
_SHORT = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vol": "volume", "price": "close"}


class Bars(NamedTuple):
    """Bars of one symbol.

    Attributes
    ----------
    values : dict of str to (T,) float64
    times : (T,) int64, or None
        ns UTC.
    labels : dict of str to (T,) object
        Columns that strata may be made of.
    """

    values: dict[str, NDArray[np.float64]]
    times: NDArray[np.int64] | None
    labels: dict[str, NDArray[Any]]


def symbols_of(data: Any) -> dict[str, Any]:
    """Give the frames of all symbols by name; a single frame is the symbol "".

    Frames with two levels of columns, one of which names open, high, low, close and volume (as yfinance gives them),
    are taken apart.

    Raises
    ------
    BadInput
        For no symbol, or two of the same name.

    Examples
    --------
    >>> list(symbols_of({"A": 1, "B": 2}))
    ['A', 'B']
    """
    if isinstance(data, Mapping) and not _is_columns(data):
        found = {str(name): frame for name, frame in data.items()}
        if not found or len(found) < len(data):
            raise BadInput(f"data has {len(found)} symbols under {len(data)} names. Hint: {{symbol: frame}}.")
        return found
    levels = getattr(getattr(data, "columns", None), "nlevels", 1)
    if getattr(getattr(data, "index", None), "nlevels", 1) > 1:
        hint = "{symbol: rows.droplevel(0) for symbol, rows in frame.groupby(level=0)}"
        raise BadInput(f"the index of data has {data.index.nlevels} levels. Hint: give {hint}.")
    if levels == 1:
        return {"": data}
    if levels > 2:
        raise BadInput(f"columns have {levels} levels. Hint: give {{symbol: frame}}.")
    for level in (0, 1):
        words = {str(name).strip().lower() for name in data.columns.get_level_values(level)}
        if "close" in words:
            others = list(dict.fromkeys(data.columns.get_level_values(1 - level)))
            return {str(name): data.xs(name, axis=1, level=1 - level) for name in others}
    raise BadInput("neither level of the columns names 'close'. Hint: give {symbol: frame}.")


def _is_columns(data: Mapping[Any, Any]) -> bool:
    """Whether a mapping is of columns, not of symbols."""
    return bool(data) and all(
        not isinstance(value, Mapping) and not hasattr(value, "columns") and np.ndim(value) == 1
        and getattr(getattr(value, "dtype", None), "names", None) is None
        for value in data.values()
    )  # fmt: skip


def take_bars(frame: Any, channels: Sequence[str], by: str | None, where: str) -> Bars:
    """Take the columns of one symbol.

    Parameters
    ----------
    frame : DataFrame, Arrow table, mapping of columns, or structured array
    channels : sequence of str
        Columns that are needed; ``close`` is taken with them where there is one.
    by : str, optional
        Column of labels.
    where : str
        What messages call it.

    Raises
    ------
    BadInput
        For columns that are missing, not unique, no numbers, or of several lengths; for wrong times.
    """
    table = _table(frame, where)
    names = _names(table, where)
    _one_symbol(table, names, where)
    values = {}
    for channel in dict.fromkeys((*channels, *(["close"] if "close" in names else []))):
        if channel.lower() not in names:
            known = ", ".join(str(name) for name in table)
            hint = "rename it, or leave the channel out"
            raise BadInput(f"{where} has no column {channel!r}; it has {known}. Hint: {hint}.")
        values[channel] = _numbers(table[names[channel.lower()]], f"{channel} of {where}")
    lengths = {len(column) for column in values.values()}
    if len(lengths) > 1:
        raise BadInput(f"columns of {where} have {sorted(lengths)} rows. Hint: one length for all.")
    labels = {}
    if by is not None and by.lower() in names:
        labels[by] = np.asarray(table[names[by.lower()]], dtype=object)
    return Bars(values, _times(frame, table, names, lengths.pop(), where), labels)


def _table(frame: Any, where: str) -> dict[Any, Any]:
    """Give columns by name."""
    if hasattr(frame, "to_pydict") and hasattr(frame, "column_names"):  # Arrow
        return {name: frame[name].to_numpy() for name in frame.column_names}
    if isinstance(frame, np.ndarray) and frame.dtype.names:
        return {name: frame[name] for name in frame.dtype.names}
    if isinstance(frame, Mapping):
        return dict(frame)
    if hasattr(frame, "columns"):
        columns = list(frame.columns)
        if len(set(columns)) < len(columns):
            twice = next(name for name in columns if columns.count(name) > 1)
            raise BadInput(f"{where} has two columns {twice!r}. Hint: drop one.")
        return {name: frame[name] for name in columns}
    message = f"{where} is {type(frame).__name__}, which has no named columns"
    raise BadInput(f"{message}. Hint: give a frame with open, high, low, close and volume.")


def _names(table: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Columns by what they mean: lower case; short names only where the long one is missing."""
    found: dict[str, Any] = {}
    for name in table:
        word = str(name).strip().strip("\ufeff\"'<>").lower()
        if word in found:
            raise BadInput(f"{where} has two columns for {word!r}: {found[word]!r} and {name!r}. Hint: drop one.")
        found[word] = name
    for short, word in _SHORT.items():
        if short in found and word not in found:
            found[word] = found[short]
    for adjusted in ("adj close", "adj_close", "adjclose"):
        if adjusted in found and "close" not in found:
            found["close"] = found[adjusted]
    return found


def _one_symbol(table: Mapping[Any, Any], names: Mapping[str, Any], where: str) -> None:
    """Refuse rows of several symbols: windows would reach over them."""
    for word in _SYMBOLS:
        if word in names and len(set(np.asarray(table[names[word]], dtype=object).tolist())) > 1:
            hint = f"{{symbol: rows for symbol, rows in frame.groupby({names[word]!r})}}"
            raise BadInput(f"column {names[word]!r} of {where} names several symbols. Hint: give {hint}.")


def _numbers(column: Any, where: str) -> NDArray[np.float64]:
    raw = column if hasattr(column, "dtype") else np.asarray(column)
    if isinstance(raw, np.ma.MaskedArray) and np.ma.is_masked(raw):
        raw = np.where(raw.mask, np.nan, raw.data)  # what is masked is missing
    kind = getattr(raw.dtype, "kind", "O")
    if kind in "bcmM":
        raise BadInput(f"{where} is no column of numbers: it holds {raw.dtype}. Hint: convert it.")
    try:
        found = np.ascontiguousarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{where} is no column of numbers: {error}. Hint: convert it with pandas.to_numeric.") from None
    if found.ndim != 1:
        raise BadInput(f"{where} has shape {found.shape}. Hint: one number for each row.")
    return found


def _times(frame: Any, table: Mapping[Any, Any], names: Mapping[str, Any], rows: int, where: str) -> Any:
    """Give times of rows where there are any: of the index, or of a column that is called so."""
    index = getattr(frame, "index", None)
    if _is_time(index):
        return _moments(index, f"times of {where}", rows)
    found = [word for word in _TIMES if word in names]
    if len(found) > 1:
        seen = " and ".join(repr(names[word]) for word in found)
        raise BadInput(f"{where} has times in {seen}. Hint: join them into one column, or set a DatetimeIndex.")
    # a copy: a column, other than an index, may be changed later
    return _moments(table[names[found[0]]], f"times of {where}", rows).copy() if found else None


def _moments(given: Any, where: str, rows: int) -> NDArray[np.int64]:
    """Take times of rows, as texts and dates too; whole numbers are ns."""
    kind = getattr(getattr(given, "dtype", None), "kind", "")
    if kind not in "iuM":
        import pandas as pd  # noqa: PLC0415 - heavy

        values = given.to_timestamp() if hasattr(given, "to_timestamp") and hasattr(given, "freqstr") else given
        texts = [value for value in np.asarray(values, dtype=object).tolist() if isinstance(value, str)]
        if any(not _YEAR.search(text) for text in texts):
            text = next(text for text in texts if not _YEAR.search(text))
            raise BadInput(f"{where} has {text!r}, which is no day. Hint: join day and time into one column.")
        given = pd.Index(values) if isinstance(values, list) else values
    found = take_times(given, where, rows).ns
    if kind in "iu" and len(found) and int(found[-1]) < _OLDEST:
        message = f"{where} are whole numbers that end in {np.datetime64(int(found[-1]), 'ns')} if they are ns"
        raise BadInput(f"{message}. Hint: pandas.to_datetime(column, unit='s'), or 'ms'.")
    return found


def _is_time(index: Any) -> bool:
    """Whether an index is of times: dates, periods and texts of dates too; others are read by name or refused."""
    kind = getattr(getattr(index, "dtype", None), "kind", "-")
    if kind == "M" or hasattr(index, "to_timestamp"):
        return kind != "-"
    if kind not in "OT" or not len(index):
        return False
    return isinstance(index[0], dt.date) or (isinstance(index[0], str) and bool(_YEAR.search(index[0])))
