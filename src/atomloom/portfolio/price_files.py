"""read_prices: prices of some assets from a file, whatever its layout, or from a store of trades."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.closes import of_store, thin
from atomloom.portfolio.method_table import check_names
from atomloom.portfolio.price_layout import Layout, lay_out, many
from atomloom.portfolio.price_tables import read_table
from atomloom.portfolio.prices import Prices, as_prices

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MISSING = ("refuse", "start", "fill", "drop")
_FEW = 0.01  # of the rows: more that repeat a time are not there by mistake
_JUMP = 50.0
_HDF5 = b"\x89HDF\r\n\x1a\n"


class PricesRead(NamedTuple):
    """Prices of a file, and what a user should know of how they were taken.

    Attributes
    ----------
    prices : Prices
    notes : list of str
    late : float
        Share of the rows that were left out because an asset begins later.
    """

    prices: Prices
    notes: list[str]
    late: float = 0.0


def read_prices(
    path: str | os.PathLike[str],
    *,
    timeframe: str | None = None,
    names: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    missing: str = "refuse",
    start: Any = None,
    end: Any = None,
    tz: str | None = None,
) -> Prices:
    """Read prices from a file.

    Parameters
    ----------
    path : path
        CSV (compressed too) or Parquet: times and a column for each asset; or rows of time, symbol and price; or the
        bars of one asset (open, high, low, close). Or a store of trades, of which the last of each period are taken.
    timeframe : str, optional
        Keep the last price of each period: "1d", "1h", "30min", "1w". A store has days where it is not given. Days and
        weeks go by the clock of ``tz``; times are those at which periods begin.
    names : sequence of str, optional
        Which assets, in which order.
    columns : mapping, optional
        Which column is "time", "symbol" or "price", where their names do not tell: {"time": "Day"}.
    missing : {"refuse", "start", "fill", "drop"}
        What to do where an asset has no price: refuse; "start" with the first row at which all have one (and refuse
        gaps behind it); "fill" such gaps, too, with the price before; "drop" every row in which one is missing.
        Nothing is filled before an asset's first price or behind its last. In a store an instrument that is not traded
        keeps its close, at the end for no longer than it has been silent before.
    start, end : int ns UTC, datetime64 or ISO 8601 str (UTC), optional
        Rows with start <= time < end.
    tz : str, optional
        Zone of times that have none; UTC where not given.

    Returns
    -------
    Prices
        Sorted by time. Of columns "adj_close" and "close" the first is taken.

    Raises
    ------
    BadInput
        For what is no table of prices; with the column and the row.

    Notes
    -----
    A megabyte takes some 10 ms. pandas is loaded for times that are not written as ISO 8601, and for zones, only.

    Examples
    --------
    >>> from atomloom.data import sp500_20
    >>> read_prices(sp500_20(), names=["AAPL", "XOM"], start="2020-01-01")
    Prices(754 rows, 2 assets: AAPL, XOM)
    """
    return load_prices(
        path, timeframe=timeframe, names=names, columns=columns, missing=missing, start=start, end=end, tz=tz
    ).prices


def load_prices(
    path: str | os.PathLike[str],
    *,
    timeframe: str | None = None,
    names: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    missing: str = "refuse",
    start: Any = None,
    end: Any = None,
    tz: str | None = None,
) -> PricesRead:
    """Read prices as :func:`read_prices` does, and say how they were taken.

    Examples
    --------
    >>> from atomloom.data import sp500_20
    >>> load_prices(sp500_20(), timeframe="1w").notes
    ['8,313 rows became 1,722 closes of 1w']
    """
    check_names("missing", (missing,), MISSING)
    file = Path(path)
    if isinstance(names, str):
        raise BadInput(f"names is {names!r}. Hint: give a list of names.")
    if not file.is_file():
        seen = "is a folder" if file.is_dir() else "does not exist"
        raise BadInput(f"{file} {seen}. Hint: one CSV, Parquet or HDF5 file.")
    with file.open("rb") as opened:
        head = opened.read(8)
    wanted = list(names or ())
    if head == _HDF5:
        if columns:
            raise BadInput(f"{file} is a store, which has no columns to name. Hint: leave columns out.")
        found = of_store(file, timeframe or "1d", wanted, tz, start, end)
    else:
        found = lay_out(read_table(file, (columns or {}).get("symbol")), file, columns or {}, wanted, tz)
        found = _between(found, start, end, file)
        found = found if timeframe is None else thin(found, timeframe, tz, str(file))
    _once(found, file, timeframe)
    rows = len(found.times)
    found = _complete(found, missing, file)
    late = 1.0 - len(found.times) / rows if missing in ("start", "fill") else 0.0
    return PricesRead(_prices(found, tz), [*found.notes, *_jumps(found)], late)


def _prices(found: Layout, tz: str | None) -> Prices:
    times: Any = found.times
    if tz is not None and tz.upper() != "UTC":
        import pandas as pd  # noqa: PLC0415 - only where there is a zone

        times = pd.DatetimeIndex(times, tz="UTC").tz_convert(tz)
    return as_prices(found.closes, times=times, names=found.names)


def _between(found: Layout, start: Any, end: Any, file: Path) -> Layout:
    if start is None and end is None:
        return found
    from atomloom.store.units import to_ns  # noqa: PLC0415 - only where moments are given

    low = 0 if start is None else int(np.searchsorted(found.times, to_ns(start)))
    high = len(found.times) if end is None else int(np.searchsorted(found.times, to_ns(end)))
    if low >= high:
        seen = f"{file} has no rows from {start or 'its beginning'} to {end or 'its end'}"
        raise BadInput(f"{seen}; it goes from {_day(found.times[0])} to {_day(found.times[-1])}. Hint: other ends.")
    return found._replace(times=found.times[low:high], closes=found.closes[low:high])


def _once(found: Layout, file: Path, timeframe: str | None) -> None:
    twice = np.flatnonzero(np.diff(found.times) == 0)
    if len(twice):
        seen = f"{file} has {many(len(twice), 'time')} more than once (first: {_day(found.times[twice[0]])})"
        hint = "keep one row for each time" + ("" if timeframe else ", or give a timeframe")
        if len(twice) > _FEW * len(found.times):
            hint = f'say columns={{"symbol": ...}} where rows are of several assets; where all are of one, {hint}'
        raise BadInput(f"{seen}. Hint: {hint}.")


def _jumps(found: Layout) -> list[str]:
    """Note prices that change so much that they may be in two units."""
    with np.errstate(divide="ignore", invalid="ignore"):
        moves = np.abs(np.log(found.closes[1:] / found.closes[:-1]))
    rows, assets = np.nonzero(np.isfinite(moves) & (moves > np.log(_JUMP)))
    if not len(rows):
        return []
    row, k = int(rows[0]), int(assets[0])
    seen = f"{many(len(rows), 'price')} more than {_JUMP:g} times the one before, or less than a {_JUMP:g}th"
    before, after = (float(found.closes[row + j, k]) for j in (0, 1))
    return [f"{seen} (first: {found.names[k]!r} from {before:g} to {after:g} on {_day(found.times[row + 1])})"]


def _complete(found: Layout, missing: str, file: Path) -> Layout:
    """Do what is asked for where an asset has no price."""
    known = ~np.isnan(found.closes)
    notes = list(found.notes)
    for k, name in enumerate(found.names):
        if not known[:, k].any():
            raise BadInput(f"{file}: asset {name!r} has no price at all. Hint: leave it out (names=...).")
    empty = ~known.any(axis=1)
    if empty.any():
        notes.append(f"{many(int(empty.sum()), 'row')} without any price left out")
        found, known = found._replace(times=found.times[~empty], closes=found.closes[~empty]), known[~empty]
    if known.all():
        return found._replace(notes=notes)
    if missing == "refuse":
        raise BadInput(_told(found, known, file))
    if missing == "drop":
        kept: NDArray[np.bool_] = np.asarray(known.all(axis=1))
        notes.append(f"{int((~kept).sum()):,} of {len(kept):,} rows left out, in which a price is missing")
        if not kept.any():
            raise BadInput(f"{file}: there is no row in which all assets have a price. Hint: leave some out.")
        return Layout(found.times[kept], found.names, found.closes[kept], notes)
    first = int(np.argmax(known, axis=0).max())
    if first:
        late = found.names[int(np.argmax(np.argmax(known, axis=0)))]
        note = f"the first {first:,} of {len(known):,} rows left out: {late!r} has prices from "
        notes.append(note + f"{_day(found.times[first])} on")
    values, times, known = found.closes[first:].copy(), found.times[first:], known[first:]
    ended = np.flatnonzero(~known[-1])
    if len(ended) or (missing == "start" and not known.all()):
        raise BadInput(_told(found._replace(times=times, closes=values), known, file))
    gaps = int((~known).sum())
    if gaps:
        before = np.maximum.accumulate(np.where(known, np.arange(len(known))[:, None], 0), axis=0)
        values = np.take_along_axis(values, before, axis=0)
        notes.append(f"{many(gaps, 'missing price')} taken from the row before")
    return Layout(times, found.names, values, notes)


def _told(found: Layout, known: NDArray[np.bool_], file: Path) -> str:
    """Say who has no price when, and what can be done about it."""
    first, last = np.argmax(known, axis=0), len(known) - 1 - np.argmax(known[::-1], axis=0)
    late, ended = np.flatnonzero(first > 0), np.flatnonzero(last < len(known) - 1)
    inside = int((~known).sum() - first.sum() - (len(known) - 1 - last).sum())
    told, hints = [], []
    if len(late):
        k = int(late[np.argmax(first[late])])
        since = f"{found.names[k]!r} until {_day(found.times[first[k]])}, row {first[k]:,} of {len(known):,}"
        told.append(f"{len(late)} of {many(len(found.names), 'asset')} without prices at first ({since})")
        hints.append('missing="start" begins where all have a price')
    if len(ended):
        k = int(ended[np.argmin(last[ended])])
        told.append(f"{len(ended)} without prices at the end ({found.names[k]!r} after {_day(found.times[last[k]])})")
        hints.append("end=... stops there, names=... leaves them out")
    if inside:
        row, k = (int(x[0]) for x in np.nonzero(~known & (np.arange(len(known))[:, None] > first)))
        here = f"{found.names[k]!r} on {_day(found.times[row])}"
        told.append(f"{many(inside, 'price')} missing in between (first: {here})")
        hints.append('missing="fill" takes the price before, "drop" leaves those rows out')
    return f"{file}: {'; '.join(told)}. Hint: {'; '.join(hints)}."


def _day(moment: Any) -> str:
    ns = int(moment)
    return str(np.datetime64(ns, "ns").astype("M8[D]" if ns % 86_400_000_000_000 == 0 else "M8[s]"))
