"""Trades from CSV: every row is stored or listed with its line and the reason it was not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.columns import check_symbol
from atomloom.store.lines import physical_lines, read_bytes, read_header, split_rows
from atomloom.store.parse import Reasons, infer_tick, parse_numbers, parse_sizes, parse_times
from atomloom.store.schema import Trades
from atomloom.store.units import to_ticks

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Rejects:
    """Rows of a file that were not stored.

    Parameters
    ----------
    line : (R,) int64
        Line in the file, counted from 1 (the header is a line).
    reason : tuple of R str
        Why.

    Examples
    --------
    >>> Rejects(np.array([7]), ("size is below 1",)).counts()
    {'size is below 1': 1}
    """

    line: NDArray[np.int64]
    reason: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.reason)

    def counts(self) -> dict[str, int]:
        """Return how many rows each reason has, most frequent first."""
        return dict(Counter(self.reason).most_common())

    def to_frame(self) -> pd.DataFrame:
        """Return the lines and reasons as a pandas DataFrame."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame({"line": self.line, "reason": list(self.reason)})


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
        ``.gz`` is decompressed on the way. UTF-8, with or without BOM, LF or CRLF.
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
    _check_options(ambiguous, delimiter, price_scale)
    name = target.name.partition(".")[0] if symbol is None else symbol
    check_symbol(name)
    data = read_bytes(target)
    names, roles, first_line = read_header(target, data, columns, delimiter)
    table, misfit = split_rows(target, data, names, first_line, delimiter)
    line, table, blank = physical_lines(table, misfit, first_line)
    text = {role: _trimmed(table.column(position)) for role, position in roles.items()}
    if "date" in text:
        text["ts"] = _joined(text.pop("date"), text["ts"])
    reasons = Reasons(len(line))
    reasons.mark(blank, "")
    ts, unit = parse_times(text["ts"], reasons, tz, ambiguous)
    price = parse_numbers(text["price"], reasons, "price") / price_scale
    size = parse_sizes(text["size"], reasons)
    inferred = tick_size is None
    if tick_size is None:
        if not reasons.ok.any():
            _refuse_all(target, line, reasons, misfit)
        tick_size = infer_tick(price[reasons.ok])
    px, on_grid = to_ticks(price, tick_size)
    reasons.mark(~on_grid, f"price is off the tick grid of {tick_size:g}")
    ok = reasons.ok
    if not ok.any():
        _refuse_all(target, line, reasons, misfit)
    rejects = _rejects(line, reasons, blank, misfit)
    order = _order(target, ts[ok], line[ok], sort=sort)
    trades = Trades(ts[ok][order], px[ok][order], size[ok][order], tick_size, name)
    used = {role: names[position] for role, position in roles.items()}
    return CsvTrades(trades, rejects, used, unit, inferred)


def _check_options(ambiguous: str, delimiter: str, price_scale: float) -> None:
    if ambiguous not in {"reject", "first", "second"}:
        message = f"ambiguous is {ambiguous!r}. Hint: 'reject', 'first' (summer time) or 'second' (winter time)."
        raise BadInput(message)
    if len(delimiter) != 1:
        message = f"delimiter is {delimiter!r}. Hint: give one character."
        raise BadInput(message)
    if not (np.isfinite(price_scale) and price_scale > 0):
        message = f"price_scale is {price_scale!r}. Hint: give what prices are multiplied by, for example 10000."
        raise BadInput(message)


def _trimmed(column: Any) -> Any:
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy, and only text needs it

    text = pc.utf8_trim_whitespace(column)
    return text.combine_chunks() if hasattr(text, "combine_chunks") else text


def _joined(date: Any, time: Any) -> Any:
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy, and only text needs it

    return pc.binary_join_element_wise(date, time, " ")


def _rejects(line: NDArray[np.int64], reasons: Reasons, blank: NDArray[np.bool_], misfit: dict[int, str]) -> Rejects:
    rows = np.flatnonzero(~reasons.ok & ~blank)
    found = [(int(line[row]), reasons.text(int(row))) for row in rows]
    found += [(number, reason) for number, reason in misfit.items() if reason]
    found.sort()
    lines = np.array([number for number, _ in found], dtype=np.int64)
    return Rejects(lines, tuple(reason for _, reason in found))


def _refuse_all(path: Path, line: NDArray[np.int64], reasons: Reasons, misfit: dict[int, str]) -> None:
    found = [(int(number), reasons.text(row)) for row, number in enumerate(line) if reasons.text(row)]
    found += [(number, reason) for number, reason in misfit.items() if reason]
    seen = f"line {min(found)[0]:,}: {min(found)[1]}" if found else "only blank lines"
    message = f"{path} has no usable row ({seen}). Hint: check delimiter, columns, time format and tick_size."
    raise BadInput(message)


def _order(path: Path, ts: NDArray[np.int64], line: NDArray[np.int64], *, sort: bool) -> NDArray[np.int64]:
    if sort:
        return np.argsort(ts, kind="stable")
    back = ts[1:] < ts[:-1]
    if back.any():
        message = (
            f"{path} goes back in time {int(back.sum()):,} times (first on line {int(line[np.argmax(back) + 1]):,}). "
            "Hint: pass sort=True for a stable sort by time."
        )
        raise BadInput(message)
    return np.arange(len(ts))
