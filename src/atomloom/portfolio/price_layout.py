"""How prices lie in a table: a column for each asset, a row for each asset and time, or the bars of one asset."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.portfolio.price_tables import array_of, numbers_of
from atomloom.portfolio.price_times import localized, looks_like_time, moments_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_TIME = (
    "time",
    "timestamp",
    "datetime",
    "date_time",
    "date",
    "day",
    "ts",
    "index",
    "unnamed:_0",
    "",
    "__index_level_0__",
)
_SYMBOL = ("symbol", "ticker", "asset", "instrument", "security", "tic", "sym", "stock", "code", "isin", "name")
_PRICE = (
    "adj_close",
    "adjclose",
    "adjusted_close",
    "adjusted",
    "close",
    "closing_price",
    "price",
    "last",
    "px",
    "value",
)
_BAR = ("open", "high", "low", "volume", "vol")
ROLES = ("time", "symbol", "price")


class Layout(NamedTuple):
    """Prices as they were found: sorted by time, NaN where there is none.

    Attributes
    ----------
    times : (T,) int64
        ns UTC, not decreasing.
    names : list of str
    closes : (T, N) float64
    notes : list of str
        What a user should know of how the table was taken.
    """

    times: NDArray[np.int64]
    names: list[str]
    closes: NDArray[np.float64]
    notes: list[str]


def lay_out(
    table: Mapping[str, Any], path: Path, columns: Mapping[str, str], names: Sequence[str], tz: str | None
) -> Layout:
    """Find times, assets and prices in a table.

    Parameters
    ----------
    table : mapping of str to Arrow array
    path : Path
        For messages, and the name of a single asset.
    columns : mapping
        Which column is "time", "symbol" or "price", where their names do not tell.
    names : sequence of str
        Assets that are wanted, in this order; all where empty.
    tz : str, optional
        Zone of times that have none.

    Raises
    ------
    BadInput
        If there is no column of times, none of prices, or not the assets that are wanted.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from pathlib import Path
    >>> held = pa.table({"date": ["2024-01-02", "2024-01-01"], "A": [2.0, 1.0], "B": [4.0, 3.0]})
    >>> found = lay_out(dict(zip(held.column_names, held.columns)), Path("p.csv"), {}, ["B"], None)
    >>> found.names, found.closes.tolist(), found.notes
    (['B'], [[3.0], [4.0]], ['rows were sorted by time'])
    """
    roles = _roles(table, path, columns)
    times, used = _times(table, roles["time"], path, tz)
    order = np.argsort(times, kind="stable")
    notes = []
    if roles["symbol"] is not None:
        found = _long(table, roles, times, order, path, names)
    else:
        notes = [] if (np.diff(times) >= 0).all() else ["rows were sorted by time"]
        found = _wide(table, roles["price"], used, times, order, path, names)
    if roles["price"] is not None and "price" not in columns:
        notes.append(f"prices are those of column {roles['price']!r}")
    return found._replace(notes=[*notes, *found.notes])


def _roles(table: Mapping[str, Any], path: Path, columns: Mapping[str, str]) -> dict[str, str | None]:
    """Say which columns have the times, the symbols and the prices; None where each asset has a column."""
    for role, name in columns.items():
        if role not in ROLES:
            raise BadInput(f"columns names a {role!r}. Hint: it may name {', '.join(ROLES)}.")
        if name not in table:
            raise BadInput(f"{path} has no column {name!r}. Hint: it has {_listed(table)}.")
    plain = {name.strip().lower().replace(" ", "_"): name for name in reversed(list(table))}
    found = {
        role: columns.get(role) or next((plain[word] for word in words if word in plain), None)
        for role, words in (("time", _TIME), ("symbol", _SYMBOL), ("price", _PRICE))
    }
    if found["time"] is None:
        first = next(iter(table), None)
        found["time"] = first if first is not None and looks_like_time(table[first]) else None
    if found["time"] is None:
        seen = f"{path} has no column of times; it has {_listed(table)}"
        raise BadInput(f'{seen}. Hint: name one time or date, or say columns={{"time": ...}}.')
    if found["symbol"] is not None and "symbol" not in columns:
        texts = need("pyarrow").types
        kind = table[found["symbol"]].type
        kind = kind.value_type if texts.is_dictionary(kind) else kind
        if not (texts.is_string(kind) or texts.is_large_string(kind)) or found["price"] is None:
            found["symbol"] = None  # an asset may be called so
    if found["symbol"] is not None and found["price"] is None:
        raise BadInput(f'{path} has no column of prices. Hint: name one close, or say columns={{"price": ...}}.')
    if found["symbol"] is None and "price" not in columns and not any(word in plain for word in _BAR):
        found["price"] = None  # an asset may be called so
    return found


def _times(
    table: Mapping[str, Any], name: str | None, path: Path, tz: str | None
) -> tuple[NDArray[np.int64], set[str]]:
    """Give the times, and the columns that they are made of: a column of dates and one of times of day go together."""
    assert name is not None  # noqa: S101 - refused before
    types = need("pyarrow").types
    plain = {each.strip().lower(): each for each in table}
    day, clock = plain.get("date"), plain.get("time")
    if day and clock and name in (day, clock) and types.is_time(table[clock].type):
        arrow = need("pyarrow")
        since = array_of(table[clock].cast(arrow.time64("ns")), arrow.int64())
        midnight = moments_of(table[day], path, day, None)
        return localized(midnight + since, tz, f"{path}: {day!r}"), {day, clock}
    return moments_of(table[name], path, name, tz), {name}


def _wide(
    table: Mapping[str, Any],
    price: str | None,
    used: set[str],
    times: Any,
    order: Any,
    path: Path,
    names: Sequence[str],
) -> Layout:
    if price is not None:
        called = [_stem(path)] if not names else list(names)
        if len(called) != 1:
            raise BadInput(f"{path} has the prices of one asset, and {len(called)} are wanted. Hint: name one.")
        return Layout(times[order], called, numbers_of(table[price], price, path)[order, None], [])
    assets = [name for name in table if name not in used]
    if not assets:
        raise BadInput(f"{path} has no column of prices beside its times. Hint: a column for each asset.")
    chosen = chosen_of(assets, names, path)
    values = np.stack([numbers_of(table[name], name, path) for name in chosen], axis=1)
    return Layout(times[order], chosen, values[order], [])


def _long(
    table: Mapping[str, Any], roles: Mapping[str, str | None], times: Any, order: Any, path: Path, names: Sequence[str]
) -> Layout:
    """Turn rows of (time, symbol, price) into a column for each symbol."""
    column = need("pyarrow.compute").dictionary_encode(table[str(roles["symbol"])]).combine_chunks()
    assets = [str(name) for name in column.dictionary.to_pylist()]
    codes = np.asarray(column.indices.fill_null(-1))
    unnamed = int((codes == -1).sum()) + (int((codes == assets.index("")).sum()) if "" in assets else 0)
    if unnamed:
        raise BadInput(f"{path}: {roles['symbol']!r} is missing in {many(unnamed, 'row')}. Hint: delete them.")
    prices = numbers_of(table[str(roles["price"])], str(roles["price"]), path)
    chosen = chosen_of(sorted(assets), names, path)
    place = np.full(len(assets), -1, dtype=np.int64)
    for k, name in enumerate(chosen):
        place[assets.index(name)] = k
    rows = order[place[codes[order]] >= 0]
    own, where = times[rows], place[codes[rows]]
    moments, at = np.unique(own, return_inverse=True)
    cell = at * len(chosen) + where
    twice = np.flatnonzero(np.bincount(cell, minlength=1) > 1)
    if len(twice):
        moment, asset = (
            np.datetime64(int(moments[twice[0] // len(chosen)]) // 10**9, "s"),
            chosen[twice[0] % len(chosen)],
        )
        seen = f"{path} has {many(len(twice), 'price')} more than once (first: {asset!r} at {moment})"
        raise BadInput(f"{seen}. Hint: keep one row for each symbol and time.")
    values = np.full(len(moments) * len(chosen), np.nan)
    values[cell] = prices[rows]
    return Layout(moments, chosen, values.reshape(len(moments), len(chosen)), [])


def chosen_of(assets: Sequence[str], names: Sequence[str], path: Path) -> list[str]:
    """Give the assets that are wanted, all where none is named.

    Examples
    --------
    >>> from pathlib import Path
    >>> chosen_of(["A", "B"], ["B"], Path("p.csv"))
    ['B']
    """
    for k, name in enumerate(names):
        if name not in assets:
            near = difflib.get_close_matches(name, assets, n=1)
            meant = f"did you mean {near[0]!r}? It has" if near else "it has"
            raise BadInput(f"{path} has no asset {name!r}. Hint: {meant} {_listed(assets)}.")
        if name in names[:k]:
            raise BadInput(f"asset {name!r} is wanted twice. Hint: name each once.")
    return list(names or assets)


def many(count: int, noun: str) -> str:
    """Count things in words.

    Examples
    --------
    >>> many(1, "price"), many(2000, "price")
    ('1 price', '2,000 prices')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _listed(names: Any) -> str:
    found = list(names)
    return ", ".join(map(repr, found[:12])) + (f" and {len(found) - 12:,} more" if len(found) > 12 else "")


def _stem(path: Path) -> str:
    return path.name.split(".")[0] or path.name
