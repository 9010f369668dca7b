"""Which windows there are: inside one symbol, over no gap, in one part of a split; counted, and put into strata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._choices import check_choice
from atomloom.errors import BadInput, Infeasible
from atomloom.samples.spec import PERIODS, Index

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
    spans = _part_spans(series, spec, part)
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


def _part_spans(series: Series, spec: SampleSpec, part: str | None) -> list[tuple[int, int]]:
    """First row and the row behind the last of a part, for each symbol."""
    bounds = [(int(low), int(high)) for low, high in zip(series.first[:-1], series.first[1:], strict=True)]
    if spec.split is None:
        if part is not None:
            raise BadInput(f"part is {part!r}, and the spec has no split. Hint: split={{'parts': {{{part!r}: 0.7}}}}.")
        return bounds
    names = list(spec.split.parts)
    if part is None:
        raise BadInput(f"the spec has a split. Hint: say which part: one of {', '.join(names)}.")
    check_choice("part", part, names)
    place, shares = names.index(part), np.cumsum([0.0, *spec.split.parts.values()])
    if series.times is None and len(bounds) > 1:
        raise BadInput("a split of several symbols needs times. Hint: a DatetimeIndex, or a column 'time'.")
    if series.times is None:
        return [_own_rows(low, high, shares[place : place + 2], place, spec.split.embargo) for low, high in bounds]
    moments = np.unique(series.times)
    begin, end = _own_rows(0, len(moments), shares[place : place + 2], place, spec.split.embargo)
    times = series.times
    first = moments[begin] if begin < len(moments) else moments[-1] + 1
    last = moments[end] if end < len(moments) else moments[-1] + 1
    return [
        (low + int(np.searchsorted(times[low:high], first)), low + int(np.searchsorted(times[low:high], last)))
        for low, high in bounds
    ]


def _own_rows(low: int, high: int, shares: Any, place: int, embargo: int) -> tuple[int, int]:
    begin, end = (low + round(float(share) * (high - low)) for share in shares)
    return (begin + embargo if place else begin), end


def _stratified(series: Series, plain: Windows, index: Index) -> Windows:
    """Put windows into strata; those of a stratum stay in order."""
    code, names = _codes(series, index.by)
    last = plain.end_of(np.arange(len(plain))) - 1
    of_window = code[last]
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
    """Stratum of every row."""
    if by == "symbol":
        return np.repeat(np.arange(len(series.symbols)), np.diff(series.first)), list(series.symbols)
    if by in PERIODS:
        if series.times is None:
            message = f"strata are by {by!r} and the data has no times"
            raise BadInput(f"{message}. Hint: a DatetimeIndex, or a column 'time'.")
        months = series.times.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
        found, code = np.unique(months // {"month": 1, "quarter": 3, "year": 12}[by], return_inverse=True)
        return code, [str(value) for value in found]
    if by is None or by not in series.labels:
        raise BadInput(f"strata are by {by!r}, which is no column of the data. Hint: 'symbol', 'year', or a column.")
    texts = [str(value) for value in series.labels[by]]
    names = sorted(set(texts))
    place = {name: k for k, name in enumerate(names)}
    return np.array([place[text] for text in texts], dtype=np.int64), names
