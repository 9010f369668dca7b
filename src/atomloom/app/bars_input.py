"""Where the bars of a run come from: files of bars or closes, stores of trades, or what travels with the package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from atomloom.app.samples_settings import BarSource

    Columns = dict[str, Any]

TRADES, STOCKS = "es", "sp500"
EMBEDDED = (TRADES, STOCKS)
TRADES_A_BAR = 20
STORE_TIMEFRAME = "1min"
_CLOSES = {"close", "c", "price", "adj_close", "adjclose"}

# What the libraries say to Python, and what a shell can do about it.
_IN_CLI_WORDS = (
    (r"(or )?pass nan='split'", r"\1--nan split"),
    (r"(or )?pass bad_bars='keep'", r"\1--bad-bars keep"),
    (r"pass scale='none'", 'set scale = "none" in --config'),
    (r"pass volume='none'", 'set volume = "none" in --config'),
    (r"leave it out \(names=\.\.\.\), or mend it", "mend it"),
    (r"say which part: one of", "--part with one of"),
    (r"split=\{'parts': \{'(\w+)': 0\.7\}\}", r"set [split.parts] \1 = 0.7 in --config"),
    (r"Hint: None, or another format", "Hint: leave --compression out, or another --format"),
    (r"rename it, or leave the channel out", "rename it, or leave it out of channels in --config"),
    (r"timeframe is", "--timeframe is"),
    (r"names=\.\.\.", "--symbols"),
    (r"write\(\.\.\., resume=True\) goes on", "`atomloom samples resume` of the run goes on"),
    (r"call again with resume=True", "go on with `atomloom samples resume` of the run"),
    (
        r"delete those files, and write\(\.\.\., resume=True\) makes them again",
        "generate them again in a new folder; the recipe gives the same bytes",
    ),
)


class BarsRead(NamedTuple):
    """Bars, as :func:`atomloom.samples.dataset` takes them.

    Attributes
    ----------
    data : mapping
        Columns of one symbol, or symbols to such.
    source : str
        What a report says that they are bars of.
    closes : bool
        Whether there is nothing but closes.
    notes : list of str
        What a user should know of how they were taken.
    """

    data: Mapping[str, Any]
    source: str
    closes: bool
    notes: list[str]


def read(data: Sequence[str], how: BarSource, channels: Sequence[str] | None = None) -> BarsRead:
    """Read the bars of one or several symbols.

    Parameters
    ----------
    data : sequence of str
        Files: CSV (compressed too) or Parquet of bars (times, open, high, low, close, volume; with a column of symbols
        where there are several) or of closes (a column for each symbol), or stores of trades. Several files are
        several symbols. "es", or nothing, is 25,000 bars of 20 of the package's trades; "sp500" its 20 stocks.
    how : BarSource
    channels : sequence of str, optional
        Columns that must be numbers; open, high, low, close and volume where not given.

    Raises
    ------
    BadInput
        For what is no such file, in the words of the command line.

    Examples
    --------
    >>> from atomloom.app.samples_settings import BarSource
    >>> found = read((), BarSource())
    >>> found.source, len(found.data["close"])
    ('20 trades of the E-mini S&P 500 future (atomloom.data.es_2013_09)', 25000)
    """
    from atomloom.samples.spec import CHANNELS  # noqa: PLC0415  # --help owes nobody the room

    wanted = tuple(channels or CHANNELS)
    if not data or (list(data) == [TRADES] and is_embedded(TRADES)):
        return _embedded(how)
    symbols: dict[str, Columns] = {}
    notes: list[str] = []
    closes = []
    for given in data:
        path = _path_of(given)
        try:
            found, own, bare = _file(path, how, wanted)
        except BadInput as error:
            raise BadInput(in_cli_words(str(error).replace(str(path), given))) from error
        for own_name, columns in found.items():
            name = own_name or (path.name.partition(".")[0] if len(data) > 1 or how.symbols else "")
            if name in symbols:
                raise BadInput(f"{given} has symbol {name!r}, as a file before it has. Hint: name each symbol once.")
            symbols[name] = columns
        notes += own if len(data) == 1 else [f"{given}: {note}" for note in own]
        closes.append(bare)
    if any(closes) != all(closes):
        plain = data[closes.index(True)]
        raise BadInput(f"{plain} has closes only, and others have bars. Hint: runs of their own.")
    symbols = _chosen(symbols, how.symbols)
    source = ", ".join(_called(each) for each in data)
    return BarsRead(symbols.get("", symbols), source, all(closes), notes)


def _called(given: str) -> str:
    """Name a file as a report does."""
    stocks = given == STOCKS and is_embedded(given)
    return "20 stocks of the S&P 500 (atomloom.data.sp500_20)" if stocks else given


def is_embedded(given: str) -> bool:
    """Whether data of the package is meant: there is no other file of that name.

    Examples
    --------
    >>> is_embedded("es"), is_embedded("mine.csv")
    (True, False)
    """
    return given in EMBEDDED and not Path(given).exists()


def embedded_file(given: str) -> Path:
    """Give the file of the package that is called so."""
    from atomloom.data import es_2013_09, sp500_20  # noqa: PLC0415 - with the resources behind it

    return sp500_20() if given == STOCKS else es_2013_09()


def _path_of(given: str) -> Path:
    """Find a file; "sp500" is that of the package where there is no other of that name."""
    path = Path(given)
    if given == STOCKS and is_embedded(given):
        return embedded_file(given)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        names = " or ".join(EMBEDDED)
        raise BadInput(f"{given} {what}. Hint: a file of bars, a store of trades, or {names} for the package's data.")
    return path


def _embedded(how: BarSource) -> BarsRead:
    """Cut the package's trades into bars: 20 trades each, or of a timeframe."""
    from atomloom.data import es_2013_09  # noqa: PLC0415 - with the resources behind it
    from atomloom.market import tick_bars  # noqa: PLC0415 - same
    from atomloom.samples.store_bars import bars_of  # noqa: PLC0415 - with the store behind it
    from atomloom.store import read_trades  # noqa: PLC0415 - same

    trades = read_trades(es_2013_09())
    called = "the E-mini S&P 500 future (atomloom.data.es_2013_09)"
    _chosen({"ES": {}}, how.symbols)
    if how.timeframe:
        found = bars_of(trades.ts, {"price": trades.price, "size": trades.size}, how.timeframe, how.tz or None)
        return BarsRead(found, f"{how.timeframe} of {called}", closes=False, notes=[])
    bars = tick_bars(trades, TRADES_A_BAR)
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close")}
    found = {"time": _apart(bars.end_ts), **columns, "volume": bars.volume.astype(np.float64)}
    source = f"{TRADES_A_BAR} trades of {called}"
    return BarsRead(found, source, closes=False, notes=["bars that end in the same millisecond are put a ns apart"])


def _apart(times: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Put times that repeat a ns apart."""
    steps = np.arange(len(times))
    return (np.maximum.accumulate(times - steps) + steps).astype("datetime64[ns]")


def _file(path: Path, how: BarSource, channels: Sequence[str]) -> tuple[dict[str, Columns], list[str], bool]:
    """Read one file: its symbols, notes, and whether it has closes only."""
    from atomloom.app.sources import is_store  # noqa: PLC0415 - with click behind it

    if is_store(path):
        return (*_store(path, how), False)
    from atomloom.portfolio.price_tables import read_table  # noqa: PLC0415 - loads pyarrow

    table = dict(read_table(path))
    words = {_word(name) for name in table}
    if not words & ({channel.lower() for channel in channels} | _CLOSES):
        return (*_closes(path, how), True)
    return (*_bars(table, path, how, channels), False)


def _word(name: str) -> str:
    from atomloom.portfolio.price_words import plain  # noqa: PLC0415 - with the room behind it

    return plain(name)


def _closes(path: Path, how: BarSource) -> tuple[dict[str, Columns], list[str]]:
    """Take a column of closes for each symbol."""
    from atomloom.portfolio.price_files import load_prices  # noqa: PLC0415 - loads pyarrow

    found = load_prices(
        path, timeframe=how.timeframe or None, names=how.symbols or None, missing="start", tz=how.tz or None
    )
    prices = found.prices
    times = prices.times
    own = {} if times is None else {"time": times.astype("datetime64[ns]")}
    symbols = {name: {**own, "close": prices.values[:, k]} for k, name in enumerate(prices.names)}
    return symbols, [*found.notes, "there is one column for each symbol: closes are all that windows have"]


def _store(path: Path, how: BarSource) -> tuple[dict[str, Columns], list[str]]:
    """Make bars of the trades of a store."""
    from atomloom.samples.store_bars import bars_of_store  # noqa: PLC0415 - with the store behind it
    from atomloom.store import open_store  # noqa: PLC0415 - loads HDF5

    timeframe = how.timeframe or STORE_TIMEFRAME
    with open_store(path) as opened:
        traded = [symbol for symbol, kind in opened.tables() if kind == "trades"]
        if not traded:
            raise BadInput(f"{path} holds no trades. Hint: ingest some.")
        found = bars_of_store(opened, timeframe, how.tz or None, list(_chosen(dict.fromkeys(traded), how.symbols)))
    return found, [f"bars of {timeframe} were made of trades; where none was, there is no bar"]


def _bars(table: Columns, path: Path, how: BarSource, channels: Sequence[str]) -> tuple[dict[str, Columns], list[str]]:
    """Take rows of bars, of one symbol or several."""
    from atomloom.portfolio.price_words import SYMBOL  # noqa: PLC0415 - with the room behind it
    from atomloom.samples.store_bars import ROLES, bars_of  # noqa: PLC0415 - with the store behind it

    times, used = _times(table, path, how.tz or None)
    key = next((name for word in SYMBOL for name in table if _word(name) == word and name not in used), None)
    must = {channel.lower() for channel in channels} | {"close"}
    columns = {
        name: _column(column, name, path, must=ROLES.get(_word(name), _word(name)) in must)
        for name, column in table.items() if name not in {*used, key}
    }  # fmt: skip
    groups: dict[str, NDArray[np.int64]] = {"": np.arange(len(next(iter(table.values()))))}
    if key is not None:
        groups = _symbols(table[key].to_pylist(), key, path)
    notes = ["there is no column of times: rows are taken in their order"] if times is None else []
    found: dict[str, Columns] = {}
    sorted_some = False
    for name, rows in groups.items():
        kept = rows
        if times is not None:
            kept = rows[np.argsort(times[rows], kind="stable")]
            sorted_some |= not np.array_equal(kept, rows)
        own = {column: values[kept] for column, values in columns.items()}
        if times is None:
            _refuse_timeframe(how, path)
            found[name] = own
        elif how.timeframe:
            found[name] = bars_of(times[kept], own, how.timeframe, how.tz or None)
        else:
            _once(times[kept], kept, f"{path}, symbol {name!r}" if name else str(path))
            found[name] = {"time": times[kept].astype("datetime64[ns]"), **own}
    return found, [*notes, *(["rows were sorted by time"] if sorted_some else [])]


def _symbols(values: Sequence[Any], key: str, path: Path) -> dict[str, NDArray[np.int64]]:
    """Give the rows of each symbol, in the order in which they come; none may be missing, or its row would be lost."""
    bad = [row for row, value in enumerate(values) if value is None or str(value).strip() in ("", "nan")]
    if bad:
        message = f"{key} of {path} has {len(bad):,} missing symbols (first at row {bad[0]:,})"
        raise BadInput(f"{message}. Hint: fill them, or delete those rows.")
    place: dict[str, int] = {}
    codes = np.array([place.setdefault(str(value), len(place)) for value in values])
    rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    return dict(zip(place, rows, strict=True))


def _once(times: NDArray[np.int64], rows: NDArray[np.int64], where: str) -> None:
    """Refuse times that repeat, by the rows of the file, which need not be in order."""
    twice = np.flatnonzero(np.diff(times) == 0)
    if len(twice):
        first, second = rows[twice[0]], rows[twice[0] + 1]
        moment = str(times[twice[0]].astype("datetime64[ns]").astype("datetime64[s]"))
        seen = f"times of {where} repeat {len(twice):,} times: rows {first:,} and {second:,} are both {moment}"
        raise BadInput(f"{seen}. Hint: one row per time, or a column of symbols.")


def _refuse_timeframe(how: BarSource, path: Path) -> None:
    if how.timeframe:
        raise BadInput(f"{path} has no column of times to make bars of {how.timeframe} by. Hint: name one 'time'.")


def _times(table: Columns, path: Path, tz: str | None) -> tuple[NDArray[np.int64] | None, set[str]]:
    """Give ns UTC of the rows and the columns that they are made of; None where no column has times."""
    from atomloom.portfolio.price_times import looks_like_time, moments_of, with_clock  # noqa: PLC0415 - loads pyarrow
    from atomloom.portfolio.price_words import TIME, is_nameless  # noqa: PLC0415 - same

    called = {_word(name): name for name in reversed(list(table))}
    day, clock = called.get("date"), called.get("time")
    if day and clock:
        found = with_clock(table[day], table[clock], path, day, tz)
        if found is not None:
            return found, {day, clock}
    named = next((called[word] for word in TIME if word in called), None)
    likely = (name for name in table if is_nameless(name) or name == next(iter(table)))
    name = named or next((name for name in likely if looks_like_time(table[name])), None)
    if name is None:
        return None, {name for name in table if is_nameless(name)}
    return moments_of(table[name], path, name, tz), {name}


def _column(column: Any, name: str, path: Path, *, must: bool) -> NDArray[Any]:
    """Give a column as numbers, or as it is where it may be words."""
    from atomloom.portfolio.price_tables import numbers_of  # noqa: PLC0415 - loads pyarrow

    try:
        return numbers_of(column, name, path)
    except BadInput:
        if must:
            raise
        return np.array(column.to_pylist(), dtype=object)


def _chosen(symbols: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """Keep the symbols that were asked for, in that order."""
    missing = [name for name in wanted if name not in symbols]
    if missing:
        known = ", ".join(list(symbols)[:10]) + (", ..." if len(symbols) > 10 else "")
        raise BadInput(f"there is no symbol {missing[0]!r}. Hint: --symbols with some of {known}.")
    return {name: symbols[name] for name in wanted} if wanted else symbols


def in_cli_words(message: str) -> str:
    """Turn the hints of the library into those of the shell.

    Examples
    --------
    >>> in_cli_words("Hint: fill them, or pass nan='split' to leave those rows out.")
    'Hint: fill them, or --nan split to leave those rows out.'
    """
    for pattern, words in _IN_CLI_WORDS:
        message = re.sub(pattern, words, message)
    return message
