"""Which windows there are: inside one symbol, over no gap, in one part of a split; counted, and put into strata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, Infeasible
from atomloom.samples.spec import PERIODS, Index
from atomloom.samples.time_cuts import part_spans, periods_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.samples.series import Series
    from atomloom.samples.spec import SampleSpec

    Ints = NDArray[np.int64]

MOST = 1 << 32


@dataclass(frozen=True, eq=False)
class Windows:
    """All windows that samples may have, by rank: symbol after symbol, in the order of time.

    Attributes
    ----------
    offsets : (G + 1,) int64
        Rank of the first window of each stretch, and the number of all.
    ends : (G,) int64
        Row behind the first window of each stretch; the next rank ends one row later.
    symbol : (G,) int64
    strata : (S + 1,) int64
        First place of each stratum in ``order``, and the number of all.
    order : (W,) int64, or (0,)
        Ranks, stratum after stratum; empty where they are in order already.
    stratum_names : tuple of str
    """

    offsets: Ints
    ends: Ints
    symbol: Ints
    strata: Ints
    order: Ints
    stratum_names: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.offsets[-1])

    def end_of(self, ranks: Ints) -> Ints:
        """Row behind each window.

        Examples
        --------
        >>> whole = np.array([0, 2, 5]), np.array([3, 9]), np.zeros(2, int)
        >>> Windows(*whole, np.array([0, 5]), np.zeros(0, int), ("",)).end_of(np.array([0, 1, 2, 4]))
        array([ 3,  4,  9, 11])
        """
        stretch = np.searchsorted(self.offsets, ranks, side="right") - 1
        found: Ints = self.ends[stretch] + ranks - self.offsets[stretch]
        return found


def windows_of(series: Series, spec: SampleSpec, part: str | None) -> Windows:
    """List the windows of a series.

    Parameters
    ----------
    series : Series
    spec : SampleSpec
    part : str, optional
        Of ``spec.split``; needed where there is one.

    Raises
    ------
    BadInput
        For a part that is none, or strata that cannot be made.
    Infeasible
        Where no window fits, or a stratum has none.
    """
    spans = part_spans(series, spec, part)
    found = []
    for symbol, low, high in series.runs.tolist():
        begin = max(low, spans[symbol][0])
        count = min(high, spans[symbol][1]) - spec.horizon - begin - spec.lookback + 1
        if count > 0:
            found.append((begin + spec.lookback, count, symbol))
    if not found:
        longest = int((series.runs[:, 2] - series.runs[:, 1]).max(initial=0))
        need = spec.lookback + spec.horizon
        where = "" if part is None else f" of part {part!r}"
        message = f"no window fits: lookback {spec.lookback} and horizon {spec.horizon} need {need:,} bars in a row"
        raise Infeasible(f"{message}{where}, and the longest stretch has {longest:,}. Hint: a shorter lookback.")
    ends, counts, symbols = (np.array(column, dtype=np.int64) for column in zip(*found, strict=True))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    if int(offsets[-1]) >= MOST:
        raise BadInput(f"there are {int(offsets[-1]):,} windows. Hint: fewer than 2^32; datasets of parts of them.")
    plain = Windows(offsets, ends, symbols, np.array([0, offsets[-1]]), np.zeros(0, dtype=np.int64), ("",))
    return plain if spec.index.by is None else _stratified(series, plain, spec.index)


def _stratified(series: Series, plain: Windows, index: Index) -> Windows:
    """Put windows into strata; those of a stratum stay in order."""
    code, names = _codes(series, index.by)
    last = plain.end_of(np.arange(len(plain))) - 1
    of_window = code[last]
    if len(of_window) and of_window.min() < 0:
        bad = last[of_window < 0]
        row, where = int(series.rows[bad[0]]), series.symbols[int(np.searchsorted(series.first, bad[0], "right")) - 1]
        message = f"{index.by!r}{f' of symbol {where!r}' if where else ''} has no label at row {row:,}"
        hint = "fill them, or leave those rows out"
        raise BadInput(f"{message} and at the end of {len(bad):,} windows in all. Hint: {hint}.")
    counts = np.bincount(of_window, minlength=len(names))
    used = np.flatnonzero(counts)
    order = np.argsort(of_window, kind="stable").astype(np.int64)
    strata = np.concatenate([[0], np.cumsum(counts[used])]).astype(np.int64)
    in_order = bool((np.diff(order) == 1).all())
    return Windows(
        plain.offsets, plain.ends, plain.symbol, strata, np.zeros(0, dtype=np.int64) if in_order else order,
        tuple(names[k] for k in used),
    )  # fmt: skip


def _codes(series: Series, by: str | None) -> tuple[Ints, list[str]]:
    """Stratum of every row, -1 where its label is missing."""
    if by == "symbol":
        return np.repeat(np.arange(len(series.symbols)), np.diff(series.first)), list(series.symbols)
    if by in PERIODS:
        if series.times is None:
            message = f"strata are by {by!r} and the data has no times"
            raise BadInput(f"{message}. Hint: a DatetimeIndex, or a column 'time'.")
        return periods_of(series.times, by)
    if by is None or by not in series.labels:
        raise BadInput(f"strata are by {by!r}, which is no column of the data. Hint: 'symbol', 'year', or a column.")
    values = series.labels[by].tolist()
    texts = [None if _missing(value) else str(value) for value in values]
    found = {text for text in texts if text is not None}
    names = sorted(text for text in found if text.removesuffix(".0") == text or text.removesuffix(".0") not in found)
    place: dict[str | None, int] = {name: k for k, name in enumerate(names)}
    # of several frames one may hold 1 and another 1.0
    place |= {text: place[text.removesuffix(".0")] for text in found if text not in place} | {None: -1}
    return np.array([place[text] for text in texts], dtype=np.int64), names


def _missing(value: Any) -> bool:
    """Whether a label is NaN, NaT or NA; None is a label as others are."""
    return type(value).__name__ == "NAType" or bool(value != value)  # noqa: PLR0124 - NaN alone is so
