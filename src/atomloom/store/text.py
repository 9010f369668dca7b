"""Trades from CSV: every row is stored or listed with its line and the reason it was not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.account import Tally
from atomloom.store.columns import check_symbol, check_tick
from atomloom.store.parts import no_rows, part_of, tick_of_parts, wishes
from atomloom.store.rejects import Rejects
from atomloom.store.schema import Trades
from atomloom.store.screen import Screen
from atomloom.store.sink import Place
from atomloom.store.sources import Cut, damaged, texts_of
from atomloom.store.text_rows import feed_stream
from atomloom.store.ticks import exact_step

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CsvTrades:
    """What a CSV file held: the trades, the rows refused, and what was inferred on the way.

    ``n_read == n_stored + n_rejected`` always; blank lines are not rows.

    Attributes
    ----------
    trades : Trades
    rejects : Rejects
    columns : dict of str to str
        Which column served as ``ts``, ``price`` and ``size``.
    time_unit : str
        ``"ISO 8601"`` or ``"epoch s|ms|us|ns"``.
    tick_inferred : bool
        True where the tick size comes from the prices, not from the caller.

    Examples
    --------
    >>> read = CsvTrades(Trades([0], [1], [1]), Rejects(np.array([3]), ("size is below 1",)))
    >>> read.n_read, read.n_stored, read.n_rejected
    (2, 1, 1)
    """

    trades: Trades
    rejects: Rejects
    columns: dict[str, str] = field(default_factory=dict)
    time_unit: str = "ISO 8601"
    tick_inferred: bool = False

    @property
    def n_stored(self) -> int:
        """Rows that became trades."""
        return len(self.trades)

    @property
    def n_rejected(self) -> int:
        """Rows that did not."""
        return len(self.rejects)

    @property
    def n_read(self) -> int:
        """Rows in the file, the header and blank lines not counted."""
        return self.n_stored + self.n_rejected

    def to_dict(self) -> dict[str, Any]:
        """Return the account of the file as plain values."""
        return {
            "n_read": self.n_read,
            "n_stored": self.n_stored,
            "n_rejected": self.n_rejected,
            "rejected": self.rejects.counts(),
            "columns": dict(self.columns),
            "time_unit": self.time_unit,
            "tick_size": self.trades.tick_size,
            "tick_inferred": self.tick_inferred,
        }

    def summary(self) -> str:
        """Return the account of the file in a few lines of text."""
        how = "inferred from the prices" if self.tick_inferred else "given"
        lines = [
            f"read {self.n_read:,} rows = stored {self.n_stored:,} + rejected {self.n_rejected:,}",
            f"times {self.time_unit}; tick size {self.trades.tick_size:g} ({how})",
        ]
        for reason, count in self.rejects.counts().items():
            first = int(self.rejects.line[self.rejects.reason.index(reason)])
            lines.append(f"  {count:,} x {reason} (first on line {first:,})")
        return "\n".join(lines)


def read_csv(
    path: str | os.PathLike[str],
    columns: Mapping[str, str | int] | None = None,
    *,
    tz: str = "UTC",
    tick_size: float | None = None,
    price_scale: float = 1.0,
    symbol: str | None = None,
    sort: bool = False,
    ambiguous: str = "reject",
    delimiter: str = ",",
) -> CsvTrades:
    r"""Read trades from a CSV file, plain or gzip; no row disappears without a line in the report.

    Parameters
    ----------
    path : path
        gzip and zip archives of one file are decompressed on the way. UTF-8, with or without BOM, LF or CRLF.
    columns : mapping, optional
        Which column is ``"ts"``, ``"price"``, ``"size"``: a header name, or a position from 0 for a
        file without header. Not needed for the usual names, in any case: datetime, date_time,
        timestamp, time, ts; price, px, last; volume, size, qty, quantity.
    tz : str
        IANA zone of times that carry no offset. A local time that does not exist (clocks went
        forward) is rejected; for one that happens twice see ``ambiguous``.
    tick_size : float, optional
        Price step; prices off its grid are rejected. Without it the greatest common divisor of
        the prices is taken, which one stray price can make too small: see ``tick_inferred``.
    price_scale : float
        What prices are multiplied by in the file, for example 10,000.
    symbol : str, optional
        Name of the instrument; by default the file's name up to the first dot.
    sort : bool
        Sort by time (stable). Otherwise a file out of order is refused.
    ambiguous : {"reject", "first", "second"}
        Local times repeated when clocks go back: refuse, take as summer or as winter time.
    delimiter : str
        What separates the columns.

    Returns
    -------
    CsvTrades

    Raises
    ------
    BadInput
        No or unknown columns, no header, nothing readable, times out of order, unknown zone.
    StoreError
        The file is missing or its gzip stream is damaged.

    Notes
    -----
    Times are ISO 8601 (``T`` or a space), or epochs whose unit follows from the magnitude of the first
    one: below 1e11 s, below 1e14 ms, below 1e17 us, else ns. The whole file is held in memory.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "ES.csv"
    ...     _ = file.write_text("Time,Price,Qty\n2013-09-01 22:00:00,1640.25,8\n2013-09-01 22:00:01,1640.5,0\n")
    ...     read = read_csv(file, tick_size=0.25)
    >>> print(read.summary())
    read 2 rows = stored 1 + rejected 1
    times ISO 8601; tick size 0.25 (given)
      1 x size is below 1 (first on line 3)
    """
    target = Path(path)
    wish = wishes(
        None, "trades", columns=columns, tz=tz, price_scale=price_scale, delimiter=delimiter, ambiguous=ambiguous,
        optional=False,
    )  # fmt: skip
    _only_documented(columns)
    name = target.name.partition(".")[0] if symbol is None else symbol
    check_symbol(name)
    tick = None if tick_size is None else check_tick(tick_size)
    text, *more = texts_of(target)
    if more:
        message = f"{target} holds {1 + len(more)} files. Hint: ingest(...) reads archives of many into a store."
        raise BadInput(message)
    part = part_of(text, wish, alone=True)
    inferred = tick is None
    if tick is None:
        tick = tick_of_parts([part], price_scale)
    plan = part.plan.priced(exact_step(tick), price_scale)
    kept = _Kept()
    sink = Screen(
        kept, kept, text.name, Tally(), refuse=False, state={}, part=part, inferred=price_scale if inferred else None
    )
    try:
        feed_stream(part, plan, sink, Place(part.head.offset, part.head.lines))
    except Cut as error:
        raise damaged(text.name, error) from error
    finally:
        sink.close()
    if not kept.rows:
        raise no_rows([text.name], sink.tally.first)
    table = {key: np.concatenate([rows[key] for rows in kept.rows]) for key in ("ts", "px", "size")}
    order = _order(target, table["ts"], sink, sort=sort)
    trades = Trades(table["ts"][order], table["px"][order], table["size"][order], tick, name)
    return CsvTrades(trades, kept.rejects(), part.head.columns, plan.time_unit, inferred)


def _only_documented(columns: Mapping[str, str | int] | None) -> None:
    for role in columns or ():
        if role not in {"ts", "price", "size"}:
            message = f"columns names {role!r}; read_csv takes 'ts', 'price' and 'size'. Hint: ingest(...) takes more."
            raise BadInput(message)


class _Kept:
    """Stands where a table and its reject file do, and keeps both in memory."""

    def __init__(self) -> None:
        self.rows: list[Mapping[str, NDArray[Any]]] = []
        self._listed: list[tuple[int, int, str, str]] = []

    def append(self, columns: Mapping[str, NDArray[Any]], venues: Sequence[str] | None) -> None:
        """Keep rows; ``read_csv`` takes no venues."""
        assert venues is None  # noqa: S101 - they are not asked for
        self.rows.append(columns)

    def write(self, rejects: Sequence[tuple[int, int, str, str]], _: str) -> None:
        """Keep rejects."""
        self._listed += rejects

    def commit(self, _: object) -> None:
        """Nothing is to be made durable."""

    def sync(self) -> int:
        """No file, no bytes."""
        return 0

    def rejects(self) -> Rejects:
        """Give the rejects as columns."""
        offsets, lines, reasons, _ = zip(*self._listed, strict=True) if self._listed else ((), (), (), ())
        return Rejects(np.array(lines, dtype=np.int64), tuple(reasons), np.array(offsets, dtype=np.int64))


def _order(path: Path, ts: NDArray[np.int64], sink: Screen, *, sort: bool) -> NDArray[np.int64] | slice:
    backs, first = sink.back
    if not backs:
        return slice(None)
    if sort:
        return np.argsort(ts, kind="stable")
    message = (
        f"{path} goes back in time {backs:,} times (first on line {first.line:,}). "
        "Hint: pass sort=True for a stable sort by time."
    )
    raise BadInput(message)
