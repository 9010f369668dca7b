"""A span of time, and the rows of trades or quotes in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.columns import trusted
from atomloom.store.units import to_ns

if TYPE_CHECKING:
    from collections.abc import Sequence


def iso(ts: Any) -> str:
    """Write a time, ns since 1970 UTC, as ISO 8601; also the one that numpy takes for "not a time".

    Examples
    --------
    >>> iso(5), iso(-(2**63))
    ('1970-01-01T00:00:00.000000005', '1677-09-21T00:12:43.145224192')
    """
    seconds, ns = divmod(int(ts), 10**9)
    return f"{np.datetime64(seconds, 's')}.{ns:09d}"


def span(start: Any, end: Any) -> tuple[int | None, int | None]:
    """Take a span of time as ns since 1970 UTC, open where not given; it may be empty, but not end before it begins.

    Examples
    --------
    >>> span("1970-01-01T00:00:01", None)
    (1000000000, None)
    >>> span(5, 4)
    Traceback (most recent call last):
    atomloom.errors.BadInput: start 5 is after end 4. Hint: rows with start <= ts < end are meant.
    """
    first, last = None if start is None else to_ns(start), None if end is None else to_ns(end)
    if first is not None and last is not None and first > last:
        message = f"start {start!r} is after end {end!r}. Hint: rows with start <= ts < end are meant."
        raise BadInput(message)
    return first, last


def within(noun: Any, start: Any, end: Any) -> tuple[int, int]:
    """Give the rows of trades or quotes with ``start <= ts < end`` as lo, hi.

    Raises
    ------
    BadInput
        If there are none.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> within(Trades(ts=[0, 5, 9], px=[1, 2, 3], size=[1, 1, 1]), 5, None)
    (1, 3)
    """
    first, last = span(start, end)
    lo = 0 if first is None else int(np.searchsorted(noun.ts, first, side="left"))
    hi = len(noun.ts) if last is None else int(np.searchsorted(noun.ts, last, side="left"))
    if lo >= hi:
        what = type(noun).__name__.lower().removesuffix("s")
        message = f"no {what} of {noun.symbol} has {start!r} <= ts < {end!r}. Hint: {noun!r} is what there is."
        raise BadInput(message)
    return lo, hi


def cut_out(noun: Any, names: Sequence[str], lo: int, hi: int) -> Any:
    """Give rows ``lo <= row < hi`` of trades or quotes as the same noun, without copying.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> cut_out(Trades(ts=[0, 5, 9], px=[1, 2, 3], size=[1, 1, 1]), ("ts", "px", "size"), 1, 2).px
    array([2])
    """
    held = {name: column[lo:hi] for name in (*names, "venue", "flags") if (column := getattr(noun, name)) is not None}
    return trusted(type(noun), held, noun.tick_size, noun.symbol, noun.venues)
