"""Cuts of time: which rows are a part's of a split, and which calendar period a row is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._choices import check_choice
from atomloom.errors import BadInput, Infeasible
from atomloom.samples.checks import take_duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.samples.series import Series
    from atomloom.samples.spec import SampleSpec, Split

    Ints = NDArray[np.int64]

_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def part_spans(series: Series, spec: SampleSpec, part: str | None) -> list[tuple[int, int]]:
    """Give the first row and the row behind the last of a part, for each symbol.

    Raises
    ------
    BadInput
        For a part that is none, several symbols without times, or an embargo of time where there are none.
    Infeasible
        Where the embargo leaves nothing of the part.
    """
    bounds = [(int(low), int(high)) for low, high in zip(series.first[:-1], series.first[1:], strict=True)]
    if spec.split is None:
        if part is not None:
            raise BadInput(f"part is {part!r}, and the spec has no split. Hint: split={{'parts': {{{part!r}: 0.7}}}}.")
        return bounds
    names = list(spec.split.parts)
    if part is None:
        raise BadInput(f"the spec has a split. Hint: say which part: one of {', '.join(names)}.")
    check_choice("part", part, names)
    if series.times is None:
        if len(bounds) > 1:
            raise BadInput("a split of several symbols needs times. Hint: a DatetimeIndex, or a column 'time'.")
        return [_own_rows(*bounds[0], spec.split, part)]
    times = series.times
    first, last = _own_times(np.unique(times), spec.split, part)
    return [
        (low + int(np.searchsorted(times[low:high], first)), low + int(np.searchsorted(times[low:high], last)))
        for low, high in bounds
    ]


def _own_times(moments: Ints, split: Split, part: str) -> tuple[int, int]:
    """Give the first time of a part, and one behind its last."""
    if isinstance(split.embargo, int):
        places = _own_rows(0, len(moments), split, part)
        first, last = (int(moments[place]) if place < len(moments) else int(moments[-1]) + 1 for place in places)
        return first, last
    begin, end = _shares(0, len(moments), split, part)
    last = int(moments[end]) if end < len(moments) else int(moments[-1]) + 1
    if begin >= len(moments):
        return last, last
    first = int(moments[begin]) + (take_duration("embargo", split.embargo) if begin else 0)
    if first >= last and begin < end:
        span = np.timedelta64(last - int(moments[begin]), "ns").astype("timedelta64[s]")
        raise _eaten(part, f"{span.astype(object)} long", split)
    return first, last


def _own_rows(low: int, high: int, split: Split, part: str) -> tuple[int, int]:
    """Give the rows of a part where they are counted."""
    if not isinstance(split.embargo, int):
        message = f"embargo is {split.embargo!r} and the data has no times"
        raise BadInput(f"{message}. Hint: a DatetimeIndex or a column 'time', or a number of rows.")
    begin, end = _shares(low, high, split, part)
    first = begin + split.embargo if next(iter(split.parts)) != part else begin
    if first >= end > begin:
        raise _eaten(part, f"{end - begin:,} times long", split)
    return first, end


def _shares(low: int, high: int, split: Split, part: str) -> tuple[int, int]:
    place = list(split.parts).index(part)
    cuts = np.cumsum([0.0, *split.parts.values()])[place : place + 2]
    begin, end = (low + round(float(share) * (high - low)) for share in cuts)
    return begin, end


def _eaten(part: str, length: str, split: Split) -> Infeasible:
    message = f"part {part!r} is {length}, and the embargo of {split.embargo} leaves nothing of it"
    return Infeasible(f"{message}. Hint: a smaller embargo, or a larger share.")


def periods_of(times: Ints, by: str) -> tuple[Any, list[str]]:
    """Give the calendar period of each time, and the names of all that occur.

    Parameters
    ----------
    times : (T,) int64
        ns UTC.
    by : {"month", "quarter", "year"}

    Returns
    -------
    code : (T,) int64
    names : list of str
        "2020-01", "2020Q1" or "2020".

    Examples
    --------
    >>> days = np.array(["2020-02-03", "2020-05-01", "2021-01-01"], "datetime64[ns]").astype(np.int64)
    >>> periods_of(days, "quarter")
    (array([0, 1, 2]), ['2020Q1', '2020Q2', '2021Q1'])
    """
    months = times.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    found, code = np.unique(months // _MONTHS[by], return_inverse=True)
    starts = (found * _MONTHS[by]).astype("datetime64[M]")
    if by == "quarter":
        return code, [f"{start.astype(object).year}Q{start.astype(object).month // 3 + 1}" for start in starts]
    return code, [str(start)[: 4 if by == "year" else 7] for start in starts]
