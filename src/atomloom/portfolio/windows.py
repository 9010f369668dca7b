"""Where the windows of a walk-forward lie: in rows, in time, or by the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.portfolio.calendar_starts import period_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.portfolio.clearance import Clearance
    from atomloom.portfolio.sizes import Size
    from atomloom.store.row_times import RowTimes

    Ints = NDArray[np.int64]


class Sizes(NamedTuple):
    """Sizes of a walk-forward, in units that fit each other."""

    train: Size
    test: Size
    step: Size
    expanding: bool


class Windows(NamedTuple):
    """Train and test windows.

    Attributes
    ----------
    train_start, train_stop, test_start, test_stop : (K,) int64
        Rows, half-open.
    complete : (K,) bool
        Whether the rows reach the end of the test window.
    """

    train_start: Ints
    train_stop: Ints
    test_start: Ints
    test_stop: Ints
    complete: NDArray[np.bool_]

    def of(self, some: Any) -> Windows:
        """Give some of them."""
        return Windows(*(column[some] for column in self))


def place_windows(sizes: Sizes, clearance: Clearance, times: RowTimes | None, from_end: bool) -> Windows:
    """Lay the test windows, and the train windows that go with them.

    Parameters
    ----------
    sizes : Sizes
    clearance : Clearance
        Its purge and embargo lie between train and test.
    times : RowTimes or None
        Needed where a size is no number of rows.
    from_end : bool
        Whether the last test window ends with the last row.

    Returns
    -------
    windows : Windows
        Also those that the rows do not fill; all have a train window that begins within the rows.

    Examples
    --------
    >>> from atomloom.portfolio.clearance import clearance_of
    >>> from atomloom.portfolio.sizes import Size
    >>> rows = Size("rows", 2)
    >>> place_windows(Sizes(rows, rows, rows, False), clearance_of(5, None, None, 0, 0), None, False).test_start
    array([2, 4])
    """
    n = len(clearance.begin)
    stops = clearance.before(np.arange(n), clearance.purge, clearance.embargo)[0]
    if sizes.test.kind == "rows":
        begin = _first_fit(sizes, clearance, times, stops)
        starts = _steps(begin, n, int(sizes.step.amount), n - int(sizes.test.amount) if from_end else None)
        ends = starts + int(sizes.test.amount)
        moments = times.ns[starts] if times is not None else starts
        return _with_trains(sizes, clearance, times, stops, starts, np.minimum(ends, n), moments, ends <= n)
    assert times is not None  # noqa: S101 - the caller refused sizes of time without times
    if sizes.test.kind != "ns":
        return _periods(sizes, clearance, times, stops)
    last, test = int(times.ns[-1]), int(sizes.test.amount)
    end = last + (int(np.median(np.diff(times.ns))) if n > 1 else 0)  # how long the last row lasts is not known
    if sizes.train.kind == "ns":
        begin = int(times.ns[0]) + int(sizes.train.amount) + _gap_ns(clearance)
    else:
        fit = _first_fit(sizes, clearance, times, stops)
        begin = int(times.ns[fit]) if fit < n else last + 1
    moments = _steps(min(begin, last + 1), last + 1, int(sizes.step.amount), end - test if from_end else None)
    starts, ends = np.searchsorted(times.ns, moments), np.searchsorted(times.ns, moments + test)
    return _with_trains(sizes, clearance, times, stops, starts, ends, moments, moments + test <= end)


def _steps(begin: int, end: int, step: int, last: int | None) -> Ints:
    """Go from `begin` on while before `end`, or back from `last` while not before `begin`."""
    # Counted in whole numbers: arange(first, last, step) rounds its length, and ns do not fit into float64.
    if last is None:
        return begin + step * np.arange(max(0, -((begin - end) // step)), dtype=np.int64)
    return last - step * np.arange(max(0, (last - begin) // step + 1), dtype=np.int64)[::-1]


def _gap_ns(clearance: Clearance) -> int:
    return int(sum(gap.amount for gap in (clearance.purge, clearance.embargo) if gap.kind == "ns"))


def _first_fit(sizes: Sizes, clearance: Clearance, times: RowTimes | None, stops: Ints) -> int:
    """First row at which a test may begin with a whole train window before it."""
    if sizes.train.kind == "rows":
        fits = stops >= int(sizes.train.amount)
        return int(np.argmax(fits)) if fits.any() else len(stops)
    assert times is not None  # noqa: S101 - the caller refused sizes of time without times
    return int(np.searchsorted(times.ns, int(times.ns[0]) + int(sizes.train.amount) + _gap_ns(clearance)))


def _periods(sizes: Sizes, clearance: Clearance, times: RowTimes, stops: Ints) -> Windows:
    """Lay windows on periods of the calendar, by the clock of the zone."""
    wall = np.maximum.accumulate(times.wall)  # a clock set back at midnight does not undo a month
    marks = period_starts(int(wall[0]), int(wall[-1]), sizes.test.kind)
    rows = np.searchsorted(wall, marks)
    test, step = int(sizes.test.amount), int(sizes.step.amount)
    if sizes.train.kind == "ns":
        reach = int(sizes.train.amount) + _gap_ns(clearance)
        first = int(np.searchsorted(marks, int(wall[0]) + reach))
    else:
        first = int(sizes.train.amount)
    place = np.arange(first, len(marks), step)
    ends = np.append(rows, len(wall))[np.minimum(place + test, len(marks))]
    moments = marks[place]
    windows = _with_trains(sizes, clearance, times, stops, rows[place], ends, moments, place + test < len(marks), wall)
    if sizes.train.kind != "ns" and not sizes.expanding:
        windows = windows._replace(train_start=rows[place - first])
    return windows


def _with_trains(
    sizes: Sizes,
    clearance: Clearance,
    times: RowTimes | None,
    stops: Ints,
    starts: Ints,
    ends: Ints,
    moments: Ints,
    complete: NDArray[np.bool_],
    clock: Ints | None = None,
) -> Windows:
    """Put train windows before test windows that begin at rows `starts`, by the clock at `moments`."""
    train_stop = stops[np.minimum(starts, len(stops) - 1)]
    if sizes.expanding:
        train_start = np.zeros_like(starts)
    elif sizes.train.kind == "rows":
        train_start = np.maximum(train_stop - int(sizes.train.amount), 0)
    elif sizes.train.kind == "ns" and times is not None:
        ticks = times.ns if clock is None else clock
        opening = moments - int(sizes.train.amount) - _gap_ns(clearance)
        train_start = np.maximum(np.searchsorted(ticks, opening, side="right") - 1, 0)
    else:
        train_start = np.zeros_like(starts)  # periods: the caller knows the marks
    return Windows(train_start, train_stop, starts, ends, complete)
