"""How prices lie in a table: a column for each asset, a row for each asset and time, or the bars of one asset."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.portfolio.price_tables import is_missing, numbers_of
from atomloom.portfolio.price_times import looks_like_time, moments_of, with_clock
from atomloom.portfolio.price_words import BESIDE, PRICE, RANGE, SYMBOL, TIME, VOLUME, is_nameless, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

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
    times, used = _times(table, str(roles["time"]), path, tz)
    order = np.argsort(times, kind="stable")
    symbol = roles["symbol"]
    if symbol is not None and "symbol" not in columns and not _is_key(table[symbol], times):
        symbol = None  # an asset may be called so
    notes: list[str] = []
    if symbol is not None:
        price = roles["price"]
        if price is None:
            raise BadInput(f'{path} has no column of prices. Hint: name one close, or say columns={{"price": ...}}.')
        found = _long(table, symbol, price, times, order, path, names)
    else:
        notes = [] if (np.diff(times) >= 0).all() else ["rows were sorted by time"]
        rest = {name: table[name] for name in table if name not in used}
        _refuse_keys(rest, times, path)
        price = columns.get("price") or _price_of_bars(roles["price"], rest, path, names)
        found = _wide(rest, price, times, order, path, names)
    if price is not None and "price" not in columns:
        notes.append(f"prices are those of column {price!r}")
    return found._replace(notes=[*notes, *found.notes])


def _roles(table: Mapping[str, Any], path: Path, columns: Mapping[str, str]) -> dict[str, str | None]:
    """Say which columns may have the times, the symbols and the prices."""
    for role, name in columns.items():
        if role not in ROLES:
            raise BadInput(f"columns names a {role!r}. Hint: it may name {', '.join(ROLES)}.")
        if name not in table:
            raise BadInput(f"{path} has no column {name!r}. Hint: it has {_listed(table)}.")
    called = {plain(name): name for name in reversed(list(table))}
    found = {
        role: columns.get(role) or next((called[word] for word in words if word in called), None)
        for role, words in (("time", TIME), ("symbol", SYMBOL), ("price", PRICE))
    }
    if found["price"] is None and "symbol" not in columns:
        found["symbol"] = None
    if found["time"] is None:
        counts = [name for name in table if is_nameless(name) or plain(name) == "index"]
        first = next((name for name in table if name not in counts), None)
        likely = [name for name in (*counts, first) if name is not None and looks_like_time(table[name])]
        found["time"] = next(iter([*likely, *counts]), None)
    if found["time"] is None:
        seen = f"{path} has no column of times; it has {_listed(table)}"
        raise BadInput(f'{seen}. Hint: name one time or date, or say columns={{"time": ...}}.')
    return found


def _times(table: Mapping[str, Any], name: str, path: Path, tz: str | None) -> tuple[NDArray[np.int64], set[str]]:
    """Give the times, and the columns that they are made of: a column of dates and one of times of day go together."""
    called = {plain(each): each for each in table}
    day, clock = called.get("date"), called.get("time")
    if day and clock and name in (day, clock):
        found = with_clock(table[day], table[clock], path, day, tz)
        if found is not None:
            return found, {day, clock}
    return moments_of(table[name], path, name, tz), {name}


def _decoded(column: Any) -> Any:
    kind = column.type
    return column.cast(kind.value_type) if need("pyarrow").types.is_dictionary(kind) else column


def _is_key(column: Any, times: NDArray[np.int64]) -> bool:
    """Say whether a column says which asset a row is of: words do, and whole numbers where times repeat."""
    held = need("pyarrow.compute").unique(_decoded(column)).drop_null().to_pylist()
    try:
        numbers = [float(each) for each in held if not is_missing(each)]
    except (TypeError, ValueError):
        return True
    whole = all(number.is_integer() for number in numbers)
    return whole and (len(numbers) == 1 or len(np.unique(times)) < len(times))


def _refuse_keys(rest: Mapping[str, Any], times: NDArray[np.int64], path: Path) -> None:
    """Refuse rows of several assets that are told apart by a column of unknown name."""
    rows = len(times)
    moments, at = np.unique(times, return_inverse=True)
    if 2 * len(moments) > rows:
        return
    types = need("pyarrow").types
    for name, held in rest.items():
        column = _decoded(held)
        if types.is_floating(column.type) or types.is_decimal(column.type) or column.null_count:
            continue
        coded = need("pyarrow.compute").dictionary_encode(column).combine_chunks()
        count = len(coded.dictionary)
        cell = at * count + np.asarray(coded.indices)
        if 2 * count <= rows and len(np.unique(cell)) == rows:
            seen = f"{path} has {many(rows - len(moments), 'time')} more than once, each with another {name!r}"
            raise BadInput(f'{seen}. Hint: if that names the assets, say columns={{"symbol": ...}}.')


def _price_of_bars(price: str | None, rest: Mapping[str, Any], path: Path, names: Sequence[str]) -> str | None:
    """Give the column of prices if the table is of one asset, None where each asset has a column.

    Bars are open, high and low, all of them, beside a price; or a price beside nothing but what belongs to bars.
    """
    words = {plain(name) for name in rest if not is_nameless(name)}
    if names and all(name in rest for name in names):
        return None
    if price is not None and (words.issuperset(RANGE) or (words & set(BESIDE) and words <= {*BESIDE, *PRICE, *SYMBOL})):
        return price
    volume = next((name for name in rest if plain(name) in VOLUME), None)
    if volume is not None:
        beside = _listed(name for name in rest if name != volume)
        seen = f"{path} has a column {volume!r}, which is no price, beside {beside}"
        raise BadInput(f'{seen}. Hint: say columns={{"price": ...}} if it is of one asset, else name all (names=...).')
    return None


def _wide(
    rest: Mapping[str, Any], price: str | None, times: Any, order: Any, path: Path, names: Sequence[str]
) -> Layout:
    if price is not None:
        called = [_stem(path)] if not names else list(names)
        if len(called) != 1:
            raise BadInput(f"{path} has the prices of one asset, and {len(called)} are wanted. Hint: name one.")
        return Layout(times[order], called, numbers_of(rest[price], price, path)[order, None], [])
    counts = [] if names else [name for name in rest if _counts_rows(name, rest[name], path)]
    assets = [name for name in rest if name not in counts]
    if not assets:
        raise BadInput(f"{path} has no column of prices beside its times. Hint: a column for each asset.")
    chosen = chosen_of(assets, names, path)
    values = np.stack([numbers_of(rest[name], name, path) for name in chosen], axis=1)
    return Layout(times[order], chosen, values[order], [f"column {name!r} counts rows: left out" for name in counts])


def _counts_rows(name: str, column: Any, path: Path) -> bool:
    """Say whether a column has the numbers or names of rows, as tables are written with them."""
    types = need("pyarrow").types
    number = types.is_integer(column.type)
    if is_nameless(name):
        if types.is_floating(column.type) or types.is_decimal(column.type):
            raise BadInput(f"{path} has a column of numbers without a name. Hint: name it, or delete it.")
        return True
    if plain(name) != "index" or not number or column.null_count:
        return False
    steps = np.diff(np.asarray(column))
    return bool((steps > 0).all() or (steps < 0).all())


def _long(
    table: Mapping[str, Any], symbol: str, price: str, times: Any, order: Any, path: Path, names: Sequence[str]
) -> Layout:
    """Turn rows of (time, symbol, price) into a column for each symbol."""
    column = need("pyarrow.compute").dictionary_encode(table[symbol]).combine_chunks()
    assets = _symbols(column.dictionary.to_pylist())
    codes = np.asarray(column.indices.fill_null(-1))
    unnamed = int((codes == -1).sum()) + (int((codes == assets.index("")).sum()) if "" in assets else 0)
    if unnamed:
        raise BadInput(f"{path}: {symbol!r} is missing in {many(unnamed, 'row')}. Hint: delete them.")
    prices = numbers_of(table[price], price, path)
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


def _symbols(names: list[Any]) -> list[str]:
    """Write symbols as text; whole numbers that became 101.0 on their way are 101 again."""
    texts = [str(name) for name in names]
    whole = all(name.endswith(".0") and name[:-2].isdigit() for name in texts)
    return [name[:-2] for name in texts] if whole else texts


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
